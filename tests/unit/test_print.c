/*
 * What people and engines read: log lines, summaries, refusals, the help.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/print.h"
#include "policy/event.h"

#include <cmocka.h> /* last: it has a macro fail() */

static void log_lines(void **state)
{
	static const struct {
		enum log_format format;
		const char *msg, *expect;
	} rows[] = {
		{ LOG_JSON, "no",
		  "{\"level\":\"error\",\"msg\":\"no\",\"time\":\"2026-01-02T03:04:05Z\"}\n" },
		{ LOG_TEXT, "no", "time=\"2026-01-02T03:04:05Z\" level=error msg=\"no\"\n" },
		{ LOG_JSON, "a\"b\\c\nd",
		  "{\"level\":\"error\",\"msg\":\"a\\\"b\\\\c\\nd\",\"time\":\"2026-01-02T03:04:"
		  "05Z\"}\n" },
		{ LOG_TEXT, "a\"b\\c\nd",
		  "time=\"2026-01-02T03:04:05Z\" level=error msg=\"a\\\"b\\\\c\\x0ad\"\n" },
	};
	struct arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = { .arena = &a };

		print_log_line(&b, rows[i].format, 1767323045, "error", rows[i].msg);
		assert_string_equal(buf_text(&b), rows[i].expect);
	}
	arena_free(&a);
}

static void summaries(void **state)
{
	static const struct {
		bool verbose;
		uint64_t refused, lost;
		const char *expect;
	} rows[] = {
		{ false, 0, 0, "" },
		{ true, 0, 0, "" },
		{ false, 0, 5,
		  "zviz: 5 events came too fast for whoever reads them, and were lost\n" },
		{ false, 1, 0, "zviz: 1 operation was refused (run with --verbose to see it)\n" },
		{ false, 7, 0,
		  "zviz: 7 operations were refused (run with --verbose to see them)\n" },
		{ true, 1, 0, "zviz: 1 operation was refused\n" },
		{ true, 7, 2,
		  "zviz: 7 operations were refused\nzviz: 2 events came too fast to be shown\n" },
		{ true, 0, 1, "zviz: 1 event came too fast to be shown\n" },
	};
	struct arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = { .arena = &a };

		print_summary(&b, rows[i].verbose, rows[i].refused, rows[i].lost);
		assert_string_equal(buf_text(&b), rows[i].expect);
	}
	arena_free(&a);
}

/* Errors may quote what a container chose: nothing of it reaches a terminal as a command. */
static void untrusted_text_is_harmless(void **state)
{
	struct arena a = { 0 };
	struct buf b = { .arena = &a };

	(void)state;
	print_safe(&b, "a\033[2Jb\n\x7f\xc2\x9b\\x1b");
	assert_string_equal(buf_text(&b), "a\\x1b[2Jb\\x0a\\x7f\\xc2\\x9b\\x1b");
	arena_free(&a);
}

static void colours_are_for_terminals(void **state)
{
	struct arena a = { 0 };
	struct buf b = { .arena = &a };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	assert_false(print_colours(null));
	print_ink(&b, false, INK_BAD, "x");
	assert_string_equal(buf_text(&b), "x");
	print_ink(&b, true, INK_BAD, "y");
	assert_string_equal(buf_text(&b), "x\033[31my\033[0m");
	close(null);
	arena_free(&a);
}

/* Runs watcher_line with standard error in a pipe. */
static void watch(struct watcher *w, const char *line, size_t len, char *out, size_t size)
{
	int ends[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	watcher_line(w, line, len);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);

	ssize_t n = read(ends[0], out, size - 1);

	assert_true(n >= 0);
	out[n] = '\0';
	close(ends[0]);
}

static size_t refusal(char line[EVENT_LINE_MAX], const char *path, const char *verdict)
{
	char arguments[64];
	const struct event ev = {
		.time_us = 1,
		.container = "box",
		.pid = 7,
		.comm = "sh",
		.syscall = "openat",
		.arguments = arguments,
		.layer = "mount",
		.rule = "ci-runner:41",
		.verdict = verdict,
		.err = "ENOENT",
		.us = 4,
		.fix = "",
	};

	snprintf(arguments, sizeof arguments, "AT_FDCWD, \"%s\"", path);
	return event_write(line, &ev);
}

