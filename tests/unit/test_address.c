/* Addresses of the internet: what a sockaddr says, which rows it meets, and what is asked about it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/address.h"
#include "policy/ask_line.h"
#include "policy/decide.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct address parse(const char *host, uint16_t port)
{
	unsigned char bytes[16];
	struct address a;
	size_t width = inet_pton(AF_INET, host, bytes) == 1 ? 4 : 16;

	if (width == 16)
		assert_int_equal(inet_pton(AF_INET6, host, bytes), 1);
	address_from(bytes, width, port, &a);
	return a;
}

static struct address_rule rule(const char *cidr, uint64_t *port)
{
	struct address_rule r = { .cidr = cidr, .text = cidr, .n = port != NULL, .ports = port };

	assert_true(address_range(cidr, r.base, &r.bits));
	return r;
}

static void ranges(void **state)
{
	static const char *const wrong[] = {
		"",
		"10.0.0.0/33",
		"10.0.0/8",
		"::1/129",
		"10.0.0.0/",
		"/8",
		"10.0.0.0/-1",
		"a.b",
		"fe80::1%lo",
		"10.0.0.0/8/8",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111"
	};
	static const struct {
		const char *cidr, *host;
		bool covered, meets;
	} rows[] = {
		{ "10.0.0.0/8", "10.1.2.3", true, true },
		{ "10.0.0.0/8", "11.1.2.3", false, false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true, true },
		{ "10.9.9.9/8", "10.1.2.3", true, true },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true, true },
		{ "192.0.2.7", "192.0.2.7", true, true },
		{ "192.0.2.7", "192.0.2.6", false, false },
		{ "192.0.2.4/31", "192.0.2.5", true, true },
		{ "192.0.2.4/31", "192.0.2.6", false, false },
		{ "0.0.0.0/0", "192.0.2.6", true, true },
		{ "0.0.0.0/0", "2001:db8::1", false, false },
		{ "::/0", "2001:db8::1", true, true },
		{ "::/0", "192.0.2.6", false, false }, /* mapped is IPv4 */
		{ "fd00::/9", "fd7f::1", true, true },
		{ "fd00::/9", "fd80::1", false, false },
		/* whichever address the socket has */
		{ "192.0.2.7", "0.0.0.0", false, true },
		{ "192.0.2.7", "::", false, true },
		{ "2001:db8::1", "::ffff:0.0.0.0", false, true },
		{ "0.0.0.0", "0.0.0.0", true, true },
	};
	unsigned char base[16];
	uint8_t bits;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(address_range(wrong[i], base, &bits));
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t port = 443;
		struct address a = parse(rows[i].host, 443), other = parse(rows[i].host, 80);
		struct address_rule any = rule(rows[i].cidr, NULL), one = rule(rows[i].cidr, &port);

		assert_int_equal(address_covered(&any, &a), rows[i].covered);
		assert_int_equal(address_covered(&one, &a), rows[i].covered);
		assert_int_equal(address_may_meet(&any, &a), rows[i].meets);
		assert_int_equal(address_may_meet(&one, &a), rows[i].meets);
		assert_false(address_covered(&one, &other));
		assert_false(address_may_meet(&one, &other));
	}
}

static void sockaddrs(void **state)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(443),
				   .sin6_scope_id = 2 };
	char text[ADDRESS_TEXT_MAX], host[ADDRESS_TEXT_MAX];
	struct address a;
	uint16_t port;

	(void)state;
	v4.sin_addr.s_addr = htonl(0x0a010203);
	inet_pton(AF_INET6, "fe80::1", &v6.sin6_addr);
	assert_true(address_of(&v4, sizeof v4, false, &a));
	address_text(&a, IPPROTO_UDP, text);
	assert_string_equal(text, "udp 10.1.2.3:53");
	assert_false(address_of(&v4, sizeof v4 - 1, true, &a));
	assert_true(address_of(&v6, sizeof v6, false, &a));
	address_text(&a, IPPROTO_TCP, text);
	assert_string_equal(text, "tcp [fe80::1%2]:443");
	assert_true(address_parts(text, host, &port));
	assert_string_equal(host, "fe80::1");
	assert_int_equal(port, 443);
	assert_true(address_of(&v6, 24, false, &a)); /* without a scope */
	assert_int_equal(a.scope, 0);
	assert_false(address_of(&v6, 23, false, &a));
	v4.sin_family = AF_UNSPEC;
	assert_false(address_of(&v4, sizeof v4, false, &a)); /* lets go */
	assert_true(address_of(&v4, sizeof v4, true, &a));
	v4.sin_family = AF_UNIX;
	assert_false(address_of(&v4, sizeof v4, true, &a));
	for (const char *const *w = (const char *const[]){ "", "tcp", "tcp 1", ":1", "tcp 1:x",
							   "tcp 1:65536", NULL };
	     *w != NULL; w++)
		assert_false(address_parts(*w, host, &port));
}

