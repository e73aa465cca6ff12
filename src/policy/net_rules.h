/*
 * What crosses the border of a container's network, as text for nftables. Pure.
 */
#ifndef POLICY_NET_RULES_H
#define POLICY_NET_RULES_H

#include "base/buf.h"
#include "policy/net_range.h"
#include "policy/plan.h"

/* What a row of egress asks for beside its place: " (at most 10M, 3 connections at once)", or "". */
const char *net_terms(struct arena *a, const struct egress_rule *r);

/* ---- parts, for a change (policy/net_change.h) ---- */

/* Numbers of rows, which their counters, budgets, chains and marks have in their names: from 1 in order, until a change. */
static inline uint32_t net_number(const struct plan_net *n, size_t row)
{
	return n->numbers.egress != NULL ? n->numbers.egress[row] : (uint32_t)row + 1;
}

static inline uint32_t net_number_in(const struct plan_net *n, size_t row)
{
	return n->numbers.ingress != NULL ? n->numbers.ingress[row] : (uint32_t)row + 1;
}

/* Of the sets with the addresses of its names: its own number, or that of an older row of the same name. */
static inline uint32_t net_names(const struct plan_net *n, size_t row)
{
	return n->numbers.names != NULL ? n->numbers.names[row] : (uint32_t)row + 1;
}

/* Whether nothing of it is loaded yet. */
static inline bool net_is_new(const struct plan_net *n, size_t row)
{
	return net_number(n, row) > n->numbers.known;
}

/* What rows that are new need beside their rules; and the two chains that hold all rules. */
void net_rules_counters(const struct plan_net *n, struct buf *out);
void net_rules_sets(const struct plan_net *n, struct buf *out);
void net_rules_chains(const struct plan_net *n, struct buf *out);

/* The table that is loaded inside, as one transaction. The same bytes for the same plan. */
void net_rules_print(const struct plan *p, struct buf *out);

/* What is added to it so that refusals are told (plan.net.told): a transaction of its own, since a kernel may not be able to. */
void net_tell_print(const struct plan *p, struct buf *out);

/* The same chains of rows that are new, for a group of nfnetlink_log. */
void net_tell_rows(const struct plan_net *n, uint16_t group, struct buf *out);

#endif
