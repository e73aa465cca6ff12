/*
 * Parts of the table for nftables: budgets of rows, and what tells of refusals. Private to policy/net_*.c.
 *
 * For row N of egress, where it has a budget:
 *
 *	quota bytesN            what may cross, both ways together
 *	counter pastN, fullN    packets refused for want of bytes, and of connections
 *	counter lateN           packets that came in when no bytes were left
 *	chain rowN              whoever begins: is there something left? Its connection is marked with N, which a
 *	                        change of rules knows it by
 *	chain spendN_out, _in   packets of a connection with this mark; overN_in: what comes in when nothing is left
 *	chain pastN, fullN      where what is too much goes
 *
 * Where refusals are told, each goes through a chain refuse_WHY, which asks the chain tell_WHY to log it. The latter is empty
 * in the table itself: net_tell_print() fills it.
 */
#ifndef POLICY_NET_BUDGET_H
#define POLICY_NET_BUDGET_H

#include "base/buf.h"
#include "policy/plan.h"

void net_budget_objects(const struct plan_net *n, struct buf *out);
void net_budget_chains(const struct plan_net *n, struct buf *out);
void net_tell_chains(const struct plan_net *n, struct buf *out);

/* In front of what accepts connections that stand. */
void net_budget_spend(const struct plan_net *n, bool in, struct buf *out);

/* The end of a rule that a row of egress makes. */
void net_row_verdict(const struct plan_net *n, size_t row, struct buf *out);

#endif
