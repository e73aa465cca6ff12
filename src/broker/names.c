#include "broker/names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/resolve.h"
#include "kern/sys.h"

enum { PATH_ROOM = PATH_MAX + NAME_MAX + 2 };

/* A name in a folder, on the way to be judged. */
struct spot {
	int fd; /* of the folder, owned */
	const char *
		name; /* as the caller wrote it, with the slashes behind it: the kernel judges those */
	struct named is;
	char folder[PATH_MAX], path[PATH_ROOM];
};

/* ---- finding the folder ---- */

/* The last component starts at the offset that is returned. Of "/" that is all there is. */
static size_t last_component(const char *path)
{
	size_t end = strlen(path);

	while (end > 0 && path[end - 1] == '/')
		end--;
	while (end > 0 && path[end - 1] != '/')
		end--;
	return end;
}

static int open_folder(const struct server *s, const struct call *c, const struct names_request *r,
		       unsigned i, size_t base, struct place *out)
{
	struct open_request folder = { .flags = O_DIRECTORY, .dir = r->dir[i] };

	*out = (struct place){ .fd = -1, .parent = -1, .elsewhere = true };
	if (base == 0 && r->path[i][0] != '/') {
		out->fd = sys_dup(r->dir[i]);
		return out->fd < 0 ? out->fd : 0;
	}
	memcpy(folder.path, base != 0 ? r->path[i] : "/", base != 0 ? base : 1);
	folder.path[base != 0 ? base : 1] = '\0';
	return resolve(s, c, &folder, out);
}

static int spot_find(const struct server *s, const struct call *c, const struct names_request *r,
		     unsigned i, struct spot *out)
{
	size_t base = last_component(r->path[i]);
	const char *name = r->path[i] + base;
	size_t len = strcspn(name, "/");
	struct place at;
	struct stat st;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	TRY(open_folder(s, c, r, i, base, &at));
	out->fd = at.fd;
	out->name = name[0] != '\0' ? name : "/";
	TRY(act_path_of(s, at.fd, out->folder));
	snprintf(out->path, sizeof out->path, "%s/%.*s",
		 strcmp(out->folder, "/") == 0 ? "" : out->folder, (int)len, name);
	out->is = (struct named){ .path = out->path,
				  .folder = out->folder,
				  .reachable = !at.elsewhere || act_leads_to(out->folder, at.fd) };
	/* Without the slashes, which would lead through a link. */
	char bare[NAME_MAX + 1];

	memcpy(bare, name, len);
	bare[len] = '\0';
	if (len == 0 || fstatat(at.fd, bare, &st, AT_SYMLINK_NOFOLLOW) == 0)
		out->is.type = len == 0 ? S_IFDIR : st.st_mode & S_IFMT;
	else if (errno != ENOENT)
		return -errno;
	return 0;
}

/* ---- deeds ---- */

struct naming_of {
	const struct server *s;
	const struct call *c;
	struct names_outcome *out;
	struct spot at[2];
};

static int refuse(struct naming_of *n, const struct verdict *v)
{
	n->out->refused = true;
	n->out->why = *v;
	return -v->err;
}

/* The kernel asks for a mount that can be written to, and for one and the same, before it asks anybody about rights. */
static bool is_read_only(const struct spot *at)
{
	struct statfs fs;

	return at->fd >= 0 && fstatfs(at->fd, &fs) == 0 && (fs.f_flags & ST_RDONLY);
}

static int on_one_mount(const struct naming_of *n)
{
	struct statx old, new;

	if (sys_statx(n->at[0].fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &old) < 0 ||
	    sys_statx(n->at[1].fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &new) < 0)
		return -ENOENT;
	return old.stx_mnt_id == new.stx_mnt_id ? 0 : -EXDEV;
}

static int judge(struct naming_of *n, enum naming what, const struct spot *old,
		 const struct spot *name)
{
	struct verdict v = decide_naming(n->s->plan, what, old != NULL ? &old->is : NULL,
					 &name->is);

	if (v.what != DENY)
		return 0;
	if (v.list != NULL && (is_read_only(name) || (old != NULL && is_read_only(old))))
		return -EROFS;
	return refuse(n, &v);
}

static int result(int r)
{
	return r < 0 ? -errno : r;
}

/* What is there already is found before anybody asks about rights: filename_create() of fs/namei.c. */
static int find_free(struct naming_of *n, unsigned i)
{
	n->out->about = i;
	TRY(spot_find(n->s, n->c, &n->out->request, i, &n->at[i]));
	return n->at[i].is.type != 0 ? -EEXIST : 0;
}

static int find_there(struct naming_of *n, unsigned i)
{
	n->out->about = i;
	TRY(spot_find(n->s, n->c, &n->out->request, i, &n->at[i]));
	return n->at[i].is.type == 0 ? -ENOENT : 0;
}

static int do_unlink(struct naming_of *n)
{
	const struct names_request *r = &n->out->request;
	int flags = (int)r->number[0] | r->call->flags;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	TRY(find_there(n, 0));
	n->at[0].is.type = 0; /* nothing comes here */
	TRY(judge(n, NAMING_REMOVE, NULL, &n->at[0]));
	return result(unlinkat(n->at[0].fd, n->at[0].name, flags));
}

static int make(struct naming_of *n, unsigned i, mode_t type)
{
	TRY(find_free(n, i));
	n->at[i].is.type = type;
	TRY(judge(n, NAMING_MAKE, NULL, &n->at[i]));
	return act_borrow_umask(n->s, n->c);
}

