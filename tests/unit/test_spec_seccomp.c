/*
 * linux.seccomp of a bundle, with libseccomp as the judge: a random section goes through spec_seccomp_rules() and
 * bpf_compile() here, and there through the calls that runtimes which use libseccomp make of it. Both programs must
 * give the same verdict for every number and class of arguments on both architectures.
 *
 * What the judge cannot decide stays out of its sections. Where entries of different actions hold at once, it has no
 * rule of its own: the entries with tests of one call have one action, or exclude each other. And libseccomp 2.5 loses
 * alternatives, or does not end, where several entries of one call compare an argument by order: such an entry is
 * alone. Sections of every kind are compared with the meaning of the words, read by meaning() below.
 */
#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "libseccomp_judge.h"
#include "policy/plan_calls.h"

/* Last: it defines a macro fail(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { SECTIONS = 300, GROUPS = 40, NUMBERS_MAX = 600, CALLS_PER_RULE = 120 };

/* ---- the same random numbers in every run ---- */

static uint64_t seed;

static uint64_t below(uint64_t n)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % n;
}

#define PICK(array) ((array)[below(COUNT(array))])

/* ---- random sections ---- */

static const int actions[] = {
	(int)SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP,  SECCOMP_RET_ERRNO,
	SECCOMP_RET_ERRNO,          SCMP_ACT_LOG,         SCMP_ACT_ALLOW, SCMP_ACT_ALLOW
};

static const uint64_t values[] = {
	0,
	1,
	2,
	5,
	0xf,
	0x5401,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x100000001,
	0x500000005,
	0x7fffffffffffffff,
	0x8000000000000000,
	UINT64_MAX - 1,
	UINT64_MAX,
};

static struct amount random_errno(int action)
{
	if (action != SECCOMP_RET_ERRNO || below(2) == 0)
		return (struct amount){ 0 };
	return (struct amount){ .set = true, .value = below(3) == 0 ? 0 : 1 + below(133) };
}

static struct spec_seccomp_arg random_arg(unsigned index)
{
	static const uint64_t masks[] = { 0,          0xf,         0x7e020000,
					  0xffffffff, 0xf0000000f, 0xffffffff00000000,
					  UINT64_MAX };
	struct spec_seccomp_arg a = { .index = index,
				      .value = PICK(values),
				      .value_two = PICK(values),
				      .op = (enum spec_seccomp_op)below(7) };

	if (a.op == SPEC_CMP_MASKED_EQ)
		a.value = below(12) == 0 ? 0 : masks[1 + below(COUNT(masks) - 1)];
	return a;
}

/* Calls whose entries are alike. */
struct group {
	struct strings names;
	enum {
		ONE_ENTRY,  /* with tests, of any kind */
		EQUALITIES, /* any number of entries, all of one action */
		VALUES,     /* each compares one argument with another value */
		ANY,        /* not for the judge */
	} kind;
	bool done; /* ONE_ENTRY: it is there */
	int action;
	struct amount no;
	unsigned index;
	uint64_t next;
};

static struct spec_seccomp_rule *add_rule(struct arena *a, struct spec_seccomp *s,
					  const struct group *g, int action, struct amount no)
{
	struct spec_seccomp_rule *r = LIST_ADD(a, &s->rules);

	*r = (struct spec_seccomp_rule){ .names = g->names, .action = action, .errno_ret = no };
	return r;
}

static void add_value(struct arena *a, struct spec_seccomp *s, struct group *g)
{
	int action = PICK(actions);
	struct spec_seccomp_rule *r = add_rule(a, s, g, action, random_errno(action));

	g->next += 1 + below(3);
	*LIST_ADD(a, &r->args) = (struct spec_seccomp_arg){ .index = g->index,
							    .value = g->next,
							    .op = SPEC_CMP_EQ };
}

