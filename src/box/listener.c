/*
 * The profile's filter, and how its listener gets to the broker.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box/sequence.h"
#include "kern/scm.h"
#include "kern/sys.h"

enum { HELPER_STACK_BYTES = 16 * 1024 };

/*
 * Where the filter asks the broker about sendmsg, init cannot hand the listener over itself: nobody would answer. A second
 * thread does, which is not under the filter. It ends before the workload begins.
 */
struct helper {
	_Alignas(16) unsigned char stack[HELPER_STACK_BYTES];
	_Atomic int listener; /* -1: not yet */
	int socket;
};

static void helper_main(void *arg)
{
	struct helper *h = arg;

	/* init waits inside of a call by now, or will in a moment. */
	while (atomic_load(&h->listener) < 0)
		syscall(SYS_sched_yield);
	(void)scm_send(h->socket, "l", 1, h->listener);
	close(h->listener); /* if it has not arrived, nobody has it any more, and init's call fails */
	syscall(SYS_exit, 0);
}

static int helper_thread(void *arg)
{
	helper_main(arg);
	return 0;
}

/* One an init, and its stack outlives the function that starts it. */
static struct helper helper;

int listener_prepare(struct box *b, struct err *e)
{
	struct clone_args args = { .flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
					    CLONE_THREAD | CLONE_SYSVSEM,
				   .stack = (uintptr_t)helper.stack,
				   .stack_size = sizeof helper.stack };
	pid_t pid;

	helper.socket = b->hand_init;
	atomic_store(&helper.listener, -1);
	/* Where namespaces are refused, so is clone3, mostly. */
	if (b->plan->bare)
		pid = clone(helper_thread, helper.stack + sizeof helper.stack, (int)args.flags,
			    &helper) < 0
			      ? -errno
			      : 0;
	else
		pid = sys_clone3_call(&args, helper_main, &helper);
	return pid < 0 ? fail(e, -pid, "a thread to hand the listener over: %m") : 0;
}

static int load_with_help(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;
	int listener = sys_seccomp_load(p->filter.at, p->filter.n, p->filter_flags);
	if (listener < 0)
		return fail(e, -listener, "filter of %zu instructions: %m", p->filter.n);

	atomic_store(&helper.listener, listener);
	/* Asked of the broker, and so answered when it has the listener: no such descriptor. */
	if (sendmsg(-1, &(struct msghdr){ 0 }, 0) < 0 && errno != EBADF)
		return fail(e, errno, "hand the listener over: %m");
	return 0;
}

int step_seccomp_load(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	if (p->broker.addresses)
		return load_with_help(b, e);

	int listener = sys_seccomp_load(p->filter.at, p->filter.n, p->filter_flags);

	if (listener < 0)
		return fail(e, -listener, "filter of %zu instructions: %m", p->filter.n);
	if (!p->broker.used)
		return 0;

	int r = scm_send(b->hand_init, "l", 1, listener);

	close(listener); /* the broker's alone: with a second holder, calls would wait for a dead one */
	return r < 0 ? fail(e, -r, "hand the listener over: %m") : 0;
}
