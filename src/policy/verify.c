#include "policy/verify.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/symbolic.h"
#include "policy/verify_example.h"
#include "table/table.h"

struct proof {
	const struct meaning *m;
	const struct meaning_call *call; /* whose number the calls of the set have, or NULL */
	bpf_verdict says;                /* without one: of all of them */
	bpf_verdict does;                /* the answer of the path at hand */
	struct symbolic_set *calls;
	struct verify_result *out;
};

static int differ(struct proof *p, bpf_verdict says)
{
	if (!symbolic_some(p->calls, &p->out->call))
		return 0;
	p->out->says = says;
	p->out->does = p->does;
	return 1;
}

/* ---- tests of 64 bits as conditions on words ---- */

/* One of the ways in which a test can hold or fail; they exclude each other. */
struct way {
	size_t n;
	struct symbolic_condition at[2];
};

static struct symbolic_condition half(const struct meaning_test *t, bool high, enum symbolic_op op)
{
	unsigned shift = high ? 32 : 0;

	return (struct symbolic_condition){
		.word = (uint8_t)(SYMBOLIC_ARGS + 2 * t->arg + high),
		.op = op,
		.mask = (uint32_t)(t->mask >> shift),
		.value = t->not_zero ? 0 : (uint32_t)(t->value >> shift),
	};
}

/* Equality of a whole argument is that of both halves; it fails in the low half, or else in the high one. */
static size_t ways(const struct meaning_test *t, bool holds, struct way out[2])
{
	bool equal = t->not_zero ? !holds : holds;

	if (equal) {
		out[0] = (struct way){
			2, { half(t, false, SYMBOLIC_EQ), half(t, true, SYMBOLIC_EQ) }
		};
		return 1;
	}
	out[0] = (struct way){ 1, { half(t, false, SYMBOLIC_NE) } };
	out[1] = (struct way){ 2, { half(t, false, SYMBOLIC_EQ), half(t, true, SYMBOLIC_NE) } };
	return 2;
}

/* Narrows the set; false when nothing is left of it. */
static bool narrow(struct symbolic_set *s, const struct way *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (!symbolic_add(s, w->at[i].word, w->at[i].op, w->at[i].mask, w->at[i].value))
			return true; /* not decided: the caller goes on, and finds out at the end */
	for (size_t i = 0; i < w->n; i++)
		if (!symbolic_possible(s, w->at[i].word))
			return false;
	return true;
}

/* ---- the rows of a call, under the conditions of one path ---- */

static int compare_from(struct proof *p, size_t row);

static int row_holds(struct proof *p, size_t row, size_t t)
{
	const struct meaning_row *r = &p->call->at[row];
	size_t n = p->calls->n;
	struct way w[2];

	if (t == r->ntests)
		return differ(p, r->answer);
	for (size_t i = 0, count = ways(&r->tests[t], true, w); i < count; i++) {
		int differs = narrow(p->calls, &w[i]) ? row_holds(p, row, t + 1) : 0;

		p->calls->n = n;
		if (differs != 0)
			return differs;
	}
	return 0;
}

static int row_fails(struct proof *p, size_t row, size_t t)
{
	const struct meaning_row *r = &p->call->at[row];
	size_t n = p->calls->n;
	struct way w[2];

	if (t == r->ntests)
		return 0;
	for (int holds = 0; holds < 2; holds++)
		for (size_t i = 0, count = ways(&r->tests[t], holds, w); i < count; i++) {
			int differs = 0;

			if (narrow(p->calls, &w[i]))
				differs = holds ? row_fails(p, row, t + 1)
						: compare_from(p, row + 1);
			p->calls->n = n;
			if (differs != 0)
				return differs;
		}
	return 0;
}

/* Whether nothing from here on could answer otherwise than the filter does. */
static bool all_the_same(const struct proof *p, size_t row)
{
	for (; row < p->call->n; row++)
		if (!meaning_row_admits(&p->call->at[row], p->does))
			return false;
	return p->call->otherwise == p->does;
}

