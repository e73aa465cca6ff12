#include "net/pool.h"

#include <string.h>

#include "base/arena.h"

/* Of private ranges (RFC 1918), the parts that fewest others take by default: not 172.17 to 172.20 and 10.88 (Docker, Podman),
 * 10.42 to 10.244 (Kubernetes), 192.168.0, 1 and 122 (routers, libvirt). */
static const struct pool_route ranges[] = {
	{ 0x0af90000, 16 }, /* 10.249.0.0 */
	{ 0xac1d0000, 16 }, /* 172.29.0.0 */
	{ 0xc0a8f800, 21 }, /* 192.168.248.0 */
	{ 0x0aff0000, 16 }, /* 10.255.0.0 */
};

/* A unique local prefix (RFC 4193) whose bytes are the name. */
static const uint8_t prefix6[8] = { 0xfd, 'z', 'v', 'i', 'z', 0, 0, 0 };

static uint32_t mask(unsigned bits)
{
	return bits == 0 ? 0 : ~0u << (32 - bits);
}

static bool cross(const struct pool_route *a, const struct pool_route *b)
{
	uint32_t common = mask(a->bits < b->bits ? a->bits : b->bits);

	return ((a->to ^ b->to) & common) == 0;
}

static bool is_free(const struct pool_route *range, const struct pool_route *routes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (routes[i].bits != 0 &&
		    cross(range, &routes[i])) /* a default route is everywhere */
			return false;
	return true;
}

bool pool_choose(unsigned index, const struct pool_route *routes, size_t n, struct pool_pair *out)
{
	for (size_t i = 0; i < COUNT(ranges); i++) {
		if (index >= 1u << (31 - ranges[i].bits) || !is_free(&ranges[i], routes, n))
			continue;
		out->host4 = ranges[i].to + 2 * index;
		out->own4 = out->host4 + 1;
		memset(out->host6, 0, sizeof out->host6);
		memcpy(out->host6, prefix6, sizeof prefix6);
		for (unsigned byte = 0; byte < 4; byte++)
			out->host6[15 - byte] = (uint8_t)(2 * index >> 8 * byte);
		memcpy(out->own6, out->host6, sizeof out->own6);
		out->own6[15] |= 1;
		return true;
	}
	return false;
}
