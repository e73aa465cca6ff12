/*
 * Other rules for a network whose container runs: a zviz-net of its own carries them out, and ends. Private to src/net.
 */
#ifndef NET_CHANGE_H
#define NET_CHANGE_H

#include "net/holder.h"

/* By a thread that stands in the container's network namespace. h->loaded: the rules are the new ones, whatever
 * failed then. */
int change_inside(struct holder *h, struct err *e);

#endif
