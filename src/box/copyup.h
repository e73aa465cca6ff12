/*
 * tmpcopyup. Private to src/box.
 */
#ifndef BOX_COPYUP_H
#define BOX_COPYUP_H

#include <stdbool.h>

#include "base/err.h"

/* Copies what is in the folder `target` into the file system `mnt`, a detached mount; its owner and mode as well, unless the
 * mount has a mode of its own. What is no file, folder or link is left out. */
int copyup(int mnt, int target, bool has_mode, struct err *e);

#endif
