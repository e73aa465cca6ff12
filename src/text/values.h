/*
 * Values that documents bind to, beyond plain C types. Lists are { n, cap, at } as in base/arena.h.
 */
#ifndef TEXT_VALUES_H
#define TEXT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/from.h"

/* A word and where it stands: a syscall, a group ("@basic-io"), a path, a pattern, an ioctl … */
struct word {
	const char *text;
	struct from from;
};
struct words {
	size_t n, cap;
	struct word *at;
};

struct strings {
	size_t n, cap;
	const char **at;
};

struct pair {
	const char *key, *value;
};
struct pairs {
	size_t n, cap;
	struct pair *at;
};

/* A number that may be absent. */
struct amount {
	bool set;
	uint64_t value;
	struct from from;
};

/* A signed number that may be absent (-1 often means "no limit"). */
struct signed_amount {
	bool set;
	int64_t value;
	struct from from;
};

#endif
