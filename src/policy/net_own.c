#include "policy/net_own.h"

#include <stdio.h>

#include "policy/net_job.h"

enum {
	BLOCK_SHIFT = 16,
	MARK_SHIFT = 15,
	/* Marks without 0, whose connections are nobody's. */
	BLOCKS = (NET_MARK_OWNER >> MARK_SHIFT) - 1,
};

/* ---- ids ---- */

static struct net_ids blocks_of(const struct id_map *m)
{
	const uint64_t last = (uint64_t)m->outside + m->count - 1;

	return (struct net_ids){ m->outside >> BLOCK_SHIFT << BLOCK_SHIFT,
				 last >= UINT32_MAX ? UINT32_MAX : (uint32_t)last | 0xffff };
}

/* Whether they meet, or follow each other. */
static bool touch(const struct net_ids *a, const struct net_ids *b)
{
	return (uint64_t)a->first <= (uint64_t)b->last + 1 &&
	       (uint64_t)b->first <= (uint64_t)a->last + 1;
}

/* What it touches it takes in: that may be several. */
static size_t merge(struct net_ids *at, size_t n, struct net_ids one)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!touch(&at[i], &one)) {
			at[kept++] = at[i];
			continue;
		}
		one.first = at[i].first < one.first ? at[i].first : one.first;
		one.last = at[i].last > one.last ? at[i].last : one.last;
	}
	at[kept++] = one;
	return kept;
}

void net_own_ids(struct arena *a, const struct id_maps *gids, struct plan_net *out)
{
	struct net_ids *at = arena_array(a, gids->n + 1, sizeof *at);

	out->nown = 0;
	for (size_t i = 0; i < gids->n; i++)
		if (gids->at[i].count != 0)
			out->nown = merge(at, out->nown, blocks_of(&gids->at[i]));
	out->own = at;
	out->mark = ((gids->n != 0 ? gids->at[0].outside >> BLOCK_SHIFT : 0) % BLOCKS + 1)
		    << MARK_SHIFT;
}

void net_own_resolver(uint32_t mark, char out[NET_RESOLVER_BYTES])
{
	const uint32_t owner = mark >> MARK_SHIFT;

	if (mark == 0)
		snprintf(out, NET_RESOLVER_BYTES, NET_RESOLVER);
	else
		snprintf(out, NET_RESOLVER_BYTES, "127.53.%u.%u", owner >> 8 & 0xff, owner & 0xff);
}

uint32_t net_own_mark(const struct plan_net *n, uint32_t number)
{
	return n->given ? n->mark + number : number;
}

/* ---- rules ---- */

/* In a network that others are in, that a connection stands says nothing: who binds the port that another has left sends on in his. So what this
 * container begins has its mark, and goes on by that; what others have begun in its place is judged as if it were new. Answers to what came in
 * were let in by the rules of all. Packets of no socket are the kernel's, for a connection whose program has closed it. */
void net_own_objects(const struct plan_net *n, struct buf *out)
{
	if (!n->given)
		return;
	buf_printf(out,
		   "\tset own {\n\t\ttype gid\n\t\tflags interval\n\t}\n"
		   "\tchain stands {\n"
		   "\t\tct direction reply accept\n"
		   "\t\tct mark & %d == %u accept\n"
		   "\t\tmeta skgid 0-4294967295 return\n"
		   "\t\taccept\n\t}\n",
		   NET_MARK_OWNER, n->mark);
}

/* A question of another container's would open addresses here, and carry words out below a wildcard. Of TCP, which nobody can take
 * over, also what the kernel sends for a socket that is closed. */
static void put_guard(const struct plan_net *n, struct buf *out)
{
	char at[NET_RESOLVER_BYTES];

	net_own_resolver(n->mark, at);
	buf_printf(out,
		   "\t\tip daddr %s meta skgid @own meta l4proto { tcp, udp } th dport 53 accept\n"
		   "\t\tip daddr %s meta l4proto tcp ct state established accept\n"
		   "\t\tip daddr %s counter name \"refused_out\" goto %s\n",
		   at, at, at, n->told ? "refuse_out" : "refuse");
}

void net_own_leave(const struct plan_net *n, struct buf *out)
{
	if (!n->given)
		return;
	if (n->catches)
		put_guard(n, out);
	/* One that has no socket does not match: it is judged as the container's. */
	buf_puts(out, "\t\tmeta skgid != @own accept\n");
}
