/*
 * rootfs.build and rootfs.pivot: the container's view of files, made by descriptor.
 *
 * A target is resolved once, inside the new root (RESOLVE_IN_ROOT), and the mount moved onto that descriptor:
 * a symbolic link in an image can neither lead out nor be exchanged in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/copyup.h"
#include "box/rootfs.h"
#include "box/sequence.h"
#include "kern/sys.h"

enum { COPY_BYTES_MAX = 4 << 20 }; /* files of /etc are small; a larger one is a surprise */

const uint64_t rootfs_inside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/* A file system of its own, as a detached mount. */
int rootfs_new_fs(const char *fstype, const char *const *options, size_t n, uint64_t attr,
		  struct err *e)
{
	OWN_FD fs = sys_fsopen(fstype);

	if (fs < 0)
		return fail(e, -fs, "%s: %m", fstype);
	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(options[i], '=');
		char key[64];
		int r;

		if (eq != NULL && (size_t)(eq - options[i]) < sizeof key) {
			snprintf(key, sizeof key, "%.*s", (int)(eq - options[i]), options[i]);
			r = sys_fsconfig_string(fs, key, eq + 1);
		} else {
			r = sys_fsconfig_flag(fs, options[i]);
		}
		if (r < 0)
			return fail(e, -r, "%s: option '%s': %m", fstype, options[i]);
	}

	int r = sys_fsconfig_create(fs);
	int mnt = r < 0 ? r : sys_fsmount(fs, (unsigned)attr);

	if (mnt < 0) {
		fail(e, -mnt, "%s: %m", fstype);
		if (mnt == -EPERM && (strcmp(fstype, "proc") == 0 || strcmp(fstype, "sysfs") == 0))
			advise(e,
			       "inside another container, parts of its %s may be masked: the kernel then "
			       "permits no new one",
			       fstype);
		return -e->no;
	}
	return mnt;
}

/* ---- targets ---- */

