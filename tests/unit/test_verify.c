/*
 * The proof of filters: what it says of the built-in profiles, and that it notices when a filter is not what its
 * profile means. test_judge has it prove random ones.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/symbolic.h"
#include "policy/verify.h"
#include "policy/verify_files.h"
#include "random_profile.h"
#include "table/table.h"

#include <cmocka.h> /* last: it has a macro called fail */

/* The sanitizers make it ten times slower, and look for something else. */
#ifdef __SANITIZE_ADDRESS__
enum { MUTATIONS = 300, RANDOM_PROGRAMS = 40, CALLS = 300 };
#else
enum { MUTATIONS = 10000, RANDOM_PROGRAMS = 400, CALLS = 300 };
#endif

static uint64_t seed = 0x5eed;

static uint32_t random32(void)
{
	return draw32(&seed);
}

static uint32_t below(uint32_t n)
{
	return draw_below(&seed, n);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void assert_proved(const struct planned *p, const char *name, struct verify_result *r)
{
	struct arena a = { 0 };
	struct buf text = { .arena = &a };
	struct err e;
	int result = verify_filter(&p->meaning, &p->plan.filter, r, &e);

	if (result < 0)
		fail_msg("%s\n%s", e.text, name);
	if (result == 1) {
		verify_describe(r, &text);
		fail_msg("%s\n%s", buf_text(&text), name);
	}
	arena_free(&a);
}

/* What a built-in profile is planned for: a machine, with its own calls or all that it can run. */
static const struct {
	enum host_arch arch;
	bool all_abis;
	const char *name;
} machines[] = {
	{ HOST_X86_64, false, "x86_64" },
	{ HOST_AARCH64, false, "aarch64" },
	{ HOST_X86_64, true, "x86_64, i386, x32" },
};

static void plan_builtin(struct arena *a, const struct builtin_profile *b, size_t machine,
			 const struct meaning_request *listener, struct planned *p)
{
	struct err e;

	assert_int_equal(load_builtin(a, b, machines[machine].all_abis, &p->profile, &e), 0);
	assert_int_equal(plan_under(a, p, machines[machine].arch, listener, &e), 0);
}

static void builtins_are_proved(void **state)
{
	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++)
		for (size_t i = 0; i < LISTENERS * COUNT(machines); i++) {
			struct arena a = { 0 };
			struct planned p;
			struct verify_result result;
			size_t machine = i % COUNT(machines);

			plan_builtin(&a, b, machine, &listeners[i / COUNT(machines)], &p);

			double start = now_ms();

			assert_proved(&p, b->name, &result);
			printf("# %-16s %s: %4zu instructions, %5zu sets, %.1f ms\n", b->name,
			       machines[machine].name, p.plan.filter.n, result.sets,
			       now_ms() - start);
			assert_true(result.sets > p.meaning.n);
			arena_free(&a);
		}
}

/* The longest lists that are permitted. The sets that were looked at are the measure: they were forty times as many when
 * rows that cannot hold left conditions behind. */
