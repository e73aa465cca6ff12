/*
 * Whose packets are whose in a network by path, which several containers share. A socket is of the container whose group ids its maker had
 * (those of users may be the same where a pid namespace is shared, plan_given.c), and a connection has a mark that says whose socket
 * began it. Pure.
 *
 *	set own                 ids of this container's sockets, as the network's user namespace has them; zviz-net fills it
 *	chain stands            what of a connection that stands may leave
 *	ct mark                 plan_net.mark, plus the number of a row with a budget, plus perhaps NET_MARK_ENDS
 */
#ifndef POLICY_NET_OWN_H
#define POLICY_NET_OWN_H

#include "base/buf.h"
#include "policy/plan.h"

enum { NET_RESOLVER_BYTES = 16 };

/* Of marks in a network by path: the bits that say whose it is, and the most rows behind them. */
enum { NET_MARK_OWNER = 0x3fff8000, NET_MARK_ROWS_MAX = 0x7fff };

/* All such resolvers. */
#define NET_OWN_RESOLVERS "127.53.0.0/16"

/* The ids and the mark of a container with these maps. Ids go by 65536s, whoever has some of them: so containers whose ranges do not
 * meet have different marks, but for such as have several ranges or ids past two thousand million. */
void net_own_ids(struct arena *a, const struct id_maps *gids, struct plan_net *out);

/* Where the resolver of a container with this mark listens; 0: in a network of the container's own. */
void net_own_resolver(uint32_t mark, char out[NET_RESOLVER_BYTES]);

/* What a connection of row `number` is marked with. */
uint32_t net_own_mark(const struct plan_net *n, uint32_t number);

/* The set and the chain, which stay as they are when rows change. Nothing in a network of the container's own, as below. */
void net_own_objects(const struct plan_net *n, struct buf *out);

/* Of the chain that judges what leaves, in front of all else: what others send is theirs to judge, but what they send to this
 * container's resolver. */
void net_own_leave(const struct plan_net *n, struct buf *out);

#endif
