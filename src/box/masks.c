/*
 * What is made unreadable in the container's root: /dev/null over a file, an empty folder over a folder. A pattern is
 * looked up once, before the workload exists: what it makes itself later hides nothing from it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/rootfs.h"
#include "kern/sys.h"
#include "policy/decide.h"

enum {
	MATCHES_MAX =
		4096, /* of one pattern; each is a mount, and all mounts of a namespace are 100000 */
	WILD_MAX = 16, /* components with a * or ?, each of which opens a folder */
	ENTRIES_BYTES = 4096,
};

/* An empty read-only folder: made once, then cloned. */
static int mask_folder(struct box *b, struct err *e)
{
	static const char *const options[] = { "size=0", "nr_inodes=1", "mode=555" };
	const uint64_t attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			      MOUNT_ATTR_NOEXEC;

	if (b->mask_folder < 0) {
		b->mask_folder = label_new_fs(b, "tmpfs", options, COUNT(options), attr, e);
		return b->mask_folder < 0 ? -e->no : fcntl(b->mask_folder, F_DUPFD_CLOEXEC, 3);
	}

	int copy = sys_open_tree(b->mask_folder, "",
				 AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return copy >= 0 ? copy : fail(e, -copy, "copy a mask: %m");
}

static int mask_file(struct box *b, struct err *e)
{
	struct stat st;

	/* /dev is ours and was checked when it was made; look again all the same: a mask that is something
	 * else would be readable. */
	if (b->mask_file < 0) {
		b->mask_file = sys_openat2(b->root, "/dev/null", O_PATH | O_CLOEXEC, 0,
					   rootfs_inside);
		if (b->mask_file < 0 || fstat(b->mask_file, &st) < 0 || !S_ISCHR(st.st_mode) ||
		    st.st_rdev != makedev(1, 3))
			return fail(e, ENODEV, "/dev/null: not there to mask with");
	}

	int copy = sys_open_tree(b->mask_file, "",
				 AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return copy >= 0 ? copy : fail(e, -copy, "/dev/null: %m");
}

/* Many of the paths to hide lie in the same few folders, which small images do not have: whether the path is below the
 * same one at the top as another, if there is another. */
static bool same_top(const char *path, const char *other)
{
	size_t len = other != NULL ? 1 + strcspn(other + 1, "/") : 0;

	return len != 0 && strncmp(path, other, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

/* Nothing is at the path: is it for want of its top? */
static void note_missing(struct box *b, const char *path)
{
	char top[NAME_MAX + 2];
	size_t len = 1 + strcspn(path + 1, "/");

	if (len >= sizeof top || same_top(path, b->present_top))
		return;
	memcpy(top, path, len);
	top[len] = '\0';

	OWN_FD fd = sys_openat2(b->root, top, O_PATH | O_CLOEXEC, 0, rootfs_inside);

	if (fd == -ENOENT)
		b->missing_top = path;
	else
		b->present_top = path;
}

/* Masks what is at `path`. Nothing there: 0. */
static int mask_at(struct box *b, const char *path, struct err *e)
{
	OWN_FD target = sys_openat2(b->root, path, O_PATH | O_CLOEXEC, 0, rootfs_inside);

	if (target < 0)
		return target == -ENOENT || target == -ENOTDIR ? target
							       : fail(e, -target, "%s: %m", path);

	OWN_FD mask = rootfs_is_folder(target) ? mask_folder(b, e) : mask_file(b, e);

	return mask < 0 ? mask : rootfs_attach(mask, target, e);
}

static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

/* ---- patterns ---- */

/* What somebody had mounted there is there on purpose. */
static bool is_volume(const struct box *b, const char *path)
{
	for (size_t i = 0; i < b->plan->nmounts; i++)
		if (b->plan->mounts[i].kind == MOUNT_BIND &&
		    strcmp(b->plan->mounts[i].target, path) == 0)
			return true;
	return false;
}

struct pattern {
	struct box *b;
	unsigned matches, wild;
	size_t len; /* of what is known of the path */
	char path[PATH_MAX];
};

static int mask_rest(struct pattern *p, const char *rest, struct err *e);

/* Goes on with `name` in the place of a component. */
static int mask_below(struct pattern *p, const char *name, size_t n, const char *rest,
		      struct err *e)
{
	size_t before = p->len;
	int r;

	if (before + 1 + n >= sizeof p->path)
		return 0; /* no file has such a path */
	p->path[p->len++] = '/';
	memcpy(p->path + p->len, name, n);
	p->len += n;
	p->path[p->len] = '\0';
	r = mask_rest(p, rest, e);
	p->len = before;
	p->path[before] = '\0';
	return r;
}

struct entry { /* struct linux_dirent64 of getdents64(2) */
	uint64_t inode;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

static int mask_entries(struct pattern *p, int dir, const char *component, const char *rest,
			struct err *e)
{
	_Alignas(struct entry) char bytes[ENTRIES_BYTES];
	long n;

	while ((n = SYS_CALL(SYS_getdents64, dir, bytes, sizeof bytes)) > 0)
		for (long at = 0; at < n;) {
			const struct entry *x = (const struct entry *)(bytes + at);

			at += x->size;
			if (strcmp(x->name, ".") == 0 || strcmp(x->name, "..") == 0 ||
			    !glob_match(component, x->name))
				continue;
			TRY(mask_below(p, x->name, strlen(x->name), rest, e));
		}
	return n < 0 ? fail(e, (int)-n, "look into %s: %m", p->path) : 0;
}

static int mask_matching(struct pattern *p, const char *component, const char *rest, struct err *e)
{
	const char *folder = p->len != 0 ? p->path : "/";

	if (p->wild++ == WILD_MAX)
		return fail(e, EINVAL, "a pattern with more than %d wild components", WILD_MAX);

	OWN_FD dir = sys_openat2(p->b->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
				 rootfs_inside);
	int r = 0;

	if (dir < 0 && !is_absent(dir))
		return fail(e, -dir, "look into %s: %m", folder);
	if (dir >= 0)
		r = mask_entries(p, dir, component, rest, e);
	p->wild--;
	return r;
}

/* `rest` is what the pattern still says: "" or "/component…". */
static int mask_rest(struct pattern *p, const char *rest, struct err *e)
{
	char component[NAME_MAX + 1];
	size_t n = rest[0] == '/' ? strcspn(rest + 1, "/") : 0;

	if (rest[0] == '\0') {
		int r = is_volume(p->b, p->path) ? 0 : mask_at(p->b, p->path, e);

		if (r == 0 && ++p->matches > MATCHES_MAX)
			return fail(e, E2BIG, "more than %d matches", MATCHES_MAX);
		return is_absent(r) ? 0 : r;
	}
	if (n > NAME_MAX)
		return 0;
	memcpy(component, rest + 1, n);
	component[n] = '\0';
	rest += 1 + n;
	return strpbrk(component, "*?") != NULL ? mask_matching(p, component, rest, e)
						: mask_below(p, component, n, rest, e);
}

static int mask_pattern(struct box *b, const struct plan_mount *m, struct err *e)
{
	struct pattern p = { .b = b };

	if (mask_rest(&p, m->target, e) < 0) {
		within(e, "pattern %s", m->target);
		return advise(e, "name the paths, or take the pattern out of filesystem.hide");
	}
	return 0;
}

int rootfs_mask(struct box *b, const struct plan_mount *m, struct err *e)
{
	if (m->optional && same_top(m->target, b->missing_top))
		return 0;
	if (m->pattern) {
		TRY(mask_pattern(b, m, e));
		note_missing(b, m->target);
		return 0;
	}

	int r = mask_at(b, m->target, e);

	if (!is_absent(r))
		return r;
	if (!m->optional)
		return fail(e, -r, "%m");
	note_missing(b, m->target);
	return 0;
}
