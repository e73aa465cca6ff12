#include "same.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t state;

void random_seed(uint64_t seed)
{
	state = (seed + 1) * 0x9e3779b97f4a7c15;
	for (unsigned i = 0; i < 4; i++)
		random_below(2);
}

/* xorshift64*, by Marsaglia and Vigna. */
uint32_t random_below(uint32_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1d) >> 32) % n;
}

bool once_in(uint32_t n)
{
	return random_below(n) == 0;
}

/* AT_FDCWD, slots, and what is no descriptor. */
int random_dir(void)
{
	static const int others[] = { -1, 99, INT_MIN, 1 << 20 };

	if (once_in(2))
		return AT_FDCWD;
	if (once_in(12))
		return others[random_below(COUNT(others))];
	return SLOT + (int)random_below(SLOTS);
}

/* ---- paths ---- */

static const char *const names[] = {
	"a",    "b",    "c",    "d",       "e",        "f",      "a",       "b",      "sub",  "sub",
	"deep", "file", "file", "twin",    "link",     "to-sub", "dang",    "new",    "loop", "abs",
	"up",   "fifo", "none", "closed",  "self",     "to-fd",  "to-proc", "locked", ".",    "..",
	"..",   "sock", "far",  "no-read", "no-write", "chain",  "x1",      "to-new",
};

static const char *const whole[] = {
	"",
	"/",
	"//",
	".",
	"..",
	"./",
	"../",
	"/proc/self",
	"/proc/self/",
	"/proc/self/status",
	"/proc/self/comm",
	"/proc/self/exe",
	"/proc/self/fd",
	"/proc/self/fd/",
	"/proc/self/task",
	"/proc/thread-self/comm",
	"/proc/self/cwd",
	"/proc/self/root",
	"/proc/mounts",
	"/proc/self/../self/comm",
	"/proc/self/no-such",
	"/proc/self/fd/99",
	"/proc/self/fd/-1",
	"/proc/self/fd/020",
	"/proc/version",
	"/proc/sys/kernel/ostype",
	"/proc/99999/comm",
	"/dev/null",
	"/dev/zero",
	"/dev/fd",
	"/dev/fd/",
	"/dev/no-such",
	"/dev/null/",
	"/usr/bin",
	"/usr/bin/env",
	"/usr/no-such",
	"/usr/bin/env/x",
	"/etc",
	"/no-such/x",
};

static void add(char path[PATH_ROOM], const char *what)
{
	size_t len = strlen(path);

	if (len + strlen(what) < PATH_ROOM)
		memcpy(path + len, what, strlen(what) + 1);
}

static void add_many(char path[PATH_ROOM], const char *what, size_t until)
{
	while (strlen(path) + strlen(what) <= until)
		add(path, what);
}

static void add_name(char path[PATH_ROOM])
{
	char name[NAME_MAX + 2];

	if (!once_in(60)) {
		add(path, names[random_below(COUNT(names))]);
		return;
	}
	memset(name, 'n', sizeof name);
	name[once_in(2) ? NAME_MAX : NAME_MAX + 1] = '\0';
	add(path, name);
}

static void add_start(char path[PATH_ROOM])
{
	static const char *const starts[] = { "/work/t/",
					      "/work/t/",
					      "//work//t/",
					      "/proc/self/cwd/",
					      "/proc/thread-self/cwd/",
					      "/proc/self/root/work/t/",
					      "/proc/self/task/../cwd/",
					      "/proc/self/../self/cwd/",
					      "./",
					      "../t/" };
	char text[64];

	if (once_in(2))
		return;
	if (!once_in(4)) {
		add(path, starts[random_below(COUNT(starts))]);
		return;
	}
	snprintf(text, sizeof text, "%s/%u%s", once_in(2) ? "/proc/self/fd" : "/dev/fd",
		 SLOT + random_below(SLOTS), once_in(2) ? "/" : "");
	add(path, text);
}

/* PATH_MAX with its NUL is what a path may have: one less, as much, one more. */
static void long_path(char path[PATH_ROOM])
{
	size_t len = PATH_MAX - 2 + random_below(3);

	add_many(path, "./", len - 4);
	add_many(path, "/", len - 4);
	add(path, once_in(2) ? "file" : "newf");
}

void random_path(char path[PATH_ROOM])
{
	path[0] = '\0';
	if (once_in(80)) {
		long_path(path);
		return;
	}
	if (once_in(12)) {
		add(path, whole[random_below(COUNT(whole))]);
		return;
	}
	add_start(path);

	size_t len = strlen(path);

	if (len != 0 && path[len - 1] != '/')
		return;
	add_name(path);
	while (once_in(2)) {
		add(path, once_in(10) ? "//" : once_in(10) ? "/./" : "/");
		add_name(path);
	}
	if (once_in(10))
		add(path, once_in(4) ? "/." : once_in(3) ? "//" : "/");
}

/* ---- numbers ---- */

uint64_t random_flags(void)
{
	static const struct {
		uint64_t flag;
		uint32_t once_in;
	} flags[] = {
		{ O_CREAT, 3 },    { O_EXCL, 8 },    { O_NOCTTY, 12 },   { O_TRUNC, 5 },
		{ O_APPEND, 6 },   { O_DSYNC, 20 },  { O_ASYNC, 20 },    { O_DIRECT, 25 },
		{ 0100000, 8 },    { O_NOATIME, 8 }, { O_DIRECTORY, 8 }, { O_NOFOLLOW, 6 },
		{ O_CLOEXEC, 2 },  { O_SYNC, 20 },   { O_TMPFILE, 15 },  { O_PATH, 15 },
		{ O_NONBLOCK, 2 },
	};
	static const uint64_t unknown[] = { 1ULL << 31, 1ULL << 30, 040, 1ULL << 23 };
	static const uint64_t access[] = { O_RDONLY, O_RDONLY, O_RDONLY, O_WRONLY,
					   O_WRONLY, O_RDWR,   O_RDWR,   O_ACCMODE };
	uint64_t r = access[random_below(once_in(4) ? 8 : 7)];

	for (size_t i = 0; i < COUNT(flags); i++)
		if (once_in(flags[i].once_in))
			r |= flags[i].flag;
	if (once_in(40))
		r |= unknown[random_below(COUNT(unknown))];
	return r;
}

uint32_t random_mode(void)
{
	static const uint32_t modes[] = { 0666, 0777,  0644,  0600,  0,
					  0400, 01777, 04755, 02755, 07777 };

	return once_in(20) ? random_below(1 << 20) : modes[random_below(COUNT(modes))];
}
