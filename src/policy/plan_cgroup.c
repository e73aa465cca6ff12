/*
 * Limits: the stricter of profile and spec, written to whichever hierarchy serves the controller.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "policy/draft.h"

enum { CPU_PERIOD_US = 100000 }; /* the kernel's default, Documentation/scheduler/sched-bwc.rst */

static const char *const controller_names[CGROUP_CONTROLLERS] = { "memory", "cpu",    "pids",
								  "io",     "cpuset", "hugetlb" };

enum { MEMORY, CPU, PIDS, IO, CPUSET };

static struct plan_limit *limit(struct draft *d, unsigned controller, const char *v2_file,
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

static const char *number(struct draft *d, uint64_t v)
{
	return arena_printf(d->a, "%llu", (unsigned long long)v);
}

/* The caller's own word replaces the profile's; the spec can only tighten. Zero or less in a spec means no limit. */
static struct amount stricter(const struct amount *word, const struct amount *profile,
			      const struct signed_amount *spec)
{
	struct amount out = word->set ? *word : *profile;

	if (spec->set && spec->value > 0 && (!out.set || (uint64_t)spec->value < out.value))
		out = (struct amount){ true, (uint64_t)spec->value, spec->from };
	return out;
}

struct amount plan_memory_limit(const struct draft *d)
{
	return stricter(&d->r->memory, &d->p->resources.memory,
			&d->s->linux_.resources.memory_limit);
}

struct amount plan_swap_limit(const struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;
	struct amount memory = plan_memory_limit(d);
	struct amount swap = d->r->swap.set ? d->r->swap : d->p->resources.swap;

	/* OCI counts memory and swap together. */
	if (r->memory_swap.set && r->memory_swap.value >= (int64_t)memory.value &&
	    (!swap.set || (uint64_t)r->memory_swap.value - memory.value < swap.value))
		swap = (struct amount){ true, (uint64_t)r->memory_swap.value - memory.value,
					r->memory_swap.from };
	swap.set = swap.set && memory.set;
	return swap;
}

static void plan_memory(struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;
	struct amount memory = plan_memory_limit(d), swap = plan_swap_limit(d);

	if (!memory.set)
		return;
	limit(d, MEMORY, "memory.max", "memory.limit_in_bytes", number(d, memory.value),
	      &memory.from);
	if (r->memory_reservation.set && r->memory_reservation.value > 0)
		limit(d, MEMORY, "memory.low", "memory.soft_limit_in_bytes",
		      number(d, (uint64_t)r->memory_reservation.value),
		      &r->memory_reservation.from);
	if (!swap.set)
		return;

	struct plan_limit *l = limit(d, MEMORY, "memory.swap.max", "memory.memsw.limit_in_bytes",
				     number(d, swap.value), &swap.from);

	l->v1_value = number(d, memory.value + swap.value);
	/* Kernels without swap accounting have no such file, nor swap to limit by it. */
	l->optional = true;
}

struct plan_quota plan_cpu_quota(const struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;
	struct amount cpus = d->r->cpus.set ? d->r->cpus : d->p->resources.cpus;
	struct plan_quota q = { .period_us = CPU_PERIOD_US, .from = cpus.from };

	if (r->cpu_period.set && r->cpu_period.value != 0)
		q.period_us = r->cpu_period.value;
	if (cpus.set)
		q.quota_us = cpus.value * q.period_us / 1000;
	if (r->cpu_quota.set && r->cpu_quota.value > 0 &&
	    (!cpus.set || (uint64_t)r->cpu_quota.value < q.quota_us)) {
		q.quota_us = (uint64_t)r->cpu_quota.value;
		q.from = r->cpu_quota.from;
	}
	return q;
}

static void plan_cpu(struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;
	const struct plan_quota q = plan_cpu_quota(d);
	const uint64_t quota = q.quota_us, period = q.period_us;
	const struct from from = q.from;

	if (quota != 0) {
		if (period != CPU_PERIOD_US) {
			struct plan_limit *p = limit(d, CPU, NULL, "cpu.cfs_period_us",
						     number(d, period), &from);

			p->v2_value = NULL;
		}

		struct plan_limit *l = limit(d, CPU, "cpu.max", "cpu.cfs_quota_us",
					     number(d, quota), &from);

		l->v2_value = arena_printf(d->a, "%llu %llu", (unsigned long long)quota,
					   (unsigned long long)period);
	}
	if (r->cpu_shares.set && r->cpu_shares.value >= 2) {
		/* The conversion that all runtimes share: [2-262144] to [1-10000]. */
		uint64_t shares = r->cpu_shares.value < 262144 ? r->cpu_shares.value : 262144;
		struct plan_limit *l = limit(d, CPU, "cpu.weight", "cpu.shares", number(d, shares),
					     &r->cpu_shares.from);

		l->v2_value = number(d, 1 + (shares - 2) * 9999 / 262142);
	}
}

static void plan_pids(struct draft *d)
{
	struct amount pids = stricter(&d->r->pids, &d->p->resources.pids,
				      &d->s->linux_.resources.pids_limit);

	if (pids.set)
		limit(d, PIDS, "pids.max", "pids.max", number(d, pids.value), &pids.from);
}

static void plan_throttle(struct draft *d, const struct spec_io_throttles *list, const char *v2_key,
			  const char *v1_file)
{
	const struct from from = { .file = d->s->file, .path = "linux.resources.blockIO" };

	for (size_t i = 0; i < list->n; i++) {
		const struct spec_io_throttle *t = &list->at[i];
		struct plan_limit *l = limit(d, IO, "io.max", v1_file,
					     arena_printf(d->a, "%lld:%lld %llu",
							  (long long)t->major, (long long)t->minor,
							  (unsigned long long)t->rate),
					     &from);

		l->v2_value = arena_printf(d->a, "%lld:%lld %s=%llu", (long long)t->major,
					   (long long)t->minor, v2_key,
					   (unsigned long long)t->rate);
	}
}

static void plan_io(struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;

	plan_throttle(d, &r->read_bps, "rbps", "blkio.throttle.read_bps_device");
	plan_throttle(d, &r->write_bps, "wbps", "blkio.throttle.write_bps_device");
	plan_throttle(d, &r->read_iops, "riops", "blkio.throttle.read_iops_device");
	plan_throttle(d, &r->write_iops, "wiops", "blkio.throttle.write_iops_device");
	if (r->io_weight.set && r->io_weight.value != 0)
		limit(d, IO, "io.weight", "blkio.weight", number(d, r->io_weight.value),
		      &r->io_weight.from)
			->optional = true;
}

static void plan_disk(struct draft *d, const struct io_rule *r, const struct plan_disk *disk)
{
	const struct rate {
		uint64_t value;
		const char *key, *v1_file;
	} rates[] = {
		{ r->rbps, "rbps", "blkio.throttle.read_bps_device" },
		{ r->wbps, "wbps", "blkio.throttle.write_bps_device" },
		{ r->riops, "riops", "blkio.throttle.read_iops_device" },
		{ r->wiops, "wiops", "blkio.throttle.write_iops_device" },
	};

	for (size_t i = 0; i < COUNT(rates); i++) {
		unsigned long long v = rates[i].value;

		if (v == 0)
			continue;
		limit(d, IO, "io.max", rates[i].v1_file,
		      arena_printf(d->a, "%u:%u %llu", disk->major, disk->minor, v), &r->from)
			->v2_value = arena_printf(d->a, "%u:%u %s=%llu", disk->major, disk->minor,
						  rates[i].key, v);
	}
}

static int plan_disks(struct draft *d, struct err *e)
{
	const struct io_rules *rules = &d->p->resources.io;

	for (size_t i = 0; i < rules->n; i++) {
		if (i >= d->r->ndisks || d->r->disks[i].major == 0) {
			fail(e, ENODEV, "%s: resources.io: no disk holds %s",
			     from_text(d->a, &rules->at[i].from), rules->at[i].path);
			return advise(
				e,
				"limit a path on a disk; a private tmpfs is limited by resources.tmpfs");
		}
		plan_disk(d, &rules->at[i], &d->r->disks[i]);
	}
	return 0;
}

static void plan_cpuset(struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;
	const struct from from = { .file = d->s->file, .path = "linux.resources.cpu" };

	if (r->cpuset_cpus != NULL)
		limit(d, CPUSET, "cpuset.cpus", "cpuset.cpus", r->cpuset_cpus, &from);
	if (r->cpuset_mems != NULL)
		limit(d, CPUSET, "cpuset.mems", "cpuset.mems", r->cpuset_mems, &from);
}

static bool listed(const struct words *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->at[i].text, name) == 0)
			return true;
	return false;
}

