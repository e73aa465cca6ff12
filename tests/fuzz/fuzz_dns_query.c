/* What a container may send as a question: what is understood is a name that can be asked for, and asking for it again says the
 * same; every answer that is written fits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/dns_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_answer a = { .n = size % (DNS_ADDRESSES_MAX + 1), .ttl_s = 30 };
	uint8_t out[DNS_UDP_MAX], again[DNS_QUESTION_MAX];
	struct dns_question q, back;
	int code = dns_question_read(data, size, &q);

	for (size_t i = 0; i < a.n; i++)
		a.at[i].width = 16;
	if (code < 0)
		return 0;
	require(q.size >= DNS_UDP_PLAIN && q.size <= DNS_UDP_MAX);
	require(dns_answer_write(&q, &a, 15, q.size, out) <= q.size);
	require(dns_answer_write(&q, &a, 15, DNS_UDP_MAX, out) <= DNS_UDP_MAX);
	if (code > 0)
		return 0;
	require(domain_name_valid(q.name));
	size = dns_question_write(q.id, q.name, q.type, again);
	require(dns_question_read(again, size, &back) == 0);
	require(strcmp(q.name, back.name) == 0 && q.type == back.type && q.id == back.id);
	return 0;
}
