#include "cli/warn.h"

#include <errno.h>
#include <stdio.h>

#include "cli/print.h"
#include "policy/describe.h"

enum { FROM_ROOM = 256 };

static const char *cut_text(const struct cli *c, const struct plan_cut *cut)
{
	return plan_cut_text(c->arena, cut);
}

static const char *shown_text(const struct cli *c, const char *text)
{
	struct buf b = { .arena = c->arena };

	print_safe(&b, text);
	return buf_text(&b);
}

void warn_plan(const struct cli *c, const struct plan *p)
{
	for (size_t i = 0; i < p->nwarnings; i++)
		fprintf(stderr, "zviz: warning: %s\n", p->warnings[i]);
	for (size_t i = 0; c->globals.verbose && i < p->nmissing; i++)
		fprintf(stderr, "zviz: missing: %s: %s; %s\n", p->missing[i].layer,
			p->missing[i].why, p->missing[i].fix);
	for (size_t i = 0; c->globals.verbose && i < p->ncuts; i++)
		if (!p->cuts[i].usual)
			fprintf(stderr, "zviz: cut: %s\n", cut_text(c, &p->cuts[i]));
}

void warn_log(const struct cli *c, const struct plan *p)
{
	/* A log that cannot be written is no reason to end what runs: state has the same. */
	for (size_t i = 0; c->globals.log != NULL && i < p->ncuts; i++)
		if (!p->cuts[i].usual)
			print_log(c, "warning",
				  arena_printf(c->arena, "container %s: cut: %s", p->id,
					       cut_text(c, &p->cuts[i])));
}

int warn_refuse(const struct cli *c, const struct config *config, const struct plan *p,
		const char *file, struct err *e)
{
	char who[FROM_ROOM];

	for (size_t i = 0; config->on_excess == EXCESS_REFUSE && i < p->ncuts; i++) {
		const struct plan_cut *cut = &p->cuts[i];

		if (cut->usual)
			continue;
		describe_rule(who, sizeof who, &config->on_excess_from);
		fail(e, EPERM, "%s: %s: %.200s: not by profile %.64s [%s: on_excess]", file,
		     cut->path, shown_text(c, cut->asked), p->profile, who);
		return advise(e, "leave it out of the bundle; held would be: %.120s", cut->held);
	}
	return 0;
}
