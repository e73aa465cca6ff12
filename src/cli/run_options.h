/*
 * The command line of `zviz run` as values.
 */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/options.h"
#include "policy/spec.h"

/* --user: a number, or a name to be looked up in the container's passwd and group files. */
struct user_option {
	bool set, has_gid;
	const char *user, *group; /* the names, NULL when numbers were given */
	uint32_t uid, gid;
};

/* --events: a file to append to, or a descriptor that the caller opened. */
struct events_option {
	bool set;
	const char *file; /* NULL: `fd` */
	int fd;
};

/* Amounts that are not `set` were not written. Booleans of pairs (--tty, --no-tty) are amounts
 * of 1 and 0. */
struct run_options {
	const char *bundle, *compiled, *rootfs, *work, *cwd, *hostname, *pid_file, *ask_socket;
	const char *console_socket, *pidfd_socket;
	struct amount preserve;
	struct strings read, write, hide, devices, allow, publish;
	struct pairs env, annotations;
	struct user_option user;
	struct amount memory, swap, cpus, pids; /* bytes, bytes, thousandths, processes */
	struct amount network;                  /* enum network_mode */
	struct amount timeout;                  /* milliseconds */
	struct amount tty, init;
	struct events_option events;
	bool detach, timings;
	bool rm; /* changes nothing: it is always done, but with: */
	bool keep;
	bool no_pivot, no_new_keyring;
};

/* Of create there are fewer: they fill the same struct. */
extern const struct option_row run_option_rows[], create_option_rows[];
extern const struct option_row engine_option_rows[]; /* what engines say to either */

/* What a path is, as far as the form of the command line depends on it. */
enum run_path { RUN_PATH_OTHER, RUN_PATH_FOLDER, RUN_PATH_BUNDLE };

/* The real answer: RUN_PATH_BUNDLE is a folder with a config.json. */
enum run_path run_path_kind(const char *path);

struct run_request {
	const char *id;
	const char *bundle; /* NULL: a command of this machine */
	int argc;           /* the command; with a bundle 0 means the bundle's own */
	char **argv;        /* ended by NULL */
};

/* Tells the three forms apart, and refuses what does not go together or does not exist yet.
 * Pure, but for what `kind` looks at. */
int run_request(const struct run_options *o, int argc, char **argv,
		enum run_path (*kind)(const char *path), struct run_request *out, struct err *e);

/* Letters, digits, _ + - and dots, not . or .., at most 255. */
int run_id_check(const char *id, struct err *e);

/* UID, UID:GID, NAME or NAME:GROUP, strictly. */
int run_user_parse(const char *text, void *user_option, struct err *e);

#endif
