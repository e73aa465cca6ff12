#include "box/members.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "box/record.h"
#include "box/state.h"
#include "kern/sys.h"

enum {
	FREEZE_MS = 10000, /* the kernel stops a task when it leaves the kernel: most do at once */
	EVENTS_ROOM = 256,
};

/* A container, its folder open, and its first process. */
struct subject {
	int dir;
	struct record record;
	pid_t init;
};

static int find(struct arena *a, const char *root, const char *id, struct subject *out,
		struct err *e)
{
	out->dir = state_look(root, id, e);
	if (out->dir < 0)
		return out->dir;
	out->record = record_read(a, out->dir);
	out->init = record_living(&out->record.init, record_is_locked(out->dir));
	return 0;
}

static int not_running(const char *id, struct err *e)
{
	return fail(e, ESRCH, "container not running: %s", id);
}

/* ---- by its pid namespace, where it has no group ---- */

struct process {
	pid_t pid, parent;
	bool member;
	char namespace[32]; /* "pid:[4026531836]", "" where we may not look */
};

struct processes {
	size_t n, cap;
	struct process *at;
};

static void look_at(struct arena *a, pid_t pid, struct processes *all)
{
	struct process p = { .pid = pid };
	char path[64], state;
	uint64_t parent;

	if (!record_stat(pid, 4, &state, &parent) || state == 'Z' || state == 'X')
		return;
	p.parent = (pid_t)parent;
	snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);

	ssize_t n = readlink(path, p.namespace, sizeof p.namespace - 1);

	p.namespace[n > 0 ? n : 0] = '\0';
	*LIST_ADD(a, all) = p;
}

static struct process *process_of(const struct processes *all, pid_t pid)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->at[i].pid == pid)
			return &all->at[i];
	return NULL;
}

/* The first process and what descends from it. */
static void mark_descendants(const struct processes *all, pid_t init)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < all->n; i++) {
			struct process *p = &all->at[i], *parent = process_of(all, p->parent);

			if (p->member || (p->pid != init && (parent == NULL || !parent->member)))
				continue;
			p->member = more = true;
		}
	}
}

/* Whoever came in from outside has another parent. The first process may be closed to us (it is zviz itself, non-dumpable,
 * with --init): any other tells which namespace is meant. */
static void mark_joined(const struct processes *all)
{
	const char *namespace = "";
	char own[sizeof all->at->namespace];
	ssize_t n = readlink("/proc/self/ns/pid", own, sizeof own - 1);

	for (size_t i = 0; i < all->n && namespace[0] == '\0'; i++)
		if (all->at[i].member)
	namespace = all->at[i].namespace;
	/* A container without namespaces is in ours, with all that is none of it. */
	own[n > 0 ? n : 0] = '\0';
	if (strcmp(namespace, own) == 0)
		return;
	for (size_t i = 0; i < all->n && namespace[0] != '\0'; i++)
		all->at[i].member |= strcmp(all->at[i].namespace, namespace) == 0;
}

static int list_namespace(struct arena *a, pid_t init, struct cgroup_pids *out, struct err *e)
{
	struct processes all = { 0 };
	DIR *proc = opendir("/proc");

	if (proc == NULL)
		return fail(e, errno, "/proc: %m");
	for (struct dirent *d; (d = readdir(proc)) != NULL;) {
		uint64_t pid;

		if (num_u64(d->d_name, &pid) == 0 && pid <= INT32_MAX)
			look_at(a, (pid_t)pid, &all);
	}
	closedir(proc);
	mark_descendants(&all, init);
	mark_joined(&all);
	for (size_t i = 0; i < all.n; i++)
		if (all.at[i].member)
			*LIST_ADD(a, out) = all.at[i].pid;
	return 0;
}

static int list(struct arena *a, const struct subject *s, struct cgroup_pids *out, struct err *e)
{
	struct cgroup groups = { 0 };
	struct err gone;

	*out = (struct cgroup_pids){ 0 };
	if (s->record.cgroups == NULL || cgroup_reopen(s->record.cgroups, &groups, &gone) < 0 ||
	    groups.n == 0)
		return list_namespace(a, s->init, out, e);

	/* Each group has all of them. */
	int r = cgroup_members(a, &groups.at[0], out, e);

	cgroup_close(&groups);
	return r;
}

int members_list(struct arena *a, const char *root, const char *id, struct cgroup_pids *out,
		 struct err *e)
{
	struct subject s = { .dir = -1 };

	TRY(find(a, root, id, &s, e));

	OWN_FD dir = s.dir;

	(void)dir;
	return s.init != 0 ? list(a, &s, out, e) : not_running(id, e);
}