/* Makes the last component of a path, below its folder. An image's link there is followed inside the root. */
static int make_component(int folder, const char *name, bool dir, mode_t mode)
{
	if (dir)
		return mkdirat(folder, name, mode) == 0 || errno == EEXIST ? 0 : -errno;

	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

/* The folder that holds `path`, made where it is missing; *name is its last component. */
static int parent_of(const struct box *b, const char *path, const char **name, struct err *e)
{
	char prefix[PATH_MAX];
	OWN_FD folder = fcntl(b->root, F_DUPFD_CLOEXEC, 3);
	const char *at = path;

	if (folder < 0 || strlen(path) >= sizeof prefix)
		return fail(e, ENAMETOOLONG, "%s: %m", path);
	for (;;) {
		while (*at == '/')
			at++;
		const char *slash = strchr(at, '/');

		if (slash == NULL || slash[strspn(slash, "/")] == '\0')
			break;
		snprintf(prefix, sizeof prefix, "%.*s", (int)(slash - path), path);

		int next = sys_openat2(b->root, prefix, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
				       rootfs_inside);

		if (next == -ENOENT) {
			char part[NAME_MAX + 1];
			int r;

			snprintf(part, sizeof part, "%.*s", (int)(slash - at), at);
			r = make_component(folder, part, true, 0755);
			if (r < 0)
				return fail(e, -r, "make %s: %m", prefix);
			next = sys_openat2(b->root, prefix, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
					   rootfs_inside);
		}
		if (next < 0)
			return fail(e, -next, "%s: %m", prefix);
		fd_close(&folder);
		folder = next;
		at = slash;
	}
	*name = at;
	return fd_take(&folder);
}

/* The target as a descriptor, made as a folder or a file if it is not there. */
static int target_open(const struct box *b, const char *path, bool dir, mode_t mode, struct err *e)
{
	int fd = sys_openat2(b->root, path, O_PATH | O_CLOEXEC, 0, rootfs_inside);
	char last[NAME_MAX + 1];
	const char *name = path;

	if (fd != -ENOENT)
		return fd >= 0 ? fd : fail(e, -fd, "%m");

	OWN_FD folder = parent_of(b, path, &name, e);

	if (folder < 0)
		return folder;
	snprintf(last, sizeof last, "%.*s", (int)strcspn(name, "/"), name);

	int r = make_component(folder, last, dir, mode);

	if (r < 0)
		return fail(e, -r, "make it: %m");
	fd = sys_openat2(b->root, path, O_PATH | O_CLOEXEC, 0, rootfs_inside);
	return fd >= 0 ? fd : fail(e, -fd, "%m");
}

int rootfs_is_folder(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

int rootfs_attach(int mnt, int target, struct err *e)
{
	int r = sys_move_mount(mnt, "", target, "",
			       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	return r < 0 ? fail(e, -r, "attach: %m") : 0;
}

static int set_attributes(int mnt, const struct plan_mount *m, struct err *e)
{
	unsigned at = AT_EMPTY_PATH | (m->recursive_attr ? AT_RECURSIVE : 0);
	int r;

	if (m->attr_set == 0 && m->attr_clear == 0 && m->propagation == 0)
		return 0;

	/* The access time is one field of several bits: to set it, all of them are cleared (mount_setattr(2)). */
	uint64_t clear = m->attr_clear | (m->attr_set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0);

	r = sys_mount_setattr(mnt, "", at, m->attr_set, clear, m->propagation, -1);
	return r < 0 ? fail(e, -r, "set its attributes: %m") : 0;
}

/* ---- one function a kind ---- */

static bool has_option(const struct plan_mount *m, const char *start)
{
	for (size_t i = 0; i < m->noptions; i++)
		if (strncmp(m->options[i], start, strlen(start)) == 0)
			return true;
	return false;
}

/* Until all is built: files are put into it, and targets of other mounts. proc and sysfs get none, and the kernel mounts them no
 * freer than the one that it sees. */
uint64_t rootfs_later(const struct plan_mount *m)
{
	bool filled = m->kind == MOUNT_FS && m->given == 0 &&
		      (strcmp(m->fstype, "tmpfs") == 0 || strcmp(m->fstype, "ramfs") == 0);

	return filled ? m->attr_set & MOUNT_ATTR_RDONLY : 0;
}

static int build_fs(struct box *b, const struct plan_mount *m, struct box_source *s, struct err *e)
{
	if (!m->by_launcher && m->given == 0)
		s->fd = label_new_fs(b, m->fstype, m->options, m->noptions,
				     m->attr_set & ~rootfs_later(m), e);
	if (s->fd < 0)
		return s->fd;

	OWN_FD target = target_open(b, m->target, true, 0755, e);

	if (target < 0)
		return target;
	if (m->copy_up)
		TRY(copyup(s->fd, target, has_option(m, "mode="), e));
	return rootfs_attach(s->fd, target, e);
}

static int build_bind(struct box *b, const struct plan_mount *m, struct box_source *s,
		      struct err *e)
{
	if (s->absent)
		return 0;

	/* An engine that keeps the root's layer may show it again, without the mount. */
	bool dir = rootfs_is_folder(s->fd);
	OWN_FD target = target_open(b, m->target, dir, dir ? 0755 : 0644, e);

	if (target < 0)
		return target;
	TRY(set_attributes(s->fd, m, e));
	return rootfs_attach(s->fd, target, e);
}

static int build_symlink_to(struct box *b, const char *path, const char *to, struct err *e)
{
	const char *name;
	OWN_FD folder = parent_of(b, path, &name, e);

	if (folder < 0)
		return folder;
	if (symlinkat(to, folder, name) < 0 && errno != EEXIST)
		return fail(e, errno, "link: %m");
	return 0;
}

static int build_symlink(struct box *b, const struct plan_mount *m, struct box_source *s,
			 struct err *e)
{
	(void)s;
	return build_symlink_to(b, m->target, m->source, e);
}

static int new_file(struct box *b, const struct plan_mount *m, struct err *e)
{
	const char *name;
	OWN_FD folder = parent_of(b, m->target, &name, e);

	if (folder < 0)
		return folder;

	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			m->mode);

	return fd >= 0 ? fd : fail(e, errno, "make it: %m");
}

static int build_text(struct box *b, const struct plan_mount *m, struct box_source *s,
		      struct err *e)
{
	OWN_FD fd = new_file(b, m, e);

	(void)s;
	if (fd < 0)
		return fd;

	int r = fd_write_all(fd, m->source, strlen(m->source));

	return r < 0 ? fail(e, -r, "write: %m") : 0;
}

static int build_copy(struct box *b, const struct plan_mount *m, int from, struct err *e)
{
	OWN_FD fd = new_file(b, m, e);
	char bytes[16384];
	size_t total = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = fd_read_all(from, bytes, sizeof bytes)) > 0) {
		int r = fd_write_all(fd, bytes, (size_t)n);

		total += (size_t)n;
		if (r < 0)
			return fail(e, -r, "copy: %m");
		if (total > COPY_BYTES_MAX)
			return fail(e, EFBIG, "copy: larger than %d bytes", COPY_BYTES_MAX);
	}
	return n < 0 ? fail(e, (int)-n, "copy: %m") : 0;
}

