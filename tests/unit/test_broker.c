/*
 * The broker against real processes: see broker_world.h. test_broker_load has what many calls and bad luck do to it.
 */
#include "broker_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/broker.h"
#include "kern/sys.h"
#include "policy/bpf.h"
#include "policy/event.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct file_rule everything[] = { { "/", { .file = "t", .line = 1 } } };

static void run_with(struct broker_plan plan, void (*workload)(void))
{
	world_run(&(struct world){ .workload = workload, .plan = plan });
}

static void run(void (*workload)(void))
{
	run_with(world_plan(), workload);
}

/* ---- helpers of the workload ---- */

static int openat2_how(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	int r = sys_openat2(dir, path, flags, mode, resolve);

	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

static mode_t mode_of(int fd)
{
	struct stat st;

	EXPECT(fstat(fd, &st) == 0);
	return st.st_mode & 07777;
}

/* ---- cases ---- */

static void opens(void)
{
	int dir, fd;

#ifdef SYS_open
	expect_text((int)syscall(SYS_open, "/t/f", O_RDONLY), "text");
	fd = (int)syscall(SYS_creat, "/t/w/created", 0666);
	EXPECT(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
#endif
	expect_text(openat(AT_FDCWD, "f", O_RDONLY), "text");
	expect_text(openat(AT_FDCWD, "./w/../link", O_RDONLY), "text");
	dir = open("/t/w", O_RDONLY | O_DIRECTORY);
	expect_text(openat(dir, "f", O_RDONLY), "text");
	expect_text(openat(dir, "../f", O_RDONLY), "text");
	expect_text(openat2_how(dir, "f", O_RDONLY, 0, RESOLVE_BENEATH), "text");
	expect_text(openat2_how(dir, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT), "text");
	EXPECT_ERRNO(openat2_how(dir, "../f", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	EXPECT_ERRNO(openat2_how(AT_FDCWD, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
	fd = openat2_how(dir, "beneath", O_CREAT | O_RDWR, 0600, RESOLVE_BENEATH);
	EXPECT(fd >= 0 && mode_of(fd) == 0600 && close(fd) == 0);
	EXPECT(chdir("w") == 0);
	expect_text(open("f", O_RDONLY), "text");
	EXPECT(unlinkat(dir, "beneath", 0) == 0 && close(dir) == 0);
	/* the flags of the result */
	fd = open("/t/f", O_RDONLY | O_CLOEXEC);
	EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC &&
	       (fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == O_RDONLY);
	EXPECT(close(fd) == 0);
	fd = open("/t/w/f", O_RDWR | O_APPEND | O_NONBLOCK);
	EXPECT(fcntl(fd, F_GETFD) == 0);
	EXPECT((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) ==
	       (O_RDWR | O_APPEND | O_NONBLOCK));
	EXPECT(close(fd) == 0);
	fd = open("/t/f", O_PATH);
	EXPECT(fd >= 0 && (fcntl(fd, F_GETFL) & O_PATH) && close(fd) == 0);
	fd = open("/t/link", O_PATH | O_NOFOLLOW);
	EXPECT(fd >= 0 && close(fd) == 0);
	EXPECT_ERRNO(openat2_how(AT_FDCWD, "/t/f", O_PATH, 0, 0), ENOSYS);
}

static void errors(void)
{
	char long_path[PATH_MAX + 8];
	unsigned char how[64] = { 0 };
	long page = sysconf(_SC_PAGESIZE);
	char *edge = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(edge != MAP_FAILED && munmap(edge + page, (size_t)page) == 0);
	EXPECT_ERRNO(open("/t/missing", O_RDONLY), ENOENT);
	EXPECT_ERRNO(open("/t/missing/f", O_RDWR | O_CREAT, 0600), ENOENT);
	EXPECT_ERRNO(open("", O_RDONLY), ENOENT);
	EXPECT_ERRNO(open("/t/f/g", O_RDONLY), ENOTDIR);
	EXPECT_ERRNO(open("/t/f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	EXPECT_ERRNO(open("/t/loop", O_RDONLY), ELOOP);
	EXPECT_ERRNO(open("/t/link", O_RDONLY | O_NOFOLLOW), ELOOP);
	EXPECT_ERRNO(open("/t/none", O_RDONLY), EACCES);
	EXPECT_ERRNO(open("/t/w", O_RDWR), EISDIR);
	EXPECT_ERRNO(open("/t/w", O_RDONLY | O_CREAT, 0600), EISDIR);
	EXPECT_ERRNO(open("/t/w/new/", O_RDWR | O_CREAT, 0600), EISDIR);
	EXPECT_ERRNO(openat(99, "f", O_RDONLY), EBADF);
	EXPECT_ERRNO(openat(-7, "f", O_RDONLY), EBADF);
	EXPECT_ERRNO(open((const char *)8, O_RDONLY), EFAULT);
	memset(long_path, 'a', sizeof long_path);
	long_path[sizeof long_path - 1] = '\0';
	EXPECT_ERRNO(open(long_path, O_RDONLY), ENAMETOOLONG);
	/* a string that ends with its page, and one that does not end there */
	memcpy(edge + page - 5, "/t/f", 5);
	expect_text(open(edge + page - 5, O_RDONLY), "text");
	edge[page - 1] = 'x';
	EXPECT_ERRNO(open(edge + page - 5, O_RDONLY), EFAULT);
	/* openat2's structure: short, long with and without content, invalid flags and modes */
	EXPECT_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", how, 8), EINVAL);
	EXPECT_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", how, 5000), E2BIG);
	expect_text((int)syscall(SYS_openat2, AT_FDCWD, "f", how, sizeof how), "text");
	how[60] = 1;
	EXPECT_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", how, sizeof how), E2BIG);
	EXPECT_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", (void *)8, 24), EFAULT);
	EXPECT_ERRNO(openat2_how(AT_FDCWD, "f", 1ULL << 40, 0, 0), EINVAL);
	EXPECT_ERRNO(openat2_how(AT_FDCWD, "f", O_RDONLY, 0600, 0), EINVAL);
	EXPECT_ERRNO(openat2_how(AT_FDCWD, "f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT),
		     EINVAL);
	EXPECT_ERRNO(openat2_how(AT_FDCWD, "f", O_RDONLY, 0, RESOLVE_CACHED), EAGAIN);
	EXPECT_ERRNO(open("/t/w", O_TMPFILE | O_RDONLY, 0600), EINVAL);
}

static void creation(void)
{
	int fd = open("/t/w/new", O_CREAT | O_RDWR | O_EXCL, 0666);

	EXPECT(fd >= 0 && mode_of(fd) == 0644 && close(fd) == 0);
	EXPECT_ERRNO(open("/t/w/new", O_CREAT | O_RDWR | O_EXCL, 0666), EEXIST);
	EXPECT_ERRNO(open("/t/w/dangling", O_CREAT | O_RDWR | O_EXCL, 0666), EEXIST);
	EXPECT_ERRNO(open("/t/w/dangling", O_CREAT | O_RDWR | O_NOFOLLOW, 0666), ELOOP);
	umask(077);
	fd = open("/t/w/dangling", O_CREAT | O_RDWR, 0666);
	EXPECT(fd >= 0 && mode_of(fd) == 0600 && close(fd) == 0 &&
	       access("/t/w/nowhere", F_OK) == 0);
	umask(0);
	fd = open("w/d/deep", O_CREAT | O_WRONLY, 04777);
	EXPECT(fd >= 0 && mode_of(fd) == 04777 && close(fd) == 0);
	fd = open("/t/w/f", O_WRONLY | O_TRUNC);
	EXPECT(fd >= 0 && lseek(fd, 0, SEEK_END) == 0 && close(fd) == 0);
	fd = open("/t/w", O_TMPFILE | O_RDWR, 0640);
	EXPECT(fd >= 0 && mode_of(fd) == 0640 && write(fd, "x", 1) == 1 && close(fd) == 0);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* What names do for whoever asks as the kernel wants it. */
static void names(void)
{
	struct stat st;
	int dir = open("/t/w", O_RDONLY | O_DIRECTORY), fd;

	EXPECT(mkdir("/t/w/n", 0777) == 0 && stat("/t/w/n", &st) == 0 &&
	       (st.st_mode & 07777) == 0755);
	EXPECT(chdir("/t/w/n") == 0);
	EXPECT(mknod("made", S_IFREG | 0666, 0) == 0 && stat("made", &st) == 0 &&
	       (st.st_mode & 07777) == 0644);
	EXPECT(mkfifo("fifo", 0600) == 0 && symlink("made", "soft") == 0);
	EXPECT(rename("made", "moved") == 0 && !is_there("made") && is_there("moved"));
	EXPECT(renameat(AT_FDCWD, "moved", dir, "n/made") == 0);
	EXPECT(link("made", "twin") == 0 && stat("twin", &st) == 0 && st.st_nlink == 2);
	EXPECT(linkat(dir, "n/soft", AT_FDCWD, "soft2", 0) == 0 && lstat("soft2", &st) == 0 &&
	       S_ISLNK(st.st_mode));
	EXPECT(linkat(dir, "n/soft", AT_FDCWD, "third", AT_SYMLINK_FOLLOW) == 0 &&
	       lstat("third", &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 3);
	EXPECT(syscall(SYS_renameat2, AT_FDCWD, "fifo", AT_FDCWD, "twin", RENAME_EXCHANGE) == 0);
	EXPECT(lstat("twin", &st) == 0 && S_ISFIFO(st.st_mode));
	EXPECT_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "made", AT_FDCWD, "twin", RENAME_NOREPLACE),
		     EEXIST);
	EXPECT(mkdirat(dir, "n/sub/", 0700) == 0 && rename("sub/", "sub2") == 0 &&
	       rmdir("sub2/") == 0);
	EXPECT(truncate("/t/w/f", 2) == 0);
	expect_text(open("/t/w/f", O_RDONLY), "te");
	EXPECT(truncate("/t/w/n/../f", 0) == 0 && stat("/t/w/f", &st) == 0 && st.st_size == 0);
	/* a file without a name, which gets one through /proc */
	char self[64];

	fd = open("/t/w", O_TMPFILE | O_RDWR, 0600);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	EXPECT(fd >= 0 && write(fd, "late", 4) == 4 &&
	       linkat(AT_FDCWD, self, dir, "n/late", AT_SYMLINK_FOLLOW) == 0 && close(fd) == 0);
	expect_text(open("late", O_RDONLY), "late");
	EXPECT(unlink("late") == 0 && unlink("soft") == 0 && unlinkat(dir, "n/soft2", 0) == 0 &&
	       unlink("third") == 0 && unlink("fifo") == 0 && unlink("twin") == 0 &&
	       unlink("made") == 0);
	EXPECT(chdir("/t") == 0 && unlinkat(dir, "n", AT_REMOVEDIR) == 0 && !is_there("/t/w/n"));
	EXPECT(close(dir) == 0);
}

static void names_errors(void)
{
	char long_name[NAME_MAX + 2];

	memset(long_name, 'a', sizeof long_name);
	long_name[sizeof long_name - 1] = '\0';
	EXPECT_ERRNO(mkdir("", 0700), ENOENT);
	EXPECT_ERRNO(mkdir("/", 0700), EEXIST);
	EXPECT_ERRNO(mkdir("/t/w/..", 0700), EEXIST);
	EXPECT_ERRNO(mkdir("/t/w/d", 0700), EEXIST);
	EXPECT_ERRNO(mkdir("/t/r", 0700),
		     EEXIST); /* before it is asked whether /t may be written to */
	EXPECT_ERRNO(mkdir("/t/f/x", 0700), ENOTDIR);
	EXPECT_ERRNO(mkdir("/t/w/missing/x", 0700), ENOENT);
	EXPECT_ERRNO(mkdir(long_name, 0700), ENAMETOOLONG);
	EXPECT_ERRNO(mkdir((const char *)8, 0700), EFAULT);
	EXPECT_ERRNO(mkdirat(99, "x", 0700), EBADF);
	EXPECT_ERRNO(unlink("/t/w/missing"), ENOENT);
	EXPECT_ERRNO(unlink("/t/w/d"), EISDIR);
	EXPECT_ERRNO(rmdir("/t/w/f"), ENOTDIR);
	EXPECT_ERRNO(rmdir("/t/w/."), EINVAL);
	EXPECT_ERRNO(unlinkat(AT_FDCWD, "/t/w/f", 0x10), EINVAL);
	EXPECT_ERRNO(unlink("/t/w/f/"), ENOTDIR);
	EXPECT_ERRNO(rename("/t/w/f", "/t/w/new/"), ENOTDIR);
	EXPECT_ERRNO(rename("/t/w/d", "/t/w/d/below"), EINVAL);
	EXPECT_ERRNO(rename("/t/w/missing", "/t/r/x"), ENOENT);
	EXPECT_ERRNO(rename("/t/w/..", "/t/w/x"), EBUSY);
	EXPECT_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "/t/w/f", AT_FDCWD, "/t/w/g", 4), EINVAL);
	EXPECT_ERRNO(
		syscall(SYS_renameat2, AT_FDCWD, "/t/w/f", AT_FDCWD, "/t/w/g", RENAME_EXCHANGE),
		ENOENT);
	EXPECT_ERRNO(link("/t/w/d", "/t/w/twin"), EPERM);
	EXPECT_ERRNO(link("/t/w/f", "/t/w/d"), EEXIST);
	EXPECT_ERRNO(linkat(AT_FDCWD, "/t/w/f", AT_FDCWD, "/t/w/g", 0x10), EINVAL);
	EXPECT_ERRNO(symlink("x", "/t/w/f"), EEXIST);
	EXPECT_ERRNO(symlink("", "/t/w/g"), ENOENT);
	EXPECT_ERRNO(mknod("/t/w/device", S_IFCHR | 0600, makedev(1, 1)), EPERM);
	EXPECT_ERRNO(truncate("/t/w/f", -1), EINVAL);
	EXPECT_ERRNO(truncate("/t/w/d", 0), EISDIR);
	EXPECT_ERRNO(truncate("/t/w/fifo", 0), EINVAL);
	EXPECT_ERRNO(truncate("/t/w/missing", 0), ENOENT);
	EXPECT(is_there("/t/w/f") && is_there("/t/w/d"));
}

/* Paths that do not end where a path has to: what is told of the call goes no further than what was read. */
static void unended(void)
{
	static char text[3 * PATH_MAX];
	const size_t page = 4096;
	char *edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);

	EXPECT(edge != MAP_FAILED && munmap(edge + page, page) == 0);
	for (size_t i = 0; i < sizeof text - 1; i++)
		text[i] = i % 100 == 0 ? '/' : 'a';
	memcpy(edge, text, page);
	EXPECT_ERRNO(rename(text, text + PATH_MAX), ENAMETOOLONG);
	EXPECT_ERRNO(rename(edge + 100, edge + 200), EFAULT);
	EXPECT_ERRNO(link(text, text), ENAMETOOLONG);
	EXPECT_ERRNO(symlink(text, edge), ENAMETOOLONG);
	EXPECT_ERRNO(open(text, O_RDONLY), ENAMETOOLONG);
	EXPECT_ERRNO(open(edge + 100, O_RDONLY), EFAULT);
	expect_text(open("/t/f", O_RDONLY), "text");
}

/* Each way around a pattern, and around the folders that may be written to. */
static void names_rules(void)
{
	int dir = open("/t", O_RDONLY | O_DIRECTORY), fd;

	EXPECT_ERRNO(mkdir("/t/r/x", 0700), EACCES);
	EXPECT_ERRNO(unlink("/t/f"), EACCES);
	EXPECT_ERRNO(rename("/t/f", "/t/w/mine"), EACCES);
	EXPECT_ERRNO(rename("/t/w/f", "/t/r/f2"), EACCES);
	EXPECT_ERRNO(link("/t/.env", "/t/w/harmless"), EACCES);
	EXPECT_ERRNO(truncate("/t/f", 0), EACCES);
	EXPECT_ERRNO(unlink("/t/ro/f"), EROFS);
	EXPECT_ERRNO(rename("/t/ro/f", "/t/w/mine"), EXDEV);
	EXPECT_ERRNO(rename("/t/f", "/proc/mine"), EXDEV);
	EXPECT_ERRNO(link("/t/ro/f", "/t/w/mine"), EXDEV);
	/* what must not be read keeps its name, in its folder too */
	fd = open("/t/w/.env", O_CREAT | O_WRONLY, 0600);
	EXPECT(fd >= 0 && write(fd, "secret", 6) == 6 && close(fd) == 0);
	EXPECT_ERRNO(rename("/t/w/.env", "/t/w/harmless"), EACCES);
	EXPECT_ERRNO(renameat(dir, "w/.env", dir, "w/d/harmless"), EACCES);
	EXPECT_ERRNO(link("/t/w/.env", "/t/w/harmless"), EACCES);
	EXPECT(symlink(".env", "/t/w/alias") == 0);
	EXPECT_ERRNO(open("/t/w/alias", O_RDONLY), EACCES);
	EXPECT_ERRNO(linkat(AT_FDCWD, "/t/w/alias", AT_FDCWD, "/t/w/harmless", AT_SYMLINK_FOLLOW),
		     EACCES);
	EXPECT_ERRNO(
		syscall(SYS_renameat2, AT_FDCWD, "/t/w/f", AT_FDCWD, "/t/w/.env", RENAME_EXCHANGE),
		EACCES);
	EXPECT(rename("/t/w/.env", "/t/w/d/.env") == 0); /* still called so */
	EXPECT(rename("/t/w/d", "/t/w/e") == 0);
	EXPECT_ERRNO(open("/t/w/e/.env", O_RDONLY), EACCES);
	EXPECT(rename("/t/w/f", "/t/w/e/.env") == 0); /* nothing is shown by that */
	/* what must not be written stays where it is, and nothing gets there */
	EXPECT_ERRNO(rename("/t/w/hooks", "/t/w/h2"), EACCES);
	EXPECT_ERRNO(rename("/t/w/hooks/h", "/t/w/h2"), EACCES);
	EXPECT_ERRNO(link("/t/w/hooks/h", "/t/w/h2"), EACCES);
	EXPECT_ERRNO(unlink("/t/w/hooks/h"), EACCES);
	EXPECT_ERRNO(truncate("/t/w/hooks/h", 0), EACCES);
	EXPECT_ERRNO(mkdir("/t/w/hooks/sub", 0700), EACCES);
	EXPECT_ERRNO(symlink("/t/w/e", "/t/w/hooks/sub"), EACCES);
	EXPECT_ERRNO(mknod("/t/w/hooks/x", S_IFIFO | 0600, 0), EACCES);
	EXPECT_ERRNO(rename("/t/w/e/.env", "/t/w/hooks/x"), EACCES);
	EXPECT_ERRNO(link("/t/w/e/.env", "/t/w/hooks/x"), EACCES);
	EXPECT(mkdir("/t/w/evil", 0700) == 0 && mkdir("/t/w/evil/sub", 0700) == 0);
	EXPECT_ERRNO(rename("/t/w/evil", "/t/w/e/hooks"), EACCES);
	EXPECT_ERRNO(symlink("../evil", "/t/w/e/hooks"), EACCES);
	EXPECT(symlink("evil", "/t/w/lnk") == 0);
	EXPECT_ERRNO(rename("/t/w/lnk", "/t/w/e/hooks"), EACCES);
	EXPECT_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "/t/w/evil", AT_FDCWD, "/t/w/hooks",
			     RENAME_EXCHANGE),
		     EACCES);
	EXPECT(rename("/t/w/evil", "/t/w/good") == 0);
	EXPECT(is_there("/t/w/hooks/h") && !is_there("/t/w/harmless") && !is_there("/t/w/h2"));
	EXPECT(close(dir) == 0);
}

static void rules(void)
{
	char self[64];
	int fd;

	EXPECT_ERRNO(open("/t/.env", O_RDONLY), EACCES);
	EXPECT_ERRNO(open(".env", O_RDONLY), EACCES);
	fd = open("/t/w/../.env", O_PATH);
	EXPECT(fd >= 0);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	EXPECT_ERRNO(open(self, O_RDONLY), EACCES);
	EXPECT_ERRNO(syscall(SYS_openat2, fd, "", &(struct open_how){ 0 }, sizeof(struct open_how)),
		     ENOENT);
	EXPECT(close(fd) == 0);
	EXPECT(symlink("../.env", "/t/w/innocent") == 0);
	EXPECT_ERRNO(open("/t/w/innocent", O_RDONLY), EACCES);
	EXPECT_ERRNO(open("/t/w/hooks/h", O_WRONLY), EACCES);
	EXPECT_ERRNO(open("/t/w/hooks/new", O_WRONLY | O_CREAT, 0600), EACCES);
	expect_text(open("/t/w/hooks/h", O_RDONLY), "text");
	EXPECT_ERRNO(open("/t/r/f", O_WRONLY), EACCES);
	EXPECT_ERRNO(open("/t/r/f", O_RDONLY | O_TRUNC), EACCES);
	EXPECT_ERRNO(open("/t/r/new", O_RDONLY | O_CREAT, 0600), EACCES);
	EXPECT_ERRNO(open("/t/r", O_TMPFILE | O_RDWR, 0600), EACCES);
	expect_text(open("/t/r/f", O_RDONLY), "text");
	EXPECT_ERRNO(open("/t/ro/f", O_RDWR), EROFS);
	EXPECT_ERRNO(open("/t/ro/new", O_RDWR | O_CREAT, 0600), EROFS);
	EXPECT_ERRNO(open("/t/hidden", O_RDONLY), ENOENT);
	EXPECT_ERRNO(open("/t/wx", O_WRONLY | O_CREAT, 0600), EACCES); /* not below /t/w */
	fd = open("/dev/null", O_RDWR);
	EXPECT(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
	/* A file that lost its name keeps its rule. */
	fd = open("/t/w/d/gone", O_CREAT | O_RDWR, 0600);
	EXPECT(fd >= 0 && unlink("/t/w/d/gone") == 0);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);

	int again = open(self, O_RDWR); /* through what the caller holds itself */

	EXPECT(again >= 0 && close(again) == 0 && close(fd) == 0);
	fd = open("/t/r/f", O_RDONLY);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	EXPECT_ERRNO(open(self, O_RDWR), EACCES); /* which does not grant more than it has */
	EXPECT(close(fd) == 0);
}

static void registers(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(fd >= 0 && close(fd) == 0);
	EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, 0), EACCES);
	/* rubbish in the upper half changes nothing */
	EXPECT_ERRNO(syscall(SYS_socket, 0x100000000L | AF_INET, SOCK_STREAM, 0), EACCES);
	EXPECT(syscall(SYS_prctl, 0xff00000000L | PR_GET_DUMPABLE, 0, 0, 0, 0) == 1);
	EXPECT_ERRNO(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), EPERM);
	EXPECT_ERRNO(unshare(CLONE_NEWUSER), EPERM);
	EXPECT(unshare(CLONE_FS) == 0);
	EXPECT_ERRNO(syscall(SYS_getpriority, 0, 0), EPERM);
}

static void *thread_self(void *arg)
{
	char path[64], link[64] = { 0 };
	int fd;

	(void)arg;
	snprintf(path, sizeof path, "/proc/%d/task/%d", getpid(), gettid());
	fd = open("/proc/thread-self", O_PATH | O_DIRECTORY);
	EXPECT(fd >= 0);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);

	char got[64] = { 0 };

	EXPECT(readlink(link, got, sizeof got - 1) > 0 && strcmp(got, path) == 0 && close(fd) == 0);
	EXPECT(chdir("/t/w") == 0);
	expect_text(open("../f", O_RDONLY), "text");
	return NULL;
}

