/*
 * Kernel wrappers and the probe: the parsers on texts, the rest against the running kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/probe.h"
#include "kern/scm.h"
#include "kern/subid.h"
#include "kern/sys.h"

/* Last: cmocka has a macro called fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- where the groups are ---- */

enum { MEMORY, CPU, PIDS, IO };

static const struct layout {
	const char *what, *groups, *mounts[4];
	unsigned v1; /* which v1 place is looked at */
	const char *mount, *own, *v1_own;
} layouts[] = {
	{ "v2 alone",
	  "0::/user.slice/a.scope\n",
	  { "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate" },
	  MEMORY,
	  "/sys/fs/cgroup",
	  "/sys/fs/cgroup/user.slice/a.scope",
	  "" },
	{ "own group is the root",
	  "0::/\n",
	  { "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 none rw" },
	  MEMORY,
	  "/sys/fs/cgroup",
	  "/sys/fs/cgroup",
	  "" },
	{ "spaces and backslashes",
	  "0::/a b\n",
	  { "35 24 0:30 / /mnt/my\\040cg\\134x rw - cgroup2 none rw" },
	  MEMORY,
	  "/mnt/my cg\\x",
	  "/mnt/my cg\\x/a b",
	  "" },
	{ "hybrid, two controllers together",
	  "5:pids:/\n4:cpu,cpuacct:/x/y\n0::/\n",
	  { "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw",
	    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw a:1 b:2 - cgroup cgroup rw,cpu,cpuacct",
	    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw" },
	  CPU,
	  "/sys/fs/cgroup/unified",
	  "/sys/fs/cgroup/unified",
	  "/sys/fs/cgroup/cpu,cpuacct/x/y" },
	{ "blkio is io",
	  "7:blkio:/b\n",
	  { "1 2 0:1 / /cg/blkio rw - cgroup c rw,blkio" },
	  IO,
	  "",
	  "",
	  "/cg/blkio/b" },
	{ "a container without a namespace: the mount shows its group",
	  "0::/docker/abc/deep\n",
	  { "35 24 0:30 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw" },
	  MEMORY,
	  "/sys/fs/cgroup",
	  "/sys/fs/cgroup/deep",
	  "" },
	{ "a mount of another group",
	  "0::/docker/abcd\n",
	  { "35 24 0:30 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw" },
	  MEMORY,
	  "/sys/fs/cgroup",
	  "",
	  "" },
	{ "outside of the namespace",
	  "0::/../other\n",
	  { "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 c rw" },
	  MEMORY,
	  "/sys/fs/cgroup",
	  "",
	  "" },
	{ "the first mount that shows the own group",
	  "0::/a/b\n",
	  { "1 2 0:3 /c /first rw - cgroup2 c rw", "1 2 0:3 /a /second rw - cgroup2 c rw",
	    "1 2 0:3 / /third rw - cgroup2 c rw" },
	  MEMORY,
	  "/second",
	  "/second/b",
	  "" },
	{ "a controller's name in a mount's path or options means nothing",
	  "4:memory:/\n",
	  { "1 2 0:3 / /memory rw,memory - tmpfs memory rw,memory",
	    "1 2 0:3 / /m rw - cgroup c rw,memoryx" },
	  MEMORY,
	  "",
	  "",
	  "" },
	{ "cut lines",
	  "4:memory\n0:\n:\nx\n0::/ok\n",
	  { "35 24 0:30 / /sys/fs/cgroup rw", "35 24 0:30 / /sys/fs/cgroup rw -", "35",
	    "35 24 0:30 / /cg rw - cgroup2 c rw" },
	  MEMORY,
	  "/cg",
	  "/cg/ok",
	  "" },
};

static void same(const struct layout *l, const char *got, const char *wanted)
{
	if (strcmp(got, wanted) != 0)
		fail_msg("%s: '%s' instead of '%s'", l->what, got, wanted);
}

static void places_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(layouts); i++) {
		const struct layout *l = &layouts[i];
		struct cgroup_places p;

		memset(&p, 0, sizeof p);
		cgroup_places_groups(&p, l->groups);
		for (size_t j = 0; j < COUNT(l->mounts) && l->mounts[j] != NULL; j++)
			cgroup_places_mount(&p, l->mounts[j]);
		same(l, p.v2.mount, l->mount);
		same(l, p.v2.own, l->own);
		same(l, p.v1[l->v1].own, l->v1_own);
	}
}

