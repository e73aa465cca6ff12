/*
 * Whether a start keeps to the host's floor. Pure.
 */
#ifndef POLICY_FLOOR_H
#define POLICY_FLOOR_H

#include "policy/diff.h"

/* Adds a line for each thing that is permitted beyond the floor: by the profile, and by what the command line says of network and
 * limits instead of it (policy/diff.h says how lines look). None: the floor is kept. `r` NULL: the profile alone. */
int floor_beyond(struct arena *a, enum host_arch arch, const struct profile *p,
		 const struct plan_request *r, const struct profile *floor, struct diff_lines *out,
		 struct err *e);

#endif
