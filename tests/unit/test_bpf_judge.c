/*
 * libseccomp as the judge: the same policy, built by it and by bpf_compile, must give the same
 * verdict for every call of both architectures and every class of arguments.
 *
 * What it cannot express stays out of these policies: rules have one verdict a call (or equalities
 * that exclude each other), the default elsewhere, one test an argument, masks with equality only.
 */
#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "libseccomp_judge.h"

/* Last: it defines a macro fail(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum {
	POLICIES = 200,
	NUMBERS_MAX = 600, /* above every number libseccomp knows */
	CASES_MAX = 24,
	X32 = 0x40000000,
	CALLS_PER_RULE = 120,
};

static const bpf_verdict bad_arch = SCMP_ACT_KILL_PROCESS;

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

/* ---- one architecture, in both languages ---- */

struct side {
	scmp_filter_ctx ctx;
	uint32_t token;    /* libseccomp's names of architectures are the kernel's */
	bpf_verdict usual; /* for every call without a rule, and where no case holds */
	struct bpf_arch arch;
	struct bpf_rule rules[NUMBERS_MAX];
	struct bpf_case cases[NUMBERS_MAX][CASES_MAX];
};

static void side_open(struct side *s, uint32_t token, bpf_verdict usual)
{
	memset(s, 0, sizeof *s);
	s->ctx = judge_open(token, usual);
	s->token = token;
	s->usual = usual;
	/* It answers x32 numbers like a foreign architecture. */
	s->arch = (struct bpf_arch){
		.audit_arch = token,
		.rules = s->rules,
		.nr_limit = X32,
		.unknown = usual,
		.beyond = token == SCMP_ARCH_X86_64 ? bad_arch : usual,
	};
}

static struct scmp_arg_cmp their_test(const struct bpf_test *t)
{
	static const enum scmp_compare ops[] = {
		[BPF_OP_EQ] = SCMP_CMP_EQ, [BPF_OP_NE] = SCMP_CMP_NE, [BPF_OP_GT] = SCMP_CMP_GT,
		[BPF_OP_GE] = SCMP_CMP_GE, [BPF_OP_LT] = SCMP_CMP_LT, [BPF_OP_LE] = SCMP_CMP_LE,
	};

	if (t->mask != UINT64_MAX)
		return (struct scmp_arg_cmp){ t->arg, SCMP_CMP_MASKED_EQ, t->mask, t->value };
	return (struct scmp_arg_cmp){ t->arg, ops[t->op], t->value, 0 };
}

/* Adds a call to both tables; calls that libseccomp cannot name from this machine stay out of
 * both. */
static void side_add(struct side *s, int nr, size_t n, const struct bpf_case *cases,
		     bpf_verdict plain)
{
	int theirs = judge_number(s->token, nr);
	struct bpf_rule *r = &s->rules[s->arch.n];
	struct bpf_case *own = s->cases[s->arch.n];

	if (theirs == __NR_SCMP_ERROR || (n == 0 && plain == s->usual))
		return;
	for (size_t i = 0; i < n; i++) {
		struct scmp_arg_cmp tests[BPF_TESTS_MAX];

		for (size_t t = 0; t < cases[i].n; t++)
			tests[t] = their_test(&cases[i].tests[t]);
		assert_int_equal(seccomp_rule_add_exact_array(s->ctx, cases[i].then, theirs,
							      (unsigned)cases[i].n, tests),
				 0);
		own[i] = cases[i];
	}
	if (n == 0)
		assert_int_equal(seccomp_rule_add_exact_array(s->ctx, plain, theirs, 0, NULL), 0);
	*r = (struct bpf_rule){
		.nr = nr, .n = n, .cases = own, .otherwise = n == 0 ? plain : s->usual
	};
	s->arch.n++;
}

/* ---- the comparison ---- */

struct trial {
	const struct bpf_policy *policy;
	struct bpf_program ours, theirs;
	size_t calls;
};

