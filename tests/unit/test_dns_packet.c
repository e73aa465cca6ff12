/*
 * DNS messages: what is understood, and that the rest is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns_message.h"
#include "net/dns_packet.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

/* ---- questions ---- */

static int read_name(const char *name, struct dns_question *q)
{
	struct message m;

	message_question(&m, 0x1234, 0x0100, name, 1);
	return dns_question_read(m.at, m.len, q);
}

static void test_question(void **state)
{
	struct dns_question q;

	(void)state;
	assert_int_equal(read_name("WwW.Example.Org", &q), 0);
	assert_string_equal(q.name, "www.example.org");
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, 1);
	assert_true(q.recursion);
	assert_false(q.edns);
	assert_int_equal(q.size, 512);
}

static void test_question_names(void **state)
{
	static const char *const bad[] = {
		"",        "a b.org", "a\\b.org", "b\303\274cher.org", "a\001.org", "*.example.org",
		"a@b.org", "a/b",     "\177.org",
	};
	struct dns_question q;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (read_name(bad[i], &q) != DNS_FORMERR)
			fail_msg("'%s'", bad[i]);
	/* 253 letters fit, 255 do not */
	assert_int_equal(read_name(L63
				   "." L63 "." L63 "."
				   "a23456789012345678901234567890123456789012345678901234567890",
				   &q),
			 0);
	assert_int_equal(read_name(L63 "." L63 "." L63 "." L63, &q), DNS_FORMERR);
}

/* A label "a.org" is not the two labels a and org, and "example\0" is not "example". */
static void test_question_label_bytes(void **state)
{
	static const char *const labels[] = { "\013example.org", "\010example\0", "\077" };
	static const size_t lens[] = { 12, 9, 1 };
	struct dns_question q;

	(void)state;
	for (size_t i = 0; i < COUNT(labels); i++) {
		struct message m;

		message_question(&m, 1, 0x0100, "", 1);
		m.len = 12;
		memcpy(m.at + m.len, labels[i], lens[i]);
		m.len += lens[i];
		memcpy(m.at + m.len, "\0\0\1\0\1", 5);
		m.len += 5;
		assert_int_equal(dns_question_read(m.at, m.len, &q), DNS_FORMERR);
	}
}

static int read_changed(void (*change)(struct message *))
{
	struct dns_question q;
	struct message m;

	message_question(&m, 1, 0x0100, "example.org", 1);
	change(&m);
	return dns_question_read(m.at, m.len, &q);
}

static void to_answer(struct message *m)
{
	m->at[2] |= 0x80;
}

static void to_update(struct message *m)
{
	m->at[2] |= 5 << 3;
}

static void to_chaos(struct message *m)
{
	m->at[m->len - 1] = 3;
}

static void to_two_questions(struct message *m)
{
	size_t len = m->len - 12;

	memcpy(m->at + m->len, m->at + 12, len);
	m->len += len;
	m->at[5] = 2;
}

static void to_no_question(struct message *m)
{
	m->len = 12;
	m->at[5] = 0;
}

static void to_more_bytes(struct message *m)
{
	m->at[m->len++] = 0;
}

static void to_less_bytes(struct message *m)
{
	m->len--;
}

static void to_header_alone(struct message *m)
{
	m->len = 11;
}

static void to_pointer(struct message *m)
{
	m->len = 12;
	message_16(m, 0xc00c);
	message_16(m, 1);
	message_16(m, 1);
}

static void to_pointer_behind(struct message *m)
{
	m->len = 12;
	message_16(m, 0x0161);
	message_16(m, 0xc00c);
	message_16(m, 1);
	message_16(m, 1);
}

static void to_with_answer(struct message *m)
{
	message_address(m, "example.org", "192.0.2.1", 1);
}

static void to_with_other_record(struct message *m)
{
	message_address(m, "example.org", "192.0.2.1", 1);
	m->at[7] = 0;
	m->at[11] = 1;
}

