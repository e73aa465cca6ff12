/*
 * What the rules of a private network have counted: how often each row let something through, and what was refused. Pure.
 */
#ifndef POLICY_NET_COUNTS_H
#define POLICY_NET_COUNTS_H

#include "base/buf.h"
#include "policy/plan.h"

struct net_counts {
	struct net_row_counts {
		uint64_t begun;      /* connections, and flows of datagrams */
		uint64_t bytes;      /* both ways, of a row with a limit */
		uint64_t past, full; /* packets refused for want of bytes, and of connections */
		uint64_t late;       /* packets that came in when no bytes were left */
	} * egress;                  /* as many as the plan has rows */
	uint64_t *ingress;           /* begun */
	uint64_t guarded, out, in;   /* packets refused, */
	uint64_t host;   /* and those to the host itself, which only some ways have a rule about */
	uint32_t change; /* how often its rules were changed */
	uint64_t told;   /* of what goes out, handed to zviz-net */
};

void net_counts_begin(struct arena *a, const struct plan_net *n, struct net_counts *out);

/* Takes what is called `name` in the table of net_rules_print(); other names are left alone. */
void net_counts_take(const struct plan_net *n, struct net_counts *out, const char *name,
		     uint64_t packets, uint64_t bytes);

/* All packets that were refused. */
uint64_t net_counts_refused(const struct plan_net *n, const struct net_counts *c);

/* Those of them that would have been told, but were too many. */
uint64_t net_counts_untold(const struct plan_net *n, const struct net_counts *c);

/* ": 3 connections, 1024 bytes, 2 packets refused past its limit" */
void net_counts_print_row(const struct egress_rule *r, const struct net_row_counts *c,
			  struct buf *out);

#endif
