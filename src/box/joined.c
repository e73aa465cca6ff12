/*
 * The rows of a process that joins a container, before those that it has in common with the first one. It is in the
 * container's namespaces, beside a workload that may be hostile, with the launcher's memory: so neither can be read or
 * traced from inside (join_inside(), step_memory_shut()), and what it had open goes first.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"
#include "kern/sys.h"

/* Only now: on hosts with the mount option nsdelegate nobody gets from outside into a group of a namespace that he is in. */
int step_cgroup_join(struct box *b, struct err *e)
{
	struct pollfd end = { .fd = b->into, .events = POLLIN };

	if (b->has_cgroup)
		TRY(cgroup_enter(&b->cgroup, e));
	b->has_cgroup = false;
	/* Whoever came into the groups before the container's end goes with it; nobody looks for who comes later. */
	if (poll(&end, 1, 0) > 0)
		return fail(e, ESRCH, "container not running: %s", b->plan->id);

	int r = b->cgroup_ns >= 0 ? sys_setns(b->cgroup_ns, CLONE_NEWCGROUP) : 0;

	return r < 0 ? fail(e, -r, "cgroup namespace: %m") : 0;
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int close_others(unsigned first, int *keep, size_t n, struct err *e)
{
	int r = 0;

	qsort(keep, n, sizeof *keep, by_value);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (keep[i] < 0)
			continue;
		if ((unsigned)keep[i] > first)
			r = sys_close_range(first, (unsigned)keep[i] - 1, 0);
		first = (unsigned)keep[i] + 1;
	}
	if (r == 0)
		r = sys_close_range(first, UINT_MAX, 0);
	return r < 0 ? fail(e, -r, "close descriptors: %m") : 0;
}

int step_files_close(struct box *b, struct err *e)
{
	int keep[] = { b->note, b->hand_init, b->launcher, b->starter };

	TRY(close_others(3 + b->opt->preserve, keep, COUNT(keep), e));
	if (chdir("/") < 0)
		return fail(e, errno, "chdir /: %m");
	return 0;
}

int step_session_begin(struct box *b, struct err *e)
{
	return session_begin(b, e);
}

/* A change of ids may have made it readable again, where fs.suid_dumpable says so; until now its capabilities have kept the
 * workload from it. */
int step_memory_shut(struct box *b, struct err *e)
{
	(void)b;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? fail(e, errno, "dumpable: %m") : 0;
}
