#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/event.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct event sample = {
	.time_us = 1767323045123456,
	.container = "my-build",
	.pid = 7,
	.comm = "sh",
	.syscall = "openat",
	.arguments = "AT_FDCWD, \"/etc/shadow\", O_RDONLY",
	.layer = "mount",
	.rule = "ci-runner:41",
	.verdict = "deny",
	.err = "ENOENT",
	.us = 4,
	.fix = "none",
};

static const char sample_line[] = "{\"time\":\"2026-01-02T03:04:05.123456Z\",\"container\":\"my-"
				  "build\",\"pid\":7,\"comm\":\"sh\","
				  "\"syscall\":\"openat\",\"arguments\":\"AT_FDCWD, "
				  "\\\"/etc/shadow\\\", O_RDONLY\",\"layer\":\"mount\","
				  "\"rule\":\"ci-runner:41\",\"verdict\":\"deny\",\"errno\":"
				  "\"ENOENT\",\"us\":4,\"fix\":\"none\"}\n";

static void test_write(void **state)
{
	char line[EVENT_LINE_MAX];
	size_t len = event_write(line, &sample);

	(void)state;
	assert_int_equal(len, sizeof sample_line - 1);
	assert_memory_equal(line, sample_line, len);
}

/* The broker writes it, in the container's mounts and under a filter that knows few calls. */
static void test_no_call(void **state)
{
	char line[EVENT_LINE_MAX];
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
			_exit(1);
		/* exit alone is left to it, not exit_group */
		syscall(SYS_exit, event_write(line, &sample) == sizeof sample_line - 1 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void expect_same(const struct event *a, const struct event *b)
{
	assert_int_equal(a->time_us, b->time_us);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->us, b->us);
	assert_string_equal(a->container, b->container);
	assert_string_equal(a->comm, b->comm);
	assert_string_equal(a->syscall, b->syscall);
	assert_string_equal(a->arguments, b->arguments);
	assert_string_equal(a->layer, b->layer);
	assert_string_equal(a->rule, b->rule);
	assert_string_equal(a->verdict, b->verdict);
	assert_string_equal(a->err, b->err);
	assert_string_equal(a->fix, b->fix);
}

static void test_round_trip(void **state)
{
	char line[EVENT_LINE_MAX], every_byte[256];
	struct event ev = sample, back;
	struct arena a = { 0 };
	struct err e;

	(void)state;
	for (int i = 0; i < 255; i++)
		every_byte[i] = (char)(i + 1);
	every_byte[255] = '\0';
	ev.arguments = every_byte;
	ev.comm = "\x1b[2J\"\\\n\xff";
	ev.pid = -5;
	ev.us = UINT64_MAX;
	ev.time_us = 253402300799999999; /* the last microsecond of the year 9999 */

	size_t len = event_write(line, &ev);

	assert_true(len <= EVENT_LINE_MAX && line[len - 1] == '\n');
	for (size_t i = 0; i + 1 < len; i++)
		assert_true(line[i] >= 0x20 && line[i] < 0x7f);
	assert_int_equal(event_read(&a, line, len, &back, &e), 0);
	expect_same(&back, &ev);
	ev.time_us = 0;
	len = event_write(line, &ev);
	assert_int_equal(event_read(&a, line, len - 1, &back, &e), 0); /* without its newline */
	assert_int_equal(back.time_us, 0);
	arena_free(&a);
}

/* Whatever the texts are, the line is whole and readable. */
static void test_too_long(void **state)
{
	static char huge[3][9000];
	char line[EVENT_LINE_MAX];
	struct arena a = { 0 };
	struct event ev, back;
	struct err e;

	(void)state;
	memset(huge[0], 'x', sizeof huge[0] - 1);
	memset(huge[1], '"', sizeof huge[1] - 1);
	memset(huge[2], '\n', sizeof huge[2] - 1);
	for (size_t i = 0; i < 3; i++) {
		const char *h = huge[i];

		ev = (struct event){ .time_us = 1,
				     .container = h,
				     .comm = h,
				     .syscall = h,
				     .arguments = h,
				     .layer = h,
				     .rule = h,
				     .verdict = h,
				     .err = h,
				     .fix = h,
				     .why = h,
				     .pid = INT64_MIN + 1,
				     .us = UINT64_MAX };

		size_t len = event_write(line, &ev);

		assert_true(len <= EVENT_LINE_MAX);
		assert_int_equal(line[len - 1], '\n');
		assert_int_equal(event_read(&a, line, len, &back, &e), 0);
		assert_true(strlen(back.arguments) >= 1250 / 6 &&
			    strncmp(back.arguments, h, strlen(back.arguments)) == 0);
	}
	ev = sample;
	ev.arguments = huge[0];
	assert_in_range(event_write(line, &ev), EVENT_LINE_MAX - 8, EVENT_LINE_MAX);
	ev = (struct event){ 0 }; /* absent texts are empty ones */
	assert_int_equal(event_read(&a, line, event_write(line, &ev), &back, &e), 0);
	assert_string_equal(back.container, "");
	arena_free(&a);
}

static void test_bad_lines(void **state)
{
#define HEAD                                                                                       \
	"{\"time\":\"2026-01-02T03:04:05.123456Z\",\"container\":\"c\",\"pid\":7,\"syscall\":"     \
	"\"s\",\"layer\":\"l\","
#define TAIL "\"rule\":\"r\",\"verdict\":\"deny\"}"
	static const struct {
		const char *line;
		int err;
	} rows[] = {
		{ HEAD TAIL, 0 },
		{ "", -EINVAL },
		{ "{}", -EINVAL },
		{ "null\n", -EINVAL },
		{ "{\"time\":\"2026-01-02T03:04:05.123456Z\"}", -EINVAL },
		{ HEAD TAIL "x", -EINVAL },
		{ HEAD TAIL "\n\n", -EINVAL },
		{ HEAD "\"us\":4," TAIL, 0 },
		{ HEAD "\"us\":-4," TAIL, -EINVAL },
		{ HEAD "\"us\":99999999999999999999," TAIL, -EINVAL },
		{ HEAD "\"us\":\"4\"," TAIL, -EINVAL },
		{ HEAD "\"us\":4,\"us\":4," TAIL, -EINVAL },
		{ HEAD "\"pid\":4," TAIL, -EINVAL },
		{ HEAD "\"other\":4," TAIL, -EINVAL },
		{ HEAD "\"fix\":\"a\\u001bb\"," TAIL, 0 },
		{ HEAD "\"why\":\"a\"," TAIL, 0 },
		{ HEAD "\"why\":\"a\",\"why\":\"a\"," TAIL, -EINVAL },
		{ HEAD "\"fix\":\"a\\u0000b\"," TAIL, -EINVAL },
		{ HEAD "\"fix\":\"a\\u0100b\"," TAIL, -EINVAL },
		{ HEAD "\"fix\":\"a\\nb\"," TAIL, -EINVAL },
		{ HEAD "\"fix\":\"a\x1b"
		       "b\"," TAIL,
		  -EINVAL },
		{ HEAD "\"fix\":\"a\xc3\xa4\"," TAIL, -EINVAL },
		{ HEAD "\"fix\":\"open", -EINVAL },
		{ HEAD "\"fix\":\"open\\", -EINVAL },
		{ HEAD "\"fix\":\"open\\u00", -EINVAL },
		{ HEAD "\"fix\":\"open\\u001", -EINVAL },
		{ "{\"time\":\"2026-13-02T03:04:05.123456Z\"," TAIL, -EINVAL },
		{ "{\"time\":\"1969-01-02T03:04:05.123456Z\"," TAIL, -EINVAL },
		{ "{\"time\":\"2026-01-02 03:04:05.123456Z\"," TAIL, -EINVAL },
	};
	struct arena a = { 0 };
	struct event ev;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (event_read(&a, rows[i].line, strlen(rows[i].line), &ev, &e) != rows[i].err)
			fail_msg("row %zu: %s", i, rows[i].line);
	/* cut anywhere */
	for (size_t len = 0; len + 2 < sizeof sample_line; len++)
		assert_int_equal(event_read(&a, sample_line, len, &ev, &e), -EINVAL);
	arena_free(&a);
}

static void test_print(void **state)
{
	struct arena a = { 0 };
	struct buf b = { .arena = &a };
	struct event ev = sample;

	(void)state;
	event_print(&ev, &b);
	assert_string_equal(
		buf_text(&b),
		"sh[7]: openat(AT_FDCWD, \"/etc/shadow\", O_RDONLY) refused with ENOENT by "
		"mount, rule ci-runner:41; to permit it: none\n");
	b.len = 0;
	ev.comm = ev.fix = ev.err = "";
	ev.verdict = "allow";
	ev.arguments = "\x1b[2J\xff\r\n";
	event_print(&ev, &b);
	assert_string_equal(
		buf_text(&b),
		"[7]: openat(\\x1b[2J\\xff\\x0d\\x0a) allowed by mount, rule ci-runner:41\n");
	/* A packet has no process. */
	b.len = 0;
	ev = (struct event){ .comm = "",
			     .syscall = "connect",
			     .arguments = "tcp 192.0.2.7:443",
			     .layer = "network",
			     .rule = "default",
			     .verdict = "deny",
			     .err = "ECONNREFUSED",
			     .fix = "add a row",
			     .why = "no row\x1b" };
	event_print(&ev, &b);
	assert_string_equal(buf_text(&b),
			    "connect(tcp 192.0.2.7:443) refused with ECONNREFUSED by network, rule "
			    "default (no row\\x1b); to permit it: add a row\n");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: the C library looks up once what it needs for dates */
		cmocka_unit_test(test_no_call),    cmocka_unit_test(test_write),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_bad_lines),  cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
