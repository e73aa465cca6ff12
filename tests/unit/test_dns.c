/*
 * The resolver with a container on one side and name servers on the other, all of them sockets of this test on the loopback,
 * under a clock of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "dns_message.h"
#include "net/dns.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

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

static const char *const rules[] = { "example.org", "*.example.org", "www.example.org",
				     "xn--bcher-kva.example" };

/* ---- callbacks ---- */

static int open_socket(void *ctx, int family, int type)
{
	struct world *w = ctx;

	w->opened++;
	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int permit(void *ctx, const uint8_t *which, const char *name, const struct dns_address *at,
		  size_t n, uint32_t ttl_s)
{
	struct world *w = ctx;
	struct pollfd waiting = { .fd = w->client, .events = POLLIN };

	w->answered_first |= poll(&waiting, 1, 0) > 0;
	w->permits++;
	w->rules = which[0];
	w->n = n;
	w->ttl_s = ttl_s;
	memcpy(w->at, at, n * sizeof *at);
	(void)snprintf(w->name, sizeof w->name, "%s", name);
	return w->permit_result;
}

static void refused(void *ctx, const char *name, uint16_t type, enum dns_why why)
{
	struct world *w = ctx;

	(void)type;
	w->refusals++;
	w->why = why;
	(void)snprintf(w->name, sizeof w->name, "%s", name);
}

static uint64_t now_ms(void *ctx)
{
	return ((struct world *)ctx)->now_ms;
}

/* ---- the world ---- */

static int bound(int type, struct sockaddr_in *at)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof *at;

	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = at->sin_port };
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static int connected(int type, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
	return fd;
}

static void world_begin(struct world *w, struct dns_job job)
{
	const struct dns_calls calls = { w, open_socket, permit, refused, now_ms };
	struct err e = { 0 };

	memset(w, 0, sizeof *w);
	w->now_ms = 5000000;
	w->conn = w->server_conn = -1;
	w->udp = bound(SOCK_DGRAM, &w->udp_at);
	w->tcp = bound(SOCK_STREAM, &w->tcp_at);
	w->client = connected(SOCK_DGRAM, &w->udp_at);
	for (int i = 0; i < SERVERS; i++) {
		struct sockaddr_in at = { 0 };

		w->server_tcp[i] = bound(SOCK_STREAM, &at);
		w->server_udp[i] = bound(SOCK_DGRAM, &at);
		memcpy(&job.servers[i].at, &at, sizeof at);
		job.servers[i].len = sizeof at;
	}
	if (job.nservers == 0)
		job.nservers = 1;
	job.rules = rules;
	job.nrules = COUNT(rules);
	assert_int_equal(dns_new(&w->arena, &job, &calls, w->udp, w->tcp, &w->dns, &e), 0);
}

static void world_end(struct world *w)
{
	dns_end(w->dns);
	fd_close(&w->udp);
	fd_close(&w->tcp);
	fd_close(&w->client);
	fd_close(&w->conn);
	fd_close(&w->server_conn);
	for (int i = 0; i < SERVERS; i++) {
		fd_close(&w->server_udp[i]);
		fd_close(&w->server_tcp[i]);
	}
	arena_free(&w->arena);
}

/* Lets the resolver do all that it has to do. */
static void turn(struct world *w)
{
	struct pollfd at[DNS_POLL_MAX];

	for (;;) {
		size_t n = dns_pollfds(w->dns, at);
		int ready;

		assert_in_range(n, 0, DNS_POLL_MAX);
		ready = poll(at, n, 3);
		dns_handle(w->dns, at, n);
		if (ready == 0)
			return;
	}
}

static void pass_ms(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	turn(w);
}

static void ask(struct world *w, const char *name, unsigned type)
{
	struct message m;

	message_question(&m, 99, 0x0100, name, type);
	assert_int_equal(send(w->client, m.at, m.len, 0), m.len);
	turn(w);
}

/* The container's next datagram: whether there was one. */
static bool heard(struct world *w)
{
	ssize_t n = recv(w->client, w->reply.at, sizeof w->reply.at, MSG_DONTWAIT);

	w->reply.len = n < 0 ? 0 : (size_t)n;
	if (n >= 0) {
		assert_in_range(n, 12, 512);
		assert_int_equal(w->reply.at[0] << 8 | w->reply.at[1], 99);
		assert_int_equal(w->reply.at[2] & 0x80, 0x80);
	}
	return n >= 0;
}

