/*
 * Everything that `zviz check` tells: each thing is tried for real where it can be, in a child that
 * ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/probe.h"
#include "kern/subid.h"
#include "kern/sys.h"
#include "kern/trial.h"

enum {
	RANGE_WANTED = 65536, /* ids that a distribution's image expects */
};

/* ---- the kernel ---- */

static void check_kernel(struct trial *t)
{
	struct utsname u;

	if (uname(&u) < 0)
		return;
	trial_add_if(
		t, "kernel", "version", probe_release(5, 14), CHECK_MISSING,
		arena_printf(t->a, "Linux %s %s", u.release, u.machine),
		arena_printf(t->a, "Linux %s lacks calls that confinement is built on", u.release),
		"use Linux 5.14 or newer; 6.6 and later start and decide faster");
	trial_add(t, "kernel", "caller", t->h->privileged ? CHECK_OK : CHECK_LIMITED,
		  t->h->privileged ? "root: ranges of ids, groups and device nodes are at hand"
				   : "an ordinary user: one id, unless ranges are configured below",
		  "");
	if (!t->h->initial_userns)
		trial_add(
			t, "kernel", "nesting", CHECK_LIMITED,
			"inside a user namespace: what the outer one withholds is missing here too",
			"");
}

/* ---- namespaces ---- */

/* A user namespace that is of use: with capabilities in it, and one more namespace made by them. */
static int make_userns(const void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER) < 0)
		return errno;
	/* AppArmor lets it be made and takes its capabilities. */
	return unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS) < 0 ? errno : 0;
}

static const char *userns_blocker(const struct host *h)
{
	uint64_t n;

	if (access("/proc/self/ns/user", F_OK) < 0)
		return "the kernel is built without CONFIG_USER_NS: use another";
	if (probe_setting("/proc/sys/user/max_user_namespaces", &n) && n == 0)
		return "none are permitted: sysctl user.max_user_namespaces=65536";
	if (h->privileged)
		return "even root cannot: in a container, its seccomp profile or a chroot forbids "
		       "it";
	if (probe_setting("/proc/sys/kernel/unprivileged_userns_clone", &n) && n == 0)
		return "ordinary users may not: sysctl kernel.unprivileged_userns_clone=1, or run "
		       "as root";
	if (probe_apparmor_restricts())
		return "AppArmor takes their capabilities from programs without a profile: install "
		       "one for zviz with "
		       "a `userns,` rule (apparmor_parser -r /etc/apparmor.d/zviz), or run as root";
	return "a security module, a container's seccomp profile or a chroot forbids it; try as "
	       "root";
}

static int make_timens(const void *arg)
{
	const struct host *h = arg;

	return unshare(CLONE_NEWTIME | (h->privileged ? 0 : CLONE_NEWUSER)) < 0 ? errno : 0;
}

static int mount_proc_here(void)
{
	int fs = sys_fsopen("proc");

	if (fs < 0)
		return -fs;

	int r = sys_fsconfig_create(fs);

	if (r < 0)
		return -r;
	r = sys_fsmount(fs, 0);
	return r < 0 ? -r : 0;
}

/* As a container's first process would: all namespaces are the container's own. */
static int mount_proc(const void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0)
		return errno;

	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(mount_proc_here() & 0xff);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : TRIAL_BROKEN;
}

static bool check_userns(struct trial *t)
{
	int no = trial_run(make_userns, NULL);

	trial_add_if(t, "namespaces", "user", no == 0, CHECK_MISSING,
		     "root inside is nobody outside",
		     trial_why(t, "nothing can be confined without one", no), userns_blocker(t->h));
	return no == 0;
}

