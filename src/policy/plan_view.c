/*
 * What the system tells of itself inside: the limits in place of the machine, where they are smaller and kept.
 */
#include <linux/mount.h>

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

void view_plan(struct draft *d)
{
	struct view *v = &d->plan->view;
	struct amount memory = plan_memory_limit(d), swap = plan_swap_limit(d);
	struct plan_quota quota = plan_cpu_quota(d);

	if (!is_asked_for(d))
		return;
	if (memory.set && plan_limits_hold(d, CGROUP_MEMORY) &&
	    (d->h->memory_bytes == 0 || memory.value < d->h->memory_bytes)) {
		v->memory = memory.value;
		v->has_swap = swap.set;
		v->swap = swap.value;
	}
	if (quota.quota_us != 0 && plan_limits_hold(d, CGROUP_CPU) &&
	    (d->h->cpus == 0 || whole_cpus(&quota) < d->h->cpus))
		v->cpus = whole_cpus(&quota);
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
	/* A v1 group counts no time, as a rule: the controller that does is another one, mounted apart. */
	if (plan_limits_in_v2(d, CGROUP_MEMORY) || plan_limits_in_v2(d, CGROUP_CPU))
		add_file(d, "/proc/loadavg", VIEW_LOADAVG);
	if (v->cpus == 0)
		return;
	add_file(d, "/proc/stat", VIEW_STAT);
	add_file(d, "/proc/cpuinfo", VIEW_CPUINFO);
	if (mount_is_at(d, "/sys"))
		add_file(d, "/sys/devices/system/cpu/online", VIEW_ONLINE);
}
