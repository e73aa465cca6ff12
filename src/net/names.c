#include "net/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "kern/sys.h"
#include "net/door.h"
#include "net/log.h"
#include "net/opener.h"
#include "policy/net_own.h"

enum { PORT = 53, BACKLOG = 16, RESOLV_BYTES_MAX = 64 * 1024 };

static const char servers_path[] = "/etc/resolv.conf";

_Static_assert((int)NET_DOMAINS_MAX == (int)DNS_RULES_MAX, "a job has as many rules as a resolver");

/* ---- before ---- */

static int read_servers(struct holder *h, struct err *e)
{
	struct dns_job *job = &h->names->job;
	char *text = arena_alloc(h->arena, RESOLV_BYTES_MAX + 1);
	OWN_FD fd = path_open(servers_path, O_RDONLY);
	ssize_t n = fd >= 0 ? fd_read_all(fd, text, RESOLV_BYTES_MAX) : -errno;

	if (n < 0) {
		fail(e, (int)-n, "%s of this host: %m", servers_path);
		return advise(e, "rules that name domains need a name server of the host");
	}
	if (dns_servers_read(text, job->servers, &job->nservers, e) < 0) {
		within(e, "%s of this host", servers_path);
		return advise(e, "rules that name domains need a name server of the host");
	}
	return 0;
}

int names_read(struct holder *h, struct err *e)
{
	const char **rules;
	bool *allow_private;

	h->names = arena_alloc(h->arena, sizeof *h->names);
	if (h->job.ndomains == 0)
		return 0;
	rules = arena_array(h->arena, h->job.ndomains, sizeof *rules);
	allow_private = arena_array(h->arena, h->job.ndomains, sizeof *allow_private);
	for (size_t i = 0; i < h->job.ndomains; i++) {
		rules[i] = h->job.domains[i].pattern;
		allow_private[i] = h->job.domains[i].allow_private;
	}
	h->names->job.rules = rules;
	h->names->job.allow_private = allow_private;
	h->names->job.nrules = h->job.ndomains;
	return read_servers(h, e);
}

/* ---- inside ---- */

static int listen_at(const char *at, int type, struct err *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	OWN_FD fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, at, &to.sin_addr);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&to, sizeof to) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return fail(e, errno, "the resolver's socket in the container, at %s: %m", at);
	return fd_take(&fd);
}

/* One alone can answer there. */
static int explain_taken(const struct holder *h, struct err *e)
{
	if (e->no != EADDRINUSE || !h->job.given)
		return -e->no;
	return advise(
		e,
		"a name server of somebody else's in this network listens at all its addresses, or another container with rows about "
		"names has ids beside this one's: give each its own, or let one alone have such rows");
}

int names_inside(struct holder *h, struct err *e)
{
	struct names *n = h->names;
	char table[NET_TABLE_BYTES], at[NET_RESOLVER_BYTES];

	if (n->job.nrules == 0)
		return 0;
	net_own_resolver(h->job.mark, at);
	n->udp = listen_at(at, SOCK_DGRAM, e);
	n->tcp = n->udp < 0 ? -1 : listen_at(at, SOCK_STREAM, e);
	if (n->tcp < 0)
		return explain_taken(h, e);
	net_table_name(h->table, table);
	if (!h->job.given)
		return permits_open(h->arena, table, -1, &n->permits, e);
	return h->inside_fd < 0 ? fail(e, EOPNOTSUPP,
				       "zviz-net: the socket that owns the rules is not known")
				: permits_open(h->arena, table, h->inside_fd, &n->permits, e);
}

/* ---- calls of the resolver ---- */

/* This thread never left the host's network. */
static int call_open(void *ctx, int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)ctx;
	return fd >= 0 ? fd : -errno;
}

static int permit(struct holder *h, uint32_t sets, const struct dns_address *at, size_t n,
		  uint32_t ttl_s)
{
	return opener_is_needed(h) ? opener_ask(h, sets, at, n, ttl_s)
				   : permits_add(&h->names->permits, sets, at, n, ttl_s);
}

static int call_permit(void *ctx, const uint8_t *rules, const char *name,
		       const struct dns_address *at, size_t n, uint32_t ttl_s)
{
	struct holder *h = ctx;

	(void)name;
	for (size_t i = 0; i < h->job.ndomains; i++) {
		int r = 0;

		if ((rules[i / 8] & 1u << (i % 8)) != 0)
			r = permit(h, h->job.domains[i].sets, at, n, ttl_s);
		if (r < 0)
			return r;
	}
	return 0;
}

static void call_refused(void *ctx, const char *name, uint16_t type, enum dns_why why)
{
	log_name(ctx, name, type, why);
}

/* ---- a life ---- */

int names_start(struct holder *h, struct err *e)
{
	const struct dns_calls calls = { .ctx = h,
					 .open = call_open,
					 .permit = call_permit,
					 .refused = h->log->told ? call_refused : NULL };
	struct names *n = h->names;

	if (n->job.nrules == 0)
		return 0;
	return dns_new(h->arena, &n->job, &calls, n->udp, n->tcp, &n->dns, e);
}

/* False: the container may reach the host at an address that is new, and must end. */
static bool follow(struct holder *h)
{
	h->behind = h->own != NULL && own_changed(h->own) && own_follow(h->own) < 0;
	return !h->behind;
}

void names_serve(struct holder *h, int end)
{
	struct pollfd at[5 + DNS_POLL_MAX] = {
		{ .fd = end, .events = POLLIN },
		{ .fd = h->other, .events = POLLIN },
		{ .fd = h->log->fd, .events = POLLIN },
		{ .fd = h->own != NULL ? own_fd(h->own) : -1, .events = POLLIN },
	};

	/* First of all what came while the container was made. */
	while (at[0].revents == 0 && at[1].revents == 0 && follow(h)) {
		/* While its rows are changed nothing is resolved: an address would go into sets of the old ones. */
		struct dns *dns = door_waits(h->door) ? NULL : h->names->dns;
		size_t n = dns != NULL ? dns_pollfds(dns, at + 5) : 0;

		at[4] = (struct pollfd){ .fd = door_fd(h->door), .events = POLLIN };

		int most_ms = dns != NULL ? dns_timeout_ms(dns)
					  : door_timeout_ms(h->door, sys_clock_ms());

		if (poll(at, 5 + n, most_ms) < 0 && errno != EINTR)
			return;
		/* Also at the end: what was refused last. */
		log_hear(h);
		if (dns != NULL)
			dns_handle(dns, at + 5, n);
		door_handle(h, at[4].revents, sys_clock_ms());
	}
}

void names_change(struct holder *h, const char *const *rules, const bool *allow_private)
{
	if (h->names->dns != NULL)
		dns_change(h->names->dns, rules, allow_private, h->job.ndomains);
}