/* False when no call of the set meets the row's equalities: then it says nothing here, and need not be remembered. */
static bool can_hold(struct proof *p, size_t row)
{
	const struct meaning_row *r = &p->call->at[row];
	size_t n = p->calls->n;
	bool can = true;
	struct way w[2];

	for (size_t t = 0; can && t < r->ntests; t++)
		if (!r->tests[t].not_zero && ways(&r->tests[t], true, w) == 1)
			can = narrow(p->calls, &w[0]);
	p->calls->n = n;
	return can;
}

static int compare_from(struct proof *p, size_t row)
{
	p->out->sets++;
	while (row < p->call->n && !can_hold(p, row))
		row++;
	if (all_the_same(p, row))
		return 0;
	if (row == p->call->n)
		return differ(p, p->call->otherwise);
	if (!meaning_row_admits(&p->call->at[row], p->does)) {
		int differs = row_holds(p, row, 0);

		if (differs != 0)
			return differs;
	}
	return row_fails(p, row, 0);
}

/* ---- paths ---- */

static int compare_path(void *ctx, bpf_verdict does, struct symbolic_set *calls)
{
	struct proof *p = ctx;

	p->does = does;
	p->calls = calls;
	if (p->call != NULL)
		return compare_from(p, 0);
	p->out->sets++;
	return does != p->says ? differ(p, p->says) : 0;
}

/* The numbers [from, to), `to` 0 for all from there on: they belong to no call. */
static int compare_range(struct proof *p, const struct bpf_program *f, struct symbolic_set *s,
			 uint32_t from, uint32_t to, bpf_verdict says, struct err *e)
{
	size_t n = s->n;

	symbolic_add(s, SYMBOLIC_NR, SYMBOLIC_GE, UINT32_MAX, from);
	if (to != 0)
		symbolic_add(s, SYMBOLIC_NR, SYMBOLIC_LT, UINT32_MAX, to);
	p->call = NULL;
	p->says = says;

	int r = symbolic_run(f, s, compare_path, p, e);

	s->n = n;
	return r;
}

static int compare_number(struct proof *p, const struct bpf_program *f, struct symbolic_set *s,
			  const struct meaning_call *call, struct err *e)
{
	size_t n = s->n;

	symbolic_add(s, SYMBOLIC_NR, SYMBOLIC_EQ, UINT32_MAX, (uint32_t)call->nr);
	p->call = call;

	int r = symbolic_run(f, s, compare_path, p, e);

	s->n = n;
	return r;
}

static int compare_own(struct proof *p, const struct bpf_program *f, struct symbolic_set *s,
		       struct err *e)
{
	const struct meaning *m = p->m;
	uint32_t next = 0;
	int r = 0;

	for (size_t i = 0; i < m->n && r == 0; i++) {
		uint32_t nr = (uint32_t)m->at[i].nr;

		if (nr > next)
			r = compare_range(p, f, s, next, nr, m->unknown, e);
		if (r == 0)
			r = compare_number(p, f, s, &m->at[i], e);
		next = nr + 1;
	}
	if (r == 0)
		r = compare_range(p, f, s, next, m->nr_limit, m->unknown, e);
	return r != 0 ? r : compare_range(p, f, s, m->nr_limit, 0, m->beyond, e);
}

static int compare_all(struct proof *p, const struct bpf_program *f, struct symbolic_set *s,
		       struct err *e)
{
	const struct meaning *whole = p->m, *m = whole;
	int r;

