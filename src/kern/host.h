/*
 * What this host offers: a plain value, filled by kern/probe.c and read by the policy. Tests make their own.
 */
#ifndef KERN_HOST_H
#define KERN_HOST_H

#include <stdbool.h>
#include <stdint.h>

enum host_arch { HOST_X86_64, HOST_AARCH64 };

/* Cgroup controllers that zviz knows, as bits. */
enum {
	CGROUP_MEMORY = 1 << 0,
	CGROUP_CPU = 1 << 1,
	CGROUP_PIDS = 1 << 2,
	CGROUP_IO = 1 << 3,
	CGROUP_CPUSET = 1 << 4,
	CGROUP_HUGETLB = 1 << 5,
	CGROUP_RDMA = 1 << 6,
	CGROUP_MISC = 1 << 7,
	CGROUP_DEVICES =
		1 << 8, /* v1: a hierarchy; v2: a program of the group, which no file lists */
	CGROUP_CPUACCT = 1 << 9, /* v1 alone: it counts what the cpu controller of v2 counts */
	CGROUP_CONTROLLERS = 10, /* how many */
};

enum { HOST_PATH_MAX = 256, HOST_PROGRAM_MAX = 64 };

struct host_cgroup {
	/* The v2 hierarchy: where it is mounted ("" when it is not), the folder below which this process
	 * may make groups ("" when none), and the controllers that can be enabled there. */
	char v2_mount[HOST_PATH_MAX];
	char v2_parent[HOST_PATH_MAX]; /* absolute path */
	uint32_t v2_controllers;
	/* The v1 hierarchy of each controller, by bit number: an absolute folder below which groups can be
	 * made, "" when there is none or it is not writable. */
	char v1_parent[CGROUP_CONTROLLERS][HOST_PATH_MAX];
	uint16_t v1_mount_len
		[CGROUP_CONTROLLERS]; /* so much of it is where the hierarchy is mounted */
};

struct host {
	enum host_arch arch;
	uint32_t uid, gid;     /* the caller's, in its own user namespace */
	bool privileged;       /* holds CAP_SYS_ADMIN in its own user namespace */
	bool initial_userns;   /* that namespace is the machine's first one */
	bool setgroups_denied; /* by that namespace's maker, for all below it as well */
	uint32_t id_limit;     /* this user namespace maps ids from 0 to here (UINT32_MAX: all) */
	bool user_namespaces;  /* new ones can be made */
	unsigned landlock_abi; /* 0: not there, or switched off */
	bool seccomp_notify;   /* SECCOMP_RET_USER_NOTIF, and a listener can be had */
	bool seccomp_listener_taken; /* by whoever confines the caller: then there is none to be had */
	bool seccomp_killable_wait; /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19 */
	bool seccomp_sync_wake;     /* SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6 */
	bool traces_children_alone; /* Yama; nobody looks where namespaces can be made */
	bool time_namespaces;
	bool apparmor,
		selinux; /* it labels processes; nobody looks where no bundle names a label */
	unsigned last_capability; /* number of the highest capability the kernel knows */
	unsigned cpus;            /* that this process may run on; 0: not known */
	uint64_t memory_bytes;    /* of the machine; 0: not known */
	bool has_newuidmap;       /* and newgidmap; nobody looks when the caller is privileged */
	struct host_cgroup cgroup;
	/* Of a private network, by probe_network(): nobody looks when none is wanted. */
	bool net_admin; /* holds CAP_NET_ADMIN over the network that zviz is in */
	char pasta[HOST_PROGRAM_MAX], slirp4netns[HOST_PROGRAM_MAX]; /* where; "": not there */
};

#endif
