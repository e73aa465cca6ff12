/*
 * Where --events writes.
 */
#include "cli/events_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cli/attach.h"

/* A reader that does not read must not hold the container up: what would wait is counted as lost. A line is shorter than
 * what a pipe and a socket take as a whole. */
static int open_events_path(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return attach_socket(path, SOCK_NONBLOCK);
	fd = open(path, flags, 0600);
	return fd < 0 ? -errno : fd;
}

/* The caller's pipe, without changing how the caller's own end of it waits. */
static int open_events_fd(int given)
{
	char path[32];
	struct stat st;
	int fd;

	if (fstat(given, &st) < 0)
		return -errno;
	snprintf(path, sizeof path, "/proc/self/fd/%d", given);
	fd = S_ISFIFO(st.st_mode) ? open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
				  : fcntl(given, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

int events_open(const struct events_option *o, struct err *e)
{
	const char *path = o->file;
	int fd;

	if (!o->set)
		return -1;
	fd = path != NULL ? open_events_path(path) : open_events_fd(o->fd);
	if (fd >= 0)
		return fd;
	fail(e, -fd, "--events %s: %m", path != NULL ? path : "descriptor");
	return fd == -ENXIO || fd == -ECONNREFUSED ? advise(e, "start whatever reads them first")
						   : fd;
}
