/*
 * The calls that start a program: the one below hooks/ must not run a single instruction. By its first ones it writes to a
 * descriptor that it inherits (mark.c).
 *
 * Each call is made by a child that has memory, descriptors and the current folder in common with everybody else, so that
 * all that changes does so for it as well.
 */
#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARK_SEEN = MARK_FD + 1, STACK_BYTES = 64 * 1024 };

static char *const words[] = { (char[]){ "run" }, NULL }, *const no_words[] = { NULL };

void execs_enter(void)
{
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0 || dup2(fds[1], MARK_FD) < 0 ||
	    dup3(fds[0], MARK_SEEN, O_CLOEXEC) < 0)
		die("pipe");
	close(fds[0]);
	close(fds[1]);
}

bool execs_intact(void)
{
	char mark;

	return read(MARK_SEEN, &mark, 1) < 0;
}

static int by_execve(int dir, const char *path, int flags)
{
	(void)dir, (void)flags;
	return (int)syscall(SYS_execve, path, words, no_words);
}

static int by_execveat(int dir, const char *path, int flags)
{
	return (int)syscall(SYS_execveat, dir, path, words, no_words, flags);
}

struct child {
	_Alignas(16) char stack[STACK_BYTES];
	int (*exec)(int dir, const char *path, int flags);
	int dir, flags;
	const char *path;
};

static int child_main(void *arg)
{
	const struct child *child = arg;

	child->exec(child->dir, child->path, child->flags);
	_exit(errno);
}

static enum result started(const struct attack *a, int dir, const char *path, int flags)
{
	struct child child = { .exec = a->exec, .dir = dir, .path = path, .flags = flags };
	int status;
	pid_t pid = clone(child_main, child.stack + STACK_BYTES,
			  CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_FS | SIGCHLD, &child);

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return MISSED;
	if (!execs_intact())
		return WON;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL ? REFUSED : MISSED;
	return WEXITSTATUS(status) == 0 ? PASSED : WEXITSTATUS(status) == EACCES ? REFUSED : MISSED;
}

/* ---- ways ---- */

static enum result through_file(const struct attack *a, struct caller *c)
{
	return started(a, AT_FDCWD, c->file, 0);
}

static enum result through_link(const struct attack *a, struct caller *c)
{
	return started(a, AT_FDCWD, c->link, 0);
}

static enum result through_folder(const struct attack *a, struct caller *c)
{
	return started(a, AT_FDCWD, c->through, 0);
}

static enum result through_descriptor(const struct attack *a, struct caller *c)
{
	return started(a, AT_FDCWD, c->file_fd, 0);
}

static enum result below_current(const struct attack *a, struct caller *c)
{
	return c->number == 0 ? started(a, AT_FDCWD, c->leaf, 0) : MISSED;
}

static enum result below_descriptor(const struct attack *a, struct caller *c)
{
	return started(a, FOLDER_FD + c->number, c->leaf, 0);
}

static enum result by_descriptor(const struct attack *a, struct caller *c)
{
	return started(a, FILE_FD + c->number, "", AT_EMPTY_PATH);
}

const struct attack exec_attacks[] = {
	{ "execve",
	  { .exec = by_execve },
	  1,
	  { through_file, through_link, through_folder, through_descriptor, below_current } },
	{ "execveat",
	  { .exec = by_execveat },
	  1,
	  { through_file, through_link, through_folder, below_descriptor, by_descriptor,
	    below_current } },
	{ NULL },
};
