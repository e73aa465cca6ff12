/*
 * Messages of nfnetlink_log, and what is said about them.
 */
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

#include "net/refusal.h"
#include "net/told.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- messages ---- */

struct message {
	size_t n;
	uint8_t at[600];
};

static void put(struct message *m, const void *bytes, size_t n)
{
	memcpy(m->at + m->n, bytes, n);
	m->n += n;
}

static void put_attribute(struct message *m, uint16_t type, const void *bytes, size_t n)
{
	const struct nlattr a = { (uint16_t)(sizeof a + n), type };

	put(m, &a, sizeof a);
	put(m, bytes, n);
	m->n = NLA_ALIGN(m->n);
}

static void put_length(struct message *m)
{
	const struct nlmsghdr head = { .nlmsg_len = (uint32_t)m->n,
				       .nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET };

	memcpy(m->at, &head, sizeof head);
}

static struct message message(const char *prefix, const void *packet, size_t n)
{
	const struct nfulnl_msg_packet_hdr head = { 0 };
	const struct nfgenmsg family = { 0 };
	struct message m = { .n = NLMSG_HDRLEN };

	put(&m, &family, sizeof family);
	put_attribute(&m, NFULA_PACKET_HDR, &head, sizeof head);
	put_attribute(&m, NFULA_PREFIX, prefix, strlen(prefix) + 1);
	put_attribute(&m, NFULA_PAYLOAD, packet, n);
	put_length(&m);
	return m;
}

/* ---- packets ---- */

struct packet {
	size_t n;
	uint8_t at[256];
};

/* From 10.0.0.1 to 192.0.2.7, with `words` of options. */
static struct packet ipv4(uint8_t protocol, unsigned words, uint16_t fragment)
{
	struct packet p = { .n = 20 + (size_t)words * 4 };

	p.at[0] = (uint8_t)(0x45 + words);
	p.at[6] = (uint8_t)(fragment >> 8);
	p.at[7] = (uint8_t)fragment;
	p.at[9] = protocol;
	inet_pton(AF_INET, "10.0.0.1", p.at + 12);
	inet_pton(AF_INET, "192.0.2.7", p.at + 16);
	return p;
}

static struct packet ipv6(uint8_t next)
{
	struct packet p = { .n = 40 };

	p.at[0] = 0x60;
	p.at[6] = next;
	inet_pton(AF_INET6, "fd00::1", p.at + 8);
	inet_pton(AF_INET6, "2001:db8::7", p.at + 24);
	return p;
}

static void add_extension(struct packet *p, uint8_t next, uint8_t units, uint16_t fragment)
{
	p->at[p->n] = next;
	p->at[p->n + 1] = units;
	p->at[p->n + 2] = (uint8_t)(fragment >> 8);
	p->at[p->n + 3] = (uint8_t)fragment;
	p->n += 8 + 8 * (size_t)units;
}

/* From port 1000 to `port`; with the flags of TCP. */
static struct packet with_ports(struct packet p, uint16_t port, uint8_t flags)
{
	p.at[p.n] = 1000 >> 8;
	p.at[p.n + 1] = (uint8_t)1000;
	p.at[p.n + 2] = (uint8_t)(port >> 8);
	p.at[p.n + 3] = (uint8_t)port;
	p.at[p.n + 13] = flags;
	p.n += 20;
	return p;
}

enum { SYN = 2, ACK = 16 };

static const struct net_job *a_job(void)
{
	static struct net_written written[] = { { 2, "--allow" }, { 3, "own.yaml:7" } };
	static struct net_domain domains[] = { { 2, 2, false, "*.example.org" } };
	static const struct net_job job = { .id = "one",
					    .nwritten = COUNT(written),
					    .written = written,
					    .ndomains = COUNT(domains),
					    .domains = domains };

	return &job;
}

static void expect(const char *prefix, const struct packet *p, const char *syscall,
		   const char *arguments, const char *err, const char *rule, const char *fix)
{
	const struct message m = message(prefix, p->at, p->n);
	struct refusal r;
	struct told t;

	assert_true(refusal_read(m.at, m.n, &r));
	told_packet(a_job(), &r, 0, &t);
	assert_string_equal(t.event.syscall, syscall);
	assert_string_equal(t.event.arguments, arguments);
	assert_string_equal(t.event.err, err);
	assert_string_equal(t.event.rule, rule);
	assert_string_equal(t.event.fix, fix);
	assert_string_equal(t.event.layer, "network");
	assert_string_equal(t.event.verdict, "deny");
	assert_string_equal(t.event.container, "one");
}

