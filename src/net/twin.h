/*
 * zviz-net is two processes: neither can be killed alone without the container's end. Private to src/net.
 */
#ifndef NET_TWIN_H
#define NET_TWIN_H

#include <stdbool.h>

#include "base/err.h"

struct holder;

/* Makes the second one; both return, with what they hear the other by in h->other. */
int twin_make(struct holder *h, bool *is_twin, struct err *e);

/* Closes what only the first of the two uses, in the second. */
void twin_let_go(void);

/* A descriptor of the container's first process, or -1: there will be none. */
int twin_first(const struct holder *h);

/* Waits until the first process or the other of the two has ended, and opens addresses meanwhile (opener.h). */
void twin_wait(struct holder *h, int end);

/* Ends the container if it is still there, since the other one is gone, and stays until it is no more. Then it lets go of the network. What to exit with. */
int twin_end(const struct holder *h, int end);

#endif
