/*
 * A broker that the workload has taken over shall have gained nothing: it can read the workload, open what the
 * workload's ids can open in the workload's mounts, and answer. Its filter lists the calls of the loop, of a
 * thread's life in glibc, and of malloc's; every other one ends it, and the container with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "broker/broker.h"
#include "kern/sys.h"
#include "policy/bpf.h"

enum { NOFILE = 1024 }; /* a handful, and two for each waiter; the kept ones may have any number */

#if defined(__x86_64__)
#define ARCH     AUDIT_ARCH_X86_64
#define NR_LIMIT 0x40000000u /* x32 */
#else
#define ARCH     AUDIT_ARCH_AARCH64
#define NR_LIMIT 0xffffffffu
#endif

#define LOW 0xffffffffULL
#define IS(index, v)                                                                               \
	{                                                                                          \
		.n = 1, .tests = { { (index), BPF_OP_EQ, LOW, (v) } }, .then = SECCOMP_RET_ALLOW   \
	}
#define CLEAR(index, bits)                                                                         \
	{                                                                                          \
		.n = 1, .tests = { { (index), BPF_OP_EQ, (bits), 0 } }, .then = SECCOMP_RET_ALLOW  \
	}

static const struct bpf_case ioctl_cases[] = {
	IS(1, SECCOMP_IOCTL_NOTIF_RECV),      IS(1, SECCOMP_IOCTL_NOTIF_SEND),
	IS(1, SECCOMP_IOCTL_NOTIF_ID_VALID),  IS(1, SECCOMP_IOCTL_NOTIF_ADDFD),
	IS(1, SECCOMP_IOCTL_NOTIF_SET_FLAGS),
};
static const struct bpf_case seccomp_cases[] = { IS(0, SECCOMP_GET_NOTIF_SIZES) };
static const struct bpf_case fcntl_cases[] = { IS(1, F_SETFL), IS(1, F_DUPFD_CLOEXEC) };
static const struct bpf_case memory_cases[] = { CLEAR(2, PROT_EXEC) };
/* CLONE_DETACHED means nothing since Linux 2.6.2; musl says it. */
#define CLONE_SAYS 0xffbfffffULL
/* A thread, and nothing that a thread of the C library is not: no new namespace, no process. */
static const struct bpf_case clone_cases[] = {
	{ .n = 1,
	  .tests = { { 0, BPF_OP_EQ, CLONE_SAYS,
		       CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			       CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
			       CLONE_CHILD_CLEARTID } },
	  .then = SECCOMP_RET_ALLOW },
};

#define ALLOW(nr)                                                                                  \
	{                                                                                          \
		(nr), 0, NULL, SECCOMP_RET_ALLOW                                                   \
	}
#define ONLY(nr, cases)                                                                            \
	{                                                                                          \
		(nr), COUNT(cases), (cases), SECCOMP_RET_KILL_PROCESS                              \
	}

static const struct bpf_rule rules[] = {
/* the loop */
#ifdef SYS_poll
	ALLOW(SYS_poll),
#endif
	ALLOW(SYS_ppoll),
	ONLY(SYS_ioctl, ioctl_cases),
	ONLY(SYS_seccomp, seccomp_cases),
	ALLOW(SYS_restart_syscall),
	ALLOW(SYS_clock_gettime),
	ALLOW(SYS_write),
	/* before the loop: the listener arrives, or a failure is told */
	ALLOW(SYS_recvmsg),
	ALLOW(SYS_sendto),
	/* reading tracees: pidfd_getfd and process_vm_readv ask for the right to trace by themselves */
	ALLOW(SYS_process_vm_readv),
	ALLOW(SYS_pidfd_open),
	ALLOW(SYS_pidfd_getfd),
	ALLOW(SYS_capset),
	/* files */
	ALLOW(SYS_openat),
	ALLOW(SYS_openat2),
	ALLOW(SYS_close),
	ALLOW(SYS_read),
	ALLOW(SYS_readlinkat),
	ALLOW(SYS_newfstatat),
	ALLOW(SYS_fstat),
	ALLOW(SYS_statx),
	ALLOW(SYS_fstatfs),
	ALLOW(SYS_umask),
	ONLY(SYS_fcntl, fcntl_cases),
	/* threads, and their end */
	ONLY(SYS_clone, clone_cases),
	{ SYS_clone3, 0, NULL, SECCOMP_RET_ERRNO | ENOSYS },
	ALLOW(SYS_set_robust_list),
	ALLOW(SYS_rseq),
	ALLOW(SYS_membarrier),
	ALLOW(SYS_futex),
	ALLOW(SYS_gettid),
	ALLOW(SYS_getpid),
	ALLOW(SYS_tgkill),
	ALLOW(SYS_rt_sigaction),
	ALLOW(SYS_rt_sigprocmask),
	ALLOW(SYS_rt_sigreturn),
	ALLOW(SYS_exit),
	ALLOW(SYS_exit_group),
	/* memory */
	ALLOW(SYS_brk),
	ALLOW(SYS_munmap),
	ALLOW(SYS_mremap),
	ALLOW(SYS_madvise),
	ONLY(SYS_mmap, memory_cases),
	ONLY(SYS_mprotect, memory_cases),
	ALLOW(SYS_getrandom),
};

