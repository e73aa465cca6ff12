#include "net/nfnl.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

enum {
	ANSWER_BYTES = 8 * 1024,
	DUMP_BYTES = 32 * 1024, /* what a dump fills at most */
};

int nfnl_open(struct mnl_socket **out, struct err *e)
{
	*out = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (*out == NULL || mnl_socket_bind(*out, 0, MNL_SOCKET_AUTOPID) < 0)
		return fail(e, errno, "nfnetlink: %m");
	return 0;
}

int nfnl_borrow(int fd, struct mnl_socket **out, struct err *e)
{
	*out = mnl_socket_fdopen(fd);
	return *out != NULL ? 0 : fail(e, errno, "nfnetlink: %m");
}

struct nlmsghdr *nfnl_begin(char *at, uint16_t type, uint16_t flags, uint8_t family, uint16_t res)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(at);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof *g);

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->nlmsg_seq = 1;
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = htobe16(res);
	return m;
}

struct nlmsghdr *nfnl_elements(char *at, uint16_t type, uint16_t flags, const char *table,
			       const char *set)
{
	struct nlmsghdr *m = nfnl_begin(at, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags,
					NFPROTO_INET, 0);

	mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, set);
	return m;
}

size_t nfnl_batch_begin(char *at)
{
	return nfnl_begin(at, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES)->nlmsg_len;
}

size_t nfnl_batch_end(char *at)
{
	return nfnl_begin(at, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES)->nlmsg_len;
}

/* One answer of the kernel's; others could send to this socket as well (CAP_NET_ADMIN). A socket that is lent may be one that waits. */
static ssize_t receive(struct mnl_socket *nl, char *bytes, size_t size)
{
	struct sockaddr_nl from = { 0 };
	struct iovec part = { bytes, size };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1
	};
	ssize_t n;

	do
		n = recvmsg(mnl_socket_get_fd(nl), &m, MSG_DONTWAIT);
	while (n >= 0 && from.nl_pid != 0);
	return n;
}

/* All answers are there when the message has been sent: nfnetlink works within sendto(2). */
static int hear(struct mnl_socket *nl)
{
	char answer[ANSWER_BYTES] __attribute__((aligned(8)));
	bool heard = false;
	int r = 0;
	ssize_t n;

	while ((n = receive(nl, answer, sizeof answer)) > 0) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)answer;
		int left = (int)n;

		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			const struct nlmsgerr *said = mnl_nlmsg_get_payload(m);

			if (m->nlmsg_type != NLMSG_ERROR ||
			    mnl_nlmsg_get_payload_len(m) < sizeof said->error)
				continue;
			heard = true;
			r = said->error != 0 ? said->error : r;
		}
	}
	return heard ? r : -EIO;
}

int nfnl_ask(struct mnl_socket *nl, struct nlmsghdr *m, mnl_cb_t each, void *data)
{
	static const unsigned sequence = 1;
	char answer[DUMP_BYTES] __attribute__((aligned(8)));
	int r = 1;

	m->nlmsg_seq = sequence;
	if (mnl_socket_sendto(nl, m, m->nlmsg_len) < 0)
		return -errno;
	while (r > 0) {
		ssize_t n = mnl_socket_recvfrom(nl, answer, sizeof answer);

		if (n < 0)
			return -errno;
		r = mnl_cb_run(answer, (size_t)n, sequence, mnl_socket_get_portid(nl), each, data);
	}
	return r == 0 ? 0 : -errno;
}

int nfnl_run(struct mnl_socket *nl, const char *batch, size_t len)
{
	if (mnl_socket_sendto(nl, batch, len) < 0)
		return -errno;
	return hear(nl);
}
