/*
 * Addresses and messages as their callers lay them out: by 64 bits, or by 32 where the call goes through the other gate.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hostile.h"

enum { PARTS = 3, DESCRIPTORS = 4, FIRST_SOCKET = 5, SOCKETS = 5 /* worker.c puts them there */ };

static _Thread_local bool narrow;

void sockets_for(bool i386)
{
	narrow = i386;
}

uint64_t some_socket(void)
{
	return once_in(8) ? some_fd() : FIRST_SOCKET + below(SOCKETS);
}

static uint64_t put(const void *what, size_t len)
{
	void *room = memory_room(len);

	if (room == NULL)
		return memory_anywhere();
	memory_put(room, what, len);
	return (uint64_t)(uintptr_t)room;
}

uint64_t some_address(void)
{
	union {
		struct sockaddr_un un;
		struct sockaddr_in in;
		unsigned char bytes[sizeof(struct sockaddr_storage)];
	} to = { .un = { .sun_family = AF_UNIX } };
	char path[HOSTILE_PATH] = { 0 };

	switch (below(12)) {
	case 0:
		to.in = (struct sockaddr_in){ .sin_family = AF_INET,
					      .sin_port = (in_port_t)chance(),
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		break;
	case 1: /* no path: abstract, or none */
		to.un.sun_path[1] = (char)chance();
		break;
	case 2:
		for (size_t i = 0; i < sizeof to.bytes; i++)
			to.bytes[i] = (unsigned char)chance();
		to.un.sun_family = once_in(2) ? AF_UNIX : (sa_family_t)below(46);
		break;
	case 3: /* without an end */
		memset(to.un.sun_path, 'a', sizeof to.un.sun_path);
		break;
	case 4:
	case 5:
	case 6:
		snprintf(to.un.sun_path, sizeof to.un.sun_path, "play/socket");
		break;
	default:
		random_path(path);
		memcpy(to.un.sun_path, path, sizeof to.un.sun_path);
	}
	return put(&to, sizeof to);
}

uint64_t some_address_length(void)
{
	static const uint64_t lengths[] = { 0, 1, 2, 3, 16, 109, 111, 128, 129 };

	if (once_in(20))
		return any_bits();
	return once_in(5) ? lengths[below(COUNT(lengths))] : sizeof(struct sockaddr_un);
}

uint64_t some_send_flags(void)
{
	static const uint64_t flags[] = { MSG_NOSIGNAL, MSG_OOB,       MSG_EOR,     MSG_MORE,
					  MSG_CONFIRM,  MSG_DONTROUTE, MSG_FASTOPEN };
	uint64_t all = once_in(20) ? 0 : MSG_DONTWAIT;

	if (once_in(30))
		return any_bits();
	for (size_t i = 0; i < COUNT(flags); i++)
		if (once_in(10))
			all |= flags[i];
	return all;
}

/* A word of the caller's size, at *to. */
static void word(unsigned char **to, uint64_t value)
{
	size_t size = narrow ? 4 : 8;

	memcpy(*to, &value, size);
	*to += size;
}

/* An int, and what its alignment leaves empty behind it. */
static void number(unsigned char **to, uint64_t value)
{
	word(to, (uint32_t)value);
}

static uint64_t some_length_of(uint64_t usual)
{
	return once_in(15) ? any_bits() : usual;
}

static uint64_t some_parts(uint32_t n)
{
	unsigned char bytes[PARTS * 16], *to = bytes;

	for (uint32_t i = 0; i < n; i++) {
		word(&to, put("some bytes to be sent", 22));
		word(&to, some_length_of(below(2000)));
	}
	return put(bytes, (size_t)(to - bytes));
}

/* Descriptors, most of them, or whatever. */
static uint64_t some_control(uint64_t *len)
{
	unsigned char bytes[16 + DESCRIPTORS * 4 + 64] = { 0 }, *to = bytes;
	uint32_t n = below(DESCRIPTORS + 1), head = narrow ? 12 : 16;

	word(&to, some_length_of(head + n * 4));
	for (unsigned i = 0; i < 2; i++, to += 4) {
		uint32_t value = once_in(10)  ? (uint32_t)any_bits()
				 : i == 0     ? SOL_SOCKET
				 : once_in(4) ? SCM_CREDENTIALS
					      : SCM_RIGHTS;

		memcpy(to, &value, sizeof value);
	}
	for (uint32_t i = 0; i < n; i++, to += 4) {
		int32_t fd = (int32_t)some_fd();

		memcpy(to, &fd, sizeof fd);
	}
	*len = some_length_of((uint64_t)(to - bytes));
	return put(bytes, sizeof bytes);
}

static void message(unsigned char **to)
{
	uint32_t parts = below(PARTS + 1);
	uint64_t length = 0, control = once_in(2) ? some_control(&length) : 0;
	bool named = once_in(2);

	word(to, named ? some_address() : 0);
	number(to, named ? some_address_length() : 0);
	word(to, some_parts(parts));
	word(to, some_length_of(parts));
	word(to, control);
	word(to, length);
	number(to, any_bits());
}

uint64_t some_message(void)
{
	unsigned char bytes[64], *to = bytes;

	message(&to);
	return put(bytes, (size_t)(to - bytes));
}

uint64_t some_messages(void)
{
	unsigned char bytes[PARTS * 64], *to = bytes;

	for (uint32_t i = 0; i < PARTS; i++) {
		message(&to);
		number(&to, any_bits()); /* what was sent is written there */
	}
	return put(bytes, (size_t)(to - bytes));
}

uint64_t some_message_count(void)
{
	return once_in(8) ? any_bits() : below(PARTS + 1);
}

/* The arguments of socketcall: a call's own, in memory. */
uint64_t some_words(void)
{
	unsigned char bytes[6 * 8], *to = bytes;

	word(&to, some_socket());
	word(&to, some_address());
	word(&to, some_address_length());
	for (unsigned i = 0; i < 3; i++)
		word(&to, any_bits());
	return put(bytes, (size_t)(to - bytes));
}

uint64_t some_part_of_many(void)
{
	return once_in(10) ? any_bits() : 1 + below(20);
}
