/*
 * Which hierarchy serves each limit, and which group it is written to.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "policy/plan_limits.h"

const char *const controller_names[CGROUP_CONTROLLERS] = { "memory",  "cpu",     "pids", "io",
							   "cpuset",  "hugetlb", "rdma", "misc",
							   "devices", "cpuacct" };

struct plan_limit *limit_add(struct draft *d, unsigned controller, const char *v2_file,
			     const char *v1_file, const char *value, const struct from *from)
{
	struct plan_limit *l = LIST_ADD(d->a, &d->limits);

	l->controller = controller;
	l->v2_file = v2_file;
	l->v2_value = value;
	l->v1_file = v1_file;
	l->v1_value = v1_file != NULL ? value : NULL;
	l->from = *from;
	return l;
}

const char *limit_number(struct draft *d, uint64_t v)
{
	return arena_printf(d->a, "%llu", (unsigned long long)v);
}

struct from limit_place(struct draft *d, const char *key)
{
	return (struct from){ .file = d->s->file,
			      .path = arena_printf(d->a, "linux.resources.%s", key) };
}

static bool listed(const struct words *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->at[i].text, name) == 0)
			return true;
	return false;
}

bool limit_required(const struct profile *p, const char *controller)
{
	const struct words *list = &p->requirements.cgroup;

	if (p->requirements.cgroup_need == NEED_PREFERRED)
		return false;
	return listed(list, controller) ||
	       (list->n == 0 && p->requirements.cgroup_from.file != NULL);
}

static bool in_v1(const struct draft *d, unsigned controller)
{
	if (controller == DEVICES && !(d->h->privileged && d->h->initial_userns))
		return false; /* devcgroup_update_access() in security/device_cgroup.c */
	return d->h->cgroup.v1_parent[controller][0] != '\0';
}

/* Devices are no controller of v2, but a program that only the machine's root may attach. */
static bool in_v2(const struct draft *d, unsigned controller)
{
	if (d->h->cgroup.v2_parent[0] == '\0')
		return false;
	if (controller == DEVICES)
		return d->h->privileged && d->h->initial_userns && !in_v1(d, DEVICES);
	return d->h->cgroup.v2_controllers & 1u << controller;
}

bool plan_limits_in_v2(const struct draft *d, uint32_t controller)
{
	return in_v2(d, (unsigned)__builtin_ctz(controller));
}

bool plan_counts_time(const struct draft *d)
{
	return plan_limits_in_v2(d, CGROUP_MEMORY) || plan_limits_in_v2(d, CGROUP_CPU) ||
	       in_v1(d, CPUACCT);
}

bool plan_limits_hold(const struct draft *d, uint32_t controller)
{
	unsigned number = (unsigned)__builtin_ctz(controller);

	return in_v2(d, number) || in_v1(d, number);
}

static int no_controller(const struct draft *d, const char *name, const struct from *from,
			 struct err *e)
{
	fail(e, ENOENT, "cgroup: profile %s requires the %s controller [%s], and %s", d->p->name,
	     name, from_text(d->a, from),
	     d->r->no_cgroup ? "--cgroup-manager disabled wants no group" : "this caller has none");
	if (d->r->no_cgroup)
		return advise(e,
			      "leave the option out, or list %s under "
			      "`requirements: {cgroup: preferred}`",
			      name);
	return advise(e, "run as root, have the group delegated (`zviz check`), or list it under "
			 "`requirements: {cgroup: preferred}`");
}

static int absent_controller(struct draft *d, unsigned controller, const struct from *from,
			     struct err *e)
{
	const char *name = controller_names[controller];
	const char *why = arena_printf(d->a, "the %s controller is %s, so its limit [%s] %s", name,
				       d->r->no_cgroup ? "not used (--cgroup-manager disabled)"
						       : "not available to this caller",
				       from_text(d->a, from),
				       controller == PIDS && !d->plan->bare
					       ? "is kept by RLIMIT_NPROC alone"
					       : "is not enforced");

