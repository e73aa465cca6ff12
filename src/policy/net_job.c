#include "policy/net_job.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "policy/domain.h"

static const char heading[] = "zviz-net 2";

static const char *const ways[] = {
	[NET_PAIR] = "pair",
	[NET_PASTA] = "pasta",
	[NET_SLIRP4NETNS] = "slirp4netns",
};

void net_set_name(uint32_t row, unsigned width, char out[NET_SET_BYTES])
{
	snprintf(out, NET_SET_BYTES, "domain%u_%s", row, width == 4 ? "ipv4" : "ipv6");
}

void net_job_print(const struct plan *p, const char *rules, size_t len, struct buf *out)
{
	buf_printf(out, "%s\ncontainer %s\nway %s%s%s\n", heading, p->id, ways[p->net.way],
		   p->net.program != NULL ? " " : "", p->net.program != NULL ? p->net.program : "");
	for (size_t i = 0; i < p->net.npublished; i++) {
		const struct plan_publish *x = &p->net.published[i];

		buf_printf(out, "publish %s %s %u %u\n", x->udp ? "udp" : "tcp",
			   x->address != NULL ? x->address : "*", x->host, x->container);
	}
	for (size_t i = 0; i < p->net.egress.n; i++)
		if (p->net.egress.at[i].domain != NULL)
			buf_printf(out, "domain %zu %s\n", i + 1, p->net.egress.at[i].domain);
	buf_printf(out, "rules %zu\n", len);
	buf_add(out, rules, len);
}

/* The next line, without its end; NULL when there is none. */
static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return line;
}

static bool parse_port(const char *s, uint16_t *out)
{
	uint64_t n;

	if (s == NULL || num_u64(s, &n) < 0 || n == 0 || n > UINT16_MAX)
		return false;
	*out = (uint16_t)n;
	return true;
}

static bool is_address(const char *s)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

static bool parse_publish(struct arena *a, char *words, struct net_job *out)
{
	struct plan_publish p = { 0 };
	char *save = NULL;
	const char *protocol = strtok_r(words, " ", &save), *address = strtok_r(NULL, " ", &save);

	if (address == NULL || (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0) ||
	    (strcmp(address, "*") != 0 && !is_address(address)) ||
	    !parse_port(strtok_r(NULL, " ", &save), &p.host) ||
	    !parse_port(strtok_r(NULL, " ", &save), &p.container) ||
	    strtok_r(NULL, " ", &save) != NULL)
		return false;
	p.udp = protocol[0] == 'u';
	p.address = address[0] == '*' ? NULL : address;
	out->published = arena_grow(a, out->published, out->npublished, &out->cap,
				    sizeof *out->published);
	out->published[out->npublished++] = p;
	return true;
}

static bool parse_domain(struct arena *a, char *words, struct net_job *out)
{
	char *save = NULL;
	const char *row = strtok_r(words, " ", &save), *pattern = strtok_r(NULL, " ", &save);
	uint64_t number;

	if (pattern == NULL || strtok_r(NULL, " ", &save) != NULL || num_u64(row, &number) < 0 ||
	    number == 0 || number > UINT32_MAX || !domain_pattern_valid(pattern) ||
	    out->ndomains == NET_DOMAINS_MAX)
		return false;
	out->domains = arena_grow(a, out->domains, out->ndomains, &out->domains_cap,
				  sizeof *out->domains);
	out->domains[out->ndomains++] = (struct net_domain){ (uint32_t)number, pattern };
	return true;
}

static bool parse_way(char *words, struct net_job *out)
{
	char *save = NULL;
	const char *way = strtok_r(words, " ", &save);

	out->program = strtok_r(NULL, "", &save);
	for (size_t i = 0; way != NULL && i < COUNT(ways); i++) {
		out->way = (enum net_way)i;
		if (strcmp(way, ways[i]) == 0)
			return i == NET_PAIR ? out->program == NULL
					     : out->program != NULL && out->program[0] == '/';
	}
	return false;
}

static bool parse(struct arena *a, char *at, const char *end, struct net_job *out)
{
	char *line = next_line(&at);
	uint64_t bytes;

	if (line == NULL || strcmp(line, heading) != 0)
		return false;
	line = next_line(&at);
	if (line == NULL || strncmp(line, "container ", 10) != 0 || line[10] == '\0')
		return false;
	out->id = line + 10;
	line = next_line(&at);
	if (line == NULL || strncmp(line, "way ", 4) != 0 || !parse_way(line + 4, out))
		return false;
	while ((line = next_line(&at)) != NULL && strncmp(line, "publish ", 8) == 0)
		if (!parse_publish(a, line + 8, out))
			return false;
	for (; line != NULL && strncmp(line, "domain ", 7) == 0; line = next_line(&at))
		if (!parse_domain(a, line + 7, out))
			return false;
	if (line == NULL || strncmp(line, "rules ", 6) != 0 || num_u64(line + 6, &bytes) < 0)
		return false;
	out->rules = at;
	return bytes == (uint64_t)(end - at);
}

int net_job_parse(struct arena *a, const char *text, size_t len, struct net_job *out, struct err *e)
{
	char *copy = arena_strndup(a, text, len);

	*out = (struct net_job){ 0 };
	if (strlen(copy) == len && parse(a, copy, copy + len, out))
		return 0;
	fail(e, EINVAL, "zviz-net: the description of its job is not one");
	return advise(e, "zviz and zviz-net must be of the same version: install both anew");
}
