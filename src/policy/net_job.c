#include "policy/net_job.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "policy/domain.h"

const char *const net_way_words[NET_WAYS] = {
	[NET_PAIR] = "pair",
	[NET_HOOKS] = "hooks",
	[NET_PASTA] = "pasta",
	[NET_SLIRP4NETNS] = "slirp4netns",
};

void net_table_name(uint64_t number, char out[NET_TABLE_BYTES])
{
	if (number == 0)
		snprintf(out, NET_TABLE_BYTES, "zviz");
	else
		snprintf(out, NET_TABLE_BYTES, "zviz_%016" PRIx64, number);
}

void net_set_name(uint32_t row, unsigned width, char out[NET_SET_BYTES])
{
	snprintf(out, NET_SET_BYTES, "domain%u_%s", row, width == 4 ? "ipv4" : "ipv6");
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

static bool parse_row(const char *s, uint32_t *out)
{
	uint64_t n;

	if (num_u64(s, &n) < 0 || n == 0 || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool parse_domain(struct arena *a, char *words, struct net_job *out)
{
	char *save = NULL;
	const char *row = strtok_r(words, " ", &save), *reach = strtok_r(NULL, " ", &save);
	struct net_domain d = { .pattern = strtok_r(NULL, " ", &save) };

	if (d.pattern == NULL || strtok_r(NULL, " ", &save) != NULL || !parse_row(row, &d.row) ||
	    (strcmp(reach, "private") != 0 && strcmp(reach, "public") != 0) ||
	    !domain_pattern_valid(d.pattern) || out->ndomains == NET_DOMAINS_MAX)
		return false;
	d.allow_private = reach[1] == 'r';
	out->domains = arena_grow(a, out->domains, out->ndomains, &out->domains_cap,
				  sizeof *out->domains);
	out->domains[out->ndomains++] = d;
	return true;
}

static bool parse_written(struct arena *a, char *words, struct net_job *out)
{
	char *space = strchr(words, ' ');
	struct net_written w = { 0 };

	if (space == NULL)
		return false;
	*space = '\0';
	w.text = space + 1;
	if (!parse_row(words, &w.row) || w.text[0] == '\0')
		return false;
	out->written = arena_grow(a, out->written, out->nwritten, &out->written_cap,
				  sizeof *out->written);
	out->written[out->nwritten++] = w;
	return true;
}

/* Behind the head: `rules` bytes for nftables, and what is to be told. */
static bool parse_texts(char *at, const char *end, uint64_t rules, const uint64_t *tell,
			struct net_job *out)
{
	const uint64_t left = (uint64_t)(end - at);

	if (rules >= left || left - rules - 1 != (tell != NULL ? *tell : 0) || at[rules] != '\n')
		return false;
	at[rules] = '\0';
	out->rules = at;
	out->tell = tell != NULL ? at + rules + 1 : NULL;
	return true;
}

static bool parse_way(char *words, struct net_job *out)
{
	char *save = NULL;
	const char *way = strtok_r(words, " ", &save);

	out->program = strtok_r(NULL, "", &save);
	for (size_t i = 0; way != NULL && i < NET_WAYS; i++) {
		out->way = (enum net_way)i;
		if (strcmp(way, net_way_words[i]) == 0)
			return i == NET_PAIR || i == NET_HOOKS
				       ? out->program == NULL
				       : out->program != NULL && out->program[0] == '/';
	}
	return false;
}

static bool parse(struct arena *a, char *at, const char *end, struct net_job *out)
{
	char *line = next_line(&at);
	uint64_t bytes, tell;
	bool told;

	if (line == NULL || strcmp(line, NET_JOB_HEADING) != 0)
		return false;
	line = next_line(&at);
	if (line == NULL || strncmp(line, "container ", 10) != 0 || line[10] == '\0')
		return false;
	out->id = line + 10;
	line = next_line(&at);
	if (line == NULL || strncmp(line, "way ", 4) != 0 || !parse_way(line + 4, out))
		return false;
	line = next_line(&at);
	out->given = line != NULL && strcmp(line, "given") == 0;
	if (out->given)
		line = next_line(&at);
	for (; line != NULL && strncmp(line, "publish ", 8) == 0; line = next_line(&at))
		if (!parse_publish(a, line + 8, out))
			return false;
	for (; line != NULL && strncmp(line, "domain ", 7) == 0; line = next_line(&at))
		if (!parse_domain(a, line + 7, out))
			return false;
	told = line != NULL && strncmp(line, "tell ", 5) == 0;
	if (told && num_u64(line + 5, &tell) < 0)
		return false;
	while (told && (line = next_line(&at)) != NULL && strncmp(line, "written ", 8) == 0)
		if (!parse_written(a, line + 8, out))
			return false;
	return line != NULL && strncmp(line, "rules ", 6) == 0 && num_u64(line + 6, &bytes) == 0 &&
	       parse_texts(at, end, bytes, told ? &tell : NULL, out);
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
