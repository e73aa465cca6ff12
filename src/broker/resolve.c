/*
 * Nearly every path is resolved by one openat2: the broker shares the caller's mounts, root and ids. What is
 * left goes one component at a time through walk(): /proc/self and /proc/thread-self, which to the broker mean
 * nothing (it is not visible in the container's procfs, so the kernel answers ENOENT), magic links, and the
 * last component of a file that is to be created.
 */
#include "broker/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "kern/sys.h"
#include "policy/decide.h"

enum {
	PROC_ROOT_INODE = 1, /* PROC_ROOT_INO of include/linux/proc_ns.h */
};

struct walk {
	const struct server *s;
	const struct call *c;
	int at;   /* the folder reached, or at the end the object; owned */
	int from; /* as in struct place */
	unsigned links;
	bool elsewhere, own;
	unsigned held;
	uint64_t resolve; /* RESOLVE_NO_*: what each step has to keep */
	size_t start;     /* what is left of the path: text + start */
	char text[2 * PATH_MAX];
};

static int walk_prepend(struct walk *w, const char *what)
{
	size_t len = strlen(what);

	if (len + 1 > w->start)
		return -ENAMETOOLONG;
	if (w->text[w->start] != '\0')
		w->text[--w->start] = '/';
	w->start -= len;
	memcpy(w->text + w->start, what, len);
	return 0;
}

static void walk_to(struct walk *w, int fd)
{
	fd_close(&w->at);
	w->at = fd;
}

static int root_open(void)
{
	int fd = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

/* Whether a jump from one to the other leaves the mount. */
static bool is_other_mount(int one, int two)
{
	struct statx a, b;

	return sys_statx(one, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) < 0 ||
	       sys_statx(two, "", AT_EMPTY_PATH, STATX_MNT_ID, &b) < 0 ||
	       a.stx_mnt_id != b.stx_mnt_id;
}

static int walk_jump(struct walk *w, int fd)
{
	OWN_FD to = fd;

	if (fd < 0)
		return fd;
	if ((w->resolve & RESOLVE_NO_XDEV) && is_other_mount(w->at, fd))
		return -EXDEV;
	walk_to(w, fd_take(&to));
	return 0;
}

static int walk_to_root(struct walk *w)
{
	TRY(walk_jump(w, root_open()));
	w->own = false;
	w->elsewhere = false;
	return 0;
}

/* Takes the next component off the path. `last`: nothing follows but perhaps slashes. 0 at the end. */
static int walk_next(struct walk *w, char name[NAME_MAX + 1], bool *last, bool *slash)
{
	const char *at = w->text + w->start;

	at += strspn(at, "/");

	size_t len = strcspn(at, "/"), slashes = strspn(at + len, "/");

	w->start = (size_t)(at + len + slashes - w->text);
	*slash = slashes != 0;
	*last = w->text[w->start] == '\0';
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, at, len);
	name[len] = '\0';
	return len != 0;
}

bool resolve_on_procfs(int fd, bool root_only)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	return !root_only || (fstat(fd, &st) == 0 && st.st_ino == PROC_ROOT_INODE);
}

int resolve_own_folder(const struct server *s, const struct call *c, bool thread,
		       char out[OWN_FOLDER_ROOM])
{
	struct task task;

	TRY(fetch_task(s, c, &task));

	char *end = fetch_number(out, task.inner_pid);

	if (thread) {
		end = stpcpy(end, "/task/");
		fetch_number(end, task.inner_tid);
	}
	return 0;
}

bool resolve_takes_no_names(int fd)
{
	struct stat st;

	return resolve_on_procfs(fd, false) || (fstat(fd, &st) == 0 && st.st_nlink == 0);
}

/* The caller's own folder, by its number in the container. It is bound to that process from here on, so one
 * look at the notification afterwards says that it is the right one. */
