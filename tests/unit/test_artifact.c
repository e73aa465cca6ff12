/*
 * What a profile compiles to: the same bytes each time, a place for each rule, and costs that no call exceeds.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/artifact.h"
#include "policy/landing.h"
#include "policy/manifest.h"
#include "policy/reference.h"
#include "table/table.h"

#include <cmocka.h> /* last: it has a macro called fail */

static const char wide[] =
	"zviz: 1\n"
	"extends: ./base.yaml\n"
	"syscalls:\n"
	"  allow: [getpid]\n"
	"  where: [{syscall: kill, arg: 1, in: [9], then: deny}]\n"
	"filesystem: {deny: {read: [\"**/.env\"], write: [\"**/keep\"]}, hide: [/etc/secret]}\n"
	"resources: {io: [{path: /work, wbps: 50M}]}\n";
static const char base[] = "zviz: 1\nextends: ci-runner\nresources: {pids: 99}\n";

static struct sources files_of(struct arena *a)
{
	struct sources s = { 0 };

	*LIST_ADD(a, &s) = (struct source){ "own.yaml", arena_strdup(a, wide), sizeof wide - 1,
					    false };
	*LIST_ADD(a, &s) = (struct source){ NULL, arena_strdup(a, base), sizeof base - 1, false };
	return s;
}

static void load(struct arena *a, struct sources *s, struct profile *p)
{
	struct err e = { 0 };

	if (sources_profile(a, s, p, &e) < 0)
		fail_msg("%s", e.text);
	if (!s->at[s->n - 1].builtin)
		sources_add_builtins(a, p, s);
}

static void make(struct arena *a, struct artifacts *out)
{
	struct sources s = files_of(a);
	struct profile p;
	struct err e = { 0 };

	load(a, &s, &p);
	if (artifacts_make(a, "1.2.3", &s, &p, out, &e) < 0)
		fail_msg("%s", e.text);
	if (artifacts_prove(a, out, &p, &e) < 0)
		fail_msg("%s", e.text);
}

static void same_bytes(void **state)
{
	struct arena one = { 0 }, two = { 0 };
	struct artifacts a, b;

	(void)state;
	make(&one, &a);
	make(&two, &b);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++) {
		assert_string_equal(a.at[i].name, b.at[i].name);
		assert_int_equal(a.at[i].len, b.at[i].len);
		assert_memory_equal(a.at[i].bytes, b.at[i].bytes, a.at[i].len);
	}
	arena_free(&one);
	arena_free(&two);
}

/* The manifest can be read, names every other file, and is the last. */
static void manifest_is_whole(void **state)
{
	struct arena a = { 0 };
	struct artifacts all;
	struct manifest m;
	struct err e = { 0 };

	(void)state;
	make(&a, &all);

	const struct artifact *last = &all.at[all.n - 1];

	assert_string_equal(last->name, MANIFEST_NAME);
	assert_int_equal(manifest_read(&a, last->bytes, last->len, &m, &e), 0);
	assert_string_equal(m.zviz, "1.2.3");
	assert_string_equal(m.profile, "own");
	for (size_t i = 0; i + 1 < all.n; i++)
		assert_non_null(manifest_find(&m, all.at[i].name));
	assert_null(strstr(artifact_find(&all, "broker.json")->bytes, "null"));
	assert_int_equal(m.inputs.n, 3);
	assert_string_equal(m.inputs.at[0].name, "own.yaml");
	assert_string_equal(m.inputs.at[1].name, "./base.yaml");
	assert_string_equal(m.inputs.at[2].name, "ci-runner");
	assert_null(m.inputs.at[2].file);
	arena_free(&a);
}

/* A profile is read from what was kept of it, and a base that is called otherwise is not taken. */
static void only_what_was_kept(void **state)
{
	struct arena a = { 0 };
	struct sources s = files_of(&a);
	struct profile p;
	struct err e = { 0 };

	(void)state;
	s.at[1].name = "other.yaml";
	assert_true(sources_profile(&a, &s, &p, &e) < 0);
	assert_non_null(strstr(e.text, "base.yaml: not among the files"));
	s.n = 1;
	assert_true(sources_profile(&a, &s, &p, &e) < 0);
	s.n = 0;
	assert_true(sources_profile(&a, &s, &p, &e) < 0);
	arena_free(&a);
}

