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

static void put_question(struct asking_call *asking, const char *pattern, const struct from *from,
			 enum ask_kind kind, const char *path)
{
	asking->question.kind = kind;
	asking->question.from = from;
	copy(asking->question.path, path);
	copy(asking->question.pattern, pattern);
}

/* What was said, or the question. */
static struct verdict ask_about(const char *pattern, const struct from *from, enum ask_kind kind,
				const char *path, struct asking_call *asking)
{
	enum reply reply = answers_say(asking, kind, path, pattern);

	if (reply == REPLY_YES)
		return (struct verdict){ .what = PERFORM, .from = from };
	if (reply == REPLY_NONE && asking != NULL)
		put_question(asking, pattern, from, kind, path);
	/* The rest of an ASK says what to answer if nobody can be asked. */
	return (struct verdict){ .what = reply == REPLY_NONE ? ASK : DENY,
				 .err = EACCES,
				 .from = from,
				 .fix = no_fixes[reply] };
}

struct verdict decide_ask_rule(const struct file_rule *rule, enum ask_kind kind, const char *path,
			       struct asking_call *asking)
{
	return ask_about(rule->pattern, &rule->from, kind, path, asking);
}

/* An answer that holds already has to name the very address; a row that is asked about has to miss none. */
struct verdict decide_connect(const struct broker_plan *p, const struct address *to, int protocol,
			      struct asking_call *asking)
{
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < p->nconnect_always; i++)
		if (address_covered(&p->connect_always[i], to))
			return (struct verdict){ .what = PERFORM, .from = &nobody };
	for (size_t i = 0; i < p->nconnect; i++)
		if (address_may_meet(&p->connect[i], to)) {
			address_text(to, protocol, text);
			return ask_about(p->connect[i].text, &p->connect[i].from, ASK_CONNECT, text,
					 asking);
		}
	return (struct verdict){ .what = PERFORM, .from = &nobody };
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
