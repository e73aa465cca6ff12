#include "cli/term.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/flow.h"
#include "cli/lines.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum {
	WATCH_PID,
	WATCH_SIGNALS,
	WATCH_EVENTS,
	WATCH_CONTROL,
	WATCH_ASK,
	WATCH_IN,
	WATCH_MASTER,
	WATCH_OUT,
	WATCHES
};

enum { KEYS_CHECK_MS = 200 }; /* short to a hand that types, long to a processor */

struct relay {
	struct term *t;
	/* The container's side, kept open: without it the master hangs up when the workload closes
	 * its terminal for a moment, and polls ready for ever. */
	int peer;
	int in, out;       /* our own openings of the caller's, or the caller's */
	struct flow typed; /* in → master */
	struct flow shown; /* master → out */
	bool exited, quit;
	bool job_control;     /* the pidfd is our child: its stops can be seen */
	uint64_t deadline_ms; /* 0: none */
	struct lines lines;
	struct pollfd watch[WATCHES];
};

void term_init(struct term *t)
{
	*t = (struct term){
		.in = 0,
		.out = 1,
		.err = 2,
		.master = -1,
		.pidfd = -1,
		.events = -1,
		.control = -1,
		.signals = -1,
		.tty = { .fd = -1 },
	};
}

/* ---- signals ---- */

int term_hold(struct term *t, struct err *e)
{
	/* Faults belong to zviz itself; SIGTTIN and SIGTTOU must stop it, as they do any job. */
	static const int own[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGTTIN, SIGTTOU,
	};
	sigset_t all;

	if (t->held)
		return 0;
	memset(&all, 0xff,
	       sizeof all); /* sigfillset() leaves out what a C library keeps for itself */
	for (size_t i = 0; i < COUNT(own); i++)
		sigdelset(&all, own[i]);
	t->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0)
		return fail(e, errno, "signalfd: %m");
	sigprocmask(SIG_BLOCK, &all, &t->before);
	t->held = true;
	return 0;
}

void term_release(struct term *t)
{
	struct signalfd_siginfo si;

	if (!t->held)
		return;
	while (read(t->signals, &si, sizeof si) == sizeof si)
		;
	fd_close(&t->signals);
	sigprocmask(SIG_SETMASK, &t->before, NULL);
	t->held = false;
}

static void pass_on(struct term *t, int signo)
{
	if (t->on_signal != NULL)
		t->on_signal(t->ctx, signo);
}

static void resume_terminal(struct term *t)
{
	if (t->master < 0)
		return;
	tty_attach(&t->tty);
	tty_copy_size(&t->tty, t->master);
}

/* A deadline holds for those who stop, too: a workload cannot put it off by stopping itself and, with
 * it, us. */
static bool wake_us(const struct relay *r, timer_t *alarm)
{
	struct sigevent wake = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT };
	struct itimerspec at = {
		.it_value = { .tv_sec = (time_t)(r->deadline_ms / 1000),
			      .tv_nsec = (long)(r->deadline_ms % 1000) * 1000000 },
	};

	if (r->deadline_ms == 0 || timer_create(CLOCK_MONOTONIC, &wake, alarm) < 0)
		return false;
	timer_settime(*alarm, TIMER_ABSTIME, &at, NULL);
	return true;
}

/* Stops zviz as Ctrl-Z stops any program. SIGTSTP rather than SIGSTOP: the kernel ignores it
 * where no shell would ever wake us (an orphaned process group). True when we were stopped and
 * woken. */
