/*
 * Opens that wait, such as that of a FIFO without its other side: each in a thread of its own, so that nobody
 * else waits. At most WAITERS_MAX of them.
 */
#ifndef BROKER_WAIT_H
#define BROKER_WAIT_H

#include "broker/call.h"

/* Prepares the signal that ends a wait. */
int wait_prepare(struct err *e);

/* From here on this thread hears that signal no more. */
void wait_deaf(void);

/* A new thread hears it: the one that made it may be deaf. */
void wait_hear(void);

/* A place that nobody else has, until its `tid` becomes 0 again; NULL: there is none. */
struct waiter *wait_place(const struct server *s);

/* A detached thread. 0 or -errno. */
int wait_thread(void *(*run)(void *), void *arg);

/* Hands the open of `fd` (O_PATH, owned by the thread from here on) over. 0, or -errno: the caller keeps fd. */
int wait_open(const struct server *s, const struct call *c, int fd, uint64_t flags);

/* The same for anything else that may wait: work() gets `what`, performs and answers. On failure the caller keeps `what`. */
int wait_work(const struct server *s, const struct call *c, void (*work)(struct waiter *w),
	      void *what);

/* Ends all of them. False: some wait for what does not answer, and go with the process. */
bool wait_end(const struct server *s);

/* Ends the waits whose caller is gone, every one with `all`. Returns how many threads are left. */
unsigned wait_check(const struct server *s, bool all);

#endif
