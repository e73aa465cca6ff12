#include "policy/flows.h"

#include <string.h>

#include "policy/domain.h"

/* ---- names ---- */

bool domain_within(const char *inner, const char *outer)
{
	bool inner_wild = strncmp(inner, "*.", 2) == 0, outer_wild = strncmp(outer, "*.", 2) == 0;

	if (!inner_wild)
		return domain_covers(outer, inner);
	/* Names have no end: no number of exact ones makes a wildcard. */
	return outer_wild &&
	       (domain_covers(outer, inner + 2) || domain_covers(outer + 2, inner + 2));
}

/* ---- ports ---- */

static bool has_port(const struct flow_row *r, uint64_t port)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->ports[i] == port)
			return true;
	return r->n == 0;
}

/* Lists of ports mean TCP and UDP; without one a row means ICMP and all else as well, so no lists make up for it. */
static bool ports_within(const struct flow_row *r, const struct flow_row *const *by, size_t n)
{
	for (size_t p = 0; p < r->n; p++) {
		bool found = false;

		for (size_t i = 0; i < n && !found; i++)
			found = has_port(by[i], r->ports[p]);
		if (!found)
			return false;
	}
	for (size_t i = 0; i < n && r->n == 0; i++)
		if (by[i]->n == 0)
			return true;
	return r->n != 0;
}

/* ---- ranges ---- */

static bool overlap(const struct net_range *x, const struct net_range *y)
{
	return net_range_within(x, y) || net_range_within(y, x);
}

/* Whether a guarded range lies within, so that a part is treated otherwise than the rest. */
static bool holds_guarded(const struct net_range *x)
{
	struct net_range g;

	for (size_t i = 0; net_range_guarded_nth(i, &g); i++)
		if (g.bits > x->bits && net_range_within(&g, x))
			return true;
	return false;
}

static struct net_range half(const struct net_range *x, bool upper)
{
	struct net_range h = *x;

	if (upper)
		h.bytes[x->bits / 8] |= (uint8_t)(0x80u >> x->bits % 8);
	h.bits++;
	return h;
}

typedef bool (*flow_test)(const struct flow_row *o, const struct net_range *x);

static bool meets(const struct flow_row *o, const struct net_range *x)
{
	return overlap(&o->range, x);
}

static bool holds(const struct flow_row *o, const struct net_range *x)
{
	return net_range_within(x, &o->range);
}

static bool holds_by_name(const struct flow_row *o, const struct net_range *x)
{
	return o->guarded && holds(o, x);
}

/* Moves those that pass to the front; returns how many they are. */
static size_t first(const struct flow_row **by, size_t n, const struct net_range *x, flow_test test)
{
	size_t passed = 0;

	for (size_t i = 0; i < n; i++)
		if (test(by[i], x)) {
			const struct flow_row *o = by[i];

			by[i] = by[passed];
			by[passed++] = o;
		}
	return passed;
}

/* Whether the row's flows to `x` are permitted by some of `by`, all of which meet x; they are put into another order. */
static bool range_covered(const struct flow_row *row, const struct net_range *x,
			  const struct flow_row **by, size_t n)
{
	const bool guarded = row->guards && net_range_guarded(x) != NULL;
	size_t whole;

	if (guarded && !row->guarded)
		return true; /* the row does not mean it */
	whole = first(by, n, x, guarded ? holds_by_name : holds);
	if (ports_within(row, by, whole))
		return true;
	if (first(by, n, x, holds) == n && !(row->guards && holds_guarded(x)))
		return false; /* every part of it is treated as the whole is */
	for (unsigned upper = 0; upper < 2; upper++) {
		const struct net_range h = half(x, upper);

		if (!range_covered(row, &h, by, first(by, n, &h, meets)))
			return false;
	}
	return true;
}

/* ---- the whole ---- */

bool flow_within(struct arena *a, const struct flow_row *r, const struct flow_rows *by)
{
	const struct flow_row **rows = arena_array(a, by->n + 1, sizeof *rows);
	size_t n = 0;

	for (size_t i = 0; i < by->n; i++) {
		const struct flow_row *o = &by->at[i];

		if (r->domain != NULL ? o->domain != NULL && domain_within(r->domain, o->domain)
				      : o->domain == NULL && overlap(&r->range, &o->range))
			rows[n++] = o;
	}
	return r->domain != NULL ? ports_within(r, rows, n) : range_covered(r, &r->range, rows, n);
}

void flows_of_egress(struct arena *a, const struct egress_rules *rules, struct flow_rows *out)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct egress_rule *r = &rules->at[i];
		struct flow_row row = {
			.domain = r->domain,
			.ports = r->ports,
			.n = r->n,
			.guards = true,
			.limit = r->limit,
			.connections = r->connections,
			.allow_private = r->allow_private,
			.terms = net_terms(a, r),
		};

		if (r->domain == NULL && !net_range_parse(r->cidr, &row.range))
			continue; /* the schema takes none that is no range */
		row.guarded = r->domain == NULL && net_range_guarded(&row.range) != NULL;
		*LIST_ADD(a, out) = row;
	}
}

void flows_of_asked(struct arena *a, const struct address_rules *rules, struct flow_rows *out)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct address_rule *r = &rules->at[i];
		struct flow_row row = { .range = { .width = sizeof r->base, .bits = r->bits },
					.ports = r->ports,
					.n = r->n };

		memcpy(row.range.bytes, r->base, sizeof r->base);
		*LIST_ADD(a, out) = row;
	}
}

const char *flow_text(struct arena *a, const struct flow_row *r)
{
	struct buf text = { .arena = a };
	const bool brackets = r->n != 0 && r->domain == NULL && r->range.width == 16;

	if (r->domain != NULL) {
		buf_puts(&text, r->domain);
	} else {
		buf_puts(&text, brackets ? "[" : "");
		net_range_print(&r->range, &text);
		buf_puts(&text, brackets ? "]" : "");
	}
	for (size_t i = 0; i < r->n; i++)
		buf_printf(&text, "%c%llu", i == 0 ? ':' : ',', (unsigned long long)r->ports[i]);
	buf_puts(&text, r->terms != NULL ? r->terms : "");
	return buf_text(&text);
}
