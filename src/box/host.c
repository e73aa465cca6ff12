/*
 * The launcher's rows: it claims the name, makes the processes and cleans up behind them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/given.h"
#include "box/ids.h"
#include "box/sequence.h"
#include "box/state.h"
#include "kern/sys.h"

static int pair(int *launcher, int *child, struct err *e)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return fail(e, errno, "socketpair: %m");
	*launcher = fds[0];
	*child = fds[1];
	return 0;
}

int box_prepare(struct box *b, struct arena *a, const struct plan *p, const struct box_options *opt,
		struct err *e)
{
	// clang-format off
	*b = (struct box){ .plan = p, .opt = opt, .arena = a, .state = -1, .state_lock = -1,
			   .broker_pidfd = -1, .init_pidfd = -1, .broker_note = -1, .init_note = -1,
			   .userns = -1, .console = -1, .rootfs_source = -1, .note = -1, .hand_broker = -1,
			   .hand_init = -1, .note_broker = -1, .note_init = -1, .root = -1, .old_root = -1,
			   .net_control = -1, .net_ns = -1, .net_user = -1, .mask_folder = -1, .mask_file = -1, .dev = -1, .proc = -1, .view_root = -1,
			   .door = -1, .starter = -1, .objects_file = -1, .into = -1, .cgroup_ns = -1, .time_ns = -1, .launcher = -1,
			   .waiting_file = -1, .start = -1, .hooks_input = -1 };
	// clang-format on
	for (size_t i = 0; i < VIEW_FDS; i++)
		b->view[i] = -1;
	for (size_t i = 0; i < GUARDS; i++)
		b->guards[i].pidfd = -1;
	b->shared = mmap(NULL, sizeof *b->shared, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->shared == MAP_FAILED) {
		b->shared = NULL;
		return fail(e, errno, "shared memory: %m");
	}
	TRY(pair(&b->init_note, &b->note_init, e));
	return 0;
}

void box_close_view(struct box *b)
{
	for (size_t i = 0; i < VIEW_FDS; i++)
		fd_close(&b->view[i]);
}

/* Before the broker is born, which inherits them. */
static int box_prepare_broker(struct box *b, struct err *e)
{
	TRY(pair(&b->broker_note, &b->note_broker, e));
	if (!b->plan->broker.used)
		return 0;
	TRY(pair(&b->hand_broker, &b->hand_init, e));
	b->door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return b->door >= 0 ? 0 : fail(e, errno, "socket: %m");
}

void box_close_sources(struct box *b)
{
	for (size_t i = 0; b->sources != NULL && i < b->plan->nmounts; i++)
		fd_close(&b->sources[i].fd);
	fd_close(&b->rootfs_source);
}

void end_process(pid_t *pid, int *pidfd)
{
	if (*pid <= 0)
		return;
	sys_pidfd_send_signal(*pidfd, SIGKILL);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
	fd_close(pidfd);
}

void box_release(struct box *b)
{
	int *const fds[] = { &b->init_note,   &b->broker_note,  &b->note_init, &b->note_broker,
			     &b->hand_broker, &b->hand_init,    &b->userns,    &b->console,
			     &b->init_pidfd,  &b->broker_pidfd, &b->door,      &b->objects_file,
			     &b->into,        &b->cgroup_ns,    &b->time_ns,   &b->launcher,
			     &b->net_control, &b->waiting_file, &b->start,     &b->starter,
			     &b->net_ns,      &b->net_user };

	if (b->broker > 0 && !b->left)
		end_process(&b->broker, &b->broker_pidfd);
	for (size_t i = 0; i < COUNT(fds); i++)
		fd_close(fds[i]);
	for (size_t i = 0; i < GUARDS; i++)
		fd_close(&b->guards[i].pidfd);
	box_close_sources(b);
}

/* What a child said before it died. If it left something unread, the socket reports that first (unix_release_sock
 * in net/unix/af_unix.c), and what it said only when asked again. A terminal may have come before it, by one letter. */
static bool take_note(int from, struct err *e)
{
	enum { TRIES = 3 };
	struct note n;
	ssize_t len = -1;

	for (int tries = 0; from >= 0 && len != 0 && len != (ssize_t)sizeof n && tries < TRIES;
	     tries++)
		len = recv(from, &n, sizeof n, MSG_DONTWAIT);
	if (len != (ssize_t)sizeof n || n.no == 0)
		return false;
	n.text[sizeof n.text - 1] = n.hint[sizeof n.hint - 1] = '\0';
	fail(e, n.no, "%s", n.text);
	if (n.hint[0] != '\0')
		advise(e, "%s", n.hint);
	return true;
}

void box_explain_death(struct box *b, struct err *e)
{
	/* All that init knows of a broker that failed is ECHILD: the broker itself said more. */
	if (!take_note(b->init_note, e) || e->no == ECHILD)
		take_note(b->broker_note, e);
}

/* ---- namespaces.make: the broker, or a process that only holds the namespaces ---- */

static _Noreturn void holder_main(struct box *b)
{
	struct note n;

	while (recv(b->note, &n, sizeof n, 0) > 0)
		;
	_exit(0);
}