static void long_paths_are_no_paths(void **state)
{
	struct cgroup_places p;
	char line[3 * HOST_PATH_MAX], group[2 * HOST_PATH_MAX];

	(void)state;
	for (int len = HOST_PATH_MAX - 3; len < HOST_PATH_MAX + 3; len++) {
		memset(&p, 0, sizeof p);
		snprintf(group, sizeof group, "0::/%0*d\n", len - 1, 0);
		cgroup_places_groups(&p, group);
		assert_int_equal(strlen(p.v2.group), len < HOST_PATH_MAX ? len : 0);

		memset(&p, 0, sizeof p);
		cgroup_places_groups(&p, "0::/\n");
		snprintf(line, sizeof line, "1 2 0:3 / /%0*d rw - cgroup2 c rw", len - 1, 0);
		cgroup_places_mount(&p, line);
		assert_int_equal(strlen(p.v2.own), len < HOST_PATH_MAX ? len : 0);
	}
	/* Each fits, together they do not. */
	memset(&p, 0, sizeof p);
	snprintf(group, sizeof group, "0::/%0*d\n", 150, 0);
	cgroup_places_groups(&p, group);
	snprintf(line, sizeof line, "1 2 0:3 / /%0*d rw - cgroup2 c rw", 150, 0);
	cgroup_places_mount(&p, line);
	assert_string_equal(p.v2.own, "");
}

static void controllers_are_whole_words(void **state)
{
	(void)state;
	assert_int_equal(cgroup_bits_v2("cpuset cpu io memory hugetlb pids rdma misc\n"), 0xff);
	assert_int_equal(cgroup_bits_v2("memory"), CGROUP_MEMORY);
	assert_int_equal(cgroup_bits_v2("cpusets mem  blkio"), 0);
	assert_int_equal(cgroup_bits_v2("\n"), 0);
	assert_int_equal(cgroup_bits_v2(""), 0);
}

