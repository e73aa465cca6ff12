/*
 * Which processes are in a group, and whether they are held there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/cgroup.h"

enum {
	DEPTH_MAX = 128, /* groups inside groups; each costs a descriptor while it is visited */
	PROCS_BYTES =
		16
		<< 20, /* PID_MAX_LIMIT numbers are four times as many bytes, and no group has them */
};

static int add_pids(struct arena *a, int dir, struct cgroup_pids *out, struct err *e)
{
	char *text;
	size_t len;
	int r = file_read(dir, "cgroup.procs", PROCS_BYTES, a, &text, &len, e);

	if (r < 0)
		return e->no == ENODEV || e->no == ENOENT ? 0 : r; /* it went meanwhile */
	for (char *s = text, *end; (end = strchr(s, '\n')) != NULL; s = end + 1) {
		pid_t pid = (pid_t)strtol(s, NULL, 10);

		if (pid > 0) /* 0: of a pid namespace that we do not see */
			*LIST_ADD(a, out) = pid;
	}
	return 0;
}

static int add_below(struct arena *a, int parent, const char *name, unsigned depth,
		     struct cgroup_pids *out, struct err *e)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(e, errno, "%s: %m", name);
	if (depth == DEPTH_MAX) {
		close(fd);
		return fail(e, ELOOP, "%s: %m", name);
	}

	DIR *dir = fdopendir(fd);

	if (dir == NULL) {
		int no = errno;

		close(fd);
		return fail(e, no, "%s: %m", name);
	}

	int r = add_pids(a, fd, out, e);

	for (struct dirent *d; r == 0 && (d = readdir(dir)) != NULL;)
		if (d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0)
			r = add_below(a, fd, d->d_name, depth + 1, out, e);
	closedir(dir);
	return r;
}

int cgroup_members(struct arena *a, const struct cgroup_group *g, struct cgroup_pids *out,
		   struct err *e)
{
	return add_below(a, g->dir, ".", 0, out, e) < 0 ? within(e, "%s", g->path) : 0;
}

bool cgroup_frozen(const struct cgroup *c)
{
	OWN_FD fd = c->n > 0 && c->at[0].v2
			    ? openat(c->at[0].dir, "cgroup.freeze", O_RDONLY | O_CLOEXEC)
			    : -1;
	char word = '0';

	return fd >= 0 && read(fd, &word, 1) == 1 && word == '1';
}
