/*
 * An OCI runtime spec (config.json, versions 1.0 to 1.2 and newer 1.x) as written, or what the direct
 * form of `zviz run` makes up instead. Unknown keys are ignored, wrong types and values are errors with
 * the JSON path. Everything lives in the arena it was loaded into. Absent strings are NULL.
 */
#ifndef POLICY_SPEC_H
#define POLICY_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "policy/profile.h"
#include "text/from.h"
#include "text/values.h"

struct id_map {
	uint32_t inside, outside, count;
};
struct id_maps {
	size_t n, cap;
	struct id_map *at;
};

/* Row by row. */
static inline bool id_maps_same(const struct id_maps *a, const struct id_maps *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = a->at[i].inside == b->at[i].inside && a->at[i].outside == b->at[i].outside &&
		       a->at[i].count == b->at[i].count;
	return same;
}

struct spec_mount {
	const char *destination, *type, *source;
	struct strings options;
	struct id_maps uid_maps, gid_maps;
	struct from from;
};
struct spec_mounts {
	size_t n, cap;
	struct spec_mount *at;
};

struct spec_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
	struct from from;
};
struct spec_rlimits {
	size_t n, cap;
	struct spec_rlimit *at;
};

struct spec_namespace {
	const char *type, *path; /* path NULL: a new one */
	struct from from;
};
struct spec_namespaces {
	size_t n, cap;
	struct spec_namespace *at;
};

struct spec_device {
	const char *path, *type; /* "c", "b", "p", "u" */
	int64_t major, minor;
	bool has_mode;
	uint32_t mode, uid, gid;
	struct from from;
};
struct spec_devices {
	size_t n, cap;
	struct spec_device *at;
};

struct spec_hook {
	const char *path;
	struct strings args, env;
	struct amount timeout; /* seconds */
	struct from from;
};
struct spec_hooks {
	size_t n, cap;
	struct spec_hook *at;
};

/* linux.seccomp. Names of calls are not looked up here: engines list calls that no table knows. */
enum spec_seccomp_op {
	SPEC_CMP_NE,
	SPEC_CMP_LT,
	SPEC_CMP_LE,
	SPEC_CMP_EQ,
	SPEC_CMP_GE,
	SPEC_CMP_GT,
	SPEC_CMP_MASKED_EQ, /* (argument & value) == value_two */
};
struct spec_seccomp_arg {
	uint64_t index, value, value_two;
	enum spec_seccomp_op op;
};
struct spec_seccomp_args {
	size_t n, cap;
	struct spec_seccomp_arg *at;
};
struct spec_seccomp_rule {
	struct strings names;
	int action; /* SECCOMP_RET_* */
	struct amount errno_ret;
	struct spec_seccomp_args args;
	struct from from;
};
struct spec_seccomp_rules {
	size_t n, cap;
	struct spec_seccomp_rule *at;
};
struct spec_seccomp {
	bool set;
	int default_action; /* SECCOMP_RET_* */
	struct amount default_errno;
	const char *listener_path, *listener_metadata;
	struct strings architectures, flags; /* known names */
	struct spec_seccomp_rules rules;
};

struct spec_io_throttle {
	int64_t major, minor;
	uint64_t rate;
	struct from from;
};
struct spec_io_throttles {
	size_t n, cap;
	struct spec_io_throttle *at;
};

/* Weights are 0 where nobody gave one. */
struct spec_io_weight {
	int64_t major, minor;
	uint64_t weight, leaf_weight;
	struct from from;
};
struct spec_io_weights {
	size_t n, cap;
	struct spec_io_weight *at;
};

/* A rule of linux.resources.devices: later ones win. -1 stands for every number, as its absence does. */
struct spec_device_rule {
	bool allow;
	const char *type, *access; /* "a", "b", "c"; some of "rwm". NULL: all */
	struct signed_amount major, minor;
	struct from from;
};
struct spec_device_rules {
	size_t n, cap;
	struct spec_device_rule *at;
};

