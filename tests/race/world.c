#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static const char content[] = "untouched\n";

_Noreturn void die(const char *what)
{
	fprintf(stderr, "race: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void check(bool good, const char *what)
{
	if (!good)
		die(what);
}

/* ---- made outside, before anybody is confined ---- */

static void make_file(const char *folder, const char *name)
{
	char path[PATH_ROOM];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0666);
	check(fd >= 0 && fchmod(fd, 0666) == 0, path);
	check(write(fd, content, sizeof content - 1) == sizeof content - 1, path);
	close(fd);
}

static void make_folder(const char *path)
{
	check(mkdir(path, 0777) == 0 && chmod(path, 0777) == 0, path);
}

static void make_link(const char *to, const char *path)
{
	check(symlink(to, path) == 0, path);
}

/* A program that lies beside this one. */
static void make_program(const char *folder, const char *name)
{
	char from[PATH_MAX], to[PATH_ROOM], *slash;
	ssize_t n = readlink("/proc/self/exe", from, sizeof from - 1);
	struct stat st;
	int in, out;

	check(n > 0, "/proc/self/exe");
	from[n] = '\0';
	slash = strrchr(from, '/');
	snprintf(slash + 1, sizeof from - (size_t)(slash + 1 - from), "%s", name);
	snprintf(to, sizeof to, "%s/run", folder);
	in = open(from, O_RDONLY);
	check(in >= 0 && fstat(in, &st) == 0, from);
	out = open(to, O_CREAT | O_EXCL | O_WRONLY, 0777);
	check(out >= 0 && sendfile(out, in, NULL, (size_t)st.st_size) == st.st_size, to);
	close(in);
	close(out);
}

static void make_caller(int n)
{
	char other[32], hooks[32], flip[32], path[64], target[64];

	snprintf(other, sizeof other, "other/%d", n);
	snprintf(hooks, sizeof hooks, "hooks/%d", n);
	snprintf(flip, sizeof flip, "flip/%d", n);
	make_folder(other);
	make_folder(hooks);
	make_folder(flip);
	make_file(other, "x");
	make_file(other, "okok");
	make_file(other, "two");
	make_file(other, ".env");
	make_file(hooks, "x");
	make_program(other, "permitted");
	make_program(hooks, "forbidden");
	for (const char *const *in = (const char *const[]){ other, hooks, NULL }; *in != NULL;
	     in++) {
		snprintf(path, sizeof path, "%s/dir", *in);
		make_folder(path);
	}
	snprintf(path, sizeof path, "%s/p", flip);
	make_folder(path);
	snprintf(path, sizeof path, "%s/q", flip);
	make_folder(path);
	snprintf(path, sizeof path, "%s/p/s", flip);
	snprintf(target, sizeof target, "../../../other/%d/x", n);
	make_link(target, path);
	snprintf(path, sizeof path, "%s/q/s", flip);
	snprintf(target, sizeof target, "../../../hooks/%d/x", n);
	make_link(target, path);
	snprintf(path, sizeof path, "%s/link", flip);
	make_link(target + 3, path);
	for (const char *const *in = (const char *const[]){ "other", "p", "hooks", "q", NULL };
	     *in != NULL; in += 2) {
		snprintf(target, sizeof target, "../../../%s/%d/run", in[0], n);
		snprintf(path, sizeof path, "%s/%s/r", flip, in[1]);
		make_link(target, path);
	}
}

void world_make(void)
{
	umask(0);
	make_folder("other");
	make_folder("hooks");
	make_folder("flip");
	for (int n = 0; n < CALLERS; n++)
		make_caller(n);
}

/* ---- inside ---- */

static uint64_t word_of(const char *eight)
{
	uint64_t word;

	memcpy(&word, eight, sizeof word);
	return word;
}

/* BASE, slashes up to the word, the word, the rest. Both words have eight bytes. */
void world_put_path(struct word *w, char *at, const char *base, const char *good, const char *bad,
		    const char *rest)
{
	size_t len = strlen(base);

	memcpy(at, base, len);
	while (len % 8 != 0)
		at[len++] = '/';
	*w = (struct word){ .at = (_Atomic uint64_t *)(void *)(at + len),
			    .good = word_of(good),
			    .bad = word_of(bad) };
	memcpy(at + len, good, 8);
	memcpy(at + len + 8, rest, strlen(rest) + 1);
}

static void put_paths(struct caller *c, const char *base, int n)
{
	char folder[DIR_ROOM + 32], rest[16];

	snprintf(folder, sizeof folder, "%s/other/%d/", base, n);
	world_put_path(&c->words[0], c->env, folder, "//okok\0", "//.env\0", "");
	snprintf(rest, sizeof rest, "%d/%s", n, c->leaf);
	world_put_path(&c->words[1], c->file, base, "//other/", "//hooks/", rest);
	snprintf(rest, sizeof rest, "%d/dir", n);
	world_put_path(&c->words[2], c->dir, base, "//other/", "//hooks/", rest);
	snprintf(rest, sizeof rest, "%d/new", n);
	world_put_path(&c->words[3], c->made, base, "//other/", "//hooks/", rest);
	c->words[4] = (struct word){ .at = (_Atomic uint64_t *)(void *)&c->how.flags,
				     .good = O_RDONLY | O_CLOEXEC,
				     .bad = O_RDWR | O_TRUNC | O_CLOEXEC };
	c->words[5] = (struct word){ .at = (_Atomic uint64_t *)(void *)&c->how.resolve,
				     .good = RESOLVE_NO_MAGICLINKS,
				     .bad = 0 };
}

static void put_constants(struct caller *c, const char *base, int n, bool starts)
{
	const struct {
		char *at;
		const char *below, *name;
	} paths[] = {
		{ c->okok, "other", "okok" },
		{ c->two, "other", "two" },
		{ c->out, "other", "out" },
		{ c->other_x, "other", "x" },
		{ c->other_dir, "other", "dir" },
		{ c->other_new, "other", "new" },
		{ c->secret, "other", ".env" },
		{ c->hooks_x, "hooks", "x" },
		{ c->hooks_dir, "hooks", "dir" },
		{ c->hooks_new, "hooks", "new" },
		{ c->link, "flip", "link" },
		{ c->spare, "flip", "spare" },
		{ c->p, "flip", "p" },
		{ c->q, "flip", "q" },
		{ c->through, "flip", starts ? "p/r" : "p/s" },
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		snprintf(paths[i].at, PATH_ROOM, "%s/%s/%d/%s", base, paths[i].below, n,
			 paths[i].name);
	snprintf(c->file_fd, sizeof c->file_fd, "/proc/self/fd/%d", FILE_FD + n);
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	check(lstat(path, &st) == 0, path);
	return st.st_ino;
}

static void put_files(struct caller *c)
{
	c->fds[0] = open(c->other_x, O_RDWR | O_CLOEXEC);
	c->fds[1] = open(c->hooks_x, O_RDONLY | O_CLOEXEC);
	c->fds[2] = c->fds[0];
	c->fds[3] = open(c->reads ? c->secret : c->hooks_x, O_PATH | O_CLOEXEC);
}

static void put_programs(struct caller *c, const char *base, int n)
{
	char path[DIR_ROOM + 32];

	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/%s/%d/%s", base, i % 2 == 0 ? "other" : "hooks", n,
			 c->leaf);
		c->fds[i] = open(path, (i < 2 ? O_RDONLY : O_PATH) | O_CLOEXEC);
	}
}

