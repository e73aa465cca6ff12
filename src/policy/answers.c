#include "policy/answers.h"

#include <string.h>

const char *const ask_kind_names[ASK_KINDS] = {
	[ASK_READ] = "read",
	[ASK_WRITE] = "write",
	[ASK_EXECUTE] = "execute",
	[ASK_CONNECT] = "connect",
};

static enum reply as_reply(bool yes)
{
	return yes ? REPLY_YES : REPLY_NO;
}

static enum reply run_says(const struct answers *a, enum ask_kind kind, bool whole_rule,
			   const char *text)
{
	for (size_t i = atomic_load_explicit(&a->n, memory_order_acquire); i-- > 0;)
		if (a->at[i].kind == kind && a->at[i].whole_rule == whole_rule &&
		    strcmp(a->texts + a->at[i].text, text) == 0)
			return as_reply(a->at[i].yes);
	return REPLY_NONE;
}

enum reply answers_say(const struct asking_call *c, enum ask_kind kind, const char *path,
		       const char *pattern)
{
	enum reply said = REPLY_NONE;

	if (c == NULL)
		return said;
	for (size_t i = c->n; i-- > 0;)
		if (c->once[i].kind == kind && strcmp(c->once[i].path, path) == 0)
			return c->once[i].reply;
	if (c->run != NULL)
		said = run_says(c->run, kind, false, path);
	if (c->run != NULL && said == REPLY_NONE)
		said = run_says(c->run, kind, true, pattern);
	return said;
}

bool answers_keep(struct answers *a, const struct question *q, enum ask_scope scope, bool yes)
{
	const char *text = scope == ASK_RULE ? q->pattern : q->path;
	size_t size = strlen(text) + 1, n = atomic_load_explicit(&a->n, memory_order_relaxed);

	if (n == ANSWERS_MAX || size > ANSWERS_BYTES - a->used)
		return false;
	a->at[n] = (struct kept_answer){ q->kind, scope == ASK_RULE, yes, a->used };
	memcpy(a->texts + a->used, text, size);
	a->used += size;
	atomic_store_explicit(&a->n, n + 1, memory_order_release);
	return true;
}

bool answers_keep_once(struct asking_call *c, enum reply reply)
{
	if (c->n == ANSWERS_ONCE)
		return false;
	c->once[c->n].kind = c->question.kind;
	c->once[c->n].reply = reply;
	memcpy(c->once[c->n].path, c->question.path, sizeof c->question.path);
	c->n++;
	return true;
}
