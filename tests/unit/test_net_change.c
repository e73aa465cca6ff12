/*
 * Other rules for a network whose container runs: which rows are the same, what is loaded, and what becomes of connections that stand.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy/net_change.h"
#include "policy/net_judge.h"
#include "policy/net_rules.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static uint64_t web[] = { 443 };

static struct plan_net net_of(struct egress_rule *rows, size_t n)
{
	return (struct plan_net){ .used = true, .egress = { .n = n, .at = rows } };
}

static void test_numbers(void **state)
{
	struct egress_rule first[] = { { .cidr = "10.0.0.0/8" },
				       { .domain = "example.org" },
				       { .cidr = "11.0.0.0/8", .limit = 1 << 20 } },
			   second[] = { { .cidr = "11.0.0.0/8", .limit = 1 << 20 },
					{ .domain = "example.org", .n = 1, .ports = web },
					{ .cidr = "12.0.0.0/8" },
					{ .domain = "example.org" } },
			   third[] = { { .cidr = "10.0.0.0/8" },
				       { .domain = "example.org", .n = 1, .ports = web },
				       { .domain = "example.org", .allow_private = true } };
	struct ingress_rule ports[] = { { 80, { 0 } }, { 81, { 0 } } },
			    later[] = { { 81, { 0 } }, { 82, { 0 } } };
	struct plan_net one = net_of(first, 3), two = net_of(second, 4), three = net_of(third, 3);
	struct arena a = { 0 };
	struct err e;

	(void)state;
	one.ingress = (struct ingress_rules){ .n = 2, .at = ports };
	two.ingress = (struct ingress_rules){ .n = 2, .at = later };
	assert_false(net_change_same(&one, &two));
	assert_int_equal(net_change_number(&a, &one, &two, &e), 0);
	assert_int_equal(two.numbers.change, 1);
	/* Wherever it stands now: its words are the same. */
	assert_int_equal(net_number(&two, 0), 3);
	assert_int_equal(net_number(&two, 3), 2);
	assert_int_equal(net_names(&two, 3), 2);
	/* Other words: a row of its own, with what its name has resolved to. */
	assert_int_equal(net_number(&two, 1), 4);
	assert_int_equal(net_names(&two, 1), 2);
	assert_int_equal(net_number(&two, 2), 5);
	assert_int_equal(net_number_in(&two, 0), 2);
	assert_int_equal(net_number_in(&two, 1), 3);

	/* A number is not given twice, also to the words that had it. */
	assert_int_equal(net_change_number(&a, &two, &three, &e), 0);
	assert_int_equal(three.numbers.change, 2);
	assert_int_equal(net_number(&three, 0), 6);
	assert_int_equal(net_number(&three, 1), 4);
	assert_int_equal(net_names(&three, 1), 2);
	assert_int_equal(net_number(&three, 2), 7);
	assert_int_equal(net_names(&three, 2), 7); /* what may be private is another thing */
	assert_true(net_change_same(&three, &three));

	three.numbers.last = NET_ROWS_MAX;
	assert_int_equal(net_change_number(&a, &three, &one, &e), -E2BIG);
	arena_free(&a);
}

/* What stays is not loaded again, so that it keeps what it has counted. */
static void test_transaction(void **state)
{
	struct egress_rule first[] = { { .cidr = "10.0.0.0/8", .limit = 1 << 20 } }, second[] = {
		{ .cidr = "10.0.0.0/8", .limit = 1 << 20 },
		{ .cidr = "11.0.0.0/8", .limit = 1 << 20, .connections = 2 },
		{ .domain = "example.org" }
	};
	struct plan_net one = net_of(first, 1), two = net_of(second, 3);
	struct arena a = { 0 };
	struct buf text = { .arena = &a }, given = { .arena = &a };
	const char *flush;
	struct err e;

	(void)state;
	two.told = true;
	assert_int_equal(net_change_number(&a, &one, &two, &e), 0);
	net_change_print(&two, "zviz", 1, &text);
	assert_non_null(strstr(buf_text(&text), "counter change1 { }"));
	assert_null(strstr(buf_text(&text), "quota bytes1 {"));
	assert_null(strstr(buf_text(&text), "counter egress1 {"));
	assert_null(strstr(buf_text(&text), "chain row1 {"));
	assert_null(strstr(buf_text(&text), "chain refuse {"));
	assert_non_null(strstr(buf_text(&text), "quota bytes2 {"));
	assert_non_null(strstr(buf_text(&text), "set domain3_ipv4 {"));
	assert_non_null(strstr(buf_text(&text), "prefix \"full2\" group 1"));
	assert_null(strstr(buf_text(&text), "prefix \"past1\""));
	assert_null(strstr(buf_text(&text), "hook forward"));
	/* First what the rules speak of, then they themselves. */
	flush = strstr(buf_text(&text),
		       "flush chain inet zviz output\nflush chain inet zviz input\n");
	assert_non_null(flush);
	assert_true(strstr(buf_text(&text), "chain row2 {") < flush);
	assert_non_null(strstr(flush, "ip daddr 10.0.0.0/8 goto row1"));
	assert_null(strstr(buf_text(&text), "flags owner"));

	two.given = true;
	two.mark = 1 << 15;
	two.told = false;
	net_change_print(&two, "zviz_0123456789abcdef", 0, &given);
	assert_non_null(
		strstr(buf_text(&given), "table inet zviz_0123456789abcdef {\n\tflags owner\n"));
	assert_null(strstr(buf_text(&given), "log prefix"));
	/* What says whose is whose stays. */
	assert_null(strstr(buf_text(&given), "set own"));
	assert_null(strstr(buf_text(&given), "chain stands"));
	assert_non_null(strstr(buf_text(&given), "meta skgid != @own accept"));
	arena_free(&a);
}

