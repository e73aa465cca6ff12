#include "policy/manifest.h"

#include <errno.h>
#include <string.h>

#include "base/sha256.h"
#include "text/bind.h"

enum {
	FILE_NAME_MAX = 64, /* those that are written have half as much */
	FILES_MAX =
		256, /* of a list; 17 are written, and a file for each profile that is extended */
};

/* Nothing that leads out of the folder, and nothing that a terminal acts on. */
static int check_file(const struct bind *b, const struct node *n, struct err *e)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	const char *s = n->text;

	if (s[0] == '\0' || s[0] == '.' || s[strspn(s, good)] != '\0' ||
	    strlen(s) > FILE_NAME_MAX || strcmp(s, MANIFEST_NAME) == 0)
		return doc_fail(b->doc, n, e, "'%s' is no file of a compiled profile",
				text_shown(b->doc->arena, s));
	return 0;
}

static int check_digest(const struct bind *b, const struct node *n, struct err *e)
{
	if (strlen(n->text) != SHA256_TEXT - 1 ||
	    strspn(n->text, "0123456789abcdef") != SHA256_TEXT - 1)
		return doc_fail(b->doc, n, e, "expected 64 hexadecimal digits");
	return 0;
}

static const struct field input_fields[] = {
	{ "name", AS_STRING, offsetof(struct manifest_file, name), .required = true },
	{ "file", AS_STRING, offsetof(struct manifest_file, file), .check = check_file },
	{ "sha256", AS_STRING, offsetof(struct manifest_file, sha256), .required = true,
	  .check = check_digest },
	{ 0 },
};

static const struct field output_fields[] = {
	{ "file", AS_STRING, offsetof(struct manifest_file, file), .required = true,
	  .check = check_file },
	{ "sha256", AS_STRING, offsetof(struct manifest_file, sha256), .required = true,
	  .check = check_digest },
	{ 0 },
};

/* What is for people is compared as a whole, when the profile is compiled again. */
static const struct field fields[] = {
	{ "format", AS_U32, offsetof(struct manifest, format), .required = true },
	{ "zviz", AS_STRING, offsetof(struct manifest, zviz), .required = true },
	{ "profile", AS_STRING, offsetof(struct manifest, profile), .required = true },
	{ "inputs", AS_LIST, offsetof(struct manifest, inputs), .required = true, .not_empty = true,
	  .size = sizeof(struct manifest_file), .fields = input_fields },
	{ "outputs", AS_LIST, offsetof(struct manifest, outputs), .required = true,
	  .not_empty = true, .size = sizeof(struct manifest_file), .fields = output_fields },
	{ "layers", AS_SKIP },
	{ "rules", AS_SKIP },
	{ 0 },
};

/* Before all else: a newer manifest may have keys that are not known here. */
static int check_format(const struct bind *b, struct err *e)
{
	const struct node *n = node_get(b->doc->root, "format");
	uint64_t format;

	if (n == NULL)
		return doc_fail(b->doc, b->doc->root, e, "not a manifest: it has no format");
	TRY(bind_number(b, n, 1, UINT32_MAX, &format, e));
	if (format <= MANIFEST_FORMAT)
		return 0;
	doc_fail(b->doc, n, e, "format %llu, and this zviz knows %d", (unsigned long long)format,
		 MANIFEST_FORMAT);
	return advise(e, "a newer zviz made it: compile the profile again with this one");
}

static bool is_twice(const struct manifest *m, const struct manifest_file *f)
{
	return f->file != NULL && manifest_find(m, f->file) != f;
}

static int check_list(const struct manifest *m, const struct manifest_files *list, struct err *e)
{
	if (list->n > FILES_MAX)
		return fail(e, E2BIG, MANIFEST_NAME ": more than %d files", FILES_MAX);
	for (size_t i = 0; i < list->n; i++)
		if (is_twice(m, &list->at[i]))
			return fail(e, EINVAL, MANIFEST_NAME ": %s is listed twice",
				    list->at[i].file);
	return 0;
}

int manifest_read(struct arena *a, const char *text, size_t len, struct manifest *out,
		  struct err *e)
{
	struct doc doc;
	const struct bind b = { &doc, .strict = true };

	TRY(doc_from_json(a, MANIFEST_NAME, text, len, &doc, e));
	if (doc.root->kind != NODE_MAP)
		return doc_fail(&doc, doc.root, e, "not a manifest");
	TRY(check_format(&b, e));
	*out = (struct manifest){ 0 };
	TRY(bind_map(&b, doc.root, fields, out, e));
	TRY(check_list(out, &out->inputs, e));
	return check_list(out, &out->outputs, e);
}

const struct manifest_file *manifest_find(const struct manifest *m, const char *file)
{
	const struct manifest_files *const lists[] = { &m->inputs, &m->outputs };

	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < lists[l]->n; i++)
			if (lists[l]->at[i].file != NULL && strcmp(lists[l]->at[i].file, file) == 0)
				return &lists[l]->at[i];
	return NULL;
}
