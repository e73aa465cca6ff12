/*
 * What a profile must not say in one file: the same thing twice, or a thing and its opposite. Between files there is no
 * such rule: one that extends another is there to differ.
 *
 * Rows become entries that are sorted, so that a file of a million rows is not compared pair by pair.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/profile_fields.h"
#include "table/table.h"

/* What makes two rows the same thing: the text, the numbers and the bytes. */
struct entry {
	const char *text; /* or NULL */
	size_t len;
	uint64_t number[3];
	const void *bytes;
	size_t nbytes;
	const char *shown; /* what messages call it */
	const struct from *from;
	unsigned side; /* which of two lists it stands in, or which of two verdicts it has */
	size_t order;
};

/* The rows of the file at hand: their place has its very name, those of what it extends have others. */
struct entries {
	struct arena *a;
	const char *file;
	size_t n, cap;
	struct entry *at;
	struct entry other; /* takes in what other files say: nobody looks at it */
};

static struct entry *add(struct entries *s, const struct from *from, const char *shown)
{
	struct entry *x;

	if (from->file != s->file)
		return &s->other;
	x = LIST_ADD(s->a, s);
	*x = (struct entry){ .from = from, .shown = shown, .order = s->n };
	return x;
}

static int compare_things(const struct entry *x, const struct entry *y)
{
	int r = 0;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	if (x->len != 0)
		r = memcmp(x->text, y->text, x->len);
	for (size_t i = 0; i < COUNT(x->number) && r == 0; i++)
		r = (x->number[i] > y->number[i]) - (x->number[i] < y->number[i]);
	if (r == 0 && x->nbytes != y->nbytes)
		r = x->nbytes < y->nbytes ? -1 : 1;
	if (r == 0 && x->nbytes != 0)
		r = memcmp(x->bytes, y->bytes, x->nbytes);
	return r;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = compare_things(x, y);

	return r != 0 ? r : (x->order > y->order) - (x->order < y->order);
}

/* How a rule of this file speaks of two entries of one thing. */
struct wording {
	const char *list;
	const char *twice;    /* on one side; NULL: that is nobody's business here */
	const char *opposite; /* on both sides */
	const char *fix;
};

static const char keep_one[] = "keep one of the two";

static const char *words_for(const struct wording *w, const struct entry *x, const struct entry *y)
{
	return x->side == y->side ? w->twice : w->opposite;
}

/* The first place in the file that repeats or contradicts an earlier one. */
static int check(struct entries *s, const struct wording *w, struct err *e)
{
	const struct entry *first = NULL, *before = NULL;

	if (s->n < 2)
		return 0;
	qsort(s->at, s->n, sizeof *s->at, compare_entries);
	for (size_t i = 1; i < s->n; i++) {
		const struct entry *x = &s->at[i - 1], *y = &s->at[i];

		if (compare_things(x, y) == 0 && words_for(w, x, y) != NULL &&
		    (first == NULL || y->order < first->order)) {
			first = y;
			before = x;
		}
	}
	if (first == NULL)
		return 0;
	fail(e, EINVAL, "%s:%u:%u: %s: '%s' %s line %u, column %u", first->from->file,
	     first->from->line, first->from->column, w->list, text_shown(s->a, first->shown),
	     words_for(w, before, first), before->from->line, before->from->column);
	return advise(e, "%s", w->fix);
}

/* ---- words ---- */

typedef void (*fill_entry)(struct entry *x, const char *word);

static void as_text(struct entry *x, const char *word)
{
	x->text = word;
	x->len = strlen(word);
}

/* A folder with a slash at its end is the same folder. */
static void as_path(struct entry *x, const char *word)
{
	as_text(x, word);
	while (x->len > 1 && word[x->len - 1] == '/')
		x->len--;
}

static void as_ioctl(struct entry *x, const char *word)
{
	x->number[0] = profile_number(ioctl_names, word);
}

static void as_prctl(struct entry *x, const char *word)
{
	x->number[0] = profile_number(prctl_names, word);
}

static const struct words *words_at(const struct profile *p, size_t offset)
{
	return (const struct words *)((const char *)p + offset);
}

static void add_words(struct entries *s, const struct profile *p, size_t offset, fill_entry fill,
		      unsigned side)
{
	const struct words *w = words_at(p, offset);

	for (size_t i = 0; i < w->n; i++) {
		struct entry *x = add(s, &w->at[i].from, w->at[i].text);

		fill(x, w->at[i].text);
		x->side = side;
	}
}

#define LIST(member) offsetof(struct profile, member)

