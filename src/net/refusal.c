#include "net/refusal.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum {
	HEADERS_MAX = 8, /* extension headers of IPv6 that are passed over */
	PREFIX_MAX = 32,
	TCP_FLAGS_AT = 13, /* RFC 9293 */
	TCP_SYN = 0x02,
	TCP_ACK = 0x10,
};

struct bytes {
	const uint8_t *at;
	size_t n;
};

static uint16_t number16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* ---- the packet ---- */

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

/* Behind the addresses. */
static void read_ports(struct bytes b, struct refusal *out)
{
	if (!has_ports(out->protocol) || b.n < 4)
		return;
	out->port = number16(b.at + 2);
	if (out->protocol == IPPROTO_TCP && b.n > TCP_FLAGS_AT)
		out->stands = (b.at[TCP_FLAGS_AT] & (TCP_SYN | TCP_ACK)) != TCP_SYN;
}

static bool read_ipv4(struct bytes b, struct refusal *out)
{
	size_t header;

	if (b.n < 20 || b.at[0] >> 4 != 4)
		return false;
	header = (size_t)(b.at[0] & 0xf) * 4;
	if (header < 20)
		return false;
	out->protocol = b.at[9];
	out->width = 4;
	memcpy(out->at, b.at + (out->why == REFUSAL_IN ? 12 : 16), 4);
	/* Of a fragment, the first one alone has ports. */
	if (header <= b.n && (number16(b.at + 6) & 0x1fff) == 0)
		read_ports((struct bytes){ b.at + header, b.n - header }, out);
	return true;
}

/* RFC 8200: the length does not count the first eight bytes. RFC 4302: that of AH is in words, less two. */
static size_t extension_length(uint8_t kind, const uint8_t *at)
{
	return kind == IPPROTO_FRAGMENT ? 8
	       : kind == IPPROTO_AH     ? ((size_t)at[1] + 2) * 4
					: ((size_t)at[1] + 1) * 8;
}

static bool is_extension(uint8_t kind)
{
	return kind == IPPROTO_HOPOPTS || kind == IPPROTO_ROUTING || kind == IPPROTO_DSTOPTS ||
	       kind == IPPROTO_FRAGMENT || kind == IPPROTO_AH;
}

static bool read_ipv6(struct bytes b, struct refusal *out)
{
	bool later = false;

	if (b.n < 40 || b.at[0] >> 4 != 6)
		return false;
	out->protocol = b.at[6];
	out->width = 16;
	memcpy(out->at, b.at + (out->why == REFUSAL_IN ? 8 : 24), 16);
	b = (struct bytes){ b.at + 40, b.n - 40 };
	for (int i = 0; i < HEADERS_MAX && is_extension(out->protocol) && b.n >= 8; i++) {
		size_t len = extension_length(out->protocol, b.at);

		later = later ||
			(out->protocol == IPPROTO_FRAGMENT && (number16(b.at + 2) & 0xfff8) != 0);
		if (len > b.n)
			return true;
		out->protocol = b.at[0];
		b = (struct bytes){ b.at + len, b.n - len };
	}
	if (!later)
		read_ports(b, out);
	return true;
}

/* ---- why ---- */

/* The prefix is ours: a word, and the number of a row where there is one. */
static bool read_prefix(struct bytes b, struct refusal *out)
{
	static const struct {
		const char *word;
		enum refusal_why why;
		bool row;
	} words[] = {
		{ "out", REFUSAL_OUT, false },   { "guarded", REFUSAL_GUARDED, false },
		{ "host", REFUSAL_HOST, false }, { "in", REFUSAL_IN, false },
		{ "past", REFUSAL_PAST, true },  { "full", REFUSAL_FULL, true },
	};
	char text[PREFIX_MAX] = "";
	size_t letters;
	char *end;

	if (b.n == 0 || b.n > sizeof text || b.at[b.n - 1] != '\0')
		return false;
	memcpy(text, b.at, b.n);
	letters = strcspn(text, "0123456789");
	for (size_t i = 0; i < COUNT(words); i++) {
		if (strlen(words[i].word) != letters || memcmp(words[i].word, text, letters) != 0)
			continue;
		out->why = words[i].why;
		out->row = (uint32_t)strtoul(text + letters, &end, 10);
		return *end == '\0' && (out->row != 0) == words[i].row;
	}
	return false;
}

/* ---- the message ---- */

/* What an attribute holds; n is 0 without it. */
static struct bytes find(struct bytes b, unsigned type)
{
	struct nlattr a;

	while (b.n >= sizeof a) {
		size_t padded;

		memcpy(&a, b.at, sizeof a);
		if (a.nla_len < sizeof a || a.nla_len > b.n)
			break;
		if ((a.nla_type & NLA_TYPE_MASK) == type)
			return (struct bytes){ b.at + sizeof a, a.nla_len - sizeof a };
		padded = NLA_ALIGN(a.nla_len);
		if (padded > b.n)
			break;
		b = (struct bytes){ b.at + padded, b.n - padded };
	}
	return (struct bytes){ NULL, 0 };
}

bool refusal_read(const uint8_t *message, size_t len, struct refusal *out)
{
	const size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	struct bytes attributes, packet;
	struct nlmsghdr m;

	*out = (struct refusal){ 0 };
	if (len < head)
		return false;
	memcpy(&m, message, sizeof m);
	if (m.nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) || m.nlmsg_len > len ||
	    m.nlmsg_len < head)
		return false;
	attributes = (struct bytes){ message + head, m.nlmsg_len - head };
	packet = find(attributes, NFULA_PAYLOAD);
	if (!read_prefix(find(attributes, NFULA_PREFIX), out) || packet.n == 0)
		return false;
	return packet.at[0] >> 4 == 6 ? read_ipv6(packet, out) : read_ipv4(packet, out);
}
