/*
 * Errors as values.
 *
 * A function returns 0 or a positive result, or -errno, and fills a struct err once, where the
 * failure happened. Callers add context on the left with within(). Only src/cli prints one.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

enum {
	ERR_TEXT_MAX = 512, /* bytes; longer texts are cut, never overrun */
	ERR_HINT_MAX = 256,
};

/* `no` is a positive errno. `text` says what failed and why, `hint` (may be empty) what to change. */
struct err {
	int no;
	char text[ERR_TEXT_MAX];
	char hint[ERR_HINT_MAX];
};

/* Records a failure; `no` is a positive errno (0 becomes EINVAL). %m means strerror(no). Returns -no. */
int fail(struct err *e, int no, const char *fmt, ...) __attribute__((format(printf, 3, 4), cold));

/* Puts "fmt: " before the text that is there. Returns -e->no, so `return within(e, …)` passes it on. */
int within(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Says what the reader should change. Returns -e->no. */
int advise(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Returns from the calling function when `call` fails: the one macro that returns. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		int try_result_ = (call);                                                          \
		if (try_result_ < 0)                                                               \
			return try_result_;                                                        \
	} while (0)

#endif
