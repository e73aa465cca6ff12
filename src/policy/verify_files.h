/*
 * The files' side of the proof: a plan's mounts, Landlock rules and broker rules let a workload do with a path what its
 * profile says, and nothing more. Pure.
 *
 * Paths fall into classes: what lies at, in and beside each path that the profile, the request, the mounts or the
 * rules name is treated alike. One path of each class is looked at.
 */
#ifndef POLICY_VERIFY_FILES_H
#define POLICY_VERIFY_FILES_H

#include "policy/plan.h"

/* What may be done with a path. */
struct verify_access {
	bool seen, read, write, execute;
};

/* By the profile's words, and what the request adds to them. */
struct verify_access verify_says(const struct plan *p, const struct plan_request *r,
				 const char *path);

/* By what the plan will do. Ids and modes of files may still forbid it. */
struct verify_access verify_lets(const struct plan *p, const char *path);

/* 0: no class of paths gets more than the profile says. 1: one does, and *path is in it. *classes counts them. */
int verify_files(struct arena *a, const struct plan *p, const struct plan_request *r,
		 size_t *classes, const char **path);

#endif
