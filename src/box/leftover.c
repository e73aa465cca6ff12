/*
 * What a container leaves when its processes are gone: groups, a device, files of its state.
 */
#include "box/leftover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/live.h"
#include "box/cgroup.h"
#include "kern/link.h"
#include "policy/live_image.h"

void leftover_end(const struct record *r)
{
	struct cgroup groups = { 0 };
	struct err ignored;

	if (r->cgroups == NULL || cgroup_reopen(r->cgroups, &groups, &ignored) < 0)
		return;
	cgroup_kill(&groups, &ignored);
	cgroup_close(&groups);
}

/* What processes leave when they are gone. */
void leftover_groups(const struct record *r)
{
	struct cgroup groups = { 0 };
	struct err ignored;

	if (r->device != NULL)
		link_remove(r->device);
	if (r->cgroups == NULL || cgroup_reopen(r->cgroups, &groups, &ignored) < 0)
		return;
	cgroup_kill(&groups, &ignored);
	cgroup_remove(&groups, &ignored);
}

const char overlay_work_prefix[] = "zviz-";

/* The kernel's own folders in there, and what it had begun in them, which may be a folder of the image's to be moved into place. */
enum { WORK_DEPTH = 8 };

static void remove_tree(int parent, const char *name, unsigned depth)
{
	OWN_FD fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 && depth < WORK_DEPTH ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		unlinkat(parent, name, 0);
		return;
	}
	for (struct dirent *d; (d = readdir(dir)) != NULL;)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			remove_tree(fd, d->d_name, depth + 1);
	closedir(dir);
	(void)fd_take(&fd); /* closed with it */
	unlinkat(parent, name, AT_REMOVEDIR);
}

/* The folder is the engine's, and so is its end, if this does not go. */
static void remove_work(int dir)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(dir, record_overlay_name, path, sizeof path - 1);
	char *name;

	path[n > 0 ? n : 0] = '\0';
	name = strrchr(path, '/');
	if (name == NULL ||
	    strncmp(name + 1, overlay_work_prefix, strlen(overlay_work_prefix)) != 0)
		return;
	*name = '\0';

	OWN_FD parent = path_open(path, O_PATH | O_DIRECTORY);

	if (parent >= 0)
		remove_tree(parent, name + 1, 0);
}

void leftover_files(int dir)
{
	remove_work(dir);
	unlinkat(dir, record_overlay_name, 0);
	unlinkat(dir, record_lock_name, 0);
	unlinkat(dir, live_file_name, 0);
	unlinkat(dir, record_door_name, 0);
	unlinkat(dir, record_objects_name, 0);
	unlinkat(dir, record_waiting_name, 0);
	unlinkat(dir, record_start_name, 0);
	unlinkat(dir, record_reason_name, 0);
	unlinkat(dir, record_net_name, 0);
}

int leftover_folder(int root, int dir, const char *id, struct err *e)
{
	/* The lock goes last: until then nobody else takes the folder, and what is in it is not somebody's who just did. */
	leftover_files(dir);
	if (unlinkat(dir, "state.json", 0) < 0 && errno == EISDIR)
		unlinkat(dir, "state.json", AT_REMOVEDIR);
	if (unlinkat(root, id, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return fail(e, errno, "container %s: its folder: %m", id);
	/* Who creates or deletes one of this name has taken it between the two calls, and it is theirs. */
	if (faccessat(dir, "state.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	fail(e, ENOTEMPTY, "container %s: its folder holds what zviz has not put there", id);
	return advise(e, "look at it, remove it, and delete the container again");
}
