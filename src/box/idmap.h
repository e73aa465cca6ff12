/*
 * Trees of the host shown with other owners. Private to src/box.
 */
#ifndef BOX_IDMAP_H
#define BOX_IDMAP_H

#include "box/box.h"

enum idmap_depth {
	IDMAP_TOP,    /* one mount */
	IDMAP_TREE,   /* it, and all that is mounted below */
	IDMAP_RATHER, /* the tree, or the top alone where something below cannot */
};

/* Shows a detached tree with the owners that a user namespace maps. `path` is what errors call it. */
int idmap_show(int tree, int userns, const char *path, enum idmap_depth depth, struct err *e);

/* The user namespace whose maps a mount is shown by: the container's, or one made for it. The caller owns the descriptor. */
int idmap_userns(struct box *b, const struct plan_mount *m, struct err *e);

#endif
