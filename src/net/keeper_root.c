/*
 * What the program that speaks for a container sees of the host's files: the system's programs and libraries, to be read, and the
 * device that tunnels are made with. It runs as the user who started the container, and what the container sends is its
 * input: nothing of that user's is there for whoever takes it over.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/sys.h"
#include "net/keeper.h"

/* Where it is made. Each host has it, and nothing below it is needed. */
#define NEW_ROOT "/etc"

static const char *const folders[] = { "usr", "dev",      "dev/net",    "proc",           "tmp",
				       "run", "run/user", "run/user/0", KEEPER_FOLDER + 1 };

/* Of an older layout these are folders, of a newer one links into /usr. */
static const char *const beside_usr[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };

static const char *const devices[] = { "dev/null", "dev/net/tun" };

static int show(const char *from, const char *to, uint64_t attr)
{
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	return attr != 0 ? sys_mount_setattr(AT_FDCWD, to, AT_RECURSIVE, attr, 0, 0, -1) : 0;
}

static int make_file(const char *at)
{
	OWN_FD fd = open(at, O_CREAT | O_RDONLY | O_CLOEXEC, 0400);

	return fd < 0 ? -errno : 0;
}

static int bind_file(const char *from, const char *to)
{
	int r = make_file(to);

	return r < 0 ? r : show(from, to, 0);
}

/* As it is on the host: a link, a folder, or nothing. */
static int copy(const char *from, const char *to, uint64_t attr)
{
	char link[64];
	ssize_t n = readlink(from, link, sizeof link - 1);

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return mkdir(to, 0755) < 0 ? -errno : show(from, to, attr);
	link[n] = '\0';
	return symlink(link, to) < 0 ? -errno : 0;
}

/* By name from the new root, which is the working folder. */
static int fill(struct err *e)
{
	const uint64_t closed = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	char from[64], net[64];
	int r;

	for (size_t i = 0; i < COUNT(folders); i++)
		if (mkdir(folders[i], 0755) < 0)
			return fail(e, errno, "%s: %m", folders[i]);
	r = show("/usr", "usr", closed);
	if (r < 0)
		return fail(e, -r, "/usr: %m");
	for (size_t i = 0; i < COUNT(beside_usr); i++) {
		snprintf(from, sizeof from, "/%s", beside_usr[i]);
		r = copy(from, beside_usr[i], closed);
		if (r < 0)
			return fail(e, -r, "%s: %m", from);
	}
	for (size_t i = 0; i < COUNT(devices); i++) {
		snprintf(from, sizeof from, "/%s", devices[i]);
		r = bind_file(from, devices[i]);
		if (r < 0)
			return fail(e, -r, "%s: %m", from);
	}
	/* By a path: some close the descriptors that they inherit. */
	snprintf(net, sizeof net, "/proc/self/fd/%d", NET_FD_NETNS);
	r = bind_file(net, KEEPER_NETNS + 1);
	if (r < 0)
		return fail(e, -r, "the container's network: %m");
	/* Of its own namespace of processes. */
	return mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
		       ? fail(e, errno, "proc: %m")
		       : 0;
}

int keeper_root(struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("zviz", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0755,size=64k,nr_inodes=64") < 0 ||
	    chdir(NEW_ROOT) < 0)
		return fail(e, errno, "a root for the program of a private network: %m");
	if (fill(e) < 0)
		return within(e, "a root for the program of a private network");
	if (sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return fail(e, errno, "a root for the program of a private network: enter it: %m");
	return 0;
}
