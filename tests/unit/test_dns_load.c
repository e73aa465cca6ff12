/* The resolver: name servers that are slow, wrong or not there, connections, floods. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "dns_world.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

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
