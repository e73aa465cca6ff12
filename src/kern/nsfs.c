#include "kern/nsfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"

static const struct type {
	uint64_t type;
	const char *file;
} types[] = {
	{ CLONE_NEWNET, "net" },       { CLONE_NEWIPC, "ipc" },   { CLONE_NEWUTS, "uts" },
	{ CLONE_NEWUSER, "user" },     { CLONE_NEWNS, "mnt" },    { CLONE_NEWPID, "pid" },
	{ CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWTIME, "time" },
};

const char *nsfs_file(uint64_t type)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (types[i].type == type)
			return types[i].file;
	return NULL;
}

/* Through the descriptor, so that it is what was found: to open a device or a FIFO would do something. */
static int reopen(int found)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", found);
	return path_open(path, O_RDONLY);
}

int nsfs_open(const char *path, uint64_t type, struct err *e)
{
	OWN_FD found = path_open(path, O_PATH);
	OWN_FD fd = -1;
	struct statfs fs;
	const char *is, *wanted = nsfs_file(type);
	int got;

	if (found < 0) {
		fail(e, errno, "%s: %m", path);
		return e->no == ENOENT
			       ? advise(e, "whatever it was the namespace of may have ended")
			       : -e->no;
	}
	if (fstatfs(found, &fs) < 0)
		return fail(e, errno, "%s: %m", path);
	if (fs.f_type != NSFS_MAGIC)
		return fail(e, EINVAL, "%s: not a namespace", path);
	fd = reopen(found);
	got = fd >= 0 ? ioctl(fd, NS_GET_NSTYPE) : -1;
	if (got < 0)
		return fail(e, errno, "%s: %m", path);
	is = nsfs_file((uint64_t)(unsigned)got);
	if ((uint64_t)(unsigned)got != type)
		return fail(e, EINVAL, "%s: of type %s, not %s", path, is != NULL ? is : "?",
			    wanted != NULL ? wanted : "?");
	return fd_take(&fd);
}

int nsfs_own(uint64_t type, struct err *e)
{
	char path[64];
	const char *file = nsfs_file(type);
	int fd;

	snprintf(path, sizeof path, "/proc/self/ns/%s", file != NULL ? file : "?");
	fd = path_open(path, O_RDONLY);
	return fd >= 0 ? fd : fail(e, errno, "%s: %m", path);
}

bool nsfs_same(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

uint64_t nsfs_inode(int ns)
{
	struct stat st;

	return fstat(ns, &st) == 0 ? st.st_ino : 0;
}

/* What the kernel hands out is close-on-exec (open_related_ns() in fs/nsfs.c). */
int nsfs_parent(int ns)
{
	int fd = ioctl(ns, NS_GET_PARENT);

	return fd >= 0 ? fd : -errno;
}

int nsfs_owner(int ns)
{
	int fd = ioctl(ns, NS_GET_USERNS);

	return fd >= 0 ? fd : -errno;
}
