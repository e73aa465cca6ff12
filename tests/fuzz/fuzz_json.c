/*
 * JSON of any shape: text/json.c and jansson must agree on what it is, except for what text/node.h limits
 * and for numbers that jansson cannot hold.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct node *n, const json_t *j)
{
	if (n->kind == NODE_STRING)
		return json_is_string(j) && strcmp(n->text, json_string_value(j)) == 0;
	if (n->kind == NODE_NUMBER && json_is_integer(j))
		return strtoll(n->text, NULL, 10) == json_integer_value(j);
	if (n->kind == NODE_NUMBER)
		return json_is_real(j) && strtod(n->text, NULL) == json_real_value(j);
	if (n->kind == NODE_BOOL)
		return json_is_boolean(j) && json_is_true(j) == (strcmp(n->text, "true") == 0);
	if (n->kind == NODE_NULL)
		return json_is_null(j);
	if (n->n != (n->kind == NODE_MAP ? json_object_size(j) : json_array_size(j)))
		return false;
	for (const struct node *x = n->first; x != NULL; x = x->next)
		if (!same(x, n->kind == NODE_MAP ? json_object_get(j, x->key)
						 : json_array_get(j, x->index)))
			return false;
	return true;
}

static bool is_our_limit(const struct err *e)
{
	return strstr(e->text, "nested too deeply") != NULL ||
	       strstr(e->text, "too many values") != NULL || strstr(e->text, "larger than") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct doc d;
	struct err e = { 0 };
	json_error_t why;
	int r = doc_from_json(&a, "fuzz", (const char *)data, size, &d, &e);
	json_t *j = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
			       &why);

	/* jansson 2.14 loses a NUL byte that follows a number. */
	if (size != 0 && memchr(data, '\0', size) != NULL) {
		json_decref(j);
		j = NULL;
		if (r == 0)
			abort();
	}
	if (r < 0 && (e.no != -r || (j != NULL && !is_our_limit(&e))))
		abort();
	if (r == 0 && j == NULL && json_error_code(&why) != json_error_numeric_overflow)
		abort();
	if (r == 0 && j != NULL && !same(d.root, j))
		abort();
	json_decref(j);
	arena_free(&a);
	return 0;
}