/* `cgroup: [memory]` requires these, `cgroup: required` whichever a limit needs. */
static bool required(const struct profile *p, const char *controller)
{
	const struct words *list = &p->requirements.cgroup;

	if (p->requirements.cgroup_need == NEED_PREFERRED)
		return false;
	return listed(list, controller) ||
	       (list->n == 0 && p->requirements.cgroup_from.file != NULL);
}

static bool in_v2(const struct draft *d, unsigned controller)
{
	return d->h->cgroup.v2_parent[0] != '\0' &&
	       (d->h->cgroup.v2_controllers & 1u << controller);
}

static bool in_v1(const struct draft *d, unsigned controller)
{
	return d->h->cgroup.v1_parent[controller][0] != '\0';
}

bool plan_limits_in_v2(const struct draft *d, uint32_t controller)
{
	return in_v2(d, (unsigned)__builtin_ctz(controller));
}

bool plan_limits_hold(const struct draft *d, uint32_t controller)
{
	unsigned number = (unsigned)__builtin_ctz(controller);

	return in_v2(d, number) || in_v1(d, number);
}

static int no_controller(const struct draft *d, const char *name, const struct from *from,
			 struct err *e)
{
	fail(e, ENOENT,
	     "cgroup: profile %s requires the %s controller [%s], and this caller has none",
	     d->p->name, name, from_text(d->a, from));
	return advise(e, "run as root, have the group delegated (`zviz check`), or list it under "
			 "`requirements: {cgroup: preferred}`");
}