static void add_random_rule(struct arena *a, struct spec_seccomp *s, struct group *g)
{
	int action = g->kind == ANY ? PICK(actions) : g->action;
	struct spec_seccomp_rule *r = add_rule(a, s, g, action,
					       g->kind == ANY ? random_errno(action) : g->no);
	uint64_t n = 1 + below(3), first = below(6);

	for (uint64_t i = 0; i < n; i++)
		*LIST_ADD(a, &r->args) = random_arg((unsigned)((first + i) % 6));
	/* An argument twice: alternatives. */
	if (g->kind != ONE_ENTRY && below(4) == 0)
		*LIST_ADD(a, &r->args) = random_arg((unsigned)first);
	for (size_t i = 0; g->kind == EQUALITIES && i < r->args.n; i++)
		if (r->args.at[i].op != SPEC_CMP_MASKED_EQ)
			r->args.at[i].op = SPEC_CMP_EQ;
	g->done = true;
}

static void add_random(struct arena *a, struct spec_seccomp *s, struct group *g)
{
	int action = PICK(actions);

	if (below(6) == 0)
		add_rule(a, s, g, action, random_errno(action));
	else if (g->kind == VALUES)
		add_value(a, s, g);
	else if (g->kind != ONE_ENTRY || !g->done)
		add_random_rule(a, s, g);
}

static void random_section(struct arena *a, struct spec_seccomp *s, bool judged)
{
	struct group groups[GROUPS] = { 0 };

	*s = (struct spec_seccomp){ .set = true, .default_action = PICK(actions) };
	s->default_errno = random_errno(s->default_action);
	for (size_t i = 0; i < syscalls_count; i++) {
		struct group *g = &PICK(groups);

		/* The judge may be older than the table. */
		if (below(3) == 0 &&
		    seccomp_syscall_resolve_name(syscalls[i].name) != __NR_SCMP_ERROR)
			*LIST_ADD(a, &g->names) = syscalls[i].name;
	}
	for (size_t i = 0; i < GROUPS; i++) {
		struct group *g = &groups[i];

		*LIST_ADD(a, &g->names) = "no_call_of_this_name";
		g->kind = judged ? below(ANY) : ANY;
		g->action = PICK(actions);
		g->no = random_errno(g->action);
		g->index = (unsigned)below(6);
	}
	for (size_t i = 0; i < GROUPS * 3; i++)
		add_random(a, s, &PICK(groups));
}

/* ---- the judge ---- */

static uint32_t their_action(int action, const struct amount *no)
{
	if (action == SECCOMP_RET_ERRNO)
		return SCMP_ACT_ERRNO(no->set ? no->value : EPERM);
	return (uint32_t)action;
}