static void ids_are_counted_from_zero(void **state)
{
	static const struct {
		const char *map;
		uint32_t limit;
	} rows[] = {
		{ "         0          0 4294967295\n", UINT32_MAX },
		{ "0 1000 1\n", 1 },
		{ "1 100000 65536\n0 1000 1\n", 65537 },
		{ "0 1000 1\n2 100000 5\n", 1 },
		{ "5 0 10\n", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(probe_id_limit(rows[i].map), rows[i].limit);
}

/* ---- /etc/subuid and its like ---- */

static void ranges_of_a_user(void **state)
{
	static const char text[] =
		"bob:100000:65536\nalice:200000:65536\n1000:300000:1\n\nalicia:1:1\n"
		"# alice:0:9\nalice:400000:7";
	struct subid_ranges r = { 0 };
	struct arena a = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(subid_parse(&a, "f", text, "alice", 1000, &r, &e), 0);
	assert_int_equal(r.n, 3);
	assert_int_equal(r.at[0].first, 200000);
	assert_int_equal(r.at[1].first, 300000);
	assert_int_equal(r.at[2].count, 7);
	r.n = 0;
	assert_int_equal(subid_parse(&a, "f", text, NULL, 7, &r, &e), 0);
	assert_int_equal(r.n, 0);
	arena_free(&a);
}

static void own_lines_must_be_exact(void **state)
{
	static const char *const bad[] = {
		"alice:1\n",
		"alice:1:2:3\n",
		"alice::5\n",
		"alice:5:\n",
		"alice:-1:5\n",
		"alice:1:0\n",
		"alice:0x10:5\n",
		"alice:1 :5\n",
		"alice:4294967295:1\n",
		"alice:4294967290:10\n",
		"alice\n",
		"alice:1:2 \n",
		"alice:99999999999999999999999999999999999999999999:1\n",
	};
	struct subid_ranges r = { 0 };
	struct arena a = { 0 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char *text = arena_printf(&a, "bob:nonsense\n%s", bad[i]);

		assert_int_equal(subid_parse(&a, "/etc/subuid", text, "alice", 1000, &r, &e),
				 -EINVAL);
		assert_non_null(strstr(e.text, "/etc/subuid:2"));
		assert_int_equal(subid_parse(&a, "/etc/subuid", text, "carol", 1001, &r, &e), 0);
	}
	assert_int_equal(r.n, 0);
	arena_free(&a);
}

static void names_of_users(void **state)
{
	static const char text[] =
		"root:x:0:0:root:/root:/bin/sh\n+:::7:::\n+nis:x:1000:0:::\nshort:x:1000\n"
		":x:1000:0:::\nalice:x:1000:1000:,,,:/home/alice:/bin/sh\nalias:x:1000:1000:::\n";
	struct arena a = { 0 };

	(void)state;
	assert_string_equal(subid_parse_user(&a, text, 0), "root");
	assert_string_equal(subid_parse_user(&a, text, 1000), "alice");
	assert_null(subid_parse_user(&a, text, 7));
	arena_free(&a);
}

/* ---- wrappers ---- */

static void descriptors_travel(void **state)
{
	char got[8];
	int pair[2], fds[2], fd, other;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(scm_send(pair[0], "note", 4, fds[1]), 0);
	assert_int_equal(scm_receive(pair[1], got, sizeof got, &fd), 4);
	assert_memory_equal(got, "note", 4);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fd, "!", 1), 1);
	assert_int_equal(read(fds[0], got, 1), 1);

	assert_int_equal(scm_send(pair[0], "plain", 5, -1), 0);
	assert_int_equal(scm_receive(pair[1], got, sizeof got, &other), 5);
	assert_int_equal(other, -1);

	/* Too long: nothing of it is kept, its descriptor least of all. */
	assert_int_equal(scm_send(pair[0], "far too long", 12, fds[1]), 0);
	assert_int_equal(scm_receive(pair[1], got, sizeof got, &other), -EBADMSG);
	assert_int_equal(other, -1);
	close(fd);
	close(fds[1]);
	assert_int_equal(read(fds[0], got, 1), 0); /* no copy is left open */

	close(pair[0]);
	assert_int_equal(scm_receive(pair[1], got, sizeof got, &other), 0);
	assert_int_equal(scm_send(pair[1], "x", 1, -1), -EPIPE);
	close(pair[1]);
	close(fds[0]);
}

