#include "policy/net_job.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "policy/domain.h"
#include "policy/net_own.h"

const char *const net_way_words[NET_WAYS] = {
	[NET_PAIR] = "pair",
	[NET_BROUGHT] = "brought",
	[NET_PASTA] = "pasta",
	[NET_SLIRP4NETNS] = "slirp4netns",
};

const char *const net_spends_words[NET_SPENDS] = {
	[NET_FREE] = "free",
	[NET_BYTES] = "bytes",
	[NET_COUNT] = "count",
};

void net_table_name(uint64_t number, char out[NET_TABLE_BYTES])
{
	if (number == 0)
		snprintf(out, NET_TABLE_BYTES, NET_TABLE);
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
	const char *row = strtok_r(words, " ", &save), *sets = strtok_r(NULL, " ", &save),
		   *reach = strtok_r(NULL, " ", &save);
	struct net_domain d = { .pattern = strtok_r(NULL, " ", &save) };

	if (d.pattern == NULL || strtok_r(NULL, " ", &save) != NULL || !parse_row(row, &d.row) ||
	    !parse_row(sets, &d.sets) ||
	    (strcmp(reach, "private") != 0 && strcmp(reach, "public") != 0) ||
	    !domain_pattern_valid(d.pattern) || out->ndomains == NET_DOMAINS_MAX)
		return false;
	d.allow_private = reach[1] == 'r';
	out->domains = arena_grow(a, out->domains, out->ndomains, &out->domains_cap,
				  sizeof *out->domains);
	out->domains[out->ndomains++] = d;
	return true;
}

/* ---- rows of a change ---- */

static bool parse_ports(struct arena *a, char *words, struct net_out *out)
{
	char *save = NULL;

	if (strcmp(words, "*") == 0)
		return true;
	/* strtok_r(3) would pass over an empty one. */
	if (words[0] == ',' || words[strlen(words) - 1] == ',' || strstr(words, ",,") != NULL)
		return false;
	for (char *w = strtok_r(words, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
		out->ports = arena_grow(a, out->ports, out->nports, &out->cap, sizeof *out->ports);
		if (!parse_port(w, &out->ports[out->nports++]))
			return false;
	}
	return true;
}

static bool parse_spends(const char *word, enum net_spends *out)
{
	for (int i = 0; i < NET_SPENDS; i++) {
		*out = (enum net_spends)i;
		if (strcmp(word, net_spends_words[i]) == 0)
			return true;
	}
	return false;
}

static bool parse_out(struct arena *a, char *words, struct net_job *out)
{
	char *save = NULL;
	const char *row = strtok_r(words, " ", &save), *sets = strtok_r(NULL, " ", &save),
		   *spends = strtok_r(NULL, " ", &save), *range = strtok_r(NULL, " ", &save);
	char *ports = strtok_r(NULL, " ", &save);
	struct net_out x = { 0 };

	if (ports == NULL || strtok_r(NULL, " ", &save) != NULL || !parse_row(row, &x.row) ||
	    !parse_row(sets, &x.sets) || x.row > NET_ROWS_MAX || !parse_spends(spends, &x.spends) ||
	    (strcmp(range, "*") != 0 && !net_range_parse(range, &x.range)) ||
	    !parse_ports(a, ports, &x))
		return false;
	out->out = arena_grow(a, out->out, out->nout, &out->out_cap, sizeof *out->out);
	out->out[out->nout++] = x;
	return true;
}

static bool parse_in(struct arena *a, char *words, struct net_job *out)
{
	out->in = arena_grow(a, out->in, out->nin, &out->in_cap, sizeof *out->in);
	return parse_port(words, &out->in[out->nin++]);
}

/* A name of net_table_name(). */
static bool is_table(const char *s)
{
	static const char start[] = "zviz";
	const size_t len = sizeof start - 1;

	if (strncmp(s, start, len) != 0)
		return false;
	s += len;
	return *s == '\0' ||
	       (*s == '_' && strspn(s + 1, "0123456789abcdef") == 16 && s[17] == '\0');
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
			return i == NET_PAIR || i == NET_BROUGHT
				       ? out->program == NULL
				       : out->program != NULL && out->program[0] == '/';
	}
	return false;
}

/* *line becomes what follows them. */
static bool parse_rows(struct arena *a, char **line, char **at, struct net_job *out)
{
	for (; *line != NULL && strncmp(*line, "out ", 4) == 0; *line = next_line(at))
		if (!parse_out(a, *line + 4, out))
			return false;
	for (; *line != NULL && strncmp(*line, "in ", 3) == 0; *line = next_line(at))
		if (!parse_in(a, *line + 3, out))
			return false;
	return true;
}

/* ---- a network by path ---- */

static bool parse_own(struct arena *a, char *words, struct net_job *out)
{
	char *save = NULL;
	const char *first = strtok_r(words, " ", &save), *last = strtok_r(NULL, " ", &save);
	uint64_t from, to;

	if (last == NULL || strtok_r(NULL, " ", &save) != NULL || num_u64(first, &from) < 0 ||
	    num_u64(last, &to) < 0 || from > to || to > UINT32_MAX)
		return false;
	out->own = arena_grow(a, out->own, out->nown, &out->own_cap, sizeof *out->own);
	out->own[out->nown++] = (struct net_ids){ (uint32_t)from, (uint32_t)to };
	return true;
}

/* *line becomes what follows. */
static bool parse_given(struct arena *a, char **line, char **at, struct net_job *out)
{
	out->given = *line != NULL && strcmp(*line, "given") == 0;
	if (!out->given)
		return true;
	*line = next_line(at);
	if (*line == NULL || strncmp(*line, "mark ", 5) != 0 || !parse_row(*line + 5, &out->mark) ||
	    (out->mark & ~(uint32_t)NET_MARK_OWNER) != 0)
		return false;
	for (*line = next_line(at); *line != NULL && strncmp(*line, "own ", 4) == 0;
	     *line = next_line(at))
		if (!parse_own(a, *line + 4, out))
			return false;
	return true;
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
	if (!parse_given(a, &line, &at, out))
		return false;
	if (line != NULL && strncmp(line, "change ", 7) == 0) {
		out->change = line + 7;
		if (!is_table(out->change))
			return false;
		line = next_line(&at);
	}
	for (; line != NULL && strncmp(line, "publish ", 8) == 0; line = next_line(&at))
		if (!parse_publish(a, line + 8, out))
			return false;
	for (; line != NULL && strncmp(line, "domain ", 7) == 0; line = next_line(&at))
		if (!parse_domain(a, line + 7, out))
			return false;
	if (out->change != NULL && !parse_rows(a, &line, &at, out))
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
