#include "policy/net_range.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"

bool net_range_within(const struct net_range *inner, const struct net_range *outer)
{
	unsigned rest = outer->bits % 8;
	unsigned char mask = (unsigned char)(0xff00 >> rest);

	if (inner->width != outer->width || inner->bits < outer->bits)
		return false;
	return memcmp(inner->bytes, outer->bytes, outer->bits / 8) == 0 &&
	       (rest == 0 ||
		((inner->bytes[outer->bits / 8] ^ outer->bytes[outer->bits / 8]) & mask) == 0);
}

bool net_range_parse(const char *text, struct net_range *out)
{
	char address[INET6_ADDRSTRLEN] = "";
	const char *slash = strchrnul(text, '/');
	uint64_t bits;

	*out = (struct net_range){ 0 };
	if ((size_t)(slash - text) >= sizeof address)
		return false;
	memcpy(address, text, (size_t)(slash - text));
	if (inet_pton(AF_INET, address, out->bytes) == 1)
		out->width = 4;
	else if (inet_pton(AF_INET6, address, out->bytes) == 1)
		out->width = 16;
	else
		return false;
	bits = out->width * 8;
	if (*slash == '/' && (num_u64(slash + 1, &bits) < 0 || bits > out->width * 8))
		return false;
	out->bits = (unsigned)bits;
	for (unsigned i = 0; i < out->width * 8; i++)
		if (i >= out->bits)
			out->bytes[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
	return true;
}

void net_range_print(const struct net_range *r, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(r->width == 4 ? AF_INET : AF_INET6, r->bytes, text, sizeof text);
	buf_puts(out, text);
	if (r->bits != r->width * 8)
		buf_printf(out, "/%u", r->bits);
}

/* Where machines of a cloud ask for their own credentials. The first two hold them for AWS, Azure, Google and most others;
 * the rest are what Amazon, Google, Alibaba and Oracle document beside. */
static const char *const guarded[] = {
	"169.254.0.0/16", "fe80::/10",       "fd00:ec2::254",
	"fd20:ce::254",   "100.100.100.200", "192.0.0.192",
};

bool net_range_guarded_nth(size_t i, struct net_range *out)
{
	return i < COUNT(guarded) && net_range_parse(guarded[i], out);
}

const char *net_range_guarded(const struct net_range *r)
{
	struct net_range g;

	for (size_t i = 0; i < COUNT(guarded); i++)
		if (net_range_parse(guarded[i], &g) && net_range_within(r, &g))
			return guarded[i];
	return NULL;
}
