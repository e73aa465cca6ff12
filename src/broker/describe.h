/*
 * A call's arguments as text that is safe to print. Pure.
 */
#ifndef BROKER_DESCRIBE_H
#define BROKER_DESCRIBE_H

#include <stddef.h>

#include "broker/call.h"

/* Writes at most `size` bytes, NUL included. `path` stands for the call's first path, NULL when it is unknown:
 * then its address does. `flags` likewise for the open flags that the call keeps in memory. */
void describe_call(char *out, size_t size, const struct call *c, const char *path,
		   const uint64_t *flags);

/* "file:line", or "default" for what nobody wrote. */
void describe_rule(char *out, size_t size, const struct from *from);

#endif
