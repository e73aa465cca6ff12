/*
 * Files that are not the container's, and the descriptors that the broker holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fd.h"
#include "box/sequence.h"
#include "kern/sys.h"
#include "takeover.h"

static long opened(int dir, const char *path, int flags)
{
	OWN_FD fd = openat(dir, path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

	return fd < 0 ? -errno : 0;
}

/* The argument is a file of the host. */
static long read_absolute(struct attack *a)
{
	return opened(AT_FDCWD, a->argument, O_RDONLY);
}

static long write_absolute(struct attack *a)
{
	return opened(AT_FDCWD, a->argument, O_WRONLY | O_CREAT);
}

static long read_dots(struct attack *a)
{
	char path[4096];
	long r;

	snprintf(path, sizeof path, "../../../../../../../../../../..%s", a->argument);
	r = opened(AT_FDCWD, path, O_RDONLY);
	if (r >= 0)
		return r;
	/* Where it connects to sockets it stands in its own procfs, which leads nowhere. */

	OWN_FD work = openat(AT_FDCWD, "/work", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return work < 0 ? r : opened(work, path, O_RDONLY);
}

/* From the root of the broker's own procfs, a file system that is mounted nowhere. */
static long read_dots_of_proc(struct attack *a)
{
	char path[4096];

	snprintf(path, sizeof path, "../../../../..%s", a->argument);
	return opened(a->s->proc, path, O_RDONLY);
}

static long through(struct attack *a, int pid, const char *link, int flags)
{
	char path[4096];

	snprintf(path, sizeof path, "%d/%s%s", pid, link, a->argument);
	return opened(a->s->proc, path, flags);
}

static long root_of(struct attack *a, int pid)
{
	return through(a, pid, "root", O_RDONLY);
}

static long cwd_of(struct attack *a, int pid)
{
	return through(a, pid, "cwd/../../../../../..", O_RDONLY);
}

static long read_roots(struct attack *a)
{
	return takeover_each_process(a, root_of);
}

static long read_cwds(struct attack *a)
{
	return takeover_each_process(a, cwd_of);
}

/* A descriptor of any process, as the folder that the argument is below. */
static long fds_of(struct attack *a, int pid)
{
	char link[64];
	long r = -ENOENT;

	for (int fd = 0; fd < 64 && r < 0; fd++) {
		snprintf(link, sizeof link, "fd/%d/../../../../../..", fd);
		r = through(a, pid, link, O_RDONLY);
	}
	return r;
}

static long read_fds(struct attack *a)
{
	return takeover_each_process(a, fds_of);
}

/* ---- the binary (CVE-2019-5736) and the kernel's files ---- */

static long write_binary(struct attack *a)
{
	return opened(a->s->proc, "self/exe", O_WRONLY);
}

/* Held open now, to be written to when nobody runs it. */
static long write_binary_again(struct attack *a)
{
	char path[64];
	OWN_FD fd = openat(a->s->proc, "self/exe", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(path, sizeof path, "self/fd/%d", fd);
	return opened(a->s->proc, path, O_WRONLY);
}

/* The first process of the container: 2 was one that helped at its birth. */
static long write_binary_inits(struct attack *a)
{
	return opened(a->s->proc, "3/exe", O_WRONLY);
}

static const char *const kernel_files[] = {
	"sys/kernel/core_pattern",
	"sys/kernel/modprobe",
	"sysrq-trigger",
	"kcore",
	"kmsg",
	"kallsyms",
	"keys",
	"timer_list",
	"sys/vm/overcommit_memory",
	"mounts/../../sys/kernel/hostname",
	"bus",
	"scsi",
	"fs",
	"irq",
	"acpi",
	"config.gz",
};

/* The procfs of the container has these masked; the broker's own has nothing but processes. Says which can be opened. */
static long kernel_open(struct attack *a, int flags)
{
	size_t len = 0;

	for (size_t i = 0; i < COUNT(kernel_files); i++)
		if (opened(a->s->proc, kernel_files[i], flags) == 0)
			len += (size_t)snprintf(a->said + len, sizeof a->said - len, "%s\n",
						kernel_files[i]);
	return -ENOENT;
}

static long kernel_read(struct attack *a)
{
	return kernel_open(a, O_RDONLY);
}

static long kernel_write(struct attack *a)
{
	return kernel_open(a, O_WRONLY);
}

/* ---- what it holds ---- */

static bool is_own(const struct attack *a, int fd)
{
	return fd == a->s->proc || fd == a->s->self_fds || fd == a->s->listener;
}

/* One line each: what the kernel calls it, without what changes from run to run. */
static long descriptors(struct attack *a)
{
	size_t len = 0;

	for (int fd = 0; fd < 1024; fd++) {
		char name[16], path[256] = { 0 };
		const char *what = path;

		snprintf(name, sizeof name, "%d", fd);
		if (readlinkat(a->s->self_fds, name, path, sizeof path - 1) < 0)
			continue;
		if (strncmp(path, "socket:", 7) == 0)
			what = "socket";
		else if (fd == a->s->proc)
			what = "procfs";
		else if (fd == a->s->self_fds)
			what = "own folder in it";
		else if (path[0] == '/')
			what = "file";
		len += (size_t)snprintf(a->said + len, sizeof a->said - len, "%s\n", what);
	}
	return 0;
}

/* Everything that is somebody else's, opened for writing once more, and written into; the argument's text. */
static long descriptors_again(struct attack *a)
{
	for (int fd = 3; fd < 1024; fd++) {
		char name[16];

		snprintf(name, sizeof name, "%d", fd);
		if (is_own(a, fd))
			continue;

		OWN_FD again = openat(a->s->self_fds, name, O_RDWR | O_CLOEXEC | O_NONBLOCK);

		if (again >= 0)
			(void)!write(again, a->argument, strlen(a->argument));
		(void)!write(fd, a->argument, strlen(a->argument));
	}
	return 0;
}

/* A word to the launcher in the broker's name, with what would move a terminal's cursor. */
static long forge_note(struct attack *a)
{
	struct note n = { .step = 0, .no = EIO, .text = "forged\033[2J\nzviz: all is well" };
	long r = -ENOTSOCK;

	(void)a;
	for (int fd = 3; fd < 1024; fd++)
		if (sendto(fd, &n, sizeof n, MSG_DONTWAIT, NULL, 0) == sizeof n)
			r = 0;
	return r;
}

const struct attempt file_attempts[] = {
	{ "read-absolute", read_absolute, 0, { 0 } },
	{ "write-absolute", write_absolute, 0, { 0 } },
	{ "read-dots", read_dots, 0, { 0 } },
	{ "read-dots-of-proc", read_dots_of_proc, 0, { 0 } },
	{ "read-roots", read_roots, 0, { 0 } },
	{ "read-cwds", read_cwds, 0, { 0 } },
	{ "read-fds", read_fds, 0, { 0 } },
	{ "write-binary", write_binary, 0, { 0 } },
	{ "write-binary-again", write_binary_again, 0, { 0 } },
	{ "write-binary-inits", write_binary_inits, 0, { 0 } },
	{ "kernel-read", kernel_read, 0, { 0 } },
	{ "kernel-write", kernel_write, 0, { 0 } },
	{ "descriptors", descriptors, 0, { 0 } },
	{ "descriptors-again", descriptors_again, 0, { 0 } },
	{ "forge-note", forge_note, 0, { 0 } },
	{ 0 },
};
