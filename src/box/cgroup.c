#include "box/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/probe.h"
#include "kern/sys.h"

enum {
	FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	LIST_ROOM = 512,
};

static const char *controller_name(bool v2, unsigned bit)
{
	return v2 ? cgroup_names_v2[bit] : cgroup_names_v1[bit];
}

/* Reads a group's file without its last newline, "" when it cannot. */
static void read_text(int dir, const char *file, char out[LIST_ROOM])
{
	OWN_FD fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, out, LIST_ROOM - 1);

	if (n > 0 && out[n - 1] == '\n')
		n--;
	out[n > 0 ? n : 0] = '\0';
}

/* ---- folders ---- */

/* Opens an absolute path, following no link. */
static int open_folder(const char *path, int *out, struct err *e)
{
	int fd = sys_openat2(AT_FDCWD, path, FOLDER, 0, RESOLVE_NO_SYMLINKS);

	if (fd < 0)
		return fail(e, -fd, "%s: %m", path);
	*out = fd;
	return 0;
}

static int mkdir_failed(int no, const char *path, struct err *e)
{
	fail(e, no, "make the group %s: %m", path);
	if (no == EACCES || no == EPERM || no == EROFS)
		return advise(e, "have a group delegated: systemd-run --user --scope -p "
				 "Delegate=yes zviz ...");
	if (no == EAGAIN)
		return advise(e,
			      "a parent's cgroup.max.descendants or cgroup.max.depth is reached");
	if (no == ENOSPC)
		return advise(e, "too many groups exist, or cpuset.cpus of the parent is empty");
	return -no;
}

/* v1: a cpuset accepts no process before it has cpus and memory nodes; give it its parent's. */
static int fill_cpuset(int parent, int dir, const char *path, struct err *e)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char mine[LIST_ROOM], theirs[LIST_ROOM];

	for (size_t i = 0; i < COUNT(files); i++) {
		read_text(dir, files[i], mine);
		if (mine[0] != '\0')
			continue;
		read_text(parent, files[i], theirs);
		if (theirs[0] != '\0' && file_set(dir, files[i], theirs, e) < 0)
			return within(e, "cgroup controller cpuset: %s", path);
	}
	return 0;
}

/* v2: lets the children of `dir` have these controllers. Only what is missing is written: even a
 * write without effect waits for groups that are going away (cgroup_lock_and_drain_offline). */
static int enable(int dir, const char *path, uint32_t controllers, struct err *e)
{
	char text[LIST_ROOM];
	uint32_t there, known;
	size_t len = 0;

	if (controllers == 0)
		return 0;
	read_text(dir, "cgroup.subtree_control", text);
	there = cgroup_bits_v2(text);
	if ((controllers & ~there) == 0)
		return 0;
	read_text(dir, "cgroup.controllers", text);
	known = cgroup_bits_v2(text);
	text[0] = '\0';
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (!(controllers & ~there & 1u << i))
			continue;
		if (!(known & 1u << i)) {
			fail(e, ENOENT, "cgroup controller %s: not available in %s",
			     cgroup_names_v2[i], path);
			return advise(e,
				      "enable it above: echo +%s > .../cgroup.subtree_control, or "
				      "with systemd "
				      "Delegate=yes",
				      cgroup_names_v2[i]);
		}
		len += (size_t)snprintf(text + len, sizeof text - len, "%s+%s", len ? " " : "",
					cgroup_names_v2[i]);
	}
	if (file_set(dir, "cgroup.subtree_control", text, e) == 0)
		return 0;
	if (e->no == EBUSY)
		advise(e,
		       "%s holds processes itself: start zviz in a group of its own, or with "
		       "systemd-run "
		       "--scope",
		       path);
	return within(e, "cgroup %s", path);
}

