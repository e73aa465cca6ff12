#include "base/arena.h"

#include <linux/mman.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* All three count from the block's own first byte. */
struct arena_block {
	_Alignas(max_align_t) struct arena_block *before;
	size_t used, size;
	size_t ready; /* up to here its pages were taken */
};

enum {
	BLOCK_BYTES = 192 * 1024, /* what is not touched of it costs nothing */
	PART_BYTES =
		64 *
		1024, /* taken from the kernel at a time: one call in place of sixteen page faults */
	PAGE_BYTES = 4096, /* the smallest: what is aligned for larger ones, is for it */
};

static _Noreturn void out_of_memory(void)
{
	fputs("zviz: out of memory\n", stderr);
	abort();
}

/* Zeroed memory, NULL without any. It comes from the kernel, since a C library's first allocation costs a start more than
 * all of its own do; but address sanitizers watch only what that library gives. */
#ifdef ZVIZ_SANITIZED
static void *memory_new(size_t size)
{
	return calloc(1, size);
}

static void memory_free(void *at, size_t size)
{
	(void)size;
	free(at);
}
#else
static void *memory_new(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at != MAP_FAILED ? at : NULL;
}

static void memory_free(void *at, size_t size)
{
	munmap(at, size);
}
#endif

/* Has the kernel provide the pages of a range for writing, all at once. One before 5.14 says EINVAL, and they come by
 * faults. */
static void take_pages(const void *at, size_t len)
{
	uintptr_t from = (uintptr_t)at & ~(uintptr_t)(PAGE_BYTES - 1);

	madvise((void *)from, (uintptr_t)at + len - from, MADV_POPULATE_WRITE);
}

static size_t part_of(size_t left)
{
	return left < PART_BYTES ? left : PART_BYTES;
}

static struct arena_block *block_new(struct arena_block *before, size_t size)
{
	struct arena_block *b = memory_new(size);

	if (b == NULL)
		out_of_memory();
	take_pages(b, part_of(size));
	*b = (struct arena_block){ before, sizeof *b, size, part_of(size) };
	return b;
}

/* `more` bytes are about to be used: takes the next part, unless they are more than that. Those come by faults, since not
 * all of them may be used. */
static void *take(struct arena_block *b, size_t more)
{
	unsigned char *at = (unsigned char *)b + b->used;
	size_t part = part_of(b->size - b->ready);

	b->used += more;
	if (b->used <= b->ready)
		return at;
	if (b->used - b->ready <= part) {
		take_pages((unsigned char *)b + b->ready, part);
		b->ready += part;
	} else {
		b->ready = b->used;
	}
	return at;
}

static size_t aligned(size_t size)
{
	const size_t align = _Alignof(max_align_t);

	return (size + align - 1) & ~(align - 1);
}

void arena_reserve(struct arena *a, size_t size)
{
	struct arena_block *b = memory_new(size + sizeof *b);

	if (b == NULL)
		out_of_memory();
	*b = (struct arena_block){ NULL, sizeof *b, size + sizeof *b, size + sizeof *b };
	a->last = b;
}

void arena_rewind(struct arena *a)
{
	struct arena_block *b = a->last;

	memset(b + 1, 0, b->used - sizeof *b);
	b->used = sizeof *b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = aligned(size);
	if (a->last == NULL || a->last->size - a->last->used < size) {
		size_t whole = sizeof *a->last + size;

		a->last = block_new(a->last, whole > BLOCK_BYTES ? whole : BLOCK_BYTES);
	}
	return take(a->last, size);
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

void arena_own(const struct arena *a)
{
	if (a->last == NULL)
		return;
	take_pages(a->last, sizeof *a->last);
	take_pages((unsigned char *)a->last + a->last->used, PAGE_BYTES);
}

void arena_free(struct arena *a)
{
	while (a->last != NULL) {
		struct arena_block *before = a->last->before;

		memory_free(a->last, a->last->size);
		a->last = before;
	}
}

/* True when `at`, of `size` bytes, was handed out last and its block has room for `more`: it has them then. */
static bool last_to_fit(struct arena *a, void *at, size_t size, size_t more)
{
	struct arena_block *b = a->last;
	size_t start = b->used - aligned(size);

	if (b->used < aligned(size) || at != (unsigned char *)b + start ||
	    b->size - start < aligned(more))
		return false;
	take(b, aligned(more) - aligned(size));
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
