/* What nfnetlink_log may hand over: whatever the packet in it is, what comes of it is one event, whole and in letters that are
 * safe to print. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/refusal.h"
#include "net/told.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct net_written written[] = { { 3, "own.yaml:7" } };
	static struct net_domain domains[] = { { 3, 3, true, "*.example.org" } };
	const struct net_job job = { .id = "one",
				     .nwritten = COUNT(written),
				     .written = written,
				     .ndomains = size % 2,
				     .domains = domains };
	char line[EVENT_LINE_MAX];
	struct arena a = { 0 };
	struct event back;
	struct refusal r;
	struct told t;
	struct err e;
	size_t len;

	if (!refusal_read(data, size, &r))
		return 0;
	require(r.width == 4 || r.width == 16);
	require((r.row != 0) == (r.why == REFUSAL_PAST || r.why == REFUSAL_FULL));
	told_packet(&job, &r, size, &t);
	len = event_write(line, &t.event);
	require(len <= sizeof line && event_read(&a, line, len, &back, &e) == 0);
	require(strcmp(back.arguments, t.arguments) == 0 && strcmp(back.fix, t.fix) == 0 &&
		strcmp(back.why, t.why) == 0);
	for (const char *s = t.arguments; *s != '\0'; s++)
		require(*s >= 0x20 && *s < 0x7f);
	arena_free(&a);
	return 0;
}
