/*
 * What of another profile a running container can have: that the tables survive their image, that no damaged image is
 * taken, and that filter and broker together answer as the new profile does.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/live.h"
#include "policy/reference.h"

/* Last: it defines a macro fail(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

struct made {
	struct profile profile;
	struct reference reference;
	struct plan plan;
};

static void make(struct arena *a, const char *name, const char *text, bool pure, struct made *out)
{
	struct err e = { 0 };
	const char *whole = arena_printf(a, "zviz: 1\nname: %s\nextends: ci-runner\n%s", name,
					 text);

	if (profile_load(a, name, whole, strlen(whole), NULL, NULL, &out->profile, &e) < 0)
		fail_msg("%s", e.text);
	if (pure)
		out->profile = diff_profile(&out->profile);
	if (reference_plan(a, &out->profile, HOST_X86_64, false, !pure, &out->reference, &out->plan,
			   &e) < 0)
		fail_msg("%s", e.text);
}

static void tables(struct arena *a, const char *start, const char *next, struct live_tables *t,
		   struct live_obstacles *o, struct made *m)
{
	struct err e = { 0 };

	*o = (struct live_obstacles){ 0 };
	make(a, "start", start, false, &m[0]);
	make(a, "next", next, false, &m[1]);
	make(a, "next", next, true, &m[2]);
	live_settled(a, &m[0].profile, &m[1].profile, o);
	if (live_plan(a, &m[0].plan, &m[1].plan, &m[2].plan.filter, t, o, &e) < 0)
		fail_msg("%s", e.text);
}

static char *copy_of(const char *image, size_t len)
{
	char *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, image, len);
	return copy;
}

static const char started[] = "syscalls: {tripwire: [listen, ioctl, socket, \"@memory-lock\"]}\n"
			      "filesystem: {deny: {read: [/never]}}\n";

static void an_image_is_what_was_packed(void **state)
{
	struct arena a = { 0 };
	struct made *m = arena_array(&a, 3, sizeof *m);
	struct live_obstacles o;
	struct live_tables t;
	struct err e = { 0 };
	char *image, *again;
	size_t len, len2;

	(void)state;
	tables(&a, started,
	       "syscalls: {deny: [listen]}\nfilesystem: {deny: {read: [/never, \"**/x\"]}}\n", &t,
	       &o, m);
	assert_int_equal(o.n, 0);
	*LIST_ADD(&a, &t.sources) = (struct source){ "one", arena_strdup(&a, "text"), 4, false };
	assert_int_equal(live_pack(&a, &t, &image, &len, &e), 0);

	char *copy = copy_of(image, len);
	const struct live_tables *back = live_unpack(copy, len);

	assert_non_null(back);
	assert_true(live_fits(&m[0].plan.broker, back));
	assert_string_equal(back->profile, "next");
	assert_string_equal(back->sources.at[0].text, "text");
	assert_int_equal(back->deny_read.n, t.deny_read.n);
	assert_int_equal(back->calls.n, m[0].plan.ncalls);
	assert_int_equal(live_pack(&a, back, &again, &len2, &e), 0);
	assert_int_equal(len, len2);
	assert_memory_equal(image, again, len);
	free(copy);
	arena_free(&a);
}

/* Each word of an image in turn becomes rubbish, and each length is cut: it is refused, or all that it says lies within. */
static void damage_is_refused_or_harmless(void **state)
{
	static const uint64_t rubbish[] = { 1, UINT64_MAX, 1 << 20, 0x4141414141414141 };
	struct arena a = { 0 };
	struct made *m = arena_array(&a, 3, sizeof *m);
	struct live_obstacles o;
	struct live_tables t;
	struct err e = { 0 };
	char *image;
	size_t len, refused = 0;

	(void)state;
	tables(&a, started, started, &t, &o, m);
	assert_int_equal(live_pack(&a, &t, &image, &len, &e), 0);
	for (size_t at = 0; at + 8 <= len; at += 8)
		for (size_t i = 0; i < COUNT(rubbish); i++) {
			char *copy = copy_of(image, len);
			const struct live_tables *back;
			struct broker_plan plan;

			memcpy(copy + at, &rubbish[i], 8);
			back = live_unpack(copy, len);
			refused += back == NULL;
			if (back != NULL && live_fits(&m[0].plan.broker, back)) {
				live_apply(&m[0].plan.broker, back, &plan);
				for (size_t c = 0; c < plan.ncalls; c++) {
					struct call call = { .arch = AUDIT_ARCH_X86_64,
							     .nr = plan.calls[c].nr };

					(void)decide_call(&plan, &call, decide_row(&plan, &call));
				}
			}
			free(copy);
		}
	assert_true(refused > 100);
	for (size_t cut = 1; cut < len; cut += 97) {
		char *copy = copy_of(image, len);

		assert_null(live_unpack(copy, len - cut));
		free(copy);
	}
	arena_free(&a);
}

