/*
 * Questions that a bundle's programs send to the name servers of its own /etc/resolv.conf, which engines write: the container's
 * network turns them to its resolver. Pure.
 */
#ifndef POLICY_NET_CATCH_H
#define POLICY_NET_CATCH_H

#include "base/buf.h"
#include "policy/plan.h"

#define NET_CATCH_CHAIN "resolver"

/* The chain that turns them, and the one behind it; nothing where plan.net.catches is false. Servers that a row of addresses permits are meant. */
void net_catch_chain(const struct plan_net *n, struct buf *out);

/* Of the chain that judges what leaves: a question that was turned goes nowhere but to a resolver, which in a
 * network by path may be another container's. */
void net_catch_accept(const struct plan_net *n, struct buf *out);

#endif
