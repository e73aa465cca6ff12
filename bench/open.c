/*
 * open [-t THREADS] FILE - what system calls cost where this runs: getpid, a call that a sandbox refuses, one that its
 * broker looks at and lets go on, and open+close of FILE. Prints nanoseconds: minimum, median and 99th percentile of
 * single calls, with threads of all that they make at the same time. Run it outside and inside a sandbox and compare.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 20000, WARM_UP = 200, THREADS_MAX = 64 };

static const char *file;
static int refused_errno;
static unsigned nthreads = 1;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int do_getpid(void)
{
	return syscall(SYS_getpid) > 0 ? 0 : -1;
}

/* Every profile refuses this one; where nothing does, its arguments make it fail without an effect. */
static int do_refused(void)
{
	if (syscall(SYS_mount, NULL, NULL, NULL, 0ul, NULL) == 0)
		return -1;
	refused_errno = errno;
	return 0;
}

/* Not one of the operations that programs make all the time: in zviz the broker is asked about it. */
static int do_asked(void)
{
	/* gVisor has none, and says so: that costs as much. */
	(void)syscall(SYS_prctl, PR_GET_TIMERSLACK, 0ul, 0ul, 0ul, 0ul);
	return 0;
}

static int do_open(void)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return close(fd);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct job {
	const char *name;
	int (*call)(void);
	size_t rounds; /* of this thread */
	uint64_t *ns;
	pthread_barrier_t *start;
};

static void *run(void *arg)
{
	struct job *j = arg;

	pthread_barrier_wait(j->start);
	for (int i = -WARM_UP; i < (int)j->rounds; i++) {
		uint64_t start = now_ns();

		if (j->call() < 0) {
			fprintf(stderr, "open: %s: %s\n", j->name, strerror(errno));
			exit(1);
		}
		if (i >= 0)
			j->ns[i] = now_ns() - start;
	}
	return NULL;
}

static void measure(const char *name, int (*call)(void), uint64_t clock_cost_ns)
{
	static uint64_t ns[ROUNDS];
	const size_t rounds = ROUNDS / nthreads, n = rounds * nthreads;
	pthread_t threads[THREADS_MAX];
	struct job jobs[THREADS_MAX];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, nthreads);
	for (unsigned i = 0; i < nthreads; i++) {
		jobs[i] = (struct job){ name, call, rounds, ns + i * rounds, &start };
		if (i != 0 && pthread_create(&threads[i], NULL, run, &jobs[i]) != 0) {
			fputs("open: no thread\n", stderr);
			exit(1);
		}
	}
	run(&jobs[0]);
	for (unsigned i = 1; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	qsort(ns, n, sizeof *ns, by_value);
	for (size_t i = 0; i < n; i++)
		ns[i] -= ns[i] < clock_cost_ns ? ns[i] : clock_cost_ns;
	printf("%-12s %8lu %8lu %8lu\n", name, (unsigned long)ns[0], (unsigned long)ns[n / 2],
	       (unsigned long)ns[n * 99 / 100]);
}

/* What the two clock readings around a call cost by themselves: the least of many. */
static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = now_ns(), took = now_ns() - start;

		if (took < least)
			least = took;
	}
	return least;
}

int main(int argc, char **argv)
{
	uint64_t cost = clock_cost();

	if (argc == 4 && strcmp(argv[1], "-t") == 0)
		nthreads = (unsigned)strtoul(argv[2], NULL, 10);
	if ((argc != 2 && argc != 4) || nthreads == 0 || nthreads > THREADS_MAX) {
		fprintf(stderr, "usage: %s [-t THREADS] FILE\n", argv[0]);
		return 1;
	}
	file = argv[argc - 1];
	printf("%-12s %8s %8s %8s\n", "ns", "min", "p50", "p99");
	measure("getpid", do_getpid, cost);
	measure("refused", do_refused, cost);
	measure("asked", do_asked, cost);
	measure("open+close", do_open, cost);
	printf("the refused call's errno: %s\n", strerrorname_np(refused_errno));
	return 0;
}
