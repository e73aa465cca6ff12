/*
 * From a profile to its image, field by field, so that padding is zero and equal profiles have equal
 * images. The build and the tests do this, zviz itself does not.
 */
#include <errno.h>
#include <string.h>

#include "policy/profile_image.h"

#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define BYTES(type, member)                                                                        \
	{                                                                                          \
		SHAPE_BYTES, offsetof(type, member), SIZE_OF(type, member)                         \
	}
#define TEXT(type, member)                                                                         \
	{                                                                                          \
		SHAPE_TEXT, offsetof(type, member), sizeof(char *)                                 \
	}
#define FROM(type, member)                                                                         \
	TEXT(type, member.file), TEXT(type, member.path), BYTES(type, member.line),                \
		BYTES(type, member.column)
#define AMOUNT(type, member)                                                                       \
	BYTES(type, member.set), BYTES(type, member.value), FROM(type, member.from)
#define LIST(type, member, row, shape)                                                             \
	{                                                                                          \
		SHAPE_LIST, offsetof(type, member), sizeof(struct list), sizeof(row), shape        \
	}
#define WORDS(member) LIST(struct profile, member, struct word, word_shape)

/* The shape of every list. */
struct list {
	size_t n, cap;
	void *at;
};

static const struct shape number_shape[] = { { SHAPE_BYTES, 0, sizeof(uint64_t) }, { 0 } };
static const struct shape word_shape[] = {
	TEXT(struct word, text),
	FROM(struct word, from),
	{ 0 },
};
static const struct shape where_shape[] = {
	TEXT(struct where_rule, syscall),
	BYTES(struct where_rule, arg),
	BYTES(struct where_rule, mask),
	LIST(struct where_rule, n, uint64_t, number_shape),
	BYTES(struct where_rule, then),
	FROM(struct where_rule, from),
	{ 0 },
};
static const struct shape socket_shape[] = {
	BYTES(struct socket_rule, family),
	BYTES(struct socket_rule, types),
	LIST(struct socket_rule, n, uint64_t, number_shape),
	FROM(struct socket_rule, from),
	{ 0 },
};
static const struct shape egress_shape[] = {
	TEXT(struct egress_rule, cidr),
	TEXT(struct egress_rule, domain),
	LIST(struct egress_rule, n, uint64_t, number_shape),
	BYTES(struct egress_rule, limit),
	BYTES(struct egress_rule, connections),
	BYTES(struct egress_rule, allow_private),
	FROM(struct egress_rule, from),
	{ 0 },
};
static const struct shape address_shape[] = {
	TEXT(struct address_rule, cidr),
	LIST(struct address_rule, n, uint64_t, number_shape),
	BYTES(struct address_rule, base),
	BYTES(struct address_rule, bits),
	TEXT(struct address_rule, text),
	FROM(struct address_rule, from),
	{ 0 },
};
static const struct shape ingress_shape[] = {
	BYTES(struct ingress_rule, port),
	FROM(struct ingress_rule, from),
	{ 0 },
};
static const struct shape io_shape[] = {
	TEXT(struct io_rule, path),
	BYTES(struct io_rule, rbps),
	BYTES(struct io_rule, wbps),
	BYTES(struct io_rule, riops),
	BYTES(struct io_rule, wiops),
	FROM(struct io_rule, from),
	{ 0 },
};

static const struct shape hugetlb_shape[] = {
	TEXT(struct hugetlb_rule, size),
	BYTES(struct hugetlb_rule, limit),
	FROM(struct hugetlb_rule, from),
	{ 0 },
};

static const struct shape mention_shape[] = {
	BYTES(struct call_mention, allow),         BYTES(struct call_mention, deny),
	BYTES(struct call_mention, allow_by_name), BYTES(struct call_mention, deny_by_name),
	BYTES(struct call_mention, broker),        BYTES(struct call_mention, where),
	BYTES(struct call_mention, tripwire),      { 0 },
};

