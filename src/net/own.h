/*
 * The addresses that are the host's own. A program that sends for a container sends from the host, and what it sends to one of
 * these reaches the host itself: so two sets of the container's rules hold them, and follow as they change.
 */
#ifndef NET_OWN_H
#define NET_OWN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct mnl_socket;

enum { OWN_RANGES_MAX = 1024 };

/* First and last address, both in it; IPv4 takes the first four bytes. */
struct own_range {
	uint8_t first[16], last[16];
};

struct own_ranges {
	unsigned width; /* 4 or 16 */
	size_t n;       /* beyond OWN_RANGES_MAX: there are more than can be held */
	struct own_range at[OWN_RANGES_MAX];
};

struct own {
	struct mnl_socket *changes, *ask; /* of the host's network */
	struct mnl_socket *sets;          /* of the container's */
	struct own_ranges of[2];          /* IPv4, IPv6 */
	struct own_ranges link[2]; /* of the link to the program, which are always among them */
	char *batch;
};

/* ---- pure ---- */

/* Adds a prefix. */
void own_add(struct own_ranges *r, const uint8_t *address, unsigned bits);

/* In order; none meets or touches the next. */
void own_merge(struct own_ranges *r);

/* ---- life ---- */

/* In the host's network namespace. Changes are kept from here on. */
int own_open(struct arena *a, struct own **out, struct err *e);

/* By a thread in the container's network namespace, when its table is there. */
int own_inside(struct own *o, struct err *e);

/* Reads the host's addresses and puts them into the sets. -errno: then they may not be as the host's, and the way out has
 * to be closed. */
int own_follow(struct own *o);

/* What poll(2) is to wait for (POLLIN). */
int own_fd(const struct own *o);

/* 1 when what changed may concern these addresses; 0: not. Never waits. */
int own_changed(struct own *o);

#endif
