/*
 * The order of enforcement: one table, walked by three processes. Private to src/box.
 */
#ifndef BOX_SEQUENCE_H
#define BOX_SEQUENCE_H

#include "box/box.h"

enum actor { HOST, BROKER, INIT };

struct step {
	enum actor who;
	const char *name;
	int (*run)(struct box *b, struct err *e);
	void (*undo)(struct box *b);          /* HOST rows only */
	bool (*wanted)(const struct plan *p); /* NULL: always */
};

struct sequence {
	const struct step *rows;
	size_t n;
};
extern const struct sequence launch_sequence, join_sequence;

/* `step` of a note that is neither: the workload has stopped itself; `text` is a warning; init waits for its start; it is on
 * its way to exec. */
enum { NOTE_STOPPED = -1, NOTE_WARNING = -2, NOTE_WAITS = -3, NOTE_STARTS = -4 };

/* A message between the launcher and a child: "go on from this step", or "this step failed". */
struct note {
	int32_t step, no;
	char text[ERR_TEXT_MAX], hint[ERR_HINT_MAX];
};

/* Before the first row and after the last undo (host.c). */
int box_prepare(struct box *b, struct arena *a, const struct plan *p, const struct box_options *opt,
		struct err *e);
void box_release(struct box *b);

/* What init has copies of. */
void box_close_view(struct box *b);
void box_close_sources(struct box *b);

/* Walks the launcher's rows of b->sequence; everything is undone on failure. */
int box_walk(struct box *b, struct err *e);

/* The row of this name, which is there. */
size_t row_of(const struct box *b, const char *name);

/* Those that the broker is born in, or who holds them in its place. */
uint64_t holder_namespaces(const struct plan *p);

/* Kills a child of ours and reaps it. */
void end_process(pid_t *pid, int *pidfd);

/* The pid that a pidfd stands for, as this process sees it; -1: it sees none. */
pid_t pid_of(int pidfd);

/* Replaces *e by what a child said before it died, if one did. */
void box_explain_death(struct box *b, struct err *e);

/* A network of the container's own that no rules are loaded into, since nothing is to lead out of it. */
bool own_network(const struct plan *p);

/* Brings up the loopback device of the caller's network namespace. */
int loopback_up(struct err *e);

/* A child dies with the launcher: asked for again, since changing ids clears it. Does not return when the launcher is
 * already gone. */
int follow_launcher(const struct box *b, struct err *e);

/* Tells zviz-net whose end to wait for: init, which is there. */
int net_watch(struct box *b, struct err *e);

/* Of a container whose first process was killed: why, if zviz-net did it; NULL otherwise. */
const char *net_broke(struct box *b);

/* From here on a detached container does not need its launcher; others go on following it. */
int leave_launcher(const struct box *b, struct err *e);

/* Sets a futex in shared memory, and waits until one is at least `wanted`; returns its value, or -errno. */
void shared_set(_Atomic uint32_t *futex, uint32_t value);
int shared_wait(_Atomic uint32_t *futex, uint32_t wanted);

/* Runs one row: timing, injected faults, the step's name in the error. */
int step_run(struct box *b, size_t row, struct err *e);

/* What a child does after its birth at row `born`: waits for the launcher where it must, runs its rows, and
 * never returns. */
_Noreturn void child_walk(struct box *b, enum actor who, size_t born);

/* The rows of each process. */
int step_state_claim(struct box *b, struct err *e);
void undo_state_claim(struct box *b);
int step_scope_make(struct box *b, struct err *e);
void undo_scope_make(struct box *b);
int step_cgroup_create(struct box *b, struct err *e);
void undo_cgroup_create(struct box *b);
int step_view_open(struct box *b, struct err *e);
int step_view_hand(struct box *b, struct err *e);
int step_given_open(struct box *b, struct err *e);
void undo_given_open(struct box *b);
int step_sysctl_given(struct box *b, struct err *e);
int step_namespaces_make(struct box *b, struct err *e);
void undo_namespaces_make(struct box *b);
int step_ids_map(struct box *b, struct err *e);
int step_net_hold(struct box *b, struct err *e);
void undo_net_hold(struct box *b);
void undo_net_ready(struct box *b);
int step_net_ready(struct box *b, struct err *e);
int step_rootfs_source(struct box *b, struct err *e);
int step_stdio_open(struct box *b, struct err *e);
int step_init_spawn(struct box *b, struct err *e);
void undo_init_spawn(struct box *b);

/* Others are in the pid namespace that init is born in. */
bool shares_processes(const struct plan *p);

/* What follows from that for its end (guard.c). */
int step_guards_post(struct box *b, struct err *e);
void undo_guards_post(struct box *b);

/* Without namespaces (bare.c). */
int step_domain_enter(struct box *b, struct err *e);
int step_guard_make(struct box *b, struct err *e);
int step_plain_check(struct box *b, struct err *e);
int step_orphans_take(struct box *b, struct err *e);
/* Ends every other process of a container without namespaces, and waits until they have gone. */
void domain_end(struct box *b);

