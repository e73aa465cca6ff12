#include "dns_world.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

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

int bound(int type, struct sockaddr_in *at)
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

int connected(int type, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
	return fd;
}

void world_begin(struct world *w, struct dns_job job)
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

void world_end(struct world *w)
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

void turn(struct world *w)
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

void pass_ms(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	turn(w);
}

void ask(struct world *w, const char *name, unsigned type)
{
	struct message m;

	message_question(&m, 99, 0x0100, name, type);
	assert_int_equal(send(w->client, m.at, m.len, 0), m.len);
	turn(w);
}

bool heard(struct world *w)
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

int code_of(const struct world *w)
{
	return w->reply.at[3] & 0x0f;
}

int count_of(const struct world *w)
{
	return w->reply.at[7];
}

void expect_reply(struct world *w, int code, int count)
{
	assert_true(heard(w));
	assert_int_equal(code_of(w), code);
	assert_int_equal(count_of(w), count);
}

void expect_refusal(struct world *w, enum dns_why why, int code)
{
	assert_int_equal(w->permits, 0);
	assert_int_equal(w->refusals, 1);
	assert_int_equal(w->why, why);
	expect_reply(w, code, 0);
	w->refusals = 0;
}

bool asked(struct world *w, int i, struct message *m)
{
	socklen_t len = sizeof w->asker;
	ssize_t n = recvfrom(w->server_udp[i], m->at, sizeof m->at, MSG_DONTWAIT,
			     (struct sockaddr *)&w->asker, &len);

	m->len = n < 0 ? 0 : (size_t)n;
	m->at[2] = 0x81;
	m->at[3] = 0x80;
	return n > 0;
}

void answer(struct world *w, int i, const struct message *m)
{
	assert_int_equal(sendto(w->server_udp[i], m->at, m->len, 0, (struct sockaddr *)&w->asker,
				sizeof w->asker),
			 m->len);
	turn(w);
}

void resolve(struct world *w, const char *name, unsigned type, const char *address, uint32_t ttl)
{
	struct message m;

	ask(w, name, type);
	assert_true(asked(w, 0, &m));
	message_address(&m, name, address, ttl);
	answer(w, 0, &m);
}
