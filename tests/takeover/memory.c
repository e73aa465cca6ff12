/*
 * Other processes, and what stands in the broker's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fd.h"
#include "broker/live.h"
#include "kern/sys.h"
#include "takeover.h"

/* The argument is the number of a process of the host, as the host counts. */
static pid_t argument_pid(const struct attack *a)
{
	return (pid_t)strtol(a->argument + 1, NULL, 10);
}

static long open_process(struct attack *a)
{
	OWN_FD fd = sys_pidfd_open(argument_pid(a), 0);

	return fd;
}

static long read_process(struct attack *a)
{
	char byte;

	return sys_read_memory(argument_pid(a), 0x400000, &byte, 1);
}

static long signal_process(struct attack *a)
{
	pid_t pid = argument_pid(a);

	return SYS_CALL(SYS_tgkill, pid, pid, SIGKILL);
}

static long see_process(struct attack *a)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "%d", argument_pid(a));
	return fstatat(a->s->proc, path, &st, 0) < 0 ? -errno : 0;
}

/* ---- memory ---- */

struct area {
	uint64_t from, to;
	char access[5], name[64];
};

static char maps[1 << 18];

/* The next line of `maps`. */
static bool next_area(const char **at, struct area *out)
{
	int len = 0;

	out->name[0] = '\0';
	if (sscanf(*at, "%lx-%lx %4s %*s %*s %*s%*[ ]%63[^\n]%n", &out->from, &out->to, out->access,
		   out->name, &len) < 3)
		return false;

	const char *end = strchr(*at, '\n');

	*at = end != NULL ? end + 1 : *at + strlen(*at);
	return true;
}

static long load_maps(struct attack *a, int pid)
{
	char path[32];

	snprintf(path, sizeof path, "%d/maps", pid);

	long n = takeover_read(a->s->proc, path, maps, sizeof maps - 1);

	maps[n > 0 ? n : 0] = '\0';
	return n;
}

/* The argument is the secret with each byte one higher: so it stands here but once, where the host put it. */
static bool holds(const struct attack *a, const char *bytes, size_t n)
{
	const char *wanted = a->argument + 1;
	size_t len = strlen(wanted);

	for (size_t i = 0; i + len <= n; i++) {
		size_t same = 0;

		while (same < len && bytes[i + same] == wanted[same] - 1)
			same++;
		if (same == len)
			return true;
	}
	return false;
}

static long secret_of(struct attack *a, int pid)
{
	static char page[2 * 4096];
	struct area area;
	const char *at = maps;
	unsigned long seen = 0;
	long r = load_maps(a, pid);

	if (r < 0)
		return r;
	while (next_area(&at, &area)) {
		/* A page and the one behind it: nothing that lies across a border is missed. */
		for (uint64_t p = area.from; p < area.to; p += 4096) {
			memset(page, 0, sizeof page);
			if (sys_read_memory(pid, p, page, area.to - p > 4096 ? 8192 : 4096) <= 0)
				continue;
			seen++;
			if (holds(a, page, sizeof page))
				return 0;
		}
	}
	return seen > 16 ? -ENOENT : -EFAULT; /* EFAULT: nothing to be seen is no proof */
}

static long secret_own(struct attack *a)
{
	return secret_of(a, getpid());
}

/* Everybody else's: the container's first process is a copy of the launcher, too. */
static long secret_other(struct attack *a, int pid)
{
	return pid == getpid() ? -ENOENT : secret_of(a, pid);
}

static long secret_others(struct attack *a)
{
	return takeover_each_process(a, secret_other);
}

/* Every byte that other processes share with it: what the launcher counts and reads. */
static long scribble(struct attack *a)
{
	struct area area;
	const char *at = maps;
	long r = load_maps(a, 1), areas = 0;

	if (r < 0)
		return r;
	while (next_area(&at, &area))
		if (area.access[1] == 'w' && area.access[3] == 's') {
			memset((void *)(uintptr_t)area.from, 0x7f, area.to - area.from);
			areas++;
		}
	return areas > 0 ? 0 : -ENOENT;
}

static long eat_memory(struct attack *a)
{
	(void)a;
	for (unsigned i = 0; i < 256; i++)
		if (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			 (i % 2 ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS | MAP_POPULATE, -1,
			 0) == MAP_FAILED)
			return -errno;
	return 0;
}

/* The tables that another process may change: the mapping was opened for reading. */
static long write_policy(struct attack *a)
{
	void *head = a->s->live != NULL ? (void *)(uintptr_t)a->s->live->file : NULL;

	if (head == NULL)
		return -ENOENT;
	return mprotect(head, 4096, PROT_READ | PROT_WRITE) < 0 ? -errno : 0;
}

static long eat_descriptors(struct attack *a)
{
	int fd[4096];
	size_t n = 0;
	long r = 0;

	(void)a;
	while (n < COUNT(fd) && (fd[n] = openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC)) >= 0)
		n++;
	r = n < COUNT(fd) ? -errno : 0;
	while (n > 0)
		close(fd[--n]);
	return r;
}

static long more_capabilities(struct attack *a)
{
	static const struct sys_caps all = { .permitted = ~0ULL >> 24, .effective = ~0ULL >> 24 };

	(void)a;
	return sys_capset(&all);
}

/* The container's own calls are the broker's to answer. Nobody else's are. */
static long add_descriptor(struct attack *a)
{
	struct seccomp_notif_addfd add = { .id = a->c->id + 1, .srcfd = 0 };

	return SYS_CALL(SYS_ioctl, a->s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
}

const struct attempt memory_attempts[] = {
	{ "open-process", open_process, 0, { 0 } },
	{ "read-process", read_process, 0, { 0 } },
	{ "signal-process", signal_process, 0, { 0 } },
	{ "see-process", see_process, 0, { 0 } },
	{ "secret-own", secret_own, 0, { 0 } },
	{ "secret-others", secret_others, 0, { 0 } },
	{ "scribble", scribble, 0, { 0 } },
	{ "eat-memory", eat_memory, 0, { 0 } },
	{ "write-policy", write_policy, 0, { 0 } },
	{ "eat-descriptors", eat_descriptors, 0, { 0 } },
	{ "more-capabilities", more_capabilities, 0, { 0 } },
	{ "add-descriptor", add_descriptor, 0, { 0 } },
	{ 0 },
};
