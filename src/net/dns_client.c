/*
 * The container's side: datagrams and connections.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/dns_parts.h"

/* ---- datagrams ---- */

void dns_udp_handle(struct dns *d)
{
	/* One byte more than any question: a longer packet is cut by the kernel, and seen to be too long. */
	uint8_t packet[DNS_QUESTION_MAX + 1];

	for (int i = 0; i < DNS_BATCH; i++) {
		struct dns_asker to = { .len = sizeof to.from };
		ssize_t n;

		if (!dns_bucket_ready(&d->all, dns_now_ms(d)))
			return;
		n = recvfrom(d->udp, packet, sizeof packet, MSG_DONTWAIT,
			     (struct sockaddr *)&to.from, &to.len);
		if (n < 0)
			return;
		(void)dns_bucket_take(&d->all, dns_now_ms(d));
		dns_question(d, packet, (size_t)n, &to);
	}
}

/* ---- connections ---- */

void dns_conn_close(struct dns_conn *c)
{
	fd_close(&c->fd);
	c->generation++; /* an answer that comes later is for nobody */
}

void dns_tcp_handle(struct dns *d)
{
	for (size_t i = 0; i < DNS_CONNS; i++) {
		struct dns_conn *c = &d->conns[i];

		if (c->fd >= 0)
			continue;
		c->fd = accept4(d->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (c->fd < 0)
			return;
		c->waits = false;
		c->got = c->out_at = c->out_len = 0;
		c->due_ms = dns_now_ms(d) + DNS_IDLE_MS;
	}
}

short dns_conn_events(const struct dns_conn *c)
{
	if (c->out_len > 0)
		return POLLOUT;
	return c->waits ? 0 : POLLIN;
}

static void conn_write(struct dns *d, struct dns_conn *c)
{
	ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		dns_conn_close(c);
		return;
	}
	if (n > 0)
		c->out_at += (size_t)n;
	if (c->out_at < c->out_len)
		return;
	c->out_at = c->out_len = 0;
	c->waits = false;
	c->due_ms = dns_now_ms(d) + DNS_IDLE_MS;
}

void dns_conn_reply(struct dns *d, struct dns_conn *c, size_t len)
{
	c->out[0] = (uint8_t)(len >> 8);
	c->out[1] = (uint8_t)len;
	c->out_at = 0;
	c->out_len = len + 2;
	c->due_ms = dns_now_ms(d) + DNS_IDLE_MS;
	conn_write(d, c);
}

/* Reads no byte of the next question before this one is answered. */
static void conn_read(struct dns *d, size_t i)
{
	struct dns_conn *c = &d->conns[i];
	size_t want = c->got < 2 ? 2 : 2 + ((size_t)c->in[0] << 8 | c->in[1]);
	struct dns_asker to = { .tcp = true, .conn = i, .generation = c->generation };
	ssize_t n = want > sizeof c->in ? 0
					: recv(c->fd, c->in + c->got, want - c->got, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		dns_conn_close(c);
		return;
	}
	c->got += (size_t)n;
	if (c->got < want || want == 2)
		return;
	c->got = 0;
	c->waits = true;
	dns_question(d, c->in + 2, want - 2, &to);
}

void dns_conn_handle(struct dns *d, size_t i, short events)
{
	struct dns_conn *c = &d->conns[i];

	if (c->fd < 0 || events == 0)
		return;
	if ((events & POLLOUT) != 0 && c->out_len > 0)
		conn_write(d, c);
	else if ((events & POLLIN) == 0 || c->waits)
		dns_conn_close(c);
	else if (dns_bucket_take(&d->all, dns_now_ms(d)))
		conn_read(d, i);
}
