/*
 * A published port of the host is taken: by a socket that nobody serves, since connections are led away before they would
 * reach it. So whoever wants it as well is told, be it a second container.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/holder.h"

static socklen_t address_of(const struct plan_publish *p, struct sockaddr_storage *at)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)at;

	memset(at, 0, sizeof *at);
	if (p->address != NULL && inet_pton(AF_INET, p->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(p->host);
		return sizeof *v4;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(p->host);
	if (p->address != NULL)
		inet_pton(AF_INET6, p->address, &v6->sin6_addr);
	return sizeof *v6;
}

/* An IPv6 socket on no address in particular takes the port of IPv4, too; a host may do without IPv6. */
static int take(const struct plan_publish *p, bool reuse)
{
	static const struct plan_publish v4 = { .address = "0.0.0.0" };
	struct sockaddr_storage at;
	socklen_t len = address_of(p, &at);
	int kind = (p->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
	OWN_FD fd = socket(at.ss_family, kind, 0);

	if (fd < 0 && errno == EAFNOSUPPORT && p->address == NULL) {
		struct plan_publish every = v4;

		every.host = p->host;
		len = address_of(&every, &at);
		fd = socket(AF_INET, kind, 0);
	}
	if (fd >= 0 && !p->udp && reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, len) < 0)
		return -errno;
	return fd_take(&fd);
}

static int take_or_tell(const struct plan_publish *p, bool reuse, struct err *e)
{
	int fd = take(p, reuse);

	if (fd == -EADDRINUSE) {
		fail(e, EADDRINUSE, "--publish: port %u (%s) of this host is in use", p->host,
		     p->udp ? "udp" : "tcp");
		return advise(e, "choose another, or end what uses it");
	}
	if (fd == -EACCES) {
		fail(e, EACCES, "--publish: port %u of this host is for root alone", p->host);
		return advise(e, "choose another, or sysctl net.ipv4.ip_unprivileged_port_start=%u",
			      p->host);
	}
	return fd < 0 ? fail(e, -fd, "--publish: port %u of this host: %m", p->host) : fd;
}

/* They are kept for as long as this process lives. Nobody listens there: who might reuse one would have it twice. */
int reserve_ports(const struct holder *h, struct err *e)
{
	for (size_t i = 0; i < h->job.npublished; i++)
		TRY(take_or_tell(&h->job.published[i], false, e));
	return 0;
}

/* A program will listen there itself. Connections that ended a moment ago are in nobody's way; who listens is. */
int try_ports(const struct holder *h, struct err *e)
{
	for (size_t i = 0; i < h->job.npublished; i++) {
		OWN_FD fd = take_or_tell(&h->job.published[i], true, e);

		if (fd < 0)
			return fd;
	}
	return 0;
}
