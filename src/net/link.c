#include "net/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

enum {
	MESSAGE_BYTES = 1024,
	ANSWER_BYTES = 32 * 1024,
	ROUTE_TRIES = 100,
	ROUTE_TRIES6 = 3,
	NAMES = 4096,        /* numbers of devices are given out one after another */
	SKIP_STATS = 1 << 3, /* RTEXT_FILTER_SKIP_STATS, Linux 4.5 */
	AWAIT_US = 1000,     /* doubled each time */
	AWAIT_US_MOST = 256 * 1000,
	OPER_UP = 6, /* IF_OPER_UP of <linux/if.h>, which does not go with <net/if.h> */
};

/* ---- messages ---- */

int link_open(struct mnl_socket **out, struct err *e)
{
	*out = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (*out == NULL || mnl_socket_bind(*out, 0, MNL_SOCKET_AUTOPID) < 0)
		return fail(e, errno, "rtnetlink: %m");
	return 0;
}

/* What is left of a list that was given up: the kernel begins no other one before (netlink_dump_start: EBUSY). */
static int drain(struct mnl_socket *nl, char *answer, uint32_t sequence)
{
	const struct nlmsghdr *m;

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, answer, ANSWER_BYTES);
		int left = (int)n;

		if (n < 0)
			return -errno;
		for (m = (const void *)answer; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			if (m->nlmsg_seq == sequence &&
			    (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR))
				return 0;
	}
}

/* Whether a list came to its end within this answer. */
static bool has_end(const char *answer, ssize_t n, uint32_t sequence)
{
	const struct nlmsghdr *m = (const void *)answer;
	int left = (int)n;

	for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
		if (m->nlmsg_seq == sequence && m->nlmsg_type == NLMSG_DONE)
			return true;
	return false;
}

/* Sends it and hears the answers to the end. -errno; -EINTR: what was to be listed changed meanwhile. */
int link_talk(struct mnl_socket *nl, struct nlmsghdr *m, mnl_cb_t each, void *data)
{
	static _Thread_local unsigned sequence;
	char answer[ANSWER_BYTES];
	unsigned port = mnl_socket_get_portid(nl);
	ssize_t n;
	int r;

	m->nlmsg_seq = ++sequence;
	if (mnl_socket_sendto(nl, m, m->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl, answer, sizeof answer);
		if (n < 0)
			return -errno;
		r = mnl_cb_run(answer, (size_t)n, m->nlmsg_seq, port, each, data);
	} while (r > 0);
	if (r == 0)
		return 0;
	r = -errno;
	if (r == -EINTR && !has_end(answer, n, m->nlmsg_seq))
		(void)drain(nl, answer,
			    m->nlmsg_seq); /* what is wrong is found by who asks again */
	return r;
}

struct nlmsghdr *link_begin(char *bytes, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return m;
}

/* ---- devices ---- */

/* The number N of a device zvizN, or -1. */
static long number_of(const char *name)
{
	uint64_t n;

	if (strncmp(name, "zviz", 4) != 0 || (name[4] == '0' && name[5] != '\0') ||
	    num_u64(name + 4, &n) < 0 || n >= LINK_INDEX_MAX)
		return -1;
	return (long)n;
}

static int see_device(const struct nlmsghdr *m, void *data)
{
	const struct nlattr *at;
	bool *taken = data;

	mnl_attr_for_each(at, m, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(at) != IFLA_IFNAME)
			continue;

		long n = number_of(mnl_attr_get_str(at));

		if (n >= 0)
			taken[n] = true;
	}
	return MNL_CB_OK;
}

int link_taken(struct mnl_socket *nl, bool taken[LINK_INDEX_MAX], struct err *e)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

	i->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(m, IFLA_EXT_MASK, SKIP_STATS);
	/* Others make and remove devices meanwhile: a list that changed (EINTR) is as good, names are settled by link_make(). */
	int r = link_talk(nl, m, see_device, taken);

	return r < 0 && r != -EINTR ? fail(e, -r, "list network devices: %m") : 0;
}

static void put_end(struct nlmsghdr *m, const struct link_end *end)
{
	mnl_attr_put_strz(m, IFLA_IFNAME, end->name);
	mnl_attr_put(m, IFLA_ADDRESS, sizeof end->mac, end->mac);
}