	if (!limit_required(d->p, name)) {
		draft_missing(d, "cgroup", why,
			      d->r->no_cgroup
				      ? "leave out --cgroup-manager disabled"
				      : "run as root, or have the group delegated (`zviz check`)");
		return 0;
	}
	return no_controller(d, name, &d->p->requirements.cgroup_from, e);
}

/* Those that the profile lists have to be there even if no limit needs them. */
static int listed_controllers(struct draft *d, struct err *e)
{
	const struct words *list = &d->p->requirements.cgroup;

	for (size_t i = 0; i < list->n; i++)
		for (unsigned c = 0; c < CGROUP_CONTROLLERS; c++)
			if (strcmp(list->at[i].text, controller_names[c]) == 0 &&
			    limit_required(d->p, controller_names[c]) && !in_v2(d, c) &&
			    !in_v1(d, c))
				return no_controller(d, controller_names[c], &list->at[i].from, e);
	return 0;
}

/* Without a pids controller the kernel still counts: RLIMIT_NPROC is of one id in one user namespace (Linux 5.14,
 * kernel/ucount.c), and no workload can raise it. */
static void count_by_rlimit(struct draft *d, const struct plan_limit *l)
{
	uint64_t max = strtoull(l->v2_value, NULL, 10);

	for (size_t i = 0; i < d->rlimits.n; i++) {
		struct plan_rlimit *r = &d->rlimits.at[i];

		if (r->resource != RLIMIT_NPROC)
			continue;
		r->hard = max < r->hard ? max : r->hard; /* the stricter of two authors */
		r->soft = r->soft < r->hard ? r->soft : r->hard;
		return;
	}
	*LIST_ADD(d->a, &d->rlimits) = (struct plan_rlimit){ RLIMIT_NPROC, max, max, l->from };
}

/* The controller is there, but its version has no such limit. */
static void say_unknown(struct draft *d, const struct plan_limit *l, bool v2)
{
	if (l->optional)
		return;
	draft_missing(
		d, "cgroup",
		arena_printf(d->a,
			     "%s exists in cgroup v%d alone, and the %s controller is in v%d here: "
			     "[%s] is not enforced",
			     v2 ? l->v1_file : l->v2_file, v2 ? 1 : 2,
			     controller_names[l->controller], v2 ? 2 : 1,
			     from_text(d->a, &l->from)),
		v2 ? "leave it out" : "boot with systemd.unified_cgroup_hierarchy=1");
}

/* Where each limit's controller lives; those that live nowhere are dropped, loudly or fatally. */
static int place_limits(struct draft *d, struct err *e)
{
	uint32_t absent = 0;
	size_t kept = 0;

	for (size_t i = 0; i < d->limits.n; i++) {
		struct plan_limit l = d->limits.at[i];
		uint32_t bit = 1u << l.controller;
		bool v2 = in_v2(d, l.controller), v1 = !v2 && in_v1(d, l.controller);

		if (!v1 && !v2) {
			if (l.controller == PIDS && !d->plan->bare)
				count_by_rlimit(d, &l);
			if (!(absent & bit))
				TRY(absent_controller(d, l.controller, &l.from, e));
			absent |= bit;
			continue;
		}
		d->plan->cgroup_v2 |= v2 ? bit : 0;
		d->plan->cgroup_v1 |= v1 ? bit : 0;
		if (v2 ? l.v2_file != NULL : l.v1_file != NULL)
			d->limits.at[kept++] = l;
		else
			say_unknown(d, &l, v2);
	}
	d->limits.n = kept;
	return 0;
}

static int place_devices(struct draft *d, struct err *e)
{
	bool v1 = in_v1(d, DEVICES), v2 = in_v2(d, DEVICES);

	if (!devices_wanted(d))
		return 0;
	d->plan->cgroup_v2 |= v2 ? CGROUP_DEVICES : 0;
	d->plan->cgroup_v1 |= v1 ? CGROUP_DEVICES : 0;
	return plan_devices(d, v2 ? 2 : v1 ? 1 : 0, e);
}

