/*
 * Connections that stand when rules change, in the network namespace of the caller's thread. Private to src/net.
 */
#ifndef NET_STANDING_H
#define NET_STANDING_H

#include "net/holder.h"

struct standing;

/* What looking for them takes; says what a kernel lacks before anything is changed. */
int standing_open(struct holder *h, struct standing **out, struct err *e);

/* Ends those that the rows of h->job do not permit, and gives the others the marks of their rows. */
int standing_judge(struct standing *s, struct err *e);

#endif