int link_make(struct mnl_socket *nl, const struct link_end *one, const struct link_end *peer,
	      int netns, struct err *e)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct nlattr *info, *data, *other;
	int r;

	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	put_end(m, one);
	info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_strz(m, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(m, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	put_end(m, peer);
	mnl_attr_put_u32(m, IFLA_NET_NS_FD, (uint32_t)netns);
	mnl_attr_nest_end(m, other);
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, info);
	r = link_talk(nl, m, NULL, NULL);
	if (r == 0)
		return 0;
	r = fail(e, -r, "network device %s: %m", one->name);
	return e->no == EOPNOTSUPP ? advise(e, "the kernel needs veth (CONFIG_VETH, or its module)")
				   : r;
}

int link_mtu(struct mnl_socket *nl, const char *name, uint32_t bytes_most, struct err *e)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, RTM_NEWLINK, NLM_F_ACK);
	int r;

	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m, IFLA_IFNAME, name);
	mnl_attr_put_u32(m, IFLA_MTU, bytes_most);
	r = link_talk(nl, m, NULL, NULL);
	return r < 0 ? fail(e, -r, "size of packets of %s: %m", name) : 0;
}

int link_up(struct mnl_socket *nl, const char *name, struct err *e)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);
	int r;

	i->ifi_flags = i->ifi_change = IFF_UP;
	mnl_attr_put_strz(m, IFLA_IFNAME, name);
	r = link_talk(nl, m, NULL, NULL);
	return r < 0 ? fail(e, -r, "%s up: %m", name) : 0;
}

static int see_sending(const struct nlmsghdr *m, void *data)
{
	const struct nlattr *at;
	bool *sending = data;

	mnl_attr_for_each(at, m, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(at) == IFLA_OPERSTATE)
			*sending = mnl_attr_get_u8(at) == OPER_UP;
	}
	return MNL_CB_OK;
}

/* A device is given its queue by a worker of the kernel (linkwatch), which waits in one line with all who change devices: until
 * then it drops what it is to send. Since Linux 6.8 asking for the device does that work at once. */
int link_await(struct mnl_socket *nl, const char *name, unsigned most_ms, struct err *e)
{
	bool sending = false;
	unsigned pause_us = 0;
	uint64_t waited_us = 0;

	for (;;) {
		char bytes[MESSAGE_BYTES];
		struct nlmsghdr *m = link_begin(bytes, RTM_GETLINK, NLM_F_ACK);
		int r;

		mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
		mnl_attr_put_strz(m, IFLA_IFNAME, name);
		r = link_talk(nl, m, see_sending, &sending);
		if (r < 0)
			return fail(e, -r, "state of %s: %m", name);
		if (sending)
			return 0;
		if (waited_us >= (uint64_t)most_ms * 1000)
			break;
		pause_us = pause_us == 0 ? AWAIT_US : pause_us * 2;
		pause_us = pause_us > AWAIT_US_MOST ? AWAIT_US_MOST : pause_us;
		usleep(pause_us);
		waited_us += pause_us;
	}
	fail(e, ETIMEDOUT, "network device %s is up and does not send, after %u ms", name, most_ms);
	return advise(e,
		      "the kernel, which has to give it its queue, is behind: try again when fewer "
		      "network devices are made at once");
}

/* ---- addresses ---- */

int link_address(struct mnl_socket *nl, const char *name, const uint8_t *at, unsigned width,
		 unsigned bits, struct err *e)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct ifaddrmsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);
	int r;

	i->ifa_family = width == 4 ? AF_INET : AF_INET6;
	i->ifa_prefixlen = (uint8_t)bits;
	i->ifa_flags = IFA_F_NODAD; /* it is ours: nobody else is on this link */
	i->ifa_index = if_nametoindex(name);
	mnl_attr_put(m, IFA_LOCAL, width, at);
	mnl_attr_put(m, IFA_ADDRESS, width, at);
	r = link_talk(nl, m, NULL, NULL);
	return r < 0 ? fail(e, -r, "an address for %s: %m", name) : 0;
}

int link_neighbour(struct mnl_socket *nl, const char *name, const uint8_t *at, unsigned width,
		   const uint8_t mac[LINK_MAC_BYTES], struct err *e)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, RTM_NEWNEIGH,
					NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
	struct ndmsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);
	int r;

	i->ndm_family = width == 4 ? AF_INET : AF_INET6;
	i->ndm_ifindex = (int)if_nametoindex(name);
	i->ndm_state = NUD_PERMANENT;
	mnl_attr_put(m, NDA_DST, width, at);
	mnl_attr_put(m, NDA_LLADDR, LINK_MAC_BYTES, mac);
	r = link_talk(nl, m, NULL, NULL);
	return r < 0 ? fail(e, -r, "neighbour of %s: %m", name) : 0;
}

