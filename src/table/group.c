#include <string.h>

#include "table/table.h"

#define MEMBERS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/*
 * Small sets that belong together, so that a profile can say why it wants each. A call that is
 * in no group answers ENOSYS unless a profile names it: clone3 and io_uring_* are left out so
 * that libraries fall back to calls that a filter can judge, and so are calls that few programs
 * miss (vmsplice, remap_file_pages, modify_ldt, ustat …).
 *
 * open*, ioctl, socket*, prctl, clone, unshare and exec* are here as well: a profile that lists
 * them under `broker` has their unusual arguments judged, whatever group allowed them.
 */
const struct syscall_group syscall_groups[] = {
	{ "@basic-io", "read, write and control descriptors that are open",
	  MEMBERS("read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev",
		  "preadv2", "pwritev2", "lseek", "close", "close_range", "dup", "dup2", "dup3",
		  "fcntl", "ioctl", "pipe", "pipe2", "fadvise64", "readahead", "fsync", "fdatasync",
		  "flock") },
	{ "@zero-copy", "move data between descriptors inside the kernel",
	  MEMBERS("sendfile", "copy_file_range", "splice", "tee") },
	{ "@open", "open files by name", MEMBERS("open", "openat", "openat2", "creat") },
	{ "@file-info", "look at files and folders, and choose the current one",
	  MEMBERS("stat", "fstat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "access",
		  "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64",
		  "getcwd", "chdir", "fchdir", "getxattr", "lgetxattr", "fgetxattr", "getxattrat",
		  "listxattr", "llistxattr", "flistxattr", "listxattrat", "file_getattr") },
	{ "@file-change",
	  "create, rename, remove and resize files, and change what is known of them",
	  MEMBERS("mkdir", "mkdirat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat",
		  "symlink", "symlinkat", "unlink", "unlinkat", "mknod", "mknodat", "truncate",
		  "ftruncate", "fallocate", "chmod", "fchmod", "fchmodat", "fchmodat2", "umask",
		  "utime", "utimes", "utimensat", "futimesat") },
	{ "@file-owner", "change owners, extended attributes and inode flags",
	  MEMBERS("chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr",
		  "setxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat",
		  "file_setattr") },
	{ "@flush", "push more than one file to disk; the whole host waits for a sync",
	  MEMBERS("sync", "syncfs", "sync_file_range") },
	{ "@file-watch", "be told of changes to files",
	  MEMBERS("inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch") },
	{ "@async-io", "the old asynchronous file interface, as databases use it",
	  MEMBERS("io_setup", "io_submit", "io_getevents", "io_pgetevents", "io_cancel",
		  "io_destroy") },
	{ "@memory", "a process's own memory",
	  MEMBERS("brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "msync", "mincore",
		  "mseal", "map_shadow_stack", "pkey_alloc", "pkey_free", "pkey_mprotect") },
	{ "@memory-lock", "keep memory from being swapped, within RLIMIT_MEMLOCK",
	  MEMBERS("mlock", "mlock2", "mlockall", "munlock", "munlockall") },
	{ "@memory-nodes", "choose the memory node, for large computations",
	  MEMBERS("get_mempolicy", "set_mempolicy", "set_mempolicy_home_node", "mbind") },
	{ "@ipc", "memory, semaphores and queues shared inside the container's own ipc namespace",
	  MEMBERS("memfd_create", "shmget", "shmat", "shmctl", "shmdt", "semget", "semop",
		  "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl", "mq_open",
		  "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr") },
	{ "@process", "start, end and wait for processes, job control included",
	  MEMBERS("fork", "vfork", "clone", "unshare", "execve", "execveat", "exit", "exit_group",
		  "wait4", "waitid", "getpid", "getppid", "getpgid", "getpgrp", "setpgid", "getsid",
		  "setsid", "pidfd_open", "prctl") },
	{ "@threads", "threads, locks between them, and what a runtime sets up for each",
	  MEMBERS("gettid", "futex", "futex_wait", "futex_wake", "futex_requeue", "futex_waitv",
		  "set_robust_list", "get_robust_list", "set_tid_address", "rseq", "arch_prctl",
		  "membarrier") },
	{ "@signals", "send, block and await signals",
	  MEMBERS("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend",
		  "rt_sigpending", "rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
		  "sigaltstack", "kill", "tkill", "tgkill", "pidfd_send_signal", "pause",
		  "signalfd", "signalfd4", "restart_syscall") },
	{ "@events", "wait for many descriptors at once",
	  MEMBERS("poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1",
		  "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd",
		  "eventfd2") },
	{ "@time", "read clocks, sleep and set timers",
	  MEMBERS("clock_gettime", "clock_getres", "gettimeofday", "time", "times", "nanosleep",
		  "clock_nanosleep", "alarm", "getitimer", "setitimer", "timer_create",
		  "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete",
		  "timerfd_create", "timerfd_settime", "timerfd_gettime") },
	{ "@identity", "read the ids, groups and capabilities of a process",
	  MEMBERS("getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
		  "capget") },
	{ "@identity-change",
	  "take other ids, as far as the container has any; all fail without capabilities",
	  MEMBERS("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
		  "setfsgid", "setgroups", "capset") },
	{ "@system-info", "ask for random numbers, the kernel's name, load and a process's usage",
	  MEMBERS("getrandom", "uname", "sysinfo", "getcpu", "getrusage", "getrlimit") },
	{ "@limits", "lower a process's limits", MEMBERS("setrlimit", "prlimit64") },
	{ "@scheduling", "priorities and processors, within what the cgroup gives",
	  MEMBERS("sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam",
		  "sched_setparam", "sched_getscheduler", "sched_setscheduler", "sched_getattr",
		  "sched_setattr", "sched_get_priority_max", "sched_get_priority_min",
		  "sched_rr_get_interval", "getpriority", "setpriority", "ioprio_get",
		  "ioprio_set") },
	{ "@sockets", "talk over sockets of the families that the profile lists",
	  MEMBERS("socket", "socketpair", "connect", "getsockname", "getpeername", "getsockopt",
		  "setsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
		  "shutdown") },
	{ "@sockets-listen", "accept connections", MEMBERS("bind", "listen", "accept", "accept4") },
	{ "@self-confinement", "give up more: a filter or Landlock rules of the workload's own",
	  MEMBERS("seccomp", "landlock_create_ruleset", "landlock_add_rule",
		  "landlock_restrict_self") },

	/* What no workload needs and attacks begin with. */
	{ "@mounts", "change what is mounted, and the root",
	  MEMBERS("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree",
		  "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
		  "swapon", "swapoff", "quotactl", "quotactl_fd") },
	{ "@namespaces", "join other namespaces", MEMBERS("setns") },
	{ "@kernel", "load code into the kernel, or command the machine",
	  MEMBERS("bpf", "perf_event_open", "userfaultfd", "init_module", "finit_module",
		  "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog", "acct",
		  "iopl", "ioperm", "vhangup", "lookup_dcookie", "nfsservctl", "fanotify_init",
		  "fanotify_mark", "create_module", "get_kernel_syms", "query_module", "uprobe",
		  "uretprobe") },
	{ "@clock-change", "set the machine's clock",
	  MEMBERS("settimeofday", "clock_settime", "adjtimex", "clock_adjtime") },
	{ "@host-name", "rename the machine", MEMBERS("sethostname", "setdomainname") },
	{ "@keyrings", "the kernel's keyrings, which namespaces do not separate",
	  MEMBERS("add_key", "request_key", "keyctl") },
	{ "@debugging", "read and steer other processes", MEMBERS("ptrace", "process_vm_readv") },
	{ "@other-processes", "change, compare or take from other processes",
	  MEMBERS("process_vm_writev", "pidfd_getfd", "process_madvise", "process_mrelease", "kcmp",
		  "move_pages", "migrate_pages") },
	{ "@file-handles", "open files by number, past every path", MEMBERS("open_by_handle_at") },
	{ "@dangerous", "mounts, kernel, clock, keyrings, debugging ...: what attacks begin with",
	  MEMBERS("@mounts", "@namespaces", "@kernel", "@clock-change", "@host-name", "@keyrings",
		  "@debugging", "@other-processes", "@file-handles") },
	{ 0 }
};

const struct syscall_group *syscall_group_find(const char *name)
{
	for (const struct syscall_group *g = syscall_groups; g->name != NULL; g++)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}