static void what_is_asked(void **state)
{
	static struct answers answers; /* too large for a stack */
	uint64_t https = 443;
	const struct address_rule asked[] = { rule("10.0.0.0/8", &https), rule("fd00::/8", NULL) },
				  always[] = { rule("10.0.0.9", NULL) };
	const struct broker_plan p = { .asks = true,
				       .nconnect = 2,
				       .connect = asked,
				       .nconnect_always = 1,
				       .connect_always = always };
	const struct broker_plan none = { 0 };
	struct asking_call *call = calloc(1, sizeof *call);
	struct address a = parse("10.1.2.3", 443);
	struct arena arena = { 0 };

	(void)state;
	call->run = &answers;
	assert_int_equal(decide_connect(&p, &a, IPPROTO_TCP, call).what, ASK);
	assert_int_equal(call->question.kind, ASK_CONNECT);
	assert_string_equal(call->question.path, "tcp 10.1.2.3:443");
	assert_string_equal(call->question.pattern, "10.0.0.0/8");
	assert_string_equal(ask_always(&arena, ASK_CONNECT, call->question.path),
			    "ask: {always: {connect: [{cidr: \"10.1.2.3\", ports: [443]}]}}");
	assert_true(answers_keep(&answers, &call->question, ASK_RUN, true));
	assert_int_equal(decide_connect(&p, &a, IPPROTO_TCP, call).what, PERFORM);
	assert_int_equal(decide_connect(&p, &a, IPPROTO_UDP, call).what, ASK);
	assert_true(answers_keep(&answers, &call->question, ASK_RULE, false));
	a = parse("10.1.2.4", 443);
	assert_int_equal(decide_connect(&p, &a, IPPROTO_TCP, call).what, DENY);
	assert_int_equal(decide_connect(&p, &a, IPPROTO_TCP, call).err, EACCES);
	a = parse("10.0.0.9", 443);
	assert_int_equal(decide_connect(&p, &a, IPPROTO_TCP, call).what, PERFORM);
	a = parse("10.1.2.4", 80);
	assert_int_equal(decide_connect(&p, &a, IPPROTO_TCP, call).what, PERFORM);
	a = parse("fd00::1", 0);
	assert_int_equal(decide_connect(&p, &a, IPPROTO_ICMPV6, call).what, ASK);
	assert_string_equal(call->question.path, "icmp [fd00::1]:0");
	assert_string_equal(ask_always(&arena, ASK_CONNECT, call->question.path),
			    "ask: {always: {connect: [{cidr: \"fd00::1\"}]}}");
	assert_int_equal(decide_connect(&none, &a, IPPROTO_TCP, call).what, PERFORM);
	assert_int_equal(decide_control(&p, IPPROTO_IP, IP_RETOPTS).what, DENY);
	assert_int_equal(decide_control(&p, IPPROTO_IPV6, IPV6_RTHDR).what, DENY);
	assert_int_equal(decide_control(&p, SOL_SOCKET, SCM_RIGHTS).what, PERFORM);
	assert_int_equal(decide_control(&p, IPPROTO_IP, IP_TTL).what, PERFORM);
	assert_int_equal(decide_control(&none, IPPROTO_IP, IP_RETOPTS).what, PERFORM);
	arena_free(&arena);
	free(call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(sockaddrs),
		cmocka_unit_test(what_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
