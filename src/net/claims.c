#include "net/claims.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "net/nfnl.h"

enum {
	MESSAGE_BYTES = 256,
	NAME_BYTES = 40,
	TRIES = 500,
	PAUSE_MS = 5,
};

static const char name_format[] = "zviz_asks_%08" PRIx32 "_%08" PRIx32;

static void claim_name(const struct net_ids *ids, char out[NAME_BYTES])
{
	snprintf(out, NAME_BYTES, name_format, ids->first, ids->last);
}

void claims_print(const struct holder *h, struct buf *out)
{
	char name[NAME_BYTES];

	for (size_t i = 0; h->job.ndomains != 0 && i < h->job.nown; i++) {
		claim_name(&h->job.own[i], name);
		buf_printf(out, "create table inet %s { flags owner; comment \"%s\"; }\n", name,
			   h->job.id);
	}
}

/* ---- what is claimed ---- */

struct look {
	const struct holder *h;
	uint64_t own;         /* the number of our first table; those of later ones are greater */
	uint64_t other;       /* and of the first one that meets us, */
	struct net_ids meets; /* there */
};

static bool parse_name(const char *name, struct net_ids *out)
{
	char again[NAME_BYTES];

	if (sscanf(name, "zviz_asks_%8" SCNx32 "_%8" SCNx32, &out->first, &out->last) != 2)
		return false;
	claim_name(out, again);
	return strcmp(name, again) == 0;
}

static void see_claim(struct look *l, const struct net_ids *ids, uint64_t number)
{
	for (size_t i = 0; i < l->h->job.nown; i++) {
		const struct net_ids *own = &l->h->job.own[i];

		/* That one nobody else has, since it was created. */
		if (own->first == ids->first && own->last == ids->last && l->own != 0) {
			l->own = number < l->own ? number : l->own;
			return;
		}
	}
	for (size_t i = 0; i < l->h->job.nown; i++) {
		const struct net_ids *own = &l->h->job.own[i];

		if (own->first <= ids->last && ids->first <= own->last && number < l->other) {
			l->other = number;
			l->meets = *ids;
		}
	}
}

static int see_table(const struct nlmsghdr *m, void *data)
{
	const struct nlattr *at;
	struct net_ids ids = { 0 };
	uint64_t number = 0;
	bool claim = false;

	mnl_attr_for_each(at, m, sizeof(struct nfgenmsg))
	{
		const unsigned type = mnl_attr_get_type(at);

		if (type == NFTA_TABLE_NAME && mnl_attr_validate(at, MNL_TYPE_NUL_STRING) >= 0)
			claim = parse_name(mnl_attr_get_str(at), &ids);
		else if (type == NFTA_TABLE_HANDLE && mnl_attr_get_payload_len(at) == sizeof number)
			number = be64toh(mnl_attr_get_u64(at));
	}
	if (claim)
		see_claim(data, &ids, number);
	return MNL_CB_OK;
}

static int list_tables(struct mnl_socket *nl, struct look *l)
{
	char bytes[MESSAGE_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = nfnl_begin(bytes, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE,
					NLM_F_DUMP, NFPROTO_INET, 0);

	return nfnl_ask(nl, m, see_table, l); /* EINTR: tables came or went meanwhile */
}

static int look(const struct holder *h, bool loaded, struct look *out)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < TRIES; i++) {
		/* A socket each time: of a list that was given up nothing is left in it. */
		struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

		if (i > 0)
			nanosleep(&pause, NULL);
		*out = (struct look){ .h = h, .own = loaded ? UINT64_MAX : 0, .other = UINT64_MAX };
		if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
			r = -errno;
		else
			r = list_tables(nl, out);
		if (nl != NULL)
			mnl_socket_close(nl);
	}
	return r;
}

int claims_check(const struct holder *h, bool loaded, struct err *e)
{
	struct look l;
	int r;

	if (h->job.ndomains == 0)
		return 0;
	r = look(h, loaded, &l);
	if (r < 0)
		return fail(e, -r, "nftables, who has rows about names in the network by path: %m");
	if (loaded && l.own == UINT64_MAX)
		return fail(e, EIO,
			    "nftables: the ids that were claimed in the network are not there");
	if (l.other == UINT64_MAX || (loaded && l.own < l.other))
		return 0;
	fail(e, EBUSY,
	     "another container of this network has rows about names, and ids of this one: %" PRIu32
	     " to %" PRIu32,
	     l.meets.first, l.meets.last);
	return advise(e,
		      "give each its own ids (leave out linux.uidMappings and the path of a user "
		      "namespace, or start it under another id), or let one alone have such rows");
}
