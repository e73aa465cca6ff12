/*
 * Addresses: whether a socket can be had, and where the network of the plan leads.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/num.h"
#include "policy/domain.h"
#include "policy/net_rules.h"
#include "policy/query_parts.h"

/* ---- words ---- */

static int bad_address(const char *word, struct err *e)
{
	fail(e, EINVAL, "connect: '%.80s' is no address", word);
	return advise(e, "for example 10.1.2.3:443, [fd00::1]:443 or example.org:443");
}

/* Splits "HOST:PORT", "[HOST]:PORT" and HOST alone, which may be an IPv6 address with its colons. */
static const char *split(struct arena *a, const char *word, const char **port)
{
	const char *colon = strrchr(word, ':');

	*port = NULL;
	if (word[0] == '[') {
		const char *end = strchr(word, ']');

		if (end == NULL || (end[1] != ':' && end[1] != '\0'))
			return NULL;
		*port = end[1] == ':' ? end + 2 : NULL;
		return arena_strndup(a, word + 1, (size_t)(end - word - 1));
	}
	if (colon == NULL || strchr(word, ':') != colon)
		return word;
	*port = colon + 1;
	return arena_strndup(a, word, (size_t)(colon - word));
}

static bool is_domain(const char *s)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

	return s[0] != '\0' && s[0] != '.' && s[0] != '-' && s[strspn(s, letters)] == '\0' &&
	       strlen(s) <= 253;
}

/* Digits and dots alone are an address or a mistake, never a name. */
static bool looks_numeric(const char *s)
{
	return s[strspn(s, "0123456789.")] == '\0';
}

int query_address_parse(struct arena *a, const char *word, struct query_address *out, struct err *e)
{
	const char *port, *host = split(a, word, &port);
	uint64_t number = 0;

	*out = (struct query_address){ .text = word };
	if (host == NULL)
		return bad_address(word, e);
	if (port != NULL && (num_u64(port, &number) < 0 || number == 0 || number > 65535))
		return fail(e, EINVAL, "connect: '%.80s' is no port: 1 to 65535", port);
	out->port = (uint16_t)number;
	if (inet_pton(AF_INET, host, out->bytes) == 1)
		out->width = 4;
	else if (inet_pton(AF_INET6, host, out->bytes) == 1)
		out->width = 16;
	else if (is_domain(host) && !looks_numeric(host))
		out->domain = host;
	else
		return bad_address(word, e);
	return 0;
}

/* ---- rules ---- */

static bool in_cidr(const char *cidr, const struct query_address *to)
{
	struct net_range range, one = { .width = to->width, .bits = to->width * 8 };

	memcpy(one.bytes, to->bytes, sizeof one.bytes);
	return net_range_parse(cidr, &range) && net_range_within(&one, &range);
}

static bool port_fits(const struct egress_rule *r, uint16_t port)
{
	for (size_t i = 0; i < r->n; i++)
		if (port == 0 || r->ports[i] == port)
			return true;
	return r->n == 0;
}

/* The range that only a rule of its own opens, or NULL. */
static const char *guarded(const struct query_address *to)
{
	struct net_range one = { .width = to->width, .bits = to->width * 8 };

	memcpy(one.bytes, to->bytes, sizeof one.bytes);
	return to->domain != NULL ? NULL : net_range_guarded(&one);
}

/* Whether a rule means this address, which a wider one does not if it is guarded. */
static bool means(const struct egress_rule *r, const struct query_address *to)
{
	struct net_range range;

	if (r->domain != NULL)
		return to->domain != NULL && domain_covers(r->domain, to->domain);
	if (to->domain != NULL || !in_cidr(r->cidr, to))
		return false;
	return guarded(to) == NULL ||
	       (net_range_parse(r->cidr, &range) && net_range_guarded(&range) != NULL);
}

static const struct egress_rule *egress_of(const struct egress_rules *rules,
					   const struct query_address *to)
{
	for (size_t i = 0; i < rules->n; i++)
		if (means(&rules->at[i], to) && port_fits(&rules->at[i], to->port))
			return &rules->at[i];
	return NULL;
}

static bool is_loopback(const struct query_address *to)
{
	static const unsigned char one[16] = { [15] = 1 };

	return to->domain != NULL ? strcasecmp(to->domain, "localhost") == 0
	       : to->width == 4   ? to->bytes[0] == 127
				  : memcmp(to->bytes, one, sizeof one) == 0;
}

/* ---- the answer ---- */

/* In a network that others connect, mode none means none. */
static bool no_row_counts(const struct plan *p)
{
	return (p->net.given || p->net.way == NET_BROUGHT) &&
	       p->policy->network.mode == NETWORK_NONE;
}

