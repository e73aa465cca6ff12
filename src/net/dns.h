/*
 * The resolver of a container whose network rules name domains.
 *
 * It answers on two sockets that stand in the container's network namespace, asks the host's name servers for
 * names that a rule allows and for nothing else, and hands each address to permit() before the container
 * learns it. It has no thread and no loop of its own: the caller polls what dns_pollfds() lists, for at most
 * dns_timeout_ms(), then calls dns_handle(). All memory is taken once, in dns_new(); nothing that the
 * container or a name server sends makes it grow. It never waits.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	DNS_SERVERS_MAX = 3, /* as many as resolv.conf(5) may have */
	DNS_RULES_MAX = 1024,
	DNS_ADDRESSES_MAX = 32, /* of one answer; more are left out, and never permitted */
	DNS_TTL_MAX_S = 3600,   /* however long the server says */
	DNS_POLL_MAX = 48,      /* descriptors that dns_pollfds() lists at most */
};

/* `width` is 4 or 16; bytes in network order. */
struct dns_address {
	uint8_t width;
	uint8_t bytes[16];
};

struct dns_server {
	struct sockaddr_storage at; /* AF_INET or AF_INET6, with its port */
	socklen_t len;
};

/* Why a question was not answered with addresses. dns_why_text() has the sentence. */
enum dns_why {
	DNS_WHY_NAME,      /* no rule allows the name */
	DNS_WHY_TYPE,      /* the name is allowed; addresses are all that is asked for it */
	DNS_WHY_MALFORMED, /* no question that can be read; the name is "" */
	DNS_WHY_ADDRESS,   /* all its addresses are of a kind that is never given out (rebinding) */
	DNS_WHY_PRIVATE,   /* they are, or are private, and no rule of this name allows these */
	DNS_WHY_NAMES,     /* too many different names below wildcards within the hour */
	DNS_WHY_BUSY,      /* too many questions at once, or in a second */
	DNS_WHY_SERVERS,   /* no name server gave an answer that can be used */
	DNS_WHY_PERMIT,    /* permit() failed */
};

/* Names as in a profile: "example.org", or "*.example.org" for all that lies below it but not itself. */
struct dns_job {
	const char *const *
		rules; /* domain_pattern_valid() of policy/domain.h; stay valid as long as the resolver */
	size_t nrules;
	struct dns_server servers[DNS_SERVERS_MAX]; /* asked in this order; at least one */
	size_t nservers;
	/* For each rule, whether its names may lead to addresses of RFC 1918, RFC 4193 and RFC 6598; NULL: none. Stays valid, too. */
	const bool *allow_private;
	/* 0 means the default. */
	uint32_t ttl_min_s, ttl_max_s; /* 30, 3600: what the server says is brought between them */
	uint32_t timeout_ms;           /* 2000, for one server; each is asked twice, in turn */
	uint32_t names_max;            /* 1000 different names below wildcards an hour */
	uint32_t rate; /* 100 questions to servers a second, 200 at once after a pause */
};

struct dns_calls {
	void *ctx;

	/* A non-blocking, close-on-exec socket in the *host's* network namespace, or -errno. It is called for each
	 * question with AF_INET or AF_INET6 and SOCK_DGRAM or SOCK_STREAM, without a bind: the kernel then chooses
	 * a random port at connect(2). The resolver connects it, owns it and closes it within seconds. */
	int (*open)(void *ctx, int family, int type);

	/* Lets the container reach `n` addresses (n > 0) by the rules whose bits are set: bit i%8 of rules[i/8] stands for
	 * job->rules[i]. For `ttl_s` and whatever grace the caller adds: the container
	 * may use them until then. Called before the answer is sent. 0, or -errno: then the answer is SERVFAIL. Must not wait long. */
	int (*permit)(void *ctx, const uint8_t *rules, const char *name,
		      const struct dns_address *at, size_t n, uint32_t ttl_s);

	/* Tells of a question that was refused; at most about 10 a second, dns_stats() counts all. `name` has
	 * only letters, digits, '-', '_' and '.', in lower case. */
	void (*refused)(void *ctx, const char *name, uint16_t type, enum dns_why why);

	/* Milliseconds of a clock that never goes back; NULL means CLOCK_MONOTONIC. */
	uint64_t (*now_ms)(void *ctx);
};

struct dns_stats {
	uint64_t questions, answered, refused[9],
		untold; /* refused by enum dns_why; `untold` had no call of refused() */
};

struct dns;

/* Both sockets are bound to one address, not to any, so that answers come from where they are awaited (`tcp` also listens), non-blocking, and stay the caller's. `job` and `calls` are copied, the
 * rules' texts are not. -EINVAL without server, or for a rule that is no pattern. */
int dns_new(struct arena *a, const struct dns_job *job, const struct dns_calls *calls, int udp,
	    int tcp, struct dns **out, struct err *e);

/* Other rules, for every answer from here on: of questions that wait for a server, too. They are valid patterns, DNS_RULES_MAX at
 * most, and stay as those of the job do. */
void dns_change(struct dns *d, const char *const *rules, const bool *allow_private, size_t n);

/* Lists what to poll, at most DNS_POLL_MAX descriptors; valid until the next dns_handle(). */
size_t dns_pollfds(struct dns *d, struct pollfd *at);

/* How long poll may wait; -1 when nothing is due. */
int dns_timeout_ms(struct dns *d);

/* Acts on what poll said of the list that dns_pollfds() made, and on what is due. */
void dns_handle(struct dns *d, const struct pollfd *at, size_t n);

/* Closes the connections and sockets that the resolver opened. */
void dns_end(struct dns *d);

void dns_stats(const struct dns *d, struct dns_stats *out);
const char *dns_why_text(enum dns_why why);

/* ---- name servers ---- */

/* The servers of a resolv.conf's text, at most DNS_SERVERS_MAX, with port 53. A line that begins with "nameserver" and has no
 * address is an error with its number; other lines are left alone. -ENOENT when it names none. */
int dns_servers_read(const char *text, struct dns_server *out, size_t *n, struct err *e);

/* ---- addresses (pure) ---- */

/* What kind of place an address is. All but DNS_PUBLIC are kept from the container; DNS_PRIVATE can be allowed. */
enum dns_place {
	DNS_PUBLIC,
	DNS_PRIVATE,
	DNS_LOOPBACK,
	DNS_LINK_LOCAL,
	DNS_METADATA, /* where clouds keep credentials for their machines */
	DNS_MULTICAST,
	DNS_SPECIAL, /* unspecified, broadcast, documentation, reserved */
	DNS_EMBEDDED, /* IPv6 that leads to an IPv4 address: mapped, compatible, 6to4, Teredo, NAT64 */
};
enum dns_place dns_place(const struct dns_address *a);

#endif
