#include "broker/act.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/resolve.h"
#include "broker/wait.h"
#include "kern/sys.h"
#include "policy/decide.h"

/* Attempts at a path that changes under us before the caller hears of it. */
enum { RACES_MAX = 16 };

enum {
	CLIMB_MAX = 64,   /* folders on the way up */
	LOOKED_AT = 4096, /* numbers in a table that is said to be full */
};

/* ---- judging ---- */

int act_path_of(const struct server *s, int fd, char path[PATH_MAX])
{
	char number[16];

	fetch_number(number, (uint32_t)fd);

	ssize_t n = readlinkat(s->self_fds, number, path, PATH_MAX);

	if (n < 0)
		return -errno;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	path[n] = '\0';
	return 0;
}

bool act_leads_to(const char *path, int fd)
{
	const unsigned mask = STATX_INO | STATX_MNT_ID;
	struct statx there, here;

	return sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, mask, &there) == 0 &&
	       sys_statx(fd, "", AT_EMPTY_PATH, mask, &here) == 0 &&
	       (there.stx_mask & here.stx_mask & STATX_MNT_ID) &&
	       there.stx_mnt_id == here.stx_mnt_id && there.stx_ino == here.stx_ino &&
	       there.stx_dev_major == here.stx_dev_major &&
	       there.stx_dev_minor == here.stx_dev_minor;
}

/* Who asks at each folder on the way up whether its path leads to it needs no right to search the one below. ".." never
 * leads into the tree from outside of it. */
bool act_lies_inside(const struct server *s, const struct place *at)
{
	OWN_FD folder = at->from > 0 ? sys_dup(at->from) : -1;
	char path[PATH_MAX];

	for (unsigned i = 0; i < CLIMB_MAX && folder >= 0; i++) {
		if (act_path_of(s, folder, path) < 0)
			return false;
		if (act_leads_to(path, folder))
			return true;

		int up = openat(folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		fd_close(&folder);
		folder = up;
	}
	return false;
}

bool act_is_read_only(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_flags & ST_RDONLY);
}

struct verdict act_judge(const struct server *s, const struct call *c, const struct place *at,
			 const struct stat *st, unsigned wants)
{
	static const struct from nobody;
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX], alias[PATH_MAX];
	struct object o = { .path = path,
			    .type = st->st_mode,
			    .device = st->st_rdev,
			    .held = at->held,
			    .asking = c->asking };
	int err = 0;

	if (decide_any_path(s->plan, wants))
		return (struct verdict){ .what = PERFORM, .from = &nobody };
	for (unsigned i = 0; i < RACES_MAX && !o.reachable; i++) {
		err = act_path_of(s, at->fd, path);
		if (err < 0)
			return (struct verdict){ .what = DENY, .err = -err, .from = &nobody };

		size_t len = strlen(path);
		bool gone = len > strlen(deleted) &&
			    strcmp(path + len - strlen(deleted), deleted) == 0;

		if (gone) {
			memcpy(alias, path, len - strlen(deleted));
			alias[len - strlen(deleted)] = '\0';
			o.alias = alias;
		}
		o.reachable = (!at->elsewhere && !gone) || act_leads_to(path, at->fd);
		if (gone || path[0] != '/')
			break;
		o.reachable = o.reachable || act_lies_inside(s, at);
	}
	return decide_open(s->plan, &o, wants);
}

static struct verdict judge_new(const struct server *s, const struct call *c,
				const struct place *at, unsigned wants)
{
	static const struct from nobody;
	char path[PATH_MAX + NAME_MAX + 1];
	struct object o = { .path = path, .type = S_IFREG, .asking = c->asking };
	int err;

	if (decide_any_path(s->plan, wants))
		return (struct verdict){ .what = PERFORM, .from = &nobody };
	err = act_path_of(s, at->parent, path);
	if (err < 0)
		return (struct verdict){ .what = DENY, .err = -err, .from = &nobody };
	o.reachable = !at->elsewhere || act_leads_to(path, at->parent) || act_lies_inside(s, at);

	struct verdict v = decide_making(s->plan, path, S_IFREG);
	size_t len = strlen(path);

	if (strcmp(path, "/") != 0)
		path[len++] = '/';
	memcpy(path + len, at->name, strlen(at->name) + 1); /* `path` has room for NAME_MAX more */

	struct verdict opened = decide_open(s->plan, &o, wants);

	return opened.what != DENY && v.what == DENY ? v : opened;
}

static int refuse(const struct verdict *v, struct outcome *out)
{
	out->refused = true;
	out->why = *v;
	return -v->err;
}

int act_own_limit(int err)
{
	return err == -EMFILE ? -ENFILE : err;
}

/* ---- opening ---- */

/* What opens an object for good, once it is known which one it is. O_CREAT is over; O_NOFOLLOW would stop at
 * the link through which we open. The broker never gains a terminal. */
