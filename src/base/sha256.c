#include "base/sha256.h"

#include <sha2.h>
#include <stdint.h>
#include <stdio.h>

void sha256_text(const void *data, size_t len, char out[SHA256_TEXT])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX c;

	SHA256Init(&c);
	SHA256Update(&c, data, len);
	SHA256Final(digest, &c);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
