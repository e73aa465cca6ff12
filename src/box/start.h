/*
 * Starting a container that was created before.
 */
#ifndef BOX_START_H
#define BOX_START_H

#include "base/arena.h"
#include "base/err.h"

/* Lets the first process go on, and returns when it has become the workload's program. One that was started already, was never
 * created or has ended is an error; so is what still fails: then the container has ended. */
int start_created(struct arena *a, const char *root, const char *id, struct err *e);

#endif
