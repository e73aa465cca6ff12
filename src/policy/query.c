/*
 * Questions: from words to values, and who answers which.
 */
#include "policy/query.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "policy/query_parts.h"

static const struct verb {
	const char *word;
	enum query_want want;
} verbs[] = {
	{ "read", QUERY_READ },
	{ "write", QUERY_WRITE },
	{ "execute", QUERY_EXECUTE },
};

static const struct verb *verb_find(const char *word)
{
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (strcmp(verbs[i].word, word) == 0)
			return &verbs[i];
	return NULL;
}

bool query_begins(const char *word)
{
	return word[0] == '/' || verb_find(word) != NULL || syscall_find(word) != NULL;
}

const char *query_nearest(const char *word)
{
	struct name_near near = { 0 };

	for (const struct syscall *s = syscalls; s->name[0] != '\0'; s++)
		name_offer(&near, word, s->name);
	name_offer(&near, word, "execute");
	return near.best;
}

/* "." and ".." by their letters: what they mean behind a link, nobody knows before it is there. */
static int absolute(struct arena *a, const char *word, const char **out, struct err *e)
{
	char *path = arena_alloc(a, strlen(word) + 2);
	size_t len = 0;

	if (word[0] != '/')
		return fail(e, EINVAL, "'%.80s': a path of the container starts with /", word);
	for (const char *at = word; *at != '\0';) {
		at += strspn(at, "/");

		size_t part = strcspn(at, "/");

		if (part == 2 && at[0] == '.' && at[1] == '.') {
			while (len > 0 && path[--len] != '/')
				;
		} else if (part != 0 && !(part == 1 && at[0] == '.')) {
			path[len++] = '/';
			memcpy(path + len, at, part);
			len += part;
		}
		at += part;
	}
	if (len == 0)
		path[len++] = '/';
	path[len] = '\0';
	*out = path;
	return 0;
}

static unsigned argument_count(const struct syscall *s)
{
	unsigned n = 0;

	while (n < QUERY_ARGS && s->arg[n] != ARG_NONE)
		n++;
	return n;
}

static int too_many(struct arena *a, const struct syscall *s, const char *word, struct err *e)
{
	struct buf known = { .arena = a };
	unsigned n = argument_count(s);

	for (unsigned i = 0; i < n; i++)
		buf_printf(&known, "%s%s", i != 0 ? ", " : "",
			   s->arg[i] == ARG_PATH ? "path" : query_argument(a, s, i));
	fail(e, EINVAL, "%s: '%.80s' is one argument too many", s->name, word);
	if (n == 0)
		return advise(e, "it has none");
	return advise(e, "it has %s", buf_text(&known));
}

/* What can be left out in front: a descriptor, where a name follows. */
static unsigned skip_descriptors(struct query *q, unsigned at, const char *word)
{
	for (; at < QUERY_ARGS && !query_is_number(word) && strcmp(word, "_") != 0; at++) {
		if (q->call->arg[at] == ARG_DIRFD && strncmp(word, "AT_", 3) != 0) {
			q->arg[at] = (uint64_t)AT_FDCWD;
			q->given[at] = true;
		} else if (q->call->arg[at] != ARG_FD) {
			break;
		}
	}
	return at;
}

static int call_argument(struct arena *a, struct query *q, unsigned at, const char *word,
			 struct err *e)
{
	enum arg_role role = q->call->arg[at];

	if (strcmp(word, "_") == 0)
		return 0;
	if (role == ARG_POINTER && !query_is_number(word) &&
	    strcmp(q->call->name, "openat2") == 0) {
		q->has_flags = true;
		return query_value(ARG_OPEN_FLAGS, word, &q->flags, e);
	}
	if (role == ARG_PATH || (role == ARG_ADDRESS && !query_is_number(word)))
		TRY(absolute(a, word, &q->paths[at], e));
	else
		TRY(query_value(role, word, &q->arg[at], e));
	if (role == ARG_ADDRESS && q->paths[at] != NULL)
		q->arg[at] = 1; /* wherever it is, it is not NULL */
	q->given[at] = true;
	return 0;
}

static int parse_call(struct arena *a, int argc, const char *const *argv, struct query *q,
		      struct err *e)
{
	unsigned at = 0;

	q->kind = QUERY_CALL;
	for (int i = 1; i < argc; i++, at++) {
		at = skip_descriptors(q, at, argv[i]);
		if (at >= argument_count(q->call))
			return too_many(a, q->call, argv[i], e);
		if (call_argument(a, q, at, argv[i], e) < 0)
			return within(e, "%s: %s", q->call->name, query_argument(a, q->call, at));
	}
	return 0;
}

