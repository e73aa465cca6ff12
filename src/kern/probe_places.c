/*
 * The part of `zviz check` about mounts and control groups.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/sys.h"
#include "kern/trial.h"

enum { LIST_MAX = 4096 }; /* bytes of a list of controllers */

/* ---- mounts ---- */

struct idmap_trial {
	const char *path;
	int userns;
};

static int idmap_mount(const void *arg)
{
	const struct idmap_trial *trial = arg;
	int tree = sys_open_tree(AT_FDCWD, trial->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return -tree;
	return -sys_mount_setattr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, 0, 0, trial->userns);
}

/* A user namespace with a map, as a descriptor: it belongs to a child that waits for its pipe to
 * close. */
static int mapped_userns(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	struct err none;
	int ends[2], fd = -1, status;
	char path[64];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;

	pid_t pid = sys_clone3(&args);

	if (pid == 0) {
		char end;

		close(ends[1]);
		_exit(read(ends[0], &end, 1) == 0 ? 0 : 1);
	}
	close(ends[0]);
	if (pid > 0) {
		snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
		int written = file_set(AT_FDCWD, path, "0 100000 65536", &none);

		snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
		if (written == 0 && file_set(AT_FDCWD, path, "0 100000 65536", &none) == 0) {
			snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
			fd = path_open(path, O_RDONLY);
		}
	}
	close(ends[1]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return fd;
}

void check_mounts(struct trial *t)
{
	static const char *const folders[] = { "/", "/tmp", "/home", "." };
	OWN_FD fs = sys_fsopen("tmpfs");
	OWN_FD userns = -1;
	dev_t seen[COUNT(folders)];
	size_t n = 0;

	/* An ordinary user is refused only for want of a privilege that a container has in
	 * itself. */
	trial_add_if(t, "mounts", "mount API", fs >= 0 || fs == -EPERM, CHECK_MISSING,
		     "a root is built out of sight and moved into place", "roots cannot be built",
		     "use Linux 5.12 or newer; in a container, permit fsopen, open_tree, "
		     "move_mount, mount_setattr");
	if (!t->h->privileged)
		return; /* idmapped mounts of the host's file systems are root's */
	userns = mapped_userns();
	for (size_t i = 0; userns >= 0 && i < COUNT(folders); i++) {
		struct idmap_trial trial = { folders[i], userns };
		struct stat st;
		bool again = stat(folders[i], &st) < 0;

		for (size_t j = 0; j < n; j++)
			again |= seen[j] == st.st_dev;
		if (again)
			continue;
		seen[n++] = st.st_dev;

		int no = trial_run(idmap_mount, &trial);

		trial_add_if(t, "mounts", arena_printf(t->a, "idmap %s", folders[i]), no == 0,
			     CHECK_LIMITED, "shown in containers with their own ids",
			     trial_why(t, "its files belong to nobody in a container", no),
			     "keep roots and shared folders on ext4, xfs, btrfs or tmpfs (Linux "
			     "6.3), or make them readable to all");
	}
}

/* ---- control groups ---- */

static const char *const controller_costs[CGROUP_CONTROLLERS] = {
	"memory is not limited",
	"processors are not limited",
	"a fork bomb is not stopped",
	"disk bandwidth is not limited",
	"processors cannot be chosen",
	"huge pages are not limited",
	"RDMA is not limited",
	"miscellaneous resources are not limited",
	"devices are kept away by mounts and ids alone",
	"processor time is not counted",
};

/* How an ordinary user, or root, gets a controller that it lacks. */
static const char *controller_advice(struct trial *t, unsigned controller)
{
	const char *mount = t->h->cgroup.v2_mount;
	char *text;
	uint32_t v2 = 0;
	struct err none;

	if (t->h->privileged)
		return "mount the controller, or enable it in the root's cgroup.subtree_control";
	if (mount[0] != '\0' &&
	    file_read(AT_FDCWD, arena_printf(t->a, "%s/cgroup.controllers", mount), LIST_MAX, t->a,
		      &text, NULL, &none) == 0)
		v2 = cgroup_bits_v2(text);
	if (!(v2 & 1u << controller))
		return "run as root, or boot with systemd.unified_cgroup_hierarchy=1: only cgroup "
		       "v2 is delegated to users";
	return "have a group delegated: systemd-run --user --scope -p Delegate=yes zviz ..., or as "
	       "root: systemctl edit "
	       "user@.service, [Service] Delegate=cpu cpuset io memory pids";
}

/* Devices are no controller of v2, but a program that the machine's root attaches. */
static bool in_v2(const struct host *h, unsigned controller)
{
	if (h->cgroup.v2_parent[0] == '\0')
		return false;
	if (1u << controller == CGROUP_DEVICES)
		return h->privileged && h->initial_userns;
	return h->cgroup.v2_controllers & 1u << controller;
}

static void check_controllers(struct trial *t)
{
	const struct host_cgroup *c = &t->h->cgroup;

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		bool v1 = c->v1_parent[i][0] != '\0', v2 = in_v2(t->h, i);

		/* What is in v1 is in no v2 group, save for devices, where v1 does. */
		v2 &= !(v1 && 1u << i == CGROUP_DEVICES);
		/* Rare hardware, and what v2 does without a controller: who has none needs no row. */
		if (1u << i & (CGROUP_RDMA | CGROUP_MISC | CGROUP_CPUACCT) && !v1 && !v2)
			continue;
		trial_add_if(t, "cgroups", cgroup_names_v2[i], v1 || v2,
			     1u << i & (CGROUP_MEMORY | CGROUP_CPU | CGROUP_PIDS) ? CHECK_MISSING
										  : CHECK_LIMITED,
			     arena_printf(t->a, "v%d, below %s", v2 ? 2 : 1,
					  v2 ? c->v2_parent : c->v1_parent[i]),
			     controller_costs[i], v1 || v2 ? "" : controller_advice(t, i));
	}
}

void check_cgroups(struct trial *t)
{
	const struct host_cgroup *c = &t->h->cgroup;

	if (c->v2_parent[0] != '\0')
		trial_add(t, "cgroups", "v2", CHECK_OK,
			  arena_printf(t->a, "groups are made in %s", c->v2_parent), "");
	else if (c->v2_mount[0] != '\0')
		trial_add(t, "cgroups", "v2", CHECK_LIMITED,
			  arena_printf(t->a,
				       "mounted at %s, but this caller may make no group there",
				       c->v2_mount),
			  t->h->privileged ? "mount it writable"
					   : "run as root, or have a group delegated (below)");
	else
		trial_add(t, "cgroups", "v2", CHECK_LIMITED,
			  "not mounted, or hidden: processes are killed one by one",
			  "boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2 none "
			  "/sys/fs/cgroup");
	check_controllers(t);
}
