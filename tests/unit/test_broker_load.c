/*
 * What many calls, signals, full tables and slow file systems do to the broker: see broker_world.h.
 */
#include "broker_world.h"

#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "base/arena.h"
#include "base/fd.h"
#include "kern/sys.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- many ---- */

enum { THREADS = 64, OPENS = 50000 };

/* Each kind of answer, and what tells it from the others. */
static const struct {
	const char *path;
	int flags, err;
	const char *text;
} asked[] = {
	{ "/t/f", O_RDONLY, 0, "text" },
	{ "w/../r/ff", O_RDONLY, 0, "text" },
	{ "/t/.env", O_RDONLY, EACCES, NULL },
	{ "/t/missing", O_RDONLY, ENOENT, NULL },
	{ "/t/w/hooks/h", O_WRONLY, EACCES, NULL },
	{ "/t/w/f", O_RDWR, 0, "text" },
	{ "/t/ro/f", O_RDWR, EROFS, NULL },
	{ "/proc/self/cwd/f", O_RDONLY, 0, "text" },
	{ "/t/loop", O_RDONLY, ELOOP, NULL },
};

/* The number that the next descriptor gets. */
static int next_number(void)
{
	int fd = fcntl(shared->events[0], F_DUPFD, 0);

	EXPECT(fd >= 0 && close(fd) == 0);
	return fd;
}

static void *ask(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (unsigned n = 0; n < OPENS / THREADS + 1; n++) {
		size_t i = (size_t)rand_r(&seed) % COUNT(asked);
		char got[8] = { 0 };
		int fd = openat(AT_FDCWD, asked[i].path, asked[i].flags | O_CLOEXEC);

		if (asked[i].err != 0) {
			EXPECT(fd == -1 && errno == asked[i].err);
			continue;
		}
		EXPECT(fd >= 0);
		EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
		EXPECT((fcntl(fd, F_GETFL) & O_ACCMODE) == asked[i].flags);
		EXPECT(read(fd, got, sizeof got) == 4 && strcmp(got, asked[i].text) == 0);
		EXPECT(close(fd) == 0);
	}
	return NULL;
}

static void many(void)
{
	pthread_t threads[THREADS];
	unsigned before = (unsigned)shared->counters.asked;
	int next = next_number();

	for (size_t i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, ask, (void *)(i + 1)) == 0);
	for (size_t i = 0; i < THREADS; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	EXPECT(shared->counters.asked - before >= OPENS);
	/* Nothing that was closed is still there, and no number was given twice. */
	EXPECT(next_number() == next);
}

/* ---- signals ---- */

static _Atomic unsigned caught;

static void on_signal(int sig)
{
	(void)sig;
	caught++;
}

static void catch (int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	EXPECT(sigaction(SIGALRM, &sa, NULL) == 0);
}

/* Every fifth of a millisecond, for as long as it is not 0. */
static void alarms(suseconds_t us)
{
	const struct itimerval often = { { 0, us }, { 0, us } };

	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
}

static unsigned open_under_signals(unsigned opens)
{
	unsigned interrupted = 0;
	int next = next_number();

	for (unsigned i = 0; i < opens; i++) {
		int fd = openat(AT_FDCWD, i % 2 ? "/t/w/f" : "/t/f", i % 2 ? O_RDWR : O_RDONLY);

		if (fd < 0) {
			EXPECT(errno == EINTR);
			interrupted++;
			continue;
		}
		/* What an interrupted call left behind would have this number. */
		EXPECT(fd == next && close(fd) == 0);
	}
	return interrupted;
}

static void signals_restarted(void)
{
	catch (SA_RESTART);
	alarms(200);
	EXPECT(open_under_signals(5000) == 0);
	alarms(0);
	EXPECT(caught > 10);
}

static void signals_handled(void)
{
	catch (0);
	alarms(200);
	/* A signal that comes before the broker has received the call ends it, as it would any that waits. */
	open_under_signals(5000);
	alarms(0);
	EXPECT(caught > 10);
	EXPECT(open_under_signals(10) == 0);
}

/* ---- deaths ---- */

