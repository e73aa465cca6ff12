/*
 * Namespaces and ids: who the workload is inside, and nobody outside.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "policy/draft.h"
#include "table/table.h"

enum {
	RANGE_IDS = 65536, /* ids of one container, as distributions delegate them */
	/* systemd's range for containers, docs/UIDS-GIDS.md: 524288 to 1879048191. */
	RANGE_FIRST = 524288,
	RANGE_SLOTS = (1879048192u - RANGE_FIRST) / RANGE_IDS,
};

static int namespaces_host(struct draft *d, struct err *e)
{
	if (d->h->user_namespaces || d->plan->bare)
		return 0;
	fail(e, EPERM, "user namespace: this host does not let %s make one",
	     d->h->privileged ? "root" : "this user");
	if (d->p->requirements.user_namespace == NEED_PREFERRED)
		return advise(
			e, "%s: `zviz check` says what blocks it",
			d->r->direct == NULL
				? "the root of a bundle cannot be entered without a mount namespace"
				: "root with CAP_SYS_ADMIN is not confined without namespaces: start "
				  "zviz without it");
	return advise(e, "`zviz check` says what blocks it and how to permit it");
}

/* A bundle may want one more than the profile: that takes nothing away. Whose network it is, the profile says. */
static void add_new_ones(struct draft *d)
{
	const struct spec_namespaces *list = &d->s->linux_.namespaces;

	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].path == NULL && strcmp(list->at[i].type, "network") != 0)
			d->plan->namespaces |=
				(uint64_t)name_find(namespace_names, list->at[i].type)->value;
}

static int namespaces_plan(struct draft *d, struct err *e)
{
	TRY(namespaces_host(d, e));
	if (d->plan->bare)
		return network_plan(d, e);
	for (size_t i = 0; i < d->p->namespaces.n; i++) {
		const struct word *w = &d->p->namespaces.at[i];
		const struct name *n = name_find(namespace_names, w->text);

		if (n == NULL)
			return fail(e, EINVAL, "%s: no namespace '%s'", from_text(d->a, &w->from),
				    w->text);
		d->plan->namespaces |= (uint64_t)n->value;
	}
	add_new_ones(d);
	if ((d->plan->namespaces & CLONE_NEWTIME) && !d->h->time_namespaces)
		return fail(e, ENOSYS, "time namespace: this kernel has none");

	const uint64_t needed = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS;

	if ((d->plan->namespaces & needed) != needed) {
		fail(e, EINVAL, "profile %s leaves out the user, pid or mount namespace",
		     d->p->name);
		return advise(
			e,
			"list user, pid and mount under `namespaces:`: every other layer rests on them");
	}
	TRY(given_plan(d, e));
	TRY(clocks_plan(d, e));
	return network_plan(d, e);
}

static void namespaces_explain(const struct plan *p, struct buf *out)
{
	buf_puts(out, p->bare ? "  new: none, of no kind" : "  new:");
	for (const struct name *n = namespace_names; n->name[0] != '\0'; n++)
		if (p->namespaces & (uint64_t)n->value)
			buf_printf(out, " %s", n->name);
	buf_puts(out, "\n");
	clocks_explain(p, out);
	given_explain(p, out);
	network_explain(p, out);
}

/* FNV-1a: which slot of the range a container gets. Two containers in one slot are still apart by
 * their namespaces; the slots only keep their ids from being the same by habit. */
static uint32_t slot_of(const char *id)
{
	uint32_t hash = 2166136261u;

	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return hash % RANGE_SLOTS;
}

static void one_map(struct draft *d, struct id_maps *maps, uint32_t inside, uint32_t outside,
		    uint32_t count)
{
	*LIST_ADD(d->a, maps) = (struct id_map){ inside, outside, count };
}

