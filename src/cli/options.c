#include "cli/options.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "policy/spec.h"

/* The word being read: "--memory=2G" has the name "memory" and the value "2G". */
struct option_word {
	const char *text;
	const char *name;
	size_t len;        /* of the name */
	const char *value; /* behind '=', or NULL */
};

struct reader {
	struct arena *a;
	const struct option_table *tables;
	size_t ntables;
	int argc, next;
	char **argv;
};

static struct option_word word_split(const char *text)
{
	const char *name = text + (text[0] == '-') + (text[0] == '-' && text[1] == '-');
	const char *equals = strchr(name, '=');

	return (struct option_word){
		.text = text,
		.name = name,
		.len = equals != NULL ? (size_t)(equals - name) : strlen(name),
		.value = equals != NULL ? equals + 1 : NULL,
	};
}

static bool row_fits(const struct option_row *row, const struct option_word *w)
{
	bool two_dashes = w->text[0] == '-' && w->text[1] == '-';

	if (strlen(row->name) == w->len && memcmp(row->name, w->name, w->len) == 0)
		return true;
	return !two_dashes && w->len == 1 && row->letter != 0 && row->letter == w->name[0];
}

const struct option_row *option_find(const struct option_row *rows, const char *word)
{
	struct option_word w = word_split(word);

	for (; rows->name != NULL; rows++)
		if (row_fits(rows, &w))
			return rows;
	return NULL;
}

static int unknown_option(const struct reader *r, const struct option_word *w, struct err *e)
{
	char name[64] = "";
	struct name_near near = { 0 };

	if (w->len < sizeof name)
		memcpy(name, w->name, w->len);
	fail(e, EINVAL, "unknown option %.*s", (int)(w->name - w->text + (ptrdiff_t)w->len),
	     w->text);
	if (w->len < 2)
		return -EINVAL;
	for (size_t t = 0; t < r->ntables; t++)
		for (const struct option_row *row = r->tables[t].rows; row->name != NULL; row++)
			if (r->tables[t].into != NULL)
				name_offer(&near, name, row->name);
	if (near.best != NULL)
		advise(e, "the nearest known option is --%s", near.best);
	return -EINVAL;
}

/* What a value of this type has to look like, for errors. */
static const char *expected(enum option_type type)
{
	switch (type) {
	case OPTION_U64:
		return "a whole number";
	case OPTION_BYTES:
		return "a size such as 512M or 2G";
	case OPTION_MILLI:
		return "a number with at most three decimals, such as 1.5";
	case OPTION_DURATION:
		return "a time such as 30s, 10m or 500ms";
	case OPTION_PAIRS:
		return "NAME=VALUE";
	default:
		return "a value that is not empty";
	}
}

static int bad_value(const struct option_row *row, const char *value, int r, struct err *e)
{
	if (r == -ERANGE)
		return fail(e, ERANGE, "--%s: '%.80s' is too large", row->name, value);
	return fail(e, EINVAL, "--%s: '%.80s' is not %s", row->name, value, expected(row->type));
}

static void amount_store(struct arena *a, const struct option_row *row, void *at, uint64_t value)
{
	*(struct amount *)at = (struct amount){
		.set = true,
		.value = value,
		.from = { .file = "command line", .path = arena_printf(a, "--%s", row->name) },
	};
}

static int store_number(struct arena *a, const struct option_row *row, const char *text, void *at,
			struct err *e)
{
	uint64_t v = 0;
	int r = row->type == OPTION_U64     ? num_u64(text, &v)
		: row->type == OPTION_BYTES ? num_bytes(text, &v)
		: row->type == OPTION_MILLI ? num_milli(text, &v)
					    : num_duration_ms(text, &v);

	if (r < 0)
		return bad_value(row, text, r, e);
	if (row->positive && v == 0) {
		fail(e, EINVAL, "--%s: nothing runs with '%.80s'", row->name, text);
		return advise(e, "leave it out: then the profile's limit holds");
	}
	amount_store(a, row, at, v);
	return 0;
}

static int store_choice(struct arena *a, const struct option_row *row, const char *text, void *at,
			struct err *e)
{
	const struct name *choice = name_find(row->choices, text);
	struct buf all = { .arena = a };