static _Noreturn void broker_main(struct box *b, size_t row)
{
	struct err e;

	b->note = b->note_broker;
	fd_close(&b->broker_note); /* the launcher's ends: a read must end when the launcher does */
	fd_close(&b->init_note);
	fd_close(&b->note_init);
	fd_close(&b->hand_init);
	/* It may have died before this process had its first turn. */
	if (follow_launcher(b, &e) < 0)
		_exit(1);
	if (!b->plan->broker.used)
		holder_main(b);
	setsid();
	child_walk(b, BROKER, row);
}

/* Making a network namespace takes longer than all others together: the broker does that beside the launcher and
 * init (net.make), and hands it to init when it is needed. The pid namespace made here is the parent of the container's. Its first process is the broker: the kernel
 * kills everything below when that process dies. */
uint64_t holder_namespaces(const struct plan *p)
{
	if (p->bare)
		return 0;

	uint64_t flags = p->namespaces &
			 ~(uint64_t)(CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWTIME);

	if (!p->broker.used)
		return flags;
	/* Whoever shares a pid namespace may look at the network that somebody in it is in, from his birth on. */
	if (shares_processes(p))
		return flags;
	return (flags | CLONE_NEWPID) & ~(uint64_t)(p->net.used ? 0 : CLONE_NEWNET);
}

/* The broker has half a millisecond's work to do beside us. Left to itself it may wait in our own processor's queue until
 * we sleep: so it is moved to another one, and may then go where it likes. Where that cannot be, nothing is lost. */
static void work_beside(pid_t child)
{
	cpu_set_t all, others;
	int own = sys_getcpu();

	if (own < 0 || sched_getaffinity(0, sizeof all, &all) < 0)
		return;
	others = all;
	CPU_CLR((unsigned)own, &others);
	if (CPU_COUNT(&others) != 0 && sched_setaffinity(child, sizeof others, &others) == 0)
		(void)sched_setaffinity(child, sizeof all, &all);
}

/* After a clone parent and child copy each page that they write to, both at the same moment, and wait for each other's
 * page tables. So what they need is copied at once: the stack from here up to the callers' frames, somewhat above the box,
 * and a few pages more. */
static void own_memory(const struct box *b)
{
	enum { BELOW_BYTES = 12 * 1024, ABOVE_BYTES = 8 * 1024 };
	uintptr_t from = (uintptr_t)__builtin_frame_address(0) - BELOW_BYTES;

	sys_populate((const void *)from, (uintptr_t)b + sizeof *b + ABOVE_BYTES - from);
	sys_populate(&errno, sizeof errno);
	arena_own(b->arena);
}

struct birth {
	pid_t pid; /* out */
	int pidfd; /* out */
};

/* By the launcher, or by one that stands in the namespaces by path: the launcher's child in any case. */
static int bear_broker(struct box *b, void *arg, struct err *e)
{
	struct birth *born = arg;
	bool visiting = b->plan->ngivens != 0;
	struct clone_args args = {
		.flags = holder_namespaces(b->plan) | CLONE_PIDFD | (visiting ? CLONE_PARENT : 0),
		.pidfd = (uint64_t)(uintptr_t)&born->pidfd,
		.exit_signal = visiting ? 0 : SIGCHLD, /* with CLONE_PARENT: the maker's own */
	};

	/* What refuses namespaces refuses clone3 as well, mostly. */
	born->pid = b->plan->bare ? sys_fork_pidfd(&born->pidfd) : sys_clone3(&args);
	own_memory(b);
	if (born->pid == 0)
		broker_main(b, row_of(b, "namespaces.make"));
	if (born->pid > 0)
		return 0;
	fail(e, -born->pid, "new namespaces: %m");
	/* Every kernel that zviz runs on has clone3: engines' filters answer so, and would refuse the namespaces as well. */
	if (born->pid == -ENOSYS)
		return advise(e, "the filter that zviz runs under, such as an outer container's, "
				 "refuses clone3: have that one permit it, and new namespaces");
	return advise(e, "`zviz check` says which namespaces this host permits");
}

int step_namespaces_make(struct box *b, struct err *e)
{
	struct birth born = { .pidfd = -1 };
	int r;

	TRY(box_prepare_broker(b, e));
	r = given_visit_above(b, bear_broker, &born, sizeof born, e);
	fd_close(&b->proc);
	b->broker = born.pid > 0 ? born.pid : 0;
	b->broker_pidfd = born.pidfd;
	if (r < 0)
		return r;
	if (b->plan->broker.used)
		work_beside(b->broker);
	fd_close(&b->note_broker);
	return 0;
}

/* It takes the namespaces down with it, which takes a while: box_release() reaps it, when all else is done. */
void undo_namespaces_make(struct box *b)
{
	if (b->broker > 0)
		sys_pidfd_send_signal(b->broker_pidfd, SIGKILL);
}

int step_ids_map(struct box *b, struct err *e)
{
	char path[64];

	TRY(ids_write(b->plan, b->broker, e));
	if (!b->plan->host->privileged)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/ns/user", b->broker);
	b->userns = path_open(path, O_RDONLY);
	return b->userns >= 0 ? 0 : fail(e, errno, "%s: %m", path);
}