const struct shape profile_shape[] = {
	TEXT(struct profile, file),
	BYTES(struct profile, builtin),
	TEXT(struct profile, name),
	TEXT(struct profile, description),
	WORDS(sources),
	WORDS(namespaces),
	WORDS(keep_capabilities),
	WORDS(syscalls.allow),
	WORDS(syscalls.deny),
	WORDS(syscalls.broker),
	WORDS(syscalls.tripwire),
	WORDS(syscalls.architectures),
	LIST(struct profile, syscalls.where, struct where_rule, where_shape),
	LIST(struct profile, syscalls.mentions, struct call_mention, mention_shape),
	WORDS(devices),
	WORDS(ioctl_allow),
	WORDS(prctl_allow),
	LIST(struct profile, ioctl_values, uint64_t, number_shape),
	LIST(struct profile, prctl_values, uint64_t, number_shape),
	LIST(struct profile, ioctl_common, uint64_t, number_shape),
	LIST(struct profile, prctl_common, uint64_t, number_shape),
	LIST(struct profile, sockets_allow, struct socket_rule, socket_shape),
	BYTES(struct profile, filesystem.root_readonly),
	WORDS(filesystem.read),
	WORDS(filesystem.write),
	WORDS(filesystem.execute),
	WORDS(filesystem.hide),
	WORDS(filesystem.deny_read),
	WORDS(filesystem.deny_write),
	WORDS(ask.read),
	WORDS(ask.write),
	WORDS(ask.execute),
	LIST(struct profile, ask.connect, struct address_rule, address_shape),
	WORDS(ask.always.read),
	WORDS(ask.always.write),
	WORDS(ask.always.execute),
	LIST(struct profile, ask.always.connect, struct address_rule, address_shape),
	AMOUNT(struct profile, ask.timeout),
	BYTES(struct profile, network.mode),
	FROM(struct profile, network.mode_from),
	LIST(struct profile, network.egress, struct egress_rule, egress_shape),
	LIST(struct profile, network.ingress, struct ingress_rule, ingress_shape),
	AMOUNT(struct profile, resources.memory),
	AMOUNT(struct profile, resources.memory_high),
	AMOUNT(struct profile, resources.swap),
	AMOUNT(struct profile, resources.cpus),
	AMOUNT(struct profile, resources.cpu_weight),
	TEXT(struct profile, resources.cpuset.cpus.text),
	FROM(struct profile, resources.cpuset.cpus.from),
	TEXT(struct profile, resources.cpuset.mems.text),
	FROM(struct profile, resources.cpuset.mems.from),
	AMOUNT(struct profile, resources.pids),
	AMOUNT(struct profile, resources.nofile),
	AMOUNT(struct profile, resources.tmpfs),
	LIST(struct profile, resources.io, struct io_rule, io_shape),
	AMOUNT(struct profile, resources.io_weight),
	LIST(struct profile, resources.hugetlb, struct hugetlb_rule, hugetlb_shape),
	BYTES(struct profile, resources.view),
	FROM(struct profile, resources.view_from),
	BYTES(struct profile, requirements.landlock),
	BYTES(struct profile, requirements.landlock_need),
	BYTES(struct profile, requirements.seccomp_notify),
	BYTES(struct profile, requirements.user_namespace),
	WORDS(requirements.cgroup),
	BYTES(struct profile, requirements.cgroup_need),
	BYTES(struct profile, requirements.network_policy),
	FROM(struct profile, requirements.landlock_from),
	FROM(struct profile, requirements.cgroup_from),
	BYTES(struct profile, audit),
	WORDS(warnings),
	{ 0 },
};

/* ---- writing an image ---- */

enum { IMAGE_BYTES_MAX = (UINT16_MAX + 1) * sizeof(uint64_t) };

struct writer {
	struct arena *arena;
	char *image; /* IMAGE_BYTES_MAX of them, zeroed */
	size_t used;
	bool full;
	LIST_OF(uint16_t) pointers;
	LIST_OF(size_t) texts; /* where each begins: equal texts are one */
};

/* A place for `size` bytes, aligned for any struct of a profile. */
static size_t reserve(struct writer *w, size_t size, size_t align)
{
	size_t at = (w->used + align - 1) & ~(align - 1);

	w->full |= size > IMAGE_BYTES_MAX || at > IMAGE_BYTES_MAX - size;
	if (w->full)
		return 0;
	w->used = at + size;
	return at;
}

static void point(struct writer *w, size_t at, uint64_t to)
{
	memcpy(w->image + at, &to, sizeof to);
	*LIST_ADD(w->arena, &w->pointers) = (uint16_t)(at / sizeof(uint64_t));
}

static size_t put_text(struct writer *w, const char *text)
{
	for (size_t i = 0; i < w->texts.n; i++)
		if (strcmp(w->image + w->texts.at[i], text) == 0)
			return w->texts.at[i];

	size_t size = strlen(text) + 1, at = reserve(w, size, 1);

	if (w->full)
		return 0;
	memcpy(w->image + at, text, size);
	*LIST_ADD(w->arena, &w->texts) = at;
	return at;
}

static void put(struct writer *w, const struct shape *s, const char *from, size_t at);

static void put_list(struct writer *w, const struct shape *s, const struct list *l, size_t at)
{
	const struct list empty = { .n = l->n, .cap = l->n };
	size_t rows = reserve(w, l->n * s->row_size, sizeof(uint64_t));

	memcpy(w->image + at, &empty, sizeof empty);
	if (l->n == 0 || w->full)
		return;
	point(w, at + offsetof(struct list, at), rows);
	for (size_t i = 0; i < l->n; i++)
		put(w, s->rows, (const char *)l->at + i * s->row_size, rows + i * s->row_size);
}

static void put(struct writer *w, const struct shape *s, const char *from, size_t at)
{
	for (; s->size != 0 && !w->full; s++) {
		const char *text;
		struct list list;

		switch (s->kind) {
		case SHAPE_BYTES:
			memcpy(w->image + at + s->offset, from + s->offset, s->size);
			break;
		case SHAPE_TEXT:
			memcpy(&text, from + s->offset, sizeof text);
			if (text != NULL)
				point(w, at + s->offset, put_text(w, text));
			break;
		case SHAPE_LIST:
			memcpy(&list, from + s->offset, sizeof list);
			put_list(w, s, &list, at + s->offset);
			break;
		}
	}
}

int profile_pack(struct arena *a, const struct profile *p, struct profile_image *out, struct err *e)
{
	struct writer w = { .arena = a, .image = arena_alloc(a, IMAGE_BYTES_MAX) };

	put(&w, profile_shape, (const char *)p, reserve(&w, sizeof *p, sizeof(uint64_t)));
	if (w.full)
		return fail(e, E2BIG, "profile %s: its image needs more than %zu bytes", p->name,
			    (size_t)IMAGE_BYTES_MAX);
	*out = (struct profile_image){
		.nwords = (w.used + sizeof(uint64_t) - 1) / sizeof(uint64_t),
		.npointers = w.pointers.n,
		.words = (const uint64_t *)w.image,
		.pointers = w.pointers.at,
	};
	return 0;
}
