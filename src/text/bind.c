#include "text/bind.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text/bind_scalar.h"

bool bind_is_text(const struct node *n)
{
	return n->kind == NODE_STRING || n->kind == NODE_PLAIN;
}

int bind_expected(const struct bind *b, const struct node *n, const char *what, struct err *e)
{
	static const char *const kinds[] = {
		[NODE_NULL] = "nothing",       [NODE_PLAIN] = "a word",
		[NODE_STRING] = "a string",    [NODE_NUMBER] = "a number",
		[NODE_BOOL] = "true or false", [NODE_LIST] = "a list",
		[NODE_MAP] = "a map",
	};

	if (n->text != NULL)
		return doc_fail(b->doc, n, e, "expected %s, not '%s'", what,
				text_shown(b->doc->arena, n->text));
	return doc_fail(b->doc, n, e, "expected %s, not %s", what, kinds[n->kind]);
}

int bind_unknown(const struct bind *b, const struct node *n, const char *what, const char *word,
		 const char *nearest, struct err *e)
{
	const char *shown = text_shown(b->doc->arena, word);

	if (nearest == NULL)
		return doc_fail(b->doc, n, e, "unknown %s '%s'", what, shown);
	doc_fail(b->doc, n, e, "unknown %s '%s'; did you mean '%s'?", what, shown, nearest);
	return advise(e, "write '%s'", nearest);
}

int bind_name(const struct bind *b, const struct node *n, const char *what,
	      const struct name *names, int64_t *out, struct err *e)
{
	if (!bind_is_text(n))
		return bind_expected(b, n, "a word", e);

	const struct name *known = name_find(names, n->text);

	if (known == NULL)
		return bind_unknown(b, n, what, n->text, name_nearest(names, n->text), e);
	*out = known->value;
	return 0;
}

/* Room for one more element; lists of every type have this shape. */
static void *append(struct arena *a, void *list, size_t size)
{
	struct {
		size_t n, cap;
		void *at;
	} l;

	memcpy(&l, list, sizeof l);
	l.at = arena_grow(a, l.at, l.n, &l.cap, size);
	l.n++;
	memcpy(list, &l, sizeof l);
	return (char *)l.at + (l.n - 1) * size;
}

static int check(const struct bind *b, const struct field *f, const struct node *n, struct err *e)
{
	return f->check != NULL ? f->check(b, n, e) : 0;
}

static int element(const struct bind *b, const struct field *f, const struct node *n, void *list,
		   struct err *e)
{
	struct arena *a = b->doc->arena;
	uint64_t v;

	if (f->as == AS_LIST) {
		void *at = append(a, list, f->size);

		return bind_map(b, n, f->fields, memset(at, 0, f->size), e);
	}
	if (f->as == AS_NUMBERS) {
		TRY(bind_u64(b, f, n, f->size == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX, &v,
			     e));
		if (f->size == sizeof(uint32_t))
			*(uint32_t *)append(a, list, f->size) = (uint32_t)v;
		else
			*(uint64_t *)append(a, list, f->size) = v;
		return 0;
	}
	if (!bind_is_text(n))
		return bind_expected(b, n, f->as == AS_WORDS ? "a word" : "a string", e);
	TRY(check(b, f, n, e));
	if (f->as == AS_WORDS)
		*(struct word *)append(a, list,
				       sizeof(struct word)) = (struct word){ n->text,
									     doc_place(b->doc, n) };
	else
		*(const char **)append(a, list, sizeof(const char *)) = n->text;
	return 0;
}

/* An element of a list that must not say the same twice. */
struct seen {
	uint64_t value;
	const struct node *node;
};

static int compare_seen(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->node->index > y->node->index) - (x->node->index < y->node->index);
}

/* The first element that repeats an earlier one. */
static int refuse_twice(const struct bind *b, const struct node *n, struct seen *seen,
			struct err *e)
{
	const struct seen *first = NULL;

	if (n->n < 2)
		return 0;
	qsort(seen, n->n, sizeof *seen, compare_seen);
	for (size_t i = 1; i < n->n; i++)
		if (seen[i].value == seen[i - 1].value &&
		    (first == NULL || seen[i].node->index < first->node->index))
			first = &seen[i];
	if (first == NULL)
		return 0;
	doc_fail(b->doc, first->node, e, "'%s' is listed already in line %u, column %u",
		 text_shown(b->doc->arena, first->node->text), first[-1].node->line,
		 first[-1].node->column);
	return advise(e, "keep one of the two");
}

static int refuse_numbers_twice(const struct bind *b, const struct field *f, const struct node *n,
				struct err *e)
{
	struct seen *seen = arena_array(b->doc->arena, n->n, sizeof *seen);
	uint64_t v;

	for (const struct node *x = n->first; x != NULL; x = x->next) {
		TRY(bind_u64(b, f, x, UINT64_MAX, &v, e));
		seen[x->index] = (struct seen){ v, x };
	}
	return refuse_twice(b, n, seen, e);
}

