#include "box/hooks.h"
#include "box/leftover.h"
#include "box/live.h"
#include "box/record.h"
#include "box/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/link.h"
#include "kern/probe.h"
#include "kern/sys.h"
#include "policy/live_image.h"

enum { DEAD_WAIT_MS = 2000, DYING_WAIT_MS = 100, LOOK_MS = 10, DOOR_QUEUE = 64, CLAIM_TRIES = 20 };

/* Longer names than this are no file names with our suffixes. */
enum { ID_MAX = 128 };

const char *state_default_root(struct arena *a)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	/* Root of a user namespace of an ordinary user's, as rootless engines have it, is still that user. */
	if (geteuid() == 0 && (runtime == NULL || probe_initial_userns()))
		return "/run/zviz";
	if (runtime != NULL && runtime[0] == '/')
		return arena_printf(a, "%s/zviz", runtime);
	return arena_printf(a, "/tmp/zviz-%u", geteuid());
}

int state_check_id(const char *id, struct err *e)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
	size_t len = strlen(id);

	if (len == 0 || len > ID_MAX || strspn(id, allowed) != len || strcmp(id, ".") == 0 ||
	    strcmp(id, "..") == 0) {
		fail(e, EINVAL, "invalid container id");
		return advise(e, "use 1 to %d letters, digits or _ + - .", ID_MAX);
	}
	return 0;
}

/* The folder of all containers: ours alone, or nobody's state can be trusted. */
static int open_root(const char *path, bool create, struct err *e)
{
	struct stat st;
	int r = create ? folder_make(path, 0711) : 0;

	if (r < 0)
		return fail(e, -r, "state folder %s: %m", path);

	int fd = path_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0)
		return fail(e, errno, "state folder %s: %m", path);
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022)) {
		close(fd);
		fail(e, EPERM, "state folder %s: another user owns it or may write to it", path);
		return advise(e, "remove it, or name another with --root");
	}
	return fd;
}

/* ---- claiming ---- */

/* A launcher that was killed leaves its folder with the lock free: nobody is there who could object. */
static void clean_stale(struct arena *a, int dir)
{
	struct record r = record_read(a, dir);
	pid_t pid = record_living(&r.init, false);

	if (pid != 0)
		kill(pid, SIGKILL);
	leftover_groups(&r);
}

static int lock_file(int dir, const char *name, int wait_ms, struct err *e)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fail(e, errno, "state: %m");
	/* Who looks at the state holds it for a moment. */
	for (int tries = wait_ms; flock(fd, LOCK_EX | LOCK_NB) < 0; tries--) {
		int no = errno;

		if (no == EWOULDBLOCK && tries > 0) {
			usleep(1000);
			continue;
		}

		close(fd);
		return fail(e, no, "state: lock: %m");
	}
	return fd;
}

/* Though nobody has it locked: by a container that lives, with a broker or without, or by one that was created and is still
 * to be deleted. */
static bool is_taken(const struct box *b)
{
	enum record_phase phase = record_phase_of(b->state);
	struct record r = record_read(b->arena, b->state);

	if (phase == PHASE_CREATING)
		return false; /* its launcher was killed, and it is about to end */
	return phase != PHASE_NONE || record_broker_lives(b->state) ||
	       record_living(&r.init, false) != 0;
}

/* Whether the file that was locked is in no folder any more: somebody has deleted the container meanwhile. */
static bool is_gone(int lock)
{
	struct stat st;

	return fstat(lock, &st) == 0 && st.st_nlink == 0;
}

/* A folder of ours alone, or one that nobody has locked any more. */
static int open_folder(struct box *b, int root, bool *fresh, struct err *e)
{
	const char *id = b->plan->id;
	struct stat st;

	*fresh = mkdirat(root, id, 0700) == 0;
	if (!*fresh && errno != EEXIST)
		return fail(e, errno, "state folder %s: %s: %m", b->opt->state_root, id);
	b->state = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (b->state < 0)
		return fail(e, errno, "state folder %s: %s: %m", b->opt->state_root, id);
	b->state_lock = lock_file(b->state, "state.json", LOOK_MS, e);
	if (b->state_lock < 0)
		return -e->no;
	/* Who found our folder before we had locked it may have made a container by now. */
	*fresh = *fresh && fstat(b->state_lock, &st) == 0 && st.st_size == 0;
	return 0;
}

