/*
 * The loop. One thread, in which nothing allocates memory. What is known to block is handed to a waiter; where a call
 * blocks nevertheless, another thread goes on with the loop (stand.c). Each notification is fetched, decided and answered
 * before the next one is received.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/act.h"
#include "broker/ask.h"
#include "broker/audit.h"
#include "broker/door.h"
#include "broker/exec.h"
#include "broker/fault.h"
#include "broker/stand.h"
#include "broker/view.h"
#include "broker/wait.h"
#include "kern/sys.h"
#include "policy/decide.h"

enum {
	WAITERS_CHECK_MS = 100, /* how long a waiter may outlive its caller */
	REST_MS = 1000,         /* how long nothing has to come before a broker counts as idle */
	NOTIF_BYTES =
		1024, /* room for a kernel whose struct seccomp_notif has grown (80 bytes in 6.18) */
};

/* Whether somebody is asked first. Without anybody to be asked the answer is no. */
static bool waits(const struct server *s, const struct call *c, bool refused, struct verdict *v)
{
	if (!refused || v->what != ASK)
		return false;
	if (ask_park(s, c))
		return true;
	v->what = DENY;
	return false;
}

static void serve_open(const struct server *s, const struct call *c, const struct plan_call *row)
{
	struct outcome o;

	act_open(s, c, row, &o);
	if (waits(s, c, o.refused, &o.why)) {
		act_done(&o);
		return;
	}
	fault_taken_over(s, c, o.request.path);
	if (o.err != 0)
		audit_open(s, c, row, &o);
	act_finish(s, c, &o);
	if (o.err == 0)
		audit_open(s, c, row, &o);
	act_done(&o);
}

static void serve_names(const struct server *s, const struct call *c, const struct plan_call *row)
{
	struct names_outcome o;

	stand_names_begin(s);
	names_perform(s, c, row, &o);
	stand_names_end(s);
	if (waits(s, c, o.refused, &o.why)) {
		names_done(&o);
		return;
	}
	audit_names(s, c, row, &o);
	if (o.refused)
		act_answer(s, c, &o.why);
	else
		act_answer_result(s, c, -o.err);
	names_done(&o);
}

static void serve_socket(const struct server *s, const struct call *c, const struct plan_call *row)
{
	struct socket_outcome o;

	socket_perform(s, c, row, &o);
	if (waits(s, c, o.refused, &o.why)) {
		fd_close(&o.dir);
		return;
	}
	audit_socket(s, c, row, &o);
	socket_finish(s, c, &o);
}

static void serve_call(const struct server *s, const struct call *c, const struct plan_call *row)
{
	if (row != NULL && row->mediator == MEDIATE_OPEN && !decide_is_path_only(c, row)) {
		serve_open(s, c, row);
		return;
	}
	if (row != NULL && row->mediator == MEDIATE_NAMES) {
		serve_names(s, c, row);
		return;
	}
	if (row != NULL && row->mediator == MEDIATE_ADDRESS) {
		serve_socket(s, c, row);
		return;
	}
	if (row != NULL && row->mediator == MEDIATE_VIEW) {
		view_serve(s, c, row);
		return;
	}
	if (row != NULL && row->mediator == MEDIATE_EXEC && s->plan->traces) {
		exec_serve(s, c, row);
		return;
	}

	struct verdict v = decide_call(s->plan, c, row);

	audit_call(s, c, row, &v);
	act_answer(s, c, &v);
}

/* Apart, since it takes much of a stack. */
__attribute__((noinline)) static void serve_asking(const struct server *s, struct call *c,
						   const struct plan_call *row)
{
	struct asking_call asking;

	ask_know(s, c->tid, &asking);
	c->asking = &asking;
	serve_call(s, c, row);
	c->asking = NULL;
}

static void serve_one(const struct server *s, uint32_t turn, const struct seccomp_notif *n)
{
	struct call c = { .id = n->id,
			  .tid = n->pid,
			  .arch = n->data.arch,
			  .nr = n->data.nr,
			  .start_us = audit_now(s),
			  .turn = turn };
	const struct plan_call *row;

	memcpy(c.arg, n->data.args, sizeof c.arg);
	decide_widen(&c);
	atomic_fetch_add_explicit(&s->counters->asked, 1, memory_order_relaxed);
	row = decide_row(s->plan, &c);
	if (s->ask != NULL)
		serve_asking(s, &c, row);
	else
		serve_call(s, &c, row);
}

/* A call whose question is answered. False: there is none. */
static bool serve_answered(struct server *s, uint32_t turn)
{
	struct ask_slot *slot = ask_next(s);

	if (slot == NULL)
		return false;

	struct call c = slot->call;

	c.turn = turn;
	live_follow(s);
	stand_begin(s, turn, c.id);
	serve_call(s, &c, decide_row(s->plan, &c));
	stand_end(s, turn);
	ask_done(s, slot);
	return true;
}

/* Whoever knocks before there is a watcher is heard by the thread that serves; errno stays. */
static void look_at_door(const struct server *s)
{
	int no = errno;

	if (s->door != NULL && (s->stand == NULL || !atomic_load(&s->stand->watched)))
		door_answer(s->door);
	errno = no;
}

/* Most containers are idle most of the time. Whatever the last call took of the stack is then nobody's. */
static void rest(void)
{
	if ((uint32_t)getpid() == sys_gettid())
		sys_give_back_stack();
}

