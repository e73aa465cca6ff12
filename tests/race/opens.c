/*
 * The calls that open: what comes back must not be the file that may not be read, nor be able to write to the one that may
 * not be written.
 */
#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum result result_of(int r)
{
	return r >= 0 ? PASSED : errno == EACCES ? REFUSED : MISSED;
}

static int by_open(struct caller *c, int dir, const char *path, int flags)
{
	(void)c, (void)dir;
#ifdef SYS_open
	return (int)syscall(SYS_open, path, flags | O_CLOEXEC);
#else
	return openat(AT_FDCWD, path, flags | O_CLOEXEC);
#endif
}

static int by_creat(struct caller *c, int dir, const char *path, int flags)
{
	(void)c, (void)dir, (void)flags;
#ifdef SYS_creat
	return (int)syscall(SYS_creat, path, 0666);
#else
	return openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0666);
#endif
}

static int by_openat(struct caller *c, int dir, const char *path, int flags)
{
	(void)c;
	return (int)syscall(SYS_openat, dir, path, flags | O_CLOEXEC);
}

static int by_openat2(struct caller *c, int dir, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC };

	(void)c;
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

/* ---- ways ---- */

static bool is_forbidden(const struct caller *c, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if (c->reads && st.st_ino == c->env_ino)
		return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY;
	return st.st_ino == c->x_ino && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

static enum result opened(const struct caller *c, int fd)
{
	enum result r = result_of(fd);

	if (fd >= 0 && is_forbidden(c, fd))
		r = WON;
	if (fd >= 0)
		close(fd);
	return r == PASSED && !world_intact(c) ? WON : r;
}

static enum result through_env(const struct attack *a, struct caller *c)
{
	return c->reads ? opened(c, a->open(c, AT_FDCWD, c->env, O_RDONLY)) : MISSED;
}

static enum result through_file(const struct attack *a, struct caller *c)
{
	return opened(c, a->open(c, AT_FDCWD, c->file, O_RDWR));
}

static enum result through_link(const struct attack *a, struct caller *c)
{
	return opened(c, a->open(c, AT_FDCWD, c->link, O_RDWR));
}

static enum result through_folder(const struct attack *a, struct caller *c)
{
	return opened(c, a->open(c, AT_FDCWD, c->through, O_RDWR | O_TRUNC));
}

static enum result through_descriptor(const struct attack *a, struct caller *c)
{
	return opened(c, a->open(c, AT_FDCWD, c->file_fd, O_RDWR));
}

static enum result below_descriptor(const struct attack *a, struct caller *c)
{
	return opened(c, a->open(c, FOLDER_FD + c->number, "x", O_RDWR));
}

/* Only the first caller's folders become the current one. */
static enum result below_current(const struct attack *a, struct caller *c)
{
	return c->number == 0 ? opened(c, a->open(c, AT_FDCWD, "x", O_RDWR)) : MISSED;
}

/* The structure says what for, and it changes. */
static enum result by_structure(const struct attack *a, struct caller *c)
{
	(void)a;
	return opened(c, (int)syscall(SYS_openat2, AT_FDCWD, c->hooks_x, &c->how, sizeof c->how));
}

const struct attack open_attacks[] = {
	{ "open",
	  { .open = by_open },
	  2,
	  { through_env, through_file, through_link, through_folder, through_descriptor,
	    below_current } },
	{ "creat",
	  { .open = by_creat },
	  1,
	  { through_file, through_link, through_folder, through_descriptor, below_current } },
	{ "openat",
	  { .open = by_openat },
	  2,
	  { through_env, through_file, through_link, through_folder, through_descriptor,
	    below_descriptor, below_current } },
	{ "openat2",
	  { .open = by_openat2 },
	  3,
	  { through_env, through_file, by_structure, through_link, through_folder,
	    through_descriptor, below_descriptor, below_current } },
	{ NULL },
};
