#include "broker/names_known.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/resolve.h"
#include "kern/sys.h"

enum { PATH_ROOM = PATH_MAX + NAME_MAX + 2 };

/* What a path ends with. Nothing can be made or removed under the others. */
enum last { LAST_NAME, LAST_DOT, LAST_DOTS, LAST_ROOT };

/* A name in a folder, on the way to be judged. */
struct spot {
	int fd; /* of the folder, owned */
	enum last last;
	const char *
		name; /* as the caller wrote it, with the slashes behind it: the kernel judges those */
	size_t len; /* without them */
	struct named is;
	char folder[PATH_MAX], path[PATH_ROOM];
};

struct naming_of {
	const struct server *s;
	const struct call *c;
	struct names_outcome *out;
	struct spot at[2];
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

static enum last last_of(const char *name, size_t len)
{
	if (len == 0)
		return LAST_ROOT;
	if (name[0] != '.' || len > 2 || (len == 2 && name[1] != '.'))
		return LAST_NAME;
	return len == 1 ? LAST_DOT : LAST_DOTS;
}

static int open_folder(const struct server *s, const struct call *c, const struct names_request *r,
		       unsigned i, size_t base, struct place *out)
{
	struct open_request folder = { .flags = O_DIRECTORY, .dir = r->dir[i] };
	struct stat st;

	*out = (struct place){ .fd = -1, .parent = -1, .from = r->dir[i], .elsewhere = true };
	if (base == 0 && r->path[i][0] != '/') {
		out->fd = sys_dup(r->dir[i]);
		if (out->fd < 0)
			return out->fd;
	} else {
		memcpy(folder.path, base != 0 ? r->path[i] : "/", base != 0 ? base : 1);
		folder.path[base != 0 ? base : 1] = '\0';
		TRY(resolve(s, c, &folder, out));
	}
	/* Whether it is a folder, and one in which names may be looked up. */
	return fstatat(out->fd, ".", &st, 0) < 0 ? -errno : 0;
}

/* Finds the folder of a path, and looks at nothing in it. */
static int find_folder(struct naming_of *n, unsigned i)
{
	const struct names_request *r = &n->out->request;
	size_t base = last_component(r->path[i]);
	const char *name = r->path[i] + base;
	struct spot *out = &n->at[i];
	struct place at = { .fd = -1 };

	n->out->about = i;
	if (r->err[i] < 0)
		return r->err[i];

	int err = open_folder(n->s, n->c, r, i, base, &at);

	out->fd = at.fd;
	if (err < 0)
		return err;
	out->len = strcspn(name, "/");
	out->last = last_of(name, out->len);
	out->name = name[0] != '\0' ? name : "/";
	TRY(act_path_of(n->s, at.fd, out->folder));
	out->is.folder = out->folder;
	out->is.reachable = !at.elsewhere || act_leads_to(out->folder, at.fd) ||
			    act_lies_inside(n->s, &at);
	return 0;
}

/* Looks who has the name: is.type is 0 if nobody. */
static int look(struct spot *at, bool there)
{
	char bare[NAME_MAX + 1];
	struct stat st;

	if (at->len > NAME_MAX)
		return resolve_takes_no_names(at->fd) ? -ENOENT : -ENAMETOOLONG;
	snprintf(at->path, sizeof at->path, "%s/%.*s",
		 strcmp(at->folder, "/") == 0 ? "" : at->folder, (int)at->len, at->name);
	at->is.path = at->path;
	at->is.type = 0;
	/* Without the slashes, which would lead through a link. */
	memcpy(bare, at->name, at->len);
	bare[at->len] = '\0';
	if (fstatat(at->fd, bare, &st, AT_SYMLINK_NOFOLLOW) == 0)
		at->is.type = st.st_mode & S_IFMT;
	else if (errno != ENOENT || there || resolve_takes_no_names(at->fd))
		return -errno;
	return 0;
}

/* ---- judging ---- */

static int refuse(struct naming_of *n, const struct verdict *v)
{
	n->out->refused = true;
	n->out->why = *v;
	return -v->err;
}

/* The kernel asks for a mount that can be written to, and for one and the same, before it asks anybody about rights. */
static int can_change(const struct spot *at)
{
	return act_is_read_only(at->fd) ? -EROFS : 0;
}

static int on_one_mount(const struct naming_of *n)
{
	struct statx old, new;

	if (sys_statx(n->at[0].fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &old) < 0 ||
	    sys_statx(n->at[1].fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &new) < 0)
		return -ENOENT;
	return old.stx_mnt_id == new.stx_mnt_id ? 0 : -EXDEV;
}

static int judge(struct naming_of *n, enum naming what, struct spot *old, struct spot *name)
{
	name->is.asking = n->c->asking;
	if (old != NULL)
		old->is.asking = n->c->asking;

	struct verdict v = decide_naming(n->s->plan, what, old != NULL ? &old->is : NULL,
					 &name->is);

	return v.what != PERFORM ? refuse(n, &v) : 0;
}

static int result(int r)
{
	return r < 0 ? -errno : r;
}

static bool has_slash(const struct spot *at)
{
	return at->name[at->len] == '/';
}

/* ---- deeds: each asks in the order of its namesake in fs/namei.c ---- */

/* filename_create() */
static int find_free(struct naming_of *n, unsigned i, bool folder)
{
	struct spot *at = &n->at[i];

	TRY(find_folder(n, i));
	if (at->last != LAST_NAME)
		return -EEXIST;
	TRY(look(at, false));
	if (at->is.type != 0)
		return -EEXIST;
	if (has_slash(at) && !folder)
		return -ENOENT;
	return can_change(at);
}

static int remove_folder(struct naming_of *n)
{
	static const int errs[] = {
		[LAST_DOTS] = -ENOTEMPTY, [LAST_DOT] = -EINVAL, [LAST_ROOT] = -EBUSY
	};
	struct spot *at = &n->at[0];

	TRY(find_folder(n, 0));
	if (at->last != LAST_NAME)
		return errs[at->last];
	TRY(can_change(at));
	TRY(look(at, true));
	at->is.type = 0; /* nothing comes here */
	TRY(judge(n, NAMING_REMOVE, NULL, at));
	return result(unlinkat(at->fd, at->name, AT_REMOVEDIR));
}

static int remove_file(struct naming_of *n)
{
	struct spot *at = &n->at[0];

	TRY(find_folder(n, 0));
	if (at->last != LAST_NAME)
		return -EISDIR;
	TRY(can_change(at));
	TRY(look(at, true));
	if (has_slash(at))
		return S_ISDIR(at->is.type) ? -EISDIR : -ENOTDIR;
	at->is.type = 0; /* nothing comes here */
	TRY(judge(n, NAMING_REMOVE, NULL, at));
	return result(unlinkat(at->fd, at->name, 0));
}

static int do_unlink(struct naming_of *n)
{
	const struct names_request *r = &n->out->request;

	return ((int)r->number[0] | r->call->flags) & AT_REMOVEDIR ? remove_folder(n)
								   : remove_file(n);
}

static int make(struct naming_of *n, unsigned i, mode_t type)
{
	TRY(find_free(n, i, S_ISDIR(type)));
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
	mode_t type = fetch_node_mode(r) & S_IFMT;

	TRY(make(n, 0, type != 0 ? type : S_IFREG));
	return result(mknodat(n->at[0].fd, n->at[0].name, fetch_node_mode(r),
			      (dev_t)(uint32_t)r->number[1]));
}

static int do_symlink(struct naming_of *n)
{
	if (n->out->request.err[0] < 0)
		return n->out->request.err[0];
	TRY(make(n, 1, S_IFLNK));
	return result(symlinkat(n->out->request.path[0], n->at[1].fd, n->at[1].name));
}

/* Both names of a rename, after all that is asked about the paths alone. */
static int find_both(struct naming_of *n, unsigned flags)
{
	struct spot *old = &n->at[0], *name = &n->at[1];

	TRY(find_folder(n, 0));
	TRY(find_folder(n, 1));
	TRY(on_one_mount(n));
	if (old->last != LAST_NAME)
		return -EBUSY;
	if (name->last != LAST_NAME)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	TRY(can_change(old));
	TRY(look(old, true));
	TRY(look(name, flags & RENAME_EXCHANGE));
	if ((flags & RENAME_NOREPLACE) && name->is.type != 0)
		return -EEXIST;
	if ((flags & RENAME_EXCHANGE) && has_slash(name) && !S_ISDIR(name->is.type))
		return -ENOTDIR;
	if (!S_ISDIR(old->is.type) &&
	    (has_slash(old) || (!(flags & RENAME_EXCHANGE) && has_slash(name))))
		return -ENOTDIR;
	return 0;
}

static int do_rename(struct naming_of *n)
{
	unsigned flags = (unsigned)n->out->request.number[0];

	TRY(find_both(n, flags));
	TRY(judge(n, flags & RENAME_EXCHANGE ? NAMING_SWAP : NAMING_MOVE, &n->at[0], &n->at[1]));
	return SYS_CALL(SYS_renameat2, n->at[0].fd, n->at[0].name, n->at[1].fd, n->at[1].name,
			flags);
}

/* What a path of link or truncate leads to. With AT_EMPTY_PATH it may be the descriptor's own file. */
int names_find_object(const struct server *s, const struct call *c, const struct names_request *r,
		      uint64_t flags, struct place *at, struct stat *st)
{
	struct open_request old = { .dir = r->dir[0], .flags = flags };
	int err = r->err[0];

	*at = (struct place){ .fd = -1, .parent = -1, .elsewhere = true };
	if (err < 0)
		return err;
	memcpy(old.path, r->path[0], strlen(r->path[0]) + 1);
	if (old.path[0] != '\0')
		err = resolve(s, c, &old, at);
	else
		err = at->fd = sys_dup(r->dir[0]);
	return err < 0 ? err : result(fstat(at->fd, st));
}

static int find_object(struct naming_of *n, uint64_t flags, struct place *at, struct stat *st)
{
	int err = names_find_object(n->s, n->c, &n->out->request, flags, at, st);

	n->at[0].fd = at->fd;
	return err;
}

/* The object itself: also a file without a name that the caller has open. */
static int do_link(struct naming_of *n)
{
	int flags = (int)n->out->request.number[0];
	struct spot *old = &n->at[0];
	struct place at;
	struct stat st;
	char number[16];

	TRY(find_object(n, flags & AT_SYMLINK_FOLLOW ? 0 : O_NOFOLLOW, &at, &st));
	TRY(act_path_of(n->s, at.fd, old->path));
	old->is = (struct named){ .path = old->path,
				  .folder = old->folder,
				  .reachable = true,
				  .type = st.st_mode & S_IFMT };

	const char *base = strrchr(old->path, '/');
	size_t len = base != NULL && base != old->path ? (size_t)(base - old->path) : 1;

	snprintf(old->folder, sizeof old->folder, "%.*s", (int)len, old->path);
	TRY(find_free(n, 1, false));
	TRY(on_one_mount(n));
	/* What has no name is nobody's but the caller's. Of a folder the kernel makes no second one; it says why not. */
	n->at[1].is.type = st.st_mode & S_IFMT;
	if (!S_ISDIR(st.st_mode))
		TRY(judge(n, st.st_nlink == 0 ? NAMING_MAKE : NAMING_LINK,
			  st.st_nlink == 0 ? NULL : old, &n->at[1]));
	fetch_number(number, (uint32_t)at.fd);
	return result(
		linkat(n->s->self_fds, number, n->at[1].fd, n->at[1].name, AT_SYMLINK_FOLLOW));
}

/* inode_newsize_ok() of fs/attr.c: of the caller's limit, not ours */
static int check_size(const struct naming_of *n, const struct stat *st)
{
	uint64_t length = n->out->request.number[0], limit;

	if (length <= (uint64_t)st->st_size ||
	    fetch_limit(n->s, n->c, "Max file size", &limit) < 0 || length <= limit)
		return 0;
	act_signal_size(n->s, n->c);
	return -EFBIG;
}

static int do_truncate(struct naming_of *n)
{
	struct place at;
	struct stat st;

	TRY(find_object(n, 0, &at, &st));
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;

	struct verdict v = act_judge(n->s, n->c, &at, &st, WANT_WRITE | WANT_TRUNCATE);

	if (act_refused_by_mount(&v, at.fd, &st))
		return act_open_in_vain(n->s, at.fd, O_WRONLY);
	if (v.what != PERFORM)
		return refuse(n, &v);

	OWN_FD fd = act_reopen(n->s, at.fd, O_WRONLY | O_NONBLOCK);

	if (fd < 0)
		return fd;
	TRY(check_size(n, &st));
	return result(ftruncate(fd, (off_t)n->out->request.number[0]));
}

/* ---- bind ---- */

/* Peers see the address as bind() got it (unix_bind_bsd() keeps the text), so it should be the caller's own. Where that
 * could lead elsewhere, they see the bare name. */
static int do_bind(struct naming_of *n, int socket, const struct sockaddr_un *as, uint32_t len)
{
	const struct names_request *r = &n->out->request;
	struct sockaddr_un bare = { .sun_family = AF_UNIX };
	size_t base = last_component(r->path[0]);

	TRY(make(n, 0, S_IFSOCK));
	if (base != 0 && resolve_is_plain(r->dir[0], r->path[0], base, n->at[0].fd)) {
		if (r->dir[0] >= 0 && fchdir(r->dir[0]) < 0)
			return -errno;
		return SYS_CALL(SYS_bind, socket, as, len);
	}
	if (fchdir(n->at[0].fd) < 0)
		return -errno;
	if (base == 0)
		return SYS_CALL(SYS_bind, socket, as, len);
	memcpy(bare.sun_path, n->at[0].name, n->at[0].len);
	return SYS_CALL(SYS_bind, socket, &bare,
			offsetof(struct sockaddr_un, sun_path) + n->at[0].len + 1);
}

void names_bind(const struct server *s, const struct call *c, int socket,
		const struct sockaddr_un *as, uint32_t len, struct names_outcome *out)
{
	struct naming_of n = { .s = s, .c = c, .out = out, .at = { { .fd = -1 }, { .fd = -1 } } };

	out->refused = false;
	out->about = 0;
	out->err = -act_own_limit(do_bind(&n, socket, as, len));
	if (out->err == EEXIST)
		out->err = EADDRINUSE;
	(void)!fchdir(
		s->self_fds); /* where connecting begins; and no folder of the caller's stays in use */
	fd_close(&n.at[0].fd);
}

/* ---- all of them ---- */

static int perform(struct naming_of *n, const struct plan_call *row)
{
	static int (*const deeds[])(struct naming_of *) = {
		[NAMES_RENAME] = do_rename,     [NAMES_LINK] = do_link,
		[NAMES_UNLINK] = do_unlink,     [NAMES_SYMLINK] = do_symlink,
		[NAMES_MKDIR] = do_mkdir,       [NAMES_MKNOD] = do_mknod,
		[NAMES_TRUNCATE] = do_truncate,
	};
	struct names_request *r = &n->out->request;

	TRY(fetch_names_numbers(n->c, row->name, r));
	TRY(fetch_names_paths(n->s, n->c, r));
	return names_is_known(r->call->deed) ? names_change_known(n->s, n->c, n->out)
					     : deeds[r->call->deed](n);
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
