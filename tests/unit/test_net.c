/*
 * Ranges, the job of zviz-net as text, and the addresses of containers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/pool.h"
#include "policy/net_job.h"
#include "policy/net_own.h"
#include "policy/net_rules.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_ranges(void **state)
{
	static const struct {
		const char *inner, *outer;
		bool within;
	} rows[] = {
		{ "10.1.2.3", "10.0.0.0/8", true },
		{ "10.1.2.3/8", "10.0.0.0/8", true }, /* what lies behind the prefix is nothing */
		{ "10.0.0.0/8", "10.1.2.3", false },
		{ "11.0.0.0", "10.0.0.0/8", false },
		{ "10.0.0.128/25", "10.0.0.0/25", false },
		{ "1.2.3.4", "0.0.0.0/0", true },
		{ "fd00::1", "0.0.0.0/0", false }, /* another family is never within */
		{ "fd00::1", "fd00::/127", true },
		{ "fd00::2", "fd00::/127", false },
		{ "::ffff:10.1.2.3", "10.0.0.0/8", false },
	};
	struct net_range a, b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(net_range_parse(rows[i].inner, &a));
		assert_true(net_range_parse(rows[i].outer, &b));
		assert_int_equal(net_range_within(&a, &b), rows[i].within);
	}
	assert_false(net_range_parse("10.0.0.0/33", &a));
	assert_false(net_range_parse("10.0.0", &a));
	assert_false(net_range_parse("", &a));
	assert_false(net_range_parse("10.0.0.0/", &a));
}

static void test_guarded(void **state)
{
	static const struct {
		const char *range;
		bool guarded;
	} rows[] = {
		{ "169.254.169.254", true }, { "169.254.0.0/16", true },
		{ "169.254.0.0/15", false }, { "0.0.0.0/0", false },
		{ "fd00:ec2::254", true },   { "fd00:ec2::/32", false },
		{ "100.100.100.200", true }, { "::/0", false },
	};
	struct net_range r;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(net_range_parse(rows[i].range, &r));
		assert_int_equal(net_range_guarded(&r) != NULL, rows[i].guarded);
	}
}

static void follow(const char *text, const char *const *order, size_t n)
{
	const char *at = text;

	for (size_t i = 0; i < n; i++) {
		at = at != NULL ? strstr(at, order[i]) : NULL;
		if (at == NULL)
			fail_msg("'%s' does not follow in:\n%s", order[i], text);
	}
}

/* What decides, in the order in which it does: a named guarded range, the guarded ones, the rest. */
static void test_rules(void **state)
{
	static const char *const order[] = {
		"hook output priority raw;",
		"oifname \"lo\" ip saddr != 127.0.0.0/8 notrack",
		"oifname \"lo\" ip6 saddr != ::1 notrack",
		"policy drop;",
		"oifname \"lo\" accept",
		"ct state established accept",
		"ct state related meta l4proto { icmp, ipv6-icmp } accept",
		"ct state related tcp flags & rst == rst accept",
		"icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } meta skuid 0-4294967295 counter name "
		"\"refused_out\" goto refuse\n",
		"icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept",
		"ip daddr 127.0.0.0/8 ct status & dnat == 0 counter name \"guarded\" goto refuse\n",
		"ct state new ip daddr 169.254.169.254 meta l4proto { tcp, udp } th dport { 80 } "
		"counter name \"egress2\" accept",
		"ip daddr 169.254.0.0/16 counter name \"guarded\" goto refuse",
		"ip6 daddr fd00:ec2::254 counter name \"guarded\" goto refuse",
		"# own.yaml:7\n\t\tct state new ip daddr 10.0.0.0/8 counter name \"egress1\" accept",
		"# own.yaml:9\n\t\tct state new ip daddr @domain3_ipv4 meta l4proto { tcp, udp } th dport { "
		"80 } counter name \"egress3\" accept",
		"ct state new ip6 daddr @domain3_ipv6 meta l4proto { tcp, udp } th dport { 80 } "
		"counter name \"egress3\" accept",
		"counter name \"refused_out\" goto refuse",
		"policy drop;",
		"th dport { 8080 } counter name \"ingress1\" accept",
		"counter name \"refused_in\" goto refuse",
		"policy drop;",
	};
	uint64_t port = 80;
	struct egress_rule out[] = { { .cidr = "10.1.2.3/8", .from = { "own.yaml", NULL, 7, 1 } },
				     { .cidr = "169.254.169.254", .n = 1, .ports = &port },
				     { .domain = "*.example.org",
				       .n = 1,
				       .ports = &port,
				       .from = { "own.yaml", NULL, 9, 1 } } };
	struct ingress_rule in[] = { { .port = 8080 } };
	struct plan p = { .net = { .egress = { 3, 3, out }, .ingress = { 1, 1, in } } };
	struct arena a = { 0 };
	struct buf text = { .arena = &a };

	(void)state;
	net_rules_print(&p, &text);
	assert_non_null(strstr(buf_text(&text), "set domain3_ipv4 {\n\t\ttype ipv4_addr\n\t\tflags "
						"timeout\n\t\tsize 4096\n\t}"));
	assert_non_null(strstr(buf_text(&text), "set domain3_ipv6 {\n\t\ttype ipv6_addr\n"));
	assert_null(strstr(buf_text(&text), "set domain1"));
	/* Nobody listens: nothing is logged. */
	assert_null(strstr(buf_text(&text), "tell"));
	follow(strstr(buf_text(&text), "chain loopback"), order, COUNT(order));
	arena_free(&a);
}

