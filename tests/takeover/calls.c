/*
 * Calls that the broker has no use for. Whatever they would do, its filter ends it.
 */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kern/uapi.h"
#include "takeover.h"

#define P(text) ((uintptr_t)(text))

static const struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };

/* clang-format off */
#define CALL(name, nr, ...) { name, NULL, nr, { __VA_ARGS__ } }

const struct attempt call_attempts[] = {
	CALL("mount", SYS_mount, P("none"), P("/"), P("tmpfs")),
	CALL("umount2", SYS_umount2, P("/proc"), 2),
	CALL("pivot_root", SYS_pivot_root, P("."), P(".")),
	CALL("chroot", SYS_chroot, P("/")),
	CALL("chdir", SYS_chdir, P("..")),
	CALL("fchdir", SYS_fchdir, 0),
	CALL("open_tree", SYS_open_tree, -100, P("/"), 1),
	CALL("fsopen", SYS_fsopen, P("proc"), 0),
	CALL("move_mount", SYS_move_mount, -100, P("/"), -100, P("/work")),
	CALL("mount_setattr", SYS_mount_setattr, -100, P("/"), 0, 0, 0),
	CALL("unshare-user", SYS_unshare, CLONE_NEWUSER),
	CALL("unshare-files", SYS_unshare, CLONE_FILES),
	CALL("setns", SYS_setns, 0, 0),
	CALL("name_to_handle_at", SYS_name_to_handle_at, -100, P("/"), 0, 0, 0),
	CALL("open_by_handle_at", SYS_open_by_handle_at, -100, 0, 0),
	CALL("bpf", SYS_bpf, 0, 0, 0),
	CALL("perf_event_open", SYS_perf_event_open, 0, 0, -1, -1, 0),
	CALL("io_uring_setup", SYS_io_uring_setup, 1, 0),
	CALL("userfaultfd", SYS_userfaultfd, 0),
	CALL("keyctl", SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0),
	CALL("add_key", SYS_add_key, P("user"), P("k"), P("v"), 1, KEY_SPEC_SESSION_KEYRING),
	CALL("request_key", SYS_request_key, P("user"), P("k"), 0, 0),
	CALL("socket-inet", SYS_socket, AF_INET, SOCK_STREAM, 0),
	CALL("socket-netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 0),
	CALL("socket-unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0),
	CALL("socket-vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0),
	CALL("socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 0),
	CALL("connect", SYS_connect, 0, 0, 0),
	CALL("bind", SYS_bind, 0, 0, 0),
	CALL("getsockopt", SYS_getsockopt, 0, SOL_SOCKET, SO_TYPE, 0, 0),
	CALL("sendmsg", SYS_sendmsg, 0, 0, 0), /* descriptors would travel with it */
	CALL("accept", SYS_accept, 0, 0, 0),
	CALL("accept4", SYS_accept4, 0, 0, 0, SOCK_CLOEXEC),
	CALL("accept4-from", SYS_accept4, 0, P("address"), P("length"), SOCK_CLOEXEC),
	CALL("accept4-open", SYS_accept4, 0, 0, 0, 0),
	CALL("listen", SYS_listen, 0, 8),
	CALL("execve", SYS_execve, P("/bin/sh"), 0, 0),
	CALL("execveat", SYS_execveat, -100, P("/bin/sh"), 0, 0, 0),
	CALL("memfd_create", SYS_memfd_create, P("m"), 0),
	CALL("map-executable", SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	CALL("protect-executable", SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC),
	CALL("pkey-executable", SYS_pkey_mprotect, 0, 4096, PROT_EXEC, -1),
	CALL("fork", SYS_clone, SIGCHLD, 0, 0, 0, 0),
	CALL("clone-user", SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0),
	CALL("clone-parent", SYS_clone, SIGCHLD | CLONE_PARENT, 0, 0, 0, 0),
	CALL("clone3", SYS_clone3, 0, 0),
	CALL("ptrace", SYS_ptrace, PTRACE_ATTACH, 2, 0, 0),
	CALL("ptrace-seize", SYS_ptrace, PTRACE_SEIZE, 9999, 0, 0),
	CALL("ptrace-interrupt", SYS_ptrace, PTRACE_INTERRUPT, 9999, 0, 0),
	CALL("ptrace-detach", SYS_ptrace, PTRACE_DETACH, 9999, 0, 0),
	CALL("wait4", SYS_wait4, -1, 0, 1, 0),
	CALL("waitid", SYS_waitid, 0, 0, 0, 4, 0),
	CALL("process_vm_writev", SYS_process_vm_writev, 2, 0, 0, 0, 0, 0),
	CALL("process_madvise", SYS_process_madvise, -1, 0, 0, 0, 0),
	CALL("kcmp", SYS_kcmp, 1, 2, 0, 0, 0),
	CALL("kill", SYS_kill, 2, SIGKILL),
	CALL("kill-all", SYS_kill, -1, SIGKILL),
	CALL("pidfd_send_signal", SYS_pidfd_send_signal, 0, SIGKILL, 0, 0),
	CALL("pidfd-size-signal", SYS_pidfd_send_signal, 0, SIGXFSZ, 0, 0),
	CALL("rt_sigqueueinfo", SYS_rt_sigqueueinfo, 2, SIGKILL, 0),
	CALL("setpgid", SYS_setpgid, 0, 0),
	CALL("setsid", SYS_setsid, 0),
	CALL("prlimit", SYS_prlimit64, 0, RLIMIT_NOFILE, P(&most), 0),
	CALL("setrlimit", SYS_setrlimit, RLIMIT_AS, P(&most)),
	CALL("setpriority", SYS_setpriority, PRIO_PROCESS, 0, -20),
	CALL("sched_setscheduler", SYS_sched_setscheduler, 0, 0, 0),
	CALL("setuid", SYS_setuid, 0),
	CALL("setresuid", SYS_setresuid, 0, 0, 0),
	CALL("setgroups", SYS_setgroups, 0, 0),
	CALL("dumpable", SYS_prctl, PR_SET_DUMPABLE, 1),
	CALL("pdeathsig", SYS_prctl, PR_SET_PDEATHSIG, 0),
	CALL("filter-more", SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 0),
	CALL("filter-listener", SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0),
	CALL("filter-prctl", SYS_prctl, PR_SET_SECCOMP, 2, 0),
	CALL("landlock", SYS_landlock_create_ruleset, 0, 0, 1),
	CALL("type", SYS_ioctl, 0, TIOCSTI, P("x")),
	CALL("terminal-take", SYS_ioctl, 0, TIOCSCTTY, 1),
	CALL("rename", SYS_renameat2, -100, P("/work/none"), -100, P("/work/other"), 0),
	CALL("link", SYS_linkat, -100, P("/work/none"), -100, P("/work/other"), 0),
	CALL("unlink", SYS_unlinkat, -100, P("/work/none"), 0),
	CALL("symlink", SYS_symlinkat, P("/none"), -100, P("/none/other")),
	CALL("mkdir", SYS_mkdirat, -100, P("/none/other"), 0755),
	CALL("mknod", SYS_mknodat, -100, P("/none/other"), 0100644, 0),
	CALL("chmod", SYS_fchmodat, -100, P("/work"), 04777, 0),
	CALL("fchmod", SYS_fchmod, 0, 04777),
	CALL("chown", SYS_fchownat, -100, P("/work"), 0, 0, 0),
	CALL("setxattr", SYS_setxattr, P("/work"), P("user.a"), 0, 0, 0),
	CALL("pwrite", SYS_pwrite64, 0, P("x"), 1, 0),
	CALL("pread", SYS_pread64, 0, 0, 0, 0),
	CALL("lease", SYS_fcntl, 0, F_SETLEASE, F_RDLCK),
	CALL("sysinfo", SYS_sysinfo, 1),
	CALL("sched_getaffinity", SYS_sched_getaffinity, 0, 0, 0),
	CALL("flock", SYS_flock, 0, 8),
	CALL("getdents", SYS_getdents64, 0, 0, 0),
	CALL("fallocate", SYS_fallocate, 0, 0, 0, 1 << 20),
	CALL("inotify", SYS_inotify_init1, 0),
	CALL("fanotify", SYS_fanotify_init, 0, 0),
	CALL("acct", SYS_acct, 0),
	CALL("reboot", SYS_reboot, 0, 0, 0, 0),
	CALL("init_module", SYS_init_module, 0, 0, P("")),
	CALL("kexec_load", SYS_kexec_load, 0, 0, 0, 0),
	CALL("sethostname", SYS_sethostname, P("x"), 1),
	CALL("settimeofday", SYS_settimeofday, 0, 0),
	CALL("personality", SYS_personality, 0),
	CALL("unknown", 9999, 0),
	{ 0 },
};
