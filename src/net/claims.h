/*
 * Who alone answers questions of sockets with some ids, in a network that several containers share: tables without a rule, whose names say so, and
 * which belong to the socket of their container. Private to src/net.
 */
#ifndef NET_CLAIMS_H
#define NET_CLAIMS_H

#include "base/buf.h"
#include "net/holder.h"

/* For the transaction that loads the rules: which fails as a whole where another has claimed just these. Nothing without a row
 * about names. */
void claims_print(const struct holder *h, struct buf *out);

/* By a thread that stands in the network, behind the transaction, whether it failed (`loaded`) or not: whether nobody has claimed some of these
 * ids before. Of two who claim at once the kernel says who was first. -EBUSY, which says why; 0 otherwise. */
int claims_check(const struct holder *h, bool loaded, struct err *e);

#endif
