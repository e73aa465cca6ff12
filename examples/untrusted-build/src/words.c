#include "words.h"

#include <ctype.h>

struct count words_count(const char *text, size_t len)
{
	struct count c = { .bytes = len };
	int in_word = 0;

	for (size_t i = 0; i < len; i++) {
		int space = isspace((unsigned char)text[i]) != 0;

		c.words += !space && !in_word;
		c.lines += text[i] == '\n';
		in_word = !space;
	}
	return c;
}
