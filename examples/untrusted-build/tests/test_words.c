#include <stdio.h>
#include <string.h>

#include "words.h"

static const struct {
	const char *text;
	size_t lines, words;
} cases[] = {
	{ "", 0, 0 },        { "one", 0, 1 },         { "two words\n", 1, 2 },
	{ " \t\n\n", 2, 0 }, { "a\nb c\n  d", 2, 4 },
};

int main(void)
{
	size_t failed = 0, n = sizeof cases / sizeof *cases;

	for (size_t i = 0; i < n; i++) {
		struct count c = words_count(cases[i].text, strlen(cases[i].text));

		if (c.lines != cases[i].lines || c.words != cases[i].words) {
			printf("case %zu: got %zu lines, %zu words\n", i, c.lines, c.words);
			failed++;
		}
	}
	printf("%zu tests, %zu failed\n", n, failed);
	return failed != 0;
}
