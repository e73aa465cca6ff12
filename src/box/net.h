/*
 * Starting zviz-net. Private to src/box.
 */
#ifndef BOX_NET_H
#define BOX_NET_H

#include "base/buf.h"
#include "base/err.h"
#include "policy/net_job.h"

/* Where it is installed; NULL and *e: it is not. */
const char *net_program(struct arena *a, struct err *e);

/* A file with a text for it: a descriptor, the caller's, or -errno. */
int net_hand(const struct buf *text, struct err *e);

/* Becomes it, in a child, with these descriptors: -1 where there is none. */
_Noreturn void net_become(const char *program, const int given[NET_FD_END]);

#endif
