#include "kern/nft.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/scm.h"
#include "kern/sys.h"

enum {
	ANSWER_BYTES = 32 * 1024
}; /* what the kernel fills at most: NLMSG_GOODSIZE of a dump is less */

/* ---- the socket ---- */

static int enter(int netns, int userns)
{
	int r = sys_setns(netns, CLONE_NEWNET);

	if (r != -EPERM || userns < 0)
		return r;
	r = sys_setns(userns, CLONE_NEWUSER);
	return r < 0 ? r : sys_setns(netns, CLONE_NEWNET);
}

/* A file of the kernel's own, of which each network namespace has another. */
static int is_like(ino_t like)
{
	struct stat st;

	if (like == 0)
		return 0;
	return stat("/proc/thread-self/net/dev", &st) < 0 ? -errno
	       : st.st_ino == like                        ? 0
							  : -ESTALE;
}

static _Noreturn void open_inside(int netns, int userns, ino_t like, int back)
{
	int r = enter(netns, userns);

	if (r == 0)
		r = is_like(like);

	int nl = r < 0 ? -1 : socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (r == 0 && nl < 0)
		r = -errno;
	(void)!scm_send(back, &r, sizeof r, nl); /* who asked may be gone */
	_exit(0);
}

int nft_open(int netns, int userns, ino_t like)
{
	int ends[2], said = -EIO, nl = -1;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;

	OWN_FD own = ends[0];
	OWN_FD its = ends[1];

	child = sys_fork();
	if (child == 0)
		open_inside(netns, userns, like, its);
	if (child < 0)
		return child;
	fd_close(&its);
	if (scm_receive(own, &said, sizeof said, &nl) != (ssize_t)sizeof said)
		said = -EIO;
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (said == 0)
		return nl >= 0 ? nl : -EIO;
	if (nl >= 0)
		close(nl);
	return said;
}

/* ---- attributes ---- */

struct bytes {
	const char *at;
	size_t n;
};

static struct bytes find(struct bytes b, unsigned type)
{
	struct nlattr a;

	while (b.n >= sizeof a) {
		size_t padded;

		memcpy(&a, b.at, sizeof a);
		padded = NLA_ALIGN((size_t)a.nla_len);
		if (a.nla_len < sizeof a || a.nla_len > b.n)
			break;
		if ((a.nla_type & NLA_TYPE_MASK) == type)
			return (struct bytes){ b.at + sizeof a, a.nla_len - sizeof a };
		if (padded > b.n)
			break;
		b = (struct bytes){ b.at + padded, b.n - padded };
	}
	return (struct bytes){ NULL, 0 };
}

static uint64_t number64(struct bytes b)
{
	uint64_t n = 0;

	if (b.n == sizeof n)
		memcpy(&n, b.at, sizeof n);
	return be64toh(n);
}

static uint32_t number32(struct bytes b)
{
	uint32_t n = 0;

	if (b.n == sizeof n)
		memcpy(&n, b.at, sizeof n);
	return be32toh(n);
}

/* ---- asking ---- */

struct request {
	struct nlmsghdr head;
	struct nfgenmsg family;
	struct nlattr table;
	char name[NFT_NAME_BYTES];
};

static int ask(int socket, const char *table)
{
	const size_t name = strlen(table) + 1;
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct request q = {
		.head = { .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETOBJ,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			  .nlmsg_seq = 1 },
		.family = { NFPROTO_INET, NFNETLINK_V0, 0 },
		.table = { (uint16_t)(sizeof q.table + name), NFTA_OBJ_TABLE },
	};
	size_t len = offsetof(struct request, name) + NLA_ALIGN(name);

	if (name > sizeof q.name)
		return -ENAMETOOLONG;
	memcpy(q.name, table, name);
	q.head.nlmsg_len = (uint32_t)len;
	return sendto(socket, &q, len, MSG_NOSIGNAL, (const struct sockaddr *)&kernel,
		      sizeof kernel) == (ssize_t)len
		       ? 0
		       : -errno;
}

static void see(struct bytes attributes, void (*each)(void *ctx, const struct nft_count *c),
		void *ctx)
{
	const struct bytes name = find(attributes, NFTA_OBJ_NAME),
			   data = find(attributes, NFTA_OBJ_DATA);
	const uint32_t type = number32(find(attributes, NFTA_OBJ_TYPE));
	struct nft_count c = { 0 };

	if (name.n == 0 || name.n > sizeof c.name || name.at[name.n - 1] != '\0')
		return;
	memcpy(c.name, name.at, name.n);
	if (type == NFT_OBJECT_COUNTER) {
		c.packets = number64(find(data, NFTA_COUNTER_PACKETS));
		c.bytes = number64(find(data, NFTA_COUNTER_BYTES));
	} else if (type == NFT_OBJECT_QUOTA) {
		c.bytes = number64(find(data, NFTA_QUOTA_CONSUMED));
	} else {
		return;
	}
	each(ctx, &c);
}

/* 1 when there is more to come. */
static int hear(const char *at, size_t left, void (*each)(void *ctx, const struct nft_count *c),
		void *ctx)
{
	const size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	struct nlmsghdr m;
	int error = -EPROTO;

	while (left >= sizeof m) {
		memcpy(&m, at, sizeof m);
		if (m.nlmsg_len < sizeof m || m.nlmsg_len > left)
			return -EPROTO;
		if (m.nlmsg_type == NLMSG_DONE)
			return 0;
		if (m.nlmsg_type == NLMSG_ERROR) {
			if (m.nlmsg_len >= NLMSG_HDRLEN + sizeof error)
				memcpy(&error, at + NLMSG_HDRLEN, sizeof error);
			return error;
		}
		if (m.nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWOBJ) &&
		    m.nlmsg_len >= head)
			see((struct bytes){ at + head, m.nlmsg_len - head }, each, ctx);
		if (NLMSG_ALIGN(m.nlmsg_len) >= left)
			break;
		at += NLMSG_ALIGN(m.nlmsg_len);
		left -= NLMSG_ALIGN(m.nlmsg_len);
	}
	return 1;
}

int nft_counts(int socket, const char *table, void (*each)(void *ctx, const struct nft_count *c),
	       void *ctx)
{
	char answer[ANSWER_BYTES];
	int r = ask(socket, table);

	if (r < 0)
		return r;
	do {
		ssize_t n = recv(socket, answer, sizeof answer, 0);

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : n == 0 ? -EPROTO : hear(answer, (size_t)n, each, ctx);
	} while (r > 0);
	return r;
}
