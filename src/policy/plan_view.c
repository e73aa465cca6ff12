/*
 * What the system tells of itself inside: the limits in place of the machine, where they are smaller and kept.
 */
#include <linux/mount.h>

#include "policy/limit_words.h"
#include "policy/plan_limits.h"
#include "policy/plan_mounts.h"

static bool is_switched_off(const struct profile *p)
{
	return p->resources.view_from.line != 0 && !p->resources.view;
}

bool view_is_meant(const struct draft *d)
{
	const struct profile *p = d->p;

	return p->resources.view ||
	       (!is_switched_off(p) && (p->resources.memory.set || p->resources.cpus.set));
}

static bool is_asked_for(const struct draft *d)
{
	return !is_switched_off(d->p) && (d->p->resources.view || d->r->direct != NULL);
}

/* Rounded up: with one and a half processors two threads run at a time. */
static unsigned whole_cpus(const struct plan_quota *q)
{
	return (unsigned)((q->quota_us + q->period_us - 1) / q->period_us);
}

/* How many of the machine's processors are in each list; 0: that is not known, or there is no list. */
static unsigned listed_cpus(const struct draft *d)
{
	const unsigned machine = d->h->cpus != 0 ? d->h->cpus : CPU_LIST_MAX;
	const char *const lists[] = { d->p->resources.cpuset.cpus.text,
				      d->s->linux_.resources.cpuset_cpus,
				      unified_value(d, "cpuset.cpus") };
	struct cpu_list left = { 0 }, list;
	bool any = false;

	for (unsigned i = 0; i < machine && i < CPU_LIST_MAX; i++)
		left.bits[i / 64] |= 1ull << i % 64;
	for (size_t i = 0; i < COUNT(lists); i++) {
		if (lists[i] == NULL || !cpu_list_read(lists[i], &list))
			continue;
		any = true;
		for (size_t k = 0; k < COUNT(left.bits); k++)
			left.bits[k] &= list.bits[k];
	}
	return any && plan_limits_hold(d, CGROUP_CPUSET) ? cpu_list_count(&left) : 0;
}

static void view_cpus(struct draft *d, unsigned most)
{
	struct view *v = &d->plan->view;

	if (most != 0 && (d->h->cpus == 0 || most < d->h->cpus) && (v->cpus == 0 || most < v->cpus))
		v->cpus = most;
}

void view_plan(struct draft *d)
{
	struct view *v = &d->plan->view;
	struct amount memory = plan_memory_limit(d), swap = plan_swap_limit(d);
	struct plan_quota quota = plan_cpu_quota(d);

	if (!is_asked_for(d))
		return;
	unified_lowers(d, "memory.max", &memory);
	unified_lowers(d, "memory.swap.max", &swap);
	unified_lowers_quota(d, &quota);
	if (memory.set && plan_limits_hold(d, CGROUP_MEMORY) &&
	    (d->h->memory_bytes == 0 || memory.value < d->h->memory_bytes)) {
		v->memory = memory.value;
		v->has_swap = swap.set;
		v->swap = swap.value;
	}
	if (quota.quota_us != 0 && plan_limits_hold(d, CGROUP_CPU))
		view_cpus(d, whole_cpus(&quota));
	view_cpus(d, listed_cpus(d));
	v->used = v->memory != 0 || v->cpus != 0;
}

static void add_file(struct draft *d, const char *path, enum view_file file)
{
	struct plan_mount *m;

	/* Whoever brings such a file knows better. */
	if (mount_is_at(d, path))
		return;
	m = mount_add(d, MOUNT_VIEW, path, NULL);
	m->view = file;
	m->attr_set = MOUNT_ATTR_RDONLY | mount_guarded | MOUNT_ATTR_NOEXEC;
	m->optional = true; /* a bundle need not mount procfs */
	m->from = d->p->resources.view_from;
}

void view_mounts(struct draft *d)
{
	const struct view *v = &d->plan->view;

	if (!v->used)
		return;
	if (v->memory != 0)
		add_file(d, "/proc/meminfo", VIEW_MEMINFO);
	if (plan_counts_time(d))
		add_file(d, "/proc/loadavg", VIEW_LOADAVG);
	if (v->cpus == 0)
		return;
	add_file(d, "/proc/stat", VIEW_STAT);
	add_file(d, "/proc/cpuinfo", VIEW_CPUINFO);
	if (mount_is_at(d, "/sys"))
		add_file(d, "/sys/devices/system/cpu/online", VIEW_ONLINE);
}
