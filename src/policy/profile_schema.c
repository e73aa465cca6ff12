#include "policy/profile_schema.h"

#include <stdlib.h>

#include "policy/profile_fields.h"
#include "text/json_write.h"

enum { DEFINITIONS_MAX = 16 };

static const struct field_about *about(const struct field *f)
{
	static const struct field_about nothing = { 0 };

	return f->about != NULL ? f->about : &nothing;
}

static void write_map(struct json_writer *j, const struct field *fields);

static void write_type(struct json_writer *j, const char *type)
{
	json_put_string(j, "type", type);
}

/* ---- numbers ---- */

static uint64_t most(const struct field *f)
{
	uint64_t type = f->as == AS_U16                                      ? UINT16_MAX
			: f->as == AS_U32                                    ? UINT32_MAX
			: f->as == AS_NUMBERS && f->size == sizeof(uint32_t) ? UINT32_MAX
									     : UINT64_MAX;

	return f->max != 0 && f->max < type ? f->max : type;
}

static void write_whole(struct json_writer *j, const struct field *f)
{
	write_type(j, "integer");
	json_put_i64(j, "minimum", f->min);
	if (most(f) != UINT64_MAX)
		json_put_u64(j, "maximum", most(f));
}

/* A number, or text with a unit: num_bytes() and num_milli() of base/num.h. The table has thousandths of the latter,
 * and its least ones are no whole number. */
static void write_either(struct json_writer *j, const struct field *f, const char *number,
			 const char *pattern)
{
	bool milli = f->unit == UNIT_MILLI;

	json_open_array(j, "anyOf");
	json_open_object(j, NULL);
	write_type(j, number);
	json_put_i64(j, milli ? "exclusiveMinimum" : "minimum", milli ? 0 : f->min);
	if (f->max != 0)
		json_put_u64(j, "maximum", milli ? f->max / 1000 : f->max);
	json_close(j);
	json_open_object(j, NULL);
	write_type(j, "string");
	json_put_string(j, "pattern", pattern);
	json_close(j);
	json_close(j);
}

static void write_number(struct json_writer *j, const struct field *f)
{
	switch (f->unit) {
	case UNIT_BYTES:
		write_either(j, f, "integer", "^([0-9]+B?|[0-9]+(\\.[0-9]{1,3})?[kKMGT]i?B?)$");
		return;
	case UNIT_MILLI:
		write_either(j, f, "number", "^[0-9]+(\\.[0-9]{1,3})?$");
		return;
	case UNIT_ONE:
		break;
	}
	write_whole(j, f);
}

/* ---- words ---- */

static void write_names(struct json_writer *j, const struct name *names)
{
	json_open_array(j, "enum");
	for (const struct name *n = names; n->name[0] != '\0'; n++)
		json_put_string(j, NULL, n->name);
	json_close(j);
}

static void write_word(struct json_writer *j, const struct field *f)
{
	if (about(f)->words != NULL) {
		json_put_string(j, "$ref",
				arena_printf(j->out->arena, "#/$defs/%s", about(f)->words->name));
		return;
	}
	write_type(j, "string");
	json_put_u64(j, "minLength", 1);
	if (about(f)->pattern != NULL)
		json_put_string(j, "pattern", about(f)->pattern);
}

static void write_word_or_number(struct json_writer *j, const struct field *f)
{
	json_open_array(j, "anyOf");
	json_open_object(j, NULL);
	write_word(j, f);
	json_close(j);
	json_open_object(j, NULL);
	write_type(j, "integer");
	json_put_u64(j, "minimum", 0);
	json_put_u64(j, "maximum", UINT32_MAX);
	json_close(j);
	json_open_object(j, NULL); /* JSON has no other way to write it in hexadecimal */
	write_type(j, "string");
	json_put_string(j, "pattern", "^(0x[0-9A-Fa-f]{1,8}|0o[0-7]{1,11}|[0-9]{1,10})$");
	json_close(j);
	json_close(j);
}

/* ---- lists ---- */

static void write_items(struct json_writer *j, const struct field *f)
{
	json_open_object(j, "items");
	if (f->as == AS_LIST)
		write_map(j, f->fields);
	else if (f->as == AS_NUMBERS)
		write_whole(j, f);
	else if (f->as == AS_BITS)
		write_names(j, f->names);
	else if (about(f)->numbers_too)
		write_word_or_number(j, f);
	else
		write_word(j, f);
	json_close(j);
}

static void write_list(struct json_writer *j, const struct field *f)
{
	write_type(j, "array");
	if (f->not_empty || f->as == AS_BITS)
		json_put_u64(j, "minItems", 1);
	if (f->as != AS_LIST)
		json_put_bool(j, "uniqueItems", true);
	write_items(j, f);
}

/* ---- one key ---- */