/* A name server that no row permits is asked in vain, and answered all the same. */
static bool is_caught(const struct plan *p, const struct query_address *to)
{
	return p->net.catches && to->domain == NULL && to->width == 4 && to->port == 53;
}

/* What nftables answers: tcp reset, or "administratively prohibited". */
static void ask_rules(struct asking *q, const struct query_address *to, struct query_part *part)
{
	const struct egress_rule *rule = egress_of(&q->plan->net.egress, to);
	const char *kept = guarded(to);

	if (rule != NULL) {
		part->from = rule->from;
		part->why = arena_printf(q->a, "a rule of network.egress names it%s",
					 net_terms(q->a, rule));
		return;
	}
	if (is_caught(q->plan, to)) {
		part->why =
			"the container's own resolver answers at port 53, whatever server is asked";
		return;
	}
	part->verdict = QUERY_REFUSED;
	part->err = ECONNREFUSED;
	if (kept != NULL) {
		part->why = arena_printf(
			q->a, "%s holds metadata: only a rule that lies within it opens it", kept);
		part->fix = arena_printf(q->a, "{cidr: %s} in network.egress.allow", kept);
		return;
	}
	part->why =
		to->domain == NULL && q->plan->net.ndomains != 0
			? "no rule of network.egress names it, unless a name that one permits leads there"
			: "no rule of network.egress names it";
	part->fix = arena_printf(q->a, "%s%s in network.egress.allow%s",
				 no_row_counts(q->plan) ? "network: {mode: private} and " : "",
				 to->domain != NULL ? "{domain: NAME}"
						    : "{cidr: ADDRESS} of this address",
				 to->domain == NULL && to->port != 0 ? ", with its port" : "");
}

static void ask_network(struct asking *q, const struct query_address *to)
{
	const struct plan *p = q->plan;
	const struct egress_rule *rule = egress_of(&p->policy->network.egress, to);
	struct query_part *part = part_add(q, "network", QUERY_ALLOWED, NULL);

	part->from = p->policy->network.mode_from;
	if (p->share_network) {
		part->why = p->broker.nconnect != 0
				    ? "the host's own network"
				    : "the host's own network, in which nothing looks at addresses";
		return;
	}
	if (is_loopback(to)) {
		part->why =
			"the loopback of the container's own network: it leads to nothing outside";
		return;
	}
	if (p->net.used) {
		ask_rules(q, to, part);
		return;
	}
	part->verdict = QUERY_REFUSED;
	part->err = ENETUNREACH;
	part->why = "its own network has a loopback and no way out";
	part->fix =
		"network: {mode: private} and a row in network.egress.allow, or run with --network private --allow ADDRESS";
	if (rule == NULL)
		return;
	part->from = rule->from;
	part->why = "an egress rule names it, but with mode none there is no way out";
	part->fix = "network: {mode: private}, or run with --network private";
}

/* Without a port: whether any is asked about. */
static struct verdict broker_says(const struct broker_plan *b, const struct query_address *to)
{
	struct verdict v = { .what = PERFORM };
	struct address address;

	for (size_t i = 0; i < b->nconnect && v.what != ASK; i++) {
		bool some = to->port == 0 && b->connect[i].n != 0;

		address_from(to->bytes, to->width,
			     some ? (uint16_t)b->connect[i].ports[0] : to->port, &address);
		v = decide_connect(b, &address, IPPROTO_TCP, NULL);
	}
	return v;
}

/* Where the filter hands connect to the broker. */
static void ask_broker(struct asking *q, const struct query_address *to)
{
	const struct broker_plan *b = &q->plan->broker;
	struct query_part *part;
	struct verdict v;

	if (b->nconnect == 0)
		return;
	if (to->domain != NULL) {
		part = part_add(q, "broker", QUERY_ASKED,
				"it asks if that is an address that ask.connect names");
		part->from = b->connect[0].from;
		return;
	}
	v = broker_says(b, to);
	part = part_add(q, "broker", QUERY_ASKED,
			v.what == ASK ? "it asks, and connects for the caller if the answer is yes"
				      : "it connects for the caller");
	part->from = *v.from;
}

void query_address(struct asking *q)
{
	const struct query_address *to = &q->query->address;
	const uint64_t family = to->width == 16 ? AF_INET6 : AF_INET;
	const uint64_t socket[QUERY_ARGS] = { family, SOCK_STREAM | SOCK_CLOEXEC, 0 };
	const uint64_t connect[QUERY_ARGS] = { 3, 0, 0 };
	struct ruling r;

	q->answer->operation = arena_printf(q->a, "connect to %s", shown(q->a, to->text));
	if (query_filter(q, "socket",
			 to->width == 16 ? "socket inet6 stream" : "socket inet stream", socket,
			 &r))
		query_filter(q, "connect", "connect", connect, &r);
	ask_broker(q, to);
	ask_network(q, to);
}