/* Makes `name` in `parent`, replacing an empty one: its counters would be someone else's. */
static int make_fresh(int parent, const char *name, const struct cgroup_group *g, const char *id,
		      struct err *e)
{
	if (mkdirat(parent, name, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return mkdir_failed(errno, g->path, e);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		if (errno != EBUSY)
			return fail(e, errno, "remove the old group %s: %m", g->path);
		fail(e, EEXIST, "the group %s exists and is in use", g->path);
		return advise(
			e, "choose another id, or end what is left of it: zviz delete --force %s",
			id);
	}
	return mkdirat(parent, name, 0755) == 0 ? 0 : mkdir_failed(errno, g->path, e);
}

/* The folder of a path's first `len` bytes, made if it is not there. */
static int open_parent(const struct cgroup_group *g, size_t len, int *out, struct err *e)
{
	char path[CGROUP_PATH_MAX];

	snprintf(path, sizeof path, "%.*s", len != 0 ? (int)len : 1, g->path);
	if (len > g->base_len && mkdir(path, 0755) < 0 && errno != EEXIST)
		return mkdir_failed(errno, path, e);
	TRY(open_folder(path, out, e));
	return g->v2 ? enable(*out, path, g->controllers & ~(uint32_t)CGROUP_DEVICES, e) : 0;
}

/* Opens the folder that the group is in; what lies between it and the base is made, and passes the controllers on. */
static int open_parents(const struct cgroup_group *g, int *out, struct err *e)
{
	size_t end = (size_t)(strrchr(g->path, '/') - g->path);

	for (size_t len = g->base_len;; len += 1 + strcspn(g->path + len + 1, "/")) {
		OWN_FD dir = -1;

		TRY(open_parent(g, len, &dir, e));
		if (!g->v2 && g->controllers & CGROUP_CPUSET && len > g->base_len) {
			OWN_FD above = openat(dir, "..", FOLDER);

			TRY(fill_cpuset(above, dir, g->path, e));
		}
		if (len >= end) {
			*out = fd_take(&dir);
			return 0;
		}
	}
}

/* Somebody else's end may take a common parent away while it has nothing in it. */
static int make_in_parents(const char *id, const struct cgroup_group *g, int *parent, struct err *e)
{
	enum { TRIES = 100 };
	int r = -ENOENT;

	for (unsigned i = 0; r == -ENOENT && i < TRIES; i++) {
		fd_close(parent);
		r = open_parents(g, parent, e);
		if (r >= 0 && !g->there)
			r = make_fresh(*parent, strrchr(g->path, '/') + 1, g, id, e);
		if (r == -ENOENT && g->base_len >= (size_t)(strrchr(g->path, '/') - g->path))
			break;
	}
	return r;
}

static int make_group(const char *id, struct cgroup_group *g, struct err *e)
{
	const char *name = strrchr(g->path, '/') + 1;
	OWN_FD parent = -1;

	TRY(make_in_parents(id, g, &parent, e));
	g->dir = openat(parent, name, FOLDER);
	if (g->dir < 0) {
		fail(e, errno, "%s: %m", g->path);
		if (!g->there)
			unlinkat(parent, name, AT_REMOVEDIR);
		return -e->no;
	}
	if (!g->v2 && g->controllers & CGROUP_CPUSET)
		return fill_cpuset(parent, g->dir, g->path, e);
	return 0;
}

/* ---- the whole ---- */

static int open_tasks(struct cgroup_group *g, struct err *e)
{
	g->tasks = openat(g->dir, "tasks", O_WRONLY | O_CLOEXEC);
	return g->tasks >= 0 ? 0 : fail(e, errno, "%s/tasks: %m", g->path);
}

/* Makes a named group. On failure its folder may be left, with g->dir open, for the caller to remove. */
static int open_group(const char *id, struct cgroup_group *g, struct err *e)
{
	TRY(make_group(id, g, e));
	if (g->v2)
		return 0;
	return open_tasks(g, e);
}

const struct cgroup_group *cgroup_group_for(const struct cgroup *c, unsigned controller)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].controllers & 1u << controller)
			return &c->at[i];
	return NULL;
}

int cgroup_open(const struct cgroup *c, uint32_t controller, const char *v2_file,
		const char *v1_file)
{
	const struct cgroup_group *g = cgroup_group_for(c, (unsigned)__builtin_ctz(controller));

	/* A v2 group counts some things without any controller. */
	if (g == NULL && c->n > 0 && c->at[0].v2)
		g = &c->at[0];

	const char *file = g == NULL ? NULL : g->v2 ? v2_file : v1_file;

	return file != NULL ? openat(g->dir, file, O_RDONLY | O_CLOEXEC) : -1;
}

