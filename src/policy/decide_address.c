/*
 * Addresses of sockets: which of them are files, and who may connect to those.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "policy/decide.h"

static const struct from nobody;

_Static_assert(sizeof((struct sockaddr_un *)0)->sun_path == ADDRESS_PATH_MAX, "linux/un.h");

/* As unix_validate_addr() and unix_mkname_bsd() of net/unix/af_unix.c read it: the path ends at its first NUL, or where
 * the address ends. */
enum address_kind decide_address_kind(const void *address, size_t len,
				      char path[ADDRESS_PATH_MAX + 1])
{
	const size_t begin = offsetof(struct sockaddr_un, sun_path);
	struct sockaddr_un un = { .sun_family = AF_UNSPEC };

	path[0] = '\0';
	if (len <= begin || len > sizeof un)
		return ADDRESS_OTHER;
	memcpy(&un, address, len);
	if (un.sun_family != AF_UNIX)
		return ADDRESS_OTHER;
	if (un.sun_path[0] == '\0')
		return ADDRESS_ABSTRACT;
	memcpy(path, un.sun_path, len - begin);
	path[len - begin] = '\0';
	return ADDRESS_PATH;
}

struct verdict decide_address(const struct broker_plan *p, const struct object *o)
{
	struct object held = *o;

	/* Nothing else keeps the machine's sockets apart. */
	if (p->bare)
		return decide_open(p, o, WANT_READ | WANT_WRITE | WANT_CONNECT);
	/* Then the lists of folders have no more to say. */
	held.held = WANT_READ | WANT_WRITE;
	return decide_open(p, &held, WANT_READ | WANT_WRITE | WANT_CONNECT);
}

/* Landlock asks whose socket it is; the broker, which is in no domain, would be let through to all of the host's. It cannot
 * know whose it is either. */
struct verdict decide_abstract(const struct broker_plan *p)
{
	if (!p->abstract_apart)
		return (struct verdict){ .what = PERFORM, .from = &nobody };
	return (struct verdict){
		.what = DENY,
		.err = EPERM,
		.from = &nobody,
		.fix = "no --network host, or neither patterns in filesystem.deny nor ask.connect",
	};
}

/* A source route (RFC 791, 3.1; RFC 8754): the first to get the datagram is whom it names, not whom it is addressed to. */
struct verdict decide_control(const struct broker_plan *p, int level, int type)
{
	bool route = (level == IPPROTO_IP && (type == IP_OPTIONS || type == IP_RETOPTS)) ||
		     (level == IPPROTO_IPV6 && (type == IPV6_RTHDR || type == IPV6_2292RTHDR));

	if (p->nconnect == 0 || !route)
		return (struct verdict){ .what = PERFORM, .from = &nobody };
	return (struct verdict){ .what = DENY,
				 .err = EACCES,
				 .from = &p->connect[0].from,
				 .fix = "send it without a source route" };
}
