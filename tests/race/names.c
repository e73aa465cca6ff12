/*
 * The calls that change names: the file that may not be read must not get another one, and among those that may not be
 * written nothing is to appear, to go or to change.
 */
#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int by_rename(int old_dir, const char *old, int dir, const char *path)
{
	(void)old_dir, (void)dir;
	return rename(old, path);
}

static int by_renameat(int old_dir, const char *old, int dir, const char *path)
{
	return renameat(old_dir, old, dir, path);
}

static int by_renameat2(int old_dir, const char *old, int dir, const char *path)
{
	return (int)syscall(SYS_renameat2, old_dir, old, dir, path, 0);
}

static int by_link(int old_dir, const char *old, int dir, const char *path)
{
	(void)old_dir, (void)dir;
	return link(old, path);
}

static int by_linkat(int old_dir, const char *old, int dir, const char *path)
{
	return linkat(old_dir, old, dir, path, AT_SYMLINK_FOLLOW);
}

static int by_symlink(int dir, const char *path)
{
	(void)dir;
	return symlink("okok", path);
}

static int by_symlinkat(int dir, const char *path)
{
	return symlinkat("okok", dir, path);
}

static int by_mkdir(int dir, const char *path)
{
	(void)dir;
	return mkdir(path, 0777);
}

static int by_mkdirat(int dir, const char *path)
{
	return mkdirat(dir, path, 0777);
}

/* glibc makes one of the other. */
static int by_mknod(int dir, const char *path)
{
	(void)dir;
#ifdef SYS_mknod
	return (int)syscall(SYS_mknod, path, S_IFREG | 0666, 0);
#else
	return mknod(path, S_IFREG | 0666, 0);
#endif
}

static int by_mknodat(int dir, const char *path)
{
	return mknodat(dir, path, S_IFIFO | 0666, 0);
}

static int by_unlink(int dir, const char *path)
{
	(void)dir;
	return unlink(path);
}

static int by_unlinkat(int dir, const char *path)
{
	return unlinkat(dir, path, 0);
}

static int by_rmdir(int dir, const char *path)
{
	(void)dir;
	return rmdir(path);
}

static int by_truncate(int dir, const char *path)
{
	(void)dir;
	return truncate(path, 0);
}

/* ---- ways ---- */

static enum result named(const struct caller *c, int r)
{
	enum result result = result_of(r);

	if (result != PASSED)
		return result;
	if (!world_intact(c))
		return WON;
	world_mend(c);
	return PASSED;
}

/* The first path leads to what must keep its name. */
static enum result from_env(const struct attack *a, struct caller *c)
{
	return named(c, a->two(AT_FDCWD, c->env, AT_FDCWD, c->out));
}

/* The second leads to where nothing may come. */
static enum result to_made(const struct attack *a, struct caller *c)
{
	return named(c, a->two(AT_FDCWD, c->two, AT_FDCWD, c->made));
}

static enum result to_file(const struct attack *a, struct caller *c)
{
	return named(c, a->two(AT_FDCWD, c->two, AT_FDCWD, c->file));
}

static enum result below_folder(const struct attack *a, struct caller *c)
{
	return named(c, a->two(AT_FDCWD, c->two, FOLDER_FD + c->number, "new"));
}

static enum result away_from_folder(const struct attack *a, struct caller *c)
{
	return named(c, a->two(FOLDER_FD + c->number, "x", AT_FDCWD, c->out));
}

static enum result exchanged(const struct attack *a, struct caller *c)
{
	(void)a;
	return named(c, (int)syscall(SYS_renameat2, AT_FDCWD, c->two, AT_FDCWD, c->file,
				     RENAME_EXCHANGE));
}

/* Follows the descriptor, which is now of this file and now of that. */
static enum result from_descriptor(const struct attack *a, struct caller *c)
{
	return named(c, a->two(AT_FDCWD, c->file_fd, AT_FDCWD, c->out));
}

static enum result one_made(const struct attack *a, struct caller *c)
{
	return named(c, a->one(AT_FDCWD, c->made));
}

static enum result one_file(const struct attack *a, struct caller *c)
{
	return named(c, a->one(AT_FDCWD, c->file));
}

static enum result one_dir(const struct attack *a, struct caller *c)
{
	return named(c, a->one(AT_FDCWD, c->dir));
}

static enum result one_link(const struct attack *a, struct caller *c)
{
	return named(c, a->one(AT_FDCWD, c->link));
}

static enum result one_through(const struct attack *a, struct caller *c)
{
	return named(c, a->one(AT_FDCWD, c->through));
}

static enum result one_descriptor(const struct attack *a, struct caller *c)
{
	return named(c, a->one(AT_FDCWD, c->file_fd));
}

static enum result new_below_folder(const struct attack *a, struct caller *c)
{
	return named(c, a->one(FOLDER_FD + c->number, "new"));
}

static enum result x_below_folder(const struct attack *a, struct caller *c)
{
	return named(c, a->one(FOLDER_FD + c->number, "x"));
}

static enum result new_below_current(const struct attack *a, struct caller *c)
{
	return c->number == 0 ? named(c, a->one(AT_FDCWD, "new")) : MISSED;
}

static enum result x_below_current(const struct attack *a, struct caller *c)
{
	return c->number == 0 ? named(c, a->one(AT_FDCWD, "x")) : MISSED;
}

static enum result dir_below_current(const struct attack *a, struct caller *c)
{
	return c->number == 0 ? named(c, a->one(AT_FDCWD, "dir")) : MISSED;
}

#define ONE(call, by_memory, ...)                                                                  \
	{                                                                                          \
#call, { .one = by_##call }, (by_memory),                                          \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define TWO(call, by_memory, ...)                                                                  \
	{                                                                                          \
#call, { .two = by_##call }, (by_memory),                                          \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

const struct attack name_attacks[] = {
	TWO(rename, 3, from_env, to_file, to_made),
	TWO(renameat, 2, from_env, to_file, below_folder, away_from_folder),
	TWO(renameat2, 3, from_env, to_file, exchanged, below_folder, away_from_folder),
	TWO(link, 2, from_env, to_made),
	TWO(linkat, 2, from_env, to_made, below_folder, away_from_folder, from_descriptor),
	ONE(symlink, 1, one_made, new_below_current),
	ONE(symlinkat, 1, one_made, new_below_folder, new_below_current),
	ONE(unlink, 1, one_file, x_below_current),
	ONE(unlinkat, 1, one_file, x_below_folder, x_below_current),
	ONE(rmdir, 1, one_dir, dir_below_current),
	ONE(mkdir, 1, one_made, new_below_current),
	ONE(mkdirat, 1, one_made, new_below_folder, new_below_current),
	ONE(mknod, 1, one_made, new_below_current),
	ONE(mknodat, 1, one_made, new_below_folder, new_below_current),
	ONE(truncate, 1, one_file, one_link, one_through, one_descriptor, x_below_current),
	{ NULL },
};
