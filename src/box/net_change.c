#include "box/net_change.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/net.h"
#include "box/record.h"
#include "kern/nft.h"
#include "kern/scm.h"
#include "kern/sys.h"
#include "policy/net_change.h"

enum {
	ANSWER_S = 20,         /* zviz-net answers as soon as it runs */
	REPORT_MS = 60 * 1000, /* a transaction waits for others of the whole machine */
};

/* Who keeps the rules, and what it has lent. */
struct keeper {
	int door, net, user, owner;
	struct net_greeting says;
};

#ifdef ZVIZ_FAULTS
/* Test builds only, as in walk.c: ZVIZ_FAULT=update.STEP, or update.STEP:kill. */
static int fault(const char *step, struct err *e)
{
	const char *want = getenv("ZVIZ_FAULT");
	const size_t len = strlen(step);

	if (want == NULL || strncmp(want, step, len) != 0)
		return 0;
	if (strcmp(want + len, ":kill") == 0)
		raise(SIGKILL);
	return want[len] == '\0' ? fail(e, EIO, "injected fault") : 0;
}
#else
static int fault(const char *step, struct err *e)
{
	(void)step;
	(void)e;
	return 0;
}
#endif

/* ---- who keeps the rules ---- */

static void leave(struct keeper *k)
{
	fd_close(&k->door);
	fd_close(&k->net);
	fd_close(&k->user);
	fd_close(&k->owner);
}

static int connect_door(const struct net_changing *c, struct err *e)
{
	const struct timeval most = { .tv_sec = ANSWER_S };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	OWN_FD dir = state_open(c->root, c->id, e);

	if (dir < 0)
		return dir;

	OWN_FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", dir, record_net_name);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) == 0 &&
	    connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return fd_take(&fd);
	return fail(e, errno, "zviz-net, which keeps the rules of its network: %m");
}

/* What it lends is the network of the container's first process, wherever that can be seen. */
static int check_network(const struct net_changing *c, const struct keeper *k, struct err *e)
{
	char path[64];
	struct stat own, seen;

	snprintf(path, sizeof path, "/proc/%d/ns/net", c->info->pid);
	if (stat(path, &seen) < 0 || (fstat(k->net, &own) == 0 && own.st_ino == seen.st_ino))
		return 0;
	return fail(e, ESTALE, "zviz-net keeps the rules of another network");
}

static int meet(const struct net_changing *c, struct keeper *k, struct err *e)
{
	int fds[NET_DOOR_FDS], ignored = -1;
	ssize_t n;

	*k = (struct keeper){ -1, -1, -1, -1, { 0 } };
	k->door = connect_door(c, e);
	if (k->door < 0)
		return k->door;
	n = scm_receive(k->door, &k->says, sizeof k->says, &ignored);
	fd_close(&ignored);
	if (n != (ssize_t)sizeof k->says || k->says.version != NET_REPORT_VERSION ||
	    scm_receive_all(k->door, fds, COUNT(fds)) != 1) {
		leave(k);
		return fail(e, EPROTO,
			    "zviz-net, which keeps the rules of its network, does not answer");
	}
	k->net = fds[0];
	k->user = fds[1];
	k->owner = fds[2];
	if (check_network(c, k, e) == 0)
		return 0;
	leave(k);
	return -e->no;
}

static int take_report(struct net_report *r, struct err *e)
{
	r->text[sizeof r->text - 1] = r->hint[sizeof r->hint - 1] = '\0';
	if (r->no == 0)
		return 0;
	fail(e, r->no, "%s", r->text);
	return r->hint[0] != '\0' ? advise(e, "%s", r->hint) : -e->no;
}

static int ask(const struct keeper *k, enum net_word word, size_t bytes, int file, struct err *e)
{
	const struct net_ask q = { .version = NET_REPORT_VERSION, .word = word, .bytes = bytes };
	struct net_report r;
	int none = -1, said = scm_send(k->door, &q, sizeof q, file);
	ssize_t n = said < 0 ? said : scm_receive(k->door, &r, sizeof r, &none);

	fd_close(&none);
	if (n != (ssize_t)sizeof r)
		return fail(e, n < 0 ? (int)-n : EPROTO, "zviz-net does not answer: %m");
	return take_report(&r, e);
}

/* From here on it resolves nothing, until it hears that the rows are in force, or we are gone. */
static int tell_rows(const struct net_changing *c, const struct keeper *k, const struct plan *p,
		     struct err *e)
{
	struct buf text = { .arena = c->arena };

	net_job_print_rows(p, &text);

	OWN_FD file = net_hand(&text, e);

	return file < 0 ? file : ask(k, NET_WORD_CHANGE, text.len, file, e);
}

/* ---- the kernel ---- */

static int await(int control, bool *changed, struct err *e)
{
	struct pollfd said = { .fd = control, .events = POLLIN };
	struct net_report r;
	int n;

	do
		n = poll(&said, 1, REPORT_MS);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return fail(e, ETIMEDOUT, "zviz-net does not say that the rules are in force");
	if (n < 0 || recv(control, &r, sizeof r, 0) != (ssize_t)sizeof r ||
	    r.version != NET_REPORT_VERSION)
		return fail(e, EIO, "zviz-net ended without a word");
	*changed = r.changed;
	return take_report(&r, e);
}

