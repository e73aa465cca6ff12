/*
 * ask: what waits for somebody's word.
 */
#include <errno.h>
#include <string.h>

#include "policy/decide.h"

static const struct from nobody;

bool decide_is_always(const struct broker_plan *p, enum ask_kind kind, const char *path)
{
	for (size_t i = 0; i < p->ask[kind].nalways; i++)
		if (glob_match(p->ask[kind].always[i].pattern, path))
			return true;
	return false;
}

static const char *const no_fixes[] = {
	[REPLY_NONE] = "run it at a terminal or with --ask-socket, or list it in ask.always",
	[REPLY_NO] = "list it in ask.always (the answer was no)",
	[REPLY_LATE] = "list it in ask.always (nobody answered in time)",
};

/* Both are shorter than PATH_MAX: the kernel's name of an object, and what a profile may say. */
static void copy(char to[PATH_MAX], const char *from)
{
	size_t len = strnlen(from, PATH_MAX - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

static void put_question(struct asking_call *asking, const struct file_rule *rule,
			 enum ask_kind kind, const char *path)
{
	asking->question.kind = kind;
	asking->question.from = &rule->from;
	copy(asking->question.path, path);
	copy(asking->question.pattern, rule->pattern);
}

struct verdict decide_ask_rule(const struct file_rule *rule, enum ask_kind kind, const char *path,
			       struct asking_call *asking)
{
	enum reply reply = answers_say(asking, kind, path, rule->pattern);

	if (reply == REPLY_YES)
		return (struct verdict){ .what = PERFORM, .from = &rule->from };
	if (reply == REPLY_NONE && asking != NULL)
		put_question(asking, rule, kind, path);
	/* The rest of an ASK says what to answer if nobody can be asked. */
	return (struct verdict){ .what = reply == REPLY_NONE ? ASK : DENY,
				 .err = EACCES,
				 .from = &rule->from,
				 .fix = no_fixes[reply] };
}

struct verdict decide_ask(const struct broker_plan *p, enum ask_kind kind, const char *path,
			  struct asking_call *asking)
{
	for (size_t i = 0; i < p->ask[kind].n; i++)
		if (glob_match(p->ask[kind].rules[i].pattern, path))
			return decide_is_always(p, kind, path)
				       ? (struct verdict){ .what = PERFORM, .from = &nobody }
				       : decide_ask_rule(&p->ask[kind].rules[i], kind, path,
							 asking);
	return (struct verdict){ .what = PERFORM, .from = &nobody };
}

struct verdict decide_execute(const struct broker_plan *p, const char *path,
			      struct asking_call *asking)
{
	struct verdict v = decide_ask(p, ASK_EXECUTE, path, asking);

	if (v.what == PERFORM)
		v.what = GO_ON;
	return v;
}
