#include "box/sequence.h"

#include <sched.h>
#include <string.h>

static bool privileged(const struct plan *p)
{
	return p->host->privileged;
}

static bool unprivileged(const struct plan *p)
{
	return !p->host->privileged && !p->bare;
}

/* Rows that make a namespace, fill one, or take its privileges. */
static bool spaced(const struct plan *p)
{
	return !p->bare;
}

static bool bare(const struct plan *p)
{
	return p->bare;
}

/* One that is not the first process of a pid namespace. */
static bool reaping_among_others(const struct plan *p)
{
	return p->init && (p->bare || shares_processes(p));
}

static bool brokered(const struct plan *p)
{
	return p->broker.used;
}

static bool changeable(const struct plan *p)
{
	return p->broker.live;
}

/* Of a detached container the broker keeps the name taken. */
static bool holds_name(const struct plan *p)
{
	return p->detach && p->broker.used;
}

static bool broker_sees(const struct plan *p)
{
	return p->broker.procfs;
}

/* A network with a way out is made with the other namespaces: its holder wants it before init is there. */
static bool held_network(const struct plan *p)
{
	return p->net.used;
}

bool own_network(const struct plan *p)
{
	return !p->share_network && !p->net.used && (p->namespaces & CLONE_NEWNET);
}

bool shares_processes(const struct plan *p)
{
	return (p->given & CLONE_NEWPID) != 0;
}

static bool broker_network(const struct plan *p)
{
	return own_network(p) && p->broker.used && !shares_processes(p);
}

/* It is there from its birth on. */
static bool init_network(const struct plan *p)
{
	return own_network(p) && !broker_network(p);
}

static bool has_sysctls(const struct plan *p)
{
	return p->nsysctls != 0 || p->low_port != 0;
}

/* Network sysctls are the namespace's, and a sysfs shows the devices of the one it was mounted in. */
static bool network_early(const struct plan *p)
{
	bool needed = has_sysctls(p);

	for (size_t i = 0; i < p->nmounts; i++)
		needed |= p->mounts[i].kind == MOUNT_FS &&
			  strcmp(p->mounts[i].fstype, "sysfs") == 0;
	return broker_network(p) && needed;
}

static bool network_late(const struct plan *p)
{
	return broker_network(p) && !network_early(p);
}

/* The kernel asks the filter that was loaded last first, and takes its errno where both refuse: the profile's ENOSYS
 * lets libraries fall back. But a bundle's filter need not permit to load another. */
static bool spec_filter_first(const struct plan *p)
{
	return p->spec_filter.n != 0 && !p->spec_filter_last;
}

static bool spec_filter_last(const struct plan *p)
{
	return p->spec_filter.n != 0 && p->spec_filter_last;
}

static bool landlocked(const struct plan *p)
{
	return p->landlock_abi != 0;
}

static bool grouped(const struct plan *p)
{
	return p->cgroup;
}

/* Without a broker the files stay as they were written. */
static bool views_change(const struct plan *p)
{
	return p->view.used && p->broker.used;
}

/* systemd makes the group. */
static bool scoped(const struct plan *p)
{
	return p->group.unit != NULL;
}

static bool labelled(const struct plan *p)
{
	return p->label != NULL || p->selinux != NULL;
}

static bool scheduled(const struct plan *p)
{
	return p->schedule.used;
}

static bool placed_first(const struct plan *p)
{
	return p->schedule.first_cpus != NULL;
}

static bool placed(const struct plan *p)
{
	return p->schedule.cpus != NULL || p->schedule.first_cpus != NULL;
}

static bool own_clocks(const struct plan *p)
{
	return (p->namespaces & CLONE_NEWTIME) != 0;
}

/* Nobody has said where it is. */
static bool homeless(const struct plan *p)
{
	for (size_t i = 0; i < p->nenv; i++)
		if (strncmp(p->env[i], "HOME=", 5) == 0)
			return false;
	return true;
}

