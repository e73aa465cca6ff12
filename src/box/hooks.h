/*
 * The hooks of a bundle: other programs, called at points of a container's life with its state on their standard input (OCI
 * runtime spec, config.md "POSIX-platform Hooks" and runtime.md "Lifecycle"). Private to src/box.
 */
#ifndef BOX_HOOKS_H
#define BOX_HOOKS_H

#include "box/box.h"
#include "policy/spec.h"

/* What they are told. `bundle` may be NULL. */
struct hooks_state {
	const char *id, *status, *bundle;
	pid_t pid; /* as the hook sees it; 0: none */
	const struct pairs *annotations;
	unsigned preserve; /* so many descriptors from 3 on go along */
};

/* Runs them one after the other, in the bundle's folder where there is one, each with nothing of ours but its input. Stops at
 * the first that fails: "error running hook #0 (poststart): …". */
int hooks_run(struct arena *a, const struct spec_hooks *hooks, const char *name,
	      const struct hooks_state *s, struct err *e);

/* Of a container that is deleted, or whose launch has failed: every one is run. 1 and *e: one of them failed. */
int hooks_run_all(struct arena *a, const struct spec_hooks *hooks, const char *name,
		  const struct hooks_state *s, struct err *e);

#endif
