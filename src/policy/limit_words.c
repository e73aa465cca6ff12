#include "policy/limit_words.h"

#include <string.h>

#include "base/buf.h"
#include "base/num.h"

static const char digits[] = "0123456789";

/* ---- processors ---- */

/* The number at *s, which is moved behind it. */
static bool read_one(const char **s, unsigned *out)
{
	size_t len = strspn(*s, digits);
	unsigned n = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		n = n * 10 + (unsigned)((*s)[i] - '0');
		if (n >= CPU_LIST_MAX)
			return false;
	}
	*s += len;
	*out = n;
	return true;
}

bool cpu_list_read(const char *text, struct cpu_list *out)
{
	const char *s = text;

	*out = (struct cpu_list){ 0 };
	for (;;) {
		unsigned first, last;

		if (!read_one(&s, &first))
			return false;
		last = first;
		if (*s == '-' && (s++, !read_one(&s, &last) || last < first))
			return false;
		for (unsigned i = first; i <= last; i++)
			out->bits[i / 64] |= 1ull << i % 64;
		if (*s == '\0')
			return true;
		if (*s++ != ',')
			return false;
	}
}

bool cpu_list_within(const struct cpu_list *inner, const struct cpu_list *outer)
{
	for (size_t i = 0; i < COUNT(inner->bits); i++)
		if (inner->bits[i] & ~outer->bits[i])
			return false;
	return true;
}

unsigned cpu_list_count(const struct cpu_list *list)
{
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(list->bits); i++)
		n += (unsigned)__builtin_popcountll(list->bits[i]);
	return n;
}

static bool has(const struct cpu_list *x, const struct cpu_list *y, unsigned i)
{
	return i < CPU_LIST_MAX && x->bits[i / 64] & y->bits[i / 64] & 1ull << i % 64;
}

const char *cpu_list_both(struct arena *a, const struct cpu_list *x, const struct cpu_list *y)
{
	struct buf text = { .arena = a };

	for (unsigned i = 0; i < CPU_LIST_MAX; i++) {
		unsigned last = i;

		if (!has(x, y, i))
			continue;
		while (has(x, y, last + 1))
			last++;
		buf_printf(&text, "%s%u", text.len != 0 ? "," : "", i);
		if (last != i)
			buf_printf(&text, "-%u", last);
		i = last;
	}
	return text.len != 0 ? buf_text(&text) : NULL;
}

/* ---- huge pages, weights ---- */

bool page_size_valid(const char *text)
{
	size_t len = strspn(text, digits);
	const char *unit = text + len;

	return len != 0 && len <= 6 && text[0] != '0' && strlen(unit) == 2 &&
	       strchr("KMG", unit[0]) != NULL && unit[1] == 'B';
}

uint64_t weight_shares(uint64_t weight)
{
	enum { SHARES_DEFAULT = 1024 };

	return (weight * SHARES_DEFAULT + WEIGHT_DEFAULT / 2) / WEIGHT_DEFAULT;
}
