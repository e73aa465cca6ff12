/*
 * What a packet that the rules inside refused was about, out of a message of nfnetlink_log. Pure; the packet in it was written by
 * the workload, or by whoever sent to it.
 */
#ifndef NET_REFUSAL_H
#define NET_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum refusal_why {
	REFUSAL_OUT,     /* no row names it */
	REFUSAL_GUARDED, /* it goes to metadata, or over the link, and no row names that */
	REFUSAL_HOST,    /* it goes to the host itself */
	REFUSAL_IN,      /* it came in, to a port that no row names */
	REFUSAL_PAST,    /* its row has a limit of bytes, which was reached */
	REFUSAL_FULL,    /* its row has as many connections as it may have at once */
};

struct refusal {
	enum refusal_why why;
	uint32_t row;     /* of network.egress, from 1; 0: none */
	uint8_t protocol; /* IPPROTO_TCP… */
	bool stands;      /* TCP: it does not begin a connection */
	unsigned width;   /* of the address: 4 or 16 bytes */
	uint8_t at[16];   /* where it goes to; of what came in, where it comes from */
	uint16_t
		port; /* where it goes to, also of what came in; 0: the protocol has none, or it cannot be seen */
};

/* Reads one message of `len` bytes, as nfnetlink_log sends it in answer to a rule of net_tell_print(). False: it is none, or
 * tells too little. */
bool refusal_read(const uint8_t *message, size_t len, struct refusal *out);

#endif
