/*
 * Namespaces that a bundle names by path: made by somebody else, and shared with whoever is in them.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "policy/draft.h"
#include "table/table.h"

/* Those that other layers rest on. */
static const struct refusal {
	uint64_t type;
	const char *why;
} refusals[] = {
	{ CLONE_NEWNS,
	  "what is mounted for this container would show there, and its root take the place of theirs" },
	{ CLONE_NEWCGROUP,
	  "its root is another container's group, and this one's own would lie outside of it" },
};

static int refuse_type(const struct draft *d, size_t i, uint64_t type, struct err *e)
{
	const struct spec_namespace *ns = &d->s->linux_.namespaces.at[i];

	for (size_t r = 0; r < COUNT(refusals); r++) {
		if (refusals[r].type != type)
			continue;
		fail(e, EOPNOTSUPP,
		     "%s: linux.namespaces[%zu].path: a %s namespace is not shared: %s", d->s->file,
		     i, ns->type, refusals[r].why);
		return advise(e, "leave the path out: zviz makes a new one");
	}
	return 0;
}

static int given_one(struct draft *d, size_t i, struct err *e)
{
	const struct spec_namespace *ns = &d->s->linux_.namespaces.at[i];
	const struct name *n = name_find(namespace_names, ns->type);

	if (n == NULL)
		return fail(e, EINVAL, "%s: linux.namespaces[%zu].type: no namespace '%s'",
			    d->s->file, i, ns->type);
	TRY(refuse_type(d, i, (uint64_t)n->value, e));
	if (!d->h->privileged) {
		fail(e, EPERM,
		     "%s: linux.namespaces[%zu].path: to join a %s namespace takes CAP_SYS_ADMIN",
		     d->s->file, i, ns->type);
		return advise(e, "start zviz as root, or leave the path out");
	}
	/* Of a user namespace the ids are taken: the container has one of its own, which the other layers need. */
	if (n->value == CLONE_NEWUSER)
		return 0;
	d->plan->namespaces &= ~(uint64_t)n->value;
	d->plan->given |= (uint64_t)n->value;
	*LIST_ADD(d->a, &d->givens) = (struct plan_given){
		.type = (uint64_t)n->value,
		.word = n->name,
		.path = ns->path,
		.index = i,
		.inode = n->value == CLONE_NEWPID ? d->r->processes_inode : 0,
	};
	return 0;
}

int given_plan(struct draft *d, struct err *e)
{
	const struct spec_namespaces *list = &d->s->linux_.namespaces;

	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].path != NULL)
			TRY(given_one(d, i, e));
	d->plan->ngivens = d->givens.n;
	d->plan->givens = d->givens.at;
	return 0;
}

static const struct plan_given *given_processes(const struct draft *d)
{
	for (size_t i = 0; i < d->givens.n; i++)
		if (d->givens.at[i].type == CLONE_NEWPID)
			return &d->givens.at[i];
	return NULL;
}

/* What ends a container of its own by its pid namespace, and keeps its broker from others, has to be there in another way. */
int given_processes_check(const struct draft *d, struct err *e)
{
	const struct plan_given *g = given_processes(d);

	if (g == NULL)
		return 0;
	if (!d->plan->cgroup) {
		fail(e, EPERM,
		     "%s: linux.namespaces[%zu].path: a pid namespace is shared only by a container that "
		     "has a control group to end it by, and this caller may make none",
		     d->s->file, g->index);
		return advise(e,
			      "`zviz check` says which groups can be made; or leave the path out");
	}
	/* Of its own ids it may signal whom it sees. */
	if (!d->r->processes_apart && d->plan->broker.used && !d->own_slot) {
		fail(e, EPERM,
		     "%s: linux.namespaces[%zu].path: what is above that pid namespace is not zviz's: "
		     "the broker would be there, among processes that may have the same ids",
		     d->s->file, g->index);
		return advise(e,
			      "have zviz run the container that it was made for as well; or give "
			      "no ids, so that root's zviz takes some that nobody else has");
	}
	return 0;
}

void given_explain(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->ngivens; i++)
		buf_printf(out, "  shared: %s = %s%s\n", p->givens[i].word,
			   shown(out->arena, p->givens[i].path),
			   p->givens[i].type == CLONE_NEWPID
				   ? " (ended by its group; two guards see to that)"
				   : "");
}

/* ---- the ids of a user namespace ---- */

static const struct spec_namespace *given_user(const struct draft *d, size_t *index)
{
	const struct spec_namespaces *list = &d->s->linux_.namespaces;

	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].path != NULL && strcmp(list->at[i].type, "user") == 0) {
			*index = i;
			return &list->at[i];
		}
	return NULL;
}

int given_ids(struct draft *d, bool *given, struct err *e)
{
	const struct spec *s = d->s;
	const struct id_maps *maps[] = { &d->r->given_uids, &d->r->given_gids };
	size_t at = 0;

	*given = given_user(d, &at) != NULL;
	if (!*given)
		return 0;
	if (s->linux_.uid_maps.n + s->linux_.gid_maps.n != 0 &&
	    (!id_maps_same(&s->linux_.uid_maps, maps[0]) ||
	     !id_maps_same(&s->linux_.gid_maps, maps[1]))) {
		fail(e, EINVAL,
		     "%s: linux.uidMappings and gidMappings are not those of linux.namespaces[%zu].path",
		     s->file, at);
		return advise(e, "leave the mappings out: they are read from the namespace");
	}
	for (size_t m = 0; m < COUNT(maps); m++)
		for (size_t i = 0; i < maps[m]->n; i++)
			if (maps[m]->at[i].outside == 0 && d->h->initial_userns)
				return fail(
					e, EINVAL,
					"%s: linux.namespaces[%zu].path: root of that user namespace is the host's root",
					s->file, at);
	d->plan->mapping = IDS_WRITE;
	d->plan->uid_maps = *maps[0];
	d->plan->gid_maps = *maps[1];
	return 0;
}

/* A Pod's containers are to be able to signal each other, which takes the same ids of users; ids of groups stay this one's own. So nobody
 * can trace, limit or look into the other (__ptrace_may_access() in kernel/ptrace.c, check_prlimit_permission() in kernel/sys.c),
 * whatever their profiles say, and a network that both are in tells their sockets apart (net_own.h). */
void given_owners_uids(struct draft *d)
{
	if ((d->plan->given & CLONE_NEWPID) && d->r->processes_apart && d->own_slot &&
	    plan_ids_are_ours(&d->r->owner_uids))
		d->plan->uid_maps = d->r->owner_uids;
}
