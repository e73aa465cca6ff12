#include "base/date.h"

#include <stdbool.h>
#include <stdio.h>

enum { DAY_S = 86400, HOUR_S = 3600, MINUTE_S = 60 };

/* What the last second of the year 9999 is. */
static const uint64_t last = 253402300799;

static bool is_leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

void date_write(uint64_t seconds, char out[DATE_ROOM])
{
	uint64_t now = seconds <= last ? seconds : 0, days = now / DAY_S;
	unsigned year = 1970, month = 1, rest = (unsigned)(now % DAY_S);

	for (unsigned all; days >= (all = is_leap(year) ? 366 : 365); year++)
		days -= all;
	for (unsigned all; days >= (all = days_of_month(year, month)); month++)
		days -= all;
	/* The remainders say no more than the numbers do, but to a compiler that counts digits. */
	snprintf(out, DATE_ROOM, "%04u-%02u-%02uT%02u:%02u:%02u", year % 10000, month % 100,
		 (unsigned)(days + 1) % 100, rest / HOUR_S % 100, rest % HOUR_S / MINUTE_S,
		 rest % MINUTE_S);
}
