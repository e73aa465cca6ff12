/*
 * A call's arguments as text that is safe to print. Pure.
 */
#ifndef POLICY_DESCRIBE_H
#define POLICY_DESCRIBE_H

#include <stddef.h>

#include "policy/decide.h"
#include "table/table.h"

/* Writes at most `size` bytes, NUL included. `path` stands for the call's first path, NULL when it is unknown:
 * then its address does. `flags` likewise for the open flags that the call keeps in memory. */
void describe_call(char *out, size_t size, const struct call *c, const char *path,
		   const uint64_t *flags);

/* One argument, by its role. */
void describe_argument(char *out, size_t size, enum arg_role role, uint64_t value);

/* "file:line", or "default" for what nobody wrote. */
void describe_rule(char *out, size_t size, const struct from *from);

#endif
