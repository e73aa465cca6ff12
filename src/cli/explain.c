/*
 * zviz explain: the plan of a run, in words, without running anything.
 */
#include "cli/command.h"
#include "cli/prepare.h"
#include "cli/print.h"

/* `explain` takes what `run` takes; a profile's name alone stands for a run of nothing in particular. */
static int explain_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	static char id[] = "explained", nothing[] = "true";
	char *words[] = { id, nothing, NULL };
	struct buf out = { .arena = c->arena };
	struct run_options *o = options;
	struct prepared p;

	if (argc <= 1 && o->bundle == NULL) {
		if (o->work == NULL)
			o->work = "."; /* nothing runs, so nothing is shown to anybody */
		if (argc == 1)
			c->globals.profile = argv[0];
		argv = words;
		argc = 2;
	}
	TRY(prepare(c, o, argc, argv, &p, e));
	plan_print(&p.plan, &out);
	return print_out(&out, e);
}

const struct command command_explain = {
	.name = "explain",
	.usage = "[PROFILE]\n[run options] ID [--] CMD [ARG...]\n[run options] ID BUNDLE",
	.summary = "Say what a run would do, layer by layer, and which rule says so",
	.options = run_option_rows,
	.options_size = sizeof(struct run_options),
	.order = OPTIONS_FIRST,
	.max_words = -1,
	.run = explain_run,
};
