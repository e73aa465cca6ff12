/*
 * Strict numbers: the whole text must be one. Each returns 0, -EINVAL (no such number) or -ERANGE.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdint.h>

/* Decimal, 0x hexadecimal or 0o octal; no sign, no space. */
int num_u64(const char *s, uint64_t *out);

/* The same with an optional '-'. */
int num_i64(const char *s, int64_t *out);

/* Decimal only, at most UINT32_MAX - 1 (the last value means "none" to the kernel): uids and gids. */
int num_id(const char *s, uint32_t *out);

/* Bytes: a decimal number (fractions permitted before a unit) and K, M, G or T (powers of 1024),
 * optionally followed by "i" and/or "B". */
int num_bytes(const char *s, uint64_t *out);

/* Thousandths: "2" is 2000, "0.5" is 500; at most three digits after the point. For CPUs. */
int num_milli(const char *s, uint64_t *out);

/* Milliseconds: a decimal number and ms, s, m or h; without a unit, seconds. */
int num_duration_ms(const char *s, uint64_t *out);

#endif