static void test_budgets(void **state)
{
	static const char *const order[] = {
		"quota bytes1 { over 10485760 bytes }",
		"counter past1 { }",
		"counter late1 { }",
		"counter full2 { }",
		"chain past1 {\n\t\tcounter name \"past1\" goto refuse_past1\n",
		"chain spend1_out {\n\t\ttcp flags & rst == rst return\n\t\tquota name \"bytes1\" goto past1\n",
		"chain over1_in {\n\t\tmeta l4proto != tcp counter name \"late1\" drop\n\t\tmeta length <= 100 return\n"
		"\t\tct mark 1073741825 counter name \"late1\" reject with tcp reset\n\t\tct mark set 1073741825\n",
		"chain spend1_in {\n\t\tquota name \"bytes1\" goto over1_in\n",
		"chain row1 {\n\t\tquota name \"bytes1\" goto past1\n\t\tct mark set 1\n"
		"\t\tcounter name \"egress1\" accept\n",
		"chain row2 {\n\t\tct count over 3 goto full2\n\t\tct mark set 2\n\t\tcounter name \"egress2\" accept\n",
		"chain output",
		"ct state established,related ct mark vmap { 1 : jump spend1_out, 1073741825 : jump spend1_out }",
		"ct state established accept",
		"ct state new ip daddr 10.0.0.0/8 goto row1\n",
		"ct state new ip daddr @domain2_ipv4 goto row2\n",
		"ct state new ip6 daddr @domain2_ipv6 goto row2\n",
		"counter name \"refused_out\" goto refuse_out\n",
		"chain input",
		"ct mark vmap { 1 : jump spend1_in, 1073741825 : jump spend1_in }",
		"ct state established accept",
		"counter name \"refused_in\" goto refuse_in\n",
	};
	struct egress_rule out[] = { { .cidr = "10.0.0.0/8", .limit = 10 << 20 },
				     { .domain = "a.b", .connections = 3 } };
	struct plan p = { .net = { .told = true, .egress = { 2, 2, out } } };
	struct arena a = { 0 };
	struct buf text = { .arena = &a };

	(void)state;
	net_rules_print(&p, &text);
	follow(buf_text(&text), order, COUNT(order));
	arena_free(&a);
}

