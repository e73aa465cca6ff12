/*
 * What the system tells of itself inside: files kept up to date, and two calls. A thread of its own waits until somebody
 * opens one of the files, which nobody else may write to: the kernel holds whoever opens it back for the moment
 * that it takes to write down what is so now (a lease, fcntl(2)).
 */
#ifndef BROKER_VIEW_H
#define BROKER_VIEW_H

#include "broker/call.h"

/* Takes the VIEW_FDS descriptors of `fds` (-1: not there), and starts the thread, if there is anything for it to do. Called
 * by the only thread, before others begin. NULL: no memory; *e says what else went wrong. */
struct view_work *view_begin(const struct view *v, const int fds[VIEW_FDS], struct err *e);

/* Answers the call, or lets it go on where the kernel's answer is right. */
void view_serve(const struct server *s, const struct call *c, const struct plan_call *row);

#endif
