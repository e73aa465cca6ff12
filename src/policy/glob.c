#include <limits.h>
#include <string.h>

#include "policy/decide.h"

/*
 * Two places to come back to: the last * and the last **. Earlier ones never need another try: whatever
 * they could still take in, a later one of the same kind can as well. No recursion and no memory, and the
 * time is bounded by pattern × path × the longest component.
 */
bool glob_match(const char *pattern, const char *path)
{
	const char *star = NULL, *star_at = NULL, *stars = NULL, *stars_at = NULL;

	for (;;) {
		if (pattern[0] == '*' && pattern[1] == '*') {
			pattern += 2;
			stars = pattern;
			stars_at = path;
			star = NULL;
		} else if (*pattern == '*') {
			star = ++pattern;
			star_at = path;
		} else if (*path != '\0' &&
			   (*pattern == *path || (*pattern == '?' && *path != '/'))) {
			pattern++;
			path++;
		} else if (*path == '\0' && *pattern == '\0') {
			return true;
		} else if (star != NULL && *star_at != '\0' && *star_at != '/') {
			path = ++star_at;
			pattern = star;
		} else if (stars != NULL && *stars_at != '\0') {
			path = ++stars_at;
			pattern = stars;
			star = NULL;
		} else {
			return false;
		}
	}
}

bool glob_matches_above(const char *pattern, const char *path)
{
	char above[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof above)
		return glob_match(pattern, path);
	memcpy(above, path, len + 1);
	for (;;) {
		if (glob_match(pattern, above))
			return true;

		char *slash = strrchr(above, '/');

		if (slash == NULL || slash == above)
			return false;
		*slash = '\0';
	}
}

/* ---- what lies below a folder ---- */

enum { PATTERN_MAX = PATH_MAX };

/* Places of a pattern: what stands from there on is still to come. One bit each; the end of the pattern is none, since
 * nothing can follow there. */
struct places {
	uint64_t bit[PATTERN_MAX / 64];
};

static bool has(const struct places *s, size_t i)
{
	return s->bit[i / 64] >> (i % 64) & 1;
}

static size_t star_length(const char *at)
{
	return at[0] != '*' ? 0 : at[1] == '*' ? 2 : 1;
}

/* Adds a place, and those behind stars that take in nothing. */
static void add(struct places *s, const char *pattern, size_t i)
{
	while (pattern[i] != '\0') {
		s->bit[i / 64] |= UINT64_C(1) << (i % 64);
		if (star_length(pattern + i) == 0)
			return;
		i += star_length(pattern + i);
	}
}

/* Where one more character leads. */
static void step(struct places *s, const char *pattern, size_t len, char c)
{
	struct places next = { 0 };

	for (size_t i = 0; i < len; i++) {
		if (!has(s, i))
			continue;
		switch (star_length(pattern + i)) {
		case 2:
			add(&next, pattern, i);
			break;
		case 1:
			if (c != '/')
				add(&next, pattern, i);
			break;
		default:
			if (pattern[i] == c || (pattern[i] == '?' && c != '/'))
				add(&next, pattern, i + 1);
		}
	}
	*s = next;
}

/* The places after `folder` and a slash. */
static void below(const char *pattern, size_t len, const char *folder, struct places *out)
{
	*out = (struct places){ 0 };
	add(out, pattern, 0);
	for (const char *c = folder; *c != '\0'; c++)
		step(out, pattern, len, *c);
	if (strcmp(folder, "/") != 0)
		step(out, pattern, len, '/');
}

static bool within_places(const struct places *inner, const struct places *outer)
{
	for (size_t i = 0; i < COUNT(inner->bit); i++)
		if (inner->bit[i] & ~outer->bit[i])
			return false;
	return true;
}

bool glob_carries(const char *pattern, const char *from, const char *to)
{
	size_t len = strlen(pattern);
	struct places a, b;

	if (len >= PATTERN_MAX)
		return false;
	below(pattern, len, from, &a);
	below(pattern, len, to, &b);
	return within_places(&a, &b);
}

bool glob_is_anywhere(const char *pattern, const char *folder)
{
	/* Names that no pattern spells out, at three depths: what all have in common is so everywhere. */
	static const char *const nowhere[] = { "/", "/\x01", "/\x01/\x01" };

	for (size_t i = 0; i < COUNT(nowhere); i++)
		if (!glob_carries(pattern, folder, nowhere[i]))
			return false;
	return true;
}

size_t glob_folder(const char *pattern)
{
	size_t plain = strcspn(pattern, "*?");

	while (plain > 0 && pattern[plain] != '/')
		plain--;
	return plain;
}

bool path_below(const char *folder, const char *path)
{
	size_t len = strlen(folder);

	while (len > 0 && folder[len - 1] == '/')
		len--;
	return strncmp(folder, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}
