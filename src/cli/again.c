#include "cli/again.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/state.h"
#include "policy/digest.h"

bool again_is_there(struct cli *c, const char *word)
{
	struct state_info info;
	struct err ignored;

	return state_read(c->arena, cli_state_root(c), word, &info, &ignored) == 0;
}

static int not_known(const char *id, const char *why, struct err *e)
{
	fail(e, ESTALE, "container %s: %s", id, why);
	return advise(e, "ask about a profile instead: zviz explain PROFILE CALL");
}

int again_profile(struct cli *c, const struct live_tables *t, struct profile *out, struct err *e)
{
	struct sources copy = t->sources;

	return sources_profile(c->arena, &copy, out, e);
}

int again_net(struct cli *c, const struct live_tables *t, const struct prepared *start,
	      struct plan_net *out, struct err *e)
{
	struct profile *p = arena_alloc(c->arena, sizeof *p);
	struct plan plan;

	*out = start->plan.net;
	if (t == NULL || t->net_change == 0)
		return 0;
	TRY(again_profile(c, t, p, e));
	TRY(plan_make(c->arena, &start->request, &start->spec, p, &start->host, &plan, e));
	*out = plan.net;
	return live_give_numbers(t, out) ? 0 : fail(e, EBADMSG, "policy file: damaged");
}

/* What was changed since. The filter's part of each call stays. */
static int apply(struct cli *c, const struct live_tables *now, struct prepared *p, struct err *e)
{
	struct plan_call *calls = arena_array(c->arena, p->plan.ncalls, sizeof *calls);
	struct broker_plan broker;

	if (now->calls.n != p->plan.ncalls || !live_fits(&p->plan.broker, now))
		return fail(e, EBADMSG, "policy file: damaged");
	TRY(again_net(c, now, p, &p->plan.net, e));
	TRY(again_profile(c, now, &p->profile, e));
	live_apply(&p->plan.broker, now, &broker);
	for (size_t i = 0; i < p->plan.ncalls; i++) {
		calls[i] = now->calls.at[i];
		calls[i].cases = p->plan.calls[i].cases;
		calls[i].ncases = p->plan.calls[i].ncases;
	}
	p->plan.broker = broker;
	p->plan.broker.calls = p->plan.calls = calls;
	p->plan.profile = p->profile.name;
	return 0;
}

int again_prepare(struct cli *c, const char *id, struct prepared *p, struct err *e)
{
	struct state_info info;

	TRY(again_start(c, id, &info, p, e));
	return info.now != NULL ? apply(c, info.now, p, e) : 0;
}

/* What was chosen stays so, whatever the host's configuration says by now. */
static bool as_chosen(const struct state_info *info, struct choice *out)
{
	const struct box_start_words *s = &info->started;

	*out = (struct choice){ .name = s->name,
				.file = s->file,
				.by_host = s->file != NULL,
				.from = { .file = s->by } };
	return s->name != NULL;
}

/* The place is about to be another one. */
static int absolute(struct arena *a, const char *path, const char **out, struct err *e)
{
	char here[PATH_MAX];

	*out = path;
	if (path == NULL || path[0] == '/')
		return 0;
	if (getcwd(here, sizeof here) == NULL)
		return fail(e, errno, "current folder: %m");
	*out = arena_printf(a, "%s/%s", here, path);
	return 0;
}

static int start_again(struct cli *c, const char *id, struct state_info *out, struct prepared *p,
		       struct err *e)
{
	struct sources sources = { 0 };
	struct cli again = { .arena = c->arena, .again = true };
	const struct command *cmd;
	struct choice chosen;
	struct option_words words;
	const char *config;
	char digest[17], **argv;
	void *options;

	TRY(state_read(c->arena, cli_state_root(c), id, out, e));

	const struct state_info info = *out;

	again.living = info.pid;
	const struct strings *started = &info.started.words;

	if (info.damaged)
		return not_known(id, "its policy file is damaged", e);
	if (info.start != NULL) {
		sources = info.start->sources;
		again.profile = &sources;
	}

	if (info.started.cwd == NULL || info.digest == NULL || started->n == 0)
		return not_known(id, "nothing is written down about how it was started", e);
	TRY(absolute(c->arena, c->globals.config, &config, e));
	if (chdir(info.started.cwd) < 0)
		return not_known(id, "the folder that it was started in is gone", e);
	argv = arena_array(c->arena, started->n + 1, sizeof *argv);
	for (size_t i = 0; i < started->n; i++)
		argv[i] = arena_strdup(c->arena, started->at[i]);
	if (cli_parse(&again, (int)started->n, argv, &cmd, &options, &words, e) < 0 ||
	    (cmd != &command_run && (cmd != &command_create || words.n != 1)))
		return not_known(id, "another version of zviz started it", e);
	if (as_chosen(&info, &chosen))
		again.chosen = &chosen;
	/* What holds for what is done now is what is said now. */
	if (config == NULL)
		TRY(absolute(c->arena, again.globals.config, &config, e));
	again.globals.config = config;

	int r = cmd == &command_run ? prepare(&again, options, words.n, words.at, p, e)
				    : prepare_create(&again, options, words.at[0], p, e);

	if (r < 0)
		return within(e, "container %s: its plan cannot be made again", id);
	snprintf(digest, sizeof digest, "%016llx", (unsigned long long)plan_digest(&p->plan));
	if (strcmp(digest, info.digest) != 0)
		return not_known(
			id, "its profile, its bundle or its folders changed since it started", e);
	return 0;
}

/* What a caller names by a relative path is where the caller is. */
int again_start(struct cli *c, const char *id, struct state_info *info, struct prepared *out,
		struct err *e)
{
	OWN_FD here = path_open(".", O_PATH | O_DIRECTORY);
	int r = start_again(c, id, info, out, e);

	if (here >= 0 && fchdir(here) < 0)
		return fail(e, errno, "current folder: %m");
	return r;
}
