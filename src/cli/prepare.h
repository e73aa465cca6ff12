/*
 * What `run` and `explain` share: from options to a plan, with nothing done to the machine.
 */
#ifndef CLI_PREPARE_H
#define CLI_PREPARE_H

#include "cli/command.h"
#include "cli/config.h"
#include "cli/run_options.h"
#include "kern/host.h"
#include "policy/plan.h"

/* Parts of a plan and what it borrows from. Must stay where it is. */
struct prepared {
	struct host host;
	struct config config; /* the host's */
	struct choice choice; /* of the profile */
	struct profile profile;
	struct spec spec;
	struct direct_view view;
	struct plan_request request;
	struct plan plan;
	struct bpf_program compiled; /* of --compiled */
	struct sources sources;      /* the files that the profile was read from */
	const char *bundle;          /* absolute; NULL: there is none */
	bool create;                 /* it is to wait for its start */
};

int prepare(struct cli *c, const struct run_options *o, int argc, char **argv, struct prepared *out,
	    struct err *e);

/* The same for `zviz create`: always a bundle. */
int prepare_create(struct cli *c, const struct run_options *o, const char *id, struct prepared *out,
		   struct err *e);

/* What only a start is held to: the host's floor, and `on_excess: refuse`. Nothing was done yet. */
int prepare_permitted(struct cli *c, const struct prepared *p, struct err *e);

#endif
