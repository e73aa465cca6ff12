#include "policy/choice.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

enum { NAME_BYTES_MAX = 64 };

const char choice_default[] = "ci-runner";

static const char ours[] = "zviz.io/", wanted[] = "zviz.io/profile";
const char *const choice_annotations[] = { wanted, NULL };

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

bool choice_is_file(const char *word)
{
	return strchr(word, '/') != NULL || ends_in(word, ".yaml") || ends_in(word, ".yml");
}

bool choice_is_name(const char *word)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strspn(word, letters);

	return n > 0 && n <= NAME_BYTES_MAX && word[n] == '\0' && word[0] != '.' &&
	       word[0] != '-' && !choice_is_file(word);
}

/* A built-in profile comes first: nobody's file takes its place. */
static void find_name(struct arena *a, const struct config *c, struct choice *out)
{
	out->by_host = true;
	if (profile_builtin(out->name) == NULL)
		out->file = arena_printf(a, "%s/%s.yaml", c->profiles, out->name);
}

/* A file that the configuration names lies beside it, as what a profile extends does. */
static struct choice by_config(struct arena *a, const struct config *c, const struct word *word)
{
	struct choice out = { .name = word->text, .by_host = true, .from = word->from };
	const char *slash = c->file != NULL ? strrchr(c->file, '/') : NULL;

	if (!choice_is_file(word->text))
		find_name(a, c, &out);
	else if (word->text[0] == '/' || slash == NULL)
		out.file = word->text;
	else
		out.file = arena_printf(a, "%.*s/%s", (int)(slash - c->file), c->file, word->text);
	return out;
}

bool choice_of_floor(struct arena *a, const struct config *c, struct choice *out)
{
	if (c->floor.text == NULL)
		return false;
	*out = by_config(a, c, &c->floor);
	return true;
}

/* ---- annotations ---- */

static const char *shown_text(struct arena *a, const char *s)
{
	struct buf b = { .arena = a };
	size_t len = strlen(s);

	buf_puts_safe(&b, s, len < NAME_BYTES_MAX ? len : NAME_BYTES_MAX);
	return buf_text(&b);
}

static int unknown_annotation(struct arena *a, const struct spec *s, const char *key, struct err *e)
{
	fail(e, EINVAL, "%s: annotations[\"%s\"]: zviz has no annotation of that name", s->file,
	     shown_text(a, key));
	return advise(e, "the only one is %s", wanted);
}

static int refuse_value(struct arena *a, const struct spec *s, const struct config *c,
			const char *value, struct err *e)
{
	fail(e, EINVAL, "%s: annotations[\"%s\"]: '%s' is no name of a profile", s->file, wanted,
	     shown_text(a, value));
	if (choice_is_file(value))
		return advise(e,
			      "a bundle names no files: put the profile into %.80s and write "
			      "its name, without .yaml",
			      c->profiles);
	return advise(e, "name a built-in profile, or leave the annotation out");
}

/* Of two that are alike the last counts: the command line's comes behind the bundle's. */
static int by_annotation(struct arena *a, const struct spec *s, const struct config *c,
			 struct choice *out, struct err *e)
{
	const char *value = NULL;

	for (size_t i = 0; i < s->annotations.n; i++) {
		const struct pair *p = &s->annotations.at[i];

		if (strcmp(p->key, wanted) == 0)
			value = p->value;
		else if (strncmp(p->key, ours, sizeof ours - 1) == 0)
			return unknown_annotation(a, s, p->key, e);
	}
	if (value == NULL)
		return 0;
	if (!choice_is_name(value))
		return refuse_value(a, s, c, value, e);
	out->name = value;
	out->from = (struct from){ .file = s->file, .path = "annotations[\"zviz.io/profile\"]" };
	find_name(a, c, out);
	return 1;
}

/* ---- */

int choice_of_profile(struct arena *a, const char *option, const struct spec *s,
		      const struct config *c, struct choice *out, struct err *e)
{
	*out = (struct choice){ 0 };

	/* Looked at in any case: what is wrong with it is said, though it would not count. */
	int annotated = by_annotation(a, s, c, out, e);

	TRY(annotated);
	if (option != NULL)
		*out = (struct choice){ .name = option,
					.file = choice_is_file(option) ? option : NULL,
					.from = { .file = "--profile" } };
	else if (annotated == 0 && c->profile.text != NULL)
		*out = by_config(a, c, &c->profile);
	else if (annotated == 0)
		out->name = choice_default;
	return 0;
}
