#include "net/log.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/told.h"

enum {
	MESSAGE_BYTES = 512,
	GROUP_TRIES = 16,
	ANSWER_BYTES = 8 * 1024, /* a message has NET_LOG_BYTES of the packet, and is sent alone */
};

/* ---- before ---- */

static struct nlmsghdr *begin(char *bytes, uint16_t group)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof *g);

	m->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->nlmsg_seq = 1;
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htobe16(group);
	return m;
}

static int talk(struct mnl_socket *nl, struct nlmsghdr *m)
{
	char answer[MESSAGE_BYTES] __attribute__((aligned(8)));
	ssize_t n;

	if (mnl_socket_sendto(nl, m, m->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl, answer, sizeof answer);
	if (n < 0)
		return -errno;
	return mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(nl), NULL, NULL) < 0 ? -errno
											   : 0;
}

/* Ours is the group, and each message is sent as it comes, not when many or a second have passed. */
static int bind_group(struct mnl_socket *nl, uint16_t group)
{
	char bytes[MESSAGE_BYTES] __attribute__((aligned(8)));
	const struct nfulnl_msg_config_cmd bind = { NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = { htobe32(NET_LOG_BYTES), NFULNL_COPY_PACKET,
						     0 };
	struct nlmsghdr *m = begin(bytes, group);
	int r;

	mnl_attr_put(m, NFULA_CFG_CMD, sizeof bind, &bind);
	r = talk(nl, m);
	if (r < 0)
		return r;
	m = begin(bytes, group);
	mnl_attr_put(m, NFULA_CFG_MODE, sizeof mode, &mode);
	mnl_attr_put_u32(m, NFULA_CFG_QTHRESH, htobe32(1));
	return talk(nl, m);
}

/* A group that somebody has already (EBUSY) is his. */
static int take_group(const struct holder *h, struct mnl_socket *nl, uint16_t *group)
{
	int r = -EBUSY;

	if (!h->job.given)
		return bind_group(nl, *group);
	for (int tries = 0; r == -EBUSY && tries < GROUP_TRIES; tries++) {
		if (getrandom(group, sizeof *group, 0) != (ssize_t)sizeof *group)
			return -errno;
		r = bind_group(nl, *group);
	}
	return r;
}

static int open_group(const struct holder *h, struct mnl_socket **out, uint16_t *group)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int r = nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0
			? -errno
			: take_group(h, nl, group);

	if (r < 0 && nl != NULL)
		mnl_socket_close(nl);
	*out = r < 0 ? NULL : nl;
	return r;
}

void log_inside(struct holder *h, const char **note)
{
	struct mnl_socket *nl;
	struct err ignored = { 0 };
	uint16_t group = NET_LOG_GROUP;

	h->log = arena_alloc(h->arena, sizeof *h->log);
	*h->log = (struct log){ .fd = -1, .told = h->job.tell != NULL };
	if (!h->log->told)
		return;
	/* Without nfnetlink_log the kernel takes neither. */
	if (open_group(h, &nl, &group) == 0 &&
	    holder_load(h->inside, tell_rules(h, group), "in the container", &ignored) == 0)
		h->log->fd = mnl_socket_get_fd(nl), h->log->group = group;
	else
		*note = "what its rules refuse is only counted: the kernel has no nfnetlink_log, nft_log or nft_limit";
}

/* ---- telling ---- */

static void tell(struct holder *h, struct told *t)
{
	char line[EVENT_LINE_MAX];
	struct timespec now;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	t->event.time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	len = event_write(line, &t->event);
	/* A line is no longer than PIPE_BUF: a pipe takes all of it or nothing, as it does the broker's. */
	if (write(NET_FD_EVENTS, line, len) == (ssize_t)len)
		h->log->lost = 0;
	else
		h->log->lost++;
}

static void hear_message(struct holder *h, const uint8_t *message, size_t len)
{
	struct refusal r;
	struct told t;

	if (!refusal_read(message, len, &r))
		return;
	told_packet(&h->job, &r, h->log->lost, &t);
	tell(h, &t);
}

static void hear_messages(struct holder *h, const uint8_t *bytes, size_t len)
{
	while (len >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr m;
		size_t padded;

		memcpy(&m, bytes, sizeof m);
		if (m.nlmsg_len < sizeof m || m.nlmsg_len > len)
			return;
		hear_message(h, bytes, m.nlmsg_len);
		padded = NLMSG_ALIGN(m.nlmsg_len);
		if (padded >= len)
			return;
		bytes += padded;
		len -= padded;
	}
}

void log_hear(struct holder *h)
{
	uint8_t bytes[ANSWER_BYTES];
	struct iovec part = { bytes, sizeof bytes };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	if (h->log->fd < 0)
		return;
	while ((n = recvmsg(h->log->fd, &m, MSG_DONTWAIT)) > 0 || (n < 0 && errno == ENOBUFS)) {
		if (n > 0)
			hear_messages(h, bytes, (size_t)n);
		else
			h->log->lost++; /* at least one did not fit the socket's buffer */
		m.msg_flags = 0;
	}
}

void log_name(struct holder *h, const char *name, uint16_t type, enum dns_why why)
{
	struct told t;

	told_name(&h->job, name, type, why, h->log->lost, &t);
	tell(h, &t);
}
