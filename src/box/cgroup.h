/*
 * A container's control groups: one in the v2 hierarchy where groups can be made there, and one in
 * each v1 hierarchy that the plan uses. They are called zviz-ID and stand directly in the host's
 * parent folders, unless a bundle names another path: a folder of our own between the two would double the cost of a
 * start.
 *
 * The order of a start: cgroup_create; clone3 with CLONE_INTO_CGROUP and cgroup_fd(); in the child,
 * still alone, cgroup_enter; only then unshare(CLONE_NEWCGROUP), because a cgroup namespace begins
 * at the groups that its maker is in, and clone3 makes namespaces before it moves the child.
 */
#ifndef BOX_CGROUP_H
#define BOX_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/plan_change.h"

enum {
	CGROUP_GROUPS = 1 + CGROUP_CONTROLLERS,
	CGROUP_PATH_MAX = HOST_PATH_MAX + 256, /* a parent, '/', a file name */
};

struct cgroup_group {
	char path[CGROUP_PATH_MAX];
	size_t base_len;      /* so much of the path has to be there; 0 when reopened from a path */
	uint32_t controllers; /* those it limits; 0 when reopened */
	unsigned made;        /* so many folders above it were not there before */
	bool v2;
	bool there; /* made by somebody else: systemd */
	int dir;    /* its folder */
	int tasks;  /* v1: the file to enter by; -1 for v2 and when reopened */
};

/* Zero-initialised it is none. */
struct cgroup {
	size_t n;
	struct cgroup_group at[CGROUP_GROUPS]; /* the v2 group, if any, is first */
};

/* Which groups cgroup_create() would make, by path, with nothing open: to be recorded before they exist. None
 * when !plan->cgroup. */
int cgroup_name(const struct plan *p, struct cgroup *out, struct err *e);

/* Makes the groups that the plan asks for and writes their limits. An empty group of that name
 * is replaced; one with processes is -EEXIST. On failure nothing stays. Nothing is made when
 * !plan->cgroup. */
int cgroup_create(const struct plan *p, struct cgroup *out, struct err *e);

/* The v2 folder, for CLONE_INTO_CGROUP; -1 when there is none. Borrowed. */
int cgroup_fd(const struct cgroup *c);

/* Opens one of the files of the group that limits by `controller` (CGROUP_*), to be read: a descriptor, the caller's, or -1
 * where there is none. A NULL name: that version has no such file. */
int cgroup_open(const struct cgroup *c, uint32_t controller, const char *v2_file,
		const char *v1_file);

/* Which group has the controller (a bit number), NULL when none. */
const struct cgroup_group *cgroup_group_for(const struct cgroup *c, unsigned controller);

/* Puts the plan's device rules into force: v1 by files, v2 by a program. */
int cgroup_devices(const struct cgroup *c, const struct plan *p, struct err *e);

/* In the child, while it has one thread: enters the v1 groups, then closes every descriptor of
 * *c. Needs no privilege: the kernel asks the one who opened the files. */
int cgroup_enter(struct cgroup *c, struct err *e);

/* Closes the descriptors; the groups stay. */
void cgroup_close(struct cgroup *c);

/* Adds the groups' folders to *out, one a line: what is recorded for whoever cleans up. */
void cgroup_paths(const struct cgroup *c, struct buf *out);

/* Opens what was recorded. Groups that are gone are left out; a path that is no folder of a
 * cgroup file system is -EINVAL, and then nothing is open. */
int cgroup_reopen(const char *paths, struct cgroup *out, struct err *e);

/* For cgroup_enter() of what was reopened. */
int cgroup_open_tasks(struct cgroup *c, struct err *e);

/* The usual end: every process is gone, and the groups go as they are. False when one of them cannot, which
 * cgroup_kill() and cgroup_remove() then see to. */
bool cgroup_remove_empty(struct cgroup *c);

/* Kills every process of the groups and of those below. They may need a moment to disappear. */
int cgroup_kill(const struct cgroup *c, struct err *e);

/* Removes the groups and those below them, waiting a bounded time for processes that are ending.
 * Closes *c. Groups already gone are no error. */
int cgroup_remove(struct cgroup *c, struct err *e);

/* Removes the folders above a group that were made for it. They may hold other groups by now, and then stay for these. */
void cgroup_remove_above(const struct cgroup_group *g);

/* What the container used. UINT64_MAX where the kernel does not say. */
struct cgroup_usage {
	uint64_t memory_peak;  /* bytes */
	uint64_t oom_kills;    /* processes */
	uint64_t oom_groups;   /* times that the whole group was killed; v2 */
	uint64_t pids_refused; /* forks that met the limit */
	uint64_t pids_peak;
	uint64_t cpu_us, throttled_us;                    /* v2 */
	uint64_t memory_wait_us, cpu_wait_us, io_wait_us; /* v2, where the kernel keeps PSI */
};
void cgroup_read_usage(const struct cgroup *c, struct cgroup_usage *out);

/* Reads the first group that has the file, NUL behind it: its length, or -ENOENT. A file that is NULL does not exist in
 * that version. */
ssize_t cgroup_text(const struct cgroup *c, const char *v2_file, const char *v1_file, char *out,
		    size_t room);

/* The number after `key` in a file of "key number" lines, or of the whole file when key is NULL; UINT64_MAX: none. */
uint64_t cgroup_number(int dir, const char *file, const char *key);

/* What is in force of what a change may need to know. */
void cgroup_read_limits(const struct cgroup *c, struct limits_now *out);

/* Writes other limits into groups that are there; -ENOENT names a file that none of them has. */
int cgroup_change(const struct cgroup *c, const struct plan_limit *rows, size_t n, struct err *e);

/* Is any process in the groups? */
bool cgroup_populated(const struct cgroup *c);

/* The processes of a group and of those below it, as this pid namespace numbers them. */
struct cgroup_pids {
	size_t n, cap;
	pid_t *at;
};
int cgroup_members(struct arena *a, const struct cgroup_group *g, struct cgroup_pids *out,
		   struct err *e);

/* Whether all are held where they are (cgroup.freeze, v2). */
bool cgroup_frozen(const struct cgroup *c);

#endif