int step_net_make(struct box *b, struct err *e);
int step_state_hold(struct box *b, struct err *e);
int step_live_map(struct box *b, struct err *e);
int step_broker_view(struct box *b, struct err *e);
/* What it sees its callers in, made by whoever may: a descriptor, or -errno. */
int broker_procfs(const struct plan *p, struct err *e);
int step_init_born(struct box *b, struct err *e);
int step_broker_become(struct box *b, struct err *e);
int step_broker_confine(struct box *b, struct err *e);
int step_broker_serve(struct box *b, struct err *e);

int step_ids_own(struct box *b, struct err *e);
int step_cgroup_enter(struct box *b, struct err *e);
int step_users_deny(struct box *b, struct err *e);
int step_net_up(struct box *b, struct err *e);
int step_net_join(struct box *b, struct err *e);
int step_sysctl_set(struct box *b, struct err *e);
int step_rootfs_build(struct box *b, struct err *e);
int step_rootfs_pivot(struct box *b, struct err *e);
int step_console_attach(struct box *b, struct err *e);
int step_exec_resolve(struct box *b, struct err *e);
int step_label_set(struct box *b, struct err *e);

/* Adds to what exec answered that it may be the label's doing. Returns -e->no. */
int label_refused(const struct box *b, struct err *e);
int step_clocks_make(struct box *b, struct err *e);
int step_schedule_set(struct box *b, struct err *e);
int step_home_find(struct box *b, struct err *e);
int step_limits_set(struct box *b, struct err *e);
int step_caps_bound(struct box *b, struct err *e);
int step_ids_become(struct box *b, struct err *e);
int step_caps_set(struct box *b, struct err *e);
int step_privs_lock(struct box *b, struct err *e);
int step_landlock_enter(struct box *b, struct err *e);
int step_state_ready(struct box *b, struct err *e);
int step_broker_viewed(struct box *b, struct err *e);
int step_broker_ready(struct box *b, struct err *e);
int step_start_wait(struct box *b, struct err *e);
int step_hooks_reach(struct box *b, struct err *e);
int step_hooks_create(struct box *b, struct err *e);
void undo_hooks_create(struct box *b);
int step_hooks_container(struct box *b, struct err *e);
int step_hooks_ready(struct box *b, struct err *e);
int step_hooks_start(struct box *b, struct err *e);
int step_seccomp_spec(struct box *b, struct err *e);
int step_seccomp_load(struct box *b, struct err *e);
int step_init_fork(struct box *b, struct err *e);
int step_exec(struct box *b, struct err *e);

/* The program that starts the command where it is asked about (starter.c): only fails, with -errno. */
int step_starter_make(struct box *b, struct err *e);
int starter_exec(struct box *b);

/* The command's environment. */
static inline char *const *box_env(const struct box *b)
{
	return b->env != NULL ? b->env : (char *const *)b->plan->env;
}

/* Why the command could not be executed. */
int exec_failed(const char *command, int no, struct err *e);

/* A file over one that is there (cover.c). */
int cover_build(struct box *b, const struct plan_mount *m, struct err *e);

/* The files that show limits: before the new root, then each (view.c); what the broker does with them. */
int view_prepare(struct box *b, struct err *e);
int view_build(struct box *b, const struct plan_mount *m, struct err *e);
int view_take(struct box *b, struct err *e);

/* The rows of a process that joins: join.c and joined.c. */
int step_join_find(struct box *b, struct err *e);
void undo_join_find(struct box *b);
int step_join_meet(struct box *b, struct err *e);
int step_join_spawn(struct box *b, struct err *e);
void undo_join_spawn(struct box *b);
int step_clocks_join(struct box *b, struct err *e);
int step_cpus_first(struct box *b, struct err *e);
int step_cpus_set(struct box *b, struct err *e);
int step_cgroup_join(struct box *b, struct err *e);
int step_files_close(struct box *b, struct err *e);
int step_session_begin(struct box *b, struct err *e);
int step_memory_shut(struct box *b, struct err *e);

/* What limits.set cannot do, since it takes the host's procfs or a capability over the host (limits.c): for the short-lived
 * process whose children, and theirs, inherit it. */
int limits_inherit(const struct plan *p, struct err *e);

/* A terminal of the container, or a session without one. */
int session_begin(struct box *b, struct err *e);
/* Of the uts namespace that the caller is in; NULL leaves a name as it is. */
int names_set(const char *hostname, const char *domainname, struct err *e);

/* The file and the socket of a container that is started later: start.c. */
int start_prepare(struct box *b, struct err *e);

/* Closes all from `first` on but the n descriptors of `keep`, -1 among them permitted. */
int close_others(unsigned first, int *keep, size_t n, struct err *e);

/* Before any filter, where the profile's is going to ask about sendmsg: see listener.c. */
int listener_prepare(struct box *b, struct err *e);

#endif
