#include "policy/net_rules.h"

#include <string.h>

#include "policy/draft.h"
#include "policy/net_budget.h"
#include "policy/net_catch.h"
#include "policy/net_job.h"
#include "policy/net_own.h"

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
static void put_sets(uint32_t number, struct buf *out)
{
	char set[NET_SET_BYTES];

	for (unsigned width = 4; width <= 16; width += 12) {
		net_set_name(number, width, set);
		buf_printf(out, "\tset %s {\n\t\ttype %s\n\t\tflags timeout\n\t\tsize %d\n\t}\n",
			   set, width == 4 ? "ipv4_addr" : "ipv6_addr", NET_SET_ELEMENTS);
	}
}

/* In a network by path one that stands may be another's (net_own_objects()). */
static const char *begins(const struct plan_net *n)
{
	return n->given ? "\t\tct state new,established" : "\t\tct state new";
}

static void put_named(const struct plan_net *n, size_t row, struct buf *out)
{
	const struct egress_rule *r = &n->egress.at[row];
	char set[NET_SET_BYTES];

	put_from(out, &r->from);
	for (unsigned width = 4; width <= 16; width += 12) {
		net_set_name(net_names(n, row), width, set);
		buf_printf(out, "%s %s daddr @%s", begins(n), width == 4 ? "ip" : "ip6", set);
		if (r->n != 0)
			put_ports(r->ports, r->n, out);
		net_row_verdict(n, row, out);
	}
}

static void put_egress(const struct plan_net *n, size_t i, struct buf *out)
{
	const struct egress_rule *r = &n->egress.at[i];
	struct net_range range;

	if (r->domain != NULL) {
		put_named(n, i, out);
		return;
	}
	if (!net_range_parse(r->cidr, &range))
		return;
	put_from(out, &r->from);
	buf_puts(out, begins(n));
	if (range.bits == 0) {
		buf_printf(out, " meta nfproto %s", range.width == 4 ? "ipv4" : "ipv6");
	} else {
		buf_printf(out, " %s daddr ", range.width == 4 ? "ip" : "ip6");
		net_range_print(&range, out);
	}
	if (r->n != 0)
		put_ports(r->ports, r->n, out);
	net_row_verdict(n, i, out);
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
	for (size_t i = 0; net_range_guarded_nth(i, &r); i++) {
		buf_printf(out, "\t\t%s daddr ", r.width == 4 ? "ip" : "ip6");
		net_range_print(&r, out);
		buf_printf(out, " counter name \"guarded\" goto %s\n",
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
 * belongs to nobody, as nft_meta.c says it (no file); whoever has a raw one makes them by hand, and is refused, but for
 * an engine that tells the neighbours of an address that it has just given. What both kernels say about routers and groups is
 * nobody's, and is no refusal to count. */
static void put_neighbours(const struct plan_net *n, bool in, struct buf *out)
{
	static const char neighbours[] =
		"\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }";

	if (!in && n->announced)
		buf_puts(
			out,
			"\t\tip6 daddr ff02::1 icmpv6 type nd-neighbor-advert ip6 hoplimit 255 accept\n");
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
	buf_printf(out, "\t\tct state established %s\n",
		   n->given && !in ? "jump stands" : "accept");
	buf_puts(out, "\t\tct state related meta l4proto { icmp, ipv6-icmp } accept\n"
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
	net_own_leave(n, out);
	/* Who looks for another of its own address has none yet (RFC 4862), and Debian 12's pasta would take that for it. */
	if (n->program != NULL)
		buf_puts(out, "\t\tip6 saddr :: drop\n");
	put_always(n, false, out);
	net_catch_accept(n, out);
	if (n->program != NULL)
		put_host(n, out);
	else
		put_loopback(n, out);
	for (size_t i = 0; i < n->egress.n; i++)
		if (names_guarded(&n->egress.at[i]))
			put_egress(n, i, out);
	put_guarded(n, out);
	for (size_t i = 0; i < n->egress.n; i++)
		if (!names_guarded(&n->egress.at[i]))
			put_egress(n, i, out);
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
		buf_printf(out, " counter name \"ingress%u\" accept\n", net_number_in(n, i));
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

void net_rules_counters(const struct plan_net *n, struct buf *out)
{
	for (size_t i = 0; i < n->egress.n; i++)
		if (net_is_new(n, i))
			buf_printf(out, "\tcounter egress%u { }\n", net_number(n, i));
	for (size_t i = 0; i < n->ingress.n; i++)
		if (net_number_in(n, i) > n->numbers.known_in)
			buf_printf(out, "\tcounter ingress%u { }\n", net_number_in(n, i));
}

void net_rules_sets(const struct plan_net *n, struct buf *out)
{
	for (size_t i = 0; i < n->egress.n; i++)
		if (net_is_new(n, i) && n->egress.at[i].domain != NULL &&
		    net_names(n, i) == net_number(n, i))
			put_sets(net_number(n, i), out);
}

void net_rules_chains(const struct plan_net *n, struct buf *out)
{
	net_catch_chain(n, out);
	put_output(n, out);
	put_input(n, out);
}

void net_rules_print(const struct plan *p, struct buf *out)
{
	const struct plan_net *n = &p->net;

	buf_puts(out, "table inet zviz {\n");
	net_rules_counters(n, out);
	buf_puts(out,
		 "\tcounter guarded { }\n\tcounter refused_out { }\n\tcounter refused_in { }\n");
	if (n->program != NULL)
		buf_puts(out, "\tcounter host { }\n");
	net_rules_sets(n, out);
	if (n->program != NULL)
		put_host_sets(out);
	net_budget_objects(n, out);
	put_refuse(out);
	net_own_objects(n, out);
	net_tell_chains(n, out);
	net_budget_chains(n, out);
	put_untracked(out);
	net_rules_chains(n, out);
	/* What others forward through a network that they share is theirs. */
	if (!n->given)
		buf_puts(
			out,
			"\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n");
	buf_puts(out, "}\n");
}
