/*
 * Messages are taken apart by the C library's own parser (<arpa/nameser.h>, which every program on the
 * host uses already): it allocates nothing, checks every length, and bounds compression. What it gives is checked once more
 * here: a name with any byte that is no letter, digit, '-' or '_' is refused, and such a byte, a dot inside a label
 * included, comes from glibc with a backslash, so two different names never look alike.
 */
#include "net/dns_packet.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <string.h>

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* In lower case, or false when it is no name of a host. */
static bool name_take(const char *from, char *to)
{
	if (!domain_name_valid(from))
		return false;
	do
		*to++ = lower(*from);
	while (*from++ != '\0');
	return true;
}

/* ---- questions of a container ---- */

/* The one name of a question has nothing before it that it could point to, so a pointer is an attempt at something.
 * Bytes of name, type and class; 0 when it is bad. */
static size_t question_length(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *from = at;

	while (at < end && *at != 0) {
		if (*at > 63)
			return 0;
		at += *at + 1;
	}
	if (end - at < 5 || at + 1 - from > 255)
		return 0;
	return (size_t)(at + 5 - from);
}

/* What the asker's OPT record says; any other record beside the question is not understood. */
static int options_read(ns_msg *m, struct dns_question *q)
{
	ns_rr rr;

	if (ns_msg_count(*m, ns_s_an) != 0 || ns_msg_count(*m, ns_s_ns) != 0 ||
	    ns_msg_count(*m, ns_s_ar) > 1)
		return DNS_FORMERR;
	if (ns_msg_count(*m, ns_s_ar) == 0)
		return 0;
	if (ns_parserr(m, ns_s_ar, 0, &rr) < 0 || ns_rr_type(rr) != ns_t_opt ||
	    strcmp(ns_rr_name(rr), ".") != 0)
		return DNS_FORMERR;
	q->edns = true;
	q->size = ns_rr_class(rr);
	if (q->size < DNS_UDP_PLAIN)
		q->size = DNS_UDP_PLAIN;
	if (q->size > DNS_UDP_MAX)
		q->size = DNS_UDP_MAX;
	return 0;
}

int dns_question_read(const uint8_t *packet, size_t len, struct dns_question *q)
{
	ns_msg m;
	ns_rr rr;

	*q = (struct dns_question){ .size = DNS_UDP_PLAIN };
	if (len < NS_HFIXEDSZ || (packet[2] & 0x80) != 0)
		return -EBADMSG;
	q->id = (uint16_t)ns_get16(packet);
	q->recursion = (packet[2] & 0x01) != 0;
	if ((packet[2] & 0x78) != 0)
		return DNS_NOTIMP;
	if (len > DNS_QUESTION_MAX || ns_initparse(packet, (int)len, &m) < 0 ||
	    ns_msg_count(m, ns_s_qd) != 1 || ns_parserr(&m, ns_s_qd, 0, &rr) < 0)
		return DNS_FORMERR;
	q->wire_len = question_length(packet + NS_HFIXEDSZ, packet + len);
	if (q->wire_len == 0)
		return DNS_FORMERR;
	memcpy(q->wire, packet + NS_HFIXEDSZ, q->wire_len);
	q->type = ns_rr_type(rr);
	if (!name_take(ns_rr_name(rr), q->name))
		return DNS_FORMERR;
	if (ns_rr_class(rr) != ns_c_in)
		return DNS_REFUSED;
	return options_read(&m, q);
}

/* ---- questions to a server ---- */

static uint8_t *name_write(uint8_t *to, const char *name)
{
	while (*name != '\0') {
		size_t label = strcspn(name, ".");

		*to++ = (uint8_t)label;
		memcpy(to, name, label);
		to += label;
		name += label + (name[label] == '.');
	}
	*to++ = 0;
	return to;
}

/* Without EDNS: then an answer over UDP has at most 512 bytes and comes in one piece, and a longer one is
 * asked for over TCP. */
size_t dns_question_write(uint16_t id, const char *name, uint16_t type, uint8_t *out)
{
	uint8_t *at;

	memset(out, 0, NS_HFIXEDSZ);
	ns_put16(id, out);
	out[2] = 0x01; /* recursion desired */
	out[5] = 1;    /* one question */
	at = name_write(out + NS_HFIXEDSZ, name);
	ns_put16(type, at);
	ns_put16(ns_c_in, at + 2);
	return (size_t)(at + 4 - out);
}

/* ---- answers of a server ---- */

static bool is_ours(ns_msg *m, const char *name, uint16_t type)
{
	char asked[DNS_NAME_TEXT];
	ns_rr rr;

	return ns_msg_count(*m, ns_s_qd) == 1 && ns_parserr(m, ns_s_qd, 0, &rr) == 0 &&
	       ns_rr_type(rr) == type && ns_rr_class(rr) == ns_c_in &&
	       name_take(ns_rr_name(rr), asked) && strcmp(asked, name) == 0;
}

/* RFC 2181, 8: a time with the highest bit set is 0. */
static void ttl_lower(struct dns_answer *a, uint32_t ttl)
{
	if (ttl > INT32_MAX)
		ttl = 0;
	if (ttl < a->ttl_s)
		a->ttl_s = ttl;
}

/* Whether the record belongs to `name` and is of `type`. */
static bool is_of(ns_rr *rr, const char *name, uint16_t type)
{
	char owner[DNS_NAME_TEXT];

	return ns_rr_type(*rr) == type && ns_rr_class(*rr) == ns_c_in &&
	       name_take(ns_rr_name(*rr), owner) && strcmp(owner, name) == 0;
}

