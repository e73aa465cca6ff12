/*
 * Limits of a container that runs: which files a change is about, what they get, and that the profile's are not exceeded.
 */
#include <errno.h>
#include <string.h>

#include "policy/plan_change.h"

/* Last: cmocka has a macro called fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct change {
	const char *what, *profile, *resources; /* as written, but for ' in place of " */
	struct limits_now now;
	const char *v2, *v1; /* "FILE VALUE; …" of the rows, in their order */
	const char *refused; /* what the error and the warning say; NULL: nothing is refused */
	int64_t burst, swap; /* by options, which are words of one key each; 0: none */
} changes[] = {
	{ "nothing", "", "{}", { 0 }, "", "", NULL },
	{ "memory, where no swap is known",
	  "",
	  "{'memory': {'limit': 67108864}}",
	  { 0 },
	  "memory.max 67108864; memory.oom.group 1",
	  "memory.limit_in_bytes 67108864",
	  NULL },
	{ "memory; what swap there is stays",
	  "",
	  "{'memory': {'limit': 67108864}}",
	  { .memory_swap = { true, 150 }, .memory = { true, 100 } },
	  "memory.max 67108864; memory.swap.max 50; memory.oom.group 1",
	  "memory.limit_in_bytes 67108864; memory.memsw.limit_in_bytes 67108914",
	  NULL },
	{ "memory without end",
	  "",
	  "{'memory': {'limit': -1}}",
	  { 0 },
	  "memory.max max",
	  "memory.limit_in_bytes -1",
	  NULL },
	{ "swap",
	  "",
	  "{'memory': {'limit': 60, 'swap': 100}}",
	  { .memory = { true, 60 } },
	  "memory.max 60; memory.swap.max 40; memory.oom.group 1",
	  "memory.limit_in_bytes 60; memory.memsw.limit_in_bytes 100",
	  NULL },
	{ "swap without end",
	  "",
	  "{'memory': {'limit': 60, 'swap': -1}}",
	  { .memory = { true, 60 } },
	  "memory.max 60; memory.swap.max max; memory.oom.group 1",
	  "memory.limit_in_bytes 60; memory.memsw.limit_in_bytes -1",
	  NULL },
	{ "reservation",
	  "",
	  "{'memory': {'reservation': 1000}}",
	  { 0 },
	  "memory.low 1000",
	  "memory.soft_limit_in_bytes 1000",
	  NULL },
	{ "reservation gone",
	  "",
	  "{'memory': {'reservation': -1}}",
	  { 0 },
	  "memory.low 0",
	  "memory.soft_limit_in_bytes -1",
	  NULL },
	{ "0 stays",
	  "",
	  "{'memory': {'limit': 0}, 'pids': {'limit': 0}, 'cpu': {'quota': 0, 'period': 0, 'shares': 0}}",
	  { 0 },
	  "",
	  "",
	  NULL },
	{ "pids", "", "{'pids': {'limit': 7}}", { 0 }, "pids.max 7", "pids.max 7", NULL },
	{ "pids gone", "", "{'pids': {'limit': -1}}", { 0 }, "pids.max max", "pids.max max", NULL },
	{ "pids of the profile",
	  "resources: {pids: 5}\n",
	  "{'pids': {'limit': 7}}",
	  { 0 },
	  "pids.max 5",
	  "pids.max 5",
	  "pids.max: profile own permits no more than 5: own.yaml:3" },
	{ "pids of the profile, none",
	  "resources: {pids: 5}\n",
	  "{'pids': {'limit': -1}}",
	  { 0 },
	  "pids.max 5",
	  "pids.max 5",
	  "pids.max: profile own permits no more than 5: own.yaml:3" },
	{ "fewer than the profile",
	  "resources: {pids: 5}\n",
	  "{'pids': {'limit': 3}}",
	  { 0 },
	  "pids.max 3",
	  "pids.max 3",
	  NULL },
	{ "the other limits of the profile",
	  "resources: {pids: 5, memory: 64M, cpus: 1}\n",
	  "{'cpu': {'shares': 512}}",
	  { 0 },
	  "cpu.weight 20",
	  "cpu.shares 512",
	  NULL },
	{ "quota",
	  "",
	  "{'cpu': {'quota': 50000}}",
	  { 0 },
	  "cpu.max 50000 100000",
	  "cpu.cfs_quota_us 50000",
	  NULL },
	{ "quota in the period there is",
	  "",
	  "{'cpu': {'quota': 50000}}",
	  { .period_us = { true, 20000 } },
	  "cpu.max 50000 20000",
	  "cpu.cfs_period_us 20000; cpu.cfs_quota_us 50000",
	  NULL },
	{ "quota gone",
	  "",
	  "{'cpu': {'quota': -1}}",
	  { .period_us = { true, 20000 } },
	  "cpu.max max 20000",
	  "cpu.cfs_period_us 20000; cpu.cfs_quota_us -1",
	  NULL },
	{ "period alone",
	  "",
	  "{'cpu': {'period': 20000}}",
	  { 0 },
	  "cpu.max max 20000",
	  "cpu.cfs_period_us 20000; cpu.cfs_quota_us -1",
	  NULL },
	{ "period with quota",
	  "",
	  "{'cpu': {'period': 20000}}",
	  { .quota_us = { true, 10000 } },
	  "cpu.max 10000 20000",
	  "cpu.cfs_period_us 20000; cpu.cfs_quota_us 10000",
	  NULL },
	{ "burst",
	  "",
	  "{'cpu': {'quota': 20000, 'burst': 5000}}",
	  { 0 },
	  "cpu.max 20000 100000; cpu.max.burst 5000",
	  "cpu.cfs_quota_us 20000; cpu.cfs_burst_us 5000",
	  NULL },
	{ "burst alone, by an option: no more than the quota there is",
	  "",
	  "{}",
	  { .quota_us = { true, 4000 } },
	  "cpu.max 4000 100000; cpu.max.burst 4000",
	  "cpu.cfs_quota_us 4000; cpu.cfs_burst_us 4000",
	  NULL,
	  .burst = 5000 },
	{ "swap alone, by an option",
	  "",
	  "{}",
	  { .memory = { true, 60 } },
	  "memory.swap.max 40; memory.oom.group 1",
	  "memory.memsw.limit_in_bytes 100",
	  NULL,
	  .swap = 100 },
	{ "no end to swap alone, by an option",
	  "",
	  "{}",
	  { .memory = { true, 60 } },
	  "memory.swap.max max; memory.oom.group 1",
	  "memory.memsw.limit_in_bytes -1",
	  NULL,
	  .swap = -1 },
	{ "cpus of the profile",
	  "resources: {cpus: 0.5}\n",
	  "{'cpu': {'quota': 90000}}",
	  { 0 },
	  "cpu.max 50000 100000",
	  "cpu.cfs_quota_us 50000",
	  "cpu.max: profile own permits no more than 50000 100000: own.yaml:3" },
	{ "the kernel's own files",
	  "",
	  "{'unified': {'memory.max': '64M', 'pids.max': '7'}}",
	  { 0 },
	  "memory.max 64M; pids.max 7; memory.oom.group 1",
	  "memory.limit_in_bytes 64M; pids.max 7",
	  NULL },
	{ "a quota by its file, whatever the period in force",
	  "",
	  "{'unified': {'cpu.max': '50000'}}",
	  { .period_us = { true, 20000 } },
	  "cpu.max 50000 100000",
	  "cpu.cfs_period_us 100000; cpu.cfs_quota_us 50000",
	  NULL },
	{ "a period that the kernel takes for one of 0.1 s",
	  "resources: {cpus: 0.5}\n",
	  "{'unified': {'cpu.max': '190000 2305843009213793952'}}",
	  { 0 },
	  "cpu.max 50000 100000",
	  "cpu.cfs_quota_us 50000",
	  "cpu.max: profile own permits no more than 50000 100000: own.yaml:3" },
	{ "a period that it takes for none",
	  "resources: {cpus: 0.5}\n",
	  "{'unified': {'cpu.max': '190000 -1'}}",
	  { 0 },
	  "cpu.max 50000 100000",
	  "cpu.cfs_quota_us 50000",
	  "cpu.max: profile own permits no more than 50000 100000: own.yaml:3" },
	{ "idle", "", "{'cpu': {'idle': 1}}", { 0 }, "cpu.idle 1", "cpu.idle 1", NULL },
	{ "idle no more", "", "{'cpu': {'idle': 0}}", { 0 }, "cpu.idle 0", "cpu.idle 0", NULL },
	{ "cpuset",
	  "resources: {cpuset: {cpus: 0-3}}\n",
	  "{'cpu': {'cpus': '2-5'}}",
	  { 0 },
	  "cpuset.cpus 2-3",
	  "cpuset.cpus 2-3",
	  NULL },
	{ "io weight",
	  "",
	  "{'blockIO': {'weight': 100}}",
	  { 0 },
	  "io.weight 910; io.bfq.weight 100",
	  "blkio.weight 100; blkio.bfq.weight 100",
	  NULL },
	{ "weights of all disks and of two",
	  "",
	  "{'blockIO': {'weight': 1000, 'weightDevice': [{'major': 8, 'minor': 0, 'weight': 10}, {'major': 8, 'minor': 16, 'weight': 1000}]}}",
	  { 0 },
	  "io.weight 10000; io.bfq.weight 1000; io.weight 8:0 1; io.bfq.weight 8:0 10; io.weight 8:16 10000; io.bfq.weight 8:16 1000",
	  "blkio.weight 1000; blkio.bfq.weight 1000; blkio.weight_device 8:0 10; blkio.bfq.weight_device 8:0 10; blkio.weight_device 8:16 1000; blkio.bfq.weight_device 8:16 1000",
	  NULL },
	{ "io weight of the profile",
	  "resources: {io_weight: 50}\n",
	  "{'blockIO': {'weight': 1000}}",
	  { 0 },
	  "io.weight 50; io.bfq.weight 50",
	  "blkio.weight 50; blkio.bfq.weight 50",
	  "io.weight: profile own permits no more than 50: own.yaml:3" },
	{ "throttles of two disks",
	  "",
	  "{'blockIO': {'throttleReadBpsDevice': [{'major': 8, 'minor': 0, 'rate': 1000}, {'major': 8, 'minor': 16, 'rate': 2000}]}}",
	  { 0 },
	  "io.max 8:0 rbps=1000; io.max 8:16 rbps=2000",
	  "blkio.throttle.read_bps_device 8:0 1000; blkio.throttle.read_bps_device 8:16 2000",
	  NULL },
};

