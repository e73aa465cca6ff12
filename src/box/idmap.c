/*
 * Trees of the host shown with other owners (idmapped mounts, Linux 5.12): with the container's ids, or by maps of a mount's own.
 */
#include "box/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/ids.h"
#include "kern/sys.h"

int idmap_show(int tree, int userns, const char *path, enum idmap_depth depth, struct err *e)
{
	int r = -EINVAL;

	if (depth != IDMAP_TOP)
		r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_IDMAP, 0,
				      0, userns);
	if (r < 0 && depth != IDMAP_TREE)
		r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, 0, 0, userns);
	if (r == 0)
		return 0;
	fail(e, -r, "%s: its file system cannot show other owners (idmapped mount): %m", path);
	return advise(
		e,
		"keep the folder on ext4, xfs, btrfs or (Linux 6.3) tmpfs, or start zviz as its owner");
}

/* ---- a user namespace that is nothing but its maps ---- */

static int open_mapped(pid_t pid, const struct plan_mount *m, struct err *e)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/%d", pid);

	OWN_FD proc = path_open(path, O_PATH | O_DIRECTORY);

	if (proc < 0)
		return fail(e, errno, "%s: %m", path);
	TRY(ids_write_maps(proc, &m->uid_maps, &m->gid_maps, e));

	int ns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);

	return ns >= 0 ? ns : fail(e, errno, "user namespace: %m");
}

/* Whoever is in it does nothing, and is gone when its maps are written. */
static int make_userns(const struct plan_mount *m, struct err *e)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	const pid_t parent = getpid();
	pid_t pid = sys_clone3(&args);

	if (pid == 0) {
		sys_die_with(parent); /* it holds a copy of the name's lock */
		for (;;)
			pause();
	}
	if (pid < 0)
		return fail(e, -pid, "user namespace: %m");

	int ns = open_mapped(pid, m, e);

	kill(pid, SIGKILL); /* our own child, not yet waited for */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ns;
}

int idmap_userns(struct box *b, const struct plan_mount *m, struct err *e)
{
	int ns;

	if (m->uid_maps.n == 0 || (id_maps_same(&m->uid_maps, &b->plan->uid_maps) &&
				   id_maps_same(&m->gid_maps, &b->plan->gid_maps))) {
		ns = sys_dup(b->userns);
		return ns >= 0 ? ns : fail(e, -ns, "the container's user namespace: %m");
	}
	ns = make_userns(m, e);
	return ns >= 0 ? ns : within(e, "its uidMappings and gidMappings");
}
