/*
 * given.open: namespaces that a bundle names by path. They belong, as a rule, to the host's user namespace, so nobody below it
 * may join them: the launcher has a visitor do it, and what is born there, is in them. Of all of that the container's own user
 * namespace is made anew, so that it has no capability over what it shares.
 *
 * The visitor never comes back. Rootless Podman's root may join what belongs to its user namespace, and not the host's network
 * that it came from (netns_install() in net/core/net_namespace.c).
 *
 * A pid namespace by path is entered by those who are born later. The first process is born in it, the broker in the one above:
 * the kernel tells who asks for a system call by the number that the one who answers sees (seccomp_notify_recv() in
 * kernel/seccomp.c), and the workload sees nobody there.
 */
#include "box/given.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "box/forget.h"
#include "box/sequence.h"
#include "kern/nsfs.h"
#include "kern/sys.h"

enum { MAP_BYTES = 16 * 1024 }; /* 340 lines of three numbers at most (UID_GID_MAP_MAX_EXTENTS) */

/* ---- given.open ---- */

/* Its settings are the machine's, and whoever wrote the bundle is not to change them. */
static int check_settings(const struct plan *p, const struct plan_given *g, struct err *e)
{
	for (size_t i = 0; i < p->nsysctls; i++)
		if (plan_sysctl_is_network(p->sysctls[i].key)) {
			fail(e, EPERM,
			     "%s: that is the network zviz itself is in, and linux.sysctl.%s would set it there",
			     g->path, p->sysctls[i].key);
			return advise(e, "leave the setting out, or name another network");
		}
	return 0;
}

/* What is not below ours may not be entered (pidns_install() in kernel/pid_namespace.c), and has nothing above it that we
 * may see. */
static int look_above(const struct plan_given *g, struct box_given *at, struct err *e)
{
	/* A process that the path leads by may have ended since, and another have its number. */
	if (g->inode != 0 && nsfs_inode(at->fd) != g->inode)
		return fail(e, ESTALE, "%s: it has become another pid namespace", g->path);
	at->above = nsfs_parent(at->fd);
	if (at->above >= 0)
		return 0;
	fail(e, -at->above, "%s: what is above that pid namespace: %m", g->path);
	return at->above == -EPERM
		       ? advise(e, "name one that was made below the one zviz itself is in")
		       : -e->no;
}

static int open_one(struct box *b, size_t i, struct err *e)
{
	const struct plan_given *g = &b->plan->givens[i];
	struct box_given *at = &b->givens[i];

	at->fd = nsfs_open(g->path, g->type, e);
	if (at->fd < 0)
		return at->fd;
	at->own = nsfs_own(g->type, e);
	if (at->own < 0)
		return at->own;
	if (!nsfs_same(at->fd, at->own))
		return g->type == CLONE_NEWPID ? look_above(g, at, e) : 0;
	if (g->type == CLONE_NEWNET && !b->plan->net.used)
		return check_settings(b->plan, g, e);
	/* Rules in it would be the host's, and what is shared with it, shared with all that runs here. */
	fail(e, EINVAL, "%s: that is the %s namespace zviz itself is in", g->path, g->word);
	return advise(e,
		      g->type == CLONE_NEWNET
			      ? "use a profile with `network: {mode: host}`, or leave the path out"
			      : "leave the path out: zviz makes a new one");
}

static int broker_view(struct box *b, void *arg, struct err *e)
{
	(void)arg;
	return broker_procfs(b->plan, e);
}

/* A pid namespace that was there before belongs to somebody over whom the broker has no capability, so it can mount none of it. */
static int make_view(struct box *b, struct err *e)
{
	char none = 0;

	b->proc = given_visit_born(b, true, broker_view, &none, sizeof none, e);
	return b->proc < 0 ? within(e, "the broker's view of processes") : 0;
}

int step_given_open(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	b->givens = arena_array(b->arena, p->ngivens, sizeof *b->givens);
	for (size_t i = 0; i < p->ngivens; i++)
		b->givens[i].fd = b->givens[i].own = b->givens[i].above = -1;
	for (size_t i = 0; i < p->ngivens; i++)
		if (open_one(b, i, e) < 0)
			return within(e, "%s: linux.namespaces[%zu].path", p->spec->file,
				      p->givens[i].index);
	return shares_processes(p) && p->broker.procfs ? make_view(b, e) : 0;
}

void undo_given_open(struct box *b)
{
	fd_close(&b->proc);
	for (size_t i = 0; b->givens != NULL && i < b->plan->ngivens; i++) {
		fd_close(&b->givens[i].fd);
		fd_close(&b->givens[i].own);
		fd_close(&b->givens[i].above);
	}
}

/* ---- visiting them ---- */

