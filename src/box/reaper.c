/*
 * init.fork: a first process that is not the workload. A program that runs as the first process of a pid
 * namespace gets no default signal actions and every orphan; shells and build tools expect neither.
 *
 * It stays behind under everything that confines the workload: filter, Landlock, no privileges. It passes
 * signals on, reaps, tells the launcher when the workload stops itself, and ends as the workload ended.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/forget.h"
#include "box/sequence.h"
#include "kern/sys.h"

/* Which process the handler speaks to. The only way to reach it from a signal handler. */
static volatile pid_t workload;

static const int passed_on[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1,
				 SIGUSR2, SIGTSTP, SIGCONT, SIGWINCH };

static void pass_on(int sig)
{
	int saved = errno;

	if (workload > 0)
		kill(-workload, sig);
	errno = saved;
}

static void catch_signals(void)
{
	/* One at a time: each takes some kilobytes of a stack that is small by then (forget_launch()). */
	struct sigaction act = { .sa_handler = pass_on, .sa_flags = SA_RESTART };

	sigfillset(&act.sa_mask);
	for (size_t i = 0; i < COUNT(passed_on); i++)
		sigaction(passed_on[i], &act, NULL);
	/* Giving the terminal to the workload's group makes this one a background group. */
	signal(SIGTTOU, SIG_IGN);
}

static void release_signals(void)
{
	for (size_t i = 0; i < COUNT(passed_on); i++)
		signal(passed_on[i], SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
}

static void tell_stopped(int launcher)
{
	struct note n = { .step = NOTE_STOPPED, .text = "stopped" };
	struct iovec part = { &n, sizeof n };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	(void)!sendmsg(launcher, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* It stays as long as the container does: of all that the launch and the caller had open, it keeps the way to the
 * launcher. A second listener in particular would let calls wait for a broker that is dead. */
static void let_go(int launcher)
{
	close(0);
	close(1);
	close(2);
	if (launcher > 3)
		(void)sys_close_range(3, (unsigned)launcher - 1, 0);
	(void)sys_close_range(launcher < 3 ? 3 : (unsigned)launcher + 1, UINT_MAX, 0);
}

static _Noreturn void reap(int launcher)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, WUNTRACED);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			_exit(1);
		if (pid != workload)
			continue;
		if (WIFSTOPPED(status))
			tell_stopped(launcher);
		else
			_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
}

int step_init_fork(struct box *b, struct err *e)
{
	catch_signals();

	pid_t pid = sys_fork();

	if (pid < 0)
		return fail(e, -pid, "fork: %m");
	if (pid > 0) {
		int launcher = b->note;

		workload = pid;
		setpgid(pid, pid);
		/* A launcher that only waits for exec must not wait for this process too. It ends then, and here alone would be
		 * what it has read and planned. */
		if (b->plan->detach) {
			fd_close(&launcher);
			arena_free(b->arena);
			forget_launch(&b->stacks);
		}
		let_go(launcher);
		reap(launcher);
	}
	/* Both sides do this, so that neither depends on who runs first. */
	setpgid(0, 0);
	if (b->plan->terminal)
		tcsetpgrp(0, getpid());
	release_signals();
	return 0;
}
