/*
 * What the rules of a container's private network have counted. The kernel says so, over a socket that stands in there; nothing
 * inside has a part in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "box/box.h"
#include "kern/nft.h"

struct taker {
	const struct plan_net *net;
	struct net_counts *out;
};

static void take(void *ctx, const struct nft_count *c)
{
	const struct taker *t = ctx;

	net_counts_take(t->net, t->out, c->name, c->packets, c->bytes);
}

static int count(struct arena *a, const struct plan_net *n, int netns, int userns,
		 struct net_counts *out)
{
	const struct taker t = { n, out };
	OWN_FD nl = nft_open(netns, userns);

	net_counts_begin(a, n, out);
	return nl < 0 ? nl : nft_counts(nl, "zviz", take, (void *)&t);
}

int box_net_counts(const struct box *b, struct net_counts *out)
{
	return b->net_ns < 0 ? -ENOENT
			     : count(b->arena, &b->plan->net, b->net_ns, b->net_user, out);
}

int box_net_counts_of(struct arena *a, const struct plan_net *n, pid_t pid, struct net_counts *out,
		      struct err *e)
{
	char path[64];
	int r;

	snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
	OWN_FD net = path_open(path, O_RDONLY);

	snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
	OWN_FD user = path_open(path, O_RDONLY);

	r = net < 0 ? -errno : count(a, n, net, user, out);
	return r < 0 ? fail(e, -r, "what the rules of its network have counted: %m") : 0;
}