static int load_filter(struct err *e)
{
	struct arena a = { 0 };
	struct bpf_program p;
	const struct bpf_arch native = { .audit_arch = ARCH,
					 .n = COUNT(rules),
					 .rules = rules,
					 .nr_limit = NR_LIMIT,
					 .unknown = SECCOMP_RET_KILL_PROCESS,
					 .beyond = SECCOMP_RET_KILL_PROCESS };
	const struct bpf_policy policy = { .n = 1,
					   .arches = &native,
					   .other_arch = SECCOMP_RET_KILL_PROCESS };
	int err = bpf_compile(&a, &policy, &p, e);

	if (err < 0) {
		err = within(e, "the broker's filter");
	} else {
		err = sys_seccomp_load(p.at, p.n, 0);
		if (err < 0)
			fail(e, -err, "load the broker's filter: %m");
	}
	arena_free(&a);
	return err;
}

/* Closes all but the n sorted ones. The numbers of standard streams stay taken, by something that can be
 * neither read nor written: else a file opened for a caller might become what a failing libc writes to. */
static int close_others(const int *keep_fds, size_t n, struct err *e)
{
	unsigned first = 0;

	for (size_t i = 0; i <= n; i++) {
		unsigned kept = i < n ? (unsigned)keep_fds[i] : ~0u;
		int err = kept > first ? sys_close_range(first, kept - 1, 0) : 0;

		if (err < 0)
			return fail(e, -err, "close descriptors: %m");
		first = kept + 1;
	}
	for (;;) {
		/* Not a file: the root at this moment may still be the host's. */
		int fd = eventfd(0, EFD_CLOEXEC);

		if (fd < 0)
			return fail(e, errno, "eventfd: %m");
		if (fd <= 2)
			continue;
		fd_close(&fd);
		return 0;
	}
}

static int set_limits(struct err *e)
{
	const struct rlimit none = { 0, 0 }, files = { NOFILE, NOFILE };

	/* A core pattern may be a program that the host runs. */
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return fail(e, errno, "RLIMIT_CORE: %m");

	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max > NOFILE &&
	    setrlimit(RLIMIT_NOFILE, &files) < 0)
		return fail(e, errno, "RLIMIT_NOFILE: %m");
	return 0;
}

/* The bounding set and securebits speak of exec and setuid, which the filter forbids: who may no longer change
 * them (CAP_SETPCAP is gone) loses nothing. */
static int drop_capabilities(struct err *e)
{
	const struct sys_caps left = { .permitted = 1ULL << CAP_SYS_PTRACE };
	struct sys_caps now;
	int err = sys_capget(&now);

	if (err < 0)
		return fail(e, -err, "capabilities: %m");
	now.effective = now.permitted; /* a change of the uid has cleared it */
	err = sys_capset(&now);
	if (err < 0)
		return fail(e, -err, "capabilities: %m");
	for (unsigned cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM && errno != EINVAL)
			return fail(e, errno, "drop capability %u: %m", cap);
	if (prctl(PR_SET_SECUREBITS, SECURE_ALL_BITS | SECURE_ALL_LOCKS, 0, 0, 0) < 0 &&
	    errno != EPERM)
		return fail(e, errno, "securebits: %m");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(e, errno, "ambient capabilities: %m");
	/* Not in effect either: fetch.c takes it for the moment of a read that needs it. */
	err = sys_capset(&left);
	if (err < 0)
		return fail(e, -err, "keep no capability but CAP_SYS_PTRACE: %m");
	return 0;
}

int broker_confine(const int *keep_fds, size_t n, struct err *e)
{
	TRY(close_others(keep_fds, n, e));
	TRY(set_limits(e));
	TRY(drop_capabilities(e));
	/* After the capabilities: changing them may set it again. Keeps the workload from tracing us, even if it
	 * got into our pid namespace. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(e, errno, "non-dumpable: %m");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "no_new_privs: %m");
	return load_filter(e);
}
