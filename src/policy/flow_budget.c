/*
 * Rows with budgets: the first row that a flow fits decides, and has what its budget has.
 */
#include "policy/flows.h"

static bool ports_meet(const struct flow_row *x, const struct flow_row *y)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t j = 0; j < y->n; j++)
			if (x->ports[i] == y->ports[j])
				return true;
	return x->n == 0 || y->n == 0;
}

/* Whether some flow fits both. */
static bool meet(const struct flow_row *x, const struct flow_row *y)
{
	bool places = false;

	if (x->domain != NULL && y->domain != NULL)
		places = domain_within(x->domain, y->domain) || domain_within(y->domain, x->domain);
	else if (x->domain == NULL && y->domain == NULL)
		places = net_range_within(&x->range, &y->range) ||
			 net_range_within(&y->range, &x->range);
	return places && ports_meet(x, y);
}

/* Whether one of the first n rows takes every flow of `r`, so that those behind see none. */
static bool taken_before(struct arena *a, const struct flow_row *r, const struct flow_rows *rows,
			 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (flow_within(a, r, &(struct flow_rows){ 1, 1, &rows->at[i] }))
			return true;
	return false;
}

/* What `mine` may use of what row o gives: without an end when one of them has none. */
static bool fits(struct arena *a, const struct flow_rows *mine, const struct flow_row *o)
{
	uint64_t bytes = 0, connections = 0;
	bool endless_bytes = false, endless_connections = false;

	for (size_t i = 0; i < mine->n; i++) {
		const struct flow_row *r = &mine->at[i];

		if (!meet(r, o) || taken_before(a, o, mine, i))
			continue;
		endless_bytes |= r->limit == 0 || __builtin_add_overflow(bytes, r->limit, &bytes);
		endless_connections |= r->connections == 0;
		connections += r->connections;
	}
	return (o->limit == 0 || (!endless_bytes && bytes <= o->limit)) &&
	       (o->connections == 0 || (!endless_connections && connections <= o->connections));
}

bool flow_permitted(struct arena *a, const struct flow_rows *mine, size_t i,
		    const struct flow_rows *theirs)
{
	const struct flow_row *r = &mine->at[i];
	struct flow_rows by = { 0 };

	for (size_t k = 0; k < theirs->n; k++) {
		const struct flow_row *o = &theirs->at[k];

		if (meet(r, o) && !taken_before(a, o, theirs, k) && !taken_before(a, o, mine, i) &&
		    !fits(a, mine, o))
			return false;
		if (o->allow_private || !r->allow_private)
			*LIST_ADD(a, &by) = *o;
	}
	return flow_within(a, r, &by);
}