static int has(void *ctx, uint32_t sets, const struct net_flow *f)
{
	const int *r = ctx;

	return *r < 0 ? *r : sets == 2 && f->to[0] == 12;
}

static void test_judge(void **state)
{
	static const char text[] = NET_JOB_HEADING "\ncontainer one\nway pair\nchange zviz\n"
						   "out 1 1 free 0.0.0.0/0 443,8443\n"
						   "out 2 2 bytes * 80\n"
						   "out 5 5 count 10.0.0.0/8 *\n"
						   "out 6 6 free 169.254.169.254 80\n"
						   "out 7 7 free 2001:db8::/32 *\n"
						   "in 8000\nin 8001\nrules 1\n \n";
	static const struct {
		const char *to;
		uint8_t protocol;
		uint16_t port;
		uint32_t row; /* 0: none */
	} rows[] = {
		{ "1.2.3.4", IPPROTO_TCP, 443, 1 },
		{ "1.2.3.4", IPPROTO_UDP, 8443, 1 },
		{ "1.2.3.4", IPPROTO_TCP, 444, 0 },
		{ "1.2.3.4", IPPROTO_ICMP, 443, 0 }, /* ports are of TCP and UDP */
		{ "12.1.1.1", IPPROTO_TCP, 80, 2 },
		{ "13.1.1.1", IPPROTO_TCP, 80, 0 },
		{ "10.1.1.1", IPPROTO_ICMP, 0, 5 },
		{ "10.1.1.1", IPPROTO_TCP, 443, 1 }, /* the first that names it */
		{ "169.254.169.254", IPPROTO_TCP, 80, 6 },
		{ "169.254.169.254", IPPROTO_TCP, 443, 0 }, /* which 0.0.0.0/0 does not mean */
		{ "2001:db8::7", IPPROTO_TCP, 22, 7 },
		{ "2001:db9::7", IPPROTO_TCP, 443, 0 },
	};
	struct arena a = { 0 };
	const struct net_out *row;
	struct net_job job;
	struct err e;
	int found = 1, broken = -EIO;

	(void)state;
	assert_int_equal(net_job_parse(&a, text, sizeof text - 1, &job, &e), 0);
	assert_int_equal(job.nout, 5);
	assert_int_equal(job.nin, 2);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net_flow f = { .protocol = rows[i].protocol, .port = rows[i].port };

		f.width = inet_pton(AF_INET, rows[i].to, f.to) == 1 ? 4 : 16;
		if (f.width == 16)
			assert_int_equal(inet_pton(AF_INET6, rows[i].to, f.to), 1);
		assert_int_equal(net_judge_out(&job, &f, 5, has, &found, &row), 0);
		assert_int_equal(row != NULL ? row->row : 0, rows[i].row);
	}

	const struct net_flow in = { .protocol = IPPROTO_TCP, .port = 8001 },
			      other = { .protocol = IPPROTO_TCP, .port = 80 },
			      ping = { .protocol = IPPROTO_ICMP, .port = 8001 };
	struct net_flow name = { .protocol = IPPROTO_TCP, .width = 4, .to = { 12 }, .port = 80 };

	assert_true(net_judge_in(&job, &in));
	assert_false(net_judge_in(&job, &other));
	assert_false(net_judge_in(&job, &ping));
	/* Nobody is let through because the kernel did not answer. */
	assert_int_equal(net_judge_out(&job, &name, 0, has, &broken, &row), -EIO);
	assert_null(row);

	assert_int_equal(net_judge_mark(&job, &job.out[0], 7), 0);
	assert_int_equal(net_judge_mark(&job, &job.out[1], 0), 2);
	assert_int_equal(net_judge_mark(&job, &job.out[1], 2), 2);
	assert_int_equal(net_judge_mark(&job, &job.out[1], 2 + NET_MARK_ENDS), 2 + NET_MARK_ENDS);
	assert_int_equal(net_judge_mark(&job, &job.out[1], 3 + NET_MARK_ENDS), 2);
	/* One that this row has not counted. */
	struct net_flow counted = { .protocol = IPPROTO_TCP, .width = 4, .to = { 10 }, .port = 22 };

	assert_int_equal(net_judge_out(&job, &counted, 5 + NET_MARK_ENDS, has, &found, &row), 0);
	assert_ptr_equal(row, &job.out[2]);
	assert_int_equal(net_judge_out(&job, &counted, 0, has, &found, &row), 0);
	assert_null(row);
	assert_int_equal(net_judge_mark(&job, &job.out[2], 5), 5);
	assert_int_equal(net_judge_mark(&job, NULL, 5), 0);
	assert_true(net_judge_own(&job, 0));
	/* In a network by path: what others began is theirs. */
	job.given = true;
	job.mark = 7 << 15;
	assert_int_equal(net_judge_mark(&job, &job.out[0], 5), job.mark);
	assert_int_equal(net_judge_mark(&job, &job.out[1], job.mark), job.mark + 2);
	assert_int_equal(net_judge_mark(&job, &job.out[1], job.mark + 2 + NET_MARK_ENDS),
			 job.mark + 2 + NET_MARK_ENDS);
	assert_true(net_judge_own(&job, job.mark));
	assert_true(net_judge_own(&job, job.mark + 9 + NET_MARK_ENDS));
	assert_false(net_judge_own(&job, 0));
	assert_false(net_judge_own(&job, 9));
	assert_false(net_judge_own(&job, (8 << 15) + 2));
	arena_free(&a);
}

