/*
 * What the kernel knows and the build machine's headers (Linux 6.1, glibc 2.36) may not.
 * One constant a line, with the Linux version that brought it.
 */
#ifndef KERN_UAPI_H
#define KERN_UAPI_H

#include <linux/ioctl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <linux/types.h>

/* ---- names ---- */

enum {
	UAPI_HOST_NAME_MAX = 64
}; /* __NEW_UTS_LEN of linux/utsname.h; musl's HOST_NAME_MAX is 255 */

/* ---- seccomp ---- */

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* 5.19 */
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0) /* 6.6 */
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64) /* 6.6 */
#endif

/* ---- Landlock: 5.13 (ABI 1), 5.19 (2), 6.2 (3), 6.7 (4), 6.10 (5), 6.12 (6), 6.15 (7) ---- */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13) /* 5.19, ABI 2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* 6.2, ABI 3 */
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15) /* 6.10, ABI 5 */
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0) /* 6.7, ABI 4 */
#endif
#ifndef LANDLOCK_ACCESS_NET_CONNECT_TCP
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1) /* 6.7, ABI 4 */
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* 6.12, ABI 6 */
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1) /* 6.12, ABI 6 */
#endif
#ifndef LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON
#define LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON (1U << 1) /* 6.15, ABI 7 */
#endif

/* enum landlock_rule_type's second value, which headers before 6.7 lack. */
#define ZVIZ_LANDLOCK_RULE_NET_PORT 2 /* 6.7, ABI 4 */

/* struct landlock_ruleset_attr with every field: the kernel takes shorter ones, and longer ones
 * whose unknown part is zero. */
struct zviz_landlock_ruleset_attr {
	__u64 handled_access_fs;  /* 5.13 */
	__u64 handled_access_net; /* 6.7 */
	__u64 scoped;             /* 6.12 */
};

struct zviz_landlock_net_port_attr {
	__u64 allowed_access; /* 6.7 */
	__u64 port;           /* host byte order */
};

/* ---- processes ---- */

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL /* 5.7 */
#endif
#define ZVIZ_P_PIDFD 3 /* P_PIDFD, an enumerator where glibc has it */ /* 5.4 */
#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK 00004000 /* 5.10; O_NONBLOCK */
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD 00000200 /* 6.9; O_EXCL */
#endif
#ifndef PIDFD_SIGNAL_THREAD
#define PIDFD_SIGNAL_THREAD (1U << 0) /* 6.9 */
#endif
#ifndef PIDFD_SIGNAL_THREAD_GROUP
#define PIDFD_SIGNAL_THREAD_GROUP (1U << 1) /* 6.9 */
#endif
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65 /* 6.3 */
#endif

/* ---- files and mounts ---- */

/* What the kernel calls __O_TMPFILE: the bit alone. glibc's name of that spelling has O_DIRECTORY in it. */
#define UAPI_O_TMPFILE 020000000 /* 3.11 */

/* The access mode as the kernel reads it: include/uapi/asm-generic/fcntl.h. musl's own name has O_PATH in it. */
#define UAPI_O_ACCMODE 03

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* 5.14 */
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000 /* 5.2 */
#endif
#ifndef FSCONFIG_CMD_CREATE_EXCL
#define FSCONFIG_CMD_CREATE_EXCL 8 /* 6.6 */
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200 /* 6.5 */
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U /* 5.8 */
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* 6.3 */
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* 6.3 */
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2) /* 5.11 */
#endif

#endif
