/*
 * Addresses and messages of a calling thread's sockets: bounded copies, made once, by fetch_memory(). Each function
 * returns 0 or -errno, as the kernel answers the same mistake.
 */
#ifndef BROKER_FETCH_SOCKET_H
#define BROKER_FETCH_SOCKET_H

#include <sys/socket.h>
#include <sys/un.h>

#include "broker/fetch.h"

enum {
	MESSAGE_MAX = 256 *
		      1024, /* more than the default of a send buffer, net.core.wmem_default */
	MESSAGE_INLINE = 2048,
	CONTROL_MAX = 4096,
	FDS_MAX = 253, /* SCM_MAX_FD, include/net/scm.h */
};

struct socket_address {
	uint32_t len; /* 0: none */
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_storage bytes;
	} u;
};

/* What one send has to say. */
struct socket_message {
	struct socket_address to;
	unsigned char *data; /* `small`, or memory of its own */
	size_t len;
	bool cut; /* there was more */
	size_t ncontrol; /* bytes of control messages, in the machine's own layout and with our descriptors */
	size_t nfds;
	int fds[FDS_MAX]; /* owned */
	_Alignas(8) unsigned char control[CONTROL_MAX];
	unsigned char small[MESSAGE_INLINE];
};

/* The kernel's struct user_msghdr (include/linux/socket.h); C libraries pad theirs otherwise. */
struct kernel_msghdr {
	uint64_t name;
	int32_t name_len;
	uint32_t pad;
	uint64_t iov, niov, control, control_len;
	uint32_t flags, pad2;
};

/* The address at `at`: `len` is the caller's argument. */
int fetch_address(const struct call *c, uint64_t at, int len, struct socket_address *out);

/* Of sendto. */
int fetch_buffer(const struct call *c, uint64_t at, uint64_t len, struct socket_message *out);

/* Of sendmsg, and the i-th of sendmmsg. */
int fetch_message(const struct server *s, const struct call *c, uint64_t at,
		  struct socket_message *out);

/* Whether the caller's pointers have 32 bits: i386, and x32 for these calls. */
bool fetch_is_compat(const struct call *c);

/* How far the messages of sendmmsg lie apart, and where in one its msg_len lies. */
size_t fetch_message_stride(const struct call *c);
size_t fetch_message_length_at(const struct call *c);

void fetch_message_begin(struct socket_message *m);
void fetch_message_done(struct socket_message *m);

#endif
