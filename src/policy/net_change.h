/*
 * Other rules for a network whose container runs. A row whose words are the same stays the row that it is: its number, and with it
 * its counter, its budget and the marks of its connections, are kept; no number is given twice. So what is loaded is new rows, and the two
 * chains that name all rows, as one transaction; sets and objects of rows that stay are not touched. Pure.
 *
 * The counter changeN, which comes with the transaction of the N-th change, says in the kernel itself which rules are in force.
 */
#ifndef POLICY_NET_CHANGE_H
#define POLICY_NET_CHANGE_H

#include "base/buf.h"
#include "policy/plan.h"

#define NET_CHANGE_COUNTER "change"

/* Whether the rows of both are the same, in the same order. */
bool net_change_same(const struct plan_net *was, const struct plan_net *is);

/* Gives the rows of `is` their numbers, where `was` is in force. -E2BIG: there were too many in this container. */
int net_change_number(struct arena *a, const struct plan_net *was, struct plan_net *is,
		      struct err *e);

/* The transaction for nftables, into the table of this name. `group` of nfnetlink_log hears of refusals; 0: nobody does. */
void net_change_print(const struct plan_net *n, const char *table, uint16_t group, struct buf *out);

#endif
