#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/probe.h"

enum {
	/* More than the mounts of a few thousand containers: control groups are mounted long
	 * before. */
	MOUNTINFO_MAX = 1024 * 1024,
	LINE_ROOM = 8192, /* two paths of PATH_MAX do not fit, but then ours would not either */
	GROUPS_ROOM = 8192,
	LIST_ROOM = 512, /* a list of controllers */
};

const char *const cgroup_names_v2[CGROUP_CONTROLLERS] = { "memory",  "cpu",     "pids", "io",
							  "cpuset",  "hugetlb", "rdma", "misc",
							  "devices", "cpuacct" };
const char *const cgroup_names_v1[CGROUP_CONTROLLERS] = { "memory",  "cpu",     "pids", "blkio",
							  "cpuset",  "hugetlb", "rdma", "misc",
							  "devices", "cpuacct" };

/* Bits of the names that are in `list`, whose words stand between characters of `between`. */
static uint32_t bits_of(const char *const names[CGROUP_CONTROLLERS], const char *list, size_t len,
			const char *between)
{
	uint32_t bits = 0;
	const char *end = list + len;

	while (list < end) {
		size_t n = 0;

		while (list + n < end && strchr(between, list[n]) == NULL)
			n++;
		for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
			if (strlen(names[i]) == n && memcmp(names[i], list, n) == 0)
				bits |= 1u << i;
		list += n + 1;
	}
	return bits;
}

uint32_t cgroup_bits_v2(const char *list)
{
	return bits_of(cgroup_names_v2, list, strlen(list), " \n");
}

/* ---- reading the two files of /proc ---- */

/* Copies n bytes, or leaves "" when they do not fit. */
static void keep(char out[HOST_PATH_MAX], const char *s, size_t n)
{
	if (n >= HOST_PATH_MAX)
		n = 0;
	memcpy(out, s, n);
	out[n] = '\0';
}

/* One line of /proc/self/cgroup: number:controllers:path. */
static void group_line(struct cgroup_places *p, const char *line, size_t len)
{
	const char *names = memchr(line, ':', len);

	if (names == NULL)
		return;
	names++;

	const char *path = memchr(names, ':', len - (size_t)(names - line));

	if (path == NULL)
		return;

	size_t names_len = (size_t)(path - names);
	size_t path_len = len - (size_t)(++path - line);
	uint32_t bits = bits_of(cgroup_names_v1, names, names_len, ",");

	if (names_len == 0 && line[0] == '0')
		keep(p->v2.group, path, path_len);
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (bits & 1u << i)
			keep(p->v1[i].group, path, path_len);
}

void cgroup_places_groups(struct cgroup_places *p, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		group_line(p, text, len);
		text += len + (text[len] == '\n');
	}
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Copies a field of mountinfo, undoing \040 and the like (mangle() in fs/proc_namespace.c). */
static void keep_decoded(char out[HOST_PATH_MAX], const char *s, size_t n)
{
	size_t used = 0;

	for (size_t i = 0; i < n; used++) {
		if (used == HOST_PATH_MAX - 1) {
			used = 0;
			break;
		}
		if (s[i] == '\\' && n - i > 3 && is_octal(s[i + 1]) && is_octal(s[i + 2]) &&
		    is_octal(s[i + 3])) {
			out[used] = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 |
					   (s[i + 3] - '0'));
			i += 4;
		} else {
			out[used] = s[i++];
		}
	}
	out[used] = '\0';
}

struct field {
	const char *at;
	size_t len;
};

/* The next field of a line; false at its end. */
static bool next_field(const char **line, struct field *f)
{
	f->at = *line;
	f->len = strcspn(*line, " ");
	*line += f->len + ((*line)[f->len] == ' ');
	return f->len != 0;
}

/* Where `group` is shown by a mount of its hierarchy's folder `root` at `mount`. */
static void place(struct cgroup_place *p, const char *root, const char *mount)
{
	size_t root_len = strcmp(root, "/") == 0 ? 0 : strlen(root);
	const char *rest = p->group + root_len;
	int n;

	if (p->own[0] != '\0' || mount[0] != '/' || p->group[0] != '/')
		return;
	snprintf(p->mount, sizeof p->mount, "%s", mount);
	if (strncmp(p->group, root, root_len) != 0 || (*rest != '\0' && *rest != '/') ||
	    strstr(p->group, "/..") != NULL)
		return;
	n = snprintf(p->own, sizeof p->own, "%s%s", mount, strcmp(rest, "/") == 0 ? "" : rest);
	if (n < 0 || (size_t)n >= sizeof p->own)
		p->own[0] = '\0';
}

