/*
 * The caller's side of a running container: its terminal, its signals, its events and its deadline.
 *
 * term_hold() first, before the container's processes exist; the child puts `before` back as its
 * signal mask. Then term_relay(), which returns when the container's first process has ended and
 * everything that it wrote was passed on, and in the end, after the cleaning up, term_release().
 */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/asker.h"
#include "cli/tty.h"

/* Any of the functions may be NULL. */
struct term {
	int in, out, err; /* 0, 1 and 2; borrowed */
	/* The container's pty, -1: it has the caller's own descriptors. Owned: closed when the
	 * caller's output is gone, which hangs up the container's terminal. */
	int master;
	int pidfd;   /* borrowed */
	int events;  /* read end of the stream of events, -1: none; borrowed, made non-blocking */
	int control; /* watched for reading, -1: none; borrowed */
	struct asker *asker; /* puts questions to whoever sits at the terminal; NULL: nobody does */
	uint64_t timeout_ms; /* 0: none */
	void *ctx;

	/* A line of events, without its newline and not ended by a NUL. */
	void (*on_event)(void *ctx, const char *line, size_t len);

	/* A signal for the workload. SIGTSTP asks to stop all of it, SIGCONT to let it go on. */
	void (*on_signal)(void *ctx, int signo);

	/* The deadline has passed (timed_out is set). Returns after how many milliseconds to
	 * call again, 0: never. */
	uint64_t (*on_deadline)(void *ctx);

	/* `control` is readable. Returns 1 when the workload has stopped itself and zviz should
	 * do the same, 0 to go on, negative to watch it no more. */
	int (*on_control)(void *ctx, int fd);

	/* Filled while it runs. */
	bool timed_out;
	uint64_t long_lines; /* events dropped because their line was too long */
	struct tty tty;
	bool held;
	sigset_t before;
	int signals;
};

/* Everything off: descriptors -1 (in, out and err 0, 1 and 2). */
void term_init(struct term *t);

/* Holds back the signals that term_relay passes on. */
int term_hold(struct term *t, struct err *e);

/* Returns 0 when the pidfd became readable and all output was passed on; the terminal is as it
 * was. */
int term_relay(struct term *t, struct err *e);

/* Drops the signals that came too late and restores the signal mask. */
void term_release(struct term *t);

#endif
