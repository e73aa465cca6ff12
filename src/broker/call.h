/*
 * The values that the broker's parts hand each other.
 */
#ifndef BROKER_CALL_H
#define BROKER_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/broker.h"
#include "policy/plan.h"

/* One notification: what the kernel says of a call. Registers only, so nothing in it can change. */
struct call {
	uint64_t id;
	uint32_t tid;  /* the calling thread, in the broker's pid namespace */
	uint32_t arch; /* AUDIT_ARCH_* */
	int nr;
	uint64_t arg[6];
	uint64_t start_us; /* monotonic; 0 when nobody audits */
};

enum answer {
	DENY,    /* the call fails with `err` */
	GO_ON,   /* the kernel performs it: only where registers alone decided */
	PERFORM, /* the broker performs it */
};

struct verdict {
	enum answer what;
	int err;                 /* of DENY: a positive errno */
	const char *layer;       /* that refused; NULL: the broker itself */
	const struct from *from; /* the rule, never NULL for a DENY */
	const char *fix;         /* the change that would permit it, or NULL */
	const char *list; /* the profile's list that the folder would have to join, or NULL */
	const char *
		call; /* without these two: the call that syscalls.allow would have to list, or NULL */
};

/* Threads that wait inside a blocking open: see wait.c. */
enum { WAITERS_MAX = 64 };

struct server;

struct waiter {
	_Atomic uint32_t tid; /* of our thread: 0 the slot is free, WAITER_STARTING until it runs */
	const struct server *server;
	struct call call;
	uint64_t flags; /* of the open */
	int fd;         /* O_PATH, owned by the thread */
};

/* What serving needs, made once before the first notification. */
struct server {
	const struct broker_plan *plan;
	struct broker_counters *counters;
	int listener, proc, events;
	int self_fds;           /* our own /proc/self/fd, -1 without `proc` */
	struct waiter *waiters; /* WAITERS_MAX of them */
};

#endif