static void long_lists_are_proved(void **state)
{
	static const struct {
		const char *before, *after;
		unsigned n;
	} rows[] = {
		{ "ioctl: {allow: [", "]}", 256 },
		{ "sockets: {allow: [{family: inet, protocols: [", "]}]}", 64 },
		{ "sockets: {allow: [{family: inet, types: [stream, dgram, raw, rdm, seqpacket, dccp], "
		  "protocols: [",
		  "]}]}", 64 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		struct buf b = { .arena = &a };
		struct planned p;
		struct verify_result r;
		struct err e;

		buf_printf(&b,
			   "zviz: 1\nname: x\nsyscalls: {allow: [\"@process\", \"@sockets\", "
			   "\"@basic-io\"]}\n%s",
			   rows[i].before);
		for (unsigned n = 0; n < rows[i].n; n++)
			buf_printf(&b, "%s%u", n == 0 ? "" : ", ", n * 3);
		buf_printf(&b, "%s\n", rows[i].after);
		assert_int_equal(
			profile_load(&a, "x", buf_text(&b), b.len, NULL, NULL, &p.profile, &e), 0);
		assert_int_equal(plan_under(&a, &p, HOST_X86_64, &listeners[0], &e), 0);
		assert_proved(&p, rows[i].before, &r);
		printf("# %zu sets\n", r.sets);
		assert_true(r.sets < 5000);
		arena_free(&a);
	}
}

/* ---- mutations ---- */

static void mutate(struct sock_filter *in)
{
	switch (below(6)) {
	case 0:
		in->k ^= 1u << below(32);
		return;
	case 1:
		in->k += below(2) ? 1 : UINT32_MAX;
		return;
	case 2:
		in->jt ^= (uint8_t)(1u << below(8));
		return;
	case 3:
		in->jf ^= (uint8_t)(1u << below(8));
		return;
	case 4: {
		uint8_t jt = in->jt;

		in->jt = in->jf;
		in->jf = jt;
		return;
	}
	default:
		in->code ^= (uint16_t)(1u << below(7));
	}
}

/* A call that is likely to stand at a border: known numbers, and values that the filter compares with. */
static struct bpf_call border_call(const struct bpf_program *f, const struct meaning *m)
{
	struct bpf_call c = { .arch = m->arch, .nr = m->at[below((uint32_t)m->n)].nr };

	if (below(8) == 0)
		c.nr = (int)random32();
	if (below(16) == 0)
		c.arch = random32();
	for (unsigned i = 0; i < 6; i++) {
		uint32_t k = f->at[below((uint32_t)f->n)].k;

		c.arg[i] = below(3) == 0 ? random32() : k + below(3) - 1;
		if (below(4) == 0)
			c.arg[i] |= (uint64_t)random32() << 32;
		if (below(4) == 0)
			c.arg[i] &= UINT32_MAX;
	}
	return c;
}

/* The kernel's own opinion: a child tries, and says so in memory, since the filter may let it do nothing else. */
static bool kernel_loads(const struct bpf_program *f, int *result)
{
	const struct sock_fprog p = { (unsigned short)f->n, f->at };
	pid_t child;

	*result = 0;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		*result = 1 + (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p) == 0);
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_not_equal(*result, 0);
	return *result == 2;
}

struct sums {
	size_t found, same, unloadable, undecided;
};

/* What makes no difference makes none to calls at the borders. */
static void assert_same(const struct planned *p, const struct bpf_program *mutant)
{
	for (size_t c = 0; c < CALLS; c++) {
		struct bpf_call call = border_call(mutant, &p->meaning);
		bpf_verdict was = bpf_run(&p->plan.filter, &call, NULL, NULL);
		bpf_verdict is = bpf_run(mutant, &call, NULL, NULL);

		if (is != was && !meaning_admits(&p->meaning, &call, is))
			fail_msg("number %d: the filter does 0x%x, the mutant 0x%x", call.nr, was,
				 is);
	}
}

static void try_mutant(const struct planned *p, const struct bpf_program *mutant, struct sums *s)
{
	struct verify_result r;
	struct err e;
	int result = verify_filter(&p->meaning, mutant, &r, &e);

	if (result == 1) {
		s->found++;
		assert_int_equal(bpf_run(mutant, &r.call, NULL, NULL), r.does);
		assert_int_equal(meaning_of(&p->meaning, &r.call), r.says);
		assert_false(meaning_admits(&p->meaning, &r.call, r.does));
	} else if (result == 0) {
		s->same++;
		assert_same(p, mutant);
	} else if (bpf_check(mutant, &e) < 0) {
		s->unloadable++;
	} else {
		s->undecided++;
	}
}

