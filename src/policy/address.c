#include "policy/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "policy/protocol.h"

enum {
	MAPPED_BITS = 96,      /* ::ffff:0:0/96 */
	SIN6_LEN_RFC2133 = 24, /* include/uapi/linux/in6.h: without a scope is an address, too */
};

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const unsigned char bytes[16])
{
	return memcmp(bytes, mapped, sizeof mapped) == 0;
}

void address_from(const unsigned char *bytes, size_t width, uint16_t port, struct address *out)
{
	*out = (struct address){ .port = port };
	if (width == 16) {
		memcpy(out->bytes, bytes, 16);
		return;
	}
	memcpy(out->bytes, mapped, sizeof mapped);
	memcpy(out->bytes + sizeof mapped, bytes, 4);
}

bool address_range(const char *cidr, unsigned char base[16], uint8_t *bits)
{
	const char *slash = strchrnul(cidr, '/');
	char text[INET6_ADDRSTRLEN] = "";
	unsigned char bytes[16];
	struct address a;
	uint64_t n;

	if ((size_t)(slash - cidr) >= sizeof text)
		return false;
	memcpy(text, cidr, (size_t)(slash - cidr));

	size_t width = inet_pton(AF_INET, text, bytes) == 1    ? 4
		       : inet_pton(AF_INET6, text, bytes) == 1 ? 16
							       : 0;

	n = width * 8;
	if (width == 0 || (*slash == '/' && (num_u64(slash + 1, &n) < 0 || n > width * 8)))
		return false;
	address_from(bytes, width, 0, &a);
	*bits = (uint8_t)(n + (width == 4 ? MAPPED_BITS : 0));
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = *bits > i * 8 ? *bits - i * 8 : 0;

		base[i] = kept >= 8 ? a.bytes[i] : a.bytes[i] & (unsigned char)(0xff00 >> kept);
	}
	return true;
}

/* ---- what the kernel is given ---- */

/* A send of UDP takes AF_UNSPEC for AF_INET (udp_sendmsg() of net/ipv4/udp.c); to connect, it means to let go. */
bool address_of(const void *sockaddr, size_t len, bool sends, struct address *out)
{
	struct sockaddr_in6 v6 = { 0 };
	struct sockaddr_in v4 = { 0 };
	sa_family_t family = AF_UNSPEC;

	if (len < sizeof v4)
		return false;
	memcpy(&family, sockaddr, sizeof family);
	if (family == AF_INET || (family == AF_UNSPEC && sends)) {
		memcpy(&v4, sockaddr, sizeof v4);
		address_from((const unsigned char *)&v4.sin_addr, 4, ntohs(v4.sin_port), out);
		return true;
	}
	if (family != AF_INET6 || len < SIN6_LEN_RFC2133)
		return false;
	memcpy(&v6, sockaddr, len < sizeof v6 ? len : sizeof v6);
	address_from(v6.sin6_addr.s6_addr, 16, ntohs(v6.sin6_port), out);
	out->scope = v6.sin6_scope_id;
	return true;
}

/* ---- words for it ---- */

void address_text(const struct address *a, int protocol, char out[ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN], scope[16] = "";
	const bool v4 = is_v4(a->bytes);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->bytes + sizeof mapped : a->bytes, host,
		  sizeof host);
	if (a->scope != 0)
		snprintf(scope, sizeof scope, "%%%u", a->scope);
	snprintf(out, ADDRESS_TEXT_MAX, v4 ? "%s %s%s:%u" : "%s [%s%s]:%u", protocol_word(protocol),
		 host, v4 ? "" : scope, a->port);
}

bool address_parts(const char *text, char host[ADDRESS_TEXT_MAX], uint16_t *port)
{
	const char *at = strchr(text, ' '), *colon = strrchr(text, ':');
	uint64_t number;

	if (at == NULL || colon == NULL || colon < at || num_u64(colon + 1, &number) < 0 ||
	    number > UINT16_MAX)
		return false;
	at += at[1] == '[' ? 2 : 1;

	size_t len = strcspn(at, "]%");

	if (len > (size_t)(colon - at))
		len = (size_t)(colon - at);
	if (len >= ADDRESS_TEXT_MAX)
		return false;
	memcpy(host, at, len);
	host[len] = '\0';
	*port = (uint16_t)number;
	return true;
}

/* ---- rows ---- */

static bool port_fits(const struct address_rule *r, uint16_t port)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->ports[i] == port)
			return true;
	return r->n == 0;
}

static bool bits_equal(const unsigned char *x, const unsigned char *y, unsigned bits)
{
	unsigned rest = bits % 8;
	unsigned char mask = (unsigned char)(0xff00 >> rest);

	return memcmp(x, y, bits / 8) == 0 &&
	       (rest == 0 || ((x[bits / 8] ^ y[bits / 8]) & mask) == 0);
}

/* ::/0 is all of IPv6, and 0.0.0.0/0 all of IPv4. */
static bool in_range(const struct address_rule *r, const struct address *a)
{
	bool rule_v4 = r->bits >= MAPPED_BITS && is_v4(r->base);

	return rule_v4 == is_v4(a->bytes) && bits_equal(r->base, a->bytes, r->bits);
}

bool address_covered(const struct address_rule *r, const struct address *a)
{
	return port_fits(r, a->port) && in_range(r, a);
}

bool address_may_meet(const struct address_rule *r, const struct address *a)
{
	static const unsigned char none[16];
	const size_t at = is_v4(a->bytes) ? sizeof mapped : 0;

	if (memcmp(a->bytes + at, none, sizeof none - at) == 0)
		return port_fits(r, a->port);
	return address_covered(r, a);
}
