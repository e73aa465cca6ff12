/*
 * The rows of a change are those that its words alone would make for a new container; their values are those that the words and
 * the profile make together. So no limit has a second meaning here, and none is written that nobody named.
 */
#include "policy/plan_change.h"

#include <errno.h>
#include <string.h>

#include "policy/plan_limits.h"

/* Stands for "no limit" while rows are made: a number that is not positive makes none. */
static const int64_t endless = INT64_MAX / 4;

static struct signed_amount named(const struct signed_amount *v)
{
	struct signed_amount out = *v;

	if (out.set && out.value < 0)
		out.value = endless;
	return out;
}

static void take(struct signed_amount *to, const struct amount *now)
{
	if (!to->set && now->set)
		*to = (struct signed_amount){ true, (int64_t)now->value, { 0 } };
}

/* v1 counts memory and swap together: so that swap stays as it is, the sum follows. */
static void keep_swap(struct spec_resources *r, const struct limits_now *now)
{
	r->memory_swap = r->memory_limit;
	if (r->memory_limit.value > 0)
		r->memory_swap.value += (int64_t)(now->memory_swap.value - now->memory.value);
}

/* What a limit needs beside it, from what is in force. */
static struct spec beside(const struct spec *wanted, const struct limits_now *now)
{
	struct spec out = *wanted;
	struct spec_resources *r = &out.linux_.resources;

	if (r->memory_swap.set && r->memory_swap.value != 0)
		take(&r->memory_limit, &now->memory);
	else if (r->memory_limit.set && now->memory_swap.set && now->memory.set)
		keep_swap(r, now);
	if ((r->cpu_period.set && r->cpu_period.value != 0) || r->cpu_burst.set)
		take(&r->cpu_quota, &now->quota_us);
	if (r->cpu_quota.set && !r->cpu_period.set && now->period_us.set)
		r->cpu_period = now->period_us;
	return out;
}

