#include "policy/bpf_graph.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
	LOAD = BPF_LD | BPF_W | BPF_ABS,
	AND = BPF_ALU | BPF_AND | BPF_K,
	RETURN = BPF_RET | BPF_K,
	GOTO = BPF_JMP | BPF_JA,
	IF_EQ = BPF_JMP | BPF_JEQ | BPF_K,
	IF_GE = BPF_JMP | BPF_JGE | BPF_K,
	IF_ANY = BPF_JMP | BPF_JSET | BPF_K,

	JUMP_MAX = 255, /* jt and jf are 8 bits wide */
	SLOTS_FIRST = 512,
	EXCEPTIONS_MAX =
		3, /* tested one after the other: more would cost paths what it saves in size */
	WEIGHT_MAX = 64, /* bounds the depth of the tree, however uneven the runs are */
};

/* ---- nodes ---- */

static size_t hash(const struct graph_node *n)
{
	uint64_t h = n->code;

	h = (h ^ n->k) * 0x9e3779b97f4a7c15u;
	h = (h ^ (h >> 29) ^ n->yes) * 0x9e3779b97f4a7c15u;
	h = (h ^ (h >> 31) ^ n->no) * 0x9e3779b97f4a7c15u;
	return h >> 32;
}

static void more_slots(struct graph *g)
{
	g->slots = g->slots == 0 ? SLOTS_FIRST : g->slots * 2;
	g->slot = arena_array(g->arena, g->slots, sizeof *g->slot);
	for (size_t i = 0; i < g->n; i++) {
		size_t s = hash(&g->at[i]) & (g->slots - 1);

		while (g->slot[s] != 0)
			s = (s + 1) & (g->slots - 1);
		g->slot[s] = (node_id)i + 1;
	}
}

static bool same(const struct graph_node *a, const struct graph_node *b)
{
	return a->code == b->code && a->k == b->k && a->yes == b->yes && a->no == b->no;
}

static node_id node(struct graph *g, unsigned code, uint32_t k, node_id yes, node_id no)
{
	const struct graph_node wanted = { .code = (uint16_t)code, .k = k, .yes = yes, .no = no };

	if (g->n >= g->slots / 2)
		more_slots(g);

	size_t s = hash(&wanted) & (g->slots - 1);

	for (; g->slot[s] != 0; s = (s + 1) & (g->slots - 1))
		if (same(&g->at[g->slot[s] - 1], &wanted))
			return g->slot[s] - 1;
	if (g->at == NULL) {
		g->cap = SLOTS_FIRST /
			 2; /* enough for most policies: growing leaves copies behind */
		g->at = arena_array(g->arena, g->cap, sizeof *g->at);
	}
	g->at = arena_grow(g->arena, g->at, g->n, &g->cap, sizeof *g->at);
	g->at[g->n] = wanted;
	g->slot[s] = (node_id)++g->n;
	return (node_id)g->n - 1;
}

node_id graph_return(struct graph *g, bpf_verdict verdict)
{
	if (!g->returned || g->last_verdict != verdict) {
		g->last_return = node(g, RETURN, verdict, 0, 0);
		g->last_verdict = verdict;
		g->returned = true;
	}
	return g->last_return;
}

static node_id test(struct graph *g, unsigned code, uint32_t k, node_id yes, node_id no)
{
	return yes == no ? yes : node(g, code, k, yes, no);
}

node_id graph_equal(struct graph *g, uint32_t k, node_id yes, node_id no)
{
	return test(g, IF_EQ, k, yes, no);
}

node_id graph_load(struct graph *g, unsigned offset, node_id at)
{
	return g->at[at].code == RETURN ? at : node(g, LOAD, offset, at, 0);
}

/* ---- selection by value ---- */

static const uint64_t no_value = UINT64_MAX;

