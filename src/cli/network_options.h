/*
 * --network, --allow and --publish: words to what the plan takes.
 */
#ifndef CLI_NETWORK_OPTIONS_H
#define CLI_NETWORK_OPTIONS_H

#include "cli/run_options.h"
#include "policy/plan.h"

/* Reads them into the request; what it points to lives in `a`. */
int network_options(struct arena *a, const struct run_options *o, struct plan_request *q,
		    struct err *e);

#endif
