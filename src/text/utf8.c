#include <stdint.h>
#include <string.h>

#include "text/node.h"

/* The length of the character at `s`, 0 when it is none: overlong forms, surrogates and what lies
 * beyond U+10FFFF are refused (RFC 3629, section 4). */
static size_t character(const unsigned char *s, size_t left)
{
	unsigned char c = s[0], low = 0x80, high = 0xbf;
	size_t n = c < 0x80                ? 1
		   : c >= 0xc2 && c < 0xe0 ? 2
		   : (c & 0xf0) == 0xe0    ? 3
		   : c >= 0xf0 && c < 0xf5 ? 4
					   : 0;

	if (n == 0 || n > left)
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if (s[i] < low || s[i] > high)
			return 0;
	return n;
}

size_t utf8_valid(const char *s, size_t len)
{
	const uint64_t beyond_ascii = 0x8080808080808080;
	size_t at = 0;

	while (at < len) {
		uint64_t eight;

		if (len - at >= sizeof eight) {
			memcpy(&eight, s + at, sizeof eight);
			if ((eight & beyond_ascii) == 0) {
				at += sizeof eight;
				continue;
			}
		}

		size_t n = character((const unsigned char *)s + at, len - at);

		if (n == 0)
			break;
		at += n;
	}
	return at;
}
