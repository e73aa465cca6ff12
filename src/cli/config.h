/*
 * The host's configuration: /etc/zviz/config.yaml, the profiles that it names, and its floor.
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/command.h"
#include "kern/probe.h"
#include "policy/choice.h"
#include "policy/plan.h"

/* Reads the file; where there is none, what is built in. A file that somebody else than root, or the caller, owns or may write to
 * is an error, and so is one in a folder like that. */
int config_read(struct cli *c, const struct host *h, struct config *out, struct err *e);

/* Loads the profile that was chosen, by the same rule where the host's configuration names it. */
int config_profile(struct cli *c, const struct host *h, const struct choice *choice,
		   struct sources *s, struct profile *out, struct err *e);

/* -EPERM with an example when `p` permits more than the host's floor. `r` may be NULL: nothing is said beside the profile. */
int config_check_floor(struct cli *c, const struct host *h, const struct config *config,
		       const struct profile *p, const struct plan_request *r, struct err *e);

/* The same for other limits of a container that is there: what it had at its start (`was`) is no matter of theirs. */
int config_check_floor_change(struct cli *c, const struct host *h, const struct config *config,
			      const struct profile *p, const struct plan_request *was,
			      const struct plan_request *is, struct err *e);

/* Appends what the configuration says, and whether it can be used. */
void config_check(struct cli *c, const struct host *h, struct check_rows *rows);

#endif
