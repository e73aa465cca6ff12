/*
 * New namespaces, and those of others. A user namespace of its own would give a workload every
 * capability again, over kernel code that expects only administrators.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* glibc's own clone wants a stack; a fork with flags is all that is asked here. The order of
 * the last two arguments differs between architectures, and both are zero. */
static long clone_with(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return -errno;
	waitpid((pid_t)pid, NULL, 0);
	return 0;
}

/* clang-format off */
static long clone_plain(void) { return clone_with(0); }
static long clone_user(void) { return clone_with(CLONE_NEWUSER); }
static long clone_pid(void) { return clone_with(CLONE_NEWPID); }
static long clone_mount(void) { return clone_with(CLONE_NEWNS); }
static long clone_net(void) { return clone_with(CLONE_NEWNET); }
static long clone_ipc(void) { return clone_with(CLONE_NEWIPC); }
static long clone_uts(void) { return clone_with(CLONE_NEWUTS); }
static long clone_cgroup(void) { return clone_with(CLONE_NEWCGROUP); }
/* clang-format on */

/* Garbage in the upper half of the register: the kernel drops it (kernel/fork.c), and a filter
 * that compares all 64 bits with a list would be passed. */
static long clone_user_high(void)
{
	return clone_with(CLONE_NEWUSER | 0x100000000ul);
}

static long clone3_with(uint64_t flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

/* clang-format off */
static long clone3_plain(void) { return clone3_with(0); }
static long clone3_user(void) { return clone3_with(CLONE_NEWUSER); }
/* clang-format on */

static long setns_file(const char *path, int type)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* Even without the file, the call itself must be refused before its descriptor is
	 * looked at. */
	return outcome(setns(fd, type));
}

/* clang-format off */
static long setns_user(void) { return setns_file("/proc/1/ns/user", CLONE_NEWUSER); }
static long setns_mount(void) { return setns_file("/proc/1/ns/mnt", CLONE_NEWNS); }
static long setns_nowhere(void) { return outcome(setns(-1, 0)); }
/* clang-format on */

static long setns_pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);

	return outcome(setns(fd, CLONE_NEWNS));
}

/* clang-format off */
const struct probe namespace_probes[] = {
	CALL("unshare-user",   SYS_unshare, CLONE_NEWUSER),
	CALL("unshare-pid",    SYS_unshare, CLONE_NEWPID),
	CALL("unshare-mount",  SYS_unshare, CLONE_NEWNS),
	CALL("unshare-net",    SYS_unshare, CLONE_NEWNET),
	CALL("unshare-ipc",    SYS_unshare, CLONE_NEWIPC),
	CALL("unshare-uts",    SYS_unshare, CLONE_NEWUTS),
	CALL("unshare-cgroup", SYS_unshare, CLONE_NEWCGROUP),
	CALL("unshare-time",   SYS_unshare, CLONE_NEWTIME),
	CALL("unshare-mixed",  SYS_unshare, CLONE_FS | CLONE_FILES | CLONE_NEWUSER),
	CALL("unshare-files",  SYS_unshare, CLONE_FILES),
	RUN("clone-plain",     clone_plain),
	RUN("clone-user",      clone_user),
	RUN("clone-user-high", clone_user_high),
	RUN("clone-pid",       clone_pid),
	RUN("clone-mount",     clone_mount),
	RUN("clone-net",       clone_net),
	RUN("clone-ipc",       clone_ipc),
	RUN("clone-uts",       clone_uts),
	RUN("clone-cgroup",    clone_cgroup),
	RUN("clone3-plain",    clone3_plain),
	RUN("clone3-user",     clone3_user),
	RUN("setns-user",      setns_user),
	RUN("setns-mount",     setns_mount),
	RUN("setns-pidfd",     setns_pidfd),
	RUN("setns-nowhere",   setns_nowhere),
	{ 0 }
};
