/*
 * SHA-256 (FIPS 180-4) of bytes in memory, by libmd.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

enum { SHA256_TEXT = 65 }; /* 64 hexadecimal digits and a NUL */

void sha256_text(const void *data, size_t len, char out[SHA256_TEXT]);

#endif
