/*
 * Families by allow list, and a network with nobody in it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

/* One second is not "at once", and far less than a connection that is being tried takes to give
 * up. */
enum { AT_ONCE_MS = 1000 };

static long connect_to(int family, const struct sockaddr *to, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;
	socklen_t size = sizeof err;
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (fd < 0)
		return -errno;
	if (connect(fd, to, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, AT_ONCE_MS) == 0)
		return -ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0 ? -errno : -err;
}

static long connect_inet(const char *address, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, address, &to.sin_addr);
	return connect_to(AF_INET, (struct sockaddr *)&to, sizeof to);
}

static long connect_inet6(const char *address, uint16_t port)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	inet_pton(AF_INET6, address, &to.sin6_addr);
	return connect_to(AF_INET6, (struct sockaddr *)&to, sizeof to);
}

/* TEST-NET-2 and the documentation prefix (RFC 5737, RFC 3849): nobody's, should a packet ever
 * leave. */
/* clang-format off */
static long connect_out(void) { return connect_inet("198.51.100.1", 80); }
static long connect_out6(void) { return connect_inet6("2001:db8::1", 80); }
static long connect_metadata(void) { return connect_inet("169.254.169.254", 80); }
static long connect_metadata6(void) { return connect_inet6("fd00:ec2::254", 80); }
static long connect_loopback(void) { return connect_inet("127.0.0.1", 9); }
/* clang-format on */

static long send_out(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "198.51.100.1", &to.sin_addr);
	return fd < 0 ? -errno : outcome(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
}

/* The host listens there while this runs: tests/escape/run sees to it. */
static long abstract_socket(void)
{
	static const char name[] = "zviz-escape-test";
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	memcpy(to.sun_path + 1, name, sizeof name - 1);
	return connect_to(AF_UNIX, (struct sockaddr *)&to,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof name));
}

static void interfaces(char *say)
{
	int fd = open("/proc/net/dev", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[512], name[64];

	for (int i = 0; f != NULL && fgets(line, sizeof line, f) != NULL; i++)
		if (i >= 2 && sscanf(line, " %63[^:]:", name) == 1) /* two lines of headings */
			say_word(say, name);
	if (f == NULL)
		strcpy(say, strerrorname_np(errno));
}

static void routes(char *say)
{
	char text[4096];
	int lines = 0;

	read_text("/proc/net/route", text, sizeof text);
	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	snprintf(say, SAY_MAX, "%d", lines > 0 ? lines - 1 : 0);
}

static long pair_unix(void)
{
	int fd[2];

	return outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
}

/* clang-format off */
#define SOCKET(name, family, type, protocol) CALL("socket-" name, SYS_socket, family, type, protocol)

const struct probe socket_probes[] = {
	SOCKET("unix",           AF_UNIX, SOCK_STREAM, 0),
	SOCKET("tcp",            AF_INET, SOCK_STREAM, 0),
	SOCKET("tcp6",           AF_INET6, SOCK_STREAM, 0),
	SOCKET("udp",            AF_INET, SOCK_DGRAM, 0),
	SOCKET("route",          AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	SOCKET("raw-icmp",       AF_INET, SOCK_RAW, IPPROTO_ICMP),
	SOCKET("ping",           AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
	SOCKET("sctp",           AF_INET, SOCK_STREAM, IPPROTO_SCTP),
	SOCKET("mptcp",          AF_INET, SOCK_STREAM, 262),
	SOCKET("packet",         AF_PACKET, SOCK_RAW, 0),
	SOCKET("packet-obsolete", AF_INET, SOCK_PACKET, 0),
	SOCKET("vsock",          AF_VSOCK, SOCK_STREAM, 0),
	SOCKET("vsock-high",     0x100000000ul | AF_VSOCK, SOCK_STREAM, 0),
	SOCKET("alg",            AF_ALG, SOCK_SEQPACKET, 0),
	SOCKET("key",            AF_KEY, SOCK_RAW, 2),
	SOCKET("xdp",            AF_XDP, SOCK_RAW, 0),
	SOCKET("tipc",           AF_TIPC, SOCK_STREAM, 0),
	SOCKET("can",            AF_CAN, SOCK_RAW, 1),
	SOCKET("bluetooth",      AF_BLUETOOTH, SOCK_RAW, 1),
	SOCKET("audit",          AF_NETLINK, SOCK_RAW, NETLINK_AUDIT),
	SOCKET("kobject",        AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT),
	SOCKET("netfilter",      AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER),
	SOCKET("generic",        AF_NETLINK, SOCK_RAW, NETLINK_GENERIC),
	SOCKET("xfrm",           AF_NETLINK, SOCK_RAW, NETLINK_XFRM),
	RUN("socketpair-unix",   pair_unix),
	TELL("interfaces",       interfaces),
	TELL("routes",           routes),
	RUN("connect-out",       connect_out),
	RUN("connect-out6",      connect_out6),
	RUN("connect-metadata",  connect_metadata),
	RUN("connect-metadata6", connect_metadata6),
	RUN("connect-loopback",  connect_loopback),
	RUN("send-out",          send_out),
	RUN("abstract-socket",   abstract_socket),
	{ 0 }
};
