#include "cli/help.h"

#include <errno.h>
#include <string.h>

#include "cli/print.h"

/* Made by the build; a plain compilation has neither. */
#if __has_include("commit.h")
#include "commit.h"
#endif
#ifndef ZVIZ_VERSION
#define ZVIZ_VERSION "unversioned"
#endif
#ifndef ZVIZ_COMMIT
#define ZVIZ_COMMIT "unknown"
#endif

enum { COLUMN = 26 }; /* where the explanations start */

static void option_line(struct buf *b, const struct option_row *row)
{
	size_t start = b->len;

	if (row->letter != 0)
		buf_printf(b, "  -%c, --%s", row->letter, row->name);
	else
		buf_printf(b, "      --%s", row->name);
	if (row->argument != NULL)
		buf_printf(b, " %s", row->argument);

	int used = (int)(b->len - start);

	if (used + 2 > COLUMN + 4)
		buf_printf(b, "\n%*s%s\n", COLUMN + 4, "", row->help);
	else
		buf_printf(b, "%*s%s\n", COLUMN + 4 - used, "", row->help);
}

static void option_lines(struct buf *b, const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		option_line(b, rows);
}

/* Usage may have several forms, a line each. */
static void usage_lines(struct buf *b, const struct command *c)
{
	const char *form = c->usage;
	const char *lead = "usage: ";

	do {
		size_t n = strcspn(form, "\n");

		buf_printf(b, "%szviz %s%s%.*s\n", lead, c->name, n != 0 ? " " : "", (int)n, form);
		form += n;
		lead = "       ";
	} while (*form++ == '\n');
}

void help_overview(struct buf *b)
{
	buf_puts(b, "zviz runs commands and containers that nobody has to trust.\n\n"
		    "usage: zviz [options] COMMAND ...\n\ncommands:\n");
	for (const struct command *const *c = commands; *c != NULL; c++)
		buf_printf(b, "  %-14s%s\n", (*c)->name, (*c)->summary);
	buf_puts(b, "\noptions in front of the command:\n");
	option_lines(b, global_options);
	buf_puts(b, "\noptions in front of the command or behind its name:\n");
	option_lines(b, common_options);
	buf_puts(b, "\nzviz help COMMAND explains one of them.\n");
}

void help_command(struct buf *b, const struct command *c)
{
	usage_lines(b, c);
	buf_printf(b, "\n%s.\n", c->summary);
	if (c->help != NULL)
		buf_printf(b, "\n%s\n", c->help);
	buf_puts(b, "\noptions:\n");
	option_lines(b, c->options);
	option_lines(b, c->more_options);
	option_lines(b, common_options);
}

void help_version(struct buf *b)
{
	buf_puts(b, "zviz version " ZVIZ_VERSION "\ncommit: " ZVIZ_COMMIT "\nspec: 1.2.0\n");
}

static int run_help(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct buf b = { .arena = c->arena };

	(void)options;
	if (argc == 0) {
		help_overview(&b);
	} else {
		const struct command *about = command_find(argv[0]);

		if (about == NULL)
			return command_unknown(argv[0], e);
		help_command(&b, about);
	}
	return print_out(&b, e);
}

const struct command command_help = {
	.name = "help",
	.usage = "[COMMAND]",
	.summary = "Explain zviz or one of its commands",
	.order = OPTIONS_ANYWHERE,
	.max_words = 1,
	.run = run_help,
};

static int run_version(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct buf b = { .arena = c->arena };

	(void)options;
	(void)argc;
	(void)argv;
	help_version(&b);
	return print_out(&b, e);
}

const struct command command_version = {
	.name = "version",
	.usage = "",
	.summary = "Print the version of zviz and of the runtime spec it follows",
	.order = OPTIONS_ANYWHERE,
	.run = run_version,
};