static void open_for_ever(void)
{
	for (unsigned i = 0;; i++) {
		int fd = openat(AT_FDCWD, asked[i % COUNT(asked)].path,
				asked[i % COUNT(asked)].flags);

		if (fd >= 0)
			close(fd);
	}
}

static void deaths(void)
{
	unsigned seed = 7;

	for (unsigned i = 0; i < 60; i++) {
		pid_t pid[3];

		for (size_t k = 0; k < COUNT(pid); k++)
			pid[k] = child(open_for_ever);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 + rand_r(&seed) % 3000000 }, NULL);
		for (size_t k = 0; k < COUNT(pid); k++)
			EXPECT(kill(pid[k], k == 0 ? SIGKILL : k == 1 ? SIGTERM : SIGALRM) == 0);
		for (size_t k = 0; k < COUNT(pid); k++)
			EXPECT(waitpid(pid[k], NULL, 0) == pid[k]);
	}
	EXPECT(open_under_signals(100) == 0);
}

/* ---- waits ---- */

static void hang_on_fifo(void)
{
	openat(AT_FDCWD, "/t/w/fifo", O_RDONLY);
	_exit(2);
}

/* So many wait that there is no place for another: that one is refused, what does not wait goes on as ever, and all
 * places are free again when the others are gone. */
static void crowd(void)
{
	enum { PLACES = 64, MORE = 16 };
	pid_t pid[PLACES + MORE];
	unsigned refused = 0;
	int status;

	for (size_t i = 0; i < COUNT(pid); i++)
		pid[i] = child(hang_on_fifo);
	/* Those without a place end by themselves. */
	for (; refused < MORE; refused++)
		EXPECT(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 2);
	EXPECT_ERRNO(openat(AT_FDCWD, "/t/w/fifo", O_RDONLY), ENFILE);
	EXPECT(open_under_signals(500) == 0);

	/* One writer lets all of them go. */
	int fd = openat(AT_FDCWD, "/t/w/fifo", O_WRONLY);

	EXPECT(fd >= 0 && close(fd) == 0);
	for (unsigned i = 0; i < PLACES; i++)
		EXPECT(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 2);

	pid_t again = child(hang_on_fifo);

	do
		fd = openat(AT_FDCWD, "/t/w/fifo", O_WRONLY | O_NONBLOCK);
	while (fd < 0 && errno == ENXIO);
	EXPECT(fd >= 0 && close(fd) == 0 && waitpid(again, &status, 0) == again);
}

/* ---- a file system that does not answer ---- */

enum { FUSE_ROOT_MODE = 040755 };

union fuse_answer {
	struct fuse_init_out init;
	struct fuse_entry_out entry;
	struct fuse_attr_out attr;
	struct fuse_open_out open;
};

static const struct fuse_attr fuse_file = { .ino = 2, .mode = S_IFREG | 0644, .nlink = 1 };
static const struct fuse_attr fuse_root = { .ino = 1, .mode = FUSE_ROOT_MODE, .nlink = 2 };

/* What a file system that is only slow says: every name is a file, and takes its time. -1: nothing is to be said. */
static int fuse_say(const struct fuse_in_header *in, union fuse_answer *out)
{
	switch (in->opcode) {
	case FUSE_LOOKUP:
		for (unsigned i = 0; i < 7; i++)
			nap();
		out->entry = (struct fuse_entry_out){ .nodeid = 2, .attr = fuse_file };
		return sizeof out->entry;
	case FUSE_GETATTR:
		out->attr = (struct fuse_attr_out){ .attr = in->nodeid == 2 ? fuse_file
									    : fuse_root };
		return sizeof out->attr;
	case FUSE_OPEN:
		out->open = (struct fuse_open_out){ .fh = 1 };
		return sizeof out->open;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return -1;
	default: /* the end of a descriptor */
		return 0;
	}
}

/* The other side of a file system. One that is stalled takes part in the first exchange, and says nothing to whatever is
 * asked then. */
