/*
 * The filter generator against its own definition (bpf_reference), on random policies and on one
 * like a build machine's; its shape; and the kernel's opinion of it.
 */
#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/bpf.h"

/* Last: it defines a macro fail(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define BPF_ERRNO(no) (SECCOMP_RET_ERRNO | (no))

enum { ALLOW = SECCOMP_RET_ALLOW, ASK = SECCOMP_RET_USER_NOTIF };
enum { RANDOM_POLICIES = 1500, KERNEL_POLICIES = 150 };

/* ---- random policies: the same ones in every run ---- */

static uint64_t seed;

static uint64_t rnd(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}

#define PICK(array) ((array)[below(COUNT(array))])

static bpf_verdict random_verdict(void)
{
	static const bpf_verdict verdicts[] = {
		ALLOW,
		ALLOW,
		ALLOW,
		BPF_ERRNO(EPERM),
		BPF_ERRNO(EPERM),
		BPF_ERRNO(ENOSYS),
		ASK,
		SECCOMP_RET_KILL_PROCESS,
		SECCOMP_RET_LOG,
	};

	return PICK(verdicts);
}

static uint64_t random_value(void)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		3,
		5,
		0xf,
		0x10,
		0x5401,
		0x5402,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		0x100000001,
		0x7fffffffffffffff,
		0x8000000000000000,
		UINT64_MAX,
		UINT64_MAX - 1,
		0xffffffff00000000,
	};

	return below(8) == 0 ? rnd() : PICK(values);
}

static uint64_t random_mask(void)
{
	static const uint64_t masks[] = {
		UINT64_MAX,
		UINT64_MAX,
		0xffffffff,
		0xffffffff,
		0xf,
		0xff,
		1,
		0x80000000,
		0,
		0x7e020000,
		0xffffffff00000000,
		0x100000000,
		0xf0000000f,
		0x5,
		0xfffffffe,
	};

	return below(10) == 0 ? rnd() : PICK(masks);
}

static void random_test(struct bpf_test *t)
{
	*t = (struct bpf_test){ .arg = (unsigned)below(6),
				.op = (enum bpf_op)below(6),
				.mask = random_mask(),
				.value = random_value() };
	if (below(3) != 0)
		t->value &= t->mask;
	if (below(2) != 0)
		t->op = BPF_OP_EQ;
}

static void random_cases(struct bpf_rule *r, struct bpf_case *cases)
{
	r->cases = cases;
	for (size_t i = 0; i < r->n; i++) {
		cases[i].n = below(4);
		cases[i].then = random_verdict();
		for (size_t t = 0; t < cases[i].n; t++)
			random_test(&cases[i].tests[t]);
	}
}

/* Like a list of ioctl commands: one argument, one mask. */
static void random_list(struct bpf_rule *r, struct bpf_case *cases)
{
	const struct bpf_test like = { .arg = 1, .op = BPF_OP_EQ, .mask = random_mask() };
	uint64_t start = random_value();
	bpf_verdict then = random_verdict();

	r->cases = cases;
	for (size_t i = 0; i < r->n; i++) {
		cases[i].n = 1;
		cases[i].then = below(10) == 0 ? random_verdict() : then;
		cases[i].tests[0] = like;
		cases[i].tests[0].value = (start + below(40)) & like.mask;
	}
}

/* Like socket: the same few questions in every row, from few values. */
static void random_grid(struct bpf_rule *r, struct bpf_case *cases)
{
	bpf_verdict then = random_verdict();

	r->cases = cases;
	for (size_t i = 0; i < r->n; i++) {
		cases[i].n = 1 + below(3);
		cases[i].then = then;
		for (size_t t = 0; t < cases[i].n; t++)
			cases[i].tests[t] = (struct bpf_test){
				.arg = (unsigned)t,
				.op = BPF_OP_EQ,
				.value = below(4),
				.mask = t == 1 ? 0xf : 0xffffffff,
			};
	}
}

static void random_rule(struct arena *a, struct bpf_rule *r)
{
	*r = (struct bpf_rule){ .nr = r->nr, .otherwise = random_verdict() };
	if (below(12) != 0)
		return;
	r->n = 1 + below(12);

	struct bpf_case *cases = arena_array(a, r->n, sizeof *cases);

	switch (below(3)) {
	case 0:
		random_cases(r, cases);
		break;
	case 1:
		random_list(r, cases);
		break;
	default:
		random_grid(r, cases);
		break;
	}
}

static void shuffle(struct bpf_rule *rules, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = below(i);
		struct bpf_rule swapped = rules[i - 1];

		rules[i - 1] = rules[j];
		rules[j] = swapped;
	}
}

