/*
 * The values that the broker's parts hand each other.
 */
#ifndef BROKER_CALL_H
#define BROKER_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/broker.h"
#include "policy/decide.h"

/* Threads that wait inside a blocking call: see wait.c and stand.c. */
enum { WAITERS_MAX = 64 };

struct server;
struct stand;
struct door;
struct ask;
struct live;
struct live_copy;
struct view_work;

struct waiter {
	_Atomic uint32_t tid; /* of our thread: 0 the slot is free, WAITER_STARTING until it runs */
	const struct server *server;
	struct call call;
	uint64_t flags;                 /* of the open */
	int fd;                         /* O_PATH, owned by the thread */
	void (*work)(struct waiter *w); /* NULL: that open */
	void *what;                     /* for work(), which frees it */
};

/* What serving needs, made once before the first notification. */
struct server {
	const struct broker_plan *plan;
	struct live *live;      /* NULL: the plan stays as it is */
	struct live_copy *copy; /* what `plan` lies in; NULL: the first one */
	uint32_t generation;    /* of it */
	struct broker_counters *counters;
	int listener, proc, events;
	int self_fds;           /* our own /proc/self/fd, -1 without `proc` */
	struct waiter *waiters; /* WAITERS_MAX of them, NULL without `proc` */
	struct stand
		*stand;  /* whose turn it is to serve; NULL without `proc`: then nothing is slow */
	struct ask *ask; /* NULL: the profile asks about nothing */
	struct view_work *view; /* NULL: the system is shown as it is */
	struct door *door;      /* of the first listener, where others may come; NULL elsewhere */
	_Atomic uint32_t
		*names; /* futex: 1 while somebody changes names, whichever listener it is for */
	bool polls;     /* a receive that blocks would not end with the last task */
};

#endif
