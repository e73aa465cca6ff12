/*
 * Which addresses a container gets. Pure.
 */
#ifndef NET_POOL_H
#define NET_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A route of the host. */
struct pool_route {
	bool v6;
	uint32_t to; /* IPv4, in host order */
	uint8_t to6[16];
	unsigned bits;
};

/* Both ends of a link: the host's is even, the container's follows it. */
struct pool_pair {
	uint32_t host4, own4;        /* host order; /31 (RFC 3021) */
	bool has6;                   /* a range of IPv6 is free */
	uint8_t host6[16], own6[16]; /* /127 (RFC 6164); the first range's where none is */
};

/* The pair of the container with this number, from the first range of each family that no route of the host crosses. False
 * when each of IPv4 is crossed, or too small. */
bool pool_choose(unsigned index, const struct pool_route *routes, size_t n, struct pool_pair *out);

#endif
