/*
 * zviz explain: the plan of a run, in words, without running anything; or what would happen to one operation.
 */
#include <errno.h>
#include <string.h>

#include "box/box.h"
#include "cli/again.h"
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

static int answer(struct cli *c, const struct explain_options *o, const struct plan *plan,
		  const struct query *q, struct err *e)
{
	struct buf out = { .arena = c->arena };
	struct query_answer *said = arena_alloc(c->arena, sizeof *said);

	TRY(query_ask(c->arena, plan, q, said, e));
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

/* What the words are about, and where a question begins: 0 when there is none. */
enum subject {
	ABOUT_RUN,       /* of these words */
	ABOUT_PROFILE,   /* argv[0], or --profile, or the default */
	ABOUT_CONTAINER, /* argv[0] */
};
struct asked {
	enum subject about;
	bool question;
	int first; /* word of the question */
};

/* Something else than a word in front says which profile. */
static bool has_profile(const struct cli *c, const struct run_options *o)
{
	return c->globals.profile != NULL || o->compiled != NULL;
}

/* Words behind -- are always a run's. */
static int find_question(struct cli *c, const struct run_options *o, int argc, char **argv,
			 struct asked *out, struct err *e)
{
	const bool named = argc > 0 && names_profile(argv[0]);

	*out = (struct asked){ ABOUT_RUN, false, 0 };
	if (o->bundle != NULL || (argc > 1 && strcmp(argv[1], "--") == 0))
		return 0;
	if (argc == 0 || (has_profile(c, o) && query_begins(argv[0]))) {
		*out = (struct asked){ ABOUT_PROFILE, argc != 0, 0 };
		return 0;
	}
	if (has_profile(c, o))
		return 0;
	if (named && argc > 1 && !query_begins(argv[1]) && profile_builtin(argv[0]) != NULL)
		return check_slip(argv[0], argv[1], e);
	/* A file's name is no container's: whatever follows is a question. */
	if (named || argc == 1)
		*out = (struct asked){ ABOUT_PROFILE, argc > 1, 1 };
	if (!named && (argc == 1 || query_begins(argv[1])) && again_is_there(c, argv[0]))
		*out = (struct asked){ ABOUT_CONTAINER, argc > 1, 1 };
	return 0;
}

static int plan_of(struct cli *c, struct explain_options *o, const struct asked *asked, int argc,
		   char **argv, struct prepared *p, struct err *e)
{
	if (asked->about == ABOUT_CONTAINER)
		return again_prepare(c, argv[0], p, e);
	if (asked->about == ABOUT_RUN)
		return prepare(c, &o->run, argc, argv, p, e);
	if (asked->first == 1)
		c->globals.profile = argv[0];
	return plan_of_profile(c, &o->run, p, e);
}

/* Rules that the kernel has, and nobody has said yet that they count: a change is under way, or was cut short. */
static int changed_rules(struct cli *c, const char *id, const struct state_info *info,
			 struct net_counts *counts, struct plan *plan, struct err *e)
{
	struct state_info again;
	struct prepared start;

	TRY(again_start(c, id, &again, &start, e));
	if (info->next != NULL)
		TRY(again_net(c, info->next, &start, &plan->net, e));
	if (plan->net.numbers.change != counts->change) {
		fail(e, EAGAIN, "container %s: the rules of its network are being changed", id);
		return advise(e, "ask again");
	}
	return box_net_counts_of(c->arena, &plan->net, info->pid, info->table, counts, e);
}

/* What a container's own network has let through and refused, while it runs. */
static int count(struct cli *c, const char *id, struct plan *plan, struct err *e)
{
	struct net_counts *counts = arena_alloc(c->arena, sizeof *counts);
	struct state_info info;

	if (!plan->net.used)
		return 0;
	TRY(state_read(c->arena, cli_state_root(c), id, &info, e));
	if (info.pid == 0 || info.table == NULL)
		return 0;
	TRY(box_net_counts_of(c->arena, &plan->net, info.pid, info.table, counts, e));
	if (counts->change != plan->net.numbers.change)
		TRY(changed_rules(c, id, &info, counts, plan, e));
	plan->net.counts = counts;
	return 0;
}

/* What a plan can be made of is not yet what may be started. */
static void say_refusal(struct cli *c, const struct prepared *p, struct buf *out)
{
	struct err why;

	if (prepare_permitted(c, p, &why) >= 0)
		return;
	buf_puts(out, "it would not be started: ");
	print_safe(out, why.text);
	buf_puts(out, "\n");
}

static int explain_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct explain_options *o = options;
	struct buf out = { .arena = c->arena };
	struct option_words words;
	struct prepared p;
	struct asked asked;
	struct query q;

	TRY(find_question(c, &o->run, argc, argv, &asked, e));
	if (asked.question) {
		TRY(take_options(c, o, argc - asked.first, argv + asked.first, &words, e));
		TRY(query_parse(c->arena, words.n, (const char *const *)words.at, &q, e));
	} else if (o->json) {
		return fail(e, EINVAL, "explain --json answers a question about one operation");
	}
	TRY(plan_of(c, o, &asked, argc, argv, &p, e));
	if (asked.question)
		return answer(c, o, &p.plan, &q, e);
	if (asked.about == ABOUT_CONTAINER)
		TRY(count(c, argv[0], &p.plan, e));
	else
		say_refusal(c, &p, &out);
	plan_print(&p.plan, &out);
	return print_out(&out, e);
}

const struct command command_explain = {
	.name = "explain",
	.usage = "[PROFILE]\n[run options] ID [--] CMD [ARG...]\n[run options] ID BUNDLE\n"
		 "PROFILE CALL [ARGUMENT...]\nPROFILE [read|write|execute] PATH\n"
		 "PROFILE connect ADDRESS[:PORT]\nCONTAINER [CALL... | PATH... | connect...]",
	.summary =
		"Say what a run would do, or what happens to one operation, and which rule says so",
	.help = "Behind a profile or a container that is there, a system call, an absolute path or an address is a question: what "
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