struct spec_hugepage {
	const char *size; /* "2MB" */
	uint64_t limit;
	struct from from;
};
struct spec_hugepages {
	size_t n, cap;
	struct spec_hugepage *at;
};

struct spec_rdma {
	const char *device;
	struct amount handles, objects;
	struct from from;
};
struct spec_rdmas {
	size_t n, cap;
	struct spec_rdma *at;
};

struct spec_resources {
	struct signed_amount memory_limit, memory_reservation, memory_swap, memory_kernel,
		memory_kernel_tcp;
	struct amount memory_swappiness;
	bool memory_keep_alive; /* disableOOMKiller */
	struct amount cpu_shares, cpu_period, cpu_burst, rt_period;
	struct signed_amount cpu_quota, cpu_idle, rt_runtime;
	const char *cpuset_cpus, *cpuset_mems;
	struct from cpuset_cpus_from, cpuset_mems_from;
	struct signed_amount pids_limit;
	struct amount io_weight, io_leaf_weight;
	struct spec_io_weights io_weights;
	struct spec_io_throttles read_bps, write_bps, read_iops, write_iops;
	struct spec_device_rules devices;
	struct spec_hugepages hugepages;
	struct spec_rdmas rdma;
	bool network; /* classes and priorities of packets */
	struct pairs unified;
};

struct spec {
	const char *file; /* config.json, or what the direct form calls itself */
	const char *oci_version, *hostname, *domainname;
	struct {
		const char *path;
		bool readonly;
	} root;
	struct {
		bool set; /* absent process: create works, start fails */
		bool terminal;
		struct amount console_height, console_width;
		uint32_t uid, gid;
		bool has_umask;
		uint32_t umask;
		size_t ngids, gids_cap;
		uint32_t *gids;
		struct strings args, env;
		const char *cwd;
		struct strings cap_bounding, cap_effective, cap_permitted, cap_inheritable,
			cap_ambient;
		bool has_capabilities; /* somebody has said which; otherwise the profile alone does */
		struct spec_rlimits rlimits;
		bool no_new_privileges;
		const char *apparmor, *selinux;
		struct signed_amount oom_score_adj;
		struct {
			bool set;
			int policy;           /* SCHED_* */
			struct strings flags; /* known names */
			struct signed_amount nice, priority;
			struct amount runtime, deadline, period; /* ns */
		} scheduler;
		struct {
			bool set;
			int class; /* IOPRIO_CLASS_* */
			int64_t priority;
		} io_priority;
		const char *first_cpus, *cpus; /* execCPUAffinity: initial, final */
	} process;
	struct spec_mounts mounts;
	struct {
		struct spec_hooks prestart, create_runtime, create_container, start_container,
			poststart, poststop;
	} hooks;
	struct pairs annotations;
	struct {
		struct id_maps uid_maps, gid_maps;
		struct spec_namespaces namespaces;
		struct spec_devices devices;
		const char *cgroups_path, *rootfs_propagation, *mount_label;
		struct spec_resources resources;
		struct pairs sysctl;
		struct strings masked_paths, readonly_paths;
		bool has_masked_paths, has_readonly_paths; /* absent is not the same as empty */
		struct spec_seccomp seccomp;
		const char *personality_domain;
		struct {
			bool set;
			int64_t seconds;
			uint64_t nanoseconds;
		} monotonic, boottime; /* timeOffsets */
		/* Named by the specification, and not done: that is said. */
		bool intel_rdt, memory_policy, net_devices;
	} linux_;
};

/* Reads config.json text. `file` is what errors call it: "config.json: process.user.uid: …". */
int spec_load(struct arena *a, const char *file, const char *text, size_t len, struct spec *out,
	      struct err *e);

/* Reads what stands under `process` there as a document of its own: only that part of *out is filled. */
int spec_load_process(struct arena *a, const char *file, const char *text, size_t len,
		      struct spec *out, struct err *e);

/* The same of what stands under `linux.resources`. */
int spec_load_resources(struct arena *a, const char *file, const char *text, size_t len,
			struct spec *out, struct err *e);

#endif
