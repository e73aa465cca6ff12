/*
 * Between names.c and names_known.c.
 */
#ifndef BROKER_NAMES_KNOWN_H
#define BROKER_NAMES_KNOWN_H

#include <sys/stat.h>

#include "broker/names.h"
#include "broker/resolve.h"

/* What the first path of a request leads to, `flags` as of open; with an empty path its descriptor's own file. at->fd is the
 * caller's to close, whatever is returned. */
int names_find_object(const struct server *s, const struct call *c, const struct names_request *r,
		      uint64_t flags, struct place *at, struct stat *st);

/* Whether the call changes mode, owner or times of a file, and no name. */
bool names_is_known(enum names_deed deed);

/* Performs it: 0 or -errno. */
int names_change_known(const struct server *s, const struct call *c, struct names_outcome *out);

#endif
