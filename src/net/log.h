/*
 * What is refused, as events into the stream of the run. Private to src/net.
 */
#ifndef NET_LOG_H
#define NET_LOG_H

#include "net/dns.h"
#include "net/holder.h"

struct log {
	int fd;         /* nfnetlink_log, inside; -1: packets are not told */
	uint16_t group; /* that it hears by */
	bool told;      /* somebody listens at NET_FD_EVENTS */
	uint64_t lost;  /* since the last that was told */
};

/* By a thread that stands in the container's network namespace, when the rules are loaded. A kernel that cannot log is no error:
 * *note, which says so, is set. */
void log_inside(struct holder *h, const char **note);

/* Tells what has come, and returns when there is no more. */
void log_hear(struct holder *h);

/* As dns_calls.refused(). */
void log_name(struct holder *h, const char *name, uint16_t type, enum dns_why why);

#endif
