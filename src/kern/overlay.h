/*
 * What an overlay is made of, as /proc/self/mountinfo says it. Privileged, for a program that wants to put the same layers
 * together once more.
 */
#ifndef KERN_OVERLAY_H
#define KERN_OVERLAY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct overlay {
	LIST_OF(const char *) lower; /* absolute, the uppermost first */
	const char *upper, *work;    /* NULL: nothing can be written to it */
	const char *
		options; /* of its other options those that say how layers are read: ",metacopy=on" or "" */
};

/* Whether `path` is where an overlay is mounted. -errno when that cannot be said. */
int overlay_is_at(const char *path, struct err *e);

/* The layers of the overlay that is mounted at `path`. Strings are of the arena. -EOPNOTSUPP when there are some that have no
 * path, or when something else is mounted below it. */
int overlay_read(struct arena *a, const char *path, struct overlay *out, struct err *e);

/* The same for the mount of number `id` in a text of mountinfo, which is changed. */
int overlay_find(struct arena *a, char *mountinfo, uint64_t id, struct overlay *out, struct err *e);

#endif