/* Where a program of the host's speaks for the container: the host comes before whatever a row permits, and is told of its own. */
static void test_host(void **state)
{
	static const char *const order[] = {
		"counter host { }",
		"set host4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n",
		"chain tell_host { }",
		"chain refuse_host {\n\t\tjump tell_host\n\t\tgoto refuse\n",
		"chain output",
		"oifname \"lo\" accept",
		"ct state established accept",
		"127.0.0.0/8, 224.0.0.0/4, 255.255.255.255 } counter name \"host\" goto refuse_host\n",
		"ip6 daddr { ::/96, ::ffff:0:0/96, ff00::/8 } counter name \"host\" goto refuse_host\n",
		"ip daddr @host4 counter name \"host\" goto refuse_host\n",
		"ip6 daddr @host6 counter name \"host\" goto refuse_host\n",
		"ct state new meta nfproto ipv4 counter name \"egress1\" accept\n",
		"counter name \"refused_out\" goto refuse_out\n",
	};
	struct egress_rule out[] = { { .cidr = "0.0.0.0/0" } };
	struct plan p = { .net = { .told = true, .egress = { 1, 1, out } } };
	struct arena a = { 0 };
	struct buf text = { .arena = &a }, tell = { .arena = &a };

	(void)state;
	net_tell_print(&p, &tell);
	assert_null(strstr(buf_text(&tell), "tell_host"));
	p.net.program = "/usr/bin/pasta";
	net_rules_print(&p, &text);
	follow(buf_text(&text), order, COUNT(order));
	net_tell_print(&p, &tell);
	assert_non_null(strstr(buf_text(&tell), "chain tell_host {\n\t\tlimit rate 10/second"));
	assert_non_null(
		strstr(buf_text(&tell), "counter name \"told\" log prefix \"host\" group 1"));
	arena_free(&a);
}

static void test_job(void **state)
{
	static const struct plan_publish published[] = { { false, NULL, 8080, 80 },
							 { true, "::1", 53, 5353 } };
	struct egress_rule out[] = { { .cidr = "10.0.0.0/8" }, { .domain = "*.example.org" } };
	struct plan p = { .id = "one",
			  .net = { .way = NET_PASTA,
				   .program = "/usr/bin/pasta",
				   .npublished = 2,
				   .published = published,
				   .egress = { 2, 2, out } } };
	static const char rules[] = "table inet zviz {\n}\n";
	struct arena a = { 0 };
	struct buf text = { .arena = &a };
	struct net_job job;
	struct err e;

	(void)state;
	net_job_print(&p, rules, strlen(rules), &text);
	assert_int_equal(net_job_parse(&a, buf_text(&text), text.len, &job, &e), 0);
	assert_string_equal(job.id, "one");
	assert_int_equal(job.way, NET_PASTA);
	assert_string_equal(job.program, "/usr/bin/pasta");
	assert_int_equal(job.npublished, 2);
	assert_null(job.published[0].address);
	assert_int_equal(job.published[0].host, 8080);
	assert_true(job.published[1].udp);
	assert_string_equal(job.published[1].address, "::1");
	assert_int_equal(job.published[1].container, 5353);
	assert_int_equal(job.ndomains, 1);
	assert_int_equal(job.domains[0].row, 2);
	assert_string_equal(job.domains[0].pattern, "*.example.org");
	assert_false(job.domains[0].allow_private);
	assert_string_equal(job.rules, rules);
	assert_null(job.tell);
	/* Cut anywhere, it is none. */
	for (size_t len = 0; len < text.len; len++)
		assert_true(net_job_parse(&a, buf_text(&text), len, &job, &e) < 0);
	arena_free(&a);
}

/* Where somebody listens: what logs, and where the rows are written that may refuse something. */
static void test_job_tells(void **state)
{
	struct egress_rule out[] = {
		{ .cidr = "10.0.0.0/8" },
		{ .domain = "a.b", .allow_private = true, .from = { "--allow", NULL, 0, 0 } },
		{ .cidr = "11.0.0.0/8", .limit = 1, .from = { "o\nx.yaml", NULL, 7, 1 } },
	};
	struct plan p = { .id = "one", .net = { .told = true, .egress = { 3, 3, out } } };
	struct arena a = { 0 };
	struct buf text = { .arena = &a }, tell = { .arena = &a };
	struct net_job job;
	struct err e;

	(void)state;
	net_job_print(&p, "rules", 5, &text);
	net_tell_print(&p, &tell);
	assert_int_equal(net_job_parse(&a, buf_text(&text), text.len, &job, &e), 0);
	assert_true(job.domains[0].allow_private);
	assert_string_equal(job.rules, "rules");
	assert_string_equal(job.tell, buf_text(&tell));
	assert_non_null(strstr(job.tell, "log prefix \"past3\" group 1"));
	assert_int_equal(job.nwritten, 2);
	assert_int_equal(job.written[0].row, 2);
	assert_string_equal(job.written[0].text, "--allow");
	assert_int_equal(job.written[1].row, 3);
	assert_null(strchr(job.written[1].text, '\n'));
	for (size_t len = 0; len < text.len; len++)
		assert_true(net_job_parse(&a, buf_text(&text), len, &job, &e) < 0);
	arena_free(&a);
}

