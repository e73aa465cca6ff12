/* The resolver: what a container may ask for, and what it hears. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "dns_world.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- allowed ---- */

static void test_allowed(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	resolve(&w, "example.org", A, "93.184.216.34", 300);
	assert_int_equal(w.permits, 1);
	assert_false(w.answered_first);
	assert_int_equal(w.rules, 0x1);
	assert_string_equal(w.name, "example.org");
	assert_int_equal(w.n, 1);
	assert_int_equal(w.at[0].width, 4);
	assert_memory_equal(w.at[0].bytes, "\135\270\330\042", 4);
	assert_int_equal(w.ttl_s, 300);
	expect_reply(&w, 0, 1);
	assert_memory_equal(w.reply.at + w.reply.len - 10, "\0\0\1\54\0\4\135\270\330\042", 10);
	assert_int_equal(w.refusals, 0);
	resolve(&w, "example.org", AAAA, "2606:2800::1", 300);
	assert_int_equal(w.at[0].width, 16);
	expect_reply(&w, 0, 1);
	world_end(&w);
}

/* The bits say every rule that allows it, since their ports can differ. */
static void test_wildcard_and_rules(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	resolve(&w, "www.example.org", A, "93.184.216.34", 300);
	assert_int_equal(w.rules, 0x6);
	resolve(&w, "a.b.example.org", A, "93.184.216.34", 300);
	assert_int_equal(w.rules, 0x2);
	world_end(&w);
}

/* What leaves is in lower case, however it was asked: no bits of the container's choice in it. */
static void test_case(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "eXaMPLE.oRG", A);
	assert_true(asked(&w, 0, &m));
	assert_memory_equal(m.at + 12, "\7example\3org\0\0\1\0\1", 17);
	assert_int_equal(m.len, 12 + 17);
	message_address(&m, "example.org", "9.9.9.9", 60);
	answer(&w, 0, &m);
	expect_reply(&w, 0, 1);
	assert_memory_equal(w.reply.at + 12, "\7eXaMPLE\3oRG\0", 13);
	world_end(&w);
}

static void test_idn(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	resolve(&w, "xn--bcher-kva.example", A, "9.9.9.9", 60);
	expect_reply(&w, 0, 1);
	w.permits = 0;
	ask(&w, "b\303\274cher.example", A);
	expect_refusal(&w, DNS_WHY_MALFORMED, 1);
	world_end(&w);
}

/* The chain begins at an allowed name, so its owner chose where it leads: the end need not be allowed. */
static void test_alias_to_a_name_without_rule(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "example.org", A);
	assert_true(asked(&w, 0, &m));
	message_alias(&m, "example.org", "edge.cdn.net", 40);
	message_address(&m, "edge.cdn.net", "9.9.9.9", 600);
	message_address(&m, "bystander.net", "6.6.6.6", 600);
	answer(&w, 0, &m);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.at[0].bytes[0], 9);
	assert_int_equal(w.ttl_s, 40);
	expect_reply(&w, 0, 1);
	assert_null(memmem(w.reply.at, w.reply.len, "cdn", 3));
	w.permits = 0;
	ask(&w, "edge.cdn.net", A); /* by itself it is not allowed */
	expect_refusal(&w, DNS_WHY_NAME, 3);
	world_end(&w);
}

static void test_times(void **state)
{
	static const uint32_t rows[][2] = { { 0, 30 },      { 29, 30 },      { 31, 31 },
					    { 3600, 3600 }, { 86400, 3600 }, { 0xffffffff, 30 } };
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(rows); i++) {
		resolve(&w, "example.org", A, "9.9.9.9", rows[i][0]);
		assert_int_equal(w.ttl_s, rows[i][1]);
		expect_reply(&w, 0, 1);
		assert_int_equal(w.reply.at[w.reply.len - 8] << 8 | w.reply.at[w.reply.len - 7],
				 rows[i][1]);
	}
	world_end(&w);
}

static void test_no_such_name(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "nothing.example.org", A);
	assert_true(asked(&w, 0, &m));
	m.at[3] = 0x83;
	answer(&w, 0, &m);
	expect_reply(&w, 3, 0);
	ask(&w, "example.org", AAAA);
	assert_true(asked(&w, 0, &m));
	answer(&w, 0, &m);
	expect_reply(&w, 0, 0);
	assert_int_equal(w.permits, 0);
	assert_int_equal(w.refusals, 0);
	world_end(&w);
}

