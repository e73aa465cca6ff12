/*
 * Rows about addresses as sets: random lists, against a judge that tries every flow at which an answer can change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/domain.h"
#include "policy/flows.h"

#include <cmocka.h> /* last: it has a macro called fail */

enum { ROUNDS = 10000, NAMES = 2000, ROWS = 6, POINTS = 256 };

static uint64_t seed = 0xf105;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 32) % n;
}

/* ---- the judge's own idea of ranges: numbers of 16 bytes, and single ports ---- */

typedef unsigned __int128 number;

struct span {
	bool v6;
	number low, high;
};

enum { ICMP = 0, OTHER_TCP = 9 }; /* what no list of ports names here */
static const uint64_t ports[] = { 80, 443, 8080 };

static struct span span_of(const char *text)
{
	struct net_range r;
	struct span s = { 0 };

	assert_true(net_range_parse(text, &r));
	s.v6 = r.width == 16;
	for (unsigned i = 0; i < r.width; i++)
		s.low = s.low << 8 | r.bytes[i];

	unsigned rest = r.width * 8 - r.bits;

	s.high = s.low | (rest == 128 ? ~(number)0 : ((number)1 << rest) - 1);
	return s;
}

static bool inside(const struct span *s, bool v6, number address)
{
	return s->v6 == v6 && address >= s->low && address <= s->high;
}

/* As the documentation of network rules says it. */
static const char *const metadata[] = {
	"169.254.0.0/16", "fe80::/10",       "fd00:ec2::254",
	"fd20:ce::254",   "100.100.100.200", "192.0.0.192",
};

static bool means(const struct egress_rule *r, bool v6, number address, uint64_t port)
{
	struct span s = span_of(r->cidr);
	bool listed = r->n == 0;

	for (size_t i = 0; i < r->n; i++)
		listed |= r->ports[i] == port;
	if (!listed || !inside(&s, v6, address))
		return false;
	for (size_t i = 0; i < sizeof metadata / sizeof *metadata; i++) {
		struct span g = span_of(metadata[i]);

		if (inside(&g, v6, address) &&
		    !(s.v6 == g.v6 && s.low >= g.low && s.high <= g.high))
			return false;
	}
	return true;
}

static bool one_means(const struct egress_rules *by, bool v6, number address, uint64_t port)
{
	for (size_t i = 0; i < by->n; i++)
		if (means(&by->at[i], v6, address, port))
			return true;
	return false;
}

/* What is permitted changes where some range begins or has ended, and nowhere else. */
static bool judged_within(const struct egress_rule *r, const struct egress_rules *by)
{
	const uint64_t tried[] = { ICMP, OTHER_TCP, 80, 443, 8080 };
	number points[POINTS];
	size_t n = 0;
	struct span mine = span_of(r->cidr);

	for (size_t i = 0; i < by->n + 1 + sizeof metadata / sizeof *metadata; i++) {
		const char *text = i == 0       ? r->cidr
				   : i <= by->n ? by->at[i - 1].cidr
						: metadata[i - by->n - 1];
		struct span s = span_of(text);

		if (s.v6 != mine.v6)
			continue;
		points[n++] = s.low;
		points[n++] = s.high + 1;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t p = 0; p < sizeof tried / sizeof *tried; p++)
			if (means(r, mine.v6, points[i], tried[p]) &&
			    !one_means(by, mine.v6, points[i], tried[p]))
				return false;
	return true;
}

/* ---- random rows ---- */

static void some_ports(struct egress_rule *r)
{
	static uint64_t room[ROWS * 2 + 2][3];
	static unsigned next;
	uint64_t *list = room[next++ % (ROWS * 2 + 2)];

	r->ports = list;
	r->n = 0;
	if (below(3) == 0)
		return;
	for (size_t i = 0; i < 3; i++)
		if (below(2) == 0)
			list[r->n++] = ports[i];
	if (r->n == 0)
		list[r->n++] = 443;
	if (r->n > 1 && below(2) == 0) { /* in another order */
		uint64_t swap = list[0];

		list[0] = list[r->n - 1];
		list[r->n - 1] = swap;
	}
}