/* Flips in the filter of one plan, and tries some on the kernel. */
static void mutate_plan(const struct planned *p, size_t mutations, int *loaded, struct sums *s)
{
	struct arena a = { 0 };
	struct sock_filter *copy = arena_array(&a, p->plan.filter.n, sizeof *copy);
	const struct bpf_program mutant = { p->plan.filter.n, copy };
	struct err e;

	for (size_t i = 0; i < mutations; i++) {
		struct sock_filter *in = &copy[below((uint32_t)mutant.n)];

		memcpy(copy, p->plan.filter.at, mutant.n * sizeof *copy);
		mutate(in);
		try_mutant(p, &mutant, s);
		if (i % 16 == 0 && kernel_loads(&mutant, loaded) != (bpf_check(&mutant, &e) == 0))
			fail_msg("the kernel is of another opinion: code 0x%x jt %u jf %u k 0x%x",
				 in->code, in->jt, in->jf, in->k);
	}
	arena_free(&a);
}

/* Flip anything in any filter: the proof finds an example, or is right that it makes no difference, unless the kernel
 * would not load the mutant in the first place. */
static void mutations_are_found(void **state)
{
	int *loaded = mmap(NULL, sizeof *loaded, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	struct sums s = { 0 };
	size_t plans = 0;

	(void)state;
	assert_ptr_not_equal(loaded, MAP_FAILED);
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++)
		plans += LISTENERS * COUNT(machines);
	for (size_t i = 0; i < plans; i++) {
		const size_t each = LISTENERS * COUNT(machines);
		struct arena a = { 0 };
		struct planned p;

		plan_builtin(&a, &builtin_profiles[i / each], i % COUNT(machines),
			     &listeners[i / COUNT(machines) % LISTENERS], &p);
		mutate_plan(&p, MUTATIONS / plans + 1, loaded, &s);
		arena_free(&a);
	}
	munmap(loaded, sizeof *loaded);
	printf("# %zu mutations found, %zu make no difference, %zu cannot be loaded, "
	       "%zu undecided\n",
	       s.found, s.same, s.unloadable, s.undecided);
	assert_true(s.found > MUTATIONS / 2);
	assert_true(s.undecided * 1000 <= MUTATIONS);
}

/* ---- the symbolic run itself ---- */

struct paths {
	const struct bpf_call *call;
	bpf_verdict verdict;
	size_t hits, paths;
};

static uint32_t word_of(const struct bpf_call *c, unsigned word)
{
	switch (word) {
	case SYMBOLIC_NR:
		return (uint32_t)c->nr;
	case SYMBOLIC_ARCH:
		return c->arch;
	default:
		break;
	}

	uint64_t whole = word < SYMBOLIC_ARGS ? c->ip : c->arg[(word - SYMBOLIC_ARGS) / 2];

	return (uint32_t)(word % 2 ? whole >> 32 : whole);
}

static bool in_set(const struct symbolic_set *s, const struct bpf_call *c)
{
	for (size_t i = 0; i < s->n; i++) {
		uint32_t v = word_of(c, s->at[i].word) & s->at[i].mask, k = s->at[i].value;
		enum symbolic_op op = s->at[i].op;

		if (!(op == SYMBOLIC_EQ   ? v == k
		      : op == SYMBOLIC_NE ? v != k
		      : op == SYMBOLIC_GE ? v >= k
					  : v < k))
			return false;
	}
	return true;
}

static int count_path(void *ctx, bpf_verdict verdict, struct symbolic_set *calls)
{
	struct paths *p = ctx;
	struct bpf_call some;

	p->paths++;
	assert_true(symbolic_some(calls, &some));
	assert_true(in_set(calls, &some));
	if (in_set(calls, p->call)) {
		p->hits++;
		p->verdict = verdict;
	}
	return 0;
}

/* Forward jumps only, so it ends; nothing else is promised. */
static size_t random_program(struct sock_filter *at)
{
	static const uint16_t jumps[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	size_t n = 4 + below(24);

	for (size_t i = 0; i < n; i++) {
		uint8_t room = (uint8_t)(n - i - 1 > 12 ? 12 : n - i - 1);
		uint32_t k = below(2) ? below(6) : random32();

		at[i] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0, below(5) << 16 };
		if (i + 1 == n || below(8) == 0)
			continue;
		switch (below(4)) {
		case 0:
			at[i] = (struct sock_filter){ BPF_LD | BPF_W | BPF_ABS, 0, 0,
						      4 * below(16) };
			break;
		case 1:
			at[i] = (struct sock_filter){ BPF_ALU | BPF_AND | BPF_K, 0, 0, k };
			break;
		default:
			at[i] = (struct sock_filter){ BPF_JMP | BPF_K | jumps[below(4)],
						      (uint8_t)below(room), (uint8_t)below(room),
						      k };
		}
	}
	return n;
}