static int claim_folder(struct box *b, int root, struct err *e)
{
	const char *id = b->plan->id;
	bool fresh = false, gone = true;
	int r = 0;

	for (int tries = 0; gone && tries < CLAIM_TRIES; tries++) {
		state_leave(b);
		r = open_folder(b, root, &fresh, e);
		/* Deleted between one call and the next. */
		gone = r == -ENOENT || (r == 0 && is_gone(b->state_lock));
	}
	if (gone && r == 0)
		r = fail(e, EWOULDBLOCK, "state: %s", id);
	if (r == -EWOULDBLOCK || (r == 0 && !fresh && is_taken(b))) {
		state_leave(b); /* somebody else's: leave it alone */
		fail(e, EEXIST, "container with given ID already exists: %s", id);
		return advise(e, "choose another id, or `zviz delete --force %s`", id);
	}
	if (r < 0)
		state_leave(b);
	if (r < 0 || fresh)
		return r;
	clean_stale(b->arena, b->state);
	leftover_files(b->state);
	/* The new record may be shorter. */
	return ftruncate(b->state_lock, 0) == 0 ? 0 : fail(e, errno, "state: %m");
}

int state_claim(struct box *b, struct err *e)
{
	TRY(state_check_id(b->plan->id, e));

	OWN_FD root = open_root(b->opt->state_root, true, e);

	if (root < 0)
		return root;
	TRY(claim_folder(b, root, e));
	TRY(record_write(b, e));
	b->objects_file = openat(b->state, record_objects_name,
				 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return b->objects_file >= 0 ? 0 : fail(e, errno, "state: %s: %m", record_objects_name);
}

/* By the folder's descriptor: the path of a socket's address is short. */
int state_open_door(const struct box *b, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", b->state,
		 record_door_name);
	if (bind(b->door, (const struct sockaddr *)&at, sizeof at) < 0 ||
	    listen(b->door, DOOR_QUEUE) < 0)
		return fail(e, errno, "state: %s: %m", record_door_name);
	return 0;
}

int state_open_net_door(const struct box *b, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	OWN_FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", b->state, record_net_name);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 1) < 0)
		return fail(e, errno, "state: %s: %m", record_net_name);
	return fd_take(&fd);
}

int state_hold(const struct box *b, struct err *e)
{
	return lock_file(b->state, record_lock_name, LOOK_MS, e);
}

