/*
 * zviz run: from the command line to the workload's exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/box.h"
#include "box/state.h"
#include "broker/broker.h"
#include "cli/attach.h"
#include "cli/command.h"
#include "cli/create.h"
#include "cli/events_out.h"
#include "cli/prepare.h"
#include "cli/print.h"
#include "cli/lines.h"
#include "cli/run_options.h"
#include "cli/summary.h"
#include "cli/term.h"
#include "cli/warn.h"
#include "policy/describe.h"
#include "policy/live_image.h"
#include "policy/net_counts.h"

enum { TIMEOUT_EXIT = 124, TIMEOUT_GRACE_MS = 2000 };

/* One run, from its plan to its end. */
struct session {
	struct cli *cli;
	const struct run_options *o;
	struct prepared *job; /* in the arena, which a broker gives back; its stack stays */
	struct box box;
	struct box_options box_options;
	struct term term;
	struct watcher watcher;
	struct broker_counters *counters;
	int events_read, events_write; /* the broker's stream */
	int events_file;               /* --events beside --verbose: a copy goes here */
	int ask_broker, ask_own;       /* the conversation about questions; ours with a terminal */
	struct asker *asker;
	bool told_to_stop;
};

/* ---- the broker's side ---- */

static int confine(void *ctx, const struct broker_plan *plan, const int *keep_fds, size_t n,
		   struct err *e)
{
	(void)ctx;
	return broker_confine(broker_needs(plan), keep_fds, n, e);
}

static int serve(void *ctx, const struct broker_plan *plan, const struct box_served *with,
		 struct err *e)
{
	struct session *s = ctx;
	struct broker_job job = {
		.plan = plan,
		.listener = with->listener,
		.proc = with->proc,
		.events = s->events_write,
		.ask = s->ask_broker,
		.door = with->door,
		.counters = s->counters,
		.live = with->live,
		.view = with->view,
	};

	return broker_serve(&job, e);
}

/* ---- what the terminal loop calls ---- */

static void on_event(void *ctx, const char *line, size_t len)
{
	struct session *s = ctx;

	watcher_line(&s->watcher, line, len);
	if (s->events_file >= 0) {
		(void)!fd_write_all(s->events_file, line, len);
		(void)!fd_write_all(s->events_file, "\n", 1);
	}
}

static void on_signal(void *ctx, int sig)
{
	box_signal(&((struct session *)ctx)->box, sig);
}

static uint64_t on_deadline(void *ctx)
{
	struct session *s = ctx;

	box_signal(&s->box, s->told_to_stop ? SIGKILL : SIGTERM);
	if (s->told_to_stop)
		return 0;
	s->told_to_stop = true;
	return TIMEOUT_GRACE_MS;
}

static int on_control(void *ctx, int fd)
{
	(void)ctx;
	return attach_control(fd);
}

/* ---- events ---- */

static int open_events(struct session *s, struct err *e)
{
	int pipe_fds[2];
	int file = events_open(&s->o->events, e);

	s->events_read = s->events_write = s->events_file = -1;
	if (file < 0 && s->o->events.set)
		return file;
	/* Of a container that goes on by itself, nobody is left here to tell of them. */
	if (!s->cli->globals.verbose || s->job->plan.detach) {
		s->events_write = file;
		return 0;
	}
	s->events_file = file;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe: %m");
	s->events_read = pipe_fds[0];
	s->events_write = pipe_fds[1];
	/* The broker never waits for its reader: it counts what it could not say. */
	if (fcntl(s->events_write, F_SETFL, O_NONBLOCK) < 0)
		return fail(e, errno, "pipe: %m");
	fcntl(s->events_write, F_SETPIPE_SZ, 1 << 20);
	return 0;
}

/* ---- questions ---- */

static int ask_at_terminal(struct session *s, struct err *e)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(e, errno, "socketpair: %m");
	s->ask_broker = ends[0];
	s->ask_own = ends[1];
	s->asker = arena_alloc(s->cli->arena, sizeof *s->asker);
	s->asker->fd = s->ask_own;
	s->asker->raw = &s->term.tty.raw;
	return 0;
}

/* A terminal asks only if the workload does not hold it as well: it could paint a question, or over one. */
static int open_ask(struct session *s, struct err *e)
{
	const struct plan *p = &s->job->plan;
	const char *path = s->o->ask_socket;

	s->ask_broker = s->ask_own = -1;
	if (path != NULL) {
		s->ask_broker = attach_socket(path, 0);
		if (s->ask_broker >= 0)
			return 0;
		fail(e, -s->ask_broker, "--ask-socket %s: %m", path);
		return advise(e, "start the program that answers first");
	}
	if (!p->broker.asks)
		return 0;
	if (p->terminal && isatty(0) && isatty(1))
		return ask_at_terminal(s, e);
	fputs("zviz: warning: nobody can be asked (ask:): each question is a no; "
	      "run it with --tty at a terminal, or with --ask-socket\n",
	      stderr);
	return 0;
}

