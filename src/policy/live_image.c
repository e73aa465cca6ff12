#include "policy/live_image.h"

#include <errno.h>
#include <string.h>

#include "table/table.h"

const char live_file_name[] = "policy";

enum { ALIGN = 8 };

struct image_head {
	uint32_t magic, layout; /* another build's tables may look different */
	uint64_t bytes;
	struct live_tables tables;
};

size_t live_slot(uint32_t generation)
{
	return LIVE_HEAD_BYTES + (generation & 1) * (size_t)LIVE_SLOT_BYTES;
}

/* ---- what the tables hold that needs a look ---- */

enum kind {
	BOOL,
	BELOW,     /* an enumeration or an index: less than `most`; as wide as `size` */
	NOTHING,   /* a pointer that is NULL */
	TEXT,      /* may be NULL */
	SAID_TEXT, /* may not */
	CALL_NAME, /* of a row of syscalls[] */
	ONE,       /* a pointer to one of `rows`, not NULL */
	LIST,      /* { size_t n, cap; T *at; } */
};

/* Rows end with size 0; what has none, numbers, is copied as it is. */
struct shape {
	enum kind kind;
	uint16_t offset, size;
	uint16_t most;     /* BELOW */
	uint16_t row_size; /* ONE, LIST */
	const struct shape *rows;
};

#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define IS(kind, type, member)                                                                     \
	{                                                                                          \
		kind, offsetof(type, member), SIZE_OF(type, member), 0, 0, NULL                    \
	}
#define UP_TO(type, member, last)                                                                  \
	{                                                                                          \
		BELOW, offsetof(type, member), SIZE_OF(type, member), (last) + 1, 0, NULL          \
	}
#define FROM(type, member) IS(TEXT, type, member.file), IS(TEXT, type, member.path)
#define LIST_OF_ROWS(type, member, row, shape)                                                     \
	{                                                                                          \
		LIST, offsetof(type, member), 3 * sizeof(size_t), 0, sizeof(row), shape            \
	}

static const struct shape plain[] = { { 0 } };
static const struct shape from_shape[] = { IS(TEXT, struct from, file),
					   IS(TEXT, struct from, path),
					   { 0 } };
static const struct shape call_shape[] = {
	IS(CALL_NAME, struct plan_call, name),
	UP_TO(struct plan_call, verdict, CALL_ARGS),
	UP_TO(struct plan_call, rest, CALL_ARGS),
	UP_TO(struct plan_call, mediator, MEDIATE_VIEW),
	{ ONE, offsetof(struct plan_call, from), sizeof(void *), 0, sizeof(struct from),
	  from_shape },
	IS(TEXT, struct plan_call, fix),
	IS(NOTHING, struct plan_call, cases),
	{ 0 },
};
static const struct shape where_shape[] = {
	IS(SAID_TEXT, struct where_rule, syscall),
	UP_TO(struct where_rule, arg, 5),
	LIST_OF_ROWS(struct where_rule, n, uint64_t, plain),
	UP_TO(struct where_rule, then, PROFILE_DENY),
	FROM(struct where_rule, from),
	{ 0 },
};
static const struct shape socket_shape[] = {
	LIST_OF_ROWS(struct socket_rule, n, uint64_t, plain),
	FROM(struct socket_rule, from),
	{ 0 },
};
static const struct shape rule_shape[] = {
	IS(SAID_TEXT, struct file_rule, pattern),
	FROM(struct file_rule, from),
	{ 0 },
};
static const struct shape address_shape[] = {
	IS(TEXT, struct address_rule, cidr),
	LIST_OF_ROWS(struct address_rule, n, uint64_t, plain),
	UP_TO(struct address_rule, bits, 128),
	IS(SAID_TEXT, struct address_rule, text),
	FROM(struct address_rule, from),
	{ 0 },
};
static const struct shape path_shape[] = {
	IS(SAID_TEXT, struct plan_path, path),
	FROM(struct plan_path, from),
	{ 0 },
};
static const struct shape source_shape[] = {
	IS(SAID_TEXT, struct source, name),
	IS(SAID_TEXT, struct source, text),
	IS(BOOL, struct source, builtin),
	{ 0 },
};
static const struct shape tables_shape[] = {
	IS(TEXT, struct live_tables, profile),
	LIST_OF_ROWS(struct live_tables, sources, struct source, source_shape),
	UP_TO(struct live_tables, audit, AUDIT_ALL),
	LIST_OF_ROWS(struct live_tables, calls, struct plan_call, call_shape),
	LIST_OF_ROWS(struct live_tables, where, struct where_rule, where_shape),
	LIST_OF_ROWS(struct live_tables, ioctls, uint32_t, plain),
	LIST_OF_ROWS(struct live_tables, prctls, uint32_t, plain),
	LIST_OF_ROWS(struct live_tables, sockets, struct socket_rule, socket_shape),
	FROM(struct live_tables, ioctl_from),
	FROM(struct live_tables, prctl_from),
	FROM(struct live_tables, socket_from),
	FROM(struct live_tables, clone_from),
	FROM(struct live_tables, write_from),
	LIST_OF_ROWS(struct live_tables, read, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, write, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, deny_read, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, deny_write, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, hidden, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, ask_read, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, ask_write, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, ask_execute, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, always_read, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, always_write, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, always_execute, struct file_rule, rule_shape),
	LIST_OF_ROWS(struct live_tables, ask_connect, struct address_rule, address_shape),
	LIST_OF_ROWS(struct live_tables, always_connect, struct address_rule, address_shape),
	LIST_OF_ROWS(struct live_tables, paths, struct plan_path, path_shape),
	LIST_OF_ROWS(struct live_tables, net_egress, uint32_t, plain),
	LIST_OF_ROWS(struct live_tables, net_names, uint32_t, plain),
	LIST_OF_ROWS(struct live_tables, net_ingress, uint32_t, plain),
	{ 0 },
};