static _Noreturn void fuse_serve(int fd, bool stalls)
{
	static unsigned char request[1 << 17];
	struct {
		struct fuse_out_header head;
		union fuse_answer is;
	} answer;
	const struct fuse_in_header *in = (const void *)request;

	/* It ends with the case: who waits for it cannot be killed. */
	while (!shared->stop) {
		struct pollfd asked_for = { .fd = fd, .events = POLLIN };
		int len = sizeof answer.is.init;

		if (poll(&asked_for, 1, 20) <= 0 || read(fd, request, sizeof request) <= 0)
			continue;
		if (in->opcode == FUSE_INIT)
			answer.is.init = (struct fuse_init_out){ .major = FUSE_KERNEL_VERSION,
								 .minor = 31,
								 .max_write = 4096 };
		else
			len = stalls ? -1 : fuse_say(in, &answer.is);
		if (len < 0)
			continue;
		answer.head = (struct fuse_out_header){
			.len = (uint32_t)(sizeof answer.head + (size_t)len), .unique = in->unique
		};
		/* Whoever asked may have given up meanwhile. */
		if (write(fd, &answer, answer.head.len) < 0 && errno != ENOENT)
			_exit(1);
	}
	_exit(0);
}

static void furnish_fuse(const char *where, bool stalls)
{
	char options[128];
	int fd = open("/old/dev/fuse", O_RDWR);

	EXPECT(fd >= 0 && mkdir(where, 0755) == 0);
	snprintf(options, sizeof options, "fd=%d,rootmode=%o,user_id=0,group_id=0,allow_other", fd,
		 FUSE_ROOT_MODE);
	EXPECT(mount("test", where, "fuse", 0, options) == 0);

	pid_t pid = fork();

	EXPECT(pid >= 0);
	if (pid == 0)
		fuse_serve(fd, stalls);
	close(fd);
}

static void furnish_stalled(void)
{
	furnish_fuse("/t/stalled", true);
}

static void furnish_slow(void)
{
	furnish_fuse("/t/slow", false);
}

static void open_without_end(void)
{
	for (;;)
		expect_text(openat(AT_FDCWD, "/t/f", O_RDONLY), "text");
}

/* Each is so slow that another thread takes over before it is answered. Its own thread answers it all the same, while the
 * other looks at every call whether somebody still waits for it: the caller gets its descriptor, not some number. */
static void slow(void)
{
	pid_t pid[8];

	EXPECT(close(STDIN_FILENO) == 0 && openat(AT_FDCWD, "/t/f", O_RDONLY) == STDIN_FILENO);
	for (size_t i = 0; i < COUNT(pid); i++)
		pid[i] = child(open_without_end);
	for (unsigned n = 0; n < 40; n++) {
		char path[32];

		snprintf(path, sizeof path, "/t/slow/%u", n);

		int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

		EXPECT(fd > 0);
		EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC && close(fd) == 0);
	}
	for (size_t i = 0; i < COUNT(pid); i++)
		EXPECT(kill(pid[i], SIGKILL) == 0 && waitpid(pid[i], NULL, 0) == pid[i]);
	shared->stop = 1;
}

static void hang_on_stalled(void)
{
	openat(AT_FDCWD, "/t/stalled/file", O_RDONLY);
	EXPECT(0);
}

static void create_on_stalled(void)
{
	umask(0);
	openat(AT_FDCWD, "/t/stalled/new", O_WRONLY | O_CREAT, 0666);
	EXPECT(0);
}

static void rename_on_stalled(void)
{
	renameat(AT_FDCWD, "/t/stalled/a", AT_FDCWD, "/t/stalled/b");
	EXPECT(0);
}

/* Whoever asks for it waits, as without a broker, and nobody else: not one open, and not many at once. */
static void stalled(void)
{
	pid_t pid[12];

	for (size_t i = 0; i < COUNT(pid); i++) {
		pid[i] = child(i % 3 == 0   ? hang_on_stalled
			       : i % 3 == 1 ? create_on_stalled
					    : rename_on_stalled);
		EXPECT(open_under_signals(50) == 0);
	}
	many();

	/* The one who creates has its own umask, whatever those that wait have. */
	int fd = openat(AT_FDCWD, "/t/w/made", O_WRONLY | O_CREAT | O_EXCL, 0666);
	struct stat st;

	EXPECT(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0644 && close(fd) == 0);
	for (size_t i = 0; i < COUNT(pid); i++)
		EXPECT(waitpid(pid[i], NULL, WNOHANG) == 0);
	for (size_t i = 0; i < COUNT(pid); i++)
		EXPECT(kill(pid[i], SIGKILL) == 0 && waitpid(pid[i], NULL, 0) == pid[i]);
	EXPECT(open_under_signals(500) == 0);
	shared->stop = 1;
}

