/*
 * The plan: everything that is going to happen, decided once, immutable afterwards.
 *
 * plan_make() is pure: spec + profile + host → plan. Processes interpret the plan and decide nothing.
 * All of it lives in one arena and is inherited by fork.
 */
#ifndef POLICY_PLAN_H
#define POLICY_PLAN_H

#include <linux/landlock.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/host.h"
#include "policy/answers.h"
#include "policy/bpf.h"
#include "policy/profile.h"
#include "policy/spec.h"
#include "policy/view.h"

/* ---- the system calls ---- */

enum call_verdict {
	CALL_ALLOW, /* native */
	CALL_DENY,  /* EPERM at once */
	CALL_NOSYS, /* ENOSYS at once: libc falls back */
	CALL_ASK,   /* the broker looks at it */
	CALL_ARGS,  /* allowed for some register arguments, `rest` for the others */
} __attribute__((packed));

enum mediator {
	MEDIATE_NONE = 0,
	MEDIATE_DENY,   /* always refused; asked only so that it is counted and explained */
	MEDIATE_OPEN,   /* open, openat, openat2, creat: performed by the broker */
	MEDIATE_IOCTL,  /* register arguments only, all those below */
	MEDIATE_SOCKET, /* socket, socketpair */
	MEDIATE_CLONE,  /* clone, unshare */
	MEDIATE_PRCTL,
	MEDIATE_NAMES, /* rename, link, unlink, mkdir, truncate and their like: performed by the broker */
	MEDIATE_ADDRESS, /* connect, bind, sendto, sendmsg, sendmmsg: performed by the broker */
	MEDIATE_EXEC, /* execve, execveat: audited, then continued; Landlock and mounts enforce */
	MEDIATE_TRIPWIRE, /* allowed by its number, until somebody cuts it off */
	MEDIATE_VIEW,     /* sched_getaffinity, sysinfo: answered with what the container may use */
} __attribute__((packed));

/* One row a call of the table that the profile speaks of; sorted by native number. There are hundreds, and every
 * start makes them: they are kept small. */
struct plan_call {
	const char *name;
	int nr; /* native number */
	enum call_verdict verdict;
	enum call_verdict rest;  /* of CALL_ARGS: CALL_DENY, CALL_NOSYS or CALL_ASK */
	enum mediator mediator;  /* where verdict or rest is CALL_ASK */
	int16_t err;             /* positive errno that a refusal answers with */
	uint32_t ncases;         /* of CALL_ARGS, in the order tested */
	const struct from *from; /* the profile's line; its file is NULL for the default */
	const char *fix; /* the change that would permit it; NULL: its name in syscalls.allow */
	struct bpf_case *cases;
};

/* ---- what the broker decides with ---- */

/* A glob over absolute paths: * within one component, ** across components, ? one character. */
struct file_rule {
	const char *pattern;
	struct from from;
};

