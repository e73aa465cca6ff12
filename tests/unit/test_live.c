/*
 * What of another profile a running container can have: that the tables survive their image, that no damaged image is
 * taken, and that filter and broker together answer as the new profile does.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
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

/* Everything that can be asked about. */
static const char asking[] = "filesystem: {deny: {read: [/never]}}\n"
			     "ask:\n"
			     "  read: [/work/r]\n"
			     "  write: [/work/w]\n"
			     "  execute: [/usr/bin/id]\n"
			     "  connect: [{cidr: 10.0.0.0/8, ports: [53, 443]}, {cidr: \"::1\"}]\n"
			     "  always: {connect: [{cidr: 10.1.0.0/16}], read: [/work/r2]}\n"
			     "  timeout: 7s\n";

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

static void an_image_keeps_what_is_asked_about(void **state)
{
	struct arena a = { 0 };
	struct made *m = arena_array(&a, 3, sizeof *m);
	struct live_obstacles o;
	struct live_tables t;
	struct err e = { 0 };
	char *image, *again;
	size_t len, len2;

	(void)state;
	tables(&a, asking, asking, &t, &o, m);
	assert_int_equal(o.n, 0);
	assert_int_equal(live_pack(&a, &t, &image, &len, &e), 0);

	char *copy = copy_of(image, len);
	const struct live_tables *back = live_unpack(copy, len);

	assert_non_null(back);
	assert_true(live_fits(&m[0].plan.broker, back));
	assert_int_equal(back->ask_timeout_ms, 7000);
	assert_string_equal(back->ask_execute.at[0].pattern, "/usr/bin/id");
	assert_int_equal(back->ask_connect.n, 2);
	assert_int_equal(back->ask_connect.at[0].n, 2);
	assert_int_equal(back->ask_connect.at[0].ports[1], 443);
	assert_int_equal(back->ask_connect.at[1].from.line, m[1].plan.broker.connect[1].from.line);
	assert_int_equal(back->always_connect.n, 1);
	assert_string_equal(back->always_connect.at[0].text, t.always_connect.at[0].text);
	assert_int_equal(live_pack(&a, back, &again, &len2, &e), 0);
	assert_int_equal(len, len2);
	assert_memory_equal(image, again, len);
	free(copy);
	arena_free(&a);
}

/* A detached broker keeps no row of what is never asked about. An image fits it as it fits the whole plan, and none that asks
 * about more. */
static void rows_of_what_is_asked_about_are_enough(void **state)
{
	struct arena a = { 0 };
	struct made *m = arena_array(&a, 3, sizeof *m);
	struct live_obstacles o;
	struct live_tables t;
	struct live_calls asked;

	(void)state;
	tables(&a, started, "syscalls: {deny: [listen]}\nfilesystem: {deny: {read: [/never]}}\n",
	       &t, &o, m);
	assert_int_equal(o.n, 0);

	const struct broker_plan *whole = &m[0].plan.broker;
	struct broker_plan few = *whole;

	live_asked(&a, whole, &asked);
	few.calls = asked.at;
	few.ncalls = asked.n;
	assert_in_range(asked.n, 1, whole->ncalls - 1);
	assert_true(live_fits(&few, &t));
	for (size_t i = 0; i < whole->ncalls; i++) {
		const struct plan_call *row = &whole->calls[i];
		const struct plan_call *kept = plan_row(few.calls, few.ncalls, row->nr);
		const enum mediator was = t.calls.at[i].mediator;

		if (row->mediator != MEDIATE_NONE) {
			assert_non_null(kept);
			assert_memory_equal(kept, row, sizeof *row);
			continue;
		}
		assert_null(kept);
		t.calls.at[i].mediator = MEDIATE_DENY;
		assert_false(live_fits(&few, &t));
		t.calls.at[i].mediator = was;
	}
	/* Neither a row less than are asked about, nor one twice. */
	few.calls++;
	few.ncalls--;
	assert_false(live_fits(&few, &t));
	t.calls.at[1] = t.calls.at[0];
	assert_false(live_fits(whole, &t));
	arena_free(&a);
}

/* Of each kind, from a table that may say anything. */
static void decide_what_is_asked(const struct broker_plan *plan)
{
	static const char *const hosts[] = { "10.0.0.1", "10.1.2.3", "::1", "0.0.0.0" };

	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct address to = { .port = 443 };
		uint8_t bits;

		assert_true(address_range(hosts[i], to.bytes, &bits));
		(void)decide_connect(plan, &to, 6, NULL);
	}
	(void)decide_execute(plan, "/usr/bin/id", NULL);
	(void)decide_ask(plan, ASK_READ, "/work/r", NULL);
	(void)decide_ask(plan, ASK_WRITE, "/work/w", NULL);
}

