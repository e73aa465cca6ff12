/*
 * The caller's terminal: raw while the relay owns it, as it was found at every other moment.
 */
#ifndef CLI_TTY_H
#define CLI_TTY_H

#include <stdbool.h>
#include <termios.h>

struct tty {
	int fd;    /* the terminal, -1 when none of the three descriptors is one; borrowed */
	bool keys; /* the first descriptor is the terminal: typed keys come from there */
	bool raw;  /* we changed it and have to put it back */
	struct termios before;
};

/* Looks for a terminal among input, output and errors. Changes nothing. */
void tty_find(struct tty *t, int in, int out, int err);

/* Whether this process may use the terminal now, as a shell's foreground job. */
bool tty_foreground(const struct tty *t);

/* Makes it raw, if keys come from it and we are in the foreground. Also after somebody else,
 * such as a shell that stopped and woke us, may have changed it. */
void tty_attach(struct tty *t);

/* Puts it back as it was. May be called any number of times. */
void tty_detach(struct tty *t);

/* Gives the pty behind `master` the size of the terminal, if there is one. */
void tty_copy_size(const struct tty *t, int master);

#endif
