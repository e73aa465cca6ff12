/*
 * How much a container may ask for.
 */
#include <string.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "net/dns_parts.h"

enum { HOUR_MS = 3600 * 1000 };

static void bucket_fill(struct dns_bucket *b, uint64_t now_ms)
{
	uint64_t past = now_ms - b->at_ms;

	b->at_ms = now_ms;
	/* A long pause fills it; the product of a longer one could be too large. */
	if (past >= 1000 * 1000 || b->left + past * b->rate > b->most)
		b->left = b->most;
	else
		b->left += past * b->rate;
}

bool dns_bucket_ready(struct dns_bucket *b, uint64_t now_ms)
{
	bucket_fill(b, now_ms);
	return b->left >= 1000;
}

bool dns_bucket_take(struct dns_bucket *b, uint64_t now_ms)
{
	if (!dns_bucket_ready(b, now_ms))
		return false;
	b->left -= 1000;
	return true;
}

static void mark_of(const struct dns_names *s, const char *name, char out[SHA256_TEXT])
{
	char text[sizeof s->secret + DNS_NAME_TEXT];
	size_t len = strlen(name);

	memcpy(text, s->secret, sizeof s->secret);
	memcpy(text + sizeof s->secret, name, len + 1);
	sha256_text(text, sizeof s->secret + len, out);
}

bool dns_names_take(struct dns_names *s, const char *name, uint64_t now_ms)
{
	char mark[SHA256_TEXT];

	if (now_ms - s->since_ms >= HOUR_MS) {
		s->since_ms = now_ms;
		s->n = 0;
	}
	mark_of(s, name, mark);
	for (size_t i = 0; i < s->n; i++)
		if (memcmp(s->marks[i], mark, DNS_NAME_MARK) == 0)
			return true;
	if (s->n == s->max)
		return false;
	memcpy(s->marks[s->n++], mark, DNS_NAME_MARK);
	return true;
}
