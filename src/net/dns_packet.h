/*
 * DNS messages (RFC 1035): what is read from a container and from a name server, and what is written to both. Pure.
 */
#ifndef NET_DNS_PACKET_H
#define NET_DNS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/dns.h"
#include "policy/domain.h"

enum {
	DNS_NAME_TEXT = DOMAIN_NAME_MAX + 1,
	DNS_QUESTION_MAX = 12 + 255 + 4 +
			   512, /* a question of ours or of a container, with its options */
	DNS_UDP_PLAIN = 512,    /* RFC 1035, 4.2.1: what every client takes */
	DNS_UDP_MAX = 1232,     /* fits every IPv6 link in one piece: no fragments */
	DNS_PACKET_MAX = 4096,  /* of an answer over TCP */
	DNS_CHAIN_MAX = 8,      /* aliases that are followed in one answer */

	/* RFC 1035, RFC 6895 */
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,

	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_AAAA = 28,
	DNS_SVCB = 64,
	DNS_HTTPS = 65,
};

struct dns_question {
	uint16_t id, type;
	bool recursion, edns;
	uint16_t size;            /* of the answers over UDP that the asker takes */
	char name[DNS_NAME_TEXT]; /* in lower case, no dot at the end; valid */
	uint8_t wire[255 + 4];    /* name, type and class as asked, to be sent back */
	size_t wire_len;
};

/* Reads what a container asks. 0, or a response code to answer with: q->id is right then, and q->wire_len 0 unless the
 * question itself could be read. -EBADMSG when there is nothing to answer. */
int dns_question_read(const uint8_t *packet, size_t len, struct dns_question *q);

/* Writes a question for a server. Its length; at most DNS_QUESTION_MAX. */
size_t dns_question_write(uint16_t id, const char *name, uint16_t type, uint8_t *out);

struct dns_answer {
	int code; /* DNS_NOERROR or DNS_NXDOMAIN */
	size_t n;
	struct dns_address at[DNS_ADDRESSES_MAX];
	uint32_t ttl_s;
};

/* Reads a server's answer to what dns_question_write() wrote, and follows the aliases from `name` on.
 * 0; 1 when it was cut and should be asked again over TCP; -EAGAIN when it is the answer to something else; -EBADMSG
 * when it is no good: malformed, no recursion, or a code that says nothing about the name. */
int dns_answer_read(const uint8_t *packet, size_t len, uint16_t id, const char *name, uint16_t type,
		    struct dns_answer *out);

/* Writes the answer for the container, at most `room` bytes (at least DNS_UDP_PLAIN): addresses owned by the name that was
 * asked. If they do not fit it is marked as cut, and has none. `extended` is a code of RFC 8914, 0 for none. */
size_t dns_answer_write(const struct dns_question *q, const struct dns_answer *a, int extended,
			size_t room, uint8_t *out);

#endif
