/*
 * An open that waits in a thread of the broker ends when its caller has gone, whoever made the thread.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/stand.h"
#include "broker/wait.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { TRIES = 1000 }; /* of 2 ms */

/* A listener that is none: every caller has gone. */
static unsigned left_of_an_open(const char *fifo)
{
	static struct stand stand;
	static struct broker_counters counters;
	static const struct broker_plan plan;
	struct server *s = &stand.server;
	const struct call c = { 0 };
	unsigned left = 1;
	int fd = open(fifo, O_PATH | O_CLOEXEC);

	*s = (struct server){ .plan = &plan,
			      .counters = &counters,
			      .listener = -1,
			      .waiters = stand.waiters,
			      .stand = &stand };
	s->self_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0 && s->self_fds >= 0);
	assert_int_equal(wait_open(s, &c, fd, O_RDONLY), 0);
	for (unsigned i = 0; i < TRIES && left != 0; i++) {
		usleep(2000);
		left = wait_check(s, false);
	}
	close(s->self_fds);
	return left;
}

static void test_caller_gone(void **state)
{
	char folder[] = "/tmp/zviz-wait-XXXXXX", fifo[64];
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof fifo, "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(wait_prepare(&e), 0);
	assert_int_equal(left_of_an_open(fifo), 0);
	wait_deaf(); /* as a thread is that has left its place, and serves one call more */
	assert_int_equal(left_of_an_open(fifo), 0);
	unlink(fifo);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caller_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
