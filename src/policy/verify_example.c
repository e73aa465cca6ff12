#include "policy/verify_example.h"

#include <linux/audit.h>

#include "base/arena.h"

/* Of rows that are looked at: what a profile says of a call is found by looking at its rows in turn, so that trying at
 * each of thousands would take seconds. Calls of built-in profiles have some 100. */
enum { LOOKS_MAX = 1 << 22 };

struct trial {
	const struct meaning *whole;
	const struct meaning *m; /* the part of it whose numbers are tried */
	const struct bpf_program *p;
	struct verify_result *out;
	size_t looks;
};

static bool differs(const struct trial *t, const struct bpf_call *call)
{
	bpf_verdict does = bpf_run(t->p, call, NULL, NULL);

	if (meaning_admits(t->whole, call, does))
		return false;
	t->out->call = *call;
	t->out->says = meaning_of(t->whole, call);
	t->out->does = does;
	return true;
}

/* All arguments the same. */
static bool differs_plainly(const struct trial *t, uint32_t arch, uint32_t nr)
{
	static const uint64_t values[] = { 0, 1, UINT64_MAX };

	for (size_t i = 0; i < COUNT(values); i++) {
		struct bpf_call call = { .arch = arch, .nr = (int)nr };

		for (unsigned arg = 0; arg < 6; arg++)
			call.arg[arg] = values[i];
		if (differs(t, &call))
			return true;
	}
	return false;
}

static uint64_t lowest_bit(uint64_t mask)
{
	return mask & (0 - mask);
}

/* The row's tests hold. */
static struct bpf_call in_row(const struct trial *t, const struct meaning_call *c,
			      const struct meaning_row *r)
{
	struct bpf_call call = { .arch = t->m->arch, .nr = c->nr };

	for (size_t i = 0; i < r->ntests; i++)
		call.arg[r->tests[i].arg] |= r->tests[i].not_zero ? lowest_bit(r->tests[i].mask)
								  : r->tests[i].value;
	return call;
}

enum { NEAR = 9 };

/* Values at which one test of a row that holds may change its mind. */
static bool differs_near(const struct trial *t, const struct bpf_call *in,
			 const struct meaning_test *test)
{
	const uint64_t value = in->arg[test->arg], lowest = lowest_bit(test->mask);
	const uint64_t near[NEAR] = { value - 1,
				      value + 1,
				      value ^ lowest,
				      value ^ test->mask,
				      value | ~test->mask,
				      value ^ UINT64_C(1) << 31,
				      value ^ UINT64_C(1) << 32,
				      value << 1,
				      value >> 1 };

	for (size_t i = 0; i < NEAR; i++) {
		struct bpf_call call = *in;

		call.arg[test->arg] = near[i];
		if (differs(t, &call))
			return true;
	}
	return false;
}

static bool differs_in_rows(struct trial *t, const struct meaning_call *c)
{
	for (size_t i = 0; i < c->n && t->looks < LOOKS_MAX; i++) {
		struct bpf_call call = in_row(t, c, &c->at[i]);

		t->looks += c->n * (1 + NEAR * c->at[i].ntests);
		if (differs(t, &call))
			return true;
		for (size_t k = 0; k < c->at[i].ntests; k++)
			if (differs_near(t, &call, &c->at[i].tests[k]))
				return true;
	}
	return false;
}

static bool differs_elsewhere(const struct trial *t)
{
	static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_I386,
					   0, UINT32_MAX };

	for (size_t i = 0; i < COUNT(arches); i++)
		if (differs_plainly(t, arches[i], 0) || differs_plainly(t, arches[i], 64))
			return true;
	for (unsigned bit = 0; bit < 32; bit++)
		if (differs_plainly(t, t->m->arch, 1u << bit) ||
		    differs_plainly(t, t->m->arch, (1u << bit) - 1) ||
		    differs_plainly(t, t->m->arch ^ 1u << bit, 0))
			return true;
	return differs_plainly(t, t->m->arch, UINT32_MAX);
}

/* Numbers between two calls, which nobody has: all of them, or where they are many those at both ends. */
static bool differs_between(const struct trial *t, uint32_t from, uint32_t to)
{
	enum { ENDS = 64 };

	for (uint32_t nr = from; nr < to; nr++) {
		if (to - from > 2 * ENDS && nr == from + ENDS)
			nr = to - ENDS;
		if (differs_plainly(t, t->m->arch, nr))
			return true;
	}
	return false;
}

static bool differs_on(struct trial *t)
{
	const struct meaning *m = t->m;
	uint32_t next = 0;

	for (size_t i = 0; i < m->n; i++) {
		const uint32_t nr = (uint32_t)m->at[i].nr;

		if (differs_between(t, next, nr) || differs_plainly(t, m->arch, nr) ||
		    differs_in_rows(t, &m->at[i]))
			return true;
		next = nr + 1;
	}
	return differs_plainly(t, m->arch, next) || differs_elsewhere(t);
}

bool verify_example(const struct meaning *m, const struct bpf_program *p, struct verify_result *out)
{
	struct trial t = { .whole = m, .p = p, .out = out };

	for (; m != NULL; m = m->also) {
		t.m = m;
		if (differs_on(&t))
			return true;
	}
	return false;
}