static int build_mirror(struct box *b, const struct plan_mount *m, struct box_source *s,
			struct err *e)
{
	if (s->absent)
		return 0;
	if (s->link != NULL)
		return build_symlink_to(b, m->target, s->link, e);
	if (s->copy)
		return build_copy(b, m, s->fd, e);
	return build_bind(b, m, s, e);
}

static int build_dir(struct box *b, const struct plan_mount *m, struct box_source *s, struct err *e)
{
	OWN_FD fd = target_open(b, m->target, true, m->mode, e);

	(void)s;
	return fd < 0 ? fd : 0;
}

static int build_mask(struct box *b, const struct plan_mount *m, struct box_source *s,
		      struct err *e)
{
	(void)s;
	return rootfs_mask(b, m, e);
}

static int build_self(struct box *b, const struct plan_mount *m, struct box_source *s,
		      struct err *e)
{
	OWN_FD target = sys_openat2(b->root, m->target, O_PATH | O_CLOEXEC, 0, rootfs_inside);

	(void)s;
	if (target < 0 && m->optional && (target == -ENOENT || target == -ENOTDIR))
		return 0;
	if (target < 0)
		return fail(e, -target, "%m");

	unsigned flags = AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	OWN_FD copy = sys_open_tree(target, "", flags);

	if (copy < 0)
		return fail(e, -copy, "bind it again: %m");
	TRY(set_attributes(copy, m, e));
	return rootfs_attach(copy, target, e);
}

static int build_cgroup(struct box *b, const struct plan_mount *m, struct box_source *s,
			struct err *e)
{
	OWN_FD mnt = -1;

	(void)s;
	if (b->plan->host->cgroup.v2_mount[0] == '\0')
		return 0; /* v1 hierarchies are never shown: their release agents run on the host */
	mnt = rootfs_new_fs("cgroup2", NULL, 0, m->attr_set | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			    e);
	if (mnt < 0)
		return mnt;

	OWN_FD target = target_open(b, m->target, true, 0755, e);

	return target < 0 ? target : rootfs_attach(mnt, target, e);
}

static int build_view(struct box *b, const struct plan_mount *m, struct box_source *s,
		      struct err *e)
{
	(void)s;
	return view_build(b, m, e);
}

static int build_cover(struct box *b, const struct plan_mount *m, struct box_source *s,
		       struct err *e)
{
	(void)s;
	return cover_build(b, m, e);
}

static int (*const build[])(struct box *, const struct plan_mount *, struct box_source *,
			    struct err *) = {
	[MOUNT_BIND] = build_bind,     [MOUNT_FS] = build_fs,     [MOUNT_SYMLINK] = build_symlink,
	[MOUNT_MIRROR] = build_mirror, [MOUNT_TEXT] = build_text, [MOUNT_DIR] = build_dir,
	[MOUNT_DEVICE] = build_bind,   [MOUNT_MASK] = build_mask, [MOUNT_SELF] = build_self,
	[MOUNT_CGROUP] = build_cgroup, [MOUNT_VIEW] = build_view, [MOUNT_COVER] = build_cover,
};

/* ---- the root ---- */