/* Small ranges beside each other, within and around what is guarded, and some that hold all of it. */
static struct egress_rule random_row(struct arena *a)
{
	static const char *const wide[] = { "0.0.0.0/0",   "0.0.0.0/1",      "128.0.0.0/1",
					    "100.0.0.0/8", "169.254.0.0/15", "169.254.0.0/16",
					    "::/0",        "fd00::/8",       "fe80::/9",
					    "fe80::/10" };
	struct egress_rule r = { 0 };

	some_ports(&r);
	switch (below(6)) {
	case 0:
		r.cidr = wide[below(sizeof wide / sizeof *wide)];
		return r;
	case 1:
		r.cidr = arena_printf(a, "100.100.100.%u/%u", 200 + below(4), 29 + below(4));
		return r;
	case 2:
		r.cidr = arena_printf(a, "169.254.169.%u/%u", 252 + below(4), 29 + below(4));
		return r;
	case 3:
		r.cidr = arena_printf(a, "fd00:ec2::%x/%u", 0x250 + below(8), 125 + below(4));
		return r;
	default:
		r.cidr = arena_printf(a, "10.0.0.%u/%u", below(8), 28 + below(5));
		return r;
	}
}

static void random_lists(void **state)
{
	unsigned within = 0, not_within = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct arena a = { 0 };
		struct egress_rule row = random_row(&a), other[ROWS];
		const struct egress_rules mine = { 1, 1, &row };
		struct egress_rules theirs = { 1 + below(ROWS), ROWS, other };
		struct flow_rows one = { 0 }, by = { 0 };

		for (size_t i = 0; i < theirs.n; i++) {
			other[i] = random_row(&a);
			if (below(3) == 0) /* half of what it has to be in */
				other[i].cidr = row.cidr;
		}
		flows_of_egress(&a, &mine, &one);
		flows_of_egress(&a, &theirs, &by);

		bool judged = judged_within(&row, &theirs);

		if (flow_within(&a, &one.at[0], &by) != judged) {
			print_message("%s in", flow_text(&a, &one.at[0]));
			for (size_t i = 0; i < by.n; i++)
				print_message(" %s", flow_text(&a, &by.at[i]));
			fail_msg(": %s", judged ? "it is" : "it is not");
		}
		within += judged;
		not_within += !judged;
		arena_free(&a);
	}
	assert_true(within > ROUNDS / 10 && not_within > ROUNDS / 10);
}

/* ---- names ---- */

static const char *random_pattern(struct arena *a)
{
	static const char *const labels[] = { "a", "b", "A" };
	struct buf text = { .arena = a };

	buf_puts(&text, below(2) == 0 ? "*." : "");
	for (unsigned i = 0, n = 1 + below(3); i < n; i++)
		buf_printf(&text, "%s%s", i != 0 ? "." : "", labels[below(3)]);
	return buf_text(&text);
}

/* Each name of up to four labels; z is in no pattern, and stands for all others. */
static bool judged_domain(struct arena *a, const char *inner, const char *outer)
{
	static const char *const labels[] = { "a", "b", "z" };

	for (unsigned depth = 1, all = 3; depth <= 4; depth++, all *= 3)
		for (unsigned i = 0; i < all; i++) {
			struct buf name = { .arena = a };

			for (unsigned d = 0, rest = i; d < depth; d++, rest /= 3)
				buf_printf(&name, "%s%s", d != 0 ? "." : "", labels[rest % 3]);
			if (domain_covers(inner, buf_text(&name)) &&
			    !domain_covers(outer, buf_text(&name)))
				return false;
		}
	return true;
}

static void names_hold_names(void **state)
{
	unsigned within = 0;

	(void)state;
	for (unsigned round = 0; round < NAMES; round++) {
		struct arena a = { 0 };
		const char *inner = random_pattern(&a), *outer = random_pattern(&a);
		bool judged = judged_domain(&a, inner, outer);

		if (domain_within(inner, outer) != judged)
			fail_msg("%s in %s: %s", inner, outer, judged ? "it is" : "it is not");
		within += judged;
		arena_free(&a);
	}
	assert_true(within > 100);
}

/* ---- by hand ---- */

