/*
 * Makes DNS messages byte by byte, good and bad: shares nothing with src/net.
 */
#ifndef UNIT_DNS_MESSAGE_H
#define UNIT_DNS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

struct message {
	size_t len;
	uint8_t at[8192];
};

/* Labels by dots; each byte is taken as it is. */
void message_name(struct message *m, const char *name);
void message_16(struct message *m, unsigned value);
void message_32(struct message *m, uint32_t value);

/* A question; `flags` are the second 16 bits. */
void message_question(struct message *m, unsigned id, unsigned flags, const char *name,
		      unsigned type);

/* Adds a record to the answer section, whose count grows. */
void message_address(struct message *m, const char *owner, const char *address, uint32_t ttl);
void message_alias(struct message *m, const char *owner, const char *to, uint32_t ttl);
void message_record(struct message *m, const char *owner, unsigned type, uint32_t ttl,
		    const void *data, size_t len);

#endif
