/*
 * Facts about the kernel's interface as data: no code but look-ups. Each table's .c names its source.
 */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

/* ---- system calls ---- */

/* What a call's argument is, for messages and for deciders. */
enum arg_role {
	ARG_NONE = 0, /* no such argument */
	ARG_INT, ARG_UINT, ARG_HEX, ARG_FD, ARG_DIRFD, ARG_PATH, ARG_POINTER, ARG_SIZE, ARG_OPEN_FLAGS,
	ARG_MODE, ARG_SOCKET_FAMILY, ARG_SOCKET_TYPE, ARG_IOCTL, ARG_PRCTL, ARG_CLONE_FLAGS, ARG_SIGNAL,
	ARG_PID, ARG_PTRACE, ARG_ADDRESS, /* a socket address, or the messages that may hold one */
} __attribute__((packed));

/* No pointer: the table needs no relocation, which is 4 pages of each process. */
struct syscall {
	char name[24];           /* "" ends the table */
	int16_t x86_64, aarch64; /* numbers; -1 where the architecture lacks it */
	enum arg_role arg[6];
};

/* Sorted by name, ended by one without a name; every call of both architectures up to Linux 6.12 at least. */
extern const struct syscall syscalls[];
extern const size_t syscalls_count;

const struct syscall *syscall_find(const char *name);                  /* NULL: unknown */
const struct syscall *syscall_number(uint32_t audit_arch, int nr);     /* NULL: unknown */
const char *syscall_name(uint32_t audit_arch, int nr);                 /* its own: "mmap2" on i386; NULL: unknown */
int syscall_nr(const struct syscall *s, uint32_t audit_arch);          /* -1: not there */
uint32_t syscall_top(uint32_t audit_arch);                             /* one above the highest number known */

/* ---- calls of a machine's other ABIs ----
 * x86_64 runs programs of i386, whose calls come as AUDIT_ARCH_I386, and of x32: AUDIT_ARCH_X86_64 with bit 30 in the
 * number. Each of their calls is one of the machine's own under another number: syscall_number() gives that row. */

enum { SYSCALL_X32_BIT = 0x40000000 }; /* __X32_SYSCALL_BIT, asm/unistd.h */

/* How many arguments, from the first on, are those of the row, register by register: 6 for all but i386. */
unsigned syscall_same(uint32_t audit_arch, int nr);

/* Many calls under one number, told apart by the first argument, all others in memory: socketcall and ipc of i386. */
struct syscall_part {
	uint32_t op;
	const char *call; /* the row's name, NULL at the end */
};
struct syscall_parts {
	const char *name;
	uint32_t mask; /* of the argument's bits that count */
	const struct syscall_part *at;
};
const struct syscall_parts *syscall_parts(uint32_t audit_arch, int nr); /* NULL: it is one call */

/* ---- groups of calls: "@basic-io" … Members are names of calls or of other groups. ---- */

struct syscall_group {
	const char *name;        /* with the @ */
	const char *description; /* one line */
	const char *const *members; /* NULL-terminated */
};
extern const struct syscall_group syscall_groups[]; /* ended by a NULL name */
const struct syscall_group *syscall_group_find(const char *name);

/* ---- names and numbers, each ended by a row without a name ---- */

extern const struct name capability_names[];   /* "CAP_CHOWN" */
extern const struct name rlimit_names[];       /* "RLIMIT_NOFILE" */
extern const struct name signal_names[];       /* "SIGTERM" */
extern const struct name ioctl_names[];        /* "TIOCGWINSZ" */
extern const struct name prctl_names[];        /* "PR_SET_NAME" */
extern const struct name socket_families[];    /* "inet" */
extern const struct name socket_types[];       /* "stream" */
extern const struct name clone_flags[];        /* "CLONE_NEWUSER" */
extern const struct name namespace_names[];    /* profile words: "user" → CLONE_NEWUSER, "mount", "network" … */
extern const struct name scheduler_policies[]; /* "SCHED_BATCH" */
extern const struct name scheduler_flags[];    /* "SCHED_FLAG_RESET_ON_FORK" */
extern const struct name io_classes[];         /* "IOPRIO_CLASS_IDLE" */
extern const struct name errno_names[];        /* "EPERM" */
extern const struct name open_flags[];         /* "O_CREAT" */

/* Whether it is none of those that programs use all the time: not worth a comparison in every filter where the broker
 * can be asked. Requests and operations without a name count as common: whoever gives a number may need it often. */
bool ioctl_is_rare(uint64_t request);
bool prctl_is_rare(uint64_t operation);
bool socket_family_is_rare(int family);

/* Mount options of fstab and of the OCI spec: what each sets or clears, never the same bit. Beside an atime mode
 * mount_setattr(2) wants all of MOUNT_ATTR__ATIME in attr_clr. */
struct mount_option {
	char name[15];             /* "" ends the table; the next byte is 0 */
	uint64_t set, clear;       /* MOUNT_ATTR_* */
	uint64_t propagation;      /* MS_PRIVATE …, 0 */
	bool recursive;            /* the attribute or propagation holds for the whole tree */
	bool bind, rbind;
	bool idmap;                /* shown through the id maps of the mount (or of the container) */
	bool copy_up;              /* "tmpcopyup": a tmpfs that starts with what its target holds */
	bool no_op;                /* asks nothing of the kernel: a default ("async"), or it only undoes an
				    * earlier word of the same list ("rw", "suid": `clear`) */
};
extern const struct mount_option mount_options[];
const struct mount_option *mount_option_find(const char *name);

/* Landlock rights and the ABI that brought each. */
struct landlock_right {
	const char *name;
	uint64_t bit;
	unsigned abi;
};
extern const struct landlock_right landlock_fs_rights[]; /* ended by a NULL name */
uint64_t landlock_fs_handled(unsigned abi); /* all rights that this ABI knows */

/* What the direct form shows of the host's /etc and /var: programs need it, and it holds no secret. */
enum etc_how { ETC_BIND, ETC_COPY };
struct etc_entry {
	const char *path; /* absolute */
	enum etc_how how; /* a folder is bound read-only, a small file copied; symlinks are copied as links */
};
extern const struct etc_entry etc_entries[]; /* ended by a NULL path */

#endif