static void their_rule(scmp_filter_ctx ctx, const struct spec_seccomp_rule *r, int nr,
		       uint32_t action)
{
	static const enum scmp_compare ops[] = {
		[SPEC_CMP_NE] = SCMP_CMP_NE,
		[SPEC_CMP_LT] = SCMP_CMP_LT,
		[SPEC_CMP_LE] = SCMP_CMP_LE,
		[SPEC_CMP_EQ] = SCMP_CMP_EQ,
		[SPEC_CMP_GE] = SCMP_CMP_GE,
		[SPEC_CMP_GT] = SCMP_CMP_GT,
		[SPEC_CMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};
	struct scmp_arg_cmp tests[16];
	unsigned count[6] = { 0 };
	bool split = false;

	for (size_t i = 0; i < r->args.n; i++) {
		const struct spec_seccomp_arg *a = &r->args.at[i];

		tests[i] = (struct scmp_arg_cmp){ (unsigned)a->index, ops[a->op], a->value,
						  a->value_two };
		split |= ++count[a->index] > 1;
	}
	for (size_t i = 0; split && i < r->args.n; i++)
		assert_int_equal(seccomp_rule_add_array(ctx, action, nr, 1, &tests[i]), 0);
	if (!split)
		assert_int_equal(
			seccomp_rule_add_array(ctx, action, nr, (unsigned)r->args.n, tests), 0);
}

static void their_section(struct arena *a, const struct spec_seccomp *s, uint32_t arch,
			  struct bpf_program *out)
{
	uint32_t usual = their_action(s->default_action, &s->default_errno);
	scmp_filter_ctx ctx = judge_open(arch, usual);

	for (size_t i = 0; i < s->rules.n; i++) {
		const struct spec_seccomp_rule *r = &s->rules.at[i];
		uint32_t action = their_action(r->action, &r->errno_ret);

		for (size_t k = 0; action != usual && k < r->names.n; k++) {
			int nr = seccomp_syscall_resolve_name(r->names.at[k]);

			if (nr != __NR_SCMP_ERROR)
				their_rule(ctx, r, nr, action);
		}
	}
	judge_program(a, ctx, out);
	seccomp_release(ctx);
}

/* ---- the comparison ---- */

static void compile(struct arena *a, const struct spec_seccomp *s, uint32_t audit_arch,
		    struct bpf_arch *arch, struct bpf_program *out)
{
	const struct bpf_policy policy = { 1, arch, SECCOMP_RET_KILL_PROCESS };
	size_t unknown;
	struct err e;

	spec_seccomp_rules(a, s, audit_arch, arch, &unknown);
	assert_true(unknown >= s->rules.n); /* each entry names a call that nobody has */
	if (bpf_compile(a, &policy, out, &e) < 0)
		fail_msg("%s", e.text);
}

static void same_verdict(bpf_verdict ours, bpf_verdict theirs, const struct bpf_call *call)
{
	if (ours != theirs)
		fail_msg("%s of 0x%x (%#lx, %#lx, %#lx, %#lx, %#lx, %#lx): 0x%x, wanted 0x%x",
			 syscall_name(call->arch, call->nr), call->arch, call->arg[0], call->arg[1],
			 call->arg[2], call->arg[3], call->arg[4], call->arg[5], ours, theirs);
}

/* A value at which a test of one of the rule's cases on this argument changes its mind, or one that means nothing. */
static uint64_t telling_value(const struct bpf_rule *r, unsigned arg)
{
	const struct bpf_case *c = &r->cases[below(r->n)];

	for (size_t i = 0; i < c->n; i++) {
		const struct bpf_test *t = &c->tests[i];
		const uint64_t high = UINT64_C(1) << 32;
		const uint64_t telling[] = { t->value,
					     t->value,
					     t->value - 1,
					     t->value + 1,
					     t->value + high,
					     t->value - high,
					     t->value | ~t->mask,
					     t->value ^ (t->mask & (0 - t->mask)) };

		if (t->arg == arg)
			return PICK(telling);
	}
	return below(2) == 0 ? PICK(values) : below(UINT64_MAX);
}

/* ---- the meaning ---- */

static bool test_means(const struct spec_seccomp_arg *a, uint64_t v)
{
	switch (a->op) {
	case SPEC_CMP_NE:
		return v != a->value;
	case SPEC_CMP_LT:
		return v < a->value;
	case SPEC_CMP_LE:
		return v <= a->value;
	case SPEC_CMP_EQ:
		return v == a->value;
	case SPEC_CMP_GE:
		return v >= a->value;
	case SPEC_CMP_GT:
		return v > a->value;
	case SPEC_CMP_MASKED_EQ:
		return (v & a->value) == (a->value_two & a->value);
	}
	return false;
}

static bool means_anything(const struct spec_seccomp_arg *a)
{
	return a->op != SPEC_CMP_MASKED_EQ || a->value != 0;
}

enum entry { ENTRY_NOT, ENTRY_HOLDS, ENTRY_ALWAYS };

static enum entry entry_means(const struct spec_seccomp_rule *r, const struct bpf_call *call)
{
	unsigned count[6] = { 0 };
	bool twice = false, always = true, never = false, all = true, any = false;

	for (size_t i = 0; i < r->args.n; i++) {
		const struct spec_seccomp_arg *a = &r->args.at[i];
		bool holds = test_means(a, call->arg[a->index]);

		twice |= ++count[a->index] > 1;
		always &= !means_anything(a);
		never |= !means_anything(a); /* of alternatives one is enough */
		all &= holds;
		any |= holds;
	}
	if (always || (twice && never))
		return ENTRY_ALWAYS;
	return (twice ? any : all) ? ENTRY_HOLDS : ENTRY_NOT;
}

static bool names(const struct spec_seccomp_rule *r, const char *name)
{
	for (size_t i = 0; i < r->names.n; i++)
		if (strcmp(r->names.at[i], name) == 0)
			return true;
	return false;
}

static bool stricter(bpf_verdict a, bpf_verdict b)
{
	return (int32_t)(a & SECCOMP_RET_ACTION_FULL) < (int32_t)(b & SECCOMP_RET_ACTION_FULL);
}

static bpf_verdict meaning(const struct spec_seccomp *s, const struct bpf_call *call)
{
	const char *name = syscall_name(call->arch, call->nr);
	bpf_verdict usual = their_action(s->default_action, &s->default_errno), v = usual;
	bool said = false;

	for (size_t i = 0; name != NULL && i < s->rules.n; i++) {
		const struct spec_seccomp_rule *r = &s->rules.at[i];
		bpf_verdict then = their_action(r->action, &r->errno_ret);
		enum entry entry;

		if (then == usual || !names(r, name))
			continue;
		entry = entry_means(r, call);
		if (entry == ENTRY_ALWAYS)
			return then;
		if (entry == ENTRY_HOLDS && (!said || stricter(then, v))) {
			v = then;
			said = true;
		}
	}
	return v;
}

/* ---- the comparison ---- */

struct trial {
	const struct spec_seccomp *s;
	struct bpf_program ours, theirs; /* theirs is empty: against the meaning */
	size_t calls;
};

static void try_call(struct trial *t, const struct bpf_call *call)
{
	t->calls++;
	same_verdict(bpf_run(&t->ours, call, NULL, NULL),
		     t->theirs.n != 0 ? bpf_run(&t->theirs, call, NULL, NULL) : meaning(t->s, call),
		     call);
}

static size_t compare(struct arena *a, const struct spec_seccomp *s, uint32_t audit_arch,
		      bool judged)
{
	struct trial t = { .s = s };
	struct bpf_arch arch;

	compile(a, s, audit_arch, &arch, &t.ours);
	if (judged)
		their_section(a, s, audit_arch, &t.theirs);
	for (int nr = 0; nr < NUMBERS_MAX; nr++)
		try_call(&t, &(struct bpf_call){ .arch = audit_arch, .nr = nr });
	for (size_t i = 0; i < arch.n; i++)
		for (size_t k = 0; arch.rules[i].n > 0 && k < CALLS_PER_RULE; k++) {
			struct bpf_call call = { .arch = audit_arch, .nr = arch.rules[i].nr };

			for (unsigned arg = 0; arg < 6; arg++)
				call.arg[arg] = telling_value(&arch.rules[i], arg);
			try_call(&t, &call);
		}
	return t.calls;
}

static void compare_sections(size_t n, bool judged)
{
	static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64 };
	size_t calls = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct arena a = { 0 };
		struct spec_seccomp s;

		seed = i << 32;
		random_section(&a, &s, judged);
		for (size_t k = 0; k < COUNT(arches); k++)
			calls += compare(&a, &s, arches[k], judged);
		arena_free(&a);
	}
	print_message("# %zu calls compared\n", calls);
}

static void judge_agrees(void **state)
{
	(void)state;
	compare_sections(SECTIONS, true);
}

static void sections_mean_what_they_say(void **state)
{
	(void)state;
	compare_sections(SECTIONS / 10, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judge_agrees),
		cmocka_unit_test(sections_mean_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