int link_gateway(struct mnl_socket *nl, const char *name, const uint8_t *gateway, unsigned width,
		 struct err *e)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct rtmsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);
	int r;

	i->rtm_family = width == 4 ? AF_INET : AF_INET6;
	i->rtm_table = RT_TABLE_MAIN;
	i->rtm_protocol = RTPROT_STATIC;
	i->rtm_scope = RT_SCOPE_UNIVERSE;
	i->rtm_type = RTN_UNICAST;
	mnl_attr_put(m, RTA_GATEWAY, width, gateway);
	mnl_attr_put_u32(m, RTA_OIF, if_nametoindex(name));
	r = link_talk(nl, m, NULL, NULL);
	return r < 0 ? fail(e, -r, "default route over %s: %m", name) : 0;
}

/* ---- routes ---- */

struct seen {
	struct arena *a;
	struct link_routes *out;
	/* A device has a handful of routes, and each question for its name is three calls. */
	struct known {
		unsigned index;
		bool ours;
	} * known; /* NAMES of them */
};

static bool is_ours(const struct seen *s, unsigned index)
{
	struct known *k = &s->known[index % NAMES];
	char name[IF_NAMESIZE];

	if (k->index != index)
		*k = (struct known){ index,
				     if_indextoname(index, name) != NULL && number_of(name) >= 0 };
	return k->ours;
}

static bool over_ours(const struct seen *s, const struct nlmsghdr *m)
{
	const struct nlattr *at;

	mnl_attr_for_each(at, m, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(at) == RTA_OIF && is_ours(s, mnl_attr_get_u32(at)))
			return true;
	}
	return false;
}

static int see_route(const struct nlmsghdr *m, void *data)
{
	const struct rtmsg *i = mnl_nlmsg_get_payload(m);
	const struct seen *s = data;
	const struct nlattr *at;

	if (i->rtm_family == AF_INET6 && i->rtm_dst_len == 0 && i->rtm_type == RTN_UNICAST) {
		s->out->has6 = true;
		s->out->learned6 |= i->rtm_protocol == RTPROT_RA;
	}
	if (over_ours(s, m))
		return MNL_CB_OK;
	mnl_attr_for_each(at, m, sizeof *i)
	{
		struct pool_route r = { .v6 = i->rtm_family == AF_INET6, .bits = i->rtm_dst_len };

		if (mnl_attr_get_type(at) != RTA_DST)
			continue;
		if (r.v6)
			memcpy(r.to6, mnl_attr_get_payload(at), sizeof r.to6);
		else
			r.to = ntohl(mnl_attr_get_u32(at));
		*LIST_ADD(s->a, s->out) = r;
	}
	return MNL_CB_OK;
}

/* One list of a family. */
static int list_routes(struct mnl_socket *nl, uint8_t family, struct seen *s)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

	i->rtm_family = family;
	return link_talk(nl, m, see_route, s);
}

/* Others change routes meanwhile (EINTR): what is listed twice does no harm. */
static int read_routes(struct mnl_socket *nl, struct seen *s, struct err *e)
{
	int r = -EINTR;

	for (int tries = 0; r == -EINTR && tries < ROUTE_TRIES; tries++)
		r = list_routes(nl, AF_INET, s);
	return r < 0 ? fail(e, -r, "list routes: %m") : 0;
}

/* Lists of IPv6 say of every change that they are not whole, so that where hundreds of containers begin none would be: a route that
 * stands is in one of several. Of a default route a whole list has the last word; that a router announced one is not forgotten. */
static int read_routes6(struct mnl_socket *nl, struct seen *s, struct err *e)
{
	bool has6 = false;
	int r = -EINTR;

	for (int tries = 0; r == -EINTR && tries < ROUTE_TRIES6; tries++) {
		s->out->has6 = false;
		r = list_routes(nl, AF_INET6, s);
		has6 |= s->out->has6;
	}
	if (r == -EINTR)
		s->out->has6 = has6;
	else if (r < 0)
		s->out->has6 = false;
	/* IPv6 may be off. */
	if (r == 0 || r == -EINTR || r == -ENOENT || r == -EOPNOTSUPP || r == -EAFNOSUPPORT)
		return 0;
	return fail(e, -r, "list routes of IPv6: %m");
}

int link_routes(struct arena *a, struct mnl_socket *nl, struct link_routes *out, struct err *e)
{
	struct seen s = { a, out, arena_array(a, NAMES, sizeof *s.known) };

	*out = (struct link_routes){ 0 };
	TRY(read_routes(nl, &s, e));
	return read_routes6(nl, &s, e);
}
