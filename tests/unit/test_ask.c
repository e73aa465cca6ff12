/* What was said, what has to be asked, and how both are written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/asker.h"
#include "policy/ask_line.h"
#include "policy/decide.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct file_rule asked[] = { { "/w/**", { "p", NULL, 5, 0 } },
					  { "/etc/*", { "p", NULL, 6, 0 } } };
static const struct file_rule always[] = { { "/w/free/?", { "p", NULL, 7, 0 } } };
static const struct file_rule everywhere[] = { { "/", { "p", NULL, 1, 0 } } };
static const struct broker_plan plan = {
	.nread = 1,
	.read = everywhere,
	.nwrite = 1,
	.write = everywhere,
	.asks = true,
	.ask = { [ASK_READ] = { 2, 1, asked, always }, [ASK_WRITE] = { 1, 0, asked, NULL } },
};

struct world {
	struct answers answers;
	struct asking_call call;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->call.run = &w->answers;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static struct verdict open_of(struct world *w, const char *path, unsigned wants)
{
	const struct object o = { .path = path, .reachable = true, .asking = &w->call };

	return decide_open(&plan, &o, wants);
}

static void test_asks(void **state)
{
	struct world *w = *state;
	struct verdict v = open_of(w, "/w/a", WANT_READ | WANT_WRITE);

	assert_int_equal(v.what, ASK);
	assert_int_equal(v.err, EACCES);
	assert_int_equal(v.from->line, 5);
	assert_int_equal(w->call.question.kind, ASK_WRITE);
	assert_string_equal(w->call.question.path, "/w/a");
	assert_int_equal(open_of(w, "/usr/a", WANT_READ).what, PERFORM);
	assert_int_equal(open_of(w, "/etc/a", WANT_WRITE).what, PERFORM);
	assert_int_equal(open_of(w, "/w/free/1", WANT_READ).what, PERFORM);
	assert_int_equal(open_of(w, "/w/free/1", WANT_WRITE).what, ASK);
	assert_false(decide_any_path(&plan, WANT_READ));
	assert_int_equal(decide_execute(&plan, "/w/a", &w->call).what, GO_ON);
}

/* Each of the two is asked about, and one answer is not the other's. */
static void test_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(open_of(w, "/w/a", WANT_READ | WANT_WRITE).what, ASK);
	assert_true(answers_keep_once(&w->call, REPLY_YES));
	assert_int_equal(open_of(w, "/w/a", WANT_READ | WANT_WRITE).what, ASK);
	assert_int_equal(w->call.question.kind, ASK_READ);
	/* The path has changed meanwhile: what was said is about the other one. */
	assert_int_equal(open_of(w, "/w/b", WANT_WRITE).what, ASK);
	assert_int_equal(open_of(w, "/w/a", WANT_READ).what, ASK);
	assert_true(answers_keep_once(&w->call, REPLY_LATE));

	struct verdict v = open_of(w, "/w/a", WANT_READ | WANT_WRITE);

	assert_int_equal(v.what, DENY);
	assert_non_null(strstr(v.fix, "in time"));
	assert_int_equal(open_of(w, "/w/a", WANT_WRITE).what, PERFORM);
	while (answers_keep_once(&w->call, REPLY_NO))
		;
	assert_int_equal(w->call.n, ANSWERS_ONCE);
}

static void test_run(void **state)
{
	struct world *w = *state;

	open_of(w, "/w/a", WANT_READ);
	assert_true(answers_keep(&w->answers, &w->call.question, ASK_RUN, true));
	assert_int_equal(open_of(w, "/w/a", WANT_READ).what, PERFORM);
	assert_int_equal(open_of(w, "/w/a", WANT_WRITE).what, ASK);
	assert_int_equal(open_of(w, "/w/b", WANT_READ).what, ASK);
	assert_true(answers_keep(&w->answers, &w->call.question, ASK_RULE, false));
	assert_int_equal(open_of(w, "/w/b", WANT_READ).what, DENY);
	assert_int_equal(open_of(w, "/w/c", WANT_READ).what, DENY);
	assert_int_equal(open_of(w, "/w/a", WANT_READ).what, PERFORM); /* it was named itself */
	assert_int_equal(open_of(w, "/etc/a", WANT_READ).what, ASK);   /* another rule */
	open_of(w, "/etc/a", WANT_READ);
	strcpy(w->call.question.path, "/w/a");
	assert_true(answers_keep(&w->answers, &w->call.question, ASK_RUN, false));
	assert_int_equal(open_of(w, "/w/a", WANT_READ).what, DENY); /* the later word */
}

