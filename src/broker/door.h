/*
 * The door: where processes that join the container later (`zviz exec`) bring the listeners of their own filters. It is a
 * socket in the container's state folder, which its owner alone can reach; the broker has it from before its confinement.
 *
 * Nobody waits at it. Whoever has connected knocks, by a signal, until the broker has seen it, and then gets one letter:
 * DOOR_COME, and may send the listener, or DOOR_FULL. Each listener is served by a thread of its own, as a stand (stand.h)
 * that shares tables, counters, events and questions with the first; it is gone with the last task under its filter.
 */
#ifndef BROKER_DOOR_H
#define BROKER_DOOR_H

#include "broker/call.h"
#include "kern/door.h"

struct door {
	int fd;
	const struct server *base;  /* the first listener's, as it was at the start */
	_Atomic uint32_t listeners; /* those that were let in, and have not left */
};

/* The signal is heard from here on by the thread that calls. */
int door_prepare(struct err *e);
void door_hear(void);
void door_deaf(void);

/* Lets in whoever stands there; returns at once when nobody does. */
void door_answer(struct door *d);

#endif
