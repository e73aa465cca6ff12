/*
 * What of the machine's files is there, and what can be changed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define READ(name, path)                                                                           \
	CALL("read-" name, SYS_openat, (uintptr_t)AT_FDCWD, P(path), O_RDONLY | O_CLOEXEC)
#define WRITE(name, path)                                                                          \
	CALL("write-" name, SYS_openat, (uintptr_t)AT_FDCWD, P(path), O_WRONLY | O_CLOEXEC)

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void list(const char *path, char *say)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, by_name);

	for (int i = 0; i < n; i++)
		if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
			say_word(say, entries[i]->d_name);
	if (say[0] == '\0')
		strcpy(say, n < 0 ? strerrorname_np(errno) : "empty");
}

/* clang-format off */
static void list_home(char *say) { list("/home", say); }
static void list_home_user(char *say) { list("/home/user", say); }
static void list_var(char *say) { list("/var", say); }
static void list_run(char *say) { list("/run", say); }
static void list_dev(char *say) { list("/dev", say); }
static void list_shm(char *say) { list("/dev/shm", say); }
static void list_tmp(char *say) { list("/tmp", say); }
/* clang-format on */

/* ---- writing ---- */

static const char *const folders[] = {
	"/",          "/bin",      "/boot",      "/dev",     "/dev/mqueue", "/dev/pts",
	"/dev/shm",   "/etc",      "/etc/ssl",   "/home",    "/home/user",  "/lib",
	"/lib64",     "/media",    "/mnt",       "/opt",     "/proc",       "/root",
	"/run",       "/run/lock", "/sbin",      "/srv",     "/sys",        "/sys/fs/cgroup",
	"/tmp",       "/usr",      "/usr/bin",   "/usr/lib", "/usr/local",  "/usr/local/bin",
	"/usr/share", "/var",      "/var/cache", "/var/lib", "/var/log",    "/var/run",
	"/var/spool", "/var/tmp",  "/work",
};

static void writable(char *say)
{
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char path[PATH_MAX], real[PATH_MAX];

		if (realpath(folders[i], real) == NULL || strcmp(real, folders[i]) != 0)
			continue; /* a link's target has a row of its own */
		snprintf(path, sizeof path, "%s/zviz-probe-writes", folders[i]);
		if (mkdir(path, 0700) < 0)
			continue;
		rmdir(path);
		say_word(say, folders[i]);
	}
}

static long make_node(mode_t type, unsigned major_nr, unsigned minor_nr)
{
	long ret = outcome(mknod("/tmp/zviz-node", type | 0600, makedev(major_nr, minor_nr)));

	unlink("/tmp/zviz-node");
	return ret;
}

/* clang-format off */
static long node_char(void) { return make_node(S_IFCHR, 1, 1); }
static long node_null(void) { return make_node(S_IFCHR, 1, 3); }
static long node_block(void) { return make_node(S_IFBLK, 8, 0); }
static long node_fifo(void) { return make_node(S_IFIFO, 0, 0); }
/* clang-format on */

/* ---- out of the root ---- */

/* clang-format off */
static long link_program(void) { return outcome(link("/usr/bin/env", "/tmp/zviz-link")); }
static long link_etc(void) { return outcome(link("/etc/passwd", "/tmp/zviz-link")); }
static long rename_work(void) { return outcome(rename("/work", "/tmp/zviz-work")); }
static long rename_home(void) { return outcome(rename("/home/user", "/tmp/zviz-home")); }
/* clang-format on */

static long replace_passwd(void)
{
	int fd = open("/tmp/zviz-passwd", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	long ret = outcome(rename("/tmp/zviz-passwd", "/etc/passwd"));

	close(fd);
	unlink("/tmp/zviz-passwd");
	return ret;
}

static void up_from_work(char *say)
{
	struct stat here, root;

	if (chdir("/work") < 0) {
		strcpy(say, strerrorname_np(errno));
		return;
	}
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			break;
	if (stat(".", &here) < 0 || stat("/", &root) < 0)
		strcpy(say, strerrorname_np(errno));
	else
		strcpy(say, here.st_ino == root.st_ino && here.st_dev == root.st_dev ? "root"
										     : "elsewhere");
}

/* A folder that is moved while somebody stands in it: ".." then leads to where it is now, never
 * higher. */
static void up_after_rename(char *say)
{
	struct stat here, root;

	mkdir("/tmp/zviz-a", 0700);
	mkdir("/tmp/zviz-a/b", 0700);
	if (chdir("/tmp/zviz-a/b") < 0 || rename("/tmp/zviz-a/b", "/tmp/zviz-b") < 0) {
		strcpy(say, strerrorname_np(errno));
		return;
	}
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			break;
	if (stat(".", &here) < 0 || stat("/", &root) < 0)
		strcpy(say, strerrorname_np(errno));
	else
		strcpy(say, here.st_ino == root.st_ino && here.st_dev == root.st_dev ? "root"
										     : "elsewhere");
	rmdir("/tmp/zviz-b");
	rmdir("/tmp/zviz-a");
}

static void where_am_i(char *say)
{
	char path[SAY_MAX];

	/* The kernel says "(unreachable)/…" of a folder outside the root. */
	if (syscall(SYS_getcwd, path, sizeof path) < 0)
		strcpy(say, strerrorname_np(errno));
	else
		snprintf(say, SAY_MAX, "%s", path);
}

/* ---- programs with privileges of their own ---- */

static void set_uid_copy(char *say)
{
	int fd[2], status;
	pid_t pid;
	ssize_t n;

	if (access("/work/set-uid-probe", X_OK) < 0 || pipe(fd) < 0) {
		strcpy(say, "not-there");
		return;
	}
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], 1);
		execl("/work/set-uid-probe", "probe", "ids", NULL);
		_exit(127);
	}
	close(fd[1]);
	n = read(fd[0], say, SAY_MAX - 1);
	waitpid(pid, &status, 0);
	say[n > 0 ? n : 0] = '\0';
	say[strcspn(say, "\n")] = '\0';
}