static void test_question_shapes(void **state)
{
	(void)state;
	assert_int_equal(read_changed(to_answer), -EBADMSG);
	assert_int_equal(read_changed(to_header_alone), -EBADMSG);
	assert_int_equal(read_changed(to_update), DNS_NOTIMP);
	assert_int_equal(read_changed(to_chaos), DNS_REFUSED);
	assert_int_equal(read_changed(to_two_questions), DNS_FORMERR);
	assert_int_equal(read_changed(to_no_question), DNS_FORMERR);
	assert_int_equal(read_changed(to_more_bytes), DNS_FORMERR);
	assert_int_equal(read_changed(to_less_bytes), DNS_FORMERR);
	assert_int_equal(read_changed(to_pointer), DNS_FORMERR);
	assert_int_equal(read_changed(to_pointer_behind), DNS_FORMERR);
	assert_int_equal(read_changed(to_with_answer), DNS_FORMERR);
	assert_int_equal(read_changed(to_with_other_record), DNS_FORMERR);
}

/* An OPT record with a size of `size`. */
static void with_options(struct message *m, unsigned size)
{
	m->at[m->len++] = 0;
	message_16(m, 41);
	message_16(m, size);
	message_32(m, 0);
	message_16(m, 0);
	m->at[11] = 1;
}

static void test_question_edns(void **state)
{
	static const unsigned sizes[][2] = {
		{ 0, 512 }, { 600, 600 }, { 4096, 1232 }, { 65535, 1232 }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct dns_question q;
		struct message m;

		message_question(&m, 1, 0x0100, "example.org", 1);
		with_options(&m, sizes[i][0]);
		assert_int_equal(dns_question_read(m.at, m.len, &q), 0);
		assert_true(q.edns);
		assert_int_equal(q.size, sizes[i][1]);
	}
}

static void test_question_to_server(void **state)
{
	uint8_t out[DNS_QUESTION_MAX];
	struct message m;

	(void)state;
	message_question(&m, 0xabcd, 0x0100, "www.example.org", 28);
	assert_int_equal(dns_question_write(0xabcd, "www.example.org", 28, out), m.len);
	assert_memory_equal(out, m.at, m.len);
}

/* ---- answers of servers ---- */

static void answer_begin(struct message *m, unsigned type)
{
	message_question(m, 7, 0x8180, "www.example.org", type);
}

static int answer_end(const struct message *m, unsigned type, struct dns_answer *a)
{
	return dns_answer_read(m->at, m->len, 7, "www.example.org", (uint16_t)type, a);
}

static void test_answer(void **state)
{
	struct dns_answer a;
	struct message m;

	(void)state;
	answer_begin(&m, 1);
	message_address(&m, "www.example.org", "1.2.3.4", 300);
	message_address(&m, "WWW.example.org", "1.2.3.5", 200);
	message_address(&m, "other.example.org", "6.6.6.6", 1);
	message_address(&m, "www.example.org", "2001:db8::1", 1);
	assert_int_equal(answer_end(&m, 1, &a), 0);
	assert_int_equal(a.n, 2);
	assert_memory_equal(a.at[1].bytes, "\1\2\3\5", 4);
	assert_int_equal(a.ttl_s, 200);
}

static void test_answer_chain(void **state)
{
	struct dns_answer a;
	struct message m;

	(void)state;
	answer_begin(&m, 28);
	/* in an order of their own */
	message_address(&m, "c.cdn.net", "2a00::1", 300);
	message_alias(&m, "b.cdn.net", "C.cdn.net", 50);
	message_alias(&m, "www.example.org", "b.cdn.net", 100);
	message_address(&m, "d.cdn.net", "2a00::2", 300);
	assert_int_equal(answer_end(&m, 28, &a), 0);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.at[0].width, 16);
	assert_int_equal(a.at[0].bytes[15], 1);
	assert_int_equal(a.ttl_s, 50);
}

