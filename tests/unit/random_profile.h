/*
 * Random profiles for the tests that compare what a profile says with what is made of it, and the plans of profiles.
 *
 * A profile drawn here can be loaded and planned: it contradicts itself nowhere, says nothing twice, and lets the
 * launch do what it needs. The same seed gives the same profiles.
 */
#ifndef TESTS_RANDOM_PROFILE_H
#define TESTS_RANDOM_PROFILE_H

#include "kern/host.h"
#include "policy/meaning.h"
#include "policy/plan.h"

uint32_t draw32(uint64_t *seed);
uint32_t draw_below(uint64_t *seed, uint32_t n);

/* The text of a profile for a host of this architecture. */
const char *random_profile(struct arena *a, uint64_t *seed, enum host_arch arch);

/* A profile, what is asked besides, and all that it is planned with. */
struct planned {
	struct plan plan;
	struct plan_request request;
	struct host host;
	struct spec spec;
	struct profile profile;
	struct meaning meaning;
};

/* A built-in profile, or with `all_abis` one that says the same and lists i386 and x32 besides. */
int load_builtin(struct arena *a, const struct builtin_profile *b, bool all_abis,
		 struct profile *out, struct err *e);

/* Who listens, which has a part in what the broker is asked: one row each. */
enum { LISTENERS = 3 };
extern const struct meaning_request listeners[LISTENERS];

/* Plans p->profile for a host that lacks nothing, in the direct form. */
int plan_under(struct arena *a, struct planned *p, enum host_arch arch,
	       const struct meaning_request *r, struct err *e);

#endif