static bool stop_ourselves(struct relay *r)
{
	struct term *t = r->t;
	sigset_t stop, pending;
	timer_t alarm;
	bool armed = wake_us(r, &alarm);

	tty_detach(&t->tty);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	kill(getpid(), SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	if (armed)
		timer_delete(alarm);
	resume_terminal(t);
	return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

/* The workload has stopped itself: do the same, and wake it when we are woken. If nobody can
 * wake us, whoever stopped the workload will wake it too. */
static void follow_stop(struct relay *r)
{
	if (stop_ourselves(r))
		pass_on(r->t, SIGCONT);
}

/* The workload has been woken: what was said of its stop is of the past, and no reason to stop again. */
static void forget_stops(struct relay *r)
{
	struct term *t = r->t;

	while (t->on_control != NULL && r->watch[WATCH_CONTROL].fd >= 0 &&
	       t->on_control(t->ctx, t->control) == 1)
		;
}

static void child_changed(struct relay *r)
{
	siginfo_t si = { 0 };

	if (!r->job_control || r->exited)
		return;
	if (waitid(P_PIDFD, (id_t)r->t->pidfd, &si, WSTOPPED | WNOHANG) < 0)
		r->job_control = false; /* somebody else's child */
	else if (si.si_pid != 0 && si.si_code == CLD_STOPPED)
		follow_stop(r);
}

static void signal_came(struct relay *r, int signo)
{
	struct term *t = r->t;

	switch (signo) {
	case SIGCHLD:
		child_changed(r);
		return;
	case SIGPIPE: /* reported by the write that met it */
	case SIGURG:
		return;
	case SIGCONT:
		resume_terminal(t);
		return;
	case SIGWINCH:
		tty_copy_size(&t->tty, t->master);
		if (t->master < 0)
			pass_on(t, signo); /* with a pty the kernel tells the workload */
		return;
	case SIGTSTP:
		pass_on(t, SIGTSTP);
		stop_ourselves(r);
		forget_stops(r);
		pass_on(t, SIGCONT);
		return;
	default:
		/* After the end only our own output keeps us: a reader that does not read is
		 * given up. */
		if (r->exited)
			r->quit = true;
		else
			pass_on(t, signo);
	}
}

static void read_signals(struct relay *r)
{
	struct signalfd_siginfo si;

	while (read(r->t->signals, &si, sizeof si) == sizeof si)
		signal_came(r, (int)si.ssi_signo);
}

/* ---- the terminal ---- */

/* A program that reads its terminal sees the end of input only if somebody types the end-of-file
 * key; behind an unfinished line it takes two. */
static void type_end_of_file(struct relay *r)
{
	struct termios mode;
	char key = tcgetattr(r->t->master, &mode) == 0 ? (char)mode.c_cc[VEOF] : 4;

	r->typed.at = 0;
	r->typed.end = r->typed.last == '\n' || r->typed.last == '\0' ? 1 : 2;
	memset(r->typed.bytes, key, r->typed.end);
}

static bool asking(const struct relay *r)
{
	return r->t->asker != NULL && asker_busy(r->t->asker);
}

/* An answer, which the workload does not get to see. */
static void read_answer(struct relay *r)
{
	char keys[64];
	ssize_t n = read(r->typed.from, keys, sizeof keys);

	if (n > 0)
		asker_keys(r->t->asker, keys, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		r->typed.ended = true;
}

static void read_input(struct relay *r)
{
	if (asking(r)) {
		read_answer(r);
		return;
	}
	if (flow_read(&r->typed) && r->typed.ended && !r->t->tty.keys)
		type_end_of_file(r);
}

static void hang_up(struct relay *r)
{
	fd_close(&r->peer);
	fd_close(&r->t->master);
	r->typed.ended = r->shown.ended = true;
	r->typed.at = r->typed.end;
}

static void write_output(struct relay *r)
{
	flow_write(&r->shown);
	if (r->shown.broken)
		hang_up(r);
}

static void read_output(struct relay *r)
{
	/* Without blocking there is no need to ask first whether it can be written. */
	if (flow_read(&r->shown) && flow_wants_write(&r->shown) && r->out >= 0)
		write_output(r);
}

static int relay_terminal(struct relay *r, struct err *e)
{
	struct term *t = r->t;
	int flags = fcntl(t->master, F_GETFL);

	if (flags < 0 || fcntl(t->master, F_SETFL, flags | O_NONBLOCK) < 0)
		return fail(e, errno, "the container's terminal: %m");
	r->peer = ioctl(t->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	r->in = flow_reopen(t->in, O_RDONLY);
	r->out = flow_reopen(t->out, O_WRONLY);
	r->typed = (struct flow){ .from = r->in >= 0 ? r->in : t->in, .to = t->master };
	r->shown = (struct flow){ .from = t->master, .to = r->out >= 0 ? r->out : t->out };
	tty_find(&t->tty, t->in, t->out, t->err);
	resume_terminal(t);
	return 0;
}

/* ---- the loop ---- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Calls on_deadline when it is time. Returns how long poll may wait. */
static int check_deadline(struct relay *r)
{
	if (r->deadline_ms == 0 || r->exited)
		return -1;

	uint64_t now = now_ms();

	if (now >= r->deadline_ms) {
		r->t->timed_out = true;

		uint64_t again = r->t->on_deadline != NULL ? r->t->on_deadline(r->t->ctx) : 0;

		r->deadline_ms = again != 0 ? now + again : 0;
		return again == 0 ? -1 : again > 60000 ? 60000 : (int)again;
	}
	return r->deadline_ms - now > 60000 ? 60000 : (int)(r->deadline_ms - now);
}

/* A shell's fg wakes only a job that was stopped; one that went on in the background is not told that
 * the keys are its own now. So it looks from time to time. */
static int check_keys(struct relay *r, int wait_ms)
{
	struct term *t = r->t;

	if (t->master < 0 || !t->tty.keys || t->tty.raw || r->exited)
		return wait_ms;
	if (tty_foreground(&t->tty))
		resume_terminal(t);
	return t->tty.raw || (wait_ms >= 0 && wait_ms < KEYS_CHECK_MS) ? wait_ms : KEYS_CHECK_MS;
}

static void watch(struct relay *r, int which, int fd, bool wanted, short what)
{
	r->watch[which].fd = wanted ? fd : -1;
	r->watch[which].events = what;
	r->watch[which].revents = 0;
}

static void choose_watches(struct relay *r)
{
	const struct term *t = r->t;
	bool keys = !t->tty.keys || t->tty.raw; /* in the background the keys are not for us */
	bool question = asking(r);
	short master = (short)((flow_wants_read(&r->shown) && !question ? POLLIN : 0) |
			       (flow_wants_write(&r->typed) ? POLLOUT : 0));

	watch(r, WATCH_PID, t->pidfd, !r->exited, POLLIN);
	watch(r, WATCH_IN, r->typed.from,
	      keys && !r->exited && (question || flow_wants_read(&r->typed)), POLLIN);
	watch(r, WATCH_MASTER, t->master, master != 0, master);
	watch(r, WATCH_OUT, r->shown.to, flow_wants_write(&r->shown) && !question, POLLOUT);
}

static void serve_control(struct relay *r)
{
	struct term *t = r->t;
	int what = t->on_control != NULL ? t->on_control(t->ctx, t->control) : -1;

	if (what < 0)
		r->watch[WATCH_CONTROL].fd = -1;
	else if (what == 1)
		follow_stop(r);
}

static void serve(struct relay *r)
{
	const struct pollfd *w = r->watch;

	if (w[WATCH_OUT].revents != 0)
		write_output(r);
	if ((w[WATCH_MASTER].revents & ~POLLOUT) != 0 && flow_wants_read(&r->shown))
		read_output(r);
	if ((w[WATCH_MASTER].revents & POLLOUT) != 0 && flow_wants_write(&r->typed))
		flow_write(&r->typed);
	if (w[WATCH_IN].revents != 0)
		read_input(r);
	if (w[WATCH_EVENTS].revents != 0 && lines_read(&r->lines, w[WATCH_EVENTS].fd) < 0)
		r->watch[WATCH_EVENTS].fd = -1;
	if (w[WATCH_CONTROL].revents != 0)
		serve_control(r);
	if (w[WATCH_ASK].revents != 0 && !asker_hear(r->t->asker))
		r->watch[WATCH_ASK].fd = -1;
	if (w[WATCH_SIGNALS].revents != 0)
		read_signals(r);
	if (w[WATCH_PID].revents != 0)
		r->exited = true;
}

/* After the end: whether everything that was written has been passed on. A read that finds
 * nothing is an answer, since n_tty_read first flushes what is under way (tty_buffer_flush_work,
 * Linux 4.5). */
static bool drained(struct relay *r)
{
	if (r->quit)
		return true;
	while (flow_wants_read(&r->shown) && r->t->master >= 0)
		if (!flow_read(&r->shown))
			break;
	return !flow_wants_write(&r->shown);
}

static int relay_loop(struct relay *r, struct err *e)
{
	while (!r->exited || !drained(r)) {
		int wait_ms = check_keys(r, check_deadline(r));

		choose_watches(r);
		if (poll(r->watch, WATCHES, wait_ms) < 0) {
			if (errno == EINTR)
				continue;
			return fail(e, errno, "poll: %m");
		}
		serve(r);
	}
	while (r->watch[WATCH_EVENTS].fd >= 0 &&
	       lines_read(&r->lines, r->watch[WATCH_EVENTS].fd) > 0)
		;
	return 0;
}

static int relay_events(struct relay *r, struct err *e)
{
	int fd = r->t->events;
	int flags = fd >= 0 ? fcntl(fd, F_GETFL) : 0;

	if (fd >= 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return fail(e, errno, "the stream of events: %m");
	watch(r, WATCH_EVENTS, fd, true, POLLIN);
	return 0;
}

static void relay_end(struct relay *r)
{
	r->t->long_lines = r->lines.too_long;
	tty_detach(&r->t->tty);
	fd_close(&r->peer);
	fd_close(&r->in);
	fd_close(&r->out);
}

int term_relay(struct term *t, struct err *e)
{
	__attribute__((cleanup(relay_end))) struct relay r = {
		.t = t,
		.peer = -1,
		.in = -1,
		.out = -1,
		.job_control = true,
		.typed = { .from = -1 },
		.shown = { .from = -1 },
		.lines = { .each = t->on_event, .ctx = t->ctx },
	};

	TRY(term_hold(t, e));
	watch(&r, WATCH_SIGNALS, t->signals, true, POLLIN);
	watch(&r, WATCH_CONTROL, t->control, true, POLLIN);
	watch(&r, WATCH_ASK, t->asker != NULL ? t->asker->fd : -1, true, POLLIN);
	TRY(relay_events(&r, e));
	if (t->timeout_ms != 0 && __builtin_add_overflow(now_ms(), t->timeout_ms, &r.deadline_ms))
		r.deadline_ms = 0;
	if (t->master >= 0)
		TRY(relay_terminal(&r, e));
	return relay_loop(&r, e);
}
