/*
 * What the system tells of itself inside: the files that show limits instead of the machine. Init makes them, each a
 * file of one tmpfs that nobody else sees, shown read-only in its place; the broker, where there is one, gets them to
 * keep up to date, with the files of the cgroup that say what is in use.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/rootfs.h"
#include "box/sequence.h"
#include "kern/scm.h"
#include "kern/sys.h"
#include "policy/view.h"

enum { CPUINFO_BYTES = 1 << 20 }; /* some 500 processors' */

/* ---- the launcher: what is in use ---- */

int step_view_open(struct box *b, struct err *e)
{
	static const struct source {
		uint32_t controller;
		const char *v2, *v1;
	} sources[VIEW_FDS] = {
		[VIEW_FROM_MEMORY] = { CGROUP_MEMORY, "memory.current", "memory.usage_in_bytes" },
		[VIEW_FROM_MEMORY_STAT] = { CGROUP_MEMORY, "memory.stat", "memory.stat" },
		[VIEW_FROM_SWAP] = { CGROUP_MEMORY, "memory.swap.current", NULL },
		[VIEW_FROM_CPU] = { CGROUP_CPUACCT, "cpu.stat", "cpuacct.stat" },
		[VIEW_FROM_TASKS] = { CGROUP_PIDS, "pids.current", "pids.current" },
		[VIEW_FROM_LIMIT] = { CGROUP_MEMORY, "memory.max", "memory.limit_in_bytes" },
	};

	(void)e;
	for (size_t i = VIEW_KEPT; i < VIEW_FDS; i++)
		b->view[i] = cgroup_open(&b->cgroup, sources[i].controller, sources[i].v2,
					 sources[i].v1);
	return 0;
}

/* ---- init: the files ---- */

int view_prepare(struct box *b, struct err *e)
{
	const char *options[] = { "mode=755", "size=2M", "nr_inodes=16" };

	b->view_root = label_new_fs(b, "tmpfs", options, COUNT(options),
				    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
	if (b->view_root < 0)
		return within(e, "limits");

	/* Only what is attached can be shown elsewhere. Where the host's devices were nobody looks any more, and it goes with the
	 * old root. Not on top of that: umount2() would take this one off instead, and leave the host there. */
	int r = sys_move_mount(b->view_root, "", AT_FDCWD, "/dev", MOVE_MOUNT_F_EMPTY_PATH);

	return r < 0 ? fail(e, -r, "limits: attach to /dev: %m") : 0;
}

static uint64_t smaller(uint64_t limit, uint64_t machine)
{
	return limit < machine ? limit : machine;
}

/* At the start nothing is in use. */
static void at_first(const struct box *b, struct view_now *out)
{
	const struct view *v = &b->plan->view;
	struct timespec up;
	struct sysinfo s;

	*out = (struct view_now){ .cpus = v->cpus, .tasks = 1 };
	if (sysinfo(&s) == 0) {
		out->total = smaller(v->memory, (uint64_t)s.totalram * s.mem_unit);
		out->swap_total = (uint64_t)s.totalswap * s.mem_unit;
	}
	if (v->has_swap)
		out->swap_total = smaller(v->swap, out->swap_total);
	if (clock_gettime(CLOCK_BOOTTIME, &up) == 0)
		out->boot = (uint64_t)time(NULL) - (uint64_t)up.tv_sec;
}

static int write_all(int fd, const char *text, size_t len, struct err *e)
{
	int r = fd_write_all(fd, text, len);

	return r < 0 ? fail(e, -r, "write: %m") : 0;
}

/* As much of the machine's own as is about these processors. */
static int write_cpuinfo(const struct box *b, int fd, struct err *e)
{
	OWN_FD from = path_open("/proc/cpuinfo", O_RDONLY);
	char *text = arena_alloc(b->arena, CPUINFO_BYTES);
	size_t len = 0;
	bool whole = false;

	if (from < 0)
		return fail(e, errno, "/proc/cpuinfo: %m");
	while (!whole && len < CPUINFO_BYTES) {
		ssize_t n = read(from, text + len, CPUINFO_BYTES - len);

		if (n < 0)
			return fail(e, errno, "/proc/cpuinfo: %m");
		if (n == 0)
			break;
		len = view_cpuinfo(text, len + (size_t)n, b->plan->view.cpus, &whole);
	}
	return write_all(fd, text, len, e);
}

static int write_first(const struct box *b, enum view_file file, int fd, struct err *e)
{
	char text[VIEW_TEXT_MAX];
	struct view_now now;

	switch (file) {
	case VIEW_CPUINFO:
		return write_cpuinfo(b, fd, e);
	case VIEW_ONLINE:
		return write_all(fd, text,
				 (size_t)(b->plan->view.cpus == 1
						  ? snprintf(text, sizeof text, "0\n")
						  : snprintf(text, sizeof text, "0-%u\n",
							     b->plan->view.cpus - 1)),
				 e);
	default:
		at_first(b, &now);
		return write_all(fd, text, view_write(file, &now, text), e);
	}
}

/* A new file of the view's own tmpfs, with its first text. It belongs to whom the broker works as: only the owner of a
 * file hears of who opens it (fcntl(2), F_SETLEASE). */
static int make_file(struct box *b, enum view_file file, struct err *e)
{
	char name[16];

	snprintf(name, sizeof name, "%d", (int)file);

	OWN_FD fd = openat(b->view_root, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			   0444);

	if (fd < 0)
		return fail(e, errno, "make it: %m");
	TRY(write_first(b, file, fd, e));
	if (b->plan->mapping != IDS_SINGLE && fchown(fd, b->plan->uid, b->plan->gid) < 0)
		return fail(e, errno, "its owner: %m");
	return fd_take(&fd);
}

int view_build(struct box *b, const struct plan_mount *m, struct err *e)
{
	const unsigned flags = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	OWN_FD target = sys_openat2(b->root, m->target, O_PATH | O_CLOEXEC, 0, rootfs_inside);

	if (target < 0 && m->optional && (target == -ENOENT || target == -ENOTDIR))
		return 0;
	if (target < 0)
		return fail(e, -target, "%m");

	OWN_FD file = make_file(b, m->view, e);

	if (file < 0)
		return file;

	OWN_FD shown = sys_open_tree(file, "", flags);

	if (shown < 0)
		return fail(e, -shown, "show it: %m");

	int r = sys_mount_setattr(shown, "", AT_EMPTY_PATH, m->attr_set, 0, 0, -1);

	if (r < 0)
		return fail(e, -r, "set its attributes: %m");
	TRY(rootfs_attach(shown, target, e));
	if (m->view < VIEW_KEPT && b->plan->broker.used)
		b->view[m->view] = fd_take(&file);
	return 0;
}

/* The broker takes them before the listener, in this order; -1 where there is none. */
int step_view_hand(struct box *b, struct err *e)
{
	int r = scm_send_all(b->hand_init, b->view, VIEW_FDS);

	for (size_t i = 0; i < VIEW_FDS; i++)
		fd_close(&b->view[i]);
	return r < 0 ? fail(e, -r, "hand the files over: %m") : 0;
}

int view_take(struct box *b, struct err *e)
{
	int r = scm_receive_all(b->hand_broker, b->view, VIEW_FDS);

	return r < 0 ? fail(e, -r, "the files did not come: %m") : 0;
}