static void write_value(struct json_writer *j, const struct field *f);

static void write_forms(struct json_writer *j, const struct field *forms)
{
	if (forms == NULL)
		return; /* any value: no row is so */
	if (forms[1].name == NULL) {
		write_value(j, &forms[0]);
		return;
	}
	json_open_array(j, "anyOf");
	for (const struct field *f = forms; f->name != NULL; f++) {
		json_open_object(j, NULL);
		write_value(j, f);
		json_close(j);
	}
	json_close(j);
}

static void write_value(struct json_writer *j, const struct field *f)
{
	switch (f->as) {
	case AS_SKIP:
	case AS_CALL:
		write_forms(j, about(f)->forms);
		return;
	case AS_STRING:
	case AS_PATH:
		write_word(j, f);
		return;
	case AS_ENUM:
		write_names(j, f->names);
		return;
	case AS_BOOL:
		write_type(j, "boolean");
		return;
	case AS_STRUCT:
		write_map(j, f->fields);
		return;
	case AS_BITS:
	case AS_NUMBERS:
	case AS_WORDS:
	case AS_LIST:
		write_list(j, f);
		return;
	case AS_U16:
	case AS_U32:
	case AS_U64:
	case AS_AMOUNT:
		write_number(j, f);
		return;
	default:
		return; /* not in profiles */
	}
}

/* Rows without a value of their own: places, and checks of the whole map. */
static bool is_key(const struct field *f)
{
	return f->as != AS_FROM && f->name[0] != '\0';
}

/* What a map has to have beside the keys that are always needed. */
static void write_whole_map(struct json_writer *j, const struct field *f)
{
	const struct field_about *a = about(f);

	if (a->keys != 0)
		json_put_u64(j, "minProperties", a->keys);
	if (a->one_of == NULL)
		return;
	json_open_array(j, "oneOf");
	for (const char *const *key = a->one_of; *key != NULL; key++) {
		json_open_object(j, NULL);
		json_open_array(j, "required");
		json_put_string(j, NULL, *key);
		json_close(j);
		json_close(j);
	}
	json_close(j);
}

static void write_needs(struct json_writer *j, const struct field *f)
{
	json_open_object(j, "dependentRequired");
	json_open_array(j, f->name);
	json_put_string(j, NULL, about(f)->needs);
	json_close(j);
	json_close(j);
}

static void write_map(struct json_writer *j, const struct field *fields)
{
	bool required = false;

	write_type(j, "object");
	json_put_bool(j, "additionalProperties", false);
	json_open_object(j, "properties");
	for (const struct field *f = fields; f->name != NULL; f++) {
		if (!is_key(f))
			continue;
		json_open_object(j, f->name);
		if (about(f)->told != NULL)
			json_put_string(j, "description", about(f)->told);
		write_value(j, f);
		json_close(j);
		required |= f->required;
	}
	json_close(j);
	for (const struct field *f = fields; f->name != NULL; f++) {
		if (about(f)->needs != NULL) /* one row of a map at most */
			write_needs(j, f);
		if (f->name[0] == '\0')
			write_whole_map(j, f);
	}
	if (!required)
		return;
	json_open_array(j, "required");
	for (const struct field *f = fields; f->name != NULL; f++)
		if (is_key(f) && f->required)
			json_put_string(j, NULL, f->name);
	json_close(j);
}

/* ---- the words of tables, each written once ---- */

struct defined {
	struct json_writer *j;
	size_t n;
	const struct field_words *at[DEFINITIONS_MAX];
};

static void define(struct defined *d, const struct field_words *words)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->at[i] == words)
			return;
	if (d->n == DEFINITIONS_MAX)
		abort(); /* a row of the table names one more: make room */
	d->at[d->n++] = words;
	json_open_object(d->j, words->name);
	json_open_array(d->j, "enum");
	for (size_t i = 0; words->nth(i) != NULL; i++)
		json_put_string(d->j, NULL, words->nth(i));
	json_close(d->j);
	json_close(d->j);
}

static void define_all(struct defined *d, const struct field *fields)
{
	for (const struct field *f = fields; f->name != NULL; f++) {
		if (about(f)->words != NULL)
			define(d, about(f)->words);
		if (f->fields != NULL)
			define_all(d, f->fields);
		if (about(f)->forms != NULL)
			define_all(d, about(f)->forms);
	}
}

void profile_schema(struct buf *out)
{
	struct json_writer j = { .out = out, .pretty = true };
	struct defined d = { .j = &j };

	json_open_object(&j, NULL);
	json_put_string(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_put_string(&j, "title", "zviz profile");
	write_map(&j, profile_fields);
	json_open_object(&j, "$defs");
	define_all(&d, profile_fields);
	json_close(&j);
	json_close(&j);
	buf_puts(out, "\n");
}