	if (choice != NULL) {
		amount_store(a, row, at, (uint64_t)choice->value);
		return 0;
	}
	for (const struct name *n = row->choices; n->name[0] != '\0'; n++)
		buf_printf(&all, "%s%s",
			   n == row->choices      ? ""
			   : n[1].name[0] != '\0' ? ", "
						  : " or ",
			   n->name);
	return fail(e, EINVAL, "--%s: '%.80s' is not %s", row->name, text, buf_text(&all));
}

static int store_pair(struct arena *a, const struct option_row *row, const char *text,
		      struct pairs *list, struct err *e)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return bad_value(row, text, -EINVAL, e);

	struct pair *p = LIST_ADD(a, list);

	p->key = arena_strndup(a, text, (size_t)(equals - text));
	p->value = equals + 1;
	return 0;
}

static int store_value(struct arena *a, const struct option_row *row, const char *text, void *at,
		       struct err *e)
{
	if (*text == '\0')
		return bad_value(row, text, -EINVAL, e);
	switch (row->type) {
	case OPTION_STRING:
		*(const char **)at = text;
		return 0;
	case OPTION_STRINGS:
		*LIST_ADD(a, (struct strings *)at) = text;
		return 0;
	case OPTION_PAIRS:
		return store_pair(a, row, text, at, e);
	case OPTION_CHOICE:
		return store_choice(a, row, text, at, e);
	case OPTION_PARSED:
		if (row->parse(text, at, e) < 0)
			return within(e, "--%s", row->name);
		return 0;
	default:
		return store_number(a, row, text, at, e);
	}
}

/* A flag may say which way it is meant: --rm=false. */
static int store_flag(struct arena *a, const struct option_row *row, const char *text, void *at,
		      struct err *e)
{
	bool on = text == NULL || strcmp(text, "true") == 0;

	if (!on && strcmp(text, "false") != 0)
		return fail(e, EINVAL, "--%s takes no value but true or false, not '%.80s'",
			    row->name, text);
	if (row->type == OPTION_FLAG)
		*(bool *)at = on;
	else
		amount_store(a, row, at, on ? row->value : !row->value);
	return 0;
}

static int read_option(struct reader *r, const struct option_table *table,
		       const struct option_row *row, const struct option_word *w, struct err *e)
{
	void *at = (char *)table->into + row->offset;
	const char *value = w->value;

	if (row->argument == NULL)
		return store_flag(r->a, row, value, at, e);
	if (value == NULL) {
		if (r->next >= r->argc)
			return fail(e, EINVAL, "--%s needs a value: %s", row->name, row->argument);
		value = r->argv[r->next++];
	}
	return store_value(r->a, row, value, at, e);
}

static int read_word(struct reader *r, const char *text, struct err *e)
{
	struct option_word w = word_split(text);

	for (size_t t = 0; t < r->ntables; t++) {
		const struct option_row *row = option_find(r->tables[t].rows, text);

		if (row == NULL)
			continue;
		if (r->tables[t].into == NULL) {
			fail(e, EINVAL, "option --%s in the wrong place", row->name);
			return advise(e, "it goes before the command");
		}
		return read_option(r, &r->tables[t], row, &w, e);
	}
	return unknown_option(r, &w, e);
}

int options_parse(struct arena *a, const struct option_table *tables, size_t ntables,
		  enum option_order order, int argc, char **argv, struct option_words *words,
		  struct err *e)
{
	struct reader r = { a, tables, ntables, argc, 0, argv };

	words->n = 0;
	words->at = arena_array(a, (size_t)argc + 1, sizeof *words->at);
	while (r.next < argc) {
		char *word = argv[r.next++];
		bool option = word[0] == '-' && word[1] != '\0';

		if (option && strcmp(word, "--") != 0) {
			TRY(read_word(&r, word, e));
			continue;
		}
		if (!option)
			words->at[words->n++] = word;
		if (option || order == OPTIONS_FIRST)
			break;
	}
	while (r.next < argc)
		words->at[words->n++] = argv[r.next++];
	return 0;
}
