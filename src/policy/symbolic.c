#include "policy/symbolic.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

enum {
	BITS = 32,
	OPEN_MAX = 512,   /* conditions on one word that are searched at once */
	STATES_MAX = 256, /* at one bit */
};

bool symbolic_add(struct symbolic_set *s, unsigned word, enum symbolic_op op, uint32_t mask,
		  uint32_t value)
{
	if (s->n == SYMBOLIC_CONDITIONS_MAX)
		return false;
	s->at[s->n++] = (struct symbolic_condition){ (uint8_t)word, op, mask, value };
	return true;
}

/* ---- is there a call? ---- */

static bool holds(const struct symbolic_condition *c, uint32_t word)
{
	uint32_t masked = word & c->mask;

	switch (c->op) {
	case SYMBOLIC_EQ:
		return masked == c->value;
	case SYMBOLIC_NE:
		return masked != c->value;
	case SYMBOLIC_GE:
		return masked >= c->value;
	case SYMBOLIC_LT:
		return masked < c->value;
	}
	return false;
}

/* What a condition says when the highest bits of the word are chosen, down to `bit`: 1 it holds, whatever the others
 * are; 0 it cannot; -1 open. */
static int so_far(const struct symbolic_condition *c, uint32_t chosen, unsigned bit)
{
	const uint32_t low = (uint32_t)(((uint64_t)1 << bit) - 1); /* not chosen yet */
	const uint32_t least = chosen & c->mask, most = least | (low & c->mask);

	switch (c->op) {
	case SYMBOLIC_EQ:
	case SYMBOLIC_NE:
		if (((least ^ c->value) & ~(low & c->mask)) != 0)
			return c->op == SYMBOLIC_NE;
		return (low & c->mask) != 0 ? -1 : c->op == SYMBOLIC_EQ;
	case SYMBOLIC_GE:
		return least >= c->value ? 1 : most < c->value ? 0 : -1;
	case SYMBOLIC_LT:
		return most < c->value ? 1 : least >= c->value ? 0 : -1;
	}
	return 0;
}

/* What is left to decide after some bits: conditions that are open all agree with the value that they ask for so far,
 * so the bits chosen matter no more, and two ways to the same open conditions are one. */
struct state {
	uint32_t chosen;
	uint64_t open[OPEN_MAX / 64]; /* by place in `list` */
};

/* One word's conditions, and the states at one bit. */
struct search {
	const struct symbolic_set *s;
	size_t n;
	uint16_t list[OPEN_MAX];
	size_t nstates;
	struct state states[STATES_MAX];
};

static bool is_empty(const struct state *st, size_t n)
{
	for (size_t i = 0; i < (n + 63) / 64; i++)
		if (st->open[i] != 0)
			return false;
	return true;
}

/* Drops what holds whatever follows; false when something cannot hold any more. Most conditions are settled by a few
 * high bits, so only those that are open are looked at. */
static bool settle(const struct search *f, struct state *st, unsigned bit)
{
	for (size_t w = 0; w < (f->n + 63) / 64; w++)
		for (uint64_t left = st->open[w]; left != 0; left &= left - 1) {
			size_t i = w * 64 + (size_t)__builtin_ctzll(left);
			int now = so_far(&f->s->at[f->list[i]], st->chosen, bit);

			if (now == 0)
				return false;
			if (now == 1)
				st->open[w] &= ~(left & (0 - left));
		}
	return true;
}

static bool known(const struct search *f, const struct state *st)
{
	size_t bytes = (f->n + 63) / 64 * sizeof st->open[0];

	for (size_t i = 0; i < f->nstates; i++)
		if (memcmp(f->states[i].open, st->open, bytes) == 0)
			return true;
	return false;
}

enum found { NONE, SOME, UNDECIDED };

/* From the states above `bit` to those at it. SOME and *out when nothing is left to decide in one of them. */
static enum found descend(const struct search *from, struct search *to, unsigned bit, uint32_t *out)
{
	to->nstates = 0;
	for (size_t i = 0; i < from->nstates; i++)
		for (uint32_t one = 0; one < 2; one++) {
			struct state st = from->states[i];

			st.chosen |= one << bit;
			if (!settle(from, &st, bit))
				continue;
			if (is_empty(&st, from->n)) {
				*out = st.chosen;
				return SOME;
			}
			if (known(to, &st))
				continue;
			if (to->nstates == STATES_MAX)
				return UNDECIDED;
			to->states[to->nstates++] = st;
		}
	return NONE;
}

