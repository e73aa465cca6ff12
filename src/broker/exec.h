/*
 * execve and execveat where a profile says ask.execute.
 *
 * The kernel reads the path after the broker has, so what is decided about a path is worth nothing. Therefore each exec is
 * traced: it goes on, and the program that the kernel has taken is looked at before its first instruction (PTRACE_EVENT_EXEC).
 * Who was not permitted to start it is killed there. Asking beforehand is for the honest, who get EACCES instead.
 */
#ifndef BROKER_EXEC_H
#define BROKER_EXEC_H

#include "broker/call.h"

/* Answers, in a thread of its own. */
void exec_serve(const struct server *s, const struct call *c, const struct plan_call *row);

#endif