static int walk_self(struct walk *w, bool thread)
{
	char path[OWN_FOLDER_ROOM];

	if (w->resolve & RESOLVE_NO_SYMLINKS)
		return -ELOOP;
	TRY(resolve_own_folder(w->s, w->c, thread, path));

	int fd = openat(w->at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	walk_to(w, fd);
	w->own = true;
	return fetch_valid(w->s, w->c->id) ? 0 : -ESRCH;
}

struct child {
	int at;
	const char *name;
	int flags;
	uint64_t resolve;
};

static int child_open(void *ctx)
{
	const struct child *c = ctx;

	return sys_openat2(c->at, c->name, (uint64_t)c->flags | O_PATH | O_CLOEXEC, 0, c->resolve);
}

/* A process may always look into its own folder, even a non-dumpable one. */
static int walk_open(const struct walk *w, const char *name, int flags, uint64_t resolve)
{
	struct child c = { .at = w->at, .name = name, .flags = flags, .resolve = resolve };

	return w->own ? fetch_as_tracer(child_open, &c) : child_open(&c);
}

/* The number behind "KEY:\t" in a file of fdinfo; false when it is not there. */
static bool info_number(const char *text, const char *key, int base, uint64_t *out)
{
	const char *at = strstr(text, key);

	if (at == NULL)
		return false;
	*out = strtoull(at + strlen(key), NULL, base);
	return true;
}

/*
 * What the caller's descriptor `name` allows already, when w->at is its own fd folder and `fd` is what was found behind
 * the link: 0 when it is not. The caller may put another file under this number at any time (dup2), so what is read
 * of the descriptor counts for its own file alone: all of one fdinfo speaks of one open file (seq_show() of fs/proc/fd.c).
 */
static unsigned held_through(const struct walk *w, const char *name, int fd)
{
	char path[32], text[256];
	int len = snprintf(path, sizeof path, "../fdinfo/%s", name);
	uint64_t flags, mount, inode;
	struct statx at;

	if (!w->own || len < 0 || (size_t)len >= sizeof path)
		return 0;

	OWN_FD info = openat(w->at, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = info < 0 ? -1 : read(info, text, sizeof text - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (!info_number(text, "flags:\t", 8, &flags) ||
	    !info_number(text, "mnt_id:\t", 10, &mount) ||
	    !info_number(text, "ino:\t", 10, &inode) || (flags & O_PATH))
		return 0;
	if (sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &at) < 0 ||
	    !(at.stx_mask & STATX_MNT_ID) || at.stx_mnt_id != mount || at.stx_ino != inode)
		return 0;
	return decide_wants(flags & UAPI_O_ACCMODE);
}

/* Links whose target is an object, not a text: openat2 can tell them apart. */
static bool is_magic(const struct walk *w, const char *name)
{
	OWN_FD fd = walk_open(w, name, 0, RESOLVE_NO_MAGICLINKS);

	return fd == -ELOOP;
}

static int walk_link(struct walk *w, const char *name, int link)
{
	char target[PATH_MAX];

	if (++w->links > LINKS_MAX || (w->resolve & RESOLVE_NO_SYMLINKS))
		return -ELOOP;
	if (resolve_on_procfs(link, false) && is_magic(w, name)) {
		/* In a procfs of the machine's there are others' folders, and ours. */
		if (w->s->plan->bare && !w->own)
			return -EACCES;
		int fd = w->resolve & RESOLVE_NO_MAGICLINKS ? -ELOOP : walk_open(w, name, 0, 0);
		unsigned held = fd >= 0 ? held_through(w, name, fd) : 0;

		TRY(walk_jump(w, fd));
		w->held = held;
		w->own = false;
		w->elsewhere = true;
		w->from = 0;
		return 0;
	}

	ssize_t n = readlinkat(link, "", target, sizeof target - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	TRY(walk_prepend(w, target));
	return target[0] == '/' ? walk_to_root(w) : 0;
}

/* Goes to `name` below w->at. 0, or -errno. */
static int walk_step(struct walk *w, const char *name, bool follow)
{
	bool thread = strcmp(name, "thread-self") == 0;
	struct stat st;

	w->held = 0;
	if (strcmp(name, ".") == 0) /* a folder, and one to look into */
		return fstatat(w->at, ".", &st, 0) < 0 ? -errno : 0;
	if (follow && (thread || strcmp(name, "self") == 0) && resolve_on_procfs(w->at, true))
		return walk_self(w, thread);

	OWN_FD child = walk_open(w, name, O_NOFOLLOW, w->resolve & RESOLVE_NO_XDEV);

	if (child < 0)
		return child;
	if (fstat(child, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && follow)
		return walk_link(w, name, child);
	if (strcmp(name, "..") == 0)
		w->own = false;
	walk_to(w, fd_take(&child));
	return 0;
}

static int walk_end(struct walk *w, const struct open_request *r, bool slash, struct place *out)
{
	struct stat st;

	if (fstat(w->at, &st) < 0)
		return -errno;
	if ((slash || (r->flags & O_DIRECTORY)) && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	out->fd = fd_take(&w->at);
	out->elsewhere = w->elsewhere;
	out->from = w->from;
	out->own = w->own;
	out->held = w->held;
	return 0;
}

static int walk_absent(struct walk *w, const char *name, struct place *out)
{
	memcpy(out->name, name, strlen(name) + 1); /* walk_next() gives NAME_MAX bytes at most */
	out->parent = fd_take(&w->at);
	out->elsewhere = w->elsewhere;
	out->from = w->from;
	return 0;
}

static int walk(struct walk *w, const struct open_request *r, struct place *out)
{
	const bool create = r->flags & O_CREAT, exclusive = create && (r->flags & O_EXCL);
	char name[NAME_MAX + 1];
	bool last = false, slash = false, slashes = false;
	int more;

	while ((more = walk_next(w, name, &last, &slash)) > 0) {
		/* Slashes behind a link hold for what it leads to. */
		if (last)
			slashes = slash = slash || slashes;

		bool follow = !last || slash || !((r->flags & O_NOFOLLOW) || exclusive);
		int err = walk_step(w, name, follow);

		/* Trailing slashes with O_CREAT, whatever is there: open_last_lookups() of fs/namei.c. */
		if ((err == 0 || err == -ENOENT || err == -ELOOP) && last && create && slash &&
		    !resolve_is_dots(name))
			return -EISDIR;
		if (err == -ENOENT && last && create)
			return walk_absent(w, name, out);
		if (err < 0)
			return err;
	}
	if (more == 0)
		return walk_end(w, r, slashes, out);

	/* Only a folder that has names minds how long they are. */
	int err = walk_step(w, ".", false);

	if (err == 0 && create && last && slash)
		return -EISDIR;
	return err < 0 ? err : resolve_takes_no_names(w->at) ? -ENOENT : more;
}

/* Puts the walk at the start of the path, or, for speed, already in the folder of its last component. */
static int walk_start(struct walk *w, const struct open_request *r, bool jump)
{
	const char *rest = r->path, *base = strrchr(r->path, '/');
	char folder[PATH_MAX];

	w->elsewhere = r->dir >= 0;
	w->from = r->dir;
	/* "self" is the broker in such a procfs: it has to be met as a name. */
	if (jump && !w->s->plan->bare && base != NULL && base != r->path && base[1] != '\0' &&
	    strcmp(base, "/..") != 0) {
		memcpy(folder, r->path, (size_t)(base - r->path));
		folder[base - r->path] = '\0';
		w->at = sys_openat2(r->dir, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
				    r->resolve | RESOLVE_NO_MAGICLINKS);
		rest = base + 1;
	}
	if (w->at < 0) {
		rest = r->path;
		w->at = r->dir >= 0 ? sys_dup(r->dir) : root_open();
	}
	if (w->at < 0)
		return w->at;

	size_t size = strlen(rest) + 1;

	w->start = sizeof w->text - size;
	memcpy(w->text + w->start, rest, size);
	return 0;
}

/* Whether any link stands before the place where the path ends for the kernel. */
static bool passes_links(const struct open_request *r)
{
	OWN_FD fd = sys_openat2(r->dir, r->path, O_PATH | O_CLOEXEC, 0,
				RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

	return fd == -ELOOP;
}

bool resolve_is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

bool resolve_is_plain(int dir, const char *path, size_t len, int folder)
{
	const unsigned mask = STATX_INO | STATX_MNT_ID;
	char text[PATH_MAX];
	struct statx one, two;

	memcpy(text, path, len);
	text[len] = '\0';

	OWN_FD fd = sys_openat2(dir, text, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
				RESOLVE_NO_MAGICLINKS);

	return fd >= 0 && sys_statx(fd, "", AT_EMPTY_PATH, mask, &one) == 0 &&
	       sys_statx(folder, "", AT_EMPTY_PATH, mask, &two) == 0 &&
	       (one.stx_mask & two.stx_mask & STATX_MNT_ID) && one.stx_mnt_id == two.stx_mnt_id &&
	       one.stx_ino == two.stx_ino;
}

static int walk_all(const struct server *s, const struct call *c, const struct open_request *r,
		    struct place *out)
{
	struct walk w = { .s = s, .c = c, .at = -1, .resolve = r->resolve };
	int err = walk_start(&w, r, r->flags & O_CREAT);

	if (err >= 0)
		err = walk(&w, r, out);
	fd_close(&w.at);
	return err;
}

int resolve(const struct server *s, const struct call *c, const struct open_request *r,
	    struct place *out)
{
	const bool create = r->flags & O_CREAT;

	*out = (struct place){ .fd = -1, .parent = -1, .from = r->dir, .elsewhere = r->dir >= 0 };
	if (r->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return resolve_scoped(s, c, r, out);
	if (create && ((r->flags & O_EXCL) || r->path[strlen(r->path) - 1] == '/'))
		return walk_all(s, c, r, out);

	int fd = sys_openat2(r->dir, r->path,
			     O_PATH | O_CLOEXEC | (r->flags & (O_NOFOLLOW | O_DIRECTORY)), 0,
			     r->resolve | RESOLVE_NO_MAGICLINKS);

	if (fd >= 0) {
		out->fd = fd;
		return 0;
	}
	if (fd == -ELOOP || (fd == -ENOENT && (create || passes_links(r))))
		return walk_all(s, c, r, out);
	return fd;
}