static void test_no_change(void **state)
{
	static const char *const rows[] = {
		"change zviz2\n",
		"change zviz_0123\n",
		"change zviz_0123456789abcdeg\n",
		"change zviz\nout 1 1 free 10.0.0.0/8\n",
		"change zviz\nout 1 1 free 10.0.0.0/33 *\n",
		"change zviz\nout 0 1 free 10.0.0.0/8 *\n",
		"change zviz\nout 1 0 free 10.0.0.0/8 *\n",
		"change zviz\nout 268435457 1 free 10.0.0.0/8 *\n",
		"change zviz\nout 1 1 most 10.0.0.0/8 *\n",
		"change zviz\nout 1 1 free 10.0.0.0/8 0\n",
		"change zviz\nout 1 1 free 10.0.0.0/8 1,,2\n",
		"change zviz\nout 1 1 free 10.0.0.0/8 1,\n",
		"change zviz\nout 1 1 free 10.0.0.0/8 * *\n",
		"change zviz\nin 65536\n",
		"change zviz\nin 80\nout 1 1 free 10.0.0.0/8 *\n",
		"out 1 1 free 10.0.0.0/8 *\n", /* without a change */
		"domain 1 public example.org\n",
		"domain 1 0 public example.org\n",
	};
	struct arena a = { 0 };
	struct net_job job;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *text = arena_printf(
			&a, NET_JOB_HEADING "\ncontainer one\nway pair\n%srules 1\n \n", rows[i]);

		assert_int_equal(net_job_parse(&a, text, strlen(text), &job, &e), -EINVAL);
	}
	arena_free(&a);
}

/* What is printed is what is read, for the holder and for who carries it out. */
static void test_job_of_change(void **state)
{
	struct egress_rule first[] = { { .domain = "example.org" } },
			   second[] = { { .domain = "example.org", .n = 1, .ports = web },
					{ .cidr = "10.0.0.0/8", .connections = 3, .limit = 1 } };
	struct ingress_rule ports[] = { { 80, { 0 } } };
	struct plan_net one = net_of(first, 1);
	struct plan p = { .id = "one", .net = net_of(second, 2) };
	struct arena a = { 0 };
	struct buf rows = { .arena = &a }, change = { .arena = &a };
	struct net_job job;
	struct err e;

	(void)state;
	p.net.ingress = (struct ingress_rules){ .n = 1, .at = ports };
	p.net.told = true;
	assert_int_equal(net_change_number(&a, &one, &p.net, &e), 0);
	net_job_print_rows(&p, &rows);
	assert_int_equal(net_job_parse(&a, buf_text(&rows), rows.len, &job, &e), 0);
	assert_null(job.change);
	assert_int_equal(job.ndomains, 1);
	assert_int_equal(job.domains[0].row, 2);
	assert_int_equal(job.domains[0].sets, 1);
	assert_int_equal(job.nwritten, 2);
	assert_int_equal(job.written[1].row, 3);
	net_job_print_change(&p, "zviz", "add", 3, &change);
	assert_int_equal(net_job_parse(&a, buf_text(&change), change.len, &job, &e), 0);
	assert_string_equal(job.change, "zviz");
	assert_string_equal(job.rules, "add");
	assert_int_equal(job.nout, 2);
	assert_int_equal(job.out[0].range.width, 0);
	assert_int_equal(job.out[0].sets, 1);
	assert_int_equal(job.out[0].ports[0], 443);
	assert_int_equal(job.out[1].spends, NET_COUNT);
	assert_int_equal(job.in[0], 80);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),       cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_judge),         cmocka_unit_test(test_no_change),
		cmocka_unit_test(test_job_of_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
