/*
 * zviz exec: one more process in a container that runs, under what the others are under.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/box.h"
#include "box/state.h"
#include "cli/again.h"
#include "cli/attach.h"
#include "cli/exec_options.h"
#include "cli/print.h"
#include "cli/term.h"
#include "cli/warn.h"

enum {
	FAILED = 255, /* what engines take for a failure of ours, and not of the command */
	PROCESS_BYTES_MAX = 1 << 20,
};

/* One exec, from its words to its end. */
struct joining {
	struct cli *cli;
	const struct exec_options *o;
	const char *id;
	struct prepared container;
	struct spec process; /* --process */
	struct plan plan;
	struct box_options box_options;
	struct box box;
	struct term term;
};

static void on_signal(void *ctx, int sig)
{
	box_signal(&((struct joining *)ctx)->box, sig);
}

static int on_control(void *ctx, int fd)
{
	(void)ctx;
	return attach_control(fd);
}

/* ---- before ---- */

static int check_globals(const struct cli *c, struct err *e)
{
	if (cli_own_profile(c) != NULL) {
		fail(e, EINVAL,
		     "exec: --profile: a process that joins is under the container's own");
		return advise(e, "to change that one: zviz update --profile NAME|FILE ID");
	}
	if (!c->globals.verbose || c->before.verbose)
		return 0;
	fail(e, EINVAL,
	     "exec: --verbose: what is refused is shown where the container was started");
	return advise(e, "start it with zviz run --verbose, or with --events");
}

static int check_running(const struct joining *j, struct err *e)
{
	struct state_info info;

	TRY(state_read(j->cli->arena, cli_state_root(j->cli), j->id, &info, e));
	if (info.status == STATE_RUNNING || (info.status == STATE_PAUSED && j->o->ignore_paused))
		return 0;
	if (info.status == STATE_PAUSED) {
		fail(e, EBUSY, "container %s is paused", j->id);
		return advise(e, "zviz resume %s; or wait for that, with --ignore-paused", j->id);
	}
	fail(e, ESRCH, "container not running: %s", j->id);
	return info.cut_short ? advise(e, "its broker was killed, and the container with it")
			      : -e->no;
}

static int load_process(struct joining *j, struct err *e)
{
	char *text;
	size_t len;

	if (j->o->process == NULL)
		return 0;
	TRY(file_read(AT_FDCWD, j->o->process, PROCESS_BYTES_MAX, j->cli->arena, &text, &len, e));
	return spec_load_process(j->cli->arena, j->o->process, text, len, &j->process, e);
}

static int check_terminal(const struct joining *j, struct err *e)
{
	if (j->o->console_socket != NULL && !j->plan.terminal)
		return fail(e, EINVAL, "--console-socket: the process has no terminal to send");
	if (!j->o->detach || !j->plan.terminal || j->o->console_socket != NULL)
		return 0;
	fail(e, EINVAL, "a terminal needs somebody who holds its other end");
	return advise(e, "leave --detach out, or name a --console-socket");
}

/* What the container was told of is not told again. */
static int check_excess(struct joining *j, struct err *e)
{
	j->plan.ncuts = 0;
	if (j->o->process == NULL)
		return 0;
	plan_cut_process(j->cli->arena, &j->process, &j->container.plan, &j->plan);
	return warn_refuse(j->cli, &j->container.config, &j->plan, j->process.file, e);
}

/* ---- beside ---- */

static int take_console(struct joining *j, struct err *e)
{
	TRY(attach_console(&j->box, &j->term.master, e));
	TRY(attach_send_pidfd(j->o->pidfd_socket, j->box.init_pidfd, e));
	return j->o->console_socket != NULL && j->term.master >= 0
		       ? attach_send_console(j->o->console_socket, &j->term.master, e)
		       : 0;
}

static int write_pid_file(const struct joining *j, struct err *e)
{
	return attach_pid_file(j->cli->arena, j->o->pid_file, j->box.init, e);
}