static int code_of(const struct world *w)
{
	return w->reply.at[3] & 0x0f;
}

static int count_of(const struct world *w)
{
	return w->reply.at[7];
}

static void expect_reply(struct world *w, int code, int count)
{
	assert_true(heard(w));
	assert_int_equal(code_of(w), code);
	assert_int_equal(count_of(w), count);
}

static void expect_refusal(struct world *w, enum dns_why why, int code)
{
	assert_int_equal(w->permits, 0);
	assert_int_equal(w->refusals, 1);
	assert_int_equal(w->why, why);
	expect_reply(w, code, 0);
	w->refusals = 0;
}

/* The question that server `i` has got, ready to have records added; false without one. */
static bool asked(struct world *w, int i, struct message *m)
{
	socklen_t len = sizeof w->asker;
	ssize_t n = recvfrom(w->server_udp[i], m->at, sizeof m->at, MSG_DONTWAIT,
			     (struct sockaddr *)&w->asker, &len);

	m->len = n < 0 ? 0 : (size_t)n;
	m->at[2] = 0x81;
	m->at[3] = 0x80;
	return n > 0;
}

static void answer(struct world *w, int i, const struct message *m)
{
	assert_int_equal(sendto(w->server_udp[i], m->at, m->len, 0, (struct sockaddr *)&w->asker,
				sizeof w->asker),
			 m->len);
	turn(w);
}

/* The whole way for a name with one address. */
static void resolve(struct world *w, const char *name, unsigned type, const char *address,
		    uint32_t ttl)
{
	struct message m;

	ask(w, name, type);
	assert_true(asked(w, 0, &m));
	message_address(&m, name, address, ttl);
	answer(w, 0, &m);
}

/* ---- allowed ---- */

static void test_allowed(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	resolve(&w, "example.org", A, "93.184.216.34", 300);
	assert_int_equal(w.permits, 1);
	assert_false(w.answered_first);
	assert_int_equal(w.rules, 0x1);
	assert_string_equal(w.name, "example.org");
	assert_int_equal(w.n, 1);
	assert_int_equal(w.at[0].width, 4);
	assert_memory_equal(w.at[0].bytes, "\135\270\330\042", 4);
	assert_int_equal(w.ttl_s, 300);
	expect_reply(&w, 0, 1);
	assert_memory_equal(w.reply.at + w.reply.len - 10, "\0\0\1\54\0\4\135\270\330\042", 10);
	assert_int_equal(w.refusals, 0);
	resolve(&w, "example.org", AAAA, "2606:2800::1", 300);
	assert_int_equal(w.at[0].width, 16);
	expect_reply(&w, 0, 1);
	world_end(&w);
}

/* The bits say every rule that allows it, since their ports can differ. */
static void test_wildcard_and_rules(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	resolve(&w, "www.example.org", A, "93.184.216.34", 300);
	assert_int_equal(w.rules, 0x6);
	resolve(&w, "a.b.example.org", A, "93.184.216.34", 300);
	assert_int_equal(w.rules, 0x2);
	world_end(&w);
}

/* What leaves is in lower case, however it was asked: no bits of the container's choice in it. */
static void test_case(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "eXaMPLE.oRG", A);
	assert_true(asked(&w, 0, &m));
	assert_memory_equal(m.at + 12, "\7example\3org\0\0\1\0\1", 17);
	assert_int_equal(m.len, 12 + 17);
	message_address(&m, "example.org", "9.9.9.9", 60);
	answer(&w, 0, &m);
	expect_reply(&w, 0, 1);
	assert_memory_equal(w.reply.at + 12, "\7eXaMPLE\3oRG\0", 13);
	world_end(&w);
}

static void test_idn(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	resolve(&w, "xn--bcher-kva.example", A, "9.9.9.9", 60);
	expect_reply(&w, 0, 1);
	w.permits = 0;
	ask(&w, "b\303\274cher.example", A);
	expect_refusal(&w, DNS_WHY_MALFORMED, 1);
	world_end(&w);
}

