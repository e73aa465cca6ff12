/*
 * The way out of a container whose starter may configure the host's network: a pair of devices, and NAT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/fd.h"
#include "net/holder.h"
#include "net/host_rules.h"
#include "net/link.h"
#include "net/nfnl.h"

enum { HOST, OWN }; /* ends of the pair */

/* Where hundreds begin at once the kernel is behind by seconds; the launcher waits longer (box/net.c). */
enum { AWAIT_MS = 30 * 1000 };

/* ---- the pair ---- */

/* Addresses that we choose are known to both ends, and udev, which gives others to devices whose address the kernel chose, leaves
 * them alone. Locally administered, of no group. */
static int choose_macs(struct holder *h, struct err *e)
{
	if (getrandom(h->mac[HOST], LINK_MAC_BYTES, 0) != LINK_MAC_BYTES)
		return fail(e, errno, "network: addresses of its devices: %m");
	h->mac[HOST][0] = (uint8_t)((h->mac[HOST][0] & ~1u) | 2u);
	memcpy(h->mac[OWN], h->mac[HOST], LINK_MAC_BYTES);
	h->mac[OWN][LINK_MAC_BYTES - 1] ^= 1;
	return 0;
}

static struct link_end end_of(const struct holder *h, int end, const char *name)
{
	struct link_end out = { .name = name };

	memcpy(out.mac, h->mac[end], sizeof out.mac);
	return out;
}

/* The kernel settles who gets a name: whoever comes second takes the next. */
static int take_name(struct holder *h, struct mnl_socket *nl, unsigned *index, struct err *e)
{
	bool *taken = arena_array(h->arena, LINK_INDEX_MAX, sizeof *taken);

	TRY(link_taken(nl, taken, e));
	for (*index = 0; *index < LINK_INDEX_MAX; ++*index) {
		int r;

		if (taken[*index])
			continue;
		snprintf(h->device, sizeof h->device, "zviz%u", *index);

		const struct link_end one = end_of(h, HOST, h->device),
				      peer = end_of(h, OWN, "eth0");

		r = link_make(nl, &one, &peer, NET_FD_NETNS, e);
		if (r == -EPERM)
			return advise(e, "it takes CAP_NET_ADMIN over the network that zviz is in");
		if (r != -EEXIST)
			return r;
	}
	return fail(e, ENOSPC, "network: no name from zviz0 to zviz%d is free", LINK_INDEX_MAX - 1);
}

static int choose(struct holder *h, unsigned index, const struct link_routes *routes, struct err *e)
{
	if (pool_choose(index, routes->at, routes->n, &h->at))
		return 0;
	fail(e, EADDRNOTAVAIL,
	     "network: routes of this host cross every range that containers could have");
	return advise(e,
		      "free one of 10.249.0.0/16, 172.29.0.0/16, 192.168.248.0/21, 10.255.0.0/16");
}

static int prepare(struct holder *h, struct mnl_socket *nl, struct err *e)
{
	struct link_routes routes;
	unsigned index;

	TRY(choose_macs(h, e));
	TRY(take_name(h, nl, &index, e));
	TRY(link_routes(h->arena, nl, &routes, e));
	/* As with IPv4, no range that a route of the host crosses. A host that forwards IPv6 no longer listens to routers: who has its route from one would lose it. */
	TRY(choose(h, index, &routes, e));
	h->way6 = routes.has6 && !routes.learned6 && h->at.has6;
	return 0;
}

int veth_make(struct holder *h, struct err *e)
{
	struct mnl_socket *nl;
	int r;

	TRY(link_open(&nl, e));
	r = prepare(h, nl, e);
	mnl_socket_close(nl);
	h->index = r < 0 ? 0 : if_nametoindex(h->device);
	return r;
}

/* ---- the host's end ---- */

static int set(const char *path, const char *value, struct err *e)
{
	char now[8];
	OWN_FD fd = path_open(path, O_RDONLY);

	/* What is so already needs no right to write it. */
	if (fd >= 0 && fd_read_all(fd, now, 1) == 1 && now[0] == value[0])
		return 0;
	return file_set(AT_FDCWD, path, value, e);
}

