#include "net/own.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "net/link.h"
#include "net/nfnl.h"
#include "policy/net_job.h"

enum {
	MESSAGE_BYTES = 256,
	EVENT_BYTES = 8 * 1024,
	CHUNK = 256, /* ranges in one list, whose length is told in 16 bits */
	/* A range is two elements of 44 bytes at most, and the rest is a few headers. */
	BATCH_BYTES = 2 * (2 * OWN_RANGES_MAX * 44 + (OWN_RANGES_MAX / CHUNK + 2) * 128) + 256,
	TRIES = 100,
};

/* ---- ranges ---- */

void own_add(struct own_ranges *r, const uint8_t *address, unsigned bits)
{
	struct own_range *x = &r->at[r->n < OWN_RANGES_MAX ? r->n : 0];

	if (r->n++ >= OWN_RANGES_MAX)
		return;
	*x = (struct own_range){ 0 };
	for (unsigned i = 0; i < r->width; i++) {
		unsigned kept = bits <= i * 8 ? 0 : bits - i * 8 >= 8 ? 8 : bits - i * 8;
		uint8_t mask = (uint8_t)(0xff00 >> kept);

		x->first[i] = address[i] & mask;
		x->last[i] = address[i] | (uint8_t)~mask;
	}
}

/* The address behind it; false when there is none. */
static bool next_of(uint8_t *address, unsigned width)
{
	for (unsigned i = width; i-- > 0;)
		if (++address[i] != 0)
			return true;
	return false;
}

static void sort(struct own_ranges *r)
{
	for (size_t i = 1; i < r->n; i++) {
		const struct own_range x = r->at[i];
		size_t to = i;

		for (; to > 0 && memcmp(r->at[to - 1].first, x.first, sizeof x.first) > 0; to--)
			r->at[to] = r->at[to - 1];
		r->at[to] = x;
	}
}

void own_merge(struct own_ranges *r)
{
	size_t kept = 0;

	if (r->n == 0 || r->n > OWN_RANGES_MAX)
		return;
	sort(r);
	for (size_t i = 1; i < r->n; i++) {
		struct own_range *x = &r->at[kept], *y = &r->at[i];
		uint8_t behind[16];

		memcpy(behind, x->last, sizeof behind);
		if (next_of(behind, r->width) && memcmp(y->first, behind, sizeof behind) > 0)
			r->at[++kept] = *y;
		else if (memcmp(y->last, x->last, sizeof x->last) > 0)
			memcpy(x->last, y->last, sizeof x->last);
	}
	r->n = kept + 1;
}

/* ---- the host's ---- */

int own_open(struct arena *a, struct own **out, struct err *e)
{
	static const int groups[] = { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV6_ROUTE };
	struct own *o = arena_alloc(a, sizeof *o);

	o->batch = arena_alloc(a, BATCH_BYTES);
	o->of[0].width = o->link[0].width = 4;
	o->of[1].width = o->link[1].width = 16;
	*out = o;
	TRY(link_open(&o->ask, e));
	mnl_socket_setsockopt(o->ask, NETLINK_GET_STRICT_CHK, (void *)&(int){ 1 }, sizeof(int));
	o->changes = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (o->changes == NULL || mnl_socket_bind(o->changes, 0, MNL_SOCKET_AUTOPID) < 0)
		return fail(e, errno, "rtnetlink: %m");
	for (size_t i = 0; i < COUNT(groups); i++)
		if (mnl_socket_setsockopt(o->changes, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i],
					  sizeof groups[i]) < 0)
			return fail(e, errno, "rtnetlink: hear of changed addresses: %m");
	return 0;
}

static struct own_ranges *ranges_of(struct own *o, uint8_t family)
{
	return family == AF_INET ? &o->of[0] : family == AF_INET6 ? &o->of[1] : NULL;
}

/* Where a link has two ends, IFA_LOCAL is the host's, and IFA_ADDRESS the other. */
static int see_address(const struct nlmsghdr *m, void *data)
{
	const struct ifaddrmsg *i = mnl_nlmsg_get_payload(m);
	struct own_ranges *r = ranges_of(data, i->ifa_family);
	const struct nlattr *at, *own = NULL;

	mnl_attr_for_each(at, m, sizeof *i)
	{
		unsigned type = mnl_attr_get_type(at);

		if (type == IFA_LOCAL || (type == IFA_ADDRESS && own == NULL))
			own = at;
	}
	if (r != NULL && own != NULL && mnl_attr_get_payload_len(own) == r->width)
		own_add(r, mnl_attr_get_payload(own), r->width * 8);
	return MNL_CB_OK;
}

/* Whole networks can be the host's by a route alone, and nobody else answers at their addresses. */
static bool is_own(const struct rtmsg *i)
{
	return i->rtm_table == RT_TABLE_LOCAL &&
	       (i->rtm_type == RTN_LOCAL || i->rtm_type == RTN_ANYCAST ||
		i->rtm_type == RTN_BROADCAST);
}

static int see_route(const struct nlmsghdr *m, void *data)
{
	const struct rtmsg *i = mnl_nlmsg_get_payload(m);
	struct own_ranges *r = ranges_of(data, i->rtm_family);
	const struct nlattr *at;

	if (r == NULL || !is_own(i))
		return MNL_CB_OK;
	mnl_attr_for_each(at, m, sizeof *i)
	{
		if (mnl_attr_get_type(at) == RTA_DST && mnl_attr_get_payload_len(at) == r->width)
			own_add(r, mnl_attr_get_payload(at), i->rtm_dst_len);
	}
	return MNL_CB_OK;
}

