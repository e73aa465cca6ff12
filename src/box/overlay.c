/*
 * A root that is an overlay, which most engines' are. overlayfs cannot be shown with other owners, but can be made of layers
 * that are (Linux 5.19). So the same layers are put together once more, each shown with the container's ids.
 *
 * Where no part of the root may be written, the targets of mounts are made in a tmpfs, and the engine's own upper layer is one
 * more that is only read. Otherwise both overlays write to it; the engine leaves its own alone while the container runs. Each has
 * a work folder of its own: one who finds another's empties it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/ids.h"
#include "box/leftover.h"
#include "box/rootfs.h"
#include "kern/overlay.h"
#include "kern/sys.h"

enum {
	STACK_BYTES = 64 << 10,
	OPTIONS_MAX = 4096, /* of mount(2): a page */
};

/* What the maker is given, in memory that it shares, and what it gives back. */
struct making {
	struct box *b;
	struct err *e;
	struct overlay from;
	struct stat top;         /* the root's own folder, as the engine has it */
	bool readonly, writable; /* the engine's mount is; ours writes to the engine's layer */
	size_t nmade;            /* layers at 0, 1, … of the scratch folder */
	struct buf options;
	int mnt; /* out: or -errno */
};

static int advise_other(struct err *e)
{
	return advise(e, "have the engine keep images without overlayfs (containerd: snapshotter "
			 "native; Podman and Docker: driver vfs)");
}

/* ---- in the maker: a mount namespace of its own, whose working folder is an empty tmpfs ---- */

/* Its own mounts are seen by nobody, and the folder that it works in hides nothing that it needs. */
static int make_scratch(const struct making *m, struct err *e)
{
	const char *at = m->b->plan->rootfs;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(e, errno, "make private: %m");
	if (mount("none", at, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700,size=1m") < 0 ||
	    chdir(at) < 0)
		return fail(e, errno, "tmpfs: %m");
	return 0;
}

/* Mounted as a folder whose name is a number: an overlay takes layers of its maker's mount namespace alone (before 6.15), and
 * its options have to be short. */
static int add_layer(struct making *m, const char *path, struct err *e)
{
	char name[16];
	OWN_FD tree = source_clone(m->b, path, false, true, e);

	if (tree < 0)
		return tree;
	snprintf(name, sizeof name, "%zu", m->nmade++);
	if (mkdir(name, 0700) < 0)
		return fail(e, errno, "layer: %m");

	int r = sys_move_mount(tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH);

	return r < 0 ? fail(e, -r, "%s: %m", path) : 0;
}

static int add_lower(struct making *m, const char *path, struct err *e)
{
	buf_printf(&m->options, "%s%zu", m->nmade == 0 ? "" : ":", m->nmade);
	return add_layer(m, path, e);
}

/* How much of both paths is the same folder's. */
static size_t common(const char *a, const char *b)
{
	size_t last = 0;

	for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++)
		if (a[i] == '/')
			last = i;
	return last;
}

/* Inside of the engine's, which the engine takes away with the layer. Whoever deletes the container, takes this away. */
static const char *make_work(const struct making *m, struct err *e)
{
	const struct box *b = m->b;
	const char *own = arena_printf(b->arena, "%s/%s%s", m->from.work, overlay_work_prefix,
				       b->plan->id);

	if (symlinkat(own, b->state, record_overlay_name) < 0) {
		fail(e, errno, "state: %s: %m", record_overlay_name);
		return NULL;
	}
	if (mkdir(own, 0700) < 0 && errno != EEXIST) {
		fail(e, errno, "%s: %m", own);
		return NULL;
	}
	return own;
}

/* The engine's layer, by one mount of the folder that its upper and its work folder are in, as the kernel wants it. */
static int add_upper(struct making *m, struct err *e)
{
	const char *upper = m->from.upper, *work = m->from.work;
	size_t len = common(upper, work), number = m->nmade;
	const char *own;

	if (len == 0)
		return fail(e, EOPNOTSUPP, "its upper and its work folder have none in common");
	own = make_work(m, e);
	if (own == NULL)
		return -e->no;
	TRY(add_layer(m, arena_strndup(m->b->arena, upper, len), e));
	buf_printf(&m->options, ",upperdir=%zu%s,workdir=%zu%s", number, upper + len, number,
		   own + len);
	return 0;
}

