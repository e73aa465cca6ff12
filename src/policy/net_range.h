/*
 * Address ranges, and those that no wider rule opens. Pure.
 */
#ifndef POLICY_NET_RANGE_H
#define POLICY_NET_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* An address range with the bits behind its prefix cleared. */
struct net_range {
	uint8_t bytes[16];
	unsigned width; /* 4 or 16 bytes */
	unsigned bits;
};

/* Reads an address or range of a profile. Whether it is one. */
bool net_range_parse(const char *text, struct net_range *out);

/* Whether every address of `inner` is one of `outer`. */
bool net_range_within(const struct net_range *inner, const struct net_range *outer);

/* Writes it as nft and people do: "10.0.0.0/8", and a single address without its prefix. */
void net_range_print(const struct net_range *r, struct buf *out);

/* The addresses that no wider rule opens: those of machines' own metadata, and of the link. What a range lies within, or
 * NULL. */
const char *net_range_guarded(const struct net_range *r);

/* Each of these ranges in turn; false behind the last. */
bool net_range_guarded_nth(size_t i, struct net_range *out);

#endif
