#include "cli/summary.h"

#include <inttypes.h>
#include <string.h>

static const struct plan_limit *limit_of(const struct plan *p, unsigned controller)
{
	for (size_t i = 0; i < p->nlimits; i++)
		if (1u << p->limits[i].controller == controller)
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

void summary_limits(struct buf *b, const struct plan *p, const struct cgroup_usage *u, bool verbose)
{
	if (happened(u->oom_kills)) {
		buf_printf(b, "zviz: memory: %" PRIu64 " process%s killed at the limit",
			   u->oom_kills, u->oom_kills == 1 ? " was" : "es were");
		rule_of(b, limit_of(p, CGROUP_MEMORY));
		buf_puts(b, "; to permit more: resources.memory or --memory\n");
	}
	if (happened(u->pids_refused)) {
		buf_printf(b, "zviz: pids: %" PRIu64 " new process%s refused at the limit",
			   u->pids_refused, u->pids_refused == 1 ? " was" : "es were");
		rule_of(b, limit_of(p, CGROUP_PIDS));
		buf_puts(b, "; to permit more: resources.pids or --pids-limit\n");
	}
	if (verbose && happened(u->memory_peak))
		buf_printf(b, "zviz: at most %" PRIu64 " KiB of memory in use\n",
			   u->memory_peak / 1024);
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
