/*
 * File descriptors with an owner. All are opened O_CLOEXEC; files are named by a directory's
 * descriptor plus one relative path. Sizes are in bytes.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* Closes *fd if it is open; keeps errno. Used by OWN_FD at the end of the variable's scope. */
void fd_close(int *fd);

/* Gives up ownership: returns *fd and leaves -1. */
int fd_take(int *fd);

/* A local descriptor that closes itself. Must be initialised. */
#define OWN_FD __attribute__((cleanup(fd_close))) int

/* open(2) of what exists, close-on-exec. musl's own sets that flag with a call more. */
static inline int path_open(const char *path, int flags)
{
	return openat(AT_FDCWD, path, flags | O_CLOEXEC);
}

/* Reads a whole file of at most `max` bytes into `a`, with a NUL behind it. *len may be NULL.
 * -EFBIG when it is larger. */
int file_read(int dir, const char *path, size_t max, struct arena *a, char **out, size_t *len,
	      struct err *e);

/* Writes `text` with a single write(2) to an existing file (as /proc and cgroup files want). */
int file_set(int dir, const char *path, const char *text, struct err *e);

/* Makes a folder, and those above it that are missing. What is there already is left as it is. 0 or -errno. */
int folder_make(const char *path, mode_t mode);

/* Writes all of it, over short writes and EINTR. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t len);

/* Reads exactly `len` bytes or less at end of file. Bytes read or -errno. */
ssize_t fd_read_all(int fd, void *data, size_t len);

#endif
