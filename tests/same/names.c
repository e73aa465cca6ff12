#include "same.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Two paths, of which the second leads near the first more often than chance would have it. */
struct paths {
	char one[PATH_ROOM], two[PATH_ROOM];
	int dir_one, dir_two;
};

static uint32_t pick(const uint32_t *from, size_t n)
{
	return from[once_in(2) ? 0 : random_below((uint32_t)n)];
}

static void say_one(const char *call, const struct paths *p)
{
	say("%s %d", call, p->dir_one);
	say_path(p->one);
}

static void say_two(const char *call, const struct paths *p)
{
	say_one(call, p);
	say(" %d", p->dir_two);
	say_path(p->two);
}

static void do_rename(const struct paths *p)
{
	static const uint32_t all[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE, 3, 8, 1u << 31 };
	uint32_t flags = pick(all, COUNT(all));

	say_two("renameat2", p);
	say(" %#x", flags);
	say_result(syscall(SYS_renameat2, p->dir_one, p->one, p->dir_two, p->two, flags));
}

static void do_old_rename(const struct paths *p)
{
	say_two("rename", p);
	say_result(rename(p->one, p->two));
}

static void do_linkat(const struct paths *p)
{
	static const uint32_t all[] = { 0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, 0x100, 0x1400 };
	uint32_t flags = pick(all, COUNT(all));

	say_two("linkat", p);
	say(" %#x", flags);
	say_result(syscall(SYS_linkat, p->dir_one, p->one, p->dir_two, p->two, flags));
}

static void do_link(const struct paths *p)
{
	say_two("link", p);
	say_result(link(p->one, p->two));
}

static void do_symlinkat(const struct paths *p)
{
	say_two("symlinkat", p);
	say_result(symlinkat(p->one, p->dir_two, p->two));
}

static void do_unlinkat(const struct paths *p)
{
	static const uint32_t all[] = { 0, AT_REMOVEDIR, 1, 0x1000, AT_REMOVEDIR };
	uint32_t flags = pick(all, COUNT(all));

	say_one("unlinkat", p);
	say(" %#x", flags);
	say_result(syscall(SYS_unlinkat, p->dir_one, p->one, flags));
}

static void do_unlink(const struct paths *p)
{
	say_one("unlink", p);
	say_result(unlink(p->one));
}

static void do_rmdir(const struct paths *p)
{
	say_one("rmdir", p);
	say_result(rmdir(p->one));
}

static void do_mkdirat(const struct paths *p)
{
	uint32_t mode = random_mode();

	say_one("mkdirat", p);
	say(" %#o", mode);
	say_result(syscall(SYS_mkdirat, p->dir_one, p->one, mode));
}

static void do_mknodat(const struct paths *p)
{
	static const uint32_t types[] = { S_IFREG, 0,       S_IFIFO, S_IFSOCK, S_IFCHR,
					  S_IFBLK, S_IFDIR, S_IFLNK, 0130000,  0200000 };
	uint32_t mode = pick(types, COUNT(types)) | (random_mode() & 07777);
	uint32_t device = once_in(2) ? 0 : 0x103;

	say_one("mknodat", p);
	say(" %#o %#x", mode, device);
	say_result(syscall(SYS_mknodat, p->dir_one, p->one, mode, device));
}

static void do_truncate(const struct paths *p)
{
	static const int64_t lengths[] = { 0, 1, 100, 70000, -1, INT64_MIN, INT64_MAX };
	int64_t length = lengths[random_below(COUNT(lengths))];

	say("truncate");
	say_path(p->one);
	say(" %lld", (long long)length);
	say_result(syscall(SYS_truncate, p->one, length));
}

void do_name(void)
{
	static void (*const calls[])(const struct paths *) = {
		do_rename,  do_rename,    do_old_rename, do_linkat,  do_link,
		do_link,    do_symlinkat, do_unlinkat,   do_unlink,  do_rmdir,
		do_mkdirat, do_mkdirat,   do_mknodat,    do_mknodat, do_truncate,
	};
	static struct paths p;

	random_path(p.one);
	random_path(p.two);
	p.dir_one = random_dir();
	p.dir_two = random_dir();
	calls[random_below(COUNT(calls))](&p);
}
