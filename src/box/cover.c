/*
 * A file of ours over one of a bundle's root, which stays as it is on the disk: its text lies on a tmpfs of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/rootfs.h"
#include "box/sequence.h"
#include "kern/sys.h"

/* An attached file with this text, or -errno. Only what is attached can be shown elsewhere: it lies where the host's devices
 * were, like the files that show limits, and goes with the old root. */
static int write_file(const struct box *b, const char *text, struct err *e)
{
	const char *options[] = { "mode=755", "size=64K", "nr_inodes=4" };
	const uint64_t attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	OWN_FD fs = label_new_fs(b, "tmpfs", options, COUNT(options), attr, e);
	OWN_FD fd = fs < 0 ? -1
			   : openat(fs, "text", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				    0444);
	int r;

	if (fs < 0)
		return fs;
	if (fd < 0)
		return fail(e, errno, "make it: %m");
	r = fd_write_all(fd, text, strlen(text));
	if (r < 0)
		return fail(e, -r, "write: %m");
	r = sys_move_mount(fs, "", AT_FDCWD, "/dev", MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? fail(e, -r, "attach to /dev: %m") : fd_take(&fd);
}

int cover_build(struct box *b, const struct plan_mount *m, struct err *e)
{
	const unsigned flags = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	OWN_FD target = sys_openat2(b->root, m->target, O_PATH | O_CLOEXEC, 0, rootfs_inside);
	OWN_FD file = -1;

	if (target < 0 && m->optional && (target == -ENOENT || target == -ENOTDIR))
		return 0;
	if (target < 0)
		return fail(e, -target, "%m");
	file = write_file(b, m->source, e);
	if (file < 0)
		return file;

	OWN_FD shown = sys_open_tree(file, "", flags);
	int r = shown < 0 ? shown
			  : sys_mount_setattr(shown, "", AT_EMPTY_PATH, m->attr_set, 0, 0, -1);

	return r < 0 ? fail(e, -r, "show it: %m") : rootfs_attach(shown, target, e);
}