static void paths_part_the_calls(void **state)
{
	struct sock_filter at[32];
	static struct symbolic_set set;
	struct err e;

	(void)state;
	for (size_t i = 0; i < RANDOM_PROGRAMS; i++) {
		struct bpf_program p = { random_program(at), at };

		for (size_t c = 0; c < 20; c++) {
			struct bpf_call call = { .arch = below(8),
						 .nr = (int)below(8),
						 .ip = below(8) };
			struct paths paths = { .call = &call };

			for (unsigned n = 0; n < 6; n++)
				call.arg[n] = below(2) ? below(8)
						       : (uint64_t)random32() << 32 | random32();
			set.n = 0;
			assert_int_equal(symbolic_run(&p, &set, count_path, &paths, &e), 0);
			assert_int_equal(set.n, 0);
			assert_int_equal(paths.hits, 1);
			assert_int_equal(paths.verdict, bpf_run(&p, &call, NULL, NULL));
		}
	}
}

static void single_words_are_decided(void **state)
{
	static const struct {
		struct symbolic_condition at[4];
		size_t n;
		bool some;
	} rows[] = {
		{ { { 4, SYMBOLIC_EQ, UINT32_MAX, 7 }, { 4, SYMBOLIC_NE, UINT32_MAX, 7 } },
		  2,
		  false },
		{ { { 4, SYMBOLIC_EQ, 0xf, 0x10 } }, 1, false },
		{ { { 4, SYMBOLIC_GE, 0xff, 0x100 } }, 1, false },
		{ { { 4, SYMBOLIC_GE, UINT32_MAX, UINT32_MAX } }, 1, true },
		{ { { 4, SYMBOLIC_LT, UINT32_MAX, 0 } }, 1, false },
		{ { { 4, SYMBOLIC_GE, 0xf0, 0x30 },
		    { 4, SYMBOLIC_LT, 0xf0, 0x40 },
		    { 4, SYMBOLIC_NE, 0xf0, 0x30 } },
		  3,
		  false },
		{ { { 4, SYMBOLIC_EQ, 0xf, 3 }, { 4, SYMBOLIC_GE, UINT32_MAX, 0xfffffff4 } },
		  2,
		  false },
		{ { { 4, SYMBOLIC_EQ, 0xf, 3 }, { 4, SYMBOLIC_GE, UINT32_MAX, 0xfffffff3 } },
		  2,
		  true },
		{ { { 4, SYMBOLIC_NE, 1, 0 }, { 4, SYMBOLIC_NE, 1, 1 } }, 2, false },
		{ { { 4, SYMBOLIC_NE, 0, 0 } }, 1, false },
		{ { { 4, SYMBOLIC_EQ, 0, 0 } }, 1, true },
		{ { { 4, SYMBOLIC_EQ, UINT32_MAX, 1 }, { 5, SYMBOLIC_EQ, UINT32_MAX, 2 } },
		  2,
		  true },
	};
	static struct symbolic_set s;
	struct bpf_call call;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		s.n = rows[i].n;
		memcpy(s.at, rows[i].at, rows[i].n * sizeof *s.at);
		if (symbolic_some(&s, &call) != rows[i].some)
			fail_msg("row %zu", i);
		if (rows[i].some)
			assert_true(in_set(&s, &call));
	}
	assert_int_equal(call.arg[0], UINT64_C(2) << 32 | 1);
}

