#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/print.h"

static void option_names(struct buf *b, const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		buf_printf(b, " --%s", rows->name);
}

/* Options of these tables that take a value: the word behind them is not the command. */
static void valued_names(struct buf *b, const struct option_row *rows)
{
	for (; rows->name != NULL; rows++)
		if (rows->argument != NULL)
			buf_printf(b, "|--%s", rows->name);
}

static void bash_script(struct buf *b)
{
	buf_puts(b, "# zviz completion bash: source it, or put it into bash_completion.d\n"
		    "_zviz()\n{\n"
		    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} cmd= words i\n"
		    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		    "\t\tcase ${COMP_WORDS[i]} in\n"
		    "\t\t=");
	valued_names(b, global_options);
	valued_names(b, common_options);
	buf_puts(b, ") [[ ${COMP_WORDS[i + 1]} == = ]] || ((i++)) ;;\n"
		    "\t\t-*) ;;\n"
		    "\t\t*) cmd=${COMP_WORDS[i]}; break ;;\n"
		    "\t\tesac\n\tdone\n"
		    "\tcase $cmd in\n");
	for (const struct command *const *c = commands; *c != NULL; c++) {
		buf_printf(b, "\t%s) words=\"", (*c)->name);
		option_names(b, common_options);
		option_names(b, (*c)->options);
		option_names(b, (*c)->more_options);
		buf_puts(b, "\" ;;\n");
	}
	buf_puts(b, "\t'') words=\"");
	for (const struct command *const *c = commands; *c != NULL; c++)
		buf_printf(b, "%s ", (*c)->name);
	option_names(b, common_options);
	option_names(b, global_options);
	buf_puts(b, "\" ;;\n\tesac\n"
		    "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		    "}\n"
		    "complete -o default -F _zviz zviz\n");
}

static int run_completion(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct buf b = { .arena = c->arena };

	(void)options;
	(void)argc;
	if (strcmp(argv[0], "bash") != 0)
		return fail(e, EINVAL, "completion: there is one for bash only, not for '%.80s'",
			    argv[0]);
	bash_script(&b);
	return print_out(&b, e);
}

const struct command command_completion = {
	.name = "completion",
	.usage = "bash",
	.summary = "Print a script that completes zviz's commands and options",
	.help = "For example in ~/.bashrc: source <(zviz completion bash)",
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = run_completion,
};
