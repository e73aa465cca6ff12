#include "policy/sources.h"

#include <errno.h>
#include <string.h>

/* Files are opened in the order in which they were opened before. */
struct reader {
	struct sources *sources;
	size_t next;
};

void sources_add_builtins(struct arena *a, const struct profile *p, struct sources *s)
{
	for (size_t i = p->sources.n; i-- > 0;) {
		const struct builtin_profile *b = profile_builtin(p->sources.at[i].text);

		if (b != NULL)
			*LIST_ADD(a, s) = (struct source){ b->name,
							   arena_strndup(a, b->text, b->len),
							   b->len, true };
	}
}

static int open_next(void *ctx, const char *name, struct arena *a, char **text, size_t *len,
		     struct err *e)
{
	struct reader *r = ctx;
	struct source *s = &r->sources->at[r->next];

	(void)a;
	if (r->next >= r->sources->n || s->builtin ||
	    (s->name != NULL && strcmp(s->name, name) != 0))
		return fail(e, ENOENT, "%s: not among the files that were compiled", name);
	r->next++;
	s->name = name;
	*text = s->text;
	*len = s->len;
	return 0;
}

int sources_profile(struct arena *a, struct sources *s, struct profile *out, struct err *e)
{
	struct reader r = { s, 1 };

	if (s->n == 0)
		return fail(e, EINVAL, "no profile was compiled");
	if (s->at[0].builtin) {
		const struct builtin_profile *b = profile_builtin(s->at[0].name);

		if (b == NULL)
			return fail(e, ENOENT, "no built-in profile is called '%.80s'",
				    s->at[0].name);
		return profile_load_builtin(a, b, out, e);
	}
	return profile_load(a, s->at[0].name, s->at[0].text, s->at[0].len, open_next, &r, out, e);
}
