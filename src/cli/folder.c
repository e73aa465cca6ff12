#include "cli/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

enum { NAMES_MAX = 1000 };

int folder_read(struct arena *a, int dir, const char *name, size_t max, char **out, size_t *len,
		struct err *e)
{
	/* Without O_NONBLOCK a FIFO would keep us. */
	OWN_FD fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return fail(e, errno, "%s: %s", name,
			    errno == ELOOP ? "a link, and no file" : strerror(errno));
	if (fstat(fd, &st) < 0)
		return fail(e, errno, "%s: %m", name);
	if (!S_ISREG(st.st_mode))
		return fail(e, EINVAL, "%s: no regular file", name);
	if ((uint64_t)st.st_size > max)
		return fail(e, EFBIG, "%s: larger than %zu bytes", name, max);
	*out = arena_alloc(a, (size_t)st.st_size + 1);

	ssize_t n = fd_read_all(fd, *out, (size_t)st.st_size);

	if (n < 0)
		return fail(e, (int)-n, "%s: %m", name);
	*len = (size_t)n;
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int folder_names(struct arena *a, int dir, struct strings *out, struct err *e)
{
	OWN_FD fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		return fail(e, errno, "%m");
	fd_take(&fd); /* closedir() closes it */
	errno = 0;
	for (struct dirent *entry; out->n <= NAMES_MAX && (entry = readdir(d)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			*LIST_ADD(a, out) = arena_strdup(a, entry->d_name);

	int no = out->n > NAMES_MAX ? E2BIG : errno;

	closedir(d);
	if (no != 0)
		return fail(e, no, "%m");
	if (out->n != 0)
		qsort(out->at, out->n, sizeof *out->at, by_bytes);
	return 0;
}
