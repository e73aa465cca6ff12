/*
 * What is made of the kernel's answers about devices and routes. The kernel is played here: two functions of libmnl are ours.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/link.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* What one question is answered with: a default route of IPv6 or none, and then the end: 0, or -errno. EINTR is a whole list that
 * says that it changed meanwhile. */
struct answer {
	bool route, announced;
	int end;
};

/* The kernel's part, which libmnl's callers cannot be handed. */
static struct {
	const struct answer *at; /* to questions about IPv6, in turn */
	uint8_t state;           /* of a device */
	size_t asked;
	struct nlmsghdr question;
	uint8_t family;
} kernel;

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *bytes, size_t len)
{
	(void)nl;
	memcpy(&kernel.question, bytes, sizeof kernel.question);
	kernel.family = ((const uint8_t *)bytes)[sizeof kernel.question];
	return (ssize_t)len;
}

static struct nlmsghdr *put(char *bytes, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);

	m->nlmsg_type = type;
	m->nlmsg_flags = flags;
	m->nlmsg_seq = kernel.question.nlmsg_seq;
	return m;
}

static size_t put_error(char *bytes, int r)
{
	struct nlmsghdr *m = put(bytes, NLMSG_ERROR, 0);
	struct nlmsgerr *x = mnl_nlmsg_put_extra_header(m, sizeof *x);

	x->error = r;
	return m->nlmsg_len;
}

static size_t put_route(char *bytes, const struct answer *x)
{
	struct nlmsghdr *m = put(bytes, RTM_NEWROUTE, NLM_F_MULTI);
	struct rtmsg *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

	i->rtm_family = AF_INET6;
	i->rtm_type = RTN_UNICAST;
	i->rtm_protocol = x->announced ? RTPROT_RA : RTPROT_STATIC;
	return m->nlmsg_len;
}

static size_t put_end(char *bytes, bool changed)
{
	struct nlmsghdr *m = put(bytes, NLMSG_DONE,
				 (uint16_t)(NLM_F_MULTI | (changed ? NLM_F_DUMP_INTR : 0)));

	*(int *)mnl_nlmsg_put_extra_header(m, sizeof(int)) = 0;
	return m->nlmsg_len;
}

static size_t put_routes(char *bytes)
{
	const struct answer none = { 0 };
	const struct answer *x = kernel.family == AF_INET6 ? &kernel.at[kernel.asked++] : &none;
	size_t n = x->route ? put_route(bytes, x) : 0;

	return n + (x->end == 0 || x->end == -EINTR ? put_end(bytes + n, x->end != 0)
						    : put_error(bytes + n, x->end));
}

static size_t put_device(char *bytes)
{
	struct nlmsghdr *m = put(bytes, RTM_NEWLINK, 0);

	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	mnl_attr_put_u8(m, IFLA_OPERSTATE, kernel.state);
	kernel.asked++;
	return m->nlmsg_len + put_error(bytes + m->nlmsg_len, 0);
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *bytes, size_t len)
{
	(void)nl;
	(void)len;
	return (ssize_t)(kernel.question.nlmsg_type == RTM_GETROUTE ? put_routes(bytes)
								    : put_device(bytes));
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *nl)
{
	(void)nl;
	return 0;
}

/* ---- */

/* Of a default route the last whole list knows; where there was none, what any of them had; where it failed, nobody. */
static void test_routes6(void **state)
{
	static const struct {
		struct answer answers[4];
		int r;
		bool has6, learned6;
		size_t asked;
	} rows[] = {
		{ { { .route = true } }, 0, true, false, 1 },
		{ { { .route = true, .announced = true } }, 0, true, true, 1 },
		{ { { 0 } }, 0, false, false, 1 },
		{ { { .end = -EINTR }, { .route = true } }, 0, true, false, 2 },
		{ { { .route = true, .end = -EINTR }, { 0 } }, 0, false, false, 2 },
		{ { { .route = true, .end = -EINTR }, { .end = -EINTR }, { .end = -EINTR } },
		  0,
		  true,
		  false,
		  3 },
		{ { { .end = -EINTR }, { .end = -EINTR }, { .end = -EINTR } }, 0, false, false, 3 },
		{ { { .route = true, .end = -EINTR }, { .end = -ENOBUFS } },
		  -ENOBUFS,
		  false,
		  false,
		  2 },
		{ { { .route = true, .end = -ENOMEM } }, -ENOMEM, false, false, 1 },
		{ { { .end = -EOPNOTSUPP } }, 0, false, false, 1 }, /* it is off */
		{ { { .route = true, .end = -EINTR }, { .end = -EAFNOSUPPORT } },
		  0,
		  false,
		  false,
		  2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		struct link_routes routes;
		struct err e = { 0 };

		kernel.at = rows[i].answers;
		kernel.asked = 0;
		assert_int_equal(link_routes(&a, NULL, &routes, &e), rows[i].r);
		assert_int_equal(routes.has6, rows[i].has6);
		assert_int_equal(routes.learned6, rows[i].learned6);
		assert_int_equal(kernel.asked, rows[i].asked);
		arena_free(&a);
	}
}

static void test_await(void **state)
{
	struct err e = { 0 };

	(void)state;
	kernel.asked = 0;
	kernel.state = 6; /* IF_OPER_UP */
	assert_int_equal(link_await(NULL, "zviz7", 20, &e), 0);
	assert_int_equal(kernel.asked, 1);
	kernel.state = 2; /* IF_OPER_DOWN */
	assert_int_equal(link_await(NULL, "zviz7", 20, &e), -ETIMEDOUT);
	assert_true(kernel.asked > 2);
	assert_non_null(strstr(e.text, "zviz7 is up and does not send, after 20 ms"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes6),
		cmocka_unit_test(test_await),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