/* Differs where a build's structs do. */
static uint32_t layout(void)
{
	return (uint32_t)(sizeof(struct live_tables) * 31 + sizeof(struct plan_call) * 37 +
			  sizeof(struct where_rule) * 41 + sizeof(struct socket_rule) * 43 +
			  sizeof(struct plan_path) * 47 + sizeof(struct address_rule) * 59 +
			  MEDIATE_VIEW * 53 + syscalls_count * sizeof(struct syscall) * 61);
}

struct any_list {
	size_t n, cap;
	uintptr_t at;
};

/* ---- writing ---- */

struct writer {
	char *image; /* LIVE_SLOT_BYTES of them, zeroed */
	size_t used;
	bool full;
	/* Where texts are, by what they say, the last one of each: hundreds of rows come from the same few lines of a profile. */
	uint32_t texts[64];
};

/* Where `size` bytes begin; 0: no room. */
static size_t room(struct writer *w, size_t size)
{
	size_t at = (w->used + ALIGN - 1) / ALIGN * ALIGN;

	/* The last byte stays zero: it ends every text. */
	if (w->full || size >= LIVE_SLOT_BYTES - at) {
		w->full = true;
		return 0;
	}
	w->used = at + size;
	return at;
}

static uintptr_t write_bytes(struct writer *w, const void *from, size_t size)
{
	size_t at = room(w, size);

	if (at != 0 && size != 0)
		memcpy(w->image + at, from, size);
	return at;
}

static uintptr_t write_text(struct writer *w, const char *text)
{
	unsigned hash = 0;
	size_t len = 0;

	for (; text[len] != '\0'; len++)
		hash = hash * 31 + (unsigned char)text[len];

	uint32_t *same = &w->texts[hash % COUNT(w->texts)];

	if (*same == 0 || strcmp(w->image + *same, text) != 0)
		*same = (uint32_t)write_bytes(w, text, len + 1);
	return *same;
}

/* 1 + the row of syscalls[]; 0, which nobody reads, for what is none. */
static uintptr_t call_row(const char *name)
{
	const uintptr_t at = (uintptr_t)name - (uintptr_t)syscalls;
	const struct syscall *s;

	/* Whoever plans takes the names from there: they need no search. */
	if (at < syscalls_count * sizeof *syscalls)
		return 1 + at / sizeof *syscalls;
	s = syscall_find(name);
	return s != NULL ? 1 + (uintptr_t)(s - syscalls) : 0;
}

static void write_struct(struct writer *w, size_t at, const struct shape *shape);

/* n structs are copied whole, then what they point at; pointers become offsets. */
static uintptr_t write_rows(struct writer *w, const void *from, size_t n, const struct shape *s)
{
	size_t at = write_bytes(w, from, n * s->row_size);

	for (size_t i = 0; i < n && !w->full; i++)
		write_struct(w, at + i * s->row_size, s->rows);
	return at;
}

static void write_field(struct writer *w, char *field, const struct shape *s)
{
	struct any_list list;
	uintptr_t p;

	memcpy(&p, field, sizeof p < s->size ? sizeof p : s->size);
	switch (s->kind) {
	case TEXT:
	case SAID_TEXT:
		p = p != 0 ? write_text(w, (const char *)p) : 0;
		break;
	case CALL_NAME:
		p = call_row((const char *)p);
		break;
	case ONE:
		p = write_rows(w, (const void *)p, 1, s);
		break;
	case NOTHING:
		p = 0;
		break;
	case LIST:
		memcpy(&list, field, sizeof list);
		list.cap = list.n;
		list.at = list.n != 0 ? write_rows(w, (const void *)list.at, list.n, s) : 0;
		memcpy(field, &list, sizeof list);
		return;
	case BOOL:
	case BELOW:
		return;
	}
	memcpy(field, &p, sizeof p);
}

