/*
 * The resolver with a container on one side and name servers on the other, all of them sockets of the test on the loopback,
 * under a clock of its own.
 */
#ifndef UNIT_DNS_WORLD_H
#define UNIT_DNS_WORLD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "dns_message.h"
#include "net/dns.h"

enum { A = 1, TXT = 16, AAAA = 28, HTTPS = 65, ANY = 255, SERVERS = 2 };

struct world {
	struct arena arena;
	struct dns *dns;
	int udp, tcp, client, conn;
	int server_udp[SERVERS], server_tcp[SERVERS], server_conn;
	struct sockaddr_in udp_at, tcp_at, asker; /* `asker`: from where the last question came */
	uint64_t now_ms;
	int opened;

	/* what was permitted and refused last */
	int permits, permit_result, refusals;
	bool answered_first; /* the container had its answer before permit() was called */
	uint8_t rules;
	size_t n;
	struct dns_address at[DNS_ADDRESSES_MAX];
	uint32_t ttl_s;
	char name[256];
	enum dns_why why;
	struct message reply;
};

int bound(int type, struct sockaddr_in *at);
int connected(int type, const struct sockaddr_in *to);
void world_begin(struct world *w, struct dns_job job);
void world_end(struct world *w);
/* Lets the resolver do all that it has to do. */
void turn(struct world *w);
void pass_ms(struct world *w, uint64_t ms);
void ask(struct world *w, const char *name, unsigned type);
/* The container's next datagram: whether there was one. */
bool heard(struct world *w);
int code_of(const struct world *w);
int count_of(const struct world *w);
void expect_reply(struct world *w, int code, int count);
void expect_refusal(struct world *w, enum dns_why why, int code);
/* The question that server `i` has got, ready to have records added; false without one. */
bool asked(struct world *w, int i, struct message *m);
void answer(struct world *w, int i, const struct message *m);
/* The whole way for a name with one address. */
void resolve(struct world *w, const char *name, unsigned type, const char *address, uint32_t ttl);

#endif