/* ---- refused ---- */

static void test_names_without_rule(void **state)
{
	static const char *const names[] = { "evil.com",
					     "badexample.org",
					     "example.org.evil.com",
					     "org",
					     "www.xn--bcher-kva.example",
					     "example.orgs" };
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(names); i++) {
		ask(&w, names[i], i % 2 == 0 ? A : TXT);
		assert_string_equal(w.name, names[i]);
		expect_refusal(&w, DNS_WHY_NAME, 3);
		assert_false(asked(&w, 0, &m));
	}
	assert_int_equal(w.opened, 0);
	world_end(&w);
}

/* Who asks with EDNS hears that it was a rule (RFC 8914, 15: blocked). */
static void test_reason_for_people(void **state)
{
	static const uint8_t options[] = { 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0 };
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	message_question(&m, 99, 0x0100, "evil.com", A);
	memcpy(m.at + m.len, options, sizeof options);
	m.len += sizeof options;
	m.at[11] = 1;
	assert_int_equal(send(w.client, m.at, m.len, 0), m.len);
	turn(&w);
	expect_refusal(&w, DNS_WHY_NAME, 3);
	assert_int_equal(w.reply.at[11], 1);
	assert_memory_equal(w.reply.at + w.reply.len - 17,
			    "\0\0\51\4\320\0\0\0\0\0\6\0\17\0\2\0\17", 17);
	world_end(&w);
}

static void test_types(void **state)
{
	static const unsigned types[] = { TXT, 2,  5,  6,     10,  12,  15, 33,   35,
					  43,  48, 64, HTTPS, 252, ANY, 0,  65535 };
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(types); i++) {
		bool quiet = types[i] == HTTPS || types[i] == 64;

		ask(&w, "example.org", types[i]);
		assert_int_equal(w.refusals, quiet ? 0 : 1);
		w.refusals = 0;
		expect_reply(&w, 0, 0);
		assert_false(asked(&w, 0, &m));
	}
	assert_int_equal(w.why, DNS_WHY_TYPE);
	assert_int_equal(w.opened, 0);
	world_end(&w);
}

static void test_malformed(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	message_question(&m, 99, 0x0100, "example.org", A);
	for (size_t len = 0; len < m.len; len++) {
		assert_int_equal(send(w.client, m.at, len, 0), len);
		pass_ms(&w, 1000);
		assert_int_equal(heard(&w), len >= 12);
		if (len >= 12)
			assert_int_equal(code_of(&w), 1);
	}
	message_question(&m, 99, 0x8180, "example.org", A); /* an answer: no answers to answers */
	assert_int_equal(send(w.client, m.at, m.len, 0), m.len);
	turn(&w);
	assert_false(heard(&w));
	m.len = sizeof m.at; /* far too long */
	m.at[2] = 1;
	assert_int_equal(send(w.client, m.at, m.len, 0), m.len);
	turn(&w);
	expect_reply(&w, 1, 0);
	assert_int_equal(w.opened, 0);
	world_end(&w);
}

/* ---- rebinding ---- */

static void test_rebinding(void **state)
{
	static const struct {
		const char *at;
		enum dns_why why;
	} v4[] = {
		{ "10.0.0.1", DNS_WHY_PRIVATE },	{ "127.0.0.1", DNS_WHY_ADDRESS },
		{ "169.254.169.254", DNS_WHY_ADDRESS }, { "0.0.0.0", DNS_WHY_ADDRESS },
		{ "192.168.1.1", DNS_WHY_PRIVATE },	{ "100.64.0.1", DNS_WHY_PRIVATE },
		{ "224.0.0.1", DNS_WHY_ADDRESS },	{ "255.255.255.255", DNS_WHY_ADDRESS },
	}, v6[] = {
		{ "::1", DNS_WHY_ADDRESS },		{ "fe80::1", DNS_WHY_ADDRESS },
		{ "fd00::1", DNS_WHY_PRIVATE },		{ "::ffff:127.0.0.1", DNS_WHY_ADDRESS },
		{ "::", DNS_WHY_ADDRESS },		{ "64:ff9b::7f00:1", DNS_WHY_ADDRESS },
		{ "2002:7f00:1::", DNS_WHY_ADDRESS },	{ "ff02::1", DNS_WHY_ADDRESS },
	};
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	for (size_t i = 0; i < COUNT(v4); i++) {
		resolve(&w, "example.org", A, v4[i].at, 60);
		expect_refusal(&w, v4[i].why, 0);
		resolve(&w, "example.org", AAAA, v6[i].at, 60);
		expect_refusal(&w, v6[i].why, 0);
	}
	world_end(&w);
}

