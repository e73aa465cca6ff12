/*
 * What people see: output, colours, errors, and the lines about refused operations.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/command.h"

/* Writes it to standard output. A full disk or a closed pipe is an error. */
int print_out(const struct buf *text, struct err *e);

/* ---- colours ---- */

enum ink { INK_NONE, INK_BOLD, INK_GOOD, INK_WARN, INK_BAD, INK_DIM };

/* Whether output to `fd` is coloured: a terminal that can, and NO_COLOR not set (no-color.org). */
bool print_colours(int fd);

/* Adds `text` in a colour if `on`. */
void print_ink(struct buf *b, bool on, enum ink ink, const char *text);

/* Adds text whose origin is not trusted: control characters and bytes beyond ASCII become \xNN. */
void print_safe(struct buf *b, const char *text);

/* ---- errors ---- */

/* "zviz: text" and the hint on standard error, and one entry in the log file if there is one. */
void print_failure(const struct cli *c, const struct err *e);

/* One line of a log, newline included. `seconds` since 1970, `level` as logrus calls it. Pure. */
void print_log_line(struct buf *b, enum log_format format, int64_t seconds, const char *level,
		    const char *msg);

/* Appends one to the log file that --log names. 0 or -errno. */
int print_log(const struct cli *c, const char *level, const char *msg);

/* ---- refused operations ---- */

/* Follows the stream of events of one run. Start from zero. */
struct watcher {
	bool verbose; /* print each refusal as it comes */
	const bool
		*raw; /* the terminal is raw: a new line needs a carriage return too. May be NULL */
	uint64_t refused;
	uint64_t unreadable; /* lines that were no events */
	uint64_t repeats;    /* of `last`, not printed */
	char last[512];      /* the refusal printed last, cut: the same one again is only counted */
	struct arena scratch;
};

/* One line of the stream, as term_relay delivers it. */
void watcher_line(void *watcher, const char *line, size_t len);

/* How the run ended, on standard error: nothing if nothing was refused. `lost` events were never
 * seen. */
void watcher_close(struct watcher *w, uint64_t refused, uint64_t lost);

/* The text of it. Pure. */
void print_summary(struct buf *b, bool verbose, uint64_t refused, uint64_t lost);

#endif
