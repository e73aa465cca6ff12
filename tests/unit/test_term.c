/*
 * The relay between the caller's terminal and the container's, with a child in the container's
 * place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/lines.h"
#include "cli/term.h"

#include <cmocka.h> /* last: it has a macro fail() */

struct session {
	struct term t;
	struct err e;
	pid_t child;
	int master, slave;    /* the container's terminal */
	int host, host_slave; /* the caller's */
	int signals[32], nsignals;
	int deadlines;
	struct arena arena;
	struct buf lines;
};

/* ---- callbacks ---- */

static void deliver(void *ctx, int signo)
{
	struct session *s = ctx;

	if (s->nsignals < 32)
		s->signals[s->nsignals++] = signo;
	kill(s->child, signo == SIGTSTP ? SIGSTOP : signo);
}

static uint64_t deadline(void *ctx)
{
	struct session *s = ctx;

	kill(s->child, s->deadlines++ == 0 ? SIGTERM : SIGKILL);
	return s->deadlines == 1 ? 20 : 0;
}

static void line(void *ctx, const char *text, size_t len)
{
	struct session *s = ctx;

	buf_printf(&s->lines, "[%.*s]", (int)len, text);
}

/* ---- scaffolding ---- */

static void raw(int fd)
{
	struct termios mode;

	assert_int_equal(tcgetattr(fd, &mode), 0);
	cfmakeraw(&mode);
	assert_int_equal(tcsetattr(fd, TCSANOW, &mode), 0);
}

static bool cooked(int fd)
{
	struct termios mode;

	assert_int_equal(tcgetattr(fd, &mode), 0);
	return (mode.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO);
}

static void session_start(struct session *s, bool terminal)
{
	*s = (struct session){ .master = -1, .slave = -1, .host = -1, .host_slave = -1 };
	s->lines.arena = &s->arena;
	term_init(&s->t);
	s->t.ctx = s;
	s->t.on_signal = deliver;
	s->t.on_event = line;
	s->t.on_deadline = deadline;
	if (terminal) {
		assert_int_equal(openpty(&s->master, &s->slave, NULL, NULL, NULL), 0);
		assert_int_equal(openpty(&s->host, &s->host_slave, NULL, NULL, NULL), 0);
		s->t.master = s->master;
		s->t.in = s->t.out = s->t.err = s->host_slave;
	}
	assert_int_equal(term_hold(&s->t, &s->e), 0);
}

/* Forks the child: true in it. */
static bool in_child(struct session *s)
{
	s->child = fork();
	assert_true(s->child >= 0);
	if (s->child != 0)
		return false;
	sigprocmask(SIG_SETMASK, &s->t.before, NULL);
	alarm(30); /* a test that hangs ends */
	return true;
}

/* Relays until the child has ended; its status as waitpid tells it. */
static int session_run(struct session *s)
{
	int status;

	if (s->slave >= 0)
		close(s->slave);
	s->t.pidfd = pidfd_open(s->child, 0);
	assert_true(s->t.pidfd >= 0);
	if (term_relay(&s->t, &s->e) < 0)
		fail_msg("term_relay: %s", s->e.text);
	term_release(&s->t);
	assert_int_equal(waitpid(s->child, &status, WNOHANG), s->child);
	if (s->host_slave >= 0)
		assert_true(cooked(s->host_slave));
	close(s->t.pidfd);
	return status;
}

