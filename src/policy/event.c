#include "policy/event.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/date.h"

/* Reading and writing walk the same table, in the order of the line. */
enum event_kind { EVENT_TEXT, EVENT_NUMBER, EVENT_SIGNED, EVENT_TIME };

static const struct event_field {
	const char *key;
	enum event_kind kind;
	size_t offset;
	bool needed, cut; /* cut: may be shortened so that the line fits */
	bool spare;       /* left out when it is empty */
} fields[] = {
	{ "time", EVENT_TIME, offsetof(struct event, time_us), true, false },
	{ "container", EVENT_TEXT, offsetof(struct event, container), true, false },
	{ "pid", EVENT_SIGNED, offsetof(struct event, pid), true, false },
	{ "comm", EVENT_TEXT, offsetof(struct event, comm), false, false },
	{ "syscall", EVENT_TEXT, offsetof(struct event, syscall), true, false },
	{ "arguments", EVENT_TEXT, offsetof(struct event, arguments), false, true },
	{ "layer", EVENT_TEXT, offsetof(struct event, layer), true, false },
	{ "rule", EVENT_TEXT, offsetof(struct event, rule), true, false },
	{ "verdict", EVENT_TEXT, offsetof(struct event, verdict), true, false },
	{ "errno", EVENT_TEXT, offsetof(struct event, err), false, false },
	{ "us", EVENT_NUMBER, offsetof(struct event, us), false, false },
	{ "fix", EVENT_TEXT, offsetof(struct event, fix), false, false },
	{ "why", EVENT_TEXT, offsetof(struct event, why), false, false, .spare = true },
};

enum {
	TEXT_MAX =
		240, /* bytes in the line of every text but `arguments`: ten of them leave it 1.3 kB */
};

static const char *text_of(const struct event *ev, const struct event_field *f)
{
	const char *s = *(const char *const *)((const char *)ev + f->offset);

	return s != NULL ? s : "";
}

static uint64_t number_of(const struct event *ev, const struct event_field *f)
{
	return *(const uint64_t *)((const char *)ev + f->offset);
}

/* ---- writing ---- */

struct line {
	char *at, *end;
};

static void put(struct line *l, const char *s, size_t len)
{
	if ((size_t)(l->end - l->at) < len)
		len = (size_t)(l->end - l->at);
	memcpy(l->at, s, len);
	l->at += len;
}

static void puts_line(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* As much of `s` as fits into `room` bytes, quotes included, never half an escape. A byte beyond ASCII counts
 * as the character of that number. */
static void put_text(struct line *l, const char *s, size_t room)
{
	char one[8];
	size_t used = 2;

	puts_line(l, "\"");
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		size_t len;

		if (c == '"' || c == '\\')
			len = (size_t)snprintf(one, sizeof one, "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			len = (size_t)snprintf(one, sizeof one, "%c", c);
		else
			len = (size_t)snprintf(one, sizeof one, "\\u%04x", c);
		if (used + len > room)
			break;
		put(l, one, len);
		used += len;
	}
	puts_line(l, "\"");
}

static void put_time(struct line *l, uint64_t us)
{
	char date[DATE_ROOM], text[64];

	date_write(us / 1000000, date);
	snprintf(text, sizeof text, "\"%s.%06uZ\"", date, (unsigned)(us % 1000000));
	puts_line(l, text);
}

static void put_field(struct line *l, const struct event *ev, const struct event_field *f,
		      size_t room)
{
	char number[32];

	puts_line(l, "\"");
	puts_line(l, f->key);
	puts_line(l, "\":");
	switch (f->kind) {
	case EVENT_TEXT:
		put_text(l, text_of(ev, f), room);
		break;
	case EVENT_TIME:
		put_time(l, number_of(ev, f));
		break;
	case EVENT_SIGNED:
		snprintf(number, sizeof number, "%lld", (long long)number_of(ev, f));
		puts_line(l, number);
		break;
	case EVENT_NUMBER:
		snprintf(number, sizeof number, "%llu", (unsigned long long)number_of(ev, f));
		puts_line(l, number);
		break;
	}
}

static void put_fields(struct line *l, const struct event *ev, size_t arguments_room)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (fields[i].spare && text_of(ev, &fields[i])[0] == '\0')
			continue;
		puts_line(l, i == 0 ? "{" : ",");
		put_field(l, ev, &fields[i], fields[i].cut ? arguments_room : TEXT_MAX);
	}
	puts_line(l, "}\n");
}