/* ---- the run ---- */

static int make_counters(struct session *s, struct err *e)
{
	s->counters = mmap(NULL, sizeof *s->counters, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->counters != MAP_FAILED)
		return 0;
	s->counters = NULL;
	return fail(e, errno, "shared memory: %m");
}

static int relay(struct session *s, struct err *e)
{
	struct term *t = &s->term;

	TRY(attach_console(&s->box, &t->master, e));
	TRY(create_hand_out(s->cli->arena, s->o, &s->box, e));
	t->pidfd = s->box.init_pidfd;
	t->events = s->events_read;
	t->asker = s->asker;
	if (t->asker != NULL)
		t->asker->out = 1;
	t->control = s->job->plan.init ? s->box.init_note : -1;
	t->timeout_ms = s->job->plan.timeout_ms;
	t->ctx = s;
	t->on_event = on_event;
	t->on_signal = on_signal;
	t->on_deadline = on_deadline;
	t->on_control = on_control;
	return term_relay(t, e);
}

/* Where no group counts it: of all children that were waited for, and theirs. */
static uint64_t processors_used_us(void)
{
	struct rusage r;

	if (getrusage(RUSAGE_CHILDREN, &r) < 0)
		return UINT64_MAX;
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* By the rules of a private network. */
struct packets {
	uint64_t refused, untold;
};

static struct packets packets_refused(const struct session *s, int code)
{
	const struct plan_net *n = &s->job->plan.net;
	struct packets p = { 0 };
	struct net_counts c;

	/* Nobody wants to know, or nobody can: that is no reason to fail now. */
	if (!n->used || (code == 0 && !n->told) || box_net_counts(&s->box, &c) < 0)
		return p;
	p.refused = net_counts_refused(n, &c);
	if (s->box.net_note == NULL)
		p.untold = net_counts_untold(n, &c);
	return p;
}

/* Before the control groups go. A run that went well, and was not asked to talk, says nothing. */
static void say_end(struct session *s, int code)
{
	struct broker_counters *c = s->counters;
	struct buf text = { .arena = s->cli->arena };
	const struct packets packets = packets_refused(s, code);
	const uint64_t lost = atomic_load(&c->events_lost) + packets.untold;
	bool told = code != 0 || s->cli->globals.verbose || lost != 0;
	struct cgroup_usage used;

	if (told) {
		watcher_close(&s->watcher, atomic_load(&c->denied) + packets.refused, lost);
		cgroup_read_usage(&s->box.cgroup, &used);
		if (used.cpu_us == UINT64_MAX)
			used.cpu_us = processors_used_us();
	}
	if (s->box_options.timings) {
		box_timings(&s->box, &text);
		summary_broker(&text, c);
	}
	if (told)
		summary_limits(&text, &s->job->plan, &used, s->cli->globals.verbose);
	if (s->box.why != NULL)
		buf_printf(&text, "zviz: %s\n", s->box.why);
	(void)!fd_write_all(STDERR_FILENO, buf_text(&text), text.len);
}

/* Somebody wants to hear of refusals. */
static void say_network(const struct session *s)
{
	if (s->box.net_note != NULL && s->cli->globals.verbose)
		fprintf(stderr, "zviz: missing: network: %s\n", s->box.net_note);
}

/* What the network refused last may be told after the end. */
static void hear_last(struct session *s)
{
	struct lines rest = { .each = on_event, .ctx = s };

	box_net_settle(&s->box);
	while (s->events_read >= 0 && lines_read(&rest, s->events_read) > 0)
		;
}

static int leave_running(struct session *s, struct err *e)
{
	int r = create_hand_out(s->cli->arena, s->o, &s->box, e);

	if (r >= 0)
		return box_detach(&s->box, e);
	box_end(&s->box);
	return r;
}

/* What the caller asks for is no less important than the code. */
static int keep(struct session *s, int code, struct err *e)
{
	if (!s->o->keep || code < 0)
		return code;
	return box_keep(&s->box, e) < 0 ? -e->no : code;
}

static int run_box(struct session *s, struct err *e)
{
	int code;

	TRY(box_start(&s->box, s->cli->arena, &s->job->plan, &s->box_options, e));
	fd_close(&s->events_write);
	fd_close(&s->ask_broker);
	say_network(s);
	if (s->job->plan.create)
		return create_leave(s->cli->arena, s->o, &s->box, e);
	if (s->job->plan.hooked && box_poststart(&s->box, e) < 0) {
		box_end(&s->box);
		return -e->no;
	}
	if (s->job->plan.detach)
		return leave_running(s, e);

	int r = relay(s, e);

	if (r < 0) {
		box_end(&s->box);
		return r;
	}
	code = box_wait(&s->box, e);
	hear_last(s);
	if (code >= 0)
		say_end(s, code);
	code = keep(s, code, e);
	box_end(&s->box);
	return code >= 0 && s->term.timed_out ? TIMEOUT_EXIT : code;
}

static int run_session(struct session *s, struct err *e)
{
	int code;

	TRY(make_counters(s, e));
	TRY(open_events(s, e));
	TRY(open_ask(s, e));
	s->box_options.broker = (struct box_broker){
		.confine = confine,
		.serve = serve,
		.ctx = s,
		.events = s->events_write,
		.ask = s->ask_broker,
	};
	s->watcher = (struct watcher){ .verbose = s->cli->globals.verbose,
				       .raw = &s->term.tty.raw };
	term_init(&s->term);
	if (!s->job->plan.detach)
		TRY(term_hold(&s->term, e));
	code = run_box(s, e);
	term_release(&s->term);
	fd_close(&s->events_read);
	fd_close(&s->events_write);
	fd_close(&s->events_file);
	fd_close(&s->ask_broker);
	fd_close(&s->ask_own);
	if (s->asker != NULL)
		asker_end(s->asker);
	return code;
}

/* Files of a profile may be edited while the container runs. */
static int write_down_profile(struct session *s, struct err *e)
{
	struct box_start_words *started = &s->box_options.started;
	struct live_tables t = { .profile = s->job->plan.profile };
	char *image;

	if ((!s->job->plan.broker.live && !s->job->plan.net.used) || s->job->sources.n == 0)
		return 0;
	t.sources = s->job->sources;
	sources_add_builtins(s->cli->arena, &s->job->profile, &t.sources);
	TRY(live_pack(s->cli->arena, &t, &image, &started->profile_bytes, e));
	started->profile = image;
	return 0;
}

/* `zviz explain ID` and `zviz update ID` make the plan again from this. */
static void write_down(struct session *s)
{
	struct box_start_words *started = &s->box_options.started;
	const struct choice *choice = &s->job->choice;
	struct cli *c = s->cli;
	char cwd[PATH_MAX], by[PATH_MAX];

	if (getcwd(cwd, sizeof cwd) != NULL)
		started->cwd = arena_strdup(c->arena, cwd);
	for (int i = 0; i < c->argc; i++)
		*LIST_ADD(c->arena, &started->words) = c->argv[i];
	started->name = choice->name;
	started->file = choice->by_host ? choice->file : NULL;
	describe_rule(by, sizeof by, &choice->from);
	started->by = choice->from.file != NULL ? arena_strdup(c->arena, by) : NULL;
}

/* Beside this program: in the folder of programs that only programs start, or where both were built. */
static const char *scope_helper(struct arena *a)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *slash, *built;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return ZVIZ_LIBEXEC "/zviz-scope";
	built = arena_printf(a, "%.*s/../scope/zviz-scope", (int)(slash - self), self);
	return access(built, X_OK) == 0 ? built : ZVIZ_LIBEXEC "/zviz-scope";
}