/* The verdict of the container after the change against the profile's own, for every call and telling arguments. */
static void together_they_answer_as_the_profile(void **state)
{
	static const char *const nexts[] = {
		"syscalls: {deny: [listen]}\nfilesystem: {deny: {read: [/never]}}\n",
		"syscalls: {deny: [ioctl]}\nfilesystem: {deny: {read: [/never, /more]}}\n",
		"syscalls: {deny: [socket, mlock]}\nfilesystem: {deny: {read: [/never]}}\n",
		"filesystem: {deny: {read: [/never]}}\nremove: {ioctl: {allow: [TIOCGWINSZ]}}\n",
	};
	static const uint64_t values[] = { 0,      1,      2,      3,      10, 16,
					   0x5401, 0x5413, 0x541b, 0x5412, 40, UINT32_MAX };

	(void)state;
	for (size_t k = 0; k < COUNT(nexts); k++) {
		struct arena a = { 0 };
		struct made *m = arena_array(&a, 3, sizeof *m);
		struct live_obstacles o;
		struct live_tables t;
		struct broker_plan plan;

		tables(&a, started, nexts[k], &t, &o, m);
		if (o.n != 0)
			fail_msg("%s: %s", o.at[0].rule, o.at[0].why);
		live_apply(&m[0].plan.broker, &t, &plan);
		for (size_t c = 0; c < plan.ncalls; c++)
			for (size_t i = 0; i < COUNT(values) * COUNT(values); i++) {
				struct bpf_call in = { .arch = AUDIT_ARCH_X86_64,
						       .nr = plan.calls[c].nr,
						       .arg = { values[i % COUNT(values)],
								values[i / COUNT(values)] } };
				struct call call = { .arch = in.arch, .nr = in.nr };
				bpf_verdict does = bpf_run(&m[0].plan.filter, &in, NULL, NULL),
					    says = bpf_run(&m[2].plan.filter, &in, NULL, NULL);
				bool lets = does == SECCOMP_RET_ALLOW,
				     should = says == SECCOMP_RET_ALLOW ||
					      says == SECCOMP_RET_USER_NOTIF;

				memcpy(call.arg, in.arg, sizeof call.arg);
				if (does == SECCOMP_RET_USER_NOTIF) {
					const struct plan_call *row = decide_row(&plan, &call);

					lets = row->mediator == MEDIATE_OPEN ||
					       row->mediator == MEDIATE_NAMES ||
					       row->mediator == MEDIATE_ADDRESS ||
					       decide_call(&plan, &call, row).what == GO_ON;
				}
				if (lets != should)
					fail_msg("%zu: %s(%llx, %llx)", k, plan.calls[c].name,
						 (unsigned long long)in.arg[0],
						 (unsigned long long)in.arg[1]);
			}
		arena_free(&a);
	}
}

/* What cannot be had, and the word of it. */
static void obstacles_are_named(void **state)
{
	static const struct {
		const char *start, *next, *rule;
		unsigned line;
	} rows[] = {
		{ "", "syscalls: {deny: [getpid]}\n", "syscalls: getpid", 4 },
		{ "", "syscalls: {tripwire: [getpid]}\n", "syscalls.tripwire getpid", 3 },
		{ "", "filesystem: {deny: {read: [/x]}}\n", "filesystem.deny /x", 4 },
		{ "filesystem: {deny: {write: [/x]}}\n",
		  "filesystem: {deny: {write: [/x], read: [/y]}}\n", "filesystem.deny /y", 4 },
		{ "", "filesystem: {write: [/srv]}\n", "filesystem.write /srv", 4 },
		{ "", "resources: {pids: 5}\n", "resources.pids", 4 },
		{ "", "audit: all\n", "audit: all", 0 },
		{ "", "syscalls: {allow: [vmsplice]}\nnetwork: {mode: host}\n", "network.mode", 5 },
	};

	(void)state;
	for (size_t k = 0; k < COUNT(rows); k++) {
		struct arena a = { 0 };
		struct made *m = arena_array(&a, 3, sizeof *m);
		struct live_obstacles o;
		struct live_tables t;
		bool found = false;

		tables(&a, rows[k].start, rows[k].next, &t, &o, m);
		for (size_t i = 0; i < o.n; i++)
			found |= strcmp(o.at[i].rule, rows[k].rule) == 0 &&
				 (rows[k].line < 4 || o.at[i].from.line == rows[k].line);
		if (!found)
			fail_msg("%s: not among %zu obstacles, of which the first is %s",
				 rows[k].rule, o.n, o.n != 0 ? o.at[0].rule : "none");
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_what_was_packed),
		cmocka_unit_test(damage_is_refused_or_harmless),
		cmocka_unit_test(together_they_answer_as_the_profile),
		cmocka_unit_test(obstacles_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
