/*
 * What is said of a profile four times must be the same: the filter of its plan, run call by call; the proof
 * (policy/verify.h); the meaning of the profile's words (policy/meaning.h); and filters that libseccomp builds from that
 * meaning. For every number of both architectures, and for the arguments at which something changes.
 *
 * libseccomp has no order of rules, and one test an argument in each. Rows whose answers differ are therefore cut into
 * parts that exclude each other, each a masked equality for an argument. It gives what no rule speaks of one answer for
 * all calls: there is a filter of its own for each answer that is the rest of some call with rows. It takes no filter
 * whose usual answer is to ask, so that TRACE stands for asking. What it still cannot express is compared among the
 * other three and counted: a call that it does not know, or one of too many parts; numbers from nr_limit on where
 * it has no limit (aarch64), and the number -1, which it leaves to the kernel's debuggers.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "libseccomp_judge.h"
#include "policy/verify.h"
#include "random_profile.h"
#include "table/table.h"

/* Last: it defines a macro fail(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* The sanitizers make it ten times slower, and look for something else. */
#ifdef __SANITIZE_ADDRESS__
enum { RANDOM_PROFILES = 60 };
#else
enum { RANDOM_PROFILES = 2000 };
#endif

enum {
	NUMBERS_MAX = 600, /* above every number that a table knows */
	PARTS_MAX = 600,   /* of one call: more make libseccomp slow */
	BUILDS_MAX = 8,
	CALLS_PER_RULE = 120,
};

static const uint32_t x32 = 0x40000000;

/* ---- sets of calls as masked equalities ---- */

struct cube {
	uint64_t mask[6], value[6];
};

struct cubes {
	size_t n, cap;
	struct cube *at;
};

static bool apart(const struct cube *a, const struct cube *b)
{
	for (unsigned i = 0; i < 6; i++)
		if ((a->mask[i] & b->mask[i]) & (a->value[i] ^ b->value[i]))
			return true;
	return false;
}

/* Asks for one bit more; false when the cube asks for its opposite. */
static bool ask_bit(struct cube *c, unsigned arg, uint64_t bit, uint64_t value)
{
	if (c->mask[arg] & bit)
		return ((c->value[arg] ^ value) & bit) == 0;
	c->mask[arg] |= bit;
	c->value[arg] |= value & bit;
	return true;
}

/* Adds what of `c` is not in `gone`: where the first bit that differs is the lowest, the next, and so on. */
static void add_rest(struct arena *a, struct cubes *out, struct cube c, const struct cube *gone)
{
	if (apart(&c, gone)) {
		*LIST_ADD(a, out) = c;
		return;
	}
	for (unsigned arg = 0; arg < 6; arg++)
		for (uint64_t left = gone->mask[arg] & ~c.mask[arg]; left != 0; left &= left - 1) {
			uint64_t bit = left & (0 - left);
			struct cube part = c;

			(void)ask_bit(&part, arg, bit, ~gone->value[arg]);
			*LIST_ADD(a, out) = part;
			(void)ask_bit(&c, arg, bit, gone->value[arg]);
		}
}

/* The calls that satisfy one test more, of which a part may be nothing. */
static void add_test(struct arena *a, struct cubes *out, struct cube c,
		     const struct meaning_test *t)
{
	bool possible = true;

	if (!t->not_zero) {
		for (uint64_t left = t->mask; left != 0; left &= left - 1)
			possible &= ask_bit(&c, t->arg, left & (0 - left), t->value);
		if (possible && (t->value & ~t->mask) == 0)
			*LIST_ADD(a, out) = c;
		return;
	}
	for (uint64_t left = t->mask; left != 0 && possible; left &= left - 1) {
		struct cube part = c;

		if (ask_bit(&part, t->arg, left & (0 - left), UINT64_MAX))
			*LIST_ADD(a, out) = part;
		possible = ask_bit(&c, t->arg, left & (0 - left), 0);
	}
}

static struct cubes cubes_of(struct arena *a, const struct meaning_row *r)
{
	struct cubes all = { 0 };

	(void)LIST_ADD(a, &all);
	for (size_t t = 0; t < r->ntests; t++) {
		struct cubes next = { 0 };

		for (size_t i = 0; i < all.n; i++)
			add_test(a, &next, all.at[i], &r->tests[t]);
		all = next;
	}
	return all;
}

/* ---- libseccomp's filters of the same meaning ---- */

/* One answer is the rest of all calls that a build speaks of. */
struct build {
	bpf_verdict usual;
	scmp_filter_ctx ctx;
	struct bpf_program program;
};

