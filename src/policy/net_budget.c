#include "policy/net_budget.h"

#include <stdio.h>
#include <string.h>

#include "policy/net_job.h"
#include "policy/net_own.h"
#include "policy/net_rules.h"

enum {
	/* The headers of IPv6 and TCP with all options: 40 + 60. */
	SMALL_BYTES = 100,
};

static bool has_budget(const struct egress_rule *r)
{
	return r->limit != 0 || r->connections != 0;
}

/* ---- words ---- */

static const char *bytes_text(struct arena *a, uint64_t n)
{
	static const char letters[] = { 'G', 'M', 'K' };

	for (size_t i = 0; i < COUNT(letters); i++) {
		const unsigned shift = 30 - 10 * (unsigned)i;

		if ((n & ((UINT64_C(1) << shift) - 1)) == 0)
			return arena_printf(a, "%llu%c", (unsigned long long)(n >> shift),
					    letters[i]);
	}
	return arena_printf(a, "%llu bytes", (unsigned long long)n);
}

const char *net_terms(struct arena *a, const struct egress_rule *r)
{
	struct buf b = { .arena = a };

	if (r->limit != 0)
		buf_printf(&b, ", at most %s", bytes_text(a, r->limit));
	if (r->connections != 0)
		buf_printf(&b, ", %u connection%s at once", r->connections,
			   r->connections == 1 ? "" : "s");
	if (r->allow_private)
		buf_puts(&b, ", private addresses too");
	return b.len == 0 ? "" : arena_printf(a, " (%s)", buf_text(&b) + 2);
}

/* ---- budgets ---- */

void net_budget_objects(const struct plan_net *n, struct buf *out)
{
	for (size_t i = 0; i < n->egress.n; i++) {
		const struct egress_rule *r = &n->egress.at[i];
		const uint32_t row = net_number(n, i);

		if (!net_is_new(n, i))
			continue;
		if (r->limit != 0)
			buf_printf(out,
				   "\tquota bytes%u { over %llu bytes }\n"
				   "\tcounter past%u { }\n\tcounter late%u { }\n",
				   row, (unsigned long long)r->limit, row, row);
		if (r->connections != 0)
			buf_printf(out, "\tcounter full%u { }\n", row);
	}
}

static void put_end(const struct plan_net *n, const char *why, size_t row, struct buf *out)
{
	buf_printf(out, "\tchain %s%zu {\n\t\tcounter name \"%s%zu\" goto refuse", why, row, why,
		   row);
	if (n->told)
		buf_printf(out, "_%s%zu", why, row);
	buf_puts(out, "\n\t}\n");
}

/* What is sent past the limit is refused, and a reset ends the sender's connection; its own resets pass. Of what a connection of
 * TCP receives, one more packet is let through, and whatever has little or no payload: its receiver acknowledges it, and that is
 * sent. Then the other side is reset as well. Nobody has to answer to a datagram. */
static void put_spend(size_t row, uint32_t mark, struct buf *out)
{
	buf_printf(out,
		   "\tchain spend%zu_out {\n\t\ttcp flags & rst == rst return\n"
		   "\t\tquota name \"bytes%zu\" goto past%zu\n\t}\n",
		   row, row, row);
	buf_printf(out, "\tchain over%zu_in {\n", row);
	buf_printf(out, "\t\tmeta l4proto != tcp counter name \"late%zu\" drop\n", row);
	buf_printf(out, "\t\tmeta length <= %d return\n", SMALL_BYTES);
	buf_printf(out, "\t\tct mark %u counter name \"late%zu\" reject with tcp reset\n",
		   mark + NET_MARK_ENDS, row);
	buf_printf(out, "\t\tct mark set %u\n\t}\n", mark + NET_MARK_ENDS);
	buf_printf(out, "\tchain spend%zu_in {\n\t\tquota name \"bytes%zu\" goto over%zu_in\n\t}\n",
		   row, row, row);
}

/* Both families of a name's addresses come here, and share what there is. */
static void put_row(const struct egress_rule *r, size_t row, uint32_t mark, struct buf *out)
{
	buf_printf(out, "\tchain row%zu {\n", row);
	if (r->limit != 0)
		buf_printf(out, "\t\tquota name \"bytes%zu\" goto past%zu\n", row, row);
	if (r->connections != 0)
		buf_printf(out, "\t\tct count over %u goto full%zu\n", r->connections, row);
	buf_printf(out, "\t\tct mark set %u\n", mark);
	buf_printf(out, "\t\tcounter name \"egress%zu\" accept\n\t}\n", row);
}