/* Until it has become the command: true; false: it says what keeps it from that, or is dead. */
static bool await_command(const struct joining *j)
{
	struct pollfd p = { .fd = j->box.init_note, .events = POLLIN };

	while (poll(&p, 1, -1) < 0 || (p.revents & POLLIN))
		if (attach_control(j->box.init_note) < 0)
			return recv(p.fd, &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) == 0 &&
			       box_has_begun(&j->box);
	return box_has_begun(&j->box);
}

static int leave(struct joining *j, struct err *e)
{
	int r = take_console(j, e);

	/* A file with its number says that it runs. What has failed is box_detach()'s to explain. */
	if (r == 0 && await_command(j))
		r = write_pid_file(j, e);
	if (r == 0)
		return box_detach(&j->box, e);
	box_end(&j->box);
	return r;
}

static int relay(struct joining *j, struct err *e)
{
	struct term *t = &j->term;

	TRY(take_console(j, e));
	TRY(write_pid_file(j, e));
	t->pidfd = j->box.init_pidfd;
	t->control = j->box.init_note;
	t->ctx = j;
	t->on_signal = on_signal;
	t->on_control = on_control;
	TRY(term_relay(t, e));
	while (attach_control(j->box.init_note) >= 0)
		;
	return 0;
}

static int stay(struct joining *j, struct err *e)
{
	int r = relay(j, e);

	if (r == 0)
		r = box_wait(&j->box, e);
	box_end(&j->box);
	if (r < 0 && j->o->pid_file != NULL)
		unlink(j->o->pid_file);
	return r;
}

static int join(struct joining *j, struct err *e)
{
	int r;

	term_init(&j->term);
	if (!j->o->detach)
		TRY(term_hold(&j->term, e));
	r = box_join(&j->box, j->cli->arena, &j->plan, &j->box_options, e);
	if (r == 0)
		r = j->o->detach ? leave(j, e) : stay(j, e);
	fd_close(&j->term.master);
	term_release(&j->term);
	return r;
}

static int run(struct joining *j, int argc, char **argv, struct err *e)
{
	const struct spec *process = j->o->process != NULL ? &j->process : NULL;

	TRY(check_running(j, e));
	TRY(load_process(j, e));
	TRY(again_prepare(j->cli, j->id, &j->container, e));
	if (j->container.plan.bare) {
		fail(e, EOPNOTSUPP, "container %s has no namespaces that a process could join",
		     j->id);
		return advise(e, "start what is to run in it with its command");
	}
	TRY(exec_plan(j->cli->arena, j->o, process, argc, argv, &j->container, &j->plan, e));
	TRY(check_terminal(j, e));
	TRY(check_excess(j, e));
	j->box_options = (struct box_options){
		.state_root = cli_state_root(j->cli),
		.preserve = (unsigned)j->o->preserve.value,
	};

	int code = join(j, e);

	if (code >= 0)
		warn_log_cuts(j->cli, &j->plan);
	return code;
}

static int exec_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct joining *j = arena_alloc(c->arena, sizeof *j);
	int r;

	*j = (struct joining){ .cli = c, .o = options, .id = argv[0] };
	TRY(exec_options_check(j->o, argc - 1, argv + 1, e));
	TRY(check_globals(c, e));
	r = run(j, argc - 1, argv + 1, e);
	if (r >= 0)
		return r;
	print_failure(c, e);
	return FAILED;
}

const struct command command_exec = {
	.name = "exec",
	.usage = "[options] ID CMD [ARG...]\n--process FILE [options] ID",
	.summary = "Run one more command in a running container",
	.help = "The command is under everything that the container's own processes are under: its filter and broker,\n"
		"Landlock rules, control groups, no capability, and what `zviz update` has changed since. It has the\n"
		"container's user, environment and working folder where nothing else is said.\n"
		"\n"
		"The exit code is the command's own, 128 + n when signal n ended it, and 255 when zviz could not run\n"
		"it. When zviz is killed, the command dies as well, unless it was detached.",
	.options = exec_option_rows,
	.options_size = sizeof(struct exec_options),
	.order = OPTIONS_FIRST,
	.min_words = 1,
	.max_words = -1,
	.run = exec_run,
};