/* The chain begins at an allowed name, so its owner chose where it leads: the end need not be allowed. */
static void test_alias_to_a_name_without_rule(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "example.org", A);
	assert_true(asked(&w, 0, &m));
	message_alias(&m, "example.org", "edge.cdn.net", 40);
	message_address(&m, "edge.cdn.net", "9.9.9.9", 600);
	message_address(&m, "bystander.net", "6.6.6.6", 600);
	answer(&w, 0, &m);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.at[0].bytes[0], 9);
	assert_int_equal(w.ttl_s, 40);
	expect_reply(&w, 0, 1);
	assert_null(memmem(w.reply.at, w.reply.len, "cdn", 3));
	w.permits = 0;
	ask(&w, "edge.cdn.net", A); /* by itself it is not allowed */
	expect_refusal(&w, DNS_WHY_NAME, 3);
	world_end(&w);
}

static void test_times(void **state)
{
	static const uint32_t rows[][2] = { { 0, 30 },      { 29, 30 },      { 31, 31 },
					    { 3600, 3600 }, { 86400, 3600 }, { 0xffffffff, 30 } };
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(rows); i++) {
		resolve(&w, "example.org", A, "9.9.9.9", rows[i][0]);
		assert_int_equal(w.ttl_s, rows[i][1]);
		expect_reply(&w, 0, 1);
		assert_int_equal(w.reply.at[w.reply.len - 8] << 8 | w.reply.at[w.reply.len - 7],
				 rows[i][1]);
	}
	world_end(&w);
}

static void test_no_such_name(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "nothing.example.org", A);
	assert_true(asked(&w, 0, &m));
	m.at[3] = 0x83;
	answer(&w, 0, &m);
	expect_reply(&w, 3, 0);
	ask(&w, "example.org", AAAA);
	assert_true(asked(&w, 0, &m));
	answer(&w, 0, &m);
	expect_reply(&w, 0, 0);
	assert_int_equal(w.permits, 0);
	assert_int_equal(w.refusals, 0);
	world_end(&w);
}

/* ---- refused ---- */

static void test_names_without_rule(void **state)
{
	static const char *const names[] = { "evil.com",
					     "badexample.org",
					     "example.org.evil.com",
					     "org",
					     "www.xn--bcher-kva.example",
					     "example.orgs" };
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(names); i++) {
		ask(&w, names[i], i % 2 == 0 ? A : TXT);
		assert_string_equal(w.name, names[i]);
		expect_refusal(&w, DNS_WHY_NAME, 3);
		assert_false(asked(&w, 0, &m));
	}
	assert_int_equal(w.opened, 0);
	world_end(&w);
}

/* Who asks with EDNS hears that it was a rule (RFC 8914, 15: blocked). */
static void test_reason_for_people(void **state)
{
	static const uint8_t options[] = { 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0 };
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	message_question(&m, 99, 0x0100, "evil.com", A);
	memcpy(m.at + m.len, options, sizeof options);
	m.len += sizeof options;
	m.at[11] = 1;
	assert_int_equal(send(w.client, m.at, m.len, 0), m.len);
	turn(&w);
	expect_refusal(&w, DNS_WHY_NAME, 3);
	assert_int_equal(w.reply.at[11], 1);
	assert_memory_equal(w.reply.at + w.reply.len - 17,
			    "\0\0\51\4\320\0\0\0\0\0\6\0\17\0\2\0\17", 17);
	world_end(&w);
}

static void test_types(void **state)
{
	static const unsigned types[] = { TXT, 2,  5,  6,     10,  12,  15, 33,   35,
					  43,  48, 64, HTTPS, 252, ANY, 0,  65535 };
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(types); i++) {
		bool quiet = types[i] == HTTPS || types[i] == 64;

		ask(&w, "example.org", types[i]);
		assert_int_equal(w.refusals, quiet ? 0 : 1);
		w.refusals = 0;
		expect_reply(&w, 0, 0);
		assert_false(asked(&w, 0, &m));
	}
	assert_int_equal(w.why, DNS_WHY_TYPE);
	assert_int_equal(w.opened, 0);
	world_end(&w);
}

