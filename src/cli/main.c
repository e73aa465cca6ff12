/*
 * Nothing happens here that the command at hand does not need: a container starts in about a
 * millisecond, and every container pays for what is done before it.
 */
#include <signal.h>
#include <string.h>

#include "base/arena.h"
#include "box/forget.h"
#include "box/starter.h"
#include "cli/command.h"
#include "cli/print.h"

/* The command line, so that the one that the kernel shows can be cleared where it has no business (box/forget.h). */
static char **copy_arguments(struct arena *a, int argc, char **argv)
{
	char **copy = arena_array(a, (size_t)argc + 1, sizeof *copy);

	for (int i = 0; i < argc; i++)
		copy[i] = arena_strdup(a, argv[i]);
	copy[argc] = NULL;
	if (argc > 0)
		forget_arguments_are(argv[0],
				     (size_t)(argv[argc - 1] - argv[0]) + strlen(argv[argc - 1]));
	return copy;
}

int main(int argc, char **argv)
{
	/* Not freed: the process ends anyway, and sooner. Static, so that nobody takes it for a leak. */
	static struct arena arena;
	struct cli c = { .arena = &arena };
	struct err e = { 0 };

	if (starter_is_meant(argc, argv))
		return starter_main(argv);

	/* A caller who no longer reads what we say has a container all the same, or an exit code. */
	signal(SIGPIPE, SIG_IGN);

	argv = copy_arguments(&arena, argc, argv);

	int status = cli_run(&c, argc > 0 ? argc - 1 : 0, argv + (argc > 0), &e);

	if (status < 0) {
		print_failure(&c, &e);
		status = 1;
	}
	return status;
}
