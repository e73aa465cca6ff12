#include "cli/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool flow_read(struct flow *f)
{
	ssize_t n = read(f->from, f->bytes, sizeof f->bytes);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		f->ended = true; /* EIO: the other side of a pty is gone */
		return true;
	}
	f->last = f->bytes[n - 1];
	f->at = 0;
	f->end = f->broken ? 0 : (size_t)n;
	return true;
}

bool flow_write(struct flow *f)
{
	ssize_t n = write(f->to, f->bytes + f->at, f->end - f->at);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0) {
		f->broken = true;
		f->at = f->end = 0;
		return true;
	}
	f->at += (size_t)n;
	return true;
}

int flow_reopen(int fd, int mode)
{
	char path[64];
	struct stat st;

	/* Not a file: a second description would have an offset of its own. */
	if (fstat(fd, &st) < 0 || (!S_ISFIFO(st.st_mode) && !isatty(fd)))
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}
