/*
 * Memory that is freed all at once. Allocation never returns NULL: without memory the process ends
 * with a message, which is the safe answer before a container runs.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

/* Zero-initialised it is an empty arena. */
struct arena {
	struct arena_block *last;
};

/* Zeroed memory, aligned for any type, valid until arena_free. */
void *arena_alloc(struct arena *a, size_t size)
	__attribute__((malloc, alloc_size(2), returns_nonnull));
void *arena_array(struct arena *a, size_t n, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((returns_nonnull));
void arena_free(struct arena *a);

/* An empty arena takes its next `size` bytes from the kernel now: until they are used up it makes no call. arena_rewind() gives all
 * of them back to it. */
void arena_reserve(struct arena *a, size_t size);
void arena_rewind(struct arena *a);

/* After a clone: takes copies of the pages that the next few allocations write to, before they fault. */
void arena_own(const struct arena *a);

/* Grows `at` (n elements used of *cap) so that one more fits, and returns the array. */
void *arena_grow(struct arena *a, void *at, size_t n, size_t *cap, size_t size);

/* Appends to a list { size_t n, cap; T *at; } and yields the new, zeroed element's address. */
#define LIST_ADD(arena, list)                                                                      \
	((list)->at = arena_grow((arena), (list)->at, (list)->n, &(list)->cap,                     \
				 sizeof *(list)->at),                                              \
	 &(list)->at[(list)->n++])

/* A growing list of T; start from zero. */
#define LIST_OF(T)                                                                                 \
	struct {                                                                                   \
		size_t n, cap;                                                                     \
		T *at;                                                                             \
	}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#endif
