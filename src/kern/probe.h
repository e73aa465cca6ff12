/*
 * What this host offers.
 *
 * probe_host() is for every start: a few dozen system calls and no process. probe_all() is for
 * `zviz check`: it tries things for real, in children, and explains each of them.
 */
#ifndef KERN_PROBE_H
#define KERN_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "kern/host.h"

/* Fills *out. Only a host without /proc, or of an unknown architecture, is an error: what is
 * merely missing is said in *out. */
int probe_host(struct host *out, struct err *e);

/* The part of it that is about control groups. */
void probe_cgroup(bool privileged, struct host_cgroup *out);

/* The group of this user's own systemd as the place for groups, if it has one. */
void probe_user_manager(uint32_t uid, struct host_cgroup *out);

/* Where one hierarchy stands. Each is "" when it is not there, or longer than its room. */
struct cgroup_place {
	char group[HOST_PATH_MAX]; /* the caller's group, as /proc/self/cgroup says it */
	char mount[HOST_PATH_MAX]; /* where the hierarchy is mounted */
	char own[HOST_PATH_MAX];   /* the folder of the caller's group there */
};
struct cgroup_places {
	struct cgroup_place v2, v1[CGROUP_CONTROLLERS];
};

/* Pure. First the text of /proc/self/cgroup, then each line (without its end) of
 * /proc/self/mountinfo. */
void cgroup_places_groups(struct cgroup_places *p, const char *text);
void cgroup_places_mount(struct cgroup_places *p, const char *line);

/* Names of the controllers by bit number, as the kernel spells them in v2 ("io") and v1
 * ("blkio"). */
extern const char *const cgroup_names_v2[CGROUP_CONTROLLERS];
extern const char *const cgroup_names_v1[CGROUP_CONTROLLERS];

/* Bits for a list like "cpuset cpu io memory"; unknown names are left out. */
uint32_t cgroup_bits_v2(const char *list);

/* ---- pieces that both probes use ---- */

/* Whether this process is in the machine's own user namespace, or on a kernel that has no other. */
bool probe_initial_userns(void);

/* A number in a file of /proc; false when there is none. */
bool probe_setting(const char *path, uint64_t *out);

/* Is the running kernel of this version or newer? A distribution may have brought a feature back
 * to an older one. */
bool probe_release(unsigned major, unsigned minor);

/* Ids mapped without a gap from 0 on, by the text of a uid_map; UINT32_MAX: all of them. */
uint32_t probe_id_limit(const char *map);

/* Does AppArmor take the capabilities from user namespaces that this process makes (Ubuntu 23.10
 * and later)? */
bool probe_apparmor_restricts(void);

/* Whether AppArmor is switched on. */
bool probe_apparmor(void);

/* Whether SELinux is. It may have no policy yet. */
bool probe_selinux(void);

/* Are newuidmap and newgidmap installed? */
bool probe_id_helpers(void);

/* For one who does without namespaces where none can be made: whether they can, by trying; and what matters then. */
void probe_bare(struct host *out);

/* ---- zviz check ---- */

enum check_state { CHECK_OK, CHECK_LIMITED, CHECK_MISSING };

/* One line of `zviz check`. All strings live in the arena or are constants; `todo` is "" when
 * there is nothing to do. `means`: what it is good for, or what its absence costs. */
struct check_row {
	const char *layer, *feature;
	enum check_state state;
	const char *means, *todo;
};
struct check_rows {
	size_t n, cap;
	struct check_row *at;
};

/* What private networks are made with. Nothing is tried. */
void probe_network(struct host *h);

/* Where a program of the system's is, into *out; false, and "", when it is in no folder of the system's. Never from $PATH. */
bool probe_program(const char *name, char out[HOST_PROGRAM_MAX]);

/* Appends to *out, grouped by layer. `h` comes from probe_host(). Nothing of what it tries is
 * left behind. */
int probe_all(struct arena *a, const struct host *h, struct check_rows *out, struct err *e);

#endif