void cgroup_places_mount(struct cgroup_places *p, const char *line)
{
	/* id parent major:minor root mount options [tags …] - type source super-options */
	enum { ROOT = 3, MOUNT = 4, TYPE = 1, SUPER = 3 };
	struct field head[MOUNT + 1], tail[SUPER + 1], f;
	char root[HOST_PATH_MAX], mount[HOST_PATH_MAX];

	for (unsigned i = 0; i <= MOUNT; i++)
		if (!next_field(&line, &head[i]))
			return;
	do
		if (!next_field(&line, &f))
			return;
	while (f.len != 1 || f.at[0] != '-');
	for (unsigned i = TYPE; i <= SUPER; i++)
		if (!next_field(&line, &tail[i]))
			return;

	bool v2 = tail[TYPE].len == 7 && memcmp(tail[TYPE].at, "cgroup2", 7) == 0;
	bool v1 = tail[TYPE].len == 6 && memcmp(tail[TYPE].at, "cgroup", 6) == 0;

	if (!v1 && !v2)
		return;
	keep_decoded(root, head[ROOT].at, head[ROOT].len);
	keep_decoded(mount, head[MOUNT].at, head[MOUNT].len);
	if (v2) {
		place(&p->v2, root, mount);
		return;
	}

	uint32_t bits = bits_of(cgroup_names_v1, tail[SUPER].at, tail[SUPER].len, ",");

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (bits & 1u << i)
			place(&p->v1[i], root, mount);
}

/* Is every hierarchy found that the caller has a group in? */
static bool complete(const struct cgroup_places *p)
{
	if (p->v2.group[0] != '\0' && p->v2.own[0] == '\0')
		return false;
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (p->v1[i].group[0] != '\0' && p->v1[i].own[0] == '\0')
			return false;
	return true;
}

/* Hands over the lines that are whole in text[0..len); returns how much of it they took. */
static size_t whole_lines(struct cgroup_places *p, char *text, size_t len)
{
	size_t done = 0;
	char *end;

	while ((end = memchr(text + done, '\n', len - done)) != NULL) {
		*end = '\0';
		cgroup_places_mount(p, text + done);
		done = (size_t)(end - text) + 1;
	}
	return done;
}

static void read_mounts(struct cgroup_places *p)
{
	OWN_FD fd = path_open("/proc/self/mountinfo", O_RDONLY);
	char text[LINE_ROOM];
	size_t len = 0;
	ssize_t n;

	for (size_t total = 0; fd >= 0 && total < MOUNTINFO_MAX && !complete(p);
	     total += (size_t)n) {
		n = read(fd, text + len, sizeof text - len);
		if (n <= 0)
			return;
		len += (size_t)n;

		size_t done = whole_lines(p, text, len);

		len -= done;
		memmove(text, text + done, len);
		if (len == sizeof text)
			len = 0; /* no line of ours; what follows of it has no '-' field in place */
	}
}

/* Looks where every distribution mounts the hierarchies: half the time of reading mountinfo. */
static void guess(struct cgroup_place *p, const char *mount, long magic)
{
	struct statfs fs;
	int n = snprintf(p->own, sizeof p->own, "%s%s", mount,
			 strcmp(p->group, "/") == 0 ? "" : p->group);

	if (p->group[0] == '/' && n < HOST_PATH_MAX && strstr(p->group, "/..") == NULL &&
	    statfs(p->own, &fs) == 0 && (long)fs.f_type == magic)
		keep(p->mount, mount, strlen(mount));
	else
		p->own[0] = '\0';
}

static void guess_all(struct cgroup_places *p)
{
	bool any_v1 = false;

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		char mount[64];

		if (p->v1[i].group[0] == '\0')
			continue;
		any_v1 = true;
		snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", cgroup_names_v1[i]);
		guess(&p->v1[i], mount, CGROUP_SUPER_MAGIC);
	}
	guess(&p->v2, any_v1 ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup", CGROUP2_SUPER_MAGIC);
}

/* ---- which folders can be used ---- */

