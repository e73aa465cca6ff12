/*
 * The host's side of a private network: what leaves and enters over its device, NAT, and published ports.
 */
#ifndef NET_HOST_RULES_H
#define NET_HOST_RULES_H

#include "net/pool.h"
#include "net/rule.h"
#include "policy/net_job.h"

/* A table that belongs to the socket that runs the batch: the kernel removes it when that is closed, however its owner ends.
 * `name` is the device's and the table's. */
void host_rules_make(const char *name, const struct pool_pair *at, const struct net_job *job,
		     struct arena *a, struct rule_batch *out);

#endif
