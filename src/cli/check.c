#include <string.h>

#include "cli/command.h"
#include "cli/config.h"
#include "cli/print.h"
#include "kern/probe.h"
#include "text/json_write.h"

struct check_options {
	bool json;
};

static const struct option_row rows[] = {
	{ "json", 0, OPTION_FLAG, NULL, "one JSON array instead of a table",
	  .offset = offsetof(struct check_options, json) },
	{ 0 },
};

static const struct {
	const char *word;
	enum ink ink;
} states[] = {
	[CHECK_OK] = { "ok", INK_GOOD },
	[CHECK_LIMITED] = { "limited", INK_WARN },
	[CHECK_MISSING] = { "missing", INK_BAD },
};

static void print_cell(struct buf *b, const char *text, size_t width)
{
	size_t before = b->len;

	print_safe(b, text);
	while (b->len - before < width)
		buf_puts(b, " ");
}

/* Columns as wide as their longest word, two spaces apart. */
static void table(struct buf *b, const struct check_rows *checks, bool colours)
{
	size_t layer = 5, feature = 7;

	for (size_t i = 0; i < checks->n; i++) {
		const struct check_row *c = &checks->at[i];

		layer = strlen(c->layer) > layer ? strlen(c->layer) : layer;
		feature = strlen(c->feature) > feature ? strlen(c->feature) : feature;
	}
	for (size_t i = 0; i < checks->n; i++) {
		const struct check_row *c = &checks->at[i];
		bool again = i > 0 && strcmp(c->layer, checks->at[i - 1].layer) == 0;
		const char *word = states[c->state].word;

		print_cell(b, again ? "" : c->layer, layer + 2);
		print_cell(b, c->feature, feature + 2);
		print_ink(b, colours, states[c->state].ink, word);
		print_cell(b, "", sizeof "missing" + 1 - strlen(word));
		print_safe(b, c->means);
		buf_puts(b, "\n");
	}
}

static void what_to_do(struct buf *b, const struct check_rows *checks)
{
	bool any = false;

	for (size_t i = 0; i < checks->n; i++) {
		const struct check_row *c = &checks->at[i];

		if (c->todo[0] == '\0')
			continue;
		buf_puts(b, any ? "" : "\nwhat to do:\n");
		any = true;
		buf_puts(b, "  ");
		print_safe(b, c->feature);
		buf_puts(b, ": ");
		print_safe(b, c->todo);
		buf_puts(b, "\n");
	}
}

static void json(struct buf *b, const struct check_rows *checks)
{
	struct json_writer j = { .out = b, .pretty = true };

	json_open_array(&j, NULL);
	for (size_t i = 0; i < checks->n; i++) {
		const struct check_row *c = &checks->at[i];

		json_open_object(&j, NULL);
		json_put_string(&j, "layer", c->layer);
		json_put_string(&j, "feature", c->feature);
		json_put_string(&j, "state", states[c->state].word);
		json_put_string(&j, "means", c->means);
		json_put_string(&j, "todo", c->todo);
		json_close(&j);
	}
	json_close(&j);
	buf_puts(b, "\n");
}

static int run_check(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct check_options *o = options;
	struct check_rows checks = { 0 };
	struct buf b = { .arena = c->arena };
	struct host host;

	(void)argc;
	(void)argv;
	TRY(probe_host(&host, e));
	TRY(probe_all(c->arena, &host, &checks, e));
	config_check(c, &host, &checks);
	if (o->json) {
		json(&b, &checks);
	} else {
		table(&b, &checks, print_colours(1));
		what_to_do(&b, &checks);
	}
	return print_out(&b, e);
}

const struct command command_check = {
	.name = "check",
	.usage = "[--json]",
	.summary = "Show what this host offers to confine with, layer by layer",
	.help = "Each line is one thing that zviz uses: ok, limited or missing, and what that "
		"means.\n"
		"Below stands what to do about those that can be helped. Nothing is changed.",
	.options = rows,
	.options_size = sizeof(struct check_options),
	.order = OPTIONS_ANYWHERE,
	.run = run_check,
};