/* Of one architecture as libseccomp has them: x32 is one, whose numbers begin at `base`. */
struct judge {
	struct arena *a;
	const struct meaning *m;
	uint32_t token;
	int base;
	size_t n;
	struct build builds[BUILDS_MAX]; /* the first has the calls without rows */
	int8_t speaks[NUMBERS_MAX];      /* which build, by number without `base`; -1: none can */
	size_t speechless;
};

static bpf_verdict their_verdict(bpf_verdict v)
{
	return v == SECCOMP_RET_USER_NOTIF ? SCMP_ACT_TRACE(1) : v;
}

static struct build *build_for(struct judge *j, bpf_verdict usual)
{
	size_t i = 0;

	while (i < j->n && j->builds[i].usual != usual)
		i++;
	assert_true(i < BUILDS_MAX);
	if (i == j->n)
		j->builds[j->n++] = (struct build){
			.usual = usual, .ctx = judge_open(j->token, their_verdict(usual))
		};
	return &j->builds[i];
}

static void their_rule(struct build *b, int nr, bpf_verdict then, const struct cube *c)
{
	struct scmp_arg_cmp tests[6];
	unsigned n = 0;

	for (unsigned i = 0; i < 6; i++)
		if (c->mask[i] == UINT64_MAX)
			tests[n++] = (struct scmp_arg_cmp){ i, SCMP_CMP_EQ, c->value[i], 0 };
		else if (c->mask[i] != 0)
			tests[n++] = (struct scmp_arg_cmp){ i, SCMP_CMP_MASKED_EQ, c->mask[i],
							    c->value[i] };
	assert_int_equal(seccomp_rule_add_exact_array(b->ctx, their_verdict(then), nr, n, tests),
			 0);
}

/* What is left of a row when the rows before it that answer otherwise are taken out; false when that is too much. */
static bool left_of(struct judge *j, const struct meaning_call *c, size_t row, struct cubes *left)
{
	*left = cubes_of(j->a, &c->at[row]);
	for (size_t i = 0; i < row; i++) {
		struct cubes gone = cubes_of(j->a, &c->at[i]);

		for (size_t g = 0; c->at[i].answer != c->at[row].answer && g < gone.n; g++) {
			struct cubes next = { 0 };

			for (size_t k = 0; k < left->n; k++)
				add_rest(j->a, &next, left->at[k], &gone.at[g]);
			*left = next;
			if (left->n > PARTS_MAX)
				return false;
		}
	}
	return true;
}

static bool answers_differ(const struct meaning_call *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].answer != c->at[0].answer)
			return true;
	return false;
}

/* Where other rows of the call ask for a few bits of an argument and this one does not, it is cut into all values of
 * them: libseccomp 2.5 answers wrongly where one rule asks for two arguments, and another for a third between them. */
static void add_even(struct judge *j, const struct meaning_call *c, struct cubes *out,
		     const struct cube *part)
{
	struct cubes all = { 0 };

	*LIST_ADD(j->a, &all) = *part;
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->at[i].ntests; k++) {
			const struct meaning_test *t = &c->at[i].tests[k];
			struct cubes next = { 0 };

			if (part->mask[t->arg] != 0 || t->mask != 0xf ||
			    all.at[0].mask[t->arg] != 0)
				continue;
			for (size_t n = 0; n < all.n * 16; n++) {
				struct cube *one = LIST_ADD(j->a, &next);

				*one = all.at[n / 16];
				one->mask[t->arg] = t->mask;
				one->value[t->arg] = n % 16;
			}
			all = next;
		}
	for (size_t i = 0; i < all.n; i++)
		*LIST_ADD(j->a, out) = all.at[i];
}

/* The rules of one call with rows; false when there are too many. */
static bool rules_of(struct judge *j, const struct meaning_call *c, struct cubes *parts,
		     bpf_verdict **then)
{
	bool ordered = answers_differ(c);
	struct {
		size_t n, cap;
		bpf_verdict *at;
	} answers = { 0 };

	for (size_t i = 0; i < c->n; i++) {
		struct cubes left;

		if (c->at[i].answer == c->otherwise)
			continue;
		if (!ordered)
			left = cubes_of(j->a, &c->at[i]);
		else if (!left_of(j, c, i, &left))
			return false;
		for (size_t k = 0; k < left.n; k++)
			add_even(j, c, parts, &left.at[k]);
		while (answers.n < parts->n)
			*LIST_ADD(j->a, &answers) = c->at[i].answer;
		if (parts->n > PARTS_MAX)
			return false;
	}
	*then = answers.at;
	return true;
}

