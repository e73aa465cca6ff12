/*
 * What is no matter of chance: openat2's scopes, full tables, files without a name, and memory that is not there.
 */
#include "same.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static int open_how(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags,
				.mode = flags & O_CREAT ? 0640 : 0,
				.resolve = resolve };

	return same_openat2(dir, path, &how, sizeof how);
}

/* ---- scopes: every path that leads out or around, with every promise that it will not ---- */

static void make_scope(void)
{
	static const struct {
		const char *path, *to;
	} links[] = {
		{ "in/root", "/" },
		{ "in/out", "../outside" },
		{ "in/abs", "/inside" },
		{ "in/abs-outside", "/work/t/scope/outside" },
		{ "in/near", "inside" },
		{ "in/near2", "near" },
		{ "in/above", "deep/../../outside" },
		{ "in/below", "deep/../inside" },
		{ "in/proc", "/proc/self/comm" },
		{ "in/magic", "/proc/self/fd/20" },
		{ "in/here", "/proc/self/cwd" },
		{ "in/self", "self" },
		{ "in/dangling", "not-yet" },
		{ "in/dangling-abs", "/not-yet-either" },
		{ "in/dangling-out", "../not-yet-outside" },
		{ "in/deep/up", "../inside" },
		{ "in/deep/far-up", "../../outside" },
	};

	if (mkdir("scope", 0755) < 0 || mkdir("scope/in", 0755) < 0 ||
	    mkdir("scope/in/deep", 0755) < 0 || mkdir("scope/in/proc-like", 0755) < 0 ||
	    chdir("scope") < 0)
		die("scope");
	close(open("outside", O_CREAT | O_WRONLY, 0644));
	close(open("in/inside", O_CREAT | O_WRONLY, 0644));
	close(open("in/deep/file", O_CREAT | O_WRONLY, 0644));
	for (size_t i = 0; i < COUNT(links); i++)
		if (symlink(links[i].to, links[i].path) < 0)
			die(links[i].path);
}

static const char *const scope_paths[] = {
	"inside",
	"./inside",
	"/inside",
	"../outside",
	"..",
	".",
	"/",
	"deep/..",
	"deep/../..",
	"deep/../inside",
	"deep/../../outside",
	"root",
	"root/inside",
	"out",
	"abs",
	"abs-outside",
	"near",
	"near2",
	"above",
	"below",
	"proc",
	"magic",
	"here",
	"here/outside",
	"self",
	"self/x",
	"dangling",
	"dangling-abs",
	"dangling-out",
	"deep/up",
	"deep/far-up",
	"deep/",
	"inside/",
	"near/",
	"deep/file/..",
	"/work/t/scope/in/inside",
	"/../../inside",
	"/proc/self/comm",
	"/proc/version",
	"/proc/self/fd/20",
	"/dev/null",
	"absent/x",
	"/usr/bin/env",
	"/proc/thread-self/comm",
	"self/comm",
	"thread-self/comm",
	"self/fd/20",
	"version",
};

static const uint64_t scope_flags[] = {
	O_RDONLY,         O_RDONLY | O_NOFOLLOW,     O_RDONLY | O_DIRECTORY,
	O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL, O_WRONLY | O_CREAT | O_NOFOLLOW,
};

/* Alone, and what goes together or does not. */
static const uint64_t scope_promises[] = { 0, 1, 2, 3, 4, 5, 8, 9, 10, 12, 16, 17, 18, 20, 24 };

static void try_scope(const char *where, int dir, size_t flags)
{
	for (size_t r = 0; r < COUNT(scope_promises); r++)
		for (size_t i = 0; i < COUNT(scope_paths) * flags; i++) {
			const char *path = scope_paths[i / flags];
			uint64_t flag = scope_flags[i % flags];

			operation++;
			say("scope %s \"%s\" %#llo resolve %#llx", where, path,
			    (unsigned long long)flag, (unsigned long long)scope_promises[r]);
			say_descriptor(open_how(dir, path, flag, scope_promises[r]));
		}
}

void do_scopes(void)
{
	int in, proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	make_scope();
	in = open("in", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (in < 0 || proc < 0)
		die("in");
	try_scope("in", in, COUNT(scope_flags));
	try_scope("proc", proc, 1);
	if (chdir("in") < 0)
		die("in");
	try_scope("cwd", AT_FDCWD, 2);
	close(in);
	close(proc);
}

/* ---- memory ---- */

static void try_memory(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);
	char *how;

	if (edge == MAP_FAILED || munmap(edge + page, page) < 0)
		die("mmap");
	how = edge + page - sizeof(struct open_how);
	memcpy(edge + page - 64 - 5, "file", 5);
	say("a string at the end of a page, with its end and without");
	say_descriptor(openat(AT_FDCWD, strcpy(edge + page - 5, "file"), O_RDONLY));
	memcpy(edge + page - 4, "file", 4);
	say("...");
	say_descriptor(openat(AT_FDCWD, edge + page - 4, O_RDONLY));
	memset(how, 0, sizeof(struct open_how));
	say("a structure at the end of a page, and one that passes it");
	say_descriptor((int)syscall(SYS_openat2, AT_FDCWD, "file", how, sizeof(struct open_how)));
	say("...");
	say_descriptor(
		(int)syscall(SYS_openat2, AT_FDCWD, "file", how + 8, sizeof(struct open_how)));
	say("nothing");
	say_descriptor((int)syscall(SYS_openat, AT_FDCWD, 0, O_RDONLY));
	say("rename from nowhere, to nowhere, both");
	say_result(syscall(SYS_renameat2, AT_FDCWD, 8, AT_FDCWD, "x", 0));
	say("...");
	say_result(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, 8, 0));
	say("...");
	say_result(syscall(SYS_renameat2, AT_FDCWD, 8, AT_FDCWD, 8, 0));
	say("symlink to nowhere, link of nothing");
	say_result(syscall(SYS_symlinkat, 8, AT_FDCWD, "x"));
	say("...");
	say_result(syscall(SYS_linkat, AT_FDCWD, "no-such", AT_FDCWD, 8, 0));
}

