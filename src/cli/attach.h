/*
 * What `run` and `exec` have in common once their process is there.
 */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "box/box.h"

/* The pid as digits, under this name all at once; NULL: nothing. */
int attach_pid_file(struct arena *a, const char *path, pid_t pid, struct err *e);

/* The master of the process's terminal; -1 when it has died, or said something else first, which box_wait() finds out. */
int attach_console(const struct box *b, int *master, struct err *e);

/* For struct term: init's word that the workload has stopped itself. A warning that it has is printed. */
int attach_control(int fd);

/* Connects to a unix socket of this path: a descriptor or -errno. `flags` are SOCK_*. */
int attach_socket(const char *path, int flags);

#endif