static void session_end(struct session *s)
{
	const int fds[] = { s->t.master, s->host, s->host_slave, s->t.events };

	for (size_t i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	arena_free(&s->arena);
}

/* ---- without a terminal ---- */

static void ends_with_the_child(void **state)
{
	struct session s;

	(void)state;
	session_start(&s, false);
	if (in_child(&s))
		_exit(7);

	int status = session_run(&s);

	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(s.nsignals, 0);
	session_end(&s);
}

static void passes_signals_on(void **state)
{
	static const int signals[] = {
		SIGUSR1, SIGUSR2, SIGHUP, SIGWINCH, SIGINT, SIGINT, SIGTERM
	};
	struct session s;

	(void)state;
	session_start(&s, false);
	if (in_child(&s)) {
		sigset_t all;
		int got;

		sigfillset(&all);
		sigdelset(&all, SIGTERM);
		sigdelset(&all, SIGALRM);
		sigprocmask(SIG_SETMASK, &all, NULL);
		for (size_t i = 0; i < COUNT(signals); i++) {
			kill(getppid(), signals[i]);
			/* The next one once this one has been passed on: two of a kind are one while they wait. */
			if (signals[i] != SIGTERM &&
			    (sigwait(&all, &got) != 0 || got != signals[i]))
				_exit(2);
		}
		sleep(20);
		_exit(1);
	}

	int status = session_run(&s);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(s.nsignals, COUNT(signals));
	for (size_t i = 0; i < COUNT(signals); i++)
		assert_int_equal(s.signals[i], signals[i]);
	session_end(&s);
}

static void late_signals_are_dropped(void **state)
{
	struct session s;

	(void)state;
	session_start(&s, false);
	if (in_child(&s))
		_exit(0);
	waitid(P_PID, (id_t)s.child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	session_run(&s);
	term_hold(&s.t, &s.e);
	kill(getpid(), SIGTERM); /* during the cleaning up */
	term_release(&s.t);
	session_end(&s);
}

static void keeps_the_deadline(void **state)
{
	struct session s;

	(void)state;
	session_start(&s, false);
	s.t.timeout_ms = 30;
	signal(SIGTERM, SIG_IGN); /* for the child */
	if (in_child(&s)) {
		sleep(20);
		_exit(1);
	}
	signal(SIGTERM, SIG_DFL);

	int status = session_run(&s);

	assert_true(s.t.timed_out);
	assert_int_equal(s.deadlines, 2);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	session_end(&s);
}

static void delivers_events(void **state)
{
	static const char part[] = "one\n\ntwo\nthr", rest[] = "ee\nfour";
	static char big[EVENT_LINE_MAX + 10];
	struct session s;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	session_start(&s, false);
	s.t.events = ends[0];
	memset(big, 'x', sizeof big);
	big[sizeof big - 1] = '\n';
	if (in_child(&s)) {
		if (write(ends[1], part, sizeof part - 1) < 0)
			_exit(1);
		usleep(20000);
		if (write(ends[1], rest, sizeof rest - 1) < 0 ||
		    write(ends[1], big, sizeof big) < 0 || write(ends[1], "five\n", 5) < 0)
			_exit(2);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(session_run(&s), 0);
	assert_string_equal(buf_text(&s.lines), "[one][two][three][five]");
	assert_int_equal(s.t.long_lines, 1); /* "four" and what followed it */
	session_end(&s);
}

/* ---- with one ---- */

enum { MUCH = 10 * 1024 * 1024 };

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 12));
}

static void write_much(int fd, size_t bytes)
{
	static unsigned char block[64 * 1024];

	for (size_t done = 0; done < bytes;) {
		size_t n = bytes - done < sizeof block ? bytes - done : sizeof block;

		for (size_t i = 0; i < n; i++)
			block[i] = pattern(done + i);

		ssize_t w = write(fd, block, n);

		if (w < 0)
			_exit(3);
		done += (size_t)w;
	}
}

/* Reads all of a pipe and exits with 0 if it is what write_much wrote. */
static pid_t checker(int from, int unused)
{
	static unsigned char block[32 * 1024];
	pid_t pid = fork();
	size_t at = 0;
	ssize_t n;

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	close(unused);
	while ((n = read(from, block, sizeof block)) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			if (block[i] != pattern(at))
				_exit(1);
	_exit(at == MUCH ? 0 : 2);
}

static void loses_no_output(void **state)
{
	struct session s;
	int ends[2], status;

	(void)state;
	session_start(&s, true);
	raw(s.slave);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);

	pid_t reader = checker(ends[0], ends[1]);

	close(ends[0]);
	s.t.out = ends[1];
	if (in_child(&s)) {
		write_much(s.slave, MUCH);
		_exit(5);
	}
	assert_int_equal(WEXITSTATUS(session_run(&s)), 5);
	close(ends[1]);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	session_end(&s);
}