static void load(struct arena *a, const struct change *c, struct spec *s, struct profile *p)
{
	const char *text = arena_printf(a, "zviz: 1\nname: own\n%s", c->profile);
	char *resources = arena_strdup(a, c->resources);
	struct err e = { 0 };

	for (char *at = resources; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	*s = (struct spec){ .file = "resources" };
	if (spec_load_resources(a, "resources", resources, strlen(resources), s, &e) < 0 ||
	    profile_load(a, "own.yaml", text, strlen(text), NULL, NULL, p, &e) < 0)
		fail_msg("%s: %s", c->what, e.text);
	if (c->burst != 0)
		s->linux_.resources.cpu_burst = (struct amount){ true, (uint64_t)c->burst, { 0 } };
	if (c->swap != 0)
		s->linux_.resources.memory_swap = (struct signed_amount){ true, c->swap, { 0 } };
}

static const char *rows_of(struct arena *a, const struct plan_limit *rows, size_t n, bool v2)
{
	struct buf out = { .arena = a };

	for (size_t i = 0; i < n; i++) {
		const char *file = v2 ? rows[i].v2_file : rows[i].v1_file;

		if (file != NULL)
			buf_printf(&out, "%s%s %s", out.len == 0 ? "" : "; ", file,
				   v2 ? rows[i].v2_value : rows[i].v1_value);
	}
	return buf_text(&out);
}

static int ask(struct arena *a, const struct change *c, const struct plan_limit **rows, size_t *n,
	       struct strings *cut, struct err *e)
{
	const struct plan_request request = { .id = "own" };
	const struct host host = { .initial_userns = true, .privileged = true };
	struct profile p;
	struct spec s;

	load(a, c, &s, &p);
	return plan_change_limits(a, &request, &s, &p, &host, &c->now, rows, n, cut, e);
}

/* An engine's document gets what is permitted of it, and the rest is told. */
static void rows_are_those_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		const struct change *c = &changes[i];
		const struct plan_limit *rows;
		struct strings cut = { 0 };
		struct err e = { 0 };
		struct arena a = { 0 };
		size_t n;

		if (ask(&a, c, &rows, &n, &cut, &e) < 0)
			fail_msg("%s: %s", c->what, e.text);
		if (strcmp(rows_of(&a, rows, n, true), c->v2) != 0 ||
		    strcmp(rows_of(&a, rows, n, false), c->v1) != 0)
			fail_msg("%s: v2: %s; v1: %s", c->what, rows_of(&a, rows, n, true),
				 rows_of(&a, rows, n, false));
		assert_int_equal(cut.n != 0, c->refused != NULL); /* one a file */
		if (c->refused != NULL)
			assert_string_equal(cut.at[0], c->refused);
		arena_free(&a);
	}
}

/* Whoever gives options hears of it, and nothing changes. */
static void options_do_not_exceed_the_profile(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		const struct change *c = &changes[i];
		const struct plan_limit *rows;
		struct err e = { 0 };
		struct arena a = { 0 };
		size_t n;

		assert_int_equal(ask(&a, c, &rows, &n, NULL, &e), c->refused != NULL ? -EPERM : 0);
		if (c->refused != NULL) {
			assert_string_equal(e.text, c->refused);
			assert_true(e.hint[0] != '\0');
		}
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_those_named),
		cmocka_unit_test(options_do_not_exceed_the_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
