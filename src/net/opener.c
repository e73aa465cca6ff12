#include "net/opener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/holder.h"
#include "net/names.h"

/* Sent as it is: both processes are one program. */
struct opening {
	uint32_t sets, ttl_s, n;
	struct dns_address at[DNS_ADDRESSES_MAX];
};

bool opener_is_needed(const struct holder *h)
{
	return h->job.given && h->names->job.nrules != 0;
}

int opener_make(struct holder *h, int ends[2], struct err *e)
{
	ends[0] = ends[1] = -1;
	if (opener_is_needed(h) && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(e, errno, "zviz-net: socketpair: %m");
	return 0;
}

void opener_take(struct holder *h, int ends[2], bool is_twin)
{
	h->opens = is_twin && ends[1] >= 0;
	h->names->opener = ends[is_twin];
	fd_close(&ends[!is_twin]);
	/* What is not its own to use it does not have. */
	if (h->opens)
		fd_close(&h->names->udp), fd_close(&h->names->tcp);
}

int opener_ask(const struct holder *h, uint32_t sets, const struct dns_address *at, size_t n,
	       uint32_t ttl_s)
{
	struct opening o = { .sets = sets, .ttl_s = ttl_s, .n = (uint32_t)n };
	int32_t said;

	if (n > DNS_ADDRESSES_MAX)
		return -E2BIG;
	memcpy(o.at, at, n * sizeof *at);
	if (send(h->names->opener, &o, sizeof o, MSG_NOSIGNAL) != (ssize_t)sizeof o ||
	    recv(h->names->opener, &said, sizeof said, 0) != (ssize_t)sizeof said)
		return -EIO;
	return said;
}

/* Whoever took the resolver over can open addresses, as it could with the capability, and nothing else: numbers of sets that are not there are the
 * kernel's to refuse. */
static bool is_sound(const struct opening *o)
{
	if (o->n > DNS_ADDRESSES_MAX || o->ttl_s > DNS_TTL_MAX_S)
		return false;
	for (uint32_t i = 0; i < o->n; i++)
		if (o->at[i].width != 4 && o->at[i].width != 16)
			return false;
	return true;
}

void opener_handle(struct holder *h)
{
	struct opening o;
	ssize_t n = recv(h->names->opener, &o, sizeof o, MSG_DONTWAIT);
	int32_t said = -EINVAL;

	if (n <= 0)
		return;
	if (n == (ssize_t)sizeof o && is_sound(&o))
		said = permits_add(&h->names->permits, o.sets, o.at, o.n, o.ttl_s);
	(void)!send(h->names->opener, &said, sizeof said, MSG_NOSIGNAL);
}
