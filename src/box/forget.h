/*
 * What the launch has left in the memory of a process that stays for as long as its container, and has no use for: there may be
 * hundreds. Private to src/box.
 */
#ifndef BOX_FORGET_H
#define BOX_FORGET_H

#include "base/arena.h"
#include "box/box.h"
#include "policy/plan.h"

/* Where the kernel has the command line, for /proc/PID/cmdline, which needs no right to be read. What is parsed is a copy: nobody
 * points to it. */
void forget_arguments_are(char *at, size_t bytes);

/* Before a copy of this process is made that others may look at. */
void forget_arguments(void);

/* The same around a clone of one that goes on: what was there is kept in `a`, and put back. NULL: there is none. */
char *forget_arguments_now(struct arena *a);
void forget_no_more(const char *kept);

/* The caller's, which came along as a copy: it may hold secrets. Init, if it goes on as a copy, has one as well, but what it holds
 * is out of the broker's reach: its memory belongs to the host's user namespace. */
void forget_environment(void);

/* The pages of the program and of the stack below the caller's frame. What is still in use comes back by faults, and
 * src/serving.ld keeps that small. */
void forget_set_up(void);

/* All of the arena, which the plan is in, and for good the data of the program that only setting up uses (src/serving.ld): what
 * is returned is a copy of the plan with all that deciding by it takes. It is `p` itself, and nothing has gone, when there is no
 * memory for it, or it is more than a container that runs may be given. */
const struct broker_plan *forget_plan(struct arena *a, const struct broker_plan *p);

/* In a first process that only reaps from here on, and tells nobody: the same data, the launcher's stack, and of those it was made
 * on all but the caller's frames. The workload's filter holds already: it is done by munmap() alone, as arena_free() does. */
void forget_launch(const struct box_stacks *own);

#endif