struct broker_plan {
	bool used;      /* false: no broker process */
	bool bare;      /* the caller's files and processes are this machine's */
	bool opens;     /* it performs opens, by the rules below */
	bool names;     /* and renames, links and their like */
	bool addresses; /* and what names the address of a socket */
	bool abstract_apart; /* Landlock keeps the workload from abstract sockets that are not the container's */
	bool live;              /* its rules may be changed while it works: `zviz update` */
	bool ended_by_launcher; /* with the container: nobody else needs to tell it that the last task is gone */
	bool signals_interrupt; /* a signal ends a call that it works on: before Linux 5.19 */
	bool asks;              /* some calls wait until somebody has been asked */
	bool traces; /* it looks at each program before its first instruction: ask.execute */
	struct view
		view; /* what it answers sched_getaffinity and sysinfo with, and keeps files up to date with */
	bool procfs; /* it needs to see its tracees: to open as them, or to name them in events */
	const char *id, *profile; /* the container and its profile, for events */
	enum audit_level audit;
	size_t ncalls;
	const struct plan_call
		*calls; /* all of the plan, sorted by nr; asked are those with a mediator */
	const struct where_rules
		*where; /* the profile's, to name the row that refused; NULL: none */
	size_t nioctls;
	const uint32_t *ioctls; /* allowed commands */
	size_t nprctls;
	const uint32_t *prctls; /* allowed operations */
	size_t nsockets;
	const struct socket_rule *sockets;
	uint64_t clone_forbidden; /* flags that no clone or unshare may carry (CLONE_NEW*) */
	struct from ioctl_from, prctl_from, socket_from, clone_from; /* where those lists start */
	/* Files. A deny pattern wins over everything; then the path must lie below a `read` (or, to write, a
	 * `write`) folder. `hidden` paths are absent from the mounts: a miss there is explained, not decided. */
	size_t nread, nwrite, ndeny_read, ndeny_write, nhidden;
	const struct file_rule *read, *write, *deny_read, *deny_write, *hidden;
	struct from write_from;
	/* ask: what is asked about, and what of it has been answered with yes. */
	struct {
		size_t n, nalways;
		const struct file_rule *rules, *always;
	} ask[ASK_FILE_KINDS];
	size_t nconnect, nconnect_always;
	const struct address_rule *connect, *connect_always;
	uint64_t ask_timeout_ms;
	/* Landlock's rules, which it keeps for the names that it changes itself. */
	unsigned landlock_abi; /* 0: none */
	size_t npaths;
	const struct plan_path *paths;
};

/* ---- mounts: performed in this order below the new root ---- */

enum mount_kind {
	MOUNT_BIND,    /* source is a host path, resolved before the root changes */
	MOUNT_FS,      /* a new file system of `fstype` with `data` options */
	MOUNT_SYMLINK, /* target becomes a link to `source` */
	MOUNT_MIRROR, /* as the host has it: a link copied as a link, a folder bound, a file copied; absent:
			  * skipped */
	MOUNT_TEXT, /* a file that holds `source` itself */
	MOUNT_DIR,  /* an empty folder with `mode` */
	MOUNT_DEVICE, /* the host's device node `source`, checked to be `block` or not, and major:minor */
	MOUNT_MASK, /* target made unreadable: /dev/null over a file, an empty read-only tmpfs over a folder */
	MOUNT_SELF,   /* target, already there, bound over itself with other attributes */
	MOUNT_CGROUP, /* the container's own cgroup, read-only unless delegated */
	MOUNT_COVER, /* a file that holds `source` itself, over one that is there and stays as it is */
	MOUNT_VIEW, /* a file that says what the container may use, instead of what the machine has */
};

struct plan_mount {
	enum mount_kind kind;
	const char *target; /* absolute, inside the container */
	const char *source;
	const char *fstype;
	size_t noptions;
	const char *const *options;    /* "key=value" or "flag", for fsconfig */
	uint64_t attr_set, attr_clear; /* MOUNT_ATTR_* */
	bool recursive_attr;
	uint64_t propagation; /* MS_*, 0: private */
	bool recursive;       /* rbind */
	bool optional; /* an absent source (or, for masks, target) is skipped, not an error */
	bool pattern;  /* of masks: `target` is a glob, and all that matches is masked */
	bool by_launcher; /* /dev and what lies directly in it: a caller who may make device nodes prepares it
			       * as one detached tree, which is quicker than a mount for each node */
	uint64_t
		given; /* CLONE_NEW* of the joined or the caller's namespace that a new file system shows: who
			 * made the namespace may mount it, so the launcher does; 0: it shows none */
	bool idmap;       /* shown with the container's ids: uid 0 there is the owner here */
	bool idmap_asked; /* by the bundle: then as it says, and not at all otherwise */
	bool idmap_tree;  /* with what is mounted below */
	struct id_maps uid_maps,
		gid_maps; /* of this mount alone: what the file system has is `inside`; none: the container's */
	bool copy_up; /* of a tmpfs: it begins with what the target holds */
	uint32_t mode;
	bool block; /* of MOUNT_DEVICE */
	uint32_t major, minor;
	bool owned; /* a node that is made gets `mode`, and these inside as its owner; else it is root's, for all */
	uint32_t uid, gid;
	enum view_file view; /* of MOUNT_VIEW */
	struct from from;
};

