#include "net/keeper.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/sys.h"

enum { SAID_BYTES = 2048 };

/* What the program makes its device, its sandbox and its own last capabilities with; all over the container alone. */
static const uint64_t given_caps = 1ull << CAP_SYS_ADMIN | 1ull << CAP_NET_ADMIN |
				   1ull << CAP_SYS_CHROOT | 1ull << CAP_SETPCAP;

/* ---- the program ---- */

/* An id that is not 0 keeps capabilities over execve(2) only as ambient ones. */
static int lower(void)
{
	const struct sys_caps caps = { given_caps, given_caps, given_caps };
	int r = sys_capset(&caps);

	for (unsigned c = 0; r == 0 && c < 64; c++)
		if ((given_caps >> c & 1) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			r = -errno;
	return r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : r;
}

static _Noreturn void become_program(const struct holder *h, const char *const *args, int said,
				     int ready)
{
	const struct rlimit no_core = { 0 };
	char *const env[] = { NULL };
	int high = fcntl(ready, F_DUPFD_CLOEXEC, 64), err = fcntl(said, F_DUPFD_CLOEXEC, 64),
	    null = open("/dev/null", O_RDWR | O_CLOEXEC); /* last: errno is its own */

	if (null < 0 || high < 0 || err < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(err, 2) < 0 || dup2(high, KEEPER_READY_FD) < 0) {
		dprintf(said, "%s: %s", null < 0 ? "/dev/null" : "its descriptors",
			strerror(errno));
		_exit(127);
	}
	/* pasta says by its end that it is ready, and needs no descriptor for it. */
	sys_close_range(h->job.way == NET_SLIRP4NETNS ? KEEPER_READY_FD + 1 : KEEPER_READY_FD,
			UINT_MAX, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	/* pasta takes it for an error when this was set before; slirp4netns goes on writing when nobody listens any more. */
	signal(SIGPIPE, h->job.way == NET_PASTA ? SIG_DFL : SIG_IGN);
	if (chdir("/") == 0 && lower() == 0)
		execve(h->job.program, (char *const *)args, env);
	dprintf(2, "%s: cannot be executed: %s", h->job.program, strerror(errno));
	_exit(127);
}

/* ---- until it is ready ---- */

/* What a program said last is why it ended. */
static int tell_end(const struct holder *h, int said, int status, struct err *e)
{
	char text[SAID_BYTES];
	ssize_t n = read(said, text, sizeof text - 1);
	const char *line;

	text[n > 0 ? n : 0] = '\0';
	for (char *end = text + strlen(text); end > text && end[-1] == '\n'; *--end = '\0')
		;
	line = strrchr(text, '\n') != NULL ? strrchr(text, '\n') + 1 : text;
	if (line[0] != '\0')
		fail(e, EIO, "%s: %.160s", h->job.program, line);
	else
		fail(e, EIO, "%s ended with status %d before it was ready", h->job.program,
		     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return advise(e, "it needs /dev/net/tun and a default route of this host");
}

/* pasta goes on in a child, which is ours then, and its parent ends. */
static int await_pasta(const struct holder *h, pid_t pid, int said, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(e, errno, "wait for %s: %m", h->job.program);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : tell_end(h, said, status, e);
}

/* slirp4netns writes a letter, or ends, and then nobody holds the other end of the pipe. */
static int await_slirp(const struct holder *h, pid_t pid, int said, int ready, struct err *e)
{
	char letter;
	int status;
	ssize_t n;

	do
		n = read(ready, &letter, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return slirp_publish(h, e);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return tell_end(h, said, status, e);
}

static int run_program(const struct holder *h, struct err *e)
{
	const char *args[KEEPER_ARGS_MAX];
	int pipes[4];
	pid_t pid;

	TRY(keeper_args(h, args, e));
	TRY(keeper_root(e));
	if (pipe2(pipes, O_CLOEXEC) < 0 || pipe2(pipes + 2, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe: %m");

	OWN_FD said = pipes[0], its_said = pipes[1], ready = pipes[2], its_ready = pipes[3];

	pid = sys_fork();
	if (pid == 0)
		become_program(h, args, its_said, its_ready);
	if (pid < 0)
		return fail(e, -pid, "fork: %m");
	fd_close(&its_said);
	fd_close(&its_ready);
	fcntl(said, F_SETFL, O_NONBLOCK);
	return h->job.way == NET_PASTA ? await_pasta(h, pid, said, e)
				       : await_slirp(h, pid, said, ready, e);
}

/* ---- the keeper ---- */

#define PERMIT(nr)                                                                                 \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* First process of a pid namespace: its end, by whatever cause, is the end of all in it. */
static _Noreturn void wait_for_all(void)
{
	static const struct sock_filter waits[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		PERMIT(__NR_wait4),
		PERMIT(__NR_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sys_caps none = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sys_capset(&none) == 0 &&
	    sys_seccomp_load(waits, COUNT(waits), 0) == 0)
		while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
			;
	_exit(0);
}

static _Noreturn void keep(const struct holder *h, int control)
{
	struct pollfd starter = { .fd = control };
	struct net_report r = { .version = NET_REPORT_VERSION };
	struct err e = { 0 };

	prctl(PR_SET_NAME, "zviz-keep", 0, 0, 0);
	/* Its starter may be gone already: then nobody is there whose end would be told. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || poll(&starter, 1, 0) != 0)
		_exit(1);
	if (run_program(h, &e) < 0) {
		r.no = e.no;
		memcpy(r.text, e.text, sizeof r.text);
		memcpy(r.hint, e.hint, sizeof r.hint);
	}
	(void)!send(control, &r, sizeof r, MSG_NOSIGNAL); /* its starter's end is ours */
	if (r.no != 0)
		_exit(1);
	sys_close_range(0, UINT_MAX, 0);
	wait_for_all();
}

int keeper_start(struct holder *h, struct err *e)
{
	struct clone_args args = { .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC |
					    CLONE_NEWUTS,
				   .exit_signal = SIGCHLD };
	struct net_report r;
	int ends[2];
	pid_t pid;
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(e, errno, "socketpair: %m");

	OWN_FD ours = ends[0], its = ends[1];

	pid = sys_clone3(&args);
	if (pid == 0) {
		close(ours);
		keep(h, its);
	}
	if (pid < 0)
		return fail(e, -pid, "namespaces for %s: %m", h->job.program);
	fd_close(&its);
	do
		n = recv(ours, &r, sizeof r, 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof r)
		return fail(e, EIO, "%s: its keeper ended without a word", h->job.program);
	if (r.no != 0) {
		fail(e, r.no, "%s", r.text);
		return r.hint[0] != '\0' ? advise(e, "%s", r.hint) : -e->no;
	}
	signal(SIGCHLD, SIG_IGN); /* its end, when it comes, is nothing to collect */
	return 0;
}