/* ---- limits ---- */

static void try_full_table(void)
{
	struct rlimit before, few;
	int lowest = open("/", O_PATH | O_CLOEXEC);
	struct stat st;

	close(lowest);
	if (getrlimit(RLIMIT_NOFILE, &before) < 0)
		die("RLIMIT_NOFILE");
	few = before;
	few.rlim_cur = (rlim_t)lowest;
	setrlimit(RLIMIT_NOFILE, &few);
	say("full table: what is there");
	say_descriptor(openat(AT_FDCWD, "file", O_RDONLY));
	say("and nothing is lost");
	say_descriptor(openat(AT_FDCWD, "file", O_WRONLY | O_TRUNC));
	say("...");
	say_result(stat("file", &st) == 0 ? st.st_size : -1);
	say("and nothing is made");
	say_descriptor(openat(AT_FDCWD, "never-made", O_WRONLY | O_CREAT, 0644));
	say("...");
	say_result(stat("never-made", &st));
	few.rlim_cur++;
	setrlimit(RLIMIT_NOFILE, &few);
	say("one more");
	say_descriptor(openat(AT_FDCWD, "file", O_RDONLY));
	say("and it is enough for a new file");
	say_descriptor(openat(AT_FDCWD, "made-at-last", O_WRONLY | O_CREAT, 0644));
	setrlimit(RLIMIT_NOFILE, &before);
}

static volatile sig_atomic_t told;

static void on_size(int sig)
{
	(void)sig;
	told++;
}

static void try_file_size(void)
{
	static const off_t lengths[] = { 99, 100, 101, 1 << 20, 50 };
	struct rlimit before, few;

	if (getrlimit(RLIMIT_FSIZE, &before) < 0)
		die("RLIMIT_FSIZE");
	few = before;
	few.rlim_cur = 100;
	signal(SIGXFSZ, on_size);
	setrlimit(RLIMIT_FSIZE, &few);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		say("a limit of 100, truncate to %lld", (long long)lengths[i]);
		say_result(truncate("file", lengths[i]));
		say("... signals %d", (int)told);
		say_result(0);
	}
	setrlimit(RLIMIT_FSIZE, &before);
	say("what is longer already may become shorter");
	say_result(truncate("file", 500));
	setrlimit(RLIMIT_FSIZE, &few);
	say("...");
	say_result(truncate("file", 400));
	setrlimit(RLIMIT_FSIZE, &before);
	say("... signals %d", (int)told);
	say_result(truncate("file", 4));
}

/* ---- folders that may not be searched, above the one where a path begins ---- */

static void try_closed_above(void)
{
	struct stat st;

	if (mkdir("shut", 0755) < 0 || mkdir("shut/in", 0755) < 0 || chdir("shut/in") < 0 ||
	    chmod("..", 0) < 0)
		die("shut");
	say("below a folder that is shut: make, open, empty");
	say_descriptor(openat(AT_FDCWD, "x", O_RDWR | O_CREAT, 0644));
	say("...");
	say_descriptor(openat(AT_FDCWD, "x", O_RDONLY));
	say("...");
	say_descriptor(openat(AT_FDCWD, "./x", O_WRONLY | O_TRUNC));
	say("mkdir, rename, link, symlink, truncate, unlink");
	say_result(mkdir("d", 0755));
	say("...");
	say_result(rename("x", "d/y"));
	say("...");
	say_result(link("d/y", "z"));
	say("...");
	say_result(symlink("z", "l"));
	say("...");
	say_result(truncate("l", 3));
	say("...");
	say_result(unlink("d/y"));
	say("up, by its name, and past it");
	say_descriptor(openat(AT_FDCWD, "..", O_RDONLY | O_DIRECTORY));
	say("...");
	say_descriptor(openat(AT_FDCWD, "../new", O_WRONLY | O_CREAT, 0644));
	say("...");
	say_result(stat("../../file", &st));
	if (chmod("..", 0755) < 0 || chdir("../..") < 0)
		die("shut");
}

/* ---- files without a name ---- */

static void try_unnamed(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);

	if (fd < 0)
		die("O_TMPFILE");
	dup3(fd, SLOT + 6, O_CLOEXEC);
	close(fd);
	say("a name through /proc");
	say_result(linkat(AT_FDCWD, "/proc/self/fd/26", AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	say("a second one, of the descriptor");
	say_result(linkat(SLOT + 6, "", AT_FDCWD, "named-too", AT_EMPTY_PATH));
	say("over one that is there");
	say_result(linkat(SLOT + 6, "", AT_FDCWD, "file", AT_EMPTY_PATH));
	say("without the flag");
	say_result(linkat(SLOT + 6, "", AT_FDCWD, "never", 0));
	say("for good without");
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0640);
	dup3(fd, SLOT + 6, O_CLOEXEC);
	close(fd);
	say_result(linkat(AT_FDCWD, "/proc/self/fd/26", AT_FDCWD, "never", AT_SYMLINK_FOLLOW));
}

void do_edges(void)
{
	try_memory();
	try_full_table();
	try_file_size();
	try_closed_above();
	try_unnamed();
}
