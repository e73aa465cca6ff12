#include "policy/net_counts.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "policy/net_change.h"
#include "policy/net_rules.h"

void net_counts_begin(struct arena *a, const struct plan_net *n, struct net_counts *out)
{
	*out = (struct net_counts){
		.egress = arena_array(a, n->egress.n + 1, sizeof *out->egress),
		.ingress = arena_array(a, n->ingress.n + 1, sizeof *out->ingress),
	};
}

/* The number behind `word`; 0: it is another name. */
static uint32_t number_of(const char *name, const char *word)
{
	uint64_t n;

	if (strncmp(name, word, strlen(word)) != 0 || num_u64(name + strlen(word), &n) < 0 ||
	    n > UINT32_MAX)
		return 0;
	return (uint32_t)n;
}

/* The row of egress that has the number behind `word`, from 1; 0: none has. */
static size_t row_of(const struct plan_net *n, const char *name, const char *word)
{
	const uint32_t number = number_of(name, word);

	for (size_t i = 0; number != 0 && i < n->egress.n; i++)
		if (net_number(n, i) == number)
			return i + 1;
	return 0;
}

static size_t row_of_port(const struct plan_net *n, const char *name)
{
	const uint32_t number = number_of(name, "ingress");

	for (size_t i = 0; number != 0 && i < n->ingress.n; i++)
		if (net_number_in(n, i) == number)
			return i + 1;
	return 0;
}

void net_counts_take(const struct plan_net *n, struct net_counts *out, const char *name,
		     uint64_t packets, uint64_t bytes)
{
	const struct {
		const char *word;
		size_t offset;
		uint64_t value;
	} rows[] = {
		{ "egress", offsetof(struct net_row_counts, begun), packets },
		{ "bytes", offsetof(struct net_row_counts, bytes), bytes },
		{ "past", offsetof(struct net_row_counts, past), packets },
		{ "full", offsetof(struct net_row_counts, full), packets },
		{ "late", offsetof(struct net_row_counts, late), packets },
	};
	const struct {
		const char *word;
		uint64_t *to;
	} single[] = {
		{ "guarded", &out->guarded }, { "host", &out->host }, { "refused_out", &out->out },
		{ "refused_in", &out->in },   { "told", &out->told },
	};
	const uint32_t change = number_of(name, NET_CHANGE_COUNTER);
	size_t row = row_of_port(n, name);

	if (change > out->change)
		out->change = change;

	if (row != 0)
		out->ingress[row - 1] = packets;
	for (size_t i = 0; i < COUNT(rows); i++) {
		row = row_of(n, name, rows[i].word);
		if (row != 0)
			*(uint64_t *)((char *)&out->egress[row - 1] +
				      rows[i].offset) = rows[i].value;
	}
	for (size_t i = 0; i < COUNT(single); i++)
		if (strcmp(name, single[i].word) == 0)
			*single[i].to = packets;
}

uint64_t net_counts_refused(const struct plan_net *n, const struct net_counts *c)
{
	uint64_t sum = c->guarded + c->host + c->out + c->in;

	for (size_t i = 0; i < n->egress.n; i++)
		sum += c->egress[i].past + c->egress[i].full;
	return sum;
}

uint64_t net_counts_untold(const struct plan_net *n, const struct net_counts *c)
{
	const uint64_t out = net_counts_refused(n, c) - c->in;

	return n->told && out > c->told ? out - c->told : 0;
}

static void put(struct buf *out, const char *before, uint64_t n, const char *what)
{
	buf_printf(out, "%s%" PRIu64 " %s%s", before, n, what, n == 1 ? "" : "s");
}

void net_counts_print_row(const struct egress_rule *r, const struct net_row_counts *c,
			  struct buf *out)
{
	put(out, ": ", c->begun, "connection");
	if (r->limit != 0)
		put(out, ", ", c->bytes, "byte");
	if (c->past != 0) {
		put(out, ", ", c->past, "packet");
		buf_puts(out, " refused past its limit");
	}
	if (c->late != 0) {
		put(out, ", ", c->late, "packet");
		buf_puts(out, " that came too late");
	}
	if (c->full != 0) {
		put(out, ", ", c->full, "packet");
		buf_puts(out, " refused past its connections");
	}
}
