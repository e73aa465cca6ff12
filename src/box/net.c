/*
 * The launcher's part in a private network: it starts zviz-net, which makes the way out and holds it, waits until the rules
 * are in force, and tells it whose end to wait for.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/net.h"
#include "box/sequence.h"
#include "box/state.h"
#include "kern/link.h"
#include "kern/scm.h"
#include "kern/sys.h"
#include "policy/net_job.h"

enum { END_MS = 2000 }; /* what it holds goes in some milliseconds */
enum {
	REPORT_MS =
		180 *
		1000, /* for one that hangs: of one that ends we hear at once, and hundreds at once take a minute */
	SETTLE_MS = 1000, /* it has a few messages of the kernel to read, and ends */
};

#ifndef ZVIZ_LIBEXEC
#define ZVIZ_LIBEXEC "/usr/local/libexec/zviz"
#endif

/* Beside zviz, as in a tree that was built, or where it is installed. Nothing that the caller says counts. */
const char *net_program(struct arena *a, struct err *e)
{
	static const char *const beside[] = { "zviz-net", "../net/zviz-net" };
	const char *path = ZVIZ_LIBEXEC "/zviz-net";
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; n > 0 && i < COUNT(beside); i++) {
		int folder = (int)(strrchr(self, '/') - self);
		const char *at = arena_printf(a, "%.*s/%s", folder, self, beside[i]);

		if (access(at, X_OK) == 0)
			return at;
	}
	if (access(path, X_OK) == 0)
		return path;
	fail(e, ENOENT, "%s: not there, and it loads the rules of networks", path);
	advise(e, "install zviz with it, or run without a way out: --network none, and no hooks "
		  "that could bring one");
	return NULL;
}

