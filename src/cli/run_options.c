#include "cli/run_options.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/num.h"

enum {
	ID_MAX = 128,       /* as state.h: a file name with room for suffixes */
	USER_NAME_MAX = 32, /* useradd(8) */
};

/* ---- values ---- */

/* The characters of useradd(8), upper case included. Never an empty name, and no digit in front:
 * such a word is a number or nothing, so that "0x0" or "0 " can never end as root. */
static bool user_name(const char *s, size_t len)
{
	if (len == 0 || len > USER_NAME_MAX || !(isalpha((unsigned char)s[0]) || s[0] == '_'))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && strchr("_-.", s[i]) == NULL)
			return false;
	return true;
}

int run_user_parse(const char *text, void *user_option, struct err *e)
{
	struct user_option u = { .set = true };
	const char *colon = strchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	char number[16] = "";

	if (len < sizeof number)
		memcpy(number, text, len);
	if (user_name(text, len))
		u.user = text; /* up to the colon */
	else if (num_id(number, &u.uid) < 0)
		return fail(e, EINVAL, "'%.80s' is not UID, UID:GID, NAME or NAME:GROUP", text);
	if (colon != NULL) {
		u.has_gid = true;
		if (user_name(colon + 1, strlen(colon + 1)))
			u.group = colon + 1;
		else if (num_id(colon + 1, &u.gid) < 0)
			return fail(e, EINVAL, "'%.80s' is no group", colon + 1);
	}
	*(struct user_option *)user_option = u;
	return 0;
}

static int parse_events(const char *text, void *into, struct err *e)
{
	struct events_option ev = { .set = true, .fd = -1 };
	uint32_t fd;

	if (text[strspn(text, "0123456789")] != '\0')
		ev.file = text;
	else if (num_id(text, &fd) < 0 || fd > INT_MAX)
		return fail(e, ERANGE, "'%.80s' is no file descriptor", text);
	else
		ev.fd = (int)fd;
	*(struct events_option *)into = ev;
	return 0;
}

/* ---- the table ---- */

static const struct name network_modes[] = {
	{ "none", NETWORK_NONE },
	{ "host", NETWORK_HOST },
	{ "private", NETWORK_PRIVATE },
	{ 0 },
};

#define AT(member) .offset = offsetof(struct run_options, member)

const struct option_row engine_option_rows[] = {
	{ "console-socket", 0, OPTION_STRING, "PATH",
	  "send its terminal over the unix socket at PATH", AT(console_socket) },
	{ "pidfd-socket", 0, OPTION_STRING, "PATH",
	  "send a descriptor of the first process over the unix socket at PATH", AT(pidfd_socket) },
	{ "preserve-fds", 0, OPTION_U64, "NUMBER",
	  "keep so many descriptors open for it, from 3 on", AT(preserve) },
	{ "no-new-keyring", 0, OPTION_FLAG, NULL,
	  "changes nothing: its session keyring is always its own", AT(no_new_keyring) },
	{ "no-pivot", 0, OPTION_FLAG, NULL,
	  "refused: a root that is not changed for good could be left", AT(no_pivot) },
	{ 0 },
};

