/*
 * Limits of memory, processors, processes, huge pages: the stricter of profile and spec.
 */
#include "policy/plan_limits.h"

#include <errno.h>
#include <string.h>

#include "policy/limit_words.h"

enum {
	CPU_PERIOD_US = 100000, /* the kernel's default, Documentation/scheduler/sched-bwc.rst */
	SHARES_MIN = 2,         /* of cpu.shares in v1 */
	SHARES_MAX = 262144,
};

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
	struct amount swap = d->r->swap.set ? d->r->swap : d->p->resources.swap;

	/* OCI counts memory and swap together; what the spec's own limit leaves of it is swap. */
	if (r->memory_swap.set && r->memory_swap.value > 0) {
		uint64_t rest = (uint64_t)(r->memory_swap.value - r->memory_limit.value);

		if (!swap.set || rest < swap.value)
			swap = (struct amount){ true, rest, r->memory_swap.from };
	}
	swap.set = swap.set && plan_memory_limit(d).set;
	return swap;
}

static void plan_swap(struct draft *d, const struct amount *memory)
{
	const struct amount swap = plan_swap_limit(d);

	if (!swap.set)
		return;

	struct plan_limit *l = limit_add(d, MEMORY, "memory.swap.max",
					 "memory.memsw.limit_in_bytes", limit_number(d, swap.value),
					 &swap.from);

	l->v1_value = limit_number(d, memory->value + swap.value);
	/* Kernels without swap accounting have no such file, nor swap to limit by it. */
	l->optional = true;
}