	do {
		s->n = 0;
		symbolic_add(s, SYMBOLIC_ARCH, SYMBOLIC_EQ, UINT32_MAX, m->arch);
		p->m = m;
		r = compare_own(p, f, s, e);
		m = m->also;
	} while (m != NULL && r == 0);
	p->m = whole;
	if (r != 0)
		return r;
	s->n = 0;
	m = whole;
	do {
		symbolic_add(s, SYMBOLIC_ARCH, SYMBOLIC_NE, UINT32_MAX, m->arch);
		m = m->also;
	} while (m != NULL);
	p->call = NULL;
	p->says = whole->other_arch;
	return symbolic_run(f, s, compare_path, p, e);
}

/* An example is tried as the kernel would: what is shown is a fact, not a conclusion. */
static bool is_fact(const struct meaning *m, const struct bpf_program *f,
		    const struct verify_result *r)
{
	return bpf_run(f, &r->call, NULL, NULL) == r->does && meaning_of(m, &r->call) == r->says &&
	       !meaning_admits(m, &r->call, r->does);
}

int verify_filter(const struct meaning *m, const struct bpf_program *f, struct verify_result *out,
		  struct err *e)
{
	struct symbolic_set set;
	struct proof p = { .m = m, .out = out };

	set.n = set.branches = 0;
	*out = (struct verify_result){ 0 };
	TRY(bpf_check(f, e));

	int r = compare_all(&p, f, &set, e);

	if (r == 1 && !is_fact(m, f, out))
		r = fail(e, E2BIG, "the filter is too intricate to be compared");
	/* Too much to follow, or not one of ours: most of what differs shows where the profile decides. */
	return r < 0 && verify_example(m, f, out) ? 1 : r;
}

/* ---- in words ---- */

void verify_verdict(bpf_verdict v, struct buf *out)
{
	static const struct name actions[] = {
		{ "KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "TRAP", SECCOMP_RET_TRAP },
		{ "ERRNO", SECCOMP_RET_ERRNO },
		{ "USER_NOTIF", SECCOMP_RET_USER_NOTIF },
		{ "TRACE", SECCOMP_RET_TRACE },
		{ "LOG", SECCOMP_RET_LOG },
		{ "ALLOW", SECCOMP_RET_ALLOW },
		{ 0 },
	};
	const struct name *action = name_of(actions, v & SECCOMP_RET_ACTION_FULL);
	const struct name *no = name_of(errno_names, v & SECCOMP_RET_DATA);

	if (action == NULL)
		buf_printf(out, "0x%08x", v);
	else if (action->value == SECCOMP_RET_ERRNO && no != NULL)
		buf_printf(out, "ERRNO(%s)", no->name);
	else if ((v & SECCOMP_RET_DATA) != 0)
		buf_printf(out, "%s(%u)", action->name, v & SECCOMP_RET_DATA);
	else
		buf_puts(out, action->name);
}

static const char *arch_name(uint32_t arch)
{
	static const struct name names[] = {
		{ "x86_64", AUDIT_ARCH_X86_64 },
		{ "aarch64", AUDIT_ARCH_AARCH64 },
		{ "i386", AUDIT_ARCH_I386 },
		{ 0 },
	};
	const struct name *n = name_of(names, arch);

	return n != NULL ? n->name : "another architecture";
}

void verify_describe(const struct verify_result *r, struct buf *out)
{
	const char *name = syscall_name(r->call.arch, r->call.nr);
	const char *between = "";
	const bool x32 = r->call.arch == AUDIT_ARCH_X86_64 && r->call.nr >= SYSCALL_X32_BIT;

	if (name != NULL)
		buf_printf(out, "%s(", name);
	else
		buf_printf(out, "number %u (", (unsigned)r->call.nr);
	for (unsigned i = 0; i < 6; i++) {
		if (r->call.arg[i] == 0)
			continue;
		buf_printf(out, "%sarg%u = 0x%llx", between, i, (unsigned long long)r->call.arg[i]);
		between = ", ";
	}
	buf_printf(out, ") on %s: the profile says ", x32 ? "x32" : arch_name(r->call.arch));
	verify_verdict(r->says, out);
	buf_puts(out, ", the filter does ");
	verify_verdict(r->does, out);
}
