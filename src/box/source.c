/*
 * rootfs.source: opens everything that mounts show of the host, as the caller sees it, before ids and root
 * change. Each path is walked once; from here on there are only descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/given.h"
#include "box/idmap.h"
#include "box/ids.h"
#include "box/rootfs.h"
#include "box/sequence.h"
#include "kern/overlay.h"
#include "kern/sys.h"

/* Private: what is mounted below it inside must never show outside, and the other way round. */
int source_clone(const struct box *b, const char *path, bool recursive, bool idmap, struct err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
	OWN_FD tree = sys_open_tree(AT_FDCWD, path, flags);

	if (tree < 0)
		return fail(e, -tree, "%s: %m", path);

	int r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, 0, 0, MS_PRIVATE, -1);

	if (r < 0)
		return fail(e, -r, "%s: make private: %m", path);
	if (idmap)
		TRY(idmap_show(tree, b->userns, path, recursive ? IDMAP_RATHER : IDMAP_TOP, e));
	return fd_take(&tree);
}

/* As the bundle says. Whoever shares the file system sees it as before. */
static int show_as_asked(struct box *b, const struct plan_mount *m, int tree, struct err *e)
{
	OWN_FD userns = idmap_userns(b, m, e);

	return userns < 0 ? -e->no
			  : idmap_show(tree, userns, m->source,
				       m->idmap_tree ? IDMAP_TREE : IDMAP_TOP, e);
}

/* What everybody may do with it, the workload may do as nobody. */
static bool is_for_all(int tree, bool readonly)
{
	struct stat st;
	mode_t need = readonly ? S_IROTH : S_IROTH | S_IWOTH;

	if (fstat(tree, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode))
		need |= S_IXOTH;
	return (st.st_mode & need) == need;
}

