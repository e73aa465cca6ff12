#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostile.h"

/* ---- paths ---- */

static const char *const places[] = {
	"play/a",
	"play/b",
	"play/c",
	"play/d",
	"play/d/a",
	"play/d/e/a",
	"play/d/e",
	"play/link",
	"play/socket",
	"play/fifo",
	"play/fifo2",
	"play/gone",
	"play",
	".",
	"..",
	"/work/play",
	"/work/play/a",
	"keep/.env",
	"keep",
	"hooks/one",
	"hooks/new",
	"hooks",
	"hooks/deep/two",
	"hooks/deep",
	"/",
	"/dev/null",
	"/dev/tty",
	"/dev/full",
	"/tmp/x",
	"/proc/self/fd/5",
	"/proc/self/fd/10",
	"/proc/self/fd",
	"/proc/self/mem",
	"/proc/self/maps",
	"/proc/self/cwd/keep/.env",
	"/proc/self/root/work/keep/.env",
	"/proc/thread-self/comm",
	"/proc/self/exe",
	"/proc/1/mem",
	"/proc/2/environ",
	"/proc/self/task",
	"/proc/self/fdinfo/5",
	"play/to-env",
	"play/to-hooks/one",
	"play/to-self/fd/7",
	"/proc/self/environ",
	"/etc/passwd",
	"/etc/shadow",
	"play/loop",
	"/usr/bin/env",
	"",
	"//work//./play/../keep/.env",
	"play/d/../../hooks/new",
};

size_t random_path(char path[HOSTILE_PATH])
{
	size_t len = (size_t)snprintf(path, PATH_MAX, "%s", places[below(COUNT(places))]);

	switch (below(30)) {
	case 0: /* slashes and dots */
		len += (size_t)snprintf(path + len, 16, "%s", once_in(2) ? "/" : "/./");
		break;
	case 1: /* any bytes */
		for (uint32_t n = below(300); n > 0; n--)
			path[len++] = (char)(1 + below(255));
		break;
	case 2: /* about as long as a path or a name may be */
		for (uint32_t n = (once_in(2) ? NAME_MAX : PATH_MAX) - 8 + below(16); n > 0; n--)
			path[len++] = 'a';
		break;
	case 3: /* deep */
		for (uint32_t n = below(900); n > 0; n--)
			len += (size_t)snprintf(path + len, 5, "%s", once_in(2) ? "/.." : "/d");
		break;
	case 4: /* one byte changed */
		if (len != 0)
			path[below((uint32_t)len)] = (char)below(256);
		break;
	case 5:
		len = (size_t)snprintf(path, PATH_MAX, "/proc/self/fd/%u", below(FDS + 4));
		break;
	default:
		break;
	}
	path[len] = '\0';
	return len;
}

uint64_t some_path(void)
{
	char path[HOSTILE_PATH];
	size_t len = random_path(path);
	char *room = memory_room(len + 1);

	if (room == NULL)
		return memory_anywhere();
	memory_put(room, path, len + !once_in(50)); /* now and then it does not end */
	return (uint64_t)(uintptr_t)room;
}

uint64_t some_text(void)
{
	return some_path();
}

/* ---- descriptors and flags ---- */

uint64_t some_fd(void)
{
	return once_in(10) ? any_bits() : 3 + below(FDS);
}

uint64_t some_dir(void)
{
	return once_in(2) ? (uint64_t)(int64_t)AT_FDCWD : some_fd();
}

uint64_t some_open_flags(void)
{
	static const uint64_t bits[] = { O_CREAT,    O_EXCL,      O_TRUNC, O_APPEND,
					 O_NOFOLLOW, O_DIRECTORY, O_ASYNC, O_NOATIME,
					 O_TMPFILE,  O_CLOEXEC,   O_SYNC,  O_DIRECT };
	uint64_t flags = below(4);

	if (once_in(40))
		return any_bits();
	for (size_t i = 0; i < COUNT(bits); i++)
		if (once_in(7))
			flags |= bits[i];
	return once_in(12) ? flags
			   : flags | O_NONBLOCK; /* who waits for a FIFO makes no more calls */
}

uint64_t some_mode(void)
{
	static const uint64_t types[] = { 0,       S_IFREG, S_IFIFO, S_IFSOCK,
					  S_IFCHR, S_IFBLK, S_IFDIR, S_IFLNK };

	return once_in(8) ? any_bits() : types[below(COUNT(types))] | 0600 | below(01000);
}

uint64_t some_how(void)
{
	struct open_how how = { .flags = some_open_flags(),
				.mode = once_in(2) ? 0 : some_mode(),
				.resolve = once_in(3) ? below(64) : 0 };
	char *room = memory_room(sizeof how);

	if (!once_in(10) && !(how.flags & (O_CREAT | O_TMPFILE)))
		how.mode = 0;
	if (room == NULL)
		return memory_anywhere();
	memory_put(room, &how, sizeof how);
	return (uint64_t)(uintptr_t)room;
}

uint64_t some_how_size(void)
{
	static const uint64_t sizes[] = {
		0, 8, 23, 25, 32, 4095, 4096, 4097, UINT64_MAX, 1ULL << 32
	};

	return once_in(3) ? sizes[below(COUNT(sizes))] : sizeof(struct open_how);
}

uint64_t some_name_flags(void)
{
	static const uint64_t flags[] = {
		0, 1, 2, 4, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH
	};

	return once_in(12) ? any_bits() : flags[below(COUNT(flags))];
}

/* Without threads that share our memory: one that does not wait for its end is calls.c's. */
uint64_t some_clone_flags(void)
{
	uint64_t flags = once_in(4) ? any_bits() : 17 | 1ULL << (8 + below(24));

	return once_in(3) ? flags | 1ULL << (8 + below(24)) : flags;
}

uint64_t some_ioctl(void)
{
	static const uint64_t requests[] = { FIONREAD, TIOCGWINSZ, TCGETS,  TIOCSTI,
					     FIOCLEX,  TIOCSCTTY,  FIONBIO, 0x541c /* TIOCLINUX */,
					     TIOCSETD };
	uint64_t request = once_in(6) ? any_bits() : requests[below(COUNT(requests))];

	return once_in(4) ? request | chance() << 32 : request;
}

uint64_t some_prctl(void)
{
	static const uint64_t kinds[] = { PR_SET_NAME,     PR_GET_NAME,     PR_SET_MM,
					  PR_SET_DUMPABLE, PR_GET_DUMPABLE, PR_SET_PDEATHSIG,
					  PR_CAPBSET_DROP };

	return once_in(4) ? any_bits() : kinds[below(COUNT(kinds))];
}

uint64_t some_family(void)
{
	return once_in(4) ? any_bits() : below(46);
}

uint64_t some_type(void)
{
	return once_in(6) ? any_bits() : 1 + below(6);
}

uint64_t some_length(void)
{
	return once_in(4) ? any_bits() : below(1 << 16);
}

/* A list of pointers for execve, most of them bad. */
uint64_t some_pointers(void)
{
	uint64_t list[4] = { memory_anywhere(), 0 };
	char *room = memory_room(sizeof list);

	if (room == NULL || once_in(3))
		return 0;
	memory_put(room, list, sizeof list);
	return (uint64_t)(uintptr_t)room;
}
