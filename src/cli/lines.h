/*
 * Lines out of a stream of events. Whoever writes the stream may be hostile: a line is bounded.
 */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/event.h"

/* Start from zero, with `each` and `ctx` set. */
struct lines {
	/* A line without its newline, not ended by a NUL, never empty. */
	void (*each)(void *ctx, const char *line, size_t len);
	void *ctx;
	uint64_t
		too_long; /* lines that were dropped because they are longer than an event can be */
	size_t len;
	bool skip;
	char text[EVENT_LINE_MAX];
};

/* Takes the next bytes of the stream and calls `each` for every line that they complete. */
void lines_add(struct lines *l, const char *bytes, size_t len);

/* One read. 1: there may be more, 0: nothing now, -1: the end. */
int lines_read(struct lines *l, int fd);

#endif
