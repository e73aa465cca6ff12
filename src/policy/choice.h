/*
 * Which profile a container gets, and on whose word. Pure: files are named here, and opened elsewhere.
 */
#ifndef POLICY_CHOICE_H
#define POLICY_CHOICE_H

#include "policy/config.h"
#include "policy/spec.h"

struct choice {
	const char *name; /* as it was written */
	const char *file; /* where it is to be found; NULL: it is a built-in profile */
	bool by_host;     /* the file counts as part of the host's configuration */
	struct from from; /* who said so; file NULL: nobody, it is the default */
};

/* Has a slash, or ends in .yaml or .yml. */
bool choice_is_file(const char *word);

/* 1 to 64 letters, digits and _ . -, the first no dot and no minus, and no file's name. */
bool choice_is_name(const char *word);

/* The command line's word comes first (NULL: none), then the bundle's annotation zviz.io/profile, the host's configuration, and
 * what is built in. An annotation may only name: a built-in profile, or one of the configuration's folder. -EINVAL also for
 * annotations of ours that mean nothing: a misspelt policy is no policy. */
int choice_of_profile(struct arena *a, const char *option, const struct spec *s,
		      const struct config *c, struct choice *out, struct err *e);

/* The host's floor; false when there is none. */
bool choice_of_floor(struct arena *a, const struct config *c, struct choice *out);

/* The annotations that mean something to zviz, up to a NULL. */
extern const char *const choice_annotations[];

extern const char choice_default[];

#endif
