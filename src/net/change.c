#include "net/change.h"

#include <errno.h>
#include <unistd.h>

#include "net/standing.h"

/* The kernel lets nobody change a table with an owner but the socket that is it: the holder has lent that. */
static int speak_as_owner(const struct holder *h, struct err *e)
{
	if (!h->job.given)
		return 0;
	if (h->inside_fd < 0 || dup2(NET_FD_OWNER, h->inside_fd) < 0)
		return fail(e, EOPNOTSUPP, "zviz-net: the socket that owns the rules: %m");
	return 0;
}

int change_inside(struct holder *h, struct err *e)
{
	struct standing *s;

	TRY(standing_open(h, &s, e));
	TRY(holder_open(h, e));
	TRY(speak_as_owner(h, e));
	TRY(holder_load(h->inside, h->job.rules, "in the container", e));
	h->loaded = true;
	return standing_judge(s, e);
}
