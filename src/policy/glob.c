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

bool path_below(const char *folder, const char *path)
{
	size_t len = strlen(folder);

	while (len > 0 && folder[len - 1] == '/')
		len--;
	return strncmp(folder, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}