static bool gives(const struct plan *p)
{
	return p->ngivens != 0;
}

static bool gives_sysctls(const struct plan *p)
{
	return p->ngivens != 0 &&
	       (has_sysctls(p) || ((p->given & CLONE_NEWUTS) &&
				   (p->spec->hostname != NULL || p->spec->domainname != NULL)));
}

static bool own_groups(const struct plan *p)
{
	return p->cgroup || (p->namespaces & CLONE_NEWCGROUP);
}

static bool helped(const struct plan *p)
{
	return p->broker.addresses;
}

/* The command is asked about, too. */
static bool started_apart(const struct plan *p)
{
	return p->broker.used && p->broker.traces;
}

static bool reaping(const struct plan *p)
{
	return p->init;
}

/* Of a run, whose undoing they are to hear of; of one that goes on without its launcher, and of what was created, `delete` runs them. */
static bool hooked_last(const struct plan *p)
{
	return !p->create && p->spec->hooks.poststop.n != 0;
}

/* Those that are due between create and the new root. */
static bool hooked_early(const struct plan *p)
{
	const struct spec *s = p->spec;

	return s->hooks.prestart.n + s->hooks.create_runtime.n + s->hooks.create_container.n != 0 ||
	       hooked_last(p);
}

static bool hooked_late(const struct plan *p)
{
	return p->spec->hooks.start_container.n != 0;
}

static bool created_first(const struct plan *p)
{
	return p->create;
}

/*
 * Read downwards, this is the security argument. The launcher's part needs its privileges and ends with
 * init's birth. The broker gets ready beside init and is confined before init goes on to exec. In init,
 * everything that needs a privilege comes before it is dropped, and nothing comes after the filter but
 * the hand-over and exec.
 */