static void arrays_of_descriptors_travel(void **state)
{
	int pair[2], fds[2], got[3];
	char letter;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(scm_send_all(pair[0], (const int[]){ fds[1], -1, fds[0] }, 3), 0);
	assert_int_equal(scm_receive_all(pair[1], got, 3), 1);
	assert_true(got[0] >= 0 && got[1] == -1 && got[2] >= 0);
	assert_int_equal(write(got[0], "!", 1), 1);
	assert_int_equal(read(got[2], &letter, 1), 1);
	close(got[0]);
	close(got[2]);

	/* None of them there; fewer, and more, than were waited for. */
	assert_int_equal(scm_send_all(pair[0], (const int[]){ -1, -1 }, 2), 0);
	assert_int_equal(scm_receive_all(pair[1], got, 2), 1);
	assert_true(got[0] == -1 && got[1] == -1);
	assert_int_equal(scm_send_all(pair[0], (const int[]){ fds[0], fds[1] }, 2), 0);
	assert_int_equal(scm_receive_all(pair[1], got, 3), -EBADMSG);
	assert_int_equal(scm_send_all(pair[0], (const int[]){ fds[0], fds[1], fds[1] }, 3), 0);
	assert_int_equal(scm_receive_all(pair[1], got, 2), -EBADMSG);
	assert_true(got[0] == -1 && got[1] == -1);
	/* The bytes say another number than came. */
	assert_int_equal(scm_send(pair[0], "\1\1", 2, fds[0]), 0);
	assert_int_equal(scm_receive_all(pair[1], got, 2), -EBADMSG);
	assert_int_equal(scm_send_all(pair[0], got, 0), -EINVAL);
	assert_int_equal(scm_send_all(pair[0], got, SCM_ALL_MAX + 1), -EINVAL);

	close(fds[1]);
	assert_int_equal(read(fds[0], &letter, 1), 0); /* no copy is left open */
	close(pair[0]);
	assert_int_equal(scm_receive_all(pair[1], got, 2), 0);
	close(pair[1]);
	close(fds[0]);
}

static void several_descriptors_are_refused(void **state)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = { 0 };
	char got[4] = "x";
	struct iovec part = { .iov_base = got, .iov_len = 1 };
	int pair[2], fds[2], fd;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	for (size_t n = 2; n <= 8; n++) {
		struct msghdr m = { .msg_iov = &part,
				    .msg_iovlen = 1,
				    .msg_control = control,
				    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
		struct cmsghdr *c = (struct cmsghdr *)control;

		*c = (struct cmsghdr){ CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &fds[1], sizeof(int));
		assert_int_equal(sendmsg(pair[0], &m, 0), 1);
		assert_int_equal(scm_receive(pair[1], got, sizeof got, &fd), -EBADMSG);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], got, 1), 0);
	close(fds[0]);
	close(pair[0]);
	close(pair[1]);
}

static void children_by_pidfd(void **state)
{
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD,
				   .pidfd = (uintptr_t)&pidfd,
				   .exit_signal = SIGCHLD };
	struct rusage usage;
	siginfo_t info;
	pid_t pid = sys_clone3(&args);

	(void)state;
	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	assert_int_equal(sys_wait_pidfd(pidfd, WEXITED | WNOHANG, &info, NULL), 0);
	assert_int_equal(info.si_pid, 0);
	assert_int_equal(sys_pidfd_send_signal(pidfd, SIGTERM), 0);
	assert_int_equal(sys_wait_pidfd(pidfd, WEXITED, &info, &usage), 0);
	assert_int_equal(info.si_pid, pid);
	assert_int_equal(info.si_status, SIGTERM);
	assert_int_equal(sys_wait_pidfd(pidfd, WEXITED, &info, NULL), -ECHILD);
	assert_int_equal(sys_pidfd_send_signal(pidfd, SIGTERM), -ESRCH);
	close(pidfd);
}

/* In a child: what it takes cannot be given back. */
static int drop_all(void)
{
	struct sys_caps caps;

	if (sys_capget(&caps) < 0 || (geteuid() == 0 && (caps.permitted & 1) == 0))
		return 1;
	if (sys_capset(&(struct sys_caps){ 0 }) < 0 || sys_capget(&caps) < 0)
		return 2;
	if (caps.effective | caps.permitted | caps.inheritable)
		return 3;
	return sys_capset(&(struct sys_caps){ .permitted = UINT64_C(1)
							   << CAP_CHECKPOINT_RESTORE }) == -EPERM
		       ? 0
		       : 4;
}

