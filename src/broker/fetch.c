#include "broker/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/sys.h"

enum {
	PAGE_BYTES = 4096, /* the smallest page: a read that stays inside one never fails halfway */
	FIRST_BYTES = 256, /* most paths end before; copying more costs more than a second call */
	LIMITS_BYTES = 2048,
	STATUS_BYTES =
		2048, /* Name, Umask, State, Tgid, NStgid and NSpid are its first dozen lines */
};

bool fetch_valid(const struct server *s, uint64_t id)
{
	return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

char *fetch_number(char *at, uint32_t n)
{
	char digits[10];
	size_t len = 0;

	do
		digits[len++] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	while (len > 0)
		*at++ = digits[--len];
	*at = '\0';
	return at;
}

/*
 * The broker opens files for its callers, so it holds no capability while it does: else a caller could reach
 * through it for the memory or descriptors of a process that is closed to the caller itself. Reading a caller
 * that is non-dumpable (or not our descendant under Yama) needs CAP_SYS_PTRACE for that moment. Capabilities
 * are a thread's own, so the waiters never hold it.
 */
int fetch_as_tracer(int (*open)(void *ctx), void *ctx)
{
	struct sys_caps caps = { .permitted = 1ULL << CAP_SYS_PTRACE };
	int r = open(ctx);

	if (r != -EPERM && r != -EACCES)
		return r;
	caps.effective = caps.permitted;
	if (sys_capset(&caps) < 0)
		return r;
	r = open(ctx);
	caps.effective = 0;
	if (sys_capset(&caps) < 0)
		abort(); /* never serve with it; the container ends with its broker */
	return r;
}

/* ---- memory ---- */

struct memory {
	uint32_t tid;
	uint64_t address;
	void *to;
	size_t len;
};

static int memory_read(void *ctx)
{
	const struct memory *m = ctx;

	return (int)sys_read_memory((pid_t)m->tid, m->address, m->to, m->len);
}

int fetch_memory(const struct call *c, uint64_t address, void *to, size_t len)
{
	struct memory m = { .tid = c->tid, .address = address, .to = to, .len = len };
	int r = fetch_as_tracer(memory_read, &m);

	return r == (int)len ? 0 : r < 0 ? r : -EFAULT;
}

static size_t rest_of_page(uint64_t address)
{
	return PAGE_BYTES - address % PAGE_BYTES;
}

int fetch_string(const struct call *c, uint64_t address, char out[PATH_MAX])
{
	size_t got = 0;
	int err = 0;

	while (err == 0 && got < PATH_MAX) {
		size_t len = rest_of_page(address + got), room = PATH_MAX - got;

		if (len > room)
			len = room;
		if (got == 0 && len > FIRST_BYTES)
			len = FIRST_BYTES;
		err = fetch_memory(c, address + got, out + got, len);
		if (err == 0 && memchr(out + got, '\0', len) != NULL)
			return 0;
		got += len;
	}
	out[0] = '\0'; /* nobody is to read on where it does not end */
	return err < 0 ? err : -ENAMETOOLONG;
}

static int memory_copy_pages(const struct call *c, uint64_t address, void *to, size_t len)
{
	for (size_t got = 0; got < len;) {
		size_t part = rest_of_page(address + got);

		if (part > len - got)
			part = len - got;
		TRY(fetch_memory(c, address + got, (char *)to + got, part));
		got += part;
	}
	return 0;
}

/* ---- /proc/TID ---- */

struct proc_open {
	int proc;
	const char *name;
	int flags;
};

static int proc_open(void *ctx)
{
	const struct proc_open *p = ctx;
	int fd = openat(p->proc, p->name, p->flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

/* Opens a file of the thread's folder. -ENOENT and -ESRCH mean that it is gone, or has no such file. */
static int thread_open(const struct server *s, const struct call *c, const char *file, int flags)
{
	char name[64];
	struct proc_open p = { .proc = s->proc, .name = name, .flags = flags };
	char *end = fetch_number(name, c->tid);
	size_t room = sizeof name - (size_t)(end - name) - 1, len = strlen(file);

	if (len >= room)
		return -ENAMETOOLONG;
	*end++ = '/';
	memcpy(end, file, len + 1);
	return fetch_as_tracer(proc_open, &p);
}

/* The first part of a file in the thread's folder, with a NUL. */
static int thread_read(const struct server *s, const struct call *c, const char *file, char *out,
		       size_t size)
{
	OWN_FD fd = thread_open(s, c, file, O_RDONLY);

	if (fd < 0)
		return fd;

	ssize_t n = fd_read_all(fd, out, size - 1);

	if (n < 0)
		return (int)n;
	out[n] = '\0';
	return 0;
}

/* The last number of a line "Key:\t1\t2\n" of a status file; `base` as for strtoul. */
static int status_number(const char *status, const char *key, int base, uint32_t *out)
{
	const char *line = strstr(status, key);

	if (line == NULL)
		return -ESRCH;
	line += strlen(key);

	char *end = (char *)line;

	do {
		*out = (uint32_t)strtoul(line, &end, base);
		if (end == line)
			return -ESRCH;
		line = end;
	} while (*line == '\t');
	return 0;
}

int fetch_task(const struct server *s, const struct call *c, struct task *out)
{
	char status[STATUS_BYTES];

	TRY(thread_read(s, c, "status", status, sizeof status));
	/* The name is the first line, and has its newlines escaped: it cannot forge the lines behind it. */
	if (strncmp(status, "Name:\t", 6) != 0)
		return -ESRCH;

	size_t len = strcspn(status + 6, "\n");

	if (len >= sizeof out->comm)
		len = sizeof out->comm - 1;
	memcpy(out->comm, status + 6, len);
	out->comm[len] = '\0';
	TRY(status_number(status, "\nUmask:\t", 8, &out->umask));
	TRY(status_number(status, "\nNStgid:\t", 10, &out->inner_pid));
	return status_number(status, "\nNSpid:\t", 10, &out->inner_tid);
}

int fetch_terminal(const struct server *s, const struct call *c, dev_t *out)
{
	char stat[1024];
	int number;

	TRY(thread_read(s, c, "stat", stat, sizeof stat));

	/* pid (comm) state ppid pgrp session tty_nr: the name may hold anything, so count from its end. */
	const char *at = strrchr(stat, ')');

	for (unsigned i = 0; i < 5 && at != NULL; i++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return -ESRCH;
	number = atoi(at);
	/* new_encode_dev() of include/linux/kdev_t.h is what glibc's dev_t looks like up to 32 bits. */
	*out = (dev_t)(uint32_t)number;
	return 0;
}

int fetch_group(const struct server *s, const struct call *c, uint32_t *out)
{
	char status[STATUS_BYTES];

	TRY(thread_read(s, c, "status", status, sizeof status));
	return status_number(status, "\nTgid:\t", 10, out);
}

int fetch_memory_file(const struct server *s, const struct call *c)
{
	return thread_open(s, c, "mem", O_WRONLY);
}

/* ---- descriptors ---- */

/* In the rare case that /proc/TID/fd is closed to us (its owner is root when the thread is non-dumpable), the
 * descriptor itself can still be copied. */
struct copy {
	const struct server *s;
	const struct call *c;
	int fd;
};

static int descriptor_copy(void *ctx)
{
	const struct copy *d = ctx;
	OWN_FD pidfd = sys_pidfd_open((pid_t)d->c->tid, 0);
	uint32_t leader;

	if (pidfd == -EINVAL || pidfd == -ENOENT) /* not a thread group's leader */
		pidfd = sys_pidfd_open((pid_t)d->c->tid, PIDFD_THREAD);
	/* Before Linux 6.9: its leader has the same descriptors, but for threads that asked for their own. */
	if (pidfd == -EINVAL && fetch_group(d->s, d->c, &leader) == 0)
		pidfd = sys_pidfd_open((pid_t)leader, 0);
	return pidfd < 0 ? pidfd : sys_pidfd_getfd(pidfd, d->fd);
}

int fetch_copy(const struct server *s, const struct call *c, int fd, int *out)
{
	struct copy d = { .s = s, .c = c, .fd = fd };
	int r = fd < 0 ? -EBADF : fetch_as_tracer(descriptor_copy, &d);

	if (r < 0)
		return r;
	*out = r;
	return 0;
}

int fetch_fd(const struct server *s, const struct call *c, int fd, int *out)
{
	char name[32] = "fd/";

	if (fd < 0)
		return -EBADF;
	fetch_number(name + 3, (uint32_t)fd);

	int r = thread_open(s, c, name, O_PATH);

	if (r == -EACCES || r == -EPERM)
		return fetch_copy(s, c, fd, out);
	if (r == -ENOENT)
		return -EBADF;
	if (r < 0)
		return r;
	*out = r;
	return 0;
}

int fetch_dir(const struct server *s, const struct call *c, int dirfd, int *out)
{
	if (dirfd != AT_FDCWD)
		return fetch_fd(s, c, dirfd, out);

	int r = thread_open(s, c, "cwd", O_PATH | O_DIRECTORY);

	if (r < 0)
		return r;
	*out = r;
	return 0;
}

int fetch_limit(const struct server *s, const struct call *c, const char *name, uint64_t *out)
{
	char limits[LIMITS_BYTES];

	TRY(thread_read(s, c, "limits", limits, sizeof limits));

	const char *at = strstr(limits, name);

	if (at == NULL || !fetch_valid(s, c->id))
		return -ESRCH;
	at += strlen(name);
	at += strspn(at, " ");
	*out = *at == 'u' ? UINT64_MAX : strtoull(at, NULL, 10);
	return 0;
}

int fetch_table(const struct server *s, const struct call *c, int *out)
{
	int fds = thread_open(s, c, "fd", O_PATH | O_DIRECTORY);

	*out = fds;
	return fds < 0 ? fds : 0;
}

/* ---- the four calls that open ---- */

/* glibc calls it 0 on 64-bit machines; the kernel accepts its bit there too. */
#if defined(__aarch64__)
static const uint64_t large_file = 0400000;
#else
static const uint64_t large_file = 0100000;
#endif

/* VALID_OPEN_FLAGS of include/linux/fcntl.h, Linux 6.12: open and openat drop the others, openat2 refuses them. */
static const uint64_t valid_flags = UAPI_O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC |
				    O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT |
				    O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
				    UAPI_O_TMPFILE;

/* build_open_how() of fs/open.c. */
static void plain_flags(uint64_t flags, uint64_t mode, struct open_request *out)
{
	out->flags = (uint32_t)flags &
		     (valid_flags | large_file); /* never O_PATH: decide_is_path_only() */
	out->mode = out->flags & (O_CREAT | UAPI_O_TMPFILE) ? mode & 07777 : 0;
	out->resolve = 0;
}

/* The kernel judges flags and structure before it looks at the path. An open that names no path is refused
 * for the same reason as the caller's own, in the kernel's own order and with its own version's rules. */
static int kernel_judges(const void *how, size_t size)
{
	int r = SYS_CALL(SYS_openat2, -1, "", how, size);

	return r == -ENOENT || r >= 0 ? 0 : r;
}

static int fetch_how(const struct call *c, uint64_t address, uint64_t size,
		     struct open_request *out)
{
	union {
		struct open_how how;
		unsigned char bytes[PAGE_BYTES];
	} u;

	if (size < sizeof u.how)
		return -EINVAL;
	if (size > PAGE_BYTES)
		return -E2BIG;
	TRY(memory_copy_pages(c, address, &u, size));
	TRY(kernel_judges(&u, size));
	for (size_t i = sizeof u.how; i < size; i++)
		if (u.bytes[i] != 0)
			return -E2BIG; /* a newer kernel knows what it means, we do not */
	if (u.how.flags & ~(valid_flags | large_file))
		return -EINVAL;
	if (u.how.resolve & RESOLVE_CACHED)
		return -EAGAIN; /* "try without": nothing is cached on this way */
	if (u.how.flags & O_PATH)
		return -ENOSYS; /* such a descriptor cannot be installed; openat is what callers fall back to */
	out->flags = u.how.flags;
	out->mode = u.how.mode;
	out->resolve = u.how.resolve;
	return 0;
}

/* Flags, mode and where the path stands. */
static int fetch_flags(const struct call *c, int own_nr, int *dirfd, uint64_t *path,
		       struct open_request *out)
{
	struct open_how how;

	*dirfd = AT_FDCWD;
	*path = c->arg[0];
	switch (own_nr) {
#ifdef SYS_open
	case SYS_open:
		plain_flags(c->arg[1], c->arg[2], out);
		break;
	case SYS_creat:
		plain_flags(O_CREAT | O_WRONLY | O_TRUNC, c->arg[1], out);
		break;
#endif
	case SYS_openat2:
		*dirfd = (int)c->arg[0];
		*path = c->arg[1];
		return fetch_how(c, c->arg[2], c->arg[3], out);
	case SYS_openat:
		*dirfd = (int)c->arg[0];
		*path = c->arg[1];
		plain_flags(c->arg[2], c->arg[3], out);
		break;
	default:
		return -ENOSYS;
	}
	/* The combinations that the kernel's versions disagree on. */
	if (!(out->flags & UAPI_O_TMPFILE) &&
	    (out->flags & (O_CREAT | O_DIRECTORY)) != (O_CREAT | O_DIRECTORY))
		return 0;
	how = (struct open_how){ .flags = out->flags, .mode = out->mode };
	return kernel_judges(&how, sizeof how);
}

int fetch_open(const struct server *s, const struct call *c, int own_nr, struct open_request *out)
{
	uint64_t path;
	int dirfd;
	OWN_FD dir = -1;

	TRY(fetch_flags(c, own_nr, &dirfd, &path, out));
	TRY(fetch_string(c, path, out->path));
	if (out->path[0] == '\0')
		return -ENOENT;
	if (out->path[0] != '/' || (out->resolve & RESOLVE_IN_ROOT))
		TRY(fetch_dir(s, c, dirfd, &dir));
	out->dir = fd_take(&dir);
	return 0;
}