static int parse_path(struct arena *a, int argc, const char *const *argv, enum query_want want,
		      struct query *q, struct err *e)
{
	q->kind = QUERY_PATH;
	q->want = want;
	if (argc > 1) {
		fail(e, EINVAL, "'%.80s' is one word too many behind a path", argv[1]);
		return advise(e, "a command to run goes behind --: zviz explain ID -- COMMAND");
	}
	return absolute(a, argv[0], &q->path, e);
}

int query_parse(struct arena *a, int argc, const char *const *argv, struct query *out,
		struct err *e)
{
	const struct verb *verb = verb_find(argv[0]);
	const char *near;

	*out = (struct query){ .call = syscall_find(argv[0]) };
	if (argv[0][0] == '/')
		return parse_path(a, argc, argv, QUERY_LOOK, out, e);
	if (verb != NULL && argc > 1 && argv[1][0] == '/')
		return parse_path(a, argc - 1, argv + 1, verb->want, out, e);
	if (strcmp(argv[0], "connect") == 0 && argc == 2 && argv[1][0] != '/' &&
	    strpbrk(argv[1], ".:") != NULL) {
		out->kind = QUERY_ADDRESS;
		return query_address_parse(a, argv[1], &out->address, e);
	}
	if (out->call != NULL)
		return parse_call(a, argc, argv, out, e);
	if (verb != NULL)
		return fail(e, EINVAL, "%s: a path that starts with / must follow", argv[0]);
	fail(e, EINVAL, "'%.80s' is no system call, and no path", argv[0]);
	if ((near = query_nearest(argv[0])) != NULL)
		return advise(e, "the nearest known is '%s'", near);
	return advise(e,
		      "ask for a system call, an absolute path, read, write, execute or connect");
}

/* ---- answers ---- */

struct query_part *part_add(struct asking *q, const char *layer, enum query_verdict verdict,
			    const char *why)
{
	struct query_answer *out = q->answer;
	struct query_part *part =
		&out->parts[out->nparts < QUERY_PARTS_MAX ? out->nparts++ : QUERY_PARTS_MAX - 1];

	*part = (struct query_part){
		.what = layer, .layer = layer, .verdict = verdict, .why = why
	};
	return part;
}

static bool stops(enum query_verdict v)
{
	return v == QUERY_REFUSED || v == QUERY_KILLED || v == QUERY_UNSEEN;
}

/* The first layer that stops it; without one, what is least certain. */
static const struct query_part *deciding(const struct query_answer *answer)
{
	const struct query_part *found = &answer->parts[0];

	for (size_t i = 0; i < answer->nparts; i++)
		if (stops(answer->parts[i].verdict))
			return &answer->parts[i];
	for (size_t i = 1; i < answer->nparts; i++)
		if (answer->parts[i].verdict == QUERY_ASKED)
			found = &answer->parts[i];
	return found;
}

static const char *operation(struct asking *q)
{
	const struct query *query = q->query;
	struct buf b = { .arena = q->a };
	unsigned n = argument_count(query->call), last = 0;
	char text[256];

	for (unsigned i = 0; i < n; i++)
		if (query->given[i] || (query->has_flags && query->call->arg[i] == ARG_POINTER))
			last = i + 1;
	buf_printf(&b, "%s(", query->call->name);
	for (unsigned i = 0; i < last; i++) {
		describe_argument(text, sizeof text, query->call->arg[i], query->arg[i]);
		buf_puts(&b, i != 0 ? ", " : "");
		if (query->paths[i] != NULL)
			buf_printf(&b, "\"%s\"", shown(q->a, query->paths[i]));
		else
			buf_puts(&b, query->given[i] ? text : "_");
	}
	buf_puts(&b, last == n ? ")" : last == 0 ? "...)" : ", ...)");
	return buf_text(&b);
}

static int ask_call(struct asking *q, struct err *e)
{
	const struct plan *p = q->plan;
	const struct plan_call *row = query_row(p, q->query->call->name);
	const char *machine = p->host->arch == HOST_AARCH64 ? "aarch64" : "x86_64";

	if (row == NULL) {
		fail(e, EINVAL, "%s has no system call %s", machine, q->query->call->name);
		return advise(e, "every number that it does not know answers ENOSYS");
	}
	q->answer->operation = operation(q);
	query_call(q, row);
	return 0;
}

int query_ask(struct arena *a, const struct plan *p, const struct query *query,
	      struct query_answer *out, struct err *e)
{
	struct asking q = { a, p, query, out };

	*out = (struct query_answer){ .operation = "" };
	switch (query->kind) {
	case QUERY_CALL:
		TRY(ask_call(&q, e));
		break;
	case QUERY_PATH:
		query_path(&q);
		break;
	case QUERY_ADDRESS:
		query_address(&q);
		break;
	}
	out->decides = query->kind == QUERY_PATH && query->want == QUERY_LOOK ? &out->parts[0]
									      : deciding(out);
	out->verdict = out->decides->verdict;
	return 0;
}