void net_budget_chains(const struct plan_net *n, struct buf *out)
{
	for (size_t i = 0; i < n->egress.n; i++) {
		const struct egress_rule *r = &n->egress.at[i];
		const uint32_t row = net_number(n, i);

		if (!net_is_new(n, i))
			continue;
		if (r->connections != 0)
			put_end(n, "full", row, out);
		if (r->limit != 0) {
			put_end(n, "past", row, out);
			put_spend(row, net_own_mark(n, row), out);
		}
		if (has_budget(r))
			put_row(r, row, net_own_mark(n, row), out);
	}
}

void net_budget_spend(const struct plan_net *n, bool in, struct buf *out)
{
	const char *before = "\t\tct state established,related ct mark vmap { ";

	for (size_t i = 0; i < n->egress.n; i++) {
		if (n->egress.at[i].limit == 0)
			continue;
		for (size_t ends = 0; ends <= NET_MARK_ENDS; ends += NET_MARK_ENDS) {
			buf_printf(out, "%s%zu : jump spend%u_%s", before,
				   net_own_mark(n, net_number(n, i)) + ends, net_number(n, i),
				   in ? "in" : "out");
			before = ", ";
		}
	}
	if (before[0] == ',')
		buf_puts(out, " }\n");
}

void net_row_verdict(const struct plan_net *n, size_t row, struct buf *out)
{
	const uint32_t number = net_number(n, row);

	if (has_budget(&n->egress.at[row])) {
		buf_printf(out, " goto row%u\n", number);
		return;
	}
	if (n->given)
		buf_printf(out, " ct mark set %u", net_own_mark(n, 0));
	buf_printf(out, " counter name \"egress%u\" accept\n", number);
}

/* ---- telling ---- */

/* `row` is its number, or "". */
typedef void put_reason(const char *why, const char *row, uint16_t group, struct buf *out);

static void each_reason(const struct plan_net *n, put_reason *put, uint16_t group, struct buf *out)
{
	char row[24];

	if (n->numbers.change == 0) {
		put("out", "", group, out);
		put("guarded", "", group, out);
		put("in", "", group, out);
		if (n->program != NULL)
			put("host", "", group, out);
	}
	for (size_t i = 0; i < n->egress.n; i++) {
		if (!net_is_new(n, i))
			continue;
		snprintf(row, sizeof row, "%u", net_number(n, i));
		if (n->egress.at[i].limit != 0)
			put("past", row, group, out);
		if (n->egress.at[i].connections != 0)
			put("full", row, group, out);
	}
}

static void put_chains(const char *why, const char *row, uint16_t group, struct buf *out)
{
	(void)group;
	buf_printf(out, "\tchain tell_%s%s { }\n", why, row);
	buf_printf(out, "\tchain refuse_%s%s {\n\t\tjump tell_%s%s\n\t\tgoto refuse\n\t}\n", why,
		   row, why, row);
}

void net_tell_chains(const struct plan_net *n, struct buf *out)
{
	if (!n->told)
		return;
	if (n->numbers.change == 0)
		buf_puts(out, "\tcounter told { }\n");
	each_reason(n, put_chains, 0, out);
}

/* What comes in was meant for this container, and begins something: the host's talk to everybody on the link is neither.
 * Each reason has a rate of its own, so that a flood of one hides no other. */
static void put_log(const char *why, const char *row, uint16_t group, struct buf *out)
{
	const bool in = strcmp(why, "in") == 0;

	buf_printf(out,
		   "\tchain tell_%s%s {\n\t\t%slimit rate %d/second burst %d packets %slog prefix "
		   "\"%s%s\" group %u snaplen %d\n\t}\n",
		   why, row, in ? "meta pkttype host ct state new " : "", NET_TOLD_A_S,
		   2 * NET_TOLD_A_S, in ? "" : "counter name \"told\" ", why, row, group,
		   NET_LOG_BYTES);
}

void net_tell_print(const struct plan *p, struct buf *out)
{
	buf_puts(out, "table inet zviz {\n");
	net_tell_rows(&p->net, NET_LOG_GROUP, out);
	buf_puts(out, "}\n");
}

void net_tell_rows(const struct plan_net *n, uint16_t group, struct buf *out)
{
	each_reason(n, put_log, group, out);
}
