/* Which addresses are special, and the name servers of a resolv.conf. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "net/dns.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- addresses ---- */

static void test_places(void **state)
{
	static const struct {
		const char *address;
		enum dns_place place;
	} rows[] = {
		{ "8.8.8.8", DNS_PUBLIC },
		{ "1.1.1.1", DNS_PUBLIC },
		{ "9.255.255.255", DNS_PUBLIC },
		{ "10.0.0.0", DNS_PRIVATE },
		{ "10.255.255.255", DNS_PRIVATE },
		{ "11.0.0.0", DNS_PUBLIC },
		{ "100.63.255.255", DNS_PUBLIC },
		{ "100.64.0.0", DNS_PRIVATE },
		{ "100.127.255.255", DNS_PRIVATE },
		{ "100.128.0.0", DNS_PUBLIC },
		{ "172.15.255.255", DNS_PUBLIC },
		{ "172.16.0.0", DNS_PRIVATE },
		{ "172.31.255.255", DNS_PRIVATE },
		{ "172.32.0.0", DNS_PUBLIC },
		{ "192.167.255.255", DNS_PUBLIC },
		{ "192.168.0.0", DNS_PRIVATE },
		{ "192.168.255.255", DNS_PRIVATE },
		{ "192.169.0.0", DNS_PUBLIC },
		{ "126.255.255.255", DNS_PUBLIC },
		{ "127.0.0.0", DNS_LOOPBACK },
		{ "127.255.255.255", DNS_LOOPBACK },
		{ "128.0.0.0", DNS_PUBLIC },
		{ "169.254.169.254", DNS_METADATA },
		{ "169.254.170.2", DNS_METADATA },
		{ "169.254.0.0", DNS_LINK_LOCAL },
		{ "169.254.255.255", DNS_LINK_LOCAL },
		{ "100.100.100.200", DNS_METADATA },
		{ "168.63.129.16", DNS_METADATA },
		{ "192.0.0.192", DNS_METADATA },
		{ "0.0.0.0", DNS_SPECIAL },
		{ "0.1.2.3", DNS_SPECIAL },
		{ "192.0.2.1", DNS_SPECIAL },
		{ "198.18.0.1", DNS_SPECIAL },
		{ "198.19.255.255", DNS_SPECIAL },
		{ "224.0.0.1", DNS_MULTICAST },
		{ "239.255.255.255", DNS_MULTICAST },
		{ "240.0.0.1", DNS_SPECIAL },
		{ "255.255.255.255", DNS_SPECIAL },
		{ "223.255.255.255", DNS_PUBLIC },
		{ "2606:4700::1111", DNS_PUBLIC },
		{ "2a00::1", DNS_PUBLIC },
		{ "::", DNS_SPECIAL },
		{ "::1", DNS_LOOPBACK },
		{ "::ffff:127.0.0.1", DNS_EMBEDDED },
		{ "::ffff:8.8.8.8", DNS_EMBEDDED },
		{ "::127.0.0.1", DNS_EMBEDDED },
		{ "::ffff:0:8.8.8.8", DNS_EMBEDDED },
		{ "64:ff9b::a00:1", DNS_EMBEDDED },
		{ "64:ff9b:1::1", DNS_EMBEDDED },
		{ "2002:7f00:1::", DNS_EMBEDDED },
		{ "2001::1", DNS_EMBEDDED },
		{ "2001:db8::1", DNS_SPECIAL },
		{ "2001:10::1", DNS_SPECIAL },
		{ "2001:4860:4860::8888", DNS_PUBLIC },
		{ "fc00::1", DNS_PRIVATE },
		{ "fdff::1", DNS_PRIVATE },
		{ "fd00:ec2::254", DNS_METADATA },
		{ "fd00:ec2::23", DNS_METADATA },
		{ "fd20:ce::254", DNS_METADATA },
		{ "fe80::1", DNS_LINK_LOCAL },
		{ "febf::1", DNS_LINK_LOCAL },
		{ "fec0::1", DNS_SPECIAL },
		{ "ff02::1", DNS_MULTICAST },
		{ "3fff::1", DNS_SPECIAL },
		{ "4000::1", DNS_SPECIAL },
		{ "100::1", DNS_SPECIAL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dns_address a = { .width = 16 };

		if (inet_pton(AF_INET, rows[i].address, a.bytes) == 1)
			a.width = 4;
		else
			assert_int_equal(inet_pton(AF_INET6, rows[i].address, a.bytes), 1);
		if (dns_place(&a) != rows[i].place)
			fail_msg("%s is %d", rows[i].address, dns_place(&a));
	}
}

/* ---- resolv.conf ---- */

static int servers(const char *text, size_t *n, struct dns_server *out)
{
	struct err e;

	return dns_servers_read(text, out, n, &e);
}

static void test_servers(void **state)
{
	struct dns_server at[DNS_SERVERS_MAX];
	size_t n;

	(void)state;
	assert_int_equal(
		servers("# by hand\nsearch corp.local\nnameserver 127.0.0.53\noptions edns0\n"
			"nameserver\t2001:db8::1 # the other\n",
			&n, at),
		0);
	assert_int_equal(n, 2);
	assert_int_equal(((struct sockaddr_in *)&at[0].at)->sin_addr.s_addr,
			 inet_addr("127.0.0.53"));
	assert_int_equal(((struct sockaddr_in *)&at[0].at)->sin_port, htons(53));
	assert_int_equal(at[1].at.ss_family, AF_INET6);
	assert_int_equal(servers("nameserver fe80::1%lo", &n, at), 0);
	assert_int_equal(((struct sockaddr_in6 *)&at[0].at)->sin6_scope_id, 1);
	assert_int_equal(servers("nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\n"
				 "nameserver 1.1.1.4\n",
				 &n, at),
			 0);
	assert_int_equal(n, 3);
}

static void test_servers_bad(void **state)
{
	static const char *const bad[] = {
		"nameserver ",
		"nameserver example.org",
		"nameserver 1.2.3",
		"nameserver 1.2.3.4 x",
		"nameserver 1.2.3.4:53",
		"nameserver fe80::1%nolink0",
		"nameserver 01.2.3.4",
		"nameserver 1.2.3.4\nnameserver \t",
		"nameserver 11111111111111111111111111111111111111111111111111111111111111111111111",
	};
	struct dns_server at[DNS_SERVERS_MAX];
	struct err e;
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (servers(bad[i], &n, at) != -EINVAL)
			fail_msg("'%s'", bad[i]);
	assert_int_equal(dns_servers_read("\n\nnameserver x\n", at, &n, &e), -EINVAL);
	assert_string_equal(e.text, "line 3: no address of a name server");
	assert_int_equal(servers("", &n, at), -ENOENT);
	assert_int_equal(servers("nameservers 1.2.3.4\n nameserver 1.2.3.4\n", &n, at), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_servers_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
