/*
 * Nothing happens here that the command at hand does not need: a container starts in about a
 * millisecond, and every container pays for what is done before it.
 */
#include <signal.h>

#include "box/starter.h"
#include "cli/command.h"
#include "cli/print.h"

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

	int status = cli_run(&c, argc > 0 ? argc - 1 : 0, argv + (argc > 0), &e);

	if (status < 0) {
		print_failure(&c, &e);
		status = 1;
	}
	return status;
}