int act_reopen(const struct server *s, int fd, uint64_t flags)
{
	char number[16];
	int how = (int)(flags & ~(uint64_t)(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_NOCTTY | O_CLOEXEC;

	fetch_number(number, (uint32_t)fd);

	int r = openat(s->self_fds, number, how);

	return r < 0 ? -errno : r;
}

bool act_refused_by_mount(const struct verdict *v, int fd, const struct stat *st)
{
	return v->what == DENY && v->list != NULL && S_ISREG(st->st_mode) && act_is_read_only(fd);
}

int act_open_in_vain(const struct server *s, int fd, uint64_t flags)
{
	OWN_FD opened = act_reopen(s, fd, flags | O_NONBLOCK);
	return opened < 0 ? opened : -EROFS;
}

/* Opens without ever blocking, and takes that mark off again. -EWOULDBLOCK: somebody holds a lease. */
static int reopen_now(const struct server *s, int fd, uint64_t flags)
{
	int opened = act_reopen(s, fd, flags | O_NONBLOCK);

	if (opened >= 0 && !(flags & O_NONBLOCK))
		fcntl(opened, F_SETFL, (int)(flags & (O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME)));
	return opened;
}

/* The caller's own files in procfs, which stay open to it when it is non-dumpable. */
struct own_file {
	const struct server *s;
	int fd;
	uint64_t flags;
};

static int own_open(void *ctx)
{
	const struct own_file *o = ctx;

	return reopen_now(o->s, o->fd, o->flags);
}

static int open_plain(const struct server *s, const struct place *at, uint64_t flags)
{
	struct own_file own = { .s = s, .fd = at->fd, .flags = flags };

	return at->own ? fetch_as_tracer(own_open, &own) : own_open(&own);
}

static int open_later(const struct server *s, const struct call *c, struct place *at,
		      struct outcome *out)
{
	int err = wait_open(s, c, at->fd, out->request.flags);

	if (err < 0)
		return err;
	fd_take(&at->fd);
	out->later = true;
	return -EINPROGRESS;
}

static int open_fifo(const struct server *s, const struct call *c, struct place *at,
		     struct outcome *out)
{
	uint64_t flags = out->request.flags, access = flags & UAPI_O_ACCMODE;

	out->alone = true;
	if (flags & O_NONBLOCK)
		return act_reopen(s, at->fd, flags);
	if (access != O_RDONLY) {
		/* O_RDWR never waits; a reader may be there already. */
		int fd = reopen_now(s, at->fd, flags);

		if (fd != -ENXIO)
			return fd;
	}
	return open_later(s, c, at, out);
}

static bool is_device(int fd, dev_t device)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device;
}

/* /dev/tty is the caller's terminal, not ours: one of its first descriptors is nearly always open on it. */
static int open_terminal(const struct server *s, const struct call *c, uint64_t flags)
{
	char path[40];
	dev_t device = 0;

	TRY(fetch_terminal(s, c, &device));
	if (device == 0)
		return -ENXIO;
	for (int n = 0; n <= 2; n++) {
		int found = -1;
		int err = fetch_fd(s, c, n, &found);
		OWN_FD fd = found;

		if (err == 0 && is_device(fd, device) && fetch_valid(s, c->id))
			return reopen_now(s, fd, flags);
	}
	snprintf(path, sizeof path, "/dev/pts/%u", minor(device));

	OWN_FD pts = openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (!is_device(pts, device))
		return -ENXIO;
	return reopen_now(s, pts, flags);
}

int act_borrow_umask(const struct server *s, const struct call *c)
{
	struct task task;

	TRY(fetch_task(s, c, &task));
	if (!fetch_valid(s, c->id))
		return -ESRCH;
	umask(task.umask & 0777);
	return 0;
}

static int open_unnamed(const struct server *s, const struct call *c, const struct place *at,
			const struct open_request *r)
{
	TRY(act_borrow_umask(s, c));
	return sys_openat2(at->fd, ".", (r->flags & ~(uint64_t)O_NOFOLLOW) | O_CLOEXEC, r->mode, 0);
}

/* Whether the copies that were made are the caller's: else they may be those of somebody who has its number since. */
static bool stands(const struct server *s, const struct call *c, struct outcome *out)
{
	out->stands = out->stands || fetch_valid(s, c->id);
	return out->stands;
}

/* What nobody notices can be done for a caller that has gone: its answer finds no taker, ADDFD least of all. That spares most
 * opens a system call. */
static bool goes_unnoticed(const struct stat *st, unsigned wants)
{
	return wants == WANT_READ && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
}

static int open_found(const struct server *s, const struct call *c, struct place *at,
		      struct outcome *out)
{
	const struct open_request *r = &out->request;
	struct stat st;

	if (fstat(at->fd, &st) < 0)
		return -errno;
	if ((r->flags & O_CREAT) && (r->flags & O_EXCL))
		return -EEXIST;
	if ((r->flags & O_CREAT) && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;

	unsigned wants = decide_wants(r->flags);

	if (S_ISDIR(st.st_mode) && (wants & WANT_WRITE) && !(r->flags & UAPI_O_TMPFILE))
		return -EISDIR;
	if ((r->flags & UAPI_O_TMPFILE) && act_is_read_only(at->fd))
		return -EROFS;
	if (S_ISREG(st.st_mode) && (r->flags & O_TRUNC))
		wants |= WANT_TRUNCATE;
	if (!goes_unnoticed(&st, wants) && !stands(s, c, out))
		return -ESRCH;

	struct verdict v = act_judge(s, c, at, &st, wants);

	if ((wants & WANT_WRITE) && act_refused_by_mount(&v, at->fd, &st))
		return act_open_in_vain(s, at->fd, r->flags);
	if (v.what != PERFORM)
		return refuse(&v, out);
	if (r->flags & UAPI_O_TMPFILE)
		return open_unnamed(s, c, at, r);
	if (S_ISFIFO(st.st_mode))
		return open_fifo(s, c, at, out);
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 0))
		return open_terminal(s, c, r->flags);

	/* O_RDONLY and O_ACCMODE give no descriptor to do it with. */
	out->empties = wants & WANT_TRUNCATE && ((r->flags & UAPI_O_ACCMODE) == O_WRONLY ||
						 (r->flags & UAPI_O_ACCMODE) == O_RDWR);

	int fd = open_plain(s, at, r->flags & ~(uint64_t)(out->empties ? O_TRUNC : 0));

	if (fd == -EWOULDBLOCK && !(r->flags & O_NONBLOCK))
		return open_later(s, c, at, out);
	return fd;
}