const struct option_row run_option_rows[] = {
	{ "bundle", 'b', OPTION_STRING, "DIR", "run the OCI bundle in DIR", AT(bundle) },
	{ "compiled", 0, OPTION_STRING, "DIR", "take the profile that `zviz compile` put into DIR",
	  AT(compiled) },
	{ "rootfs", 0, OPTION_STRING, "DIR",
	  "take DIR as the root instead of this machine's programs", AT(rootfs) },
	{ "work", 0, OPTION_STRING, "DIR", "show DIR as /work (default: the current folder)",
	  AT(work) },
	{ "read", 0, OPTION_STRINGS, "PATH", "show PATH of this machine read-only", AT(read) },
	{ "write", 0, OPTION_STRINGS, "PATH", "show PATH of this machine, writable", AT(write) },
	{ "hide", 0, OPTION_STRINGS, "PATH", "make PATH in the container unreadable", AT(hide) },
	{ "device", 0, OPTION_STRINGS, "PATH", "show the device PATH of this machine",
	  AT(devices) },
	{ "env", 'e', OPTION_PAIRS, "NAME=VALUE", "set an environment variable", AT(env) },
	{ "cwd", 0, OPTION_STRING, "DIR", "start in DIR of the container", AT(cwd) },
	{ "user", 'u', OPTION_PARSED, "USER[:GROUP]", "run as this user, by number or by name",
	  AT(user), .parse = run_user_parse },
	{ "hostname", 0, OPTION_STRING, "NAME", "the container's host name", AT(hostname) },
	{ "memory", 0, OPTION_BYTES, "SIZE", "limit memory", AT(memory), .positive = true },
	{ "swap", 0, OPTION_BYTES, "SIZE", "limit swap space, on top of memory", AT(swap) },
	{ "cpus", 0, OPTION_MILLI, "NUMBER", "limit processor time, in processors", AT(cpus),
	  .positive = true },
	{ "pids-limit", 0, OPTION_U64, "NUMBER", "limit the number of processes", AT(pids),
	  .positive = true },
	{ "network", 0, OPTION_CHOICE, "none|host|private",
	  "no network, this machine's, or a way out by rules", AT(network),
	  .choices = network_modes },
	{ "allow", 0, OPTION_STRINGS, "CIDR|DOMAIN[:PORT][,limit=SIZE][,connections=N]",
	  "permit outgoing traffic (private network)", AT(allow) },
	{ "publish", 0, OPTION_STRINGS, "[ADDR:]HOST:CONTAINER[/udp]",
	  "let a port of this machine lead to one of the container (private network)",
	  AT(publish) },
	{ "timeout", 0, OPTION_DURATION, "TIME", "kill it after TIME and exit with 124",
	  AT(timeout) },
	{ "detach", 'd', OPTION_FLAG, NULL, "leave it running in the background", AT(detach) },
	{ "tty", 't', OPTION_SET, NULL, "give it a terminal of its own", AT(tty), .value = 1 },
	{ "no-tty", 0, OPTION_SET, NULL, "give it none, even when zviz has one", AT(tty),
	  .value = 0 },
	{ "init", 0, OPTION_SET, NULL, "a first process that reaps orphans", AT(init), .value = 1 },
	{ "no-init", 0, OPTION_SET, NULL, "make the command itself the first process", AT(init),
	  .value = 0 },
	{ "events", 0, OPTION_PARSED, "FILE|FD",
	  "write every event there (a file, FIFO or unix socket), one JSON object a line",
	  AT(events), .parse = parse_events },
	{ "ask-socket", 0, OPTION_STRING, "PATH",
	  "put the questions of the profile's section ask to the program that listens there",
	  AT(ask_socket) },
	{ "timings", 0, OPTION_FLAG, NULL, "show how long each step took", AT(timings) },
	{ "annotation", 0, OPTION_PAIRS, "NAME=VALUE", "add an annotation", AT(annotations) },
	{ "rm", 0, OPTION_FLAG, NULL, "clean up afterwards (always done; taken out of habit)",
	  AT(rm) },
	{ "pid-file", 0, OPTION_STRING, "FILE", "write the first process's number to FILE",
	  AT(pid_file) },
	{ "keep", 0, OPTION_FLAG, NULL, "leave its state when it has ended, until `zviz delete`",
	  AT(keep) },
	{ 0 },
};

const struct option_row create_option_rows[] = {
	{ "bundle", 'b', OPTION_STRING, "DIR", "the OCI bundle (default: the current folder)",
	  AT(bundle) },
	{ "pid-file", 0, OPTION_STRING, "FILE", "write the first process's number to FILE",
	  AT(pid_file) },
	{ "detach", 'd', OPTION_FLAG, NULL, "changes nothing: it is always so", AT(detach) },
	{ 0 },
};

/* ---- the form ---- */

int run_id_check(const char *id, struct err *e)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";

	if (id[0] == '\0' || id[strspn(id, good)] != '\0' || strcmp(id, ".") == 0 ||
	    strcmp(id, "..") == 0 || strlen(id) > ID_MAX) {
		fail(e, EINVAL, "'%.80s' cannot be a container's ID", id);
		return advise(e, "letters, digits, _ + - and dots, at most %d of them", ID_MAX);
	}
	return 0;
}

