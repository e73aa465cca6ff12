/*
 * Other limits for a container that is there: which files a change is about, and what they get.
 */
#ifndef POLICY_PLAN_CHANGE_H
#define POLICY_PLAN_CHANGE_H

#include "policy/plan.h"

/* What is in force, as the control group says: some limits make sense beside another only. Absent: none, or not known. */
struct limits_now {
	struct amount memory_swap;         /* v1 alone, which counts both together */
	struct amount memory;              /* bytes */
	struct amount quota_us, period_us; /* of processor time */
};

/*
 * The rows that `wanted` names in linux.resources, and no others: what is absent or 0 stays as it is, below 0 means no limit. A
 * profile's own limit is not exceeded: -EPERM, with its line. `r` says which disks the profile means.
 */
int plan_change_limits(struct arena *a, const struct plan_request *r, const struct spec *wanted,
		       const struct profile *p, const struct host *h, const struct limits_now *now,
		       const struct plan_limit **rows, size_t *n, struct strings *cut,
		       struct err *e);

#endif
