/*
 * What `run` and `exec` have in common once their process is there.
 */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include <stdint.h>
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

/* Sends it over the unix socket at `path` (--console-socket), as engines want it: one message, with a name. The descriptor is
 * closed either way. */
int attach_send_console(const char *path, int *master, struct err *e);

/* Sends a descriptor of the process over the unix socket at `path` (--pidfd-socket); NULL: nothing. */
int attach_send_pidfd(const char *path, int pidfd, struct err *e);

/* Whether n (--preserve-fds) descriptors from 3 on are there for the command to keep. */
int attach_check_preserved(uint64_t n, struct err *e);

/* Connects to a unix socket of this path: a descriptor or -errno. `flags` are SOCK_*. */
int attach_socket(const char *path, int flags);

#endif
