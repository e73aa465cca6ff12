/*
 * Rules in a network that is not ours: a table beside those of others, whose owner is the socket that loads it. What several
 * tables say of a packet holds all at once, so the strictest word counts.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "net/holder.h"

/* The text is that of a network of our own, but for its first line: there the table is alone, and has a name that is known. */
static const char first_line[] = "table inet zviz {\n";

/* Nobody has to agree on a number with others whom he may not see; that it is new is for the kernel to say. */
int given_inside(struct holder *h, struct err *e)
{
	struct buf text = { .arena = h->arena };
	uint64_t number;

	if (strncmp(h->job.rules, first_line, strlen(first_line)) != 0)
		return fail(e, EINVAL, "zviz-net: rules of another kind than it knows");
	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return fail(e, errno, "zviz-net: a name for its table: %m");
	buf_printf(&text,
		   "create table inet zviz_%016" PRIx64 " { flags owner; comment \"%s\"; }\n"
		   "table inet zviz_%016" PRIx64 " {\n\tflags owner\n%s",
		   number, h->job.id, number, h->job.rules + strlen(first_line));
	return holder_rules(&h->inside, buf_text(&text), "in the network by path", e);
}
