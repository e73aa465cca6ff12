#include "box/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/subid.h"

enum {
	MAP_ROOM =
		4096, /* the kernel takes less than a page (map_write, kernel/user_namespace.c) */
	EXTENTS_MAX = 340, /* UID_GID_MAP_MAX_EXTENTS, 4.15 */
	SAID_MAX = 200,    /* bytes of a helper's complaint that are shown */
	NUMBER_ROOM = 12,
};

/* ---- written by ourselves ---- */

static int write_map(int proc, const char *file, const struct id_maps *maps, struct err *e)
{
	char text[MAP_ROOM];
	size_t len = 0;

	for (size_t i = 0; i < maps->n; i++) {
		int n = snprintf(text + len, sizeof text - len, "%u %u %u\n", maps->at[i].inside,
				 maps->at[i].outside, maps->at[i].count);

		len += (size_t)n;
		if (n < 0 || len >= sizeof text)
			return fail(e, E2BIG, "%s: %zu ranges are more than the kernel takes", file,
				    maps->n);
	}
	if (file_set(proc, file, text, e) == 0)
		return 0;
	if (e->no == EPERM)
		advise(e, "a user maps its own id only; for more, configure /etc/subuid and "
			  "/etc/subgid. If this "
			  "is its own, something forbids user namespaces: see `zviz check`");
	if (e->no == EINVAL)
		advise(e, "ranges must not overlap, inside or outside");
	return -e->no;
}

int ids_write_maps(int proc, const struct id_maps *uids, const struct id_maps *gids, struct err *e)
{
	TRY(write_map(proc, "uid_map", uids, e));
	return write_map(proc, "gid_map", gids, e);
}

/* ---- written by newuidmap and newgidmap ---- */

struct helper {
	const char *name;
	pid_t pid;
	int said; /* its standard error */
};

/* Fixed places and an empty environment: these programs are setuid. */
static int find_helper(const char *name, char path[64], struct err *e)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin" };

	for (size_t i = 0; i < COUNT(dirs); i++) {
		snprintf(path, 64, "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return 0;
	}
	fail(e, ENOENT, "%s: not installed", name);
	return advise(e, "install the package uidmap (shadow-utils on Fedora and its like)");
}

/* Starts path with argv; its output goes to `out`. */
static int start(const char *path, char *const argv[], int out, pid_t *pid)
{
	static char *const env[] = { NULL };
	posix_spawn_file_actions_t files;
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, out, 2);
	if (r == 0)
		r = posix_spawn(pid, path, &files, NULL, argv, env);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

static int helper_start(struct helper *h, pid_t child, const struct id_maps *maps, struct err *e)
{
	char path[64], numbers[1 + 3 * EXTENTS_MAX][NUMBER_ROOM];
	char *argv[2 + 3 * EXTENTS_MAX + 1];
	size_t n = 0;
	int ends[2];

	if (maps->n > EXTENTS_MAX)
		return fail(e, E2BIG, "%s: %zu ranges are more than the kernel takes", h->name,
			    maps->n);
	TRY(find_helper(h->name, path, e));
	snprintf(numbers[n++], NUMBER_ROOM, "%d", child);
	for (size_t i = 0; i < maps->n; i++) {
		snprintf(numbers[n++], NUMBER_ROOM, "%u", maps->at[i].inside);
		snprintf(numbers[n++], NUMBER_ROOM, "%u", maps->at[i].outside);
		snprintf(numbers[n++], NUMBER_ROOM, "%u", maps->at[i].count);
	}
	argv[0] = path;
	for (size_t i = 0; i < n; i++)
		argv[1 + i] = numbers[i];
	argv[1 + n] = NULL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(e, errno, "%s: %m", h->name);
	h->said = ends[0];

	OWN_FD write_end = ends[1];
	int r = start(path, argv, write_end, &h->pid);

	return r < 0 ? fail(e, -r, "%s: %m", path) : 0;
}

/* Makes what a program said fit into a message: one line, printable. */
static void tidy(char *text, ssize_t len)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	text[len > 0 ? len : 0] = '\0';
	for (char *s = text; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			*s = ' ';
}

