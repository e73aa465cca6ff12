/*
 * zviz explain: the plan of a run, in words, without running anything; or what would happen to one operation.
 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/prepare.h"
#include "cli/print.h"
#include "policy/query.h"

enum { SLIP_MIN = 5 }; /* letters: `find` and `head` are commands, and near a call all the same */

struct explain_options {
	struct run_options run; /* first: run's own rows fill it */
	bool json;
};

static const struct option_row rows[] = {
	{ "json", 0, OPTION_FLAG, NULL, "answer a question as one JSON object",
	  .offset = offsetof(struct explain_options, json) },
	{ 0 },
};

/* The plan of a run of nothing in particular. */
static int plan_of_profile(struct cli *c, struct run_options *o, struct prepared *p, struct err *e)
{
	static char id[] = "explained", nothing[] = "true";
	char *words[] = { id, nothing, NULL };

	if (o->work == NULL)
		o->work = "."; /* nothing runs, so nothing is shown to anybody */
	return prepare(c, o, 2, words, p, e);
}

/* The words before the question ended run's options, so --json may also stand behind it. A number with a minus is an
 * argument. */
static int take_options(struct cli *c, struct explain_options *o, int argc, char **argv,
			struct option_words *words, struct err *e)
{
	const struct option_table table = { rows, o };
	struct option_words none;

	*words = (struct option_words){ .at = arena_array(c->arena, (size_t)argc, sizeof(char *)) };
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "--", 2) == 0)
			TRY(options_parse(c->arena, &table, 1, OPTIONS_FIRST, 1, &argv[i], &none,
					  e));
		else
			words->at[words->n++] = argv[i];
	return 0;
}

static int answer(struct cli *c, struct explain_options *o, int argc, char **argv, struct err *e)
{
	struct buf out = { .arena = c->arena };
	struct query_answer *said = arena_alloc(c->arena, sizeof *said);
	struct query q;
	struct prepared p;

	TRY(query_parse(c->arena, argc, (const char *const *)argv, &q, e));
	TRY(plan_of_profile(c, &o->run, &p, e));
	TRY(query_ask(c->arena, &p.plan, &q, said, e));
	if (o->json)
		query_json(said, &out);
	else
		query_print(said, &out);
	return print_out(&out, e);
}

static bool names_profile(const char *word)
{
	const char *ending = strrchr(word, '.');

	return profile_builtin(word) != NULL || strchr(word, '/') != NULL ||
	       (ending != NULL && (strcmp(ending, ".yaml") == 0 || strcmp(ending, ".yml") == 0));
}

/* A container may be called as a profile is; a word that is nearly a question's is more likely a slip. */
static int check_slip(const char *profile, const char *word, struct err *e)
{
	const char *near = query_nearest(word);

	if (near == NULL || strlen(word) < SLIP_MIN)
		return 0;
	fail(e, EINVAL, "explain %.80s: '%.80s' is no system call; the nearest is '%s'", profile,
	     word, near);
	return advise(e, "a command of that name goes behind --: zviz explain %.80s -- %.80s",
		      profile, word);
}

/* 1: `argv` from *first on is a question, 0: it is a run. Words behind -- are always a run's. */
static int find_question(struct cli *c, const struct run_options *o, int argc, char **argv,
			 int *first, struct err *e)
{
	bool named = argc > 0 && names_profile(argv[0]);

	*first = 0;
	if (argc == 0 || o->bundle != NULL || (argc > 1 && strcmp(argv[1], "--") == 0))
		return 0;
	if (c->globals.profile != NULL && query_begins(argv[0]))
		return 1;
	if (argc == 1 || !named || c->globals.profile != NULL)
		return 0;
	/* A file's name is no container's: whatever follows is a question. */
	if (!query_begins(argv[1]) && profile_builtin(argv[0]) != NULL)
		return check_slip(argv[0], argv[1], e);
	*first = 1;
	return 1;
}

static int explain_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct explain_options *o = options;
	struct buf out = { .arena = c->arena };
	struct option_words words;
	struct prepared p;
	int first, question = find_question(c, &o->run, argc, argv, &first, e);

	if (question < 0)
		return question;
	if (question) {
		if (first == 1)
			c->globals.profile = argv[0];
		TRY(take_options(c, o, argc - first, argv + first, &words, e));
		return answer(c, o, words.n, words.at, e);
	}
	if (o->json)
		return fail(e, EINVAL, "explain --json answers a question about one operation");
	if (argc <= 1 && o->run.bundle == NULL) {
		if (argc == 1)
			c->globals.profile = argv[0];
		TRY(plan_of_profile(c, &o->run, &p, e));
	} else {
		TRY(prepare(c, &o->run, argc, argv, &p, e));
	}
	plan_print(&p.plan, &out);
	return print_out(&out, e);
}

const struct command command_explain = {
	.name = "explain",
	.usage = "[PROFILE]\n[run options] ID [--] CMD [ARG...]\n[run options] ID BUNDLE\n"
		 "PROFILE CALL [ARGUMENT...]\nPROFILE [read|write|execute] PATH\n"
		 "PROFILE connect ADDRESS[:PORT]",
	.summary =
		"Say what a run would do, or what happens to one operation, and which rule says so",
	.help = "Behind a profile, a system call, an absolute path or an address is a question: what "
		"would\n"
		"happen to it, which layer decides that by which line, what it costs, and what would "
		"permit it.\n"
		"Arguments are numbers or names joined by '|'; `_` leaves one out, and so does the "
		"end.\n"
		"The file's own permissions are not looked at.\n\n"
		"  zviz explain ci-runner openat /work/a O_WRONLY\n"
		"  zviz explain ci-runner clone CLONE_NEWUSER\n"
		"  zviz explain ci-runner connect 10.1.2.3:443\n"
		"  zviz explain ci-runner read /etc/shadow",
	.options = run_option_rows,
	.more_options = rows,
	.options_size = sizeof(struct explain_options),
	.order = OPTIONS_FIRST,
	.max_words = -1,
	.run = explain_run,
};
