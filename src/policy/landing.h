/*
 * Where each rule of a profile landed: which layer enforces it, and what that costs. Pure.
 *
 * Everything is read from the plan and from runs of its filter; a rule that is found nowhere in them is said to be
 * enforced by nothing.
 */
#ifndef POLICY_LANDING_H
#define POLICY_LANDING_H

#include "policy/plan.h"

/* One word or row of the profile, as it is written. */
struct landing {
	const char *rule; /* "syscalls.allow @basic-io" */
	struct from from;
	const char *layer; /* "seccomp", "seccomp, broker", "landlock" … */
	const char *note;  /* a few words, or NULL */
	unsigned calls;    /* system calls that it decides about */
	unsigned cached;   /* of them: always allowed, which the kernel remembers (Linux 5.11) */
	unsigned asked;    /* of them: the broker may be asked */
	bool may_ask;      /* only for some arguments, or about some of the calls */
	unsigned instructions; /* of BPF on the longest path of these calls */
	unsigned broker_ns;    /* what the broker takes where it is asked */
};
struct landings {
	size_t n, cap;
	struct landing *at;
};

/* In the order of the schema. `p` must have been made of a profile alone: what a bundle asks for is no rule of it. */
void landing_find(struct arena *a, const struct plan *p, struct landings *out);

/* On which machine broker_ns was measured. */
extern const char landing_measured[];

/* The cost in words. */
const char *landing_cost(struct arena *a, const struct landing *l);

/* A table for people: rule, file:line, layer, cost. */
void landing_print(const struct landings *l, struct buf *out);

#endif