/* ---- full tables ---- */

static void full_table(void)
{
	const rlim_t next = (rlim_t)next_number();
	const struct rlimit few = { next + 5, next + 5 };
	int fd[64], n = 0;

	EXPECT(setrlimit(RLIMIT_NOFILE, &few) == 0);
	while (n < 64 && (fd[n] = openat(AT_FDCWD, "/t/f", O_RDONLY)) >= 0)
		n++;
	EXPECT(n > 0 && n < 64 && errno == EMFILE);
	EXPECT_ERRNO(openat(AT_FDCWD, "/t/w/f", O_RDWR), EMFILE);
	/* The kernel takes a number before it looks for the file, the broker after it: both are errors. */
	EXPECT(openat(AT_FDCWD, "/t/missing", O_RDONLY) == -1);
	EXPECT(close(fd[0]) == 0 && openat(AT_FDCWD, "/t/f", O_RDONLY) == fd[0]);
}

/* The broker's own table, which its waiters have filled: no error that speaks of the caller's. */
static void broker_full(void)
{
	pid_t pid[24];
	unsigned failed = 0, good = 0;

	for (size_t i = 0; i < COUNT(pid); i++)
		pid[i] = child(hang_on_fifo);
	while (failed == 0 && good < 100000) {
		int fd = openat(AT_FDCWD, "w/f", O_RDWR);

		failed += fd < 0;
		good += fd >= 0;
		EXPECT(fd >= 0 ? close(fd) == 0 : errno == ENFILE);
	}
	EXPECT(failed > 0);
	for (size_t i = 0; i < COUNT(pid); i++)
		EXPECT((kill(pid[i], SIGKILL) == 0 || errno == ESRCH) &&
		       waitpid(pid[i], NULL, 0) == pid[i]);
	/* It notices within a tenth of a second that nobody waits any more. */
	int fd;

	do
		fd = openat(AT_FDCWD, "w/f", O_RDWR);
	while (fd < 0 && errno == ENFILE);
	EXPECT(fd >= 0 && close(fd) == 0 && open_under_signals(500) == 0);
}

/* ---- the tests ---- */

static void run_case(const struct world *w)
{
	world_run(w);
	world_end();
}

#define CASE(name, function, ...)                                                                  \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		run_case(&(struct world){                                                          \
			.workload = function, .plan = world_plan(), __VA_ARGS__ });                \
	}
CASE(many, many, .nofile = 0)
CASE(signals_restarted, signals_restarted, .interruptible = false)
CASE(signals_handled, signals_handled, .interruptible = false)
CASE(signals_restarted_old, signals_restarted, .interruptible = true)
CASE(signals_handled_old, signals_handled, .interruptible = true)
CASE(deaths, deaths, .interruptible = false)
CASE(deaths_old, deaths, .interruptible = true)
CASE(crowd, crowd, .nofile = 0)
CASE(full_table, full_table, .nofile = 0)
CASE(broker_full, broker_full, .nofile = 24)

/* Skips where there is none to make. */
static void run_fuse_case(void (*workload)(void), void (*furnish)(void))
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "/dev/fuse: %s: no file system can be made to stall\n",
			strerror(errno));
		skip();
	}
	close(fd);
	run_case(&(struct world){ .workload = workload, .plan = world_plan(), .furnish = furnish });
}

static void test_stalled(void **state)
{
	(void)state;
	run_fuse_case(stalled, furnish_stalled);
}

static void test_slow(void **state)
{
	(void)state;
	run_fuse_case(slow, furnish_slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_signals_restarted),
		cmocka_unit_test(test_signals_handled),
		cmocka_unit_test(test_signals_restarted_old),
		cmocka_unit_test(test_signals_handled_old),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_deaths_old),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_broker_full),
	};

#if SANITIZED
	puts("1..0 # SKIP the broker's filter forbids what a sanitizer does");
	return 0;
#endif
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	cmocka_set_test_filter(getenv("ONLY")); /* one test, to look at it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
