/*
 * What of another profile can be had in a container that runs. Its filter, its mounts and its Landlock rules stay as they
 * are; what the filter asks of the broker is answered by other tables. Pure.
 */
#ifndef POLICY_LIVE_H
#define POLICY_LIVE_H

#include "policy/diff.h"
#include "policy/live_image.h"

/* A rule that cannot take effect. */
struct live_obstacle {
	struct from from; /* its line; the file is NULL where no profile says it */
	const char *rule; /* "syscalls.deny ptrace" */
	const char *why, *fix;
};
struct live_obstacles {
	size_t n, cap;
	struct live_obstacle *at;
};

/* What both profiles say of everything that was settled at the start: namespaces, folders, limits and the like. Adds
 * where they differ. */
void live_settled(struct arena *a, const struct profile *start, const struct profile *next,
		  struct live_obstacles *out);

/* What rows of the network ask for that one with this plan cannot have while it runs; `next` has its mode. */
void live_network(struct arena *a, const struct plan *start, const struct profile *next,
		  struct live_obstacles *out);

/* The broker's tables for `next` in a container that was started as `start`; both were planned for the same request, and
 * live_settled() has found nothing. `pure` is next's filter as diff makes it (policy/diff.h). Adds what cannot be had, and
 * then the tables are worth nothing. -EINVAL for filters that cannot be compared. */
int live_plan(struct arena *a, const struct plan *start, const struct plan *next,
	      const struct bpf_program *pure, struct live_tables *tables,
	      struct live_obstacles *out, struct err *e);

#endif