/* Bit by bit from the highest down. What is too much to decide counts as possible: a proof may look at more than
 * there is, never at less, and an example is tried before it is believed. */
static bool search_word(struct search f[2], uint32_t *out)
{
	struct state *first = &f[0].states[0];
	unsigned now = 0;

	memset(first, 0, sizeof *first);
	for (size_t i = 0; i < f[0].n; i++)
		first->open[i / 64] |= UINT64_C(1) << i % 64;
	*out = 0;
	if (!settle(&f[0], first, BITS))
		return false;
	if (is_empty(first, f[0].n))
		return true;
	f[0].nstates = 1;
	for (unsigned bit = BITS; bit-- > 0; now = !now) {
		enum found found = descend(&f[now], &f[!now], bit, out);

		if (found != NONE || f[!now].nstates == 0)
			return found != NONE;
	}
	return false;
}

/* What a value must have to meet the equalities, and where the ranges of the whole word begin. */
struct needed {
	uint32_t mask, value, least;
	bool never; /* equalities that exclude each other */
};

static void need(struct needed *n, const struct symbolic_condition *c)
{
	if (c->op == SYMBOLIC_GE && c->mask == UINT32_MAX && c->value > n->least)
		n->least = c->value;
	if (c->op != SYMBOLIC_EQ)
		return;
	if ((n->value ^ c->value) & n->mask & c->mask)
		n->never = true;
	n->mask |= c->mask;
	n->value |= c->value & c->mask;
}

static bool all_hold(const struct symbolic_set *s, unsigned word, uint32_t value)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].word == word && !holds(&s->at[i], value))
			return false;
	return true;
}

static bool listed_hold(const struct search *f, uint32_t value)
{
	for (size_t i = 0; i < f->n; i++)
		if (!holds(&f->s->at[f->list[i]], value))
			return false;
	return true;
}

/* Most sets have so many values that one of a few is among them: a search costs a hundred times as much. */
static bool guess_value(const struct search *f, const struct needed *n, uint32_t *out)
{
	const uint32_t guesses[] = { 0, n->least, n->least + 1, 0x55555555, 0xaaaaaaaa };

	for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
		*out = (guesses[i] & ~n->mask) | n->value;
		if (listed_hold(f, *out))
			return true;
	}
	return false;
}

/* A value of the word that meets all its conditions. */
static bool word_value(const struct symbolic_set *s, unsigned word, uint32_t *out)
{
	struct search f[2];
	struct needed needed = { 0 };
	size_t n = 0;

	*out = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct symbolic_condition *c = &s->at[i];

		if (c->word != word)
			continue;
		/* Nearly always one value is asked for: then there is nothing to search. */
		if (c->op == SYMBOLIC_EQ && c->mask == UINT32_MAX) {
			*out = c->value;
			return all_hold(s, word, c->value);
		}
		if (n == OPEN_MAX)
			return true; /* undecided */
		f[0].list[n++] = (uint16_t)i;
		need(&needed, c);
	}
	f[0].s = f[1].s = s;
	f[0].n = f[1].n = n;
	if (needed.never)
		return false;
	if (guess_value(&f[0], &needed, out))
		return true;
	memcpy(f[1].list, f[0].list, n * sizeof f[0].list[0]);
	return search_word(f, out);
}

bool symbolic_possible(const struct symbolic_set *s, unsigned word)
{
	uint32_t ignored;

	return word_value(s, word, &ignored);
}

bool symbolic_some(const struct symbolic_set *s, struct bpf_call *out)
{
	uint32_t words[SYMBOLIC_WORDS] = { 0 };
	bool asked[SYMBOLIC_WORDS] = { false };

	for (size_t i = 0; i < s->n; i++)
		asked[s->at[i].word] = true;
	for (unsigned w = 0; w < SYMBOLIC_WORDS; w++)
		if (asked[w] && !word_value(s, w, &words[w]))
			return false;
	if (out == NULL)
		return true;
	*out = (struct bpf_call){
		.arch = words[SYMBOLIC_ARCH],
		.nr = (int)words[SYMBOLIC_NR],
		.ip = words[SYMBOLIC_IP] | (uint64_t)words[SYMBOLIC_IP + 1] << 32,
	};
	for (unsigned a = 0; a < 6; a++)
		out->arg[a] = words[SYMBOLIC_ARGS + 2 * a] |
			      (uint64_t)words[SYMBOLIC_ARGS + 2 * a + 1] << 32;
	return true;
}

/* ---- paths ---- */

