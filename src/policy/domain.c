#include "policy/domain.h"

#include <stddef.h>
#include <string.h>

static bool in_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool domain_name_valid(const char *name)
{
	size_t label = 0;

	if (strnlen(name, DOMAIN_NAME_MAX + 1) > DOMAIN_NAME_MAX)
		return false;
	for (const char *s = name; *s != '\0'; s++) {
		if (*s == '.' && label > 0)
			label = 0;
		else if (!in_label(*s) || ++label > 63)
			return false;
	}
	return label > 0;
}

bool domain_pattern_valid(const char *pattern)
{
	size_t star = strncmp(pattern, "*.", 2) == 0 ? 2 : 0;

	return strlen(pattern) <= DOMAIN_NAME_MAX && domain_name_valid(pattern + star);
}

/* Not strcasecmp(), which asks the locale. */
static bool same_letters(const char *x, const char *y, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char a = x[i], b = y[i];

		a = (char)(a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a);
		b = (char)(b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b);
		if (a != b)
			return false;
	}
	return true;
}

bool domain_covers(const char *pattern, const char *name)
{
	size_t len = strlen(name), fixed = strlen(pattern);

	if (strncmp(pattern, "*.", 2) != 0)
		return len == fixed && same_letters(pattern, name, len);
	fixed--; /* the dot belongs to it: "badexample.org" is not below "example.org" */
	return len > fixed && same_letters(pattern + 1, name + len - fixed, fixed);
}
