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
	int from; /* the folder from which it was found by names alone, not owned; 0: there is none */
	bool elsewhere; /* found through a descriptor: may lie outside the container's tree */
	bool own;       /* in the caller's own folder of a procfs */
	unsigned held;  /* WANT_* of the caller's descriptor that was named through /proc */
};

/* -errno as the kernel gives it. An absent object is no error when the flags would create it. Links at the end
 * are followed as the flags say; a link that is not to be followed is found itself. */
int resolve(const struct server *s, const struct call *c, const struct open_request *r,
	    struct place *out);

/* Whether a folder was removed, or is of a procfs: who would make something there is told ENOENT before anything else. */
bool resolve_takes_no_names(int fd);

/* Whether the first `len` bytes of a path lead to this folder as they stand, and through no link of procfs: a caller could
 * turn that round at any time, while other names stay as they are for as long as somebody has the turn to change them. */
bool resolve_is_plain(int dir, const char *path, size_t len, int folder);

/* ---- between resolve.c and scope.c ---- */

enum {
	LINKS_MAX = 40,      /* MAXSYMLINKS of include/linux/namei.h */
	OWN_FOLDER_ROOM = 64 /* "PID/task/TID" */
};

/* For paths that must not leave the folder where they start (RESOLVE_BENEATH, RESOLVE_IN_ROOT). */
int resolve_scoped(const struct server *s, const struct call *c, const struct open_request *r,
		   struct place *out);

bool resolve_is_dots(const char *name);
bool resolve_on_procfs(int fd, bool root_only);

/* What "self" or "thread-self" of the container's procfs means to the caller. */
int resolve_own_folder(const struct server *s, const struct call *c, bool thread,
		       char out[OWN_FOLDER_ROOM]);

#endif