static void plan_memory(struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;
	struct amount memory = plan_memory_limit(d);

	if (memory.set)
		limit_add(d, MEMORY, "memory.max", "memory.limit_in_bytes",
			  limit_number(d, memory.value), &memory.from);
	if (d->p->resources.memory_high.set)
		limit_add(d, MEMORY, "memory.high", NULL,
			  limit_number(d, d->p->resources.memory_high.value),
			  &d->p->resources.memory_high.from);
	if (r->memory_reservation.set && r->memory_reservation.value > 0)
		limit_add(d, MEMORY, "memory.low", "memory.soft_limit_in_bytes",
			  limit_number(d, (uint64_t)r->memory_reservation.value),
			  &r->memory_reservation.from);
	if (memory.set)
		plan_swap(d, &memory);
	if (r->memory_swappiness.set)
		limit_add(d, MEMORY, NULL, "memory.swappiness",
			  limit_number(d, r->memory_swappiness.value), &r->memory_swappiness.from);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A bundle's shares become a weight by the conversion that all runtimes share, [2-262144] to [1-10000], which is not the
 * kernel's scale: so the smaller one is found for each version. */
static void plan_weight(struct draft *d)
{
	const struct amount *shares = &d->s->linux_.resources.cpu_shares,
			    *weight = &d->p->resources.cpu_weight, *from = weight;
	uint64_t v1 = UINT64_MAX, v2 = UINT64_MAX;

	if (shares->set && shares->value >= SHARES_MIN) {
		v1 = smaller(shares->value, SHARES_MAX);
		v2 = 1 + (v1 - SHARES_MIN) * 9999 / (SHARES_MAX - SHARES_MIN);
		if (!weight->set ||
		    (plan_limits_in_v2(d, CGROUP_CPU) ? v2 < weight->value
						      : v1 < weight_shares(weight->value)))
			from = shares;
	}
	if (weight->set) {
		v1 = smaller(v1, weight_shares(weight->value));
		v2 = smaller(v2, weight->value);
	}
	if (from->set && v1 != UINT64_MAX)
		limit_add(d, CPU, "cpu.weight", "cpu.shares", limit_number(d, v1), &from->from)
			->v2_value = limit_number(d, v2);
}

static void plan_quota(struct draft *d, uint64_t quota, uint64_t period, const struct from *from)
{
	const struct amount *burst = &d->s->linux_.resources.cpu_burst;

	if (period != CPU_PERIOD_US)
		limit_add(d, CPU, NULL, "cpu.cfs_period_us", limit_number(d, period), from)
			->optional = true; /* v2 has both in one file */
	limit_add(d, CPU, "cpu.max", "cpu.cfs_quota_us", limit_number(d, quota), from)->v2_value =
		arena_printf(d->a, "%llu %llu", (unsigned long long)quota,
			     (unsigned long long)period);
	/* No more than the quota, which the profile may have made smaller. */
	if (burst->set && burst->value != 0)
		limit_add(d, CPU, "cpu.max.burst", "cpu.cfs_burst_us",
			  limit_number(d, burst->value < quota ? burst->value : quota),
			  &burst->from);
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

	if (q.quota_us != 0)
		plan_quota(d, q.quota_us, q.period_us, &q.from);
	plan_weight(d);
	/* Behind the weight, which an idle group cannot be given. */
	if (r->cpu_idle.set && r->cpu_idle.value == 1)
		limit_add(d, CPU, "cpu.idle", "cpu.idle", "1", &r->cpu_idle.from);
	if (r->rt_period.set && r->rt_period.value != 0)
		limit_add(d, CPU, NULL, "cpu.rt_period_us", limit_number(d, r->rt_period.value),
			  &r->rt_period.from);
	if (r->rt_runtime.set && r->rt_runtime.value > 0)
		limit_add(d, CPU, NULL, "cpu.rt_runtime_us",
			  limit_number(d, (uint64_t)r->rt_runtime.value), &r->rt_runtime.from);
}

static void plan_pids(struct draft *d)
{
	struct amount pids = stricter(&d->r->pids, &d->p->resources.pids,
				      &d->s->linux_.resources.pids_limit);

	if (pids.set)
		limit_add(d, PIDS, "pids.max", "pids.max", limit_number(d, pids.value), &pids.from);
}

int limit_cpus(struct draft *d, const char *file, const char *value, const struct from *from,
	       const struct limit_list *have, struct limit_list *out, struct err *e)
{
	struct cpu_list asked, permitted;

	*out = (struct limit_list){ value, *from };
	if (have->value == NULL)
		return 0;
	if (!cpu_list_read(value, &asked) || !cpu_list_read(have->value, &permitted))
		return fail(e, EINVAL, "%s: '%s' is no list such as 0-3,6", from_text(d->a, from),
			    shown(d->a, value));
	if (cpu_list_within(&asked, &permitted))
		return 0;
	if (cpu_list_within(&permitted, &asked)) {
		*out = *have;
		return 0;
	}
	out->value = cpu_list_both(d->a, &asked, &permitted);
	if (out->value != NULL)
		return 0;
	fail(e, EINVAL, "%s: %s: none of %s is in %s, which %s permits", from_text(d->a, from),
	     file, shown(d->a, value), shown(d->a, have->value), from_text(d->a, &have->from));
	return advise(e, "ask for some of these, or leave it out");
}

/* What is in both lists. */
static int plan_list(struct draft *d, const char *file, const struct word *profile,
		     const char *spec, const struct from *spec_from, struct err *e)
{
	const struct limit_list have = { profile->text, profile->from };
	struct limit_list list = have;

	if (spec != NULL)
		TRY(limit_cpus(d, file, spec, spec_from, &have, &list, e));
	if (list.value != NULL)
		limit_add(d, CPUSET, file, file, list.value, &list.from);
	return 0;
}

static int plan_cpuset(struct draft *d, struct err *e)
{
	const struct spec_resources *r = &d->s->linux_.resources;

	TRY(plan_list(d, "cpuset.cpus", &d->p->resources.cpuset.cpus, r->cpuset_cpus,
		      &r->cpuset_cpus_from, e));
	return plan_list(d, "cpuset.mems", &d->p->resources.cpuset.mems, r->cpuset_mems,
			 &r->cpuset_mems_from, e);
}

static void add_hugepages(struct draft *d, const char *size, uint64_t limit,
			  const struct from *from)
{
	const char *value = limit_number(d, limit);

	limit_add(d, HUGETLB, arena_printf(d->a, "hugetlb.%s.max", size),
		  arena_printf(d->a, "hugetlb.%s.limit_in_bytes", size), value, from);
	/* Reserved pages are counted apart since Linux 5.7. */
	limit_add(d, HUGETLB, arena_printf(d->a, "hugetlb.%s.rsvd.max", size),
		  arena_printf(d->a, "hugetlb.%s.rsvd.limit_in_bytes", size), value, from)
		->optional = true;
}

static const struct spec_hugepage *spec_hugepages(const struct draft *d, const char *size)
{
	const struct spec_hugepages *list = &d->s->linux_.resources.hugepages;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].size, size) == 0)
			return &list->at[i];
	return NULL;
}