static int enter(const struct box *b, bool above, struct err *e)
{
	for (size_t i = 0; i < b->plan->ngivens; i++) {
		const struct plan_given *g = &b->plan->givens[i];
		const struct box_given *at = &b->givens[i];
		int r = sys_setns(above && at->above >= 0 ? at->above : at->fd, g->type);

		if (r < 0)
			return fail(e, -r, "join the %s namespace %s: %m", g->word, g->path);
	}
	return 0;
}

static int enter_all(const struct box *b, struct err *e)
{
	return enter(b, false, e);
}

static int enter_above(const struct box *b, struct err *e)
{
	return enter(b, true, e);
}

/* Who is born after it can be looked at by those who share the pid namespace, whoever they are: in /proc/PID are the mounts and the
 * network that somebody is in. */
static int enter_bare(const struct box *b, struct err *e)
{
	int r;

	TRY(enter(b, false, e));
	/* There is nothing mounted below it, and from it nothing above can be reached. */
	if (fchdir(b->state) < 0 || chroot(".") < 0)
		return fail(e, errno, "the state folder as root: %m");
	if (!(b->plan->namespaces & CLONE_NEWNET))
		return 0;
	r = sys_setns(b->broker_pidfd, CLONE_NEWNET);
	return r < 0 ? fail(e, -r, "join the container's network: %m") : 0;
}

static int enter_clocks(const struct box *b, struct err *e)
{
	int r = sys_setns(b->time_ns, CLONE_NEWTIME);

	return r < 0 ? fail(e, -r, "time namespace: %m") : 0;
}

/* What a visitor tells before it ends. */
enum { ARG_MAX_BYTES = 128 };

struct told {
	int r; /* what its work returned */
	struct err e;
	char arg[ARG_MAX_BYTES]; /* as it was left */
};

typedef int enterer(const struct box *b, struct err *e);

struct visit {
	enterer *enter;
	given_work *work;
	void *arg;
	size_t size;
	bool born; /* the work is done by a child of the visitor's */
};

