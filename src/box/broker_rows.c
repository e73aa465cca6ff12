/*
 * The broker's rows: what the process that holds the namespaces does to become the broker.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/forget.h"
#include "box/record.h"
#include "box/rootfs.h"
#include "box/sequence.h"
#include "kern/scm.h"
#include "kern/sys.h"
#include "policy/live_image.h"

void shared_set(_Atomic uint32_t *futex, uint32_t value)
{
	atomic_store(futex, value);
	syscall(SYS_futex, futex, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int wait_for(_Atomic uint32_t *futex, uint32_t wanted, const struct timespec *most)
{
	uint32_t now;

	while ((now = atomic_load(futex)) < wanted)
		if (syscall(SYS_futex, futex, FUTEX_WAIT, now, most, NULL, 0) < 0 &&
		    errno != EAGAIN && errno != EINTR)
			return -errno;
	return (int)now;
}

int shared_wait(_Atomic uint32_t *futex, uint32_t wanted)
{
	return wait_for(futex, wanted, NULL);
}

int step_net_make(struct box *b, struct err *e)
{
	int r = sys_unshare(CLONE_NEWNET);

	if (r < 0)
		return fail(e, -r, "network namespace: %m");
	TRY(loopback_up(e));

	OWN_FD ns = path_open("/proc/self/ns/net", O_RDONLY);

	if (ns < 0)
		return fail(e, errno, "network namespace: %m");
	r = scm_send(b->hand_broker, "n", 1, ns);
	return r < 0 ? fail(e, -r, "hand it over: %m") : 0;
}

/* The launcher has sent a lock that lasts for as long as somebody has it open. */
int step_state_hold(struct box *b, struct err *e)
{
	char letter;
	ssize_t n = scm_receive(b->hand_broker, &letter, 1, &b->state_lock);

	if (n < 0 || b->state_lock < 0)
		return fail(e, n < 0 ? (int)-n : EPIPE, "the lock did not come");
	return 0;
}

/* The file was opened for reading: whoever takes the broker over cannot make the mapping writable. */
int step_live_map(struct box *b, struct err *e)
{
	OWN_FD file = -1;
	char letter;
	ssize_t n = scm_receive(b->hand_broker, &letter, 1, &file);
	void *at;

	if (n < 0 || file < 0)
		return fail(e, n < 0 ? (int)-n : EPIPE, "the policy file did not come");
	at = mmap(NULL, LIVE_START, PROT_READ, MAP_SHARED, file, 0);
	if (at == MAP_FAILED)
		return fail(e, errno, "map the policy file: %m");
	b->live = at;
	return 0;
}