static void test_malformed(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	message_question(&m, 99, 0x0100, "example.org", A);
	for (size_t len = 0; len < m.len; len++) {
		assert_int_equal(send(w.client, m.at, len, 0), len);
		pass_ms(&w, 1000);
		assert_int_equal(heard(&w), len >= 12);
		if (len >= 12)
			assert_int_equal(code_of(&w), 1);
	}
	message_question(&m, 99, 0x8180, "example.org", A); /* an answer: no answers to answers */
	assert_int_equal(send(w.client, m.at, m.len, 0), m.len);
	turn(&w);
	assert_false(heard(&w));
	m.len = sizeof m.at; /* far too long */
	m.at[2] = 1;
	assert_int_equal(send(w.client, m.at, m.len, 0), m.len);
	turn(&w);
	expect_reply(&w, 1, 0);
	assert_int_equal(w.opened, 0);
	world_end(&w);
}

/* ---- rebinding ---- */

static void test_rebinding(void **state)
{
	static const char *const v4[] = { "10.0.0.1",  "127.0.0.1",      "169.254.169.254",
					  "0.0.0.0",   "192.168.1.1",    "100.64.0.1",
					  "224.0.0.1", "255.255.255.255" };
	static const char *const v6[] = {
		"::1", "fe80::1",         "fd00::1",       "::ffff:127.0.0.1",
		"::",  "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"
	};
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(v4); i++) {
		resolve(&w, "example.org", A, v4[i], 60);
		expect_refusal(&w, DNS_WHY_ADDRESS, 0);
		resolve(&w, "example.org", AAAA, v6[i], 60);
		expect_refusal(&w, DNS_WHY_ADDRESS, 0);
	}
	world_end(&w);
}

static void test_rebinding_beside_good(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "example.org", A);
	assert_true(asked(&w, 0, &m));
	message_address(&m, "example.org", "127.0.0.1", 60);
	message_address(&m, "example.org", "9.9.9.9", 60);
	message_address(&m, "example.org", "10.0.0.1", 60);
	answer(&w, 0, &m);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.at[0].bytes[0], 9);
	expect_reply(&w, 0, 1);
	world_end(&w);
}

static void test_private_allowed(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ .allow_private = true });
	resolve(&w, "example.org", A, "10.0.0.1", 60);
	expect_reply(&w, 0, 1);
	resolve(&w, "example.org", AAAA, "fd00::1", 60);
	expect_reply(&w, 0, 1);
	w.permits = 0;
	resolve(&w, "example.org", A, "127.0.0.1", 60);
	expect_refusal(&w, DNS_WHY_ADDRESS, 0);
	resolve(&w, "example.org", A, "169.254.169.254", 60);
	expect_refusal(&w, DNS_WHY_ADDRESS, 0);
	resolve(&w, "example.org", AAAA, "fd00:ec2::254", 60);
	expect_refusal(&w, DNS_WHY_ADDRESS, 0);
	world_end(&w);
}

/* No answer without the permission that it needs. */
static void test_permit_fails(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	w.permit_result = -ENOSPC;
	resolve(&w, "example.org", A, "9.9.9.9", 60);
	w.permits = 0;
	expect_refusal(&w, DNS_WHY_PERMIT, 2);
	world_end(&w);
}

/* ---- servers ---- */

static void test_slow_server(void **state)
{
	struct message m, late;
	struct sockaddr_in first;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ .nservers = 2 });
	ask(&w, "example.org", A);
	assert_true(asked(&w, 0, &late));
	first = w.asker;
	assert_in_range(dns_timeout_ms(w.dns), 1, 2000);
	pass_ms(&w, 1999);
	assert_false(asked(&w, 1, &m));
	pass_ms(&w, 1);
	assert_true(asked(&w, 1, &m));
	assert_int_not_equal(m.at[0] << 8 | m.at[1], late.at[0] << 8 | late.at[1]);
	/* what the first says now is for nobody */
	message_address(&late, "example.org", "6.6.6.6", 60);
	(void)sendto(w.server_udp[0], late.at, late.len, 0, (struct sockaddr *)&first,
		     sizeof first);
	turn(&w);
	assert_int_equal(w.permits, 0);
	message_address(&m, "example.org", "9.9.9.9", 60);
	answer(&w, 1, &m);
	assert_int_equal(w.at[0].bytes[0], 9);
	expect_reply(&w, 0, 1);
	assert_int_equal(dns_timeout_ms(w.dns), -1);
	world_end(&w);
}

static void test_silent_servers(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ .nservers = 2 });
	ask(&w, "example.org", A);
	for (int i = 0; i < 4; i++) {
		assert_true(asked(&w, i % 2, &m));
		assert_false(heard(&w));
		pass_ms(&w, 2000);
	}
	assert_false(asked(&w, 0, &m));
	expect_refusal(&w, DNS_WHY_SERVERS, 2);
	world_end(&w);
}