/* To libseccomp arguments of x32 have 32 bits, which is true of pointers alone: registers have 64, and the kernel reads
 * them. */
static bool looks_above(const struct judge *j, const struct meaning_call *c)
{
	for (size_t i = 0; j->base != 0 && i < c->n; i++)
		for (size_t t = 0; t < c->at[i].ntests; t++)
			if (c->at[i].tests[t].mask >> 32 != 0)
				return true;
	return false;
}

/* What it says of socketcall and ipc follows from what it was told of their parts, and of the arguments of these it takes
 * nothing. */
static bool is_or_has_parts(const struct judge *j, const struct meaning_call *c)
{
	static const int with_parts[] = { 102, 117 };

	if (syscall_parts(j->token, c->nr) != NULL)
		return true;
	for (size_t i = 0; c->n != 0 && i < COUNT(with_parts); i++) {
		const struct syscall_parts *p = syscall_parts(j->token, with_parts[i]);

		for (const struct syscall_part *at = p != NULL ? p->at : NULL;
		     at != NULL && at->call != NULL; at++)
			if (strcmp(at->call, c->name) == 0)
				return true;
	}
	return false;
}

static void judge_call(struct judge *j, const struct meaning_call *c)
{
	int theirs = judge_number(j->token, c->nr);
	struct cubes parts = { 0 };
	struct build *b = c->n == 0 ? &j->builds[0] : build_for(j, c->otherwise);
	bpf_verdict *then = NULL;

	if (theirs == __NR_SCMP_ERROR || looks_above(j, c) || is_or_has_parts(j, c) ||
	    !rules_of(j, c, &parts, &then)) {
		j->speaks[c->nr - j->base] = -1;
		j->speechless++;
		return;
	}
	j->speaks[c->nr - j->base] = (int8_t)(b - j->builds);
	for (size_t i = 0; i < parts.n; i++)
		their_rule(b, theirs, then[i], &parts.at[i]);
	if (c->n == 0 && c->otherwise != b->usual)
		their_rule(b, theirs, c->otherwise, &(struct cube){ 0 });
}

static void judge_builds(struct arena *a, const struct meaning *m, uint32_t token, int base,
			 struct judge *j)
{
	*j = (struct judge){ .a = a, .m = m, .token = token, .base = base };
	(void)build_for(j, m->unknown);
	for (size_t i = 0; i < m->n; i++)
		if (m->at[i].nr >= base && m->at[i].nr - base < NUMBERS_MAX)
			judge_call(j, &m->at[i]);
	for (size_t i = 0; i < j->n; i++) {
		judge_program(a, j->builds[i].ctx, &j->builds[i].program);
		seccomp_release(j->builds[i].ctx);
	}
}

/* False where libseccomp has nothing to say. */
static bool judge_says(const struct judge *j, const struct bpf_call *call, bpf_verdict *out)
{
	int64_t at = (int64_t)call->nr - j->base;
	int build = at >= 0 && at < NUMBERS_MAX ? j->speaks[at] : 0;

	/* Where x32 is listed, numbers behind its table are none of libseccomp's. */
	if (build < 0 || call->nr == -1 || (j->base != 0 && build == 0 && at >= NUMBERS_MAX) ||
	    (j->m->arch != AUDIT_ARCH_X86_64 && (uint32_t)call->nr >= x32))
		return false;
	*out = bpf_run(&j->builds[build].program, call, NULL, NULL);
	if (*out == SCMP_ACT_TRACE(1))
		*out = SECCOMP_RET_USER_NOTIF;
	return true;
}

/* ---- the comparison ---- */

static uint64_t seed = 0x5eed;

static uint32_t below(size_t n)
{
	return draw_below(&seed, (uint32_t)n);
}

static uint64_t draw64(void)
{
	return (uint64_t)draw32(&seed) << 32 | draw32(&seed);
}

struct trial {
	const struct planned *p;
	const char *profile; /* its text or name */
	size_t njudges;
	struct judge judges
		[3]; /* the machine's own, which comes first, and those of its other ABIs that are listed */
	size_t calls, alone;
};

/* Whom to ask: the machine's own also says that others are killed. */
static const struct judge *judge_of(const struct trial *t, const struct bpf_call *call)
{
	for (size_t i = 1; i < t->njudges; i++)
		if (t->judges[i].m->arch == call->arch && call->nr >= t->judges[i].base)
			return &t->judges[i];
	return &t->judges[0];
}

