/*
 * Refusals as events, in words. Pure.
 */
#ifndef NET_TOLD_H
#define NET_TOLD_H

#include "net/dns.h"
#include "net/refusal.h"
#include "policy/event.h"
#include "policy/net_job.h"

/* An event, and the texts that it points to. */
struct told {
	struct event event;
	char arguments[320], fix[320], why[200];
};

/* `lost`: so many before it could not be told. */
void told_packet(const struct net_job *job, const struct refusal *r, uint64_t lost,
		 struct told *out);

/* A question of type `type` (RFC 1035) that the resolver refused; `name` as in dns_calls.refused(). */
void told_name(const struct net_job *job, const char *name, uint16_t type, enum dns_why why,
	       uint64_t lost, struct told *out);

#endif