/* Landlock on one folder, in a child. */
static int confine(void)
{
	OWN_FD usr = open("/usr", O_PATH | O_CLOEXEC);
	OWN_FD rules = sys_landlock_create(
		LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_READ_FILE, 0, 0);

	if (rules == -EOPNOTSUPP || rules == -ENOSYS)
		return 0;
	if (sys_landlock_add_path(rules, usr, LANDLOCK_ACCESS_FS_READ_DIR) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sys_landlock_restrict_self(rules, 0) < 0)
		return 1;
	if (open("/usr", O_RDONLY | O_DIRECTORY) < 0)
		return 2;
	return open("/etc", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES ? 0 : 3;
}

/* A filter that refuses getppid(2), in a child. */
static int filter(void)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 1;
	if (sys_seccomp_load(code, BPF_MAXINSNS + 1, 0) != -EINVAL)
		return 2;
	if (sys_seccomp_load(code, COUNT(code), 0) != 0)
		return 3;
	return syscall(SYS_getppid) == -1 && errno == EXDEV ? 0 : 4;
}

/* A private tmpfs, made, put in place and made read-only, in a child. */
static int mounts(void)
{
	OWN_FD fs = -1;
	OWN_FD at = -1;
	struct err e;
	char map[32], groups[32];

	snprintf(map, sizeof map, "0 %u 1", geteuid());
	snprintf(groups, sizeof groups, "0 %u 1", getegid());
	if (sys_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 0; /* not here */
	if (file_set(AT_FDCWD, "/proc/self/uid_map", map, &e) < 0)
		return 7;
	if (file_set(AT_FDCWD, "/proc/self/setgroups", "deny", &e) < 0 ||
	    file_set(AT_FDCWD, "/proc/self/gid_map", groups, &e) < 0)
		return 8;
	fs = sys_fsopen("tmpfs");
	if (fs < 0 || sys_fsconfig_string(fs, "size", "64k") < 0 || sys_fsconfig_create(fs) < 0)
		return 1;
	at = sys_fsmount(fs, MOUNT_ATTR_NOSUID);
	if (at < 0 || mkdirat(at, "one", 0700) < 0)
		return 2;
	if (sys_mount_setattr(at, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1) < 0)
		return 3;
	if (mkdirat(at, "two", 0700) == 0 || errno != EROFS)
		return 4;
	if (sys_move_mount(at, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return 5;
	return access("/tmp/one", F_OK) == 0 && sys_umount2("/tmp", MNT_DETACH) == 0 ? 0 : 6;
}

static void privileges_and_walls(void **state)
{
	static const struct {
		const char *name;
		int (*body)(void);
	} rows[] = {
		{ "capabilities", drop_all },
		{ "Landlock", confine },
		{ "seccomp", filter },
		{ "mounts", mounts },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(rows[i].body());
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("%s: status %#x", rows[i].name, status);
	}
}

static void paths_stay_below(void **state)
{
	OWN_FD tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(sys_openat2(tmp, "../etc", O_PATH | O_CLOEXEC, 0, RESOLVE_BENEATH),
			 -EXDEV);
	assert_int_equal(sys_openat2(tmp, "no-such-file", O_PATH | O_CLOEXEC, 0, RESOLVE_BENEATH),
			 -ENOENT);
}

static void memory_of_others(void **state)
{
	char here[6] = { 0 };
	static const char there[] = "hello";

	(void)state;
	assert_int_equal(sys_read_memory(getpid(), (uintptr_t)there, here, 6), 6);
	assert_string_equal(here, "hello");
	assert_int_equal(sys_read_memory(getpid(), 8, here, 6), -EFAULT);
}

/* ---- the probe ---- */

static void probe_agrees_with_the_kernel(void **state)
{
	struct host h;
	struct err e;

	(void)state;
	assert_int_equal(probe_host(&h, &e), 0);
	assert_int_equal(h.uid, getuid());
	assert_true(prctl(PR_CAPBSET_READ, h.last_capability) >= 0);
	assert_true(prctl(PR_CAPBSET_READ, h.last_capability + 1) < 0);
	assert_int_equal(sys_seccomp_has_flags(1u << 31), 0);
	assert_int_equal(sys_seccomp_has_action(0x12340000), 0);
	assert_int_equal(h.landlock_abi, sys_landlock_abi() > 0 ? sys_landlock_abi() : 0);
	if (h.cgroup.v2_parent[0] != '\0')
		assert_int_equal(
			strncmp(h.cgroup.v2_parent, h.cgroup.v2_mount, strlen(h.cgroup.v2_mount)),
			0);
}

static void check_explains_everything(void **state)
{
	struct check_rows rows = { 0 };
	struct arena a = { 0 };
	struct host h;
	struct err e;

	(void)state;
	assert_int_equal(probe_host(&h, &e), 0);
	assert_int_equal(probe_all(&a, &h, &rows, &e), 0);
	assert_true(rows.n >= 15);
	for (size_t i = 0; i < rows.n; i++) {
		assert_true(rows.at[i].layer[0] != '\0' && rows.at[i].feature[0] != '\0');
		assert_int_not_equal(rows.at[i].means[0], '\0');
		if (rows.at[i].state == CHECK_MISSING)
			assert_int_not_equal(rows.at[i].todo[0], '\0');
		if (strcmp(rows.at[i].feature, "sync wake") == 0)
			assert_int_equal(rows.at[i].state == CHECK_OK, h.seccomp_sync_wake);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
	assert_int_equal(errno, ECHILD);
	arena_free(&a);
}

/* ---- a process that dies with its parent, and one that borrows its memory ---- */

/* The follower begins when its parent is dead, and says so if it goes on all the same. */
static int follow(bool late)
{
	int ends[2], go[2], status;
	char c = 0;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);

	pid_t parent = fork();

	if (parent == 0) {
		pid_t self = getpid();

		if (fork() != 0) {
			close(go[1]);
			while (!late && read(go[0], &c, 1) < 0) /* until it follows */
				;
			_exit(0);
		}
		close(go[0]);
		while (late && getppid() == self)
			usleep(1000);
		sys_die_with(self);
		close(go[1]);
		for (int i = 0; !late && i < 1000; i++)
			usleep(10000); /* until the signal comes */
		(void)!write(ends[1], "!", 1);
		_exit(0);
	}
	close(ends[1]);
	close(go[0]);
	close(go[1]);
	assert_int_equal(waitpid(parent, &status, 0), parent);

	int n = (int)read(ends[0], &c, 1);

	close(ends[0]);
	return n;
}

static void followers_die(void **state)
{
	(void)state;
	assert_int_equal(follow(false), 0);
	assert_int_equal(follow(true), 0);
}

static int borrower(void *arg)
{
	*(pid_t *)arg = getpid();
	_exit(3);
}

static void memory_is_borrowed(void **state)
{
	pid_t pid = 0;

	(void)state;
	assert_int_equal(sys_borrow(borrower, &pid, 64 << 10, 0), 0);
	assert_true(pid > 0 && pid != getpid());
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* it was waited for */
	assert_int_equal(sys_borrow(borrower, &pid, SIZE_MAX / 2, 0), -ENOMEM);
	assert_int_equal(sys_borrow(borrower, &pid, 64 << 10, CLONE_THREAD), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(long_paths_are_no_paths),
		cmocka_unit_test(controllers_are_whole_words),
		cmocka_unit_test(ids_are_counted_from_zero),
		cmocka_unit_test(ranges_of_a_user),
		cmocka_unit_test(own_lines_must_be_exact),
		cmocka_unit_test(names_of_users),
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(arrays_of_descriptors_travel),
		cmocka_unit_test(several_descriptors_are_refused),
		cmocka_unit_test(children_by_pidfd),
		cmocka_unit_test(privileges_and_walls),
		cmocka_unit_test(paths_stay_below),
		cmocka_unit_test(memory_of_others),
		cmocka_unit_test(followers_die),
		cmocka_unit_test(memory_is_borrowed),
		cmocka_unit_test(probe_agrees_with_the_kernel),
		cmocka_unit_test(check_explains_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
