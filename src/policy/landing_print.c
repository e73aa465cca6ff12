/*
 * Landings as text.
 */
#include <string.h>

#include "policy/draft.h"
#include "policy/landing.h"

/* Of a rule that no system call pays for by itself. */
static const char *cost_elsewhere(const struct landing *l)
{
	if (strcmp(l->layer, "none") == 0)
		return "enforced by nothing";
	if (strstr(l->layer, "landlock") != NULL)
		return "a look-up in the kernel at each open";
	if (strcmp(l->layer, "nftables") == 0)
		return "a look at each new connection";
	return "at the start alone";
}

static void put_calls(const struct landing *l, struct buf *out)
{
	const char *several = l->calls > 1 ? "up to " : "";

	if (l->calls > 1)
		buf_printf(out, "%u calls: ", l->calls);
	if (l->cached != 0)
		buf_printf(out, "%scached by the kernel",
			   l->cached < l->calls ? arena_printf(out->arena, "%u ", l->cached) : "");
	if (l->cached < l->calls)
		buf_printf(out, "%s%s%u instructions", l->cached != 0 ? ", else " : "", several,
			   l->instructions);
	if (l->asked != 0)
		buf_printf(out, "; the broker%s: %u us", l->may_ask ? ", if it is asked" : "",
			   (l->broker_ns + 500) / 1000);
}

const char *landing_cost(struct arena *a, const struct landing *l)
{
	struct buf b = { .arena = a };

	if (l->calls != 0)
		put_calls(l, &b);
	else if (l->note == NULL)
		return cost_elsewhere(l);
	if (l->note != NULL)
		buf_printf(&b, "%s%s", l->calls != 0 ? "; " : "", l->note);
	return buf_text(&b);
}

static void widen(int *width, const char *text)
{
	int n = (int)strlen(text);

	*width = n > *width ? n : *width;
}

void landing_print(const struct landings *l, struct buf *out)
{
	struct arena *a = out->arena;
	int rule = 4, from = 4, layer = 5; /* the headings */
	bool asks = false;

	for (size_t i = 0; i < l->n; i++) {
		widen(&rule, shown(a, l->at[i].rule));
		widen(&from, from_text(a, &l->at[i].from));
		widen(&layer, l->at[i].layer);
		asks |= l->at[i].asked != 0;
	}
	buf_printf(out, "%-*s  %-*s  %-*s  %s\n", rule, "RULE", from, "FROM", layer, "LAYER",
		   "COST");
	for (size_t i = 0; i < l->n; i++)
		buf_printf(out, "%-*s  %-*s  %-*s  %s\n", rule, shown(a, l->at[i].rule), from,
			   from_text(a, &l->at[i].from), layer, l->at[i].layer,
			   landing_cost(a, &l->at[i]));
	if (asks)
		buf_printf(out, "(%s)\n", landing_measured);
}