/* Answers that say nothing about the name are no answers: the next server is asked at once. */
static void test_bad_servers(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ .nservers = 2 });
	ask(&w, "example.org", A);
	assert_true(asked(&w, 0, &m));
	m.at[3] = 0x82; /* SERVFAIL */
	answer(&w, 0, &m);
	assert_true(asked(&w, 1, &m));
	m.at[3] = 0x85; /* REFUSED */
	answer(&w, 1, &m);
	assert_true(asked(&w, 0, &m));
	message_alias(&m, "example.org", "example.org", 1); /* a circle */
	answer(&w, 0, &m);
	assert_true(asked(&w, 1, &m));
	m.len = 20; /* cut off */
	answer(&w, 1, &m);
	expect_refusal(&w, DNS_WHY_SERVERS, 2);
	world_end(&w);
}

/* Nobody listens there: the kernel says so, and the next one is asked. */
static void test_server_not_there(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ .nservers = 2 });
	fd_close(&w.server_udp[0]);
	ask(&w, "example.org", A);
	assert_true(asked(&w, 1, &m));
	message_address(&m, "example.org", "9.9.9.9", 60);
	answer(&w, 1, &m);
	expect_reply(&w, 0, 1);
	world_end(&w);
}

/* From the server's address, with another id, another name or another type; and from another socket. */
static void test_spoofed(void **state)
{
	struct message m, bad;
	struct world w;
	struct sockaddr_in at = { 0 };
	int other = bound(SOCK_DGRAM, &at);

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "example.org", A);
	assert_true(asked(&w, 0, &m));
	bad = m;
	message_address(&bad, "example.org", "6.6.6.6", 60);
	(void)sendto(other, bad.at, bad.len, 0, (struct sockaddr *)&w.asker, sizeof w.asker);
	bad.at[0] ^= 1;
	answer(&w, 0, &bad);
	bad.at[0] ^= 1;
	bad.at[13] = 'x';
	answer(&w, 0, &bad);
	assert_int_equal(w.permits, 0);
	assert_false(heard(&w));
	message_address(&m, "example.org", "9.9.9.9", 60);
	answer(&w, 0, &m);
	assert_int_equal(w.at[0].bytes[0], 9);
	expect_reply(&w, 0, 1);
	close(other);
	world_end(&w);
}

/* Ids and ports are not counted up. */
static void test_random(void **state)
{
	unsigned ids[64], ports[64], neighbours = 0;
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(ids); i++) {
		ask(&w, "example.org", A);
		assert_true(asked(&w, 0, &m));
		ids[i] = (unsigned)(m.at[0] << 8 | m.at[1]);
		ports[i] = ntohs(w.asker.sin_port);
		answer(&w, 0, &m);
		if (i > 0)
			neighbours += ids[i] - ids[i - 1] < 16 || ports[i] == ports[i - 1];
	}
	assert_in_range(neighbours, 0, 3);
	world_end(&w);
}

/* ---- TCP ---- */

static void accept_server(struct world *w, int i, struct message *m)
{
	uint8_t len[2];

	turn(w);
	w->server_conn = accept4(w->server_tcp[i], NULL, NULL, SOCK_CLOEXEC);
	assert_true(w->server_conn >= 0);
	assert_int_equal(recv(w->server_conn, len, 2, MSG_WAITALL), 2);
	m->len = (size_t)len[0] << 8 | len[1];
	assert_int_equal(recv(w->server_conn, m->at, m->len, MSG_WAITALL), m->len);
	m->at[2] = 0x81;
	m->at[3] = 0x80;
}

/* In one piece: of two, the kernel holds the second back until the first is acknowledged. */
static void send_framed(int fd, const struct message *m)
{
	uint8_t out[2 + sizeof m->at] = { (uint8_t)(m->len >> 8), (uint8_t)m->len };

	memcpy(out + 2, m->at, m->len);
	assert_int_equal(send(fd, out, m->len + 2, MSG_NOSIGNAL), m->len + 2);
}

