/*
 * A container's life, from plan to clean-up.
 *
 * Three processes walk one table (sequence.c): the launcher (HOST), the broker (BROKER; where a plan has no
 * brokered calls, a process that only holds the namespaces until init has joined them) and the container's
 * first process (INIT). They decide nothing: the plan did.
 */
#ifndef BOX_BOX_H
#define BOX_BOX_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "box/cgroup.h"
#include "policy/net_counts.h"
#include "policy/plan.h"

enum { BOX_STEPS_MAX = 80, GUARDS = 2 };

/* What the broker serves with. */
struct box_served {
	int listener, proc;
	int door;         /* where processes that join bring their listeners */
	const void *live; /* its view of the policy file, NULL: none */
	const int *view;  /* VIEW_FDS files that show limits, -1: not there */
};

/* What the broker's side of the table calls: box and broker know nothing of each other. */
struct box_broker {
	/* Gives up everything that serving this plan does not need, and all but the n descriptors, sorted. */
	int (*confine)(void *ctx, const struct broker_plan *plan, const int *keep_fds, size_t n,
		       struct err *e);
	/* Serves until the workload is gone; owns the descriptors. */
	int (*serve)(void *ctx, const struct broker_plan *plan, const struct box_served *with,
		     struct err *e);
	void *ctx;
	int events, ask; /* descriptors to keep open for serve, -1: none */
};

/* How the caller was called: a current folder, and words without the program's name. */
struct box_start_words {
	const char *cwd; /* NULL: nobody knows */
	struct strings words;
	const char *name, *file,
		*by; /* of the profile: struct choice, `file` if it is the host's; NULL: none */
	const char *
		profile; /* image of where the profile was read from (policy/live_image.h), or NULL */
	size_t profile_bytes;
};

struct box_options {
	const char *state_root; /* folder of all containers' state */
	const char *bundle;     /* absolute; NULL: there is none */
	bool timings;
	const char *scope_helper; /* path of zviz-scope, for plans with a scope of systemd's */
	unsigned preserve; /* of a process that joins: so many descriptors from 3 on stay open */
	struct box_broker broker;
	struct box_start_words started; /* written down, for whoever asks later */
};

/* How far the broker is; each includes those before. DONE: the workload was gone, and it had no more to do. */
enum broker_state { BROKER_BORN, BROKER_VIEWED, BROKER_SERVING, BROKER_FAILED, BROKER_DONE };

/* Memory that the three processes share while they set up; unmapped by exec. */
struct box_shared {
	_Atomic uint32_t broker;    /* futex: enum broker_state */
	_Atomic uint32_t init_born; /* futex: 1 when init is in all namespaces */
	_Atomic int32_t init;       /* without namespaces: its number, for the guards; 0: not yet */
	_Atomic uint32_t guards;    /* without namespaces: how many of them stand */
	_Atomic uint32_t broken;   /* 1: one of them has ended; without namespaces, or the broker */
	_Atomic int32_t init_step; /* the row that init is at, for when it dies without a word */
	struct {
		uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC; 0: not run */
	} timing[BOX_STEPS_MAX];
};

/* Where a mount comes from: opened as the caller, before ids and root change. */
struct box_source {
	int fd; /* a detached mount, or a file to copy; -1: none */
	bool copy;
	const char *link; /* text of a symbolic link to recreate, or NULL */
	bool absent;
};

/* What a rule of Landlock was about when the container started; ino 0: nothing. */
struct box_object {
	uint64_t dev, ino;
};

struct record_waiting;

/* A namespace by path, and the launcher's own of that type; of a pid namespace also the one above it, else -1. */
struct box_given {
	int fd, own, above;
};

struct sequence;

struct box {
	const struct plan *plan;
	const struct box_options *opt;
	const struct sequence *sequence; /* the rows that its processes walk */
	struct arena *arena;
	struct box_shared *shared;

	/* the launcher's */
	int state; /* the container's state folder; the lock in it is ours */
	int state_lock;
	const void *live; /* the broker's view of its policy file, NULL: none */
	size_t recorded;  /* bytes in state.json */
	struct cgroup cgroup;
	bool has_cgroup;
	pid_t scope;   /* the helper that stands in systemd's scope, 0: none */
	int scope_end; /* closed when it is to go */
	bool domain; /* a Landlock domain keeps in what its processes signal: kill(-1) is about them */
	bool left; /* detached: nothing of it is ours to end */
	bool kept; /* it has ended, and its state and groups stay until they are deleted */
	pid_t broker, init;
	int broker_pidfd, init_pidfd;
	struct {
		pid_t pid;
		int pidfd;
	} guards[GUARDS];           /* where a pid namespace is shared (guard.c) */
	int broker_note, init_note; /* the launcher's ends */
	pid_t net;                  /* zviz-net, where the plan has a private network */
	int net_control;            /* our end of its socket */
	const char *net_device;     /* link_describe() of what it made on the host; NULL: nothing */
	const char *net_table;      /* the one with its rules */
	int net_ns, net_user;       /* the container's namespaces, for what its rules count */
	const char *net_note; /* what it could not do, though it was asked for; NULL: nothing */
	bool net_told;        /* it waits for init's end, and ends by itself */
	const char *why;      /* the workload did not end by itself; set by box_wait(), or NULL */
	int userns;           /* the container's, for idmapped mounts */
	struct box_given *givens; /* one a namespace that the plan joins by path */
	int console;              /* pty master, -1 without a terminal */
	size_t done;              /* rows of the table that are behind us */

