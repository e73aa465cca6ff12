/*
 * Calls that no workload needs. Arguments are such that the kernel itself would refuse or do
 * nothing, with another errno than the filter's: EPERM (known and dangerous) or ENOSYS (not
 * offered).
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/quota.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

#ifdef SYS_iopl
enum { NR_IOPL = SYS_iopl, NR_IOPERM = SYS_ioperm, NR_MODIFY_LDT = SYS_modify_ldt };
#else
enum { NR_IOPL = NO_SUCH_CALL, NR_IOPERM = NO_SUCH_CALL, NR_MODIFY_LDT = NO_SUCH_CALL };
#endif

/* Numbers that are the same everywhere since Linux 5.1 (include/uapi/asm-generic/unistd.h),
 * newer than some distributions' headers. */
enum {
	NR_MOUNT_SETATTR = 442,
	NR_QUOTACTL_FD = 443,
	NR_MEMFD_SECRET = 447,
	NR_CACHESTAT = 451,
	NR_OPEN_TREE_ATTR = 467
};

enum { NOWHERE = 999 }; /* a descriptor that is not open */

static const struct timespec no_time = { .tv_sec = 0,
					 .tv_nsec = -1 }; /* EINVAL where it is looked at */
static const char nothing[256];                           /* zeroes, where a struct is read */
static const union bpf_attr array_map = {
	.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
};
static const struct perf_event_attr cpu_clock = { .type = PERF_TYPE_SOFTWARE,
						  .size = sizeof cpu_clock,
						  .config = PERF_COUNT_SW_CPU_CLOCK,
						  .exclude_kernel = 1 };

/* clang-format off */
const struct probe call_probes[] = {
	CALL("mount-tmpfs",       SYS_mount, P("none"), P("/tmp"), P("tmpfs"), 0, 0),
	CALL("mount-proc",        SYS_mount, P("proc"), P("/tmp"), P("proc"), 0, 0),
	CALL("mount-bind",        SYS_mount, P("/proc"), P("/tmp"), 0, MS_BIND, 0),
	CALL("mount-remount",     SYS_mount, P("none"), P("/"), 0, MS_REMOUNT | MS_BIND, 0),
	CALL("umount2",           SYS_umount2, P("/proc/keys"), 2),
	CALL("open_tree",         SYS_open_tree, (uintptr_t)AT_FDCWD, P("/"), OPEN_TREE_CLONE),
	CALL("open_tree_attr",    NR_OPEN_TREE_ATTR, (uintptr_t)AT_FDCWD, P("/"), OPEN_TREE_CLONE, P(nothing), 32),
	CALL("fsopen",            SYS_fsopen, P("tmpfs"), 0),
	CALL("fsconfig",          SYS_fsconfig, NOWHERE, 0, P("size"), P("1"), 0),
	CALL("fsmount",           SYS_fsmount, NOWHERE, 0, 0),
	CALL("fspick",            SYS_fspick, (uintptr_t)AT_FDCWD, P("/"), 0),
	CALL("move_mount",        SYS_move_mount, (uintptr_t)AT_FDCWD, P("/proc"), (uintptr_t)AT_FDCWD, P("/tmp"), 0),
	CALL("mount_setattr",     NR_MOUNT_SETATTR, (uintptr_t)AT_FDCWD, P("/"), 0, P(nothing), 32),
	CALL("pivot_root",        SYS_pivot_root, P("/tmp"), P("/tmp")),
	CALL("chroot",            SYS_chroot, P("/tmp")),
	CALL("swapon",            SYS_swapon, P("/work/none"), 0),
	CALL("swapoff",           SYS_swapoff, P("/work/none")),
	CALL("quotactl",          SYS_quotactl, QCMD(Q_SYNC, 0), 0, 0, 0),
	CALL("quotactl_fd",       NR_QUOTACTL_FD, NOWHERE, QCMD(Q_SYNC, 0), 0, 0),

	CALL("bpf-map",           SYS_bpf, BPF_MAP_CREATE, P(&array_map), sizeof array_map),
	CALL("perf_event_open",   SYS_perf_event_open, P(&cpu_clock), 0, (uintptr_t)-1, (uintptr_t)-1, 0),
	CALL("userfaultfd",       SYS_userfaultfd, O_CLOEXEC | 1),
	CALL("init_module",       SYS_init_module, 0, 0, P("")),
	CALL("finit_module",      SYS_finit_module, NOWHERE, P(""), 0),
	CALL("delete_module",     SYS_delete_module, P("no-such-module"), O_NONBLOCK),
	CALL("kexec_load",        SYS_kexec_load, 0, 0, 0, 0xffff),
	CALL("kexec_file_load",   SYS_kexec_file_load, NOWHERE, NOWHERE, 0, 0, 0xffff),
	CALL("reboot",            SYS_reboot, 0, 0, 0, 0),
	CALL("syslog-size",       SYS_syslog, 10, 0, 0),
	CALL("acct",              SYS_acct, P("/nonexistent")),
	CALL("iopl",              NR_IOPL, 3),
	CALL("ioperm",            NR_IOPERM, 0x80, 1, 1),
	CALL("modify_ldt",        NR_MODIFY_LDT, 0, 0, 0),
	CALL("vhangup",           SYS_vhangup),
	CALL("lookup_dcookie",    SYS_lookup_dcookie, 0, 0, 0),
	CALL("fanotify_init",     SYS_fanotify_init, 0, 0),

	CALL("settimeofday",      SYS_settimeofday, 0, 0),
	CALL("clock_settime",     SYS_clock_settime, CLOCK_REALTIME, P(&no_time)),
	CALL("adjtimex",          SYS_adjtimex, 0),
	CALL("clock_adjtime",     SYS_clock_adjtime, CLOCK_REALTIME, 0),
	CALL("sethostname",       SYS_sethostname, P("pwned"), 5),
	CALL("setdomainname",     SYS_setdomainname, P("pwned"), 5),

	CALL("add_key",           SYS_add_key, P("user"), P("zviz:probe"), P("x"), 1,
				  (uintptr_t)KEY_SPEC_THREAD_KEYRING),
	CALL("request_key",       SYS_request_key, P("user"), P("zviz:probe"), 0, 0),
	CALL("keyctl",            SYS_keyctl, KEYCTL_GET_KEYRING_ID, (uintptr_t)KEY_SPEC_SESSION_KEYRING, 1),

	CALL("io_uring_setup",    SYS_io_uring_setup, 1, P(nothing)),
	CALL("io_uring_enter",    SYS_io_uring_enter, NOWHERE, 0, 0, 0, 0),
	CALL("io_uring_register", SYS_io_uring_register, NOWHERE, 0, 0, 0),

	CALL("open_by_handle_at", SYS_open_by_handle_at, (uintptr_t)AT_FDCWD, P(nothing), O_RDONLY),
	CALL("name_to_handle_at", SYS_name_to_handle_at, (uintptr_t)AT_FDCWD, P("/"), P(nothing), P(nothing), 0),
	CALL("memfd_secret",      NR_MEMFD_SECRET, 0),
	CALL("vmsplice",          SYS_vmsplice, NOWHERE, 0, 0, 0),
	CALL("cachestat",         NR_CACHESTAT, NOWHERE, P(nothing), P(nothing), 0),
	CALL("number-unknown",    0x3fffff),
	{ 0 }
};
