/*
 * The broker and those who join its container: several listeners, one broker. Needs root.
 */
#include "broker_world.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kern/door.h"
#include "kern/scm.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void until_stopped(void)
{
	while (!shared->stop)
		nap();
}

static size_t entries(pid_t pid, const char *what)
{
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, what);

	DIR *dir = opendir(path);

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 2;
}

/* Its descriptors and threads, once they have settled at no more than that. */
static void expect_no_more(pid_t broker, size_t fds, size_t threads)
{
	for (int i = 0; i < 300; i++) {
		if (entries(broker, "fd") <= fds && entries(broker, "task") <= threads)
			return;
		usleep(10000);
	}
	fail_msg("%zu descriptors, %zu threads; not %zu, %zu", entries(broker, "fd"),
		 entries(broker, "task"), fds, threads);
}

static void expect_end(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (shared->line == 0)
		assert_int_equal(status, 0);
}

/* ---- the rules ---- */

static void obey(void)
{
	expect_text(open("/t/f", O_RDONLY), "text");
	EXPECT_ERRNO(open("/t/.env", O_RDONLY), EACCES);
	EXPECT_ERRNO(open("/t/r/f", O_WRONLY), EACCES);
	EXPECT_ERRNO(open("/t/w/hooks/h", O_WRONLY), EACCES);
	expect_text(open("/proc/self/../../t/w/f", O_RDONLY), "text");
}

static void obey_twice(void)
{
	obey();
	expect_exit(child(obey));
}

static void first_obeys(void)
{
	obey();
	until_stopped();
	obey();
}

static void one_after_another(pid_t broker)
{
	size_t fds, threads;

	expect_end(world_join(broker, world_knock(broker), obey_twice));
	usleep(100000);
	fds = entries(broker, "fd");
	threads = entries(broker, "task");
	for (int i = 0; i < 100; i++)
		expect_end(world_join(broker, world_knock(broker), obey_twice));
	expect_no_more(broker, fds, threads);
	shared->stop = 1;
}

static void test_rules(void **state)
{
	const struct world w = { .workload = first_obeys,
				 .plan = world_plan(),
				 .beside = one_after_another };

	(void)state;
	world_run(&w);
	/* Each is counted, whichever listener it came by. */
	assert_true(shared->counters.denied >= 101 * 2 * 3);
	world_end();
}

/* ---- at the same time ---- */

enum { JOINED = 12, ROUNDS = 300 };

/* Names are changed one at a time, for whomever. */
static void work(void)
{
	char name[64], other[64];

	snprintf(name, sizeof name, "/t/w/d/%d", getpid());
	snprintf(other, sizeof other, "/t/w/%d", getpid());
	for (int i = 0; i < ROUNDS; i++) {
		int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);

		EXPECT(fd >= 0 && close(fd) == 0);
		EXPECT(rename(name, other) == 0);
		EXPECT_ERRNO(open("/t/.env", O_RDONLY), EACCES);
		EXPECT(unlink(other) == 0);
	}
}

static void work_meanwhile(void)
{
	while (!shared->stop)
		work();
}

static void all_at_once(pid_t broker)
{
	pid_t pids[JOINED];

	for (int i = 0; i < JOINED; i++)
		pids[i] = world_join(broker, world_knock(broker), work);
	for (int i = 0; i < JOINED; i++)
		expect_end(pids[i]);
	shared->stop = 1;
}

static void test_together(void **state)
{
	const struct world w = { .workload = work_meanwhile,
				 .plan = world_plan(),
				 .beside = all_at_once };

	(void)state;
	world_run(&w);
	world_end();
}

/* ---- the knock ---- */

/* A signal in the middle of a call would be seen: an open that fails, a descriptor that nobody knows of. */
static void open_until(const _Atomic int *over)
{
	int lowest = dup(0);

	EXPECT(close(lowest) == 0);
	while (!*over) {
		int fd = open("/t/f", O_RDONLY);

		EXPECT(fd == lowest && close(fd) == 0);
		EXPECT_ERRNO(open("/t/nowhere", O_RDONLY), ENOENT);
		fd = open("/t/w/f", O_RDWR | O_TRUNC);
		EXPECT(fd == lowest && close(fd) == 0);
		EXPECT_ERRNO(getpriority(PRIO_PROCESS, 0), EPERM);
	}
}

static void open_all_the_time(void)
{
	open_until(&shared->stop);
}

static void open_while_joined(void)
{
	open_until(&shared->leave);
}

static void knock_all_the_time(pid_t broker)
{
	pid_t joined = world_join(broker, world_knock(broker), open_while_joined);

	for (int i = 0; i < 20000; i++) {
		assert_int_equal(kill(broker, DOOR_KNOCK), 0);
		usleep(50);
	}
	/* One after the other: the end of the first process would kill it. */
	shared->leave = 1;
	expect_end(joined);
	shared->stop = 1;
}