struct walk {
	const struct bpf_program *p;
	struct symbolic_set *calls;
	symbolic_each each;
	void *ctx;
	struct err *e;
};

/* The accumulator: a word and a mask, or, before anything was loaded, 0. */
struct accumulator {
	bool loaded;
	unsigned word;
	uint32_t mask;
};

static int walk_from(struct walk *w, size_t at, struct accumulator a);

static int bad(struct walk *w, size_t at, const char *why)
{
	return fail(w->e, EINVAL, "instruction %zu: %s", at, why);
}

/* Goes on at `to` with one condition more, if any call meets it. */
static int branch(struct walk *w, size_t to, struct accumulator a, enum symbolic_op op,
		  uint32_t mask, uint32_t value)
{
	size_t n = w->calls->n;
	uint32_t ignored;
	int r = 0;

	if (!a.loaded) {
		const struct symbolic_condition c = { 0, op, mask, value };

		return holds(&c, 0) ? walk_from(w, to, a) : 0;
	}
	if (w->calls->branches++ == SYMBOLIC_BRANCHES_MAX ||
	    !symbolic_add(w->calls, a.word, op, mask, value))
		return fail(w->e, E2BIG, "instruction %zu: too many ways lead there", to);
	if (word_value(w->calls, a.word, &ignored))
		r = walk_from(w, to, a);
	w->calls->n = n;
	return r;
}

/* Both sides of a question, as (word & mask) OP value and its opposite. */
static int both(struct walk *w, size_t at, struct accumulator a, enum symbolic_op yes,
		uint32_t mask, uint32_t value)
{
	static const enum symbolic_op opposite[] = {
		[SYMBOLIC_EQ] = SYMBOLIC_NE,
		[SYMBOLIC_NE] = SYMBOLIC_EQ,
		[SYMBOLIC_GE] = SYMBOLIC_LT,
		[SYMBOLIC_LT] = SYMBOLIC_GE,
	};
	const struct sock_filter *in = &w->p->at[at];
	int r = branch(w, at + 1 + in->jt, a, yes, mask, value);

	return r != 0 ? r : branch(w, at + 1 + in->jf, a, opposite[yes], mask, value);
}

static int jump(struct walk *w, size_t at, struct accumulator a)
{
	const struct sock_filter *in = &w->p->at[at];

	switch (in->code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return both(w, at, a, SYMBOLIC_EQ, a.mask, in->k);
	case BPF_JMP | BPF_JGE | BPF_K:
		return both(w, at, a, SYMBOLIC_GE, a.mask, in->k);
	case BPF_JMP | BPF_JGT | BPF_K:
		/* Nothing is above the greatest value. */
		if (in->k == UINT32_MAX)
			return walk_from(w, at + 1 + in->jf, a);
		return both(w, at, a, SYMBOLIC_GE, a.mask, in->k + 1);
	case BPF_JMP | BPF_JSET | BPF_K:
		return both(w, at, a, SYMBOLIC_NE, a.mask & in->k, 0);
	default:
		return bad(w, at, "no instruction of a filter of ours");
	}
}

static int walk_from(struct walk *w, size_t at, struct accumulator a)
{
	for (; at < w->p->n; at++) {
		const struct sock_filter *in = &w->p->at[at];

		if (in->code == (BPF_RET | BPF_K))
			return w->each(w->ctx, in->k, w->calls);
		if (in->code == (BPF_LD | BPF_W | BPF_ABS)) {
			if (in->k % 4 != 0 || in->k >= sizeof(struct seccomp_data))
				return bad(w, at, "a load from outside");
			a = (struct accumulator){ true, in->k / 4, UINT32_MAX };
		} else if (in->code == (BPF_ALU | BPF_AND | BPF_K)) {
			a.mask &= in->k;
		} else if (in->code == (BPF_JMP | BPF_JA)) {
			if (in->k >= w->p->n)
				return bad(w, at, "a jump behind the end");
			at += in->k;
		} else {
			return jump(w, at, a);
		}
	}
	return bad(w, at, "behind the end");
}

int symbolic_run(const struct bpf_program *p, struct symbolic_set *calls, symbolic_each each,
		 void *ctx, struct err *e)
{
	struct walk w = { p, calls, each, ctx, e };

	if (p->n == 0 || p->n > BPF_MAXINSNS)
		return fail(e, EINVAL, "%zu instructions: 1 to %d are possible", p->n,
			    BPF_MAXINSNS);
	return walk_from(&w, 0, (struct accumulator){ .mask = UINT32_MAX });
}
