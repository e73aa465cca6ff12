/*
 * zviz kill, pause and resume.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "box/members.h"
#include "cli/command.h"
#include "table/table.h"

enum { REALTIME_MIN = 34, REALTIME_MAX = 64 }; /* SIGRTMIN of every C library, and _NSIG */

/* ---- which signal ---- */

/* "+3" behind RTMIN, "-3" behind RTMAX. */
static int realtime(const char *rest, int first, char sign)
{
	uint64_t n = 0;

	if (rest[0] != '\0' && (rest[0] != sign || num_u64(rest + 1, &n) < 0))
		return -1;
	if (n > REALTIME_MAX - REALTIME_MIN)
		return -1;
	return sign == '+' ? first + (int)n : first - (int)n;
}

static int signal_number(const char *word)
{
	uint64_t n;

	if (num_u64(word, &n) == 0)
		return n <= REALTIME_MAX ? (int)n : -1;
	if (strncasecmp(word, "SIG", 3) == 0)
		word += 3;
	if (strncasecmp(word, "RTMIN", 5) == 0)
		return realtime(word + 5, REALTIME_MIN, '+');
	if (strncasecmp(word, "RTMAX", 5) == 0)
		return realtime(word + 5, REALTIME_MAX, '-');
	for (const struct name *s = signal_names; s->name[0] != '\0'; s++)
		if (strcasecmp(s->name + 3, word) == 0)
			return (int)s->value;
	return -1;
}

/* ---- kill ---- */

struct kill_options {
	bool all;
};

static const struct option_row kill_rows[] = {
	{ "all", 'a', OPTION_FLAG, NULL, "every process of the container, not only its first",
	  .offset = offsetof(struct kill_options, all) },
	{ 0 },
};

static int kill_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct kill_options *o = options;
	int sig = argc > 1 ? signal_number(argv[1]) : SIGTERM;

	if (sig < 0) {
		fail(e, EINVAL, "'%.40s' is no signal", argv[1]);
		return advise(e, "use a name such as TERM or SIGTERM, or a number from 0 to %d",
			      REALTIME_MAX);
	}
	return members_signal(c->arena, cli_state_root(c), argv[0], sig, o->all, e);
}

const struct command command_kill = {
	.name = "kill",
	.usage = "[options] ID [SIGNAL]",
	.summary = "Send a signal to a container (default: TERM)",
	.options = kill_rows,
	.options_size = sizeof(struct kill_options),
	.order = OPTIONS_FIRST,
	.min_words = 1,
	.max_words = 2,
	.run = kill_run,
};

/* ---- pause, resume ---- */

static int pause_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	(void)options;
	(void)argc;
	return members_freeze(c->arena, cli_state_root(c), argv[0], true, e);
}

static int resume_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	(void)options;
	(void)argc;
	return members_freeze(c->arena, cli_state_root(c), argv[0], false, e);
}

const struct command command_pause = {
	.name = "pause",
	.usage = "ID",
	.summary = "Hold all processes of a container where they are",
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = pause_run,
};

const struct command command_resume = {
	.name = "resume",
	.usage = "ID",
	.summary = "Let a paused container go on",
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = resume_run,
};
