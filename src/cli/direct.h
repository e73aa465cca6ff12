/*
 * The direct form of `zviz run`: a command of this machine, without a bundle.
 */
#ifndef CLI_DIRECT_H
#define CLI_DIRECT_H

#include "base/arena.h"
#include "base/err.h"
#include "cli/run_options.h"
#include "kern/host.h"
#include "policy/plan.h"
#include "policy/spec.h"

/* Makes up the spec and the view of the host that a bundle would have said. Paths are resolved here, once;
 * the current folder is /work unless --work names another. */
int direct_make(struct arena *a, const struct run_options *o, const struct run_request *r,
		const struct host *h, struct spec *spec, struct direct_view *view, struct err *e);

#endif
