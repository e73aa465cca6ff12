#include "same.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void check(bool good, const char *what)
{
	if (!good)
		die(what);
}

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	check(fchmod(fd, mode) == 0 && close(fd) == 0, path);
}

static void make_links(void)
{
	static const struct {
		const char *path, *to;
	} links[] = {
		{ "link", "file" },
		{ "to-sub", "sub" },
		{ "dang", "no-such" },
		{ "to-new", "sub/made-through-link" },
		{ "loop", "loop" },
		{ "abs", "/work/t/file" },
		{ "up", ".." },
		{ "self", "/proc/self/cwd" },
		{ "to-fd", "/proc/self/fd/22" },
		{ "to-proc", "/proc/self/comm" },
		{ "far", "/no-such/far" },
		{ "chain", "sub/chain" },
		{ "sub/chain", "../link" },
		{ "sub/up", "../" },
		{ "sub/abs", "/work/t/sub/deep" },
		{ "sub/dang", "../a/none-here" },
	};

	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		check(symlink(links[i].to, links[i].path) == 0, links[i].path);
}

static int open_slot(int number, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	check(fd >= 0 && dup3(fd, SLOT + number, O_CLOEXEC) >= 0 && close(fd) == 0, path);
	return SLOT + number;
}

static void open_slots(void)
{
	open_slot(0, "sub", O_RDONLY | O_DIRECTORY);
	open_slot(1, "sub/deep", O_PATH | O_DIRECTORY); /* never empty */
	open_slot(2, "file", O_RDWR);
	check(mkdir("gone", 0755) == 0, "gone");
	open_slot(3, "gone", O_RDONLY | O_DIRECTORY);
	check(rmdir("gone") == 0, "gone");
	open_slot(4, "gone", O_RDWR | O_CREAT);
	check(unlink("gone") == 0, "gone");
	open_slot(5, "/usr/bin/env", O_PATH);
	open_slot(6, ".", O_RDONLY | O_DIRECTORY);
	open_slot(7, "/proc", O_RDONLY | O_DIRECTORY);
}

void tree_make(void)
{
	umask(022);
	check(chmod("/work", 0755) == 0 && chdir("/work") == 0, "/work");
	check(mkdir("t", 0755) == 0 && chdir("t") == 0, "t");
	check(mkdir("sub", 0755) == 0 && mkdir("sub/deep", 0755) == 0, "sub");
	check(mkdir("a", 0755) == 0 && mkdir("a/b", 0777) == 0, "a");
	put("file", "some text\n", 0644);
	put("sub/file", "other text\n", 0640);
	put("sub/deep/file", "deep text\n", 0600);
	put("no-read", "none\n", 0200);
	put("no-write", "none\n", 0444);
	put("closed", "closed\n", 0);
	check(link("file", "twin") == 0, "twin");
	check(mkdir("none", 0) == 0 && mkdir("locked", 0700) == 0, "none");
	put("locked/file", "locked\n", 0644);
	check(mkdir("locked/sub", 0755) == 0 && chmod("locked", 0500) == 0, "locked");
	check(mkfifo("fifo", 0644) == 0 && mknod("sock", S_IFSOCK | 0644, 0) == 0, "fifo");
	make_links();
	open_slots();
}

/* ---- what it has become ---- */

static unsigned long sum_of(int dir, const char *name)
{
	unsigned long sum = 5381;
	unsigned char text[4096];
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	/* Sparse files may be large: their beginning and size say enough. */
	n = read(fd, text, sizeof text);
	for (ssize_t i = 0; i < n; i++)
		sum = sum * 33 + text[i];
	close(fd);
	return sum;
}

static void print_one(int dir, const char *folder, const char *name)
{
	struct stat st;
	char target[PATH_ROOM];
	ssize_t n;

	check(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0, name);
	say("%s/%s %#o %u:%u links %lu", folder, name, st.st_mode, st.st_uid, st.st_gid,
	    (unsigned long)st.st_nlink);
	if (S_ISREG(st.st_mode))
		say(" size %lld sum %lx", (long long)st.st_size, sum_of(dir, name));
	n = S_ISLNK(st.st_mode) ? readlinkat(dir, name, target, sizeof target - 1) : -1;
	if (n >= 0) {
		target[n] = '\0';
		say_path(target);
	}
	say("\n");
}

static void print_below(int dir, const char *folder);

static void print_folder(int dir, const char *folder, const char *name)
{
	char path[PATH_ROOM];
	int fd;

	/* What is closed is opened now: its owner looks. */
	check(fchmodat(dir, name, 0700, 0) == 0, name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	check(fd >= 0, name);
	snprintf(path, sizeof path, "%.2000s/%.255s", folder, name);
	print_below(fd, path);
}

static void print_below(int dir, const char *folder)
{
	struct dirent **entries;
	int n = scandirat(dir, ".", &entries, NULL, alphasort);

	check(n >= 0, folder);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		struct stat st;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			print_one(dir, folder, name);
			if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			    S_ISDIR(st.st_mode))
				print_folder(dir, folder, name);
		}
		free(entries[i]);
	}
	free(entries);
	close(dir);
}

void tree_print(void)
{
	check(chmod("/work", 0755) == 0 && chdir("/work") == 0, "/work");
	print_folder(AT_FDCWD, ".", "t");
}