/* The least value from `least` on that has no bit outside the mask. */
static uint64_t next_value(uint32_t mask, uint64_t least)
{
	uint64_t outside = least & ~(uint64_t)mask;

	if (least > UINT32_MAX)
		return no_value;
	if (outside == 0)
		return least;

	/* Ones from the highest bit that is in the way downwards, and in every place outside the
	 * mask: adding one carries into the next bit of the mask that is free. */
	uint64_t low = (UINT64_C(2) << (63 - __builtin_clzll(outside))) - 1;
	uint64_t next = (least | (uint32_t)~mask | low) + 1;

	return next > UINT32_MAX ? no_value : next & mask;
}

/* Drops runs that no masked value reaches, joins neighbours with one goal, and makes each start
 * a value that can occur. */
static size_t reduce_runs(uint32_t mask, struct graph_run *runs, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t end = i + 1 < n ? runs[i + 1].start : UINT64_C(1) << 32;
		uint64_t start = next_value(mask, runs[i].start);

		if (start >= end || (kept > 0 && runs[kept - 1].to == runs[i].to))
			continue;
		runs[kept++] = (struct graph_run){ .start = (uint32_t)start, .to = runs[i].to };
	}
	return kept;
}

/* Neighbouring runs that share one test by range: the first run's goal, but for single values
 * between. */
struct segment {
	size_t first, last;
	unsigned weight;
};

struct selection {
	struct graph *g;
	uint32_t mask;
	size_t n;
	const struct graph_run *runs;
	struct segment *segments;
};

static bool is_single(const struct selection *s, size_t i)
{
	uint64_t next = next_value(s->mask, (uint64_t)s->runs[i].start + 1);

	return next == (i + 1 < s->n ? s->runs[i + 1].start : no_value);
}

static struct segment segment_from(const struct selection *s, size_t first)
{
	struct segment seg = { .first = first, .last = first, .weight = 1 };
	unsigned exceptions = 0;

	for (size_t i = first + 1; i < s->n; i++) {
		if (s->runs[i].to == s->runs[first].to)
			seg.last = i;
		else if (!is_single(s, i) || exceptions++ == EXCEPTIONS_MAX)
			break;
	}
	/* The last run reaches to the top: numbers that nobody calls. */
	if (seg.last + 1 < s->n) {
		uint32_t width = s->runs[seg.last + 1].start - s->runs[first].start;

		seg.weight = width < WEIGHT_MAX ? width : WEIGHT_MAX;
	}
	return seg;
}

static node_id segment_node(const struct selection *s, const struct segment *seg)
{
	node_id goal = s->runs[seg->first].to, at = goal;

	for (size_t i = seg->last; i > seg->first; i--)
		if (s->runs[i].to != goal)
			at = test(s->g, IF_EQ, s->runs[i].start, s->runs[i].to, at);
	return at;
}

/* Where to split [from, to) so that both sides weigh about the same. */
static size_t middle(const struct segment *segments, size_t from, size_t to)
{
	unsigned left = segments[from].weight, right = 0;
	size_t m = from + 1;

	for (size_t i = m; i < to; i++)
		right += segments[i].weight;
	for (; m + 1 < to && left + segments[m].weight / 2 < right - segments[m].weight / 2; m++) {
		left += segments[m].weight;
		right -= segments[m].weight;
	}
	return m;
}

static node_id tree(const struct selection *s, size_t from, size_t to)
{
	if (to - from == 1)
		return segment_node(s, &s->segments[from]);

	size_t m = middle(s->segments, from, to);
	node_id right = tree(s, m, to);
	node_id left = tree(s, from, m);

	return test(s->g, IF_GE, s->runs[s->segments[m].first].start, right, left);
}

node_id graph_select(struct graph *g, unsigned offset, uint32_t mask, struct graph_run *runs,
		     size_t n)
{
	struct selection s = { .g = g, .mask = mask, .runs = runs };
	size_t segments = 0;

	s.n = reduce_runs(mask, runs, n);
	if (s.n == 1)
		return runs[0].to;
	if (s.n == 2 && mask != UINT32_MAX && runs[1].start == next_value(mask, 1))
		return graph_load(g, offset, test(g, IF_ANY, mask, runs[1].to, runs[0].to));

	s.segments = arena_array(g->arena, s.n, sizeof *s.segments);
	for (size_t i = 0; i < s.n; i = s.segments[segments++].last + 1)
		s.segments[segments] = segment_from(&s, i);

	node_id at = tree(&s, 0, segments);

	if (mask != UINT32_MAX)
		at = node(g, AND, mask, at, 0);
	return graph_load(g, offset, at);
}

