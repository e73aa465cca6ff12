/*
 * What some calls' arguments mean. The memory itself is read in fetch.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/fetch.h"

/* ---- programs ---- */

int fetch_exec(const struct server *s, const struct call *c, const char *name,
	       struct open_request *out)
{
	bool at = strcmp(name, "execveat") == 0;
	uint64_t flags = at ? c->arg[4] : 0;
	int dir = -1;

	*out = (struct open_request){ .flags = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0,
				      .dir = -1 };
	TRY(fetch_string(c, c->arg[at ? 1 : 0], out->path));
	if (out->path[0] == '\0' && !(flags & AT_EMPTY_PATH))
		return -ENOENT;
	if (out->path[0] != '/')
		TRY(fetch_dir(s, c, at ? (int)c->arg[0] : AT_FDCWD, &dir));
	out->dir = dir;
	return 0;
}

struct program {
	const struct server *s;
	uint32_t tid;
	char *path;
};

static int program_read(void *ctx)
{
	const struct program *p = ctx;
	char name[32], *end = fetch_number(name, p->tid);

	memcpy(end, "/exe", sizeof "/exe");

	ssize_t n = readlinkat(p->s->proc, name, p->path, PATH_MAX);

	if (n < 0 || n >= PATH_MAX)
		return n < 0 ? -errno : -ENAMETOOLONG;
	p->path[n] = '\0';
	return 0;
}

int fetch_program(const struct server *s, uint32_t tid, char path[PATH_MAX])
{
	struct program p = { s, tid, path };

	return fetch_as_tracer(program_read, &p);
}

/* ---- the calls that change names ---- */

#define NONE NO_ARG
static const struct names_call names_calls[] = {
	{ "link", NAMES_LINK, { NONE, NONE }, { 0, 1 }, { NONE, NONE }, 0 },
	{ "linkat", NAMES_LINK, { 0, 2 }, { 1, 3 }, { 4, NONE }, 0 },
	{ "mkdir", NAMES_MKDIR, { NONE, NONE }, { 0, NONE }, { 1, NONE }, 0 },
	{ "mkdirat", NAMES_MKDIR, { 0, NONE }, { 1, NONE }, { 2, NONE }, 0 },
	{ "mknod", NAMES_MKNOD, { NONE, NONE }, { 0, NONE }, { 1, 2 }, 0 },
	{ "mknodat", NAMES_MKNOD, { 0, NONE }, { 1, NONE }, { 2, 3 }, 0 },
	{ "rename", NAMES_RENAME, { NONE, NONE }, { 0, 1 }, { NONE, NONE }, 0 },
	{ "renameat", NAMES_RENAME, { 0, 2 }, { 1, 3 }, { NONE, NONE }, 0 },
	{ "renameat2", NAMES_RENAME, { 0, 2 }, { 1, 3 }, { 4, NONE }, 0 },
	{ "rmdir", NAMES_UNLINK, { NONE, NONE }, { 0, NONE }, { NONE, NONE }, AT_REMOVEDIR },
	{ "symlink", NAMES_SYMLINK, { NONE, NONE }, { 0, 1 }, { NONE, NONE }, 0 },
	{ "symlinkat", NAMES_SYMLINK, { NONE, 1 }, { 0, 2 }, { NONE, NONE }, 0 },
	{ "truncate", NAMES_TRUNCATE, { NONE, NONE }, { 0, NONE }, { 1, NONE }, 0 },
	{ "unlink", NAMES_UNLINK, { NONE, NONE }, { 0, NONE }, { NONE, NONE }, 0 },
	{ "unlinkat", NAMES_UNLINK, { 0, NONE }, { 1, NONE }, { 2, NONE }, 0 },
	{ "chmod", NAMES_MODE, { NONE, NONE }, { 0, NONE }, { 1, NONE }, 0 },
	{ "fchmod", NAMES_MODE, { 0, NONE }, { NONE, NONE }, { 1, NONE }, 0 },
	{ "fchmodat", NAMES_MODE, { 0, NONE }, { 1, NONE }, { 2, NONE }, 0 },
	{ "fchmodat2", NAMES_MODE, { 0, NONE }, { 1, NONE }, { 2, 3 }, 0 },
	{ "chown", NAMES_OWNER, { NONE, NONE }, { 0, NONE }, { 1, 2 }, 0 },
	{ "lchown", NAMES_OWNER, { NONE, NONE }, { 0, NONE }, { 1, 2 }, AT_SYMLINK_NOFOLLOW },
	{ "fchown", NAMES_OWNER, { 0, NONE }, { NONE, NONE }, { 1, 2 }, 0 },
	{ "fchownat", NAMES_OWNER, { 0, NONE }, { 1, NONE }, { 2, 3 }, 0 },
	{ "utime", NAMES_TIMES, { NONE, NONE }, { 0, NONE }, { 1, NONE }, TIMES_BUF },
	{ "utimes", NAMES_TIMES, { NONE, NONE }, { 0, NONE }, { 1, NONE }, TIMES_VAL },
	{ "futimesat", NAMES_TIMES, { 0, NONE }, { 1, NONE }, { 2, NONE }, TIMES_VAL },
	{ "utimensat", NAMES_TIMES, { 0, NONE }, { 1, NONE }, { 2, 3 }, TIMES_SPEC },
};
#undef NONE