static void test_cut_answer(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "example.org", A);
	assert_true(asked(&w, 0, &m));
	m.at[2] |= 0x02;
	message_address(&m, "example.org", "6.6.6.6", 60);
	answer(&w, 0, &m);
	accept_server(&w, 0, &m);
	for (int i = 0; i < 40; i++)
		message_record(&m, "example.org", A, 60, (uint8_t[]){ 9, 9, 9, (uint8_t)i }, 4);
	send_framed(w.server_conn, &m);
	turn(&w);
	assert_int_equal(w.n, DNS_ADDRESSES_MAX);
	assert_int_equal(w.at[0].bytes[0], 9);
	expect_reply(&w, 0, 0); /* does not fit a datagram */
	assert_int_equal(w.reply.at[2] & 0x02, 0x02);
	world_end(&w);
}

static void test_server_of_bad_lengths(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "example.org", A);
	for (int i = 0; i < 2; i++) {
		assert_true(asked(&w, 0, &m));
		m.at[2] |= 0x02;
		answer(&w, 0, &m);
		accept_server(&w, 0, &m);
		assert_int_equal(send(w.server_conn, i == 0 ? "\xff\xff" : "\0\0", 2, 0), 2);
		fd_close(&w.server_conn);
		turn(&w);
	}
	expect_refusal(&w, DNS_WHY_SERVERS, 2);
	world_end(&w);
}

static void test_container_over_tcp(void **state)
{
	struct message m;
	struct world w;
	uint8_t len[2];

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	w.conn = connected(SOCK_STREAM, &w.tcp_at);
	for (int i = 0; i < 2; i++) { /* one connection, one after the other */
		message_question(&m, 99, 0x0100, "example.org", A);
		send_framed(w.conn, &m);
		turn(&w);
		assert_true(asked(&w, 0, &m));
		for (int k = 0; k < 32; k++)
			message_record(&m, "example.org", A, 60, (uint8_t[]){ 9, 9, 9, (uint8_t)k },
				       4);
		/* all of it, though it is more than 512 bytes */
		answer(&w, 0, &m);
		assert_int_equal(recv(w.conn, len, 2, MSG_WAITALL), 2);
		w.reply.len = (size_t)len[0] << 8 | len[1];
		assert_int_equal(recv(w.conn, w.reply.at, w.reply.len, MSG_WAITALL), w.reply.len);
		assert_int_equal(count_of(&w), 32);
	}
	world_end(&w);
}

/* Whether the resolver has closed the connection. */
static bool closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static void test_container_connections(void **state)
{
	struct world w;
	int fds[12];

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = connected(SOCK_STREAM, &w.tcp_at);
	turn(&w);
	for (size_t i = 0; i < COUNT(fds); i++) /* half a length is no question */
		assert_int_equal(send(fds[i], "\0", 1, MSG_NOSIGNAL), 1);
	turn(&w);
	assert_false(closed(fds[0]));
	pass_ms(&w, 5000);
	for (size_t i = 0; i < 8; i++)
		assert_true(closed(fds[i]));
	assert_false(closed(fds[11])); /* its turn comes now */
	assert_int_equal(send(fds[11], "\xff\xff", 2, MSG_NOSIGNAL), 2);
	turn(&w);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	turn(&w);
	assert_int_equal(dns_timeout_ms(w.dns), -1);
	world_end(&w);
}