static void write_struct(struct writer *w, size_t at, const struct shape *shape)
{
	for (const struct shape *s = shape; s->size != 0 && !w->full; s++)
		write_field(w, w->image + at + s->offset, s);
}

int live_write(char *image, const struct live_tables *t, size_t *len, struct err *e)
{
	struct writer w = { .image = image, .used = sizeof(struct image_head) };
	struct image_head head = { .magic = LIVE_MAGIC, .layout = layout(), .tables = *t };

	memcpy(w.image, &head, sizeof head);
	write_struct(&w, offsetof(struct image_head, tables), tables_shape);
	if (w.full)
		return fail(e, E2BIG, "the profile is larger than a running container takes");
	head.bytes = w.used + 1;
	memcpy(w.image + offsetof(struct image_head, bytes), &head.bytes, sizeof head.bytes);
	*len = head.bytes;
	return 0;
}

int live_pack(struct arena *a, const struct live_tables *t, char **image, size_t *len,
	      struct err *e)
{
	*image = arena_alloc(a, LIVE_SLOT_BYTES);
	return live_write(*image, t, len, e);
}

/* ---- reading ---- */

struct reader {
	char *image;
	size_t len;
};

static bool read_struct(const struct reader *r, char *at, const struct shape *shape);

static bool read_rows(const struct reader *r, uintptr_t *p, size_t n, const struct shape *s)
{
	uintptr_t offset = *p;

	if (offset < sizeof(struct image_head) || offset % ALIGN != 0 || offset >= r->len ||
	    n > (r->len - offset) / s->row_size)
		return false;
	for (size_t i = 0; i < n && s->rows->size != 0; i++)
		if (!read_struct(r, r->image + offset + i * s->row_size, s->rows))
			return false;
	*p = (uintptr_t)r->image + offset;
	return true;
}

static bool read_number(const char *field, const struct shape *s)
{
	uint64_t value = 0;

	/* Of both byte orders that there are, zviz runs on this one. */
	memcpy(&value, field, s->size);
	return value < (s->kind == BOOL ? 2 : s->most);
}

/* Of what was an offset in the image. */
static bool read_pointer(const struct reader *r, uintptr_t *p, const struct shape *s)
{
	const uintptr_t offset = *p;

	switch (s->kind) {
	case ONE:
		return read_rows(r, p, 1, s);
	case CALL_NAME:
		if (offset == 0 || offset > syscalls_count)
			return false;
		*p = (uintptr_t)syscalls[offset - 1].name;
		return true;
	case TEXT:
	case SAID_TEXT:
		if (offset == 0)
			return s->kind == TEXT;
		*p = (uintptr_t)r->image + offset;
		return offset >= sizeof(struct image_head) && offset < r->len;
	default: /* NOTHING */
		return offset == 0;
	}
}

static bool read_field(const struct reader *r, char *field, const struct shape *s)
{
	struct any_list list;
	uintptr_t p = 0;

	if (s->kind == BOOL || s->kind == BELOW)
		return read_number(field, s);
	if (s->kind == LIST) {
		memcpy(&list, field, sizeof list);
		list.cap = list.n;
		if (list.n == 0)
			list.at = 0;
		else if (!read_rows(r, &list.at, list.n, s))
			return false;
		memcpy(field, &list, sizeof list);
		return true;
	}
	memcpy(&p, field, sizeof p);
	if (!read_pointer(r, &p, s))
		return false;
	memcpy(field, &p, sizeof p);
	return true;
}

static bool read_struct(const struct reader *r, char *at, const struct shape *shape)
{
	for (const struct shape *s = shape; s->size != 0; s++)
		if (!read_field(r, at + s->offset, s))
			return false;
	return true;
}

size_t live_length(const void *slot)
{
	struct image_head head;

	memcpy(&head, slot, offsetof(struct image_head, tables));
	return head.magic == LIVE_MAGIC && head.layout == layout() && head.bytes > sizeof head &&
			       head.bytes <= LIVE_SLOT_BYTES
		       ? head.bytes
		       : 0;
}

const struct live_tables *live_unpack(void *image, size_t len)
{
	const struct reader r = { image, len };
	struct image_head *head = image;

	if (len <= sizeof *head || live_length(image) != len || r.image[len - 1] != '\0' ||
	    !read_struct(&r, r.image + offsetof(struct image_head, tables), tables_shape))
		return NULL;
	for (size_t i = 0; i < head->tables.sources.n; i++)
		head->tables.sources.at[i].len = strlen(head->tables.sources.at[i].text);
	return &head->tables;
}