static void same_verdict(struct trial *t, const struct bpf_call *call)
{
	bpf_verdict ours = bpf_run(&t->ours, call, NULL, NULL);
	bpf_verdict theirs = bpf_run(&t->theirs, call, NULL, NULL);

	t->calls++;
	if (ours != theirs)
		fail_msg("call %d of 0x%x (%#lx, %#lx, %#lx, %#lx, %#lx, %#lx): 0x%x, judge 0x%x, "
			 "table 0x%x",
			 call->nr, call->arch, call->arg[0], call->arg[1], call->arg[2],
			 call->arg[3], call->arg[4], call->arg[5], ours, theirs,
			 bpf_reference(t->policy, call));
}

/* A value at which one of the rule's tests on this argument changes its mind, or one that means
 * nothing. */
static uint64_t telling_value(const struct bpf_rule *r, unsigned arg)
{
	const struct bpf_case *c = &r->cases[below(r->n)];

	for (size_t i = 0; i < c->n; i++) {
		const struct bpf_test *t = &c->tests[i];
		const uint64_t high = UINT64_C(1) << 32;
		const uint64_t telling[] = {
			t->value,
			t->value,
			t->value,
			t->value - 1,
			t->value + 1,
			t->value + high,
			t->value - high,
			t->value | ~t->mask,
			t->value ^ (t->mask & (0 - t->mask)),
		};

		if (t->arg == arg)
			return PICK(telling);
	}
	return below(2) == 0 ? 0 : below(UINT64_MAX);
}

static void compare_arch(struct trial *t, const struct bpf_arch *arch)
{
	static const uint32_t edges[] = { 0x3fffffff, X32, X32 + 1, 0x7fffffff, 0x80000000 };

	for (int nr = 0; nr < NUMBERS_MAX; nr++)
		same_verdict(t, &(struct bpf_call){ .arch = arch->audit_arch, .nr = nr });
	for (size_t i = 0; i < COUNT(edges); i++)
		same_verdict(t,
			     &(struct bpf_call){ .arch = arch->audit_arch, .nr = (int)edges[i] });
	for (size_t i = 0; i < arch->n; i++)
		for (size_t k = 0; arch->rules[i].n > 0 && k < CALLS_PER_RULE; k++) {
			struct bpf_call call = { .arch = arch->audit_arch,
						 .nr = arch->rules[i].nr };

			for (unsigned arg = 0; arg < 6; arg++)
				call.arg[arg] = telling_value(&arch->rules[i], arg);
			same_verdict(t, &call);
		}
}

/* Compares both programs of all `n` sides, which it closes. */
static struct trial compare(struct side *sides, size_t n)
{
	struct arena a = { 0 };
	struct bpf_arch arches[2];
	const struct bpf_policy p = { n, arches, bad_arch };
	struct trial t = { .policy = &p };
	struct err e;

	for (size_t i = 0; i < n; i++)
		arches[i] = sides[i].arch;
	if (n == 2) /* the second context is gone afterwards */
		assert_int_equal(seccomp_merge(sides[0].ctx, sides[1].ctx), 0);
	judge_program(&a, sides[0].ctx, &t.theirs);
	seccomp_release(sides[0].ctx);
	if (bpf_compile(&a, &p, &t.ours, &e) < 0)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < n; i++)
		compare_arch(&t, &arches[i]);
	for (int nr = 0; nr < 500; nr++)
		same_verdict(&t, &(struct bpf_call){ .arch = AUDIT_ARCH_I386, .nr = nr });
	arena_free(&a);
	return t;
}

/* ---- random policies ---- */

static const bpf_verdict verdicts[] = {
	SCMP_ACT_ALLOW, SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ERRNO(ENOSYS),
	SCMP_ACT_LOG,   SCMP_ACT_TRAP,  SCMP_ACT_KILL_PROCESS, SCMP_ACT_TRACE(7),
};

static uint64_t random_value(void)
{
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

	return PICK(values);
}

