#include "net/host_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

/* Names of our devices, here and in other containers' tables. */
static const char any_of_ours[] = "zviz";

enum {
	FIXED_RULES = 15,
	RULES_A_PORT = 4, /* both families, from outside and from the host itself */
	SOLICIT = 135,    /* ND_NEIGHBOR_SOLICIT, and the answer to it */
	ADVERT = 136,
	LINK_FIRST =
		130, /* from MLD's query to the redirect: what is of a link alone (RFC 2710, 4861) */
	LINK_LAST = 137,
	LINK_MLD2 = 143, /* RFC 3810 */
	STANDS = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED),
};

struct side {
	struct rule_batch *b;
	const char *device;
	const uint8_t *own4, *own6;
};

/* What stands goes on. */
static void accept_standing(const struct side *s)
{
	rule_if_state(s->b, STANDS);
	rule_verdict(s->b, NF_ACCEPT);
	rule_end(s->b);
}

/* ---- what crosses ---- */

static void begin_out(const struct side *s, const char *chain)
{
	rule_begin(s->b, chain);
	rule_if_came_by(s->b, s->device);
}

static void begin_in(const struct side *s)
{
	rule_begin(s->b, "forward");
	rule_if_leaves_by(s->b, s->device);
}

static void only_from(const struct side *s, const uint8_t *at, unsigned width)
{
	begin_out(s, "forward");
	rule_unless_from(s->b, at, width);
	rule_verdict(s->b, NF_DROP);
	rule_end(s->b);
}

/* The kernel forwards what is of a link, as it forwards the rest. */
static void keep_on_link(const struct side *s, uint8_t first, uint8_t last)
{
	begin_out(s, "forward");
	rule_if_icmp6(s->b, first, last);
	rule_verdict(s->b, NF_DROP);
	rule_end(s->b);
}

/* What the container says it is, and nothing else, leaves over its device. */
static void put_forward(const struct side *s)
{
	rule_chain(s->b, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	only_from(s, s->own4, 4);
	only_from(s, s->own6, 16);
	keep_on_link(s, LINK_FIRST, LINK_LAST);
	keep_on_link(s, LINK_MLD2, LINK_MLD2);
	begin_out(s, "forward");
	rule_if_leaves_by_any(s->b, any_of_ours);
	rule_reject(s->b);
	rule_end(s->b);
	begin_in(s);
	accept_standing(s);
	begin_in(s);
	rule_if_status(s->b, IPS_DST_NAT);
	rule_verdict(s->b, NF_ACCEPT);
	rule_end(s->b);
	begin_in(s);
	rule_verdict(s->b, NF_DROP);
	rule_end(s->b);
}

/* The host itself is no part of what is outside: its services may trust whoever reaches them. */
static void put_input(const struct side *s)
{
	rule_chain(s->b, "input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER);
	begin_out(s, "input");
	accept_standing(s);
	begin_out(s, "input");
	rule_if_icmp6(s->b, SOLICIT, ADVERT);
	rule_verdict(s->b, NF_ACCEPT);
	rule_end(s->b);
	begin_out(s, "input");
	rule_reject(s->b);
	rule_end(s->b);
}

/* ---- published ports ---- */

/* `host`: the address of the host's, or NULL for each. */
static void put_way_in(const struct side *s, const char *chain, const struct plan_publish *p,
		       const uint8_t *host, unsigned width)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	rule_begin(s->b, chain);
	if (host != NULL)
		rule_if_to(s->b, host, width);
	else if (width == 4)
		rule_if_family(s->b, NFPROTO_IPV4);
	else
		rule_unless_to(s->b, loopback6, sizeof loopback6);
	rule_if_local(s->b);
	rule_if_protocol(s->b, p->udp ? IPPROTO_UDP : IPPROTO_TCP);
	rule_if_port(s->b, p->host);
	rule_lead_to(s->b, width == 4 ? s->own4 : s->own6, width, p->container);
	rule_end(s->b);
}

/* One published port: to the host's own addresses, wherever the connection comes from but containers. */
static void put_published(const struct side *s, const char *chain, const struct plan_publish *p)
{
	uint8_t at[16];

	if (p->address == NULL) {
		put_way_in(s, chain, p, NULL, 4);
		put_way_in(s, chain, p, NULL, 16);
	} else if (inet_pton(AF_INET, p->address, at) == 1) {
		put_way_in(s, chain, p, at, 4);
	} else if (inet_pton(AF_INET6, p->address, at) == 1) {
		put_way_in(s, chain, p, at, 16);
	}
}

static void put_ways_in(const struct side *s, const struct net_job *job)
{
	static const struct {
		const char *chain;
		uint32_t hook;
	} ways[] = { { "prerouting", NF_INET_PRE_ROUTING }, { "output", NF_INET_LOCAL_OUT } };

	for (size_t w = 0; w < COUNT(ways); w++) {
		rule_chain(s->b, ways[w].chain, "nat", ways[w].hook, NF_IP_PRI_NAT_DST);
		if (ways[w].hook == NF_INET_PRE_ROUTING) {
			rule_begin(s->b, ways[w].chain);
			rule_if_came_by_any(s->b, any_of_ours);
			rule_verdict(s->b, NFT_RETURN);
			rule_end(s->b);
		}
		for (size_t i = 0; i < job->npublished; i++)
			put_published(s, ways[w].chain, &job->published[i]);
	}
}

/* ---- NAT ---- */

static void put_masquerade(const struct side *s, const uint8_t *own, unsigned width)
{
	rule_begin(s->b, "postrouting");
	rule_if_from(s->b, own, width, width);
	rule_unless_leaves_by(s->b, s->device);
	rule_masquerade(s->b);
	rule_end(s->b);
}

static void put_nat(const struct side *s, const struct net_job *job)
{
	static const uint8_t loopback4[4] = { 127 };

	if (job->npublished != 0)
		put_ways_in(s, job);
	rule_chain(s->b, "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	put_masquerade(s, s->own4, 4);
	put_masquerade(s, s->own6, 16);
	if (job->npublished == 0)
		return;
	/* From the host's loopback to a published port: answers must come back over the device. */
	rule_begin(s->b, "postrouting");
	rule_if_leaves_by(s->b, s->device);
	rule_if_from(s->b, loopback4, sizeof loopback4, 1);
	rule_masquerade(s->b);
	rule_end(s->b);
}

void host_rules_make(const char *name, const struct pool_pair *at, const struct net_job *job,
		     struct arena *a, struct rule_batch *out)
{
	const uint32_t own4 = htonl(at->own4);
	const struct side s = { out, name, (const uint8_t *)&own4, at->own6 };

	rule_table(out, a, name, FIXED_RULES + RULES_A_PORT * job->npublished);
	put_forward(&s);
	put_input(&s);
	put_nat(&s, job);
}
