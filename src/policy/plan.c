#include "policy/plan.h"

#include <errno.h>
#include <string.h>

#include "policy/draft.h"
#include "policy/plan_bare.h"

/* In this order: later layers read what earlier ones decided. */
static const struct layer *const layers[] = {
	&layer_namespaces, &layer_ids,     &layer_process, &layer_mounts, &layer_capabilities,
	&layer_landlock,   &layer_seccomp, &layer_broker,  &layer_cgroup, &layer_excess,
};

const char *from_text(struct arena *a, const struct from *f)
{
	if (f->file == NULL)
		return "default";
	if (f->line != 0)
		return arena_printf(a, "%s:%u", f->file, f->line);
	if (f->path != NULL)
		return arena_printf(a, "%s: %s", f->file, f->path);
	return f->file;
}

const char *shown(struct arena *a, const char *s)
{
	struct buf b = { .arena = a };

	buf_puts_safe(&b, s, strlen(s));
	return buf_text(&b);
}

void draft_missing(struct draft *d, const char *layer, const char *why, const char *fix)
{
	*LIST_ADD(d->a,
		  &d->missing) = (struct plan_missing){ .layer = layer, .why = why, .fix = fix };
}

void draft_cut(struct draft *d, const char *path, const char *asked, const char *held)
{
	*LIST_ADD(d->a, &d->cuts) = (struct plan_cut){ .path = path, .asked = asked, .held = held };
}

static void adopt_lists(struct draft *d)
{
	struct plan *p = d->plan;

	p->nmounts = d->mounts.n;
	p->mounts = d->mounts.at;
	p->npaths = d->paths.n;
	p->paths = d->paths.at;
	p->nlimits = d->limits.n;
	p->limits = d->limits.at;
	p->nrlimits = d->rlimits.n;
	p->rlimits = d->rlimits.at;
	p->nmissing = d->missing.n;
	p->missing = d->missing.at;
	p->ncuts = d->cuts.n;
	p->cuts = d->cuts.at;
	p->nplain = d->plain.n;
	p->plain = d->plain.at;
}

static void adopt_warnings(struct draft *d)
{
	const char **texts = arena_array(d->a, d->p->warnings.n, sizeof *texts);

	for (size_t i = 0; i < d->p->warnings.n; i++)
		texts[i] = d->p->warnings.at[i].text;
	d->plan->nwarnings = d->p->warnings.n;
	d->plan->warnings = texts;
}

int plan_make(struct arena *a, const struct plan_request *r, const struct spec *s,
	      const struct profile *p, const struct host *h, struct plan *out, struct err *e)
{
	struct draft d = { .a = a, .r = r, .s = s, .p = p, .h = h, .plan = out, .audit = p->audit };

	*out = (struct plan){ .id = r->id,
			      .profile = p->name,
			      .policy = p,
			      .chosen = r->chosen,
			      .floor = r->floor,
			      .spec = s,
			      .host = h };
	if ((r->verbose || r->events) && d.audit < AUDIT_DENIALS)
		d.audit = AUDIT_DENIALS;
	if (bare_is_meant(&d))
		TRY(bare_plan(&d, e));
	for (size_t i = 0; i < COUNT(layers); i++)
		TRY(layers[i]->plan(&d, e));
	if (out->bare)
		TRY(bare_check(&d, e));
	adopt_lists(&d);
	adopt_warnings(&d);
	return 0;
}

const char *plan_cut_text(struct arena *a, const struct plan_cut *cut)
{
	return arena_printf(a, "%s: %s; held: %s", cut->path, shown(a, cut->asked), cut->held);
}

void plan_print(const struct plan *p, struct buf *out)
{
	buf_printf(out, "profile: %s\n", shown(out->arena, p->profile));
	if (p->chosen.file != NULL)
		buf_printf(out, "named by: %s\n",
			   shown(out->arena, from_text(out->arena, &p->chosen)));
	if (p->floor.text != NULL)
		buf_printf(out, "floor: %s  [%s]\n", shown(out->arena, p->floor.text),
			   shown(out->arena, from_text(out->arena, &p->floor.from)));
	for (size_t i = 0; i < p->nwarnings; i++)
		buf_printf(out, "warning: %s\n", shown(out->arena, p->warnings[i]));
	for (size_t i = 0; i < COUNT(layers); i++) {
		buf_printf(out, "\n%s\n", layers[i]->name);
		layers[i]->explain(p, out);
	}
	if (p->ncuts != 0)
		buf_puts(out, "\ncut\n");
	for (size_t i = 0; i < p->ncuts; i++)
		buf_printf(out, "  %s%s\n", plan_cut_text(out->arena, &p->cuts[i]),
			   p->cuts[i].usual ? "  [usual]" : "");
	buf_puts(out, "\nmissing\n");
	for (size_t i = 0; i < p->nmissing; i++)
		buf_printf(out, "  %s: %s; %s\n", p->missing[i].layer,
			   shown(out->arena, p->missing[i].why), p->missing[i].fix);
	if (p->nmissing == 0)
		buf_puts(out, "  nothing: every layer of this profile is on\n");
}
