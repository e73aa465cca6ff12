/*
 * The addresses that names of a rule have at the moment, in the sets of the container's table. The kernel takes each out when
 * its time is over, whether anybody is left to ask for it or not.
 */
#ifndef NET_PERMITS_H
#define NET_PERMITS_H

#include "base/arena.h"
#include "base/err.h"
#include "net/dns.h"

struct mnl_socket;
struct permit;

/* A program that was told of an address may use it until its time is over, and its packet arrives a little later. */
enum { PERMIT_GRACE_S = 5 };

struct permits {
	struct mnl_socket *nl;
	const char *table;
	struct permit *
		at; /* what is in force and until when: a name's shorter time must not cut another's */
};

/* In the caller's network namespace. `owner`: the socket that owns the table, which alone may change it; -1: it has no owner. */
int permits_open(struct arena *a, const char *table, int owner, struct permits *out, struct err *e);

/* Adds addresses to the sets of a row of network.egress for `ttl_s` and the grace; those that have longer keep it. Never
 * waits. -errno: then some may be in, all of them of this row's names. -ENOSPC: too many at once. */
int permits_add(struct permits *p, uint32_t row, const struct dns_address *at, size_t n,
		uint32_t ttl_s);

#endif
