/*
 * The way out of a container whose starter may not configure the host's network: a device in the container's, the other end of
 * which is a program (keeper.c) that opens sockets of the host's for what it reads there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "net/holder.h"
#include "net/keeper.h"
#include "net/link.h"

/* Where slirp4netns has itself and expects the container (slirp4netns(1), "Default configuration"): behind the first address
 * of a /24, and in the one range of IPv6 that it knows. */
enum { SLIRP_HOST = 2, SLIRP_OWN = 100 };
static const char slirp_host6[] = "fd00::2", slirp_own6[] = "fd00::64";

/* Numbers of 16 bits tell the length of packets. Large ones cost fewer calls, and datagrams need not travel in fragments, which
 * pasta drops. Both programs take as much. */
enum { TAP_MTU = 65520 };

static void choose_slirp(struct holder *h)
{
	h->at.own4 = h->at.host4 + SLIRP_OWN;
	h->at.host4 += SLIRP_HOST;
	inet_pton(AF_INET6, slirp_host6, h->at.host6);
	inet_pton(AF_INET6, slirp_own6, h->at.own6);
}

static int choose(struct holder *h, struct mnl_socket *nl, struct err *e)
{
	struct link_routes routes;

	TRY(link_routes(h->arena, nl, &routes, e));
	/* Nobody but the program sees them: each container has the same. */
	if (!pool_choose(0, routes.at, routes.n, &h->at)) {
		fail(e, EADDRNOTAVAIL,
		     "network: routes of this host cross every range that containers could have");
		return advise(
			e,
			"free one of 10.249.0.0/16, 172.29.0.0/16, 192.168.248.0/21, 10.255.0.0/16");
	}
	h->way6 = routes.has6 && (h->at.has6 || h->job.way == NET_SLIRP4NETNS);
	if (h->job.way == NET_SLIRP4NETNS)
		choose_slirp(h);
	return 0;
}

/* What the program itself answers at is the host's, too. */
static void add_link(struct holder *h)
{
	const uint32_t host4 = htonl(h->at.host4);

	own_add(&h->own->link[0], (const uint8_t *)&host4, tap_bits(h, 4));
	own_add(&h->own->link[1], h->at.host6, tap_bits(h, 16));
}

unsigned tap_bits(const struct holder *h, unsigned width)
{
	if (h->job.way == NET_SLIRP4NETNS)
		return width == 4 ? 24 : 64;
	return width == 4 ? 31 : 127;
}

int tap_prepare(struct holder *h, struct err *e)
{
	struct mnl_socket *nl;
	int r;

	TRY(link_open(&nl, e));
	r = choose(h, nl, e);
	mnl_socket_close(nl);
	if (r < 0)
		return r;
	TRY(own_open(h->arena, &h->own, e));
	add_link(h);
	return 0;
}

int tap_rules(struct holder *h, struct err *e)
{
	TRY(holder_inside(h, e));
	return own_inside(h->own, e);
}

/* The program takes the one of this name that it finds. It stays when nobody has it, and ends with the namespace. */
static int make_device(struct err *e)
{
	struct ifreq wanted = { .ifr_name = TAP_NAME, .ifr_flags = IFF_TAP | IFF_NO_PI };
	OWN_FD fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, TUNSETIFF, &wanted) == 0 && ioctl(fd, TUNSETPERSIST, 1) == 0)
		return 0;
	fail(e, errno, "/dev/net/tun: %m");
	return advise(e, "modprobe tun; a container has to be started with --device /dev/net/tun");
}

static int configure(const struct holder *h, struct mnl_socket *nl, struct err *e)
{
	const uint32_t own4 = htonl(h->at.own4), host4 = htonl(h->at.host4);

	TRY(link_mtu(nl, TAP_NAME, TAP_MTU, e));
	TRY(link_address(nl, TAP_NAME, (const uint8_t *)&own4, 4, tap_bits(h, 4), e));
	if (h->way6)
		TRY(link_address(nl, TAP_NAME, h->at.own6, 16, tap_bits(h, 16), e));
	TRY(link_up(nl, TAP_NAME, e));
	TRY(link_gateway(nl, TAP_NAME, (const uint8_t *)&host4, 4, e));
	return h->way6 ? link_gateway(nl, TAP_NAME, h->at.host6, 16, e) : 0;
}

int tap_device(struct holder *h, struct err *e)
{
	struct mnl_socket *nl;
	int r;

	TRY(make_device(e));
	TRY(link_open(&nl, e));
	r = configure(h, nl, e);
	mnl_socket_close(nl);
	return r;
}
