/*
 * The direct form without namespaces. Private to src/policy.
 */
#ifndef POLICY_PLAN_BARE_H
#define POLICY_PLAN_BARE_H

#include <string.h>

#include "policy/draft.h"

/* Whether there will be none: this host lets none be made, and the profile does without. */
bool bare_is_meant(const struct draft *d);

/* Before any layer: the profile and the host become what is left of them, or the run is refused. */
int bare_plan(struct draft *d, struct err *e);

/* Behind all layers: what they came to is what bare_plan() counts on. */
int bare_check(const struct draft *d, struct err *e);

/* There is no private home and no private /tmp: both are the work folder. `env` has room for BARE_ENV more; how many there
 * are then. */
enum { BARE_ENV = 1 };
size_t bare_env(const struct draft *d, const char **env, size_t n);

/* Where a path of the container lies on this machine. */
const char *bare_path(const struct draft *d, const char *path);

/* ---- between its three files ---- */

int bare_refuse(const struct draft *d, const char *why, const char *fix, struct err *e);

/* plan_bare_calls.c: what cannot be made stricter is refused; the rest is, in the profile's copy. */
int bare_check_calls(const struct draft *d, struct err *e);
void bare_close_calls(struct draft *d, struct profile *p);
void bare_keep_unix(struct draft *d, struct profile *p);

/* plan_bare_files.c: patterns first, since they read the profile's own folders no more. */
int bare_patterns(struct draft *d, struct profile *p, struct err *e);
void bare_folders(struct draft *d, struct profile *p);

/* A list of the profile that is added to: its own stays as it is. */
#define COPY(a, list)                                                                              \
	do {                                                                                       \
		void *copy_ = arena_alloc((a), ((list)->n + 1) * sizeof *(list)->at);              \
		if ((list)->n != 0)                                                                \
			memcpy(copy_, (list)->at, (list)->n * sizeof *(list)->at);                 \
		(list)->at = copy_;                                                                \
		(list)->cap = (list)->n + 1;                                                       \
	} while (0)

#endif