enum run_path run_path_kind(const char *path)
{
	OWN_FD dir = path_open(path, O_PATH | O_DIRECTORY);
	struct stat st;

	if (dir < 0)
		return RUN_PATH_OTHER;
	if (fstatat(dir, "config.json", &st, 0) < 0 || S_ISDIR(st.st_mode))
		return RUN_PATH_FOLDER;
	return RUN_PATH_BUNDLE;
}

/* What only one of the two forms can mean. */
static int check_form(const struct run_options *o, bool bundle, struct err *e)
{
	if (bundle && o->rootfs != NULL)
		return fail(e, EINVAL, "--rootfs: the bundle names its root itself");
	if (bundle && o->work != NULL)
		return fail(e, EINVAL, "--work: only without a bundle");
	if (bundle && (o->read.n != 0 || o->write.n != 0)) {
		fail(e, EINVAL, "--%s: only without a bundle", o->read.n != 0 ? "read" : "write");
		return advise(e, "add a bind mount to the bundle's config.json");
	}
	if (bundle && o->devices.n != 0) {
		fail(e, EINVAL, "--device: only without a bundle");
		return advise(
			e,
			"list it under devices in the profile, and in linux.devices of config.json");
	}
	if (o->detach && o->tty.set && o->tty.value == 1)
		return fail(e, EINVAL, "--tty and --detach: nobody would be at the terminal");
	if (o->console_socket != NULL && !o->detach) {
		fail(e, EINVAL,
		     "--console-socket: without --detach the terminal is zviz's own to relay");
		return advise(e, "leave it out, or add --detach");
	}
	if (o->keep && o->rm)
		return fail(e, EINVAL, "--keep and --rm: one of the two");
	if (o->detach && o->timeout.set)
		return fail(e, EINVAL, "--timeout and --detach: nobody would watch the time");
	return 0;
}

static int no_command(const struct run_request *r, struct err *e)
{
	fail(e, EINVAL, "neither a bundle nor a command for '%s'", r->id);
	return advise(e, "for example: zviz run %.80s /bin/sh -c 'make test'", r->id);
}

/* A first word that looks like something else than a command gets an error of its own. */
static int check_command(const char *word, enum run_path kind, struct err *e)
{
	if (word[0] == '-') {
		fail(e, EINVAL, "'%.80s' behind the ID is the command's, and no command", word);
		return advise(e, "options go in front of the ID; a command that starts with a dash "
				 "behind --");
	}
	if (kind == RUN_PATH_FOLDER && strchr(word, '/') != NULL)
		return fail(e, EINVAL,
			    "%s: a folder without config.json is neither bundle nor command", word);
	return 0;
}

int run_request(const struct run_options *o, int argc, char **argv,
		enum run_path (*kind)(const char *path), struct run_request *out, struct err *e)
{
	struct run_request r = { .bundle = o->bundle };

	if (argc == 0) {
		fail(e, EINVAL, "the container needs an ID");
		return advise(e, "for example: zviz run my-build /bin/sh -c 'make test'");
	}
	r.id = argv[0];
	TRY(run_id_check(r.id, e));
	argc--;
	argv++;

	bool command = argc > 0 && strcmp(argv[0], "--") == 0;

	if (!command && r.bundle == NULL) {
		const char *word = argc > 0 ? argv[0] : ".";
		enum run_path is = kind(word);

		if (is == RUN_PATH_BUNDLE) {
			r.bundle = word;
			argv += argc > 0;
			argc -= argc > 0;
			command = argc > 0 && strcmp(argv[0], "--") == 0;
		} else if (argc > 0) {
			TRY(check_command(word, is, e));
		}
	}
	r.argc = argc - command;
	r.argv = argv + command;
	if (r.bundle == NULL && r.argc == 0)
		return no_command(&r, e);
	if (r.argc > 0 && r.argv[0][0] == '\0')
		return fail(e, EINVAL, "the command is an empty word");
	TRY(check_form(o, r.bundle != NULL, e));
	*out = r;
	return 0;
}
