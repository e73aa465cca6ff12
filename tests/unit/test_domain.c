/*
 * Which names a rule means: a table, and a second matcher written another way that has to agree.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "policy/domain.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static void test_covers(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool covers;
	} rows[] = {
		{ "example.org", "example.org", true },
		{ "example.org", "EXAMPLE.oRg", true },
		{ "EXAMPLE.org", "example.ORG", true },
		{ "example.org", "www.example.org", false },
		{ "example.org", "example.orgs", false },
		{ "example.org", "xexample.org", false },
		{ "example.org", "example.or", false },
		{ "example.org", "exampleXorg", false },
		{ "*.example.org", "www.example.org", true },
		{ "*.example.org", "a.b.c.example.org", true },
		{ "*.EXAMPLE.org", "a.Example.Org", true },
		{ "*.example.org", "example.org", false },
		{ "*.example.org", "badexample.org", false },
		{ "*.example.org", "www.example.org.evil.com", false },
		{ "*.example.org", "www.example.com", false },
		{ "*.org", "example.org", true },
		{ "*.org", "org", false },
		{ "xn--bcher-kva.example", "XN--bcher-KVA.example", true },
		{ "a_b.example", "a-b.example", false },
		/* 0x5f and 0x7f, '@' and '`' differ by the bit that folds letters */
		{ "_a.example", "-a.example", false },
		{ "a1.example", "aq.example", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (domain_covers(rows[i].pattern, rows[i].name) != rows[i].covers)
			fail_msg("%s and %s", rows[i].pattern, rows[i].name);
}

static void test_valid(void **state)
{
	static const struct {
		const char *text;
		bool name, pattern;
	} rows[] = {
		{ "example.org", true, true },
		{ "a", true, true },
		{ "_dmarc.example.org", true, true },
		{ "-a.b-", true, true },
		{ "*.example.org", false, true },
		{ "", false, false },
		{ ".", false, false },
		{ "*", false, false },
		{ "*.", false, false },
		{ "*.*.org", false, false },
		{ "a.*.org", false, false },
		{ "*a.org", false, false },
		{ "example.org.", false, false },
		{ ".example.org", false, false },
		{ "a..b", false, false },
		{ "a b", false, false },
		{ "a/b", false, false },
		{ "a\\.b", false, false },
		{ "b\303\274cher.example", false, false },
		{ L63 ".org", true, true },
		{ L63 "x.org", false, false },
		{ L63 "." L63 "." L63
		      ".a2345678901234567890123456789012345678901234567890123456789.1",
		  true, true },
		{ L63 "." L63 "." L63
		      ".a2345678901234567890123456789012345678901234567890123456789.12",
		  false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (domain_name_valid(rows[i].text) != rows[i].name)
			fail_msg("name '%s'", rows[i].text);
		if (domain_pattern_valid(rows[i].text) != rows[i].pattern)
			fail_msg("pattern '%s'", rows[i].text);
	}
}

/* ---- the second matcher: label by label, from the right ---- */

static size_t labels_of(const char *text, char at[128][64])
{
	size_t n = 0, len = 0;

	for (; *text != '\0'; text++) {
		if (*text == '.') {
			at[n++][len] = '\0';
			len = 0;
		} else {
			at[n][len++] = *text >= 'A' && *text <= 'Z' ? (char)(*text | 0x20) : *text;
		}
	}
	at[n++][len] = '\0';
	return n;
}

static bool covers_by_labels(const char *pattern, const char *name)
{
	static char p[128][64], n[128][64];
	size_t np = labels_of(pattern, p), nn = labels_of(name, n);
	bool star = strcmp(p[0], "*") == 0;
	size_t fixed = star ? np - 1 : np;

	if (star ? nn <= fixed : nn != fixed)
		return false;
	for (size_t i = 1; i <= fixed; i++)
		if (strcmp(p[np - i], n[nn - i]) != 0)
			return false;
	return true;
}

/* Few letters and short labels, so that a good part of the pairs fit. */
static void random_name(char *out, bool pattern)
{
	static const char letters[] = "aAbB-_0";
	size_t labels = 1 + (size_t)(rand() % 4);

	if (pattern && rand() % 2 == 0)
		out = stpcpy(out, "*.");
	for (size_t i = 0; i < labels; i++) {
		if (i > 0)
			*out++ = '.';
		for (int left = 1 + rand() % 2; left > 0; left--)
			*out++ = letters[(size_t)rand() % (rand() % 4 == 0 ? 7 : 2)];
	}
	*out = '\0';
}

static void test_two_matchers(void **state)
{
	size_t fits = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < 1000000; i++) {
		char pattern[32], name[32];

		random_name(pattern, true);
		random_name(name, false);
		assert_true(domain_pattern_valid(pattern));
		assert_true(domain_name_valid(name));
		if (domain_covers(pattern, name) != covers_by_labels(pattern, name))
			fail_msg("%s and %s", pattern, name);
		fits += domain_covers(pattern, name);
	}
	assert_in_range(fits, 10000, 900000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_two_matchers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