static void test_rebinding_beside_good(void **state)
{
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	ask(&w, "example.org", A);
	assert_true(asked(&w, 0, &m));
	message_address(&m, "example.org", "127.0.0.1", 60);
	message_address(&m, "example.org", "9.9.9.9", 60);
	message_address(&m, "example.org", "10.0.0.1", 60);
	answer(&w, 0, &m);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.at[0].bytes[0], 9);
	expect_reply(&w, 0, 1);
	world_end(&w);
}

static void test_private_allowed(void **state)
{
	static const bool all[] = { true, true, true, true };
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ .allow_private = all });
	resolve(&w, "example.org", A, "10.0.0.1", 60);
	expect_reply(&w, 0, 1);
	resolve(&w, "example.org", AAAA, "fd00::1", 60);
	expect_reply(&w, 0, 1);
	w.permits = 0;
	resolve(&w, "example.org", A, "127.0.0.1", 60);
	expect_refusal(&w, DNS_WHY_ADDRESS, 0);
	resolve(&w, "example.org", A, "169.254.169.254", 60);
	expect_refusal(&w, DNS_WHY_ADDRESS, 0);
	resolve(&w, "example.org", AAAA, "fd00:ec2::254", 60);
	expect_refusal(&w, DNS_WHY_ADDRESS, 0);
	world_end(&w);
}

/* Of two rows that name it, one allows private addresses: it alone gets them. */
static void test_private_of_a_row(void **state)
{
	static const bool exact[] = { false, false, true, false };
	struct message m;
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ .allow_private = exact });
	resolve(&w, "www.example.org", A, "10.0.0.1", 60);
	assert_int_equal(w.rules, 1u << 2);
	expect_reply(&w, 0, 1);
	resolve(&w, "www.example.org", A, "9.9.9.9", 60);
	assert_int_equal(w.rules, 1u << 1 | 1u << 2);
	expect_reply(&w, 0, 1);
	w.permits = 0;
	ask(&w, "www.example.org", A);
	assert_true(asked(&w, 0, &m));
	message_address(&m, "www.example.org", "10.0.0.1", 60);
	message_address(&m, "www.example.org", "9.9.9.9", 60);
	message_address(&m, "www.example.org", "127.0.0.1", 60);
	answer(&w, 0, &m);
	assert_int_equal(w.permits, 2);
	assert_int_equal(w.rules, 1u << 2);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.at[0].bytes[0], 10);
	expect_reply(&w, 0, 2);
	/* Its siblings have none. */
	w.permits = 0;
	resolve(&w, "other.example.org", A, "10.0.0.1", 60);
	expect_refusal(&w, DNS_WHY_PRIVATE, 0);
	world_end(&w);
}

/* No answer without the permission that it needs. */
static void test_permit_fails(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, (struct dns_job){ 0 });
	w.permit_result = -ENOSPC;
	resolve(&w, "example.org", A, "9.9.9.9", 60);
	w.permits = 0;
	expect_refusal(&w, DNS_WHY_PERMIT, 2);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_wildcard_and_rules),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_idn),
		cmocka_unit_test(test_alias_to_a_name_without_rule),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_no_such_name),
		cmocka_unit_test(test_names_without_rule),
		cmocka_unit_test(test_reason_for_people),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_rebinding),
		cmocka_unit_test(test_rebinding_beside_good),
		cmocka_unit_test(test_private_allowed),
		cmocka_unit_test(test_private_of_a_row),
		cmocka_unit_test(test_permit_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
