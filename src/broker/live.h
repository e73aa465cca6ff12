/*
 * Another profile for a container that runs: `zviz update` writes its tables into a file that the broker has mapped for
 * reading. Looking whether there are new ones is one load of memory at each call.
 */
#ifndef BROKER_LIVE_H
#define BROKER_LIVE_H

#include <stdatomic.h>

#include "broker/broker.h"

struct server;

/* What all threads share. */
struct live {
	const void *file;
	const struct broker_plan *base; /* what the broker was started with */
	_Atomic uint32_t said;          /* the last generation that an event told of */
};

/* Between receiving a call and looking at it: takes new tables if there are any. They are copied first, and looked
 * through in the copy: nothing that is used can change. What is damaged is counted, told of, and left alone. */
void live_follow(struct server *s);

/* Frees the copy. */
void live_leave(struct server *s);

#endif
