/*
 * The options of `zviz exec` as values, and what they make of a container's plan.
 */
#ifndef CLI_EXEC_OPTIONS_H
#define CLI_EXEC_OPTIONS_H

#include "cli/prepare.h"
#include "cli/run_options.h"

struct exec_options {
	const char *process, *pid_file, *console_socket, *pidfd_socket, *cwd;
	struct pairs env;
	struct strings groups, capabilities;
	struct user_option user;
	struct amount tty, preserve;
	bool detach, ignore_paused;
	bool no_new_privs; /* changes nothing: it is always so */
};

extern const struct option_row exec_option_rows[];

/* What does not go together, or is not there. */
int exec_options_check(const struct exec_options *o, int argc, char **argv, struct err *e);

/* The container's plan, in which this process takes the place of the one that it was started with. `process`: what --process
 * holds, or NULL. argv: the command, or nothing. */
int exec_plan(struct arena *a, const struct exec_options *o, const struct spec *process, int argc,
	      char **argv, const struct prepared *container, struct plan *out, struct err *e);

#endif
