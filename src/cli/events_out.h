/*
 * Where --events writes.
 */
#ifndef CLI_EVENTS_OUT_H
#define CLI_EVENTS_OUT_H

#include "cli/run_options.h"

/* Opens it for lines that never wait for their reader. The caller owns the result; -1: not asked for, or, with *e, failed. */
int events_open(const struct events_option *o, struct err *e);

#endif
