/*
 * golden [--update] FOLDER: the plan of every case below FOLDER against its file `expected`.
 *
 * Each plan is made twice, the second time in another arena: a plan is a value, so the text and the
 * filter's bytes must be the same. Writes TAP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "case.h"

enum { EXPECTED_BYTES_MAX = 4 << 20 };

/* Text of a case as `expected` holds it: the plan, or what differs from the case that it is like. */
static int case_text(struct arena *a, const char *folder, const char *name, struct plan *plan,
		     const char **text, struct err *e)
{
	struct golden g, base;
	struct plan base_plan;
	const char *base_text;
	struct buf diff = { .arena = a };

	TRY(golden_load(a, folder, name, &g, e));
	TRY(golden_plan(a, &g, plan, text, e));
	if (g.like == NULL || strncmp(*text, "refused", strlen("refused")) == 0)
		return 0;
	TRY(golden_load(a, folder, g.like, &base, e));
	TRY(golden_plan(a, &base, &base_plan, &base_text, e));
	golden_diff(a, base_text, *text, &diff);
	*text = buf_text(&diff);
	return 0;
}

static bool same_program(const struct bpf_program *a, const struct bpf_program *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n * sizeof *a->at) == 0);
}

static int check_twice(const char *folder, const char *name, const struct plan *first,
		       const char *text, struct err *e)
{
	struct arena other = { 0 };
	struct plan plan = { 0 };
	const char *again;
	int r = case_text(&other, folder, name, &plan, &again, e);

	if (r == 0 && strcmp(text, again) != 0)
		r = fail(e, EINVAL, "a second plan of the same inputs reads differently");
	if (r == 0 && (!same_program(&plan.filter, &first->filter) ||
		       !same_program(&plan.spec_filter, &first->spec_filter)))
		r = fail(e, EINVAL, "a second plan of the same inputs has another filter");
	arena_free(&other);
	return r;
}

static int compare(struct arena *a, const char *path, const char *text, struct err *e)
{
	struct buf diff = { .arena = a };
	char *expected;

	TRY(file_read(AT_FDCWD, path, EXPECTED_BYTES_MAX, a, &expected, NULL, e));
	if (strcmp(expected, text) == 0)
		return 0;
	golden_diff(a, expected, text, &diff);
	for (const char *line = buf_text(&diff); *line != '\0'; line += strcspn(line, "\n") + 1)
		printf("# %.*s\n", (int)strcspn(line, "\n"), line);
	return fail(
		e, EINVAL,
		"not as expected; `ninja golden-update` in the build folder rewrites the files");
}

static int update(const char *path, const char *text, struct err *e)
{
	OWN_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return fail(e, errno, "%s: %m", path);

	int r = fd_write_all(fd, text, strlen(text));

	return r < 0 ? fail(e, -r, "%s: %m", path) : 0;
}

static int check_case(struct arena *a, const char *folder, const char *name, bool rewrite,
		      struct err *e)
{
	const char *path = arena_printf(a, "%s/%s/expected", folder, name);
	struct plan plan = { 0 };
	const char *text;

	TRY(case_text(a, folder, name, &plan, &text, e));
	TRY(check_twice(folder, name, &plan, text, e));
	return rewrite ? update(path, text, e) : compare(a, path, text, e);
}

static int is_case(const struct dirent *d)
{
	return d->d_type == DT_DIR && d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	bool rewrite = argc == 3 && strcmp(argv[1], "--update") == 0;
	const char *folder = argv[argc - 1];
	struct dirent **names;
	int n = argc < 2 ? -1 : scandir(folder, &names, is_case, alphasort), bad = 0;

	if (n <= 0) {
		fprintf(stderr, "usage: golden [--update] FOLDER\n");
		return 2;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		bool good = check_case(&a, folder, names[i]->d_name, rewrite, &e) == 0;

		printf("%sok %d - %s\n", good ? "" : "not ", i + 1, names[i]->d_name);
		if (!good)
			printf("# %s\n", e.text);
		bad += !good;
		arena_free(&a);
		free(names[i]);
	}
	free(names);
	return bad != 0;
}
