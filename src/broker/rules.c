/*
 * The calls of the broker's loop, of a thread's life in the C library, and of malloc's; every other one ends it, and
 * the container with it. A row counts for brokers that need it: tools/broker-filter.c compiles this table once for every set
 * of needs when zviz is built.
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

#include "broker/broker.h"
#include "broker/rules.h"
#include "kern/sys.h"
#include "kern/uapi.h"

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

#define LISTENS                                                                                    \
	IS(1, SECCOMP_IOCTL_NOTIF_RECV), IS(1, SECCOMP_IOCTL_NOTIF_SEND),                          \
		IS(1, SECCOMP_IOCTL_NOTIF_ID_VALID), IS(1, SECCOMP_IOCTL_NOTIF_SET_FLAGS)

static const struct bpf_case listen_cases[] = { LISTENS };
/* Those who open files also hand them over. */
static const struct bpf_case give_cases[] = { LISTENS, IS(1, SECCOMP_IOCTL_NOTIF_ADDFD) };
/* What tells of callers is only read. */
static const struct bpf_case read_cases[] = { CLEAR(2, O_ACCMODE | O_CREAT | O_TRUNC |
							       UAPI_O_TMPFILE) };
static const struct bpf_case seccomp_cases[] = { IS(0, SECCOMP_GET_NOTIF_SIZES) };
#define KEEPS IS(1, F_SETFL), IS(1, F_GETFL), IS(1, F_DUPFD_CLOEXEC)
static const struct bpf_case fcntl_cases[] = { KEEPS };
/* The files that show limits are watched by leases. */
static const struct bpf_case view_cases[] = { KEEPS, IS(1, F_SETOWN), IS(1, F_SETLEASE),
					      IS(1, F_GETLEASE) };
