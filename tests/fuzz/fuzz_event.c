/* Lines come from the broker, which may be in the workload's hands. What is accepted must survive a second
 * trip, and never print a byte that a terminal acts on. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void print_is_safe(struct arena *a, const struct event *ev)
{
	struct buf b = { .arena = a };
	const char *text;

	event_print(ev, &b);
	text = buf_text(&b);
	for (size_t i = 0; i + 1 < b.len; i++)
		require(text[i] >= 0x20 && text[i] < 0x7f);
	require(b.len > 0 && text[b.len - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[EVENT_LINE_MAX], again[EVENT_LINE_MAX];
	struct arena a = { 0 };
	struct event ev, back;
	struct err e;

	if (event_read(&a, (const char *)data, size, &ev, &e) == 0) {
		print_is_safe(&a, &ev);

		size_t len = event_write(line, &ev);

		require(event_read(&a, line, len, &back, &e) == 0);
		require(event_write(again, &back) == len && memcmp(line, again, len) == 0);
	}
	arena_free(&a);
	return 0;
}
