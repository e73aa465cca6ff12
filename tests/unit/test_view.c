/* The texts that show limits: what they are made of, and that programs can read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/view.h"

static const char *write_text(enum view_file file, const struct view_now *n)
{
	static char out[VIEW_TEXT_MAX + 1];
	size_t len = view_write(file, n, out);

	assert_true(len < VIEW_TEXT_MAX);
	out[len] = '\0';
	return out;
}

static unsigned long long kib(const char *meminfo, const char *key)
{
	const char *at = strstr(meminfo, key);
	unsigned long long value;

	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(key), " %llu kB\n", &value), 1);
	return value;
}

static void test_memory_of_both_versions(void **state)
{
	static const char v2[] = "anon 1048576\nfile 4194304\nkernel_stack 16384\nshmem 8192\n"
				 "file_mapped 12288\nfile_dirty 4096\nfile_writeback 0\n"
				 "inactive_anon 1048576\nactive_anon 0\ninactive_file 2097152\n"
				 "active_file 2097152\nunevictable 0\nslab_reclaimable 524288\n"
				 "slab_unreclaimable 1\nslab 786432\nfile_thp 77";
	static const char v1[] =
		"cache 1\nrss 1\nswap 1\ntotal_cache 4194304\n"
		"total_rss 1048576\ntotal_swap 65536\ntotal_inactive_file 2097152\n"
		"total_active_file 2097152\n";
	struct view_now n = { .total = 64 << 20, .swap_total = 1 << 20, .used = 16 << 20 };

	(void)state;
	view_read_memory_stat(v2, &n);
	assert_int_equal(n.anon, 1 << 20);
	assert_int_equal(n.cached, 4 << 20);
	assert_int_equal(n.slab, 786432);
	assert_int_equal(view_free(&n), 48 << 20);
	assert_int_equal(view_available(&n), (48 << 20) + (2 << 20) + (1 << 20) + 524288);

	const char *text = write_text(VIEW_MEMINFO, &n);

	assert_int_equal(strncmp(text, "MemTotal:          65536 kB\n", 28), 0);
	assert_int_equal(kib(text, "MemFree:"), 49152);
	assert_int_equal(kib(text, "SwapTotal:"), 1024);
	assert_int_equal(kib(text, "SwapFree:"), 1024);
	assert_int_equal(kib(text, "SUnreclaim:"), (786432 - 524288) / 1024);

	n = (struct view_now){ .total = 64 << 20, .swap_total = 1 << 20 };
	view_read_memory_stat(v1, &n);
	assert_int_equal(n.anon, 1 << 20);
	assert_int_equal(n.cached, 4 << 20);
	assert_int_equal(n.swap_used, 65536);
}

/* More is in use than there is, for a moment: nothing is left, and no number wraps around. */
static void test_memory_never_wraps(void **state)
{
	const struct view_now n = {
		.total = 4096, .used = 8192, .swap_used = 10, .reclaimable = 5
	};
	const char *text = write_text(VIEW_MEMINFO, &n);

	(void)state;
	assert_int_equal(kib(text, "MemFree:"), 0);
	assert_int_equal(kib(text, "SwapFree:"), 0);
	assert_int_equal(kib(text, "SUnreclaim:"), 0);
}

static void test_rubbish_changes_nothing(void **state)
{
	static const char *const texts[] = { "",         "\n\n", "anon", "anon\n",
					     "anon x\n", "file", " 7\n" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct view_now n = { 0 };

		view_read_memory_stat(texts[i], &n);
		view_read_cpu_stat(texts[i], &n);
		assert_int_equal(n.anon + n.cached + n.user + n.system, 0);
	}
}

static void test_stat_is_as_long_as_time(void **state)
{
	struct view_now n = { .cpus = 2, .up = 1000, .boot = 1700000000, .tasks = 3 };
	unsigned long long user, system, idle;

	(void)state;
	view_read_cpu_stat("usage_usec 9000000\nuser_usec 6000000\nsystem_usec 3000000\n", &n);
	assert_int_equal(n.user, 600);

	const char *text = write_text(VIEW_STAT, &n);

	assert_int_equal(sscanf(text, "cpu  %llu 0 %llu %llu", &user, &system, &idle), 3);
	assert_int_equal(user + system + idle, 2000); /* two processors, ten seconds */
	assert_non_null(strstr(text, "\ncpu0 300 0 150 550 "));
	assert_non_null(strstr(text, "\ncpu1 300 0 150 550 "));
	assert_null(strstr(text, "cpu2"));
	assert_non_null(strstr(text, "\nbtime 1700000000\n"));

	/* cpuacct.stat */
	view_read_cpu_stat("user 7\nsystem 8\n", &n);
	assert_true(n.user == 7 && n.system == 8);

	/* More was used than the clock permits: a group's time is counted in other steps. */
	n.user = 5000;
	assert_non_null(strstr(write_text(VIEW_STAT, &n), "cpu  5000 0 8 0 "));

	/* As many lines as there is room for, and whole ones. */
	n.cpus = 100000;
	n.user = n.system = n.up = UINT64_MAX / n.cpus;
	text = write_text(VIEW_STAT, &n);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

/* As e^-x has it, within what two digits show; a long time at once or in pieces comes to about the same. */
static void test_load_follows(void **state)
{
	unsigned once[3] = { 0 }, pieces[3] = { 0 };

	(void)state;
	view_load(once, 100, 60 * 1000);
	assert_in_range(once[0], 62, 64); /* 1 - 1/e */
	assert_in_range(once[1], 17, 19);
	assert_in_range(once[2], 5, 7);
	for (unsigned i = 0; i < 6; i++)
		view_load(pieces, 100, 10 * 1000);
	assert_in_range(pieces[0], once[0] - 3, once[0] + 3);
	view_load(once, 200, (uint64_t)24 * 3600 * 1000);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(once[i], 200);
	view_load(once, 0, UINT64_MAX);
	assert_int_equal(once[0] + once[1] + once[2], 0);

	const struct view_now n = { .load = { 5, 120, 1234 }, .tasks = 9 };

	assert_string_equal(write_text(VIEW_LOADAVG, &n), "0.05 1.20 12.34 1/9 9\n");
}

static void test_cpuinfo_is_cut_between_processors(void **state)
{
	static const char text[] = "processor\t: 0\nflags\t: a\n\nprocessor\t: 1\n\nprocessor\t: 2";
	bool whole;

	(void)state;
	assert_int_equal(view_cpuinfo(text, strlen(text), 1, &whole),
			 strlen("processor\t: 0\nflags\t: a\n\n"));
	assert_true(whole);
	assert_int_equal(view_cpuinfo(text, strlen(text), 2, &whole),
			 strlen("processor\t: 0\nflags\t: a\n\nprocessor\t: 1\n\n"));
	assert_true(whole);
	assert_int_equal(view_cpuinfo(text, strlen(text), 3, &whole), strlen(text));
	assert_false(whole);
	assert_int_equal(view_cpuinfo("", 0, 1, &whole), 0);
	assert_false(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_of_both_versions),
		cmocka_unit_test(test_memory_never_wraps),
		cmocka_unit_test(test_rubbish_changes_nothing),
		cmocka_unit_test(test_stat_is_as_long_as_time),
		cmocka_unit_test(test_load_follows),
		cmocka_unit_test(test_cpuinfo_is_cut_between_processors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
