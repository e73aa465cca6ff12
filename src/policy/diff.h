/*
 * What one policy permits and another does not. Pure.
 *
 * Filters are compared as sets of calls (symbolic.h), so the answer is exact for every number and argument; whatever
 * else profiles say, by the words of both.
 */
#ifndef POLICY_DIFF_H
#define POLICY_DIFF_H

#include "policy/plan.h"

/* One side. Of a bare filter only `filter` is known. */
struct diff_side {
	const char *name;
	const struct bpf_program *filter; /* as diff_filter_profile() makes it, for a profile */
	const struct plan *plan;          /* NULL: a bare filter */
	const struct plan_request *request;
};

struct diff_lines {
	size_t n, cap;
	const char **at;
};

/* The profile as diff compiles it: refusals are refused by the filter itself, whoever would have explained them. */
struct profile diff_profile(const struct profile *p);

/* Adds what `a` permits and `b` does not, a line each: "syscalls: mount", "ioctl: arg1 = TIOCSTI", "files: write /etc",
 * "resources: memory 4294967296, not 1073741824". Empty: `a` permits nothing beyond `b`. `arch` is AUDIT_ARCH_*.
 * -EINVAL for a filter that cannot be run. */
int diff_beyond(struct arena *a, uint32_t arch, const struct diff_side *one,
		const struct diff_side *other, struct diff_lines *out, struct err *e);

/* The part of it that is about what profiles say beside system calls; both sides have plans. */
void diff_profiles(struct arena *a, const struct diff_side *one, const struct diff_side *other,
		   struct diff_lines *out);

#endif
