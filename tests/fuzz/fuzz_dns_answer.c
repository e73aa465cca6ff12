/* What a name server may send: at most so many addresses, each of the width that was asked for and each a part of the packet;
 * and what a resolv.conf may hold. */
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

static void try_answer(const uint8_t *data, size_t size, uint16_t type)
{
	uint16_t id = size < 2 ? 0 : (uint16_t)(data[0] << 8 | data[1]);
	struct dns_answer a;

	if (dns_answer_read(data, size, id, "www.example.org", type, &a) != 0)
		return;
	require(a.n <= DNS_ADDRESSES_MAX && (a.code == DNS_NOERROR || a.n == 0));
	for (size_t i = 0; i < a.n; i++) {
		require(a.at[i].width == (type == DNS_A ? 4 : 16));
		require(memmem(data, size, a.at[i].bytes, a.at[i].width) != NULL);
		(void)dns_place(&a.at[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_server servers[DNS_SERVERS_MAX];
	char text[4096];
	struct err e;
	size_t n;

	try_answer(data, size, DNS_A);
	try_answer(data, size, DNS_AAAA);
	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (dns_servers_read(text, servers, &n, &e) == 0)
		require(n > 0 && n <= DNS_SERVERS_MAX);
	return 0;
}
