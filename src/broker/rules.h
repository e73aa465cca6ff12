/*
 * The broker's own filters, as a table and compiled. Private to src/broker, tools/ and tests.
 */
#ifndef BROKER_RULES_H
#define BROKER_RULES_H

#include "broker/broker.h"
#include "policy/bpf.h"

/* One row of the table: what a call gets in brokers with any of these needs (enum broker_need), 0: in every one. Where two
 * rows of a call fit, the first counts. */
struct broker_rule {
	unsigned needs;
	struct bpf_rule rule;
};
extern const struct broker_rule broker_rules[];
extern const size_t broker_rules_count;

/* The needs of the filter that is compiled for a set: whoever needs more looks at its callers as well, and those sets without have
 * none of their own; nor has what is needed beside others alone. */
static inline unsigned broker_needs_whole(unsigned needs)
{
	if (needs & BROKER_NEEDS_KNOWN)
		needs |= BROKER_NEEDS_OPENS | BROKER_NEEDS_NAMES | BROKER_NEEDS_ADDRESSES;
	return needs != 0 ? needs | BROKER_NEEDS_CALLERS : 0;
}

/* The rows for these needs, as bpf_compile() takes them; in the arena. */
struct bpf_policy broker_policy(struct arena *a, unsigned needs);

/* What bpf_compile() makes of it: of each set of needs, where in the instructions it begins, and how many are its own. */
struct broker_filter {
	uint16_t at, length;
};
extern const struct broker_filter broker_filters[];
extern const struct sock_filter broker_instructions[];

#endif
