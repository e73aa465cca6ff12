/*
 * Plans that depend on no machine: what a profile comes to where everything is there. Pure.
 */
#ifndef POLICY_REFERENCE_H
#define POLICY_REFERENCE_H

#include "policy/plan.h"

/* A host with all that any profile asks for: root, every namespace, the newest Landlock that is known, cgroup v2 with all
 * controllers. */
void reference_host(enum host_arch arch, struct host *out);

/* What a plan borrows from; it must outlive the plan. */
struct reference {
	struct host host;
	struct spec spec;
	struct direct_view view;
	struct plan_request request;
};

/* The plan of a command in the direct form under this profile, which it borrows. `verbose` and `events` as in struct
 * plan_request. */
int reference_plan(struct arena *a, const struct profile *p, enum host_arch arch, bool verbose,
		   bool events, struct reference *ref, struct plan *out, struct err *e);

/* The same on the host that is in `ref` already, with what is said in its request. */
int reference_plan_on(struct arena *a, const struct profile *p, struct reference *ref,
		      struct plan *out, struct err *e);

#endif
