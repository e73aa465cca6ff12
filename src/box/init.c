/*
 * Init's rows but for its files: it becomes the workload's user, gives everything up, and execs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"
#include "kern/scm.h"
#include "kern/sys.h"

enum { SIGNALS = 64 }; /* _NSIG, include/uapi/asm-generic/signal.h */

int step_cgroup_enter(struct box *b, struct err *e)
{
	if (b->has_cgroup)
		TRY(cgroup_enter(&b->cgroup, e));
	b->has_cgroup = false; /* the launcher's to remove */
	if (!(b->plan->namespaces & CLONE_NEWCGROUP))
		return 0;

	/* Not at clone: the namespace's root is the group that its maker is in at that moment. */
	int r = sys_unshare(CLONE_NEWCGROUP);

	return r < 0 ? fail(e, -r, "cgroup namespace: %m") : 0;
}

/* Ids inside that own what is built. With a single id there is nothing to change. */
int step_ids_own(struct box *b, struct err *e)
{
	int r = 0;

	if (b->plan->mapping == IDS_SINGLE)
		return 0;
	if (b->plan->may_set_groups)
		r = sys_setgroups(0, NULL);
	if (r == 0)
		r = sys_setresgid(0);
	if (r == 0)
		r = sys_setresuid(0);
	return r < 0 ? fail(e, -r, "become the container's root: %m") : 0;
}

/* A second lock beside the filter's: the kernel counts user namespaces against this one's limit. */
int step_users_deny(struct box *b, struct err *e)
{
	(void)b;
	return file_set(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "0", e);
}

int loopback_up(struct err *e)
{
	OWN_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return fail(e, errno, "loopback: %m");
	return 0;
}

int step_net_up(struct box *b, struct err *e)
{
	(void)b;
	return loopback_up(e);
}

int step_net_join(struct box *b, struct err *e)
{
	char letter;
	int ns = -1;
	ssize_t n = scm_receive(b->hand_init, &letter, 1, &ns);

	if (n < 0 || ns < 0)
		return fail(e, n < 0 ? (int)-n : ECHILD, "the broker made none");

	OWN_FD owned = ns;
	int r = sys_setns(owned, CLONE_NEWNET);

	return r < 0 ? fail(e, -r, "%m") : 0;
}

/* ---- console ---- */

static int open_console(struct box *b, struct err *e)
{
	int unlock = 0;
	/* What joins a container later walks through what the workload may have made: a name is a name here, no link. */
	OWN_FD master = sys_openat2(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0,
				    RESOLVE_NO_SYMLINKS);

	if (master < 0)
		return fail(e, -master, "/dev/pts/ptmx: %m");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return fail(e, errno, "/dev/pts/ptmx: %m");

	OWN_FD slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct winsize size = { .ws_row = b->plan->rows, .ws_col = b->plan->columns };

	if (slave < 0)
		return fail(e, errno, "terminal: %m");
	if (size.ws_row != 0)
		ioctl(master, TIOCSWINSZ, &size);
	/* Devices are made by the container's root; the workload must own its terminal. */
	if (fchown(slave, b->plan->uid, (gid_t)-1) < 0)
		return fail(e, errno, "terminal: %m");
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return fail(e, errno, "controlling terminal: %m");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(slave, fd) < 0)
			return fail(e, errno, "terminal: %m");

	int r = scm_send(b->note, "c", 1, master);

	return r < 0 ? fail(e, -r, "hand the terminal over: %m") : 0;
}

int step_console_attach(struct box *b, struct err *e)
{
	if (b->plan->given & CLONE_NEWUTS)
		return session_begin(b, e);
	TRY(names_set(b->plan->hostname, b->plan->domainname, e));
	return session_begin(b, e);
}

int session_begin(struct box *b, struct err *e)
{
	if (b->plan->terminal)
		return open_console(b, e);
	/* A session of its own: the caller's terminal can neither be stolen from nor typed into. */
	if (setsid() < 0)
		return fail(e, errno, "session: %m");
	return 0;
}

/* ---- what to exec ---- */

static const char *env_value(const struct plan *p, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < p->nenv; i++)
		if (strncmp(p->env[i], name, len) == 0 && p->env[i][len] == '=')
			return p->env[i] + len + 1;
	return NULL;
}

/* Through no link of procfs, where the walker may be one who joins: /proc/self/exe is zviz's own program then, and
 * /proc/self/fd what its caller gave it. */
static int look_at(const struct box *b, const char *path, struct stat *st)
{
	if (b->objects == NULL)
		return stat(path, st);

	OWN_FD fd = sys_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS);

	if (fd >= 0)
		return fstat(fd, st);
	errno = fd == -ELOOP ? EACCES : -fd;
	return -1;
}

static bool runnable(const struct box *b, const char *path, int *no)
{
	struct stat st;

	if (look_at(b, path, &st) < 0 || (!S_ISREG(st.st_mode) && (errno = EACCES)) ||
	    (!(st.st_mode & 0111) && (errno = EACCES))) {
		if (*no != EACCES)
			*no = errno;
		return false;
	}
	return true;
}

