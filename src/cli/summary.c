#include "cli/summary.h"

#include <inttypes.h>
#include <string.h>

static const struct plan_limit *limit_of(const struct plan *p, const char *v2_file)
{
	for (size_t i = 0; i < p->nlimits; i++)
		if (p->limits[i].v2_file != NULL && strcmp(p->limits[i].v2_file, v2_file) == 0)
			return &p->limits[i];
	return NULL;
}

static void rule_of(struct buf *b, const struct plan_limit *l)
{
	if (l == NULL)
		return;
	buf_printf(b, " (limit %s", l->v2_value != NULL ? l->v2_value : l->v1_value);
	if (l->from.file != NULL && l->from.line != 0)
		buf_printf(b, ", rule %s:%u", l->from.file, l->from.line);
	else if (l->from.file != NULL)
		buf_printf(b, ", %s", l->from.path != NULL ? l->from.path : l->from.file);
	buf_puts(b, ")");
}

static bool happened(uint64_t n)
{
	return n != 0 && n != UINT64_MAX;
}

static void say_pids(struct buf *b, const struct plan *p, const struct cgroup_usage *u)
{
	buf_printf(b, "zviz: pids: %" PRIu64 " new process%s refused at the limit", u->pids_refused,
		   u->pids_refused == 1 ? " was" : "es were");
	rule_of(b, limit_of(p, "pids.max"));
	buf_puts(b, "; to permit more: resources.pids or --pids-limit\n");
}

/* One event, however many processes it took. */
static void say_memory(struct buf *b, const struct plan *p, const struct cgroup_usage *u)
{
	if (happened(u->oom_groups))
		buf_puts(b, "zviz: memory: the workload was killed as a whole");
	else
		buf_printf(b, "zviz: memory: %" PRIu64 " process%s killed", u->oom_kills,
			   u->oom_kills == 1 ? " was" : "es were");
	buf_puts(b, " at the limit");
	rule_of(b, limit_of(p, "memory.max"));
	if (happened(u->memory_peak))
		buf_printf(b, ", peak %" PRIu64, u->memory_peak);
	buf_puts(b, "; to permit more: resources.memory or --memory\n");
}

static void put_seconds(struct buf *b, const char *before, uint64_t us, const char *after)
{
	if (us != UINT64_MAX)
		buf_printf(b, "%s%" PRIu64 ".%03" PRIu64 " s%s", before, us / 1000000,
			   us / 1000 % 1000, after);
}

static void say_used(struct buf *b, const struct cgroup_usage *u)
{
	buf_puts(b, "zviz: used");
	put_seconds(b, " ", u->cpu_us, " of processors");
	if (u->memory_peak != UINT64_MAX)
		buf_printf(b, ", at most %" PRIu64 " KiB of memory", u->memory_peak / 1024);
	if (u->pids_peak != UINT64_MAX)
		buf_printf(b, ", at most %" PRIu64 " processes", u->pids_peak);
	if (happened(u->throttled_us))
		put_seconds(b, "; held back by the limit of processors ", u->throttled_us, "");
	put_seconds(b, "; waited for memory ", u->memory_wait_us, "");
	put_seconds(b, ", for processors ", u->cpu_wait_us, "");
	put_seconds(b, ", for disks ", u->io_wait_us, "");
	buf_puts(b, "\n");
}

void summary_limits(struct buf *b, const struct plan *p, const struct cgroup_usage *u, bool verbose)
{
	if (happened(u->pids_refused))
		say_pids(b, p, u);
	if (verbose)
		say_used(b, u);
	if (happened(u->oom_kills))
		say_memory(b, p, u);
}

/* Who dies while a call of it is served is counted as well, so the four add up to the first once all is over. */
void summary_broker(struct buf *b, const struct broker_counters *c)
{
	if (atomic_load(&c->asked) == 0)
		return;
	buf_printf(b,
		   "zviz: broker: %" PRIu64 " asked: %" PRIu64 " performed, %" PRIu64
		   " allowed, %" PRIu64 " failed, %" PRIu64 " denied\n",
		   atomic_load(&c->asked), atomic_load(&c->performed), atomic_load(&c->allowed),
		   atomic_load(&c->failed), atomic_load(&c->denied));
}