/* Full, it forgets nothing and takes nothing more. */
static void test_full(void **state)
{
	struct world *w = *state;
	size_t n = 0;

	open_of(w, "/w/a", WANT_READ);
	memset(w->call.question.path, 'x', PATH_MAX - 1);
	while (answers_keep(&w->answers, &w->call.question, ASK_RUN, true))
		n++;
	assert_int_equal(n, ANSWERS_BYTES / PATH_MAX);
	assert_true(w->answers.used <= ANSWERS_BYTES);
	strcpy(w->call.question.path, "/w/a");
	while (answers_keep(&w->answers, &w->call.question, ASK_RUN, true))
		;
	assert_true(atomic_load(&w->answers.n) <= ANSWERS_MAX);
	assert_int_equal(open_of(w, "/w/zz", WANT_READ).what, ASK);
}

static struct verdict move(struct world *w, const char *from, const char *to)
{
	const struct named old = { .path = from,
				   .folder = "/w",
				   .reachable = true,
				   .type = S_IFREG,
				   .asking = &w->call },
			   name = { .path = to,
				    .folder = "/x",
				    .reachable = true,
				    .type = S_IFREG,
				    .asking = &w->call };

	return decide_naming(&plan, NAMING_MOVE, &old, &name);
}

static void test_names(void **state)
{
	struct world *w = *state;

	assert_int_equal(move(w, "/x/a", "/x/b").what, PERFORM);
	assert_int_equal(move(w, "/w/a", "/x/b").what, ASK); /* it could be read there */
	assert_int_equal(w->call.question.kind, ASK_READ);
	assert_string_equal(w->call.question.path, "/w/a");
	assert_true(answers_keep_once(&w->call, REPLY_YES));
	assert_int_equal(move(w, "/w/a", "/x/b").what, ASK);
	assert_int_equal(w->call.question.kind, ASK_WRITE);
	assert_true(answers_keep_once(&w->call, REPLY_YES));
	assert_int_equal(move(w, "/w/a", "/x/b").what, PERFORM);
	assert_int_equal(move(w, "/x/a", "/w/b").what, ASK);
	assert_string_equal(w->call.question.path, "/w/b");
}

/* ---- lines ---- */