static void proc_self(void)
{
	char text[256] = { 0 }, pid[16];
	pthread_t thread;
	int fd = open("/proc/self/stat", O_RDONLY), pipes[2];

	snprintf(pid, sizeof pid, "%d (", getpid());
	EXPECT(fd >= 0 && read(fd, text, sizeof text - 1) > 0 &&
	       strncmp(text, pid, strlen(pid)) == 0);
	EXPECT(close(fd) == 0);
	fd = open("/proc/mounts", O_RDONLY);
	EXPECT(fd >= 0 && close(fd) == 0);
	EXPECT(chdir("/proc") == 0);
	fd = open("self/comm", O_RDWR);
	EXPECT(fd >= 0 && write(fd, "renamed", 7) == 7 && close(fd) == 0);
	expect_text(open("/proc/self/comm", O_RDONLY), "renamed\n");
	expect_text(open("/proc/self/root/t/f", O_RDONLY), "text");
	EXPECT(chdir("/t") == 0);
	expect_text(open("/proc/self/cwd/f", O_RDONLY), "text");
	EXPECT_ERRNO(open("/proc/self/cwd/.env", O_RDONLY), EACCES);
	EXPECT_ERRNO(open("/proc/self/missing", O_RDONLY), ENOENT);
	EXPECT_ERRNO(open("/proc/self", O_RDONLY | O_NOFOLLOW), ELOOP);
	fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	EXPECT(fd >= 0 && close(fd) == 0);
	/* what scripts write: > /dev/stdout, < /dev/stdin, /dev/fd/N, onto pipes */
	EXPECT(pipe(pipes) == 0 && dup2(pipes[1], 1) == 1 && dup2(pipes[0], 0) == 0);
	fd = open("/dev/stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666);
	EXPECT(fd >= 0 && write(fd, "line", 4) == 4 && close(fd) == 0);
	expect_text(open("/dev/stdin", O_RDONLY), "line");
	fd = open("/dev/fd/1", O_WRONLY);
	EXPECT(fd >= 0 && write(fd, "line", 4) == 4 && close(fd) == 0);
	expect_text(open("/dev/fd/0", O_RDONLY), "line");
	EXPECT(pthread_create(&thread, NULL, thread_self, NULL) == 0 &&
	       pthread_join(thread, NULL) == 0);
}

static void write_fifo(void)
{
	int fd = open("/t/w/fifo", O_WRONLY);

	EXPECT(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0 && write(fd, "text", 4) == 4 &&
	       close(fd) == 0);
}

static void read_fifo(void)
{
	expect_text(open("/t/w/fifo", O_RDONLY), "text");
}

/* Beside the workload: what waits is a descriptor of the broker's, of the FIFO. */
static void count_waiting(pid_t broker)
{
	char folder[64], name[320], to[64];

	snprintf(folder, sizeof folder, "/proc/%d/fd", broker);
	while (!shared->stop && shared->line == 0) {
		DIR *d = opendir(folder);
		const struct dirent *entry;
		int n = 0;

		while (d != NULL && (entry = readdir(d)) != NULL) {
			snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);

			ssize_t len = readlink(name, to, sizeof to);

			n += len > 5 && memcmp(to + len - 5, "/fifo", 5) == 0;
		}
		if (d == NULL)
			return; /* it has ended */
		closedir(d);
		shared->waiting = n;
		usleep(1000);
	}
}

