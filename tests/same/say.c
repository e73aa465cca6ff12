#include "same.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 90, ERRNOS = 4096 };

unsigned operation;
static unsigned good, failed[ERRNOS];

_Noreturn void die(const char *what)
{
	fprintf(stderr, "same: %s: %s\n", what, strerror(errno));
	exit(2);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

void say_path(const char *path)
{
	size_t len = strlen(path);

	if (len <= SHOWN)
		say(" \"%s\"", path);
	else
		say(" \"%.40s...%zu...%s\"", path, len, path + len - 40);
}

static void say_errno(int err)
{
	const char *name = strerrorname_np(err);

	failed[err % ERRNOS]++;
	if (name != NULL)
		say(" = %s\n", name);
	else
		say(" = %d\n", err);
}

void say_result(long r)
{
	if (r < 0) {
		say_errno(errno);
		return;
	}
	good++;
	say(" = %ld\n", r);
}

/* Writing shows O_APPEND and O_TRUNC. */
static void use(int fd, int flags, const struct stat *st)
{
	if (S_ISREG(st->st_mode) && (flags & O_ACCMODE) != O_RDONLY && !(flags & O_DIRECT)) {
		char text[16];
		int len = snprintf(text, sizeof text, "w%u", operation);

		say(" wrote %zd", write(fd, text, (size_t)len));
	}
}

/* What is held with O_PATH alone grants nothing by itself once its name is gone; natively it would. */
static void keep_or_close(int fd, bool path_only)
{
	if (once_in(3) && !path_only)
		dup3(fd, SLOT + SLOTS_FIXED + (int)random_below(SLOTS - SLOTS_FIXED), O_CLOEXEC);
	close(fd);
}

void say_descriptor(int fd)
{
	struct stat st;
	int flags;

	if (fd < 0) {
		say_errno(errno);
		return;
	}
	good++;
	flags = fcntl(fd, F_GETFL);
	if (fstat(fd, &st) < 0)
		die("fstat");
	/* O_NOFOLLOW, which means nothing any more, is lost: the broker opens through a link (act_reopen()). */
	say(" = %d: FD %d FL %#o mode %#o", fd, fcntl(fd, F_GETFD), flags & ~O_NOFOLLOW,
	    st.st_mode);
	if (!(flags & O_PATH))
		use(fd, flags, &st);
	if (S_ISREG(st.st_mode) && fstat(fd, &st) == 0 && st.st_nlink != 0)
		say(" size %lld links %lu", (long long)st.st_size, (unsigned long)st.st_nlink);
	say("\n");
	keep_or_close(fd, flags & O_PATH);
}

void say_summary(void)
{
	unsigned kinds = 0;

	for (unsigned i = 0; i < ERRNOS; i++)
		kinds += failed[i] != 0;
	say("summary: %u good, %u kinds of errors\n", good, kinds);
	for (unsigned i = 0; i < ERRNOS; i++)
		if (failed[i] != 0)
			say("summary: %u %s\n", failed[i], strerrorname_np((int)i));
}
