#include "same.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* An open of a FIFO waits for its other side: that is tried elsewhere (edges.c). Files without a name are
 * not asked for in removed folders and in a procfs, where there are none, and who is asked first differs. */
static uint64_t unblocked(int dir, const char *path, uint64_t flags)
{
	struct stat st, proc;

	if (fstatat(dir, path, &st, 0) < 0 || stat("/proc", &proc) < 0)
		return flags;
	if (S_ISDIR(st.st_mode) && (st.st_nlink == 0 || st.st_dev == proc.st_dev))
		flags &= ~(uint64_t)(O_TMPFILE & ~O_DIRECTORY);
	return S_ISFIFO(st.st_mode) ? flags | O_NONBLOCK : flags;
}

#ifdef SYS_open
static void do_plain_open(const char *path)
{
	uint64_t flags = unblocked(AT_FDCWD, path, random_flags());
	uint32_t mode = random_mode();

	say("open");
	say_path(path);
	say(" %#lo %#o", (unsigned long)flags, mode);
	say_descriptor((int)syscall(SYS_open, path, flags, mode));
}

static void do_creat(const char *path)
{
	uint32_t mode = random_mode();

	if (unblocked(AT_FDCWD, path, 0) != 0)
		return; /* it has no flag for that */
	say("creat");
	say_path(path);
	say(" %#o", mode);
	say_descriptor((int)syscall(SYS_creat, path, mode));
}
#endif

static void do_openat(const char *path)
{
	int dir = random_dir();
	uint64_t flags = unblocked(dir, path, random_flags());
	uint32_t mode = random_mode();

	say("openat %d", dir);
	say_path(path);
	say(" %#lo %#o", (unsigned long)flags, mode);
	say_descriptor((int)syscall(SYS_openat, dir, path, flags, mode));
}

/* The kernel's own checks are strict: mostly what passes them. */
static struct open_how random_how(void)
{
	static const uint64_t known = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
				      O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | 0100000 |
				      O_TMPFILE | O_NOFOLLOW | O_NOATIME | O_CLOEXEC;
	struct open_how how = { .flags = random_flags() | O_NONBLOCK };

	/* A notification cannot hand over what O_PATH opens: the broker answers ENOSYS, see edges.c. */
	how.flags &= ~(uint64_t)O_PATH;
	if (!once_in(20))
		how.flags &= known;
	if (once_in(20) || (how.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		how.mode = once_in(20) ? random_mode() : random_mode() & 07777;
	for (unsigned bit = 0; bit < 5; bit++)
		if (once_in(5))
			how.resolve |= 1u << bit;
	if ((how.resolve & RESOLVE_BENEATH) && !once_in(10))
		how.resolve &= ~(uint64_t)RESOLVE_IN_ROOT;
	if (once_in(60))
		how.resolve |= once_in(2) ? 64 : 1ULL << 40;
	return how;
}

int same_openat2(int dir, const char *path, const void *how, size_t size)
{
	int fd;

	do
		fd = (int)syscall(SYS_openat2, dir, path, how, size);
	while (fd < 0 && errno == EAGAIN);
	return fd;
}

static void do_openat2(const char *path)
{
	static const size_t sizes[] = { 0, 8, 23, 25, 32, 64, 4096, 4097 };
	union {
		struct open_how how;
		unsigned char bytes[8192];
	} u = { .how = random_how() };
	int dir = random_dir();

	u.how.flags = unblocked(dir, path, u.how.flags);

	size_t size = sizeof u.how;

	if (once_in(30))
		size = sizes[random_below(COUNT(sizes))];
	if (once_in(60))
		u.bytes[24 + random_below(64)] = 1;
	say("openat2 %d", dir);
	say_path(path);
	say(" %#llo %#llo resolve %#llx size %zu", (unsigned long long)u.how.flags,
	    (unsigned long long)u.how.mode, (unsigned long long)u.how.resolve, size);
	say_descriptor(same_openat2(dir, path, &u, size));
}

void do_open(void)
{
	static void (*const calls[])(const char *) = { do_openat,     do_openat,
						       do_openat2,    do_openat2,
#ifdef SYS_open
						       do_plain_open, do_creat
#endif
	};
	char path[PATH_ROOM];

	random_path(path);
	calls[random_below(COUNT(calls))](path);
}