/* The connection is gone when the answer comes, and its place belongs to somebody else. */
static void test_answer_for_nobody(void **state)
{
	struct message m;
	struct world w;
	int other;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	w.conn = connected(SOCK_STREAM, &w.tcp_at);
	message_question(&m, 99, 0x0100, "example.org", A);
	send_framed(w.conn, &m);
	turn(&w);
	assert_int_equal(setsockopt(w.conn, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
				    sizeof(struct linger)),
			 0);
	fd_close(&w.conn);
	turn(&w);
	other = connected(SOCK_STREAM, &w.tcp_at);
	turn(&w);
	assert_true(asked(&w, 0, &m));
	message_address(&m, "example.org", "9.9.9.9", 60);
	answer(&w, 0, &m);
	assert_int_equal(recv(other, m.at, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	close(other);
	world_end(&w);
}

/* ---- floods ---- */

static void test_many_at_once(void **state)
{
	struct message m;
	struct world w;
	struct dns_stats stats;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (int i = 0; i < 100; i++) {
		message_question(&m, 99, 0x0100, "example.org", A);
		assert_int_equal(send(w.client, m.at, m.len, 0), m.len);
	}
	turn(&w);
	dns_stats(w.dns, &stats);
	assert_int_equal(stats.questions, 100);
	assert_int_equal(stats.refused[DNS_WHY_BUSY], 68);
	assert_int_equal(w.opened, 32);
	assert_int_equal(w.refusals, 50); /* the rest is counted, not told */
	assert_int_equal(stats.untold, 18);
	for (int i = 0; i < 68; i++)
		expect_reply(&w, 2, 0);
	assert_false(heard(&w));
	world_end(&w);
}

static void test_rate(void **state)
{
	struct message m;
	struct world w;
	struct dns_stats stats;
	int asked_for = 0;

	(void)state;
	world_begin(&w, (struct dns_job){ .rate = 10 });
	for (int i = 0; i < 50; i++) {
		ask(&w, "example.org", A);
		if (!asked(&w, 0, &m))
			continue;
		asked_for++;
		answer(&w, 0, &m);
	}
	assert_int_equal(asked_for, 20);
	w.now_ms += 1000;
	for (int i = 0; i < 50; i++) {
		ask(&w, "example.org", A);
		if (!asked(&w, 0, &m))
			continue;
		asked_for++;
		answer(&w, 0, &m);
	}
	assert_int_equal(asked_for, 30);
	/* and what is read at all: 100 a second */
	for (int i = 0; i < 80; i++)
		ask(&w, "evil.com", A);
	dns_stats(w.dns, &stats);
	assert_int_equal(stats.questions, 150);
	assert_int_equal(dns_timeout_ms(w.dns), 20);
	pass_ms(&w, 1000);
	dns_stats(w.dns, &stats);
	assert_int_equal(stats.questions, 180);
	world_end(&w);
}

/* Labels below a wildcard can carry data out: so many different ones an hour, and no more. */
static void test_names_below(void **state)
{
	struct message m;
	struct world w;
	char name[64];

	(void)state;
	world_begin(&w, (struct dns_job){ .names_max = 5 });
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5; i++) {
			(void)snprintf(name, sizeof name, "n%d.example.org", i);
			resolve(&w, name, round == 0 ? A : AAAA, round == 0 ? "9.9.9.9" : "2a00::1",
				60);
			expect_reply(&w, 0, 1);
		}
	w.permits = 0;
	ask(&w, "n5.example.org", A);
	expect_refusal(&w, DNS_WHY_NAMES, 2);
	assert_false(asked(&w, 0, &m));
	resolve(&w, "www.example.org", A, "9.9.9.9", 60); /* a rule of its own names it */
	expect_reply(&w, 0, 1);
	w.now_ms += 3600 * 1000;
	resolve(&w, "n5.example.org", A, "9.9.9.9", 60);
	expect_reply(&w, 0, 1);
	world_end(&w);
}

static void test_bad_jobs(void **state)
{
	static const char *const bad[] = { "a..b" };
	const struct dns_calls calls = { 0 };
	struct arena a = { 0 };
	struct dns *d;
	struct err e;

	(void)state;
	assert_int_equal(dns_new(&a, &(struct dns_job){ 0 }, &calls, -1, -1, &d, &e), -EINVAL);
	assert_int_equal(dns_new(&a, &(struct dns_job){ .nservers = 1, .rules = bad, .nrules = 1 },
				 &calls, -1, -1, &d, &e),
			 -EINVAL);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_wildcard_and_rules),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_idn),
		cmocka_unit_test(test_alias_to_a_name_without_rule),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_no_such_name),
		cmocka_unit_test(test_names_without_rule),
		cmocka_unit_test(test_reason_for_people),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_rebinding),
		cmocka_unit_test(test_rebinding_beside_good),
		cmocka_unit_test(test_private_allowed),
		cmocka_unit_test(test_permit_fails),
		cmocka_unit_test(test_slow_server),
		cmocka_unit_test(test_silent_servers),
		cmocka_unit_test(test_bad_servers),
		cmocka_unit_test(test_server_not_there),
		cmocka_unit_test(test_spoofed),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_cut_answer),
		cmocka_unit_test(test_server_of_bad_lengths),
		cmocka_unit_test(test_container_over_tcp),
		cmocka_unit_test(test_container_connections),
		cmocka_unit_test(test_answer_for_nobody),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_names_below),
		cmocka_unit_test(test_bad_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