	/* shared by fork */
	struct box_source *sources; /* one a mount of the plan */
	int rootfs_source;
	int dev;  /* the tree of /dev while it is made; the source owns it */
	int note; /* a child's own end: one of the next two */
	int note_broker, note_init;
	int hand_broker, hand_init; /* the listener travels from init to the broker */
	int view[VIEW_FDS]; /* so do the files that show limits, and those that say what is in use */
	int door;           /* the broker's, for whoever joins later */
	int starter;        /* the program between init and the command, -1: there is none */
	int objects_file;   /* where init writes down what its rules are about */
	int waiting_file; /* of a container that is started later: how far init is (box/record.h), */
	int start;        /* and where it is told to go on */
	struct record_waiting *waiting;
	/* What init and its makers stand on, one mapping: the lowest bytes are init's, whose stack ends there. */
	struct box_stacks {
		char *at;
		size_t init_bytes, bytes;
	} stacks;
	int hooks_input; /* what hooks of the container's own are told */

	/* init's */
	int root, old_root;
	int mask_folder;              /* the first empty read-only tmpfs, cloned for each mask */
	int mask_file;                /* /dev/null, likewise */
	const char *missing_top;      /* a path to mask whose first folder is not there */
	const char *present_top;      /* one whose first folder is, though it is not */
	int view_root;                /* the tmpfs of the files that show limits */
	int proc;                     /* the broker's procfs */
	const struct box_object *met; /* one a rule of Landlock; NULL: there are none */
	const char *exec_path;
	char *const *env; /* what is not in the plan is found inside; NULL: it is the plan's */

	/* a process that joins */
	int launcher; /* a pidfd: the socket stays open while the process lives that made this one */
	int into, cgroup_ns,
		time_ns; /* a process of the container, and its namespaces of groups and time; -1: none */
	const struct box_object *objects; /* one a rule; NULL: this is the first process */

	cpu_set_t cpus; /* where it may run after its first moments; empty: where it already may */
};

/* Sets the container up and lets it run: on success init is on its way to exec, or has got there. Everything
 * is undone on failure, and *e names the step. The box must stay where it is until box_end(). */
int box_start(struct box *b, struct arena *a, const struct plan *p, const struct box_options *opt,
	      struct err *e);

/* The same for a process that joins the container p->id, which runs: p is the plan that the container was started with, or
 * what is in force of it since, and what is different for this process. It is then what the functions below call init. */
int box_join(struct box *b, struct arena *a, const struct plan *p, const struct box_options *opt,
	     struct err *e);

/* Of a container that runs, by its own launcher: those hooks. The caller ends it when one fails. */
int box_poststart(struct box *b, struct err *e);

/* How it ended. Reaps init (waits for it if it lives). Returns the exit code that the caller should have:
 * the workload's, or 128 + signal; -errno with *e when init failed before exec. */
int box_wait(struct box *b, struct err *e);

/* After the end of the first process: box_end() is to leave its state, as one of a container that has stopped, and its
 * groups, which say what it used. Its name is taken until `delete`. */
int box_keep(struct box *b, struct err *e);

/* Kills what is left and removes every trace. Never fails: what cannot be removed is left for `delete`. */
void box_end(struct box *b);

/* After the end of the first process: waits a moment until zviz-net has told of the last refusals, where it does. */
void box_net_settle(const struct box *b);

/* What the rules of its private network have counted; before box_end(). -errno, -ENOENT without one. */
int box_net_counts(const struct box *b, struct net_counts *out);

/* The same of a container that runs, by its first process; `table` is the one with its rules. */
int box_net_counts_of(struct arena *a, const struct plan_net *n, pid_t pid, const char *table,
		      struct net_counts *out, struct err *e);

/* Whether init has become the workload's program; asked when its note is closed. */
bool box_has_begun(const struct box *b);

/* Waits until the first process has become the command. False: it has ended before, and box_wait() says why. Not of an attached run with a
 * first process that reaps, whose end of the notes stays open. */
bool box_await_exec(struct box *b);

/* Of a plan that waits for its start: returns when the first process does wait, in its group and under everything but its
 * filters. The box is the caller's to end still, or to leave. */
int box_await_created(struct box *b, struct err *e);

/* Leaves it waiting and forgets it. On failure the box is the caller's to end. */
int box_leave_created(struct box *b, struct err *e);

/* Leaves the container running and forgets it. */
int box_detach(struct box *b, struct err *e);

/* Signals the workload's first process. 0 or -errno. */
int box_signal(struct box *b, int sig);

/* Time per step, for --timings: name and microseconds, in the order of the table. */
void box_timings(const struct box *b, struct buf *out);

#endif