/* ---- from nodes to instructions, the last one first ---- */

struct layout {
	const struct graph *g;
	size_t n, cap;
	bool full;
	struct sock_filter *back; /* in reverse */
	uint32_t *home;           /* of each node: its instruction */
	uint32_t *near;           /* of each node: the nearest place that acts like it */
};

static uint32_t push(struct layout *l, unsigned code, uint32_t k)
{
	if (l->n == BPF_MAXINSNS) {
		l->full = true;
		return BPF_MAXINSNS - 1;
	}
	l->back = arena_grow(l->g->arena, l->back, l->n, &l->cap, sizeof *l->back);
	l->back[l->n] = (struct sock_filter){ .code = (uint16_t)code, .k = k };
	return (uint32_t)l->n++;
}

/* How many instructions a jump placed now would skip to get there. */
static size_t distance(const struct layout *l, node_id id)
{
	return l->n - l->near[id] - 1;
}

/* Makes sure that the node is at most `max` instructions away: a return is repeated, anything
 * else gets a long jump (its operand is 32 bits wide). */
static void bring_near(struct layout *l, node_id id, size_t max)
{
	const struct graph_node *n = &l->g->at[id];

	if (distance(l, id) <= max)
		return;
	if (n->code == RETURN)
		l->near[id] = push(l, RETURN, n->k);
	else
		l->near[id] = push(l, GOTO, (uint32_t)(l->n - l->home[id] - 1));
}

static void place(struct layout *l, node_id id)
{
	const struct graph_node *n = &l->g->at[id];
	uint32_t at;

	if (n->code == RETURN) {
		at = push(l, n->code, n->k);
	} else if (n->code == LOAD || n->code == AND) {
		bring_near(l, n->yes, 0);
		at = push(l, n->code, n->k);
	} else {
		bring_near(l, n->yes, JUMP_MAX - 1); /* the other may need one instruction more */
		bring_near(l, n->no, JUMP_MAX);

		uint8_t jt = (uint8_t)distance(l, n->yes), jf = (uint8_t)distance(l, n->no);

		at = push(l, n->code, n->k);
		l->back[at].jt = jt;
		l->back[at].jf = jf;
	}
	l->home[id] = l->near[id] = at;
}

static bool *reachable(const struct graph *g, node_id root)
{
	bool *used = arena_array(g->arena, (size_t)root + 1, sizeof *used);

	used[root] = true;
	for (size_t i = (size_t)root + 1; i-- > 0;) {
		const struct graph_node *n = &g->at[i];

		if (!used[i] || n->code == RETURN)
			continue;
		used[n->yes] = true;
		if (BPF_CLASS(n->code) == BPF_JMP)
			used[n->no] = true;
	}
	return used;
}

int graph_write(const struct graph *g, node_id root, struct arena *a, struct bpf_program *out,
		struct err *e)
{
	const bool *used = reachable(g, root);
	const size_t nodes = (size_t)root + 1;
	struct layout l = {
		.g = g,
		.home = arena_array(g->arena, nodes, sizeof *l.home),
		.near = arena_array(g->arena, nodes, sizeof *l.near),
	};

	for (node_id id = 0; id < nodes && !l.full; id++)
		if (used[id])
			place(&l, id);
	if (l.full)
		return fail(e, E2BIG, "the filter needs more than %d instructions", BPF_MAXINSNS);

	out->n = l.n;
	out->at = arena_array(a, l.n, sizeof *out->at);
	for (size_t i = 0; i < l.n; i++)
		out->at[i] = l.back[l.n - 1 - i];
	return 0;
}