static void random_arch(struct arena *a, uint32_t audit_arch, struct bpf_arch *arch)
{
	static const uint32_t limits[] = { 0, 1, 40, 335, 512, 512, 1000, 0x40000000 };
	uint64_t density = 1 + below(8);
	struct bpf_rule *rules;

	*arch = (struct bpf_arch){ .audit_arch = audit_arch,
				   .nr_limit = PICK(limits),
				   .unknown = random_verdict(),
				   .beyond = random_verdict() };

	uint32_t top = arch->nr_limit < 480 ? arch->nr_limit : 480;

	arch->rules = rules = arena_array(a, top, sizeof *rules);
	for (uint32_t nr = 0; nr < top; nr++) {
		if (below(8) >= density)
			continue;
		rules[arch->n].nr = (int)nr;
		random_rule(a, &rules[arch->n++]);
	}
	if (below(2) == 0)
		shuffle(rules, arch->n);
}

static void random_policy(struct arena *a, struct bpf_policy *p)
{
	static const uint32_t names[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_I386 };
	struct bpf_arch *arches = arena_array(a, COUNT(names), sizeof *arches);

	*p = (struct bpf_policy){ .n = below(8) == 0 ? below(4) : 1,
				  .arches = arches,
				  .other_arch = random_verdict() };
	for (size_t i = 0; i < p->n; i++)
		random_arch(a, names[i], &arches[i]);
}

/* ---- a policy like a build machine's, for x86_64 ---- */

static const struct {
	int first, last;
	bpf_verdict verdict;
} build_ranges[] = {
	{ 101, 101, BPF_ERRNO(EPERM) },  /* ptrace */
	{ 103, 103, BPF_ERRNO(EPERM) },  /* syslog */
	{ 134, 134, BPF_ERRNO(ENOSYS) }, /* uselib */
	{ 136, 136, BPF_ERRNO(EPERM) },  /* ustat */
	{ 139, 139, BPF_ERRNO(EPERM) },  /* sysfs */
	{ 153, 156, BPF_ERRNO(EPERM) },  /* vhangup … _sysctl */
	{ 159, 159, BPF_ERRNO(EPERM) },  /* adjtimex */
	{ 161, 161, BPF_ERRNO(EPERM) },  /* chroot */
	{ 163, 173, BPF_ERRNO(EPERM) },  /* acct, mount, reboot … ioperm */
	{ 174, 174, BPF_ERRNO(ENOSYS) },
	{ 175, 176, BPF_ERRNO(EPERM) }, /* init_module, delete_module */
	{ 177, 178, BPF_ERRNO(ENOSYS) },
	{ 179, 179, BPF_ERRNO(EPERM) }, /* quotactl */
	{ 180, 185, BPF_ERRNO(ENOSYS) },
	{ 205, 205, BPF_ERRNO(ENOSYS) },
	{ 211, 212, BPF_ERRNO(EPERM) },
	{ 214, 215, BPF_ERRNO(ENOSYS) },
	{ 227, 227, BPF_ERRNO(EPERM) }, /* clock_settime */
	{ 236, 236, BPF_ERRNO(ENOSYS) },
	{ 246, 246, BPF_ERRNO(EPERM) },  /* kexec_load */
	{ 248, 250, BPF_ERRNO(EPERM) },  /* keys */
	{ 256, 256, BPF_ERRNO(EPERM) },  /* migrate_pages */
	{ 279, 279, BPF_ERRNO(EPERM) },  /* move_pages */
	{ 298, 298, BPF_ERRNO(EPERM) },  /* perf_event_open */
	{ 300, 301, BPF_ERRNO(EPERM) },  /* fanotify */
	{ 303, 305, BPF_ERRNO(EPERM) },  /* handles, clock_adjtime */
	{ 308, 308, BPF_ERRNO(EPERM) },  /* setns */
	{ 310, 313, BPF_ERRNO(EPERM) },  /* process_vm_readv … finit_module */
	{ 320, 321, BPF_ERRNO(EPERM) },  /* kexec_file_load, bpf */
	{ 323, 323, BPF_ERRNO(EPERM) },  /* userfaultfd */
	{ 335, 423, BPF_ERRNO(ENOSYS) }, /* the gap */
	{ 425, 427, BPF_ERRNO(ENOSYS) }, /* io_uring */
	{ 428, 433, BPF_ERRNO(EPERM) },  /* open_tree … fspick */
	{ 435, 435, BPF_ERRNO(ENOSYS) }, /* clone3 */
	{ 438, 438, BPF_ERRNO(EPERM) },  /* pidfd_getfd */
	{ 442, 443, BPF_ERRNO(EPERM) },  /* mount_setattr, quotactl_fd */
	{ 447, 448, BPF_ERRNO(EPERM) },  /* memfd_secret, process_mrelease */
	{ 457, 461, BPF_ERRNO(ENOSYS) },
	{ 2, 2, ASK },
	{ 85, 85, ASK },
	{ 257, 257, ASK },
	{ 437, 437, ASK }, /* the opens */
	{ 59, 59, ASK },
	{ 322, 322, ASK }, /* execve, execveat */
};

enum {
	BUILD_CALLS = 470,
	NR_IOCTL = 16,
	NR_SOCKET = 41,
	NR_SOCKETPAIR = 53,
	NR_CLONE = 56,
	NR_PERSONALITY = 135,
	NR_PRCTL = 157,
	NR_UNSHARE = 272
};

