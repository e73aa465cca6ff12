/*
 * zviz-net: what holds a private network while its container lives. Private to src/net.
 */
#ifndef NET_HOLDER_H
#define NET_HOLDER_H

#include <libmnl/libmnl.h>
#include <nftables/libnftables.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/link.h"
#include "net/own.h"
#include "net/pool.h"
#include "policy/net_job.h"

enum { DEVICE_NAME_MAX = 16 };

struct holder {
	struct arena *arena;
	struct net_job job;
	char device[DEVICE_NAME_MAX]; /* on the host, */
	unsigned index;               /* and its number there */
	struct pool_pair at;
	uint8_t mac[2][LINK_MAC_BYTES]; /* of the pair: the host's end, the container's */
	bool way6;                      /* IPv6 leads somewhere */
	struct mnl_socket *host;        /* owns the host's table */
	struct nft_ctx *inside;
	int inside_fd;  /* its socket, -1: not known */
	uint64_t table; /* in the name of the one inside (net_table_name()) */
	bool loaded;    /* a change's rules are in force */
	struct names *names;
	struct own *own; /* the host's addresses, where the way out is a program; else NULL */
	bool behind;     /* they changed, and could not be followed */
	bool opens;      /* this process opens addresses for the other (opener.h) */
	bool entered;    /* is in the container's user namespace, as its first id */
	struct log *log;
	struct door *door;
	const char *note; /* what this kernel cannot do, though it was asked for; NULL: nothing */
	int other;        /* closed when the other of the two processes ends (twin.h) */
};

/* Loads text as one transaction into the network namespace that `nft` was made in. */
int holder_load(struct nft_ctx *nft, const char *rules, const char *where, struct err *e);

/* The same into the one that the caller stands in, by a new context, which stays open. */
int holder_rules(struct holder *h, const char *rules, const char *where, struct err *e);

/* A context, whose socket is h->inside_fd. */
int holder_open(struct holder *h, struct err *e);

/* A network without a device yet, by a thread that stands in it: the rules, then the loopback. */
int holder_inside(struct holder *h, struct err *e);

/* The inner end, by a thread that stands in the container's network namespace: the rules first, then the loopback and the
 * device. */
int veth_inside(struct holder *h, struct err *e);

/* The same in a network by path, where the rules are all that is ours. */
int given_inside(struct holder *h, struct err *e);

/* What tells of refusals, with the number of the group that this holder hears: the container's own network has the group that the
 * text names, in one by path others may have it. */
const char *tell_rules(const struct holder *h, uint16_t group);

/* A pair of devices, both down; the host's end, with an address, a table and forwarding; and, when the container's is up as
 * well, a wait until the host's sends. */
int veth_make(struct holder *h, struct err *e);
int veth_host(struct holder *h, struct err *e);
int veth_await(struct holder *h, struct err *e);

/* A way out by a program: what to know of the host's network, and then, from within the container's user namespace and by a
 * thread in its network namespace, the rules and the loopback, and the device, up. */
int tap_prepare(struct holder *h, struct err *e);
int tap_rules(struct holder *h, struct err *e);
int tap_device(struct holder *h, struct err *e);

/* Starts the program, which finds its device there, confined and for as long as this process lives, and waits until it is
 * ready. */
int keeper_start(struct holder *h, struct err *e);

/* Takes the ports of the host that are published, or says who cannot have them; or only whether they can be had. */
int reserve_ports(const struct holder *h, struct err *e);
int try_ports(const struct holder *h, struct err *e);

/* Goes into the container's user namespace, whose ids are nobody's outside, with all capabilities over it. */
int enter_container(struct holder *h, struct err *e);

/* Gives up all but the descriptors in use: no capability but to end the container, no file but the one that says so, no call that is not needed to wait. Where there is a
 * resolver, or the way out is a program, CAP_NET_ADMIN over the container stays, to change its sets, and the calls that asking takes. */
int confine(struct holder *h, struct err *e);

#endif
