#include "policy/bpf.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#include "policy/bpf_graph.h"

enum {
	OFFSET_NR = offsetof(struct seccomp_data, nr),
	OFFSET_ARCH = offsetof(struct seccomp_data, arch),
	OFFSET_ARGS = offsetof(struct seccomp_data, args),
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the low half of an argument comes first");

/* ---- what is refused ---- */

static int check_rule(const struct bpf_arch *arch, const struct bpf_rule *r, struct err *e)
{
	if (r->nr < 0 || (uint32_t)r->nr >= arch->nr_limit)
		return fail(e, EINVAL, "call %d: not below the limit of %u", r->nr, arch->nr_limit);
	for (size_t i = 0; i < r->n; i++) {
		const struct bpf_case *c = &r->cases[i];

		if (c->n > BPF_TESTS_MAX)
			return fail(e, EINVAL,
				    "call %d, case %zu: %zu tests, at most %d are possible", r->nr,
				    i, c->n, BPF_TESTS_MAX);
		for (size_t t = 0; t < c->n; t++)
			if (c->tests[t].arg > 5 || (unsigned)c->tests[t].op > BPF_OP_LE)
				return fail(e, EINVAL, "call %d, case %zu, test %zu: out of range",
					    r->nr, i, t);
	}
	return 0;
}

static int check_policy(const struct bpf_policy *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		for (size_t j = 0; j < i; j++)
			if (p->arches[j].audit_arch == p->arches[i].audit_arch)
				return fail(e, EINVAL, "architecture 0x%x: two tables",
					    p->arches[i].audit_arch);
		for (size_t j = 0; j < p->arches[i].n; j++)
			TRY(check_rule(&p->arches[i], &p->arches[i].rules[j], e));
	}
	return 0;
}

/* ---- sorting: a value above, the place it came from below, so that equal values keep their
 * order ---- */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sort(uint64_t *keys, size_t n)
{
	size_t i = 1;

	while (i < n && keys[i - 1] < keys[i])
		i++;
	if (i < n)
		qsort(keys, n, sizeof *keys, by_size);
}

/* ---- runs, in order ---- */

struct runs {
	size_t n;
	struct graph_run *at;
};

static void add_run(struct runs *r, uint32_t start, node_id to)
{
	if (r->n == 0 || r->at[r->n - 1].to != to)
		r->at[r->n++] = (struct graph_run){ .start = start, .to = to };
}

/* ---- arguments ---- */

/* A case under work. Bit 2t stands for test t, or for its low half when it is an equality, and
 * bit 2t + 1 for an equality's high half. What has been tested already, or always holds, is 0. */
struct row {
	const struct bpf_case *c;
	unsigned left;
};

/* Equality of one half of an argument. */
struct half {
	unsigned offset;
	uint32_t mask, value;
};

static unsigned offset_of(unsigned arg, bool high)
{
	return OFFSET_ARGS + (unsigned)sizeof(uint64_t) * arg + (high ? sizeof(uint32_t) : 0);
}

static bool half_at(const struct row *r, unsigned bit, struct half *out)
{
	const struct bpf_test *t = &r->c->tests[bit / 2];
	bool high = bit % 2;

	if (!(r->left & (1u << bit)) || t->op != BPF_OP_EQ)
		return false;
	out->offset = offset_of(t->arg, high);
	out->mask = (uint32_t)(t->mask >> (high ? 32 : 0));
	out->value = (uint32_t)(t->value >> (high ? 32 : 0));
	return true;
}

/* The row's equality on the same bits as *like; false when it has none. */
static bool half_like(const struct row *r, const struct half *like, unsigned *bit, struct half *out)
{
	for (*bit = 0; *bit < 2 * r->c->n; (*bit)++)
		if (half_at(r, *bit, out) && out->offset == like->offset && out->mask == like->mask)
			return true;
	return false;
}

/* False for a case that never holds. */
static bool row_start(const struct bpf_case *c, struct row *out)
{
	*out = (struct row){ .c = c };
	for (unsigned i = 0; i < c->n; i++) {
		const struct bpf_test *t = &c->tests[i];

		if (t->op != BPF_OP_EQ) {
			out->left |= 1u << (2 * i);
			continue;
		}
		if (t->value & ~t->mask)
			return false;
		if ((uint32_t)t->mask != 0)
			out->left |= 1u << (2 * i);
		if (t->mask >> 32 != 0)
			out->left |= 2u << (2 * i);
	}
	return true;
}

