/*
 * The calls of the broker's loop, of a thread's life in the C library, and of malloc's; every other one ends it, and
 * the container with it. tools/broker-filter.c compiles this table when zviz is built.
 *
 * Files are opened with openat(), never open(): that is another call in some C libraries (musl's on x86-64, which also
 * sets FD_CLOEXEC again).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "broker/rules.h"
#include "kern/sys.h"

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
static const struct bpf_case fcntl_cases[] = { IS(1, F_SETFL), IS(1, F_GETFL),
					       IS(1, F_DUPFD_CLOEXEC),
					       /* of the files that show limits */
					       IS(1, F_SETOWN), IS(1, F_SETLEASE),
					       IS(1, F_GETLEASE) };
/* What kind of socket a caller's is, and nothing that could be set. */
static const struct bpf_case getsockopt_cases[] = {
	{ .n = 2,
	  .tests = { { 1, BPF_OP_EQ, LOW, SOL_SOCKET }, { 2, BPF_OP_EQ, LOW, SO_TYPE } },
	  .then = SECCOMP_RET_ALLOW },
};
static const struct bpf_case unshare_cases[] = { IS(0, CLONE_FS) }; /* a umask of its own */
/* What exec.c watches an exec with. */
static const struct bpf_case ptrace_cases[] = { IS(0, PTRACE_SEIZE), IS(0, PTRACE_INTERRUPT),
						IS(0, PTRACE_DETACH) };
static const struct bpf_case memory_cases[] = { CLEAR(2, PROT_EXEC) };
static const struct bpf_case signal_cases[] = { IS(1, SIGXFSZ) };
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
#ifdef ZVIZ_SANITIZED
	ALLOW(SYS_ioctl), /* whether its report goes to a terminal */
#else
	ONLY(SYS_ioctl, ioctl_cases),
#endif
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
	/* names, where the profile has patterns */
	ALLOW(SYS_renameat2),
	ALLOW(SYS_linkat),
	ALLOW(SYS_unlinkat),
	ALLOW(SYS_symlinkat),
	ALLOW(SYS_mkdirat),
	ALLOW(SYS_mknodat),
	ALLOW(SYS_ftruncate),
	ONLY(SYS_pidfd_send_signal, signal_cases),
	ONLY(SYS_fcntl, fcntl_cases),
	/* programs, where the profile asks about them */
	ONLY(SYS_ptrace, ptrace_cases),
	ALLOW(SYS_wait4),
	ALLOW(SYS_waitid),
	/* sockets of callers, likewise; it cannot make one of its own */
	ALLOW(SYS_connect),
	ALLOW(SYS_bind),
	ALLOW(SYS_sendmsg),
	ALLOW(SYS_fchdir),
	ALLOW(SYS_pwrite64), /* msg_len of sendmmsg */
	ONLY(SYS_getsockopt, getsockopt_cases),
	/* what the system tells of itself */
	ALLOW(SYS_sysinfo),
	ALLOW(SYS_sched_getaffinity),
	ALLOW(SYS_pread64),
	ALLOW(SYS_rt_sigtimedwait),
	/* threads, and their end */
	ONLY(SYS_clone, clone_cases),
	ONLY(SYS_unshare, unshare_cases),
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
#ifdef ZVIZ_SANITIZED
	/* what its checks do at a thread's birth and death, and to say what they found; never in what is installed */
	ALLOW(SYS_sigaltstack),
	ALLOW(SYS_sched_yield),
	ALLOW(SYS_prlimit64),
	ALLOW(SYS_prctl),
	ALLOW(SYS_readlink),
	ALLOW(SYS_open),
	ALLOW(SYS_stat),
	ALLOW(SYS_nanosleep),
	ALLOW(SYS_lseek),
	ALLOW(SYS_dup),
	ALLOW(SYS_getuid),
#endif
};

static const struct bpf_arch native = {
	.audit_arch = ARCH,
	.n = COUNT(rules),
	.rules = rules,
	.nr_limit = NR_LIMIT,
	.unknown = SECCOMP_RET_KILL_PROCESS,
	.beyond = SECCOMP_RET_KILL_PROCESS,
};

const struct bpf_policy broker_policy = {
	.n = 1,
	.arches = &native,
	.other_arch = SECCOMP_RET_KILL_PROCESS,
};
