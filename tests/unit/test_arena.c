#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include <cmocka.h> /* last: it has a macro called fail */

static bool all_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Leaves memory behind that is not zero, for the next arena to be given. */
static void spoil(void)
{
	struct arena a = { 0 };

	for (size_t size = 1; size < 200000; size = size * 3 + 1)
		memset(arena_alloc(&a, size), 0xa5, size);
	arena_free(&a);
}

static void memory_is_zero(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		struct arena a = { 0 };

		spoil();
		for (size_t size = 1; size < 200000; size = size * 2 + 1) {
			unsigned char *p = arena_alloc(&a, size);

			assert_true((uintptr_t)p % _Alignof(max_align_t) == 0);
			assert_true(all_zero(p, size));
			memset(p, 0x5a, size);
		}
		arena_free(&a);
	}
}

/* Grows two lists, alone and in turns, against arrays that plainly hold the same. */
static void lists_keep_what_they_hold(void **state)
{
	enum { ROWS = 3000 };
	struct arena a = { 0 };
	LIST_OF(uint32_t) alone = { 0 }, one = { 0 }, two = { 0 };

	(void)state;
	spoil();
	for (uint32_t i = 0; i < ROWS; i++) {
		uint32_t *row = LIST_ADD(&a, &alone);

		assert_int_equal(*row, 0);
		*row = i;
	}
	for (uint32_t i = 0; i < ROWS; i++) {
		*LIST_ADD(&a, &one) = i * 7;
		if (i % 5 == 0)
			*LIST_ADD(&a, &two) = i * 11;
	}
	assert_int_equal(alone.n, ROWS);
	for (uint32_t i = 0; i < ROWS; i++) {
		assert_int_equal(alone.at[i], i);
		assert_int_equal(one.at[i], i * 7);
		if (i % 5 == 0)
			assert_int_equal(two.at[i / 5], i * 11);
	}
	assert_true(
		all_zero((const unsigned char *)&one.at[ROWS], (one.cap - ROWS) * sizeof *one.at));
	arena_free(&a);
}

/* The list that was handed out last grows where it is; once something came behind it, it moves. */
static void the_last_list_stays(void **state)
{
	struct arena a = { 0 };
	LIST_OF(uint64_t) l = { 0 };

	(void)state;
	*LIST_ADD(&a, &l) = 1;

	const uint64_t *first = l.at;
	char *behind;

	for (uint64_t i = 2; i <= 100; i++)
		*LIST_ADD(&a, &l) = i;
	assert_ptr_equal(l.at, first);
	behind = arena_strdup(&a, "behind");
	for (uint64_t i = 101; i <= 200; i++)
		*LIST_ADD(&a, &l) = i;
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(l.at[i], i + 1);
	assert_ptr_not_equal(l.at, first);
	assert_string_equal(behind, "behind");
	arena_free(&a);
}

/* What was reserved is handed out from one piece, zeroed, and again after it was given back. */
static void what_is_reserved_comes_back(void **state)
{
	struct arena a = { 0 };
	struct arena_block *block;
	unsigned char *first;

	(void)state;
	arena_reserve(&a, 1 << 20);
	block = a.last;
	for (int round = 0; round < 3; round++) {
		first = arena_alloc(&a, 1 << 19);
		assert_true(all_zero(first, 1 << 19));
		memset(first, 0xff, 1 << 19);
		memset(arena_alloc(&a, 1 << 19), 0xff, 1 << 19);
		assert_ptr_equal(a.last, block);
		arena_rewind(&a);
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zero),
		cmocka_unit_test(lists_keep_what_they_hold),
		cmocka_unit_test(the_last_list_stays),
		cmocka_unit_test(what_is_reserved_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