static void appends_to_a_file(void **state)
{
	struct session s;
	FILE *file = tmpfile();
	char text[32] = "";

	(void)state;
	assert_non_null(file);
	session_start(&s, true);
	s.t.out = fileno(file);
	assert_int_equal(write(s.t.out, "before ", 7), 7);
	if (in_child(&s))
		_exit(write(s.slave, "after\n", 6) != 6);
	assert_int_equal(session_run(&s), 0);
	assert_int_equal(pread(s.t.out, text, sizeof text - 1, 0), 14);
	assert_string_equal(text, "before after\r\n");
	fclose(file);
	session_end(&s);
}

/* The child reads its terminal to the end of input, which ends a line or not. */
static void try_end_of_input(const char *input)
{
	struct session s;
	int ends[2];

	session_start(&s, true);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], input, strlen(input)), strlen(input));
	close(ends[1]);
	s.t.in = ends[0];
	if (in_child(&s)) {
		char bytes[256];
		ssize_t n;
		int got = 0;

		while ((n = read(s.slave, bytes, sizeof bytes)) > 0)
			got += (int)n;
		_exit(n == 0 ? got : 200);
	}
	assert_int_equal(WEXITSTATUS(session_run(&s)), strlen(input));
	close(ends[0]);
	session_end(&s);
}

static void end_of_input_is_typed(void **state)
{
	(void)state;
	try_end_of_input("");
	try_end_of_input("two\nlines\n");
	try_end_of_input("half a line");
}

static bool has_size(int fd, unsigned short rows, unsigned short columns)
{
	struct winsize size = { 0 };

	for (int i = 0; i < 500; i++, usleep(10000))
		if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row == rows &&
		    size.ws_col == columns)
			return true;
	return false;
}

static void follows_the_size(void **state)
{
	struct winsize small = { .ws_row = 24, .ws_col = 80 },
		       large = { .ws_row = 50, .ws_col = 132 };
	struct session s;

	(void)state;
	session_start(&s, true);
	ioctl(s.host, TIOCSWINSZ, &small);
	if (in_child(&s)) {
		if (!has_size(s.slave, 24, 80))
			_exit(1);
		ioctl(s.host, TIOCSWINSZ, &large);
		kill(getppid(), SIGWINCH);
		_exit(has_size(s.slave, 50, 132) ? 0 : 2);
	}
	assert_int_equal(session_run(&s), 0);
	assert_int_equal(s.nsignals, 0); /* the kernel tells the workload */
	session_end(&s);
}

/* Keys come raw: Ctrl-C is a byte for the container's terminal, where it is a signal. */
static void keys_are_relayed(void **state)
{
	struct session s;

	(void)state;
	session_start(&s, true);
	if (in_child(&s)) {
		setsid();
		ioctl(s.slave, TIOCSCTTY, 0);
		for (int i = 0; cooked(s.host_slave); i++, usleep(10000))
			if (i == 500)
				_exit(1);
		if (write(s.host, "\003", 1) != 1)
			_exit(2);
		sleep(20);
		_exit(3);
	}

	int status = session_run(&s);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	session_end(&s);
}

static void lost_output_hangs_up(void **state)
{
	struct session s;
	int ends[2];

	(void)state;
	session_start(&s, true);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	s.t.out = ends[1];
	if (in_child(&s)) {
		setsid();
		ioctl(s.slave, TIOCSCTTY, 0);
		close(s.master);
		for (;;)
			write_much(s.slave, 1024);
	}

	int status = session_run(&s);

	assert_int_equal(s.t.master, -1);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGHUP : WEXITSTATUS(status) == 3);
	close(ends[1]);
	session_end(&s);
}

