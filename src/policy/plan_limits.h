/*
 * The cgroup layer's parts. Each adds rows to draft.limits; plan_cgroup.c then finds the hierarchy that serves them.
 * Private to src/policy.
 */
#ifndef POLICY_PLAN_LIMITS_H
#define POLICY_PLAN_LIMITS_H

#include "policy/draft.h"

/* Numbers of the bits of kern/host.h. */
enum { MEMORY, CPU, PIDS, IO, CPUSET, HUGETLB, RDMA, MISC, DEVICES, CPUACCT };

extern const char *const controller_names[CGROUP_CONTROLLERS]; /* as in v2 */

/* A row with the same value for both versions. v1_file NULL: there is no such limit there. */
struct plan_limit *limit_add(struct draft *d, unsigned controller, const char *v2_file,
			     const char *v1_file, const char *value, const struct from *from);

const char *limit_number(struct draft *d, uint64_t v);

/* Whether the container will be in a group that counts its processor time. */
bool plan_counts_time(const struct draft *d);

/* The key of linux.resources in config.json. */
struct from limit_place(struct draft *d, const char *key);

/* A list of cpuset that is in force, or is to be: NULL: none. */
struct limit_list {
	const char *value;
	struct from from;
};

/* What is in both lists: `value` alone, where there is no other. -EINVAL: nothing is, or one is no list. */
int limit_cpus(struct draft *d, const char *file, const char *value, const struct from *from,
	       const struct limit_list *have, struct limit_list *out, struct err *e);

int plan_limits(struct draft *d, struct err *e);  /* memory, cpu, pids, cpuset, hugetlb, rdma */
int plan_io(struct draft *d, struct err *e);      /* resources.io and blockIO */
int plan_unified(struct draft *d, struct err *e); /* the last: it may tighten what is there */

/* What unified says of a file; NULL: nothing. */
const char *unified_value(const struct draft *d, const char *file);

/* Makes *limit what it comes to with unified's word for that file, and the quota with its cpu.max. */
void unified_lowers(const struct draft *d, const char *file, struct amount *limit);
void unified_lowers_quota(const struct draft *d, struct plan_quota *quota);

/* Device rules: from the bundle, and what the profile requires. `where` is 2 or 1, the version of the hierarchy,
 * 0 for none. */
int plan_devices(struct draft *d, unsigned where, struct err *e);
bool devices_wanted(const struct draft *d);

/* Where the group is made: cgroupsPath, or systemd's scope. */
int plan_group(struct draft *d, struct err *e);

/* `cgroup: [memory]` requires these, `cgroup: required` whichever a limit needs. */
bool limit_required(const struct profile *p, const char *controller);

#endif
