/*
 * Kernel interfaces with types: 0 or a positive result, or -errno. No text, no policy, no retries.
 *
 * They go through syscall(2) where glibc 2.36 has no wrapper, and where its wrapper does more than
 * the call (setgroups signals every thread).
 */
#ifndef KERN_SYS_H
#define KERN_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef STATX_TYPE
#include <linux/stat.h> /* musl before 1.2.5 has no statx */
#endif

#include "kern/uapi.h"

static inline long sys_result(long r)
{
	return r < 0 ? -errno : r;
}

#define SYS_CALL(...) ((int)sys_result(syscall(__VA_ARGS__)))

/* ---- descriptors ---- */

/* A copy, close-on-exec. fcntl(2) itself: a C library's may set the flag once more. */
static inline int sys_dup(int fd)
{
	return SYS_CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
}

/* Two names of one folder change places, at once. */
static inline int sys_exchange(int dir, const char *one, const char *other)
{
	return SYS_CALL(SYS_renameat2, dir, one, dir, other,
			1 << 1 /* RENAME_EXCHANGE, linux/fs.h */);
}

/* ---- signals ---- */

/* Also for the signals that a C library keeps for itself. */
static inline int sys_signal_default(int sig)
{
	/* The kernel's struct sigaction (arch/x86/include/uapi/asm/signal.h), at most this large: zero is
	 * SIG_DFL. */
	const uint64_t action[4] = { 0 };

	return SYS_CALL(SYS_rt_sigaction, sig, action, NULL, sizeof(uint64_t));
}

/* ---- memory ---- */

/* Has the kernel provide all pages of a range for writing, at once: one call in place of a page fault for each. Before
 * Linux 5.14 it does nothing, and the faults come. */
static inline void sys_populate(const void *at, size_t len)
{
	const uintptr_t page = 4096; /* the smallest; what is aligned for a larger one fits, too */
	uintptr_t from = (uintptr_t)at & ~(page - 1);

	syscall(SYS_madvise, from, (uintptr_t)at + len - from, MADV_POPULATE_WRITE);
}

/* Less than stack_guard_gap, the distance that the kernel keeps between a process's first stack and the next mapping. */
enum { SYS_STACK_BYTES = 256 * 1024 };

/* Gives back what the first thread's stack holds below the caller's frame. Not for other threads, whose stacks are smaller. */
void sys_give_back_stack(void);

/* ---- processes ---- */