static void check_namespaces(struct trial *t)
{
	int no;

	if (check_userns(t)) {
		no = trial_run(mount_proc, NULL);
		trial_add_if(t, "namespaces", "pid, proc", no == 0, CHECK_MISSING,
			     "a container sees its own processes only",
			     trial_why(t,
				       "a new /proc cannot be mounted, as in a container whose "
				       "/proc is masked",
				       no),
			     "run zviz outside of that container, or give it an unmasked /proc "
			     "(podman: --security-opt "
			     "unmask=ALL, docker: --security-opt systempaths=unconfined)");
	}
	no = t->h->time_namespaces ? trial_run(make_timens, t->h) : ENOSYS;
	trial_add_if(t, "namespaces", "time", no == 0, CHECK_LIMITED,
		     "clocks can be the container's own",
		     trial_why(t, "the container shares the boot clock", no),
		     "only profiles that ask for `time` miss it");
}

/* ---- ids ---- */

static uint64_t total(const struct subid_ranges *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->at[i].count;
	return n;
}

static int check_range(struct trial *t, const char *file, const char *user, struct err *e)
{
	struct subid_ranges r = { 0 };
	const char *name = user != NULL ? user : arena_printf(t->a, "%u", t->h->uid);

	if (subid_load(t->a, file, user, t->h->uid, &r, e) < 0) {
		trial_add(t, "ids", file, CHECK_LIMITED, arena_strdup(t->a, e->text),
			  arena_strdup(t->a, e->hint));
		return 0;
	}

	uint64_t n = total(&r);

	trial_add_if(
		t, "ids", file, n >= RANGE_WANTED, CHECK_LIMITED,
		arena_printf(t->a, "%s has %llu ids for containers", name, (unsigned long long)n),
		n == 0 ? arena_printf(t->a, "%s has no ids: a container has a single one", name)
		       : arena_printf(t->a, "%s has %llu ids: images expect %d", name,
				      (unsigned long long)n, RANGE_WANTED),
		arena_printf(t->a,
			     "add the line %s:100000:65536 to %s, if nobody else has that range",
			     name, file));
	return 0;
}

static int check_ids(struct trial *t, struct err *e)
{
	const char *user;

	if (t->h->privileged) {
		trial_add(t, "ids", "ranges",
			  t->h->id_limit == UINT32_MAX ? CHECK_OK : CHECK_LIMITED,
			  t->h->id_limit == UINT32_MAX
				  ? "every container gets its own"
				  : arena_printf(t->a, "only ids below %u exist here",
						 t->h->id_limit),
			  "");
		return 0;
	}
	trial_add_if(t, "ids", "newuidmap", t->h->has_newuidmap, CHECK_LIMITED,
		     "ranges of ids can be given to containers",
		     "a container has a single id: chown and setuid in it fail",
		     "install the package uidmap (shadow-utils on Fedora and its like)");
	TRY(subid_user(t->a, "/etc/passwd", t->h->uid, &user, e));
	TRY(check_range(t, "/etc/subuid", user, e));
	return check_range(t, "/etc/subgid", user, e);
}

/* ---- networks ---- */

static void check_network(struct trial *t)
{
	struct host h = *t->h;
	const char *program;

	probe_network(&h);
	program = h.pasta[0] != '\0' ? "pasta" : "slirp4netns";
	if (h.net_admin) {
		trial_add(t, "network", "private", CHECK_OK,
			  "private networks by a pair of devices and NAT, if zviz-net is installed",
			  "");
		return;
	}
	if (h.pasta[0] == '\0' && h.slirp4netns[0] == '\0') {
		trial_add(t, "network", "private", CHECK_LIMITED,
			  "no private networks: this user needs pasta or slirp4netns for them",
			  "apt-get install passt (or slirp4netns)");
		return;
	}
	trial_add_if(
		t, "network", "private", access("/dev/net/tun", R_OK | W_OK) == 0, CHECK_LIMITED,
		arena_printf(t->a, "private networks by %s, if zviz-net is installed", program),
		"no private networks: /dev/net/tun is not there, or not for this user",
		"modprobe tun; a container has to be started with --device /dev/net/tun");
}

/* ---- seccomp ---- */

static int set_sync_wake(const void *arg)
{
	int fd = trial_listener();

	(void)arg;
	if (fd < 0)
		return -fd;
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) < 0
		       ? errno
		       : 0;
}