static void open_judges(struct arena *a, struct trial *t)
{
	const struct meaning *m = &t->p->meaning;

	judge_builds(a, m, m->arch, 0, &t->judges[t->njudges++]);
	if (t->p->plan.x32)
		judge_builds(a, m, SCMP_ARCH_X32, (int)x32, &t->judges[t->njudges++]);
	if (m->also != NULL)
		judge_builds(a, m->also, SCMP_ARCH_X86, 0, &t->judges[t->njudges++]);
}

static void same_verdict(struct trial *t, const struct bpf_call *call)
{
	bpf_verdict ours = bpf_run(&t->p->plan.filter, call, NULL, NULL);
	bpf_verdict means = meaning_of(&t->p->meaning, call), theirs = means;

	t->calls++;
	if (!judge_says(judge_of(t, call), call, &theirs))
		t->alone++;
	if (theirs != means || !meaning_admits(&t->p->meaning, call, ours))
		fail_msg("%d of 0x%x (%#lx, %#lx, %#lx, %#lx, %#lx, %#lx): the filter 0x%x, "
			 "the meaning 0x%x, libseccomp 0x%x\n%s",
			 call->nr, call->arch, call->arg[0], call->arg[1], call->arg[2],
			 call->arg[3], call->arg[4], call->arg[5], ours, means, theirs, t->profile);
}

enum { TELLING = 10 };

/* A value near one at which the test changes its mind. */
static uint64_t telling_value(const struct meaning_test *t, unsigned which)
{
	const uint64_t high = UINT64_C(1) << 32, lowest = t->mask & (0 - t->mask);
	const uint64_t values[TELLING] = {
		t->value,
		t->value | (draw64() & ~t->mask),
		t->value - 1,
		t->value + 1,
		t->value + high,
		t->value - high,
		t->value | ~t->mask,
		t->value ^ lowest,
		t->value ^ (t->mask & draw64()),
		~t->value,
	};

	return values[which];
}

/* The other tests of the row hold, unless chance has it otherwise. */
static struct bpf_call near_row(const struct meaning *m, const struct meaning_call *c,
				const struct meaning_row *r, size_t test, unsigned which)
{
	struct bpf_call call = { .arch = m->arch, .nr = c->nr, .ip = draw64() };

	for (unsigned i = 0; i < 6; i++)
		call.arg[i] = below(3) == 0 ? draw64() : below(4);
	for (size_t i = 0; i < r->ntests; i++)
		call.arg[r->tests[i].arg] = telling_value(&r->tests[i],
							  i == test ? which : below(2));
	return call;
}

/* Some of another row's arguments, too: where rows of one call meet. */
static void blend(struct bpf_call *call, const struct meaning_row *r)
{
	for (size_t i = 0; i < r->ntests; i++) {
		const struct meaning_test *t = &r->tests[i];
		uint64_t *arg = &call->arg[t->arg];

		*arg = (*arg & ~t->mask) | (telling_value(t, below(2)) & t->mask);
	}
}

static void compare_call(struct trial *t, const struct meaning *m, const struct meaning_call *c,
			 bool all)
{
	for (size_t i = 0; all && i < c->n; i++)
		for (size_t k = 0; k < c->at[i].ntests; k++)
			for (unsigned which = 0; which < TELLING; which++) {
				struct bpf_call call = near_row(m, c, &c->at[i], k, which);

				same_verdict(t, &call);
			}
	for (size_t i = 0; c->n != 0 && i < CALLS_PER_RULE; i++) {
		const struct meaning_row *r = &c->at[below(c->n)];
		struct bpf_call call = near_row(m, c, r, below(r->ntests), below(TELLING));

		if (below(2))
			blend(&call, &c->at[below(c->n)]);
		same_verdict(t, &call);
	}
}

static void compare_numbers(struct trial *t)
{
	static const uint32_t edges[] = { 0x3fffffff, 0x40000000, 0x40000001,
					  0x7fffffff, 0x80000000, 0xffffffff };
	static const uint32_t strange[] = { AUDIT_ARCH_MIPS, AUDIT_ARCH_ARM, 0 };
	uint32_t arch = t->p->meaning.arch;

	for (int nr = 0; nr < NUMBERS_MAX; nr++) {
		same_verdict(t, &(struct bpf_call){ .arch = arch, .nr = nr });
		same_verdict(t, &(struct bpf_call){ .arch = arch,
						    .nr = nr,
						    .arg = { draw64(), draw64(), draw64() } });
		same_verdict(t, &(struct bpf_call){ .arch = arch, .nr = nr | (int)x32 });
		same_verdict(t, &(struct bpf_call){ .arch = AUDIT_ARCH_I386, .nr = nr });
		same_verdict(
			t, &(struct bpf_call){ .arch = strange[below(COUNT(strange))], .nr = nr });
	}
	for (size_t i = 0; i < COUNT(edges); i++)
		same_verdict(t, &(struct bpf_call){ .arch = arch, .nr = (int)edges[i] });
	for (unsigned i = 0; i < 20; i++)
		same_verdict(t, &(struct bpf_call){ .arch = arch, .nr = (int)draw32(&seed) });
	same_verdict(t,
		     &(struct bpf_call){ .arch = arch ^ AUDIT_ARCH_X86_64 ^ AUDIT_ARCH_AARCH64 });
}