static const struct {
	const char *name;
	size_t offset;
	fill_entry fill;
} lists[] = {
	{ "namespaces", LIST(namespaces), as_text },
	{ "capabilities.keep", LIST(keep_capabilities), as_text },
	{ "syscalls.allow", LIST(syscalls.allow), as_text },
	{ "syscalls.deny", LIST(syscalls.deny), as_text },
	{ "syscalls.broker", LIST(syscalls.broker), as_text },
	{ "syscalls.tripwire", LIST(syscalls.tripwire), as_text },
	{ "syscalls.architectures", LIST(syscalls.architectures), as_text },
	{ "devices", LIST(devices), as_text },
	{ "ioctl.allow", LIST(ioctl_allow), as_ioctl },
	{ "prctl.allow", LIST(prctl_allow), as_prctl },
	{ "filesystem.read", LIST(filesystem.read), as_path },
	{ "filesystem.write", LIST(filesystem.write), as_path },
	{ "filesystem.execute", LIST(filesystem.execute), as_path },
	{ "filesystem.hide", LIST(filesystem.hide), as_path },
	{ "filesystem.deny.read", LIST(filesystem.deny_read), as_text },
	{ "filesystem.deny.write", LIST(filesystem.deny_write), as_text },
	{ "ask.read", LIST(ask.read), as_text },
	{ "ask.write", LIST(ask.write), as_text },
	{ "ask.execute", LIST(ask.execute), as_text },
	{ "ask.always.read", LIST(ask.always.read), as_text },
	{ "ask.always.write", LIST(ask.always.write), as_text },
	{ "ask.always.execute", LIST(ask.always.execute), as_text },
	{ "requirements.cgroup", LIST(requirements.cgroup), as_text },
	{ "warn", LIST(warnings), as_text },
};

static int check_lists(struct arena *a, const struct profile *p, const char *file, struct err *e)
{
	for (size_t i = 0; i < COUNT(lists); i++) {
		const struct wording w = { lists[i].name, "is listed already in", NULL, keep_one };
		struct entries s = { .a = a, .file = file };

		add_words(&s, p, lists[i].offset, lists[i].fill, 0);
		TRY(check(&s, &w, e));
	}
	return 0;
}

/* Of a row that is removed, another may take the place; a word would only be back. */
static int check_removed(struct arena *a, const struct profile *p, const struct profile *gone,
			 const char *file, struct err *e)
{
	for (size_t i = 0; i < COUNT(lists); i++) {
		if (words_at(gone, lists[i].offset)->n == 0)
			continue;

		const struct wording w = { arena_printf(a, "remove: %s", lists[i].name), NULL,
					   "is added in", keep_one };
		struct entries s = { .a = a, .file = file };

		add_words(&s, p, lists[i].offset, lists[i].fill, 0);
		add_words(&s, gone, lists[i].offset, lists[i].fill, 1);
		TRY(check(&s, &w, e));
	}
	return 0;
}

static const struct {
	size_t one, other;
	fill_entry fill;
	const char *names, *says;
} opposites[] = {
	{ LIST(syscalls.allow), LIST(syscalls.deny), as_text, "syscalls.allow and .deny",
	  "is in the other list in" },
	{ LIST(syscalls.tripwire), LIST(syscalls.deny), as_text, "syscalls.tripwire and .deny",
	  "is in the other list in" },
	{ LIST(filesystem.hide), LIST(filesystem.read), as_path, "filesystem.hide and .read",
	  "is in the other list in" },
	{ LIST(filesystem.hide), LIST(filesystem.write), as_path, "filesystem.hide and .write",
	  "is in the other list in" },
	{ LIST(filesystem.hide), LIST(filesystem.execute), as_path, "filesystem.hide and .execute",
	  "is in the other list in" },
	{ LIST(filesystem.deny_read), LIST(filesystem.read), as_path,
	  "filesystem.read and .deny.read", "is in the other list in" },
	{ LIST(filesystem.deny_write), LIST(filesystem.write), as_path,
	  "filesystem.write and .deny.write", "is in the other list in" },
	{ LIST(filesystem.deny_read), LIST(ask.read), as_text, "ask.read and filesystem.deny.read",
	  "is in the other list in" },
	{ LIST(filesystem.deny_write), LIST(ask.write), as_text,
	  "ask.write and filesystem.deny.write", "is in the other list in" },
	{ LIST(ask.read), LIST(ask.always.read), as_text, "ask.read and ask.always.read",
	  "is in the other list in" },
	{ LIST(ask.write), LIST(ask.always.write), as_text, "ask.write and ask.always.write",
	  "is in the other list in" },
	{ LIST(ask.execute), LIST(ask.always.execute), as_text,
	  "ask.execute and ask.always.execute", "is in the other list in" },
};

static int check_opposites(struct arena *a, const struct profile *p, const char *file,
			   struct err *e)
{
	for (size_t i = 0; i < COUNT(opposites); i++) {
		const struct wording w = { opposites[i].names, NULL, opposites[i].says, keep_one };
		struct entries s = { .a = a, .file = file };

		add_words(&s, p, opposites[i].one, opposites[i].fill, 0);
		add_words(&s, p, opposites[i].other, opposites[i].fill, 1);
		TRY(check(&s, &w, e));
	}
	return 0;
}

