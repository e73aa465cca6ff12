/*
 * Where a holder is told of other rows while its container runs (policy/net_job.h, struct net_ask). One caller at a time. Private to
 * src/net.
 */
#ifndef NET_DOOR_H
#define NET_DOOR_H

#include "net/holder.h"

/* For a caller that has told rows, while no name is resolved: longer than it waits for the kernel (REPORT_MS in box/net_change.c), and an
 * end for one that is stopped. */
enum { DOOR_WAIT_MS = 90 * 1000 };

/* Before confine(): all memory that rows will take. */
void door_make(struct holder *h);

/* What poll(2) is to wait for (POLLIN). */
int door_fd(const struct door *d);

/* Whether somebody has told rows, and not yet that they are in force. */
bool door_waits(const struct door *d);

/* For how long poll(2) is to wait, by sys_clock_ms(); -1: nobody is awaited. */
int door_timeout_ms(const struct door *d, uint64_t now_ms);

/* Acts on what poll(2) said, whatever woke it. */
void door_handle(struct holder *h, short events, uint64_t now_ms);

#endif