static void until_waiting(int n)
{
	while (shared->waiting != n)
		usleep(1000);
}

static void hang_on_fifo(void)
{
	/* Of a wait that has ended the thread may still be about to go. */
	for (unsigned tries = 0; tries < 1000; tries++) {
		open("/t/w/fifo", O_RDONLY);
		EXPECT(errno == ENFILE);
		usleep(1000);
	}
	EXPECT(0);
}

static void fifos(void)
{
	pid_t pid = child(write_fifo);
	pid_t many[64];

	nap();
	expect_text(open("/t/f", O_RDONLY), "text"); /* nobody else waits */
	read_fifo();
	expect_exit(pid);
	pid = child(read_fifo);
	nap();
	write_fifo();
	expect_exit(pid);
	EXPECT_ERRNO(open("/t/w/fifo", O_WRONLY | O_NONBLOCK), ENXIO);

	int fd = open("/t/w/fifo", O_RDONLY | O_NONBLOCK);

	EXPECT(fd >= 0 && close(fd) == 0);
	fd = open("/t/w/fifo", O_RDWR);
	EXPECT(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0 && close(fd) == 0);
	/* more waiters than the broker has, all killed: it has them again */
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT(many); i++)
			many[i] = child(hang_on_fifo);
		until_waiting(COUNT(many));
		EXPECT_ERRNO(open("/t/w/fifo", O_RDONLY), ENFILE);
		for (size_t i = 0; i < COUNT(many); i++)
			EXPECT(kill(many[i], SIGKILL) == 0 && waitpid(many[i], NULL, 0) == many[i]);
		until_waiting(0);
	}
	pid = child(write_fifo);
	read_fifo();
	expect_exit(pid);
	shared->stop = 1;
}