/* Whoever names a group reads in its files what the container uses, whether there is a limit or not. */
static void place_counters(struct draft *d)
{
	static const unsigned counters[] = { MEMORY, CPU, PIDS, IO, HUGETLB, CPUACCT };

	if (d->plan->group.path == NULL || d->plan->group.unit != NULL)
		return;
	for (size_t i = 0; i < COUNT(counters); i++)
		if (in_v2(d, counters[i]))
			d->plan->cgroup_v2 |= 1u << counters[i];
		else if (in_v1(d, counters[i]))
			d->plan->cgroup_v1 |= 1u << counters[i];
}

static int cgroup_plan(struct draft *d, struct err *e)
{
	TRY(plan_limits(d, e));
	TRY(plan_io(d, e));
	TRY(plan_unified(d, e));
	TRY(place_limits(d, e));
	TRY(place_devices(d, e));
	TRY(listed_controllers(d, e));
	/* Nobody is limited by it; it counts the time that is shown inside. Any group of v2 does. */
	if (d->plan->view.used && d->plan->cgroup_v2 == 0 && in_v1(d, CPUACCT))
		d->plan->cgroup_v1 |= CGROUP_CPUACCT;
	/* Who is ended by the group must not fork meanwhile, where that does not end all of it at once (cgroup_kill()). */
	if ((d->plan->given & CLONE_NEWPID) && d->plan->cgroup_v2 == 0 && in_v1(d, PIDS))
		d->plan->cgroup_v1 |= CGROUP_PIDS;
	d->plan->cgroup = d->plan->cgroup_v1 != 0 || d->h->cgroup.v2_parent[0] != '\0';
	TRY(plan_group(d, e));
	TRY(given_processes_check(d, e));
	place_counters(d);
	return 0;
}

static void explain_group(const struct plan *p, struct buf *out)
{
	const struct plan_group *g = &p->group;

	if (g->unit != NULL)
		buf_printf(out, "  scope: %s in %s of %s\n", shown(out->arena, g->unit),
			   shown(out->arena, g->slice), g->user ? "the user's systemd" : "systemd");
	if (g->path != NULL)
		buf_printf(out, "  group: %s%s  [%s]\n",
			   g->absolute ? "" : "below the caller's: ", shown(out->arena, g->path),
			   from_text(out->arena, &g->from));
}

static void explain_devices(const struct plan *p, struct buf *out)
{
	const struct plan_devices *v = &p->devices;

	if (v->nrules == 0)
		return;
	if (v->ncode != 0)
		buf_printf(out, "  devices: a program of %zu instructions (v2)  [%s]\n", v->ncode,
			   from_text(out->arena, &v->from));
	else
		buf_printf(out, "  devices.deny, devices.allow (v1)  [%s]\n",
			   from_text(out->arena, &v->from));
	for (size_t i = 0; i < v->nrules; i++)
		buf_printf(out, "    %s %s\n", v->rules[i].allow ? "allow" : "deny",
			   v->rules[i].text);
}

static void cgroup_explain(const struct plan *p, struct buf *out)
{
	if (!p->cgroup)
		buf_puts(out, "  none: this caller may make no group\n");
	explain_group(p, out);
	for (size_t i = 0; i < p->nlimits; i++) {
		const struct plan_limit *l = &p->limits[i];
		bool v2 = p->cgroup_v2 & (1u << l->controller);

		buf_printf(out, "  %s = %s (%s)  [%s]\n", v2 ? l->v2_file : l->v1_file,
			   shown(out->arena, v2 ? l->v2_value : l->v1_value), v2 ? "v2" : "v1",
			   from_text(out->arena, &l->from));
	}
	explain_devices(p, out);
}

const struct layer layer_cgroup = { "cgroup", cgroup_plan, cgroup_explain };
