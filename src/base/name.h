/*
 * Tables of names: sorted or not, ended by a row without a name. Also the nearest known name for a mistyped one.
 */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No pointer, so that a table needs no relocation, which makes its pages each process's own. The compiler warns of a longer
 * name, and CI takes warnings for errors; one of all 39 ends in the byte before the value, which no initializer reaches. */
struct name {
	char name[39];
	int64_t value;
};

/* The row called `name` (exact case), or NULL. */
const struct name *name_find(const struct name *table, const char *name);

/* The first row with this value, or NULL. */
const struct name *name_of(const struct name *table, int64_t value);

/* Edit distance between two words, at most `max` + 1 (it stops counting there). */
unsigned name_distance(const char *a, const char *b, unsigned max);

/* Finds the nearest of several candidates: start with a zeroed struct, offer each, read `best`
 * (NULL when nothing is near enough to be worth suggesting). */
struct name_near {
	const char *best;
	unsigned distance;
};
void name_offer(struct name_near *near, const char *wanted, const char *candidate);

/* The nearest name of a table, or NULL. */
const char *name_nearest(const struct name *table, const char *wanted);

#endif
