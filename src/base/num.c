#include "base/num.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* Reads digits of `base` into *out and moves *s behind them. */
static int digits(const char **s, unsigned base, uint64_t *out)
{
	uint64_t v = 0;
	const char *start = *s;

	for (; digit(**s) < (int)base; (*s)++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit(**s), &v))
			return -ERANGE;
	if (*s == start)
		return -EINVAL;
	*out = v;
	return 0;
}

int num_u64(const char *s, uint64_t *out)
{
	unsigned base = 10;
	uint64_t v;

	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	} else if (s[0] == '0' && s[1] == 'o') {
		base = 8;
		s += 2;
	}

	int r = digits(&s, base, &v);

	if (r < 0)
		return r;
	if (*s != '\0')
		return -EINVAL;
	*out = v;
	return 0;
}

int num_i64(const char *s, int64_t *out)
{
	int negative = *s == '-';
	uint64_t v;
	int r = num_u64(s + negative, &v);

	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + (unsigned)negative)
		return -ERANGE;
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int num_id(const char *s, uint32_t *out)
{
	uint64_t v;
	int r = digits(&s, 10, &v);

	if (r < 0)
		return r;
	if (*s != '\0')
		return -EINVAL;
	if (v >= UINT32_MAX)
		return -ERANGE;
	*out = (uint32_t)v;
	return 0;
}

/* whole[.fraction] in thousandths, leaving *s behind it. At most three digits count. */
static int thousandths(const char **s, uint64_t *out)
{
	uint64_t whole, part = 0;
	int r = digits(s, 10, &whole);

	if (r < 0)
		return r;
	if (**s == '.') {
		unsigned scale = 100, n = 0;

		for ((*s)++; digit(**s) < 10; (*s)++, scale /= 10, n++)
			part += (uint64_t)digit(**s) * scale;
		if (n == 0 || n > 3)
			return -EINVAL;
	}
	if (__builtin_mul_overflow(whole, (uint64_t)1000, &whole) ||
	    __builtin_add_overflow(whole, part, &whole))
		return -ERANGE;
	*out = whole;
	return 0;
}

int num_milli(const char *s, uint64_t *out)
{
	uint64_t v;
	int r = thousandths(&s, &v);

	if (r < 0)
		return r;
	if (*s != '\0')
		return -EINVAL;
	*out = v;
	return 0;
}

int num_bytes(const char *s, uint64_t *out)
{
	static const char units[] = "KMGT";
	uint64_t v, whole;
	const char *start = s;
	int r = digits(&s, 10, &whole);

	if (r < 0)
		return r;
	if (*s == '\0' || (*s == 'B' && s[1] == '\0')) {
		*out = whole;
		return 0;
	}
	s = start;
	r = thousandths(&s, &v);
	if (r < 0)
		return r;

	const char *unit = *s == 'k' ? units : *s != '\0' ? strchr(units, *s) : NULL;

	if (unit == NULL)
		return -EINVAL;
	s++;
	if (*s == 'i')
		s++;
	if (*s == 'B')
		s++;
	if (*s != '\0')
		return -EINVAL;

	/* Fractions of a unit: multiply first by 1024, which keeps 0.5K whole. */
	for (ptrdiff_t i = 0; i <= unit - units; i++)
		if (__builtin_mul_overflow(v, (uint64_t)1024, &v))
			return -ERANGE;
	*out = v / 1000;
	return 0;
}

int num_duration_ms(const char *s, uint64_t *out)
{
	uint64_t v, unit_ms = 1000;
	int r = thousandths(&s, &v);

	if (r < 0)
		return r;
	if (strcmp(s, "ms") == 0)
		unit_ms = 1;
	else if (strcmp(s, "m") == 0)
		unit_ms = 60 * 1000;
	else if (strcmp(s, "h") == 0)
		unit_ms = 60 * 60 * 1000;
	else if (*s != '\0' && strcmp(s, "s") != 0)
		return -EINVAL;
	if (__builtin_mul_overflow(v, unit_ms, &v))
		return -ERANGE;
	*out = v / 1000;
	return 0;
}
