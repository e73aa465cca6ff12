/*
 * The host's side of a private network, as text for nftables. Pure.
 */
#ifndef NET_HOST_RULES_H
#define NET_HOST_RULES_H

#include "base/buf.h"
#include "net/pool.h"
#include "policy/net_job.h"

/* A table that belongs to the socket that loads it (Linux 5.12): the kernel removes it when that is closed, however its owner
 * ends. `name` is the device's and the table's. */
void host_rules_print(const char *name, const struct pool_pair *at, const struct net_job *job,
		      struct buf *out);

#endif
