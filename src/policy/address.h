/*
 * Addresses of the internet: what a sockaddr says, and which rows of ask.connect it meets. Pure.
 *
 * All are kept as 16 bytes. An address of IPv4 is ::ffff:a.b.c.d, which is what the kernel itself takes it for where a socket
 * of IPv6 is given one, so a row about 10.0.0.0/8 is met by both.
 */
#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/profile.h"

struct address {
	unsigned char bytes[16];
	uint16_t port;
	uint32_t scope; /* the interface of a link-local one, 0: not said */
};

enum { ADDRESS_TEXT_MAX = 96 };

/* "10.0.0.0/8", "fd00::1": the range that it is, with as many bits as count. False: it is none. */
bool address_range(const char *cidr, unsigned char base[16], uint8_t *bits);

/* What `len` bytes that were given to connect, or to a send, mean. False: no address of the internet, or one that the
 * kernel refuses. */
bool address_of(const void *sockaddr, size_t len, bool sends, struct address *out);

/* From 4 or 16 bytes. */
void address_from(const unsigned char *bytes, size_t width, uint16_t port, struct address *out);

/* "tcp 10.1.2.3:443", "udp [fd00::1]:53", for the protocol of the socket. */
void address_text(const struct address *a, int protocol, char out[ADDRESS_TEXT_MAX]);

/* The address in such a text again: its host without brackets, and the port. False: it is no such text. */
bool address_parts(const char *text, char host[ADDRESS_TEXT_MAX], uint16_t *port);

/* Whether a row covers it. */
bool address_covered(const struct address_rule *r, const struct address *a);

/* Whether it may lead to what the row covers: 0.0.0.0 and :: lead to whichever address of this machine the socket has. */
bool address_may_meet(const struct address_rule *r, const struct address *a);

#endif
