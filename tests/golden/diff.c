/*
 * The difference of two plans: what a reader of a case wants to see.
 */
#include <stdint.h>
#include <string.h>

#include "case.h"

struct lines {
	size_t n, cap;
	const char **at;
};

/* One line either way, under the heading of the section it stands in. */
struct report {
	struct buf *out;
	const char *section, *printed;
};

static void split(struct arena *a, const char *text, struct lines *out)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		*LIST_ADD(a, out) = arena_strndup(a, text, len);
		text += len + (text[len] == '\n');
	}
}

static bool is_section(const char *line)
{
	return line[0] != '\0' && line[0] != ' ' && strchr(line, ':') == NULL;
}

static void report_line(struct report *r, char sign, const char *line)
{
	if (r->section != r->printed && r->section != NULL) {
		buf_printf(r->out, "%s\n", r->section);
		r->printed = r->section;
	}
	buf_printf(r->out, "%c%s%s\n", sign, line[0] == ' ' ? "" : " ", line);
}

/* common[i][j]: how many lines the rests from i and j have in common, in order. */
static uint32_t *common_rests(struct arena *a, const struct lines *x, const struct lines *y)
{
	size_t width = y->n + 1;
	uint32_t *common = arena_array(a, (x->n + 1) * width, sizeof *common);

	for (size_t i = x->n; i-- > 0;)
		for (size_t j = y->n; j-- > 0;) {
			uint32_t skip_x = common[(i + 1) * width + j],
				 skip_y = common[i * width + j + 1];

			if (strcmp(x->at[i], y->at[j]) == 0)
				common[i * width + j] = common[(i + 1) * width + j + 1] + 1;
			else
				common[i * width + j] = skip_x > skip_y ? skip_x : skip_y;
		}
	return common;
}

void golden_diff(struct arena *a, const char *from, const char *to, struct buf *out)
{
	struct lines x = { 0 }, y = { 0 };
	struct report r = { .out = out };
	size_t i = 0, j = 0;

	split(a, from, &x);
	split(a, to, &y);

	const uint32_t *common = common_rests(a, &x, &y);
	size_t width = y.n + 1;

	while (i < x.n || j < y.n) {
		if (i < x.n && j < y.n && strcmp(x.at[i], y.at[j]) == 0) {
			if (is_section(x.at[i]))
				r.section = x.at[i];
			i++, j++;
		} else if (j == y.n ||
			   (i < x.n && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
			report_line(&r, '-', x.at[i++]);
		} else {
			report_line(&r, '+', y.at[j++]);
		}
	}
}