/* By a zviz-net of its own, whose end we do not wait for longer than we have to. */
static int run_change(const struct net_changing *c, const struct keeper *k, const struct buf *job,
		      bool *changed, struct err *e)
{
	const char *program = net_program(c->arena, e);
	int ends[2], fds[NET_FD_END], r;
	pid_t pid;

	if (program == NULL)
		return -e->no;

	OWN_FD file = net_hand(job, e);

	if (file < 0)
		return file;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(e, errno, "socketpair: %m");

	OWN_FD control = ends[0], its_end = ends[1];

	for (int i = 0; i < NET_FD_END; i++)
		fds[i] = -1;
	fds[NET_FD_CONTROL] = its_end;
	fds[NET_FD_JOB] = file;
	fds[NET_FD_NETNS] = k->net;
	fds[NET_FD_USERNS] = k->user;
	fds[NET_FD_OWNER] = k->owner;
	fds[NET_FD_LOCK] = c->file->fd;
	pid = sys_fork();
	if (pid == 0)
		net_become(program, fds);
	if (pid < 0)
		return fail(e, -pid, "fork: %m");
	fd_close(&its_end);
	r = await(control, changed, e);
	kill(pid, SIGKILL); /* our own child, not yet waited for; it has said all */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int load(const struct net_changing *c, const struct keeper *k, const struct plan *p,
		bool *changed, struct err *e)
{
	struct buf rules = { .arena = c->arena }, job = { .arena = c->arena };

	net_change_print(&p->net, c->info->table, k->says.group, &rules);
	net_job_print_change(p, c->info->table, buf_text(&rules), rules.len, &job);
	return run_change(c, k, &job, changed, e);
}

/* ---- what it has ---- */

struct taker {
	const struct plan_net *net;
	struct net_counts counts;
};

static void take(void *ctx, const struct nft_count *n)
{
	struct taker *t = ctx;

	net_counts_take(t->net, &t->counts, n->name, n->packets, n->bytes);
}

static int count(const struct net_changing *c, const struct keeper *k, const struct plan_net *n,
		 uint32_t *out, struct err *e)
{
	struct taker t = { .net = n };
	OWN_FD nl = nft_open(k->net, k->user, 0);
	int r;

	net_counts_begin(c->arena, n, &t.counts);
	r = nl < 0 ? nl : nft_counts(nl, c->info->table, take, &t);
	*out = t.counts.change;
	return r < 0 ? fail(e, -r, "the rules of its network: %m") : 0;
}

/* ---- the whole ---- */

static int apply(const struct net_changing *c, struct keeper *k, const struct plan *p,
		 const char *image, size_t len, bool *changed, struct err *e)
{
	TRY(fault("update.tell", e));
	TRY(tell_rows(c, k, p, e));
	TRY(fault("update.write", e));
	TRY(live_prepare(c->file, image, len, e));
	TRY(fault("update.load", e));
	TRY(load(c, k, p, changed, e));
	TRY(fault("update.go", e));
	TRY(ask(k, NET_WORD_GO, 0, -1, e));
	TRY(fault("update.settle", e));
	live_settle(c->file);
	return fault("update.end", e);
}

int net_change_apply(const struct net_changing *c, const struct plan *p, const char *image,
		     size_t len, bool *changed, struct err *e)
{
	struct keeper k;
	struct err ignored;
	uint32_t now;
	int r;

	*changed = false;
	TRY(meet(c, &k, e));
	r = apply(c, &k, p, image, len, changed, e);
	/* Whoever loaded them may have been killed before a word of it. What the kernel has is what is so, and as long as nobody knows
	 * it, that a change is under way stays written down. */
	if (r < 0 && !*changed && count(c, &k, &p->net, &now, &ignored) == 0) {
		*changed = now == p->net.numbers.change;
		if (!*changed)
			live_abandon(c->file);
	}
	leave(&k);
	return r;
}

/* The rules are there: what stands is judged once more, and whoever was not told of the rows is. */
static int finish(const struct net_changing *c, struct keeper *k, const struct plan *p,
		  struct err *e)
{
	struct buf job = { .arena = c->arena };
	bool changed;

	TRY(tell_rows(c, k, p, e));
	net_job_print_change(p, c->info->table, "", 0, &job);
	TRY(run_change(c, k, &job, &changed, e));
	TRY(ask(k, NET_WORD_GO, 0, -1, e));
	live_settle(c->file);
	return 0;
}

int net_change_finish(const struct net_changing *c, const struct plan *p, struct err *e)
{
	struct keeper k;
	int r;

	TRY(meet(c, &k, e));
	r = finish(c, &k, p, e);
	leave(&k);
	return r;
}

int net_change_count(const struct net_changing *c, const struct plan_net *n, uint32_t *out,
		     struct err *e)
{
	struct keeper k;
	int r;

	TRY(meet(c, &k, e));
	r = count(c, &k, n, out, e);
	leave(&k);
	return r;
}