/* A profile for one machine has the filters of that one; one for none that there is, is refused. */
static void one_machine(void **state)
{
	static const char *const texts[] = {
		"zviz: 1\nextends: ci-runner\nremove: {syscalls: {architectures: [native]}}\n"
		"syscalls: {architectures: [aarch64]}\n",
		"zviz: 1\nextends: ci-runner\nremove: {syscalls: {architectures: [native]}}\n"
		"syscalls: {architectures: [i386]}\n",
	};
	struct arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct sources s = { 0 };
		struct artifacts all;
		struct profile p;
		struct err e = { 0 };

		*LIST_ADD(&a, &s) = (struct source){ "own.yaml", arena_strdup(&a, texts[i]),
						     strlen(texts[i]), false };
		load(&a, &s, &p);

		int r = artifacts_make(&a, "0", &s, &p, &all, &e);

		if (i == 1) {
			assert_true(r < 0);
			assert_non_null(strstr(e.text, "own.yaml:4"));
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(artifacts_prove(&a, &all, &p, &e), 0);
		assert_non_null(artifact_find(&all, "seccomp-aarch64.bpf"));
		assert_null(artifact_find(&all, "seccomp-x86_64.bpf"));
	}
	arena_free(&a);
}

/* One bit of any filter: the proof finds it, or shows that it changes nothing. Here it changes something. */
static void an_edited_filter(void **state)
{
	struct arena a = { 0 };
	struct sources s = files_of(&a);
	struct artifacts all;
	struct profile p;
	struct err e = { 0 };

	(void)state;
	load(&a, &s, &p);
	make(&a, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct artifact *f = &all.at[i];
		char *bytes;

		if (strstr(f->name, ".bpf") == NULL)
			continue;
		bytes = arena_alloc(&a, f->len);
		memcpy(bytes, f->bytes, f->len);
		bytes[12] ^= 1; /* the architecture that the second instruction asks for */

		struct artifact good = *f;

		f->bytes = bytes;
		assert_true(artifacts_prove(&a, &all, &p, &e) < 0);
		f->len -= 3;
		assert_int_equal(artifacts_prove(&a, &all, &p, &e), -EINVAL);
		assert_non_null(strstr(e.text, "are no filter"));
		*f = good;
	}
	arena_free(&a);
}

/* ---- landings ---- */

static void plan_of(struct arena *a, const struct profile *p, struct plan *plan)
{
	struct reference *ref = arena_alloc(a, sizeof *ref);
	struct err e = { 0 };

	if (reference_plan(a, p, HOST_X86_64, false, false, ref, plan, &e) < 0)
		fail_msg("%s", e.text);
}

static void every_rule_lands(void **state)
{
	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++) {
		struct arena a = { 0 };
		struct landings l;
		struct profile p;
		struct plan plan;
		struct err e = { 0 };

		assert_int_equal(profile_load_builtin(&a, b, &p, &e), 0);
		plan_of(&a, &p, &plan);
		landing_find(&a, &plan, &l);
		assert_true(l.n > 50);
		for (size_t i = 0; i < l.n; i++) {
			if (strcmp(l.at[i].layer, "none") == 0)
				fail_msg("%s: %s is enforced by nothing", b->name, l.at[i].rule);
			assert_non_null(l.at[i].from.file);
			assert_true(l.at[i].from.line > 0);
		}
		arena_free(&a);
	}
}

static const struct landing *landed(const struct landings *l, const char *rule)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->at[i].rule, rule) == 0)
			return &l->at[i];
	fail_msg("no rule %s", rule);
	return NULL;
}

