#include "dns_message.h"

#include <arpa/inet.h>
#include <string.h>

void message_16(struct message *m, unsigned value)
{
	m->at[m->len++] = (uint8_t)(value >> 8);
	m->at[m->len++] = (uint8_t)value;
}

void message_32(struct message *m, uint32_t value)
{
	message_16(m, value >> 16);
	message_16(m, value & 0xffff);
}

void message_name(struct message *m, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		m->at[m->len++] = (uint8_t)len;
		memcpy(m->at + m->len, name, len);
		m->len += len;
		name += len + (name[len] == '.');
	}
	m->at[m->len++] = 0;
}

void message_question(struct message *m, unsigned id, unsigned flags, const char *name,
		      unsigned type)
{
	m->len = 0;
	message_16(m, id);
	message_16(m, flags);
	message_16(m, 1);
	message_16(m, 0);
	message_16(m, 0);
	message_16(m, 0);
	message_name(m, name);
	message_16(m, type);
	message_16(m, 1);
}

void message_record(struct message *m, const char *owner, unsigned type, uint32_t ttl,
		    const void *data, size_t len)
{
	message_name(m, owner);
	message_16(m, type);
	message_16(m, 1);
	message_32(m, ttl);
	message_16(m, (unsigned)len);
	memcpy(m->at + m->len, data, len);
	m->len += len;
	m->at[7]++;
	if (m->at[7] == 0)
		m->at[6]++;
}

void message_address(struct message *m, const char *owner, const char *address, uint32_t ttl)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, address, bytes) == 1)
		message_record(m, owner, 1, ttl, bytes, 4);
	else if (inet_pton(AF_INET6, address, bytes) == 1)
		message_record(m, owner, 28, ttl, bytes, 16);
}

void message_alias(struct message *m, const char *owner, const char *to, uint32_t ttl)
{
	struct message name = { 0 };

	message_name(&name, to);
	message_record(m, owner, 5, ttl, name.at, name.len);
}