/* Rows that begin with the same question: each has an equality on the bits of `key`. Without
 * `keyed` it is a single row, of other tests or of none. */
struct group {
	size_t first, n;
	bool keyed;
	struct half key;
};

/* How many rows from the first on have an equality on these bits, and how often its value
 * changes. */
static size_t count_like(const struct row *rows, size_t n, const struct half *key, size_t *changes)
{
	uint32_t before = key->value;
	struct half h;
	unsigned bit;
	size_t i = 0;

	for (*changes = 0; i < n && half_like(&rows[i], key, &bit, &h); i++) {
		*changes += h.value != before;
		before = h.value;
	}
	return i;
}

/* The question that the most rows share is asked first, among those the one with the fewest
 * answers. */
static struct group group_from(const struct row *rows, size_t first, size_t n)
{
	struct group best = { .first = first, .n = 1 };
	size_t fewest = 0;

	for (unsigned bit = 0; bit < 2 * rows[first].c->n; bit++) {
		size_t changes;
		struct half key;

		if (!half_at(&rows[first], bit, &key))
			continue;

		size_t like = count_like(rows + first, n - first, &key, &changes);

		if (best.keyed && (like < best.n || (like == best.n && changes >= fewest)))
			continue;
		best = (struct group){ .first = first, .n = like, .keyed = true, .key = key };
		fewest = changes;
	}
	return best;
}

/* Goes to `at`, or to one side of it, when the masked half is equal to, below or above the
 * value. */
static node_id compare_half(struct graph *g, unsigned offset, uint32_t mask, uint32_t value,
			    const node_id to[3])
{
	struct graph_run three[3];
	struct runs runs = { .at = three };

	if (value > 0)
		add_run(&runs, 0, to[0]);
	add_run(&runs, value, to[1]);
	if (value < UINT32_MAX)
		add_run(&runs, value + 1, to[2]);
	return graph_select(g, offset, mask, runs.at, runs.n);
}

static node_id compare(struct graph *g, const struct bpf_test *t, node_id yes, node_id no)
{
	static const bool holds[][3] = {
		/* below, at, above the value */
		[BPF_OP_EQ] = { 0, 1, 0 }, [BPF_OP_NE] = { 1, 0, 1 }, [BPF_OP_GT] = { 0, 0, 1 },
		[BPF_OP_GE] = { 0, 1, 1 }, [BPF_OP_LT] = { 1, 0, 0 }, [BPF_OP_LE] = { 1, 1, 0 },
	};
	node_id to[3];

	for (size_t i = 0; i < 3; i++)
		to[i] = holds[t->op][i] ? yes : no;
	/* Where the high halves are equal, the low ones decide. */
	to[1] = compare_half(g, offset_of(t->arg, false), (uint32_t)t->mask, (uint32_t)t->value,
			     to);
	return compare_half(g, offset_of(t->arg, true), t->mask >> 32, t->value >> 32, to);
}

static node_id decide(struct graph *g, const struct row *rows, size_t n, node_id otherwise);

/* All rows of a keyed group: one load, then a search among the values. */
static node_id decide_keyed(struct graph *g, const struct row *rows, const struct group *grp,
			    node_id otherwise)
{
	uint64_t *keys = arena_array(g->arena, grp->n, sizeof *keys);
	struct row *sub = arena_array(g->arena, grp->n, sizeof *sub);
	struct runs runs = { .at = arena_array(g->arena, 2 * grp->n + 1, sizeof *runs.at) };
	uint64_t next = 0;
	struct half h;
	unsigned bit;

	for (size_t i = 0; i < grp->n; i++)
		if (half_like(&rows[i], &grp->key, &bit, &h))
			keys[i] = (uint64_t)h.value << 32 | i;
	sort(keys, grp->n);
	for (size_t i = 0, same; i < grp->n; i += same) {
		uint32_t value = (uint32_t)(keys[i] >> 32);

		for (same = 0; i + same < grp->n && keys[i + same] >> 32 == value; same++) {
			sub[i + same] = rows[(uint32_t)keys[i + same]];
			half_like(&sub[i + same], &grp->key, &bit, &h);
			sub[i + same].left &= ~(1u << bit);
		}
		if (value > next)
			add_run(&runs, (uint32_t)next, otherwise);
		add_run(&runs, value, decide(g, sub + i, same, otherwise));
		next = (uint64_t)value + 1;
	}
	if (next <= UINT32_MAX)
		add_run(&runs, (uint32_t)next, otherwise);
	return graph_select(g, grp->key.offset, grp->key.mask, runs.at, runs.n);
}