static int bind_list(const struct bind *b, const struct field *f, const struct node *n, void *list,
		     struct err *e)
{
	if (n->kind != NODE_LIST)
		return bind_expected(b, n, "a list", e);
	if (f->not_empty && n->n == 0)
		return doc_fail(b->doc, n, e, "needs at least one element");
	for (const struct node *x = n->first; x != NULL; x = x->next)
		TRY(element(b, f, x, list, e));
	return f->as == AS_NUMBERS && b->strict ? refuse_numbers_twice(b, f, n, e) : 0;
}

static int bind_bits(const struct bind *b, const struct field *f, const struct node *n,
		     unsigned *bits, struct err *e)
{
	struct seen *seen;
	int64_t value;

	if (n->kind != NODE_LIST || n->n == 0)
		return bind_expected(b, n, "a list with at least one word", e);
	seen = arena_array(b->doc->arena, n->n, sizeof *seen);
	*bits = 0;
	for (const struct node *x = n->first; x != NULL; x = x->next) {
		TRY(bind_name(b, x, "word", f->names, &value, e));
		*bits |= 1u << value;
		seen[x->index] = (struct seen){ (uint64_t)value, x };
	}
	return b->strict ? refuse_twice(b, n, seen, e) : 0;
}

static int bind_pairs(const struct bind *b, const struct field *f, const struct node *n, void *list,
		      struct err *e)
{
	if (n->kind != NODE_MAP)
		return bind_expected(b, n, "a map", e);
	for (const struct node *x = n->first; x != NULL; x = x->next) {
		if (!bind_is_text(x))
			return bind_expected(b, x, "a string", e);
		if (*x->key == '\0')
			return doc_fail(b->doc, x, e, "an empty key");
		TRY(check(b, f, x, e));
		*(struct pair *)append(b->doc->arena, list,
				       sizeof(struct pair)) = (struct pair){ x->key, x->text };
	}
	return 0;
}

static int bind_value(const struct bind *b, const struct field *f, const struct node *n, void *at,
		      struct err *e)
{
	switch (f->as) {
	case AS_SKIP:
		return 0;
	case AS_FROM:
		*(struct from *)at = doc_place(b->doc, n);
		return 0;
	case AS_PRESENT:
		*(bool *)at = true;
		return 0;
	case AS_CALL:
		return f->call(b, n, at, e);
	case AS_BITS:
		return bind_bits(b, f, n, at, e);
	case AS_WORDS:
	case AS_STRINGS:
	case AS_NUMBERS:
	case AS_LIST:
		return bind_list(b, f, n, at, e);
	case AS_PAIRS:
		return bind_pairs(b, f, n, at, e);
	case AS_STRUCT:
		return bind_map(b, n, f->fields, at, e);
	default:
		TRY(bind_scalar(b, f, n, at, e));
		return check(b, f, n, e);
	}
}

static bool whole_map(const struct field *f)
{
	return f->name[0] == '\0';
}

static int unknown_key(const struct bind *b, const struct node *n, const struct field *fields,
		       struct err *e)
{
	struct name_near near = { 0 };

	for (const struct field *f = fields; f->name != NULL; f++)
		if (!whole_map(f))
			name_offer(&near, n->key, f->name);
	return bind_unknown(b, n, "key", n->key, near.best, e);
}

/* Engines write null or "" for what they do not mean to say. */
static bool says_nothing(const struct bind *b, const struct field *f, const struct node *n)
{
	bool text = f->as == AS_STRING || f->as == AS_PATH;

	return !b->strict &&
	       (n->kind == NODE_NULL || (text && bind_is_text(n) && *n->text == '\0'));
}

static int bind_key(const struct bind *b, const struct node *n, const struct field *fields,
		    void *out, struct err *e)
{
	bool known = false;

	for (const struct field *f = fields; f->name != NULL; f++) {
		if (whole_map(f) || strcmp(f->name, n->key) != 0)
			continue;
		known = true;
		if (says_nothing(b, f, n))
			continue;
		if (n->kind == NODE_NULL)
			return doc_fail(b->doc, n, e, "needs a value");
		TRY(bind_value(b, f, n, (char *)out + f->offset, e));
	}
	return known || !b->strict ? 0 : unknown_key(b, n, fields, e);
}

int bind_map(const struct bind *b, const struct node *map, const struct field *fields, void *out,
	     struct err *e)
{
	if (map->kind != NODE_MAP)
		return bind_expected(b, map, "a map", e);
	for (const struct node *n = map->first; n != NULL; n = n->next)
		TRY(bind_key(b, n, fields, out, e));
	for (const struct field *f = fields; f->name != NULL; f++) {
		if (whole_map(f))
			TRY(bind_value(b, f, map, (char *)out + f->offset, e));
		if (!f->required)
			continue;

		const struct node *n = node_get(map, f->name);

		if (n == NULL || n->kind == NODE_NULL)
			return doc_fail(b->doc, map, e, "the key '%s' is missing", f->name);
		if (says_nothing(b, f, n))
			return doc_fail(b->doc, n, e, "must not be empty");
	}
	return 0;
}