static bool rows_within(struct arena *a, const char *const *some, const char *const *others)
{
	const char *const *lists[] = { some, others };
	struct flow_rows rows[2] = { 0 };

	for (size_t l = 0; l < 2; l++)
		for (; *lists[l] != NULL; lists[l]++) {
			static uint64_t room[32];
			static size_t used;
			struct egress_rule r = { .ports = &room[used] };
			const char *text = *lists[l], *colon = strrchr(text, ':');
			const struct egress_rules list = { 1, 1, &r };

			if (colon != NULL) {
				for (const char *s = colon; *s != '\0';
				     s += strcspn(s + 1, ",") + 1) {
					used = (used + 1) % 24;
					r.ports[r.n++] = strtoull(s + 1, NULL, 10);
				}
				text = arena_strndup(a, text, (size_t)(colon - text));
			}
			if (text[0] >= '0' && text[0] <= '9')
				r.cidr = text;
			else
				r.domain = text;
			flows_of_egress(a, &list, &rows[l]);
		}
	for (size_t i = 0; i < rows[0].n; i++)
		if (!flow_within(a, &rows[0].at[i], &rows[1]))
			return false;
	return true;
}

static void known_ones(void **state)
{
	static const struct {
		const char *some[4], *others[4];
		bool within;
	} cases[] = {
		{ { "10.0.0.0/8" }, { "10.0.0.0/9", "10.128.0.0/9" }, true },
		{ { "10.0.0.0/8" }, { "10.0.0.0/9", "10.128.0.0/10" }, false },
		{ { "10.0.0.0/8:80,443" }, { "10.0.0.0/8:443,80" }, true },
		{ { "10.0.0.0/8:80,443" }, { "10.0.0.0/8:443", "10.0.0.0/8:80" }, true },
		{ { "10.0.0.0/8:80,443" }, { "10.0.0.0/8:443", "10.0.0.0/9:80" }, false },
		{ { "10.9.9.9/8" }, { "10.0.0.0/8" }, true },
		/* What leads to a machine's own credentials is no part of everything. */
		{ { "169.254.169.254:80" }, { "0.0.0.0/0" }, false },
		{ { "169.254.169.254:80" }, { "169.254.0.0/16" }, true },
		{ { "0.0.0.0/0" }, { "0.0.0.0/1", "128.0.0.0/1" }, true },
		{ { "169.254.0.0/15" }, { "169.255.0.0/16" }, true },
		{ { "example.org:443" }, { "*.org:443" }, true },
		{ { "example.org:443" }, { "*.example.org:443" }, false },
		{ { "*.a.example.org" }, { "*.EXAMPLE.org" }, true },
		{ { "*.example.org" }, { "a.example.org", "b.example.org" }, false },
		{ { "a.org:80,443" }, { "*.org:80", "a.org:443" }, true },
		/* Nobody knows where a name leads, and asking for it is something as well. */
		{ { "example.org" }, { "0.0.0.0/0" }, false },
		{ { "10.0.0.1" }, { "*.org" }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a = { 0 };

		if (rows_within(&a, cases[i].some, cases[i].others) != cases[i].within)
			fail_msg("case %zu: %s", i, cases[i].some[0]);
		arena_free(&a);
	}
}

/* Rows of ask.connect: IPv4 is a part of IPv6 there, and nothing is guarded. */
static void asked_rows(void **state)
{
	struct address_rule v4 = { .base = { [10] = 0xff, [11] = 0xff, [12] = 169, [13] = 254 },
				   .bits = 96 + 16 },
			    all = { .bits = 0 };
	const struct address_rules some = { 1, 1, &v4 }, others = { 1, 1, &all };
	struct flow_rows one = { 0 }, by = { 0 };
	struct arena a = { 0 };

	(void)state;
	flows_of_asked(&a, &some, &one);
	flows_of_asked(&a, &others, &by);
	assert_true(flow_within(&a, &one.at[0], &by));
	assert_false(flow_within(&a, &by.at[0], &one));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lists),
		cmocka_unit_test(names_hold_names),
		cmocka_unit_test(known_ones),
		cmocka_unit_test(asked_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