static int do_mkdir(struct naming_of *n)
{
	TRY(make(n, 0, S_IFDIR));
	return result(mkdirat(n->at[0].fd, n->at[0].name, (mode_t)n->out->request.number[0]));
}

static int do_mknod(struct naming_of *n)
{
	const struct names_request *r = &n->out->request;
	mode_t mode = (mode_t)(r->number[0] & 0xffff); /* umode_t of the kernel */

	TRY(make(n, 0, S_IFREG));
	return result(mknodat(n->at[0].fd, n->at[0].name, mode, (dev_t)(uint32_t)r->number[1]));
}

static int do_symlink(struct naming_of *n)
{
	TRY(make(n, 1, S_IFLNK));
	return result(symlinkat(n->out->request.path[0], n->at[1].fd, n->at[1].name));
}

static int do_rename(struct naming_of *n)
{
	unsigned flags = (unsigned)n->out->request.number[0];

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL; /* whiteouts are for file systems that lie over others */
	TRY(find_there(n, 0));
	n->out->about = 1;
	TRY(spot_find(n->s, n->c, &n->out->request, 1, &n->at[1]));
	if ((flags & RENAME_EXCHANGE) && n->at[1].is.type == 0)
		return -ENOENT;
	TRY(on_one_mount(n));
	TRY(judge(n, flags & RENAME_EXCHANGE ? NAMING_SWAP : NAMING_MOVE, &n->at[0], &n->at[1]));
	return SYS_CALL(SYS_renameat2, n->at[0].fd, n->at[0].name, n->at[1].fd, n->at[1].name,
			flags);
}

/* The object itself, through whatever links lead to it: also a file without a name that the caller has open. */
static int link_followed(struct naming_of *n)
{
	const struct names_request *r = &n->out->request;
	struct open_request old = { .dir = r->dir[0] };
	struct place at;
	struct stat st;
	char number[16];

	memcpy(old.path, r->path[0], strlen(r->path[0]) + 1);
	TRY(resolve(n->s, n->c, &old, &at));
	n->at[0].fd = at.fd;
	if (fstat(at.fd, &st) < 0)
		return -errno;
	TRY(act_path_of(n->s, at.fd, n->at[0].path));
	n->at[0].is = (struct named){ .path = n->at[0].path,
				      .folder = n->at[0].folder,
				      .reachable = true,
				      .type = st.st_mode & S_IFMT };

	const char *base = strrchr(n->at[0].path, '/');
	size_t len = base != NULL && base != n->at[0].path ? (size_t)(base - n->at[0].path) : 1;

	snprintf(n->at[0].folder, sizeof n->at[0].folder, "%.*s", (int)len, n->at[0].path);
	TRY(find_free(n, 1));
	TRY(on_one_mount(n));
	/* What has no name is nobody's but the caller's. */
	TRY(judge(n, st.st_nlink == 0 ? NAMING_MAKE : NAMING_LINK,
		  st.st_nlink == 0 ? NULL : &n->at[0], &n->at[1]));
	fetch_number(number, (uint32_t)at.fd);
	return result(
		linkat(n->s->self_fds, number, n->at[1].fd, n->at[1].name, AT_SYMLINK_FOLLOW));
}

static int do_link(struct naming_of *n)
{
	int flags = (int)n->out->request.number[0];

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_SYMLINK_FOLLOW)
		return link_followed(n);
	TRY(find_there(n, 0));
	TRY(find_free(n, 1));
	TRY(on_one_mount(n));
	TRY(judge(n, NAMING_LINK, &n->at[0], &n->at[1]));
	return result(linkat(n->at[0].fd, n->at[0].name, n->at[1].fd, n->at[1].name, 0));
}

static int do_truncate(struct naming_of *n)
{
	const struct names_request *r = &n->out->request;
	struct open_request file = { .dir = r->dir[0] };
	struct place at;
	struct stat st;

	if ((int64_t)r->number[0] < 0)
		return -EINVAL;
	memcpy(file.path, r->path[0], strlen(r->path[0]) + 1);
	TRY(resolve(n->s, n->c, &file, &at));
	n->at[0].fd = at.fd;
	if (fstat(at.fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;

	struct verdict v = act_judge(n->s, &at, &st, WANT_WRITE);

	if (v.what == DENY)
		return refuse(n, &v);

	OWN_FD fd = act_reopen(n->s, at.fd, O_WRONLY | O_NONBLOCK);

	return fd < 0 ? fd : result(ftruncate(fd, (off_t)r->number[0]));
}

static int perform(struct naming_of *n, const struct plan_call *row)
{
	static int (*const deeds[])(struct naming_of *) = {
		[NAMES_RENAME] = do_rename,     [NAMES_LINK] = do_link,
		[NAMES_UNLINK] = do_unlink,     [NAMES_SYMLINK] = do_symlink,
		[NAMES_MKDIR] = do_mkdir,       [NAMES_MKNOD] = do_mknod,
		[NAMES_TRUNCATE] = do_truncate,
	};
	struct names_request *r = &n->out->request;

	TRY(fetch_names(n->s, n->c, row->name, r));
	return deeds[r->call->deed](n);
}

void names_perform(const struct server *s, const struct call *c, const struct plan_call *row,
		   struct names_outcome *out)
{
	struct naming_of n = { .s = s, .c = c, .out = out, .at = { { .fd = -1 }, { .fd = -1 } } };

	out->refused = false;
	out->about = 0;
	out->err = -act_own_limit(perform(&n, row));
	fd_close(&n.at[0].fd);
	fd_close(&n.at[1].fd);
}

void names_done(struct names_outcome *o)
{
	fetch_names_done(&o->request);
}
