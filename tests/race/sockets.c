/*
 * The calls that name the address of a socket: nothing may come to the sockets below hooks/, nor to the address that was
 * answered with no, whatever stands in memory a moment later.
 *
 * Whoever listens below hooks/ and other/ is another process (`race serve`), since nothing may be made there. It counts in
 * memory that the callers look at.
 */
#include "race.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PORT = 17700, BACKLOG = 4096 };

static const char counter_name[] = "other/came";

/* ---- who listens, outside ---- */

static int listen_at(const char *folder, int n, const char *name, int type)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s/%d/%s", folder, n, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof un) < 0)
		die(un.sun_path);
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		die("listen");
	return fd;
}

static void take_all(int fd, int type, _Atomic uint64_t *came)
{
	char byte;

	for (;;) {
		int r = type == SOCK_STREAM ? accept(fd, NULL, NULL) : (int)recv(fd, &byte, 1, 0);

		if (r < 0)
			return;
		if (type == SOCK_STREAM)
			close(r);
		if (came != NULL)
			atomic_fetch_add(came, 1);
	}
}

static _Atomic uint64_t *map_counters(int how, int access)
{
	int fd = open(counter_name, how | O_CLOEXEC, 0666);
	void *at;

	if (fd < 0)
		return NULL;
	if (how & O_CREAT && ftruncate(fd, 4096) < 0)
		die(counter_name);
	at = mmap(NULL, 4096, access, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

_Noreturn void sockets_serve(void)
{
	_Atomic uint64_t *came = map_counters(O_RDWR | O_CREAT, PROT_READ | PROT_WRITE);
	struct pollfd fds[4 * CALLERS];

	if (came == NULL)
		die(counter_name);
	for (int n = 0; n < CALLERS; n++) {
		fds[4 * n].fd = listen_at("other", n, "dgram", SOCK_DGRAM);
		fds[4 * n + 1].fd = listen_at("hooks", n, "dgram", SOCK_DGRAM);
		fds[4 * n + 2].fd = listen_at("other", n, "stream", SOCK_STREAM);
		fds[4 * n + 3].fd = listen_at("hooks", n, "stream", SOCK_STREAM);
	}
	for (int i = 0; i < 4 * CALLERS; i++)
		fds[i].events = POLLIN;
	puts("ready");
	fflush(stdout);
	for (;;) {
		poll(fds, 4 * CALLERS, -1);
		for (int i = 0; i < 4 * CALLERS; i++)
			if (fds[i].revents != 0)
				take_all(fds[i].fd, i % 4 < 2 ? SOCK_DGRAM : SOCK_STREAM,
					 i % 2 != 0 ? &came[i / 4] : NULL);
	}
}

/* ---- inside ---- */

static int receiver(const char *host, int n)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(PORT + n)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, host, &in.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) < 0)
		die(host);
	return fd;
}

static uint64_t word_at(const void *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return word;
}

static void put_internet(struct caller *c, int n)
{
	struct sockaddr_in *const all[] = { &c->in, &c->in_good, &c->in_bad };

	for (unsigned i = 0; i < 3; i++) {
		all[i]->sin_family = AF_INET;
		all[i]->sin_port = htons((uint16_t)(PORT + n));
		inet_pton(AF_INET, i == 2 ? "127.88.0.1" : "127.77.0.1", &all[i]->sin_addr);
	}
	/* Its family, port and address are the first eight bytes. */
	c->words[8] = (struct word){ .at = (_Atomic uint64_t *)(void *)&c->in,
				     .good = word_at(&c->in_good),
				     .bad = word_at(&c->in_bad) };
	c->words[9] = (struct word){ .at = (_Atomic uint64_t *)(void *)&c->message.msg_hdr.msg_name,
				     .good = (uintptr_t)&c->in_good,
				     .bad = (uintptr_t)&c->in_bad };
	c->words[10] = (struct word){ .at = (_Atomic uint64_t *)(void *)&c->part.iov_base,
				      .good = (uintptr_t)c->okok,
				      .bad = (uintptr_t)c->two };
	c->words[11] = (struct word){ .at = (_Atomic uint64_t *)(void *)&c->part.iov_len,
				      .good = 1,
				      .bad = 8 };
}

void sockets_enter(struct caller *c, const char *base, int n)
{
	char rest[16];

	snprintf(rest, sizeof rest, "%d/dgram", n);
	world_put_path(&c->words[6], c->dgram + 8, base, "//other/", "//hooks/", rest);
	snprintf(rest, sizeof rest, "%d/stream", n);
	world_put_path(&c->words[7], c->stream + 8, base, "//other/", "//hooks/", rest);
	*(sa_family_t *)(void *)(c->dgram + 6) = AF_UNIX;
	*(sa_family_t *)(void *)(c->stream + 6) = AF_UNIX;
	put_internet(c, n);
	c->came = map_counters(O_RDONLY, PROT_READ);
	if (c->came == NULL)
		return; /* nobody serves: these calls are not tried */
	c->came += n;
	c->came_before = atomic_load(c->came);
	c->by_unix = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	c->by_inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	c->good_receiver = receiver("127.77.0.1", n);
	c->bad_receiver = receiver("127.88.0.1", n);
}

