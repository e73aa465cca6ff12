#include "policy/net_rules.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"
#include "policy/draft.h"
#include "policy/net_budget.h"
#include "policy/net_job.h"

/* ---- ranges ---- */

bool net_range_within(const struct net_range *inner, const struct net_range *outer)
{
	unsigned rest = outer->bits % 8;
	unsigned char mask = (unsigned char)(0xff00 >> rest);

	if (inner->width != outer->width || inner->bits < outer->bits)
		return false;
	return memcmp(inner->bytes, outer->bytes, outer->bits / 8) == 0 &&
	       (rest == 0 ||
		((inner->bytes[outer->bits / 8] ^ outer->bytes[outer->bits / 8]) & mask) == 0);
}

bool net_range_parse(const char *text, struct net_range *out)
{
	char address[INET6_ADDRSTRLEN] = "";
	const char *slash = strchrnul(text, '/');
	uint64_t bits;

	*out = (struct net_range){ 0 };
	if ((size_t)(slash - text) >= sizeof address)
		return false;
	memcpy(address, text, (size_t)(slash - text));
	if (inet_pton(AF_INET, address, out->bytes) == 1)
		out->width = 4;
	else if (inet_pton(AF_INET6, address, out->bytes) == 1)
		out->width = 16;
	else
		return false;
	bits = out->width * 8;
	if (*slash == '/' && (num_u64(slash + 1, &bits) < 0 || bits > out->width * 8))
		return false;
	out->bits = (unsigned)bits;
	for (unsigned i = 0; i < out->width * 8; i++)
		if (i >= out->bits)
			out->bytes[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
	return true;
}

void net_range_print(const struct net_range *r, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(r->width == 4 ? AF_INET : AF_INET6, r->bytes, text, sizeof text);
	buf_puts(out, text);
	if (r->bits != r->width * 8)
		buf_printf(out, "/%u", r->bits);
}

/* Where machines of a cloud ask for their own credentials. The first two hold them for AWS, Azure, Google and most others;
 * the rest are what Amazon, Google, Alibaba and Oracle document beside. */
static const char *const guarded[] = {
	"169.254.0.0/16", "fe80::/10",       "fd00:ec2::254",
	"fd20:ce::254",   "100.100.100.200", "192.0.0.192",
};

bool net_range_guarded_nth(size_t i, struct net_range *out)
{
	return i < COUNT(guarded) && net_range_parse(guarded[i], out);
}

const char *net_range_guarded(const struct net_range *r)
{
	struct net_range g;

	for (size_t i = 0; i < COUNT(guarded); i++)
		if (net_range_parse(guarded[i], &g) && net_range_within(r, &g))
			return guarded[i];
	return NULL;
}

/* ---- rules ---- */

static void put_from(struct buf *out, const struct from *f)
{
	buf_printf(out, "\t\t# %s\n", shown(out->arena, from_text(out->arena, f)));
}

static void put_ports(const uint64_t *ports, size_t n, struct buf *out)
{
	buf_puts(out, " meta l4proto { tcp, udp } th dport { ");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%llu", i != 0 ? ", " : "", (unsigned long long)ports[i]);
	buf_puts(out, " }");
}

/* The resolver puts the addresses of its names into these as it gives them out, each with its time. */
static void put_sets(size_t number, struct buf *out)
{
	char set[NET_SET_BYTES];

	for (unsigned width = 4; width <= 16; width += 12) {
		net_set_name((uint32_t)number, width, set);
		buf_printf(out, "\tset %s {\n\t\ttype %s\n\t\tflags timeout\n\t\tsize %d\n\t}\n",
			   set, width == 4 ? "ipv4_addr" : "ipv6_addr", NET_SET_ELEMENTS);
	}
}

static void put_named(const struct egress_rule *r, size_t number, struct buf *out)
{
	char set[NET_SET_BYTES];

	put_from(out, &r->from);
	for (unsigned width = 4; width <= 16; width += 12) {
		net_set_name((uint32_t)number, width, set);
		buf_printf(out, "\t\tct state new %s daddr @%s", width == 4 ? "ip" : "ip6", set);
		if (r->n != 0)
			put_ports(r->ports, r->n, out);
		net_row_verdict(r, number, out);
	}
}

static void put_egress(const struct egress_rule *r, size_t number, struct buf *out)
{
	struct net_range range;

	if (r->domain != NULL) {
		put_named(r, number, out);
		return;
	}
	if (!net_range_parse(r->cidr, &range))
		return;
	put_from(out, &r->from);
	buf_puts(out, "\t\tct state new");
	if (range.bits == 0) {
		buf_printf(out, " meta nfproto %s", range.width == 4 ? "ipv4" : "ipv6");
	} else {
		buf_printf(out, " %s daddr ", range.width == 4 ? "ip" : "ip6");
		net_range_print(&range, out);
	}
	if (r->n != 0)
		put_ports(r->ports, r->n, out);
	net_row_verdict(r, number, out);
}

/* A rule that lies within a guarded range names it; a wider one does not mean it. */
static bool names_guarded(const struct egress_rule *r)
{
	struct net_range range;

	return r->cidr != NULL && net_range_parse(r->cidr, &range) &&
	       net_range_guarded(&range) != NULL;
}

static void put_guarded(const struct plan_net *n, struct buf *out)
{
	struct net_range r;

	buf_puts(out,
		 "\t\t# metadata and link-local addresses, which only a rule of their own opens\n");
	for (size_t i = 0; i < COUNT(guarded); i++) {
		net_range_parse(guarded[i], &r);
		buf_printf(out, "\t\t%s daddr %s counter name \"guarded\" goto %s\n",
			   r.width == 4 ? "ip" : "ip6", guarded[i],
			   n->told ? "refuse_guarded" : "refuse");
	}
}

/* Everybody may send over the loopback, over IPv6 in anybody's name (IPV6_FREEBIND), and to anybody (SO_BINDTODEVICE): what is
 * seen there must not be the beginning of a connection that goes on outside. Connections of the loopback's own addresses cannot,
 * and are remembered: networks that others connect lead some elsewhere (Docker's resolver). */
static void put_untracked(struct buf *out)
{
	buf_puts(out, "\tchain loopback {\n\t\ttype filter hook output priority raw;\n"
		      "\t\toifname \"lo\" ip saddr != 127.0.0.0/8 notrack\n"
		      "\t\toifname \"lo\" ip6 saddr != ::1 notrack\n\t}\n");
}

/* IPv6 finds its neighbours by messages that never leave the link (hop limit 255, RFC 4861). The kernel's own socket for them
 * belongs to nobody, as nft_meta.c says it (no file); whoever has a raw one makes them by hand, and is refused. What both kernels
 * say about routers and groups is nobody's, and is no refusal to count. */
static void put_neighbours(const struct plan_net *n, bool in, struct buf *out)
{
	static const char neighbours[] =
		"\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }";

	if (!in)
		buf_printf(out, "%s meta skuid 0-4294967295 counter name \"refused_out\" goto %s\n",
			   neighbours, n->told ? "refuse_out" : "refuse");
	buf_printf(out, "%s ip6 hoplimit 255 accept\n", neighbours);
	buf_puts(out, "\t\ticmpv6 type { nd-router-solicit, nd-router-advert, mld-listener-query, "
		      "mld-listener-report, mld-listener-done, mld2-listener-report } drop\n");
}

/* The loopback is the container's own. A connection that is there was allowed when it began, and answers to what came in are
 * part of it: unless its row has a budget. Of what is only related to one, errors are let through, and resets, which
 * the kernel sends where rules refuse what came; what else a helper of the kernel's expects, by what it has read in the connection,
 * takes a row. */
static void put_always(const struct plan_net *n, bool in, struct buf *out)
{
	buf_printf(out, "\t\t%s \"lo\" accept\n", in ? "iifname" : "oifname");
	net_budget_spend(n, in, out);
	buf_puts(out, "\t\tct state established accept\n"
		      "\t\tct state related meta l4proto { icmp, ipv6-icmp } accept\n"
		      "\t\tct state related tcp flags & rst == rst accept\n");
	put_neighbours(n, in, out);
}

/* Where a program of the host's sends for the container, what it sends to the host would come from the host itself. The
 * sets are zviz-net's: the host's addresses, as they change. Beside them: what means the host wherever it is said (this
 * host, its loopback, also in IPv6's clothes: RFC 1122, 4291), and groups, which the host may be a member of. */
static void put_host_sets(struct buf *out)
{
	buf_puts(out, "\tset " NET_HOST_SET "4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t}\n"
		      "\tset " NET_HOST_SET "6 {\n\t\ttype ipv6_addr\n\t\tflags interval\n\t}\n");
}

static void put_host(const struct plan_net *n, struct buf *out)
{
	static const char *const always[] = {
		"ip daddr { 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4, 255.255.255.255 }",
		"ip6 daddr { ::/96, ::ffff:0:0/96, ff00::/8 }",
		"ip daddr @" NET_HOST_SET "4",
		"ip6 daddr @" NET_HOST_SET "6",
	};

	buf_puts(out, "\t\t# the host itself, which no rule opens\n");
	for (size_t i = 0; i < COUNT(always); i++)
		buf_printf(out, "\t\t%s counter name \"host\" goto %s\n", always[i],
			   n->told ? "refuse_host" : "refuse");
}

/* Bound to another device everybody may send to the loopback's addresses there, and who is at the other end may take them for his
 * own (route_localnet), whatever a wide row means. Where somebody's rules lead connections to it (NAT), rows decide. */
static void put_loopback(const struct plan_net *n, struct buf *out)
{
	buf_printf(
		out,
		"\t\tip daddr 127.0.0.0/8 ct status & dnat == 0 counter name \"guarded\" goto %s\n",
		n->told ? "refuse_guarded" : "refuse");
}

static void put_output(const struct plan_net *n, struct buf *out)
{
	buf_puts(out,
		 "\tchain output {\n\t\ttype filter hook output priority filter; policy drop;\n");
	/* Who looks for another of its own address has none yet (RFC 4862), and Debian 12's pasta would take that for it. */
	if (n->program != NULL)
		buf_puts(out, "\t\tip6 saddr :: drop\n");
	put_always(n, false, out);
	if (n->program != NULL)
		put_host(n, out);
	else
		put_loopback(n, out);
	for (size_t i = 0; i < n->egress.n; i++)
		if (names_guarded(&n->egress.at[i]))
			put_egress(&n->egress.at[i], i + 1, out);
	put_guarded(n, out);
	for (size_t i = 0; i < n->egress.n; i++)
		if (!names_guarded(&n->egress.at[i]))
			put_egress(&n->egress.at[i], i + 1, out);
	buf_printf(out, "\t\tcounter name \"refused_out\" goto %s\n\t}\n",
		   n->told ? "refuse_out" : "refuse");
}

static void put_input(const struct plan_net *n, struct buf *out)
{
	buf_puts(out,
		 "\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n");
	put_always(n, true, out);
	for (size_t i = 0; i < n->ingress.n; i++) {
		const struct ingress_rule *r = &n->ingress.at[i];
		const uint64_t port = r->port;

		put_from(out, &r->from);
		buf_puts(out, "\t\tct state new");
		put_ports(&port, 1, out);
		buf_printf(out, " counter name \"ingress%zu\" accept\n", i + 1);
	}
	buf_printf(out, "\t\tcounter name \"refused_in\" goto %s\n\t}\n",
		   n->told ? "refuse_in" : "refuse");
}

/* Nothing is left to wait for an answer: a refused connection fails at once. */
static void put_refuse(struct buf *out)
{
	buf_puts(out, "\tchain refuse {\n"
		      "\t\tmeta l4proto tcp reject with tcp reset\n"
		      "\t\treject with icmpx admin-prohibited\n"
		      "\t}\n");
}

void net_rules_print(const struct plan *p, struct buf *out)
{
	const struct plan_net *n = &p->net;

	buf_puts(out, "table inet zviz {\n");
	for (size_t i = 0; i < n->egress.n; i++)
		buf_printf(out, "\tcounter egress%zu { }\n", i + 1);
	for (size_t i = 0; i < n->ingress.n; i++)
		buf_printf(out, "\tcounter ingress%zu { }\n", i + 1);
	buf_puts(out,
		 "\tcounter guarded { }\n\tcounter refused_out { }\n\tcounter refused_in { }\n");
	if (n->program != NULL)
		buf_puts(out, "\tcounter host { }\n");
	for (size_t i = 0; i < n->egress.n; i++)
		if (n->egress.at[i].domain != NULL)
			put_sets(i + 1, out);
	if (n->program != NULL)
		put_host_sets(out);
	net_budget_objects(n, out);
	put_refuse(out);
	net_tell_chains(n, out);
	net_budget_chains(n, out);
	put_untracked(out);
	put_output(n, out);
	put_input(n, out);
	/* What others forward through a network that they share is theirs. */
	if (!n->given)
		buf_puts(
			out,
			"\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n");
	buf_puts(out, "}\n");
}