/* What the words alone would make; every one of them makes its row. */
static int make_named(struct draft *d, struct spec *s, struct err *e)
{
	struct spec_resources *r = &s->linux_.resources;

	r->memory_limit = named(&r->memory_limit);
	r->memory_reservation = named(&r->memory_reservation);
	r->memory_swap = named(&r->memory_swap);
	r->pids_limit = named(&r->pids_limit);
	r->cpu_quota = named(&r->cpu_quota);
	if (r->memory_swap.value == endless || (r->memory_swap.set && !r->memory_limit.set))
		r->memory_limit = (struct signed_amount){ true, endless / 2, { 0 } };
	if (r->cpu_period.set && r->cpu_period.value != 0 && !r->cpu_quota.set)
		r->cpu_quota = (struct signed_amount){ true, endless, { 0 } };
	d->s = s;
	TRY(plan_limits(d, e));
	TRY(plan_io(d, e));
	return plan_unified(d, e);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What a value of a disk's begins with, "8:0 rbps=" or "8:0 "; nothing of one that is for all disks. */
static size_t disk_part(const char *value)
{
	size_t key = strcspn(value, "="), disk = strcspn(value, " ");

	if (value[key] != '\0')
		return key + 1;
	return value[disk] != '\0' ? disk + 1 : 0;
}

/* Of several rows for one file, those of the same disk and key. */
static bool same_part(const struct plan_limit *a, const struct plan_limit *b)
{
	size_t len = disk_part(a->v2_value);

	return a->controller != IO ||
	       (disk_part(b->v2_value) == len && strncmp(a->v2_value, b->v2_value, len) == 0);
}

static const struct plan_limit *find(const struct draft *d, const struct plan_limit *like)
{
	for (size_t i = 0; i < d->limits.n; i++) {
		const struct plan_limit *l = &d->limits.at[i];

		if (same(l->v2_file, like->v2_file) && same(l->v1_file, like->v1_file) &&
		    same_part(like, l))
			return l;
	}
	return NULL;
}

static const char *ceiling(const struct draft *d, const struct plan_limit *l)
{
	return arena_printf(d->a, "%s: profile %s permits no more than %s: %s",
			    l->v2_file != NULL ? l->v2_file : l->v1_file, d->p->name,
			    l->v2_file != NULL ? l->v2_value : l->v1_value,
			    from_text(d->a, &l->from));
}

static int refuse(const struct draft *d, const struct plan_limit *l, struct err *e)
{
	fail(e, EPERM, "%s", ceiling(d, l));
	return advise(e, "a running container gets no more than its profile permits");
}

/* Nothing limits it: as the files of both versions say that. */
static void lift(struct draft *d, struct plan_limit *l)
{
	const char *period = l->v2_file != NULL && strcmp(l->v2_file, "cpu.max") == 0
				     ? strchr(l->v2_value, ' ')
				     : NULL;

	/* In v1 a mark from which on memory is taken back, in v2 what is never taken: without it nothing is kept from others. */
	const bool kept = same(l->v2_file, "memory.low");

	l->v2_value = period != NULL ? arena_printf(d->a, "max%s", period) : kept ? "0" : "max";
	l->v1_value = same(l->v1_file, "pids.max") ? "max" : "-1";
}

/* Rows that are there for the sake of another are not what was asked for. */
static bool is_meant(const struct draft *d, const struct spec_resources *asked,
		     const struct plan_limit *l)
{
	return asked->memory_limit.set || !same(l->v2_file, "memory.max") ||
	       unified_value(d, "memory.max") != NULL;
}

/* An idle group is one for as long as it is told to be: 0 takes it back, and makes no row of a new one. */
static void add_idle(struct draft *d, const struct spec_resources *asked)
{
	if (asked->cpu_idle.set && asked->cpu_idle.value == 0)
		limit_add(d, CPU, "cpu.idle", "cpu.idle", "0", &asked->cpu_idle.from);
}

int plan_change_limits(struct arena *a, const struct plan_request *r, const struct spec *wanted,
		       const struct profile *p, const struct host *h, const struct limits_now *now,
		       const struct plan_limit **rows, size_t *n, struct strings *cut,
		       struct err *e)
{
	const struct plan_request nothing = { .disks = r->disks, .ndisks = r->ndisks };
	struct profile free = { .name = p->name, .file = p->file };
	const struct spec whole = beside(wanted, now);
	struct spec alone = whole;
	struct plan ignored = { .spec = &whole };
	struct draft words = { .a = a, .r = &nothing, .p = &free, .h = h, .plan = &ignored };
	struct draft both = {
		.a = a, .r = &nothing, .s = &whole, .p = p, .h = h, .plan = &ignored
	};

	TRY(make_named(&words, &alone, e));
	TRY(plan_limits(&both, e));
	TRY(plan_io(&both, e));
	TRY(plan_unified(&both, e));

	struct plan_limit *out = arena_array(a, words.limits.n + 1, sizeof *out);

	add_idle(&words, &wanted->linux_.resources);
	*n = 0;
	for (size_t i = 0; i < words.limits.n; i++) {
		struct plan_limit l = words.limits.at[i];
		const struct plan_limit *with = find(&both, &l);

		if (!is_meant(&both, &wanted->linux_.resources, &l))
			continue;
		/* Of the two authors the profile was the stricter one: it knows lines. */
		if (with != NULL && with->from.line != 0 && !same(with->v2_value, l.v2_value)) {
			if (cut == NULL)
				return refuse(&both, with, e);
			*LIST_ADD(a, cut) = ceiling(&both, with);
		}
		/* How a group ends at its limit stays as it is where the limit goes. */
		if (with == NULL && same(l.v2_file, "memory.oom.group"))
			continue;
		if (with != NULL)
			l = *with;
		else if (!same(l.v1_file, "cpu.cfs_period_us") && !same(l.v2_file, "cpu.idle"))
			lift(&both, &l);
		out[(*n)++] = l;
	}
	*rows = out;
	return 0;
}
