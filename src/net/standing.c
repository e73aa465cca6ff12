/*
 * The rules accept a packet of a connection that stands without another look: so who changes them looks at each once. One that no
 * row permits loses its socket in the container, which tells both sides of it by a reset, and then its entry in the kernel's table, without
 * which its next packet begins something new, and is refused.
 */
#include "net/standing.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/inet_diag.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "net/nfnl.h"
#include "policy/net_judge.h"

enum {
	MESSAGE_BYTES = 1024,
	TUPLE_BYTES = 128, /* two addresses, a protocol, ports */
	PASSES_MAX = 200,
	PAUSE_MS = 5, /* a packet that met the old rules has made its entry by then */
};

/* One side's view of a connection: addresses and ports in network order. */
struct tuple {
	uint8_t from[16], to[16];
	uint16_t from_port, to_port;
	uint8_t protocol;
};

struct entry {
	unsigned width;
	struct tuple begun, answers;
	uint32_t mark;
	uint8_t raw
		[TUPLE_BYTES]; /* attributes that name it to the kernel: the tuple, its number, its zone */
	size_t raw_len;
};

struct standing {
	struct holder *h;
	struct mnl_socket *table, *sets, *sockets;
	struct own_ranges local[2]; /* addresses of this network */
	size_t n, cap;
	struct entry *at;
	unsigned cut; /* in this pass */
};

/* ---- asking ---- */

static int open_socket(int protocol, struct mnl_socket **out)
{
	*out = mnl_socket_open2(protocol, SOCK_CLOEXEC);
	return *out == NULL || mnl_socket_bind(*out, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

static struct nlmsghdr *begin(char *bytes, uint8_t subsystem, uint16_t type, uint16_t flags,
			      uint8_t family)
{
	return nfnl_begin(bytes, (uint16_t)(subsystem << 8 | type), flags, family, 0);
}

/* ---- addresses of this network ---- */

static int see_address(const struct nlmsghdr *m, void *data)
{
	struct standing *s = data;
	const struct ifaddrmsg *i = mnl_nlmsg_get_payload(m);
	struct own_ranges *r = &s->local[i->ifa_family == AF_INET6];
	const struct nlattr *at, *own = NULL;

	mnl_attr_for_each(at, m, sizeof *i)
	{
		const unsigned type = mnl_attr_get_type(at);

		if (type == IFA_LOCAL || (type == IFA_ADDRESS && own == NULL))
			own = at;
	}
	if (own != NULL && mnl_attr_get_payload_len(own) == r->width)
		own_add(r, mnl_attr_get_payload(own), r->width * 8);
	return MNL_CB_OK;
}

static int read_local(struct standing *s)
{
	static const uint8_t loop4[4] = { 127 }, loop6[16] = { [15] = 1 };
	char bytes[MESSAGE_BYTES] __attribute__((aligned(8)));
	struct mnl_socket *nl;
	int r = open_socket(NETLINK_ROUTE, &nl);

	if (r < 0)
		return r;
	s->local[0] = (struct own_ranges){ .width = 4 };
	s->local[1] = (struct own_ranges){ .width = 16 };
	own_add(&s->local[0], loop4, 8);
	own_add(&s->local[1], loop6, 128);

	struct nlmsghdr *m = link_begin(bytes, RTM_GETADDR, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(m, sizeof(struct ifaddrmsg));
	r = nfnl_ask(nl, m, see_address, s);
	mnl_socket_close(nl);
	return r < 0                                                              ? r
	       : s->local[0].n > OWN_RANGES_MAX || s->local[1].n > OWN_RANGES_MAX ? -E2BIG
										  : 0;
}

static bool is_local(const struct standing *s, const uint8_t *at, unsigned width)
{
	const struct own_ranges *r = &s->local[width == 16];

	for (size_t i = 0; i < r->n; i++)
		if (memcmp(at, r->at[i].first, width) >= 0 && memcmp(at, r->at[i].last, width) <= 0)
			return true;
	return false;
}

/* ---- the kernel's table of connections ---- */

static int see_nothing(const struct nlmsghdr *m, void *data)
{
	(void)m;
	(void)data;
	return MNL_CB_OK;
}

static void take(const struct nlattr *at, void *to, size_t len)
{
	if (mnl_attr_get_payload_len(at) == len)
		memcpy(to, mnl_attr_get_payload(at), len);
}

static void read_tuple(const struct nlattr *nest, struct tuple *t, unsigned width)
{
	const struct nlattr *part, *at;

	mnl_attr_for_each_nested(part, nest) mnl_attr_for_each_nested(at, part)
	{
		const unsigned type = mnl_attr_get_type(at);

		if (mnl_attr_get_type(part) == CTA_TUPLE_IP) {
			if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC)
				take(at, t->from, width);
			else if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST)
				take(at, t->to, width);
		} else if (mnl_attr_get_type(part) == CTA_TUPLE_PROTO) {
			if (type == CTA_PROTO_NUM)
				take(at, &t->protocol, sizeof t->protocol);
			else if (type == CTA_PROTO_SRC_PORT)
				take(at, &t->from_port, sizeof t->from_port);
			else if (type == CTA_PROTO_DST_PORT)
				take(at, &t->to_port, sizeof t->to_port);
		}
	}
}

static void keep(struct entry *x, const struct nlattr *at)
{
	const size_t len = MNL_ALIGN(at->nla_len);

	if (x->raw_len + len > sizeof x->raw)
		return;
	memcpy(x->raw + x->raw_len, at, at->nla_len);
	x->raw_len += len;
}

static int see_entry(const struct nlmsghdr *m, void *data)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(m);
	struct standing *s = data;
	const struct nlattr *at;
	struct entry x = { .width = g->nfgen_family == AF_INET6 ? 16 : 4 };

	if (g->nfgen_family != AF_INET && g->nfgen_family != AF_INET6)
		return MNL_CB_OK;
	mnl_attr_for_each(at, m, sizeof *g)
	{
		switch (mnl_attr_get_type(at)) {
		case CTA_TUPLE_ORIG:
			read_tuple(at, &x.begun, x.width);
			keep(&x, at);
			break;
		case CTA_TUPLE_REPLY:
			read_tuple(at, &x.answers, x.width);
			break;
		case CTA_ID:
		case CTA_ZONE:
			keep(&x, at);
			break;
		case CTA_MARK:
			x.mark = be32toh(mnl_attr_get_u32(at));
			break;
		default:
			break;
		}
	}
	*LIST_ADD(s->h->arena, s) = x;
	return MNL_CB_OK;
}

