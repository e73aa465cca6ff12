/*
 * A table with its chains and rules as messages of nfnetlink, for networks in which many tables stand: nftables' own library
 * first reads all that is there, half a megabyte for each table, and keeps it.
 */
#ifndef NET_RULE_H
#define NET_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct mnl_socket;
struct nlmsghdr;
struct nlattr;

/* One transaction. It is filled from the table to its end, and each rule from what it asks to what comes of it. */
struct rule_batch {
	const char *table;
	char *bytes;
	size_t used, room;
	struct nlmsghdr *rule; /* the one that is being filled, and the list in it */
	struct nlattr *list;
};

/* A table of family inet that belongs to the socket which runs the batch (Linux 5.12); `rules` are as many as it will have. */
void rule_table(struct rule_batch *b, struct arena *a, const char *table, size_t rules);

/* A base chain whose policy is to accept; `hook` is one of NF_INET_*. */
void rule_chain(struct rule_batch *b, const char *name, const char *type, uint32_t hook,
		int32_t priority);

void rule_begin(struct rule_batch *b, const char *chain);
void rule_end(struct rule_batch *b);

/* What is asked: the rule goes on where it is so. */
void rule_if_family(struct rule_batch *b, uint8_t family);     /* NFPROTO_* */
void rule_if_protocol(struct rule_batch *b, uint8_t protocol); /* IPPROTO_* */
void rule_if_came_by(struct rule_batch *b, const char *device);
void rule_if_leaves_by(struct rule_batch *b, const char *device);
void rule_unless_leaves_by(struct rule_batch *b, const char *device);
/* Devices whose names begin so. */
void rule_if_came_by_any(struct rule_batch *b, const char *start);
void rule_if_leaves_by_any(struct rule_batch *b, const char *start);
/* Addresses of 4 or 16 bytes; the first `same` bytes count. The family is asked as well. */
void rule_if_from(struct rule_batch *b, const uint8_t *at, unsigned width, unsigned same);
void rule_unless_from(struct rule_batch *b, const uint8_t *at, unsigned width);
void rule_if_to(struct rule_batch *b, const uint8_t *at, unsigned width);
void rule_unless_to(struct rule_batch *b, const uint8_t *at, unsigned width);
void rule_if_local(struct rule_batch *b); /* to an address of the host's own */
void rule_if_port(struct rule_batch *b, uint16_t port);
void rule_if_icmp6(struct rule_batch *b, uint8_t first, uint8_t last); /* types */
void rule_if_state(struct rule_batch *b, uint32_t bits);               /* NF_CT_STATE_BIT() */
void rule_if_status(struct rule_batch *b, uint32_t bits);              /* IPS_* */

/* What comes of it. */
void rule_verdict(struct rule_batch *b, int32_t verdict); /* NF_ACCEPT, NF_DROP, NFT_RETURN */
void rule_reject(struct rule_batch *b);                   /* administratively prohibited */
void rule_masquerade(struct rule_batch *b);
void rule_lead_to(struct rule_batch *b, const uint8_t *at, unsigned width, uint16_t port);

/* Runs it, in the network namespace of the socket. -errno. */
int rule_run(struct rule_batch *b, struct mnl_socket *nl);

#endif
