/*
 * How each program is told of what it is to do, and of all that it is not to: by their own choice both give the container ways
 * to the host's loopback and to its name servers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "net/keeper.h"

struct args {
	const struct holder *h;
	const char **at;
	size_t n;
};

static void add(struct args *a, const char *word)
{
	/* The last place is NULL's. A list that is too long is found by its length. */
	if (a->n < KEEPER_ARGS_MAX - 1)
		a->at[a->n] = word;
	a->n++;
}

static void add_all(struct args *a, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(a, words[i]);
}

static const char *address4(const struct args *a, uint32_t at)
{
	const struct in_addr bytes = { htonl(at) };
	char text[INET_ADDRSTRLEN];

	return arena_strdup(a->h->arena, inet_ntop(AF_INET, &bytes, text, sizeof text));
}

static const char *address6(const struct args *a, const uint8_t *at)
{
	char text[INET6_ADDRSTRLEN];

	return arena_strdup(a->h->arena, inet_ntop(AF_INET6, at, text, sizeof text));
}

/* ---- pasta ---- */

/* Told of nothing, it publishes whatever listens. */
static void pasta_ports(struct args *a, bool udp)
{
	const char *option = udp ? "--udp-ports" : "--tcp-ports";
	bool any = false;

	for (size_t i = 0; i < a->h->job.npublished; i++) {
		const struct plan_publish *p = &a->h->job.published[i];

		if (p->udp != udp)
			continue;
		any = true;
		add(a, option);
		add(a, arena_printf(a->h->arena, "%s%s%u:%u", p->address != NULL ? p->address : "",
				    p->address != NULL ? "/" : "", p->host, p->container));
	}
	if (!any) {
		add(a, option);
		add(a, "none");
	}
}

static void pasta_args(struct args *a)
{
	static const char *const always[] = {
		"pasta",
		"--quiet",
		"--netns-only",
		"--netns",
		KEEPER_NETNS,
		"--no-netns-quit",
		"--ns-ifname",
		TAP_NAME,
		/* Of a device that it was not told of it learns from what the container sends: until then what comes in goes to
		 * all, and the kernel takes no connection from that. Any will do, on a link of two; this one is local (IEEE 802). */
		"--ns-mac-addr",
		"02:7a:76:69:7a:01",
		/* Nothing that leads to the host's loopback: neither by its gateway's address nor by ports. */
		"--no-map-gw",
		"--tcp-ns",
		"none",
		"--udp-ns",
		"none",
		/* Nothing of the host's names, and no one who tells the container of addresses. */
		"--dns",
		"none",
		"--search",
		"none",
		"--no-dhcp",
		"--no-dhcpv6",
		"--no-ra",
	};

	add_all(a, always, COUNT(always));
	add(a, "--address");
	add(a, address4(a, a->h->at.own4));
	add(a, "--gateway");
	add(a, address4(a, a->h->at.host4));
	if (a->h->way6) {
		add(a, "--address");
		add(a, address6(a, a->h->at.own6));
		add(a, "--gateway");
		add(a, address6(a, a->h->at.host6));
	} else {
		add(a, "--ipv4-only");
	}
	pasta_ports(a, false);
	pasta_ports(a, true);
}

/* ---- slirp4netns ---- */

static void slirp_args(struct args *a)
{
	static const char *const always[] = {
		"slirp4netns",
		"--netns-type=path",
		"--disable-host-loopback",
		"--disable-dns",
		/* Its sandbox wants to be root there, which a container of one id has none of: keeper_root() is ours. */
		"--enable-seccomp",
		"--mtu=65520",
	};

	add_all(a, always, COUNT(always));
	add(a, arena_printf(a->h->arena, "--ready-fd=%d", KEEPER_READY_FD));
	add(a, arena_printf(a->h->arena, "--cidr=%s/24", address4(a, a->h->at.host4 & ~0xffu)));
	if (a->h->way6)
		add(a, "--enable-ipv6");
	if (a->h->job.npublished != 0)
		add(a, "--api-socket=" KEEPER_API);
	add(a, KEEPER_NETNS);
	add(a, TAP_NAME);
}

/* Its answer to one request, for which it wants a connection each (slirp4netns(1), "API socket"). */
static int ask_slirp(const char *request, char *answer, size_t room)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = KEEPER_API };
	OWN_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) < 0 ||
	    fd_write_all(fd, request, strlen(request)) < 0 || shutdown(fd, SHUT_WR) < 0)
		return -errno;
	while ((n = read(fd, answer + len, room - 1 - len)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	return n < 0 ? -errno : 0;
}

int slirp_publish(const struct holder *h, struct err *e)
{
	char answer[512];

	for (size_t i = 0; i < h->job.npublished; i++) {
		const struct plan_publish *p = &h->job.published[i];
		const char *request = arena_printf(
			h->arena,
			"{\"execute\": \"add_hostfwd\", \"arguments\": {\"proto\": \"%s\", \"host_addr\": \"%s\", "
			"\"host_port\": %u, \"guest_port\": %u}}",
			p->udp ? "udp" : "tcp", p->address != NULL ? p->address : "0.0.0.0",
			p->host, p->container);
		int r = ask_slirp(request, answer, sizeof answer);

		if (r < 0)
			return fail(e, -r, "slirp4netns: publish port %u: %m", p->host);
		if (strstr(answer, "\"return\"") == NULL)
			return fail(e, EADDRNOTAVAIL, "slirp4netns: publish port %u: %.*s", p->host,
				    (int)strcspn(answer, "\r\n"), answer);
	}
	return 0;
}

int keeper_args(const struct holder *h, const char **out, struct err *e)
{
	struct args a = { h, out, 0 };

	if (h->job.way == NET_PASTA)
		pasta_args(&a);
	else
		slirp_args(&a);
	if (a.n >= KEEPER_ARGS_MAX)
		return fail(e, E2BIG, "--publish: more ports than %s can be told of",
			    h->job.way == NET_PASTA ? "pasta" : "slirp4netns");
	out[a.n] = NULL;
	return 0;
}
