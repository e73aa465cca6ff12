#include "text/node.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { SHOWN_MAX = 60, PATH_SHOWN_MAX = 160 };

struct node *node_add(struct arena *a, struct node *parent, enum node_kind kind)
{
	struct node *n = arena_alloc(a, sizeof *n);

	n->kind = kind;
	n->parent = parent;
	if (parent == NULL)
		return n;
	n->index = parent->n++;
	if (parent->last != NULL)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

const struct node *node_get(const struct node *map, const char *key)
{
	for (const struct node *n = map->first; n != NULL; n = n->next)
		if (n->key != NULL && strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

static int by_key(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* Hostile documents have many keys: sorting keeps that cheap, comparing pairs is cheaper for a few. */
const struct node *node_twice(struct arena *a, const struct node *map)
{
	enum { FEW = 12 };

	if (map->n <= FEW) {
		for (const struct node *x = map->first; x != NULL; x = x->next)
			for (const struct node *y = x->next; y != NULL; y = y->next)
				if (strcmp(x->key, y->key) == 0)
					return y;
		return NULL;
	}

	const struct node **sorted = arena_array(a, map->n, sizeof *sorted);
	const struct node *twice = NULL;

	for (const struct node *n = map->first; n != NULL; n = n->next)
		sorted[n->index] = n;
	qsort(sorted, map->n, sizeof *sorted, by_key);
	for (unsigned i = 1; i < map->n; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 &&
		    (twice == NULL || sorted[i]->index < twice->index))
			twice = sorted[i];
	return twice;
}

static size_t digits_of(unsigned v)
{
	size_t n = 1;

	for (; v > 9; v /= 10)
		n++;
	return n;
}

/* The bytes that a node adds to its parent's path. */
static size_t step_len(const struct node *n)
{
	if (n->key == NULL)
		return digits_of(n->index) + 2;
	return strlen(n->key) + (n->parent->parent != NULL);
}

/* Written from the end: no formatting, since every rule of a config.json asks for its path. */
const char *node_path(struct arena *a, const struct node *n)
{
	size_t len = 0;

	for (const struct node *x = n; x->parent != NULL; x = x->parent)
		len += step_len(x);

	char *path = arena_alloc(a, len + 1), *at = path + len;

	for (; n->parent != NULL; n = n->parent) {
		at -= step_len(n);
		if (n->key != NULL) {
			if (n->parent->parent != NULL)
				*at = '.';
			memcpy(at + (n->parent->parent != NULL), n->key, strlen(n->key));
			continue;
		}

		unsigned v = n->index;
		size_t i = digits_of(v);

		at[0] = '[';
		at[i + 1] = ']';
		for (; i > 0; i--, v /= 10)
			at[i] = (char)('0' + v % 10);
	}
	return path;
}

struct from doc_place(const struct doc *d, const struct node *n)
{
	return (struct from){
		.file = d->file,
		.path = n->line == 0 ? node_path(d->arena, n) : NULL,
		.line = n->line,
		.column = n->column,
	};
}

static const char *shown(struct arena *a, const char *s, size_t max)
{
	struct buf b = { .arena = a };
	size_t len = strnlen(s, max + 1);

	buf_puts_safe(&b, s, len > max ? max : len);
	if (len > max)
		buf_puts(&b, "...");
	return buf_text(&b);
}

const char *text_shown(struct arena *a, const char *s)
{
	return shown(a, s, SHOWN_MAX);
}

int doc_fail(const struct doc *d, const struct node *n, struct err *e, const char *fmt, ...)
{
	const char *path = shown(d->arena, node_path(d->arena, n), PATH_SHOWN_MAX);
	char what[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (n->line != 0)
		return fail(e, EINVAL, "%s:%u:%u: %s%s%s", d->file, n->line, n->column, path,
			    *path != '\0' ? ": " : "", what);
	return fail(e, EINVAL, "%s: %s%s%s", d->file, path, *path != '\0' ? ": " : "", what);
}