static void no_program(void **state)
{
	static const struct sock_filter cases[][2] = {
		{ { BPF_LD | BPF_W | BPF_ABS, 0, 0, 64 }, { BPF_RET | BPF_K, 0, 0, 0 } },
		{ { BPF_LD | BPF_W | BPF_ABS, 0, 0, 2 }, { BPF_RET | BPF_K, 0, 0, 0 } },
		{ { BPF_JMP | BPF_JA, 0, 0, 1 }, { BPF_RET | BPF_K, 0, 0, 0 } },
		{ { BPF_JMP | BPF_JA, 0, 0, UINT32_MAX }, { BPF_RET | BPF_K, 0, 0, 0 } },
		{ { BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 1 }, { BPF_RET | BPF_K, 0, 0, 0 } },
		{ { BPF_ALU | BPF_ADD | BPF_K, 0, 0, 1 }, { BPF_RET | BPF_K, 0, 0, 0 } },
		{ { BPF_RET | BPF_A, 0, 0, 0 }, { BPF_RET | BPF_K, 0, 0, 0 } },
		{ { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 }, { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 } },
	};
	const struct meaning m = { .arch = AUDIT_ARCH_X86_64, .nr_limit = 0x40000000 };
	struct verify_result r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bpf_program p = { 2, (struct sock_filter *)cases[i] };

		if (verify_filter(&m, &p, &r, &e) != -EINVAL)
			fail_msg("row %zu", i);
		assert_non_null(strstr(e.text, "instruction"));
	}

	struct bpf_program empty = { 0 };

	assert_int_equal(verify_filter(&m, &empty, &r, &e), -EINVAL);
}

/* ---- files ---- */

static void assert_files_proved(struct arena *a, const struct planned *p, const char *name)
{
	const char *path;
	size_t classes;

	if (verify_files(a, &p->plan, &p->request, &classes, &path) != 0)
		fail_msg("%s: %s gets more than the profile says", name, path);
	assert_true(classes > 100);
}

static void files_of_builtins(void **state)
{
	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++) {
		struct arena a = { 0 };
		struct planned p;
		struct err e;

		assert_int_equal(profile_load_builtin(&a, b, &p.profile, &e), 0);
		assert_int_equal(plan_under(&a, &p, HOST_X86_64, &listeners[0], &e), 0);
		assert_files_proved(&a, &p, b->name);
		arena_free(&a);
	}
}

/* Each change of a plan that gives something away is found. */
static void files_given_away(void **state)
{
	struct arena a = { 0 };
	struct planned p;
	struct err e;
	const char *path;
	size_t classes;

	(void)state;
	assert_int_equal(profile_load_builtin(&a, profile_builtin("web-server"), &p.profile, &e),
			 0);
	assert_int_equal(plan_under(&a, &p, HOST_X86_64, &listeners[0], &e), 0);

	/* Write rights and a mount that can be written to. */
	struct plan_path *paths = arena_array(&a, p.plan.npaths + 1, sizeof *paths);
	struct plan_mount *mounts = arena_array(&a, p.plan.nmounts, sizeof *mounts);

	memcpy(paths, p.plan.paths, p.plan.npaths * sizeof *paths);
	memcpy(mounts, p.plan.mounts, p.plan.nmounts * sizeof *mounts);
	paths[p.plan.npaths] = (struct plan_path){ "/usr", LANDLOCK_ACCESS_FS_WRITE_FILE, { 0 } };
	p.plan.paths = paths;
	p.plan.mounts = mounts;
	p.plan.npaths++;
	assert_int_equal(verify_files(&a, &p.plan, &p.request, &classes, &path), 0); /* read-only */
	for (size_t i = 0; i < p.plan.nmounts; i++)
		if (strcmp(mounts[i].target, "/usr") == 0)
			mounts[i].attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	assert_int_equal(verify_files(&a, &p.plan, &p.request, &classes, &path), 1);
	assert_int_equal(strncmp(path, "/usr", 4), 0);
	p.plan.npaths--;
	assert_int_equal(verify_files(&a, &p.plan, &p.request, &classes, &path), 0);

	/* Execution where only writing was meant. */
	for (size_t i = 0; i < p.plan.npaths; i++)
		if (strcmp(paths[i].path, "/tmp") == 0)
			paths[i].rights |= LANDLOCK_ACCESS_FS_EXECUTE;
	assert_int_equal(verify_files(&a, &p.plan, &p.request, &classes, &path), 1);
	assert_int_equal(strncmp(path, "/tmp", 4), 0);
	arena_free(&a);
}