static void test_answers_read(void **state)
{
	static const struct {
		const char *line;
		int r;
		struct ask_answer means;
	} rows[] = {
		{ "{\"question\":3,\"answer\":\"allow\"}", 0, { 3, true, false, ASK_ONCE } },
		{ " {\"answer\": \"deny\", \"for\": \"rule\", \"question\": 3, \"by\": \"x\"} ",
		  0,
		  { 3, false, false, ASK_RULE } },
		{ "{\"question\":3,\"answer\":\"allow\",\"for\":\"always\"}",
		  0,
		  { 3, true, true, ASK_RUN } },
		{ "{\"question\":3,\"answer\":\"deny\",\"for\":\"always\"}", -EINVAL, { 0 } },
		{ "{\"question\":3}", -EINVAL, { 0 } },
		{ "{\"answer\":\"allow\"}", -EINVAL, { 0 } },
		{ "{\"question\":-1,\"answer\":\"allow\"}", -EINVAL, { 0 } },
		{ "{\"question\":3,\"answer\":\"allow\",\"for\":\"ever\"}", -EINVAL, { 0 } },
		{ "{\"question\":3,\"answer\":true}", -EINVAL, { 0 } },
		{ "{\"question\":3,\"answer\":\"allow\"}{}", -EINVAL, { 0 } },
		{ "3", -EINVAL, { 0 } },
		{ "", -EINVAL, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		struct ask_answer got = { 0 };
		struct err e = { 0 };
		int r = ask_answer_read(&a, rows[i].line, strlen(rows[i].line), &got, &e);

		if ((r < 0) != (rows[i].r < 0))
			fail_msg("%s: %d %s", rows[i].line, r, e.text);
		if (r == 0) {
			assert_int_equal(got.number, rows[i].means.number);
			assert_int_equal(got.yes, rows[i].means.yes);
			assert_int_equal(got.always, rows[i].means.always);
			assert_int_equal(got.scope, rows[i].means.scope);
		}
		arena_free(&a);
	}
}

static void test_answers_written(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * (ASK_RULE + 1); i++) {
		struct arena a = { 0 };
		struct buf b = { .arena = &a };
		struct ask_answer put = { .number = 7 + i, .yes = i % 2, .scope = i / 2 }, got;
		struct err e;

		ask_answer_write(&put, &b);
		assert_int_equal(ask_answer_read(&a, buf_text(&b), b.len - 1, &got, &e), 0);
		assert_int_equal(got.number, put.number);
		assert_int_equal(got.yes, put.yes);
		assert_int_equal(got.scope, put.scope);
		arena_free(&a);
	}
}

/* Names of files are an attacker's words. */
static void test_questions(void **state)
{
	struct arena a = { 0 };
	struct buf b = { .arena = &a }, text = { .arena = &a };
	struct ask_question q = { .number = 1,
				  .container = "c",
				  .profile = "p",
				  .pid = 7,
				  .comm = "\033]0;x",
				  .syscall = "openat",
				  .arguments = "\"a\"",
				  .kind = "write",
				  .object = "/w/\n> y\033[2J\"",
				  .pattern = "/w/**",
				  .rule = "p:5",
				  .timeout_ms = 60000,
				  .always = ask_always(&a, ASK_WRITE, "/w/*\"\n") },
			    back;
	struct err e;

	(void)state;
	assert_string_equal(q.always, "ask: {always: {write: [\"/w/?\\\"\\n\"]}}");
	ask_question_write(&q, &b);
	assert_ptr_equal(strchr(buf_text(&b), '\n'), buf_text(&b) + b.len - 1);
	assert_int_equal(ask_question_read(&a, buf_text(&b), b.len - 1, &back, &e), 0);
	assert_int_equal(back.pid, 7);
	asker_text(&back, &text);
	for (const char *at = buf_text(&text); *at != '\0'; at++)
		assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
	assert_null(strstr(buf_text(&text), "\n> y"));
	assert_non_null(strstr(buf_text(&text), "wants to write /w/"));
	assert_int_equal(ask_question_read(&a, "{}", 2, &back, &e), -EINVAL);
	arena_free(&a);
}

static void test_words(void **state)
{
	struct ask_answer answer;

	(void)state;
	assert_true(asker_word("y", &answer) && answer.yes && answer.scope == ASK_ONCE);
	assert_true(asker_word("run", &answer) && answer.yes && answer.scope == ASK_RUN);
	assert_true(asker_word("m", &answer) && answer.yes && answer.scope == ASK_RULE);
	assert_true(asker_word("always", &answer) && answer.yes && answer.always);
	assert_true(asker_word("n", &answer) && !answer.yes && answer.scope == ASK_ONCE);
	assert_true(asker_word("d", &answer) && !answer.yes && answer.scope == ASK_RUN);
	assert_true(asker_word("never", &answer) && !answer.yes && answer.scope == ASK_RULE);
	assert_false(asker_word("", &answer));
	assert_false(asker_word("ye", &answer));
	assert_false(asker_word("yesyes", &answer));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_asks),
		IN_WORLD(test_once),
		IN_WORLD(test_run),
		IN_WORLD(test_full),
		IN_WORLD(test_names),
		cmocka_unit_test(test_answers_read),
		cmocka_unit_test(test_answers_written),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