static int read_entries(struct standing *s, mnl_cb_t each)
{
	char bytes[MESSAGE_BYTES] __attribute__((aligned(8)));

	s->n = 0;
	return nfnl_ask(
		s->table,
		begin(bytes, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC), each,
		s);
}

/* One that has ended meanwhile is no error. */
static int change_entry(struct standing *s, const struct entry *x, uint16_t type,
			const uint32_t *mark)
{
	char bytes[MESSAGE_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = begin(bytes, NFNL_SUBSYS_CTNETLINK, type, NLM_F_ACK,
				   x->width == 16 ? AF_INET6 : AF_INET);
	int r;

	memcpy(mnl_nlmsg_get_payload_tail(m), x->raw, x->raw_len);
	m->nlmsg_len += (uint32_t)x->raw_len;
	if (mark != NULL)
		mnl_attr_put_u32(m, CTA_MARK, htobe32(*mark));
	r = nfnl_ask(s->table, m, NULL, NULL);
	return r == -ENOENT ? 0 : r;
}

/* ---- sockets ---- */

/* Of TCP, whose socket stands for one connection. The kernel sends the other side a reset. That there is none any more, or that this
 * kernel cannot (CONFIG_INET_DIAG_DESTROY), is no error: then the sender is refused at its next packet. */
static void end_socket(struct standing *s, const struct entry *x, bool out)
{
	const struct tuple *own = &x->begun, *other = &x->answers;
	char bytes[MESSAGE_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);
	struct inet_diag_req_v2 *q;

	m->nlmsg_type = SOCK_DESTROY;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	q = mnl_nlmsg_put_extra_header(m, sizeof *q);
	q->sdiag_family = x->width == 16 ? AF_INET6 : AF_INET;
	q->sdiag_protocol = IPPROTO_TCP;
	q->idiag_states = ~0u;
	q->id.idiag_cookie[0] = q->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	/* As the socket has them: in front of a translation of where it went, behind one of where it came. */
	q->id.idiag_sport = out ? own->from_port : other->from_port;
	q->id.idiag_dport = out ? own->to_port : own->from_port;
	memcpy(q->id.idiag_src, out ? own->from : other->from, x->width);
	memcpy(q->id.idiag_dst, out ? own->to : own->from, x->width);
	(void)!nfnl_ask(s->sockets, m, NULL, NULL); /* see above */
}

/* ---- judging ---- */

/* Whether the resolver's sets have it: the kernel is asked for one element. */
static int has_name(void *ctx, uint32_t sets, const struct net_flow *f)
{
	struct standing *s = ctx;
	char bytes[MESSAGE_BYTES] __attribute__((aligned(8)));
	char set[NET_SET_BYTES];
	struct nlmsghdr *m = begin(bytes, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM, NLM_F_ACK,
				   NFPROTO_INET);
	struct nlattr *list, *element, *key;
	int r;

	net_set_name(sets, f->width, set);
	mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_TABLE, s->h->job.change);
	mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, set);
	list = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
	key = mnl_attr_nest_start(m, NFTA_SET_ELEM_KEY);
	mnl_attr_put(m, NFTA_DATA_VALUE, f->width, f->to);
	mnl_attr_nest_end(m, key);
	mnl_attr_nest_end(m, element);
	mnl_attr_nest_end(m, list);
	r = nfnl_ask(s->sets, m, see_nothing, NULL);
	return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

