/*
 * Questions that a bundle's programs send to the name servers of its own /etc/resolv.conf, which engines write: the container's
 * network turns them to its resolver. Pure.
 */
#ifndef POLICY_NET_CATCH_H
#define POLICY_NET_CATCH_H

#include "base/buf.h"
#include "policy/plan.h"

#define NET_CATCH_CHAIN "resolver"

/* Whether questions that were turned are met here: in a network by path, another container with some of the same ids may have turned them. */
bool net_catch_meets(const struct plan_net *n);

/* The chain that turns them, and the one behind it that keeps them in; the first not where plan.net.catches is false. Servers that a row of addresses permits are meant. */
void net_catch_chain(const struct plan_net *n, struct buf *out);

/* Of the chain that judges what leaves: a question that was turned goes nowhere but to a resolver, which in a
 * network by path may be that of another container with some of the same ids. */
void net_catch_accept(const struct plan_net *n, struct buf *out);

#endif
