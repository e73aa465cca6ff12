#include "net/permits.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "kern/sys.h"
#include "net/nfnl.h"
#include "policy/net_job.h"

enum {
	PERMITS_MAX = 8192, /* a power of two */
	PERMITS_PROBED = 64,
	MESSAGE_BYTES =
		16 *
		1024, /* three lists of DNS_ADDRESSES_MAX elements of 48 bytes, and what is around them */
};

struct permit {
	uint64_t until_ms; /* 0 or past: free */
	uint32_t row;
	struct dns_address at;
};

int permits_open(struct arena *a, const char *table, int owner, struct permits *out, struct err *e)
{
	TRY(owner >= 0 ? nfnl_borrow(owner, &out->nl, e) : nfnl_open(&out->nl, e));
	out->table = arena_strdup(a, table);
	out->at = arena_array(a, PERMITS_MAX, sizeof *out->at);
	return 0;
}

/* ---- what is in force ---- */

/* FNV-1a. Who owns a name may look for addresses that meet here: all they win is that few of them fit. */
static uint32_t mark_of(uint32_t row, const struct dns_address *at)
{
	uint32_t h = 2166136261u ^ row;

	for (unsigned i = 0; i < at->width; i++)
		h = (h ^ at->bytes[i]) * 16777619u;
	return h;
}

static bool same(const struct permit *p, uint32_t row, const struct dns_address *at)
{
	return p->row == row && p->at.width == at->width &&
	       memcmp(p->at.bytes, at->bytes, at->width) == 0;
}

/* The address's own place, or a free one, or NULL. */
static struct permit *place_of(struct permits *p, uint32_t row, const struct dns_address *at,
			       uint64_t now_ms)
{
	const uint32_t mark = mark_of(row, at);
	struct permit *free = NULL;

	for (uint32_t i = 0; i < PERMITS_PROBED; i++) {
		struct permit *x = &p->at[(mark + i) % PERMITS_MAX];

		if (x->until_ms > now_ms && same(x, row, at))
			return x;
		if (x->until_ms <= now_ms && free == NULL)
			free = x;
	}
	return free;
}

/* ---- messages ---- */

struct change {
	const struct dns_address *at;
	size_t n;
	uint64_t left_ms[DNS_ADDRESSES_MAX]; /* of each address */
	const char *table;
	char set[NET_SET_BYTES]; /* of addresses of `width`; the others are left out */
	unsigned width;
};

static void put_element(struct nlmsghdr *m, const struct dns_address *at, uint64_t left_ms)
{
	struct nlattr *element = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
	struct nlattr *key = mnl_attr_nest_start(m, NFTA_SET_ELEM_KEY);

	mnl_attr_put(m, NFTA_DATA_VALUE, at->width, at->bytes);
	mnl_attr_nest_end(m, key);
	if (left_ms != 0)
		mnl_attr_put_u64(m, NFTA_SET_ELEM_TIMEOUT, htobe64(left_ms));
	mnl_attr_nest_end(m, element);
}

static char *put_elements(char *bytes, uint16_t type, uint16_t flags, const struct change *c,
			  bool timed)
{
	struct nlmsghdr *m = nfnl_elements(bytes, type, flags, c->table, c->set);
	struct nlattr *list = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);

	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].width == c->width)
			put_element(m, &c->at[i], timed ? c->left_ms[i] : 0);
	mnl_attr_nest_end(m, list);
	return bytes + m->nlmsg_len;
}

/* An element that is there keeps its time before Linux 6.12, and cannot be taken out when it is not there: so each is added,
 * taken out, and added with its time, in one transaction that packets see as a whole. */
static size_t put_change(char *bytes, const struct change *c)
{
	char *at = bytes;

	at += nfnl_batch_begin(at);
	at = put_elements(at, NFT_MSG_NEWSETELEM, NLM_F_CREATE, c, false);
	at = put_elements(at, NFT_MSG_DELSETELEM, 0, c, false);
	at = put_elements(at, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, c, true);
	at += nfnl_batch_end(at);
	return (size_t)(at - bytes);
}

/* ---- adding ---- */

static int change_set(struct permits *p, uint32_t row, struct change *c)
{
	char bytes[MESSAGE_BYTES] __attribute__((aligned(8))) = { 0 };
	bool some = false;
	size_t len;

	for (size_t i = 0; i < c->n; i++)
		some = some || c->at[i].width == c->width;
	if (!some)
		return 0;
	net_set_name(row, c->width, c->set);
	len = put_change(bytes, c);
	return nfnl_run(p->nl, bytes, len);
}

int permits_add(struct permits *p, uint32_t row, const struct dns_address *at, size_t n,
		uint32_t ttl_s)
{
	const uint64_t now_ms = sys_clock_ms(),
		       until_ms = now_ms + ((uint64_t)ttl_s + PERMIT_GRACE_S) * 1000;
	struct permit *places[DNS_ADDRESSES_MAX];
	struct change c = { .at = at, .n = n, .table = p->table };

	if (n > DNS_ADDRESSES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		places[i] = place_of(p, row, &at[i], now_ms);
		if (places[i] == NULL)
			return -ENOSPC;
		/* Taken at once, so that no other address of this answer gets it. */
		if (places[i]->until_ms < until_ms)
			*places[i] = (struct permit){ until_ms, row, at[i] };
		c.left_ms[i] = places[i]->until_ms - now_ms;
	}
	for (c.width = 4; c.width <= 16; c.width += 12) {
		int r = change_set(p, row, &c);

		if (r < 0)
			return r;
	}
	return 0;
}
