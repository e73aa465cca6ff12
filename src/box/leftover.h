/*
 * What a container leaves when its processes are gone. Private to src/box.
 */
#ifndef BOX_LEFTOVER_H
#define BOX_LEFTOVER_H

#include "base/err.h"
#include "box/record.h"

/* Kills what is in its groups. */
void leftover_end(const struct record *r);

/* Its device on the host, and its groups with all that is in them. */
void leftover_groups(const struct record *r);

/* Begins the name of the folder that a container's overlay works in; its id follows. */
extern const char overlay_work_prefix[];

/* Its files but state.json, which is locked, and what its overlay worked in; `dir` is its folder. */
void leftover_files(int dir);

/* All of the folder, `root` being the one that it is in. */
int leftover_folder(int root, int dir, const char *id, struct err *e);

#endif
