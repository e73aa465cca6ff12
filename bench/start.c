/*
 * start [-n ROUNDS] [-t NAME/PEER=RATIO]… NAME[@MOUNTNS]=COMMAND…
 *
 * Cold start: the time from spawning each command to having reaped it. Every round runs each command
 * once, in a new random order, so that what else the machine does falls on all of them alike. Words of
 * a command are separated by spaces; {} becomes a number that no other run had. With a path of a mount
 * namespace (/proc/PID/ns/mnt) the command runs in it: entering one costs microseconds.
 *
 * Prints minimum, median and 90th percentile in milliseconds, the medians' ratios to the commands
 * called crun and bwrap, and each ratio that -t asks for beside its target. Exits 1 when a command
 * fails, never because a target was missed.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS_MAX = 16, TARGETS_MAX = 16, WORDS_MAX = 64, WARM_UP = 3 };

struct command {
	const char *name, *line;
	int mountns;  /* -1: the caller's */
	uint64_t *ns; /* one for each round */
};

struct target {
	char name[32], peer[32];
	double ratio;
};

struct bench {
	size_t ncommands, ntargets, rounds;
	struct command commands[COMMANDS_MAX];
	struct target targets[TARGETS_MAX];
	unsigned long serial;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Splits `line` into words, with `serial` for {}. The words live in `text`. */
static void words_of(const char *line, unsigned long serial, char *text, size_t size, char **argv)
{
	size_t used = 0, n = 0;

	for (const char *s = line; *s != '\0' && used + 24 < size; s++)
		if (s[0] == '{' && s[1] == '}') {
			used += (size_t)sprintf(text + used, "%lu", serial);
			s++;
		} else {
			text[used++] = *s;
		}
	text[used] = '\0';

	char *save;

	for (char *w = strtok_r(text, " ", &save); w != NULL && n < WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
}

/* The child's part. It shares the parent's memory until it execs, so it only makes system calls. */
static _Noreturn void become(const struct command *c, char **argv, int null)
{
	if (c->mountns >= 0 && setns(c->mountns, CLONE_NEWNS) < 0)
		_exit(126);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

/* Runs a command once and returns its wall time; a command that fails ends the benchmark. */
static uint64_t run_once(const struct command *c, unsigned long serial, int null)
{
	char text[4096], *argv[WORDS_MAX + 1], cwd[4096];
	int status;

	words_of(c->line, serial, text, sizeof text, argv);

	uint64_t start = now_ns();
	pid_t pid = vfork();

	if (pid == 0)
		become(c, argv, null);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("start");
		exit(1);
	}

	uint64_t took = now_ns() - start;

	if (status != 0) {
		fprintf(stderr, "start: %s: '%s' ended with status %#x in %s\n", c->name, c->line,
			(unsigned)status, getcwd(cwd, sizeof cwd));
		exit(1);
	}
	return took;
}

static void shuffle(size_t *order, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)random() % i, kept = order[i - 1];

		order[i - 1] = order[j];
		order[j] = kept;
	}
}

static void measure(struct bench *b)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	size_t order[COMMANDS_MAX];

	for (size_t i = 0; i < b->ncommands; i++)
		order[i] = i;
	for (size_t round = 0; round < b->rounds + WARM_UP; round++) {
		shuffle(order, b->ncommands);
		for (size_t i = 0; i < b->ncommands; i++) {
			struct command *c = &b->commands[order[i]];
			uint64_t took = run_once(c, b->serial++, null);

			if (round >= WARM_UP)
				c->ns[round - WARM_UP] = took;
		}
	}
	close(null);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static const struct command *command_called(const struct bench *b, const char *name)
{
	for (size_t i = 0; i < b->ncommands; i++)
		if (strcmp(b->commands[i].name, name) == 0)
			return &b->commands[i];
	return NULL;
}

static double quantile_ms(const struct bench *b, const struct command *c, size_t percent)
{
	return (double)c->ns[(b->rounds - 1) * percent / 100] / 1e6;
}

static void print_ratio(const struct bench *b, const struct command *c, const char *peer)
{
	const struct command *p = command_called(b, peer);

	if (p == NULL)
		printf("  %8s", "-");
	else
		printf("  %8.2f", quantile_ms(b, c, 50) / quantile_ms(b, p, 50));
}

static void report(const struct bench *b)
{
	printf("%-12s  %8s  %8s  %8s  %8s  %8s\n", "cold start", "min ms", "median", "p90",
	       "/ crun", "/ bwrap");
	for (size_t i = 0; i < b->ncommands; i++) {
		const struct command *c = &b->commands[i];

		printf("%-12s  %8.2f  %8.2f  %8.2f", c->name, quantile_ms(b, c, 0),
		       quantile_ms(b, c, 50), quantile_ms(b, c, 90));
		print_ratio(b, c, "crun");
		print_ratio(b, c, "bwrap");
		putchar('\n');
	}
	for (size_t i = 0; i < b->ntargets; i++) {
		const struct target *t = &b->targets[i];
		const struct command *c = command_called(b, t->name),
				     *p = command_called(b, t->peer);

		if (c == NULL || p == NULL)
			continue;

		double ratio = quantile_ms(b, c, 50) / quantile_ms(b, p, 50);

		printf("median %s / %s: %.2f, target <= %.2f: %s\n", t->name, t->peer, ratio,
		       t->ratio, ratio <= t->ratio ? "met" : "missed");
	}
}

static int add_command(struct bench *b, char *text)
{
	char *equals = strchr(text, '='), *at;
	struct command *c = &b->commands[b->ncommands];

	if (equals == NULL || b->ncommands == COMMANDS_MAX)
		return -1;
	*equals = '\0';
	c->name = text;
	c->line = equals + 1;
	c->mountns = -1;
	c->ns = calloc(b->rounds, sizeof *c->ns);
	at = strchr(text, '@');
	if (at != NULL) {
		*at = '\0';
		c->mountns = open(at + 1, O_RDONLY | O_CLOEXEC);
	}
	b->ncommands++;
	return c->ns == NULL || (at != NULL && c->mountns < 0) ? -1 : 0;
}

static int add_target(struct bench *b, const char *text)
{
	struct target *t = &b->targets[b->ntargets];

	if (b->ntargets == TARGETS_MAX ||
	    sscanf(text, "%31[^/]/%31[^=]=%lf", t->name, t->peer, &t->ratio) != 3)
		return -1;
	b->ntargets++;
	return 0;
}

static int usage(void)
{
	fputs("usage: start [-n ROUNDS] [-t NAME/PEER=RATIO]... NAME[@MOUNTNS]=COMMAND...\n",
	      stderr);
	return 1;
}

int main(int argc, char **argv)
{
	static struct bench b = { .rounds = 100 };
	int option;

	while ((option = getopt(argc, argv, "n:t:")) != -1) {
		if (option == 'n' && atoi(optarg) > 0)
			b.rounds = (size_t)atoi(optarg);
		else if (option != 't' || add_target(&b, optarg) < 0)
			return usage();
	}
	if (optind == argc)
		return usage();
	for (int i = optind; i < argc; i++)
		if (add_command(&b, argv[i]) < 0)
			return usage();
	srandom((unsigned)now_ns());
	b.serial = (unsigned long)getpid() * 100000;
	measure(&b);
	for (size_t i = 0; i < b.ncommands; i++)
		qsort(b.commands[i].ns, b.rounds, sizeof(uint64_t), by_value);
	report(&b);
	for (size_t i = 0; i < b.ncommands; i++)
		free(b.commands[i].ns);
	return 0;
}
