/*
 * Writes JSON into a buffer. Start with { .out = &buf }; .pretty indents by two spaces. `key` is NULL
 * in arrays and for the outermost value. Bytes that are not UTF-8 become U+FFFD.
 */
#ifndef TEXT_JSON_WRITE_H
#define TEXT_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { JSON_WRITE_DEPTH_MAX = 32 };

struct json_writer {
	struct buf *out;
	bool pretty;
	unsigned depth;
	struct {
		char end;     /* the bracket that closes it */
		bool started; /* something stands in it */
	} open[JSON_WRITE_DEPTH_MAX];
};

void json_open_object(struct json_writer *w, const char *key);
void json_open_array(struct json_writer *w, const char *key);
void json_close(struct json_writer *w);

void json_put_string(struct json_writer *w, const char *key, const char *s); /* NULL becomes null */
void json_put_u64(struct json_writer *w, const char *key, uint64_t v);
void json_put_i64(struct json_writer *w, const char *key, int64_t v);
/* A JSON number, as it is. */
void json_put_number(struct json_writer *w, const char *key, const char *text);
void json_put_bool(struct json_writer *w, const char *key, bool v);

#endif