/* ---- rows ---- */

/* The first row that fits decides: a second one for the same value is never heard. */
static void add_where(struct entries *s, const struct profile *p)
{
	for (size_t i = 0; i < p->syscalls.where.n; i++) {
		const struct where_rule *r = &p->syscalls.where.at[i];

		for (size_t v = 0; v < r->n; v++) {
			struct entry *x = add(s, &r->from, r->syscall);

			as_text(x, r->syscall);
			x->number[0] = r->arg;
			x->number[1] = r->mask;
			x->number[2] = r->in[v];
			x->side = r->then;
		}
	}
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* In whichever order they were written. */
static void as_set(struct entries *s, struct entry *x, const uint64_t *numbers, size_t n)
{
	uint64_t *sorted = arena_array(s->a, n, sizeof *sorted);

	if (n == 0)
		return;
	memcpy(sorted, numbers, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_number);
	x->bytes = sorted;
	x->nbytes = n * sizeof *sorted;
}

static void add_sockets(struct entries *s, const struct profile *p)
{
	for (size_t i = 0; i < p->sockets_allow.n; i++) {
		const struct socket_rule *r = &p->sockets_allow.at[i];
		const struct name *family = name_of(socket_families, r->family);
		struct entry *x = add(s, &r->from, family != NULL ? family->name : "");

		x->number[0] = (uint64_t)r->family;
		x->number[1] = r->types;
		as_set(s, x, r->protocols, r->n);
	}
}

static void add_egress(struct entries *s, const struct profile *p)
{
	for (size_t i = 0; i < p->network.egress.n; i++) {
		const struct egress_rule *r = &p->network.egress.at[i];
		const char *to = r->cidr != NULL ? r->cidr : r->domain;
		struct entry *x = add(s, &r->from, to);

		as_text(x, to);
		as_set(s, x, r->ports, r->n);
	}
}

/* What a range means counts, however it was written. */
static void add_addresses(struct entries *s, const struct address_rules *rules, unsigned side)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct address_rule *r = &rules->at[i];
		struct entry *x = add(s, &r->from, r->text);

		as_set(s, x, r->ports, r->n);
		memcpy(x->number, r->base, sizeof r->base);
		x->number[2] = r->bits;
		x->side = side;
	}
}

static void add_asked(struct entries *s, const struct profile *p)
{
	add_addresses(s, &p->ask.connect, 0);
	add_addresses(s, &p->ask.always.connect, 1);
}

static void add_ingress(struct entries *s, const struct profile *p)
{
	for (size_t i = 0; i < p->network.ingress.n; i++) {
		const struct ingress_rule *r = &p->network.ingress.at[i];

		add(s, &r->from, arena_printf(s->a, "%u", r->port))->number[0] = r->port;
	}
}

static void add_io(struct entries *s, const struct profile *p)
{
	for (size_t i = 0; i < p->resources.io.n; i++) {
		const struct io_rule *r = &p->resources.io.at[i];

		as_path(add(s, &r->from, r->path), r->path);
	}
}

static void add_hugetlb(struct entries *s, const struct profile *p)
{
	for (size_t i = 0; i < p->resources.hugetlb.n; i++) {
		const struct hugetlb_rule *r = &p->resources.hugetlb.at[i];

		as_text(add(s, &r->from, r->size), r->size);
	}
}

static const struct {
	void (*add)(struct entries *s, const struct profile *p);
	struct wording wording;
} rows[] = {
	{ add_where,
	  { "syscalls.where", "has one of these values already in",
	    "has another verdict for one of these values in", keep_one } },
	{ add_sockets, { "sockets.allow", "has the same row in", NULL, keep_one } },
	{ add_egress, { "network.egress.allow", "has the same row in", NULL, keep_one } },
	{ add_asked,
	  { "ask.connect and ask.always.connect", "has the same row in", "is in the other list in",
	    keep_one } },
	{ add_ingress, { "network.ingress.allow", "is listed already in", NULL, keep_one } },
	{ add_io, { "resources.io", "has a row in", NULL, "write its limits into one row" } },
	{ add_hugetlb, { "resources.hugetlb", "has a row in", NULL, keep_one } },
};

int profile_conflicts(struct arena *a, const struct profile *p, const struct profile *gone,
		      const char *file, struct err *e)
{
	TRY(check_lists(a, p, file, e));
	TRY(check_removed(a, p, gone, file, e));
	TRY(check_opposites(a, p, file, e));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entries s = { .a = a, .file = file };

		rows[i].add(&s, p);
		TRY(check(&s, &rows[i].wording, e));
	}
	return 0;
}