static void list_rule(struct arena *a, struct bpf_rule *r, unsigned arg, const uint32_t *values,
		      size_t n)
{
	struct bpf_case *cases = arena_array(a, n, sizeof *cases);

	for (size_t i = 0; i < n; i++)
		cases[i] = (struct bpf_case){ .n = 1,
					      .then = ALLOW,
					      .tests = { { .arg = arg,
							   .op = BPF_OP_EQ,
							   .mask = 0xffffffff,
							   .value = values[i] } } };
	*r = (struct bpf_rule){ .nr = r->nr, .n = n, .cases = cases, .otherwise = ASK };
}

static void socket_rule(struct arena *a, struct bpf_rule *r)
{
	static const struct {
		uint8_t family, type;
	} rows[] = {
		{ 1, 1 }, { 1, 2 }, { 1, 5 }, { 2, 1 }, { 2, 2 }, { 10, 1 }, { 10, 2 },
	};
	struct bpf_case *cases = arena_array(a, COUNT(rows), sizeof *cases);

	for (size_t i = 0; i < COUNT(rows); i++)
		cases[i] = (struct bpf_case){ .n = 2,
					      .then = ALLOW,
					      .tests = {
						      { 0, BPF_OP_EQ, 0xffffffff, rows[i].family },
						      { 1, BPF_OP_EQ, 0xf, rows[i].type } } };
	*r = (struct bpf_rule){ .nr = r->nr, .n = COUNT(rows), .cases = cases, .otherwise = ASK };
}

static void flags_rule(struct arena *a, struct bpf_rule *r)
{
	struct bpf_case *c = arena_alloc(a, sizeof *c);

	*c = (struct bpf_case){ .n = 1,
				.then = ALLOW,
				.tests = { { 0, BPF_OP_EQ, 0x7e020080, 0 } } };
	*r = (struct bpf_rule){ .nr = r->nr, .n = 1, .cases = c, .otherwise = BPF_ERRNO(EPERM) };
}

static void build_policy(struct arena *a, struct bpf_policy *p)
{
	static const uint32_t ioctls[] = {
		0x5401,     0x5402, 0x5403,     0x5404,     0x5405,     0x5406,     0x5407,
		0x5408,     0x5409, 0x540a,     0x540b,     0x540e,     0x540f,     0x5410,
		0x5411,     0x5413, 0x5414,     0x541b,     0x5421,     0x5429,     0x5430,
		0x5431,     0x5450, 0x5451,     0x5452,     0x5460,     0x8904,     0x8905,
		0x8906,     0x8907, 0x40045431, 0x80045430, 0x80086601, 0x80086603, 0x40049409,
		0xc020660b, 0x5441, 0x80045432, 0x80045438,
	};
	static const uint32_t prctls[] = {
		1,  2,  3,  4,  7,  8,  13, 14, 15, 16, 21, 22, 23, 27,         29,
		30, 36, 37, 38, 39, 40, 47, 49, 50, 51, 52, 53, 63, 0x53564d41,
	};
	static const uint32_t personalities[] = { 0, 8, 0x20000, 0x20008, 0xffffffff };
	struct bpf_rule *rules = arena_array(a, BUILD_CALLS, sizeof *rules);
	struct bpf_arch *arch = arena_alloc(a, sizeof *arch);

	for (int i = 0; i < BUILD_CALLS; i++)
		rules[i] = (struct bpf_rule){ .nr = i, .otherwise = ALLOW };
	for (size_t i = 0; i < COUNT(build_ranges); i++)
		for (int nr = build_ranges[i].first; nr <= build_ranges[i].last; nr++)
			rules[nr].otherwise = build_ranges[i].verdict;
	list_rule(a, &rules[NR_IOCTL], 1, ioctls, COUNT(ioctls));
	list_rule(a, &rules[NR_PRCTL], 0, prctls, COUNT(prctls));
	list_rule(a, &rules[NR_PERSONALITY], 0, personalities, COUNT(personalities));
	socket_rule(a, &rules[NR_SOCKET]);
	socket_rule(a, &rules[NR_SOCKETPAIR]);
	flags_rule(a, &rules[NR_CLONE]);
	flags_rule(a, &rules[NR_UNSHARE]);
	*arch = (struct bpf_arch){ .audit_arch = AUDIT_ARCH_X86_64,
				   .n = BUILD_CALLS,
				   .rules = rules,
				   .nr_limit = 512,
				   .unknown = BPF_ERRNO(ENOSYS),
				   .beyond = BPF_ERRNO(ENOSYS) };
	*p = (struct bpf_policy){ .n = 1, .arches = arch, .other_arch = SECCOMP_RET_KILL_PROCESS };
}

/* ---- the shape that every program has ---- */

static void check_target(const struct bpf_program *p, bool *seen, size_t at)
{
	assert_true(at < p->n);
	seen[at] = true;
}