/* As other container engines do, and for as long as the host runs: somebody else may rely on it by now. */
static int forward(const struct holder *h, struct err *e)
{
	char path[96];

	TRY(set("/proc/sys/net/ipv4/ip_forward", "1", e));
	if (h->way6)
		TRY(set("/proc/sys/net/ipv6/conf/all/forwarding", "1", e));
	if (h->job.npublished == 0)
		return 0;
	snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/route_localnet", h->device);
	return set(path, "1", e);
}

/* Each end knows the other from the start. Where hundreds are made at once, an answer to "who has this address?" came too late
 * for the workload's first connection, and beyond 1024 of them the kernel keeps none (net.ipv4.neigh.default.gc_thresh3). */
static int neighbours(const struct holder *h, struct mnl_socket *nl, const char *name, int other,
		      struct err *e)
{
	const uint32_t at4 = htonl(other == OWN ? h->at.own4 : h->at.host4);
	const uint8_t *at6 = other == OWN ? h->at.own6 : h->at.host6;

	TRY(link_neighbour(nl, name, (const uint8_t *)&at4, 4, h->mac[other], e));
	return h->way6 ? link_neighbour(nl, name, at6, 16, h->mac[other], e) : 0;
}

static int addresses(const struct holder *h, struct mnl_socket *nl, struct err *e)
{
	const uint32_t host4 = htonl(h->at.host4);

	TRY(link_address(nl, h->device, (const uint8_t *)&host4, 4, 31, e));
	/* Without IPv6 on this host there is none to give. */
	if (h->way6)
		TRY(link_address(nl, h->device, h->at.host6, 16, 127, e));
	TRY(link_up(nl, h->device, e));
	return neighbours(h, nl, h->device, OWN, e);
}

static int host_table(struct holder *h, struct err *e)
{
	struct rule_batch rules;
	int r;

	host_rules_make(h->device, &h->at, &h->job, h->arena, &rules);
	TRY(nfnl_open(&h->host, e));
	r = rule_run(&rules, h->host);
	if (r == 0)
		return 0;
	fail(e, -r, "nftables, on the host: %m");
	return advise(e,
		      "the kernel needs nf_tables, nft_ct, nft_nat, nft_reject_inet and nft_masq; "
		      "for published ports nft_fib_inet as well");
}

int veth_host(struct holder *h, struct err *e)
{
	struct mnl_socket *nl;
	int r;

	/* First of all: no packet of the container's crosses before its rules are there. */
	TRY(host_table(h, e));
	TRY(link_open(&nl, e));
	r = addresses(h, nl, e);
	mnl_socket_close(nl);
	return r < 0 ? r : forward(h, e);
}

int veth_await(struct holder *h, struct err *e)
{
	struct mnl_socket *nl;
	int r;

	TRY(link_open(&nl, e));
	r = link_await(nl, h->device, AWAIT_MS, e);
	mnl_socket_close(nl);
	return r;
}

/* ---- the container's end ---- */

static int inner(const struct holder *h, struct mnl_socket *nl, struct err *e)
{
	const uint32_t own4 = htonl(h->at.own4), host4 = htonl(h->at.host4);

	TRY(link_up(nl, "lo", e));
	TRY(link_address(nl, "eth0", (const uint8_t *)&own4, 4, 31, e));
	if (h->way6)
		TRY(link_address(nl, "eth0", h->at.own6, 16, 127, e));
	TRY(link_up(nl, "eth0", e));
	TRY(neighbours(h, nl, "eth0", HOST, e));
	TRY(link_gateway(nl, "eth0", (const uint8_t *)&host4, 4, e));
	return h->way6 ? link_gateway(nl, "eth0", h->at.host6, 16, e) : 0;
}

int veth_inside(struct holder *h, struct err *e)
{
	struct mnl_socket *nl;
	int r;

	TRY(holder_rules(h, h->job.rules, "in the container", e));
	TRY(link_open(&nl, e));
	r = inner(h, nl, e);
	mnl_socket_close(nl);
	return r;
}
