/*
 * open FILE - what system calls cost where this runs: getpid, a call that a sandbox refuses, and
 * open+close of FILE. Prints nanoseconds: minimum, median and 99th percentile of single calls.
 * Run it outside and inside a sandbox and compare.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 20000, WARM_UP = 200 };

static const char *file;
static int refused_errno;

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

static void measure(const char *name, int (*call)(void), uint64_t clock_cost_ns)
{
	static uint64_t ns[ROUNDS];

	for (int i = -WARM_UP; i < ROUNDS; i++) {
		uint64_t start = now_ns();

		if (call() < 0) {
			fprintf(stderr, "open: %s: %s\n", name, strerror(errno));
			exit(1);
		}
		if (i >= 0)
			ns[i] = now_ns() - start;
	}
	qsort(ns, ROUNDS, sizeof *ns, by_value);
	for (int i = 0; i < ROUNDS; i++)
		ns[i] -= ns[i] < clock_cost_ns ? ns[i] : clock_cost_ns;
	printf("%-12s %8lu %8lu %8lu\n", name, (unsigned long)ns[0], (unsigned long)ns[ROUNDS / 2],
	       (unsigned long)ns[ROUNDS * 99 / 100]);
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

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 1;
	}
	file = argv[1];
	printf("%-12s %8s %8s %8s\n", "ns", "min", "p50", "p99");
	measure("getpid", do_getpid, cost);
	measure("refused", do_refused, cost);
	measure("open+close", do_open, cost);
	printf("the refused call's errno: %s\n", strerrorname_np(refused_errno));
	return 0;
}
