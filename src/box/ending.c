/*
 * How a container that runs comes to its end, as the launcher sees it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "box/record.h"
#include "box/sequence.h"
#include "box/state.h"
#include "kern/sys.h"

/* A broker that dies takes its container down before it is gone itself; one that was taken over need not go. */
enum { BROKER_END_MS = 2000 };

/* Whether the process has begun to end: PF_EXITING of include/linux/sched.h, in the flags of its stat. */
static bool is_exiting(pid_t pid)
{
	const uint64_t exiting = 0x4;
	uint64_t flags;
	char state;

	return record_stat(pid, 9, &state, &flags) && (flags & exiting) != 0;
}

/* Whether the broker is dying or dead without having said that its work was done. That is seen before the rest of its
 * end, which waits until init was reaped: the kernel first lets all processes of its pid namespace, and of those below,
 * go (zap_pid_ns_processes() in kernel/pid_namespace.c). It does so when all threads of the broker have begun to end;
 * the last of them may not have closed the socket yet, and what it closes before, such as a mount, may take milliseconds: time
 * enough for a workload to end by itself. */
static bool broker_broke(const struct box *b)
{
	struct pollfd its_end = { .fd = b->broker_note, .events = 0 };

	if (b->broker <= 0 || !b->plan->broker.used ||
	    atomic_load(&b->shared->broker) == BROKER_DONE)
		return false;
	if ((poll(&its_end, 1, 0) <= 0 || !(its_end.revents & POLLHUP)) && !is_exiting(b->broker))
		return false;
	return atomic_load(&b->shared->broker) != BROKER_DONE;
}

/* Its death counts more than how init ended: between the two the kernel answers ENOSYS to the calls that were the
 * broker's, and init may have ended of that. */
static int explain_broker(const struct box *b, struct err *e)
{
	struct pollfd end = { .fd = b->broker_pidfd, .events = POLLIN };
	siginfo_t how = { 0 };

	if (!broker_broke(b) || poll(&end, 1, BROKER_END_MS) <= 0 ||
	    sys_wait_pidfd(b->broker_pidfd, WEXITED | WNOHANG | WNOWAIT, &how, NULL) < 0 ||
	    how.si_pid == 0 || (how.si_code == CLD_EXITED && how.si_status == 0))
		return 0;
	if (how.si_code == CLD_EXITED)
		return fail(e, EIO, "the broker ended (exit code %d), and the container with it",
			    how.si_status);
	fail(e, EIO, "the broker was killed by signal %d (%s), and the container with it",
	     how.si_status, strsignal(how.si_status));
	if (how.si_status == SIGSYS)
		return advise(
			e,
			"it made a call that it has no use for: a bug of zviz, or an attack on it");
	return advise(e,
		      "somebody on the host did that, or memory ran out: the kernel's log knows");
}

static int explain_guard(struct err *e)
{
	fail(e, EIO, "a guard of its shared pid namespace was killed, and the container with it");
	return advise(e,
		      "somebody on the host did that, or memory ran out: the kernel's log knows");
}

/* What a process that was taken over can write to is asked for no more than it can mean. */
static const char *row_reached(const struct box *b)
{
	int32_t row = atomic_load(&b->shared->init_step);

	return row >= 0 && (size_t)row < b->sequence->n ? b->sequence->rows[row].name : "exec";
}

int box_wait(struct box *b, struct err *e)
{
	int status = 0, r;
	pid_t got;

	while ((got = waitpid(b->init, &status, 0)) < 0 && errno == EINTR)
		;
	if (got < 0)
		return fail(e, errno, "wait: %m");
	b->init = 0;
	e->no = 0;
	box_explain_death(b, e);
	if (e->no != 0)
		return -e->no;

	const char *row = row_reached(b);

	r = explain_broker(b, e);
	if (r == 0 && shares_processes(b->plan) && atomic_load(&b->shared->broken) != 0)
		r = explain_guard(e);
	domain_end(b); /* nobody else does, where there is no pid namespace */
	TRY(r);
	if (strcmp(row, "exec") != 0 && strcmp(row, "init.fork") != 0)
		return fail(e, EIO, "%s: the %s process was killed (status %d)", row,
			    b->sequence == &launch_sequence ? "first" : "joining", status);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		b->why = net_broke(b);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int box_signal(struct box *b, int sig)
{
	return sys_pidfd_send_signal(b->init_pidfd, sig);
}

bool box_has_begun(const struct box *b)
{
	return atomic_load(&b->shared->init_step) + 1 >= (int32_t)b->sequence->n;
}

bool box_await_exec(struct box *b)
{
	struct note n;
	ssize_t len;

	/* The other end is closed by exec, or speaks. */
	do
		len = recv(b->init_note, &n, sizeof n, MSG_PEEK);
	while (len < 0 && errno == EINTR);
	return len <= 0 && box_has_begun(b);
}

int box_detach(struct box *b, struct err *e)
{
	if (!box_await_exec(b)) {
		int r = box_wait(b, e);

		box_end(b);
		return r < 0 ? r : fail(e, EIO, "the workload ended before it began (code %d)", r);
	}
	b->left = true;
	state_leave(b);
	box_release(b);
	return 0;
}
