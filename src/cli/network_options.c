#include "cli/network_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "policy/domain.h"
#include "policy/net_rules.h"

static bool parse_port(const char *s, uint16_t *out)
{
	uint64_t n;

	if (num_u64(s, &n) < 0 || n == 0 || n > UINT16_MAX)
		return false;
	*out = (uint16_t)n;
	return true;
}

/* HOST:PORT, [HOST]:PORT, or HOST alone, which may be IPv6 with colons of its own. */
static bool split(struct arena *a, const char *word, const char **host, const char **port)
{
	const char *colon = strrchr(word, ':'), *end;

	*host = word;
	*port = NULL;
	if (word[0] == '[') {
		end = strchr(word, ']');
		if (end == NULL || (end[1] != ':' && end[1] != '\0'))
			return false;
		*host = arena_strndup(a, word + 1, (size_t)(end - word - 1));
		*port = end[1] == ':' ? end + 2 : NULL;
	} else if (colon != NULL && strchr(word, ':') == colon) {
		*host = arena_strndup(a, word, (size_t)(colon - word));
		*port = colon + 1;
	}
	return true;
}

/* What looks like an address that is none is meant as an address. */
static bool is_name(const char *s)
{
	return domain_pattern_valid(s) && s[strspn(s, "0123456789.")] != '\0';
}

static int bad_allow(const char *word, struct err *e)
{
	fail(e, EINVAL, "--allow %.80s: no address range, and no name", word);
	return advise(e, "for example: 10.0.0.0/8:443, [fd00::/8]:443 or example.org:443");
}

/* "limit=10M", "connections=3" or "private". */
static int add_term(const char *word, const char *term, struct egress_rule *r, struct err *e)
{
	uint64_t n;

	if (strcmp(term, "private") == 0 && r->domain != NULL) {
		r->allow_private = true;
		return 0;
	}
	if (strncmp(term, "limit=", 6) == 0 && num_bytes(term + 6, &n) == 0 && n != 0 &&
	    n <= INT64_MAX) {
		r->limit = n;
		return 0;
	}
	if (strncmp(term, "connections=", 12) == 0 && num_u64(term + 12, &n) == 0 && n != 0 &&
	    n <= EGRESS_CONNECTIONS_MAX) {
		r->connections = (uint32_t)n;
		return 0;
	}
	fail(e, EINVAL, "--allow %.80s: '%.40s' means nothing here", word, term);
	return advise(e, "limit=10M, connections=3, or for a name private");
}

static int add_terms(const char *word, char *terms, struct egress_rule *r, struct err *e)
{
	char *save = NULL;

	for (char *t = strtok_r(terms, ",", &save); t != NULL; t = strtok_r(NULL, ",", &save))
		TRY(add_term(word, t, r, e));
	return 0;
}

static int add_place(struct arena *a, const char *word, const char *place, struct egress_rule *r,
		     struct err *e)
{
	struct net_range range;
	const char *host, *port;
	uint16_t number;

	r->from.file = "--allow";
	if (!split(a, place, &host, &port))
		return bad_allow(word, e);
	if (net_range_parse(host, &range))
		r->cidr = host;
	else if (is_name(host))
		r->domain = host;
	else
		return bad_allow(word, e);
	if (port == NULL)
		return 0;
	if (!parse_port(port, &number))
		return fail(e, EINVAL, "--allow %.80s: '%.20s' is no port: 1 to 65535", word, port);
	r->ports = arena_alloc(a, sizeof *r->ports);
	r->ports[0] = number;
	r->n = r->cap = 1;
	return 0;
}

/* PLACE[,TERM]... */
static int add_allow(struct arena *a, const char *word, struct plan_request *q, struct err *e)
{
	struct egress_rule *r = LIST_ADD(a, &q->allow);
	char *place = arena_strdup(a, word), *comma = strchr(place, ',');

	if (comma != NULL)
		*comma = '\0';
	TRY(add_place(a, word, place, r, e));
	return comma != NULL ? add_terms(word, comma + 1, r, e) : 0;
}

static int bad_publish(const char *word, struct err *e)
{
	fail(e, EINVAL, "--publish %.80s: not [ADDRESS:]HOST:CONTAINER[/tcp|/udp]", word);
	return advise(e, "for example: 8080:80, 127.0.0.1:8080:80 or [::1]:5353:53/udp");
}

static bool is_address(const char *s)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

/* One port means the same on both sides. */
static int parse_publish(struct arena *a, const char *word, struct plan_publish *p, struct err *e)
{
	char *text = arena_strdup(a, word);
	char *slash = strchr(text, '/'), *inside, *outside;

	if (slash != NULL) {
		*slash = '\0';
		p->udp = strcmp(slash + 1, "udp") == 0;
		if (!p->udp && strcmp(slash + 1, "tcp") != 0)
			return bad_publish(word, e);
	}
	inside = strrchr(text, ':');
	outside = text;
	if (inside == NULL) {
		inside = text;
	} else {
		char *address_end;

		*inside++ = '\0';
		address_end = strrchr(text, ':');
		if (address_end != NULL) {
			*address_end = '\0';
			outside = address_end + 1;
			p->address = text;
		}
	}
	if (p->address != NULL && text[0] == '[' && text[strlen(text) - 1] == ']') {
		text[strlen(text) - 1] = '\0';
		p->address = text + 1;
	}
	if ((p->address != NULL && !is_address(p->address)) || !parse_port(outside, &p->host) ||
	    !parse_port(inside, &p->container))
		return bad_publish(word, e);
	return 0;
}

int network_options(struct arena *a, const struct run_options *o, struct plan_request *q,
		    struct err *e)
{
	struct plan_publish *published = arena_array(a, o->publish.n, sizeof *published);

	q->network = o->network;
	for (size_t i = 0; i < o->allow.n; i++)
		TRY(add_allow(a, o->allow.at[i], q, e));
	for (size_t i = 0; i < o->publish.n; i++)
		TRY(parse_publish(a, o->publish.at[i], &published[i], e));
	q->npublished = o->publish.n;
	q->published = published;
	return 0;
}