/* Of one family: the kernel leaves other tables out (NETLINK_GET_STRICT_CHK, Linux 4.20), which may have a million routes. */
static int list(struct own *o, uint16_t type, uint8_t family, mnl_cb_t each)
{
	char bytes[MESSAGE_BYTES];
	struct nlmsghdr *m = link_begin(bytes, type, NLM_F_DUMP);
	int r;

	if (type == RTM_GETADDR) {
		struct ifaddrmsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

		i->ifa_family = family;
	} else {
		struct rtmsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

		i->rtm_family = family;
		i->rtm_table = RT_TABLE_LOCAL;
	}
	r = link_talk(o->ask, m, each, o);
	/* No table yet, or no IPv6. */
	return r == -ENOENT || (family == AF_INET6 && (r == -EOPNOTSUPP || r == -EAFNOSUPPORT)) ? 0
												: r;
}

static int read_family(struct own *o, uint8_t family)
{
	int r;

	ranges_of(o, family)->n = 0;
	r = list(o, RTM_GETADDR, family, see_address);
	return r < 0 ? r : list(o, RTM_GETROUTE, family, see_route);
}

/* A list that changed while it was read (EINTR) is read again. */
static int read_host(struct own *o)
{
	int r = -EINTR;

	for (int tries = 0; r == -EINTR && tries < TRIES; tries++) {
		r = read_family(o, AF_INET);
		if (r == 0)
			r = read_family(o, AF_INET6);
	}
	return r;
}

int own_fd(const struct own *o)
{
	return mnl_socket_get_fd(o->changes);
}

static bool concerns(const struct nlmsghdr *m)
{
	if (m->nlmsg_type == RTM_NEWADDR || m->nlmsg_type == RTM_DELADDR)
		return true;
	return (m->nlmsg_type == RTM_NEWROUTE || m->nlmsg_type == RTM_DELROUTE) &&
	       mnl_nlmsg_get_payload_len(m) >= sizeof(struct rtmsg) &&
	       is_own(mnl_nlmsg_get_payload(m));
}

int own_changed(struct own *o)
{
	char bytes[EVENT_BYTES] __attribute__((aligned(8)));
	bool changed = false;
	ssize_t n;

	while ((n = mnl_socket_recvfrom(o->changes, bytes, sizeof bytes)) > 0) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)bytes;
		int left = (int)n;

		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			changed |= concerns(m);
	}
	/* Some were lost (ENOBUFS): whatever they were. */
	return changed || (n < 0 && errno != EAGAIN);
}

/* ---- the container's sets ---- */

int own_inside(struct own *o, struct err *e)
{
	int r;

	TRY(nfnl_open(&o->sets, e));
	r = own_follow(o);
	if (r == -E2BIG)
		return fail(e, E2BIG, "network: this host has more than %d addresses of its own",
			    OWN_RANGES_MAX);
	return r < 0 ? fail(e, -r, "network: keep the host's own addresses from the container: %m")
		     : 0;
}

static void put_element(struct nlmsghdr *m, const uint8_t *key, unsigned width, uint32_t flags)
{
	struct nlattr *element = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
	struct nlattr *value = mnl_attr_nest_start(m, NFTA_SET_ELEM_KEY);

	mnl_attr_put(m, NFTA_DATA_VALUE, width, key);
	mnl_attr_nest_end(m, value);
	if (flags != 0)
		mnl_attr_put_u32(m, NFTA_SET_ELEM_FLAGS, htobe32(flags));
	mnl_attr_nest_end(m, element);
}

/* The kernel's intervals have an end, which is no part of them; at the last address there is none. */
static void put_range(struct nlmsghdr *m, const struct own_range *r, unsigned width)
{
	uint8_t behind[16];

	put_element(m, r->first, width, 0);
	memcpy(behind, r->last, sizeof behind);
	if (next_of(behind, width))
		put_element(m, behind, width, NFT_SET_ELEM_INTERVAL_END);
}

static char *put_set(char *at, const struct own_ranges *r)
{
	const char *set = r->width == 4 ? NET_HOST_SET "4" : NET_HOST_SET "6";

	at += nfnl_elements(at, NFT_MSG_DELSETELEM, NLM_F_ACK, NET_TABLE, set)->nlmsg_len;
	for (size_t i = 0; i < r->n;) {
		struct nlmsghdr *m = nfnl_elements(at, NFT_MSG_NEWSETELEM, NLM_F_CREATE, NET_TABLE,
						   set);
		struct nlattr *elements = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);

		for (size_t to = i + CHUNK; i < to && i < r->n; i++)
			put_range(m, &r->at[i], r->width);
		mnl_attr_nest_end(m, elements);
		at += m->nlmsg_len;
	}
	return at;
}

/* As one transaction: no packet meets an empty set. */
int own_follow(struct own *o)
{
	char *at = o->batch;
	int r = read_host(o);

	if (r < 0)
		return r;
	memset(o->batch, 0, BATCH_BYTES);
	at += nfnl_batch_begin(at);
	for (size_t f = 0; f < COUNT(o->of); f++) {
		for (size_t i = 0; i < o->link[f].n; i++) {
			if (o->of[f].n < OWN_RANGES_MAX)
				o->of[f].at[o->of[f].n] = o->link[f].at[i];
			o->of[f].n++;
		}
		if (o->of[f].n > OWN_RANGES_MAX)
			return -E2BIG;
		own_merge(&o->of[f]);
		at = put_set(at, &o->of[f]);
	}
	at += nfnl_batch_end(at);
	return nfnl_run(o->sets, o->batch, (size_t)(at - o->batch));
}