static bpf_verdict unlike(bpf_verdict usual)
{
	bpf_verdict v;

	do
		v = PICK(verdicts);
	while (v == usual);
	return v;
}

/* One case: each argument at most once. */
static void random_case(struct bpf_case *c, bpf_verdict then)
{
	static const uint64_t masks[] = { 0xffffffff, 0xf, 0xf0000000f, 0x7e020000,
					  0xffffffff00000000 };
	unsigned first = (unsigned)below(6);

	*c = (struct bpf_case){ .n = 1 + below(3), .then = then };
	for (unsigned i = 0; i < c->n; i++) {
		struct bpf_test *t = &c->tests[i];

		*t = (struct bpf_test){ .arg = (first + i) % 6,
					.op = (enum bpf_op)below(6),
					.mask = UINT64_MAX,
					.value = random_value() };
		if (t->op == BPF_OP_EQ && below(2) == 0) {
			t->mask = PICK(masks);
			t->value &= t->mask;
		}
	}
}

/* Equalities that exclude each other: here libseccomp can give several verdicts. */
static size_t random_list(struct bpf_case *cases, bpf_verdict usual)
{
	static const uint64_t masks[] = { UINT64_MAX, 0xffffffff, 0xff };
	const uint64_t mask = PICK(masks);
	const unsigned arg = (unsigned)below(6);
	uint64_t value = below(4);
	size_t n = 1 + below(CASES_MAX);

	for (size_t i = 0; i < n; i++, value += 1 + below(3))
		cases[i] = (struct bpf_case){ .n = 1,
					      .then = unlike(usual),
					      .tests = { { arg, BPF_OP_EQ, mask, value } } };
	return n;
}

static void random_side(struct side *s, uint32_t token, bpf_verdict usual)
{
	uint64_t density = 1 + below(8);

	side_open(s, token, usual);
	for (int nr = 0; nr < NUMBERS_MAX; nr++) {
		struct bpf_case cases[CASES_MAX];
		size_t n = 0;

		if (below(8) >= density)
			continue;
		if (below(20) == 0)
			random_case(&cases[n++], unlike(usual));
		else if (below(20) == 0)
			n = random_list(cases, usual);
		side_add(s, nr, n, cases, unlike(usual));
	}
}

static void judge_agrees_on_random_policies(void **state)
{
	struct side *sides = test_calloc(2, sizeof *sides);
	size_t calls = 0;

	(void)state;
	for (uint64_t i = 0; i < POLICIES; i++) {
		seed = i << 32;

		bpf_verdict usual = PICK(verdicts);
		size_t n = 1 + (i % 2);

		random_side(&sides[0], i % 3 == 0 ? SCMP_ARCH_AARCH64 : SCMP_ARCH_X86_64, usual);
		if (n == 2)
			random_side(&sides[1], i % 3 != 0 ? SCMP_ARCH_AARCH64 : SCMP_ARCH_X86_64,
				    usual);
		calls += compare(sides, n).calls;
	}
	print_message("# %zu calls compared\n", calls);
	test_free(sides);
}

/* ---- policies like a build machine's ---- */

static const char *const refused[] = {
	"ptrace",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"reboot",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"bpf",
	"perf_event_open",
	"keyctl",
	"add_key",
	"request_key",
	"setns",
	"swapon",
	"swapoff",
	"sethostname",
	"setdomainname",
	"open_by_handle_at",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"acct",
	"quotactl",
	"settimeofday",
};

static bool is_refused(const char *name)
{
	for (size_t i = 0; i < COUNT(refused); i++)
		if (strcmp(name, refused[i]) == 0)
			return true;
	return false;
}

static size_t value_cases(struct bpf_case *cases, unsigned arg, const uint32_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cases[i] = (struct bpf_case){ .n = 1,
					      .then = SCMP_ACT_ALLOW,
					      .tests = {
						      { arg, BPF_OP_EQ, 0xffffffff, values[i] } } };
	return n;
}

