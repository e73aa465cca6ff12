/*
 * Rules in a network that is not ours: a table beside those of others, whose owner is the socket that loads it. What several
 * tables say of a packet holds all at once, so the strictest word counts.
 */
#include <errno.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/random.h>

#include "base/fd.h"
#include "net/claims.h"
#include "net/holder.h"

/* The text is that of a network of our own, but for its first line: there the table is alone, and has a name that is known. */
static const char first_line[] = "table inet zviz {\n";

/* What the text says of the group of nfnetlink_log, NET_LOG_GROUP. */
static const char group_words[] = " group 1 ";
_Static_assert(NET_LOG_GROUP == 1, "group_words says another");

/* Nobody has to agree on a number with others whom he may not see; that it is new is for the kernel to say. */
static int choose_name(struct holder *h, struct err *e)
{
	do
		if (getrandom(&h->table, sizeof h->table, 0) != (ssize_t)sizeof h->table)
			return fail(e, errno, "zviz-net: a name for its table: %m");
	while (h->table == 0);
	return 0;
}

/* ---- whose sockets ---- */

/* The rules see ids as the user namespace does that the network belongs to; ours are those of the one that we are in. */
static bool has_our_ids(void)
{
	OWN_FD owner = ioctl(NET_FD_NETNS, NS_GET_USERNS);
	struct stat there, here;

	return owner >= 0 && fstat(owner, &there) == 0 && stat("/proc/self/ns/user", &here) == 0 &&
	       there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

/* Where nobody can say which sockets are the container's, all are judged. */
static void settle_ids(struct holder *h)
{
	if (h->job.nown != 0 && has_our_ids())
		return;
	h->job.nown = 1;
	h->job.own = arena_alloc(h->arena, sizeof *h->job.own);
	*h->job.own = (struct net_ids){ 0, UINT32_MAX };
}

static void put_ids(const struct holder *h, const char *name, struct buf *out)
{
	buf_printf(out, "add element inet %s own { ", name);
	for (size_t i = 0; i < h->job.nown; i++)
		buf_printf(out, "%s%u-%u", i != 0 ? ", " : "", h->job.own[i].first,
			   h->job.own[i].last);
	buf_puts(out, " }\n");
}

/* ---- the rules ---- */

int given_inside(struct holder *h, struct err *e)
{
	struct buf text = { .arena = h->arena };
	char name[NET_TABLE_BYTES];
	int r;

	if (strncmp(h->job.rules, first_line, strlen(first_line)) != 0)
		return fail(e, EINVAL, "zviz-net: rules of another kind than it knows");
	settle_ids(h);
	TRY(choose_name(h, e));
	net_table_name(h->table, name);
	buf_printf(&text,
		   "create table inet %s { flags owner; comment \"%s\"; }\n"
		   "table inet %s {\n\tflags owner\n%s",
		   name, h->job.id, name, h->job.rules + strlen(first_line));
	put_ids(h, name, &text);
	claims_print(h, &text);
	r = holder_rules(h, buf_text(&text), "in the network by path", e);
	/* It may have failed for the very reason. */
	return claims_check(h, r == 0, e) < 0 ? -e->no : r;
}

const char *tell_rules(const struct holder *h, uint16_t group)
{
	struct buf text = { .arena = h->arena };
	const char *at = h->job.tell + strlen(first_line), *next;
	char name[NET_TABLE_BYTES];

	if (!h->job.given || strncmp(h->job.tell, first_line, strlen(first_line)) != 0)
		return h->job.tell;
	net_table_name(h->table, name);
	buf_printf(&text, "table inet %s {\n\tflags owner\n", name);
	for (; (next = strstr(at, group_words)) != NULL; at = next + strlen(group_words)) {
		buf_add(&text, at, (size_t)(next - at));
		buf_printf(&text, " group %u ", group);
	}
	buf_puts(&text, at);
	return buf_text(&text);
}