static bool is_tmpfs(int tree)
{
	struct statfs fs;

	return fstatfs(tree, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* A Pod's shared memory and its secrets are on tmpfs, which shows other owners since Linux 6.3. Before, what the workload needs no
 * ownership for is shown as it is: it owns nothing there but what it makes. Of other file systems that is not said: what procfs or a
 * network's permit to all may be meant for all of this machine. */
static int open_shared(const struct box *b, const struct plan_mount *m, struct err *e)
{
	struct err ignored;
	bool own_ids = m->idmap && !m->idmap_asked;
	int tree = source_clone(b, m->source, m->recursive, own_ids, e);

	if (tree != -EINVAL || !own_ids)
		return tree;

	OWN_FD plain = source_clone(b, m->source, m->recursive, false, &ignored);

	if (plain < 0 || !is_tmpfs(plain) || !is_for_all(plain, m->attr_set & MOUNT_ATTR_RDONLY))
		return tree;
	return fd_take(&plain);
}

static int open_bind(struct box *b, const struct plan_mount *m, struct box_source *s, struct err *e)
{
	s->fd = open_shared(b, m, e);
	if (s->fd == -ENOENT && m->optional) {
		s->absent = true;
		return 0;
	}
	if (s->fd < 0)
		return -e->no;
	return m->idmap_asked ? show_as_asked(b, m, s->fd, e) : 0;
}

static int open_device(struct box *b, const struct plan_mount *m, struct box_source *s,
		       struct err *e)
{
	struct stat st;

	s->fd = source_clone(b, m->source, false, false, e);
	if (s->fd < 0)
		return -e->no;
	if (fstat(s->fd, &st) < 0 || !(m->block ? S_ISBLK(st.st_mode) : S_ISCHR(st.st_mode)) ||
	    st.st_rdev != makedev(m->major, m->minor))
		return fail(e, ENODEV, "%s is not the device %u:%u", m->source, m->major, m->minor);
	return 0;
}

static int open_mirror(struct box *b, const struct plan_mount *m, struct box_source *s,
		       struct err *e)
{
	char link[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstatat(AT_FDCWD, m->source, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		s->absent = true;
		return errno == ENOENT || errno == EACCES ? 0 : fail(e, errno, "%s: %m", m->source);
	}
	if (S_ISDIR(st.st_mode)) {
		s->fd = source_clone(b, m->source, m->recursive, false, e);
		return s->fd < 0 ? -e->no : 0;
	}
	if (S_ISLNK(st.st_mode)) {
		n = readlink(m->source, link, sizeof link);
		if (n < 0 || (size_t)n == sizeof link)
			return fail(e, errno, "%s: %m", m->source);
		s->link = arena_strndup(b->arena, link, (size_t)n);
		return 0;
	}
	s->copy = true;
	s->fd = path_open(m->source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	/* A file that the caller cannot read is not shown either. */
	s->absent = s->fd < 0 && errno == EACCES;
	if (s->fd < 0 && !s->absent)
		return fail(e, errno, "%s: %m", m->source);
	return 0;
}

/* ---- /dev, where the launcher may make nodes ---- */

static const char *name_in_dev(const struct plan_mount *m)
{
	return m->target + strlen("/dev/");
}

/* The container's root owns it: init makes further folders there. */
static int make_dev(struct box *b, const struct plan_mount *m, struct box_source *s, struct err *e)
{
	const char **options = arena_array(b->arena, m->noptions + 2, sizeof *options);
	size_t n = 0;

	for (; n < m->noptions; n++)
		options[n] = m->options[n];
	options[n++] = arena_printf(b->arena, "uid=%u", ids_outside(&b->plan->uid_maps, 0));
	options[n++] = arena_printf(b->arena, "gid=%u", ids_outside(&b->plan->gid_maps, 0));
	s->fd = label_new_fs(b, m->fstype, options, n, m->attr_set & ~rootfs_later(m), e);
	b->dev = s->fd;
	return s->fd < 0 ? -e->no : 0;
}

/* To an owner inside. An id that is not mapped stays root's: nobody inside has that. */
static int give_to(const struct box *b, const char *name, uint32_t uid, uint32_t gid, struct err *e)
{
	if (fchownat(b->dev, name, ids_outside(&b->plan->uid_maps, uid),
		     ids_outside(&b->plan->gid_maps, gid), AT_SYMLINK_NOFOLLOW) < 0)
		return fail(e, errno, "give it to its owner: %m");
	return 0;
}

/* The folders on the way to a node, such as dri of dri/card0. */
static int make_folders(const struct box *b, const char *name, struct err *e)
{
	for (const char *slash = name; (slash = strchr(slash, '/')) != NULL; slash++) {
		const char *folder = arena_strndup(b->arena, name, (size_t)(slash - name));

		if (mkdirat(b->dev, folder, 0755) == 0)
			TRY(give_to(b, folder, 0, 0, e));
		else if (errno != EEXIST)
			return fail(e, errno, "make its folder: %m");
	}
	return 0;
}

static int make_node(const struct box *b, const struct plan_mount *m, struct err *e)
{
	const char *name = name_in_dev(m);

	umask(0);
	TRY(make_folders(b, name, e));
	if (mknodat(b->dev, name, (m->block ? S_IFBLK : S_IFCHR) | m->mode,
		    makedev(m->major, m->minor)) < 0)
		return fail(e, errno, "make the node: %m");
	return m->owned ? give_to(b, name, m->uid, m->gid, e) : 0;
}

static int make_link(const struct box *b, const struct plan_mount *m, struct err *e)
{
	if (symlinkat(m->source, b->dev, name_in_dev(m)) < 0)
		return fail(e, errno, "link: %m");
	return 0;
}

static int make_in_dev(struct box *b, const struct plan_mount *m, struct box_source *s,
		       struct err *e)
{
	switch (m->kind) {
	case MOUNT_FS:
		return make_dev(b, m, s, e);
	case MOUNT_DEVICE:
		return make_node(b, m, e);
	case MOUNT_SYMLINK:
		return make_link(b, m, e);
	default:
		return fail(e, EINVAL, "not a part of /dev");
	}
}

static int new_fs(struct box *b, void *arg, struct err *e)
{
	const struct plan_mount *m = *(const struct plan_mount *const *)arg;

	return label_new_fs(b, m->fstype, m->options, m->noptions, m->attr_set, e);
}

/* What shows a namespace can be mounted by whoever has a capability over it: nobody inside. */
static int make_given(struct box *b, const struct plan_mount *m, struct box_source *s,
		      struct err *e)
{
	/* A procfs is of the namespace that its maker was born in. */
	s->fd = m->given == CLONE_NEWPID ? given_visit_born(b, false, new_fs, &m, sizeof m, e)
					 : given_visit(b, new_fs, &m, sizeof m, e);
	return s->fd < 0 ? -e->no : 0;
}

static int open_one(struct box *b, const struct plan_mount *m, struct box_source *s, struct err *e)
{
	if (m->given != 0)
		return make_given(b, m, s, e);
	if (m->by_launcher)
		return make_in_dev(b, m, s, e);
	switch (m->kind) {
	case MOUNT_BIND:
		return open_bind(b, m, s, e);
	case MOUNT_MIRROR:
		return open_mirror(b, m, s, e);
	case MOUNT_DEVICE:
		return open_device(b, m, s, e);
	default:
		return 0;
	}
}

static int open_rootfs(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;
	int overlay = p->rootfs_idmap ? overlay_is_at(p->rootfs, e) : 0;

	if (overlay < 0)
		return overlay;
	b->rootfs_source = overlay ? overlay_make(b, e)
				   : source_clone(b, p->rootfs, true, p->rootfs_idmap, e);
	return b->rootfs_source < 0 ? -e->no : 0;
}

int step_rootfs_source(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	b->sources = arena_array(b->arena, p->nmounts, sizeof *b->sources);
	for (size_t i = 0; i < p->nmounts; i++)
		b->sources[i].fd = -1;
	if (p->rootfs != NULL && open_rootfs(b, e) < 0)
		return within(e, "root");
	for (size_t i = 0; i < p->nmounts; i++)
		if (open_one(b, &p->mounts[i], &b->sources[i], e) < 0)
			return within(e, "%s", p->mounts[i].target);
	return 0;
}