static int make_root(struct box *b, struct err *e)
{
	char size[64];
	const char *options[] = { "mode=755", size };

	if (b->plan->rootfs != NULL) {
		b->root = fd_take(&b->rootfs_source);
	} else {
		snprintf(size, sizeof size, "size=%llu", (unsigned long long)b->plan->root_bytes);
		b->root = rootfs_new_fs("tmpfs", options, COUNT(options),
					MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, e);
	}
	if (b->root < 0)
		return -e->no;
	b->old_root = path_open("/", O_PATH | O_DIRECTORY);
	if (b->old_root < 0)
		return fail(e, errno, "/: %m");

	/* Mounts can only be moved onto attached ones. On top of "/" there is always room, and nobody looks
	 * there: this process's own "/" stays the mount below. */
	int r = sys_move_mount(b->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);

	return r < 0 ? fail(e, -r, "attach: %m") : 0;
}

/* What was left writable until now. */
static int close_filled(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	for (size_t i = 0; i < p->nmounts; i++) {
		if (rootfs_later(&p->mounts[i]) == 0)
			continue;
		if (set_attributes(b->sources[i].fd, &p->mounts[i], e) < 0)
			return within(e, "mount %s", p->mounts[i].target);
		fd_close(&b->sources[i].fd);
	}
	return 0;
}

int step_rootfs_build(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	umask(0);
	if (p->view.used)
		TRY(view_prepare(b, e));
	if (make_root(b, e) < 0)
		return within(e, "root");
	for (size_t i = 0; i < p->nmounts; i++) {
		if (p->mounts[i].by_launcher && p->mounts[i].kind != MOUNT_FS)
			continue; /* came with /dev */
		if (p->mounts[i].kind != MOUNT_MASK)
			b->missing_top = NULL; /* it may be there afterwards */
		if (build[p->mounts[i].kind](b, &p->mounts[i], &b->sources[i], e) < 0)
			return within(e, "mount %s", p->mounts[i].target);
		if (rootfs_later(&p->mounts[i]) == 0)
			fd_close(&b->sources[i].fd);
	}
	return close_filled(b, e);
}

/* umount2() takes off what is on top. Had anything been mounted on top of the old root, that would go, and the old root
 * stay: on top of the new one, where ".." finds it (handle_dots() of fs/namei.c goes on to what is mounted there). */
static int check_old_root_gone(struct err *e)
{
	struct statx here = { 0 }, above = { 0 };
	int r = sys_statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &here);

	if (r == 0)
		r = sys_statx(AT_FDCWD, "/..", 0, STATX_MNT_ID, &above);
	if (r < 0)
		return fail(e, -r, "look at the new root: %m");
	if ((here.stx_mask & above.stx_mask & STATX_MNT_ID) && here.stx_mnt_id == above.stx_mnt_id)
		return 0;
	fail(e, EBUSY, "the old root is still there: something is mounted on top of it");
	return advise(e, "start zviz where nothing is mounted over /");
}

int step_rootfs_pivot(struct box *b, struct err *e)
{
	uint64_t attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			(b->plan->rootfs_readonly ? MOUNT_ATTR_RDONLY : 0);
	int r;

	if (fchdir(b->root) < 0)
		return fail(e, errno, "enter the new root: %m");
	r = sys_pivot_root(".", ".");
	if (r < 0)
		return fail(e, -r, "%m");
	if (fchdir(b->old_root) < 0)
		return fail(e, errno, "old root: %m");
	r = sys_umount2(".", MNT_DETACH);
	if (r < 0)
		return fail(e, -r, "let go of the old root: %m");
	if (chdir("/") < 0)
		return fail(e, errno, "/: %m");
	TRY(check_old_root_gone(e));
	r = sys_mount_setattr(b->root, "", AT_EMPTY_PATH, attr, 0, 0, -1);
	if (r < 0)
		return fail(e, -r, "set its attributes: %m");
	fd_close(&b->old_root);
	fd_close(&b->root);
	fd_close(&b->view_root);
	fd_close(&b->mask_folder);
	fd_close(&b->mask_file);
	return 0;
}
