/*
 * What is proved of a profile: each filter that a run under it may load, and what becomes of its paths. Pure.
 */
#ifndef POLICY_PROVE_H
#define POLICY_PROVE_H

#include "base/name.h"
#include "policy/plan.h"

/* enum host_arch by name: the machines that filters are compiled for. */
extern const struct name prove_arches[];

/* The one behind `before` (NULL: the first) that the profile is for: it lists `native`, or that one, or nothing at all.
 * NULL: no more. */
const struct name *prove_next(const struct profile *p, const struct name *before);

/* The first of them; where there is none, one for which no plan can be made. */
enum host_arch prove_first(const struct profile *p);

/* What changes a filter beside profile and machine. Ended by a NULL name. */
struct variant {
	const char *name;   /* "plain", "events", "verbose" */
	const char *option; /* of a run, " under --events"; "" for none */
	bool verbose, events;
};
extern const struct variant variants[];

/* The variant of a run: --verbose includes what --events asks for. */
const struct variant *variant_of(bool verbose, bool events);

/* -EINVAL with an example when the filter is not what the profile says. *sets counts the sets of calls compared. */
int prove_filter(struct arena *a, const struct profile *p, enum host_arch arch,
		 const struct variant *v, const struct bpf_program *f, size_t *sets, struct err *e);

/* -EINVAL when a class of paths gets more than the profile says. *classes counts them. */
int prove_files(struct arena *a, const struct plan *plan, const struct plan_request *r,
		size_t *classes, struct err *e);

#endif
