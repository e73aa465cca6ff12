/*
 * init.spawn: the launcher's row that has the first process born where it belongs.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/forget.h"
#include "box/given.h"
#include "box/sequence.h"
#include "box/state.h"
#include "kern/sys.h"

enum { JOIN_STACK_BYTES = 16 * 1024, INIT_STACK_BYTES = 512 * 1024, INIT_STACK_USED = 16 * 1024 };

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
	const char *what; /* NULL: *e says it */
	struct err *e;
	int init_pidfd;     /* out */
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
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_walk(&own, INIT, row_of(&own, "init.spawn"));
}

/* A reaping first process never execs, and one that is started later does not for long; one with hooks, or with guards, waits for its
 * launcher, who runs them; one with clocks of its own must be alone in its memory to set them. */
static bool needs_memory(const struct plan *p)
{
	return p->init || p->create || p->hooked || shares_processes(p) ||
	       (p->namespaces & CLONE_NEWTIME);
}

/* Inside all the new namespaces. */
static int clone_init(struct joiner *j)
{
	struct box *b = j->b;
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_PIDFD |
			 (shares_processes(b->plan) ? 0 : CLONE_NEWPID) |
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
	return -j->no;
}

static int second_main(void *arg)
{
	_exit(clone_init(arg) < 0);
}

static int clone_second(struct joiner *j)
{
	const int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PARENT | SIGCHLD;

	j->what = "clone inside them";
	j->second = clone(second_main, j->second_stack, flags, j);
	if (j->second < 0)
		j->no = errno;
	return -j->no;
}

/* Its sibling is in all of the new namespaces. It goes to them itself, and comes back from none. */
static int clone_inside(struct joiner *j, struct err *e)
{
	int r;

	j->no = -limits_inherit(j->b->plan, e);
	if (j->no != 0)
		return -j->no;
	j->what = "join the new namespaces";
	j->no = -sys_setns(j->b->broker_pidfd, holder_namespaces(j->b->plan));
	if (j->no != 0)
		return -j->no;
	/* Whoever is in that pid namespace is to meet nobody with the launcher's memory. */
	r = shares_processes(j->b->plan) ? clone_init(j) : clone_second(j);
	/* The kernel has written it, though the second may have been killed with the broker since. */
	j->init_pidfd = j->b->init_pidfd;
	return r;
}

static int first_main(void *arg)
{
	struct joiner *j = arg;

	_exit(clone_inside(j, j->e) < 0);
}

static void reap(pid_t pid)
{
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int why_not(const struct joiner *j, struct err *e)
{
	return j->what == NULL ? -j->no : fail(e, j->no, "%s: %m", j->what);
}

/* The visitor is the first; what it fails at, it tells by an error of its own memory. Of that first process there is a copy, whose
 * command line anybody can read where its numbers are. */
static int clone_visiting(struct box *b, void *arg, struct err *e)
{
	struct joiner *j = arg;

	if (shares_processes(b->plan))
		forget_arguments();
	return clone_inside(j, e) < 0 ? why_not(j, e) : 0;
}

static int clone_joiners(struct joiner *j, char *first_stack, struct err *e)
{
	pid_t first = clone(first_main, first_stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD,
			    j);

	if (first < 0)
		return fail(e, errno, "clone: %m");
	reap(first);
	return j->no != 0 ? why_not(j, e) : 0;
}

/* Without namespaces there is nothing to join. */
static int spawn_bare(struct box *b, struct err *e)
{
	pid_t pid = sys_fork_pidfd(&b->init_pidfd);

	if (pid < 0)
		return fail(e, -pid, "clone the first process: %m");
	if (pid == 0)
		init_main(b);
	/* For the guards, who may have seen an end before they knew of whom. */
	atomic_store(&b->shared->init, pid);
	return atomic_load(&b->shared->broken) == 0
		       ? 0
		       : fail(e, ECHILD, "the broker or a guard has ended");
}

static int spawn(struct box *b, struct err *e)
{
	if (b->plan->bare)
		return spawn_bare(b, e);

	const size_t bytes = 2 * JOIN_STACK_BYTES + INIT_STACK_BYTES;
	struct joiner j = { .b = b, .e = e, .init_pidfd = -1 };
	char *stacks = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int r;

	if (stacks == MAP_FAILED)
		return fail(e, errno, "stack: %m");
	b->stacks = (struct box_stacks){ stacks, INIT_STACK_BYTES, bytes };
	j.init_stack = stacks;
	j.second_stack = stacks + INIT_STACK_BYTES + JOIN_STACK_BYTES;
	/* What the three will use of them lies together, and is wanted at once. */
	sys_populate(stacks + INIT_STACK_BYTES - INIT_STACK_USED,
		     INIT_STACK_USED + 2 * JOIN_STACK_BYTES);
	stay_here(&b->cpus);
	r = b->plan->ngivens != 0 ? given_visit(b, clone_visiting, &j, sizeof j, e)
				  : clone_joiners(&j, stacks + bytes, e);
	go_anywhere(&b->cpus);
	reap(j.second); /* the stacks are init's until it execs, and go with this process */
	b->init_pidfd = j.init_pidfd;
	return r;
}

int step_init_spawn(struct box *b, struct err *e)
{
	int r = spawn(b, e);

	if (r < 0)
		return r;
	b->init = pid_of(b->init_pidfd);
	if (b->init <= 0)
		return fail(e, ESRCH, "the first process has no number here");
	undo_scope_make(b); /* init is in the scope: the helper's place is free */
	fd_close(&b->note_init);
	fd_close(&b->hand_init);
	fd_close(&b->hand_broker);
	box_close_view(b);
	fd_close(&b->objects_file);
	fd_close(&b->waiting_file);
	fd_close(&b->start);
	box_close_sources(b);
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
