#include "net/rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "net/nfnl.h"

enum {
	RULE_BYTES =
		1024, /* the longest, to a published port of an IPv6 address, has half of that */
	HEAD_BYTES = 4 * 1024, /* table, chains and the ends */
	/* Where addresses stand in headers, and ports. */
	FROM4 = 12,
	TO4 = 16,
	FROM6 = 8,
	TO6 = 24,
	TO_PORT = 2,
};

/* ---- messages ---- */

static struct nlmsghdr *begin(struct rule_batch *b, uint16_t type, uint16_t flags)
{
	return nfnl_begin(b->bytes + b->used, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
			  (uint16_t)(NLM_F_CREATE | flags), NFPROTO_INET, 0);
}

static void put_u32(struct nlmsghdr *m, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(m, type, htonl(value));
}

void rule_table(struct rule_batch *b, struct arena *a, const char *table, size_t rules)
{
	struct nlmsghdr *m;

	*b = (struct rule_batch){ .table = table, .room = HEAD_BYTES + rules * RULE_BYTES };
	b->bytes = arena_alloc(a, b->room);
	b->used = nfnl_batch_begin(b->bytes);
	/* One answer says that all went well; of what did not there is one in any case. */
	m = begin(b, NFT_MSG_NEWTABLE, NLM_F_EXCL | NLM_F_ACK);
	mnl_attr_put_strz(m, NFTA_TABLE_NAME, table);
	put_u32(m, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	b->used += m->nlmsg_len;
}

void rule_chain(struct rule_batch *b, const char *name, const char *type, uint32_t hook,
		int32_t priority)
{
	struct nlmsghdr *m = begin(b, NFT_MSG_NEWCHAIN, 0);
	struct nlattr *at;

	mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, b->table);
	mnl_attr_put_strz(m, NFTA_CHAIN_NAME, name);
	at = mnl_attr_nest_start(m, NFTA_CHAIN_HOOK);
	put_u32(m, NFTA_HOOK_HOOKNUM, hook);
	put_u32(m, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	mnl_attr_nest_end(m, at);
	put_u32(m, NFTA_CHAIN_POLICY, NF_ACCEPT);
	mnl_attr_put_strz(m, NFTA_CHAIN_TYPE, type);
	b->used += m->nlmsg_len;
}

void rule_begin(struct rule_batch *b, const char *chain)
{
	b->rule = begin(b, NFT_MSG_NEWRULE, NLM_F_APPEND);
	mnl_attr_put_strz(b->rule, NFTA_RULE_TABLE, b->table);
	mnl_attr_put_strz(b->rule, NFTA_RULE_CHAIN, chain);
	b->list = mnl_attr_nest_start(b->rule, NFTA_RULE_EXPRESSIONS);
}

void rule_end(struct rule_batch *b)
{
	mnl_attr_nest_end(b->rule, b->list);
	b->used += b->rule->nlmsg_len;
}

/* ---- expressions ---- */

/* A part of a rule: a name, and attributes of its own. */
struct part {
	struct nlmsghdr *m;
	struct nlattr *element, *data;
};

static struct part part_begin(struct rule_batch *b, const char *name)
{
	struct part p = { .m = b->rule };

	p.element = mnl_attr_nest_start(p.m, NFTA_LIST_ELEM);
	mnl_attr_put_strz(p.m, NFTA_EXPR_NAME, name);
	p.data = mnl_attr_nest_start(p.m, NFTA_EXPR_DATA);
	return p;
}

static void part_end(struct part *p)
{
	mnl_attr_nest_end(p->m, p->data);
	mnl_attr_nest_end(p->m, p->element);
}

static void put_value(struct nlmsghdr *m, uint16_t type, const void *value, size_t len)
{
	struct nlattr *at = mnl_attr_nest_start(m, type);

	mnl_attr_put(m, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(m, at);
}

static void compare(struct rule_batch *b, uint32_t how, const void *value, size_t len)
{
	struct part p = part_begin(b, "cmp");

	put_u32(p.m, NFTA_CMP_SREG, NFT_REG_1);
	put_u32(p.m, NFTA_CMP_OP, how);
	put_value(p.m, NFTA_CMP_DATA, value, len);
	part_end(&p);
}

static void load_meta(struct rule_batch *b, uint32_t key)
{
	struct part p = part_begin(b, "meta");

	put_u32(p.m, NFTA_META_KEY, key);
	put_u32(p.m, NFTA_META_DREG, NFT_REG_1);
	part_end(&p);
}

static void load_payload(struct rule_batch *b, uint32_t base, uint32_t offset, uint32_t len)
{
	struct part p = part_begin(b, "payload");

	put_u32(p.m, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_u32(p.m, NFTA_PAYLOAD_BASE, base);
	put_u32(p.m, NFTA_PAYLOAD_OFFSET, offset);
	put_u32(p.m, NFTA_PAYLOAD_LEN, len);
	part_end(&p);
}

static void load_now(struct rule_batch *b, uint32_t into, const void *value, size_t len)
{
	struct part p = part_begin(b, "immediate");

	put_u32(p.m, NFTA_IMMEDIATE_DREG, into);
	put_value(p.m, NFTA_IMMEDIATE_DATA, value, len);
	part_end(&p);
}

/* ---- what is asked ---- */

void rule_if_family(struct rule_batch *b, uint8_t family)
{
	load_meta(b, NFT_META_NFPROTO);
	compare(b, NFT_CMP_EQ, &family, sizeof family);
}

void rule_if_protocol(struct rule_batch *b, uint8_t protocol)
{
	load_meta(b, NFT_META_L4PROTO);
	compare(b, NFT_CMP_EQ, &protocol, sizeof protocol);
}

/* A whole name has the room of one, filled with zeros; the start of one is as long as it is. */
static void device(struct rule_batch *b, uint32_t key, uint32_t how, const char *name)
{
	char whole[IF_NAMESIZE] = "";

	strncpy(whole, name, sizeof whole - 1);
	load_meta(b, key);
	compare(b, how, whole, sizeof whole);
}

void rule_if_came_by(struct rule_batch *b, const char *name)
{
	device(b, NFT_META_IIFNAME, NFT_CMP_EQ, name);
}

void rule_if_leaves_by(struct rule_batch *b, const char *name)
{
	device(b, NFT_META_OIFNAME, NFT_CMP_EQ, name);
}

void rule_unless_leaves_by(struct rule_batch *b, const char *name)
{
	device(b, NFT_META_OIFNAME, NFT_CMP_NEQ, name);
}

void rule_if_came_by_any(struct rule_batch *b, const char *start)
{
	load_meta(b, NFT_META_IIFNAME);
	compare(b, NFT_CMP_EQ, start, strlen(start));
}

void rule_if_leaves_by_any(struct rule_batch *b, const char *start)
{
	load_meta(b, NFT_META_OIFNAME);
	compare(b, NFT_CMP_EQ, start, strlen(start));
}

static void address(struct rule_batch *b, const uint32_t offsets[2], uint32_t how,
		    const uint8_t *at, unsigned width, unsigned same)
{
	rule_if_family(b, width == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	load_payload(b, NFT_PAYLOAD_NETWORK_HEADER, offsets[width == 16], same);
	compare(b, how, at, same);
}

static const uint32_t from[2] = { FROM4, FROM6 }, to[2] = { TO4, TO6 };

void rule_if_from(struct rule_batch *b, const uint8_t *at, unsigned width, unsigned same)
{
	address(b, from, NFT_CMP_EQ, at, width, same);
}

void rule_unless_from(struct rule_batch *b, const uint8_t *at, unsigned width)
{
	address(b, from, NFT_CMP_NEQ, at, width, width);
}

void rule_if_to(struct rule_batch *b, const uint8_t *at, unsigned width)
{
	address(b, to, NFT_CMP_EQ, at, width, width);
}

void rule_unless_to(struct rule_batch *b, const uint8_t *at, unsigned width)
{
	address(b, to, NFT_CMP_NEQ, at, width, width);
}

void rule_if_local(struct rule_batch *b)
{
	const uint32_t local = RTN_LOCAL;
	struct part p = part_begin(b, "fib");

	put_u32(p.m, NFTA_FIB_DREG, NFT_REG_1);
	put_u32(p.m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_u32(p.m, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	part_end(&p);
	compare(b, NFT_CMP_EQ, &local, sizeof local);
}

void rule_if_port(struct rule_batch *b, uint16_t port)
{
	const uint16_t value = htons(port);

	load_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, TO_PORT, sizeof value);
	compare(b, NFT_CMP_EQ, &value, sizeof value);
}

void rule_if_icmp6(struct rule_batch *b, uint8_t first, uint8_t last)
{
	rule_if_family(b, NFPROTO_IPV6);
	rule_if_protocol(b, IPPROTO_ICMPV6);
	load_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof first);
	compare(b, NFT_CMP_GTE, &first, sizeof first);
	compare(b, NFT_CMP_LTE, &last, sizeof last);
}

static void connection(struct rule_batch *b, uint32_t key, uint32_t bits)
{
	const uint32_t none = 0;
	struct part p = part_begin(b, "ct");

	put_u32(p.m, NFTA_CT_KEY, key);
	put_u32(p.m, NFTA_CT_DREG, NFT_REG_1);
	part_end(&p);
	p = part_begin(b, "bitwise");
	put_u32(p.m, NFTA_BITWISE_SREG, NFT_REG_1);
	put_u32(p.m, NFTA_BITWISE_DREG, NFT_REG_1);
	put_u32(p.m, NFTA_BITWISE_LEN, sizeof bits);
	put_value(p.m, NFTA_BITWISE_MASK, &bits, sizeof bits);
	put_value(p.m, NFTA_BITWISE_XOR, &none, sizeof none);
	part_end(&p);
	compare(b, NFT_CMP_NEQ, &none, sizeof none);
}

void rule_if_state(struct rule_batch *b, uint32_t bits)
{
	connection(b, NFT_CT_STATE, bits);
}

void rule_if_status(struct rule_batch *b, uint32_t bits)
{
	connection(b, NFT_CT_STATUS, bits);
}

/* ---- what comes of it ---- */

void rule_verdict(struct rule_batch *b, int32_t verdict)
{
	struct part p = part_begin(b, "immediate");
	struct nlattr *value, *code;

	put_u32(p.m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	value = mnl_attr_nest_start(p.m, NFTA_IMMEDIATE_DATA);
	code = mnl_attr_nest_start(p.m, NFTA_DATA_VERDICT);
	put_u32(p.m, NFTA_VERDICT_CODE, (uint32_t)verdict);
	mnl_attr_nest_end(p.m, code);
	mnl_attr_nest_end(p.m, value);
	part_end(&p);
}

void rule_reject(struct rule_batch *b)
{
	struct part p = part_begin(b, "reject");

	put_u32(p.m, NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
	mnl_attr_put_u8(p.m, NFTA_REJECT_ICMP_CODE, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
	part_end(&p);
}

void rule_masquerade(struct rule_batch *b)
{
	struct part p = part_begin(b, "masq");

	part_end(&p);
}

void rule_lead_to(struct rule_batch *b, const uint8_t *at, unsigned width, uint16_t port)
{
	const uint16_t value = htons(port);
	struct part p;

	load_now(b, NFT_REG_1, at, width);
	load_now(b, NFT_REG_2, &value, sizeof value);
	p = part_begin(b, "nat");
	put_u32(p.m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_u32(p.m, NFTA_NAT_FAMILY, width == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	put_u32(p.m, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	put_u32(p.m, NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
	part_end(&p);
}

/* ---- the whole ---- */

int rule_run(struct rule_batch *b, struct mnl_socket *nl)
{
	const int room = 2 * (int)b->room;

	/* Whoever may not, who is root of his own network alone, has the room that everybody has: the kernel says so when a batch
	 * is too long for it. */
	(void)!setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
	b->used += nfnl_batch_end(b->bytes + b->used);
	return nfnl_run(nl, b->bytes, b->used);
}
