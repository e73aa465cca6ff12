/*
 * What a container leaves when its processes are gone: groups, a device, files of its state.
 */
#include "box/leftover.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

void leftover_files(int dir)
{
	unlinkat(dir, record_lock_name, 0);
	unlinkat(dir, live_file_name, 0);
	unlinkat(dir, record_door_name, 0);
	unlinkat(dir, record_objects_name, 0);
	unlinkat(dir, record_waiting_name, 0);
	unlinkat(dir, record_start_name, 0);
	unlinkat(dir, record_reason_name, 0);
}

int leftover_folder(int root, int dir, const char *id, struct err *e)
{
	if (unlinkat(dir, "state.json", 0) < 0 && errno == EISDIR)
		unlinkat(dir, "state.json", AT_REMOVEDIR);
	leftover_files(dir);
	if (unlinkat(root, id, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return fail(e, errno, "container %s: its folder: %m", id);
	fail(e, errno, "container %s: its folder holds what zviz has not put there", id);
	return advise(e, "look at it, remove it, and delete the container again");
}
