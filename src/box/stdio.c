/*
 * stdio.open: images open /dev/stdout and /dev/stderr anew, whose logs lead there. What is behind them is the engine's pipe, as a
 * rule, and its owner is nobody inside. The mode of a pipe is one for both of its ends: an owner could open the other one as well,
 * and take what others write to it. So the owner stays, and the mode gains one bit: writing, of a pipe that is held for writing;
 * reading, of one that is held for reading and that no container writes to. Nobody is at it but who holds it already: a pipe
 * without a name is opened through /proc/PID/fd alone. No bit of the owner's is taken. Who reads what a container writes can write
 * to it then: the bit is one for all of them.
 *
 * Nothing but such a pipe: of a file, a FIFO or a device the mode is others' business.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "box/sequence.h"

enum { LOCK_TRIES = 20, LOCK_PAUSE_US = 1000 };

static bool is_pipe(int fd, struct stat *st)
{
	struct statfs fs;

	return fstat(fd, st) == 0 && S_ISFIFO(st->st_mode) && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == PIPEFS_MAGIC;
}

/* Two containers of a pipeline may start at the same moment, each at its end. Whoever holds the pipe can hold this lock as well, a
 * workload that reads from it, too: that is not waited for. */
static bool lock(int fd)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++, usleep(LOCK_PAUSE_US))
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
	return false;
}

/* Writing comes first: a reader loses the way to open it anew, and a writer could read what is others'. */
static mode_t mode_for(mode_t now, int access)
{
	if (access != O_RDONLY)
		return (now & ~(mode_t)S_IROTH) | S_IWOTH;
	return now & S_IWOTH ? now : now | S_IROTH;
}

/* Where that is not permitted all works but opening it anew. Without the lock a reader gains nothing; a writer takes the reading
 * away all the same. */
static void permit(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	bool locked;
	struct stat st;

	if (flags < 0 || (flags & O_PATH) || !is_pipe(fd, &st))
		return;
	locked = lock(fd);
	if ((locked || (flags & O_ACCMODE) != O_RDONLY) && fstat(fd, &st) == 0)
		(void)fchmod(fd, mode_for(st.st_mode & 07777, flags & O_ACCMODE));
	if (locked)
		(void)flock(fd, LOCK_UN);
}

int step_stdio_open(struct box *b, struct err *e)
{
	(void)b;
	(void)e;
	for (int fd = 0; fd <= 2; fd++)
		permit(fd);
	return 0;
}
