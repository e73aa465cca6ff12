#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_add(struct buf *b, const char *s, size_t len)
{
	if (len == 0)
		return;
	if (b->cap - b->len <= len) {
		size_t cap = (b->len + len + 1) * 2;
		char *bigger = arena_alloc(b->arena, cap);

		if (b->len != 0)
			memcpy(bigger, b->text, b->len);
		b->text = bigger;
		b->cap = cap;
	}
	memcpy(b->text + b->len, s, len);
	b->len += len;
	b->text[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(small, sizeof small, fmt, ap);

	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof small)
		buf_add(b, small, (size_t)n);
	else if (n >= 0)
		buf_puts(b, arena_vprintf(b->arena, fmt, again));
	va_end(again);
}

void buf_puts_safe(struct buf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c < 0x7f && c != '\\')
			buf_add(b, &s[i], 1);
		else
			buf_printf(b, "\\x%02x", c);
	}
}

const char *buf_text(const struct buf *b)
{
	return b->text != NULL ? b->text : "";
}
