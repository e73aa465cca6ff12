/*
 * The launcher of a process that joins a container: finds it, tells its broker, and makes the process inside.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/forget.h"
#include "box/given.h"
#include "box/record.h"
#include "box/sequence.h"
#include "box/state.h"
#include "kern/door.h"
#include "kern/sys.h"

enum {
	STACK_BYTES = 512 * 1024,
	BEGIN_TRIES = 100, /* for a workload that is just starting; a hundredth of a second each */
	BEGIN_PAUSE_US = 10000,
	MEET_MS = 5000, /* a broker that works answers within one of them */
	KNOCK_PAUSE_MS = 2,
	CHILDREN_BYTES = 64 * 1024,
};

int box_join(struct box *b, struct arena *a, const struct plan *p, const struct box_options *opt,
	     struct err *e)
{
	TRY(box_prepare(b, a, p, opt, e));
	b->sequence = &join_sequence;
	return box_walk(b, e);
}

/* ---- join.find ---- */

static int not_running(const struct box *b, struct err *e)
{
	return fail(e, ESRCH, "container not running: %s", b->plan->id);
}

/* Still the recorded one: asked again after we have hold of it. */
static bool lives(const struct box *b, const struct record_process *p)
{
	return record_living(p, record_is_locked(b->state)) != 0;
}

/* The namespaces of the container's processes lie directly below ours. One that has made itself others (where its profile
 * permits that) is not what is looked for. */
