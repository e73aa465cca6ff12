/*
 * openat2 with RESOLVE_BENEATH or RESOLVE_IN_ROOT. Only the kernel can say whether a path stays in its scope while
 * folders are moved, so it always resolves all of it in one call. What it cannot do for us is put right in the text, and
 * the kernel asked again: "self" of a procfs, which means nothing to the broker, and a link at the end to what is still
 * to be made. Whatever the text says by then, the kernel keeps it in its scope.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/resolve.h"
#include "kern/sys.h"

enum { AGAIN = 1 };

static int scope_open(const struct open_request *r, const char *path, uint64_t flags)
{
	return sys_openat2(r->dir, path, flags | O_PATH | O_CLOEXEC, 0, r->resolve);
}

/* Opens the folder that the first `len` bytes of the path name. */
static int prefix_open(const struct open_request *r, size_t len)
{
	char folder[PATH_MAX];

	memcpy(folder, r->path, len);
	folder[len] = '\0';
	return scope_open(r, len != 0 ? folder : r->path[0] == '/' ? "/" : ".", O_DIRECTORY);
}

/* Puts `text` in the place of path[from … to). */
static int put_text(struct open_request *r, size_t from, size_t to, const char *text)
{
	size_t len = strlen(text), rest = strlen(r->path + to) + 1;

	if (from + len + rest > sizeof r->path)
		return -ENAMETOOLONG;
	memmove(r->path + from + len, r->path + to, rest);
	memcpy(r->path + from, text, len);
	return AGAIN;
}

/* AGAIN: a "self" was replaced; 0: there is none. */
static int name_oneself(const struct server *s, const struct call *c, struct open_request *r)
{
	char own[OWN_FOLDER_ROOM];

	for (size_t at = 0, end; r->path[at] != '\0'; at = end) {
		at += strspn(r->path + at, "/");
		end = at + strcspn(r->path + at, "/");

		bool thread = end - at == 11 && memcmp(r->path + at, "thread-self", 11) == 0;

		if (!thread && (end - at != 4 || memcmp(r->path + at, "self", 4) != 0))
			continue;

		OWN_FD folder = prefix_open(r, at);

		if (folder < 0 || !resolve_on_procfs(folder, true))
			continue;
		TRY(resolve_own_folder(s, c, thread, own));
		return put_text(r, at, end, own);
	}
	return 0;
}

static int follow(struct open_request *r, int link, size_t base)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link, "", target, sizeof target - 1);

	if (n < 0)
		return -errno;
	if (r->resolve & RESOLVE_NO_SYMLINKS)
		return -ELOOP;
	target[n] = '\0';
	return put_text(r, target[0] == '/' ? 0 : base, strlen(r->path), target);
}

/* The last component is to be made, or there already. */
static int find_last(struct open_request *r, struct place *out)
{
	size_t len = strlen(r->path), base = len;
	struct stat st;

	while (base > 0 && r->path[base - 1] == '/')
		base--;

	bool slash = base != len;
	size_t end = base;

	while (base > 0 && r->path[base - 1] != '/')
		base--;

	OWN_FD parent = prefix_open(r, base);

	if (parent < 0)
		return parent;
	if (fstatat(parent, ".", &st, 0) < 0) /* whether names may be looked up there */
		return -errno;
	if (end - base > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(out->name, r->path + base, end - base);
	out->name[end - base] = '\0';
	if (end == base || resolve_is_dots(out->name)) {
		out->fd = scope_open(r, r->path, 0);
		return out->fd < 0 ? out->fd : 0;
	}
	if (slash)
		return -EISDIR;

	OWN_FD child = sys_openat2(parent, out->name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
				   r->resolve & RESOLVE_NO_XDEV);

	if (child == -ENOENT) {
		out->fd = -1;
		out->parent = fd_take(&parent);
		return 0;
	}
	if (child < 0 || fstat(child, &st) < 0)
		return child < 0 ? child : -errno;
	if (S_ISLNK(st.st_mode) && !(r->flags & (O_NOFOLLOW | O_EXCL)))
		return follow(r, child, base);
	out->fd = fd_take(&child);
	return 0;
}

static int scope_once(const struct server *s, const struct call *c, struct open_request *r,
		      struct place *out)
{
	bool create = r->flags & O_CREAT;
	int err;

	if (!create || !((r->flags & O_EXCL) || r->path[strlen(r->path) - 1] == '/')) {
		out->fd = scope_open(r, r->path, r->flags & (O_NOFOLLOW | O_DIRECTORY));
		if (out->fd != -ENOENT)
			return out->fd < 0 ? out->fd : 0;
	}
	err = r->resolve & RESOLVE_NO_SYMLINKS ? 0 : name_oneself(s, c, r);
	if (err != 0)
		return err;
	return create ? find_last(r, out) : -ENOENT;
}

int resolve_scoped(const struct server *s, const struct call *c, const struct open_request *r,
		   struct place *out)
{
	struct open_request now = *r;
	int err = AGAIN;

	for (unsigned links = 0; err == AGAIN && links <= LINKS_MAX; links++)
		err = scope_once(s, c, &now, out);
	if (err == AGAIN)
		return -ELOOP;
	/* What "self" was replaced with has meant the caller all the time if the caller is still there. */
	if (err < 0 || fetch_valid(s, c->id))
		return err;
	fd_close(&out->fd);
	fd_close(&out->parent);
	return -ESRCH;
}