/* Forward jumps only, in range; loads within the data; nothing that no path reaches. */
static void check_shape(const struct bpf_program *p)
{
	bool seen[BPF_MAXINSNS] = { true };

	assert_in_range(p->n, 1, BPF_MAXINSNS);
	for (size_t i = 0; i < p->n; i++) {
		const struct sock_filter *in = &p->at[i];

		assert_true(seen[i]);
		switch (in->code) {
		case BPF_RET | BPF_K:
			break;
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(in->k % 4 == 0 && in->k < sizeof(struct seccomp_data));
			check_target(p, seen, i + 1);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			assert_true(in->k != 0 && in->k != UINT32_MAX);
			check_target(p, seen, i + 1);
			break;
		case BPF_JMP | BPF_JA:
			check_target(p, seen, i + 1 + in->k);
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			assert_true(in->jt != in->jf);
			check_target(p, seen, i + 1 + in->jt);
			check_target(p, seen, i + 1 + in->jf);
			break;
		default:
			fail_msg("instruction %zu: code 0x%x", i, in->code);
		}
	}
}

/* ---- against the definition ---- */

/* Combinations of arguments tried for one rule: all of them, or this many at random. */
enum { CANDIDATES_MAX = 4096, A_FEW = 60, EVERY = 1000000 };

struct candidates {
	size_t n;
	uint64_t at[CANDIDATES_MAX];
};

static void candidate(struct candidates *c, uint64_t value)
{
	assert_true(c->n < CANDIDATES_MAX);
	c->at[c->n++] = value;
}

/* Every value at which this test can change its mind, in either half, and with bits the mask
 * ignores. */
static void candidates_of(struct candidates *c, const struct bpf_test *t)
{
	const uint64_t high = UINT64_C(1) << 32;

	for (int i = -1; i <= 1; i++) {
		uint64_t v = t->value + (uint64_t)(int64_t)i;

		candidate(c, v);
		candidate(c, v | ~t->mask);
		candidate(c, v + high);
		candidate(c, v - high);
	}
	candidate(c, t->mask);
	candidate(c, t->mask & (0 - t->mask));
}

static void check_call(const struct bpf_policy *p, const struct bpf_program *prog,
		       const struct bpf_call *call, bool may_read)
{
	bool read;
	unsigned steps;
	bpf_verdict got = bpf_run(prog, call, &steps, &read);

	if (got != bpf_reference(p, call))
		fail_msg("call %d of 0x%x (%#llx, %#llx, %#llx, %#llx, %#llx, %#llx): 0x%x, not "
			 "0x%x",
			 call->nr, call->arch, (unsigned long long)call->arg[0],
			 (unsigned long long)call->arg[1], (unsigned long long)call->arg[2],
			 (unsigned long long)call->arg[3], (unsigned long long)call->arg[4],
			 (unsigned long long)call->arg[5], got, bpf_reference(p, call));
	assert_true(may_read || !read);
	assert_in_range(steps, 1, prog->n);
}

static void check_arguments(const struct bpf_arch *arch, const struct bpf_program *prog,
			    const struct bpf_rule *r, size_t most)
{
	static struct candidates c[6];
	struct bpf_call call = { .arch = arch->audit_arch, .nr = r->nr };
	/* The rule alone says the same, and is found faster. */
	const struct bpf_arch alone = { arch->audit_arch, 1, r, arch->nr_limit, 0, 0 };
	const struct bpf_policy p = { 1, &alone, 0 };
	size_t combinations = 1;

	for (size_t i = 0; i < 6; i++) {
		c[i].n = 0;
		candidate(&c[i], 0);
	}
	for (size_t i = 0; i < r->n; i++)
		for (size_t t = 0; t < r->cases[i].n; t++)
			candidates_of(&c[r->cases[i].tests[t].arg], &r->cases[i].tests[t]);
	for (size_t i = 0; i < 6 && combinations <= most; i++)
		combinations *= c[i].n;

	bool all = combinations <= most;

	for (size_t i = 0; i < (all ? combinations : most); i++) {
		size_t rest = i;

		for (size_t arg = 0; arg < 6; rest /= c[arg++].n)
			call.arg[arg] = c[arg].at[all ? rest % c[arg].n : below(c[arg].n)];
		check_call(&p, prog, &call, true);
	}
}

static void check_numbers(const struct bpf_policy *p, const struct bpf_program *prog, uint32_t arch,
			  const struct bpf_arch *table, size_t most)
{
	static bool with_cases[1001];
	const uint32_t edges[] = {
		0x3fffffff,
		0x40000000,
		0x40000001,
		0x4000003b,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		table != NULL ? table->nr_limit - 1 : 0,
		table != NULL ? table->nr_limit : 0,
		table != NULL ? table->nr_limit + 1 : 0,
	};

	memset(with_cases, 0, sizeof with_cases);
	for (size_t i = 0; table != NULL && i < table->n; i++)
		if (table->rules[i].n > 0) {
			with_cases[table->rules[i].nr] = true;
			check_arguments(table, prog, &table->rules[i], most);
		}
	for (int nr = 0; nr <= 1000; nr++)
		check_call(p, prog, &(struct bpf_call){ .arch = arch, .nr = nr }, with_cases[nr]);
	for (size_t i = 0; i < COUNT(edges); i++)
		check_call(p, prog, &(struct bpf_call){ .arch = arch, .nr = (int)edges[i] },
			   edges[i] < COUNT(with_cases) && with_cases[edges[i]]);
}