/* Where it returns, this is the one that does the work. */
static int bear(void)
{
	pid_t pid = sys_fork_with_files();

	if (pid <= 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

static _Noreturn void visit(struct box *b, const struct visit *v, int say)
{
	struct told t = { 0 };

	t.r = v->enter(b, &t.e);
	if (t.r == 0 && v->born) {
		int r;

		forget_arguments();
		r = bear();

		t.r = r < 0 ? fail(&t.e, -r, "fork: %m") : 0;
	}
	if (t.r == 0)
		t.r = v->work(b, v->arg, &t.e);
	memcpy(t.arg, v->arg, v->size);
	(void)!write(say, &t, sizeof t);
	_exit(0);
}

static int send_visitor(struct box *b, const struct visit *v, struct err *e)
{
	struct told t;
	int ends[2];

	if (v->size > ARG_MAX_BYTES)
		return fail(e, E2BIG, "%zu bytes are brought from no visit", v->size);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(e, errno, "pipe: %m");

	OWN_FD hear = ends[0];
	OWN_FD say = ends[1];
	pid_t pid = sys_fork_with_files();
	ssize_t n;

	if (pid == 0)
		visit(b, v, say);
	if (pid < 0)
		return fail(e, -pid, "fork: %m");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* All that it had to say is there; who was born of it may hold the other end for long. */
	n = read(hear, &t, sizeof t);
	if (n != (ssize_t)sizeof t)
		return fail(e, EIO, "the process that stands in the namespaces of %s was killed",
			    b->plan->spec->file);
	memcpy(v->arg, t.arg, v->size);
	if (t.r < 0)
		*e = t.e;
	return t.r;
}

int given_visit(struct box *b, given_work *work, void *arg, size_t size, struct err *e)
{
	const struct visit v = { enter_all, work, arg, size, false };

	return b->plan->ngivens != 0 ? send_visitor(b, &v, e) : work(b, arg, e);
}

int given_visit_above(struct box *b, given_work *work, void *arg, size_t size, struct err *e)
{
	const struct visit v = { enter_above, work, arg, size, false };

	return b->plan->ngivens != 0 ? send_visitor(b, &v, e) : work(b, arg, e);
}

int given_visit_born(struct box *b, bool above, given_work *work, void *arg, size_t size,
		     struct err *e)
{
	const struct visit v = { above ? enter_above : enter_bare, work, arg, size, true };

	return send_visitor(b, &v, e);
}

int given_visit_clocks(struct box *b, given_work *work, void *arg, size_t size, struct err *e)
{
	const struct visit v = { enter_clocks, work, arg, size, false };

	return send_visitor(b, &v, e);
}

/* ---- the ids of a user namespace ---- */

static int parse_map(struct arena *a, char *text, struct id_maps *out)
{
	char *lines = NULL;

	*out = (struct id_maps){ 0 };
	for (char *line = strtok_r(text, "\n", &lines); line != NULL;
	     line = strtok_r(NULL, "\n", &lines)) {
		uint64_t number[3];
		char *words = NULL, *word = strtok_r(line, " ", &words);

		for (size_t i = 0; i < COUNT(number); i++, word = strtok_r(NULL, " ", &words))
			if (word == NULL || num_u64(word, &number[i]) < 0 || number[i] > UINT32_MAX)
				return -EINVAL;
		*LIST_ADD(a, out) = (struct id_map){ (uint32_t)number[0], (uint32_t)number[1],
						     (uint32_t)number[2] };
	}
	return out->n != 0 ? 0 : -EINVAL;
}

static int read_map(struct arena *a, pid_t pid, const char *file, struct id_maps *out,
		    struct err *e)
{
	char path[64], *text = arena_alloc(a, MAP_BYTES);

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);

	OWN_FD fd = path_open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? fd_read_all(fd, text, MAP_BYTES - 1) : -errno;

	if (n < 0)
		return fail(e, (int)-n, "its %s: %m", file);
	text[n] = '\0';
	return parse_map(a, text, out) == 0
		       ? 0
		       : fail(e, EINVAL, "its %s: it has no ids that could be used", file);
}

/* Each to itself. */
static int read_own(struct arena *a, const char *file, struct id_maps *out, struct err *e)
{
	TRY(read_map(a, getpid(), file, out, e));
	for (size_t i = 0; i < out->n; i++)
		out->at[i].outside = out->at[i].inside;
	return 0;
}

int given_own_ids(struct arena *a, struct id_maps *uids, struct id_maps *gids, struct err *e)
{
	TRY(read_own(a, "uid_map", uids, e));
	return read_own(a, "gid_map", gids, e);
}

/* A process that is in it, for as long as somebody reads what the kernel says of it. */
static _Noreturn void stand_in(int ns, int say, pid_t parent)
{
	int r;

	/* The owner of that namespace has every capability over it, and is nobody here. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		_exit(1);
	r = sys_setns(ns, CLONE_NEWUSER);
	sys_die_with(parent); /* new credentials have cleared what was asked for before */
	(void)!write(say, &r, sizeof r);
	for (;;)
		pause();
}

static int read_ids_of(struct arena *a, int ns, const char *path, struct id_maps *uids,
		       struct id_maps *gids, struct err *e)
{
	int ends[2], said = -EIO, r;
	const pid_t parent = getpid();
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe: %m");

	OWN_FD hear = ends[0];
	OWN_FD say = ends[1];

	pid = sys_fork();
	if (pid == 0)
		stand_in(ns, say, parent);
	if (pid < 0)
		return fail(e, -pid, "fork: %m");
	fd_close(&say);
	(void)!fd_read_all(hear, &said, sizeof said);
	if (said < 0)
		r = fail(e, -said, "%s: join it: %m", path);
	else
		r = read_map(a, pid, "uid_map", uids, e);
	if (r == 0)
		r = read_map(a, pid, "gid_map", gids, e);
	kill(pid, SIGKILL); /* our own child, not yet waited for */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

int given_read_ids(struct arena *a, const char *path, struct id_maps *uids, struct id_maps *gids,
		   struct err *e)
{
	OWN_FD ns = nsfs_open(path, CLONE_NEWUSER, e);
	OWN_FD own = ns >= 0 ? nsfs_own(CLONE_NEWUSER, e) : -1;

	if (own < 0)
		return -e->no;
	if (!nsfs_same(ns, own))
		return read_ids_of(a, ns, path, uids, gids, e);
	fail(e, EINVAL, "%s: that is the user namespace zviz itself is in", path);
	return advise(e, "leave the path out: zviz makes a new one");
}

int given_ids_of(struct arena *a, pid_t pid, struct id_maps *uids, struct id_maps *gids,
		 struct err *e)
{
	TRY(read_map(a, pid, "uid_map", uids, e));
	return read_map(a, pid, "gid_map", gids, e);
}

int given_look_at_processes(struct arena *a, const char *path, struct given_processes *out,
			    struct err *e)
{
	OWN_FD ns = nsfs_open(path, CLONE_NEWPID, e);
	OWN_FD user = ns >= 0 ? nsfs_own(CLONE_NEWUSER, e) : -1;
	OWN_FD pid = user >= 0 ? nsfs_own(CLONE_NEWPID, e) : -1;
	OWN_FD owner = pid >= 0 ? nsfs_owner(ns) : -1;
	OWN_FD above = pid >= 0 ? nsfs_parent(ns) : -1;
	struct id_maps gids;

	*out = (struct given_processes){ 0 };
	if (pid < 0)
		return -e->no;
	out->inode = nsfs_inode(ns);
	out->here = above >= 0 && nsfs_same(above, pid);
	return owner >= 0 && !nsfs_same(owner, user)
		       ? read_ids_of(a, owner, path, &out->owner_uids, &gids, e)
		       : 0;
}