/* ---- Landlock ---- */

struct plan_path {
	const char *path; /* inside the container; absent paths are skipped */
	uint64_t rights;  /* LANDLOCK_ACCESS_FS_* */
	struct from from;
};

/* ---- namespaces by path ---- */

/* One that somebody else made, and that others may be in. */
struct plan_given {
	uint64_t type;    /* CLONE_NEW* */
	const char *word; /* "network" */
	const char *path; /* on the host, absolute */
	size_t index;     /* in linux.namespaces of config.json */
	uint64_t inode;   /* that it had when the plan was made; 0: nobody looked */
};

/* ---- the network ---- */

/* A port of the host that leads to one of the container. */
struct plan_publish {
	bool udp;
	const char *address; /* of the host, NULL: all */
	uint16_t host, container;
};

struct net_counts; /* policy/net_counts.h */

/* How the container's own network gets its way out. */
enum net_way {
	NET_PAIR,    /* a pair of devices and NAT: who may configure the host's network */
	NET_BROUGHT, /* hooks of the bundle or its engine bring it: rules are all that is ours */
	NET_PASTA,   /* a program opens sockets of the host's for what the container sends */
	NET_SLIRP4NETNS, /* another one, which speaks TCP and IP by itself */
	NET_WAYS,
};

/* A network with rules: its way out, and what may take it. */
/* Numbers that rows have in a container whose rules were changed (policy/net_change.h); all zero: nothing was. */
struct net_numbers {
	uint32_t change;                          /* how many there were */
	const uint32_t *egress, *names, *ingress; /* one a row; NULL: from 1 in order */
	uint32_t known, known_in;                 /* up to here they are loaded already, */
	uint32_t last, last_in;                   /* and up to here given to rows */
	bool catches;                             /* the chain of net_catch.h is there */
};

/* Ids of users, from the first to the last. */
struct net_ids {
	uint32_t first, last;
};

struct plan_net {
	bool used;      /* false: no program but zviz itself has to do with it */
	bool given;     /* in a namespace by path: its rules, and nothing else of it is ours */
	bool announced; /* who connects it may tell its neighbours of an address (IPv6) */
	/* In a network by path (policy/net_own.h): whose sockets are judged, and the mark of their connections. */
	size_t nown;
	const struct net_ids *own;
	uint32_t mark;
	enum net_way way;
	const char *program;        /* absolute path; NULL: none */
	struct egress_rules egress; /* the profile's, then the command line's */
	struct ingress_rules ingress;
	size_t ndomains; /* rows of egress that name a domain; 0: there is no resolver */
	bool catches;    /* a question to whatever name server is the resolver's (net_catch.h) */
	size_t npublished;
	const struct plan_publish *published;
	const char *rules; /* for nftables, inside */
	size_t rules_len;
	const struct net_counts *counts; /* of a container that runs, for explain; NULL */
	struct net_numbers numbers;
	bool told; /* somebody listens: refusals are logged, and zviz-net tells of them */
};

/* ---- cgroups ---- */

struct plan_limit {
	unsigned controller; /* bit number of CGROUP_* (0 is memory) */
	const char *v2_file, *v2_value;
	const char *v1_file, *v1_value; /* NULL: this limit does not exist there */
	bool optional; /* a kernel without the file is no error (swap accounting) */
	struct from from;
};

/* Device rules: of those that match, the last decides, for reading, writing and making nodes each; what none matches
 * is refused. */
