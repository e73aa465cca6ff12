#include "policy/profile.h"

#include <errno.h>
#include <string.h>

#include "policy/profile_fields.h"
#include "policy/profile_image.h"

enum { EXTENDS_MAX = 8 }; /* a longer chain is nothing that a person can follow */

struct loader {
	struct arena *arena;
	profile_opener open;
	void *ctx;
};

/* The profiles being loaded, the one that extends last. */
struct chain {
	const char *file;
	const struct chain *below;
	unsigned depth;
};

static int load(const struct loader *l, const struct chain *c, const char *text, size_t len,
		struct profile *out, struct err *e);

const struct builtin_profile *profile_builtin(const char *name)
{
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++)
		if (strcmp(b->name, name) == 0)
			return b;
	return NULL;
}

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* A built-in profile has no slash and no ending: nobody's file can take its place. */
static bool names_file(const char *base)
{
	return strchr(base, '/') != NULL || ends_in(base, ".yaml") || ends_in(base, ".yml");
}

static const char *beside(struct arena *a, const char *file, const char *base)
{
	const char *slash = strrchr(file, '/');

	if (base[0] == '/' || slash == NULL)
		return base;
	return arena_printf(a, "%.*s/%s", (int)(slash - file), file, base);
}

static int unknown_builtin(const struct bind *b, const struct node *n, struct err *e)
{
	struct name_near near = { 0 };

	for (const struct builtin_profile *p = builtin_profiles; p->name != NULL; p++)
		name_offer(&near, n->text, p->name);
	bind_unknown(b, n, "built-in profile", n->text, near.best, e);
	return near.best != NULL ? -e->no : advise(e, "a file's name has a slash or ends in .yaml");
}

/* Finds what a profile extends: its name for messages, and its text. */
static int open_base(const struct loader *l, const char *file, const struct bind *b,
		     const struct node *n, struct builtin_profile *base, struct err *e)
{
	const struct builtin_profile *known = profile_builtin(n->text);
	char *text;

	if (!names_file(n->text)) {
		if (known == NULL)
			return unknown_builtin(b, n, e);
		*base = *known;
		return 0;
	}
	if (l->open == NULL)
		return doc_fail(b->doc, n, e, "only a built-in profile can be extended here");
	base->name = beside(l->arena, file, n->text);
	if (l->open(l->ctx, base->name, l->arena, &text, &base->len, e) < 0)
		return within(e, "%s:%u:%u: extends", file, n->line, n->column);
	base->text = text;
	return 0;
}

static int load_base(const struct loader *l, const struct chain *c, const struct bind *b,
		     const struct node *n, struct profile *out, struct err *e)
{
	struct builtin_profile base = { .name = "" };

	if (!bind_is_text(n) || *n->text == '\0')
		return doc_fail(b->doc, n, e, "expected the name of a profile");
	TRY(open_base(l, c->file, b, n, &base, e));
	for (const struct chain *x = c; x != NULL; x = x->below)
		if (strcmp(x->file, base.name) == 0)
			return doc_fail(b->doc, n, e, "'%s' extends itself",
					text_shown(l->arena, base.name));
	if (c->depth >= EXTENDS_MAX)
		return doc_fail(b->doc, n, e, "more than %d profiles extend one another",
				EXTENDS_MAX);
	if (base.image != NULL) {
		profile_unpack(l->arena, base.image, out);
		return 0;
	}

	const struct chain next = { base.name, c, c->depth + 1 };

	return load(l, &next, base.text, base.len, out, e);
}

/* What holds where nothing is written: everything separate, nothing writable. */
static void defaults(struct profile *p, struct arena *a, bool namespaces)
{
	static const char *const all[] = {
		"user", "pid", "mount", "network", "ipc", "uts", "cgroup"
	};

	p->filesystem.root_readonly = true;
	for (size_t i = 0; namespaces && i < COUNT(all); i++)
		LIST_ADD(a, &p->namespaces)->text = all[i];
}

static int remove_rows(const struct bind *b, const struct node *n, struct profile *out,
		       struct profile *gone, struct err *e)
{
	TRY(bind_map(b, n, profile_remove_fields, gone, e));
	return profile_subtract(out, gone, e);
}

/* "profiles/my-service.yaml" is my-service unless it says otherwise. */
static const char *name_from_file(struct arena *a, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash != NULL ? slash + 1 : file;
	size_t ending = ends_in(name, ".yaml") ? 5 : ends_in(name, ".yml") ? 4 : 0;

	return arena_strndup(a, name, strlen(name) - ending);
}

static int load(const struct loader *l, const struct chain *c, const char *text, size_t len,
		struct profile *out, struct err *e)
{
	struct doc doc;
	struct bind b = { &doc, .strict = true };

	TRY(doc_from_yaml(l->arena, c->file, text, len, &doc, e));
	if (doc.root->kind != NODE_MAP)
		return doc_fail(&doc, doc.root, e,
				"a profile is a map of keys; it starts with 'zviz: 1'");

	const struct node *base = node_get(doc.root, "extends"),
			  *less = node_get(doc.root, "remove");
	struct profile gone = { 0 };

	*out = (struct profile){ 0 };
	if (base != NULL)
		TRY(load_base(l, c, &b, base, out, e));
	else
		defaults(out, l->arena, node_get(doc.root, "namespaces") == NULL);
	if (less != NULL && base == NULL)
		return doc_fail(&doc, less, e, "there is nothing to remove from without 'extends'");
	if (less != NULL)
		TRY(remove_rows(&b, less, out, &gone, e));
	out->file = c->file;
	out->builtin = false; /* whatever it extends */
	LIST_ADD(l->arena, &out->sources)->text = c->file;
	out->name = out->description = NULL;
	TRY(bind_map(&b, doc.root, profile_fields, out, e));
	TRY(profile_conflicts(l->arena, out, &gone, c->file, e));
	if (out->name == NULL)
		out->name = name_from_file(l->arena, c->file);
	return 0;
}

int profile_load(struct arena *a, const char *file, const char *text, size_t len,
		 profile_opener opener, void *ctx, struct profile *out, struct err *e)
{
	const struct loader l = { a, opener, ctx };
	const struct chain first = { .file = file };

	TRY(load(&l, &first, text, len, out, e));
	TRY(profile_whole(out, e));
	return profile_resolve(a, out, e);
}

int profile_load_builtin(struct arena *a, const struct builtin_profile *b, struct profile *out,
			 struct err *e)
{
	if (b->image == NULL)
		TRY(profile_load(a, b->name, b->text, b->len, NULL, NULL, out, e));
	else
		profile_unpack(a, b->image, out);
	out->builtin = true;
	return 0;
}

bool profile_judges_addresses(const struct profile *p)
{
	return profile_pattern(p) != NULL || p->ask.connect.n != 0;
}

const struct word *profile_pattern(const struct profile *p)
{
	const struct words *const lists[] = { &p->filesystem.deny_read, &p->filesystem.deny_write,
					      &p->ask.read, &p->ask.write };

	for (size_t i = 0; i < COUNT(lists); i++)
		if (lists[i]->n != 0)
			return &lists[i]->at[0];
	return NULL;
}
