#include "cli/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void line_ends(struct lines *l)
{
	if (l->skip)
		l->too_long++;
	else if (l->len != 0 && l->each != NULL)
		l->each(l->ctx, l->text, l->len);
	l->len = 0;
	l->skip = false;
}

static void line_grows(struct lines *l, const char *bytes, size_t len)
{
	if (l->skip || len > sizeof l->text - l->len) {
		l->skip = true;
		return;
	}
	memcpy(l->text + l->len, bytes, len);
	l->len += len;
}

void lines_add(struct lines *l, const char *bytes, size_t len)
{
	while (len > 0) {
		const char *newline = memchr(bytes, '\n', len);
		size_t part = newline != NULL ? (size_t)(newline - bytes) : len;

		line_grows(l, bytes, part);
		if (newline != NULL)
			line_ends(l);
		part += newline != NULL;
		bytes += part;
		len -= part;
	}
}

int lines_read(struct lines *l, int fd)
{
	char bytes[EVENT_LINE_MAX];
	ssize_t n = read(fd, bytes, sizeof bytes);

	if (n > 0)
		lines_add(l, bytes, (size_t)n);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n > 0 || (n < 0 && errno == EINTR) ? 1 : -1;
}