size_t event_write(char out[EVENT_LINE_MAX], const struct event *ev)
{
	struct line l = { out, out + EVENT_LINE_MAX };

	/* Once to see what the others leave for the arguments, then for good. */
	put_fields(&l, ev, 2);

	size_t room = (size_t)(l.end - l.at) + 2;

	l.at = out;
	put_fields(&l, ev, room);
	return (size_t)(l.at - out);
}

/* ---- reading ---- */

struct reader {
	struct arena *arena;
	const char *at, *end;
};

static bool take(struct reader *r, const char *token)
{
	size_t len = strlen(token);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, token, len) != 0)
		return false;
	r->at += len;
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* One character of a text, escaped or not; -1 when it is none. */
static int take_char(struct reader *r)
{
	if (r->at == r->end)
		return -1;

	unsigned char c = (unsigned char)*r->at++;

	if (c != '\\')
		return c >= 0x20 && c < 0x7f && c != '"' ? c : -1;
	if (take(r, "\""))
		return '"';
	if (take(r, "\\"))
		return '\\';
	if (!take(r, "u00") || r->end - r->at < 2)
		return -1;

	int high = hex(r->at[0]), low = hex(r->at[1]);

	r->at += 2;
	return high < 0 || low < 0 || (high == 0 && low == 0) ? -1 : high << 4 | low;
}

static bool take_text(struct reader *r, const char **out)
{
	size_t len = 0;

	if (!take(r, "\""))
		return false;

	char *text = arena_alloc(r->arena, (size_t)(r->end - r->at) + 1);

	while (!take(r, "\"")) {
		int c = take_char(r);

		if (c < 0)
			return false;
		text[len++] = (char)c;
	}
	text[len] = '\0';
	*out = text;
	return true;
}

/* Exactly `digits` of them, or with 0 as many as there are, at least one. */
static bool take_number(struct reader *r, unsigned digits, uint64_t *out)
{
	unsigned n = 0;

	*out = 0;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && (digits == 0 || n < digits);
	     r->at++, n++)
		if (__builtin_mul_overflow(*out, (uint64_t)10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*r->at - '0'), out))
			return false;
	return n != 0 && (digits == 0 || n == digits);
}

static bool take_signed(struct reader *r, uint64_t *out)
{
	bool negative = take(r, "-");

	if (!take_number(r, 0, out) || *out > (uint64_t)INT64_MAX)
		return false;
	if (negative)
		*out = 0 - *out;
	return true;
}

static bool take_time(struct reader *r, uint64_t *out)
{
	static const char between[] = "--T::.";
	static const unsigned digits[] = { 4, 2, 2, 2, 2, 2, 6 };
	uint64_t part[COUNT(digits)];

	if (!take(r, "\""))
		return false;
	for (size_t i = 0; i < COUNT(digits); i++) {
		if (i != 0 && (r->at == r->end || *r->at++ != between[i - 1]))
			return false;
		if (!take_number(r, digits[i], &part[i]))
			return false;
	}
	if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 ||
	    part[3] > 23 || part[4] > 59 || part[5] > 60)
		return false;

	struct tm tm = { .tm_year = (int)part[0] - 1900,
			 .tm_mon = (int)part[1] - 1,
			 .tm_mday = (int)part[2],
			 .tm_hour = (int)part[3],
			 .tm_min = (int)part[4],
			 .tm_sec = (int)part[5] };

	*out = (uint64_t)timegm(&tm) * 1000000 + part[6];
	return take(r, "Z\"");
}

