#include <stdio.h>

#include "words.h"

int main(void)
{
	static char text[1 << 20];
	struct count c = words_count(text, fread(text, 1, sizeof text, stdin));

	printf("%zu lines, %zu words, %zu bytes\n", c.lines, c.words, c.bytes);
	return 0;
}
