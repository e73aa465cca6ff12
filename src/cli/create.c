/*
 * zviz create and start: a container in two steps, as engines want it.
 */
#include "cli/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "box/start.h"
#include "cli/attach.h"

/* ---- before ---- */

static int check_terminal(const struct run_options *o, const struct plan *p, struct err *e)
{
	if (o->console_socket != NULL && !p->terminal) {
		fail(e, EINVAL, "--console-socket: the process has no terminal to send");
		return advise(e, "config.json: process.terminal says whether it has");
	}
	if (o->console_socket != NULL || !p->terminal || !p->create)
		return 0;
	fail(e, EINVAL, "process.terminal: nobody would hold the other end of its terminal");
	return advise(e, "name a --console-socket, or set process.terminal to false");
}

/* How many sockets the caller passes on (sd_listen_fds(3)); those of another process are not meant. */
static uint32_t listening(void)
{
	const char *count = getenv("LISTEN_FDS"), *whose = getenv("LISTEN_PID");
	uint32_t n, pid;

	if (count == NULL || whose == NULL || num_id(whose, &pid) < 0 ||
	    pid != (uint32_t)getpid() || num_id(count, &n) < 0)
		return 0;
	return n;
}

static void add_env(struct arena *a, struct plan *p, const char *const *lines, size_t n)
{
	const char **env = arena_array(a, p->nenv + n + 1, sizeof *env);

	if (p->nenv != 0)
		memcpy(env, p->env, p->nenv * sizeof *env);
	memcpy(env + p->nenv, lines, n * sizeof *env);
	p->nenv += n;
	p->env = env;
}

int create_check(struct arena *a, struct run_options *o, struct plan *p, struct err *e)
{
	/* What a reaping first process starts has another number. */
	uint32_t sockets = p->init ? 0 : listening();

	TRY(check_terminal(o, p, e));
	if (o->no_pivot) {
		fail(e, EOPNOTSUPP,
		     "--no-pivot: a root that is not changed for good could be left");
		return advise(e, "leave it out: zviz needs no pivot from a ramdisk's root, either");
	}
	if (sockets != 0) {
		const char *lines[] = { arena_printf(a, "LISTEN_FDS=%u", sockets), "LISTEN_PID=1" };

		add_env(a, p, lines, COUNT(lines));
		o->preserve.value += sockets;
	}
	return attach_check_preserved(o->preserve.value, e);
}

/* ---- what the caller gets ---- */

static int give(struct arena *a, const struct run_options *o, const struct box *b, int *master,
		struct err *e)
{
	if (*master >= 0)
		TRY(attach_send_console(o->console_socket, master, e));
	TRY(attach_send_pidfd(o->pidfd_socket, b->init_pidfd, e));
	return attach_pid_file(a, o->pid_file, b->init, e);
}

static int hand_out(struct arena *a, const struct run_options *o, struct box *b, struct err *e)
{
	OWN_FD master = -1;

	TRY(attach_console(b, &master, e));
	/* It has failed, or died, where none came: that is what is said then. */
	TRY(box_await_created(b, e));
	return give(a, o, b, &master, e);
}

int create_hand_out(struct arena *a, const struct run_options *o, struct box *b, struct err *e)
{
	OWN_FD master = -1;

	if (o->console_socket != NULL)
		TRY(attach_console(b, &master, e));
	return give(a, o, b, &master, e);
}

int create_leave(struct arena *a, const struct run_options *o, struct box *b, struct err *e)
{
	int r = hand_out(a, o, b, e);

	if (r >= 0) {
		r = box_leave_created(b, e);
		if (r < 0 && o->pid_file != NULL)
			unlink(o->pid_file);
	}
	if (r < 0)
		box_end(b);
	return r;
}

/* ---- the commands ---- */

static int create_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	(void)argc;
	return run_create(c, options, argv[0], e);
}

const struct command command_create = {
	.name = "create",
	.usage = "[options] ID",
	.summary = "Make a container of an OCI bundle, to be started later",
	.help = "Everything is there and in force when it returns, but for the filters: the first process waits for\n"
		"`zviz start` and loads them on its way to the bundle's command.",
	.options = create_option_rows,
	.more_options = engine_option_rows,
	.options_size = sizeof(struct run_options),
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = create_run,
};

static int start_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	(void)options;
	(void)argc;
	return start_created(c->arena, cli_state_root(c), argv[0], e);
}

const struct command command_start = {
	.name = "start",
	.usage = "ID",
	.summary = "Run the command of a container that was created",
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = start_run,
};
