/*
 * Where a holder is told of other rows while its container runs (policy/net_job.h, struct net_ask). One caller at a time. Private to
 * src/net.
 */
#ifndef NET_DOOR_H
#define NET_DOOR_H

#include "net/holder.h"

enum { DOOR_WAIT_MS = 30 * 1000 }; /* for a caller that says nothing, while no name is resolved */

/* Before confine(): all memory that rows will take. */
void door_make(struct holder *h);

/* What poll(2) is to wait for (POLLIN). */
int door_fd(const struct door *d);

/* Whether somebody has told rows, and not yet that they are in force. */
bool door_waits(const struct door *d);

/* Acts on what poll(2) said; `late`: nothing was heard. */
void door_handle(struct holder *h, bool late, short events);

#endif
