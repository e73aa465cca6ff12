/*
 * Namespaces by path, as the launcher handles them. Private to src/box, but for the ids.
 */
#ifndef BOX_GIVEN_H
#define BOX_GIVEN_H

#include "box/box.h"

/* The launcher itself stands in them for a moment: what it makes meanwhile is in them, or shows them. It has come back when
 * given_leave() has; where that fails it is nowhere that it should go on from. */
int given_enter(const struct box *b, struct err *e);
int given_leave(const struct box *b, struct err *e);

/* The ids of a user namespace, as they are seen from here. `a` holds them. */
int given_read_ids(struct arena *a, const char *path, struct id_maps *uids, struct id_maps *gids,
		   struct err *e);

#endif
