/*
 * The processes of a container that is there, for whoever signals, lists or stops them.
 */
#ifndef BOX_MEMBERS_H
#define BOX_MEMBERS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "box/cgroup.h"

/* Their numbers in the caller's pid namespace, in no particular order. -ENOENT: "container does not exist"; -ESRCH:
 * "container not running". */
int members_list(struct arena *a, const char *root, const char *id, struct cgroup_pids *out,
		 struct err *e);

/* Signals the first process, or with `all` every one; 0 only looks. A number that another process has by now is never
 * signalled. Errors as above; with `all` a container that is not running is none. */
int members_signal(struct arena *a, const char *root, const char *id, int sig, bool all,
		   struct err *e);

/* Holds all of them where they are, or lets them go on. -EALREADY when that is so already, -EOPNOTSUPP where the
 * container has no group that can be frozen. */
int members_freeze(struct arena *a, const char *root, const char *id, bool freeze, struct err *e);

#endif