static int absent_controller(struct draft *d, unsigned controller, const struct from *from,
			     struct err *e)
{
	const char *name = controller_names[controller];
	const char *why = arena_printf(
		d->a,
		"the %s controller is not available to this caller, so its limit [%s] "
		"%s",
		name, from_text(d->a, from),
		controller == PIDS ? "is kept by RLIMIT_NPROC alone" : "is not enforced");

	if (!required(d->p, name)) {
		draft_missing(d, "cgroup", why,
			      "run as root, or have the group delegated (`zviz check`)");
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
			    required(d->p, controller_names[c]) && !in_v2(d, c) && !in_v1(d, c))
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
			if (l.controller == PIDS)
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
	}
	d->limits.n = kept;
	return 0;
}

static int cgroup_plan(struct draft *d, struct err *e)
{
	plan_memory(d);
	plan_cpu(d);
	plan_pids(d);
	plan_io(d);
	TRY(plan_disks(d, e));
	plan_cpuset(d);
	TRY(place_limits(d, e));
	TRY(listed_controllers(d, e));
	d->plan->cgroup = d->plan->cgroup_v1 != 0 || d->h->cgroup.v2_parent[0] != '\0';
	return 0;
}

static void cgroup_explain(const struct plan *p, struct buf *out)
{
	if (!p->cgroup)
		buf_puts(out, "  none: this caller may make no group\n");
	for (size_t i = 0; i < p->nlimits; i++) {
		const struct plan_limit *l = &p->limits[i];
		bool v2 = p->cgroup_v2 & (1u << l->controller);

		buf_printf(out, "  %s = %s (%s)  [%s]\n", v2 ? l->v2_file : l->v1_file,
			   v2 ? l->v2_value : l->v1_value, v2 ? "v2" : "v1",
			   from_text(out->arena, &l->from));
	}
}

const struct layer layer_cgroup = { "cgroup", cgroup_plan, cgroup_explain };