static const struct hugetlb_rule *profile_hugepages(const struct draft *d, const char *size)
{
	const struct hugetlb_rules *rules = &d->p->resources.hugetlb;
	const struct hugetlb_rule *least = NULL; /* of a profile and what it extends */

	for (size_t i = 0; i < rules->n; i++)
		if (strcmp(rules->at[i].size, size) == 0 &&
		    (least == NULL || rules->at[i].limit < least->limit))
			least = &rules->at[i];
	return least;
}

static void plan_hugepages(struct draft *d)
{
	const struct spec_hugepages *list = &d->s->linux_.resources.hugepages;
	const struct hugetlb_rules *rules = &d->p->resources.hugetlb;

	for (size_t i = 0; i < rules->n; i++) {
		const struct hugetlb_rule *r = &rules->at[i];
		const struct spec_hugepage *spec = spec_hugepages(d, r->size);

		if (profile_hugepages(d, r->size) == r && (spec == NULL || spec->limit >= r->limit))
			add_hugepages(d, r->size, r->limit, &r->from);
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct spec_hugepage *p = &list->at[i];
		const struct hugetlb_rule *r = profile_hugepages(d, p->size);

		if (r == NULL || p->limit < r->limit)
			add_hugepages(d, p->size, p->limit, &p->from);
	}
}

static void plan_rdma(struct draft *d)
{
	const struct spec_rdmas *list = &d->s->linux_.resources.rdma;

	for (size_t i = 0; i < list->n; i++) {
		const struct spec_rdma *r = &list->at[i];
		struct buf text = { .arena = d->a };

		buf_puts(&text, r->device);
		if (r->handles.set)
			buf_printf(&text, " hca_handle=%llu", (unsigned long long)r->handles.value);
		if (r->objects.set)
			buf_printf(&text, " hca_object=%llu", (unsigned long long)r->objects.value);
		limit_add(d, RDMA, "rdma.max", "rdma.max", buf_text(&text), &r->from);
	}
}

/* What no kernel of today does, or zviz does not do. */
static void say_excess(struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;

	if ((r->memory_kernel.set && r->memory_kernel.value > 0) ||
	    (r->memory_kernel_tcp.set && r->memory_kernel_tcp.value > 0))
		draft_missing(d, "linux.resources.memory.kernel",
			      "Linux counts the kernel's memory with the rest and has no limit of "
			      "its own for it (5.16)",
			      "use memory.limit");
	if (r->memory_keep_alive)
		draft_missing(d, "linux.resources.memory.disableOOMKiller",
			      "a container at its limit is ended, not stopped",
			      "leave it out, or raise the limit");
	if (r->network)
		draft_missing(d, "linux.resources.network",
			      "classes and priorities of packets are not set in this version",
			      "leave them out");
}

int plan_limits(struct draft *d, struct err *e)
{
	plan_memory(d);
	plan_cpu(d);
	plan_pids(d);
	TRY(plan_cpuset(d, e));
	plan_hugepages(d);
	plan_rdma(d);
	say_excess(d);
	return 0;
}
