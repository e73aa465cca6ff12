/*
 * A command line: words that end with a newline. What is understood must hold together.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 64 };

static enum run_path kind(const char *path)
{
	return (enum run_path)(strlen(path) % 3);
}

static int split(struct arena *a, const uint8_t *data, size_t size, char **argv)
{
	int n = 0;

	while (size > 0 && n < WORDS_MAX) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t len = newline != NULL ? (size_t)(newline - data) : size;

		argv[n++] = arena_strndup(a, (const char *)data, len);
		len += newline != NULL;
		data += len;
		size -= len;
	}
	argv[n] = NULL;
	return n;
}

static void check_error(const struct err *e, int r)
{
	if (r >= 0 || e->no != -r || e->text[0] == '\0' || strlen(e->text) >= ERR_TEXT_MAX)
		abort();
}

static void try(struct arena *a, int argc, char **argv, enum option_order order)
{
	struct run_options o = { 0 };
	const struct option_table table = { run_option_rows, &o };
	struct option_words words;
	struct run_request q;
	struct err e = { 0 };
	int r = options_parse(a, &table, 1, order, argc, argv, &words, &e);

	if (r < 0) {
		check_error(&e, r);
		return;
	}
	if (words.n > argc || words.at[words.n] != NULL)
		abort();
	r = run_request(&o, words.n, words.at, kind, &q, &e);
	if (r < 0)
		check_error(&e, r);
	else if (run_id_check(q.id, &e) < 0 || q.argv[q.argc] != NULL ||
		 (q.bundle == NULL && q.argc == 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	char *argv[WORDS_MAX + 1];
	int argc = split(&a, data, size, argv);

	try(&a, argc, argv, OPTIONS_FIRST);
	try(&a, argc, argv, OPTIONS_ANYWHERE);
	arena_free(&a);
	return 0;
}