void sockets_leave(struct caller *c)
{
	if (c->came == NULL)
		return;
	close(c->by_unix);
	close(c->by_inet);
	close(c->good_receiver);
	close(c->bad_receiver);
}

bool sockets_intact(const struct caller *c)
{
	char byte;

	return c->came == NULL || (atomic_load(c->came) == c->came_before &&
				   recv(c->bad_receiver, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0);
}

/* ---- ways ---- */

/* Whom the socket is connected to says the kernel. */
static bool is_connected_badly(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
	} peer = { 0 };
	socklen_t len = sizeof peer - 1;

	if (getpeername(fd, &peer.any, &len) < 0)
		return false;
	if (peer.any.sa_family == AF_UNIX)
		return strstr(peer.un.sun_path, "hooks") != NULL;
	return (ntohl(peer.in.sin_addr.s_addr) >> 16) == (127 << 8 | 88);
}

static enum result connected(struct caller *c, int fd, const void *to, socklen_t len)
{
	enum result result = result_of(connect(fd, to, len));

	if (result == PASSED && (is_connected_badly(fd) || !sockets_intact(c)))
		return WON;
	return result;
}

static enum result connect_dgram(const struct attack *a, struct caller *c)
{
	(void)a;
	return connected(c, c->by_unix, c->dgram + 6, sizeof(struct sockaddr_un));
}

static enum result connect_inet(const struct attack *a, struct caller *c)
{
	(void)a;
	return connected(c, c->by_inet, &c->in, sizeof c->in);
}

static enum result connect_stream(const struct attack *a, struct caller *c)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enum result result;

	(void)a;
	if (fd < 0)
		return MISSED;
	result = connected(c, fd, c->stream + 6, sizeof(struct sockaddr_un));
	close(fd);
	return result;
}

/* A name that leads through a descriptor, which is now of this folder and now of that. */
static enum result connect_below_folder(const struct attack *a, struct caller *c)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)a;
	snprintf(un.sun_path, sizeof un.sun_path, "/proc/self/fd/%d/dgram", FOLDER_FD + c->number);
	return connected(c, c->by_unix, &un, sizeof un);
}

static enum result sent(const struct caller *c, int r)
{
	enum result result = result_of(r);

	return result == PASSED && !sockets_intact(c) ? WON : result;
}

static enum result sendto_dgram(const struct attack *a, struct caller *c)
{
	(void)a;
	return sent(c, (int)sendto(c->by_unix, "x", 1, MSG_DONTWAIT, (void *)(c->dgram + 6),
				   sizeof(struct sockaddr_un)));
}

static enum result sendto_inet(const struct attack *a, struct caller *c)
{
	(void)a;
	return sent(c, (int)sendto(c->by_inet, "x", 1, MSG_DONTWAIT, (void *)&c->in, sizeof c->in));
}

/* By either call, one message; `fd`'s. */
static int send_message(const struct attack *a, int fd, struct mmsghdr *m)
{
	return a->many ? sendmmsg(fd, m, 1, MSG_DONTWAIT)
		       : (int)syscall(SYS_sendmsg, fd, &m->msg_hdr, MSG_DONTWAIT);
}

static enum result message_dgram(const struct attack *a, struct caller *c)
{
	struct mmsghdr m = { .msg_hdr = { .msg_name = c->dgram + 6,
					  .msg_namelen = sizeof(struct sockaddr_un),
					  .msg_iov = &c->part,
					  .msg_iovlen = 1 } };

	return sent(c, send_message(a, c->by_unix, &m));
}

static enum result message_inet(const struct attack *a, struct caller *c)
{
	struct mmsghdr m = { .msg_hdr = { .msg_name = &c->in,
					  .msg_namelen = sizeof c->in,
					  .msg_iov = &c->part,
					  .msg_iovlen = 1 } };

	return sent(c, send_message(a, c->by_inet, &m));
}

/* The header itself changes: where its name is. */
static enum result message_changing(const struct attack *a, struct caller *c)
{
	c->message.msg_hdr.msg_namelen = sizeof c->in;
	c->message.msg_hdr.msg_iov = &c->part;
	c->message.msg_hdr.msg_iovlen = 1;
	return sent(c, send_message(a, c->by_inet, &c->message));
}

const struct attack socket_attacks[] = {
	{ .call = "connect",
	  .by_memory = 3,
	  .ways = { connect_dgram, connect_inet, connect_stream, connect_below_folder } },
	{ .call = "sendto", .by_memory = 2, .ways = { sendto_dgram, sendto_inet } },
	{ .call = "sendmsg",
	  .by_memory = 3,
	  .ways = { message_dgram, message_inet, message_changing } },
	{ .call = "sendmmsg",
	  .many = true,
	  .by_memory = 3,
	  .ways = { message_dgram, message_inet, message_changing } },
	{ 0 },
};
