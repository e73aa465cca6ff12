#include "net/pool.h"

#include <string.h>

#include "base/arena.h"

/* Of private ranges (RFC 1918), the parts that fewest others take by default: not 172.17 to 172.20 and 10.88 (Docker, Podman),
 * 10.42 to 10.244 (Kubernetes), 192.168.0, 1 and 122 (routers, libvirt). */
static const struct pool_route ranges[] = {
	{ .to = 0x0af90000, .bits = 16 }, /* 10.249.0.0 */
	{ .to = 0xac1d0000, .bits = 16 }, /* 172.29.0.0 */
	{ .to = 0xc0a8f800, .bits = 21 }, /* 192.168.248.0 */
	{ .to = 0x0aff0000, .bits = 16 }, /* 10.255.0.0 */
};

/* Unique local prefixes (RFC 4193) whose bytes are the name, and a number. */
static const struct pool_route ranges6[] = {
	{ .v6 = true, .to6 = { 0xfd, 'z', 'v', 'i', 'z', 0, 0, 0 }, .bits = 64 },
	{ .v6 = true, .to6 = { 0xfd, 'z', 'v', 'i', 'z', 1, 0, 0 }, .bits = 64 },
	{ .v6 = true, .to6 = { 0xfd, 'z', 'v', 'i', 'z', 2, 0, 0 }, .bits = 64 },
	{ .v6 = true, .to6 = { 0xfd, 'z', 'v', 'i', 'z', 3, 0, 0 }, .bits = 64 },
};

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 &&
	       (rest == 0 || ((a[bits / 8] ^ b[bits / 8]) & (uint8_t)(0xff00 >> rest)) == 0);
}

static bool cross(const struct pool_route *a, const struct pool_route *b)
{
	const unsigned common = a->bits < b->bits ? a->bits : b->bits;

	if (a->v6 != b->v6)
		return false;
	if (a->v6)
		return same_bits(a->to6, b->to6, common);
	return common == 0 || ((a->to ^ b->to) >> (32 - common)) == 0;
}

static bool is_free(const struct pool_route *range, const struct pool_route *routes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (routes[i].bits != 0 &&
		    cross(range, &routes[i])) /* a default route is everywhere */
			return false;
	return true;
}

static bool choose4(unsigned index, const struct pool_route *routes, size_t n,
		    struct pool_pair *out)
{
	for (size_t i = 0; i < COUNT(ranges); i++) {
		if (index >= 1u << (31 - ranges[i].bits) || !is_free(&ranges[i], routes, n))
			continue;
		out->host4 = ranges[i].to + 2 * index;
		out->own4 = out->host4 + 1;
		return true;
	}
	return false;
}

static void choose6(unsigned index, const struct pool_route *routes, size_t n,
		    struct pool_pair *out)
{
	size_t i = 0;

	while (i < COUNT(ranges6) && !is_free(&ranges6[i], routes, n))
		i++;
	out->has6 = i < COUNT(ranges6);
	memcpy(out->host6, ranges6[out->has6 ? i : 0].to6, sizeof out->host6);
	for (unsigned byte = 0; byte < 4; byte++)
		out->host6[15 - byte] = (uint8_t)(2 * index >> 8 * byte);
	memcpy(out->own6, out->host6, sizeof out->own6);
	out->own6[15] |= 1;
}

bool pool_choose(unsigned index, const struct pool_route *routes, size_t n, struct pool_pair *out)
{
	choose6(index, routes, n, out);
	return choose4(index, routes, n, out);
}