/* An address beside an alias belongs to nobody who was asked for. */
static void test_answer_chains_that_are_none(void **state)
{
	struct dns_answer a;
	struct message m;

	(void)state;
	answer_begin(&m, 1); /* ends nowhere */
	message_alias(&m, "www.example.org", "b.cdn.net", 100);
	message_address(&m, "www.example.org", "6.6.6.6", 1);
	assert_int_equal(answer_end(&m, 1, &a), 0);
	assert_int_equal(a.n, 0);
	answer_begin(&m, 1); /* does not begin here */
	message_alias(&m, "x.example.org", "b.cdn.net", 100);
	message_address(&m, "b.cdn.net", "6.6.6.6", 1);
	assert_int_equal(answer_end(&m, 1, &a), 0);
	assert_int_equal(a.n, 0);
	answer_begin(&m, 1); /* two aliases */
	message_alias(&m, "www.example.org", "b.cdn.net", 100);
	message_alias(&m, "www.example.org", "c.cdn.net", 100);
	assert_int_equal(answer_end(&m, 1, &a), -EBADMSG);
	answer_begin(&m, 1); /* a circle */
	message_alias(&m, "www.example.org", "b.cdn.net", 100);
	message_alias(&m, "b.cdn.net", "www.example.org", 100);
	assert_int_equal(answer_end(&m, 1, &a), -EBADMSG);
	answer_begin(&m, 1); /* over a name that is none */
	message_alias(&m, "www.example.org", "a b.net", 100);
	assert_int_equal(answer_end(&m, 1, &a), -EBADMSG);
}

static int read_chain_of(int aliases, struct dns_answer *a)
{
	struct message m;
	char from[32] = "www.example.org", to[32];

	answer_begin(&m, 1);
	for (int i = 0; i < aliases; i++) {
		(void)snprintf(to, sizeof to, "n%d.cdn.net", i);
		message_alias(&m, from, to, 100);
		memcpy(from, to, sizeof from);
	}
	message_address(&m, from, "1.2.3.4", 100);
	return answer_end(&m, 1, a);
}

static void test_answer_long_chain(void **state)
{
	struct dns_answer a;

	(void)state;
	assert_int_equal(read_chain_of(DNS_CHAIN_MAX, &a), 0);
	assert_int_equal(a.n, 1);
	assert_int_equal(read_chain_of(DNS_CHAIN_MAX + 1, &a), -EBADMSG);
}

static void test_answer_of_something_else(void **state)
{
	struct dns_answer a;
	struct message m;

	(void)state;
	answer_begin(&m, 1);
	assert_int_equal(dns_answer_read(m.at, m.len, 8, "www.example.org", 1, &a), -EAGAIN);
	assert_int_equal(dns_answer_read(m.at, m.len, 7, "ww.example.org", 1, &a), -EAGAIN);
	assert_int_equal(dns_answer_read(m.at, m.len, 7, "www.example.org", 28, &a), -EAGAIN);
	assert_int_equal(dns_answer_read(m.at, 11, 7, "www.example.org", 1, &a), -EAGAIN);
	m.at[2] &= 0x7f; /* a question */
	assert_int_equal(answer_end(&m, 1, &a), -EAGAIN);
}

static void test_answer_codes(void **state)
{
	struct dns_answer a;
	struct message m;

	(void)state;
	for (unsigned code = 0; code < 16; code++) {
		answer_begin(&m, 1);
		m.at[3] = (uint8_t)(0x80 | code);
		assert_int_equal(answer_end(&m, 1, &a), code == 0 || code == 3 ? 0 : -EBADMSG);
		assert_int_equal(a.n, 0);
	}
	answer_begin(&m, 1);
	m.at[2] |= 0x02;
	assert_int_equal(answer_end(&m, 1, &a), 1);
}

static void test_answer_sizes(void **state)
{
	struct dns_answer a;
	struct message m;

	(void)state;
	answer_begin(&m, 1);
	message_record(&m, "www.example.org", 1, 60, "\1\2\3", 3);
	assert_int_equal(answer_end(&m, 1, &a), -EBADMSG);
	answer_begin(&m, 1);
	message_record(&m, "www.example.org", 1, 60, "\1\2\3\4\5", 5);
	assert_int_equal(answer_end(&m, 1, &a), -EBADMSG);
	answer_begin(&m, 1); /* an alias with something behind it */
	message_record(&m, "www.example.org", 5, 60, "\1a\0x", 4);
	assert_int_equal(answer_end(&m, 1, &a), -EBADMSG);
	answer_begin(&m, 1); /* more than we take */
	for (int i = 0; i < DNS_ADDRESSES_MAX + 5; i++)
		message_record(&m, "www.example.org", 1, 60, (uint8_t[]){ 9, 9, 9, (uint8_t)i }, 4);
	assert_int_equal(answer_end(&m, 1, &a), 0);
	assert_int_equal(a.n, DNS_ADDRESSES_MAX);
	answer_begin(&m, 1); /* RFC 2181: not a very long time, but none */
	message_address(&m, "www.example.org", "1.2.3.4", 0x80000000);
	assert_int_equal(answer_end(&m, 1, &a), 0);
	assert_int_equal(a.ttl_s, 0);
}

