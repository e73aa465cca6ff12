#include "kern/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "kern/sys.h"
#include "kern/trial.h"

enum {
	SMALL_ROOM = 128,
	FILE_SYSTEMS_ROOM = 4096, /* of some 40, a line each */
	MAP_ROOM = 4096,          /* 340 extents of a map are at most this long in practice */
	INITIAL_USERNS_INODE = (int)0xEFFFFFFDu, /* PROC_USER_INIT_INO, include/linux/proc_ns.h */
	KNOWN_LAST_CAPABILITY = 40,              /* CAP_CHECKPOINT_RESTORE, 5.9 */
};

/* Reads a small file of /proc, which gives it at once, without its last newline: its length, or
 * negative. */
static ssize_t read_line(const char *path, char *out, size_t room)
{
	OWN_FD fd = path_open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -errno : read(fd, out, room - 1);

	out[n > 0 ? n : 0] = '\0';
	if (n > 0 && out[n - 1] == '\n')
		out[--n] = '\0';
	return n;
}

bool probe_setting(const char *path, uint64_t *out)
{
	char text[SMALL_ROOM];

	return read_line(path, text, sizeof text) > 0 && num_u64(text, out) == 0;
}

uint32_t probe_id_limit(const char *map)
{
	uint64_t limit = 0;
	bool grew = true;

	/* Extents may stand in any order: look again until none continues what we have. */
	while (grew) {
		unsigned first, outside, count;
		int used;

		grew = false;
		for (const char *s = map;
		     sscanf(s, "%u %u %u%n", &first, &outside, &count, &used) == 3; s += used) {
			if (first <= limit && (uint64_t)first + count > limit) {
				limit = (uint64_t)first + count;
				grew = true;
			}
		}
	}
	return limit >= UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
}

static uint32_t id_limit(void)
{
	char text[MAP_ROOM];
	uint32_t uids, gids;

	if (read_line("/proc/self/uid_map", text, sizeof text) < 0)
		return 0;
	uids = probe_id_limit(text);
	if (read_line("/proc/self/gid_map", text, sizeof text) < 0)
		return 0;
	gids = probe_id_limit(text);
	return uids < gids ? uids : gids;
}

bool probe_apparmor_restricts(void)
{
	uint64_t on;
	char profile[SMALL_ROOM];

	if (!probe_setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", &on) ||
	    on == 0)
		return false;
	/* Only what no profile covers is restricted: a profile with a `userns` rule lifts it. */
	return read_line("/proc/self/attr/apparmor/current", profile, sizeof profile) < 0 ||
	       strcmp(profile, "unconfined") == 0;
}

bool probe_apparmor(void)
{
	char on[4];

	return read_line("/sys/module/apparmor/parameters/enabled", on, sizeof on) >= 0 &&
	       on[0] == 'Y';
}

/* Its file system is there as long as it is, mounted or not: in a container, too. */
bool probe_selinux(void)
{
	char list[FILE_SYSTEMS_ROOM];

	return read_line("/proc/filesystems", list, sizeof list) > 0 &&
	       strstr(list, "\tselinuxfs") != NULL;
}

static bool can_make_userns(const struct host *h)
{
	uint64_t n;

	if (probe_setting("/proc/sys/user/max_user_namespaces", &n) && n == 0)
		return false;
	if (h->privileged)
		return true;
	if (probe_setting("/proc/sys/kernel/unprivileged_userns_clone", &n) && n == 0)
		return false; /* Debian and its like */
	return !probe_apparmor_restricts();
}

static unsigned last_capability(void)
{
	unsigned last = KNOWN_LAST_CAPABILITY;

	while (last > 0 && prctl(PR_CAPBSET_READ, last) < 0)
		last--;
	while (last < 63 && prctl(PR_CAPBSET_READ, last + 1) >= 0)
		last++;
	return last;
}

bool probe_program(const char *name, char out[HOST_PROGRAM_MAX])
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin" };

	for (size_t d = 0; d < COUNT(dirs); d++) {
		snprintf(out, HOST_PROGRAM_MAX, "%s/%s", dirs[d], name);
		if (access(out, X_OK) == 0)
			return true;
	}
	out[0] = '\0';
	return false;
}

/* They get privileges. */
bool probe_id_helpers(void)
{
	char path[HOST_PROGRAM_MAX];

	return probe_program("newuidmap", path) && probe_program("newgidmap", path);
}

bool probe_release(unsigned major, unsigned minor)
{
	struct utsname u;
	char *rest;

	if (uname(&u) < 0)
		return false;

	unsigned long a = strtoul(u.release, &rest, 10);
	unsigned long b = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;

	return a > major || (a == major && b >= minor);
}

