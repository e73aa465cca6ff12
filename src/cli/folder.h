/*
 * A folder of files that comes into being at once, or not at all.
 */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include "policy/artifact.h"

/* Reads a regular file of at most `max` bytes that lies in `dir` itself; a link is an error. The bytes live in `a`, with
 * a NUL behind them. */
int folder_read(struct arena *a, int dir, const char *name, size_t max, char **out, size_t *len,
		struct err *e);

/* The names in it, in the order of their bytes. */
int folder_names(struct arena *a, int dir, struct strings *out, struct err *e);

/* Makes the folder `path` with these files. It may exist if it is empty. One with files in it is replaced if `replace` is
 * set and it holds what an earlier compile put there and nothing else; otherwise it stays as it is, and so does everything
 * when this process is killed. Links are not followed out: the last name must be a folder's. */
int folder_write(struct arena *a, const char *path, const struct artifacts *files, bool replace,
		 struct err *e);

#endif