/* Each word of an image in turn becomes rubbish, and each length is cut: it is refused, or all that it says lies within. */
static void damage(const char *text)
{
	static const uint64_t rubbish[] = { 1, UINT64_MAX, 1 << 20, 0x4141414141414141 };
	struct arena a = { 0 };
	struct made *m = arena_array(&a, 3, sizeof *m);
	struct live_obstacles o;
	struct live_tables t;
	struct err e = { 0 };
	char *image;
	size_t len, refused = 0;

	tables(&a, text, text, &t, &o, m);
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
				decide_what_is_asked(&plan);
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

static void damage_is_refused_or_harmless(void **state)
{
	(void)state;
	damage(started);
	damage(asking);
}

/* The verdict of the container after the change against the profile's own, for every call and telling arguments. */
static void together_they_answer_as_the_profile(void **state)
{
	static const struct {
		const char *start, *next;
	} nexts[] = {
		{ started, "syscalls: {deny: [listen]}\nfilesystem: {deny: {read: [/never]}}\n" },
		{ started,
		  "syscalls: {deny: [ioctl]}\nfilesystem: {deny: {read: [/never, /more]}}\n" },
		{ started,
		  "syscalls: {deny: [socket, mlock]}\nfilesystem: {deny: {read: [/never]}}\n" },
		{ started,
		  "filesystem: {deny: {read: [/never]}}\nremove: {ioctl: {allow: [TIOCGWINSZ]}}\n" },
		{ asking, asking },
		{ asking, "ask: {connect: [{cidr: \"::/0\"}]}\n" },
		{ asking, "syscalls: {deny: [connect]}\nask: {connect: [{cidr: \"::/0\"}]}\n" },
		{ asking, "syscalls: {deny: [connect, sendmmsg]}\n"
			  "ask: {connect: [{cidr: 10.0.0.0/8}], execute: [/usr/bin/id]}\n" },
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

		tables(&a, nexts[k].start, nexts[k].next, &t, &o, m);
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
					       row->mediator == MEDIATE_EXEC ||
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

/* What the changed tables say of files, programs and addresses is what the profile itself would have the broker say. */
static void questions_are_the_profiles(void **state)
{
	static const char keep[] = "ask: {connect: [{cidr: 192.0.2.0/32}]}\n";
	static const char *const nexts[] = {
		asking,
		keep,
		"ask: {connect: [{cidr: 10.1.2.3, ports: [443]}, {cidr: 127.0.0.0/8}]}\n",
		"ask: {execute: [/usr/bin/**], connect: [{cidr: \"::/0\"}], always: {execute: [/usr/bin/id]}}\n",
		"ask: {read: [\"/work/**\"], always: {read: [/work/r]}, connect: [{cidr: 10.0.0.0/8}]}\n",
	};
	static const char *const hosts[] = { "10.0.0.1", "10.1.2.3",  "::1",        "0.0.0.0",
					     "::",       "127.0.0.1", "2001:db8::1" };
	static const char *const paths[] = { "/work/r", "/work/w", "/work/r2", "/usr/bin/id" };
	static const uint16_t ports[] = { 0, 53, 443, 444 };

	(void)state;
	for (size_t k = 0; k < COUNT(nexts); k++) {
		struct arena a = { 0 };
		struct made *m = arena_array(&a, 3, sizeof *m);
		struct live_obstacles o;
		struct live_tables t;
		struct broker_plan now;
		const struct broker_plan *says = &m[1].plan.broker;
		unsigned asked = 0;

		tables(&a, asking, nexts[k], &t, &o, m);
		if (o.n != 0)
			fail_msg("%zu: %s: %s", k, o.at[0].rule, o.at[0].why);
		live_apply(&m[0].plan.broker, &t, &now);
		assert_true(now.traces && now.addresses && now.asks);
		for (size_t i = 0; i < COUNT(hosts) * COUNT(ports); i++) {
			struct address to = { .port = ports[i / COUNT(hosts)] };
			uint8_t bits;

			assert_true(address_range(hosts[i % COUNT(hosts)], to.bytes, &bits));

			struct verdict v = decide_connect(&now, &to, 6, NULL);

			assert_int_equal(v.what, decide_connect(says, &to, 6, NULL).what);
			/* The unspecified address is whichever this machine has: every row may be about it. */
			asked += v.what == ASK && strcmp(hosts[i % COUNT(hosts)], "::") != 0 &&
				 strcmp(hosts[i % COUNT(hosts)], "0.0.0.0") != 0;
		}
		assert_true(nexts[k] == keep ? asked == 0 : asked != 0);
		for (size_t i = 0; i < COUNT(paths); i++) {
			assert_int_equal(decide_execute(&now, paths[i], NULL).what,
					 decide_execute(says, paths[i], NULL).what);
			for (enum ask_kind kind = ASK_READ; kind <= ASK_WRITE; kind++)
				assert_int_equal(decide_ask(&now, kind, paths[i], NULL).what,
						 decide_ask(says, kind, paths[i], NULL).what);
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
		{ "", "ask: {connect: [{cidr: 10.0.0.0/8}]}\n", "ask.connect 10.0.0.0/8", 4 },
		{ "ask: {connect: [{cidr: 10.0.0.0/8}]}\n", "", "ask.connect: no row is left", 0 },
		{ "ask: {connect: [{cidr: 10.0.0.0/8}]}\n",
		  "ask: {connect: [{cidr: 10.0.0.0/8}], execute: [/x]}\n", "ask.execute /x", 4 },
		{ "filesystem: {deny: {read: [/x]}}\n", "ask: {read: [/x]}\n", "ask.read /x", 4 },
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
		cmocka_unit_test(an_image_keeps_what_is_asked_about),
		cmocka_unit_test(rows_of_what_is_asked_about_are_enough),
		cmocka_unit_test(questions_are_the_profiles),
		cmocka_unit_test(damage_is_refused_or_harmless),
		cmocka_unit_test(together_they_answer_as_the_profile),
		cmocka_unit_test(obstacles_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
