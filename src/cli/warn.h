/*
 * What a start leaves out, said to whoever asked for it.
 */
#ifndef CLI_WARN_H
#define CLI_WARN_H

#include "cli/command.h"
#include "policy/config.h"
#include "policy/plan.h"

/* On standard error, before anything is started: the profile's own warnings, and with --verbose what is missing and what was cut. */
void warn_plan(const struct cli *c, const struct plan *p);

/* Before a container is made: a log in JSON that holds nothing but warnings of an earlier one of this name is begun anew, so that a
 * failure is the one object in it. */
void warn_begin(const struct cli *c, const char *id);

/* What was cut and what is missing, into the log file, when the start has succeeded: engines read the log of one that failed as one
 * object. */
void warn_log(const struct cli *c, const struct plan *p);

/* What was cut alone: for a process that joins, to which its container has said the rest. */
void warn_log_cuts(const struct cli *c, const struct plan *p);

/* Where the host's configuration says `on_excess: refuse`: -EPERM for the first thing that `file` asks for beyond the profile, but for
 * what engines ask of every container. */
int warn_refuse(const struct cli *c, const struct config *config, const struct plan *p,
		const char *file, struct err *e);

#endif
