/*
 * Who serves. One thread does, and a second one watches it. When a call takes long, because a file system does not answer,
 * the second takes the first one's place, which leaves when it is done: so a slow call never holds up the next.
 */
#ifndef BROKER_STAND_H
#define BROKER_STAND_H

#include "broker/call.h"
#include "broker/door.h"
#include "broker/live.h"

/* All that the threads share, in one piece. */
struct stand {
	struct server server; /* as it was at the start; whoever serves has one of its own */
	struct live live;
	struct door door;                   /* of the first */
	struct waiter waiters[WAITERS_MAX]; /* also for those who have left their place */
	_Atomic uint32_t turn;              /* the number of whoever serves, from 0 */
	_Atomic uint32_t calls;             /* futex: how many were taken up */
	_Atomic uint32_t awake;             /* the watcher looks by itself */
	/* The number plus one of whoever serves while its place may be taken, TAKEN while it is being taken, else 0. It is set
	 * from 0, and by a taker from that number, so that either the call is answered in its turn or somebody has taken over. */
	_Atomic uint32_t busy;
	_Atomic uint32_t tid;   /* of whoever serves */
	_Atomic uint64_t id;    /* of its call */
	_Atomic uint32_t ended; /* futex: 1 when there is no more to serve, or no way to */
	_Atomic uint32_t names; /* futex, of the first listener: see struct server */
	int result;             /* what broker_serve() returns then, with */
	struct err e;
	_Atomic bool watched;
	/* Of a listener that came later (door.h): it ends before the process does. */
	bool guest;
	_Atomic uint32_t watchers; /* its threads but the first */
	_Atomic uint32_t closing;
	_Atomic bool launched; /* what starts the command has been: exec.c */
};

/* Serves to the end: 0, or -errno with *e. */
int stand_run(struct stand *t, struct err *e);

/* Of a guest, after that: waits until no thread but the caller's uses it, other than those of its waiters. */
void stand_close(struct stand *t);

/* The next call: 1 when one was served or there was none, 0 at the end, -errno. In receive.c. */
int serve_next(struct server *s, uint32_t turn, struct err *e);

/* Around each call that number `turn` serves. */
void stand_begin(const struct server *s, uint32_t turn, uint64_t id);
void stand_end(const struct server *s, uint32_t turn);

/* Before an answer that waits until the caller has taken it: nobody takes over any more, or nobody's signal is heard. */
void stand_answer(const struct server *s, const struct call *c);

/* Around a change of names: one at a time, whoever performs it. */
void stand_names_begin(const struct server *s);
void stand_names_end(const struct server *s);

#endif