/* Each byte of a good answer, changed, cut: nothing but an address that stands in it comes out, and nobody crashes. */
static void test_answer_changed(void **state)
{
	struct dns_answer a;
	struct message m;

	(void)state;
	answer_begin(&m, 1);
	message_alias(&m, "www.example.org", "b.cdn.net", 100);
	message_address(&m, "b.cdn.net", "1.2.3.4", 300);
	for (size_t len = 0; len < m.len; len++)
		assert_true(dns_answer_read(m.at, len, 7, "www.example.org", 1, &a) < 0);
	for (size_t i = 0; i < m.len; i++)
		for (unsigned value = 0; value < 256; value++) {
			uint8_t was = m.at[i];

			m.at[i] = (uint8_t)value;
			(void)answer_end(&m, 1, &a);
			assert_true(a.n <= 1);
			m.at[i] = was;
		}
}

/* ---- answers to containers ---- */

static void test_answer_written(void **state)
{
	struct dns_answer a = { .n = 2,
				.ttl_s = 77,
				.at = { { 4, { 1, 2, 3, 4 } }, { 4, { 5, 6, 7, 8 } } } };
	struct dns_answer back;
	uint8_t out[DNS_UDP_MAX];
	struct dns_question q;
	size_t len;

	(void)state;
	assert_int_equal(read_name("eXample.org", &q), 0);
	len = dns_answer_write(&q, &a, 0, q.size, out);
	assert_int_equal(dns_answer_read(out, len, 0x1234, "example.org", 1, &back), 0);
	assert_int_equal(back.n, 2);
	assert_int_equal(back.ttl_s, 77);
	assert_memory_equal(back.at, a.at, 2 * sizeof a.at[0]);
	assert_memory_equal(out + 12, "\7eXample\3org\0", 13); /* as it was asked */
	assert_int_equal(out[3], 0x80);
}

static void test_answer_that_does_not_fit(void **state)
{
	struct dns_answer a = { .n = DNS_ADDRESSES_MAX, .ttl_s = 77 };
	uint8_t out[DNS_UDP_MAX];
	struct dns_question q;

	(void)state;
	for (size_t i = 0; i < a.n; i++)
		a.at[i].width = 16;
	assert_int_equal(read_name("example.org", &q), 0);
	q.edns = true;
	assert_in_range(dns_answer_write(&q, &a, 15, 512, out), 12, 512);
	assert_int_equal(out[2] & 0x02, 0x02);
	assert_int_equal(out[7], 0);
	assert_in_range(dns_answer_write(&q, &a, 15, DNS_UDP_MAX, out), 513, DNS_UDP_MAX);
	assert_int_equal(out[2] & 0x02, 0);
	assert_int_equal(out[7], DNS_ADDRESSES_MAX);
	/* the longest of all */
	q.wire_len = sizeof q.wire;
	assert_in_range(dns_answer_write(&q, &a, 15, DNS_UDP_MAX, out), 513, DNS_UDP_MAX);
	assert_int_equal(out[2] & 0x02, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_question_names),
		cmocka_unit_test(test_question_label_bytes),
		cmocka_unit_test(test_question_shapes),
		cmocka_unit_test(test_question_edns),
		cmocka_unit_test(test_question_to_server),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_chain),
		cmocka_unit_test(test_answer_chains_that_are_none),
		cmocka_unit_test(test_answer_long_chain),
		cmocka_unit_test(test_answer_of_something_else),
		cmocka_unit_test(test_answer_codes),
		cmocka_unit_test(test_answer_sizes),
		cmocka_unit_test(test_answer_changed),
		cmocka_unit_test(test_answer_written),
		cmocka_unit_test(test_answer_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