/* As poll(), but that a wait without an end is one for a rest first. */
static int poll_and_rest(struct pollfd *p, nfds_t n, int timeout_ms)
{
	int ready = poll(p, n, timeout_ms >= 0 ? timeout_ms : REST_MS);

	if (ready != 0 || timeout_ms >= 0)
		return ready;
	rest();
	return poll(p, n, -1);
}

/* 1: there is something to receive; 0: every task under the filter is gone; -EAGAIN: neither, another -errno with *e. */
static int await(const struct server *s, int timeout_ms, struct err *e)
{
	struct pollfd p[] = { { .fd = s->listener, .events = POLLIN },
			      { .fd = s->ask != NULL ? s->ask->fd : -1, .events = POLLIN } };

	if (poll_and_rest(p, COUNT(p), timeout_ms) < 0) {
		if (errno != EINTR)
			return fail(e, errno, "wait for a notification: %m");
		look_at_door(s);
		return -EAGAIN;
	}
	if (p[0].revents & (POLLERR | POLLNVAL))
		return fail(e, EBADF, "the notification descriptor is broken");
	if (p[0].revents & POLLIN)
		return 1;
	return p[0].revents & POLLHUP ? 0 : -EAGAIN;
}

int serve_next(struct server *s, uint32_t turn, struct err *e)
{
	union {
		struct seccomp_notif n;
		unsigned char bytes[NOTIF_BYTES];
	} u;
	unsigned waiting = s->waiters != NULL ? wait_check(s, false) : 0;
	unsigned asked = ask_waiting(s);
	int r = 1;

	if (asked != 0 && serve_answered(s, turn))
		return 1;
	waiting += asked;

	/* A receive that blocks is not woken by the last task's end before Linux 6.11; poll always is, for the price of
	 * one more call each time. Nor does it look after the waiters. */
	if (waiting != 0 || s->polls)
		r = await(s, waiting != 0 ? WAITERS_CHECK_MS : -1, e);
	if (r <= 0)
		return r == -EAGAIN ? 1 : r;
	memset(&u, 0, sizeof u); /* the kernel insists */
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &u.n) < 0) {
		/* The caller was killed or interrupted meanwhile, or there is no task any more. */
		if (errno == ENOENT && (r = await(s, 0, e)) != -EAGAIN)
			return r;
		if (errno == EINTR)
			look_at_door(s);
		if (errno == ENOENT || errno == EINTR || errno == EAGAIN)
			return 1;
		return fail(e, errno, "receive a notification: %m");
	}
	live_follow(s);
	stand_begin(s, turn, u.n.id);
	serve_one(s, turn, &u.n);
	stand_end(s, turn);
	return 1;
}

static int check_sizes(struct err *e)
{
	struct seccomp_notif_sizes sizes;
	int err = SYS_CALL(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);

	if (err < 0)
		return fail(e, -err, "sizes of notifications: %m");
	if (sizes.seccomp_notif > NOTIF_BYTES ||
	    sizes.seccomp_notif_resp > sizeof(struct seccomp_notif_resp))
		return fail(e, E2BIG, "this kernel's notifications are larger than known");
	return 0;
}

static int prepare(struct server *s, struct err *e)
{
	TRY(check_sizes(e));
	/* Answers wake the caller on this CPU: half the time of a switch. A kernel before 6.6 does without. */
	(void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	if (s->door != NULL)
		TRY(door_prepare(e));
	if (s->proc < 0)
		return 0;
	s->self_fds = openat(s->proc, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->self_fds < 0)
		return fail(e, errno, "/proc/self/fd: %m");
	/* Unix sockets are connected to by the number of their file there: addresses are too short for most paths. */
	if (s->plan->addresses && fchdir(s->self_fds) < 0)
		return fail(e, errno, "go to /proc/self/fd: %m");
	return wait_prepare(e);
}

int broker_serve(struct broker_job *job, struct err *e)
{
	/* The only memory that is taken, once; its size is too much for a stack. It goes with the process, since threads
	 * that wait may do so for as long. */
	struct stand *t = sys_pages(sizeof *t);
	struct ask *ask = job->plan->asks ? ask_new(job->ask) : NULL;

	if (t == NULL || (job->plan->asks && ask == NULL))
		return fail(e, ENOMEM, "memory for the broker: %m");

	struct door *door = &t->door;

	*door = (struct door){ .fd = job->door, .base = &t->server };
	t->server = (struct server){ .plan = job->plan,
				     .counters = job->counters,
				     .listener = job->listener,
				     .proc = job->proc,
				     .events = job->events,
				     .ask = ask,
				     .door = job->door >= 0 ? door : NULL,
				     .names = &t->names,
				     .polls = !job->plan->ended_by_launcher,
				     .self_fds = -1,
				     .waiters = job->proc >= 0 ? t->waiters : NULL,
				     .stand = job->proc >= 0 ? t : NULL };

	if (job->live != NULL) {
		t->live.file = job->live;
		t->live.base = job->plan;
		t->server.live = &t->live;
	}

	int err = prepare(&t->server, e);

	if (err >= 0 && job->view != NULL && job->plan->view.used) {
		t->server.view = view_begin(&job->plan->view, job->view, e);
		err = t->server.view != NULL ? 0 : -e->no;
	}
	if (err >= 0)
		err = stand_run(t, e);
	if ((job->proc >= 0 && !wait_end(&t->server)) || atomic_load(&door->listeners) != 0)
		return err;
	fd_close(&job->door);
	fd_close(&t->server.self_fds);
	fd_close(&job->listener);
	fd_close(&job->proc);
	fd_close(&job->events);
	if (ask != NULL)
		fd_close(&ask->fd);
	return err;
}