/* An upper layer for what is made and goes with the container. Its top is the root's, so it looks as the engine's does. */
static int add_passing(struct making *m, struct err *e)
{
	const struct plan *p = m->b->plan;
	uid_t uid = ids_outside(&p->uid_maps, m->top.st_uid);
	gid_t gid = ids_outside(&p->gid_maps, m->top.st_gid);

	if (mkdir("top", 0700) < 0 || mkdir("work", 0700) < 0 || chown("top", uid, gid) < 0 ||
	    chmod("top", m->top.st_mode & 07777) < 0)
		return fail(e, errno, "tmpfs: %m");
	buf_puts(&m->options, ",upperdir=top,workdir=work");
	return 0;
}

static int add_layers(struct making *m, struct err *e)
{
	buf_printf(&m->options, "index=off%s,lowerdir=", m->from.options);
	if (!m->writable && m->from.upper != NULL)
		TRY(add_lower(m, m->from.upper, e));
	for (size_t i = 0; i < m->from.lower.n; i++)
		TRY(add_lower(m, m->from.lower.at[i], e));
	if (m->writable)
		TRY(add_upper(m, e));
	else
		TRY(add_passing(m, e));
	if (m->b->plan->mount_label != NULL)
		buf_printf(&m->options, ",context=\"%s\"", m->b->plan->mount_label);
	if (m->options.len >= OPTIONS_MAX)
		return fail(e, E2BIG, "it has %zu layers, too many to name", m->from.lower.n);
	return 0;
}

/* An overlay works on its layers with its maker's ids, which have to be shown there: the container's root, with all that the
 * launcher may. */
static int become_maker(const struct plan *p, struct err *e)
{
	const uint32_t uid = ids_outside(&p->uid_maps, 0), gid = ids_outside(&p->gid_maps, 0);
	struct sys_caps caps;
	int r = sys_capget(&caps);

	/* These return what was before, whether they did it or not. */
	syscall(SYS_setfsgid, gid);
	syscall(SYS_setfsuid, uid);
	if ((uint32_t)syscall(SYS_setfsuid, uid) != uid ||
	    (uint32_t)syscall(SYS_setfsgid, gid) != gid)
		return fail(e, EPERM, "become the container's root for files: %m");
	if (r == 0)
		r = sys_capset(&caps);
	return r < 0 ? fail(e, -r, "capabilities: %m") : 0;
}

static int mount_it(const struct making *m, struct err *e)
{
	if (mkdir("root", 0700) < 0)
		return fail(e, errno, "tmpfs: %m");
	TRY(become_maker(m->b->plan, e));
	if (mount("none", "root", "overlay", 0, buf_text(&m->options)) < 0) {
		fail(e, errno, "put its layers together, each with other owners (Linux 5.19): %m");
		return advise_other(e);
	}

	int tree = sys_open_tree(AT_FDCWD, "root", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r = tree >= 0 && m->readonly && !m->b->plan->rootfs_readonly
			? sys_mount_setattr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1)
			: tree;

	if (r < 0) {
		fd_close(&tree);
		return fail(e, -r, "%m");
	}
	return tree;
}

static int make(struct making *m, struct err *e)
{
	TRY(make_scratch(m, e));
	TRY(add_layers(m, e));
	return mount_it(m, e);
}

static int maker(void *arg)
{
	struct making *m = arg;

	m->mnt = make(m, m->e);
	_exit(0);
}

/* ---- in the launcher ---- */

/* It borrows the launcher's memory and descriptors and has it wait, as those who join namespaces do (spawn.c). */
static int run_maker(struct making *m, struct err *e)
{
	int r = sys_borrow(maker, m, STACK_BYTES, CLONE_NEWNS);

	return r < 0 ? fail(e, -r, "clone: %m") : m->mnt;
}

/* The root itself, or a folder of it that the profile lists. */
static bool is_written(const struct plan *p)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].kind == MOUNT_SELF && !(p->mounts[i].attr_set & MOUNT_ATTR_RDONLY))
			return true;
	return !p->rootfs_readonly;
}

int overlay_make(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;
	struct making m = { .b = b, .e = e, .options = { .arena = b->arena }, .mnt = -EINTR };
	struct statvfs fs;
	int r = overlay_read(b->arena, p->rootfs, &m.from, e);

	if (r < 0) {
		advise_other(e);
		return within(
			e,
			"%s: an overlay cannot show other owners (idmapped mount), and its layers are not to be had",
			p->rootfs);
	}
	if (stat(p->rootfs, &m.top) < 0 || statvfs(p->rootfs, &fs) < 0)
		return fail(e, errno, "%s: %m", p->rootfs);
	m.readonly = (fs.f_flag & ST_RDONLY) != 0;
	m.writable = m.from.upper != NULL && !m.readonly && is_written(p);
	fail(e, EINTR, "whoever put its layers together was killed");
	r = run_maker(&m, e);
	return r < 0 ? within(e, "%s", p->rootfs) : r;
}