static void leases(void)
{
	int fd = open("/t/w/f", O_RDONLY);
	pid_t pid;

	/* The holder is signalled to give it up: until then the other one waits, and only that one. */
	signal(SIGIO, SIG_IGN);
	EXPECT(fd >= 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0);
	EXPECT_ERRNO(open("/t/w/f", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
	pid = fork();
	EXPECT(pid >= 0);
	if (pid == 0) {
		int w = open("/t/w/f", O_WRONLY);

		EXPECT(w >= 0);
		_exit(0);
	}
	nap();
	expect_text(open("/t/f", O_RDONLY), "text");
	EXPECT(waitpid(pid, NULL, WNOHANG) == 0 && fcntl(fd, F_SETLEASE, F_UNLCK) == 0);
	expect_exit(pid);
}

/* Nobody but the caller has its file open for writing once it goes on: else it could not execute what it has just
 * written. A read lease is refused for the same reason. */
static void alone(void)
{
	int r = open("/t/w/f", O_RDONLY);

	EXPECT(r >= 0);
	for (unsigned i = 0; i < 2000; i++) {
		int w = open("/t/w/f", O_WRONLY);

		EXPECT(w >= 0 && close(w) == 0);
		EXPECT(fcntl(r, F_SETLEASE, F_RDLCK) == 0 && fcntl(r, F_SETLEASE, F_UNLCK) == 0);
	}
}

static void open_forever(void)
{
	for (;;) {
		int fd = open("/t/w/f", O_RDWR);

		if (fd >= 0)
			close(fd);
	}
}

static int broker_count(void)
{
	/* Its own descriptors cannot be seen from here; what can is how many files it may still open. */
	return (int)shared->counters.performed;
}

static void kills(void)
{
	for (unsigned i = 0; i < 200; i++) {
		pid_t pid = child(open_forever);

		nanosleep(&(struct timespec){ .tv_nsec = 1000000 + i * 7919 % 1000000 }, NULL);
		EXPECT(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	}
	expect_text(open("/t/f", O_RDONLY), "text");
}

/* The broker's limit is 1024 descriptors: a leak in any of these ways ends in EMFILE. */
static void leaks(void)
{
	static const char *const paths[] = {
		"/t/f",     "f",        "/t/.env", "/t/missing", "/proc/self/stat", "/dev/fd/0",
		"/t/w/new", "/t/r/new", "/t/loop", "w/../w/f",   "/t/w/hooks/x"
	};
	int before = broker_count();

	for (unsigned i = 0; i < 11000; i++) {
		int fd = open(paths[i % COUNT(paths)], i % 2 ? O_RDONLY : O_RDWR | O_CREAT, 0600);

		if (fd >= 0)
			close(fd);
		else
			EXPECT(errno != EMFILE && errno != ENFILE && errno != ENOMEM);
	}
	EXPECT(broker_count() - before >= 4000);
}

/* The caller has no room: no descriptor appears, and the right error does. */
static void full_table(void)
{
	const struct rlimit few = { 3, 3 };
	int got = 0;

	EXPECT(setrlimit(RLIMIT_NOFILE, &few) == 0);
	while (got < 8 && open("/t/f", O_RDONLY) >= 0)
		got++;
	EXPECT(got < 8 && errno == EMFILE);
}

static _Alignas(64) char flipping[64] = "/t/r/ff";

static void *flip_memory(void *arg)
{
	(void)arg;
	while (!shared->stop) {
		memcpy(flipping, "/t/.env", 8);
		atomic_signal_fence(
			memory_order_seq_cst); /* or the compiler keeps the last alone */
		memcpy(flipping, "/t/r/ff", 8);
	}
	return NULL;
}

static _Alignas(64) char flipping_name[64] = "/t/w/okok";

static void *flip_name(void *arg)
{
	(void)arg;
	while (!shared->stop) {
		memcpy(flipping_name, "/t/w/.env", 10);
		atomic_signal_fence(
			memory_order_seq_cst); /* or the compiler keeps the last alone */
		memcpy(flipping_name, "/t/w/okok", 10);
	}
	return NULL;
}

/* For so long, and on a busy machine until both outcomes have been seen often enough. */
static bool goes_on(time_t begun, time_t seconds, bool enough)
{
	time_t now = time(NULL);

	return now < begun + seconds || (!enough && now < begun + 60);
}

/* Who links what: the second name must never be that of the file that is not to be read. */
static void race_names(void)
{
	time_t begun = time(NULL);
	unsigned good = 0, refused = 0;
	pthread_t thread;
	struct stat st, secret;
	int fd = open("/t/w/.env", O_CREAT | O_WRONLY, 0600);

	EXPECT(fd >= 0 && close(fd) == 0 && stat("/t/w/.env", &secret) == 0);
	EXPECT(mknod("/t/w/okok", S_IFREG | 0600, 0) == 0);
	EXPECT(pthread_create(&thread, NULL, flip_name, NULL) == 0);
	while (goes_on(begun, 2, good > 10 && refused > 10)) {
		if (link(flipping_name, "/t/w/out") < 0) {
			refused += errno == EACCES;
			continue;
		}
		EXPECT(stat("/t/w/out", &st) == 0 && st.st_ino != secret.st_ino);
		EXPECT(unlink("/t/w/out") == 0);
		good++;
	}
	shared->stop = 1;
	EXPECT(pthread_join(thread, NULL) == 0);
	EXPECT(good > 10 && refused > 10);
}

static void *flip_links(void *arg)
{
	(void)arg;
	while (!shared->stop) {
		EXPECT(unlink("/t/w/flip") == 0 && symlink("/t/.env", "/t/w/flip") == 0);
		EXPECT(unlink("/t/w/flip") == 0 && symlink("/t/r/f", "/t/w/flip") == 0);
	}
	return NULL;
}

static void race(void)
{
	time_t begun = time(NULL);
	pthread_t threads[2];
	unsigned good = 0, refused = 0, missed = 0;

	EXPECT(symlink("/t/r/f", "/t/w/flip") == 0);
	EXPECT(pthread_create(&threads[0], NULL, flip_memory, NULL) == 0);
	EXPECT(pthread_create(&threads[1], NULL, flip_links, NULL) == 0);
	while (goes_on(begun, 3, good > 100 && refused > 100)) {
		const char *path = (good + refused + missed) % 2 ? flipping : "/t/w/flip";
		char got[8] = { 0 };
		int fd = open(path, O_RDONLY);

		if (fd < 0) {
			refused += errno == EACCES;
			missed += errno != EACCES;
			continue;
		}
		EXPECT(read(fd, got, 6) == 4 && strcmp(got, "text") == 0 && close(fd) == 0);
		good++;
	}
	shared->stop = 1;
	EXPECT(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
	EXPECT(good > 100 && refused > 100);
}

static void non_dumpable(void)
{
	struct rlimit none = { 0, 0 };
	char c;

	/* prctl is not this plan's to permit, so the plan of this case lists it. */
	EXPECT(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0);
	expect_text(open("f", O_RDONLY), "text");

	int dir = open("/t/w", O_RDONLY | O_DIRECTORY);

	expect_text(openat(dir, "f", O_RDONLY), "text");
	EXPECT(close(dir) == 0);

	int fd = open("/proc/self/maps", O_RDONLY);

	EXPECT(fd >= 0 && read(fd, &c, 1) == 1 && close(fd) == 0);
	expect_text(open("/proc/self/cwd/f", O_RDONLY), "text");
	/* Another process cannot use the broker to look into this one. */
	if (fork() == 0) {
		char path[64];

		EXPECT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
		snprintf(path, sizeof path, "/proc/%d/mem", getppid());
		EXPECT_ERRNO(open(path, O_RDONLY), EACCES);
		snprintf(path, sizeof path, "/proc/%d/cwd/f", getppid());
		EXPECT_ERRNO(open(path, O_RDONLY), EACCES);
		_exit(0);
	}

	int status;

	EXPECT(wait(&status) > 0 && status == 0);
}

/* ---- the tests ---- */

#define CASE(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		run(name);                                                                         \
		world_end();                                                                       \
	}
CASE(opens)
CASE(errors)
CASE(creation)
CASE(rules)
CASE(names)
CASE(names_errors)
CASE(names_rules)
CASE(unended)
CASE(registers)
CASE(proc_self)
CASE(leases)
CASE(alone)
CASE(kills)
CASE(leaks)
CASE(full_table)
CASE(race)
CASE(race_names)

static void test_fifos(void **state)
{
	const struct world w = { .workload = fifos, .plan = world_plan(), .beside = count_waiting };

	(void)state;
	world_run(&w);
	world_end();
}

static void test_non_dumpable(void **state)
{
	static const uint32_t permitted[] = { PR_SET_DUMPABLE };
	struct broker_plan plan = world_plan();

	(void)state;
	plan.prctls = permitted;
	plan.nprctls = COUNT(permitted);
	run_with(plan, non_dumpable);
	world_end();
}

static void test_allow_all(void **state)
{
	struct broker_plan plan = world_plan();

	(void)state;
	plan.nwrite = 1;
	plan.write = everything;
	plan.ndeny_read = plan.ndeny_write = 0;
	run_with(plan, opens);
	world_end();
	run_with(plan, creation);
	world_end();
}

static void refusals(void)
{
	EXPECT_ERRNO(open("/t/.env", O_RDONLY), EACCES);
	EXPECT_ERRNO(open("r/new\n", O_WRONLY | O_CREAT, 0600), EACCES);
	EXPECT_ERRNO(open("/t/hidden/x", O_RDONLY), ENOENT);
	EXPECT_ERRNO(open("/t/ro/f", O_WRONLY), EROFS);
	EXPECT_ERRNO(open("/t/missing", O_RDONLY), ENOENT);
	EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, 0), EACCES);
	EXPECT_ERRNO(syscall(SYS_getpriority, 0, 0), EPERM);
}

static void test_events(void **state)
{
	static const struct {
		const char *call, *rule, *layer, *err, *fix, *argument;
	} wanted[] = {
		{ "openat", "t:5", "broker", "EACCES",
		  "take this pattern out of filesystem.deny.read", "\"/t/.env\"" },
		{ "openat", "t:9", "broker", "EACCES", "add /t/r to filesystem.write",
		  "\"r/new\\x0a\", O_WRONLY|O_CREAT" },
		{ "openat", "t:7", "mount", "ENOENT", "take it out of filesystem.hide",
		  "O_RDONLY" },
		{ "openat", "t:9", "mount", "EROFS", "add /t/ro to filesystem.write", "O_WRONLY" },
		{ "socket", "default", "broker", "EACCES", "add it", "inet, stream" },
		{ "getpriority", "default", "seccomp", "EPERM", "add getpriority to syscalls.allow",
		  "0" },
	};
	char text[1 << 16];
	struct arena a = { 0 };
	struct err e;

	(void)state;
	run(refusals);

	ssize_t n = fd_read_all(shared->events[0], text, sizeof text);
	const char *at = text;

	assert_true(n > 0);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		const char *end = memchr(at, '\n', (size_t)(text + n - at));
		struct event ev;

		assert_non_null(end);
		assert_int_equal(event_read(&a, at, (size_t)(end - at), &ev, &e), 0);
		assert_string_equal(ev.syscall, wanted[i].call);
		assert_string_equal(ev.rule, wanted[i].rule);
		assert_string_equal(ev.layer, wanted[i].layer);
		assert_string_equal(ev.err, wanted[i].err);
		assert_string_equal(ev.fix, wanted[i].fix);
		assert_string_equal(ev.verdict, "deny");
		assert_string_equal(ev.container, "box");
		assert_int_equal(ev.pid, 1);
		assert_non_null(strstr(ev.arguments, wanted[i].argument));
		at = end + 1;
	}
	assert_ptr_equal(at, text + n);
	assert_int_equal(shared->counters.asked, 7);
	assert_int_equal(shared->counters.denied, 4);
	assert_int_equal(shared->counters.failed, 3);
	assert_int_equal(shared->counters.events_lost, 0);
	arena_free(&a);
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens),        cmocka_unit_test(test_errors),
		cmocka_unit_test(test_creation),     cmocka_unit_test(test_rules),
		cmocka_unit_test(test_names),        cmocka_unit_test(test_names_errors),
		cmocka_unit_test(test_unended),      cmocka_unit_test(test_names_rules),
		cmocka_unit_test(test_registers),    cmocka_unit_test(test_proc_self),
		cmocka_unit_test(test_fifos),        cmocka_unit_test(test_leases),
		cmocka_unit_test(test_alone),        cmocka_unit_test(test_kills),
		cmocka_unit_test(test_leaks),        cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_race),         cmocka_unit_test(test_race_names),
		cmocka_unit_test(test_non_dumpable), cmocka_unit_test(test_allow_all),
		cmocka_unit_test(test_events),
	};

#if SANITIZED
	puts("1..0 # SKIP the broker's filter forbids what a sanitizer does");
	return 0;
#endif
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
