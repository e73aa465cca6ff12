#include "kern/trial.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kern/sys.h"

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

int trial_listener(void)
{
	static const struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sys_caps caps;

	if (sys_capget(&caps) < 0 || !(caps.effective >> CAP_SYS_ADMIN & 1))
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return -errno;
	return sys_seccomp_load(allow, COUNT(allow), SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

const char *trial_why(struct trial *t, const char *what, int no)
{
	return arena_printf(t->a, "%s: %s", what,
			    no == TRIAL_BROKEN ? "the trial was killed" : strerror(no));
}
