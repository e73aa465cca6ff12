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

enum { JOIN_STACK_BYTES = 16 * 1024, INIT_STACK_BYTES = 512 * 1024, INIT_STACK_USED = 16 * 1024 };

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
	b->shared = mmap(NULL, sizeof *b->shared, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->shared == MAP_FAILED) {
		b->shared = NULL;
		return fail(e, errno, "shared memory: %m");
	}
	TRY(pair(&b->init_note, &b->note_init, e));
	return 0;
}

static void close_view(struct box *b)
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

static void close_sources(struct box *b)
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
	close_sources(b);
}

/* What a child said before it died. If it left something unread, the socket reports that first (unix_release_sock
 * in net/unix/af_unix.c), and what it said only when asked again. */
static bool take_note(int from, struct err *e)
{
	struct note n;
	ssize_t len = -1;

	for (int tries = 0; from >= 0 && len < 0 && tries < 2; tries++)
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

static void die_with_launcher(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

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
static uint64_t holder_namespaces(const struct plan *p)
{
	uint64_t flags = p->namespaces &
			 ~(uint64_t)(CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWTIME);

	if (!p->broker.used)
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

int step_namespaces_make(struct box *b, struct err *e)
{
	struct clone_args args = {
		.flags = holder_namespaces(b->plan) | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&b->broker_pidfd,
		.exit_signal = SIGCHLD,
	};

	TRY(box_prepare_broker(b, e));

	TRY(given_enter(b, e));

	pid_t pid = sys_clone3(&args);

	own_memory(b);
	if (pid == 0)
		broker_main(b, row_of(b, "namespaces.make"));
	if (pid > 0)
		b->broker = pid;
	TRY(given_leave(b, e));
	if (pid < 0) {
		fail(e, -pid, "new namespaces: %m");
		return advise(e, "`zviz check` says which namespaces this host permits");
	}
	if (b->plan->broker.used)
		work_beside(pid);
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

/* ---- init.spawn ---- */

/*
 * Init must be the launcher's child (engines wait for it), in a new pid namespace below the broker's. The kernel
 * makes a pid namespace only for a process that is itself in the parent one (copy_pid_ns in
 * kernel/pid_namespace.c), and joining one takes effect for children only. So a first short-lived process joins
 * the namespaces, its sibling is in all of them, and clones init as one more sibling. Both share the launcher's
 * memory and files and have it wait, so they cost little more than a thread.
 */
struct joiner {
	struct box *b;
	pid_t second;
	int no;           /* out: errno, 0 when init runs */
	const char *what; /* NULL: `e` has it all */
	struct err *e;
	char *init_stack;   /* its bottom, as clone3 wants it */
	char *second_stack; /* its top: stacks grow down */
};

/* The launcher and both joiners do nothing but wait for init, so it belongs on their processor. The kernel does not know
 * that, and may put it beside the broker, each in the other's way. */
static void stay_here(cpu_set_t *before)
{
	cpu_set_t here;
	int own = sys_getcpu();

	CPU_ZERO(before);
	if (own < 0 || sched_getaffinity(0, sizeof *before, before) < 0)
		return;
	CPU_ZERO(&here);
	CPU_SET((unsigned)own, &here);
	if (sched_setaffinity(0, sizeof here, &here) < 0)
		CPU_ZERO(before);
}

/* It fails where a cpuset has none of these processors: then entering it has ended what stay_here() did (cpuset_fork() in
 * kernel/cgroup/cpuset.c). */
static void go_anywhere(const cpu_set_t *before)
{
	if (CPU_COUNT(before) != 0)
		(void)sched_setaffinity(0, sizeof *before, before);
}

/* Where init goes on to exec it borrows the launcher's memory as well: nothing is copied, and nothing faults. What
 * it changes, it changes in a copy of its own: the launcher goes on with the original. */
static _Noreturn void init_main(void *launcher)
{
	struct box own = *(struct box *)launcher;
	size_t n = own.plan->nmounts;

	go_anywhere(&own.cpus);
	if (own.sources != NULL)
		own.sources = memcpy(arena_array(own.arena, n, sizeof *own.sources), own.sources,
				     n * sizeof *own.sources);
	shared_set(&own.shared->init_born, 1);
	own.note = own.note_init;
	fd_close(&own.init_note);
	fd_close(&own.broker_note);
	fd_close(&own.hand_broker);
	/* The name is free as soon as the launcher is gone, not when the last of its children is. */
	fd_close(&own.state_lock);
	die_with_launcher();
	child_walk(&own, INIT, row_of(&own, "init.spawn"));
}

/* A reaping first process never execs, and one that is started later does not for long; one with clocks of its own must be alone
 * in its memory to set them. */
static bool needs_memory(const struct plan *p)
{
	return p->init || p->create || (p->namespaces & CLONE_NEWTIME);
}

/* Inside all the new namespaces: clones init. */
static int second_main(void *arg)
{
	struct joiner *j = arg;
	struct box *b = j->b;
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_NEWPID | CLONE_PIDFD |
			 (needs_memory(b->plan) ? 0 : CLONE_VM | CLONE_VFORK),
		.pidfd = (uint64_t)(uintptr_t)&b->init_pidfd,
		.stack = (uint64_t)(uintptr_t)j->init_stack,
		.stack_size = INIT_STACK_BYTES,
	};

	if (b->has_cgroup && cgroup_fd(&b->cgroup) >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd(&b->cgroup);
	}
	j->what = "clone the first process";

	pid_t pid = sys_clone3_call(&args, init_main, b);

	j->no = pid < 0 ? -pid : 0;
	_exit(pid < 0);
}

static int first_main(void *arg)
{
	struct joiner *j = arg;
	const int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PARENT | SIGCHLD;

	j->no = -limits_inherit(j->b->plan, j->e);
	if (j->no != 0)
		_exit(1);
	j->what = "join the new namespaces";
	j->no = -sys_setns(j->b->broker_pidfd, holder_namespaces(j->b->plan));
	if (j->no != 0)
		_exit(1);
	j->what = "clone inside them";
	j->second = clone(second_main, j->second_stack, flags, j);
	if (j->second < 0)
		j->no = errno;
	_exit(j->no != 0);
}

static void reap(pid_t pid)
{
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int step_init_spawn(struct box *b, struct err *e)
{
	const size_t bytes = 2 * JOIN_STACK_BYTES + INIT_STACK_BYTES;
	struct joiner j = { .b = b, .e = e };
	char *stacks = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stacks == MAP_FAILED)
		return fail(e, errno, "stack: %m");
	j.init_stack = stacks;
	j.second_stack = stacks + INIT_STACK_BYTES + JOIN_STACK_BYTES;
	/* What the three will use of them lies together, and is wanted at once. */
	sys_populate(stacks + INIT_STACK_BYTES - INIT_STACK_USED,
		     INIT_STACK_USED + 2 * JOIN_STACK_BYTES);
	TRY(given_enter(
		b,
		e)); /* the joiners inherit what the broker's own cannot give: nothing else is shared */
	stay_here(&b->cpus);

	pid_t first = clone(first_main, stacks + bytes,
			    CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &j);
	int no = errno;

	go_anywhere(&b->cpus);
	reap(first);
	reap(j.second); /* the stacks are init's until it execs, and go with this process */
	TRY(given_leave(b, e));
	if (first < 0)
		return fail(e, no, "clone: %m");
	if (j.no != 0)
		return j.what == NULL ? -j.no : fail(e, j.no, "%s: %m", j.what);
	b->init = pid_of(b->init_pidfd);
	if (b->init <= 0)
		return fail(e, ESRCH, "the first process has no number here");
	undo_scope_make(b); /* init is in the scope: the helper's place is free */
	fd_close(&b->note_init);
	fd_close(&b->hand_init);
	fd_close(&b->hand_broker);
	close_view(b);
	fd_close(&b->objects_file);
	fd_close(&b->waiting_file);
	fd_close(&b->start);
	close_sources(b);
	if (!b->plan->broker.used)
		end_process(&b->broker, &b->broker_pidfd);
	if (b->plan->net.used)
		TRY(net_watch(b, e));
	return state_record_init(b, e);
}

/* Without init the broker has nothing to do: it ends while the rest is cleaned up. */
void undo_init_spawn(struct box *b)
{
	end_process(&b->init, &b->init_pidfd);
	undo_namespaces_make(b);
}
