/*
 * Finds what a path means to its caller, and touches nothing: every descriptor here is O_PATH.
 */
#ifndef BROKER_RESOLVE_H
#define BROKER_RESOLVE_H

#include <limits.h>
#include <stdbool.h>

#include "broker/fetch.h"

struct place {
	int fd;     /* the object, owned; -1 when there is none yet */
	int parent; /* then the folder where `name` is to be made, owned */
	char name[NAME_MAX + 1];
	bool elsewhere; /* found through a descriptor: may lie outside the container's tree */
	bool own;       /* in the caller's own folder of a procfs */
	unsigned held;  /* WANT_* of the caller's descriptor that was named through /proc */
};

/* -errno as the kernel gives it. An absent object is no error when the flags would create it. Links at the end
 * are followed as the flags say; a link that is not to be followed is found itself. */
int resolve(const struct server *s, const struct call *c, const struct open_request *r,
	    struct place *out);

#endif
