/*
 * What the files of the resolver share.
 */
#ifndef NET_DNS_PARTS_H
#define NET_DNS_PARTS_H

#include "net/dns.h"
#include "net/dns_packet.h"

enum {
	DNS_SLOTS = 32, /* questions that wait for a server */
	DNS_CONNS = 8,  /* connections of the container */
	DNS_IDLE_MS =
		5000, /* a connection without a question is closed; RFC 7766 leaves the time to the server */
	DNS_BATCH = 64,     /* packets that are read before the caller's loop has its turn */
	DNS_NAME_MARK = 16, /* bytes of a hash that stand for a name */
	DNS_ROUNDS = 2,     /* each server is asked as often */
};

/* So many a second, and `most` at once after a pause. In thousandths. */
struct dns_bucket {
	uint64_t rate, most, left, at_ms;
};

bool dns_bucket_ready(struct dns_bucket *b, uint64_t now_ms);
bool dns_bucket_take(struct dns_bucket *b, uint64_t now_ms);

/* The names below wildcards that were asked for within the hour: hashes with a secret, so nobody can
 * look for names that count as one. */
struct dns_names {
	char secret[32];
	uint64_t since_ms;
	size_t n, max;
	char (*marks)[DNS_NAME_MARK];
};

/* False when it would be one name too many. */
bool dns_names_take(struct dns_names *s, const char *name, uint64_t now_ms);

/* Who gets an answer: an address, or the connection of a number as long as it is the same one. */
struct dns_asker {
	bool tcp;
	size_t conn;
	uint32_t generation;
	struct sockaddr_storage from;
	socklen_t len;
};

/* A question that waits for a server. `fd` is -1 when the slot is free. */
struct dns_slot {
	struct dns_question q;
	struct dns_asker asker;
	uint8_t rules[DNS_RULES_MAX / 8];
	int fd;
	bool tcp, sent; /* the question, over TCP */
	unsigned tries;
	uint16_t id;
	uint64_t due_ms;
	size_t got;
	uint8_t in[2 + DNS_PACKET_MAX];
};

/* A connection of the container: one question at a time. */
struct dns_conn {
	int fd;
	uint32_t generation;
	bool waits; /* for the answer to its question */
	uint64_t due_ms;
	size_t got, out_at, out_len;
	uint8_t in[2 + DNS_QUESTION_MAX], out[2 + DNS_UDP_MAX];
};

enum dns_polled { DNS_POLL_SLOT, DNS_POLL_CONN, DNS_POLL_UDP, DNS_POLL_TCP };

struct dns {
	struct dns_job job;
	struct dns_calls calls;
	int udp, tcp;
	struct dns_stats stats;
	struct dns_bucket all, asked,
		told; /* what is read, what servers are asked, what refused() hears */
	struct dns_names names;
	struct dns_slot slots[DNS_SLOTS];
	struct dns_conn conns[DNS_CONNS];
	struct {
		enum dns_polled what;
		size_t i;
	} polled[DNS_POLL_MAX];
	size_t npolled;
};

uint64_t dns_now_ms(const struct dns *d);

/* Counts and tells a refusal. */
void dns_refuse(struct dns *d, const char *name, uint16_t type, enum dns_why why);

/* Judges a question and answers it, now or when a server has. `to` is who asked. */
void dns_question(struct dns *d, const uint8_t *packet, size_t len, const struct dns_asker *to);

/* Sends an answer to who asked. */
void dns_reply(struct dns *d, const struct dns_asker *to, const struct dns_question *q,
	       const struct dns_answer *a, int extended);

/* A server's answer, or NULL when none had a good one: checks and permits the addresses, and replies. */
void dns_answered(struct dns *d, struct dns_slot *s, struct dns_answer *a);

/* ---- dns_upstream.c ---- */
struct dns_slot *dns_slot_free(struct dns *d);
void dns_slot_begin(struct dns *d, struct dns_slot *s);
void dns_slot_handle(struct dns *d, struct dns_slot *s, short events);
void dns_slot_expire(struct dns *d, struct dns_slot *s);
short dns_slot_events(const struct dns_slot *s);

/* ---- dns_client.c ---- */
void dns_udp_handle(struct dns *d);
void dns_tcp_handle(struct dns *d);
void dns_conn_handle(struct dns *d, size_t i, short events);
void dns_conn_reply(struct dns *d, struct dns_conn *c, size_t len);
void dns_conn_close(struct dns_conn *c);
short dns_conn_events(const struct dns_conn *c);

#endif
