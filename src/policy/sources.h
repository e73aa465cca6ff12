/*
 * What a profile was read from: the bytes of each file, so that the same profile can be read again elsewhere. Pure.
 */
#ifndef POLICY_SOURCES_H
#define POLICY_SOURCES_H

#include "policy/profile.h"

/* A file as somebody named it, or a built-in profile. */
struct source {
	const char *name;
	char *text;
	size_t len;
	bool builtin;
};

/* The profile itself, what it extends in the order of reading, then the built-ins among them. */
struct sources {
	size_t n, cap;
	struct source *at;
};

/* Adds the built-in profiles that `p` is or extends; the files are there already. */
void sources_add_builtins(struct arena *a, const struct profile *p, struct sources *s);

/* Reads the profile from them and from nothing else. Its bases get the names by which they are asked for; one that has a
 * name already must be asked for by it. */
int sources_profile(struct arena *a, struct sources *s, struct profile *out, struct err *e);

#endif
