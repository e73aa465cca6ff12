/*
 * What a container uses, as the engines read it: the JSON of `events`.
 */
#ifndef CLI_STATS_H
#define CLI_STATS_H

#include "base/buf.h"
#include "box/cgroup.h"

/* Adds {"type":"stats","id":…,"data":{…}} and a newline; `pid` is its first process, whose network is looked at. Numbers that the kernel does not keep are 0, as the engines
 * expect; pressure and page sizes that it does not keep are left out. */
void stats_line(struct buf *out, const char *id, pid_t pid, const struct cgroup *c);

#endif