static void check_policy(const struct bpf_policy *p, const struct bpf_program *prog, size_t most)
{
	check_shape(prog);
	for (size_t i = 0; i < p->n; i++)
		check_numbers(p, prog, p->arches[i].audit_arch, &p->arches[i], most);
	check_numbers(p, prog, 0x12345678, NULL, 0);
}

static void compile(struct arena *a, const struct bpf_policy *p, struct bpf_program *out)
{
	struct err e;

	if (bpf_compile(a, p, out, &e) < 0)
		fail_msg("%s", e.text);
}

static void means_what_the_table_says(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < RANDOM_POLICIES; i++) {
		struct arena a = { 0 };
		struct bpf_policy p;
		struct bpf_program prog;

		seed = i << 32;
		random_policy(&a, &p);
		compile(&a, &p, &prog);
		check_policy(&p, &prog, A_FEW);
		arena_free(&a);
	}
}

static void build_policy_is_small_and_shallow(void **state)
{
	struct arena a = { 0 };
	struct bpf_policy p;
	struct bpf_program prog;
	unsigned most = 0, total = 0, steps;

	(void)state;
	build_policy(&a, &p);
	compile(&a, &p, &prog);
	check_policy(&p, &prog, EVERY);
	for (int nr = 0; nr < BUILD_CALLS; nr++) {
		bool read;

		bpf_run(&prog, &(struct bpf_call){ .arch = AUDIT_ARCH_X86_64, .nr = nr }, &steps,
			&read);
		if (read)
			continue;
		total += steps;
		most = steps > most ? steps : most;
	}
	print_message("# %zu instructions, longest path %u, all paths %u\n", prog.n, most, total);
	assert_in_range(prog.n, 1, 230);
	assert_in_range(most, 1, 16);
	arena_free(&a);
}

/* Thousands of cases: jumps over more than 255 instructions, and then too many. */
static void long_jumps(void **state)
{
	size_t longest = 0;
	int r = 0;

	(void)state;
	for (size_t size = 0; r == 0; size += 20) {
		struct arena a = { 0 };
		struct err e;
		struct bpf_program prog;
		struct bpf_rule *rules = arena_array(&a, 480, sizeof *rules);
		struct bpf_arch arch = { AUDIT_ARCH_X86_64, 480, rules, 512, ALLOW, ASK };
		struct bpf_policy p = { 1, &arch, BPF_ERRNO(ENOSYS) };

		seed = 7;
		for (int i = 0; i < 480; i++)
			rules[i] = (struct bpf_rule){ .nr = i, .otherwise = random_verdict() };
		for (size_t done = 0; done < size; done += 10) {
			struct bpf_rule *rule = &rules[below(480)];

			rule->n = 10;
			random_cases(rule, arena_array(&a, 10, sizeof *rule->cases));
		}
		r = bpf_compile(&a, &p, &prog, &e);
		if (r == 0) {
			check_policy(&p, &prog, A_FEW);
			longest = prog.n;
		}
		arena_free(&a);
	}
	assert_int_equal(r, -E2BIG);
	assert_in_range(longest, 3800, BPF_MAXINSNS);
}

/* One case a node: the deepest graph there is. */
static void too_deep_is_refused(void **state)
{
	enum { DEPTH = 200000 };
	struct arena a = { 0 };
	struct err e;
	struct bpf_program prog;
	struct bpf_case *cases = arena_array(&a, DEPTH, sizeof *cases);
	struct bpf_rule rule = { .nr = 3, .n = DEPTH, .cases = cases };
	struct bpf_arch arch = { AUDIT_ARCH_X86_64, 1, &rule, 512, 0, 0 };
	struct bpf_policy p = { 1, &arch, 0 };

	(void)state;
	for (size_t i = 0; i < DEPTH; i++)
		cases[i] = (struct bpf_case){ .n = 1,
					      .then = ALLOW,
					      .tests = { { (unsigned)i % 6, BPF_OP_GT, UINT64_MAX,
							   i * 7919 } } };
	assert_int_equal(bpf_compile(&a, &p, &prog, &e), -E2BIG);
	arena_free(&a);
}

/* ---- single facts ---- */

static size_t size_of(size_t n, const struct bpf_case *cases, bpf_verdict otherwise)
{
	struct arena a = { 0 };
	const struct bpf_rule rule = { .nr = 0, .n = n, .cases = cases, .otherwise = otherwise };
	const struct bpf_arch arch = { AUDIT_ARCH_X86_64, 1, &rule, 1, ALLOW, ALLOW };
	const struct bpf_policy p = { 1, &arch, BPF_ERRNO(ENOSYS) };
	struct bpf_program prog;

	compile(&a, &p, &prog);
	check_policy(&p, &prog, A_FEW);

	size_t size = prog.n;

	arena_free(&a);
	return size;
}