static int own_range(struct draft *d, struct err *e)
{
	uint32_t base = (uint32_t)RANGE_FIRST + slot_of(d->r->id) * (uint32_t)RANGE_IDS;
	uint32_t count = RANGE_IDS;

	d->own_slot = base + count <= d->h->id_limit;
	if (!d->own_slot) {
		/* Inside another container: the last ids that it was given, never its 0. */
		count = d->h->id_limit > 2u * RANGE_IDS ? RANGE_IDS : d->h->id_limit / 2;
		base = d->h->id_limit - count;
	}
	if (count == 0)
		return fail(e, ERANGE,
			    "ids: this user namespace holds no id but 0, and 0 is never mapped");
	d->plan->mapping = IDS_WRITE;
	one_map(d, &d->plan->uid_maps, 0, base, count);
	one_map(d, &d->plan->gid_maps, 0, base, count);
	d->plan->rootfs_idmap = true;
	given_owners_uids(d);
	return 0;
}

bool plan_ids_are_ours(const struct id_maps *maps)
{
	const struct id_map *m = maps->at;

	return maps->n == 1 && m->inside == 0 && m->count == RANGE_IDS &&
	       m->outside >= RANGE_FIRST && (m->outside - RANGE_FIRST) % RANGE_IDS == 0 &&
	       (m->outside - RANGE_FIRST) / RANGE_IDS < RANGE_SLOTS;
}

/* Who is root of a user namespace has bundles whose files are of its ids, as rootless Podman's are, and there no mount of the
 * host's can show others (mount_setattr(2), MOUNT_ATTR_IDMAP). Root inside is that namespace's, which the machine does not know
 * as root. */
static void own_ids(struct draft *d)
{
	d->plan->mapping = IDS_WRITE;
	d->plan->uid_maps = d->r->own_uids;
	d->plan->gid_maps = d->r->own_gids;
}

static bool maps_id(const struct id_maps *maps, uint32_t inside)
{
	for (size_t i = 0; i < maps->n; i++)
		if (inside >= maps->at[i].inside && inside - maps->at[i].inside < maps->at[i].count)
			return true;
	return false;
}

/* What an ordinary user may write himself: one id, his own (user_namespaces(7)). */
static bool is_own_id(const struct id_maps *maps, uint32_t inside, uint32_t own)
{
	return maps->n == 1 && maps->at[0].count == 1 && maps->at[0].outside == own &&
	       maps->at[0].inside == inside;
}

static int given_maps(struct draft *d, struct err *e)
{
	const struct id_maps *both[] = { &d->s->linux_.uid_maps, &d->s->linux_.gid_maps };
	static const char *const names[] = { "uidMappings", "gidMappings" };

	for (size_t m = 0; m < COUNT(both); m++)
		for (size_t i = 0; i < both[m]->n; i++)
			if (both[m]->at[i].outside == 0 && d->h->initial_userns) {
				fail(e, EINVAL,
				     "%s: linux.%s[%zu].hostID: 0 would be the host's root",
				     d->s->file, names[m], i);
				return advise(e, "map to unprivileged ids, or leave %s out",
					      names[m]);
			}
	d->plan->mapping = d->h->privileged ? IDS_WRITE : IDS_HELPER;
	if (!d->h->privileged && is_own_id(both[0], d->plan->uid, d->h->uid) &&
	    is_own_id(both[1], d->plan->gid, d->h->gid))
		d->plan->mapping = IDS_SINGLE;
	d->plan->uid_maps = *both[0];
	d->plan->gid_maps = *both[1];
	return 0;
}

static int single_id(struct draft *d, struct err *e)
{
	/* Root without CAP_SYS_ADMIN, as in most containers, can map nothing but itself. */
	if (d->h->uid == 0 && d->h->initial_userns) {
		fail(e, EPERM,
		     "ids: root without CAP_SYS_ADMIN could only be root inside, and 0 is never mapped to 0");
		return advise(e, "start zviz as an ordinary user, or as root with CAP_SYS_ADMIN");
	}
	d->plan->mapping = IDS_SINGLE;
	one_map(d, &d->plan->uid_maps, d->plan->uid, d->h->uid, 1);
	one_map(d, &d->plan->gid_maps, d->plan->gid, d->h->gid, 1);
	return 0;
}

