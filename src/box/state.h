/*
 * What zviz remembers of a container: <root>/<id>/state.json, locked (flock) by the launcher, or by the broker of a
 * detached container, for as long as it lives. It holds what never changes (profile, rootfs, created,
 * annotations), the paths of the control groups, written before they are made, and the first process: its
 * number and its start (field 22 of /proc/PID/stat, clock ticks), by which, with the boot's id, it is told from a later one.
 */
#ifndef BOX_STATE_H
#define BOX_STATE_H

#include "box/box.h"
#include "policy/live_image.h"

/* The default folder: /run/zviz for root, $XDG_RUNTIME_DIR/zviz or /tmp/zviz-UID otherwise. */
const char *state_default_root(struct arena *a);

/* 0, or -EINVAL: ids are letters, digits and _ + - . but not "." or "..". */
int state_check_id(const char *id, struct err *e);

/* Makes the folder and locks it. What a killed launcher left under this name is cleaned up first; a living
 * container of that name is -EEXIST. */
int state_claim(struct box *b, struct err *e);

/* Binds the box's door into its folder. */
int state_open_door(const struct box *b, struct err *e);

/* The one where zviz-net is told of other rules, into the folder as well: a descriptor, the caller's. */
int state_open_net_door(const struct box *b, struct err *e);

/* Adds the first process to what is written down. */
int state_record_init(struct box *b, struct err *e);

/* The lock with which a detached container's broker keeps the name taken: a descriptor, the caller's. */
int state_hold(const struct box *b, struct err *e);

/* Where zviz-net says that it ended the container: a descriptor, the caller's. */
int state_open_reason(const struct box *b, struct err *e);

void state_release(struct box *b); /* removes it */
void state_leave(struct box *b);   /* keeps it */

enum state_status { STATE_CREATING, STATE_RUNNING, STATE_STOPPED, STATE_PAUSED, STATE_CREATED };

struct state_info {
	const char *id, *json; /* json: state.json as it is, NULL when it was never written */
	const char *bundle, *rootfs, *created; /* NULL: not known; bundle "": there is none */
	struct pairs annotations;
	uid_t owner;
	struct box_start_words started;
	const char *digest;  /* of its plan: plan_digest() in 16 hexadecimal digits, or NULL */
	const char *profile; /* in force, NULL: not written down */
	uint32_t changes;    /* how often `zviz update` has changed it; 0: as it was started */
	bool damaged;        /* nobody can say what is in force */
	const struct live_tables *start,
		*now; /* where its profile was read from, NULL: its words say it; what is in
						* force since, NULL: nothing was changed */
	const struct live_tables *
		next; /* a change that is under way, or was cut short: nobody said yet that it is in force; NULL */
	struct strings missing; /* layers that its profile preferred and the host lacks */
	struct strings cut;     /* what its bundle asked for beyond the profile */
	enum state_status status;
	pid_t pid;         /* 0 when it is stopped */
	bool cut_short;    /* a detached one whose broker was killed */
	bool cut_off;      /* one whose zviz-net was */
	const char *table; /* with the rules of its network; NULL: not written down */
};

/* Reads one container. -ENOENT: "container does not exist". */
int state_read(struct arena *a, const char *root, const char *id, struct state_info *out,
	       struct err *e);

/* The folder of a container, for whoever changes something in it: below a root that is the caller's own. A descriptor or
 * -errno. */
int state_open(const char *root, const char *id, struct err *e);

/* The same, for whoever only looks. */
int state_look(const char *root, const char *id, struct err *e);

/* Opens the container's control groups: cgroup_close() them. None when it has none, or none any more. */
struct cgroup;
int state_groups(struct arena *a, const char *root, const char *id, struct cgroup *out,
		 struct err *e);

/* All ids below root, sorted; none when the folder is not there. */
int state_list(struct arena *a, const char *root, struct strings *ids, struct err *e);

/* Kills (with `force`; otherwise a running container is -EBUSY) and removes everything of the container. 1 and *e: that is done,
 * but one of its poststop hooks failed. */
int state_delete(struct arena *a, const char *root, const char *id, bool force, struct err *e);

#endif
