/*
 * What the rules of a container's private network have counted. The kernel says so, over a socket that stands in there; nothing
 * inside has a part in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "box/box.h"
#include "kern/nft.h"

enum { CHILDREN_BYTES = 64 * 1024 };

struct taker {
	const struct plan_net *net;
	struct net_counts *out;
};

static void take(void *ctx, const struct nft_count *c)
{
	const struct taker *t = ctx;

	net_counts_take(t->net, t->out, c->name, c->packets, c->bytes);
}

/* Where they stand: a table in a network, which `like` has to be of (nft_open()). */
struct place {
	const char *table;
	ino_t like;
};

static int count(struct arena *a, const struct plan_net *n, int netns, int userns,
		 const struct place *p, struct net_counts *out)
{
	const struct taker t = { n, out };
	OWN_FD nl = nft_open(netns, userns, p->like);

	net_counts_begin(a, n, out);
	return nl < 0 ? nl : nft_counts(nl, p->table, take, (void *)&t);
}

int box_net_counts(const struct box *b, struct net_counts *out)
{
	const struct place p = { .table = b->net_table };

	return b->net_ns < 0 || b->net_table == NULL
		       ? -ENOENT
		       : count(b->arena, &b->plan->net, b->net_ns, b->net_user, &p, out);
}

/* By the namespaces of `pid`. */
static int count_by(struct arena *a, const struct plan_net *n, pid_t pid, const struct place *p,
		    struct net_counts *out)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
	OWN_FD net = path_open(path, O_RDONLY);
	int no = errno;

	snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
	OWN_FD user = path_open(path, O_RDONLY);

	return net < 0 ? -no : count(a, n, net, user, p, out);
}

/* An ordinary user's first process lets nobody near (join.c: take_child()), and its children do. One that went to another
 * network, where it could count what it likes, is passed over: of the first process it can be seen which is its own. */
static int count_by_child(struct arena *a, const struct plan_net *n, pid_t init, const char *table,
			  struct net_counts *out)
{
	struct place p = { .table = table };
	char path[64], *text = arena_alloc(a, CHILDREN_BYTES), *save = NULL;
	struct stat st;
	int r = -EACCES;

	snprintf(path, sizeof path, "/proc/%d/net/dev", init);
	if (stat(path, &st) < 0)
		return -errno;
	p.like = st.st_ino;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", init, init);

	OWN_FD fd = path_open(path, O_RDONLY);
	ssize_t len = fd >= 0 ? fd_read_all(fd, text, CHILDREN_BYTES - 1) : -1;

	text[len > 0 ? len : 0] = '\0';
	for (char *word = strtok_r(text, " ", &save); word != NULL && r < 0;
	     word = strtok_r(NULL, " ", &save))
		r = count_by(a, n, (pid_t)strtol(word, NULL, 10), &p, out);
	return r;
}

int box_net_counts_of(struct arena *a, const struct plan_net *n, pid_t pid, const char *table,
		      struct net_counts *out, struct err *e)
{
	const struct place p = { .table = table };
	int r = count_by(a, n, pid, &p, out);

	if (r == -EACCES)
		r = count_by_child(a, n, pid, table, out);
	return r < 0 ? fail(e, -r, "what the rules of its network have counted: %m") : 0;
}