static void put_descriptors(struct caller *c, const char *base, int n, bool starts)
{
	char path[DIR_ROOM + 32];

	if (starts)
		put_programs(c, base, n);
	else
		put_files(c);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s/%d", base, i == 0 ? "other" : "hooks", n);
		c->folders[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		check(c->folders[i] >= 0, path);
	}
	check(c->fds[0] >= 0 && c->fds[1] >= 0 && c->fds[3] >= 0, "descriptors");
	check(dup2(c->fds[0], FILE_FD + n) >= 0 && dup2(c->folders[0], FOLDER_FD + n) >= 0,
	      "descriptors");
}

void world_enter(struct caller *c, const char *base, int number, bool reads, bool starts)
{
	c->number = number;
	c->leaf = starts ? "run" : "x";
	c->reads = reads;
	put_paths(c, base, number);
	put_constants(c, base, number, starts);
	put_descriptors(c, base, number, starts);
	sockets_enter(c, base, number);
	c->env_ino = inode_of(c->secret);
	c->x_ino = inode_of(c->hooks_x);
}

bool world_intact(const struct caller *c)
{
	struct stat env, x, dir, st;

	if (lstat(c->secret, &env) < 0 || env.st_ino != c->env_ino || env.st_nlink != 1)
		return false;
	if (lstat(c->hooks_x, &x) < 0 || x.st_ino != c->x_ino || x.st_nlink != 1 ||
	    x.st_size != sizeof content - 1)
		return false;
	return lstat(c->hooks_dir, &dir) == 0 && S_ISDIR(dir.st_mode) &&
	       lstat(c->hooks_new, &st) < 0 && errno == ENOENT;
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void mend_file(const char *path)
{
	int fd = is_there(path) ? -1 : open(path, O_CREAT | O_EXCL | O_WRONLY, 0666);

	if (fd >= 0)
		close(fd);
}

void world_mend(const struct caller *c)
{
	mend_file(c->other_x);
	mend_file(c->okok);
	mend_file(c->two);
	if (!is_there(c->other_dir))
		mkdir(c->other_dir, 0777);
	if (is_there(c->out))
		unlink(c->out);
	if (is_there(c->other_new) && unlink(c->other_new) < 0)
		rmdir(c->other_new);
}
