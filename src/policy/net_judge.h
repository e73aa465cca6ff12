/*
 * What the rules of net_rules_print() would say to a connection that stands already, if it began now. Pure.
 */
#ifndef POLICY_NET_JUDGE_H
#define POLICY_NET_JUDGE_H

#include "policy/net_job.h"

/* As packets have it that the rules see: behind all translation of addresses. */
struct net_flow {
	uint8_t protocol; /* of IP */
	unsigned width;   /* 4 or 16 */
	uint8_t to[16];
	uint16_t port; /* there; 0: the protocol has none */
};

/* Whether an address is in the sets of this number now: 1, 0, or -errno. */
typedef int net_has_name(void *ctx, uint32_t sets, const struct net_flow *f);

/* The row that permits a connection with this mark, NULL in *out: none does. The kernel counts connections when they begin: so a row
 * with `connections` permits none that began under another one. -errno of has_name(). */
int net_judge_out(const struct net_job *job, const struct net_flow *f, uint32_t mark,
		  net_has_name *has, void *ctx, const struct net_out **out);

bool net_judge_in(const struct net_job *job, const struct net_flow *f);

/* Whether this container began it: in a network of its own whatever leaves. */
bool net_judge_own(const struct net_job *job, uint32_t mark);

/* The mark that its connection is to have, if it has this one. */
uint32_t net_judge_mark(const struct net_job *job, const struct net_out *row, uint32_t now);

#endif
