/*
 * How a process is scheduled, where, and what its clocks show.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"
#include "kern/sys.h"
#include "policy/limit_words.h"

/* ---- schedule.set ---- */

static int set_policy(const struct plan_schedule *s, struct err *e)
{
	const struct sys_schedule want = { .policy = s->policy,
					   .flags = s->flags,
					   .nice = s->nice,
					   .priority = s->priority,
					   .runtime = s->runtime,
					   .deadline = s->deadline,
					   .period = s->period };
	int r = sys_set_schedule(&want);

	if (r == 0)
		return 0;
	fail(e, -r, "process.scheduler: %m");
	if (r == -EPERM)
		advise(e,
		       "real time, and a lower nice value than the caller's, take CAP_SYS_NICE on the host, which no "
		       "container has: use SCHED_OTHER, SCHED_BATCH or SCHED_IDLE");
	return -e->no;
}

int step_schedule_set(struct box *b, struct err *e)
{
	const struct plan_schedule *s = &b->plan->schedule;
	int r;

	if (s->has_policy)
		TRY(set_policy(s, e));
	r = s->io_priority >= 0 ? sys_set_io_priority(s->io_priority) : 0;
	if (r < 0) {
		fail(e, -r, "process.ioPriority: %m");
		return r != -EPERM
			       ? r
			       : advise(e,
					"IOPRIO_CLASS_RT takes CAP_SYS_NICE on the host, which no container has");
	}
	if (s->has_personality && personality(s->personality) < 0)
		return fail(e, errno, "linux.personality: %m");
	return 0;
}

/* ---- cpus.first, cpus.set ---- */

/* NULL: all that the group permits. */
static int set_cpus(const char *text, const char *key, struct err *e)
{
	struct cpu_list list;
	int r;

	if (text == NULL || !cpu_list_read(text, &list))
		for (size_t i = 0; i < COUNT(list.bits); i++)
			list.bits[i] = UINT64_MAX;
	r = sys_set_cpus(list.bits, sizeof list.bits);
	return r < 0 ? fail(e, -r, "process.execCPUAffinity.%s: %m", key) : 0;
}

/* The launcher's own: what it makes begins there. */
int step_cpus_first(struct box *b, struct err *e)
{
	return set_cpus(b->plan->schedule.first_cpus, "initial", e);
}

int step_cpus_set(struct box *b, struct err *e)
{
	return set_cpus(b->plan->schedule.cpus, "final", e);
}

/* ---- clocks.make, clocks.join ---- */

static int set_clock(const struct plan_clock *c, struct err *e)
{
	char text[80];

	snprintf(text, sizeof text, "%s %lld %u", c->name, (long long)c->seconds, c->nanoseconds);
	if (file_set(AT_FDCWD, "/proc/self/timens_offsets", text, e) == 0)
		return 0;
	within(e, "linux.timeOffsets.%s", c->name);
	if (e->no == ERANGE)
		advise(e, "a clock may neither be negative nor run past 146 years");
	return -e->no;
}

/* Its files in /proc are its own as long as its memory is: there is nobody yet who could look at that. */
static int set_clocks(const struct plan *p, struct err *e)
{
	int r = 0;

	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return fail(e, errno, "dumpable: %m");
	for (size_t i = 0; i < p->nclocks && r == 0; i++)
		r = set_clock(&p->clocks[i], e);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(e, errno, "dumpable: %m");
	return r;
}

/* A new one is entered by children, and by who joins it; offsets can be set until then. Whoever joins must be alone in his
 * memory (timens_install() in kernel/time/namespace.c): init.spawn sees to it. */
int step_clocks_make(struct box *b, struct err *e)
{
	int r = sys_unshare(CLONE_NEWTIME);

	if (r < 0)
		return fail(e, -r, "%m");
	if (b->plan->nclocks != 0)
		TRY(set_clocks(b->plan, e));

	OWN_FD ns = path_open("/proc/self/ns/time_for_children", O_RDONLY);

	r = ns >= 0 ? sys_setns(ns, CLONE_NEWTIME) : -errno;
	return r < 0 ? fail(e, -r, "enter it: %m") : 0;
}

int step_clocks_join(struct box *b, struct err *e)
{
	int r = sys_setns(b->time_ns, CLONE_NEWTIME);

	return r < 0 ? fail(e, -r, "time namespace: %m") : 0;
}
