/*
 * Text that grows in an arena; always ended by a NUL.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

#include "base/arena.h"

struct buf {
	struct arena *arena;
	char *text; /* NULL while nothing was added */
	size_t len, cap;
};

void buf_add(struct buf *b, const char *s, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds `s` so that a terminal cannot be made to act on it: control characters, non-ASCII bytes and
 * backslashes become \xNN. For every byte that a container, a path or a profile can choose. */
void buf_puts_safe(struct buf *b, const char *s, size_t len);

/* The text, "" when nothing was added. */
const char *buf_text(const struct buf *b);

#endif