static void test_no_job(void **state)
{
	static const char *const texts[] = {
		"",
		"zviz-net 1\ncontainer a\nway pair\nrules 0\n\n",
		"zviz-net 4\ncontainer \nway pair\nrules 0\n\n",
		"zviz-net 4\nway pair\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\nrules 1\n\n",
		"zviz-net 4\ncontainer a\nway pair\nrules 0\n",
		"zviz-net 4\ncontainer a\nway pair\nrules 0\nx",
		"zviz-net 4\ncontainer a\nway pair\nrules 0\n\nx",
		"zviz-net 4\ncontainer a\nway pair\npublish tcp * 0 80\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\npublish tcp * 80 65536\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\npublish sctp * 80 80\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\npublish tcp x} 80 80\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\npublish tcp * 80 80 80\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\nelse\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ndomain 1 1 a.b\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ndomain 1 1 other a.b\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ntell 1\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ntell 0\nwritten 0 x\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ntell 0\nwritten 1\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\nwritten 1 x\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ntell 0\nrules 18446744073709551615\n\n",
		"zviz-net 4\ncontainer a\nway pair\ndomain 0 1 public a.b\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ndomain 1 1 public a..b\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ndomain 1 1 public\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ndomain 1 1 public a.b c\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ndomain 4294967296 1 public a.b\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair\ndomain 1 1 public a.b\npublish tcp * 80 80\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway else\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pair /usr/bin/pasta\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway hooks /usr/bin/pasta\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pasta\nrules 0\n\n",
		"zviz-net 4\ncontainer a\nway pasta pasta\nrules 0\n\n",
	};
	struct arena a = { 0 };
	struct net_job job;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_true(net_job_parse(&a, texts[i], strlen(texts[i]), &job, &e) < 0);
	arena_free(&a);
}

static void test_pool(void **state)
{
	static const struct pool_route crossing[] = { { .bits = 0 }, /* a default route */
						      { .to = 0x0a000000, .bits = 8 }, /* 10/8 */
						      { .to = 0xac1d0500,
							.bits = 24 }, /* 172.29.5/24 */
						      { .to = 0xc0a8f001, .bits = 32 } };
	struct pool_pair one, other;

	(void)state;
	assert_true(pool_choose(0, crossing, 1, &one));
	assert_int_equal(one.host4, 0x0af90000);
	assert_int_equal(one.own4, 0x0af90001);
	assert_true(pool_choose(499, crossing, 1, &other));
	assert_int_equal(other.host4, 0x0af90000 + 998);
	assert_int_equal(other.own6[14] << 8 | other.own6[15], 999);
	assert_memory_not_equal(one.own6, other.own6, 16);
	assert_true(pool_choose(0, crossing, COUNT(crossing), &one));
	assert_int_equal(one.host4, 0xc0a8f800);                          /* 192.168.248.0 */
	assert_false(pool_choose(1024, crossing, COUNT(crossing), &one)); /* a /21 has 1024 pairs */
}

static void test_pool_ipv6(void **state)
{
	static const struct pool_route crossing[] = {
		{ .v6 = true, .bits = 0 },
		{ .v6 = true, .to6 = { 0xfd, 'z', 'v', 'i', 'z', 0 }, .bits = 48 },
		{ .v6 = true, .to6 = { 0xfd, 'z', 'v', 'i', 'z', 1, 0, 0, 1 }, .bits = 128 },
		{ .v6 = true,
		  .to6 = { 0xfd, 'z', 'v', 'i', 'z', 2, 0, 1 },
		  .bits = 64 }, /* beside it */
		{ .v6 = true, .to6 = { 0xfd }, .bits = 8 },
		{ .to = 0xfd000000, .bits = 8 }, /* of the other family */
	};
	static const uint8_t third[] = {
		0xfd, 'z', 'v', 'i', 'z', 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7
	};
	struct pool_pair pair;

	(void)state;
	assert_true(pool_choose(3, crossing, 1, &pair));
	assert_true(pair.has6);
	assert_int_equal(pair.own6[5], 0);
	assert_true(pool_choose(3, crossing, 2, &pair));
	assert_int_equal(pair.own6[5], 1);
	assert_true(pool_choose(3, crossing, 4, &pair));
	assert_true(pair.has6);
	assert_memory_equal(pair.own6, third, sizeof third);
	assert_true(pool_choose(3, crossing, COUNT(crossing), &pair)); /* IPv4 alone is left */
	assert_false(pair.has6);
	assert_true(pool_choose(3, &crossing[5], 1, &pair));
	assert_true(pair.has6);
	assert_int_equal(pair.host4, 0x0af90000 + 6);
}