enum { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4, DEVICE_ALL = 7 }; /* BPF_DEVCG_ACC_* */
struct device_rule {
	bool allow;
	char type;            /* 'a' both, 'b', 'c' */
	int64_t major, minor; /* -1: every one */
	unsigned access;      /* DEVICE_* */
	const char *text;     /* "c 1:3 rw", as devices.allow takes it */
};

/* None when nrules is 0. */
struct plan_devices {
	size_t nrules;
	const struct device_rule *rules;
	size_t ncode; /* v2: the program that says the same; v1 takes the rules as text */
	const struct bpf_insn *code;
	struct from from;
};

/* Where the group is made. Without a path it is zviz-ID, directly in the folder that the host gives. */
struct plan_group {
	const char *path; /* without a '/' at its ends; NULL: none */
	bool absolute;    /* from the top of each hierarchy; otherwise from the caller's folder */
	/* systemd makes it: the scope's name, its slice, and whose systemd. NULL: nobody asked for that. */
	const char *unit, *slice;
	bool user;
	struct from from;
};

/* ---- a layer that the profile preferred and the host lacks ---- */

struct plan_missing {
	const char *layer, *why, *fix;
};

/* ---- what a bundle asks for beyond the profile, and does not get ---- */

struct plan_cut {
	const char *path; /* in config.json: "process.capabilities" */
	const char *asked, *held;
	bool usual; /* engines ask it for every container, without anybody having meant it */
};

enum id_mapping {
	IDS_NONE,   /* no user namespace of our own */
	IDS_SINGLE, /* one id, written by an ordinary user */
	IDS_WRITE,  /* several, written by a privileged caller */
	IDS_HELPER, /* newuidmap and newgidmap */
};

/* How it gets its share of processors and disks, and what kind of machine it is told of. */
struct plan_schedule {
	bool used; /* false: all as the caller has it */
	bool has_policy;
	uint32_t policy; /* SCHED_*; with what sched_setattr(2) takes beside it, times in ns */
	uint64_t flags, runtime, deadline, period;
	int32_t nice;
	uint32_t priority;
	int io_priority; /* class << IOPRIO_CLASS_SHIFT | level; -1: none */
	bool has_personality;
	unsigned long personality; /* PER_* */
	const char *first_cpus,
		*cpus; /* of a process that joins: lists of processors before and after; NULL: all */
};

/* What a clock of the container is ahead of the host's. */
struct plan_clock {
	const char *name; /* "monotonic", "boottime": time_namespaces(7) */
	int64_t seconds;
	uint32_t nanoseconds;
};

struct plan_rlimit {
	int resource;
	uint64_t soft, hard;
	struct from from;
};

struct plan {
	const char *id;
	const char *profile;          /* name */
	const struct profile *policy; /* as loaded */
	struct from chosen;           /* on whose word; file NULL: nobody's, it is the default */
	struct word floor;            /* the host's; text NULL: none */
	const struct spec *spec;
	const struct host *host;
	bool direct;      /* no bundle: a command of this machine */
	const char *home; /* direct form */

	bool bare; /* without namespaces of any kind (plan_bare.c): what follows of mounts and ids is empty */
	size_t nplain;
	const struct word
		*plain; /* then: paths that patterns name, and that must not lead through links */

	uint64_t namespaces; /* CLONE_NEW* that are new */
	uint64_t given;      /* CLONE_NEW* that are joined by path; none of them is new */
	size_t ngivens;
	const struct plan_given *givens;
	bool share_network; /* network: host */
	struct plan_net net;

	enum id_mapping mapping;
	struct id_maps uid_maps, gid_maps;
	uint32_t uid, gid; /* inside, of the workload */
	size_t ngroups;
	const uint32_t *groups;
	bool may_set_groups;

	const char *rootfs; /* host path, NULL: a fresh tmpfs */
	bool rootfs_idmap, rootfs_readonly;
	uint64_t root_bytes; /* of the fresh tmpfs */
	size_t nmounts;
	const struct plan_mount *mounts;

