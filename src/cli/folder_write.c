/*
 * The files are written into a folder beside the one that is wanted, and that is renamed. So that no kill leaves it lying
 * there, it belongs to a second process: that makes it, waits until the first one is gone or done, and removes what still
 * has its name.
 */
#include "cli/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/sys.h"
#include "policy/manifest.h"

enum { MANIFEST_BYTES_MAX = 4 << 20 };

static const char temporary_ending[] = ".zviz-new";

/* ---- where it goes ---- */

struct place {
	int parent;
	const char *path, *name, *temporary;
	bool exists; /* and is to be replaced */
};

static int open_parent(struct arena *a, const char *path, struct place *out, struct err *e)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;

	const char *whole = arena_strndup(a, path, len), *slash = strrchr(whole, '/');
	const char *parent = slash == NULL ? "."
					   : arena_strndup(a, whole, (size_t)(slash - whole) + 1);

	*out = (struct place){ .path = path, .name = slash == NULL ? whole : slash + 1 };
	out->temporary = arena_printf(a, "%s%s", out->name, temporary_ending);
	if (out->name[0] == '\0' || strcmp(out->name, ".") == 0 || strcmp(out->name, "..") == 0) {
		fail(e, EINVAL, "'%s' does not name a folder that could be made", path);
		return advise(e, "for example: -o compiled");
	}
	out->parent = path_open(parent, O_RDONLY | O_DIRECTORY);
	return out->parent < 0 ? fail(e, errno, "%s: %m", parent) : 0;
}

/* Whether everything in it was put there by a compile. */
static int check_earlier(struct arena *a, int dir, const struct strings *names, struct err *e)
{
	struct manifest m;
	char *text;
	size_t len;

	TRY(folder_read(a, dir, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text, &len, e));
	TRY(manifest_read(a, text, len, &m, e));
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->at[i], MANIFEST_NAME) != 0 &&
		    manifest_find(&m, names->at[i]) == NULL)
			return fail(e, EEXIST, "%s is not of that compile", names->at[i]);
	return 0;
}

static int check_target(struct arena *a, struct place *p, bool replace, struct err *e)
{
	OWN_FD dir = openat(p->parent, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct strings names = { 0 };

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return fail(e, errno, "%s is there, and no folder", p->path);
	TRY(folder_names(a, dir, &names, e));
	if (names.n == 0)
		return 0;
	if (check_earlier(a, dir, &names, e) < 0) {
		within(e, "%s is not empty, and not what an earlier compile made", p->path);
		return advise(e, "name a folder that does not exist");
	}
	if (!replace) {
		fail(e, EEXIST, "%s holds an earlier compile", p->path);
		return advise(e, "--force replaces it");
	}
	p->exists = true;
	return 0;
}

/* ---- the second process ---- */

struct keeper {
	pid_t pid;
	int wire;
};

static int remove_folder(int parent, const char *name)
{
	struct arena a = { 0 };
	struct strings names = { 0 };
	struct err e;
	OWN_FD dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;

	int r = folder_names(&a, dir, &names, &e);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (unlinkat(dir, names.at[i], 0) < 0)
			r = -errno;
	if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		r = -errno;
	arena_free(&a);
	return r;
}

/* In a session of its own and deaf to signals, SIGPIPE among them, so that what ends the first process does not end both. */
__attribute__((noreturn)) static void keep(const struct place *p, int wire)
{
	sigset_t all;
	char byte;
	int made;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	made = mkdirat(p->parent, p->temporary, 0777) < 0 ? -errno : 0;
	if (fd_write_all(wire, &made, sizeof made) == 0 && made == 0)
		(void)!fd_read_all(wire, &byte, 1); /* returns when the first one is gone */
	_exit(made == 0 && remove_folder(p->parent, p->temporary) < 0);
}

static int start_keeper(const struct place *p, struct keeper *out, struct err *e)
{
	int wire[2], made = -EIO;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wire) < 0)
		return fail(e, errno, "socketpair: %m");
	out->pid = fork();
	if (out->pid == 0) {
		close(wire[0]);
		keep(p, wire[1]);
	}
	close(wire[1]);
	out->wire = wire[0];
	if (out->pid < 0)
		return fail(e, errno, "fork: %m");
	if (fd_read_all(out->wire, &made, sizeof made) == sizeof made && made == 0)
		return 0;
	fail(e, -made, "%s%s: %m", p->path, temporary_ending);
	if (made == -EEXIST)
		advise(e, "another compile is at work, or the machine stopped during one: then "
			  "remove it");
	return -e->no;
}

static int stop_keeper(const struct place *p, struct keeper *k, struct err *e)
{
	int status = 0;

	fd_close(&k->wire);
	if (k->pid <= 0)
		return 0;
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		return fail(e, EIO, "%s%s could not be removed", p->path, temporary_ending);
	return 0;
}

/* ---- writing ---- */

static int write_file(int dir, const struct artifact *f, struct err *e)
{
	OWN_FD fd = openat(dir, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : fd_write_all(fd, f->bytes, f->len);

	return r < 0 ? fail(e, -r, "%s: %m", f->name) : 0;
}

static int write_files(const struct place *p, const struct artifacts *files, struct err *e)
{
	OWN_FD dir = openat(p->parent, p->temporary,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return fail(e, errno, "%m");
	for (size_t i = 0; i < files->n; i++)
		TRY(write_file(dir, &files->at[i], e));
	return 0;
}

static int put_in_place(const struct place *p, struct err *e)
{
	int r = 0;

	if (p->exists)
		r = sys_exchange(p->parent, p->temporary, p->name);
	else if (renameat(p->parent, p->temporary, p->parent, p->name) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	fail(e, -r, "%m");
	if (p->exists)
		return advise(e, "where folders cannot change places, remove the old one first");
	return r;
}

int folder_write(struct arena *a, const char *path, const struct artifacts *files, bool replace,
		 struct err *e)
{
	struct keeper k = { 0, -1 };
	struct err ignored;
	struct place p;

	TRY(open_parent(a, path, &p, e));

	OWN_FD parent = p.parent;
	int r = check_target(a, &p, replace, e);

	if (r < 0)
		return r;
	r = start_keeper(&p, &k, e);
	if (r == 0 && (write_files(&p, files, e) < 0 || put_in_place(&p, e) < 0))
		r = within(e, "%s", path);

	int stopped = stop_keeper(&p, &k, r < 0 ? &ignored : e);

	return r < 0 ? r : stopped;
}