#define ONE(verdict, ...)                                                                          \
	(struct bpf_case)                                                                          \
	{                                                                                          \
		.n = 1, .tests = { { __VA_ARGS__ } }, .then = (verdict)                            \
	}

static void nothing_is_wasted(void **state)
{
	const bpf_verdict no = BPF_ERRNO(EPERM);
	const struct bpf_case flags = ONE(ALLOW, 0, BPF_OP_EQ, 0x7e020080, 0);
	const struct bpf_case low = ONE(ALLOW, 1, BPF_OP_EQ, 0xffffffff, 5);
	const struct bpf_case part = ONE(ALLOW, 1, BPF_OP_EQ, 0xff, 5);
	const struct bpf_case wide = ONE(ALLOW, 1, BPF_OP_EQ, UINT64_MAX, 5);
	const struct bpf_case never = ONE(ALLOW, 1, BPF_OP_EQ, 0xff, 0x100);
	const struct bpf_case always = ONE(no, 1, BPF_OP_GE, UINT64_MAX, 0);
	/* load arch, is it x86_64; three returns */
	const size_t frame = 5, plain = 3, number = 2;

	(void)state;
	assert_int_equal(size_of(0, NULL, ALLOW), plain + 1);
	assert_int_equal(size_of(0, NULL, no), frame + number);
	assert_int_equal(size_of(1, &flags, no), frame + number + 2);
	assert_int_equal(size_of(1, &low, no), frame + number + 2);
	assert_int_equal(size_of(1, &part, no), frame + number + 3);
	assert_int_equal(size_of(1, &wide, no), frame + number + 4);
	assert_int_equal(size_of(1, &never, no), frame + number);
	assert_int_equal(size_of(1, &always, ALLOW), frame + number);
	assert_int_equal(size_of(1, &low, ALLOW), plain + 1);
}

static void calls_share_their_tests(void **state)
{
	struct arena a = { 0 };
	const struct bpf_case c = ONE(ALLOW, 1, BPF_OP_EQ, UINT64_MAX, 5);
	const bpf_verdict no = BPF_ERRNO(EPERM);
	const struct bpf_rule rules[] = { { 3, 1, &c, no }, { 7, 1, &c, no } };
	struct bpf_arch arch = { AUDIT_ARCH_X86_64, 1, rules, 512, ALLOW, ALLOW };
	const struct bpf_policy p = { 1, &arch, no };
	struct bpf_program one, two;

	(void)state;
	compile(&a, &p, &one);
	arch.n = 2;
	compile(&a, &p, &two);
	check_policy(&p, &two, EVERY);
	assert_int_equal(two.n, one.n + 1);
	arena_free(&a);
}

static void bad_tables_are_refused(void **state)
{
	const struct bpf_case op = ONE(ALLOW, 0, (enum bpf_op)6, UINT64_MAX, 0);
	const struct bpf_case arg = ONE(ALLOW, 6, BPF_OP_EQ, UINT64_MAX, 0);
	const struct bpf_case many = { .n = BPF_TESTS_MAX + 1 };
	const struct {
		size_t n;
		struct bpf_rule rules[2];
	} bad[] = {
		{ 2, { { .nr = 4 }, { .nr = 4 } } },
		{ 2, { { .nr = 511 }, { .nr = 512 } } },
		{ 1, { { .nr = -1 } } },
		{ 1, { { .nr = 1, .n = 1, .cases = &op } } },
		{ 1, { { .nr = 1, .n = 1, .cases = &arg } } },
		{ 1, { { .nr = 1, .n = 1, .cases = &many } } },
	};
	struct arena a = { 0 };
	struct bpf_program prog;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bpf_arch arch = { AUDIT_ARCH_X86_64, bad[i].n, bad[i].rules, 512, 0, 0 };
		struct bpf_policy p = { 1, &arch, 0 };

		assert_int_equal(bpf_compile(&a, &p, &prog, &e), -EINVAL);
		assert_non_null(strstr(e.text, "call "));
	}

	const struct bpf_arch twice[2] = { { .audit_arch = 1 }, { .audit_arch = 1 } };

	assert_int_equal(bpf_compile(&a, &(struct bpf_policy){ 2, twice, 0 }, &prog, &e), -EINVAL);
	arena_free(&a);
}

static void malformed_programs_kill(void **state)
{
	struct sock_filter bad[][2] = {
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UINT32_MAX - 3),
		  BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 1), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_ST, BPF_MEMWORDS), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_LDX | BPF_MEM, BPF_MEMWORDS), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_RET | BPF_X, 0), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_LDX | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 2), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
		{ BPF_STMT(BPF_MISC | 0x40, 0), BPF_STMT(BPF_RET | BPF_K, ALLOW) },
	};
	const struct bpf_call call = { 0 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct bpf_program p = { 2, bad[i] };

		assert_int_equal(bpf_run(&p, &call, NULL, NULL), SECCOMP_RET_KILL_PROCESS);
		if (bpf_check(&p, &e) != -EINVAL)
			fail_msg("row %zu", i);
		assert_non_null(strstr(e.text, "instruction"));
	}
	assert_int_equal(bpf_run(&(struct bpf_program){ 0 }, &call, NULL, NULL),
			 SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(bpf_check(&(struct bpf_program){ 0 }, &e), -EINVAL);
}