/* The largest quota that the groups above permit (cpu v1): none may have a larger share than one above it
 * (tg_cfs_schedulable_down() in kernel/sched/core.c), and so the first that has a quota has the smallest. UINT64_MAX: none has. */
static uint64_t quota_above(int group)
{
	const uint64_t period = cgroup_number(group, "cpu.cfs_period_us", NULL);
	int at = openat(group, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t theirs = 0, own = UINT64_MAX;

	while (at >= 0 && own == UINT64_MAX && faccessat(at, "cpu.cfs_quota_us", F_OK, 0) == 0) {
		int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		own = cgroup_number(at, "cpu.cfs_quota_us", NULL); /* -1 is no number */
		theirs = cgroup_number(at, "cpu.cfs_period_us", NULL);
		fd_close(&at);
		at = up;
	}
	fd_close(&at);
	if (own == UINT64_MAX || theirs == 0 || theirs == UINT64_MAX || period == UINT64_MAX)
		return UINT64_MAX;
	return own * period / theirs;
}

/* Where the kernel takes no quota for being larger than one above it, what that one leaves is the limit. */
static int set_limit(int group, const char *file, const char *value, struct err *e)
{
	char less[24];
	uint64_t most;
	int r = file_set(group, file, value, e);

	if (r != -EINVAL || strcmp(file, "cpu.cfs_quota_us") != 0)
		return r;
	most = quota_above(group);
	if (most >= strtoull(value, NULL, 10))
		return r;
	snprintf(less, sizeof less, "%" PRIu64, most);
	return file_set(group, file, less, e);
}

static int write_limit(const struct cgroup *c, const struct plan_limit *l, struct err *e)
{
	const struct cgroup_group *g = cgroup_group_for(c, l->controller);

	if (g == NULL && l->optional)
		return 0;
	if (g == NULL)
		return fail(e, ENOENT, "cgroup controller %s: no group to write %s to",
			    cgroup_names_v2[l->controller],
			    l->v2_file != NULL ? l->v2_file : l->v1_file);

	const char *file = g->v2 ? l->v2_file : l->v1_file,
		   *value = g->v2 ? l->v2_value : l->v1_value;

	if (file == NULL || value == NULL)
		return 0; /* this limit does not exist in that version, which the plan knows */
	if (set_limit(g->dir, file, value, e) == 0 || (l->optional && e->no == ENOENT))
		return 0;
	switch (e->no) {
	case ENOENT:
		advise(e, "this kernel has no %s: leave that limit out of the profile", file);
		break;
	case EINVAL:
	case ERANGE:
		advise(e, "the kernel does not take this value: change the limit in the profile");
		break;
	case EBUSY:
		advise(e,
		       "the limit is below what is in use, or contradicts one that is set already");
		break;
	default:
		break;
	}
	return within(e, "cgroup controller %s: %s", controller_name(g->v2, l->controller),
		      g->path);
}

/* Where a caller names the group, somebody may hold one above it. Who enters it would never come to say a word. */
static int check_held(const struct cgroup_group *g, struct err *e)
{
	if (!g->v2 || cgroup_number(g->dir, "cgroup.events", "frozen") != 1)
		return 0;
	fail(e, EBUSY, "the group %s is frozen, by one above it", g->path);
	return advise(e, "write 0 to that one's cgroup.freeze first");
}

static int fill(const struct plan *p, struct cgroup *out, struct err *e)
{
	struct cgroup named;

	TRY(cgroup_name(p, &named, e));
	for (size_t i = 0; i < named.n; i++) {
		struct cgroup_group *g = &out->at[out->n];
		int r;

		*g = named.at[i];
		r = open_group(p->id, g, e);
		out->n += g->dir >= 0;
		if (r >= 0 && p->group.path != NULL)
			r = check_held(g, e);
		if (r < 0 && !g->v2)
			return within(e, "cgroup controller %s",
				      cgroup_names_v1[__builtin_ctz(g->controllers)]);
		TRY(r);
	}
	for (size_t i = 0; i < p->nlimits; i++)
		TRY(write_limit(out, &p->limits[i], e));
	return p->devices.nrules != 0 ? cgroup_devices(out, p, e) : 0;
}

int cgroup_create(const struct plan *p, struct cgroup *out, struct err *e)
{
	struct err ignored;
	int r;

	*out = (struct cgroup){ 0 };
	r = fill(p, out, e);
	if (r < 0)
		cgroup_remove(out, &ignored);
	return r;
}

int cgroup_fd(const struct cgroup *c)
{
	return c->n > 0 && c->at[0].v2 ? c->at[0].dir : -1;
}

int cgroup_enter(struct cgroup *c, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		/* "0" in tasks, not in cgroup.procs: a lone thread that moves itself takes no
		 * percpu rwsem, so there is no RCU wait (cgroup_procs_write_start,
		 * kernel/cgroup/cgroup.c). */
		if (c->at[i].tasks >= 0 && write(c->at[i].tasks, "0", 1) != 1)
			return fail(e, errno, "enter the group %s: %m", c->at[i].path);
	}
	cgroup_close(c);
	return 0;
}