/* The caller's own id is the container's root, and what was delegated to it follows. */
static void delegated_ids(struct draft *d)
{
	d->plan->mapping = IDS_HELPER;
	one_map(d, &d->plan->uid_maps, 0, d->h->uid, 1);
	one_map(d, &d->plan->gid_maps, 0, d->h->gid, 1);
	for (size_t i = 0; i < d->r->uid_ranges.n; i++)
		*LIST_ADD(d->a, &d->plan->uid_maps) = d->r->uid_ranges.at[i];
	for (size_t i = 0; i < d->r->gid_ranges.n; i++)
		*LIST_ADD(d->a, &d->plan->gid_maps) = d->r->gid_ranges.at[i];
}

static int ids_plan(struct draft *d, struct err *e)
{
	struct plan *p = d->plan;
	bool given;

	p->uid = d->s->process.uid;
	p->gid = d->s->process.gid;
	if (p->bare)
		return 0;
	TRY(given_ids(d, &given, e));
	if (given)
		p->rootfs_idmap = false;
	else if (d->s->linux_.uid_maps.n != 0)
		TRY(given_maps(d, e));
	else if (d->r->own_uids.n != 0 && d->r->own_gids.n != 0)
		own_ids(d);
	else if (d->h->privileged)
		TRY(own_range(d, e));
	else if (d->r->uid_ranges.n != 0 && d->r->gid_ranges.n != 0)
		delegated_ids(d);
	else
		TRY(single_id(d, e));
	if (!maps_id(&p->uid_maps, p->uid) || !maps_id(&p->gid_maps, p->gid))
		return fail(e, EINVAL, "%s: process.user: %u:%u is not among the mapped ids",
			    d->s->file, p->uid, p->gid);
	if (p->mapping != IDS_SINGLE && (!maps_id(&p->uid_maps, 0) || !maps_id(&p->gid_maps, 0))) {
		fail(e, EINVAL, "%s: id 0 is not among the mapped ids", d->s->file);
		return advise(e, "map 0 as well: what a container is made of is made as its root");
	}
	p->may_set_groups = p->mapping != IDS_SINGLE && !d->h->setgroups_denied;
	p->ngroups = p->may_set_groups ? d->s->process.ngids : 0;
	p->groups = d->s->process.gids;
	for (size_t i = 0; i < p->ngroups; i++)
		if (!maps_id(&p->gid_maps, p->groups[i]))
			return fail(e, EINVAL,
				    "%s: process.user.additionalGids[%zu]: %u is not mapped",
				    d->s->file, i, p->groups[i]);
	return network_write(d, e);
}

static void ids_explain(const struct plan *p, struct buf *out)
{
	static const char *const how[] = {
		[IDS_NONE] = "none",
		[IDS_SINGLE] = "one id, by the caller itself",
		[IDS_WRITE] = "written by the privileged caller",
		[IDS_HELPER] = "newuidmap and newgidmap",
	};

	buf_printf(out, "  runs as %u:%u inside; mapping: %s\n", p->uid, p->gid, how[p->mapping]);
	for (size_t i = 0; i < p->uid_maps.n; i++)
		buf_printf(out, "  uid %u-%u inside is %u-%u outside\n", p->uid_maps.at[i].inside,
			   p->uid_maps.at[i].inside + p->uid_maps.at[i].count - 1,
			   p->uid_maps.at[i].outside,
			   p->uid_maps.at[i].outside + p->uid_maps.at[i].count - 1);
	for (size_t i = 0; i < p->gid_maps.n; i++)
		buf_printf(out, "  gid %u-%u inside is %u-%u outside\n", p->gid_maps.at[i].inside,
			   p->gid_maps.at[i].inside + p->gid_maps.at[i].count - 1,
			   p->gid_maps.at[i].outside,
			   p->gid_maps.at[i].outside + p->gid_maps.at[i].count - 1);
	for (size_t i = 0; i < p->ngroups; i++)
		buf_printf(out, "  also in group %u\n", p->groups[i]);
}

const struct layer layer_namespaces = { "namespaces", namespaces_plan, namespaces_explain };
const struct layer layer_ids = { "ids", ids_plan, ids_explain };