/* Without a mount namespace there is the machine's alone. Its numbers have to be ours. */
static int machine_procfs(struct err *e)
{
	OWN_FD proc = path_open("/proc", O_PATH | O_DIRECTORY);
	char self[16];
	struct statfs fs;
	ssize_t n = proc < 0 ? -1 : readlinkat(proc, "self", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	if (n <= 0 || fstatfs(proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC ||
	    atoi(self) != getpid())
		return fail(e, ENOENT, "/proc is no procfs of this pid namespace");
	return fd_take(&proc);
}

/* A procfs of the broker's own pid namespace: its tracees and itself, and nothing that the kernel tells of the machine. It
 * is never attached anywhere. In a namespace that others are in as well, nobody is seen but whom it may trace. */
int broker_procfs(const struct plan *p, struct err *e)
{
	static const char *const processes[] = { "subset=pid", "hidepid=4" };
	const size_t n = shares_processes(p) ? 2 : 1;

	return rootfs_new_fs("proc", processes, n,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
}

int step_broker_view(struct box *b, struct err *e)
{
	/* In a namespace that was there before, the launcher has made it. */
	if (!shares_processes(b->plan))
		b->proc = b->plan->bare ? machine_procfs(e) : broker_procfs(b->plan, e);
	if (b->proc < 0)
		return -e->no;
	shared_set(&b->shared->broker, BROKER_VIEWED);
	return 0;
}

int step_init_born(struct box *b, struct err *e)
{
	const struct timespec second = { .tv_sec = 1 };
	int r;

	/* Where the launcher died before this process had its first turn, and zviz-net had all that was open for a moment more,
	 * neither signal nor look told of it. */
	while ((r = wait_for(&b->shared->init_born, 1, &second)) == -ETIMEDOUT)
		TRY(follow_launcher(b, e));
	return r < 0 ? fail(e, -r, "futex: %m") : 0;
}

int step_broker_become(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;
	int r = 0;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "keep capabilities: %m");
	if (p->may_set_groups)
		r = sys_setgroups(p->ngroups, p->groups);
	if (r == 0)
		r = sys_setresgid(p->gid);
	if (r == 0)
		r = sys_setresuid(p->uid);
	if (r < 0)
		return fail(e, -r, "become %u:%u: %m", p->uid, p->gid);
	return follow_launcher(b, e);
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Where a pid namespace is shared, the brokers of a Pod are in one, and may have one id. All that a broker signals besides itself is
 * a caller whose pipe is closed. */
static int signal_nobody_else(struct err *e)
{
	enum {
		NR = offsetof(struct seccomp_data, nr),
		WHOM = offsetof(struct seccomp_data, args[0]),
		WHAT = offsetof(struct seccomp_data, args[2])
	};
	// clang-format off
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHOM),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHAT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIGPIPE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	// clang-format on
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "no_new_privs: %m");
	r = sys_seccomp_load(code, COUNT(code), 0);
	return r < 0 ? fail(e, -r, "filter of its signals: %m") : 0;
}

int step_broker_confine(struct box *b, struct err *e)
{
	int keep[7];
	size_t n = 0;

	keep[n++] = b->hand_broker;
	keep[n++] = b->note;
	keep[n++] = b->door;
	if (b->proc >= 0)
		keep[n++] = b->proc;
	if (b->opt->broker.events >= 0)
		keep[n++] = b->opt->broker.events;
	if (b->opt->broker.ask >= 0)
		keep[n++] = b->opt->broker.ask;
	if (b->state_lock >= 0)
		keep[n++] = b->state_lock; /* the name is taken for as long as the broker lives */

	qsort(keep, n, sizeof *keep, by_value);

	TRY(leave_launcher(b, e)); /* its filter will not permit that */

	/* pivot_root takes along who stands in the old root, and leaves who stands in a folder below it: from the
	 * caller's folder, ".." would lead to all of the host. */
	if (chdir("/") < 0)
		return fail(e, errno, "chdir /: %m");
	if (shares_processes(b->plan))
		TRY(signal_nobody_else(e));
	return b->opt->broker.confine(b->opt->broker.ctx, &b->plan->broker, keep, n, e);
}

int step_broker_serve(struct box *b, struct err *e)
{
	char letter;
	int listener = -1;

	forget_environment();
	/* Not a row earlier: whatever can still fail here must stop init before exec. */
	shared_set(&b->shared->broker, BROKER_SERVING);

	if (b->plan->view.used)
		TRY(view_take(b, e));

	const struct broker_plan *plan = &b->plan->broker;

	/* While init goes on. An attached launcher stays, and keeps what is planned in memory for all of them. */
	if (b->plan->detach)
		plan = forget_plan(b->arena, plan);
	forget_set_up();

	ssize_t n = scm_receive(b->hand_broker, &letter, 1, &listener);

	if (n < 0)
		return fail(e, (int)-n, "receive the listener: %m");
	if (listener < 0) {
		/* Init ended before it had a filter; it says itself why. */
		record_say_end(b->state_lock);
		atomic_store(&b->shared->broker, BROKER_DONE);
		_exit(0);
	}
	fd_close(&b->hand_broker);

	const struct box_served with = { .listener = listener,
					 .proc = fd_take(&b->proc),
					 .door = fd_take(&b->door),
					 .live = b->live,
					 .view = b->view };

	TRY(b->opt->broker.serve(b->opt->broker.ctx, plan, &with, e));
	record_say_end(b->state_lock);
	atomic_store(&b->shared->broker, BROKER_DONE);
	_exit(0); /* it has no row below, and what tells which are wanted has been forgotten */
}
