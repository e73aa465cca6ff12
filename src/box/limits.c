/*
 * Limits of a process, and how soon the kernel ends it when memory is short.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "box/sequence.h"

/* A profile's number is a ceiling; the caller's own lower one stays. */
static bool is_ceiling(const struct plan_rlimit *r)
{
	return r->from.line != 0;
}

static void raise_one(const struct plan_rlimit *r)
{
	struct rlimit now;

	if (prlimit(0, (unsigned)r->resource, NULL, &now) < 0 || r->hard <= now.rlim_max)
		return;
	now.rlim_max = r->hard;
	(void)prlimit(0, (unsigned)r->resource, &now, NULL);
}

/* In the container there may be no procfs, and what its first process may write there is not its own: its memory belongs to the
 * launcher's user namespace (proc_pid_make_inode() in fs/proc/base.c). */
static int set_oom_score(int score, struct err *e)
{
	char text[16];

	snprintf(text, sizeof text, "%d", score);
	if (file_set(AT_FDCWD, "/proc/self/oom_score_adj", text, e) == 0)
		return 0;
	within(e, "process.oomScoreAdj");
	/* That is how the kernel says so (__set_oom_adj() in fs/proc/base.c). */
	return e->no == EACCES ? advise(e, "lowering it needs CAP_SYS_RESOURCE on the host")
			       : -e->no;
}

int limits_inherit(const struct plan *p, struct err *e)
{
	/* Whether it matters that one cannot be raised, limits.set finds out. */
	for (size_t i = 0; i < p->nrlimits; i++)
		if (!is_ceiling(&p->rlimits[i]) && p->rlimits[i].hard != 0)
			raise_one(&p->rlimits[i]);
	return p->has_oom_score_adj ? set_oom_score(p->oom_score_adj, e) : 0;
}

int step_limits_set(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	for (size_t i = 0; i < p->nrlimits; i++) {
		const struct plan_rlimit *r = &p->rlimits[i];
		struct rlimit now, want = { .rlim_cur = r->soft, .rlim_max = r->hard };

		if (prlimit(0, (unsigned)r->resource, NULL, &now) < 0)
			return fail(e, errno, "read limit %d: %m", r->resource);
		if (is_ceiling(r) && want.rlim_max > now.rlim_max)
			want.rlim_max = now.rlim_max;
		if (want.rlim_cur > want.rlim_max)
			want.rlim_cur = want.rlim_max;
		if (prlimit(0, (unsigned)r->resource, &want, NULL) < 0) {
			fail(e, errno, "limit %d to %llu: %m", r->resource,
			     (unsigned long long)want.rlim_max);
			return advise(e, "raising a limit needs CAP_SYS_RESOURCE on the host");
		}
	}
	if (p->has_umask)
		umask(p->umask);
	else
		umask(022);
	return 0;
}