/* The kernel's word. A C library's own may be the one of the process that this one was cloned from without it. */
static inline uint32_t sys_gettid(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

/* The vDSO would answer sooner, but the first time its pages fault. */
static inline int sys_getcpu(void)
{
	unsigned cpu;

	return syscall(SYS_getcpu, &cpu, NULL, NULL) < 0 ? -errno : (int)cpu;
}

static inline void sys_clock(clockid_t clock, struct timespec *now)
{
	syscall(SYS_clock_gettime, clock, now);
}

/* Like fork when args->stack is 0: returns twice. */
static inline pid_t sys_clone3(struct clone_args *args)
{
	return SYS_CALL(SYS_clone3, args, sizeof *args);
}

/* fork(2) by the call that the plan has checked: C libraries differ in whether they make clone or fork. For a process
 * of one thread, whose child makes no use of what its C library remembers of the parent. */
static inline pid_t sys_fork(void)
{
	return SYS_CALL(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

/* The same; *pidfd gets a descriptor of the child, in the parent. */
static inline pid_t sys_fork_pidfd(int *pidfd)
{
	return SYS_CALL(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
}

/* The same, and both have one table of descriptors. */
static inline pid_t sys_fork_with_files(void)
{
	return SYS_CALL(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* CLOCK_MONOTONIC. */
uint64_t sys_clock_ms(void);

/* Dies with the parent, by SIGKILL. `parent` is what getpid() said there before the fork: one that died before this call has left
 * nobody to send a signal. */
void sys_die_with(pid_t parent);

/* fn(arg) in a process that borrows this one's memory and descriptors, on a stack of its own, while this one waits; it ends by
 * _exit(). `flags`: namespaces of its own (clone(2)). 0, however it ended, or -errno. */
int sys_borrow(int (*fn)(void *), void *arg, size_t stack_bytes, int flags);

/* The same with a stack: the child calls fn(arg) there, which must not return. What clone(3) does, with
 * clone3's flags; glibc keeps its own to itself. With CLONE_VM both share memory, so CLONE_VFORK is wanted too. */
pid_t sys_clone3_call(struct clone_args *args, void (*fn)(void *), void *arg);

static inline int sys_unshare(uint64_t flags)
{
	return SYS_CALL(SYS_unshare, flags);
}

static inline int sys_setns(int fd, uint64_t types)
{
	return SYS_CALL(SYS_setns, fd, types);
}

static inline int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return SYS_CALL(SYS_pidfd_open, pid, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
	return SYS_CALL(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

/* A copy, close-on-exec, of a descriptor of another process. */
static inline int sys_pidfd_getfd(int pidfd, int fd)
{
	return SYS_CALL(SYS_pidfd_getfd, pidfd, fd, 0);
}

/* waitid on a pidfd. `options` as waitid's (WEXITED at least); *info and *usage may be NULL.
 * With WNOHANG and nothing to report, 0 and info->si_pid 0. */
int sys_wait_pidfd(int pidfd, int options, siginfo_t *info, struct rusage *usage);

static inline int sys_execveat(int dir, const char *path, char *const argv[], char *const envp[],
			       int flags)
{
	return SYS_CALL(SYS_execveat, dir, path, argv, envp, flags);
}

/* Zeroed memory for as long as the process lives, NULL without any: a page that is not touched costs nothing, while a C
 * library's allocation touches more of them for itself. */
void *sys_pages(size_t bytes);

/* Bytes read from another process's memory, which may be fewer than asked. */
ssize_t sys_read_memory(pid_t pid, uint64_t address, void *to, size_t len);

/* ---- identity and privileges of the calling thread ---- */

static inline int sys_setgroups(size_t n, const uint32_t *groups)
{
	return SYS_CALL(SYS_setgroups, n, groups);
}

static inline int sys_setresuid(uint32_t uid)
{
	return SYS_CALL(SYS_setresuid, uid, uid, uid);
}

static inline int sys_setresgid(uint32_t gid)
{
	return SYS_CALL(SYS_setresgid, gid, gid, gid);
}

/* The three sets as bits; the kernel's two 32-bit words are joined. */
struct sys_caps {
	uint64_t effective, permitted, inheritable;
};
int sys_capget(struct sys_caps *out);
int sys_capset(const struct sys_caps *caps);

/* Enters a new, empty, anonymous session keyring. */
int sys_keyring_new_session(void);

/* ---- scheduling of the calling thread ---- */

/* sched_setattr(2); times in ns. */
struct sys_schedule {
	uint32_t policy, priority;
	int32_t nice;
	uint64_t flags, runtime, deadline, period;
};
int sys_set_schedule(const struct sys_schedule *s);

/* ioprio_set(2): class << IOPRIO_CLASS_SHIFT | level. */
static inline int sys_set_io_priority(int value)
{
	return SYS_CALL(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS, linux/ioprio.h */, 0, value);
}

/* A bit for each processor; those that there are not, are ignored. */
static inline int sys_set_cpus(const uint64_t *bits, size_t bytes)
{
	return SYS_CALL(SYS_sched_setaffinity, 0, bytes, bits);
}

/* ---- files ---- */

static inline int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode,
			      uint64_t resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };

	return SYS_CALL(SYS_openat2, dir, path, &how, sizeof how);
}

static inline int sys_statx(int dir, const char *path, int flags, unsigned mask, struct statx *out)
{
	return SYS_CALL(SYS_statx, dir, path, flags, mask, out);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return SYS_CALL(SYS_close_range, first, last, flags);
}

static inline int sys_memfd_create(const char *name, unsigned flags)
{
	return SYS_CALL(SYS_memfd_create, name, flags);
}

/* ---- mounts ---- */

static inline int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return SYS_CALL(SYS_open_tree, dir, path, flags);
}

static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
				 unsigned flags)
{
	return SYS_CALL(SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int sys_fsopen(const char *fstype)
{
	return SYS_CALL(SYS_fsopen, fstype, FSOPEN_CLOEXEC);
}

static inline int sys_fsconfig_flag(int fs, const char *key)
{
	return SYS_CALL(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, key, NULL, 0);
}

static inline int sys_fsconfig_string(int fs, const char *key, const char *value)
{
	return SYS_CALL(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
}

static inline int sys_fsconfig_fd(int fs, const char *key, int fd)
{
	return SYS_CALL(SYS_fsconfig, fs, FSCONFIG_SET_FD, key, NULL, fd);
}

static inline int sys_fsconfig_create(int fs)
{
	return SYS_CALL(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* A detached mount; `attr` is MOUNT_ATTR_*. */
static inline int sys_fsmount(int fs, unsigned attr)
{
	return SYS_CALL(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
}

/* `at_flags`: AT_EMPTY_PATH, AT_RECURSIVE …; `propagation`: MS_* or 0; `userns` only with
 * MOUNT_ATTR_IDMAP in `set`. */
int sys_mount_setattr(int fd, const char *path, unsigned at_flags, uint64_t set, uint64_t clear,
		      uint64_t propagation, int userns);

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return SYS_CALL(SYS_pivot_root, new_root, put_old);
}

static inline int sys_umount2(const char *path, int flags)
{
	return SYS_CALL(SYS_umount2, path, flags);
}

/* ---- Landlock ---- */

/* The ABI version, or -ENOSYS (not built), -EOPNOTSUPP (switched off at boot). */
int sys_landlock_abi(void);

/* A ruleset descriptor. Fields that the kernel does not know must be zero. */
int sys_landlock_create(uint64_t fs, uint64_t net, uint64_t scoped);

/* `path_fd` is an O_PATH descriptor of a folder or file. */
int sys_landlock_add_path(int ruleset, int path_fd, uint64_t rights);
int sys_landlock_add_port(int ruleset, uint16_t port, uint64_t rights);
static inline int sys_landlock_restrict_self(int ruleset, unsigned flags)
{
	return SYS_CALL(SYS_landlock_restrict_self, ruleset, flags);
}

/* ---- seccomp ---- */

/* Loads a filter on the calling thread: the listener with SECCOMP_FILTER_FLAG_NEW_LISTENER, else
 * 0. */
int sys_seccomp_load(const struct sock_filter *code, size_t n, unsigned flags);

/* 1 when the kernel knows these filter flags, 0 when it does not, -errno when it cannot be said. */
int sys_seccomp_has_flags(unsigned flags);

/* 1 when the kernel knows this SECCOMP_RET_* action, else 0. */
int sys_seccomp_has_action(uint32_t action);

#endif