static int cut(struct standing *s, const struct entry *x, bool out)
{
	s->cut++;
	if (x->begun.protocol == IPPROTO_TCP)
		end_socket(s, x, out);
	return change_entry(s, x, IPCTNL_MSG_CT_DELETE, NULL);
}

/* What others have begun in a network by path, and what they forward through it, is theirs. */
static int judge(struct standing *s, const struct entry *x)
{
	const bool here = is_local(s, x->answers.from, x->width),
		   loopback = here && is_local(s, x->begun.from, x->width);
	struct net_flow f = { .protocol = x->begun.protocol,
			      .width = x->width,
			      .port = ntohs(x->answers.from_port) };
	const struct net_out *row;
	uint32_t mark;

	if (loopback || (!here && !net_judge_own(&s->h->job, x->mark)))
		return 0;
	memcpy(f.to, x->answers.from, x->width);
	if (here)
		return net_judge_in(&s->h->job, &f) ? 0 : cut(s, x, false);
	TRY(net_judge_out(&s->h->job, &f, x->mark, has_name, s, &row));
	if (row == NULL)
		return cut(s, x, true);
	mark = net_judge_mark(&s->h->job, row, x->mark);
	return mark == x->mark ? 0 : change_entry(s, x, IPCTNL_MSG_CT_NEW, &mark);
}

static int pass(struct standing *s)
{
	int r = read_entries(s, see_entry);

	s->cut = 0;
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = judge(s, &s->at[i]);
	return r;
}

/* ---- the whole ---- */

int standing_open(struct holder *h, struct standing **out, struct err *e)
{
	struct standing *s = arena_alloc(h->arena, sizeof *s);
	int r;

	*out = s;
	s->h = h;
	r = open_socket(NETLINK_NETFILTER, &s->table);
	if (r == 0)
		r = open_socket(NETLINK_NETFILTER, &s->sets);
	if (r == 0)
		r = open_socket(NETLINK_SOCK_DIAG, &s->sockets);
	if (r == 0)
		r = read_local(s);
	if (r == 0)
		r = read_entries(s, see_nothing);
	if (r == 0)
		return 0;
	fail(e, -r, "network: connections that stand: %m");
	return advise(e, "the kernel needs nf_conntrack_netlink and inet_diag");
}

/* Until nothing is left to cut: also of what met the old rules and was written down after the first look. */
int standing_judge(struct standing *s, struct err *e)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
	int r = 0;

	for (unsigned i = 0; r == 0 && i < PASSES_MAX; i++) {
		r = pass(s);
		if (r == 0 && s->cut == 0 && i > 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	return fail(e, r < 0 ? -r : EBUSY,
		    "network: end connections that are not permitted any more: %m");
}
