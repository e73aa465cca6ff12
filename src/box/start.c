/*
 * A container that is created first and started later: how its first process waits, and how it is told to go on.
 *
 * It waits where all that needs time, privileges or the launcher is behind it, and its filters are not loaded yet: no call that
 * waiting takes has to be permitted by a profile. Until then it dies with its launcher. What tells a waiting one from one
 * that runs is a lock on a file, which exec gives up: there is no moment between the two.
 */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/hooks.h"
#include "box/record.h"
#include "box/sequence.h"
#include "box/start.h"
#include "box/state.h"
#include "kern/sys.h"

enum { QUEUE = 16, SIGNALS = 64 };

/* ---- before it is born ---- */

static int make_file(struct box *b, struct err *e)
{
	const struct record_waiting none = { .row = -1 };
	OWN_FD fd = openat(b->state, record_waiting_name,
			   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	void *at;

	/* Written, so that the mapping has its page whatever becomes of the disk. */
	if (fd < 0 || pwrite(fd, &none, sizeof none, 0) != (ssize_t)sizeof none ||
	    flock(fd, LOCK_EX) < 0)
		return fail(e, errno, "state: %s: %m", record_waiting_name);
	at = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return fail(e, errno, "state: %s: %m", record_waiting_name);
	b->waiting = at;
	b->waiting_file = fd_take(&fd);
	return 0;
}

/* By the folder's descriptor: the path of a socket's address is short. */
static void address_of(int dir, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at->sun_path, sizeof at->sun_path, "/proc/self/fd/%d/%s", dir, record_start_name);
}

int start_prepare(struct box *b, struct err *e)
{
	struct sockaddr_un at;

	TRY(make_file(b, e));
	address_of(b->state, &at);
	b->start = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (b->start < 0 || bind(b->start, (const struct sockaddr *)&at, sizeof at) < 0 ||
	    listen(b->start, QUEUE) < 0)
		return fail(e, errno, "state: %s: %m", record_start_name);
	return 0;
}

/* ---- the first process ---- */

static void end_by(int sig)
{
	_exit(128 + sig);
}

/* As the first process of a pid namespace it would not feel a signal that it does not catch, and there is no program yet that
 * could want one. */
static void feel_signals(void (*handler)(int))
{
	static const int harmless[] = { SIGKILL,  SIGSTOP, SIGCHLD, SIGCONT, SIGURG,
					SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU };
	struct sigaction act = { .sa_handler = handler };

	for (int sig = 1; sig <= SIGNALS; sig++) {
		bool ends = true;

		for (size_t i = 0; i < COUNT(harmless); i++)
			ends &= sig != harmless[i];
		if (ends && handler != SIG_DFL)
			(void)sigaction(sig, &act, NULL);
		else if (ends)
			sys_signal_default(sig);
	}
}

static int tell(int to, int32_t step, const struct err *e)
{
	struct note n = { .step = step, .no = e->no };

	memcpy(n.text, e->text, sizeof n.text);
	memcpy(n.hint, e->hint, sizeof n.hint);
	return send(to, &n, sizeof n, MSG_NOSIGNAL) == (ssize_t)sizeof n ? 0 : -errno;
}

/* Its end is a launcher that is gone: so are we, then. */
static void leave(struct box *b)
{
	const struct err none = { 0 };
	struct note n;
	ssize_t len;

	if (tell(b->note, NOTE_WAITS, &none) < 0)
		_exit(1);
	do
		len = recv(b->note, &n, sizeof n, 0);
	while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof n)
		_exit(1);
}

/* Who is there gets to hear of what fails from now on. Others who come meanwhile find the socket closed. */
static int take_starter(struct box *b, struct err *e)
{
	for (;;) {
		int fd = accept4(b->start, NULL, NULL, SOCK_CLOEXEC);
		struct err none = { 0 };

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return fail(e, errno, "wait for the start: %m");
		if (fd < 0)
			continue;
		if (b->plan->nargs != 0) {
			tell(fd, NOTE_STARTS, &none);
			b->note = fd;
			fd_close(&b->start);
			return 0;
		}
		fail(&none, EINVAL, "container %s has no process to start", b->plan->id);
		advise(&none, "its config.json has no section process");
		tell(fd, 0, &none);
		close(fd);
	}
}

/* Some engines connect what create has made, and say nothing of it beforehand. Devices that the kernel puts into each new network are
 * down. */
static int check_unconnected(struct err *e)
{
	struct ifaddrs *all, *at;
	int r = 0;

	if (getifaddrs(&all) < 0)
		return fail(e, errno, "devices of the network: %m");
	for (at = all; at != NULL && r == 0; at = at->ifa_next)
		if ((at->ifa_flags & IFF_UP) && !(at->ifa_flags & IFF_LOOPBACK))
			r = fail(
				e, EBUSY,
				"network: %s has come into the container's network since it was created, and no rules "
				"hold there",
				at->ifa_name);
	freeifaddrs(all);
	if (r < 0)
		advise(e,
		       "have the engine make the network, and name its path in linux.namespaces; or "
		       "connect it in a hook; or use a profile with network: {mode: host}");
	return r;
}

