/*
 * What a profile says of every system call, straight from its words: the other side of the proof. Pure.
 *
 * It shares nothing with what makes filters (profile_calls.c, plan_calls.c, plan_args.c, bpf_*.c) but the profile and
 * the table of calls: a mistake there must not be repeated here. zviz-profile(5) is what it implements.
 */
#ifndef POLICY_MEANING_H
#define POLICY_MEANING_H

#include "policy/bpf.h"
#include "policy/plan.h"

/* A test on a whole argument: (argument & mask) == value, or, for `not_zero`, anything but 0. */
struct meaning_test {
	unsigned arg;
	uint64_t mask, value;
	bool not_zero;
};

enum { MEANING_TESTS_MAX = 3 };

/* When all tests hold, this is the answer. Rows are looked at in order. */
struct meaning_row {
	size_t ntests;
	struct meaning_test tests[MEANING_TESTS_MAX];
	bpf_verdict answer;
	bool or_asked; /* as good: SECCOMP_RET_USER_NOTIF, since the broker permits it by the same registers */
};

/* One call: the rows, then the answer for everything else. */
struct meaning_call {
	const char *name;
	int nr;
	size_t n, cap;
	struct meaning_row *at;
	bpf_verdict otherwise;
};

/* One architecture, and those of the same machine that the profile lists besides. Numbers without a call get `unknown` below nr_limit and `beyond` from there on. */
struct meaning {
	uint32_t arch; /* AUDIT_ARCH_* */
	uint32_t nr_limit;
	bpf_verdict unknown, beyond, other_arch;
	size_t n, cap;
	struct meaning_call *at;    /* sorted by nr */
	const struct meaning *also; /* i386, on x86_64, or NULL */
};

/* What decides, beside the profile, whether refusals and opens are asked of the broker. */
struct meaning_request {
	bool verbose, events;
};

/* Never fails for a profile that was loaded; lives in `a`. */
void meaning_make(struct arena *a, const struct profile *p, const struct meaning_request *r,
		  uint32_t arch, struct meaning *out);

/* What this call gets. */
bpf_verdict meaning_of(const struct meaning *m, const struct bpf_call *call);

/* Whether a filter that does this to the call does what the profile says. */
bool meaning_admits(const struct meaning *m, const struct bpf_call *call, bpf_verdict does);
bool meaning_row_admits(const struct meaning_row *r, bpf_verdict does);

#endif
