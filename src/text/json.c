/*
 * JSON (RFC 8259) to a tree, in one pass and in place: strings end in the copy of the text that they
 * came from.
 *
 * Our own rather than jansson: that refuses integers above INT64_MAX, and engines write
 * 18446744073709551615 for RLIM_INFINITY. Reading config.json is also on the path of every start:
 * `runc spec` prints 2.5 kB, which jansson 2.14 parses in 65 µs; spec_load as a whole takes 14 µs.
 * tests/unit/test_text.c and tests/fuzz/fuzz_json.c hold it to what jansson accepts.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "text/node.h"

struct reader {
	struct doc *doc;
	const char *text; /* as given: lines are counted there */
	char *copy, *at;  /* being decoded; ended by a NUL */
	size_t len;
	unsigned depth, nodes;
	struct err *e;
};

static int syntax_error(const struct reader *r, const char *where, const char *why)
{
	size_t line = 1, column = 1;
	const char *end = r->text + (where - r->copy);

	for (const char *s = r->text; s < end; s++, column++)
		if (*s == '\n') {
			line++;
			column = 0;
		}
	return fail(r->e, EINVAL, "%s:%zu:%zu: %s", r->doc->file, line, column, why);
}

static void skip_space(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')
		r->at++;
}

static int hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char c = s[i];
		int d = c >= '0' && c <= '9'   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
					       : -1;

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

static char *put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/* \uXXXX, or two of them that are one character. r->at stands behind the u. */
static int unicode_escape(struct reader *r, char **to)
{
	int c = hex4(r->at);

	if (c < 0)
		return syntax_error(r, r->at, "\\u needs four hexadecimal digits");
	if (c == 0)
		return syntax_error(r, r->at, "a NUL character is not permitted");
	r->at += 4;
	if (c >= 0xd800 && c < 0xe000) {
		int low = c < 0xdc00 && r->at[0] == '\\' && r->at[1] == 'u' ? hex4(r->at + 2) : -1;

		if (low < 0xdc00 || low > 0xdfff)
			return syntax_error(r, r->at, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		r->at += 6;
	}
	*to = put_utf8(*to, (unsigned)c);
	return 0;
}

static int escape(struct reader *r, char **to)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	char c = r->at[1];
	const char *known = c != '\0' ? strchr(letters, c) : NULL;

	if (c != 'u' && known == NULL)
		return syntax_error(r, r->at, "unknown escape");
	r->at += 2;
	if (c == 'u')
		return unicode_escape(r, to);
	*(*to)++ = means[known - letters];
	return 0;
}

static int read_string(struct reader *r, const char **out)
{
	char *start = ++r->at, *to = start;

	while (*r->at != '"') {
		if (*r->at == '\\') {
			TRY(escape(r, &to));
			continue;
		}
		if ((unsigned char)*r->at < 0x20)
			return syntax_error(r, r->at,
					    r->at == r->copy + r->len
						    ? "the text ends within a string"
						    : "a control character within a string");
		*to++ = *r->at++;
	}
	r->at++;
	*to = '\0';
	*out = start;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digits(struct reader *r)
{
	if (!is_digit(*r->at))
		return syntax_error(r, r->at, "expected a digit");
	while (is_digit(*r->at))
		r->at++;
	return 0;
}

static int read_number(struct reader *r, struct node *n)
{
	const char *start = r->at;

	n->kind = NODE_NUMBER;
	if (*r->at == '-')
		r->at++;
	if (r->at[0] == '0' && is_digit(r->at[1]))
		return syntax_error(r, r->at, "a number cannot start with 0");
	TRY(digits(r));
	if (*r->at == '.') {
		r->at++;
		TRY(digits(r));
	}
	if (*r->at == 'e' || *r->at == 'E') {
		r->at++;
		if (*r->at == '+' || *r->at == '-')
			r->at++;
		TRY(digits(r));
	}
	n->text = arena_strndup(r->doc->arena, start, (size_t)(r->at - start));
	return 0;
}

static int read_word(struct reader *r, struct node *n)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} words[] = { { "true", NODE_BOOL }, { "false", NODE_BOOL }, { "null", NODE_NULL } };

	for (size_t i = 0; i < COUNT(words); i++) {
		size_t len = strlen(words[i].word);

		if (strncmp(r->at, words[i].word, len) == 0) {
			n->kind = words[i].kind;
			n->text = n->kind == NODE_BOOL ? words[i].word : NULL;
			r->at += len;
			return 0;
		}
	}
	return syntax_error(r, r->at,
			    r->at == r->copy + r->len ? "the text ends too early"
						      : "expected a value");
}

static int read_value(struct reader *r, struct node *parent, const char *key);

static int read_member(struct reader *r, struct node *map)
{
	const char *key = NULL;

	skip_space(r);
	if (*r->at != '"')
		return syntax_error(r, r->at, "expected a key in quotes");
	TRY(read_string(r, &key));
	skip_space(r);
	if (*r->at != ':')
		return syntax_error(r, r->at, "expected a colon after the key");
	r->at++;
	return read_value(r, map, key);
}

static int read_members(struct reader *r, struct node *n)
{
	char end = *r->at == '{' ? '}' : ']';

	n->kind = end == '}' ? NODE_MAP : NODE_LIST;
	if (r->depth++ >= DOC_DEPTH_MAX)
		return syntax_error(r, r->at, "nested too deeply");
	r->at++;
	skip_space(r);
	if (*r->at != end) {
		for (;; r->at++) {
			TRY(end == '}' ? read_member(r, n) : read_value(r, n, NULL));
			skip_space(r);
			if (*r->at != ',')
				break;
		}
		if (*r->at != end)
			return syntax_error(r, r->at,
					    end == '}' ? "expected , or }" : "expected , or ]");
	}
	r->at++;
	r->depth--;

	const struct node *twice = n->kind == NODE_MAP ? node_twice(r->doc->arena, n) : NULL;

	return twice != NULL ? doc_fail(r->doc, twice, r->e, "this key was given before") : 0;
}

static int read_value(struct reader *r, struct node *parent, const char *key)
{
	skip_space(r);
	if (r->nodes++ >= DOC_NODES_MAX)
		return syntax_error(r, r->at, "too many values in one document");

	struct node *n = node_add(r->doc->arena, parent, NODE_NULL);

	n->key = key;
	if (parent == NULL)
		r->doc->root = n;
	if (*r->at == '{' || *r->at == '[')
		return read_members(r, n);
	if (*r->at == '"') {
		n->kind = NODE_STRING;
		return read_string(r, &n->text);
	}
	if (*r->at == '-' || is_digit(*r->at))
		return read_number(r, n);
	return read_word(r, n);
}

int doc_from_json(struct arena *a, const char *file, const char *text, size_t len, struct doc *out,
		  struct err *e)
{
	struct reader r = { .doc = out, .text = text, .len = len, .e = e };

	*out = (struct doc){ .arena = a, .file = file };
	if (len > DOC_BYTES_MAX)
		return fail(e, EFBIG, "%s: larger than %d bytes", file, DOC_BYTES_MAX);
	r.at = r.copy = arena_alloc(a, len + 1);
	if (len != 0)
		memcpy(r.copy, text, len);

	size_t valid = utf8_valid(text, len);

	if (valid != len)
		return syntax_error(&r, r.copy + valid, "not valid UTF-8");
	TRY(read_value(&r, NULL, NULL));
	skip_space(&r);
	if (r.at != r.copy + len)
		return syntax_error(&r, r.at, "expected nothing more");
	return 0;
}
