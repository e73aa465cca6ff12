/*
 * The end of a run in words: what met a limit, and what it used.
 */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include <stdbool.h>

#include "base/buf.h"
#include "box/cgroup.h"
#include "broker/broker.h"
#include "policy/plan.h"

/* One line for each limit that was met, with its rule; with `verbose`, also what was used and waited for. The last one
 * says that memory ended it. Pure. */
void summary_limits(struct buf *b, const struct plan *p, const struct cgroup_usage *u,
		    bool verbose);

/* How often the broker was asked, and what it answered; nothing when it never was. Pure. */
void summary_broker(struct buf *b, const struct broker_counters *c);

#endif
