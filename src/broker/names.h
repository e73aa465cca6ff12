/*
 * Renames, links, removals and their like, performed for a caller whose profile has patterns of filesystem.deny.
 *
 * The broker serves one call after the other, and in such a container nobody else changes names: what was judged is
 * still so when it is done.
 */
#ifndef BROKER_NAMES_H
#define BROKER_NAMES_H

#include <sys/un.h>

#include "broker/act.h"

/* What came of it. */
struct names_outcome {
	int err;      /* positive errno when nothing was done; 0 */
	bool refused; /* by a rule of the broker: `why` says which */
	struct verdict why;
	unsigned about; /* which of the paths */
	struct names_request request;
};

/* Fills *out, but answers nothing. names_done() frees what *out holds. */
void names_perform(const struct server *s, const struct call *c, const struct plan_call *row,
		   struct names_outcome *out);
void names_done(struct names_outcome *o);

/* Gives `socket` the address `as` of `len` bytes, whose path the caller wrote: a new name in a folder, like that of mknod.
 * *out begins with the path and where it starts, and owns what it has. */
void names_bind(const struct server *s, const struct call *c, int socket,
		const struct sockaddr_un *as, uint32_t len, struct names_outcome *out);

#endif