static void test_ipv4(void **state)
{
	struct packet p = with_ports(ipv4(IPPROTO_TCP, 0, 0), 443, SYN);

	(void)state;
	expect("out", &p, "connect", "tcp 192.0.2.7:443", "ECONNREFUSED", "default",
	       "add {cidr: 192.0.2.7, ports: [443]} to network.egress.allow");
	expect("guarded", &p, "connect", "tcp 192.0.2.7:443", "ECONNREFUSED", "default",
	       "add {cidr: 192.0.2.7, ports: [443]} to network.egress.allow");
	expect("host", &p, "connect", "tcp 192.0.2.7:443", "ECONNREFUSED", "default", "");
	expect("in", &p, "receive", "tcp 10.0.0.1 to port 443", "ECONNREFUSED", "default",
	       "add {port: 443} to network.ingress.allow");
	expect("full2", &p, "connect", "tcp 192.0.2.7:443", "ECONNREFUSED", "--allow",
	       "raise connections in this row");
	p = with_ports(ipv4(IPPROTO_TCP, 0, 0), 443, ACK);
	expect("past3", &p, "send", "tcp 192.0.2.7:443", "ECONNRESET", "own.yaml:7",
	       "raise limit in this row");
	p = with_ports(ipv4(IPPROTO_UDP, 10, 0), 53, 0); /* options are passed over */
	expect("out", &p, "send", "udp 192.0.2.7:53", "EPERM", "default",
	       "add {cidr: 192.0.2.7, ports: [53]} to network.egress.allow");
	p = with_ports(ipv4(IPPROTO_SCTP, 0, 0), 53, 0); /* a row with ports would not permit it */
	expect("out", &p, "send", "sctp 192.0.2.7:53", "EPERM", "default",
	       "add {cidr: 192.0.2.7} to network.egress.allow");
	p = with_ports(ipv4(IPPROTO_ICMP, 0, 0), 53, 0);
	expect("out", &p, "send", "icmp 192.0.2.7", "EPERM", "default",
	       "add {cidr: 192.0.2.7} to network.egress.allow");
	expect("in", &p, "receive", "icmp 10.0.0.1", "EPERM", "default", "");
	p = with_ports(ipv4(IPPROTO_UDP, 0, 0x2001), 53, 0); /* not the first fragment */
	expect("out", &p, "send", "udp 192.0.2.7", "EPERM", "default",
	       "add {cidr: 192.0.2.7} to network.egress.allow");
	p = with_ports(ipv4(IPPROTO_UDP, 0, 0x2000), 53, 0); /* the first one */
	expect("out", &p, "send", "udp 192.0.2.7:53", "EPERM", "default",
	       "add {cidr: 192.0.2.7, ports: [53]} to network.egress.allow");
	p = ipv4(IPPROTO_TCP, 0, 0); /* cut */
	p.n += 3;
	expect("out", &p, "connect", "tcp 192.0.2.7", "ECONNREFUSED", "default",
	       "add {cidr: 192.0.2.7} to network.egress.allow");
}

static void test_ipv6(void **state)
{
	struct packet p = with_ports(ipv6(IPPROTO_UDP), 53, 0);

	(void)state;
	expect("out", &p, "send", "udp [2001:db8::7]:53", "EPERM", "default",
	       "add {cidr: \"2001:db8::7\", ports: [53]} to network.egress.allow");
	expect("host", &p, "send", "udp [2001:db8::7]:53", "EPERM", "default", "");
	expect("in", &p, "receive", "udp fd00::1 to port 53", "EPERM", "default",
	       "add {port: 53} to network.ingress.allow");
	p = ipv6(IPPROTO_HOPOPTS);
	add_extension(&p, IPPROTO_DSTOPTS, 2, 0);
	add_extension(&p, IPPROTO_FRAGMENT, 0, 0);
	add_extension(&p, IPPROTO_TCP, 0, 1); /* more follow: the first */
	p = with_ports(p, 80, SYN);
	expect("out", &p, "connect", "tcp [2001:db8::7]:80", "ECONNREFUSED", "default",
	       "add {cidr: \"2001:db8::7\", ports: [80]} to network.egress.allow");
	p = ipv6(IPPROTO_FRAGMENT);
	add_extension(&p, IPPROTO_UDP, 0, 8);
	p = with_ports(p, 80, 0);
	expect("out", &p, "send", "udp 2001:db8::7", "EPERM", "default",
	       "add {cidr: \"2001:db8::7\"} to network.egress.allow");
	p = ipv6(IPPROTO_HOPOPTS); /* longer than it is */
	p.at[p.n + 1] = 255;
	p.n += 8;
	expect("out", &p, "send", "ip 2001:db8::7", "EPERM", "default",
	       "add {cidr: \"2001:db8::7\"} to network.egress.allow");
	p = ipv6(IPPROTO_ICMPV6);
	expect("out", &p, "send", "icmp 2001:db8::7", "EPERM", "default",
	       "add {cidr: \"2001:db8::7\"} to network.egress.allow");
}

