/*
 * The profile's schema, shared by the files that load one.
 */
#ifndef POLICY_PROFILE_FIELDS_H
#define POLICY_PROFILE_FIELDS_H

#include "policy/profile.h"
#include "text/bind.h"

/* Binds a whole profile; `remove:` has lists only, and rows of lists are named by their first key. */
extern const struct field profile_fields[], profile_remove_fields[];

/* The section ask:, and what of it can be removed. */
extern const struct field profile_ask_fields[], profile_ask_lists[];
extern const struct field_about profile_ask_about;
extern const struct field profile_requirements_fields[];

/* What JSON Schema can say of a pattern. */
extern const char profile_pattern_pattern[], profile_cidr_pattern[];

/* Takes the rows of `gone` out of *p. A row that is not there is an error: it would be a slip. */
int profile_subtract(struct profile *p, const struct profile *gone, struct err *e);

/* Refuses what a file says twice, or together with its opposite; both places are named. `gone` is what its `remove:`
 * takes out. Rows of what it extends do not count. */
int profile_conflicts(struct arena *a, const struct profile *p, const struct profile *gone,
		      const char *file, struct err *e);

/* Refuses what no layer could keep, whichever files it stands in. */
int profile_whole(const struct profile *p, struct err *e);

/* Field checks: each word is a known name. */
int profile_check_call(const struct bind *b, const struct node *n, struct err *e); /* or a group */
int profile_check_syscall(const struct bind *b, const struct node *n, struct err *e);
int profile_check_ioctl(const struct bind *b, const struct node *n,
			struct err *e); /* or a number */
int profile_check_prctl(const struct bind *b, const struct node *n,
			struct err *e); /* or a number */
int profile_check_capability(const struct bind *b, const struct node *n, struct err *e);
int profile_check_namespace(const struct bind *b, const struct node *n, struct err *e);
int profile_check_architecture(const struct bind *b, const struct node *n, struct err *e);
int profile_check_controller(const struct bind *b, const struct node *n, struct err *e);
int profile_check_pattern(const struct bind *b, const struct node *n, struct err *e);
int profile_check_device(const struct bind *b, const struct node *n, struct err *e);
int profile_check_hidden(const struct bind *b, const struct node *n, struct err *e);
int profile_check_cidr(const struct bind *b, const struct node *n, struct err *e);
int profile_check_domain(const struct bind *b, const struct node *n, struct err *e);
int profile_check_name(const struct bind *b, const struct node *n, struct err *e);

/* Rows that hang together, looked at when the map is bound. */
int profile_check_where(const struct bind *b, const struct node *n, void *at, struct err *e);
int profile_check_socket(const struct bind *b, const struct node *n, void *at, struct err *e);
int profile_check_egress(const struct bind *b, const struct node *n, void *at, struct err *e);
int profile_check_io(const struct bind *b, const struct node *n, void *at, struct err *e);

/* The section resources:, and what of it can be removed. */
extern const struct field profile_resources_fields[], profile_resources_lists[];

/* Works out what is derived from the words: mentions and values. The last act of loading. */
int profile_resolve(struct arena *a, struct profile *p, struct err *e);

#endif