void cgroup_close(struct cgroup *c)
{
	for (size_t i = 0; i < c->n; i++) {
		fd_close(&c->at[i].tasks);
		fd_close(&c->at[i].dir);
	}
	c->n = 0;
}

void cgroup_paths(const struct cgroup *c, struct buf *out)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].made != 0)
			buf_printf(out, "+%u %s\n", c->at[i].made, c->at[i].path);
		else
			buf_printf(out, "%s\n", c->at[i].path);
}

/* "+2 /a/b/c/d": so many folders above it may be ours as well. */
static unsigned read_made(const char **path, size_t *len)
{
	unsigned made = 0;
	const char *s = *path;

	if (*len < 3 || s[0] != '+' || s[1] < '1' || s[1] > '9')
		return 0;
	for (s++; *s >= '0' && *s <= '9' && made < CGROUP_PATH_MAX; s++)
		made = made * 10 + (unsigned)(*s - '0');
	if (*s != ' ')
		return 0;
	*len -= (size_t)(s + 1 - *path);
	*path = s + 1;
	return made;
}

/* Opens one recorded folder; `len` bytes of `path`. */
static int reopen_group(const char *path, size_t len, struct cgroup *out, struct err *e)
{
	struct statfs fs;
	OWN_FD dir = -1;
	unsigned made = read_made(&path, &len);

	if (out->n == CGROUP_GROUPS)
		return fail(e, EINVAL, "more groups than a container has");

	struct cgroup_group *g = &out->at[out->n];

	if (path[0] != '/' || len >= sizeof g->path)
		return fail(e, EINVAL, "'%.*s' names no group", len < 100 ? (int)len : 100, path);
	*g = (struct cgroup_group){ .tasks = -1, .made = made };
	memcpy(g->path, path, len);
	if (open_folder(g->path, &dir, e) < 0) {
		if (e->no != ENOENT)
			return -e->no;
		cgroup_remove_above(g);
		return 0;
	}
	if (fstatfs(dir, &fs) < 0)
		return fail(e, errno, "%s: %m", g->path);
	if (fs.f_type != CGROUP2_SUPER_MAGIC && fs.f_type != CGROUP_SUPER_MAGIC)
		return fail(e, EINVAL, "%s: no control group", g->path);
	g->v2 = fs.f_type == CGROUP2_SUPER_MAGIC;
	g->dir = fd_take(&dir);
	out->n++;
	return 0;
}

int cgroup_open_tasks(struct cgroup *c, struct err *e)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->at[i].v2)
			TRY(open_tasks(&c->at[i], e));
	return 0;
}

int cgroup_reopen(const char *paths, struct cgroup *out, struct err *e)
{
	*out = (struct cgroup){ 0 };
	while (*paths != '\0') {
		size_t len = strcspn(paths, "\n");
		int r = reopen_group(paths, len, out, e);

		if (r < 0) {
			cgroup_close(out);
			return r;
		}
		paths += len + (paths[len] == '\n');
	}
	return 0;
}
