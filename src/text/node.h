/*
 * A document as a tree, whatever it was written in. Everything lives in the arena it was read into.
 *
 * Both readers refuse duplicate keys, NUL characters, invalid UTF-8, and what goes beyond the limits
 * below: what is left can be walked and bound in bounded time.
 */
#ifndef TEXT_NODE_H
#define TEXT_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/from.h"

enum {
	DOC_DEPTH_MAX = 32,         /* a config.json nests 7 deep, a profile 6 */
	DOC_NODES_MAX = 100000,     /* a large config.json has 2,000 */
	DOC_YAML_NODES_MAX = 20000, /* a large profile has 500 */
	DOC_BYTES_MAX = 4 * 1024 * 1024,
	DOC_YAML_BYTES_MAX = 1024 * 1024,
};

/* PLAIN is a YAML scalar without quotes: whoever binds it decides whether it is a word, a number or a
 * bool. */
enum node_kind { NODE_NULL, NODE_PLAIN, NODE_STRING, NODE_NUMBER, NODE_BOOL, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	unsigned line, column; /* from 1; 0 in JSON, where the path tells the place */
	unsigned n;            /* children of a list or map */
	unsigned index;        /* in the parent */
	const char *key;       /* in a map, else NULL */
	const char *text; /* of a scalar, as written, without quotes and escapes; NULL of null */
	struct node *parent, *next, *first, *last;
};

struct doc {
	struct arena *arena;
	const char *file; /* what messages call it */
	struct node *root;
};

/* Reads exactly one document. Syntax errors name file:line:column. */
int doc_from_yaml(struct arena *a, const char *file, const char *text, size_t len, struct doc *out,
		  struct err *e);
int doc_from_json(struct arena *a, const char *file, const char *text, size_t len, struct doc *out,
		  struct err *e);

/* The value of a key, or NULL. */
const struct node *node_get(const struct node *map, const char *key);

/* "process.rlimits[0].soft"; "" for the root. */
const char *node_path(struct arena *a, const struct node *n);

/* Where the value was written: a line in YAML, a path in JSON. */
struct from doc_place(const struct doc *d, const struct node *n);

/* Fails with EINVAL: "file:line:column: path: fmt" in YAML, "file: path: fmt" in JSON. */
int doc_fail(const struct doc *d, const struct node *n, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5), cold));

/* The text, made safe for a terminal and cut to a few words: for messages. */
const char *text_shown(struct arena *a, const char *s);

/* For readers: a new last child of `parent` (NULL: a root), and the check that ends a map. Returns the
 * second of two equal keys, or NULL. */
struct node *node_add(struct arena *a, struct node *parent, enum node_kind kind);
const struct node *node_twice(struct arena *a, const struct node *map);

/* The number of bytes at the start that are valid UTF-8. */
size_t utf8_valid(const char *s, size_t len);

#endif