/* Words of /proc/self/mountinfo's sixth field, between commas. */
static bool has_option(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = options; (at = strstr(at, word)) != NULL; at += len)
		if ((at == options || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

/* Each mount but devices must be nosuid, and nodev outside /dev; what is not is listed. */
static void weak_mounts(char *say)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], target[1024], options[512];
	int n = 0;

	for (; f != NULL && fgets(line, sizeof line, f) != NULL; n++) {
		if (sscanf(line, "%*s %*s %*s %*s %1023s %511s", target, options) != 2)
			continue;
		if (!has_option(options, "nosuid") ||
		    (!has_option(options, "nodev") && strncmp(target, "/dev", 4) != 0 &&
		     strncmp(target, "/proc/", 6) != 0))
			say_word(say, target);
	}
	if (say[0] == '\0')
		strcpy(say, n > 0 ? "none" : "unreadable");
}

/* Written, made executable, run. */
static long run_written(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0700), status;
	static const char script[] = "#!/bin/sh\nexit 0\n";
	pid_t pid;

	if (fd < 0 || write(fd, script, sizeof script - 1) < 0 || fchmod(fd, 0700) < 0)
		return -errno;
	close(fd);
	pid = fork();
	if (pid == 0) {
		execl(path, path, NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	unlink(path);
	return -WEXITSTATUS(status);
}

/* clang-format off */
static long run_from_tmp(void) { return run_written("/tmp/zviz-script"); }
static long run_from_shm(void) { return run_written("/dev/shm/zviz-script"); }
/* clang-format on */

static long chown_other(void)
{
	int fd = open("/tmp/zviz-owned", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	long ret = outcome(fchown(fd, 4242, 4242));

	unlink("/tmp/zviz-owned");
	return ret;
}

/* Standard output is the caller's file: opened again by its magic link it could be read, or cut. */
static long reopen_stdout(void)
{
	return outcome(open("/proc/self/fd/1", O_RDWR | O_CLOEXEC));
}

/* clang-format off */
const struct probe file_probes[] = {
	READ("shadow",          "/etc/shadow"),
	READ("gshadow",         "/etc/gshadow"),
	READ("sudoers",         "/etc/sudoers"),
	READ("host-keys",       "/etc/ssh"),
	READ("private-keys",    "/etc/ssl/private"),
	READ("machine-id",      "/etc/machine-id"),
	READ("fstab",           "/etc/fstab"),
	READ("root-home",       "/root"),
	READ("docker.sock",     "/var/run/docker.sock"),
	READ("containerd.sock", "/run/containerd/containerd.sock"),
	READ("var-lib",         "/var/lib"),
	READ("boot",            "/boot"),
	READ("mem",             "/dev/mem"),
	READ("kmsg",            "/dev/kmsg"),
	READ("kvm",             "/dev/kvm"),
	READ("fuse",            "/dev/fuse"),
	READ("tun",             "/dev/net/tun"),
	READ("disk",            "/dev/vda"),
	READ("sys",             "/sys"),
	READ("cgroup",          "/sys/fs/cgroup"),
	READ("passwd",          "/etc/passwd"),
	TELL("list-home",       list_home),
	TELL("list-home-user",  list_home_user),
	TELL("list-var",        list_var),
	TELL("list-run",        list_run),
	TELL("list-dev",        list_dev),
	TELL("list-shm",        list_shm),
	TELL("list-tmp",        list_tmp),
	TELL("writable",        writable),
	WRITE("passwd",         "/etc/passwd"),
	WRITE("program",        "/usr/bin/env"),
	WRITE("null",           "/dev/null"),
	CALL("create-usr",      SYS_openat, (uintptr_t)AT_FDCWD, P("/usr/zviz-probe"), O_CREAT | O_WRONLY, 0600),
	CALL("create-etc",      SYS_openat, (uintptr_t)AT_FDCWD, P("/etc/zviz-probe"), O_CREAT | O_WRONLY, 0600),
	CALL("create-root",     SYS_openat, (uintptr_t)AT_FDCWD, P("/zviz-probe"), O_CREAT | O_WRONLY, 0600),
	CALL("truncate-passwd", SYS_truncate, P("/etc/passwd"), 0),
	CALL("truncate-program", SYS_truncate, P("/usr/bin/env"), 0),
	CALL("chmod-program",   SYS_fchmodat, (uintptr_t)AT_FDCWD, P("/usr/bin/env"), 04755),
	RUN("mknod-mem",        node_char),
	RUN("mknod-null",       node_null),
	RUN("mknod-disk",       node_block),
	RUN("mknod-fifo",       node_fifo),
	RUN("link-program",     link_program),
	RUN("link-passwd",      link_etc),
	RUN("rename-work",      rename_work),
	RUN("rename-home",      rename_home),
	RUN("replace-passwd",   replace_passwd),
	TELL("up-from-work",    up_from_work),
	TELL("up-after-rename", up_after_rename),
	TELL("cwd",             where_am_i),
	TELL("set-uid-copy",    set_uid_copy),
	TELL("weak-mounts",     weak_mounts),
	RUN("run-from-tmp",     run_from_tmp),
	RUN("run-from-shm",     run_from_shm),
	RUN("chown-other",      chown_other),
	RUN("reopen-stdout",    reopen_stdout),
	{ 0 }
};
