/*
 * zviz-net is started by zviz where a container has a private network. It makes the way out, loads the rules, says that they
 * are in force, gives up its privileges, and then, as two processes, holds the network until the container has ended: tables that belong to its
 * sockets go with it, whatever ends it. Another one, started by `zviz update`, loads other rules, and ends.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/sys.h"
#include "net/change.h"
#include "net/door.h"
#include "net/holder.h"
#include "net/log.h"
#include "net/names.h"
#include "net/twin.h"

static int read_job(struct holder *h, struct err *e)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(NET_FD_JOB, &st) < 0)
		return fail(e, errno, "zviz-net: its job: %m");
	if (st.st_size <= 0 || st.st_size > NET_JOB_BYTES_MAX)
		return fail(e, EFBIG, "zviz-net: its job has %lld bytes", (long long)st.st_size);
	text = arena_alloc(h->arena, (size_t)st.st_size + 1);
	n = pread(NET_FD_JOB, text, (size_t)st.st_size, 0);
	if (n != st.st_size)
		return fail(e, EIO, "zviz-net: its job cannot be read");
	return net_job_parse(h->arena, text, (size_t)n, &h->job, e);
}

/* ---- inside ---- */

struct errand {
	struct holder *h;
	int (*run)(struct holder *h, struct err *e);
	struct err *e;
	int result;
	pid_t thread;
};

/* Sockets belong to the network namespace that they are made in, and a thread can stand in another than the rest. */
static void *stand_inside(void *arg)
{
	struct errand *errand = arg;
	int r = sys_setns(NET_FD_NETNS, CLONE_NEWNET);

	errand->thread = gettid();
	if (r < 0)
		fail(errand->e, -r, "the container's network namespace: %m");
	errand->result = r < 0 ? r : errand->run(errand->h, errand->e);
	return NULL;
}

/* A thread is one until the kernel has taken it apart, a moment after pthread_join(3) has heard of its end; and who has one enters
 * no user namespace (userns_install() in kernel/user_namespace.c: EINVAL). */
static void until_gone(pid_t thread)
{
	while (tgkill(getpid(), thread, 0) == 0)
		sched_yield();
}

static int inside(struct holder *h, int (*run)(struct holder *h, struct err *e), struct err *e)
{
	struct errand errand = { .h = h, .run = run, .e = e };
	pthread_t thread;
	int r = pthread_create(&thread, NULL, stand_inside, &errand);

	if (r != 0)
		return fail(e, r, "zviz-net: thread: %m");
	pthread_join(thread, NULL);
	until_gone(errand.thread);
	return errand.result;
}

static int pair_inside(struct holder *h, struct err *e)
{
	TRY(veth_inside(h, e));
	log_inside(h, &h->note);
	return names_inside(h, e);
}

/* No device is there yet, so nothing gets past these rules before they are. And it is up before the program has it, who takes
 * connections to published ports from its first moment: pasta of Debian 12 ends when what it writes meets one that is not. */
static int tap_inside(struct holder *h, struct err *e)
{
	TRY(tap_rules(h, e));
	log_inside(h, &h->note);
	TRY(names_inside(h, e));
	return tap_device(h, e);
}

/* Nor will one be that is ours: it comes when hooks of the bundle run, or from its engine after create. */
static int brought_inside(struct holder *h, struct err *e)
{
	TRY(holder_inside(h, e));
	log_inside(h, &h->note);
	return names_inside(h, e);
}

/* Made by others, who have led into it already. */
static int others_inside(struct holder *h, struct err *e)
{
	TRY(given_inside(h, e));
	log_inside(h, &h->note);
	return names_inside(h, e);
}

/* ---- life ---- */

static int pair_set_up(struct holder *h, struct err *e)
{
	TRY(reserve_ports(h, e));
	TRY(veth_make(h, e));
	TRY(veth_host(h, e));
	TRY(inside(h, pair_inside, e));
	return veth_await(h, e);
}

/* Whoever starts this is nobody on the host: what it may do over the container it may as the container's root. */
static int tap_set_up(struct holder *h, struct err *e)
{
	TRY(try_ports(h, e));
	TRY(tap_prepare(h, e));
	TRY(enter_container(h, e));
	TRY(inside(h, tap_inside, e));
	return keeper_start(h, e);
}

/* The network is the container's own, and so is all that this takes. */
static int brought_set_up(struct holder *h, struct err *e)
{
	TRY(enter_container(h, e));
	return inside(h, brought_inside, e);
}

static int make_way(struct holder *h, struct err *e)
{
	if (h->job.given)
		return inside(h, others_inside, e);
	if (h->job.way == NET_BROUGHT)
		return brought_set_up(h, e);
	return h->job.way == NET_PAIR ? pair_set_up(h, e) : tap_set_up(h, e);
}

/* The way there is the one that the rules were loaded by. */
static int change(struct holder *h, struct err *e)
{
	if (!h->job.given && h->job.way != NET_PAIR)
		TRY(enter_container(h, e));
	return inside(h, change_inside, e);
}

static int set_up(struct holder *h, bool *is_twin, struct err *e)
{
	TRY(names_read(h, e));
	TRY(make_way(h, e));
	TRY(names_start(h, e));
	door_make(h);
	TRY(twin_make(h, is_twin, e));
	TRY(confine(h, e));
	if (*is_twin)
		twin_let_go();
	return 0;
}

static void report(const struct holder *h, const struct err *e, const char *note)
{
	struct net_report r = { .version = NET_REPORT_VERSION,
				.no = e->no,
				.device = h->index,
				.table = h->table,
				.changed = h->loaded };

	if (note != NULL)
		snprintf(r.text, sizeof r.text, "%s", note);
	else
		memcpy(r.text, e->text, sizeof r.text);
	memcpy(r.hint, e->hint, sizeof r.hint);
	(void)!send(NET_FD_CONTROL, &r, sizeof r,
		    MSG_NOSIGNAL); /* who started us is gone: the next read says so */
}

int main(void)
{
	struct arena arena = { 0 };
	struct holder h = { .arena = &arena };
	const struct err none = { 0 };
	struct err e = { 0 };
	bool is_twin = false;
	struct stat st;
	int end;

	if (fstat(NET_FD_CONTROL, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("zviz-net is started by zviz, for containers with a private network\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (read_job(&h, &e) < 0 ||
	    (h.job.change != NULL ? change(&h, &e) : set_up(&h, &is_twin, &e)) < 0) {
		report(&h, &e, NULL);
		_exit(1);
	}
	if (h.job.change != NULL) {
		report(&h, &none, NULL);
		_exit(0);
	}
	if (!is_twin)
		report(&h, &none,
		       h.note); /* what was tried in vain before it went well is no error */
	end = twin_first(&h);
	if (end < 0)
		_exit(0);
	if (is_twin)
		twin_wait(&h, end);
	else
		names_serve(&h, end);
	_exit(twin_end(&h, end));
}