static void test_knocks(void **state)
{
	struct world w = { .workload = open_all_the_time,
			   .plan = world_plan(),
			   .beside = knock_all_the_time };

	(void)state;
	world_run(&w);
	world_end();
	w.plan.ended_by_launcher = true; /* it waits in the receive itself */
	world_run(&w);
	world_end();
}

/* Before the first call, and where no call ever comes. */
static void knock_early(pid_t broker)
{
	expect_end(world_join(broker, world_knock(broker), obey));
	expect_end(world_join(broker, world_knock(broker), obey));
	shared->stop = 1;
}

static void test_silent(void **state)
{
	struct world w = { .workload = until_stopped, .plan = world_plan(), .beside = knock_early };

	(void)state;
	world_run(&w);
	world_end();
	w.plan.ended_by_launcher = true;
	world_run(&w);
	world_end();
}

/* ---- who does not behave ---- */

static void misbehave(pid_t broker)
{
	size_t fds, threads;
	int wrong = open("/dev/null", O_RDWR | O_CLOEXEC);

	expect_end(world_join(broker, world_knock(broker), obey));
	usleep(100000);
	fds = entries(broker, "fd");
	threads = entries(broker, "task");
	for (int i = 0; i < 200; i++) {
		int connection = world_knock(broker);

		assert_true(connection >= 0);
		if (i % 4 == 1)
			assert_int_equal(scm_send(connection, "l", 1, wrong), 0);
		else if (i % 4 == 2)
			assert_int_equal(scm_send(connection, "l", 1, -1), 0);
		else if (i % 4 == 3)
			assert_int_equal(send(connection, "too long", 8, MSG_NOSIGNAL), 8);
		close(connection);
	}
	close(wrong);
	expect_no_more(broker, fds, threads);
	expect_end(world_join(broker, world_knock(broker), obey));
	shared->stop = 1;
}

static void test_mistakes(void **state)
{
	const struct world w = { .workload = first_obeys,
				 .plan = world_plan(),
				 .beside = misbehave };

	(void)state;
	world_run(&w);
	world_end();
}

static void crowd(pid_t broker)
{
	int connections[BROKER_LISTENERS];

	for (int i = 0; i < BROKER_LISTENERS; i++) {
		connections[i] = world_knock(broker);
		assert_true(connections[i] >= 0);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(world_knock(broker), -1);
	close(connections[0]);

	int again = -1;

	for (int i = 0; i < 100 && again < 0; i++) {
		usleep(10000);
		again = world_knock(broker);
	}
	assert_true(again >= 0);
	expect_end(world_join(broker, again, obey));
	for (int i = 1; i < BROKER_LISTENERS; i++)
		close(connections[i]);
	shared->stop = 1;
}

static void test_full(void **state)
{
	const struct world w = { .workload = first_obeys, .plan = world_plan(), .beside = crowd };

	(void)state;
	world_run(&w);
	world_end();
}

/* ---- who waits, and who dies ---- */

/* It dies there; the kernel may say a moment before that nobody answers any more. */
static void wait_at_fifo(void)
{
	EXPECT(open("/t/w/fifo", O_RDONLY) == -1 && errno == ENOSYS);
}

static void *wait_in_thread(void *unused)
{
	(void)unused;
	open("/t/w/fifo", O_RDONLY);
	return NULL;
}

static void wait_in_threads(void)
{
	pthread_t t;

	for (int i = 0; i < 8; i++)
		EXPECT(pthread_create(&t, NULL, wait_in_thread, NULL) == 0);
	nap();
	kill(getpid(), SIGKILL);
}

static void die(pid_t broker)
{
	size_t fds, threads;

	expect_end(world_join(broker, world_knock(broker), obey));
	usleep(100000);
	fds = entries(broker, "fd");
	threads = entries(broker, "task");
	for (int i = 0; i < 20; i++) {
		int status = 0;
		pid_t pid = world_join(broker, world_knock(broker), wait_in_threads);

		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 128 + SIGKILL);
	}
	expect_no_more(broker, fds, threads);

	/* One that waits when the container ends. */
	world_join(broker, world_knock(broker), wait_at_fifo);
	usleep(50000);
	expect_end(world_join(broker, world_knock(broker), obey));
	shared->stop = 1;
}

static void test_deaths(void **state)
{
	const struct world w = { .workload = first_obeys, .plan = world_plan(), .beside = die };

	(void)state;
	world_run(&w);
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),    cmocka_unit_test(test_together),
		cmocka_unit_test(test_knocks),   cmocka_unit_test(test_silent),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_full),
		cmocka_unit_test(test_deaths),
	};

#if SANITIZED
	puts("1..0 # SKIP the broker's filter forbids what a sanitizer does");
	return 0;
#endif
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
