#include "box/sequence.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static bool privileged(const struct plan *p)
{
	return p->host->privileged;
}

static bool unprivileged(const struct plan *p)
{
	return !p->host->privileged;
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

static bool own_network(const struct plan *p)
{
	return !p->share_network && !p->net.used && (p->namespaces & CLONE_NEWNET);
}

static bool broker_network(const struct plan *p)
{
	return own_network(p) && p->broker.used;
}

static bool init_network(const struct plan *p)
{
	return own_network(p) && !p->broker.used;
}

/* Network sysctls are the namespace's, and a sysfs shows the devices of the one it was mounted in. */
static bool network_early(const struct plan *p)
{
	bool needed = p->nsysctls != 0;

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

static bool has_sysctls(const struct plan *p)
{
	return p->nsysctls != 0;
}

static bool reaping(const struct plan *p)
{
	return p->init;
}

/*
 * Read downwards, this is the security argument. The launcher's part needs its privileges and ends with
 * init's birth. The broker gets ready beside init and is confined before init goes on to exec. In init,
 * everything that needs a privilege comes before it is dropped, and nothing comes after the filter but
 * the hand-over and exec.
 */
// clang-format off
const struct step steps[] = {
	/* A network namespace takes longer than all others together: begun first, it is there when init wants it. */
	{ HOST, "namespaces.make", step_namespaces_make, undo_namespaces_make, NULL },
	{ BROKER, "net.make", step_net_make, NULL, broker_network },
	{ HOST, "state.claim", step_state_claim, undo_state_claim, NULL },
	{ BROKER, "state.hold", step_state_hold, NULL, holds_name },
	{ BROKER, "live.map", step_live_map, NULL, changeable },
	{ HOST, "scope.make", step_scope_make, undo_scope_make, scoped },
	{ HOST, "cgroup.create", step_cgroup_create, undo_cgroup_create, grouped },
	{ HOST, "view.open", step_view_open, NULL, views_change },
	{ HOST, "ids.map", step_ids_map, NULL, NULL },
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
	{ HOST, "net.ready", step_net_ready, NULL, held_network },
	{ HOST, "init.spawn", step_init_spawn, undo_init_spawn, NULL },
	{ INIT, "cgroup.enter", step_cgroup_enter, NULL, NULL },
	{ INIT, "rootfs.source", step_rootfs_source, NULL, unprivileged },
	{ INIT, "ids.own", step_ids_own, NULL, NULL },
	{ INIT, "users.deny", step_users_deny, NULL, NULL },
	{ INIT, "net.up", step_net_up, NULL, init_network },
	/* What is made below may ask for the network namespace; otherwise there is time until the pivot. */
	{ INIT, "net.join", step_net_join, NULL, network_early },
	{ INIT, "sysctl.set", step_sysctl_set, NULL, has_sysctls },
	{ INIT, "rootfs.build", step_rootfs_build, NULL, NULL },
	{ INIT, "net.join", step_net_join, NULL, network_late },
	{ INIT, "broker.viewed", step_broker_viewed, NULL, broker_sees },
	{ INIT, "view.hand", step_view_hand, NULL, views_change },
	{ INIT, "rootfs.pivot", step_rootfs_pivot, NULL, NULL },
	{ INIT, "console.attach", step_console_attach, NULL, NULL },
	{ INIT, "exec.resolve", step_exec_resolve, NULL, NULL }, /* errors can still be told apart */
	{ INIT, "limits.set", step_limits_set, NULL, NULL },
	{ INIT, "caps.bound", step_caps_bound, NULL, NULL },   /* needs CAP_SETPCAP */
	{ INIT, "ids.become", step_ids_become, NULL, NULL },   /* needs CAP_SETUID */
	{ INIT, "caps.set", step_caps_set, NULL, NULL },
	{ INIT, "privs.lock", step_privs_lock, NULL, NULL },   /* Landlock and seccomp demand it */
	{ INIT, "landlock.enter", step_landlock_enter, NULL, landlocked }, /* paths are the container's */
	{ INIT, "broker.ready", step_broker_ready, NULL, brokered },
	{ INIT, "seccomp.spec", step_seccomp_spec, NULL, spec_filter_first },
	{ INIT, "seccomp.load", step_seccomp_load, NULL, NULL }, /* last: nothing above needs its leave */
	{ INIT, "seccomp.spec", step_seccomp_spec, NULL, spec_filter_last },
	{ INIT, "init.fork", step_init_fork, NULL, reaping },
	{ INIT, "exec", step_exec, NULL, NULL },
};
// clang-format on
const size_t steps_count = COUNT(steps);

_Static_assert(COUNT(steps) <= BOX_STEPS_MAX, "timings have a row for every step");

const char *box_step_name(size_t row)
{
	return row < COUNT(steps) ? steps[row].name : NULL;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#ifdef ZVIZ_FAULTS
/* Test builds only: ZVIZ_FAULT=STEP makes that step fail; ZVIZ_FAULT=STEP:kill ends the process that runs it,
 * without a word (a first process of a pid namespace does not feel a signal of its own). */
static int injected(const struct step *s, struct err *e)
{
	const char *want = getenv("ZVIZ_FAULT");
	size_t len = strlen(s->name);

	if (want == NULL || strncmp(want, s->name, len) != 0)
		return 0;
	if (want[len] == '\0')
		return fail(e, EIO, "injected fault");
	if (strcmp(want + len, ":kill") != 0)
		return 0;
	if (s->who == HOST)
		raise(SIGKILL);
	_exit(1);
}
#else
static int injected(const struct step *s, struct err *e)
{
	(void)s;
	(void)e;
	return 0;
}
#endif

int step_run(struct box *b, size_t row, struct err *e)
{
	bool timed = b->opt->timings;

	if (steps[row].who == INIT)
		atomic_store_explicit(&b->shared->init_step, (int32_t)row, memory_order_relaxed);
	if (timed)
		b->shared->timing[row].begin_ns = now_ns();
	if (injected(&steps[row], e) < 0 || steps[row].run(b, e) < 0)
		return within(e, "%s", steps[row].name);
	if (timed)
		b->shared->timing[row].end_ns = now_ns();
	return 0;
}

static bool is_wanted(const struct box *b, size_t row)
{
	return steps[row].wanted == NULL || steps[row].wanted(b->plan);
}

static void tell_failure(struct box *b, size_t row, const struct err *e)
{
	struct note n = { .step = (int32_t)row, .no = e->no };

	memcpy(n.text, e->text, sizeof n.text);
	memcpy(n.hint, e->hint, sizeof n.hint);
	/* By the call that even a narrow filter of a bundle permits. A signal is no loss: without a launcher this process
	 * ends anyway. */
	(void)!write(b->note, &n, sizeof n);
}

static void wait_go(struct box *b)
{
	struct note n;
	ssize_t len;

	do
		len = recv(b->note, &n, sizeof n, 0);
	while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof n) /* the launcher is gone, and so are we */
		_exit(1);
}

_Noreturn void child_walk(struct box *b, enum actor who, size_t born)
{
	bool host_between = false;
	struct err e = { 0 };

	for (size_t row = born + 1; row < steps_count; row++) {
		if (!is_wanted(b, row))
			continue;
		host_between |= steps[row].who == HOST;
		if (steps[row].who != who)
			continue;
		if (host_between)
			wait_go(b);
		host_between = false;
		if (step_run(b, row, &e) < 0) {
			tell_failure(b, row, &e);
			if (who == BROKER)
				shared_set(&b->shared->broker, BROKER_FAILED);
			_exit(1);
		}
	}
	_exit(0);
}

static int send_go(int to, size_t row)
{
	struct note n = { .step = (int32_t)row };

	return send(to, &n, sizeof n, MSG_NOSIGNAL) == (ssize_t)sizeof n ? 0 : -errno;
}

/* The launcher does not wait for the others: it gives the broker its go where rows of its own lie behind, and init,
 * whose rows all follow its birth, needs none. */
static int host_row(struct box *b, size_t row, bool *host_before, struct err *e)
{
	bool tell = steps[row].who == BROKER && *host_before;

	if (steps[row].who == HOST) {
		/* The broker counts from its own birth. */
		*host_before = steps[row].run != step_namespaces_make;
		return step_run(b, row, e);
	}
	if (!tell)
		return 0;
	*host_before = false;
	if (send_go(b->broker_note, row) < 0)
		return fail(e, EPIPE, "%s: the broker is gone", steps[row].name);
	return 0;
}

int box_start(struct box *b, struct arena *a, const struct plan *p, const struct box_options *opt,
	      struct err *e)
{
	bool host_before = false;

	TRY(box_prepare(b, a, p, opt, e));
	for (size_t row = 0; row < steps_count; row++) {
		if (!is_wanted(b, row))
			continue;
		b->done = row; /* undo starts here, with what a failed step left half done */
		if (host_row(b, row, &host_before, e) < 0) {
			box_explain_death(b, e);
			box_end(b);
			return -e->no;
		}
	}
	return 0;
}

void box_end(struct box *b)
{
	for (size_t row = b->done + 1; row-- > 0;)
		if (steps[row].undo != NULL && is_wanted(b, row))
			steps[row].undo(b);
	b->done = 0;
	box_release(b);
}

void box_timings(const struct box *b, struct buf *out)
{
	static const char *const actors[] = { "host", "broker", "init" };
	uint64_t first = b->shared->timing[0].begin_ns;

	for (size_t i = 0; i < steps_count; i++) {
		uint64_t begin = b->shared->timing[i].begin_ns, end = b->shared->timing[i].end_ns;

		if (begin == 0)
			continue;
		buf_printf(out, "%-16s %-6s at %8.1f us", steps[i].name, actors[steps[i].who],
			   (double)(begin - first) / 1000.0);
		if (end >= begin)
			buf_printf(out, " took %8.1f us\n", (double)(end - begin) / 1000.0);
		else
			buf_puts(out, " does not return\n");
	}
}
