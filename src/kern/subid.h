/*
 * Ranges of ids that an administrator has given to a user, from /etc/subuid and /etc/subgid.
 *
 * The files are parsed here: a static glibc has no name services. What does not concern the user is
 * skipped; a line that does must be exact.
 */
#ifndef KERN_SUBID_H
#define KERN_SUBID_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct subid_range {
	uint32_t first, count;
};
struct subid_ranges {
	size_t n, cap;
	struct subid_range *at;
};

/* Appends what `file` gives to the user by name (NULL: it has none) or by number. A file that is
 * not there gives nothing. */
int subid_load(struct arena *a, const char *file, const char *user, uint32_t uid,
	       struct subid_ranges *out, struct err *e);

/* The first name with this uid in a file like /etc/passwd, or NULL. */
int subid_user(struct arena *a, const char *file, uint32_t uid, const char **out, struct err *e);

/* The same from texts. `file` is what errors call it. */
int subid_parse(struct arena *a, const char *file, const char *text, const char *user, uint32_t uid,
		struct subid_ranges *out, struct err *e);
const char *subid_parse_user(struct arena *a, const char *text, uint32_t uid);

#endif