	uint64_t keep_capabilities; /* bits; zero for every built-in profile */
	size_t nrlimits;
	const struct plan_rlimit *rlimits;
	size_t nsysctls;
	const struct pair *sysctls;
	unsigned
		low_port; /* its network's plan_port_key comes down to this, if it is higher; 0: it stays */
	const char *hostname, *domainname;

	unsigned landlock_abi; /* 0: layer off (then it is in `missing`) */
	uint64_t landlock_fs;  /* handled rights */
	uint64_t landlock_net; /* handled rights, none of which is given to any port */
	uint64_t landlock_scoped;
	size_t npaths;
	const struct plan_path *paths;

	size_t ncalls;
	const struct plan_call *calls; /* sorted by nr */
	bool i386,
		x32; /* programs of these ABIs run, under the verdicts of the same calls; otherwise they are killed */
	struct bpf_program filter;
	uint32_t filter_flags; /* SECCOMP_FILTER_FLAG_* */
	/* The bundle's own linux.seccomp; n is 0 without one. Of both the kernel takes the stricter answer. */
	struct bpf_program spec_filter;
	uint32_t spec_filter_flags;
	bool spec_filter_last; /* loaded after the profile's: it does not permit to load another */
	size_t spec_unknown;   /* calls it names that this machine, or our table, has not */
	struct broker_plan broker;

	bool cgroup;                   /* a group is made */
	uint32_t cgroup_v2, cgroup_v1; /* controllers used in each hierarchy, bits */
	struct view view;              /* what the system tells of itself inside */
	size_t nlimits;
	const struct plan_limit *limits;
	struct plan_devices devices;
	struct plan_group group;

	const char *cwd;
	size_t nargs, nenv;
	const char *const *args, *const *env; /* NULL-terminated as well */
	bool terminal, init;                  /* a pty; a reaping first process */
	uint16_t rows, columns;
	bool has_umask;
	uint32_t umask;
	bool has_oom_score_adj;
	int oom_score_adj;
	const char *label; /* an AppArmor profile of the host's; NULL: none */
	/* SELinux: of the process, and of the file systems that are made for it. NULL: what the host's policy says. */
	const char *selinux, *mount_label;
	struct plan_schedule schedule;
	struct plan_clock clocks[2];
	size_t nclocks; /* of a new time namespace that are not the host's own */

	uint64_t timeout_ms; /* 0: none */
	bool detach;
	bool hooked; /* hooks of the bundle are run */
	bool create; /* all but its filters is in force, and then it waits for `zviz start` */

	size_t nmissing;
	const struct plan_missing *missing;
	size_t ncuts;
	const struct plan_cut *cuts;
	size_t nwarnings;
	const char *const *warnings;
};

/* What a process that joins the container asks for, instead of what the container did (spec_load_process()). */
void plan_cut_process(struct arena *a, const struct spec *process, const struct plan *container,
		      struct plan *p);

/* Whether the command gets a label of the host's, by AppArmor or SELinux: then the kernel takes its parent-death signal away. */
bool plan_relabels(const struct spec *s, const struct host *h);

/* One of them in words: "process.capabilities: CAP_SYS_ADMIN; held: none". */
const char *plan_cut_text(struct arena *a, const struct plan_cut *cut);

enum device_kind {
	DEVICE_ABSENT, /* a path without wildcards that is not there */
	DEVICE_OTHER,  /* no device */
	DEVICE_CHAR,
	DEVICE_BLOCK,
};
struct plan_node {
	enum device_kind kind;
	const char *path, *source; /* as it is named; without the links on the way */
	uint32_t major, minor;
	bool listed; /* `from` permits it */
	struct from from;
};

/* Whether it is one of the nodes that every /dev has. */
bool mount_is_standard(const struct spec_device *dev);

