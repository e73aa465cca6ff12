#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/date.h"

/* Last: its fail() is a macro. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void expect(uint64_t seconds, const char *wanted)
{
	char text[DATE_ROOM];

	date_write(seconds, text);
	assert_string_equal(text, wanted);
}

static void test_known(void **state)
{
	(void)state;
	expect(0, "1970-01-01T00:00:00");
	expect(951782399, "2000-02-28T23:59:59");
	expect(951782400, "2000-02-29T00:00:00");
	expect(4107542399, "2100-02-28T23:59:59");
	expect(4107542400, "2100-03-01T00:00:00");
	expect(253402300799, "9999-12-31T23:59:59");
	expect(253402300800, "1970-01-01T00:00:00");
	expect(UINT64_MAX, "1970-01-01T00:00:00");
}

/* The C library is the judge: every month or so, at another time of it. */
static void test_judge(void **state)
{
	(void)state;
	for (time_t t = 0; t <= 253402300799; t += 29 * 86400 + 12347) {
		char wanted[32];
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S", &tm), 19);
		expect((uint64_t)t, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