static void check_seccomp(struct trial *t)
{
	uint64_t n;

	trial_add_if(t, "seccomp", "filter", sys_seccomp_has_flags(0) == 1, CHECK_MISSING,
		     "system calls are refused in the kernel", "system calls cannot be filtered",
		     "use a kernel with CONFIG_SECCOMP_FILTER");
	bool taken = t->h->seccomp_listener_taken;

	trial_add_if(
		t, "seccomp", "notify", t->h->seccomp_notify, CHECK_MISSING,
		"the broker can be asked about single calls",
		taken ? "no broker, since whoever confines this process has a listener: profiles "
			"that need one do not start"
		      : "no broker: profiles that need one do not start",
		taken ? "start zviz outside of this container, or turn its seccomp listener off"
		      : "use Linux 5.14 or newer with CONFIG_SECCOMP_FILTER");
	trial_add_if(t, "seccomp", "killable wait", t->h->seccomp_killable_wait, CHECK_LIMITED,
		     "signals do not repeat a brokered call",
		     "a signal may make a brokered call start again", "use Linux 5.19 or newer");

	int no = t->h->seccomp_notify ? trial_run(set_sync_wake, NULL) : ENOSYS;

	trial_add_if(t, "seccomp", "sync wake", no == 0, CHECK_LIMITED,
		     "a brokered call stays on one processor",
		     trial_why(t, "brokered calls take several times longer", no),
		     "use Linux 6.6 or newer");
	if (probe_setting("/proc/sys/kernel/yama/ptrace_scope", &n))
		trial_add_if(
			t, "seccomp", "yama", n < 3, CHECK_MISSING,
			"the broker can read its containers' arguments",
			"the broker cannot read its containers' arguments: file rules do not work",
			"sysctl kernel.yama.ptrace_scope=2 takes effect at the next boot");
}

/* ---- Landlock and capabilities ---- */

static const struct {
	unsigned abi;
	const char *kernel, *lacks;
} landlock_steps[] = {
	{ 2, "5.19", "files cannot be moved between folders" },
	{ 3, "6.2", "truncate is not governed" },
	{ 5, "6.10", "ioctl on devices is left to seccomp" },
	{ 6, "6.12", "abstract sockets and signals are left to namespaces" },
};

static void check_landlock(struct trial *t)
{
	int abi = sys_landlock_abi();

	if (abi < 0) {
		trial_add(
			t, "Landlock", "rules", CHECK_MISSING,
			"path rules are kept by mounts and the broker alone: one wall less",
			abi == -EOPNOTSUPP
				? "it is switched off: boot with landlock first in lsm=..., as in "
				  "lsm=landlock,lockdown,yama,..."
				: "use Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK");
		return;
	}
	for (size_t i = 0; i < COUNT(landlock_steps); i++)
		if ((unsigned)abi < landlock_steps[i].abi) {
			trial_add(t, "Landlock", "rules", CHECK_LIMITED,
				  arena_printf(t->a, "ABI %d: %s", abi, landlock_steps[i].lacks),
				  arena_printf(t->a, "use Linux %s or newer",
					       landlock_steps[i].kernel));
			return;
		}
	trial_add(t, "Landlock", "rules", CHECK_OK,
		  arena_printf(t->a, "ABI %d: all that profiles ask for", abi), "");
}

static void check_capabilities(struct trial *t)
{
	trial_add(t, "capabilities", "known", CHECK_OK,
		  arena_printf(t->a, "%u, all dropped in a container", t->h->last_capability + 1),
		  "");
}

/* ---- the whole ---- */

int probe_all(struct arena *a, const struct host *h, struct check_rows *out, struct err *e)
{
	struct trial t = { a, h, out };

	check_kernel(&t);
	check_namespaces(&t);
	TRY(check_ids(&t, e));
	check_network(&t);
	check_seccomp(&t);
	check_landlock(&t);
	check_capabilities(&t);
	check_mounts(&t);
	check_cgroups(&t);
	return 0;
}