static void test_no_refusal(void **state)
{
	static const char *const prefixes[] = { "",       "other", "past", "past0",  "out1",
						"past3x", "OUT",   "out ", "full-1", "host1" };
	struct packet p = with_ports(ipv4(IPPROTO_TCP, 0, 0), 443, SYN);
	struct message m = message("out", p.at, p.n);
	struct refusal r;

	(void)state;
	/* Cut anywhere, with a length that says otherwise, it is none, or the same without what is missing. */
	for (size_t len = 0; len < m.n; len++)
		assert_false(refusal_read(m.at, len, &r));
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		m = message(prefixes[i], p.at, p.n);
		assert_false(refusal_read(m.at, m.n, &r));
	}
	for (size_t n = 0; n < 20; n++) { /* no whole header */
		m = message("out", p.at, n);
		assert_false(refusal_read(m.at, m.n, &r));
	}
	p.at[0] = 0x44; /* a header of 16 bytes */
	m = message("out", p.at, p.n);
	assert_false(refusal_read(m.at, m.n, &r));
	p = ipv6(IPPROTO_UDP);
	p.n = 39;
	m = message("out", p.at, p.n);
	assert_false(refusal_read(m.at, m.n, &r));
	p.at[0] = 0x50; /* IPv5 */
	m = message("out", p.at, p.n);
	assert_false(refusal_read(m.at, m.n, &r));
	m = message("out", p.at, p.n);
	m.at[4] = 1; /* another message */
	assert_false(refusal_read(m.at, m.n, &r));
}

static void test_names(void **state)
{
	char longest[254];
	struct told t;

	(void)state;
	told_name(a_job(), "example.test", 1, DNS_WHY_NAME, 0, &t);
	assert_string_equal(t.event.syscall, "resolve");
	assert_string_equal(t.event.arguments, "example.test");
	assert_string_equal(t.event.err, "ENOENT");
	assert_string_equal(t.event.rule, "default");
	assert_string_equal(t.event.fix, "add {domain: example.test} to network.egress.allow");
	assert_string_equal(t.event.why, "no rule allows this name");
	told_name(a_job(), "a.example.org", 28, DNS_WHY_PRIVATE, 3, &t);
	assert_string_equal(t.event.arguments, "a.example.org");
	assert_string_equal(t.event.rule, "--allow");
	assert_string_equal(t.event.fix, "allow_private: true in this row");
	assert_non_null(strstr(t.event.why, "; 3 before it could not be told"));
	told_name(a_job(), "a.example.org", 16, DNS_WHY_TYPE, 0, &t);
	assert_string_equal(t.event.arguments, "a.example.org, type 16");
	assert_string_equal(t.event.fix, "");
	told_name(a_job(), "a.example.org", 1, DNS_WHY_ADDRESS, 0, &t);
	assert_string_equal(t.event.fix, "");
	told_name(a_job(), "", 0, DNS_WHY_MALFORMED, 0, &t);
	assert_string_equal(t.event.arguments, "");
	assert_string_equal(t.event.rule, "default");
	/* A row with a part of the name would be another. */
	memset(longest, 'x', sizeof longest - 1);
	longest[253] = '\0';
	for (size_t i = 60; i < 253; i += 61)
		longest[i] = '.';
	told_name(a_job(), longest, 1, DNS_WHY_NAME, 0, &t);
	assert_string_equal(t.event.arguments, longest);
	assert_string_equal(t.event.fix, "add {domain: NAME} to network.egress.allow");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_no_refusal),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
