/*
 * The end of a container's groups: killing, removing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "box/cgroup.h"
#include "kern/sys.h"

enum {
	BATCH = 64, /* processes signalled at a time */
	FILE_ROOM = 4096,
	DEPTH_MAX = 128, /* groups inside groups; each costs a descriptor while it is visited */
	WAIT_FIRST_NS = 50000, /* ending processes: 0.05 ms, doubled up to 10 ms … */
	WAIT_LAST_NS = 10000000,
	WAITS = 300, /* … about three seconds */
};

static void wait_a_little(unsigned round)
{
	long ns = round < 8 ? (long)WAIT_FIRST_NS << round : WAIT_LAST_NS;
	struct timespec t = { .tv_nsec = ns < WAIT_LAST_NS ? ns : WAIT_LAST_NS };

	nanosleep(&t, NULL);
}

/* ---- groups inside groups ---- */

/* The raw record of getdents64(2): opendir would allocate for each level. */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short size;
	unsigned char type;
	char name[];
};

/* Calls fn for each folder in `dir`: the results or-ed, or the first negative one, which ends
 * it. */
static int each_folder(int dir, int (*fn)(int dir, const char *name, unsigned depth),
		       unsigned depth)
{
	_Alignas(struct entry) char records[2048];
	OWN_FD list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int all = 0, r;
	long n;

	if (list < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	while ((n = SYS_CALL(SYS_getdents64, list, records, sizeof records)) > 0)
		for (long at = 0; at < n;) {
			const struct entry *entry = (const void *)(records + at);

			at += entry->size;
			if (entry->type != DT_DIR || strcmp(entry->name, ".") == 0 ||
			    strcmp(entry->name, "..") == 0)
				continue;
			r = fn(dir, entry->name, depth);
			if (r < 0)
				return r;
			all |= r;
		}
	return n < 0 && n != -ENOENT ? (int)n : all; /* ENOENT: the group went away meanwhile */
}

/* ---- killing ---- */

/* The first processes of a group: their number, 0 when there are none or the group is gone.
 * Those of a pid namespace that we do not see read as 0 and are left out. */
static size_t read_pids(int dir, pid_t pids[BATCH])
{
	char text[BATCH * 12];
	OWN_FD fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text - 1);
	size_t n = 0;

	text[len > 0 ? len : 0] = '\0';
	for (char *s = text, *end; n < BATCH && (end = strchr(s, '\n')) != NULL; s = end + 1) {
		pids[n] = (pid_t)strtol(s, NULL, 10);
		n += pids[n] > 0;
	}
	return n;
}

static bool among(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Kills the first processes of one group; how many it saw. A number may be given to another
 * process at any time: only what is listed both before and after its pidfd was opened is the
 * group's for certain. */
static size_t kill_batch(int dir)
{
	pid_t before[BATCH], after[BATCH];
	int fds[BATCH];
	size_t n = read_pids(dir, before);

	for (size_t i = 0; i < n; i++)
		fds[i] = sys_pidfd_open(before[i], 0);

	size_t m = n > 0 ? read_pids(dir, after) : 0;

	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0 && among(after, m, before[i]))
			sys_pidfd_send_signal(fds[i], SIGKILL);
		fd_close(&fds[i]);
	}
	return n;
}

/* One round over a group and those below it: 1 when any had a process. */
static int kill_below(int parent, const char *name, unsigned depth)
{
	OWN_FD dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	if (depth == DEPTH_MAX)
		return -ELOOP;

	size_t seen = kill_batch(dir);
	int r = each_folder(dir, kill_below, depth + 1);

	return r < 0 ? r : r | (seen > 0);
}

int cgroup_kill(const struct cgroup *c, struct err *e)
{
	struct err none;
	int r = 0;

	/* cgroup.kill came with Linux 5.14; it takes the whole tree at once, forks in flight
	 * included. Every process was started in the v2 group, if there is one. */
	if (c->n > 0 && c->at[0].v2 && file_set(c->at[0].dir, "cgroup.kill", "1", &none) == 0)
		return 0;
	/* Whoever forks faster than we kill would live. */
	for (size_t i = 0; i < c->n; i++)
		if (!c->at[i].v2)
			(void)file_set(c->at[i].dir, "pids.max", "0", &none);
	for (unsigned round = 0; round < WAITS; round++) {
		r = 0;
		for (size_t i = 0; i < c->n && r >= 0; i++) {
			int seen = kill_below(c->at[i].dir, ".", 0);

			if (seen < 0)
				return fail(e, -seen, "kill the processes of %s: %m",
					    c->at[i].path);
			r |= seen;
		}
		if (r == 0)
			return 0;
		wait_a_little(round);
	}
	return fail(e, EBUSY, "processes of %s do not end", c->at[0].path);
}

/* ---- removing ---- */

static int remove_below(int parent, const char *name, unsigned depth)
{
	OWN_FD dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	if (depth == DEPTH_MAX)
		return -ELOOP;
	TRY(each_folder(dir, remove_below, depth + 1));
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* Most groups have none below them, and go at the first try. */
static int remove_group(int parent, const char *name)
{
	int r = -EBUSY;

	for (unsigned round = 0; r == -EBUSY && round < WAITS; round++) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (round > 0)
			wait_a_little(round - 1);
		r = remove_below(parent, name, 0);
	}
	return r;
}

void cgroup_remove_above(const struct cgroup_group *g)
{
	char path[CGROUP_PATH_MAX];
	char *slash;

	memcpy(path, g->path, sizeof path);
	for (unsigned i = 0; i < g->made && (slash = strrchr(path, '/')) != NULL; i++) {
		*slash = '\0';
		if (rmdir(path) < 0 && errno != ENOENT)
			return;
	}
}

static int remove_one(const struct cgroup_group *g, struct err *e)
{
	OWN_FD parent = openat(g->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = parent < 0 ? -errno : remove_group(parent, strrchr(g->path, '/') + 1);

	if (r >= 0) {
		cgroup_remove_above(g);
		return 0;
	}
	fail(e, -r, "remove the group %s: %m", g->path);
	return r == -EBUSY ? advise(e, "a process in it does not end: see %s/cgroup.procs", g->path)
			   : r;
}

bool cgroup_remove_empty(struct cgroup *c)
{
	for (size_t i = c->n; i-- > 0;) {
		const struct cgroup_group *g = &c->at[i];
		OWN_FD parent = openat(g->dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (parent < 0 || unlinkat(parent, strrchr(g->path, '/') + 1, AT_REMOVEDIR) < 0)
			return false;
		cgroup_remove_above(g);
	}
	cgroup_close(c);
	return true;
}

int cgroup_remove(struct cgroup *c, struct err *e)
{
	struct err here;
	int result = 0;

	for (size_t i = c->n; i-- > 0;) {
		int r = remove_one(&c->at[i], &here);

		if (r < 0 && result == 0) {
			result = r;
			*e = here;
		}
	}
	cgroup_close(c);
	return result;
}

/* ---- whether anybody is in it ---- */

bool cgroup_populated(const struct cgroup *c)
{
	for (size_t i = 0; i < c->n; i++) {
		uint64_t n = c->at[i].v2 ? cgroup_number(c->at[i].dir, "cgroup.events", "populated")
					 : 0;
		pid_t pids[BATCH];

		if (n == 1 || (!c->at[i].v2 && read_pids(c->at[i].dir, pids) > 0))
			return true;
	}
	return false;
}