/* 1 and the next name, 0 when `name` is no alias, -EBADMSG when it is two (RFC 2181, 10.1) or no good. */
static int alias_next(ns_msg *m, char *name, struct dns_answer *a)
{
	char text[NS_MAXDNAME], next[DNS_NAME_TEXT] = "";
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(*m, ns_s_an); i++) {
		if (ns_parserr(m, ns_s_an, i, &rr) < 0)
			return -EBADMSG;
		if (!is_of(&rr, name, DNS_CNAME))
			continue;
		if (next[0] != '\0' ||
		    ns_name_uncompress(ns_msg_base(*m), ns_msg_end(*m), ns_rr_rdata(rr), text,
				       sizeof text) != ns_rr_rdlen(rr) ||
		    !name_take(text, next))
			return -EBADMSG;
		ttl_lower(a, ns_rr_ttl(rr));
	}
	if (next[0] == '\0')
		return 0;
	memcpy(name, next, sizeof next);
	return 1;
}

static int addresses_take(ns_msg *m, const char *name, uint16_t type, struct dns_answer *a)
{
	const uint8_t width = type == DNS_A ? 4 : 16;
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(*m, ns_s_an); i++) {
		if (ns_parserr(m, ns_s_an, i, &rr) < 0)
			return -EBADMSG;
		if (!is_of(&rr, name, type) || a->n == DNS_ADDRESSES_MAX)
			continue;
		if (ns_rr_rdlen(rr) != width)
			return -EBADMSG;
		a->at[a->n].width = width;
		memcpy(a->at[a->n++].bytes, ns_rr_rdata(rr), width);
		ttl_lower(a, ns_rr_ttl(rr));
	}
	return 0;
}

/* Whatever the answer says about other names is left where it is. */
static int chain_follow(ns_msg *m, const char *name, uint16_t type, struct dns_answer *a)
{
	char now[DNS_NAME_TEXT];
	int alias = 1;

	memcpy(now, name, strlen(name) + 1);
	for (int i = 0; i <= DNS_CHAIN_MAX && alias > 0; i++)
		alias = alias_next(m, now, a);
	if (alias != 0)
		return -EBADMSG;
	return addresses_take(m, now, type, a);
}

int dns_answer_read(const uint8_t *packet, size_t len, uint16_t id, const char *name, uint16_t type,
		    struct dns_answer *out)
{
	ns_msg m;

	*out = (struct dns_answer){ .ttl_s = INT32_MAX };
	if (len < NS_HFIXEDSZ || ns_get16(packet) != id || (packet[2] & 0x80) == 0)
		return -EAGAIN;
	if (len > DNS_PACKET_MAX || (packet[2] & 0x78) != 0)
		return -EBADMSG;
	out->code = packet[3] & 0x0f;
	/* A server that could not read the question may send it back or not. */
	if (out->code != DNS_NOERROR && out->code != DNS_NXDOMAIN)
		return -EBADMSG;
	if (ns_initparse(packet, (int)len, &m) < 0)
		return (packet[2] & 0x02) != 0 ? 1 : -EBADMSG;
	if (!is_ours(&m, name, type))
		return -EAGAIN;
	if ((packet[2] & 0x02) != 0)
		return 1;
	if (out->code == DNS_NXDOMAIN)
		return 0;
	return chain_follow(&m, name, type, out);
}

/* ---- answers for the container ---- */

/* The addresses belong to the name that was asked: aliases are not told. So nothing but addresses goes from a server
 * to the container. */
static uint8_t *addresses_write(const struct dns_answer *a, uint8_t *at)
{
	for (size_t i = 0; i < a->n; i++) {
		ns_put16(0xc000 | NS_HFIXEDSZ, at); /* the name in the question */
		ns_put16(a->at[i].width == 4 ? DNS_A : DNS_AAAA, at + 2);
		ns_put16(ns_c_in, at + 4);
		ns_put32(a->ttl_s, at + 6);
		ns_put16(a->at[i].width, at + 10);
		memcpy(at + 12, a->at[i].bytes, a->at[i].width);
		at += 12 + a->at[i].width;
	}
	return at;
}

/* RFC 6891: who sends an OPT gets one. RFC 8914: the reason, for people who look with dig. */
static uint8_t *options_write(int extended, uint8_t *at)
{
	memset(at, 0, 11);
	ns_put16(ns_t_opt, at + 1);
	ns_put16(DNS_UDP_MAX, at + 3);
	at += 11;
	if (extended == 0)
		return at;
	ns_put16(6, at - 2);
	ns_put16(15, at);
	ns_put16(2, at + 2);
	ns_put16((unsigned)extended, at + 4);
	return at + 6;
}

size_t dns_answer_write(const struct dns_question *q, const struct dns_answer *a, int extended,
			size_t room, uint8_t *out)
{
	const struct dns_answer none = { .code = a->code };
	size_t each = a->n == 0 ? 0 : 12 + (size_t)a->at[0].width;
	bool cut = NS_HFIXEDSZ + q->wire_len + a->n * each + (q->edns ? 17 : 0) > room;
	uint8_t *at = out + NS_HFIXEDSZ;

	memset(out, 0, NS_HFIXEDSZ);
	ns_put16(q->id, out);
	out[2] = (uint8_t)(0x80 | (cut ? 0x02 : 0) | (q->recursion ? 0x01 : 0));
	out[3] = (uint8_t)(0x80 | a->code); /* recursion available */
	out[5] = q->wire_len > 0;
	out[7] = (uint8_t)(cut ? 0 : a->n);
	out[11] = q->edns;
	memcpy(at, q->wire, q->wire_len);
	at = addresses_write(cut ? &none : a, at + q->wire_len);
	if (q->edns)
		at = options_write(extended, at);
	return (size_t)(at - out);
}