int net_hand(const struct buf *text, struct err *e)
{
	OWN_FD fd = memfd_create("zviz-net", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return fail(e, errno, "memory for its job: %m");
	r = fd_write_all(fd, buf_text(text), text->len);
	if (r < 0)
		return fail(e, -r, "write its job: %m");
	return fd_take(&fd);
}

static int write_job(const struct box *b, struct err *e)
{
	struct buf text = { .arena = b->arena };

	net_job_print(b->plan, b->plan->net.rules, b->plan->net.rules_len, &text);
	return net_hand(&text, e);
}

static int open_namespace(const struct box *b, const char *kind, struct err *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/ns/%s", b->broker, kind);
	fd = path_open(path, O_RDONLY);
	return fd >= 0 ? fd : fail(e, errno, "%s: %m", path);
}

/* Nothing of the caller's goes along: no descriptor, no environment, no folder that could not be unmounted. */
_Noreturn void net_become(const char *program, const int given[NET_FD_END])
{
	char name[] = "zviz-net", *const argv[] = { name, NULL }, *const env[] = { NULL };
	int high[NET_FD_END], null;

	null = open("/dev/null", O_RDWR);
	for (int i = NET_FD_CONTROL; i < NET_FD_END; i++)
		high[i] = fcntl(given[i] >= 0 ? given[i] : null, F_DUPFD_CLOEXEC, 64);
	for (int i = 0; i < NET_FD_CONTROL; i++)
		dup2(null, i);
	for (int i = NET_FD_CONTROL; i < NET_FD_END; i++)
		dup2(high[i], i);
	sys_close_range(NET_FD_END, UINT_MAX, 0);
	setsid();
	if (chdir("/") == 0)
		execve(program, argv, env);
	_exit(127);
}

int step_net_hold(struct box *b, struct err *e)
{
	const char *program = net_program(b->arena, e);
	OWN_FD reason = state_open_reason(b, e);
	int ends[2], fds[NET_FD_END];

	if (program == NULL || reason < 0)
		return -e->no;

	OWN_FD job = write_job(b, e);
	OWN_FD net = job >= 0 ? open_namespace(b, "net", e) : -1;
	OWN_FD user = net >= 0 ? open_namespace(b, "user", e) : -1;

	if (user < 0)
		return -e->no;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(e, errno, "socketpair: %m");
	b->net_control = ends[0];

	OWN_FD its_end = ends[1];

	OWN_FD door = state_open_net_door(b, e);

	if (door < 0)
		return door;
	fds[NET_FD_CONTROL] = its_end;
	fds[NET_FD_DOOR] = door;
	fds[NET_FD_JOB] = job;
	fds[NET_FD_NETNS] = net;
	fds[NET_FD_USERNS] = user;
	fds[NET_FD_REASON] = reason;
	fds[NET_FD_EVENTS] = b->plan->net.told ? b->opt->broker.events : -1;
	b->net = sys_fork();
	if (b->net == 0)
		net_become(program, fds);
	if (b->net < 0)
		return fail(e, -b->net, "fork: %m");
	b->net_ns = fd_take(&net);
	b->net_user = fd_take(&user);
	return 0;
}

/* It ends by itself when the other end of its socket is closed, or the container it was told of has ended. Then both of its
 * processes have let go of their tables before they close theirs. */
void undo_net_hold(struct box *b)
{
	struct pollfd gone = { .fd = b->net_control, .events = 0 };

	if (b->net_told)
		(void)poll(&gone, 1, END_MS);
	fd_close(&b->net_control);
	if (b->net <= 0)
		return;
	kill(b->net, SIGKILL); /* our own child, not yet waited for: no other can have its number */
	while (waitpid(b->net, NULL, 0) < 0 && errno == EINTR)
		;
	b->net = 0;
}

/* A connection that is being closed keeps the container's network, and with it the pair of devices, until the other side has
 * answered or the kernel gives up: for two minutes, and the other side may be the workload's friend. */
void undo_net_ready(struct box *b)
{
	if (b->net_device != NULL)
		link_remove(b->net_device);
}

int step_net_ready(struct box *b, struct err *e)
{
	struct pollfd said = { .fd = b->net_control, .events = POLLIN };
	struct net_report r;
	char device[LINK_TEXT_BYTES], table[NET_TABLE_BYTES];
	int n = poll(&said, 1, REPORT_MS);

	if (n == 0)
		return fail(e, ETIMEDOUT, "zviz-net does not say that the network stands");
	if (n < 0 || recv(b->net_control, &r, sizeof r, 0) != (ssize_t)sizeof r ||
	    r.version != NET_REPORT_VERSION) {
		fail(e, EIO, "zviz-net ended without a word");
		return advise(e, "its libraries may be missing: libnftables1, libmnl0, libmd0");
	}
	r.text[sizeof r.text - 1] = r.hint[sizeof r.hint - 1] = '\0';
	link_describe(r.device, device);
	b->net_device = device[0] != '\0' ? arena_strdup(b->arena, device) : NULL;
	net_table_name(r.table, table);
	b->net_table = arena_strdup(b->arena, table);
	if (r.no == 0) {
		b->net_note = r.text[0] != '\0' ? arena_strdup(b->arena, r.text) : NULL;
		return 0;
	}
	fail(e, r.no, "%s", r.text);
	return r.hint[0] != '\0' ? advise(e, "%s", r.hint) : -e->no;
}

void box_net_settle(const struct box *b)
{
	OWN_FD end = b->net > 0 && b->plan->net.told ? sys_pidfd_open(b->net, 0) : -1;
	struct pollfd ended = { .fd = end, .events = POLLIN };

	if (end >= 0)
		(void)!poll(&ended, 1, SETTLE_MS); /* box_end() ends it otherwise */
}

int net_watch(struct box *b, struct err *e)
{
	struct pollfd init = { .fd = b->init_pidfd, .events = POLLIN };
	int r = 0;

	/* To each of its two processes. Of a workload that has ended already the first may know, and have ended with the second. */
	for (int i = 0; r == 0 && i < 2; i++)
		r = scm_send(b->net_control, "w", 1, b->init_pidfd);
	if (r == -EPIPE && poll(&init, 1, 0) == 1)
		r = 0;
	b->net_told = r == 0;
	return r < 0 ? fail(e, -r, "tell zviz-net of the first process: %m") : 0;
}

/* It ends by itself after the container; whoever is killed before takes the container along. */
const char *net_broke(struct box *b)
{
	int status = 0;
	pid_t got = 0;

	for (int waited = 0; b->net > 0 && got == 0 && waited < END_MS; waited++) {
		got = waitpid(b->net, &status, WNOHANG);
		if (got == 0)
			usleep(1000);
	}
	if (got != b->net || got <= 0)
		return NULL;
	b->net = 0;
	if (WIFSIGNALED(status))
		return arena_printf(
			b->arena,
			"zviz-net was killed by signal %d (%s), and the container with it",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == NET_EXIT_BEHIND)
		return "zviz-net could not keep new addresses of the host from the container, and ended it";
	return WEXITSTATUS(status) == NET_EXIT_ALONE
		       ? "the second process of zviz-net was killed, and the container with it"
		       : NULL;
}