static void compare_all(struct arena *a, struct trial *t, bool every_value)
{
	struct verify_result r;
	struct buf text = { .arena = a };
	struct err e;
	int differs = verify_filter(&t->p->meaning, &t->p->plan.filter, &r, &e);

	if (differs < 0)
		fail_msg("%s\n%s", e.text, t->profile);
	if (differs > 0) {
		verify_describe(&r, &text);
		fail_msg("%s\n%s", buf_text(&text), t->profile);
	}
	open_judges(a, t);
	compare_numbers(t);
	for (const struct meaning *m = &t->p->meaning; m != NULL; m = m->also)
		for (size_t i = 0; i < m->n; i++)
			compare_call(t, m, &m->at[i], every_value);
}

struct sums {
	size_t profiles, calls, alone, speechless, judged;
};

static void add_up(struct sums *s, const struct trial *t)
{
	s->calls += t->calls;
	s->alone += t->alone;
	for (size_t i = 0; i < t->njudges; i++)
		s->speechless += t->judges[i].speechless;
	for (const struct meaning *m = &t->p->meaning; m != NULL; m = m->also)
		s->judged += m->n;
}

/* libseccomp has a say in nearly all: the calls that it cannot express are few. */
static void assert_judged(const struct sums *s)
{
	print_message(
		"# %zu plans; %zu calls compared, %zu of them without libseccomp; %zu of %zu rules "
		"were not expressible to it\n",
		s->profiles, s->calls, s->alone, s->speechless, s->judged);
	assert_true(s->speechless * 20 < s->judged);
	assert_true(s->profiles > 0);
}

static const enum host_arch arches[] = { HOST_X86_64, HOST_AARCH64 };

/* One built-in profile for one machine and listener, as it is or with the other ABIs listed. */
static void judge_builtin(const struct builtin_profile *b, enum host_arch arch,
			  const struct meaning_request *listener, bool all_abis, struct sums *sums)
{
	struct arena a = { 0 };
	struct planned p;
	struct trial t = { .p = &p, .profile = b->name };
	struct err e;

	assert_int_equal(load_builtin(&a, b, all_abis, &p.profile, &e), 0);
	assert_int_equal(plan_under(&a, &p, arch, listener, &e), 0);
	assert_int_equal(p.plan.i386 && p.plan.x32, all_abis);
	compare_all(&a, &t, true);
	sums->profiles++;
	add_up(sums, &t);
	arena_free(&a);
}

static void judge_agrees_on_builtins(void **state)
{
	struct sums sums = { 0 };

	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++)
		for (size_t l = 0; l < LISTENERS; l++) {
			judge_builtin(b, HOST_X86_64, &listeners[l], false, &sums);
			judge_builtin(b, HOST_X86_64, &listeners[l], true, &sums);
			judge_builtin(b, HOST_AARCH64, &listeners[l], false, &sums);
		}
	assert_judged(&sums);
}

static void judge_agrees_on_random_profiles(void **state)
{
	struct sums sums = { 0 };

	(void)state;
	for (size_t i = 0; i < RANDOM_PROFILES * COUNT(arches); i++) {
		struct arena a = { 0 };
		struct planned p;
		uint64_t own = i / COUNT(arches); /* the same profile for both */
		enum host_arch arch = arches[i % COUNT(arches)];
		struct trial t = { .p = &p, .profile = random_profile(&a, &own, arch) };
		struct err e;

		if (profile_load(&a, "random", t.profile, strlen(t.profile), NULL, NULL, &p.profile,
				 &e) == 0 &&
		    plan_under(&a, &p, arch, &listeners[own % LISTENERS], &e) == 0) {
			compare_all(&a, &t, false);
			sums.profiles++;
			add_up(&sums, &t);
		}
		arena_free(&a);
	}
	assert_judged(&sums);
	assert_true(sums.profiles >= RANDOM_PROFILES * COUNT(arches) * 95 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judge_agrees_on_builtins),
		cmocka_unit_test(judge_agrees_on_random_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