static void refusals_are_counted_and_shown(void **state)
{
	char line[EVENT_LINE_MAX], out[2048];
	bool raw = false;
	struct watcher w = { .raw = &raw };

	(void)state;
	watch(&w, line, refusal(line, "/etc/shadow", "deny") - 1, out, sizeof out);
	assert_string_equal(out, "");
	w.verbose = true;
	watch(&w, line, refusal(line, "/etc/shadow", "allow") - 1, out, sizeof out);
	assert_string_equal(out, "");
	watch(&w, line, refusal(line, "/etc/shadow", "deny") - 1, out, sizeof out);
	assert_int_equal(strncmp(out, "zviz: ", 6), 0);
	assert_non_null(strstr(out, "/etc/shadow"));
	assert_non_null(strstr(out, "ci-runner:41"));
	assert_null(strchr(out, '\r'));
	assert_int_equal(out[strlen(out) - 1], '\n');
	watch(&w, "{\"time\":", 8, out, sizeof out);
	assert_string_equal(out, "");
	assert_int_equal(w.refused, 2);
	assert_int_equal(w.unreadable, 1);
}

/* A program that tries again and again must not scroll away what it tried before. */
static void the_same_refusal_is_shown_once(void **state)
{
	char line[EVENT_LINE_MAX], out[2048];
	bool raw = false;
	struct watcher w = { .raw = &raw, .verbose = true };

	(void)state;
	watch(&w, line, refusal(line, "/etc/shadow", "deny") - 1, out, sizeof out);
	assert_non_null(strstr(out, "/etc/shadow"));
	for (int i = 0; i < 2; i++) {
		watch(&w, line, refusal(line, "/etc/shadow", "deny") - 1, out, sizeof out);
		assert_string_equal(out, "");
	}
	raw = true;
	watch(&w, line, refusal(line, "/etc/gshadow", "deny") - 1, out, sizeof out);

	static const char repeats[] = "zviz: the same 2 more times\r\n";

	assert_int_equal(strncmp(out, repeats, strlen(repeats)), 0);
	assert_non_null(strstr(out, "/etc/gshadow"));
	assert_string_equal(out + strlen(out) - 2, "\r\n");
	watch(&w, line, refusal(line, "/etc/shadow", "deny") - 1, out, sizeof out);
	assert_non_null(strstr(out, "/etc/shadow"));
	assert_null(strstr(out, "more time"));
	assert_int_equal(w.refused, 5);
}

static void no_two_options_share_a_name(const struct option_row *rows,
					const struct option_row *others)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		for (const struct option_row *o = others; o != NULL && o->name != NULL; o++)
			if (o != rows) {
				assert_string_not_equal(o->name, rows->name);
				assert_true(o->letter == 0 || o->letter != rows->letter);
			}
}

static void check_rows(const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		bool flag = rows->type == OPTION_FLAG || rows->type == OPTION_SET;

		assert_true(flag == (rows->argument == NULL));
		assert_true((rows->type == OPTION_CHOICE) == (rows->choices != NULL));
		assert_true((rows->type == OPTION_PARSED) == (rows->parse != NULL));
		assert_true(strlen(rows->name) > 1 && strlen(rows->help) > 3);
	}
}

/* The tables themselves: a row with a slip in it must not wait for a user to find it. */
static void tables_are_sound(void **state)
{
	(void)state;
	check_rows(global_options);
	check_rows(common_options);
	no_two_options_share_a_name(global_options, common_options);
	for (const struct command *const *c = commands; *c != NULL; c++) {
		check_rows((*c)->options);
		no_two_options_share_a_name((*c)->options, (*c)->options);
		no_two_options_share_a_name((*c)->options, common_options);
		assert_ptr_equal(command_find((*c)->name), *c);
		assert_true(((*c)->options == NULL) == ((*c)->options_size == 0));
		assert_non_null((*c)->run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_lines),
		cmocka_unit_test(summaries),
		cmocka_unit_test(untrusted_text_is_harmless),
		cmocka_unit_test(colours_are_for_terminals),
		cmocka_unit_test(refusals_are_counted_and_shown),
		cmocka_unit_test(the_same_refusal_is_shown_once),
		cmocka_unit_test(tables_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