/* The workload has ended, and nobody reads its output: a signal is enough to give up. */
static void unread_output_is_given_up(void **state)
{
	struct session s;
	int ends[2], status;

	(void)state;
	session_start(&s, true);
	raw(s.slave);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	/* More than the pipe takes, and less than a terminal does: the child ends, and its output is left over. */
	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	s.t.out = ends[1];
	if (in_child(&s)) {
		write_much(s.slave, 4096 + 1000);
		_exit(0);
	}
	struct pollfd child = { .fd = pidfd_open(s.child, 0), .events = POLLIN };
	pid_t teller = fork();

	assert_true(child.fd >= 0 && teller >= 0);
	if (teller == 0) {
		if (poll(&child, 1, 30000) != 1)
			_exit(1);
		/* One that is heard together with the end is one for the workload, so that what a key ended is shown whole. */
		for (;;) {
			kill(getppid(), SIGALRM);
			usleep(20000);
		}
	}
	assert_int_equal(session_run(&s), 0);
	assert_in_range(s.nsignals, 0, 1);
	assert_int_equal(kill(teller, SIGKILL), 0);
	assert_int_equal(waitpid(teller, &status, 0), teller);
	assert_int_equal(status, SIGKILL);
	close(child.fd);
	close(ends[0]);
	close(ends[1]);
	session_end(&s);
}

/* A background program may close its terminal and go on: that is no reason to stop, nor to spin. */
static void survives_a_closed_terminal(void **state)
{
	struct session s;

	(void)state;
	session_start(&s, true);
	if (in_child(&s)) {
		char name[64];

		if (ttyname_r(s.slave, name, sizeof name) != 0)
			_exit(1);
		close(s.slave);
		usleep(50000);

		int again = open(name, O_RDWR | O_NOCTTY);

		_exit(again >= 0 && write(again, "back", 4) == 4 ? 0 : 2);
	}
	assert_int_equal(session_run(&s), 0);

	char text[8] = "";

	assert_int_equal(read(s.host, text, sizeof text), 4);
	assert_string_equal(text, "back");
	session_end(&s);
}

/* ---- job control ---- */

/* Waits until `pid` is stopped, or has ended. */
static int changed(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	return status;
}

/* As zviz: relays a workload that stops itself, if `stops`, and exits with its code. */
static void relay_as_job(struct session *s, bool stops)
{
	setpgid(0, 0);
	alarm(0);
	if (in_child(s)) {
		if (stops)
			raise(SIGSTOP);
		else
			pause();
		_exit(9);
	}
	if (!stops)
		signal(SIGCHLD, SIG_DFL);

	int status = session_run(s);

	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 100);
}

static void stops_with_the_workload(void **state)
{
	struct session s;
	pid_t job;

	(void)state;
	session_start(&s, true);
	job = fork();
	assert_true(job >= 0);
	if (job == 0)
		relay_as_job(&s, true);
	assert_true(WIFSTOPPED(changed(job)));
	assert_true(cooked(s.host_slave));
	kill(job, SIGCONT);

	int status = changed(job);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
	assert_true(cooked(s.host_slave));
	term_release(&s.t);
	close(s.slave);
	session_end(&s);
}

static void stops_when_told(void **state)
{
	struct session s;
	pid_t job;

	(void)state;
	session_start(&s, true);
	job = fork();
	assert_true(job >= 0);
	if (job == 0)
		relay_as_job(&s, false);
	for (int i = 0; cooked(s.host_slave); i++, usleep(10000))
		assert_true(i < 500);
	kill(job, SIGTSTP);
	assert_true(WIFSTOPPED(changed(job)));
	assert_true(cooked(s.host_slave));
	kill(job, SIGCONT);
	for (int i = 0; cooked(s.host_slave); i++, usleep(10000))
		assert_true(i < 500);
	kill(job, SIGTERM); /* goes to the workload, which dies of it */

	int status = changed(job);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 100);
	assert_true(cooked(s.host_slave));
	term_release(&s.t);
	close(s.slave);
	session_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_with_the_child),
		cmocka_unit_test(passes_signals_on),
		cmocka_unit_test(late_signals_are_dropped),
		cmocka_unit_test(keeps_the_deadline),
		cmocka_unit_test(delivers_events),
		cmocka_unit_test(loses_no_output),
		cmocka_unit_test(appends_to_a_file),
		cmocka_unit_test(end_of_input_is_typed),
		cmocka_unit_test(follows_the_size),
		cmocka_unit_test(keys_are_relayed),
		cmocka_unit_test(lost_output_hangs_up),
		cmocka_unit_test(unread_output_is_given_up),
		cmocka_unit_test(survives_a_closed_terminal),
		cmocka_unit_test(stops_with_the_workload),
		cmocka_unit_test(stops_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