/* A short file of a group's folder, "" when it cannot be read. */
static void read_small(int dir, const char *file, char out[LIST_ROOM])
{
	OWN_FD fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, LIST_ROOM - 1);

	out[n > 0 ? n : 0] = '\0';
}

/* The controllers that a v2 group can have, or be given, for its children. */
static uint32_t offered(int dir)
{
	char text[LIST_ROOM];
	uint32_t bits = 0;

	/* A group with processes of its own cannot get more than it has, unless it is the root,
	 * which has no type (Documentation/admin-guide/cgroup-v2.rst, "No Internal Process
	 * Constraint"). */
	if (faccessat(dir, "cgroup.type", F_OK, 0) == 0) {
		read_small(dir, "cgroup.subtree_control", text);
		bits = cgroup_bits_v2(text);
		read_small(dir, "cgroup.procs", text);
		if (text[0] != '\0')
			return bits;
	}
	if (faccessat(dir, "cgroup.subtree_control", W_OK, 0) < 0)
		return bits;
	read_small(dir, "cgroup.controllers", text);
	return bits | cgroup_bits_v2(text);
}

/* A place below which groups can be made, kept in *out if it is better than what is there: the
 * first that has controllers, else the first. */
static void consider(const char *path, struct host_cgroup *out)
{
	OWN_FD dir = path_open(path, O_PATH | O_DIRECTORY);

	/* Moving a process needs the right to write the procs file of the nearest group that
	 * encloses where it is and where it goes (cgroup_attach_permissions,
	 * kernel/cgroup/cgroup.c). */
	if (dir < 0 || faccessat(dir, ".", W_OK, 0) < 0 ||
	    faccessat(dir, "cgroup.procs", W_OK, 0) < 0)
		return;

	uint32_t bits = offered(dir);

	if (out->v2_parent[0] == '\0' || (out->v2_controllers == 0 && bits != 0)) {
		snprintf(out->v2_parent, sizeof out->v2_parent, "%s", path);
		out->v2_controllers = bits;
	}
}

static void choose_v2(bool privileged, const struct cgroup_place *p, struct host_cgroup *out)
{
	char dir[HOST_PATH_MAX];
	size_t top = strlen(p->mount);

	memcpy(out->v2_mount, p->mount, sizeof out->v2_mount);
	if (top == 0)
		return;
	if (privileged)
		consider(p->mount, out);
	memcpy(dir, p->own, sizeof dir);
	while (out->v2_controllers == 0 && strlen(dir) >= top) {
		consider(dir, out);
		*strrchr(dir, '/') = '\0';
	}
}

static void choose_v1(const struct cgroup_place *p, char parent[HOST_PATH_MAX], uint16_t *mount_len)
{
	if (p->own[0] == '\0' || access(p->own, W_OK) < 0)
		return;
	memcpy(parent, p->own, HOST_PATH_MAX);
	*mount_len = (uint16_t)strlen(p->mount);
}

void probe_cgroup(bool privileged, struct host_cgroup *out)
{
	struct cgroup_places p;
	char text[GROUPS_ROOM];
	OWN_FD fd = path_open("/proc/self/cgroup", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	memset(out, 0, sizeof *out);
	memset(&p, 0, sizeof p);
	if (n <= 0)
		return;
	text[n] = '\0';
	cgroup_places_groups(&p, text);
	guess_all(&p);
	if (!complete(&p))
		read_mounts(&p);
	choose_v2(privileged, &p.v2, out);
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		choose_v1(&p.v1[i], out->v1_parent[i], &out->v1_mount_len[i]);
}

void probe_user_manager(uint32_t uid, struct host_cgroup *out)
{
	char path[HOST_PATH_MAX], text[LIST_ROOM] = "";
	int n = snprintf(path, sizeof path, "%s/user.slice/user-%u.slice/user@%u.service",
			 out->v2_mount, uid, uid);
	OWN_FD dir = -1;

	if (out->v2_mount[0] == '\0' || n < 0 || (size_t)n >= sizeof path)
		return;
	dir = path_open(path, O_PATH | O_DIRECTORY);
	if (dir < 0)
		return;
	memcpy(out->v2_parent, path, sizeof path);
	read_small(dir, "cgroup.controllers", text);
	out->v2_controllers = cgroup_bits_v2(text);
}
