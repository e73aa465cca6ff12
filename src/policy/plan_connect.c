/*
 * What else a profile with ask.connect may permit: nothing that reaches an address without naming it to connect or to a
 * send, which the broker reads.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/plan_calls.h"

/* A profile's row, with what the message says of it. */
static int refuse_beside(const struct calls *c, const struct from *from, const char *what,
			 const char *fix, struct err *e)
{
	const struct address_rule *r = &c->d->p->ask.connect.at[0];

	fail(e, EINVAL, "%s: ask.connect %s cannot be kept while %s [%s]",
	     from_text(c->d->a, &r->from), shown(c->d->a, r->text), what, from_text(c->d->a, from));
	return advise(e, "%s", fix);
}

/* SCTP connects by setsockopt (SCTP_SOCKOPT_CONNECTX), MPTCP wherever its peer says, and of what the others do nobody has
 * made sure. Protocol 0 of a stream is TCP, of a datagram UDP. */
static bool is_known_protocol(uint64_t protocol)
{
	switch (protocol) {
	case IPPROTO_IP:
	case IPPROTO_ICMP:
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_ICMPV6:
	case IPPROTO_UDPLITE:
		return true;
	default:
		return false;
	}
}

static bool is_known(const struct socket_rule *r)
{
	const unsigned known = 1u << SOCK_STREAM | 1u << SOCK_DGRAM;

	if (r->family == AF_UNIX || r->family == AF_NETLINK)
		return true;
	/* Addresses of other families name those of the internet in their own way (rxrpc, pppox), or have none (packet). */
	if ((r->family != AF_INET && r->family != AF_INET6) || (r->types & ~known) != 0 ||
	    r->n == 0)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (!is_known_protocol(r->protocols[i]))
			return false;
	return true;
}

static int check_sockets(const struct calls *c, struct err *e)
{
	const struct socket_rules *rules = &c->d->p->sockets_allow;

	for (size_t i = 0; i < rules->n; i++) {
		const struct socket_rule *r = &rules->at[i];
		const struct name *family = name_of(socket_families, r->family);

		if (is_known(r))
			continue;
		return refuse_beside(
			c, &r->from,
			arena_printf(
				c->d->a,
				"this row of sockets.allow has %s sockets that go their own ways",
				family != NULL ? family->name : "such"),
			"of inet and inet6, name the types stream and dgram and the protocols: 0, 6 "
			"(TCP), 17 (UDP), 136 (UDPLITE), 1 and 58 (ICMP)",
			e);
	}
	return 0;
}

/* With the first, packets are made by hand; with the second, they are sent elsewhere. */
static int check_capabilities(const struct calls *c, struct err *e)
{
	const struct words *kept = &c->d->p->keep_capabilities;

	for (size_t i = 0; i < kept->n; i++)
		if (strcmp(kept->at[i].text, "CAP_NET_RAW") == 0 ||
		    strcmp(kept->at[i].text, "CAP_NET_ADMIN") == 0)
			return refuse_beside(c, &kept->at[i].from,
					     arena_printf(c->d->a, "%s is kept", kept->at[i].text),
					     "take it out of capabilities.keep", e);
	return 0;
}

static int check_rows(const struct calls *c, struct err *e)
{
	static const char *const judged[] = { "socket", "setsockopt", "connect",
					      "sendto", "sendmsg",    "sendmmsg" };
	const struct where_rule *row = row_that_allows(c, judged, COUNT(judged));

	if (row == NULL)
		return 0;
	return refuse_beside(c, &row->from,
			     arena_printf(c->d->a,
					  "a row of syscalls.where lets %s go on by itself",
					  row->syscall),
			     "take the row out", e);
}

static int check_rings(const struct calls *c, struct err *e)
{
	const struct plan_call *call = rings_allowed(c);

	if (call == NULL)
		return 0;
	return refuse_beside(c, call->from, "io_uring_setup is allowed, whose rings connect unseen",
			     "take io_uring_setup out of syscalls.allow", e);
}

int check_connect(const struct calls *c, struct err *e)
{
	if (c->d->p->ask.connect.n == 0 || c->d->nobody_to_ask)
		return 0;
	TRY(check_sockets(c, e));
	TRY(check_capabilities(c, e));
	TRY(check_rows(c, e));
	return check_rings(c, e);
}

/* ---- source routes ---- */

/* Options by which datagrams go to somebody else first; IPV6_2292PKTOPTIONS and IPV6_FLOWLABEL_MGR take control messages that
 * may say so. Refused without a word: the broker answers other questions than about options. */
void plan_setsockopt(struct calls *c, struct plan_call *call)
{
	static const struct {
		int level, option;
	} routes[] = {
		{ IPPROTO_IP, IP_OPTIONS },
		{ IPPROTO_IPV6, IPV6_RTHDR },
		{ IPPROTO_IPV6, IPV6_2292RTHDR },
		{ IPPROTO_IPV6, 6 /* IPV6_2292PKTOPTIONS */ },
		{ IPPROTO_IPV6, 32 /* IPV6_FLOWLABEL_MGR, linux/in6.h */ },
	};

	if (c->d->p->ask.connect.n == 0 || c->d->nobody_to_ask)
		return;
	call->verdict = CALL_ARGS;
	call->rest = CALL_ALLOW;
	for (size_t i = 0; i < COUNT(routes); i++) {
		struct bpf_case *bc = add_case(c, SECCOMP_RET_ERRNO | EACCES);

		add_test(bc, 1, UINT32_MAX, (uint64_t)routes[i].level);
		add_test(bc, 2, UINT32_MAX, (uint64_t)routes[i].option);
	}
}
