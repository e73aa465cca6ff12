#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

ssize_t fd_read_all(int fd, void *data, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)data + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int fd_write_all(int fd, const void *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data = (const char *)data + n;
		len -= (size_t)n;
	}
	return 0;
}

int file_read(int dir, const char *path, size_t max, struct arena *a, char **out, size_t *len,
	      struct err *e)
{
	OWN_FD fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t size = 4096, used = 0;
	char *text = NULL;

	if (fd < 0)
		return fail(e, errno, "%s: %m", path);
	for (;;) {
		char *bigger = arena_alloc(a, size + 1);

		if (used != 0)
			memcpy(bigger, text, used);
		text = bigger;

		ssize_t n = fd_read_all(fd, text + used, size - used);

		if (n < 0)
			return fail(e, (int)-n, "%s: %m", path);
		used += (size_t)n;
		if (used < size)
			break;
		if (used > max)
			return fail(e, EFBIG, "%s: larger than %zu bytes", path, max);
		size *= 2;
	}
	if (used > max)
		return fail(e, EFBIG, "%s: larger than %zu bytes", path, max);
	text[used] = '\0';
	*out = text;
	if (len != NULL)
		*len = used;
	return 0;
}

int file_set(int dir, const char *path, const char *text, struct err *e)
{
	OWN_FD fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);

	if (fd < 0)
		return fail(e, errno, "%s: %m", path);

	ssize_t n = write(fd, text, len);

	if (n < 0)
		return fail(e, errno, "write '%.40s' to %s: %m", text, path);
	if ((size_t)n != len)
		return fail(e, EIO, "write '%.40s' to %s: cut short", text, path);
	return 0;
}

/* What is there already may be a folder or a link to one: who opens it finds out. */
static int make_one(const char *path, mode_t mode)
{
	return mkdir(path, mode) == 0 || errno == EEXIST ? 0 : -errno;
}

int folder_make(const char *path, mode_t mode)
{
	char upper[PATH_MAX];
	int r = make_one(path, mode);

	if (r != -ENOENT || strlen(path) >= sizeof upper)
		return r;
	memcpy(upper, path, strlen(path) + 1);
	for (char *slash = strchr(upper + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = make_one(upper, mode);
		if (r < 0)
			return r;
		*slash = '/';
	}
	return make_one(path, mode);
}
