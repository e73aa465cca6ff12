/*
 * artifacts [--update] FOLDER: what each built-in profile compiles to against FOLDER/PROFILE: the manifest, which has the
 * hash of every file, and the listing of the filter for x86_64. What else may have changed, the cases of golden.c show. Writes
 * TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "case.h"
#include "policy/artifact.h"
#include "policy/manifest.h"

enum { EXPECTED_BYTES_MAX = 4 << 20 };

/* Not zviz's own: a new version changes no profile. */
static const char version[] = "any";

static const char *const kept[] = { MANIFEST_NAME, "seccomp-x86_64.txt" };

static int make(struct arena *a, const struct builtin_profile *b, struct artifacts *out,
		struct err *e)
{
	struct sources s = { 0 };
	struct profile p;

	TRY(profile_load_builtin(a, b, &p, e));
	sources_add_builtins(a, &p, &s);
	return artifacts_make(a, version, &s, &p, out, e);
}

static int compare(struct arena *a, const char *path, const struct artifact *f, struct err *e)
{
	struct buf diff = { .arena = a };
	char *expected;
	size_t len;

	TRY(file_read(AT_FDCWD, path, EXPECTED_BYTES_MAX, a, &expected, &len, e));
	if (len == f->len && memcmp(expected, f->bytes, len) == 0)
		return 0;
	golden_diff(a, expected, arena_strndup(a, f->bytes, f->len), &diff);
	for (const char *line = buf_text(&diff); *line != '\0'; line += strcspn(line, "\n") + 1)
		printf("# %.*s\n", (int)strcspn(line, "\n"), line);
	return fail(e, EINVAL, "%s: not as expected; `ninja golden-update` rewrites the files",
		    path);
}

static int update(const char *path, const struct artifact *f, struct err *e)
{
	OWN_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, f->bytes, f->len);

	return r < 0 ? fail(e, -r, "%s: %m", path) : 0;
}

static int check(struct arena *a, const struct builtin_profile *b, const char *folder, bool rewrite,
		 struct err *e)
{
	const char *own = arena_printf(a, "%s/%s", folder, b->name);
	struct artifacts all;

	TRY(make(a, b, &all, e));
	if (rewrite && mkdir(own, 0755) < 0 && errno != EEXIST)
		return fail(e, errno, "%s: %m", own);
	for (size_t i = 0; i < COUNT(kept); i++) {
		const char *path = arena_printf(a, "%s/%s", own, kept[i]);
		const struct artifact *f = artifact_find(&all, kept[i]);

		TRY(rewrite ? update(path, f, e) : compare(a, path, f, e));
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool rewrite = argc == 3 && strcmp(argv[1], "--update") == 0;
	int n = 0, bad = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: artifacts [--update] FOLDER\n");
		return 2;
	}
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		bool good = check(&a, b, argv[argc - 1], rewrite, &e) == 0;

		printf("%sok %d - %s\n", good ? "" : "not ", ++n, b->name);
		if (!good)
			printf("# %s\n", e.text);
		bad += !good;
		arena_free(&a);
	}
	printf("1..%d\n", n);
	return bad != 0;
}