static size_t socket_cases(struct bpf_case *cases)
{
	static const uint8_t rows[][2] = { { 1, 1 }, { 1, 2 },  { 1, 5 }, { 2, 1 },
					   { 2, 2 }, { 10, 1 }, { 10, 2 } };

	for (size_t i = 0; i < COUNT(rows); i++)
		cases[i] = (struct bpf_case){ .n = 2,
					      .then = SCMP_ACT_ALLOW,
					      .tests = { { 0, BPF_OP_EQ, 0xffffffff, rows[i][0] },
							 { 1, BPF_OP_EQ, 0xf, rows[i][1] } } };
	return COUNT(rows);
}

static size_t build_cases(const char *name, struct bpf_case *cases)
{
	static const uint32_t ioctls[] = { 0x5401, 0x5402, 0x5403, 0x5404, 0x540f, 0x5410, 0x5411,
					   0x5413, 0x541b, 0x5421, 0x5450, 0x5451, 0x5452, 0x8905 };
	static const uint32_t prctls[] = { 1,  2,  3,  4,  15, 16, 21, 22,        23,
					   29, 30, 36, 37, 38, 39, 40, 0x53564d41 };
	static const uint32_t personalities[] = { 0, 8, 0x20000, 0x20008, 0xffffffff };

	if (strcmp(name, "ioctl") == 0)
		return value_cases(cases, 1, ioctls, COUNT(ioctls));
	if (strcmp(name, "prctl") == 0)
		return value_cases(cases, 0, prctls, COUNT(prctls));
	if (strcmp(name, "personality") == 0)
		return value_cases(cases, 0, personalities, COUNT(personalities));
	if (strcmp(name, "socket") == 0 || strcmp(name, "socketpair") == 0)
		return socket_cases(cases);
	if (strcmp(name, "clone") == 0 || strcmp(name, "unshare") == 0) {
		cases[0] = (struct bpf_case){ .n = 1,
					      .then = SCMP_ACT_ALLOW,
					      .tests = { { 0, BPF_OP_EQ, 0x7e020080, 0 } } };
		return 1;
	}
	return 0;
}

static void build_side(struct side *s, uint32_t token)
{
	side_open(s, token, SCMP_ACT_ERRNO(ENOSYS));
	for (int nr = 0; nr < NUMBERS_MAX; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(token, nr);
		struct bpf_case cases[CASES_MAX];

		if (name != NULL)
			side_add(s, nr, build_cases(name, cases), cases,
				 is_refused(name) ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);
		free(name);
	}
}

/* A tree needs some tests that a list does without, but it has to pay in all. */
static void compare_size(struct side *sides, size_t n)
{
	struct trial t = compare(sides, n);

	print_message("# %zu instructions, libseccomp %zu\n", t.ours.n, t.theirs.n);
	assert_true(t.ours.n < t.theirs.n / 2);
}

static void judge_agrees_on_build_policies(void **state)
{
	struct side *sides = test_calloc(2, sizeof *sides);

	(void)state;
	seed = 1;
	for (int optimize = 1; optimize <= 2; optimize++) { /* its list, and its own tree */
		build_side(&sides[0], SCMP_ARCH_X86_64);
		assert_true(sides[0].arch.n > 330);
		assert_int_equal(seccomp_attr_set(sides[0].ctx, SCMP_FLTATR_CTL_OPTIMIZE,
						  (uint32_t)optimize),
				 0);
		compare_size(sides, 1);
		build_side(&sides[0], SCMP_ARCH_AARCH64);
		assert_true(sides[0].arch.n > 250);
		compare_size(sides, 1);
		build_side(&sides[0], SCMP_ARCH_X86_64);
		build_side(&sides[1], SCMP_ARCH_AARCH64);
		compare_size(sides, 2);
	}
	test_free(sides);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judge_agrees_on_random_policies),
		cmocka_unit_test(judge_agrees_on_build_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
