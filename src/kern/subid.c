#include "kern/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"

enum {
	FILE_MAX = 8 * 1024 * 1024, /* bytes; a passwd file of 100,000 users fits */
	FIELD_ROOM = 32,            /* a number */
};

/* Fields between colons, borrowed from the text: they have a length and no end. */
struct line {
	unsigned number;
	size_t n;
	struct {
		const char *at;
		size_t len;
	} field[8];
};

/* Splits the next line into its first fields; n counts all of them. False at the end. */
static bool next_line(const char **text, struct line *l)
{
	const char *s = *text, *end = s + strcspn(s, "\n");

	if (*s == '\0')
		return false;
	l->number++;
	l->n = 0;
	for (;;) {
		size_t len = 0;

		while (s + len < end && s[len] != ':')
			len++;
		if (l->n < COUNT(l->field)) {
			l->field[l->n].at = s;
			l->field[l->n].len = len;
		}
		l->n++;
		s += len;
		if (s == end)
			break;
		s++;
	}
	*text = end + (*end == '\n');
	return true;
}

static bool field_is(const struct line *l, size_t i, const char *text)
{
	return l->field[i].len == strlen(text) &&
	       memcmp(l->field[i].at, text, l->field[i].len) == 0;
}

static int field_id(const struct line *l, size_t i, uint32_t *out)
{
	char number[FIELD_ROOM];

	if (l->field[i].len >= sizeof number)
		return -EINVAL;
	memcpy(number, l->field[i].at, l->field[i].len);
	number[l->field[i].len] = '\0';
	return num_id(number, out);
}

static bool owned_by(const struct line *l, const char *user, uint32_t uid)
{
	uint32_t owner;

	if (user != NULL && field_is(l, 0, user))
		return true;
	return field_id(l, 0, &owner) == 0 && owner == uid;
}

int subid_parse(struct arena *a, const char *file, const char *text, const char *user, uint32_t uid,
		struct subid_ranges *out, struct err *e)
{
	struct line l = { 0 };

	while (next_line(&text, &l)) {
		struct subid_range r;

		if (!owned_by(&l, user, uid))
			continue;
		if (l.n != 3 || field_id(&l, 1, &r.first) < 0 || field_id(&l, 2, &r.count) < 0 ||
		    r.count == 0 || r.count > UINT32_MAX - r.first) {
			fail(e, EINVAL, "%s:%u: no range of ids", file, l.number);
			return advise(e,
				      "write it as USER:FIRST:COUNT, for example %s:100000:65536",
				      user != NULL ? user : "alice");
		}
		*LIST_ADD(a, out) = r;
	}
	return 0;
}

int subid_load(struct arena *a, const char *file, const char *user, uint32_t uid,
	       struct subid_ranges *out, struct err *e)
{
	char *text;
	int r = file_read(AT_FDCWD, file, FILE_MAX, a, &text, NULL, e);

	if (r == -ENOENT)
		return 0;
	TRY(r);
	return subid_parse(a, file, text, user, uid, out, e);
}

const char *subid_parse_user(struct arena *a, const char *text, uint32_t uid)
{
	struct line l = { 0 };
	uint32_t id;

	/* name:password:uid:gid:gecos:home:shell; a line that begins with + or - asks a name
	 * service */
	while (next_line(&text, &l))
		if (l.n == 7 && l.field[0].len > 0 && strchr("+-", l.field[0].at[0]) == NULL &&
		    field_id(&l, 2, &id) == 0 && id == uid)
			return arena_strndup(a, l.field[0].at, l.field[0].len);
	return NULL;
}

int subid_user(struct arena *a, const char *file, uint32_t uid, const char **out, struct err *e)
{
	char *text;
	int r = file_read(AT_FDCWD, file, FILE_MAX, a, &text, NULL, e);

	*out = NULL;
	if (r == -ENOENT)
		return 0;
	TRY(r);
	*out = subid_parse_user(a, text, uid);
	return 0;
}
