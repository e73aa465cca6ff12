#include "policy/net_change.h"

#include <errno.h>
#include <string.h>

#include "policy/net_budget.h"
#include "policy/net_catch.h"
#include "policy/net_job.h"
#include "policy/net_own.h"
#include "policy/net_rules.h"

/* ---- rows ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_names(const struct egress_rule *a, const struct egress_rule *b)
{
	return a->domain != NULL && same_text(a->domain, b->domain) &&
	       a->allow_private == b->allow_private;
}

static bool same_row(const struct egress_rule *a, const struct egress_rule *b)
{
	return same_text(a->cidr, b->cidr) && same_text(a->domain, b->domain) &&
	       a->allow_private == b->allow_private && a->limit == b->limit &&
	       a->connections == b->connections && a->n == b->n &&
	       (a->n == 0 || memcmp(a->ports, b->ports, a->n * sizeof *a->ports) == 0);
}

bool net_change_same(const struct plan_net *was, const struct plan_net *is)
{
	bool same = was->egress.n == is->egress.n && was->ingress.n == is->ingress.n;

	for (size_t i = 0; same && i < is->egress.n; i++)
		same = same_row(&was->egress.at[i], &is->egress.at[i]);
	for (size_t i = 0; same && i < is->ingress.n; i++)
		same = was->ingress.at[i].port == is->ingress.at[i].port;
	return same;
}

/* ---- numbers ---- */

/* The old row that this one is, which no earlier one of the new rows is; was->egress.n: none. */
static size_t find_row(const struct plan_net *was, const struct egress_rule *r, bool *taken)
{
	for (size_t i = 0; i < was->egress.n; i++) {
		if (taken[i] || !same_row(&was->egress.at[i], r))
			continue;
		taken[i] = true;
		return i;
	}
	return was->egress.n;
}

/* The sets of an old row with the same names: what they have resolved to goes on being permitted. Several rows may share them. */
static uint32_t find_names(const struct plan_net *was, const struct egress_rule *r, uint32_t own)
{
	for (size_t i = 0; i < was->egress.n; i++)
		if (same_names(&was->egress.at[i], r))
			return net_names(was, i);
	return own;
}

static size_t find_port(const struct plan_net *was, uint16_t port, bool *taken)
{
	for (size_t i = 0; i < was->ingress.n; i++) {
		if (taken[i] || was->ingress.at[i].port != port)
			continue;
		taken[i] = true;
		return i;
	}
	return was->ingress.n;
}

static void number_out(struct arena *a, const struct plan_net *was, struct plan_net *is)
{
	uint32_t *numbers = arena_array(a, is->egress.n + 1, sizeof *numbers),
		 *names = arena_array(a, is->egress.n + 1, sizeof *names);
	bool *taken = arena_array(a, was->egress.n + 1, sizeof *taken);

	for (size_t i = 0; i < is->egress.n; i++) {
		const struct egress_rule *r = &is->egress.at[i];
		size_t old = find_row(was, r, taken);

		if (old < was->egress.n) {
			numbers[i] = net_number(was, old);
			names[i] = net_names(was, old);
		} else {
			numbers[i] = ++is->numbers.last;
			names[i] = find_names(was, r, numbers[i]);
		}
	}
	is->numbers.egress = numbers;
	is->numbers.names = names;
}

static void number_in(struct arena *a, const struct plan_net *was, struct plan_net *is)
{
	uint32_t *numbers = arena_array(a, is->ingress.n + 1, sizeof *numbers);
	bool *taken = arena_array(a, was->ingress.n + 1, sizeof *taken);

	for (size_t i = 0; i < is->ingress.n; i++) {
		size_t old = find_port(was, is->ingress.at[i].port, taken);

		numbers[i] = old < was->ingress.n ? net_number_in(was, old) : ++is->numbers.last_in;
	}
	is->numbers.ingress = numbers;
}

int net_change_number(struct arena *a, const struct plan_net *was, struct plan_net *is,
		      struct err *e)
{
	const struct net_numbers *n = &was->numbers;
	const uint32_t last = n->change != 0 ? n->last : (uint32_t)was->egress.n,
		       last_in = n->change != 0 ? n->last_in : (uint32_t)was->ingress.n;

	const uint32_t most = is->given ? NET_MARK_ROWS_MAX : NET_ROWS_MAX;

	if (last + (uint64_t)is->egress.n > most || last_in > NET_ROWS_MAX - is->ingress.n ||
	    n->change == UINT32_MAX)
		return fail(e, E2BIG, "network: its rules were changed too often");
	is->numbers = (struct net_numbers){ .change = n->change + 1,
					    .catches = was->catches || n->catches,
					    .known = last,
					    .known_in = last_in,
					    .last = last,
					    .last_in = last_in };
	number_out(a, was, is);
	number_in(a, was, is);
	return 0;
}

/* ---- the transaction ---- */

/* Of a table with an owner the kernel changes nothing that does not say so. */
static void begin(const struct plan_net *n, const char *table, struct buf *out)
{
	buf_printf(out, "table inet %s {\n%s", table, n->given ? "\tflags owner\n" : "");
}

void net_change_print(const struct plan_net *n, const char *table, uint16_t group, struct buf *out)
{
	begin(n, table, out);
	buf_printf(out, "\tcounter " NET_CHANGE_COUNTER "%u { }\n", n->numbers.change);
	net_rules_counters(n, out);
	net_rules_sets(n, out);
	net_budget_objects(n, out);
	net_tell_chains(n, out);
	net_budget_chains(n, out);
	buf_puts(out, "}\n");
	buf_printf(out, "flush chain inet %s output\nflush chain inet %s input\n", table, table);
	if (n->numbers.catches)
		buf_printf(out, "flush chain inet %s " NET_CATCH_CHAIN "\n", table);
	if (n->numbers.catches || net_catch_meets(n))
		buf_printf(out, "flush chain inet %s " NET_CATCH_CHAIN "_stays\n", table);
	begin(n, table, out);
	net_rules_chains(n, out);
	if (n->told && group != 0)
		net_tell_rows(n, group, out);
	buf_puts(out, "}\n");
}
