#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "box/state.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/print.h"
#include "policy/choice.h"

static const struct option_row no_options[] = { { 0 } };

const char *cli_state_root(const struct cli *c)
{
	return c->globals.root != NULL ? c->globals.root : state_default_root(c->arena);
}

static int print_help(struct cli *c, const struct command *about, struct err *e)
{
	struct buf b = { .arena = c->arena };

	if (about == NULL)
		help_overview(&b);
	else
		help_command(&b, about);
	return print_out(&b, e);
}

static int check_words(const struct command *cmd, int n, const char *const *words, struct err *e)
{
	if (n >= cmd->min_words && (cmd->max_words < 0 || n <= cmd->max_words))
		return 0;
	if (n < cmd->min_words)
		fail(e, EINVAL, "%s: too few words", cmd->name);
	else
		fail(e, EINVAL, "%s: '%.80s' is one word too many", cmd->name,
		     words[cmd->max_words]);
	return advise(e, "usage: zviz %s %.*s", cmd->name, (int)strcspn(cmd->usage, "\n"),
		      cmd->usage);
}

static int parse_command(struct cli *c, const struct command *cmd, int argc, char **argv,
			 void **out, struct option_words *words, struct err *e)
{
	void *options = arena_alloc(c->arena, cmd->options_size != 0 ? cmd->options_size : 1);
	const struct option_table tables[] = {
		{ cmd->options != NULL ? cmd->options : no_options, options },
		{ cmd->more_options != NULL ? cmd->more_options : no_options, options },
		{ common_options, &c->globals },
		{ global_options, NULL },
	};

	*out = options;
	if (options_parse(c->arena, tables, COUNT(tables), cmd->order, argc, argv, words, e) < 0)
		return within(e, "%s", cmd->name);
	return 0;
}

static int run_command(struct cli *c, const struct command *cmd, int argc, char **argv,
		       struct err *e)
{
	struct option_words words;
	void *options;

	TRY(parse_command(c, cmd, argc, argv, &options, &words, e));
	if (c->globals.help)
		return print_help(c, cmd, e);
	TRY(check_words(cmd, words.n, (const char *const *)words.at, e));
	return cmd->run(c, options, words.n, words.at, e);
}

static int parse_globals(struct cli *c, int argc, char **argv, struct option_words *words,
			 struct err *e)
{
	const struct option_table tables[] = {
		{ global_options, &c->globals },
		{ common_options, &c->globals },
	};

	c->argc = argc;
	c->argv = argv;
	TRY(options_parse(c->arena, tables, COUNT(tables), OPTIONS_FIRST, argc, argv, words, e));
	c->before = c->globals;
	return 0;
}

const char *cli_own_profile(const struct cli *c)
{
	return c->globals.profile != c->before.profile ? c->globals.profile : NULL;
}

int cli_parse(struct cli *c, int argc, char **argv, const struct command **cmd, void **options,
	      struct option_words *words, struct err *e)
{
	struct option_words all;

	TRY(parse_globals(c, argc, argv, &all, e));
	*cmd = all.n > 0 ? command_find(all.at[0]) : NULL;
	if (*cmd == NULL)
		return fail(e, EINVAL, "no command");
	return parse_command(c, *cmd, all.n - 1, all.at + 1, options, words, e);
}

int cli_run(struct cli *c, int argc, char **argv, struct err *e)
{
	struct option_words words;

	TRY(parse_globals(c, argc, argv, &words, e));
	if (c->globals.root != NULL && strspn(c->globals.root, "/") == strlen(c->globals.root))
		return fail(e, EINVAL, "--root: '/' cannot hold the state of containers");
	if (c->globals.version)
		return run_command(c, command_find("version"), 0, NULL, e);
	if (words.n == 0)
		return print_help(c, NULL, e);

	const struct command *cmd = command_find(words.at[0]);

	if (cmd == NULL)
		return command_unknown(words.at[0], e);
	return run_command(c, cmd, words.n - 1, words.at + 1, e);
}

/* ---- profiles ---- */

int cli_unknown_profile(struct cli *c, const char *name, struct err *e)
{
	struct name_near near = { 0 };
	struct buf known = { .arena = c->arena };

	for (const struct builtin_profile *p = builtin_profiles; p->name != NULL; p++) {
		name_offer(&near, name, p->name);
		buf_printf(&known, "%s%s", known.len != 0 ? ", " : "", p->name);
	}
	fail(e, ENOENT, "no profile is called '%.80s'; there are: %s", name, buf_text(&known));
	if (near.best != NULL)
		return advise(e, "the nearest is '%s'", near.best);
	return advise(e, "a profile of your own is named by its file: ./%.80s.yaml", name);
}

/* What a file extends lies beside it; profile_load() says where that is. */
static int open_source(void *ctx, const char *name, struct arena *a, char **text, size_t *len,
		       struct err *e)
{
	TRY(file_read(AT_FDCWD, name, CLI_PROFILE_BYTES_MAX, a, text, len, e));
	*LIST_ADD(a, (struct sources *)ctx) = (struct source){ name, *text, *len, false };
	return 0;
}

static int profile_from_file(struct cli *c, const char *path, struct sources *s,
			     struct profile *out, struct err *e)
{
	char *text;
	size_t len;

	if (open_source(s, path, c->arena, &text, &len, e) < 0)
		return within(e, "profile");
	return profile_load(c->arena, path, text, len, open_source, s, out, e);
}

int cli_profile_sources(struct cli *c, const char *name, struct sources *s, struct profile *out,
			struct err *e)
{
	if (name == NULL)
		name = choice_default;

	const struct builtin_profile *p = profile_builtin(name);

	if (p != NULL)
		return profile_load_builtin(c->arena, p, out, e);
	if (choice_is_file(name))
		return profile_from_file(c, name, s, out, e);
	return cli_unknown_profile(c, name, e);
}

int cli_profile(struct cli *c, const char *name, struct profile *out, struct err *e)
{
	struct sources read = { 0 };

	return cli_profile_sources(c, name, &read, out, e);
}
