/*
 * What a complete profile says of each system call, and the numbers of its ioctls and prctls: looked up once, when
 * it is loaded. For the built-in ones that is when zviz is built.
 */
#include <errno.h>
#include <stdlib.h>

#include "policy/profile_fields.h"
#include "table/table.h"

enum { GROUPS_DEEP = 8 };

/* A list and what its words do to a row. */
struct list {
	const struct words *words;
	void (*mention)(struct call_mention *m, uint16_t word, bool by_name);
};

static void mention_allow(struct call_mention *m, uint16_t word, bool by_name)
{
	if (m->allow != 0 && (m->allow_by_name || !by_name))
		return;
	m->allow = word;
	m->allow_by_name = by_name;
}

static void mention_deny(struct call_mention *m, uint16_t word, bool by_name)
{
	if (m->deny != 0 && (m->deny_by_name || !by_name))
		return;
	m->deny = word;
	m->deny_by_name = by_name;
}

static void mention_broker(struct call_mention *m, uint16_t word, bool by_name)
{
	(void)word;
	(void)by_name;
	m->broker = true;
}

static void mention_tripwire(struct call_mention *m, uint16_t word, bool by_name)
{
	(void)word;
	(void)by_name;
	m->tripwire = true;
}

static int mention_group(struct profile *p, const struct list *l, const struct syscall_group *g,
			 uint16_t word, unsigned depth, struct err *e)
{
	if (depth > GROUPS_DEEP)
		return fail(e, ELOOP, "group %s contains itself", g->name);
	for (const char *const *m = g->members; *m != NULL; m++) {
		const struct syscall_group *inner = **m == '@' ? syscall_group_find(*m) : NULL;
		const struct syscall *s = inner == NULL ? syscall_find(*m) : NULL;

		if (inner != NULL)
			TRY(mention_group(p, l, inner, word, depth + 1, e));
		else if (s != NULL)
			l->mention(&p->syscalls.mentions.at[s - syscalls], word, false);
		else
			return fail(e, EINVAL, "group %s: no system call %s", g->name, *m);
	}
	return 0;
}

static int mention_list(struct profile *p, const struct list *l, struct err *e)
{
	if (l->words->n >= UINT16_MAX)
		return fail(e, E2BIG, "%s: more than %d words in a list of system calls", p->file,
			    UINT16_MAX - 1);
	for (size_t i = 0; i < l->words->n; i++) {
		const char *text = l->words->at[i].text;
		const struct syscall_group *g = text[0] == '@' ? syscall_group_find(text) : NULL;
		const struct syscall *s = g == NULL ? syscall_find(text) : NULL;
		uint16_t word = (uint16_t)(i + 1);

		if (g != NULL)
			TRY(mention_group(p, l, g, word, 0, e));
		else if (s != NULL)
			l->mention(&p->syscalls.mentions.at[s - syscalls], word, true);
		else
			return fail(e, EINVAL, "%s:%u: no system call or group '%s'",
				    l->words->at[i].from.file, l->words->at[i].from.line, text);
	}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint32_t profile_number(const struct name *names, const char *word)
{
	const struct name *known = name_find(names, word);

	return (uint32_t)(known != NULL ? (uint64_t)known->value : strtoull(word, NULL, 0));
}

/* Sorted, as the compiler of filters likes them. */
static void find_values(struct arena *a, const struct words *words, const struct name *names,
			struct numbers *out)
{
	*out = (struct numbers){ .n = words->n, .cap = words->n };
	out->at = arena_array(a, words->n, sizeof *out->at);
	for (size_t i = 0; i < words->n; i++)
		out->at[i] = profile_number(names, words->at[i].text);
	if (out->n != 0)
		qsort(out->at, out->n, sizeof *out->at, by_value);
}

/* Values one after the other cost two comparisons, however many they are: such a run stays whole when any of it is
 * common, and goes when all of it is rare. */
static void find_common(struct arena *a, const struct numbers *all, bool (*is_rare)(uint64_t),
			struct numbers *out)
{
	*out = (struct numbers){ .cap = all->n };
	out->at = arena_array(a, all->n, sizeof *out->at);
	for (size_t i = 0, end; i < all->n; i = end) {
		bool rare = is_rare(all->at[i]);

		for (end = i + 1; end < all->n && all->at[end] - all->at[end - 1] <= 1; end++)
			rare &= is_rare(all->at[end]);
		for (size_t v = i; v < end && !rare; v++)
			out->at[out->n++] = all->at[v];
	}
}

int profile_resolve(struct arena *a, struct profile *p, struct err *e)
{
	const struct list lists[] = {
		{ &p->syscalls.allow, mention_allow },
		{ &p->syscalls.deny, mention_deny },
		{ &p->syscalls.broker, mention_broker },
		{ &p->syscalls.tripwire, mention_tripwire },
	};

	p->syscalls.mentions = (struct call_mentions){ .n = syscalls_count, .cap = syscalls_count };
	p->syscalls.mentions.at = arena_array(a, syscalls_count, sizeof *p->syscalls.mentions.at);
	for (size_t i = 0; i < COUNT(lists); i++)
		TRY(mention_list(p, &lists[i], e));
	for (size_t i = 0; i < p->syscalls.where.n; i++) {
		const struct syscall *s = syscall_find(p->syscalls.where.at[i].syscall);

		if (s != NULL)
			p->syscalls.mentions.at[s - syscalls].where = true;
	}
	find_values(a, &p->ioctl_allow, ioctl_names, &p->ioctl_values);
	find_values(a, &p->prctl_allow, prctl_names, &p->prctl_values);
	find_common(a, &p->ioctl_values, ioctl_is_rare, &p->ioctl_common);
	find_common(a, &p->prctl_values, prctl_is_rare, &p->prctl_common);
	return 0;
}
