#include "text/bind_scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* Text that may hold a number: JSON has a type for it, YAML does not. Sizes are quoted in both. */
static bool may_be_number(const struct field *f, const struct node *n)
{
	return n->kind == NODE_NUMBER || n->kind == NODE_PLAIN ||
	       (f->unit != UNIT_ONE && n->kind == NODE_STRING);
}

static int out_of_range(const struct bind *b, const struct node *n, int64_t min, uint64_t max,
			struct err *e)
{
	return doc_fail(b->doc, n, e, "must be from %" PRId64 " to %" PRIu64 ", not %s", min, max,
			text_shown(b->doc->arena, n->text));
}

int bind_u64(const struct bind *b, const struct field *f, const struct node *n, uint64_t limit,
	     uint64_t *out, struct err *e)
{
	static int (*const readers[])(const char *s, uint64_t *out) = {
		[UNIT_ONE] = num_u64,
		[UNIT_BYTES] = num_bytes,
		[UNIT_MILLI] = num_milli,
	};
	static const char *const wanted[] = {
		[UNIT_ONE] = "a whole number",
		[UNIT_BYTES] = "a size such as 512M or 4G",
		[UNIT_MILLI] = "a number such as 2 or 0.5",
	};
	uint64_t max = f->max != 0 && f->max < limit ? f->max : limit, v;
	int64_t negative;

	if (!may_be_number(f, n))
		return bind_expected(b, n, wanted[f->unit], e);

	int r = readers[f->unit](n->text, &v);

	if (r == 0 && v >= (uint64_t)f->min && v <= max) {
		*out = v;
		return 0;
	}
	if (f->unit == UNIT_ONE && (r != -EINVAL || num_i64(n->text, &negative) != -EINVAL))
		return out_of_range(b, n, f->min, max, e);
	if (r == -EINVAL)
		return bind_expected(b, n, wanted[f->unit], e);
	return doc_fail(b->doc, n, e, "%s is too %s", text_shown(b->doc->arena, n->text),
			r == 0 && v <= max ? "small" : "large");
}

int bind_number(const struct bind *b, const struct node *n, uint64_t min, uint64_t max,
		uint64_t *out, struct err *e)
{
	const struct field f = { .min = (int64_t)min };

	return bind_u64(b, &f, n, max, out, e);
}

static int bind_i64(const struct bind *b, const struct field *f, const struct node *n, int64_t *out,
		    struct err *e)
{
	int64_t min = f->min == 0 && f->max == 0 ? INT64_MIN : f->min, v;
	uint64_t max = f->max != 0 ? f->max : INT64_MAX;

	if (!may_be_number(f, n))
		return bind_expected(b, n, "a whole number", e);

	int r = num_i64(n->text, &v);

	if (r == -EINVAL)
		return bind_expected(b, n, "a whole number", e);
	if (r < 0 || v < min || (v > 0 && (uint64_t)v > max))
		return out_of_range(b, n, min, max, e);
	*out = v;
	return 0;
}

static bool says(const struct node *n, const char *word)
{
	return n->text != NULL && strcmp(n->text, word) == 0;
}

static int bind_bool(const struct bind *b, const struct node *n, bool *out, struct err *e)
{
	bool yes = says(n, "true");

	if ((n->kind != NODE_BOOL && n->kind != NODE_PLAIN) || (!yes && !says(n, "false")))
		return bind_expected(b, n, "true or false", e);
	*out = yes;
	return 0;
}

static int bind_string(const struct bind *b, const struct node *n, const char **out, struct err *e)
{
	if (!bind_is_text(n))
		return bind_expected(b, n, "a string", e);
	if (*n->text == '\0')
		return doc_fail(b->doc, n, e, "must not be empty");
	*out = n->text;
	return 0;
}

int bind_check_path(const struct bind *b, const struct node *n, struct err *e)
{
	const char *path = n->text;

	if (path[0] != '/')
		return doc_fail(b->doc, n, e, "'%s' must be an absolute path",
				text_shown(b->doc->arena, path));
	if (strlen(path) >= PATH_MAX)
		return doc_fail(b->doc, n, e, "a path is shorter than %d bytes", PATH_MAX);
	for (const char *s = path; (s = strstr(s, "/..")) != NULL; s += 3)
		if (s[3] == '/' || s[3] == '\0')
			return doc_fail(b->doc, n, e, "'%s' must not contain '..'",
					text_shown(b->doc->arena, path));
	return 0;
}

static int bind_amount(const struct bind *b, const struct field *f, const struct node *n,
		       struct amount *out, struct err *e)
{
	TRY(bind_u64(b, f, n, UINT64_MAX, &out->value, e));
	out->set = true;
	out->from = doc_place(b->doc, n);
	return 0;
}

static int bind_signed_amount(const struct bind *b, const struct field *f, const struct node *n,
			      struct signed_amount *out, struct err *e)
{
	TRY(bind_i64(b, f, n, &out->value, e));
	out->set = true;
	out->from = doc_place(b->doc, n);
	return 0;
}

static int bind_word(const struct bind *b, const struct field *f, const struct node *n, int *out,
		     struct err *e)
{
	int64_t value;

	TRY(bind_name(b, n, "word", f->names, &value, e));
	*out = (int)value;
	return 0;
}

int bind_scalar(const struct bind *b, const struct field *f, const struct node *n, void *at,
		struct err *e)
{
	uint64_t v = 0;

	switch (f->as) {
	case AS_STRING:
		return bind_string(b, n, at, e);
	case AS_PATH:
		TRY(bind_string(b, n, at, e));
		return bind_check_path(b, n, e);
	case AS_BOOL:
		return bind_bool(b, n, at, e);
	case AS_U16:
		TRY(bind_u64(b, f, n, UINT16_MAX, &v, e));
		*(uint16_t *)at = (uint16_t)v;
		return 0;
	case AS_U32:
		TRY(bind_u64(b, f, n, UINT32_MAX, &v, e));
		*(uint32_t *)at = (uint32_t)v;
		return 0;
	case AS_U64:
		return bind_u64(b, f, n, UINT64_MAX, at, e);
	case AS_I64:
		return bind_i64(b, f, n, at, e);
	case AS_ENUM:
		return bind_word(b, f, n, at, e);
	case AS_AMOUNT:
		return bind_amount(b, f, n, at, e);
	case AS_SIGNED_AMOUNT:
		return bind_signed_amount(b, f, n, at, e);
	default:
		abort(); /* bind_value sends nothing else here */
	}
}
