/*
 * Rows about addresses and ports as the sets that they are: whether one is within several others, exactly. Pure; for
 * `zviz diff`, whose --subset guards a floor.
 */
#ifndef POLICY_FLOWS_H
#define POLICY_FLOWS_H

#include "policy/net_rules.h"
#include "policy/profile.h"

/* To one range, or to whatever a pattern of names leads to. */
struct flow_row {
	const char *domain; /* NULL: `range` */
	struct net_range range;
	bool guards;  /* guarded ranges are out of the rows of this kind */
	bool guarded; /* but not out of this one, whose range lies within one */
	const uint64_t *ports;
	size_t n; /* 0: every port, and protocols that have none */
	uint64_t limit,
		connections; /* 0: none; of rows of egress, the first that fits decides, and counts */
	bool allow_private;
	const char *terms; /* net_terms() */
};
struct flow_rows {
	size_t n, cap;
	struct flow_row *at;
};

/* Rows of network.egress. Guarded ranges (net_range_guarded()) are out of every range that does not lie within one. */
void flows_of_egress(struct arena *a, const struct egress_rules *rules, struct flow_rows *out);

/* Rows of ask.connect, which know no guarded range. */
void flows_of_asked(struct arena *a, const struct address_rules *rules, struct flow_rows *out);

/* Whether each flow that the row means is meant by one of `by`. What a name leads to is not known: only a pattern that holds
 * the row's pattern counts for it, and no range. */
bool flow_within(struct arena *a, const struct flow_row *r, const struct flow_rows *by);

/* Whether row `i` of `mine` permits nothing but what `theirs` do, their budgets included. In doubt it does not. */
bool flow_permitted(struct arena *a, const struct flow_rows *mine, size_t i,
		    const struct flow_rows *theirs);

/* "10.0.0.0/8", "example.org:80,443": as rows are written on the command line. */
const char *flow_text(struct arena *a, const struct flow_row *r);

/* Whether the pattern `outer` means each name that `inner` means. */
bool domain_within(const char *inner, const char *outer);

#endif