bool probe_initial_userns(void)
{
	struct stat ns;

	/* A kernel without user namespaces has the first one only. */
	return stat("/proc/self/ns/user", &ns) < 0 ||
	       (uint32_t)ns.st_ino == (uint32_t)INITIAL_USERNS_INODE;
}

static bool setgroups_denied(void)
{
	char text[SMALL_ROOM];

	return read_line("/proc/self/setgroups", text, sizeof text) > 0 &&
	       strcmp(text, "deny") == 0;
}

static int probe_identity(struct host *out, struct err *e)
{
	struct sys_caps caps;
	int r = sys_capget(&caps);

	if (r < 0)
		return fail(e, -r, "read capabilities: %m");
	out->uid = getuid();
	out->gid = getgid();
	out->privileged = caps.effective >> CAP_SYS_ADMIN & 1;
	out->last_capability = last_capability();
	out->id_limit = UINT32_MAX;
	out->initial_userns = probe_initial_userns();
	if (!out->initial_userns) {
		out->id_limit = id_limit();
		out->setgroups_denied = setgroups_denied();
	}
	if (access("/proc/self/ns/user", F_OK) == 0) {
		out->user_namespaces = can_make_userns(out);
		return 0;
	}
	if (access("/proc/self/status", R_OK) == 0)
		return 0;
	fail(e, errno, "/proc: %m");
	return advise(e, "mount procfs: what the kernel offers is read from it");
}

/* All that a container needs, as one who may make it: what filters and AppArmor refuse no setting says. */
static int make_namespaces(const void *arg)
{
	(void)arg;
	/* The kernel itself minds the size (EINVAL). */
	if (syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS)
		return ENOSYS;
	return unshare(CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS | CLONE_NEWPID) < 0 ? errno : 0;
}

/* A machine that is short of something, or a child that was killed, says nothing of what is permitted: then the start itself
 * fails, and nothing runs with less. */
static bool is_refusal(int no)
{
	return no == EPERM || no == EACCES || no == ENOSYS || no == EINVAL || no == ENOSPC ||
	       no == EUSERS;
}

void probe_bare(struct host *out)
{
	uint64_t scope;

	if (out->privileged)
		return;
	if (out->user_namespaces)
		out->user_namespaces = !is_refusal(trial_run(make_namespaces, NULL));
	out->traces_children_alone = probe_setting("/proc/sys/kernel/yama/ptrace_scope", &scope) &&
				     scope != 0;
}

static int take_listener(const void *arg)
{
	int fd = trial_listener();

	(void)arg;
	return fd < 0 ? -fd : 0;
}

/* Only who runs under a filter can be refused one, and only a trial tells: Incus, zviz and others have a listener. A
 * filter that kills over PR_GET_SECCOMP is unheard of: libc and sandboxes ask. */
static void probe_listener(struct host *out)
{
	out->seccomp_notify = sys_seccomp_has_action(SECCOMP_RET_USER_NOTIF) == 1;
	if (!out->seccomp_notify || prctl(PR_GET_SECCOMP) == 0)
		return;
	out->seccomp_listener_taken = trial_run(take_listener, NULL) == EBUSY;
	out->seccomp_notify = !out->seccomp_listener_taken;
}

static void processors_and_memory(struct host *out)
{
	struct sysinfo s;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
		out->cpus = (unsigned)CPU_COUNT(&cpus);
	if (sysinfo(&s) == 0)
		out->memory_bytes = (uint64_t)s.totalram * s.mem_unit;
}

int probe_host(struct host *out, struct err *e)
{
	int abi = sys_landlock_abi();

	memset(out, 0, sizeof *out);
#if defined(__x86_64__)
	out->arch = HOST_X86_64;
#elif defined(__aarch64__)
	out->arch = HOST_AARCH64;
#else
#error "zviz knows the system calls of x86_64 and aarch64 only"
#endif
	TRY(probe_identity(out, e));
	out->landlock_abi = abi > 0 ? (unsigned)abi : 0;
	probe_listener(out);
	out->seccomp_killable_wait = sys_seccomp_has_flags(
					     SECCOMP_FILTER_FLAG_NEW_LISTENER |
					     SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) == 1;
	/* Only a listener can be asked, which is too dear here: the broker falls back when this
	 * is wrong. */
	out->seccomp_sync_wake = probe_release(6, 6);
	processors_and_memory(out);
	out->time_namespaces = access("/proc/self/ns/time", F_OK) == 0;
	out->has_newuidmap = !out->privileged && probe_id_helpers(); /* the privileged write maps */
	probe_cgroup(out->privileged, &out->cgroup);
	return 0;
}
