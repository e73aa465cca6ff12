/*
 * The rows of a container without namespaces: what keeps its processes apart from others, and has none of them outlive it.
 *
 * All of them, the launcher included, are in one Landlock domain that keeps signals in: nobody in it can signal, trace or read a
 * process outside. The workload is in a second one below, and so reaches neither the launcher nor the broker nor the guards.
 * Within such a domain kill(-1) means the domain. The kernel sends it under the lock that each fork takes as well, and a fork
 * whose caller has a deadly signal fails (copy_process() in kernel/fork.c): whoever forks, however fast, nobody is left.
 *
 * Who sends it is the launcher, when the container ends; if the launcher is killed, one of two guards that watch it. A guard or a
 * broker that is killed has the other guard end the first process, and the launcher the rest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"
#include "kern/sys.h"
#include "kern/uapi.h"

enum { STEP_US = 500 };

/* ---- the domain ---- */

/* What the caller had of capabilities, nobody below is to have: root of another container has some. */
static int drop_all(const struct plan *p, struct err *e)
{
	const struct sys_caps none = { 0 };
	int r;

	/* Up to the first that it may not drop: then it has not CAP_SETPCAP, and no_new_privs keeps the rest from being gained. */
	for (unsigned cap = 0; cap <= p->host->last_capability; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	if (prctl(PR_SET_SECUREBITS, SECURE_ALL_BITS | SECURE_ALL_LOCKS, 0, 0, 0) < 0 &&
	    errno != EPERM)
		return fail(e, errno, "securebits: %m");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(e, errno, "ambient capabilities: %m");
	r = sys_capset(&none);
	return r < 0 ? fail(e, -r, "capabilities: %m") : 0;
}

/* kill(-1) outside of such a domain would end all that this user runs. */
static int try_domain(struct err *e)
{
	const pid_t others[] = { getppid(), 1 };

	for (size_t i = 0; i < COUNT(others); i++)
		if (others[i] > 0 && others[i] != getpid() && kill(others[i], 0) == 0)
			return fail(e, EIO,
				    "Landlock lets process %d, which is outside, be signalled",
				    others[i]);
	return 0;
}

int step_domain_enter(struct box *b, struct err *e)
{
	OWN_FD rules = sys_landlock_create(0, 0, LANDLOCK_SCOPE_SIGNAL);
	int r;

	if (rules < 0)
		return fail(e, -rules, "ruleset: %m");
	TRY(drop_all(b->plan, e));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "no_new_privs: %m");
	/* Whoever loses its parent becomes the launcher's: then it is known when the last has gone. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return fail(e, errno, "subreaper: %m");
	r = sys_landlock_restrict_self(rules, 0);
	if (r < 0)
		return fail(e, -r, "%m");
	TRY(try_domain(e));
	b->domain = true;
	return 0;
}

/* Whether somebody else of the domain is there, if only to be waited for. Others than these cannot be signalled. */
static bool is_inhabited(void)
{
	DIR *proc = opendir("/proc");
	bool found = false;

	if (proc == NULL)
		return false;
	for (struct dirent *d; !found && (d = readdir(proc)) != NULL;) {
		pid_t pid = atoi(d->d_name);

		found = pid > 0 && pid != getpid() && kill(pid, 0) == 0;
	}
	closedir(proc);
	return found;
}

/* Everybody but the caller; returns when nobody is left. A program that became zviz may have children from before, which are none
 * of the container's. */
void domain_end(struct box *b)
{
	pid_t pid;

	if (!b->domain)
		return;
	kill(-1, SIGKILL);
	do {
		while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
			;
		if (pid == 0)
			usleep(STEP_US);
	} while (pid == 0 && is_inhabited());
}

/* ---- the guards ---- */

enum { LAUNCHER, BROKER_END, TWIN, WATCHED };

static _Noreturn void watch(struct box_shared *shared, struct pollfd ends[WATCHED])
{
	for (;;) {
		if (poll(ends, WATCHED, -1) < 0)
			continue;
		if (ends[LAUNCHER].revents != 0) {
			kill(-1, SIGKILL);
			_exit(0);
		}
		for (size_t i = BROKER_END; i < WATCHED; i++) {
			if (ends[i].revents == 0)
				continue;
			ends[i].fd = -1;
			atomic_store(&shared->broken, 1);

			pid_t init = atomic_load(&shared->init);

			if (init > 0)
				kill(init, SIGKILL);
		}
	}
}

/* It keeps nothing open but what it watches. */
static _Noreturn void guard_main(struct box *b, struct pollfd ends[WATCHED])
{
	int keep[] = { ends[LAUNCHER].fd, ends[BROKER_END].fd, ends[TWIN].fd };
	struct err ignored;

	if (setsid() < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    close_others(0, keep, COUNT(keep), &ignored) < 0)
		_exit(1);
	watch(b->shared, ends);
}

/* The first guard makes the second, so that each has the other's end to look at. */
static _Noreturn void guards_main(struct box *b, int launcher)
{
	struct pollfd ends[WATCHED] = { { .fd = launcher, .events = POLLIN },
					{ .fd = b->broker_pidfd, .events = POLLIN },
					{ .fd = sys_pidfd_open(getpid(), 0), .events = POLLIN } };
	int first = ends[TWIN].fd, second = -1;
	pid_t pid = first >= 0 ? sys_fork_pidfd(&second) : -1;

	if (pid < 0)
		_exit(1);
	if (pid > 0)
		ends[TWIN].fd = second;
	/* It stands: whoever of the two ends now is seen by the other, and both by the launcher until the first word. */
	atomic_fetch_add(&b->shared->guards, 1);
	guard_main(b, ends);
}

int step_guard_make(struct box *b, struct err *e)
{
	OWN_FD launcher = sys_pidfd_open(getpid(), 0);
	OWN_FD guard = -1;
	pid_t pid = launcher >= 0 ? sys_fork_pidfd(&guard) : launcher;

	if (pid < 0)
		return fail(e, -pid, "fork: %m");
	if (pid == 0)
		guards_main(b, launcher);

	struct pollfd end = { .fd = guard, .events = POLLIN };

	while (atomic_load(&b->shared->guards) < 2)
		if (poll(&end, 1, 1) > 0 || atomic_load(&b->shared->broken) != 0)
			return fail(e, ECHILD, "the guard has ended");
	return 0;
}

/* ---- paths that patterns name ---- */

/* A pattern is about the path that a file has, which a link's target has not. */
int step_plain_check(struct box *b, struct err *e)
{
	for (size_t i = 0; i < b->plan->nplain; i++) {
		const char *path = b->plan->plain[i].text;
		OWN_FD fd = sys_openat2(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, 0);
		OWN_FD plain = fd < 0 ? fd
				      : sys_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0,
						    RESOLVE_NO_SYMLINKS);

		if (fd >= 0 && plain == -ELOOP) {
			fail(e, ELOOP,
			     "%s leads through a link: no rule about that path holds for what is behind it",
			     path);
			return advise(e, "take the link away");
		}
	}
	return 0;
}

/* ---- the first process ---- */

/* It reaps what loses its parent, as the first process of a pid namespace does. */
int step_orphans_take(struct box *b, struct err *e)
{
	(void)b;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return fail(e, errno, "subreaper: %m");
	return 0;
}
