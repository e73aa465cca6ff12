/*
 * syscalls.tripwire: calls that are allowed, and nevertheless asked of the broker. A filter that is loaded stays as it is
 * for as long as the container lives: only about what it asks can another answer be given later. The broker lets them
 * go on by their number, or by the lists of ioctl, prctl and sockets: it reads nothing of the caller.
 */
#include <errno.h>
#include <string.h>

#include "policy/plan_calls.h"

/* Calls that a list decides about, and who reads it. */
static const struct listed {
	const char *name;
	enum mediator by;
} listed[] = {
	{ "ioctl", MEDIATE_IOCTL },   { "prctl", MEDIATE_PRCTL },
	{ "socket", MEDIATE_SOCKET }, { "socketpair", MEDIATE_SOCKET },
	{ "unshare", MEDIATE_CLONE },
};

static bool has_rows(const struct calls *c, const struct syscall *s)
{
	return c->d->p->syscalls.mentions.at[s - syscalls].where;
}

void plan_tripwire(struct calls *c, const struct syscall *s, struct plan_call *call)
{
	if (!c->d->p->syscalls.mentions.at[s - syscalls].tripwire || c->d->nobody_to_ask ||
	    has_rows(c, s) || plan_is_launch(s->name) || plan_is_path(c, s) ||
	    call->mediator == MEDIATE_ADDRESS)
		return;
	call->verdict = CALL_ASK;
	c->cases.n = 0;
	for (size_t i = 0; i < COUNT(listed); i++)
		if (strcmp(listed[i].name, s->name) == 0)
			call->mediator = listed[i].by;
	if (call->mediator == MEDIATE_NONE)
		call->mediator = MEDIATE_TRIPWIRE;
}

static bool is_refused(const struct plan_call *call)
{
	return call->verdict == CALL_DENY || call->verdict == CALL_NOSYS ||
	       (call->verdict == CALL_ASK && call->mediator == MEDIATE_DENY);
}

static int contradiction(const struct calls *c, const struct word *w, const char *why,
			 const char *fix, struct err *e)
{
	fail(e, EINVAL, "%s: syscalls.tripwire: %s: %s", from_text(c->d->a, &w->from), w->text,
	     why);
	return advise(e, "%s", fix);
}

static int check_word(const struct calls *c, const struct word *w, struct err *e)
{
	const struct syscall *s = syscall_find(w->text);
	const struct plan_call *call = s != NULL ? planned(c, w->text) : NULL;

	if (call == NULL)
		return 0; /* a group, or not a call of this machine */
	if (plan_is_launch(w->text))
		return contradiction(c, w, "the launch itself needs it after the filter is on",
				     "take it out: it has to stay allowed", e);
	if (plan_is_path(c, s))
		return contradiction(
			c, w, "what may become of a path, patterns say",
			"write a pattern under filesystem.deny: then more can be added later", e);
	if (has_rows(c, s))
		return contradiction(c, w, "it has rows of syscalls.where, which the filter keeps",
				     "keep one of the two", e);
	if (is_refused(call))
		return contradiction(c, w, "it is not allowed, so there is nothing to cut off",
				     "list it under syscalls.allow, or take it out", e);
	return 0;
}

/* What a profile extends may have been more generous: it is there to be differed from. */
int check_tripwires(const struct calls *c, struct err *e)
{
	const struct words *list = &c->d->p->syscalls.tripwire;

	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].from.file != NULL &&
		    strcmp(list->at[i].from.file, c->d->p->file) == 0)
			TRY(check_word(c, &list->at[i], e));
	return 0;
}
