/*
 * A search for a difference between a filter and the meaning of its profile by running the filter, for filters that
 * the proof cannot read: it finds what is there to be found, and proves nothing. Pure.
 */
#ifndef POLICY_VERIFY_EXAMPLE_H
#define POLICY_VERIFY_EXAMPLE_H

#include "policy/verify.h"

/* True, and out->call, says and does are set, when a call was found. */
bool verify_example(const struct meaning *m, const struct bpf_program *p,
		    struct verify_result *out);

#endif