/* Whether the caller's table has room for one more; also when that cannot be known. Its other threads may take it
 * meanwhile: then a file without a descriptor is left behind, and nothing worse. */
static bool has_room(const struct server *s, const struct call *c)
{
	uint64_t limit;
	struct stat st;
	char number[16];
	int found = -1;
	int err = fetch_table(s, c, &found);
	OWN_FD fds = found;

	if (err < 0 || fstat(fds, &st) < 0 || fetch_limit(s, c, "Max open files", &limit) < 0)
		return true;
	if (st.st_size != 0 && (uint64_t)st.st_size < limit) /* so many are open, since Linux 6.2 */
		return true;
	/* Some of them may have numbers above the limit. */
	for (uint32_t n = 0; n < limit && n < LOOKED_AT; n++) {
		fetch_number(number, n);
		if (fstatat(fds, number, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return true;
	}
	return limit > LOOKED_AT;
}

/* O_EXCL always: what is opened here was made here, and nothing that a rule protects can be met instead. */
static int open_new(const struct server *s, const struct call *c, const struct place *at,
		    struct outcome *out)
{
	const struct open_request *r = &out->request;

	if (resolve_takes_no_names(at->parent))
		return -ENOENT;
	if (act_is_read_only(at->parent))
		return -EROFS;
	if (!stands(s, c, out))
		return -ESRCH;

	struct verdict v = judge_new(s, c, at, decide_wants(r->flags) | WANT_WRITE);

	if (v.what != PERFORM)
		return refuse(&v, out);
	/* The kernel takes the descriptor first: without room for one, nothing is made. */
	out->full = !has_room(s, c);
	if (out->full)
		return -EMFILE;
	TRY(act_borrow_umask(s, c));
	return sys_openat2(at->parent, at->name,
			   (r->flags & ~(uint64_t)O_NOFOLLOW) | O_EXCL | O_NOCTTY | O_CLOEXEC,
			   r->mode, 0);
}

/* One look and one deed. */
static int perform_once(const struct server *s, const struct call *c, struct outcome *out,
			bool *raced)
{
	struct place at;
	int fd = resolve(s, c, &out->request, &at);

	*raced = false;
	if (fd < 0)
		return fd;
	if (at.fd >= 0) {
		fd = open_found(s, c, &at, out);
	} else {
		fd = open_new(s, c, &at, out);
		*raced = fd == -EEXIST && !(out->request.flags & O_EXCL);
	}
	fd_close(&at.fd);
	fd_close(&at.parent);
	return fd;
}

static int perform(const struct server *s, const struct call *c, int own_nr, struct outcome *out)
{
	bool raced = false;
	int fd;

	TRY(fetch_open(s, c, own_nr, &out->request));
	/* Somebody is told of the path, whatever comes of it. */
	if ((s->events >= 0 || c->asking != NULL) && !stands(s, c, out))
		return -ESRCH;
	for (unsigned i = 0; i < RACES_MAX; i++) {
		fd = perform_once(s, c, out, &raced);
		if (!raced)
			break;
	}
	return fd;
}

void act_open(const struct server *s, const struct call *c, const struct plan_call *row,
	      struct outcome *out)
{
	out->later = out->refused = out->stands = false;
	out->request.flags = 0;
	out->request.dir = -1;
	out->request.path[0] = '\0';
	out->alone = out->empties = out->full = false;
	out->fd = perform(s, c, row->nr, out);
	if (!out->full)
		out->fd = act_own_limit(out->fd);
	out->err = out->fd < 0 && !out->later ? -out->fd : 0;
	if ((out->request.flags & UAPI_O_ACCMODE) != O_RDONLY)
		out->alone = true;
	if (out->refused && out->why.fix == NULL && out->why.list == NULL)
		out->why.fix = row->fix;
}
