/*
 * A command is one file with one descriptor; the table of them is also the help and the completion.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/options.h"
#include "policy/sources.h"
#include "policy/spec.h"

enum log_format { LOG_TEXT, LOG_JSON };
enum cgroup_manager { MANAGER_CGROUPFS, MANAGER_SYSTEMD, MANAGER_DISABLED };
enum rootless { ROOTLESS_AUTO, ROOTLESS_TRUE, ROOTLESS_FALSE };

/* What holds for every command. */
struct globals {
	const char *root;         /* --root, NULL: the default folder */
	const char *config;       /* --config, NULL: config_default_file */
	const char *log;          /* --log, NULL: none */
	struct amount log_format; /* enum log_format */
	bool debug, systemd_cgroup;
	bool hooks;                   /* `run` runs those of its bundle */
	struct amount rootless;       /* enum rootless */
	struct amount cgroup_manager; /* enum cgroup_manager */
	bool version;
	/* These are taken behind the command's name too. */
	bool verbose, help;
	const char *profile; /* --profile, NULL: nobody said */
};

struct cli {
	struct arena *arena;
	struct sources
		*profile; /* what the profile was read from, instead of reading it; or NULL */
	bool again;       /* one that runs is planned once more: what has gone since is no error */
	pid_t living;     /* its first process, 0: none */
	const struct choice *chosen; /* which it is, instead of asking anybody; or NULL */
	struct globals globals;
	/* What of them stood before the command's name. Engines put there what holds for all that they call: the profile of
	 * what is made, for one, also where a command makes nothing. */
	struct globals before;
	int argc; /* all words, without the program's name */
	char **argv;
};

struct command {
	const char *name;
	/* What follows the name: "[options] ID BUNDLE [CMD ARG...]", several lines permitted. */
	const char *usage;
	const char *summary;                   /* one line, no full stop */
	const char *help;                      /* paragraphs, or NULL */
	const struct option_row *options;      /* NULL: none */
	const struct option_row *more_options; /* of the same struct, or NULL */
	size_t options_size;                   /* of the struct that they fill */
	enum option_order order;
	int min_words, max_words; /* words that are no options; max -1: any number */

	/* The exit code, or -errno with *e filled. `options` points to a zeroed struct that was
	 * filled from the command line, argv to the argc words. */
	int (*run)(struct cli *c, void *options, int argc, char **argv, struct err *e);
};

/* Ended by NULL, in the order of the help. */
extern const struct command *const commands[];

extern const struct command command_run, command_create;

/* NULL when there is none. */
const struct command *command_find(const char *name);

/* An error for a name that is no command. */
int command_unknown(const char *name, struct err *e);

/* The options in front of the command, and those that may also follow its name. */
extern const struct option_row global_options[];
extern const struct option_row common_options[];

/* Runs the command line (without the program's name): the exit code, or -errno with *e filled. */
int cli_run(struct cli *c, int argc, char **argv, struct err *e);

/* The folder of all containers' state. */
const char *cli_state_root(const struct cli *c);

/* Reads words as cli_run() does, for another command than the one that runs: its options into a new struct, the words
 * that are left into *words. */
int cli_parse(struct cli *c, int argc, char **argv, const struct command **cmd, void **options,
	      struct option_words *words, struct err *e);

/* Loads a profile by its built-in name, or from a file when the name has a '/' or ends in .yaml
 * or .yml. NULL is the default, ci-runner. */
int cli_profile(struct cli *c, const char *name, struct profile *out, struct err *e);

/* --profile behind the command's name, or NULL. */
const char *cli_own_profile(const struct cli *c);

/* The same as cli_profile(), and keeps what each file held. */
int cli_profile_sources(struct cli *c, const char *name, struct sources *s, struct profile *out,
			struct err *e);

/* An error for a name that is no profile's. */
int cli_unknown_profile(struct cli *c, const char *name, struct err *e);

enum { CLI_PROFILE_BYTES_MAX = 1024 * 1024 }; /* a profile of a person is a thousandth of this */

#endif
