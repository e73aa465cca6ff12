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

static bool bits_equal(const unsigned char *x, const unsigned char *y, unsigned bits)
{
	unsigned rest = bits % 8;
	unsigned char mask = (unsigned char)(0xff00 >> rest);

	return memcmp(x, y, bits / 8) == 0 &&
	       (rest == 0 || ((x[bits / 8] ^ y[bits / 8]) & mask) == 0);
}

static bool in_cidr(struct arena *a, const char *cidr, const struct query_address *to)
{
	const char *slash = strchrnul(cidr, '/');
	const char *address = arena_strndup(a, cidr, (size_t)(slash - cidr));
	unsigned char bytes[16];
	unsigned width = inet_pton(AF_INET, address, bytes) == 1    ? 4
			 : inet_pton(AF_INET6, address, bytes) == 1 ? 16
								    : 0;
	uint64_t bits = width * 8;

	if (*slash == '/' && (num_u64(slash + 1, &bits) < 0 || bits > width * 8))
		return false;
	return width != 0 && width == to->width && bits_equal(bytes, to->bytes, (unsigned)bits);
}

static bool port_fits(const struct egress_rule *r, uint16_t port)
{
	for (size_t i = 0; i < r->n; i++)
		if (port == 0 || r->ports[i] == port)
			return true;
	return r->n == 0;
}

static const struct egress_rule *egress_of(struct asking *q, const struct query_address *to)
{
	const struct egress_rules *rules = &q->plan->policy->network.egress;

	for (size_t i = 0; i < rules->n; i++) {
		const struct egress_rule *r = &rules->at[i];
		bool fits = r->domain != NULL
				    ? to->domain != NULL && domain_covers(r->domain, to->domain)
				    : to->domain == NULL && in_cidr(q->a, r->cidr, to);

		if (fits && port_fits(r, to->port))
			return r;
	}
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

static void ask_network(struct asking *q, const struct query_address *to)
{
	const struct plan *p = q->plan;
	const struct egress_rule *rule = egress_of(q, to);
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
	part->verdict = QUERY_REFUSED;
	part->err = ENETUNREACH;
	part->why = "its own network has a loopback and no way out";
	part->fix =
		"network: {mode: host}, or run with --network host: the whole network of the host";
	if (rule == NULL)
		return;
	part->from = rule->from;
	part->why = "an egress rule names it, but with mode none there is no way out";
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