enum { LONGEST = 6 };

/* What filters of others do: each ends in RET A. */
static void every_instruction_is_run(void **state)
{
	static const struct {
		struct sock_filter at[LONGEST];
		size_t n;
		uint32_t gives;
	} rows[] = {
		{ { BPF_STMT(BPF_LD | BPF_IMM, 7) }, 1, 7 },
		{ { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0) }, 1, sizeof(struct seccomp_data) },
		{ { BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0) },
		  2,
		  sizeof(struct seccomp_data) },
		{ { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_ALU | BPF_NEG, 0) },
		  2,
		  (uint32_t)-39 },
		{ { BPF_STMT(BPF_LD | BPF_IMM, 7), BPF_STMT(BPF_MISC | BPF_TAX, 0),
		    BPF_STMT(BPF_LD | BPF_IMM, 50), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0) },
		  4,
		  7 },
		{ { BPF_STMT(BPF_LD | BPF_IMM, 50), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		    BPF_STMT(BPF_LD | BPF_IMM, 1) },
		  3,
		  0 },
		{ { BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 7),
		    BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 2), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 7) },
		  4,
		  47 },
		{ { BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 5),
		    BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4),
		    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1) },
		  4,
		  24 },
		{ { BPF_STMT(BPF_LDX | BPF_IMM, 33), BPF_STMT(BPF_LD | BPF_IMM, 3),
		    BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0) },
		  3,
		  6 },
		{ { BPF_STMT(BPF_LD | BPF_IMM, 9), BPF_STMT(BPF_ST, 15),
		    BPF_STMT(BPF_LDX | BPF_MEM, 15), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0) },
		  4,
		  18 },
		{ { BPF_STMT(BPF_LDX | BPF_IMM, 5), BPF_STMT(BPF_STX, 0),
		    BPF_STMT(BPF_LD | BPF_MEM, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		    BPF_STMT(BPF_LD | BPF_IMM, 1) },
		  5,
		  1 },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sock_filter at[LONGEST];
		const struct bpf_program p = { rows[i].n + 1, at };

		memcpy(at, rows[i].at, sizeof at);
		at[rows[i].n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
		assert_int_equal(bpf_check(&p, &e), 0);
		if (bpf_run(&p, &(struct bpf_call){ .nr = 39 }, NULL, NULL) != rows[i].gives)
			fail_msg("row %zu", i);
	}
}

/* A scratch word must have a value whichever way leads there. */
static void scratch_words_are_set_first(void **state)
{
	struct sock_filter at[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LD | BPF_MEM, 3),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	const struct bpf_program p = { COUNT(at), at };
	struct err e;

	(void)state;
	assert_int_equal(bpf_check(&p, &e), -EINVAL);
	assert_string_equal(e.text, "instruction 2: a scratch word without a value");
	at[0].jf = 0;
	assert_int_equal(bpf_check(&p, &e), 0);
	at[2].k = 4;
	assert_int_equal(bpf_check(&p, &e), -EINVAL);
}

static const char *test_name(uint32_t arch, int nr)
{
	return arch == AUDIT_ARCH_X86_64 && nr == 16 ? "ioctl" : NULL;
}

static void listing_reads_well(void **state)
{
	struct arena a = { 0 };
	struct buf text = { .arena = &a };
	const struct bpf_case c[] = {
		ONE(ALLOW, 1, BPF_OP_EQ, 0xffffffff, 0x5401),
		ONE(ASK, 2, BPF_OP_GE, 0xff00000000, 0x300000000),
	};
	const struct bpf_rule rule = {
		.nr = 16, .n = 2, .cases = c, .otherwise = BPF_ERRNO(EPERM)
	};
	const struct bpf_arch arch = { AUDIT_ARCH_X86_64, 1, &rule, 512, ALLOW, BPF_ERRNO(ENOSYS) };
	const struct bpf_policy p = { 1, &arch, SECCOMP_RET_KILL_PROCESS };
	struct bpf_program prog;

	(void)state;
	compile(&a, &p, &prog);
	bpf_list(&prog, test_name, &text);
	assert_string_equal(buf_text(&text),
			    "   0  load architecture\n"
			    "   1  if architecture == x86_64 then 2 else 14\n"
			    "   2  load number\n"
			    "   3  if number >= 512 then 5 else 4\n"
			    "   4  if number == 16 (ioctl) then 6 else 13\n"
			    "   5  return ERRNO ENOSYS\n"
			    "   6  load low half of argument 1\n"
			    "   7  if low half of argument 1 == 0x5401 then 13 else 8\n"
			    "   8  load high half of argument 2\n"
			    "   9  and 0xff\n"
			    "  10  if high half of argument 2 & 0xff >= 0x3 then 11 else 12\n"
			    "  11  return USER_NOTIF\n"
			    "  12  return ERRNO EPERM\n"
			    "  13  return ALLOW\n"
			    "  14  return KILL_PROCESS\n");
	arena_free(&a);
}

