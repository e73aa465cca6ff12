#include "text/json_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text/node.h"

static void put_escaped(struct buf *out, unsigned char c)
{
	static const char letters[] = "bfnrt\"\\", means[] = "\b\f\n\r\t\"\\";
	const char *known = strchr(means, c);

	if (known != NULL)
		buf_printf(out, "\\%c", letters[known - means]);
	else
		buf_printf(out, "\\u%04x", c);
}

/* Characters that JSON wants escaped, and DEL, which a terminal acts on. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void put_valid(struct buf *out, const char *s, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		if (is_plain((unsigned char)s[i]))
			continue;
		buf_add(out, s + from, i - from);
		put_escaped(out, (unsigned char)s[i]);
		from = i + 1;
	}
	buf_add(out, s + from, len - from);
}

static void put_string(struct buf *out, const char *s)
{
	size_t len = strlen(s);

	buf_puts(out, "\"");
	while (len > 0) {
		size_t valid = utf8_valid(s, len);

		put_valid(out, s, valid);
		if (valid < len) {
			buf_puts(out, "\\ufffd");
			valid++;
		}
		s += valid;
		len -= valid;
	}
	buf_puts(out, "\"");
}

static void new_line(struct json_writer *w)
{
	if (w->pretty)
		buf_printf(w->out, "\n%*s", (int)w->depth * 2, "");
}

/* What stands before a value: comma, line, key. */
static void put_key(struct json_writer *w, const char *key)
{
	if (w->depth > 0) {
		if (w->open[w->depth - 1].started)
			buf_puts(w->out, ",");
		w->open[w->depth - 1].started = true;
		new_line(w);
	}
	if (key != NULL) {
		put_string(w->out, key);
		buf_puts(w->out, w->pretty ? ": " : ":");
	}
}

static void open_bracket(struct json_writer *w, const char *key, const char *brackets)
{
	put_key(w, key);
	if (w->depth == JSON_WRITE_DEPTH_MAX)
		abort(); /* what we write nests as deep as our code does */
	w->open[w->depth].end = brackets[1];
	w->open[w->depth].started = false;
	w->depth++;
	buf_add(w->out, brackets, 1);
}

void json_open_object(struct json_writer *w, const char *key)
{
	open_bracket(w, key, "{}");
}

void json_open_array(struct json_writer *w, const char *key)
{
	open_bracket(w, key, "[]");
}

void json_close(struct json_writer *w)
{
	if (w->depth == 0)
		abort();
	w->depth--;
	if (w->open[w->depth].started)
		new_line(w);
	buf_add(w->out, &w->open[w->depth].end, 1);
}

void json_put_string(struct json_writer *w, const char *key, const char *s)
{
	put_key(w, key);
	if (s != NULL)
		put_string(w->out, s);
	else
		buf_puts(w->out, "null");
}

void json_put_u64(struct json_writer *w, const char *key, uint64_t v)
{
	put_key(w, key);
	buf_printf(w->out, "%" PRIu64, v);
}

void json_put_i64(struct json_writer *w, const char *key, int64_t v)
{
	put_key(w, key);
	buf_printf(w->out, "%" PRId64, v);
}

void json_put_number(struct json_writer *w, const char *key, const char *text)
{
	put_key(w, key);
	buf_puts(w->out, text);
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
	put_key(w, key);
	buf_puts(w->out, v ? "true" : "false");
}