static const char given_job[] = "zviz-net 4\ncontainer one\nway pair\ngiven\nmark 32768\n"
				"own 0 65535\nown 524288 4294967295\nrules 2\n{}\n";

static void test_given_job(void **state)
{
	struct arena a = { 0 };
	struct net_job job;
	struct err e;

	(void)state;
	assert_int_equal(net_job_parse(&a, given_job, strlen(given_job), &job, &e), 0);
	assert_true(job.given);
	assert_string_equal(job.id, "one");
	assert_string_equal(job.rules, "{}");
	assert_int_equal(job.mark, 32768);
	assert_int_equal(job.nown, 2);
	assert_int_equal(job.own[0].last, 65535);
	assert_int_equal(job.own[1].first, 524288);
	assert_int_equal(job.own[1].last, UINT32_MAX);
	arena_free(&a);
}

/* What is not exactly so is no job. */
static void test_no_given_job(void **state)
{
	static const char *const bad[] = {
		"given\nrules 2\n{}\n",
		"given\nmark 0\nrules 2\n{}\n",
		"given\nmark 32769\nrules 2\n{}\n",
		"given\nmark 1073741824\nrules 2\n{}\n",
		"given\nmark 32768\nown 1\nrules 2\n{}\n",
		"given\nmark 32768\nown 2 1\nrules 2\n{}\n",
		"given\nmark 32768\nown 0 4294967296\nrules 2\n{}\n",
		"given\nmark 32768\nown 0 1 2\nrules 2\n{}\n",
		"mark 32768\nrules 2\n{}\n",
	};
	struct arena a = { 0 };
	struct net_job job;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *text = arena_printf(&a, NET_JOB_HEADING "\ncontainer one\nway pair\n%s",
						bad[i]);

		assert_int_equal(net_job_parse(&a, text, strlen(text), &job, &e), -EINVAL);
	}
	arena_free(&a);
}

/* ---- whose sockets ---- */

static struct plan_net own_of(struct arena *a, struct id_map *maps, size_t n)
{
	const struct id_maps list = { n, n, maps };
	struct plan_net net = { .given = true };

	net_own_ids(a, &list, &net);
	return net;
}

static void test_own_ids(void **state)
{
	struct id_map one[] = { { 0, 524288, 65536 } }, small[] = { { 0, 100000, 10 } },
		      beside[] = { { 0, 100100, 10 } },
		      rootless[] = { { 0, 1000, 1 }, { 1, 100000, 65536 } },
		      apart[] = { { 0, 1u << 20, 65536 }, { 65536, 0, 1 }, { 65537, 1u << 30, 9 } },
		      last[] = { { 0, 4294901760u, 65535 } };
	char at[NET_RESOLVER_BYTES];
	struct arena a = { 0 };
	struct plan_net n = own_of(&a, one, 1), m;

	(void)state;
	assert_int_equal(n.nown, 1);
	assert_int_equal(n.own[0].first, 524288);
	assert_int_equal(n.own[0].last, 589823);
	assert_int_equal(n.mark, 9 << 15);
	net_own_resolver(n.mark, at);
	assert_string_equal(at, "127.53.0.9");
	net_own_resolver(0, at);
	assert_string_equal(at, "127.0.0.1");
	/* Neighbours in one 65536 are taken for the same. */
	n = own_of(&a, small, 1);
	m = own_of(&a, beside, 1);
	assert_int_equal(n.mark, m.mark);
	assert_int_equal(n.own[0].first, 65536);
	assert_int_equal(m.own[0].first, 65536);
	n = own_of(&a, rootless, 2);
	assert_int_equal(n.nown, 1);
	assert_int_equal(n.own[0].first, 0);
	assert_int_equal(n.own[0].last, 196607);
	n = own_of(&a, apart, 3);
	assert_int_equal(n.nown, 3);
	n = own_of(&a, last, 1);
	assert_int_equal(n.own[0].last, UINT32_MAX);
	assert_int_equal(n.mark & ~(uint32_t)NET_MARK_OWNER, 0);
	assert_int_not_equal(n.mark, 0);
	arena_free(&a);
}