/* ---- the kernel's opinion ---- */

#if defined(__x86_64__)
static const uint32_t native = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
static const uint32_t native = AUDIT_ARCH_AARCH64;
#endif

/* Runs `try` in a child below the filter. What it returns is the child's exit code. */
static int below_filter(const struct bpf_program *prog, int (*try)(void))
{
	const struct sock_fprog load = { .len = (unsigned short)prog->n, .filter = prog->at };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int code = 101;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &load) == 0)
			code = try();
		syscall(SYS_exit_group, code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int just_exit(void)
{
	return 42;
}

/* exit_group passes in every policy that is loaded here. */
static void permit_exit(struct bpf_policy *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct bpf_arch *arch = (struct bpf_arch *)&p->arches[i];
		struct bpf_rule *rules = (struct bpf_rule *)arch->rules;
		size_t at = 0;

		if (arch->audit_arch != native)
			continue;
		while (at < arch->n && rules[at].nr != SYS_exit_group)
			at++;
		if (at == arch->n)
			arch->n++;
		rules[at] = (struct bpf_rule){ .nr = SYS_exit_group, .otherwise = ALLOW };
	}
}

static void kernel_takes_them(void **state)
{
	unsigned loaded = 0;

	(void)state;
	for (uint64_t i = 0; i < KERNEL_POLICIES; i++) {
		struct arena a = { 0 };
		struct bpf_policy p;
		struct bpf_program prog;

		seed = i << 32;
		random_policy(&a, &p);
		if (p.n > 0 && p.arches[0].audit_arch == native && p.arches[0].nr_limit >= 335) {
			permit_exit(&p);
			compile(&a, &p, &prog);
			assert_int_equal(below_filter(&prog, just_exit), 42);
			loaded++;
		}
		arena_free(&a);
	}
	assert_true(loaded > 50);
}

/* Bit n is set when the n-th attempt did not end as it should. */
static int attempts(void)
{
	int wrong = 0;

	errno = 0;
	wrong |= (syscall(SYS_getppid) != -1 || errno != EACCES) << 0;
	wrong |= (syscall(SYS_getpid) <= 0) << 1;
	wrong |= (syscall(SYS_fcntl, -1, 5, 0) != -1 || errno != EXDEV) << 2;
	wrong |= (syscall(SYS_fcntl, -1, 6, 0) != -1 || errno != EBADF) << 3;
	wrong |= (syscall(SYS_fcntl, -1, 6, UINT64_C(1) << 32) != -1 || errno != ERANGE) << 4;
	wrong |= (syscall(511) != -1 || errno != ENOTTY) << 5;
	wrong |= (syscall(512) != -1 || errno != EXFULL) << 6;
	wrong |= (syscall(0x40000000 | SYS_getpid) != -1 || errno != EXFULL) << 7;
	return wrong;
}

static void kernel_agrees(void **state)
{
	struct arena a = { 0 };
	const struct bpf_case cases[] = {
		ONE(BPF_ERRNO(EXDEV), 1, BPF_OP_LT, 0xffffffff, 6),
		ONE(BPF_ERRNO(ERANGE), 2, BPF_OP_GE, UINT64_MAX, UINT64_C(1) << 32),
	};
	const struct bpf_rule rules[] = {
		{ SYS_getppid, 0, NULL, BPF_ERRNO(EACCES) },
		{ SYS_getpid, 0, NULL, ALLOW },
		{ SYS_exit_group, 0, NULL, ALLOW },
		{ SYS_fcntl, COUNT(cases), cases, ALLOW },
	};
	const struct bpf_arch arch = { native, COUNT(rules),      rules,
				       512,    BPF_ERRNO(ENOTTY), BPF_ERRNO(EXFULL) };
	const struct bpf_policy p = { 1, &arch, SECCOMP_RET_KILL_PROCESS };
	struct bpf_program prog;

	(void)state;
	compile(&a, &p, &prog);
	assert_int_equal(below_filter(&prog, attempts), 0);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means_what_the_table_says),
		cmocka_unit_test(build_policy_is_small_and_shallow),
		cmocka_unit_test(long_jumps),
		cmocka_unit_test(too_deep_is_refused),
		cmocka_unit_test(nothing_is_wasted),
		cmocka_unit_test(calls_share_their_tests),
		cmocka_unit_test(bad_tables_are_refused),
		cmocka_unit_test(malformed_programs_kill),
		cmocka_unit_test(every_instruction_is_run),
		cmocka_unit_test(scratch_words_are_set_first),
		cmocka_unit_test(listing_reads_well),
		cmocka_unit_test(kernel_takes_them),
		cmocka_unit_test(kernel_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
