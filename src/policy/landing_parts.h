/*
 * Between landing.c and landing_limits.c.
 */
#ifndef POLICY_LANDING_PARTS_H
#define POLICY_LANDING_PARTS_H

#include "policy/landing.h"

struct finder {
	struct arena *a;
	const struct plan *p;
	struct landings *out;
};

/* A row, in no layer yet. */
struct landing *landing_add(struct finder *f, const char *rule, const struct from *from);

/* Whether both stand at the same place of the same file. */
bool landing_same_place(const struct from *a, const struct from *b);

/* "one, two", or just `two` where `one` is none. */
const char *landing_joined(struct arena *a, const char *one, const char *two);

void landing_network(struct finder *f);
void landing_resources(struct finder *f);

#endif