/* What others send passes; what they send to the resolver does not; what stands is known by its mark. */
static void test_own_rules(void **state)
{
	static const char *const order[] = {
		"set own {\n\t\ttype gid\n\t\tflags interval\n\t}\n",
		"chain stands {\n\t\tct direction reply accept\n\t\tct mark & 1073709056 == 294912 accept\n"
		"\t\tmeta skgid 0-4294967295 return\n\t\taccept\n\t}\n",
		"chain row1 {\n\t\tquota name \"bytes1\" goto past1\n\t\tct mark set 294913\n",
		"chain resolver {",
		"\t\tmeta skgid @own ip daddr != 127.53.0.9 meta l4proto { tcp, udp } th dport 53 dnat ip to 127.53.0.9\n",
		"chain output",
		"ip daddr 127.53.0.9 meta skgid @own meta l4proto { tcp, udp } th dport 53 accept\n"
		"\t\tip daddr 127.53.0.9 meta l4proto tcp ct state established accept\n"
		"\t\tip daddr 127.53.0.9 counter name \"refused_out\" goto refuse\n"
		"\t\tmeta skgid != @own accept\n"
		"\t\toifname \"lo\" accept\n",
		"ct mark vmap { 294913 : jump spend1_out, 1074036737 : jump spend1_out }",
		"ct state established jump stands\n",
		"ct state new,established ip daddr 10.0.0.0/8 goto row1\n",
		"ct state new,established ip daddr @domain2_ipv4 ct mark set 294912 counter name \"egress2\" accept\n",
		"chain input",
		"iifname \"lo\" accept\n",
		"ct state established accept\n",
	};
	struct id_map map[] = { { 0, 524288, 65536 } };
	struct egress_rule out[] = { { .cidr = "10.0.0.0/8", .limit = 10 << 20 },
				     { .domain = "a.b" } };
	struct arena a = { 0 };
	struct buf text = { .arena = &a };
	struct plan p = { .net = own_of(&a, map, 1) };

	(void)state;
	p.net.egress.n = COUNT(out);
	p.net.egress.at = out;
	p.net.catches = true;
	net_rules_print(&p, &text);
	follow(buf_text(&text), order, COUNT(order));
	assert_null(strstr(buf_text(&text), "redirect"));
	arena_free(&a);
}

/* Hooks bring the way out: rules as in a network of the container's own, about no address of the host's. */
static void test_hooks_job(void **state)
{
	const struct plan p = { .id = "one", .net = { .used = true, .way = NET_BROUGHT } };
	struct arena a = { 0 };
	struct buf rules = { .arena = &a }, text = { .arena = &a };
	struct net_job job;
	struct err e;

	(void)state;
	net_rules_print(&p, &rules);
	assert_null(strstr(buf_text(&rules), "host"));
	assert_non_null(strstr(buf_text(&rules), "hook forward priority filter; policy drop;"));
	net_job_print(&p, buf_text(&rules), rules.len, &text);
	assert_int_equal(net_job_parse(&a, buf_text(&text), text.len, &job, &e), 0);
	assert_int_equal(job.way, NET_BROUGHT);
	assert_null(job.program);
	assert_false(job.given);
	assert_string_equal(job.rules, buf_text(&rules));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),    cmocka_unit_test(test_guarded),
		cmocka_unit_test(test_rules),     cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_host),      cmocka_unit_test(test_job),
		cmocka_unit_test(test_job_tells), cmocka_unit_test(test_no_job),
		cmocka_unit_test(test_pool),      cmocka_unit_test(test_pool_ipv6),
		cmocka_unit_test(test_given_job), cmocka_unit_test(test_no_given_job),
		cmocka_unit_test(test_own_ids),   cmocka_unit_test(test_own_rules),
		cmocka_unit_test(test_hooks_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