int step_start_wait(struct box *b, struct err *e)
{
	int keep[] = { b->note, b->hand_init, b->start, b->waiting_file, b->starter };

	/* It may wait for long: whatever else its launcher and the caller had open is not kept open by it. */
	TRY(close_others(3 + b->opt->preserve, keep, COUNT(keep), e));
	feel_signals(end_by);
	leave(b);
	if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
		return fail(e, errno, "parent-death signal: %m");
	fd_close(&b->note); /* the launcher waits for that */
	TRY(take_starter(b, e));
	feel_signals(SIG_DFL);
	return own_network(b->plan) ? check_unconnected(e) : 0;
}

/* ---- its launcher ---- */

/* Reaps init, which has said why it failed or died without a word. */
static int explain_end(struct box *b, struct err *e)
{
	int code = box_wait(b, e);

	return code < 0
		       ? code
		       : fail(e, EIO,
			      "the first process ended before it could be started (code %d)", code);
}

int box_await_created(struct box *b, struct err *e)
{
	struct note n;
	ssize_t len;

	do
		len = recv(b->init_note, &n, sizeof n, MSG_PEEK);
	while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof n || n.step != NOTE_WAITS)
		return explain_end(b, e);
	(void)!recv(b->init_note, &n, sizeof n, 0);
	return 0;
}

int box_leave_created(struct box *b, struct err *e)
{
	const struct err none = { 0 };
	char byte;
	ssize_t len;

	atomic_store(&b->waiting->created, 1);
	tell(b->init_note, 0, &none);
	do
		len = recv(b->init_note, &byte, 1, MSG_PEEK);
	while (len < 0 && errno == EINTR);
	/* Its end is closed: by itself, since it no longer needs us, or by its death, which the state then tells. */
	if (len > 0)
		return explain_end(b, e);
	b->left = true;
	state_leave(b);
	box_release(b);
	return 0;
}

/* As one that was started after all: the same file says that the name is taken. */
int box_keep(struct box *b, struct err *e)
{
	TRY(make_file(b, e));
	atomic_store(&b->waiting->created, 1);
	b->kept = true;
	return 0;
}

/* ---- zviz start ---- */

static int say_status(struct arena *a, const char *root, const char *id, struct err *e)
{
	struct state_info info;

	TRY(state_read(a, root, id, &info, e));
	switch (info.status) {
	case STATE_STOPPED:
		fail(e, EINVAL, "cannot start a container that has stopped: %s", id);
		return info.cut_short
			       ? advise(e, "its broker was killed, and the container with it")
			       : -e->no;
	case STATE_CREATING:
		return fail(e, EBUSY, "cannot start a container that is still being created: %s",
			    id);
	case STATE_PAUSED:
		fail(e, EBUSY, "cannot start a container that is paused: %s", id);
		return advise(e, "zviz resume %s", id);
	default:
		return fail(e, EBUSY, "cannot start an already running container: %s", id);
	}
}

/* A note, or the end: 0. */
static ssize_t hear(int from, struct note *n)
{
	ssize_t len;

	do
		len = recv(from, n, sizeof *n, 0);
	while (len < 0 && errno == EINTR);
	n->text[sizeof n->text - 1] = n->hint[sizeof n->hint - 1] = '\0';
	return len == (ssize_t)sizeof *n ? len : 0;
}

static int repeat(const struct note *n, struct err *e)
{
	fail(e, n->no, "%s", n->text);
	return n->hint[0] != '\0' ? advise(e, "%s", n->hint) : -e->no;
}

/* From here on it is ours to say how the start went. The end without a word is exec, or death. */
static int await_exec(int dir, int socket, const char *id, struct err *e)
{
	struct note n;

	if (hear(socket, &n) > 0)
		return repeat(&n, e);

	int row = record_row_reached(dir);

	if (row == (int)launch_sequence.n - 1)
		return 0;
	return fail(e, EIO, "container %s: %s: the first process was killed", id,
		    row >= 0 && row < (int)launch_sequence.n ? launch_sequence.rows[row].name
							     : "start");
}

static int run_poststart(struct arena *a, int dir, const char *id, struct err *e)
{
	const struct record r = record_read(a, dir);
	const struct hooks_state s = { .id = id,
				       .status = "running",
				       .bundle = r.bundle,
				       .pid = (pid_t)r.init.pid,
				       .annotations = &r.annotations };

	if (hooks_run(a, &r.poststart, "poststart", &s, e) == 0)
		return 0;

	pid_t pid = record_living(&r.init, false);

	if (pid != 0)
		kill(pid, SIGKILL);
	return -e->no;
}

int start_created(struct arena *a, const char *root, const char *id, struct err *e)
{
	struct state_info info;
	struct sockaddr_un at;
	struct note n;
	OWN_FD dir = state_open(root, id, e);
	OWN_FD fd = -1;

	if (dir < 0)
		return dir;
	TRY(state_read(a, root, id, &info, e));
	if (info.status != STATE_CREATED)
		return say_status(a, root, id, e);
	address_of(dir, &at);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(e, errno, "socket: %m");
	/* Refused, or closed before it was our turn: another one has started it, or it is dead. */
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) < 0 || hear(fd, &n) == 0)
		return say_status(a, root, id, e);
	if (n.step != NOTE_STARTS)
		return repeat(&n, e);
	TRY(await_exec(dir, fd, id, e));
	return run_poststart(a, dir, id, e);
}