static bool is_of_container(const struct box *b, int userns)
{
	OWN_FD own = path_open("/proc/self/ns/user", O_RDONLY);
	OWN_FD parent = -1;
	struct stat ours, theirs;

	if (!(b->plan->namespaces & CLONE_NEWUSER))
		return true;
	parent = ioctl(userns, NS_GET_PARENT);
	return own >= 0 && parent >= 0 && fstat(own, &ours) == 0 && fstat(parent, &theirs) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* Others than the host's. */
static bool has_clocks(const struct plan *p)
{
	return ((p->namespaces | p->given) & CLONE_NEWTIME) != 0;
}

/* Whether the kernel lets us into its namespaces: b->into then. */
static bool take_process(struct box *b, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/%d", pid);

	OWN_FD pidfd = sys_pidfd_open(pid, 0);
	OWN_FD proc = path_open(path, O_PATH | O_DIRECTORY);
	OWN_FD userns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
	OWN_FD groups = openat(proc, "ns/cgroup", O_RDONLY | O_CLOEXEC);
	OWN_FD clocks = has_clocks(b->plan) ? openat(proc, "ns/time", O_RDONLY | O_CLOEXEC) : -1;

	/* Alive still: so both names meant the same process. */
	if (pidfd < 0 || userns < 0 || groups < 0 || (clocks < 0 && has_clocks(b->plan)) ||
	    sys_pidfd_send_signal(pidfd, 0) < 0 || !is_of_container(b, userns))
		return false;
	fd_close(&b->into);
	fd_close(&b->cgroup_ns);
	b->into = fd_take(&pidfd);
	fd_close(&b->time_ns);
	b->time_ns = fd_take(&clocks);
	if (b->plan->namespaces & CLONE_NEWCGROUP)
		b->cgroup_ns = fd_take(&groups);
	return true;
}

static bool is_child_of(pid_t pid, pid_t parent)
{
	uint64_t its_parent;
	char state;

	return record_stat(pid, 4, &state, &its_parent) && its_parent == (uint64_t)parent;
}

/* A first process that goes on as a copy of an ordinary user's launcher has memory of the host's user namespace, and lets nobody
 * near; its children have their own. */
static bool take_child(struct box *b, pid_t init)
{
	char path[64], *text = arena_alloc(b->arena, CHILDREN_BYTES), *save = NULL;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", init, init);

	OWN_FD fd = path_open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? fd_read_all(fd, text, CHILDREN_BYTES - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	for (char *word = strtok_r(text, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		pid_t pid = (pid_t)strtol(word, NULL, 10);

		if (take_process(b, pid) && is_child_of(pid, init))
			return true;
	}
	return false;
}

static int find_process(struct box *b, const struct record *r, struct err *e)
{
	for (unsigned i = 0; i < BEGIN_TRIES; i++) {
		pid_t init = record_living(&r->init, record_is_locked(b->state));

		if (init == 0)
			return not_running(b, e);
		if ((take_process(b, init) || take_child(b, init)) && lives(b, &r->init))
			return 0;
		usleep(BEGIN_PAUSE_US);
	}
	return fail(e, EPERM,
		    "container %s: none of its processes lets anybody into its namespaces",
		    b->plan->id);
}

static int find_broker(struct box *b, const struct record *r, struct err *e)
{
	pid_t pid = record_living(&r->broker, record_is_locked(b->state));

	if (!b->plan->broker.used)
		return 0;
	b->broker_pidfd = pid != 0 ? sys_pidfd_open(pid, 0) : -ESRCH;
	if (b->broker_pidfd >= 0 && lives(b, &r->broker))
		return 0;
	return not_running(b, e);
}

static int find_groups(struct box *b, const struct record *r, struct err *e)
{
	size_t wanted = 0;

	for (const char *c = r->cgroups; c != NULL && *c != '\0'; c++)
		wanted += *c == '\n';
	if (wanted == 0)
		return 0;
	TRY(cgroup_reopen(r->cgroups, &b->cgroup, e));
	b->has_cgroup = true;
	/* Without one of them it would be outside of a limit. */
	if (b->cgroup.n != wanted)
		return fail(e, ENOENT, "container %s: one of its control groups is gone",
			    b->plan->id);
	return cgroup_open_tasks(&b->cgroup, e);
}

/* 0: not written yet, or by another zviz. */
static int read_objects(struct box *b, size_t n, struct err *e)
{
	const size_t bytes = sizeof(struct record_objects) + n * sizeof(struct box_object);
	struct record_objects *o = arena_alloc(b->arena, bytes + 1);
	OWN_FD fd = openat(b->state, record_objects_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t len = fd >= 0 ? fd_read_all(fd, o, bytes + 1) : -errno;

	if (len < 0 && len != -ENOENT)
		return fail(e, (int)-len, "container %s: %s: %m", b->plan->id, record_objects_name);
	if (len != (ssize_t)bytes || o->magic != RECORD_OBJECTS || o->n != n)
		return 0;
	b->objects = o->at;
	return 1;
}

/* Until the first process has got there its root may still be the host's: nobody joins before. */
static int find_objects(struct box *b, const struct record *r, struct err *e)
{
	const size_t n = b->plan->landlock_abi != 0 ? b->plan->npaths : 0;

	for (unsigned i = 0; i < BEGIN_TRIES && lives(b, &r->init); i++) {
		int got = read_objects(b, n, e);

		if (got != 0)
			return got < 0 ? got : 0;
		usleep(BEGIN_PAUSE_US);
	}
	fail(e, ESTALE, "container %s: it is not ready", b->plan->id);
	return advise(e, "if it is just starting, try again; otherwise another zviz started it");
}

int step_join_find(struct box *b, struct err *e)
{
	struct record r;

	b->state = state_open(b->opt->state_root, b->plan->id, e);
	if (b->state < 0)
		return b->state;
	r = record_read(b->arena, b->state);
	TRY(find_objects(b, &r, e));
	TRY(find_process(b, &r, e));
	TRY(find_broker(b, &r, e));
	return find_groups(b, &r, e);
}

void undo_join_find(struct box *b)
{
	state_leave(b);
	cgroup_close(&b->cgroup);
	b->has_cgroup = false;
}

/* ---- join.meet ---- */

static int connect_door(const struct box *b, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	OWN_FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", b->state,
		 record_door_name);
	for (int waited = 0; fd >= 0 && waited < MEET_MS; waited += KNOCK_PAUSE_MS) {
		if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
			return fcntl(fd, F_SETFL, 0) == 0 ? fd_take(&fd) : fail(e, errno, "%m");
		if (errno != EAGAIN) /* its queue is full */
			break;
		sys_pidfd_send_signal(b->broker_pidfd, DOOR_KNOCK);
		usleep(KNOCK_PAUSE_MS * 1000);
	}
	return fail(e, errno, "container %s: its broker cannot be reached: %m", b->plan->id);
}

/* Its answer is one letter. No descriptor is taken from it: there is no room for any. */
static int hear_broker(const struct box *b, int door, struct err *e)
{
	char letter = 0;
	ssize_t n = recv(door, &letter, 1, MSG_DONTWAIT);

	if (n < 0)
		return fail(e, errno, "container %s: its broker: %m", b->plan->id);
	if (n == 1 && letter == DOOR_COME)
		return 0;
	if (n == 0)
		return not_running(b, e);
	fail(e, EBUSY, "container %s: its broker serves as many processes as it can", b->plan->id);
	return advise(e, "try again when one of those that joined has ended");
}

/* It sits in a receive that nothing but a signal ends; one that comes just before is lost. */
int step_join_meet(struct box *b, struct err *e)
{
	OWN_FD door = connect_door(b, e);

	if (door < 0)
		return door;
	for (int waited = 0; waited < MEET_MS; waited += KNOCK_PAUSE_MS) {
		struct pollfd p = { .fd = door, .events = POLLIN };

		if (sys_pidfd_send_signal(b->broker_pidfd, DOOR_KNOCK) < 0)
			return not_running(b, e);
		if (poll(&p, 1, KNOCK_PAUSE_MS) <= 0)
			continue;
		TRY(hear_broker(b, door, e));
		b->hand_init = fd_take(&door);
		return 0;
	}
	fail(e, ETIMEDOUT, "container %s: its broker does not answer", b->plan->id);
	return advise(e, "is it stopped? `zviz delete --force %s` ends the container", b->plan->id);
}

/* ---- join.spawn ---- */

/* The joiner shares the launcher's memory, or has a copy of it, and is not in the container's pid namespace: nobody inside can name it.
 * What it makes is, and has memory of its own. */
struct joiner {
	struct box *b;
	int no;
	const char *what; /* NULL: `e` has it all */
	struct err *e;
	int init_pidfd; /* out */
};

static _Noreturn void joined_main(struct box *b)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	b->note = b->note_init;
	fd_close(&b->init_note);
	child_walk(b, INIT, row_of(b, "join.spawn"));
}

static int join_inside(struct joiner *j, struct err *e)
{
	struct box *b = j->b;
	uint64_t flags = b->plan->namespaces & ~(uint64_t)(CLONE_NEWCGROUP | CLONE_NEWTIME);
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&j->init_pidfd,
	};

	if (b->plan->share_network)
		flags &= ~(uint64_t)CLONE_NEWNET;
	flags |= b->plan->given & ~(uint64_t)CLONE_NEWTIME;
	j->no = -limits_inherit(b->plan, e);
	if (j->no != 0)
		return -j->no;
	/* From here on nothing inside can look at this memory, which is the launcher's, or at what comes of it: it belongs to
	 * the host's user namespace, and only a capability there would be reason enough. Not before: files of /proc/self would
	 * be root's. */
	j->what = "dumpable";
	j->no = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? errno : 0;
	if (j->no != 0)
		return -j->no;
	j->what = "join the container's namespaces";
	j->no = -sys_setns(b->into, flags);
	if (j->no != 0)
		return -j->no;
	if (b->has_cgroup && cgroup_fd(&b->cgroup) >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd(&b->cgroup);
	}
	j->what = "clone inside the container";

	/* Everybody inside may read the command line of whoever is there. */
	char *kept = forget_arguments_now(b->arena);
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		joined_main(b);
	forget_no_more(kept);
	j->no = pid < 0 ? -pid : 0;
	return -j->no;
}

static int joiner_main(void *arg)
{
	struct joiner *j = arg;

	_exit(join_inside(j, j->e) < 0);
}

/* The visitor is the joiner; what it fails at, it tells by an error of its own memory. */
static int join_visiting(struct box *b, void *arg, struct err *e)
{
	(void)b;
	return join_inside(arg, e);
}

static int spawn_joiner(struct joiner *j, struct err *e)
{
	int r;

	if (j->b->plan->given & CLONE_NEWTIME)
		return given_visit_clocks(j->b, join_visiting, j, sizeof *j, e);
	r = sys_borrow(joiner_main, j, STACK_BYTES, 0);
	return r < 0 ? fail(e, -r, "clone: %m") : 0;
}

int step_join_spawn(struct box *b, struct err *e)
{
	struct joiner j = { .b = b, .e = e, .init_pidfd = -1 };
	int r;

	/* If we die meanwhile, what the joiner makes is somebody else's child, and must find out. */
	b->launcher = sys_pidfd_open(getpid(), 0);
	if (b->launcher < 0)
		return fail(e, -b->launcher, "pidfd: %m");
	r = spawn_joiner(&j, e);
	b->init_pidfd = j.init_pidfd;
	if (r < 0 && j.no == 0)
		return r;
	if (j.no == ESRCH)
		return not_running(b, e);
	if (j.no != 0)
		return j.what == NULL ? -j.no : fail(e, j.no, "%s: %m", j.what);
	b->init = pid_of(b->init_pidfd);
	if (b->init <= 0)
		return fail(e, ESRCH, "the process has no number here");
	fd_close(&b->note_init);
	fd_close(&b->hand_init);
	return 0;
}

void undo_join_spawn(struct box *b)
{
	end_process(&b->init, &b->init_pidfd);
}
