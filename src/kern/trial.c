#include "kern/trial.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void trial_add(struct trial *t, const char *layer, const char *feature, enum check_state state,
	       const char *means, const char *todo)
{
	*LIST_ADD(t->a, t->rows) = (struct check_row){ layer, feature, state, means, todo };
}

void trial_add_if(struct trial *t, const char *layer, const char *feature, bool good,
		  enum check_state otherwise, const char *means_good, const char *means_bad,
		  const char *todo)
{
	trial_add(t, layer, feature, good ? CHECK_OK : otherwise, good ? means_good : means_bad,
		  good ? "" : todo);
}

int trial_run(int (*body)(const void *), const void *arg)
{
	int status;
	pid_t pid = fork(), r;

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(body(arg) & 0xff);
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	return r == pid && WIFEXITED(status) ? WEXITSTATUS(status) : TRIAL_BROKEN;
}

const char *trial_why(struct trial *t, const char *what, int no)
{
	return arena_printf(t->a, "%s: %s", what,
			    no == TRIAL_BROKEN ? "the trial was killed" : strerror(no));
}
