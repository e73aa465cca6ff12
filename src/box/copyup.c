/*
 * tmpcopyup: a tmpfs that begins with what the image has at its place. Init copies it, as the container's root and inside the
 * container's limits: what an image can make it do, its own programs could do as well. No link is followed.
 */
#include "box/copyup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/sys.h"

enum { DEPTH_MAX = 64 }; /* folders in folders: each holds three descriptors while it is copied */

/* Owner, mode and times, as far as ids of the container's allow: an owner that it has not is nobody's in the copy, too. */
static int dress(int fd, const struct stat *like, struct err *e)
{
	const struct timespec times[] = { like->st_atim, like->st_mtim };

	if (fchown(fd, like->st_uid, like->st_gid) < 0 && errno != EINVAL)
		return fail(e, errno, "copy: owner: %m");
	if (fchmod(fd, like->st_mode & 07777) < 0 || futimens(fd, times) < 0)
		return fail(e, errno, "copy: %m");
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *like,
		     struct err *e)
{
	OWN_FD from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	OWN_FD to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			   0600);
	char bytes[16384];
	ssize_t n;

	if (from < 0 || to < 0)
		return fail(e, errno, "copy: %m");
	while ((n = fd_read_all(from, bytes, sizeof bytes)) > 0) {
		int r = fd_write_all(to, bytes, (size_t)n);

		if (r < 0)
			return fail(e, -r, "copy: %m");
	}
	return n < 0 ? fail(e, (int)-n, "copy: %m") : dress(to, like, e);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *like,
		     struct err *e)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, text, sizeof text - 1);

	if (n < 0)
		return fail(e, errno, "copy: %m");
	text[n] = '\0';
	if (symlinkat(text, to_dir, name) < 0)
		return fail(e, errno, "copy: %m");
	if (fchownat(to_dir, name, like->st_uid, like->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EINVAL)
		return fail(e, errno, "copy: owner: %m");
	return 0;
}

static int copy_folder(int from, int to, unsigned depth, struct err *e);

static int copy_below(int from_dir, int to_dir, const char *name, const struct stat *like,
		      unsigned depth, struct err *e)
{
	OWN_FD from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (depth == DEPTH_MAX)
		return fail(e, ELOOP, "copy: more than %d folders in each other", DEPTH_MAX);
	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return fail(e, errno, "copy: %m");

	OWN_FD to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (to < 0)
		return fail(e, errno, "copy: %m");
	TRY(copy_folder(from, to, depth + 1, e));
	return dress(to, like, e);
}

static int copy_one(int from, int to, const char *name, unsigned depth, struct err *e)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(e, errno, "copy: %m");
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_below(from, to, name, &st, depth, e);
	case S_IFREG:
		return copy_file(from, to, name, &st, e);
	case S_IFLNK:
		return copy_link(from, to, name, &st, e);
	default:
		return 0; /* sockets, pipes and devices stand for what made them */
	}
}

static int copy_folder(int from, int to, unsigned depth, struct err *e)
{
	DIR *dir = fdopendir(fcntl(from, F_DUPFD_CLOEXEC, 3));
	struct dirent *entry;
	int r = 0;

	if (dir == NULL)
		return fail(e, errno, "copy: %m");
	while (r == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = copy_one(from, to, entry->d_name, depth, e);
		if (r < 0 && depth < 3) /* where it was, without a path of any length */
			within(e, "%s", entry->d_name);
	}
	if (r == 0 && errno != 0)
		r = fail(e, errno, "copy: %m");
	closedir(dir);
	return r;
}

int copyup(int mnt, int target, bool has_mode, struct err *e)
{
	struct stat st;
	OWN_FD from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OWN_FD to = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return fail(e, errno, "copy: %m");
	TRY(copy_folder(from, to, 0, e));
	return has_mode ? 0 : dress(to, &st, e);
}
