#include "policy/protocol.h"

#include <netinet/in.h>
#include <stddef.h>

#include "base/arena.h"

static const struct {
	int number;
	const char *word;
} protocols[] = {
	{ IPPROTO_TCP, "tcp" },     { IPPROTO_UDP, "udp" },   { IPPROTO_UDPLITE, "udplite" },
	{ IPPROTO_SCTP, "sctp" },   { IPPROTO_DCCP, "dccp" }, { IPPROTO_ICMP, "icmp" },
	{ IPPROTO_ICMPV6, "icmp" },
};

const char *protocol_word(int protocol)
{
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].word;
	return "ip";
}
