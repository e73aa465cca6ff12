#include "cli/compiled.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sha256.h"
#include "cli/filter_file.h"
#include "cli/folder.h"
#include "policy/manifest.h"

enum { FILE_BYTES_MAX = 4 << 20 }; /* the largest is a table of mounts, of some 50 KiB */

struct reader {
	struct cli *c;
	int dir;
	struct manifest manifest;
	struct artifacts files; /* as they lie there */
	struct sources sources;
};

/* ---- the folder is what its manifest says ---- */

static int read_file(struct reader *r, const char *name, struct err *e)
{
	struct artifact *f = LIST_ADD(r->c->arena, &r->files);
	char *bytes;

	TRY(folder_read(r->c->arena, r->dir, name, FILE_BYTES_MAX, &bytes, &f->len, e));
	f->name = name;
	f->bytes = bytes;
	return 0;
}

static int check_hash(const void *bytes, size_t len, const char *digest, const char *name,
		      struct err *e)
{
	char is[SHA256_TEXT];

	sha256_text(bytes, len, is);
	if (strcmp(is, digest) == 0)
		return 0;
	return fail(e, EBADMSG, "%s: its SHA-256 is %s, and the manifest has %s", name, is, digest);
}

static int read_listed(struct reader *r, const struct manifest_files *list, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct manifest_file *f = &list->at[i];

		if (f->file == NULL)
			continue;
		TRY(read_file(r, f->file, e));

		const struct artifact *read = &r->files.at[r->files.n - 1];

		TRY(check_hash(read->bytes, read->len, f->sha256, f->file, e));
	}
	return 0;
}

static int check_unlisted(struct reader *r, struct err *e)
{
	struct strings names = { 0 };

	TRY(folder_names(r->c->arena, r->dir, &names, e));
	for (size_t i = 0; i < names.n; i++)
		if (strcmp(names.at[i], MANIFEST_NAME) != 0 &&
		    manifest_find(&r->manifest, names.at[i]) == NULL)
			return fail(e, EBADMSG, "%s: not in the manifest", names.at[i]);
	return 0;
}

static int read_folder(struct reader *r, struct err *e)
{
	char *text;
	size_t len;

	TRY(folder_read(r->c->arena, r->dir, MANIFEST_NAME, FILE_BYTES_MAX, &text, &len, e));
	TRY(manifest_read(r->c->arena, text, len, &r->manifest, e));
	TRY(read_listed(r, &r->manifest.outputs, e));
	TRY(read_listed(r, &r->manifest.inputs, e));
	*LIST_ADD(r->c->arena, &r->files) = (struct artifact){ MANIFEST_NAME, text, len };
	return check_unlisted(r, e);
}

/* ---- the profile ---- */

static int again(const struct reader *r, struct err *e)
{
	return advise(e, "zviz %s compiled it, and this is %s: compile the profile again",
		      r->manifest.zviz, ZVIZ_VERSION);
}

/* A built-in profile is not in the folder: the hash says whether this zviz has the same. */
static int add_builtin(struct reader *r, const struct manifest_file *f, struct err *e)
{
	const struct builtin_profile *b = profile_builtin(f->name);

	if (b == NULL) {
		fail(e, ENOENT, MANIFEST_NAME ": no built-in profile is called '%.80s'", f->name);
		return again(r, e);
	}
	if (check_hash(b->text, b->len, f->sha256, b->name, e) < 0) {
		within(e, "the built-in profile of this zviz is another one");
		return again(r, e);
	}
	*LIST_ADD(r->c->arena, &r->sources) = (struct source){
		b->name, arena_strndup(r->c->arena, b->text, b->len), b->len, true
	};
	return 0;
}

static int read_profile(struct reader *r, struct profile *out, struct err *e)
{
	const struct manifest_files *list = &r->manifest.inputs;

	for (size_t i = 0; i < list->n; i++) {
		const struct manifest_file *in = &list->at[i];

		if (in->file == NULL) {
			TRY(add_builtin(r, in, e));
			continue;
		}
		if (profile_builtin(in->name) != NULL)
			return fail(e, EBADMSG,
				    MANIFEST_NAME
				    ": the file %.80s has the name of a built-in profile, "
				    "%.80s",
				    in->file, in->name);

		const struct artifact *f = artifact_find(&r->files, in->file);

		*LIST_ADD(r->c->arena, &r->sources) = (struct source){
			in->name, arena_strndup(r->c->arena, f->bytes, f->len), f->len, false
		};
	}
	return sources_profile(r->c->arena, &r->sources, out, e);
}

/* ---- the files are what the profile comes to ---- */

static int find_filter(const struct reader *r, const struct variant *v, struct bpf_program *out,
		       struct err *e)
{
	const char *name = artifact_filter_name(r->c->arena, filter_file_own_arch(), v);
	const struct artifact *f = artifact_find(&r->files, name);

	if (f == NULL)
		return fail(e, ENOENT, "%s: not in the manifest", name);
	return artifact_filter(r->c->arena, f, out, e);
}

static int same(const struct artifact *a, const struct artifact *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static int compare(const struct reader *r, const struct artifacts *made, struct err *e)
{
	for (size_t i = 0; i < made->n; i++) {
		const struct artifact *f = artifact_find(&r->files, made->at[i].name);

		if (f != NULL && same(f, &made->at[i]))
			continue;
		fail(e, EBADMSG, "%s: not what this zviz compiles the profile to",
		     made->at[i].name);
		return again(r, e);
	}
	if (made->n == r->files.n)
		return 0;
	fail(e, EBADMSG, MANIFEST_NAME ": has files that this zviz does not make");
	return again(r, e);
}

static int check_all(struct reader *r, const struct variant *v, struct profile *out,
		     struct bpf_program *filter, struct err *e)
{
	struct artifacts made;
	size_t sets;

	TRY(read_folder(r, e));
	TRY(read_profile(r, out, e));
	TRY(find_filter(r, v, filter, e));
	TRY(prove_filter(r->c->arena, out, filter_file_own_arch(), v, filter, &sets, e));
	TRY(artifacts_make(r->c->arena, ZVIZ_VERSION, &r->sources, out, &made, e));
	return compare(r, &made, e);
}

int compiled_load(struct cli *c, const char *folder, bool verbose, bool events, struct profile *out,
		  struct bpf_program *filter, struct err *e)
{
	OWN_FD dir = path_open(folder, O_RDONLY | O_DIRECTORY);
	struct reader r = { .c = c, .dir = dir };

	if (dir < 0)
		return fail(e, errno, "--compiled %s: %m", folder);
	if (check_all(&r, variant_of(verbose, events), out, filter, e) < 0)
		return within(e, "--compiled %s", folder);
	return 0;
}

int compiled_adopt(const char *folder, const struct bpf_program *filter, struct plan *plan,
		   struct err *e)
{
	if (filter->n != plan->filter.n ||
	    memcmp(filter->at, plan->filter.at, filter->n * sizeof *filter->at) != 0) {
		fail(e, EBADMSG, "--compiled %s: on this host the profile comes to another filter",
		     folder);
		return advise(e, "a layer is missing that it was compiled for: see `zviz check`");
	}
	plan->filter = *filter;
	return 0;
}