/* A hidden path stays hidden over what is shared, and a pattern that got lost is found. */
static void files_hidden_and_denied(void **state)
{
	static const char text[] =
		"zviz: 1\nextends: ci-runner\nfilesystem:\n  hide: [/usr/share/secret]\n"
		"  deny: {read: [\"**/.env\"], write: [\"**/.git/hooks/**\"]}\n";
	struct arena a = { 0 };
	struct planned p;
	struct err e;
	const char *path;
	size_t classes;

	(void)state;
	assert_int_equal(profile_load(&a, "own", text, strlen(text), NULL, NULL, &p.profile, &e),
			 0);
	assert_int_equal(plan_under(&a, &p, HOST_X86_64, &listeners[0], &e), 0);
	assert_false(verify_says(&p.plan, &p.request, "/usr/share/secret/x").seen);
	assert_true(verify_says(&p.plan, &p.request, "/usr/share/x").read);
	assert_false(verify_says(&p.plan, &p.request, "/usr/share/x").write);
	assert_true(verify_lets(&p.plan, "/work/x").write);
	assert_true(verify_lets(&p.plan, "/usr/bin/x").execute);
	assert_false(verify_lets(&p.plan, "/root").seen);
	p.plan.broker.ndeny_write = 0;
	assert_int_equal(verify_files(&a, &p.plan, &p.request, &classes, &path), 1);
	assert_string_equal(path, "**/.git/hooks/**");
	arena_free(&a);
}

/* Diamonds: each doubles the ways to the next. */
static void too_many_paths(void **state)
{
	static struct sock_filter at[2048];
	const struct meaning m = { .arch = AUDIT_ARCH_X86_64, .nr_limit = 0x40000000 };
	struct verify_result r;
	struct err e;
	size_t n = 0;

	(void)state;
	for (; n + 4 < COUNT(at); n += 2) {
		at[n] = (struct sock_filter){ BPF_LD | BPF_W | BPF_ABS, 0, 0,
					      16 + 4 * (n / 2 % 12) };
		at[n + 1] = (struct sock_filter){ BPF_JMP | BPF_JSET | BPF_K, 0, 0,
						  1u << n / 24 % 32 };
	}
	at[n] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0, 0 };

	struct bpf_program p = { n + 1, at };
	double start = now_ms();

	assert_int_equal(verify_filter(&m, &p, &r, &e), -E2BIG);
	printf("# given up after %.0f ms\n", now_ms() - start);
	assert_non_null(strstr(e.text, "too many ways"));
}

/* The words of an example. */
static void examples_are_shown(void **state)
{
	struct arena a = { 0 };
	struct buf text = { .arena = &a };
	const struct verify_result r = {
		.call = { .arch = AUDIT_ARCH_X86_64, .nr = 257, .arg = { 0, 0, 0x241 } },
		.says = SECCOMP_RET_ALLOW,
		.does = SECCOMP_RET_ERRNO | EPERM,
	};

	(void)state;
	verify_describe(&r, &text);
	assert_string_equal(buf_text(&text),
			    "openat(arg2 = 0x241) on x86_64: the profile says ALLOW, "
			    "the filter does ERRNO(EPERM)");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_words_are_decided),
		cmocka_unit_test(paths_part_the_calls),
		cmocka_unit_test(no_program),
		cmocka_unit_test(too_many_paths),
		cmocka_unit_test(examples_are_shown),
		cmocka_unit_test(builtins_are_proved),
		cmocka_unit_test(long_lists_are_proved),
		cmocka_unit_test(files_of_builtins),
		cmocka_unit_test(files_given_away),
		cmocka_unit_test(files_hidden_and_denied),
		cmocka_unit_test(mutations_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
