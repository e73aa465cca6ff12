/*
 * A call's arguments as text that is safe to print. Pure.
 */
#ifndef POLICY_DESCRIBE_H
#define POLICY_DESCRIBE_H

#include <stddef.h>

#include "policy/decide.h"
#include "table/table.h"

/* What a call's paths say, in the order of its arguments; NULL for what is unknown. */
struct paths {
	const char *at[2];
};

/* Writes at most `size` bytes, NUL included. Of paths that are unknown (NULL: of all) the address is shown. `flags`
 * stands for the open flags that the call keeps in memory. */
void describe_call(char *out, size_t size, const struct call *c, const struct paths *paths,
		   const uint64_t *flags);

/* One argument, by its role. */
void describe_argument(char *out, size_t size, enum arg_role role, uint64_t value);

/* "file:line", or "default" for what nobody wrote. */
void describe_rule(char *out, size_t size, const struct from *from);

#endif
