/*
 * A profile in numbers: what its filter does with each system call of an architecture. Pure.
 */
#ifndef POLICY_STATS_H
#define POLICY_STATS_H

#include "policy/plan.h"

struct profile_stats {
	unsigned allowed;     /* calls, whatever their arguments */
	unsigned by_argument; /* allowed for some, or refused for some */
	unsigned eperm,
		enosys; /* refused, whoever says so; numbers that the table does not know answer ENOSYS too */
	unsigned brokered;     /* calls of the first two lines of which the broker may be asked */
	unsigned instructions; /* of the filter */
	unsigned
		longest; /* instructions that a call without rules for its arguments takes at most */
};

/* As on a host that has every layer; without --verbose and --events, which ask the broker more. */
int profile_stats(struct arena *a, const struct profile *p, enum host_arch arch,
		  struct profile_stats *out, struct err *e);

#endif
