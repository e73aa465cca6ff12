/*
 * What is written down of a container, as whoever asks later finds it. Private to src/box.
 */
#ifndef BOX_RECORD_H
#define BOX_RECORD_H

#include "box/box.h"

/* A process, told apart from a later one with its number by when it started; `start` 0: not known. */
struct record_process {
	uint64_t pid, start;
};

struct record {
	const char *profile;
	const char *device; /* link_describe() of the one on the host */
	const char *table;  /* with the rules of its network; NULL: it has none */
	const char *boot;   /* record_boot_id() when it was written; NULL: not known */
	const char *json, *cgroups, *digest, *bundle, *rootfs, *created;
	struct pairs annotations;
	struct spec_hooks poststart, poststop;
	struct box_start_words started;
	struct strings missing, cut;
	struct record_process init, broker; /* broker: `start` of a detached container's */
};

/* Which start of the machine this is (random(4)); NULL where /proc does not say. */
const char *record_boot_id(struct arena *a);

/* A file that was cut short or never written reads as nothing known. `dir` is the container's folder. Processes, groups and devices of
 * another boot are none. */
struct record record_read(struct arena *a, int dir);

/* Writes what is known before there is any process. */
int record_write(struct box *b, struct err *e);

/* A number of /proc/PID/stat, by its place there (proc_pid_stat(5)), and the state in front of it. False when the process
 * is gone, or not to be seen. */
bool record_stat(pid_t pid, unsigned number, char *state, uint64_t *field);

/* When it started, in clock ticks since boot; 0 when it is gone. */
uint64_t record_start_time(pid_t pid);

/* The process, 0 unless it lives. */
pid_t record_living(const struct record_process *p, bool locked);

/* The folder's two locks. state.json is locked by the launcher for as long as it lives, `lock` by the broker of a
 * detached container. That is a file of its own, because the broker is not trusted with what is written in the other. */
extern const char record_lock_name[];
bool record_is_locked(int dir);
bool record_broker_lives(int dir);

/* Whether a detached container's broker ended without saying so (record_say_end()): it was killed. */
bool record_is_cut_short(int dir);

/* Where processes that join bring their listeners to the broker, and what Landlock's rules were about. */
extern const char record_door_name[], record_objects_name[];

/* Of a container that is created first and started later. The first process has the file locked and mapped until it becomes the
 * workload's program; whoever starts it connects to the socket. */
struct record_waiting {
	_Atomic uint32_t created; /* 1: its launcher has done its work */
	_Atomic int32_t row;      /* what the first process is at */
};
extern const char record_waiting_name[], record_start_name[];

enum record_phase {
	PHASE_NONE,     /* it was not created to be started later */
	PHASE_CREATING, /* its launcher is at work, or was killed at it */
	PHASE_CREATED,
	PHASE_STARTED, /* its first process is the workload's program, or has ended */
};
enum record_phase record_phase_of(int dir);

/* The row that the first process came to; -1 when nobody knows. */
int record_row_reached(int dir);

/* Where zviz-net says that it ended the container, because one of its processes was killed; whether it did. */
extern const char record_reason_name[];
bool record_is_cut_off(int dir);

/* Where zviz-net is told of other rules. */
extern const char record_net_name[];

/* What the second one holds, once the container's root is its own and Landlock is in force. */
struct record_objects {
	uint64_t magic, n;
	struct box_object at[]; /* one a path of the plan; none without Landlock */
};
#define RECORD_OBJECTS UINT64_C(0x7a76697a6f626a31)

/* A link to the folder that its overlay works in, below the engine's; there before the folder is. */
extern const char record_overlay_name[];

/* The broker's last word, into `lock`. */
void record_say_end(int lock);

#endif