static node_id decide_single(struct graph *g, const struct row *r, node_id otherwise)
{
	node_id at = graph_return(g, r->c->then);

	for (size_t i = r->c->n; i-- > 0;)
		if (r->left & (1u << (2 * i)))
			at = compare(g, &r->c->tests[i], at, otherwise);
	return at;
}

/* The first row that holds decides. */
static node_id decide(struct graph *g, const struct row *rows, size_t n, node_id otherwise)
{
	size_t ngroups = 0;

	if (n > 0 && rows[0].left == 0)
		return graph_return(g, rows[0].c->then);

	struct group *groups = arena_array(g->arena, n, sizeof *groups);

	for (size_t i = 0; i < n; i += groups[ngroups++].n)
		groups[ngroups] = group_from(rows, i, n);
	while (ngroups-- > 0) {
		const struct group *grp = &groups[ngroups];

		if (grp->keyed)
			otherwise = decide_keyed(g, rows + grp->first, grp, otherwise);
		else
			otherwise = decide_single(g, rows + grp->first, otherwise);
	}
	return otherwise;
}

/* ---- numbers and architectures ---- */

static node_id rule_node(struct graph *g, const struct bpf_rule *r)
{
	node_id otherwise = graph_return(g, r->otherwise);

	if (r->n == 0)
		return otherwise;

	struct row *rows = arena_array(g->arena, r->n, sizeof *rows);
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += row_start(&r->cases[i], &rows[n]);
	return decide(g, rows, n, otherwise);
}

/* One run a rule, and the gaps between. Blocks that read arguments are made here, before the
 * tree, and so lie behind it: paths without arguments stay short. */
static int arch_node(struct graph *g, const struct bpf_arch *arch, node_id *out, struct err *e)
{
	uint64_t *keys = arena_array(g->arena, arch->n, sizeof *keys);
	struct runs runs = { .at = arena_array(g->arena, 2 * arch->n + 2, sizeof *runs.at) };
	node_id unknown = graph_return(g, arch->unknown);
	uint32_t next = 0;

	for (size_t i = 0; i < arch->n; i++)
		keys[i] = (uint64_t)arch->rules[i].nr << 32 | i;
	sort(keys, arch->n);
	for (size_t i = 0; i < arch->n; i++) {
		const struct bpf_rule *r = &arch->rules[(uint32_t)keys[i]];

		if ((uint32_t)r->nr < next)
			return fail(e, EINVAL, "call %d: two rules", r->nr);
		if ((uint32_t)r->nr > next)
			add_run(&runs, next, unknown);
		add_run(&runs, (uint32_t)r->nr, rule_node(g, r));
		next = (uint32_t)r->nr + 1;
	}
	if (next < arch->nr_limit)
		add_run(&runs, next, unknown);
	add_run(&runs, arch->nr_limit, graph_return(g, arch->beyond));
	*out = graph_select(g, OFFSET_NR, UINT32_MAX, runs.at, runs.n);
	return 0;
}

/* The architecture is loaded once, and compared in the order given. */
static int policy_node(struct graph *g, const struct bpf_policy *p, node_id *out, struct err *e)
{
	node_id at = graph_return(g, p->other_arch), own = at;

	for (size_t i = p->n; i-- > 0;) {
		TRY(arch_node(g, &p->arches[i], &own, e));
		at = graph_equal(g, p->arches[i].audit_arch, own, at);
	}
	*out = graph_load(g, OFFSET_ARCH, at);
	return 0;
}

int bpf_compile_with(struct arena *scratch, struct arena *a, const struct bpf_policy *p,
		     struct bpf_program *out, struct err *e)
{
	struct graph g = { .arena = scratch };
	node_id root = 0;

	TRY(check_policy(p, e));
	TRY(policy_node(&g, p, &root, e));
	return graph_write(&g, root, a, out, e);
}

int bpf_compile(struct arena *a, const struct bpf_policy *p, struct bpf_program *out, struct err *e)
{
	struct arena scratch = { 0 };
	int r = bpf_compile_with(&scratch, a, p, out, e);

	arena_free(&scratch);
	return r;
}
