#include "policy/net_catch.h"

#include "policy/net_job.h"
#include "policy/net_own.h"
#include "policy/net_range.h"

/* Before the rules of others, of which the first decides: Docker turns what is sent to its own resolver, at -100 (NF_IP_PRI_NAT_DST). */
static const char head[] = "\tchain " NET_CATCH_CHAIN
			   " {\n\t\ttype nat hook output priority -105;\n";

static const char asks[] = " meta l4proto { tcp, udp } th dport 53";

static bool permits_asking(const struct egress_rule *r, struct net_range *range)
{
	bool port = r->n == 0;

	for (size_t i = 0; i < r->n; i++)
		port |= r->ports[i] == 53;
	return port && r->cidr != NULL && net_range_parse(r->cidr, range) && range->width == 4;
}

static void put_turning(const struct plan_net *n, struct buf *out)
{
	const char *whose = n->given ? "meta skgid @own " : "";
	char at[NET_RESOLVER_BYTES];
	struct net_range range;

	net_own_resolver(n->given ? n->mark : 0, at);
	buf_puts(out, head);
	for (size_t i = 0; i < n->egress.n; i++) {
		if (!permits_asking(&n->egress.at[i], &range))
			continue;
		buf_printf(out, "\t\t%sip daddr ", whose);
		net_range_print(&range, out);
		buf_printf(out, "%s accept\n", asks);
	}
	buf_printf(out, "\t\t%sip daddr != %s%s ", whose, at, asks);
	if (n->given)
		buf_printf(out, "dnat ip to %s\n\t}\n", at);
	else
		buf_puts(out, "redirect to :53\n\t}\n");
}

bool net_catch_meets(const struct plan_net *n)
{
	return n->catches || n->given;
}

void net_catch_chain(const struct plan_net *n, struct buf *out)
{
	if (n->catches)
		put_turning(n, out);
	/* Who binds a socket to a device has it leave there all the same (SO_BINDTODEVICE). */
	if (net_catch_meets(n))
		buf_puts(out, "\tchain " NET_CATCH_CHAIN "_stays {\n"
			      "\t\ttype filter hook postrouting priority filter;\n"
			      "\t\tip daddr 127.0.0.0/8 oifname != \"lo\" drop\n\t}\n");
}

void net_catch_accept(const struct plan_net *n, struct buf *out)
{
	if (net_catch_meets(n))
		buf_printf(out, "\t\tct status dnat ip daddr %s%s accept\n",
			   n->given ? NET_OWN_RESOLVERS : NET_RESOLVER, asks);
}
