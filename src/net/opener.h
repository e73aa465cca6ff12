/*
 * In a network by path, who opens addresses needs CAP_NET_ADMIN over a network that is not the container's. What reads what others send,
 * the resolver, is not to have that: it tells the second process (twin.h), which has it, and takes nothing but addresses. Private to
 * src/net.
 */
#ifndef NET_OPENER_H
#define NET_OPENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/dns.h"

struct holder;

/* Whether the table is one that only such a process may change, and has sets of names. It does not change while the container runs. */
bool opener_is_needed(const struct holder *h);

/* Before the second process is made: what they speak by; and afterwards, in each of the two. */
int opener_make(struct holder *h, int ends[2], struct err *e);
void opener_take(struct holder *h, int ends[2], bool is_twin);

/* As permits_add(), by the other. */
int opener_ask(const struct holder *h, uint32_t sets, const struct dns_address *at, size_t n,
	       uint32_t ttl_s);

/* Acts on one message, if there is one. */
void opener_handle(struct holder *h);

#endif