static int search_path(struct box *b, const char *name, struct err *e)
{
	const char *path = env_value(b->plan, "PATH");
	char *list = arena_strdup(b->arena, path != NULL ? path : "/usr/local/bin:/usr/bin:/bin");
	char *save = NULL;
	int no = ENOENT;

	for (char *dir = strtok_r(list, ":", &save); dir != NULL;
	     dir = strtok_r(NULL, ":", &save)) {
		const char *candidate = arena_printf(b->arena, "%s/%s", dir, name);

		if (dir[0] == '/' && runnable(b, candidate, &no)) {
			b->exec_path = candidate;
			return 0;
		}
	}
	if (no == EACCES)
		return fail(e, EACCES, "exec: \"%s\": permission denied", name);
	fail(e, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	if (!b->plan->direct)
		return -ENOENT;
	return advise(
		e,
		"the container shows only part of the host: see --read, or name the program's whole path");
}

int step_exec_resolve(struct box *b, struct err *e)
{
	const char *name = b->plan->args[0];
	int no = ENOENT;

	if (name == NULL)
		return 0;
	/* The working folder first: relative names start there. */
	if (chdir(b->plan->cwd) < 0)
		return fail(e, errno, "working folder %s: %m", b->plan->cwd);
	if (strchr(name, '/') == NULL)
		return search_path(b, name, e);
	if (!runnable(b, name, &no))
		return fail(e, no, "exec: \"%s\": %s", name,
			    no == EACCES ? "permission denied" : "no such file or directory");
	b->exec_path = name;
	return 0;
}

/* ---- privileges ---- */

int step_caps_bound(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	for (unsigned cap = 0; cap <= p->host->last_capability; cap++)
		if (!(p->keep_capabilities & (UINT64_C(1) << cap)) &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return fail(e, errno, "capability %u: %m", cap);
	return 0;
}

int step_ids_become(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;
	int r = 0;

	if (p->keep_capabilities != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "keep capabilities: %m");
	if (p->may_set_groups)
		r = sys_setgroups(p->ngroups, p->groups);
	if (r < 0)
		return fail(e, -r, "groups: %m");
	r = sys_setresgid(p->gid);
	if (r == 0)
		r = sys_setresuid(p->uid);
	if (r < 0)
		return fail(e, -r, "become %u:%u: %m", p->uid, p->gid);

	char cwd[PATH_MAX];

	/* As the workload's user now: is it allowed to be here, and is here inside the root? */
	if (chdir(p->cwd) < 0)
		return fail(e, errno, "working folder %s: %m", p->cwd);
	if (getcwd(cwd, sizeof cwd) == NULL || cwd[0] != '/')
		return fail(e, EXDEV, "working folder %s lies outside the root", p->cwd);
	return 0;
}

int step_caps_set(struct box *b, struct err *e)
{
	uint64_t keep = b->plan->keep_capabilities;
	struct sys_caps caps = { .effective = keep, .permitted = keep, .inheritable = keep };
	int r = sys_capset(&caps);

	if (r < 0)
		return fail(e, -r, "%m");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(e, errno, "ambient: %m");
	for (unsigned cap = 0; cap < 64; cap++)
		if ((keep & (UINT64_C(1) << cap)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return fail(e, errno, "ambient capability %u: %m", cap);
	return 0;
}

int follow_launcher(const struct box *b, struct err *e)
{
	struct pollfd launcher[] = { { .fd = b->note, .events = 0 },
				     { .fd = b->launcher, .events = POLLIN } };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return fail(e, errno, "parent-death signal: %m");
	if (poll(launcher, COUNT(launcher), 0) > 0 &&
	    ((launcher[0].revents & POLLHUP) || launcher[1].revents != 0))
		_exit(1);
	return 0;
}

int leave_launcher(const struct box *b, struct err *e)
{
	if (b->plan->detach && prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
		return fail(e, errno, "parent-death signal: %m");
	return 0;
}

/* As a program expects to be started: default actions, nothing blocked, no descriptor but 0, 1 and 2, and those that it is to have. Ours are
 * close-on-exec already; what the caller left open is not. */
static void fresh_start(unsigned preserve)
{
	sigset_t none;

	for (int sig = 1; sig <= SIGNALS; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			sys_signal_default(sig);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sys_close_range(3 + preserve, UINT_MAX, CLOSE_RANGE_CLOEXEC);
}

int step_privs_lock(struct box *b, struct err *e)
{
	int r = sys_keyring_new_session();

	fresh_start(b->opt->preserve);

	/* A kernel without keyrings has none to share. Without namespaces the filter permits no call that uses one, and what
	 * refuses namespaces may refuse this. */
	if (r < 0 && r != -ENOSYS && !(b->plan->bare && r == -EPERM))
		return fail(e, -r, "session keyring: %m");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "no_new_privs: %m");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(e, errno, "dumpable: %m");
	TRY(follow_launcher(b, e));
	/* One that is to be started later belongs to its launcher until that has said all it has to say. */
	return b->plan->create ? 0 : leave_launcher(b, e);
}

/* ---- broker.ready, seccomp.load, exec ---- */

static int wait_broker(struct box *b, enum broker_state wanted, struct err *e)
{
	int now = shared_wait(&b->shared->broker, wanted);

	if (now < 0)
		return fail(e, -now, "futex: %m");
	return now != BROKER_FAILED ? 0 : fail(e, ECHILD, "the broker has failed");
}

int step_broker_viewed(struct box *b, struct err *e)
{
	return wait_broker(b, BROKER_VIEWED, e);
}

int step_broker_ready(struct box *b, struct err *e)
{
	return wait_broker(b, BROKER_SERVING, e);
}

int step_seccomp_spec(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;
	int r = sys_seccomp_load(p->spec_filter.at, p->spec_filter.n, p->spec_filter_flags);

	return r < 0 ? fail(e, -r, "linux.seccomp: filter of %zu instructions: %m",
			    p->spec_filter.n)
		     : 0;
}

int step_exec(struct box *b, struct err *e)
{
	if (b->starter >= 0) {
		fail(e, -starter_exec(b), "ask.execute: what is to start the command: %m");
	} else {
		execve(b->exec_path, (char *const *)b->plan->args, box_env(b));
		exec_failed(b->plan->args[0], errno, e);
	}
	return label_refused(b, e);
}