/* ---- signals ---- */

/* The first process is its own for as long as the record says that it lives, which is asked once more when a
 * descriptor of it is there. */
static int signal_init(const struct subject *s, const char *id, int sig, struct err *e)
{
	OWN_FD pidfd = s->init != 0 ? sys_pidfd_open(s->init, 0) : -ESRCH;

	if (pidfd < 0 || record_living(&s->record.init, record_is_locked(s->dir)) != s->init)
		return not_running(id, e);

	int r = sys_pidfd_send_signal(pidfd, sig);

	if (r == -ESRCH)
		return not_running(id, e);
	return r < 0 ? fail(e, -r, "signal %d to container %s: %m", sig, id) : 0;
}

static bool among(const struct cgroup_pids *m, pid_t pid)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->at[i] == pid)
			return true;
	return false;
}

/* A number may be another process's at any time: what is listed both before and after its descriptor was opened is meant. */
static int signal_all(struct arena *a, const struct subject *s, int sig, struct err *e)
{
	struct cgroup_pids before, after;

	TRY(list(a, s, &before, e));

	int *fds = arena_array(a, before.n + 1, sizeof *fds);

	for (size_t i = 0; i < before.n; i++)
		fds[i] = sys_pidfd_open(before.at[i], 0);

	int r = list(a, s, &after, e);

	for (size_t i = 0; i < before.n; i++) {
		if (fds[i] >= 0 && r == 0 && among(&after, before.at[i]))
			sys_pidfd_send_signal(fds[i], sig);
		fd_close(&fds[i]);
	}
	return r;
}

int members_signal(struct arena *a, const char *root, const char *id, int sig, bool all,
		   struct err *e)
{
	struct subject s = { .dir = -1 };

	TRY(find(a, root, id, &s, e));

	OWN_FD dir = s.dir;

	(void)dir;
	if (!all)
		return signal_init(&s, id, sig, e);
	return s.init != 0 ? signal_all(a, &s, sig, e) : 0;
}

/* ---- freezing ---- */

static int wait_frozen(int dir, bool freeze)
{
	OWN_FD events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct timespec begin, now;

	sys_clock(CLOCK_MONOTONIC, &begin);
	while (events >= 0) {
		char text[EVENTS_ROOM];
		ssize_t n = pread(events, text, sizeof text - 1, 0);
		struct pollfd p = { .fd = events, .events = POLLPRI };

		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, freeze ? "frozen 1" : "frozen 0") != NULL)
			return 0;
		sys_clock(CLOCK_MONOTONIC, &now);

		long passed = (now.tv_sec - begin.tv_sec) * 1000 +
			      (now.tv_nsec - begin.tv_nsec) / 1000000;

		if (passed >= FREEZE_MS)
			return -ETIMEDOUT;
		poll(&p, 1, (int)(FREEZE_MS - passed));
	}
	return -errno;
}

static int freeze_group(const struct cgroup *c, const char *id, bool freeze, struct err *e)
{
	struct err ignored;

	if (c->n == 0 || !c->at[0].v2) {
		fail(e, EOPNOTSUPP,
		     "container %s: cgroup: it has no v2 group, so nothing can hold all of its processes at once",
		     id);
		return advise(
			e,
			"use a host whose control groups are version 2 (`zviz check`), or stop it with `zviz kill --all %s STOP`",
			id);
	}
	if (file_set(c->at[0].dir, "cgroup.freeze", freeze ? "1" : "0", e) < 0)
		return within(e, "container %s: %s", id, c->at[0].path);

	int r = wait_frozen(c->at[0].dir, freeze);

	if (r == 0)
		return 0;
	(void)file_set(c->at[0].dir, "cgroup.freeze", "0", &ignored);
	fail(e, -r, "container %s: one of its processes cannot be held: %m", id);
	return advise(e, "it may wait for a disk or a network file system; try again later");
}

int members_freeze(struct arena *a, const char *root, const char *id, bool freeze, struct err *e)
{
	struct subject s = { .dir = -1 };
	struct cgroup groups = { 0 };

	TRY(find(a, root, id, &s, e));

	OWN_FD dir = s.dir;

	(void)dir;
	if (s.init == 0)
		return not_running(id, e);
	if (s.record.cgroups != NULL)
		TRY(cgroup_reopen(s.record.cgroups, &groups, e));

	int r = cgroup_frozen(&groups) != freeze
			? freeze_group(&groups, id, freeze, e)
			: fail(e, EALREADY, "container %s: %s", id,
			       freeze ? "it is paused already" : "container not paused");

	cgroup_close(&groups);
	return r;
}
