/*
 * Network devices, addresses and routes, by rtnetlink. Each answers in the network namespace that its socket was opened in.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/pool.h"

struct mnl_socket;
struct nlmsghdr;

enum { LINK_INDEX_MAX = 32768, LINK_MAC_BYTES = 6 };

/* In the caller's network namespace; *out is closed with mnl_socket_close(). */
int link_open(struct mnl_socket **out, struct err *e);

/* A message at `bytes`, and what is to be asked in other words than below: sends it and hears the answers to the end, each
 * by `each` (mnl_cb_t). -errno; -EINTR: the list changed meanwhile. */
struct nlmsghdr *link_begin(char *bytes, uint16_t type, uint16_t flags);
int link_talk(struct mnl_socket *nl, struct nlmsghdr *m,
	      int (*each)(const struct nlmsghdr *, void *), void *data);

/* Marks the numbers N of devices that are called zvizN. */
int link_taken(struct mnl_socket *nl, bool taken[LINK_INDEX_MAX], struct err *e);

/* One end of a pair of devices, and the address of its link layer. */
struct link_end {
	const char *name;
	uint8_t mac[LINK_MAC_BYTES];
};

/* A pair: `one` here, `peer` in another namespace. -EEXIST when the name is there already, which the kernel decides, so that of
 * two who try one gets it; -EPERM where the caller may not. */
int link_make(struct mnl_socket *nl, const struct link_end *one, const struct link_end *peer,
	      int netns, struct err *e);

int link_mtu(struct mnl_socket *nl, const char *name, uint32_t bytes_most, struct err *e);
int link_up(struct mnl_socket *nl, const char *name, struct err *e);

/* Waits until a device that is up, and whose other end is, sends. -ETIMEDOUT when it does not yet after `most_ms` milliseconds. */
int link_await(struct mnl_socket *nl, const char *name, unsigned most_ms, struct err *e);

/* `width` is 4 or 16 bytes. */
int link_address(struct mnl_socket *nl, const char *name, const uint8_t *at, unsigned width,
		 unsigned bits, struct err *e);

/* Who has the address on this link, for good: nobody is asked, and no limit of such entries counts it. */
int link_neighbour(struct mnl_socket *nl, const char *name, const uint8_t *at, unsigned width,
		   const uint8_t mac[LINK_MAC_BYTES], struct err *e);
int link_gateway(struct mnl_socket *nl, const char *name, const uint8_t *gateway, unsigned width,
		 struct err *e);

struct link_routes {
	size_t n, cap;
	struct pool_route *at;
	bool has6;     /* a default route of IPv6 */
	bool learned6; /* which a router announced: it goes where the host itself forwards */
};

/* The host's, but those over devices called zvizN. Without IPv6 there is no route of it; a list of them that fails is an error. */
int link_routes(struct arena *a, struct mnl_socket *nl, struct link_routes *out, struct err *e);

#endif
