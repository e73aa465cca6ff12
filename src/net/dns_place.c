/*
 * What kind of place an address is. The rows follow the registries of special addresses (RFC 6890 and its successors at IANA); the first
 * that fits counts, so single addresses stand before the ranges that hold them.
 */
#include <string.h>

#include "net/dns.h"

struct range {
	uint8_t width, bits;
	uint8_t bytes[16];
	enum dns_place place;
};

static const struct range ranges[] = {
	/* Where clouds keep their machines' credentials. */
	{ 4, 32, { 169, 254, 169, 254 }, DNS_METADATA }, /* AWS, Azure, Google and most others */
	{ 4, 32, { 169, 254, 170, 2 }, DNS_METADATA },   /* AWS, for tasks */
	{ 4, 32, { 169, 254, 170, 23 }, DNS_METADATA },  /* AWS, for pods */
	{ 4, 32, { 100, 100, 100, 200 }, DNS_METADATA }, /* Alibaba */
	{ 4, 32, { 168, 63, 129, 16 }, DNS_METADATA },   /* Azure's agent: a public address */
	{ 4, 32, { 192, 0, 0, 192 }, DNS_METADATA },     /* Oracle */
	{ 16,
	  128,
	  { 0xfd, 0, 0x0e, 0xc2, [15] = 0x54, [14] = 0x02 },
	  DNS_METADATA }, /* AWS, fd00:ec2::254 */
	{ 16,
	  128,
	  { 0xfd, 0, 0x0e, 0xc2, [15] = 0x23 },
	  DNS_METADATA }, /* AWS, for pods, fd00:ec2::23 */
	{ 16,
	  128,
	  { 0xfd, 0x20, 0, 0xce, [15] = 0x54, [14] = 0x02 },
	  DNS_METADATA }, /* Google, fd20:ce::254 */

	{ 4, 8, { 0 }, DNS_SPECIAL },  /* RFC 791: this network; Linux takes 0.0.0.0 for itself */
	{ 4, 8, { 10 }, DNS_PRIVATE }, /* RFC 1918 */
	{ 4, 10, { 100, 64 }, DNS_PRIVATE }, /* RFC 6598: between a provider and its customers */
	{ 4, 8, { 127 }, DNS_LOOPBACK },     /* RFC 1122 */
	{ 4, 16, { 169, 254 }, DNS_LINK_LOCAL },  /* RFC 3927 */
	{ 4, 12, { 172, 16 }, DNS_PRIVATE },      /* RFC 1918 */
	{ 4, 24, { 192, 0, 0 }, DNS_SPECIAL },    /* RFC 6890: protocols */
	{ 4, 24, { 192, 0, 2 }, DNS_SPECIAL },    /* RFC 5737: documentation */
	{ 4, 24, { 192, 88, 99 }, DNS_EMBEDDED }, /* RFC 7526: relays of 6to4 */
	{ 4, 16, { 192, 168 }, DNS_PRIVATE },     /* RFC 1918 */
	{ 4, 15, { 198, 18 }, DNS_SPECIAL },      /* RFC 2544: measurements */
	{ 4, 24, { 198, 51, 100 }, DNS_SPECIAL }, /* RFC 5737: documentation */
	{ 4, 24, { 203, 0, 113 }, DNS_SPECIAL },  /* RFC 5737: documentation */
	{ 4, 4, { 224 }, DNS_MULTICAST },         /* RFC 5771 */
	{ 4, 4, { 240 }, DNS_SPECIAL },           /* RFC 1112 reserved, RFC 919 broadcast */

	{ 16, 128, { 0 }, DNS_SPECIAL }, /* RFC 4291: unspecified; Linux takes it for itself */
	{ 16, 128, { [15] = 1 }, DNS_LOOPBACK },                 /* RFC 4291 */
	{ 16, 96, { [10] = 0xff, 0xff }, DNS_EMBEDDED },         /* RFC 4291: IPv4, mapped */
	{ 16, 96, { 0 }, DNS_EMBEDDED },                         /* RFC 4291: IPv4, compatible */
	{ 16, 96, { [8] = 0xff, 0xff }, DNS_EMBEDDED },          /* RFC 2765: IPv4, translated */
	{ 16, 96, { 0, 0x64, 0xff, 0x9b }, DNS_EMBEDDED },       /* RFC 6052: NAT64 */
	{ 16, 48, { 0, 0x64, 0xff, 0x9b, 0, 1 }, DNS_EMBEDDED }, /* RFC 8215: NAT64 */
	{ 16, 7, { 0xfc }, DNS_PRIVATE },                        /* RFC 4193 */
	{ 16, 10, { 0xfe, 0x80 }, DNS_LINK_LOCAL },              /* RFC 4291 */
	{ 16, 10, { 0xfe, 0xc0 }, DNS_SPECIAL },             /* RFC 3879: site-local, given up */
	{ 16, 8, { 0xff }, DNS_MULTICAST },                  /* RFC 4291 */
	{ 16, 32, { 0x20, 0x01 }, DNS_EMBEDDED },            /* RFC 4380: Teredo */
	{ 16, 23, { 0x20, 0x01 }, DNS_SPECIAL },             /* RFC 2928: protocols */
	{ 16, 32, { 0x20, 0x01, 0x0d, 0xb8 }, DNS_SPECIAL }, /* RFC 3849: documentation */
	{ 16, 16, { 0x20, 0x02 }, DNS_EMBEDDED },            /* RFC 3056: 6to4 */
	{ 16, 20, { 0x3f, 0xff }, DNS_SPECIAL },             /* RFC 9637: documentation */
	{ 16, 3, { 0x20 }, DNS_PUBLIC }, /* RFC 4291: all that is given out as global */
	{ 16, 0, { 0 }, DNS_SPECIAL },   /* RFC 4291: the rest is reserved */
};

static bool is_in(const struct range *r, const struct dns_address *a)
{
	size_t whole = r->bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> r->bits % 8);

	return r->width == a->width && memcmp(r->bytes, a->bytes, whole) == 0 &&
	       (mask == 0 || ((r->bytes[whole] ^ a->bytes[whole]) & mask) == 0);
}

enum dns_place dns_place(const struct dns_address *a)
{
	for (size_t i = 0; i < COUNT(ranges); i++)
		if (is_in(&ranges[i], a))
			return ranges[i].place;
	return DNS_PUBLIC;
}