static bool is_attribute(const struct names_call *call)
{
	return call->deed == NAMES_MODE || call->deed == NAMES_OWNER || call->deed == NAMES_TIMES;
}

/* fchownat has them behind its two numbers. */
static unsigned attribute_flags(const struct call *c, const struct names_request *r)
{
	const struct names_call *call = r->call;

	if (!is_attribute(call))
		return 0;
	if (call->deed != NAMES_OWNER)
		return (unsigned)r->number[1];
	return call->dir[0] != NO_ARG && call->path[0] != NO_ARG ? (unsigned)c->arg[4]
								 : (unsigned)call->flags;
}

/* Instead of a path the descriptor is meant: fchmod, and utimensat, futimesat without a path. */
static bool means_descriptor(const struct call *c, const struct names_call *call)
{
	return is_attribute(call) && call->dir[0] != NO_ARG &&
	       (call->path[0] == NO_ARG ||
		(call->deed == NAMES_TIMES && c->arg[call->path[0]] == 0));
}

static int fetch_path(const struct server *s, const struct call *c, unsigned i,
		      struct names_request *out)
{
	const struct names_call *call = out->call;
	int dirfd = call->dir[i] != NO_ARG ? (int)c->arg[call->dir[i]] : AT_FDCWD;
	bool of_descriptor = i == 0 &&
			     ((call->deed == NAMES_LINK && (out->number[0] & AT_EMPTY_PATH)) ||
			      (out->at & AT_EMPTY_PATH));

	if (i == 0 && means_descriptor(c, call))
		return dirfd == AT_FDCWD ? -EBADF : fetch_fd(s, c, dirfd, &out->dir[i]);
	if (call->path[i] == NO_ARG)
		return 0;
	TRY(fetch_string(c, c->arg[call->path[i]], out->path[i]));
	if (out->path[i][0] == '\0' && !of_descriptor)
		return -ENOENT;
	if (out->path[i][0] == '/' || (call->deed == NAMES_SYMLINK && i == 0))
		return 0;
	return fetch_dir(s, c, dirfd, &out->dir[i]);
}

mode_t fetch_node_mode(const struct names_request *r)
{
	return (mode_t)(r->number[0] & 0xffff); /* umode_t of the kernel */
}

/* may_mknod() of fs/namei.c */
static int check_node(const struct names_request *r)
{
	switch (fetch_node_mode(r) & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

/* What the kernel says about the registers before it looks at any path. */
static int check_numbers(const struct names_request *r)
{
	unsigned flags = (unsigned)r->number[0];

	switch (r->call->deed) {
	case NAMES_RENAME: /* whiteouts are for file systems that lie over others */
		return flags >= (RENAME_NOREPLACE | RENAME_EXCHANGE) ? -EINVAL : 0;
	case NAMES_LINK:
		return flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) ? -EINVAL : 0;
	case NAMES_UNLINK:
		return flags & ~(unsigned)AT_REMOVEDIR ? -EINVAL : 0;
	case NAMES_MKNOD:
		return check_node(r);
	case NAMES_TRUNCATE:
		return (int64_t)r->number[0] < 0 ? -EINVAL : 0;
	case NAMES_MODE:
	case NAMES_OWNER:
	case NAMES_TIMES:
		return r->at & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) ? -EINVAL : 0;
	case NAMES_SYMLINK:
	case NAMES_MKDIR:
		break;
	}
	return 0;
}

int fetch_names_numbers(const struct call *c, const char *name, struct names_request *out)
{
	out->call = NULL;
	out->dir[0] = out->dir[1] = -1;
	out->path[0][0] = out->path[1][0] = '\0';
	for (size_t i = 0; i < COUNT(names_calls); i++)
		if (strcmp(names_calls[i].name, name) == 0)
			out->call = &names_calls[i];
	if (out->call == NULL)
		return -ENOSYS;
	for (unsigned i = 0; i < 2; i++)
		out->number[i] = out->call->number[i] != NO_ARG ? c->arg[out->call->number[i]] : 0;
	out->at = attribute_flags(c, out);
	return check_numbers(out);
}

int fetch_names_paths(const struct server *s, const struct call *c, struct names_request *out)
{
	for (unsigned i = 0; i < 2; i++)
		out->err[i] = fetch_path(s, c, i, out);
	return fetch_valid(s, c->id) ? 0 : -ESRCH;
}

void fetch_names_done(struct names_request *r)
{
	fd_close(&r->dir[0]);
	fd_close(&r->dir[1]);
}
