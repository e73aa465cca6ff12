/*
 * The servers' side. Each question has a socket of its own, connected to the server: its port is chosen by the
 * kernel at random, packets from elsewhere never arrive, and it is closed with the answer.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/dns_parts.h"

struct dns_slot *dns_slot_free(struct dns *d)
{
	for (size_t i = 0; i < DNS_SLOTS; i++)
		if (d->slots[i].fd < 0)
			return &d->slots[i];
	return NULL;
}

/* Opens a socket to the server whose turn it is. */
static int slot_connect(struct dns *d, struct dns_slot *s, int type)
{
	const struct dns_server *server = &d->job.servers[s->tries % d->job.nservers];

	fd_close(&s->fd);
	s->tcp = type == SOCK_STREAM;
	s->sent = false;
	s->got = 0;
	s->due_ms = dns_now_ms(d) + d->job.timeout_ms;
	if (getrandom(&s->id, sizeof s->id, 0) != sizeof s->id)
		return -EIO;
	s->fd = d->calls.open(d->calls.ctx, server->at.ss_family, type);
	if (s->fd < 0)
		return -EIO;
	if (connect(s->fd, (const struct sockaddr *)&server->at, server->len) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	return 0;
}

/* The question is small, and nothing else was sent: a short write is an error. */
static int slot_send(struct dns_slot *s)
{
	uint8_t out[2 + DNS_QUESTION_MAX];
	size_t len = dns_question_write(s->id, s->q.name, s->q.type, out + 2),
	       skip = s->tcp ? 0 : 2;

	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	s->sent = true;
	return send(s->fd, out + skip, len + 2 - skip, MSG_NOSIGNAL | MSG_DONTWAIT) ==
			       (ssize_t)(len + 2 - skip)
		       ? 0
		       : -EIO;
}

/* Asks from the server whose turn it is on, until one takes the question. */
static void slot_try(struct dns *d, struct dns_slot *s)
{
	for (; s->tries < DNS_ROUNDS * d->job.nservers; s->tries++)
		if (slot_connect(d, s, SOCK_DGRAM) == 0 && slot_send(s) == 0)
			return;
	fd_close(&s->fd);
	dns_answered(d, s, NULL);
}

void dns_slot_begin(struct dns *d, struct dns_slot *s)
{
	s->tries = 0;
	slot_try(d, s);
}

static void slot_next(struct dns *d, struct dns_slot *s)
{
	s->tries++;
	slot_try(d, s);
}

void dns_slot_expire(struct dns *d, struct dns_slot *s)
{
	slot_next(d, s);
}

short dns_slot_events(const struct dns_slot *s)
{
	return s->tcp && !s->sent ? POLLOUT : POLLIN;
}

/* What a whole answer means for its question. */
static void slot_judge(struct dns *d, struct dns_slot *s, const uint8_t *packet, size_t len)
{
	struct dns_answer a;
	int got = dns_answer_read(packet, len, s->id, s->q.name, s->q.type, &a);

	if (got == 0) {
		fd_close(&s->fd);
		dns_answered(d, s, &a);
	} else if (got == 1 && !s->tcp) {
		if (slot_connect(d, s, SOCK_STREAM) < 0)
			slot_next(d, s);
	} else if (got != -EAGAIN || s->tcp) {
		slot_next(d, s);
	}
}

static void slot_receive(struct dns *d, struct dns_slot *s)
{
	ssize_t n = recv(s->fd, s->in, sizeof s->in, MSG_DONTWAIT);

	if (n >= 0)
		slot_judge(d, s, s->in, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		slot_next(d, s);
}

static void slot_read(struct dns *d, struct dns_slot *s)
{
	size_t want = s->got < 2 ? 2 : 2 + ((size_t)s->in[0] << 8 | s->in[1]);
	ssize_t n = want > sizeof s->in ? 0
					: recv(s->fd, s->in + s->got, want - s->got, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		slot_next(d, s);
		return;
	}
	s->got += (size_t)n;
	if (s->got == want && want > 2)
		slot_judge(d, s, s->in + 2, want - 2);
}

void dns_slot_handle(struct dns *d, struct dns_slot *s, short events)
{
	if (s->fd < 0 || events == 0)
		return;
	if (!s->tcp)
		slot_receive(d, s);
	else if (s->sent)
		slot_read(d, s);
	else if (slot_send(s) < 0)
		slot_next(d, s);
}