// clang-format off
static const struct step launch_steps[] = {
	/* Without namespaces alone: before there is another process, since it holds for those that are made in it. */
	{ HOST, "plain.check", step_plain_check, NULL, bare },
	{ HOST, "domain.enter", step_domain_enter, domain_end, bare },
	/* Each path is walked once. */
	{ HOST, "given.open", step_given_open, undo_given_open, gives },
	/* A network namespace takes longer than all others together: begun first, it is there when init wants it. */
	{ HOST, "namespaces.make", step_namespaces_make, undo_namespaces_make, NULL },
	/* Before there is a process that could outlive its launcher. */
	{ HOST, "guard.make", step_guard_make, NULL, bare },
	{ BROKER, "net.make", step_net_make, NULL, broker_network },
	{ HOST, "state.claim", step_state_claim, undo_state_claim, NULL },
	{ BROKER, "state.hold", step_state_hold, NULL, holds_name },
	{ BROKER, "live.map", step_live_map, NULL, changeable },
	{ HOST, "scope.make", step_scope_make, undo_scope_make, scoped },
	{ HOST, "cgroup.create", step_cgroup_create, undo_cgroup_create, grouped },
	{ HOST, "view.open", step_view_open, NULL, views_change },
	{ HOST, "ids.map", step_ids_map, NULL, spaced },
	/* Who may not join them may not change them either. */
	{ HOST, "sysctl.given", step_sysctl_given, NULL, gives_sysctls },
	/* Another program makes the way out, while the rest goes on. */
	{ HOST, "net.hold", step_net_hold, undo_net_hold, held_network },
	/* From here on the broker's rows run beside the launcher's and init's. Its view of /proc comes before init hides
	 * parts of it; the rest once init was born, because a confined process cannot be joined. */
	{ BROKER, "broker.view", step_broker_view, NULL, broker_sees },
	{ BROKER, "init.born", step_init_born, NULL, brokered },
	{ BROKER, "broker.become", step_broker_become, NULL, brokered },
	{ BROKER, "broker.confine", step_broker_confine, NULL, brokered },
	{ BROKER, "broker.serve", step_broker_serve, NULL, brokered },
	/* Host paths are opened as the caller sees them: by whoever may clone mounts. */
	{ HOST, "rootfs.source", step_rootfs_source, NULL, privileged },
	/* What is not allowed is refused before there is a process of the workload that could ask for it. */
	{ HOST, "net.ready", step_net_ready, undo_net_ready, held_network },
	/* In the container there may be no way to zviz's program file. */
	{ HOST, "starter.make", step_starter_make, NULL, started_apart },
	/* By whoever owns the pipes. */
	{ HOST, "stdio.open", step_stdio_open, NULL, NULL },
	{ HOST, "init.spawn", step_init_spawn, undo_init_spawn, NULL },
	{ INIT, "cgroup.enter", step_cgroup_enter, NULL, NULL },
	{ INIT, "rootfs.source", step_rootfs_source, NULL, unprivileged },
	{ INIT, "ids.own", step_ids_own, NULL, spaced },
	{ INIT, "users.deny", step_users_deny, NULL, spaced },
	{ INIT, "clocks.make", step_clocks_make, NULL, own_clocks },
	{ INIT, "net.up", step_net_up, NULL, init_network },
	/* What is made below may ask for the network namespace; otherwise there is time until the pivot. */
	{ INIT, "net.join", step_net_join, NULL, network_early },
	{ INIT, "sysctl.set", step_sysctl_set, NULL, has_sysctls },
	{ INIT, "rootfs.build", step_rootfs_build, NULL, spaced },
	{ INIT, "net.join", step_net_join, NULL, network_late },
	{ INIT, "broker.viewed", step_broker_viewed, NULL, broker_sees },
	{ INIT, "view.hand", step_view_hand, NULL, views_change },
	/* Programs that the bundle names, in the namespaces of the caller and of the container: all is made, and the workload
	 * has no way in yet. */
	{ INIT, "hooks.reach", step_hooks_reach, NULL, hooked_early },
	{ HOST, "hooks.create", step_hooks_create, undo_hooks_create, hooked_early },
	{ INIT, "hooks.container", step_hooks_container, NULL, hooked_early },
	/* The workload's alone, whose root is not this one yet: its /proc could say anything. */
	{ INIT, "label.set", step_label_set, NULL, labelled },
	{ INIT, "rootfs.pivot", step_rootfs_pivot, NULL, spaced },
	{ INIT, "console.attach", step_console_attach, NULL, spaced },
	{ INIT, "session.begin", step_session_begin, NULL, bare },
	{ INIT, "orphans.take", step_orphans_take, NULL, reaping_among_others },
	{ INIT, "exec.resolve", step_exec_resolve, NULL, NULL }, /* errors can still be told apart */
	{ INIT, "home.find", step_home_find, NULL, homeless }, /* a file that the workload's user need not be able to read */
	{ INIT, "limits.set", step_limits_set, NULL, NULL },
	{ INIT, "schedule.set", step_schedule_set, NULL, scheduled },
	{ INIT, "caps.bound", step_caps_bound, NULL, spaced },   /* needs CAP_SETPCAP; of domain.enter nothing is left */
	{ INIT, "ids.become", step_ids_become, NULL, NULL },   /* needs CAP_SETUID */
	{ INIT, "caps.set", step_caps_set, NULL, NULL },
	/* Before it takes back that it dies with its launcher. */
	{ HOST, "guard.make", step_guards_post, undo_guards_post, shares_processes },
	{ INIT, "privs.lock", step_privs_lock, NULL, NULL },   /* Landlock and seccomp demand it */
	{ INIT, "landlock.enter", step_landlock_enter, NULL, landlocked }, /* paths are the container's */
	{ INIT, "state.ready", step_state_ready, NULL, NULL },             /* others may join: not before the pivot */
	{ INIT, "broker.ready", step_broker_ready, NULL, brokered },
	/* All that needs time or may fail is done: what is left is what the workload cannot do without. */
	{ INIT, "start.wait", step_start_wait, NULL, created_first },
	{ INIT, "listener.help", listener_prepare, NULL, helped }, /* a bundle's filter may permit no threads */
	{ INIT, "hooks.ready", step_hooks_ready, NULL, hooked_late },
	{ INIT, "seccomp.spec", step_seccomp_spec, NULL, spec_filter_first },
	{ INIT, "seccomp.load", step_seccomp_load, NULL, NULL }, /* last: nothing above needs its leave */
	{ INIT, "seccomp.spec", step_seccomp_spec, NULL, spec_filter_last },
	{ INIT, "hooks.start", step_hooks_start, NULL, hooked_late }, /* a program of the container's: under all of it */
	{ INIT, "init.fork", step_init_fork, NULL, reaping },
	{ INIT, "exec", step_exec, NULL, NULL },
};
// clang-format on

