/*
 * guard.make of a container that shares a pid namespace. The kernel ends no such container with its broker, nor with its first process:
 * that namespace goes on. So two guards stand outside of it, and watch both, and each other. At the first end of any of them they kill
 * all that is in the container's groups.
 *
 * They take nothing from anybody but ends, and keep of what root may do only to signal whom they like.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/forget.h"
#include "box/record.h"
#include "box/sequence.h"
#include "kern/sys.h"

enum { BROKER_END, INIT_END, TWIN_END, WATCHED };
enum { AGAIN_US = 100000 };

/* What a guard needs, out of memory that it gives back. */
struct post {
	struct box_shared *shared;
	struct cgroup groups;
	struct pollfd ends[WATCHED];
};

static void keep_only_signals(void)
{
	const uint64_t kill_others = UINT64_C(1) << CAP_KILL;
	const struct sys_caps caps = { .effective = kill_others, .permitted = kill_others };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    sys_capset(&caps) < 0)
		_exit(1);
}

static void close_the_rest(struct post *own, int say)
{
	int keep[WATCHED + CGROUP_GROUPS + 1];
	size_t n = 0;
	struct err ignored;

	keep[n++] = say;
	for (size_t i = 0; i < WATCHED; i++)
		keep[n++] = own->ends[i].fd;
	for (size_t i = 0; i < own->groups.n; i++) {
		keep[n++] = own->groups.at[i].dir;
		own->groups.at[i].tasks = -1;
	}
	if (close_others(0, keep, n, &ignored) < 0)
		_exit(1);
}

static _Noreturn void stand_guard(struct box *b, int twin, int say)
{
	struct arena *launch = b->arena;
	struct post own = {
		.shared = b->shared,
		.groups = b->cgroup,
		.ends = { [BROKER_END] = { b->plan->broker.used ? b->broker_pidfd : -1, POLLIN, 0 },
			  [INIT_END] = { b->init_pidfd, POLLIN, 0 },
			  [TWIN_END] = { twin, 0, 0 } },
	};
	struct err ignored;

	if (setsid() < 0 || chdir("/") < 0)
		_exit(1);
	keep_only_signals();
	close_the_rest(&own, say);
	/* The file is locked for as long as somebody has it mapped. */
	if (b->waiting != NULL)
		munmap(b->waiting, sizeof *b->waiting);
	if (b->stacks.at != NULL)
		munmap(b->stacks.at, b->stacks.bytes);
	forget_environment();
	arena_free(launch);
	forget_set_up();
	if (write(say, "", 1) != 1)
		_exit(1);
	close(say);
	while (poll(own.ends, WATCHED, -1) <= 0)
		;
	/* Before they die of it: their launcher asks why. A twin also ends when it has done its work. */
	if (own.ends[BROKER_END].revents == 0 && own.ends[INIT_END].revents == 0)
		atomic_store(&own.shared->broken, 1);
	while (cgroup_kill(&own.groups, &ignored) < 0)
		usleep(AGAIN_US);
	_exit(0);
}

static int post_guard(struct box *b, size_t i, int twin, int say, struct err *e)
{
	pid_t pid = sys_fork_pidfd(&b->guards[i].pidfd);

	if (pid == 0)
		stand_guard(b, twin, say);
	b->guards[i].pid = pid > 0 ? pid : 0;
	return pid > 0 ? 0 : fail(e, -pid, "fork: %m");
}

/* Each holds one end of `twins`, which nobody else does from here on. */
static int post_both(struct box *b, int twins[GUARDS], int say, struct err *e)
{
	for (size_t i = 0; i < GUARDS; i++)
		TRY(post_guard(b, i, twins[i], say, e));
	return 0;
}

static int await_both(int hear, struct err *e)
{
	char said[GUARDS];
	ssize_t n = fd_read_all(hear, said, sizeof said);

	return n == GUARDS ? 0 : fail(e, ECHILD, "a guard has ended");
}

int step_guards_post(struct box *b, struct err *e)
{
	const struct note go = { 0 };
	int twins[GUARDS], ends[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, twins) < 0)
		return fail(e, errno, "socketpair: %m");
	if (pipe2(ends, O_CLOEXEC) < 0) {
		fd_close(&twins[0]);
		fd_close(&twins[1]);
		return fail(e, errno, "pipe: %m");
	}

	OWN_FD hear = ends[0];

	r = post_both(b, twins, ends[1], e);
	fd_close(&twins[0]);
	fd_close(&twins[1]);
	fd_close(&ends[1]);
	TRY(r);
	TRY(await_both(hear, e));
	return send(b->init_note, &go, sizeof go, MSG_NOSIGNAL) == (ssize_t)sizeof go
		       ? 0
		       : fail(e, EPIPE, "the first process is gone");
}

/* The container has ended, or is to: whoever is left of it goes with them. */
void undo_guards_post(struct box *b)
{
	struct err ignored;

	if (b->has_cgroup)
		(void)cgroup_kill(&b->cgroup, &ignored);
	for (size_t i = 0; i < GUARDS; i++)
		end_process(&b->guards[i].pid, &b->guards[i].pidfd);
}
