/*
 * The resolver in zviz-net: where it listens, how it asks, and how what it gives out is let through. Private to src/net.
 */
#ifndef NET_NAMES_H
#define NET_NAMES_H

#include "net/dns.h"
#include "net/holder.h"
#include "net/permits.h"

struct names {
	struct dns_job job; /* nrules is 0: there is no resolver */
	struct dns *dns;
	int udp, tcp; /* inside */
	struct permits permits;
	int opener; /* in a network by path: whom addresses are told (opener.h) */
};

/* The rules, and the name servers of the host's /etc/resolv.conf. Nothing when no rule names a domain. */
int names_read(struct holder *h, struct err *e);

/* By a thread that stands in the container's network namespace, whose loopback is up. */
int names_inside(struct holder *h, struct err *e);

/* The resolver itself, before confine(). */
int names_start(struct holder *h, struct err *e);

/* Answers, tells what is refused, and keeps up with the host's own addresses, until `end` or the other process says something,
 * or the addresses cannot be followed (h->behind). */
void names_serve(struct holder *h, int end);

/* The rows of h->job became others. What is given lives until the next change. */
void names_change(struct holder *h, const char *const *rules, const bool *allow_private);

#endif
