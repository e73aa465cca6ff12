#include "cli/asker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/print.h"

static const struct {
	const char *letter, *word;
	struct ask_answer means;
	const char *said;
} words[] = {
	{ "y", "yes", { .yes = true, .scope = ASK_ONCE }, "allowed, this time" },
	{ "r", "run", { .yes = true, .scope = ASK_RUN }, "allowed for this run" },
	{ "m",
	  "match",
	  { .yes = true, .scope = ASK_RULE },
	  "allowed for this run, with all else that the rule is about" },
	{ "a",
	  "always",
	  { .yes = true, .always = true, .scope = ASK_RUN },
	  "allowed for this run; to allow it always, add this to the profile" },
	{ "n", "no", { .scope = ASK_ONCE }, "refused, this time" },
	{ "d", "deny", { .scope = ASK_RUN }, "refused for this run" },
	{ "x",
	  "never",
	  { .scope = ASK_RULE },
	  "refused for this run, with all else that the rule is about" },
};

static int meaning_of(const char *word)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(word, words[i].letter) == 0 || strcmp(word, words[i].word) == 0)
			return (int)i;
	return -1;
}

bool asker_word(const char *word, struct ask_answer *out)
{
	int i = meaning_of(word);

	if (i >= 0)
		*out = words[i].means;
	return i >= 0;
}

/* ---- the terminal ---- */

/* In a raw terminal a line needs its carriage return. */
static void show(const struct asker *a, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		(void)!fd_write_all(a->out, text, len);
		text += len;
		if (*text == '\n') {
			(void)!fd_write_all(a->out, "\r\n", 2);
			text++;
		}
	}
}

static void put(struct buf *b, const char *text, const char *if_empty)
{
	print_safe(b, text[0] != '\0' ? text : if_empty);
}

void asker_text(const struct ask_question *q, struct buf *out)
{
	buf_puts(out, "\nzviz: ");
	put(out, q->container, "?");
	buf_puts(out, ": ");
	put(out, q->comm, "a program");
	buf_printf(out, " (process %" PRId64 ") wants to ", q->pid);
	put(out, q->kind, "do something with");
	buf_puts(out, strcmp(q->kind, "connect") == 0 ? " to " : " ");
	put(out, q->object, "?");
	buf_puts(out, "\n  rule: ");
	put(out, q->rule, "?");
	buf_puts(out, " ");
	put(out, q->pattern, "");
	buf_puts(out, "\n  call: ");
	put(out, q->syscall, "?");
	buf_puts(out, "(");
	put(out, q->arguments, "");
	buf_printf(out,
		   ")\n  y yes, r for this run, m for all that matches the rule, a always\n"
		   "  n no, d deny for this run, x deny all that matches the rule"
		   " (no answer in %" PRIu64 " s is no)\n> ",
		   q->timeout_ms / 1000);
}

static void show_first(struct asker *a)
{
	struct arena scratch = { 0 };
	struct buf text = { .arena = &scratch };

	/* Nothing that was typed before it can be seen is an answer. */
	tcflush(a->out, TCIFLUSH);
	a->word_len = 0;
	a->showing = true;
	asker_text(&a->questions[0].q, &text);
	show(a, buf_text(&text));
	arena_free(&scratch);
}

static void drop(struct asker *a, size_t i)
{
	arena_free(&a->questions[i].arena);
	a->n--;
	memmove(&a->questions[i], &a->questions[i + 1], (a->n - i) * sizeof *a->questions);
	if (i == 0)
		a->showing = false;
}

static void show_next(struct asker *a)
{
	if (a->n > 0 && !a->showing)
		show_first(a);
}

/* ---- what is heard ---- */

static void question_over(struct asker *a, const struct ask_question *q)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->questions[i].q.number != q->number)
			continue;
		if (i == 0 && a->showing)
			show(a, strcmp(q->over, "late") == 0
					? "\nzviz: no answer in time: refused\n"
				: strcmp(q->over, "gone") == 0 ? "\nzviz: whoever asked has gone\n"
							       : "\nzviz: answered\n");
		drop(a, i);
		return;
	}
}

/* What is not understood is not shown: without an answer it is refused. */
static void hear_line(struct asker *a)
{
	struct arena arena = { 0 };
	struct ask_question q;
	struct err e = { 0 };

	if (ask_question_read(&arena, a->line, a->line_len, &q, &e) == 0) {
		if (q.over == NULL && a->n < ASKER_QUESTIONS_MAX) {
			a->questions[a->n++] = (struct asker_question){ arena, q };
			return;
		}
		if (q.over != NULL)
			question_over(a, &q);
	}
	arena_free(&arena);
}

static void hear_bytes(struct asker *a, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			if (!a->skip && a->line_len > 0)
				hear_line(a);
			a->line_len = 0;
			a->skip = false;
		} else if (a->line_len == sizeof a->line) {
			a->skip = true;
		} else {
			a->line[a->line_len++] = bytes[i];
		}
	}
}

bool asker_hear(struct asker *a)
{
	char bytes[4096];
	ssize_t n = recv(a->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (n > 0)
		hear_bytes(a, bytes, (size_t)n);
	show_next(a);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* ---- what is typed ---- */

bool asker_busy(const struct asker *a)
{
	return a->showing && *a->raw;
}

static void answer(struct asker *a)
{
	struct arena scratch = { 0 };
	struct buf line = { .arena = &scratch };
	int i;

	a->word[a->word_len] = '\0';
	a->word_len = 0;
	i = meaning_of(a->word);
	if (i < 0) {
		show(a, "\n> ");
		return;
	}

	struct ask_answer means = words[i].means;

	means.number = a->questions[0].q.number;
	ask_answer_write(&means, &line);
	/* If the broker has gone, so have its questions. */
	(void)!send(a->fd, buf_text(&line), line.len, MSG_NOSIGNAL);
	show(a, "\nzviz: ");
	show(a, words[i].said);
	if (means.always) {
		show(a, ":\n");
		show(a, a->questions[0].q.always);
	}
	show(a, "\n");
	arena_free(&scratch);
	drop(a, 0);
	show_next(a);
}

static void key(struct asker *a, char c)
{
	enum { INTERRUPT = 3, BACKSPACE = 8, ERASE = 127 };

	switch (c) {
	case '\r':
	case '\n':
		answer(a);
		return;
	case INTERRUPT:
		strcpy(a->word, "n");
		a->word_len = 1;
		answer(a);
		return;
	case BACKSPACE:
	case ERASE:
		if (a->word_len > 0) {
			a->word_len--;
			show(a, "\b \b");
		}
		return;
	default:
		if (c < 'a' || c > 'z' || a->word_len == sizeof a->word - 1)
			return;
		a->word[a->word_len++] = c;
		(void)!fd_write_all(a->out, &c, 1);
	}
}

void asker_keys(struct asker *a, const char *bytes, size_t len)
{
	/* What was typed behind an answer is not the next one's. */
	for (size_t i = 0; i < len && a->showing; i++) {
		uint64_t number = a->questions[0].q.number;

		key(a, bytes[i]);
		if (a->n == 0 || a->questions[0].q.number != number)
			return;
	}
}

void asker_end(struct asker *a)
{
	while (a->n > 0)
		drop(a, a->n - 1);
}