static int run_prepared(struct session *s, struct err *e)
{
	struct cli *c = s->cli;

	TRY(prepare_permitted(c, s->job, e));
	s->box_options = (struct box_options){
		.state_root = cli_state_root(c),
		.bundle = s->job->bundle,
		.timings = s->o->timings || c->globals.debug,
		.preserve = (unsigned)s->o->preserve.value,
	};
	if (s->job->plan.group.unit != NULL)
		s->box_options.scope_helper = scope_helper(c->arena);
	write_down(s);
	TRY(write_down_profile(s, e));
	warn_plan(c, &s->job->plan);

	int code = run_session(s, e);

	if (code >= 0)
		warn_log(c, &s->job->plan);
	return code;
}

static int run_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct session s = { .cli = c, .o = options, .job = arena_alloc(c->arena, sizeof *s.job) };

	if (argc > 0)
		warn_begin(c, argv[0]);
	TRY(prepare(c, s.o, argc, argv, s.job, e));
	TRY(create_check(c->arena, options, &s.job->plan, e));
	return run_prepared(&s, e);
}

int run_create(struct cli *c, struct run_options *o, const char *id, struct err *e)
{
	struct session s = { .cli = c, .o = o, .job = arena_alloc(c->arena, sizeof *s.job) };

	warn_begin(c, id);
	TRY(prepare_create(c, o, id, s.job, e));
	TRY(create_check(c->arena, o, &s.job->plan, e));
	return run_prepared(&s, e);
}

const struct command command_run = {
	.name = "run",
	.usage =
		"[options] ID [--] CMD [ARG...]\n[options] ID BUNDLE [CMD ARG...]\n--bundle BUNDLE [options] ID",
	.summary = "Run a command, confined",
	.help = "Without a bundle, the command sees this machine's programs read-only, the current folder as\n"
		"/work, a private /tmp and home, and nothing else of the host.\n"
		"\n"
		"The exit code is the command's own, 128 + n when signal n ended it, 124 after --timeout, and 1\n"
		"when zviz itself could not run it.",
	.options = run_option_rows,
	.more_options = engine_option_rows,
	.options_size = sizeof(struct run_options),
	.order = OPTIONS_FIRST,
	.min_words = 1,
	.max_words = -1,
	.run = run_run,
};