static int helper_finish(struct helper *h, struct err *e)
{
	char text[SAID_MAX + 1], rest[256];
	ssize_t len = fd_read_all(h->said, text, SAID_MAX);
	int status = 0;
	pid_t r;

	tidy(text, len);
	while (len == SAID_MAX && fd_read_all(h->said, rest, sizeof rest) == sizeof rest)
		; /* so that it is not stopped by a full pipe */
	fd_close(&h->said);
	do
		r = waitpid(h->pid, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return fail(e, errno, "wait for %s: %m", h->name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fail(e, EPERM, "%s: %s", h->name, text[0] != '\0' ? text : "failed without a word");
	return advise(
		e,
		"it permits what /etc/sub%s grants this user, and must be setuid root or hold "
		"cap_set%s",
		strcmp(h->name, "newuidmap") == 0 ? "uid" : "gid",
		strcmp(h->name, "newuidmap") == 0 ? "uid" : "gid");
}

static int run_helpers(const struct plan *p, pid_t child, struct err *e)
{
	struct helper uid = { .name = "newuidmap", .said = -1 };
	struct helper gid = { .name = "newgidmap", .said = -1 };
	struct err second;
	int r = helper_start(&uid, child, &p->uid_maps, e), s;

	if (r < 0) {
		fd_close(&uid.said);
		return r;
	}
	s = helper_start(&gid, child, &p->gid_maps, &second);
	r = helper_finish(&uid, e);
	if (s == 0)
		s = helper_finish(&gid, &second);
	fd_close(&gid.said);
	if (r == 0 && s < 0)
		*e = second;
	return r < 0 ? r : s;
}

/* ---- the whole ---- */

int ids_write(const struct plan *p, pid_t child, struct err *e)
{
	char path[32];
	OWN_FD proc = -1;

	if (p->mapping == IDS_NONE)
		return 0;
	snprintf(path, sizeof path, "/proc/%d", child);
	proc = path_open(path, O_PATH | O_DIRECTORY);
	if (proc < 0)
		return fail(e, errno, "%s: %m", path);
	/* Before the map of groups: the kernel demands it of ordinary users, and "deny" is
	 * refused later (proc_setgroups_write, kernel/user_namespace.c). */
	if (!p->may_set_groups || p->mapping == IDS_SINGLE)
		TRY(file_set(proc, "setgroups", "deny", e));
	return p->mapping == IDS_HELPER ? run_helpers(p, child, e)
					: ids_write_maps(proc, &p->uid_maps, &p->gid_maps, e);
}

uint32_t ids_outside(const struct id_maps *maps, uint32_t inside)
{
	for (size_t i = 0; i < maps->n; i++)
		if (inside >= maps->at[i].inside && inside - maps->at[i].inside < maps->at[i].count)
			return maps->at[i].outside + (inside - maps->at[i].inside);
	return ID_UNMAPPED;
}

static void add_maps(struct arena *a, const struct subid_ranges *ranges, struct id_maps *out)
{
	uint32_t inside = 1;

	for (size_t i = 0; i < ranges->n; i++) {
		uint32_t room = UINT32_MAX - inside;
		uint32_t count = ranges->at[i].count < room ? ranges->at[i].count : room;

		if (count == 0)
			return;
		*LIST_ADD(a, out) = (struct id_map){ inside, ranges->at[i].first, count };
		inside += count;
	}
}

int ids_ranges(struct arena *a, uint32_t uid, struct id_maps *uids, struct id_maps *gids,
	       struct err *e)
{
	struct subid_ranges u = { 0 }, g = { 0 };
	const char *user;

	*uids = (struct id_maps){ 0 };
	*gids = (struct id_maps){ 0 };
	TRY(subid_user(a, "/etc/passwd", uid, &user, e));
	TRY(subid_load(a, "/etc/subuid", user, uid, &u, e));
	TRY(subid_load(a, "/etc/subgid", user, uid, &g, e));
	add_maps(a, &u, uids);
	add_maps(a, &g, gids);
	return 0;
}
