/*
 * The proof that a filter means what its profile says: for every architecture, each of the 2^32 numbers and all values
 * of all arguments. Pure.
 *
 * The filter's bytes are run on sets of calls (symbolic.h) and each set is compared with the profile's meaning
 * (meaning.h), which is worked out from the profile's words by code that the compiler does not share.
 */
#ifndef POLICY_VERIFY_H
#define POLICY_VERIFY_H

#include "policy/meaning.h"

struct verify_result {
	size_t sets; /* of calls that were compared */
	/* Where it returned 1: a call, what the profile says of it, and what the filter does. */
	struct bpf_call call;
	bpf_verdict says, does;
};

/* 0: the filter and the profile agree on every call. 1: they do not, and *out has one, which was tried. -EINVAL: the
 * kernel would not load the filter; or it does what no filter of ours does, and no example was found; *e says where.
 * -E2BIG: neither could be shown. */
int verify_filter(const struct meaning *m, const struct bpf_program *p, struct verify_result *out,
		  struct err *e);

/* "openat(arg2 = 0x241) on x86_64: the profile says ALLOW, the filter does ERRNO(EPERM)". */
void verify_describe(const struct verify_result *r, struct buf *out);

/* One answer of a filter, in words: "ALLOW", "ERRNO(EPERM)", "USER_NOTIF" … */
void verify_verdict(bpf_verdict v, struct buf *out);

#endif
