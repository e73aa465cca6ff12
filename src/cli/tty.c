#include "cli/tty.h"

#include <sys/ioctl.h>
#include <unistd.h>

void tty_find(struct tty *t, int in, int out, int err)
{
	*t = (struct tty){ .fd = -1 };
	if (in >= 0 && isatty(in)) {
		t->fd = in;
		t->keys = true;
	} else if (out >= 0 && isatty(out)) {
		t->fd = out;
	} else if (err >= 0 && isatty(err)) {
		t->fd = err;
	}
}

bool tty_foreground(const struct tty *t)
{
	pid_t group = t->fd >= 0 ? tcgetpgrp(t->fd) : -1;

	/* A terminal that is not our controlling one (ENOTTY) has no job control: it is ours. */
	return t->fd >= 0 && (group < 0 || group == getpgrp());
}

void tty_attach(struct tty *t)
{
	struct termios raw;

	if (!t->keys)
		return;
	if (!tty_foreground(t)) {
		t->raw = false;
		return;
	}
	if (!t->raw && tcgetattr(t->fd, &t->before) < 0)
		return;
	raw = t->before;
	cfmakeraw(&raw);
	t->raw = tcsetattr(t->fd, TCSADRAIN, &raw) == 0;
}

void tty_detach(struct tty *t)
{
	if (!t->raw)
		return;
	t->raw = false;
	/* In the background the terminal is somebody else's already, and tcsetattr would stop
	 * us. */
	if (tty_foreground(t))
		tcsetattr(t->fd, TCSADRAIN, &t->before);
}

void tty_copy_size(const struct tty *t, int master)
{
	struct winsize size;

	if (t->fd >= 0 && master >= 0 && ioctl(t->fd, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}
