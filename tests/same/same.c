/*
 * same SEED EPISODES: operations below the current folder, /work, in a folder t that is made anew for each episode. Prints
 * each with what came of it, and at the end of an episode what has become of t.
 */
#include "same.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EPISODE = 40 }; /* operations, after which nothing is left of what went before */

/* What nobody asks about, but decides what the other calls answer. */
static void do_around(void)
{
	char path[PATH_ROOM];
	uint32_t mode = random_mode() & 0777;
	struct stat st;

	random_path(path);
	switch (random_below(4)) {
	case 0:
		say("umask %#o", mode);
		say_result(umask(mode) * 0);
		break;
	case 1:
		say("chdir");
		say_path(path);
		say_result(chdir(path));
		break;
	case 2:
		say("chdir back");
		say_result(chdir("/work/t"));
		break;
	default:
		/* Never so that the caller could not walk to its own folder: the broker walks there to see where it is. */
		mode |= once_in(3) ? 0 : 0700;
		mode |= stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 0100 : 0;
		say("chmod %#o", mode);
		say_path(path);
		say_result(chmod(path, mode));
	}
}

static void step(void)
{
	say("%u ", operation);
	if (once_in(12))
		do_around();
	else if (once_in(3))
		do_name();
	else
		do_open();
}

static void fixed(void)
{
	random_seed(0);
	say("episode fixed\n");
	tree_make();
	do_edges();
	do_scopes();
	tree_print();
	if (rename("t", "t.fixed") < 0)
		die("t.fixed");
}

static void episode(uint64_t seed)
{
	char done[32];

	random_seed(seed);
	say("episode %llu\n", (unsigned long long)seed);
	tree_make();
	for (operation = 1; operation <= EPISODE; operation++)
		step();
	tree_print();
	snprintf(done, sizeof done, "t.%llu", (unsigned long long)seed);
	if (rename("t", done) < 0)
		die(done);
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t seed = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;

	if (count == 0) {
		errno = EINVAL;
		die("usage: same SEED EPISODES");
	}
	fixed();
	for (unsigned long i = 0; i < count; i++)
		episode(seed * 100000 + i);
	say_summary();
	return 0;
}
