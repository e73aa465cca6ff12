/*
 * One golden case: a folder with a file `case` of "key: value" lines, and what they name.
 *
 *   like: ci-runner-direct-root     first all the lines of that case; `expected` is then the difference
 *   profile: hostile-tenant         a built-in, or a .yaml file of the folder
 *   host: user                      the host that the other host keys change
 */
#ifndef GOLDEN_CASE_H
#define GOLDEN_CASE_H

#include "policy/plan.h"

struct golden {
	const char *folder; /* that of all cases */
	const char *like;   /* NULL: `expected` is the whole plan */
	const char *profile;
	const char *bundle; /* a config.json; NULL: the direct form */
	const char *user;   /* uid:gid of the direct form */
	struct words run;
	struct plan_request request;
	struct direct_view view;
	struct host host;
};

/* Reads the case `name` of `folder`. */
int golden_load(struct arena *a, const char *folder, const char *name, struct golden *out,
		struct err *e);

/* The plan of a case as text; for a refusal the text of the error. -errno only when the case itself is
 * broken. */
int golden_plan(struct arena *a, struct golden *g, struct plan *plan, const char **text,
		struct err *e);

/* Lines of `to` that differ from those of `from`, each with its section: "- gone", "+ new". */
void golden_diff(struct arena *a, const char *from, const char *to, struct buf *out);

#endif
