#include "base/name.h"

#include <string.h>

_Static_assert(offsetof(struct name, value) > sizeof((struct name *)0)->name,
	       "a name without an end");

enum { WORD_MAX = 64 };

const struct name *name_find(const struct name *table, const char *name)
{
	for (; table->name[0] != '\0'; table++)
		if (table->name[0] == name[0] && strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const struct name *name_of(const struct name *table, int64_t value)
{
	for (; table->name[0] != '\0'; table++)
		if (table->value == value)
			return table;
	return NULL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned name_distance(const char *a, const char *b, unsigned max)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned row[WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX || (la > lb ? la - lb : lb - la) > max)
		return max + 1;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb] <= max ? row[lb] : max + 1;
}

void name_offer(struct name_near *near, const char *wanted, const char *candidate)
{
	/* A third of the word may be wrong, at least one letter: beyond that a suggestion misleads. */
	unsigned max = (unsigned)strlen(wanted) / 3;

	if (max == 0)
		max = 1;

	unsigned d = name_distance(wanted, candidate, max);

	if (d <= max && (near->best == NULL || d < near->distance)) {
		near->best = candidate;
		near->distance = d;
	}
}

const char *name_nearest(const struct name *table, const char *wanted)
{
	struct name_near near = { 0 };

	for (; table->name[0] != '\0'; table++)
		name_offer(&near, wanted, table->name);
	return near.best;
}
