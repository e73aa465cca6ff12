/*
 * connect, bind and sending to an address, performed on the caller's own socket: what a profile's patterns say of a unix
 * socket's file holds for the file that was found, and the socket is connected to that. Of addresses of the internet
 * ask.connect speaks, and what was read is what is connected to.
 */
#ifndef BROKER_SOCKET_H
#define BROKER_SOCKET_H

#include "broker/act.h"

/* What came of it. */
struct socket_outcome {
	int result;   /* what the call returns, or -errno */
	bool later;   /* a waiter answers */
	bool refused; /* by a rule of the broker: `why` says which, or that it has to ASK */
	bool pipe;    /* the caller is owed a SIGPIPE */
	struct verdict why;
	int dir;                         /* where a relative path starts, owned; -1 */
	char path[ADDRESS_PATH_MAX + 1]; /* "" when there is none */
	char to[ADDRESS_TEXT_MAX]; /* an address of the internet, where rules are about them, or "" */
};

/* Fills *out, but answers nothing. */
void socket_perform(const struct server *s, const struct call *c, const struct plan_call *row,
		    struct socket_outcome *out);

/* Answers, unless a waiter will, and frees what *out holds. */
void socket_finish(const struct server *s, const struct call *c, struct socket_outcome *out);

#endif
