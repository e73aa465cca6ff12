#include "cli/print.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/fd.h"
#include "policy/event.h"
#include "text/json_write.h"

int print_out(const struct buf *text, struct err *e)
{
	int r = fd_write_all(STDOUT_FILENO, buf_text(text), text->len);

	/* Nothing is left to do but this: it ends as anybody else in a pipeline. */
	if (r == -EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return r < 0 ? fail(e, -r, "standard output: %m") : 0;
}

bool print_colours(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no_color == NULL || *no_color == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0 && isatty(fd);
}

void print_ink(struct buf *b, bool on, enum ink ink, const char *text)
{
	static const char *const codes[] = {
		[INK_NONE] = "0",  [INK_BOLD] = "1", [INK_GOOD] = "32",
		[INK_WARN] = "33", [INK_BAD] = "31", [INK_DIM] = "2",
	};

	if (on && ink != INK_NONE)
		buf_printf(b, "\033[%sm%s\033[0m", codes[ink], text);
	else
		buf_puts(b, text);
}

void print_safe(struct buf *b, const char *text)
{
	/* Not buf_puts_safe: it also escapes backslashes, and these texts have escapes in them
	 * already. */
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f)
			buf_add(b, text, 1);
		else
			buf_printf(b, "\\x%02x", c);
	}
}

/* ---- errors ---- */

/* logfmt: what needs a closer look is escaped, the rest stays readable. */
static void quoted(struct buf *b, const char *text)
{
	buf_puts(b, "\"");
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			buf_add(b, text, 1);
		else
			buf_printf(b, "\\x%02x", c);
	}
	buf_puts(b, "\"");
}

static void json_log_line(struct buf *b, const char *when, const char *level, const char *msg)
{
	struct json_writer j = { .out = b };

	json_open_object(&j, NULL);
	json_put_string(&j, "level", level);
	json_put_string(&j, "msg", msg);
	json_put_string(&j, "time", when);
	json_close(&j);
	buf_puts(b, "\n");
}

void print_log_line(struct buf *b, enum log_format format, int64_t seconds, const char *level,
		    const char *msg)
{
	char date[DATE_ROOM], when[DATE_ROOM + 1];

	date_write((uint64_t)seconds, date);
	snprintf(when, sizeof when, "%sZ", date);
	if (format == LOG_JSON) {
		json_log_line(b, when, level, msg);
		return;
	}
	buf_printf(b, "time=\"%s\" level=%s msg=", when, level);
	quoted(b, msg);
	buf_puts(b, "\n");
}

int print_log(const struct cli *c, const char *level, const char *msg)
{
	const struct globals *g = &c->globals;
	OWN_FD fd = open(g->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	struct buf line = { .arena = c->arena };

	if (fd < 0)
		return -errno;
	print_log_line(&line, (enum log_format)g->log_format.value, (int64_t)time(NULL), level,
		       msg);
	return fd_write_all(fd, buf_text(&line), line.len);
}

/* Engines show their users what the log says, and nothing else. */
static int log_failure(const struct cli *c, const struct err *e)
{
	if (c->globals.log == NULL)
		return 0;
	return print_log(c, "error",
			 e->hint[0] != '\0'
				 ? arena_printf(c->arena, "%s; hint: %s", e->text, e->hint)
				 : e->text);
}

void print_failure(const struct cli *c, const struct err *e)
{
	struct buf b = { .arena = c->arena };
	bool colours = print_colours(STDERR_FILENO);
	int r = log_failure(c, e);

	print_ink(&b, colours, INK_BAD, "zviz:");
	buf_puts(&b, " ");
	print_safe(&b, e->text);
	buf_puts(&b, "\n");
	if (e->hint[0] != '\0') {
		buf_puts(&b, "  hint: ");
		print_safe(&b, e->hint);
		buf_puts(&b, "\n");
	}
	if (r < 0) {
		buf_puts(&b, "zviz: the log file ");
		print_safe(&b, c->globals.log);
		buf_printf(&b, ": %s\n", strerror(-r));
	}
	fd_write_all(STDERR_FILENO, buf_text(&b), b.len);
}

/* ---- refused operations ---- */

/* Its own newlines, if any, are replaced by the kind that this terminal needs. */
static void print_lines(struct watcher *w, const char *text)
{
	struct buf line = { .arena = &w->scratch };
	const char *end = w->raw != NULL && *w->raw ? "\r\n" : "\n";

	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		print_ink(&line, print_colours(STDERR_FILENO), INK_WARN, "zviz: ");
		buf_add(&line, p, n);
		buf_puts(&line, end);
		p += n + (p[n] == '\n');
	}
	fd_write_all(STDERR_FILENO, buf_text(&line), line.len);
}

static void print_repeats(struct watcher *w)
{
	struct buf text = { .arena = &w->scratch };

	if (w->repeats == 0)
		return;
	buf_printf(&text, "the same %" PRIu64 " more time%s\n", w->repeats,
		   w->repeats == 1 ? "" : "s");
	w->repeats = 0;
	print_lines(w, buf_text(&text));
}

static void print_refusal(struct watcher *w, const struct event *ev)
{
	struct buf text = { .arena = &w->scratch };

	event_print(ev, &text);
	if (strncmp(buf_text(&text), w->last, sizeof w->last - 1) == 0) {
		w->repeats++;
		return;
	}
	print_repeats(w);
	snprintf(w->last, sizeof w->last, "%s", buf_text(&text));
	print_lines(w, buf_text(&text));
}

void watcher_line(void *watcher, const char *line, size_t len)
{
	struct watcher *w = watcher;
	struct event ev;
	struct err ignored;

	if (event_read(&w->scratch, line, len, &ev, &ignored) < 0) {
		w->unreadable++;
	} else if (strcmp(ev.verdict, "deny") == 0) {
		w->refused++;
		if (w->verbose)
			print_refusal(w, &ev);
	}
	arena_free(&w->scratch);
}

void print_summary(struct buf *b, bool verbose, uint64_t refused, uint64_t lost)
{
	if (refused > 0) {
		buf_printf(b, "zviz: %" PRIu64 " operation%s refused", refused,
			   refused == 1 ? " was" : "s were");
		if (!verbose)
			buf_printf(b, " (run with --verbose to see %s)",
				   refused == 1 ? "it" : "them");
		buf_puts(b, "\n");
	}
	if (lost > 0)
		buf_printf(b, "zviz: %" PRIu64 " event%s came too fast %s\n", lost,
			   lost == 1 ? "" : "s",
			   verbose ? "to be shown" : "for whoever reads them, and were lost");
}

void watcher_close(struct watcher *w, uint64_t refused, uint64_t lost)
{
	struct buf b = { .arena = &w->scratch };

	print_repeats(w);
	print_summary(&b, w->verbose, refused > w->refused ? refused : w->refused,
		      lost + w->unreadable);
	fd_write_all(STDERR_FILENO, buf_text(&b), b.len);
	arena_free(&w->scratch);
}