/* What the command line adds to spec and profile. Strings are borrowed. */
struct plan_request {
	const char *id;
	struct from chosen; /* who named the profile */
	struct word floor;  /* what the host's configuration says */
	bool events;        /* somebody listens: audit at least the denials */
	bool verbose; /* the same, and all opens are brokered, so that their failures are seen */
	bool init, detach, create, terminal;
	bool hooks;          /* those of the bundle may be run */
	bool systemd_cgroup; /* a scope of systemd's is the container's group */
	bool no_cgroup;      /* the caller wants none: then the host has none */
	uint64_t timeout_ms;
	struct amount network;     /* --network: enum network_mode */
	struct egress_rules allow; /* --allow */
	size_t npublished;         /* --publish */
	const struct plan_publish *published;
	struct words read, write, hide; /* --read, --write, --hide: container paths */
	/* Stricter or looser than the profile: the caller's own word. */
	struct amount memory, swap, cpus, pids;
	/* A bundle of an ordinary user: delegated ids, from 1 inside. */
	struct id_maps uid_ranges, gid_ranges;
	/* Those of the user namespace that the bundle names by path, as seen from here. */
	struct id_maps given_uids, given_gids;
	/* Of the pid namespace that it names by path: the ids of the user namespace that owns it, none if that is ours or one above;
	 * whether the namespace above is one of zviz's brokers'; and its inode, 0 if nobody looked. */
	struct id_maps owner_uids;
	bool processes_apart;
	uint64_t processes_inode;
	/* Those of the user namespace that the caller is root of, where it is not the machine's own: each to itself. */
	struct id_maps own_uids, own_gids;
	size_t ndisks; /* which disk holds each path of the profile's resources.io */
	const struct plan_disk {
		uint32_t major, minor;
	} * disks;            /* in the order of resources.io */
	struct words devices; /* --device: as in a profile's list */
	/* Nodes of the host: those that the profile's list and --device mean, and those that the bundle binds. Nobody looks when
	 * nothing asks for them. */
	size_t nnodes;
	const struct plan_node *nodes;
	const struct direct_view *direct; /* no bundle; NULL: the spec's root and mounts */
};

/* The direct form: a command of this machine. Host paths are resolved by the caller. */
struct direct_view {
	const char *work;   /* host folder shown as /work, NULL: none */
	const char *rootfs; /* --rootfs: another root than this machine's programs, NULL: these */
	/* Its owner: whom the workload runs as when the caller is privileged. */
	uint32_t work_uid, work_gid;
	const char *user, *home; /* login name and home folder inside */
	size_t nshared; /* --read and --write: host paths that appear at the same place inside */
	const struct direct_share {
		const char *path;
		bool write;
	} * shared;
};

/* Whose network is asked for: the command line's word, or the profile's. */
enum network_mode plan_network_mode(const struct plan_request *r, const struct profile *p);

/* Merges and decides. Errors name the rule or the JSON path; the plan lives in `a`, and borrows from its
 * three sources, which must outlive it. */
int plan_make(struct arena *a, const struct plan_request *r, const struct spec *s,
	      const struct profile *p, const struct host *h, struct plan *out, struct err *e);

/* The row of a native number among rows sorted by it, or NULL. */
const struct plan_call *plan_row(const struct plan_call *calls, size_t n, int nr);

/* Whether a setting is kept by a namespace that is joined by path. */
bool plan_sysctl_is_given(const struct plan *p, const char *key);

/* Whether they are those that root's zviz gives a container that comes with none. */
bool plan_ids_are_ours(const struct id_maps *maps);

/* Whether it is a setting of a network. */
bool plan_sysctl_is_network(const char *key);

/* The lowest port that everybody may listen at (Documentation/networking/ip-sysctl.rst). */
extern const char plan_port_key[];

/* AUDIT_ARCH_* of a machine's own calls. */
uint32_t plan_audit_arch(enum host_arch arch);

/* The whole plan as text, the same bytes for the same inputs: golden tests and `explain`. */
void plan_print(const struct plan *p, struct buf *out);

#endif
