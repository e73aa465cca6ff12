#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *before;
	size_t used, size;
	_Alignas(max_align_t) unsigned char bytes[];
};

/* So large that the C library asks the kernel for the whole block (M_MMAP_THRESHOLD): it is zero then, and a page
 * of it costs nothing before it is touched. */
enum { BLOCK_BYTES = 192 * 1024 };

static _Noreturn void out_of_memory(void)
{
	fputs("zviz: out of memory\n", stderr);
	abort();
}

static struct arena_block *block_new(struct arena_block *before, size_t size)
{
	struct arena_block *b = calloc(1, sizeof *b + size);

	if (b == NULL)
		out_of_memory();
	b->before = before;
	b->size = size;
	return b;
}

static size_t aligned(size_t size)
{
	const size_t align = _Alignof(max_align_t);

	return (size + align - 1) & ~(align - 1);
}

void *arena_alloc(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = aligned(size);
	if (a->last == NULL || a->last->size - a->last->used < size)
		a->last = block_new(a->last, size > BLOCK_BYTES ? size : BLOCK_BYTES);

	void *p = a->last->bytes + a->last->used;

	a->last->used += size;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / 2 / size)
		out_of_memory();
	return arena_alloc(a, n * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char first[128]; /* most texts fit: then one pass is enough */

	va_copy(again, ap);
	int len = vsnprintf(first, sizeof first, fmt, again);
	va_end(again);
	if (len < 0)
		out_of_memory();

	char *s = arena_alloc(a, (size_t)len + 1);

	if ((size_t)len < sizeof first)
		memcpy(s, first, (size_t)len);
	else
		vsnprintf(s, (size_t)len + 1, fmt, ap);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

void arena_free(struct arena *a)
{
	while (a->last != NULL) {
		struct arena_block *before = a->last->before;

		free(a->last);
		a->last = before;
	}
}

/* True when `at`, of `size` bytes, was handed out last and its block has room for `more`: it has them then. */
static bool last_to_fit(struct arena *a, void *at, size_t size, size_t more)
{
	struct arena_block *b = a->last;
	size_t start = b->used - aligned(size);

	if (b->used < aligned(size) || at != b->bytes + start || b->size - start < aligned(more))
		return false;
	b->used = start + aligned(more);
	return true;
}

void *arena_grow(struct arena *a, void *at, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return at;

	size_t more = *cap == 0 ? 8 : *cap * 2;

	if (size != 0 && more > SIZE_MAX / 2 / size)
		out_of_memory();

	/* What was handed out last grows where it is. */
	if (n != 0 && last_to_fit(a, at, n * size, more * size)) {
		*cap = more;
		return at;
	}

	void *bigger = arena_alloc(a, more * size);

	if (n != 0)
		memcpy(bigger, at, n * size);
	*cap = more;
	return bigger;
}
