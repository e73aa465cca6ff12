/*
 * What `zviz create` does beside what it has in common with `zviz run`.
 */
#ifndef CLI_CREATE_H
#define CLI_CREATE_H

#include "box/box.h"
#include "cli/command.h"
#include "cli/run_options.h"

/* Of create and of run. What does not go together; puts the caller's sockets (LISTEN_FDS) into the plan's environment, and counts them among those
 * that are kept. */
int create_check(struct arena *a, struct run_options *o, struct plan *p, struct err *e);

/* What the caller of `zviz run` is to have of a container that begins. */
int create_hand_out(struct arena *a, const struct run_options *o, struct box *b, struct err *e);

/* Hands out what the caller is to have of a container that is there, and leaves it waiting. Ends it on failure. */
int create_leave(struct arena *a, const struct run_options *o, struct box *b, struct err *e);

/* The whole of it, in run.c. */
int run_create(struct cli *c, struct run_options *o, const char *id, struct err *e);

#endif