/* What kind of socket a caller's is, and nothing that could be set. */
static const struct bpf_case getsockopt_cases[] = {
	{ .n = 2,
	  .tests = { { 1, BPF_OP_EQ, LOW, SOL_SOCKET }, { 2, BPF_OP_EQ, LOW, SO_TYPE } },
	  .then = SECCOMP_RET_ALLOW },
	{ .n = 2,
	  .tests = { { 1, BPF_OP_EQ, LOW, SOL_SOCKET }, { 2, BPF_OP_EQ, LOW, SO_PROTOCOL } },
	  .then = SECCOMP_RET_ALLOW },
};
/* The next who joins, and nothing about where from. */
static const struct bpf_case accept_cases[] = {
	{ .n = 3,
	  .tests = { { 1, BPF_OP_EQ, UINT64_MAX, 0 },
		     { 2, BPF_OP_EQ, UINT64_MAX, 0 },
		     { 3, BPF_OP_EQ, LOW, SOCK_CLOEXEC } },
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

enum {
	ALL = 0,
#ifdef ZVIZ_SANITIZED
	CALLERS = 0, /* a sanitizer starts threads and reads files by itself */
#else
	CALLERS = BROKER_NEEDS_CALLERS,
#endif
	OPENS = BROKER_NEEDS_OPENS,
	NAMES = BROKER_NEEDS_NAMES,
	KNOWN = BROKER_NEEDS_KNOWN,
	ADDRESSES = BROKER_NEEDS_ADDRESSES,
	TRACES = BROKER_NEEDS_TRACES,
	VIEW = BROKER_NEEDS_VIEW,
	FILES = OPENS | NAMES | ADDRESSES | TRACES, /* all of them find files by a caller's path */
};

const struct broker_rule broker_rules[] = {
/* the loop */
#ifdef SYS_poll
	{ ALL, ALLOW(SYS_poll) },
#endif
	{ ALL, ALLOW(SYS_ppoll) },
#ifdef ZVIZ_SANITIZED
	{ ALL, ALLOW(SYS_ioctl) }, /* whether its report goes to a terminal */
#endif
	{ OPENS, ONLY(SYS_ioctl, give_cases) },
	{ ALL, ONLY(SYS_ioctl, listen_cases) },
	{ ALL, ONLY(SYS_seccomp, seccomp_cases) },
	{ ALL, ALLOW(SYS_restart_syscall) },
	{ ALL, ALLOW(SYS_clock_gettime) },
	{ ALL, ALLOW(SYS_write) },
	{ ALL, ALLOW(SYS_close) },
	/* before the loop: the listener arrives, or a failure is told */
	{ ALL, ALLOW(SYS_recvmsg) },
	{ ALL, ALLOW(SYS_sendto) },
	/* reading tracees: pidfd_getfd and process_vm_readv ask for the right to trace by themselves */
	{ CALLERS, ALLOW(SYS_process_vm_readv) },
	{ CALLERS, ALLOW(SYS_capset) },
	{ CALLERS, ALLOW(SYS_read) },
	{ FILES, ALLOW(SYS_pidfd_open) },
	{ FILES, ALLOW(SYS_pidfd_getfd) },
	/* files */
	{ FILES | VIEW, ALLOW(SYS_openat) }, /* of the latter the caller's memory, to write to */
	{ CALLERS, ONLY(SYS_openat, read_cases) },
	{ FILES, ALLOW(SYS_openat2) },
	{ FILES, ALLOW(SYS_readlinkat) },
	{ FILES, ALLOW(SYS_newfstatat) },
	{ FILES, ALLOW(SYS_fstat) },
	{ FILES, ALLOW(SYS_statx) },
	{ FILES, ALLOW(SYS_fstatfs) },
	{ VIEW, ONLY(SYS_fcntl, view_cases) },
	{ FILES, ONLY(SYS_fcntl, fcntl_cases) },
	{ OPENS | NAMES | ADDRESSES, ALLOW(SYS_umask) },
	{ OPENS | NAMES | VIEW, ALLOW(SYS_ftruncate) },
	/* names, where the profile has patterns */
	{ NAMES, ALLOW(SYS_renameat2) },
	{ NAMES, ALLOW(SYS_linkat) },
	{ NAMES, ALLOW(SYS_unlinkat) },
	{ NAMES, ALLOW(SYS_symlinkat) },
	{ NAMES, ALLOW(SYS_mkdirat) },
	{ NAMES, ALLOW(SYS_mknodat) },
	{ KNOWN, ALLOW(SYS_fchmodat) },
	{ KNOWN, ALLOW(SYS_fchownat) },
	{ KNOWN, ALLOW(SYS_utimensat) },
	{ NAMES, ONLY(SYS_pidfd_send_signal, signal_cases) },
	/* programs, where the profile asks about them */
	{ TRACES, ONLY(SYS_ptrace, ptrace_cases) },
	{ TRACES, ALLOW(SYS_wait4) },
	{ TRACES, ALLOW(SYS_waitid) },
	/* sockets of callers, likewise; it cannot make one of its own */
	{ ADDRESSES, ALLOW(SYS_connect) },
	{ ADDRESSES, ALLOW(SYS_bind) },
	{ ADDRESSES, ALLOW(SYS_sendmsg) },
	{ ADDRESSES, ALLOW(SYS_fchdir) },
	{ ADDRESSES | VIEW, ALLOW(SYS_pwrite64) }, /* msg_len of sendmmsg, what was asked for */
	{ ADDRESSES, ONLY(SYS_getsockopt, getsockopt_cases) },
	/* what the system tells of itself */
	{ VIEW, ALLOW(SYS_sysinfo) },
	{ VIEW, ALLOW(SYS_sched_getaffinity) },
	{ VIEW, ALLOW(SYS_pread64) },
	{ VIEW, ALLOW(SYS_rt_sigtimedwait) },
	/* processes that join: their listeners come as the first one did */
	{ ALL, ONLY(SYS_accept4, accept_cases) },
	/* threads: one for each of these, and those that stand.c and wait.c have once anything can be slow */
	{ ALL, ONLY(SYS_clone, clone_cases) },
	{ ALL, ONLY(SYS_unshare, unshare_cases) },
	{ ALL, { SYS_clone3, 0, NULL, SECCOMP_RET_ERRNO | ENOSYS } },
	{ ALL, ALLOW(SYS_set_robust_list) },
	{ ALL, ALLOW(SYS_rseq) },
	{ ALL, ALLOW(SYS_membarrier) },
	{ ALL, ALLOW(SYS_futex) },
	/* the end, also by abort() */
	{ ALL, ALLOW(SYS_gettid) },
	{ ALL, ALLOW(SYS_getpid) },
	{ ALL, ALLOW(SYS_tgkill) },
	{ ALL, ALLOW(SYS_rt_sigaction) },
	{ ALL, ALLOW(SYS_rt_sigprocmask) },
	{ ALL, ALLOW(SYS_rt_sigreturn) },
	{ ALL, ALLOW(SYS_exit) },
	{ ALL, ALLOW(SYS_exit_group) },
	/* memory */
	{ ALL, ALLOW(SYS_brk) },
	{ ALL, ALLOW(SYS_munmap) },
	{ ALL, ALLOW(SYS_mremap) },
	{ ALL, ALLOW(SYS_madvise) },
	{ ALL, ONLY(SYS_mmap, memory_cases) },
	{ ALL, ONLY(SYS_mprotect, memory_cases) },
	{ ALL, ALLOW(SYS_getrandom) },
#ifdef ZVIZ_SANITIZED
	/* what its checks do at a thread's birth and death, and to say what they found; never in what is installed */
	{ ALL, ALLOW(SYS_sigaltstack) },
	{ ALL, ALLOW(SYS_sched_yield) },
	{ ALL, ALLOW(SYS_sched_getaffinity) },
	{ ALL, ALLOW(SYS_prlimit64) },
	{ ALL, ALLOW(SYS_prctl) },
	{ ALL, ALLOW(SYS_readlink) },
	{ ALL, ALLOW(SYS_open) },
	{ ALL, ALLOW(SYS_stat) },
	{ ALL, ALLOW(SYS_fstat) },
	{ ALL, ALLOW(SYS_newfstatat) },
	{ ALL, ALLOW(SYS_nanosleep) },
	{ ALL, ALLOW(SYS_lseek) },
	{ ALL, ALLOW(SYS_dup) },
	{ ALL, ALLOW(SYS_getuid) },
#endif
};
const size_t broker_rules_count = COUNT(broker_rules);

static bool has(const struct bpf_rule *rules, size_t n, int nr)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i].nr == nr)
			return true;
	return false;
}

/* The first row of a call that is needed is the one. */
struct bpf_policy broker_policy(struct arena *a, unsigned needs)
{
	struct bpf_rule *rules = arena_alloc(a, sizeof broker_rules);
	struct bpf_arch *native = arena_alloc(a, sizeof *native);
	size_t n = 0;

	for (size_t i = 0; i < COUNT(broker_rules); i++) {
		const struct broker_rule *r = &broker_rules[i];

		if ((r->needs == ALL || r->needs & needs) && !has(rules, n, r->rule.nr))
			rules[n++] = r->rule;
	}
	*native = (struct bpf_arch){
		.audit_arch = ARCH,
		.n = n,
		.rules = rules,
		.nr_limit = NR_LIMIT,
		.unknown = SECCOMP_RET_KILL_PROCESS,
		.beyond = SECCOMP_RET_KILL_PROCESS,
	};
	return (struct bpf_policy){
		.n = 1,
		.arches = native,
		.other_arch = SECCOMP_RET_KILL_PROCESS,
	};
}