static bool take_value(struct reader *r, const struct event_field *f, struct event *ev)
{
	void *to = (char *)ev + f->offset;

	switch (f->kind) {
	case EVENT_TEXT:
		return take_text(r, to);
	case EVENT_NUMBER:
		return take_number(r, 0, to);
	case EVENT_SIGNED:
		return take_signed(r, to);
	case EVENT_TIME:
		return take_time(r, to);
	}
	return false;
}

static const struct event_field *take_key(struct reader *r)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		const char *before = r->at;

		if (take(r, "\"") && take(r, fields[i].key) && take(r, "\":"))
			return &fields[i];
		r->at = before;
	}
	return NULL;
}

/* Only what event_write() produces is accepted: one spelling, any order, every key at most once. */
int event_read(struct arena *a, const char *line, size_t len, struct event *out, struct err *e)
{
	struct reader r = { a, line, line + len };
	unsigned seen = 0;

	*out = (struct event){ .container = "",
			       .comm = "",
			       .syscall = "",
			       .arguments = "",
			       .layer = "",
			       .rule = "",
			       .verdict = "",
			       .err = "",
			       .fix = "",
			       .why = "" };
	if (len > EVENT_LINE_MAX)
		return fail(e, EFBIG, "event: longer than %d bytes", EVENT_LINE_MAX);
	do {
		if (!take(&r, seen == 0 ? "{" : ","))
			return fail(e, EINVAL, "event: byte %td: not an event", r.at - line);

		const struct event_field *f = take_key(&r);

		if (f == NULL || (seen & 1u << (f - fields)))
			return fail(e, EINVAL, "event: byte %td: unknown or repeated key",
				    r.at - line);
		seen |= 1u << (f - fields);
		if (!take_value(&r, f, out))
			return fail(e, EINVAL, "event: byte %td: bad %s", r.at - line, f->key);
	} while (!take(&r, "}"));
	take(&r, "\n");
	if (r.at != r.end)
		return fail(e, EINVAL, "event: byte %td: text behind the event", r.at - line);
	for (size_t i = 0; i < COUNT(fields); i++)
		if (fields[i].needed && !(seen & 1u << i))
			return fail(e, EINVAL, "event: no %s", fields[i].key);
	return 0;
}

/* ---- for people ---- */

static void print_text(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		/* Backslashes are the escapes that the writer of `arguments` made: kept as they are. */
		if (c >= 0x20 && c < 0x7f)
			buf_add(out, s, 1);
		else
			buf_printf(out, "\\x%02x", c);
	}
}

/* comm[pid]: openat(…) refused with EACCES by broker, rule file:line (why); to permit it: fix. Packets come from no process that
 * could be named. */
void event_print(const struct event *ev, struct buf *out)
{
	const bool denied = strcmp(ev->verdict, "deny") == 0;

	if (strcmp(ev->layer, "network") != 0) {
		print_text(out, ev->comm);
		buf_printf(out, "[%lld]: ", (long long)ev->pid);
	}
	print_text(out, ev->syscall);
	buf_puts(out, "(");
	print_text(out, ev->arguments);
	buf_puts(out, denied ? ") refused" : ") ");
	if (!denied)
		print_text(out, strcmp(ev->verdict, "allow") == 0 ? "allowed" : ev->verdict);
	if (ev->err[0] != '\0') {
		buf_puts(out, denied ? " with " : ", gave ");
		print_text(out, ev->err);
	}
	buf_puts(out, " by ");
	print_text(out, ev->layer);
	buf_puts(out, ", rule ");
	print_text(out, ev->rule);
	if (ev->why != NULL && ev->why[0] != '\0') {
		buf_puts(out, " (");
		print_text(out, ev->why);
		buf_puts(out, ")");
	}
	if (ev->fix[0] != '\0') {
		buf_puts(out, "; to permit it: ");
		print_text(out, ev->fix);
	}
	buf_puts(out, "\n");
}
