/*
 * How the process is scheduled, what kind of machine it is told of, and what its clocks show.
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>

#include "policy/draft.h"
#include "table/table.h"

static void plan_policy(struct draft *d, struct plan_schedule *out)
{
	const struct spec *s = d->s;

	out->has_policy = true;
	out->policy = (uint32_t)s->process.scheduler.policy;
	for (size_t i = 0; i < s->process.scheduler.flags.n; i++)
		out->flags |= (uint64_t)name_find(scheduler_flags, s->process.scheduler.flags.at[i])
				      ->value;
	out->nice = (int32_t)s->process.scheduler.nice.value;
	out->priority = (uint32_t)s->process.scheduler.priority.value;
	out->runtime = s->process.scheduler.runtime.value;
	out->deadline = s->process.scheduler.deadline.value;
	out->period = s->process.scheduler.period.value;
}

/* Engines write "" for none. */
static const char *list_or_null(const char *list)
{
	return list != NULL && list[0] != '\0' ? list : NULL;
}

void schedule_plan(struct draft *d)
{
	const struct spec *s = d->s;
	struct plan_schedule *out = &d->plan->schedule;

	out->io_priority = -1;
	if (s->process.scheduler.set)
		plan_policy(d, out);
	if (s->process.io_priority.set)
		out->io_priority = IOPRIO_PRIO_VALUE(s->process.io_priority.class,
						     (int)s->process.io_priority.priority);
	if (s->linux_.personality_domain != NULL) {
		out->has_personality = true;
		out->personality = strcmp(s->linux_.personality_domain, "LINUX32") == 0
					   ? PER_LINUX32
					   : PER_LINUX;
	}
	out->used = out->has_policy || out->io_priority >= 0 || out->has_personality;
	out->first_cpus = list_or_null(s->process.first_cpus);
	out->cpus = list_or_null(s->process.cpus);
}

static const char *name_or(const struct name *table, int64_t value)
{
	const struct name *n = name_of(table, value);

	return n != NULL ? n->name : "?";
}

void schedule_explain(const struct plan *p, struct buf *out)
{
	const struct plan_schedule *s = &p->schedule;

	if (s->has_policy)
		buf_printf(out, "  scheduler: %s, nice %d, priority %u\n",
			   name_or(scheduler_policies, s->policy), s->nice, s->priority);
	if (s->io_priority >= 0)
		buf_printf(out, "  io priority: %s, level %d\n",
			   name_or(io_classes, s->io_priority >> IOPRIO_CLASS_SHIFT),
			   s->io_priority & ((1 << IOPRIO_CLASS_SHIFT) - 1));
	if (s->has_personality)
		buf_printf(out, "  personality: %s\n",
			   s->personality == PER_LINUX32 ? "LINUX32" : "LINUX");
}

/* ---- clocks ---- */

static void add_clock(struct plan *p, const char *name, int64_t seconds, uint64_t nanoseconds)
{
	p->clocks[p->nclocks++] = (struct plan_clock){ name, seconds, (uint32_t)nanoseconds };
}

int clocks_plan(struct draft *d, struct err *e)
{
	const struct spec *s = d->s;

	if (!s->linux_.monotonic.set && !s->linux_.boottime.set)
		return 0;
	if (!(d->plan->namespaces & CLONE_NEWTIME)) {
		fail(e, EINVAL, "%s: linux.timeOffsets: %s", s->file,
		     d->plan->given & CLONE_NEWTIME
			     ? "the clocks of a namespace by path are what its maker has set"
			     : "without a time namespace the clocks are the host's");
		return advise(e,
			      "list {\"type\": \"time\"} under linux.namespaces, without a path");
	}
	if (s->linux_.monotonic.set)
		add_clock(d->plan, "monotonic", s->linux_.monotonic.seconds,
			  s->linux_.monotonic.nanoseconds);
	if (s->linux_.boottime.set)
		add_clock(d->plan, "boottime", s->linux_.boottime.seconds,
			  s->linux_.boottime.nanoseconds);
	return 0;
}

void clocks_explain(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->nclocks; i++)
		buf_printf(out, "  clock %s: %lld s and %u ns ahead\n", p->clocks[i].name,
			   (long long)p->clocks[i].seconds, p->clocks[i].nanoseconds);
}