static void where_rules_land(void **state)
{
	static const struct {
		const char *rule, *file, *layer;
		unsigned line; /* 0: whichever */
	} rows[] = {
		{ "syscalls.allow getpid", "own.yaml", "seccomp", 4 },
		{ "syscalls.where kill arg 1", "own.yaml", "seccomp, broker", 5 },
		{ "filesystem.deny.read **/.env", "own.yaml", "broker", 6 },
		{ "filesystem.deny.write **/keep", "own.yaml", "broker", 6 },
		{ "filesystem.hide /etc/secret", "own.yaml", "mounts", 6 },
		{ "filesystem.write /work", "ci-runner", "mounts, landlock, broker", 0 },
		{ "resources.io /work", "own.yaml", "cgroup", 7 },
		{ "resources.pids", "./base.yaml", "cgroup", 3 },
		{ "resources.nofile", "ci-runner", "rlimits", 0 },
		{ "network.mode", "ci-runner", "namespaces", 0 },
		{ "namespaces user", "ci-runner", "namespaces", 0 },
	};
	struct arena a = { 0 };
	struct sources s = files_of(&a);
	struct landings l;
	struct profile p;
	struct plan plan;

	(void)state;
	load(&a, &s, &p);
	plan_of(&a, &p, &plan);
	landing_find(&a, &plan, &l);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct landing *at = landed(&l, rows[i].rule);

		assert_string_equal(at->layer, rows[i].layer);
		assert_string_equal(at->from.file, rows[i].file);
		if (rows[i].line != 0)
			assert_int_equal(at->from.line, rows[i].line);
	}
	assert_int_equal(landed(&l, "syscalls.allow getpid")->cached, 1);
	assert_string_equal(landing_cost(&a, landed(&l, "syscalls.allow getpid")),
			    "cached by the kernel");
	assert_int_equal(landed(&l, "ioctl.allow TCGETS")->calls, 1);
	assert_true(landed(&l, "ioctl.allow TCGETS")->instructions > 5);
	arena_free(&a);
}

static uint64_t seed = 1;

static uint64_t random64(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed ^ (seed >> 29);
}

/* No call takes more instructions than that, and one that reads no argument takes just as many. */
static void longest_is_a_bound(void **state)
{
	struct arena a = { 0 };
	struct profile p;
	struct plan plan;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(profile_load_builtin(&a, profile_builtin("ci-runner"), &p, &e), 0);
	plan_of(&a, &p, &plan);
	for (size_t i = 0; i < plan.ncalls; i++) {
		struct bpf_call c = { .arch = plan_audit_arch(HOST_X86_64),
				      .nr = plan.calls[i].nr };
		unsigned most = bpf_longest(&a, &plan.filter, c.arch, c.nr), steps;
		bool reads;

		for (int round = 0; round < 200; round++) {
			for (unsigned k = 0; k < 6; k++)
				c.arg[k] = round % 2 ? random64() : random64() & 0xffff;
			bpf_run(&plan.filter, &c, &steps, &reads);
			assert_true(steps <= most);
			if (!reads)
				assert_int_equal(steps, most);
		}
	}
	arena_free(&a);
}

/* Of a program where it is known: the number's branch counts, both of an argument's do. */
static void longest_by_hand(void **state)
{
	struct sock_filter at[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },  /* the number */
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 7 }, /* 7: on, else to the end */
		{ BPF_JMP | BPF_JA, 0, 0, 1 },          /* to the argument */
		{ BPF_RET | BPF_K, 0, 0, 1 },           /* */
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 16 }, /* low half of argument 0 */
		{ BPF_JMP | BPF_JGT | BPF_K, 0, 2, 3 }, /* */
		{ BPF_ALU | BPF_AND | BPF_K, 0, 0, 1 }, /* */
		{ BPF_RET | BPF_K, 0, 0, 2 },           /* */
		{ BPF_RET | BPF_K, 0, 0, 3 },           /* */
	};
	const struct bpf_program p = { COUNT(at), at };
	struct arena a = { 0 };

	(void)state;
	assert_int_equal(bpf_longest(&a, &p, 1, 8), 3);
	assert_int_equal(bpf_longest(&a, &p, 1, 7), 7);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes),         cmocka_unit_test(manifest_is_whole),
		cmocka_unit_test(only_what_was_kept), cmocka_unit_test(one_machine),
		cmocka_unit_test(an_edited_filter),   cmocka_unit_test(every_rule_lands),
		cmocka_unit_test(where_rules_land),   cmocka_unit_test(longest_is_a_bound),
		cmocka_unit_test(longest_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