/*
 * A process that joins a container later. The rows from limits.set on are the first process's own, by the same functions: what
 * it is under is what this one is under. Before them it enters: all namespaces in one call, but the cgroup's, which begins
 * at the group; it is in the group from its birth, or, with v1, before it can be told apart from the launcher by anybody
 * inside. From "files.close" on it has nothing of the host open but what it was given and its way to the launcher and the
 * broker, and stands in the container's root.
 */
// clang-format off
static const struct step join_steps[] = {
	{ HOST, "join.find", step_join_find, undo_join_find, NULL },
	/* The broker waits for its listener from here on: whatever fails later, the connection's end tells it. */
	{ HOST, "join.meet", step_join_meet, NULL, brokered },
	{ HOST, "starter.make", step_starter_make, NULL, started_apart },
	{ HOST, "cpus.first", step_cpus_first, NULL, placed_first },
	{ HOST, "label.set", step_label_set, NULL, labelled },
	{ HOST, "stdio.open", step_stdio_open, NULL, NULL },
	{ HOST, "join.spawn", step_join_spawn, undo_join_spawn, NULL },
	{ INIT, "cgroup.join", step_cgroup_join, NULL, own_groups },
	{ INIT, "clocks.join", step_clocks_join, NULL, own_clocks },
	{ INIT, "files.close", step_files_close, NULL, NULL },
	{ INIT, "ids.own", step_ids_own, NULL, NULL },
	{ INIT, "session.begin", step_session_begin, NULL, NULL },
	{ INIT, "exec.resolve", step_exec_resolve, NULL, NULL },
	{ INIT, "home.find", step_home_find, NULL, homeless }, /* a file that the workload's user need not be able to read */
	{ INIT, "limits.set", step_limits_set, NULL, NULL },
	{ INIT, "cpus.set", step_cpus_set, NULL, placed },
	{ INIT, "schedule.set", step_schedule_set, NULL, scheduled },
	{ INIT, "caps.bound", step_caps_bound, NULL, NULL },
	{ INIT, "ids.become", step_ids_become, NULL, NULL },
	{ INIT, "memory.shut", step_memory_shut, NULL, NULL },
	{ INIT, "caps.set", step_caps_set, NULL, NULL },
	{ INIT, "privs.lock", step_privs_lock, NULL, NULL },
	{ INIT, "landlock.enter", step_landlock_enter, NULL, landlocked },
	{ INIT, "listener.help", listener_prepare, NULL, helped },
	{ INIT, "seccomp.spec", step_seccomp_spec, NULL, spec_filter_first },
	{ INIT, "seccomp.load", step_seccomp_load, NULL, NULL },
	{ INIT, "seccomp.spec", step_seccomp_spec, NULL, spec_filter_last },
	{ INIT, "exec", step_exec, NULL, NULL },
};
// clang-format on

const struct sequence launch_sequence = { launch_steps, COUNT(launch_steps) };
const struct sequence join_sequence = { join_steps, COUNT(join_steps) };

_Static_assert(COUNT(launch_steps) <= BOX_STEPS_MAX && COUNT(join_steps) <= BOX_STEPS_MAX,
	       "timings have a row for every step");
