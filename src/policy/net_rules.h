/*
 * What crosses the border of a container's network, as text for nftables. Pure.
 */
#ifndef POLICY_NET_RULES_H
#define POLICY_NET_RULES_H

#include "base/buf.h"
#include "policy/plan.h"

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

/* What a row of egress asks for beside its place: " (at most 10M, 3 connections at once)", or "". */
const char *net_terms(struct arena *a, const struct egress_rule *r);

/* The table that is loaded inside, as one transaction. The same bytes for the same plan. */
void net_rules_print(const struct plan *p, struct buf *out);

/* What is added to it so that refusals are told (plan.net.told): a transaction of its own, since a kernel may not be able to. */
void net_tell_print(const struct plan *p, struct buf *out);

#endif