int state_open_reason(const struct box *b, struct err *e)
{
	int fd = openat(b->state, record_reason_name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : fail(e, errno, "state: %s: %m", record_reason_name);
}

void state_release(struct box *b)
{
	struct err ignored;

	if (b->state < 0)
		return;

	OWN_FD root = open_root(b->opt->state_root, false, &ignored);

	if (root >= 0)
		(void)leftover_folder(root, b->state, b->plan->id,
				      &ignored); /* the failure that led here is the one to tell */
	state_leave(b);
}

void state_leave(struct box *b)
{
	fd_close(&b->state);
	fd_close(&b->state_lock);
}

/* ---- reading, listing, deleting ---- */

static int open_container(const char *root_path, const char *id, int *root, int *dir, struct err *e)
{
	TRY(state_check_id(id, e));

	OWN_FD r = path_open(root_path, O_RDONLY | O_DIRECTORY);
	OWN_FD d = r >= 0 ? openat(r, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

	if (d < 0 && errno != ENOENT)
		return fail(e, errno, "container %s: %m", id);
	if (d < 0)
		return fail(e, ENOENT, "container does not exist: %s", id);
	*root = fd_take(&r);
	*dir = fd_take(&d);
	return 0;
}

int state_open(const char *root_path, const char *id, struct err *e)
{
	OWN_FD own = open_root(root_path, false, e);
	OWN_FD root = -1;
	int dir = -1;

	if (own < 0)
		return own;
	TRY(open_container(root_path, id, &root, &dir, e));
	return dir;
}

int state_look(const char *root_path, const char *id, struct err *e)
{
	OWN_FD root = -1;
	int dir = -1;

	TRY(open_container(root_path, id, &root, &dir, e));
	return dir;
}

static bool is_paused(const struct record *r)
{
	struct cgroup groups = { 0 };
	struct err gone;

	if (r->cgroups == NULL || cgroup_reopen(r->cgroups, &groups, &gone) < 0)
		return false;

	bool paused = cgroup_frozen(&groups);

	cgroup_close(&groups);
	return paused;
}

static uid_t owner_of(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 ? st.st_uid : (uid_t)-1;
}

static enum state_status living_status(int dir)
{
	switch (record_phase_of(dir)) {
	case PHASE_CREATING:
		return STATE_CREATING;
	case PHASE_CREATED:
		return STATE_CREATED;
	default:
		return STATE_RUNNING;
	}
}

int state_read(struct arena *a, const char *root_path, const char *id, struct state_info *out,
	       struct err *e)
{
	OWN_FD root = -1;
	OWN_FD dir = -1;

	TRY(open_container(root_path, id, &root, &dir, e));

	struct record r = record_read(a, dir);

	bool locked = record_is_locked(dir);

	*out = (struct state_info){ .id = arena_strdup(a, id),
				    .json = r.json,
				    .bundle = r.bundle,
				    .rootfs = r.rootfs,
				    .created = r.created,
				    .annotations = r.annotations,
				    .owner = owner_of(dir),
				    .started = r.started,
				    .digest = r.digest,
				    .missing = r.missing,
				    .cut = r.cut,
				    .profile = r.profile,
				    .table = r.table,
				    .pid = record_living(&r.init, locked) };
	live_describe(a, dir, out);
	/* One whose first process was there and is gone has stopped, though its broker or launcher takes a moment more. */
	out->status = out->pid != 0               ? living_status(dir)
		      : locked && r.init.pid == 0 ? STATE_CREATING
						  : STATE_STOPPED;
	if (out->pid != 0 && out->status != STATE_CREATING && is_paused(&r))
		out->status = STATE_PAUSED;
	out->cut_off = out->status == STATE_STOPPED && record_is_cut_off(dir);
	out->cut_short = out->status == STATE_STOPPED && record_is_cut_short(dir);
	return 0;
}

int state_groups(struct arena *a, const char *root_path, const char *id, struct cgroup *out,
		 struct err *e)
{
	OWN_FD root = -1;
	OWN_FD dir = -1;

	*out = (struct cgroup){ 0 };
	TRY(open_container(root_path, id, &root, &dir, e));

	struct record r = record_read(a, dir);

	return r.cgroups != NULL ? cgroup_reopen(r.cgroups, out, e) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int state_list(struct arena *a, const char *root_path, struct strings *ids, struct err *e)
{
	DIR *dir = opendir(root_path);
	struct err ignored;

	*ids = (struct strings){ 0 };
	if (dir == NULL && errno == ENOENT)
		return 0;
	if (dir == NULL)
		return fail(e, errno, "state folder %s: %m", root_path);
	for (struct dirent *d; (d = readdir(dir)) != NULL;)
		if (state_check_id(d->d_name, &ignored) == 0)
			*LIST_ADD(a, ids) = arena_strdup(a, d->d_name);
	closedir(dir);
	if (ids->n != 0)
		qsort(ids->at, ids->n, sizeof *ids->at, by_name);
	return 0;
}

static void wait_unlocked(const struct record *r, int dir)
{
	for (int waited = 0; waited < DEAD_WAIT_MS &&
			     (record_is_locked(dir) || record_living(&r->init, false) != 0);
	     waited++)
		usleep(1000);
}

/* Whether it goes on living. What was killed a moment ago needs another to be gone, and its broker one more. */
static bool is_here_to_stay(const struct record *r, int dir)
{
	for (int waited = 0; waited < DEAD_WAIT_MS; waited++) {
		bool locked = record_is_locked(dir), alive = record_living(&r->init, locked) != 0;

		if (!alive && !locked)
			return false;
		if (alive && waited >= DYING_WAIT_MS)
			return true;
		usleep(1000);
	}
	return true;
}

static int run_poststop(struct arena *a, const char *id, const struct record *r, struct err *e)
{
	const struct hooks_state s = {
		.id = id, .status = "stopped", .bundle = r->bundle, .annotations = &r->annotations
	};

	return hooks_run_all(a, &r->poststop, "poststop", &s, e);
}

int state_delete(struct arena *a, const char *root_path, const char *id, bool force, struct err *e)
{
	OWN_FD root = -1;
	OWN_FD dir = -1;

	TRY(open_container(root_path, id, &root, &dir, e));

	struct record r = record_read(a, dir);
	bool locked = record_is_locked(dir);
	pid_t pid = record_living(&r.init, locked);

	/* One that waits for its start has done nothing yet that could be lost. */
	if (record_phase_of(dir) == PHASE_CREATED)
		force = true;
	if (!force && (pid != 0 || locked) && is_here_to_stay(&r, dir)) {
		fail(e, EBUSY, "container %s is running", id);
		return advise(e, "stop it first, or use --force");
	}
	if (pid != 0)
		kill(pid, SIGKILL);
	/* It ends by itself, unless somebody has stopped it. */
	if (record_living(&r.broker, false) != 0)
		kill((pid_t)r.broker.pid, SIGKILL);
	else if (pid == 0 && locked)
		leftover_end(
			&r); /* a launch that got stuck, or whose launcher died before it wrote down the pid */
	wait_unlocked(&r, dir); /* a launcher that waits for it cleans up by itself */

	/* So that nobody takes the name while its files go. */
	OWN_FD lock = lock_file(dir, "state.json", DEAD_WAIT_MS, e);

	if (lock == -ENOENT || (lock >= 0 && is_gone(lock)))
		return fail(e, ENOENT, "container does not exist: %s", id);
	if (lock == -EWOULDBLOCK || record_broker_lives(dir))
		return fail(e, EBUSY, "container %s: its launcher is still at work", id);
	/* What is no file of ours nobody of ours can hold. */
	if (lock < 0 && lock != -ELOOP && lock != -EISDIR)
		return within(e, "container %s", id);
	leftover_groups(&r);
	TRY(leftover_folder(root, dir, id, e));
	return run_poststop(a, id, &r, e);
}
