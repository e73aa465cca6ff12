/*
 * filter [ROUNDS] - what ci-runner's filter costs: to make, to load, and at each call.
 *
 * Calls are timed in one child without a filter, one with the shortest filter there is (it allows everything) and one
 * with the profile's, in turns, so that what else the machine does falls on all alike. The shortest one shows what the
 * kernel asks of any filtered process. Prints nanoseconds and, beside its target, each ratio.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/plan_calls.h"
#include "policy/reference.h"

enum { ROUNDS = 300, CALLS = 2000, LOADS = 400, BUILDS = 2000, ROUNDS_MAX = 10000 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct times {
	double min, median;
};

/* Sorts the samples, each of `per` calls. */
static struct times times_of(uint64_t *samples, size_t n, double per)
{
	qsort(samples, n, sizeof *samples, by_size);
	return (struct times){ (double)samples[0] / per, (double)samples[n / 2] / per };
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "filter: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void target(const char *name, double is, double at_most)
{
	printf("%s: %.2f, target <= %.2f: %s\n", name, is, at_most,
	       is <= at_most ? "met" : "missed");
}

/* ---- making ---- */

static enum host_arch own_arch(void)
{
#if defined(__aarch64__)
	return HOST_AARCH64;
#else
	return HOST_X86_64;
#endif
}

static void plan_profile(struct arena *a, const char *name, struct plan *plan)
{
	/* The plan borrows both for as long as it lives. */
	struct profile *profile = arena_alloc(a, sizeof *profile);
	struct reference *ref = arena_alloc(a, sizeof *ref);
	struct err e;

	if (profile_load_builtin(a, profile_builtin(name), profile, &e) < 0 ||
	    reference_plan(a, profile, own_arch(), false, false, ref, plan, &e) < 0) {
		fprintf(stderr, "filter: %s\n", e.text);
		exit(1);
	}
}

static void time_build(const struct plan *plan)
{
	static uint64_t samples[BUILDS];
	struct bpf_policy policy;
	struct bpf_program made;
	struct err e;

	for (size_t i = 0; i < BUILDS; i++) {
		struct arena a = { 0 };
		uint64_t start = now_ns();

		plan_policy(&a, plan, &policy);
		if (bpf_compile_with(&a, &a, &policy, &made, &e) < 0 || made.n != plan->filter.n)
			die("compile");
		samples[i] = now_ns() - start;
		arena_free(&a);
	}

	struct times t = times_of(samples, BUILDS, 1000);

	printf("make the filter, us              %8.1f %8.1f\n", t.min, t.median);
	target("minimum make / 50 us", t.min / 50, 1);
}

/* ---- loading ---- */

static int load(const struct sock_filter *at, size_t n, unsigned flags)
{
	const struct sock_fprog p = { (unsigned short)n, (struct sock_filter *)at };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}

static void time_load(const struct plan *plan)
{
	static uint64_t samples[LOADS];
	uint64_t *took = mmap(NULL, sizeof *took, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (took == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < LOADS; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			uint64_t start = now_ns();
			int r = load(plan->filter.at, plan->filter.n, plan->filter_flags);

			*took = r < 0 ? 0 : now_ns() - start;
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) < 0 || *took == 0)
			die("load");
		samples[i] = *took;
	}

	struct times t = times_of(samples, LOADS, 1000);

	printf("load the filter, us              %8.1f %8.1f\n", t.min, t.median);
	target("minimum load / 100 us", t.min / 100, 1);
	munmap(took, sizeof *took);
}

/* ---- calling ---- */

static void call_getpid(void)
{
	syscall(SYS_getpid);
}

static void call_read(void)
{
	char byte;

	(void)!syscall(SYS_read, 3, &byte, 1);
}

static void call_write(void)
{
	(void)!syscall(SYS_write, 4, "x", 1);
}

static void call_futex(void)
{
	static uint32_t word;

	syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

/* Refused by every built-in profile; natively, the kernel says that it does not know the type. */
static void call_refused(void)
{
	syscall(SYS_keyctl, -1);
}

static const struct kind {
	const char *name;
	void (*call)(void);
} kinds[] = {
	{ "getpid", call_getpid },          { "read 1 byte", call_read },
	{ "write 1 byte", call_write },     { "futex wake", call_futex },
	{ "a refused call", call_refused },
};

enum { NO_FILTER, SHORTEST, PROFILE, REFUSES, CHILDREN };

struct child {
	pid_t pid;
	int ask, answer; /* our ends */
};

/* Answers each number of a kind with the nanoseconds of CALLS calls. */
static _Noreturn void be_asked(int ask, int answer)
{
	uint8_t kind;

	while (read(ask, &kind, 1) == 1) {
		uint64_t start = now_ns();

		for (unsigned i = 0; i < CALLS; i++)
			kinds[kind].call();
		start = now_ns() - start;
		if (write(answer, &start, sizeof start) != sizeof start)
			break;
	}
	_exit(0);
}

static struct child start_child(const struct sock_filter *at, size_t n)
{
	int ask[2], answer[2];
	struct child c;

	if (pipe(ask) < 0 || pipe(answer) < 0)
		die("pipe");
	c = (struct child){ fork(), ask[1], answer[0] };
	if (c.pid < 0)
		die("fork");
	if (c.pid != 0) {
		close(ask[0]);
		close(answer[1]);
		return c;
	}
	close(ask[1]);
	close(answer[0]);
	if (n != 0 && load(at, n, 0) < 0)
		_exit(1);
	be_asked(ask[0], answer[1]);
}

static uint64_t ask(const struct child *c, uint8_t kind)
{
	uint64_t ns;

	if (write(c->ask, &kind, 1) != 1 || read(c->answer, &ns, sizeof ns) != sizeof ns)
		die("a child ended");
	return ns;
}

/* What a filter without a broker answers at once: the profile's own would ask one that is not there. */
static void time_calls(const struct plan *plan, const struct plan *refuses, size_t rounds)
{
	static const struct sock_filter shortest[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static uint64_t samples[CHILDREN][COUNT(kinds)][ROUNDS_MAX];
	const struct child children[CHILDREN] = {
		[NO_FILTER] = start_child(NULL, 0),
		[SHORTEST] = start_child(shortest, COUNT(shortest)),
		[PROFILE] = start_child(plan->filter.at, plan->filter.n),
		[REFUSES] = start_child(refuses->filter.at, refuses->filter.n),
	};
	struct times t[CHILDREN][COUNT(kinds)];

	for (size_t r = 0; r < rounds; r++)
		for (uint8_t k = 0; k < COUNT(kinds); k++)
			for (size_t c = 0; c < CHILDREN; c++)
				if (c != PROFILE || kinds[k].call != call_refused)
					samples[c][k][r] = ask(&children[c], k);
	for (size_t c = 0; c < CHILDREN; c++)
		for (size_t k = 0; k < COUNT(kinds); k++)
			t[c][k] = times_of(samples[c][k], rounds, CALLS);
	printf("\nns, minimum and median      no filter         shortest          profile\n");
	for (size_t k = 0; k < COUNT(kinds); k++) {
		size_t with = kinds[k].call == call_refused ? REFUSES : PROFILE;

		printf("%-20s %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f\n", kinds[k].name,
		       t[NO_FILTER][k].min, t[NO_FILTER][k].median, t[SHORTEST][k].min,
		       t[SHORTEST][k].median, t[with][k].min, t[with][k].median);
	}
	for (size_t k = 0; k < COUNT(kinds); k++) {
		char name[64];

		if (kinds[k].call == call_refused)
			continue;
		snprintf(name, sizeof name, "minimum %s / no filter", kinds[k].name);
		target(name, t[PROFILE][k].min / t[NO_FILTER][k].min, 1.02);
		snprintf(name, sizeof name, "minimum %s / shortest filter", kinds[k].name);
		target(name, t[PROFILE][k].min / t[SHORTEST][k].min, 1.02);
	}
	target("minimum refused call / getpid without a filter",
	       t[REFUSES][COUNT(kinds) - 1].min / t[NO_FILTER][0].min, 1.2);
	for (size_t c = 0; c < CHILDREN; c++) {
		close(children[c].ask);
		close(children[c].answer);
	}
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : ROUNDS;
	struct arena a = { 0 };
	struct plan plan, refuses;
	cpu_set_t one;

	if (rounds == 0 || rounds > ROUNDS_MAX)
		rounds = ROUNDS;
	/* The descriptors that read and write want. */
	if (freopen("/dev/zero", "r", stdin) == NULL || dup2(0, 3) < 0 ||
	    dup2(fileno(fopen("/dev/null", "w")), 4) < 0)
		die("/dev");
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof one, &one);
	plan_profile(&a, "ci-runner", &plan);
	plan_profile(&a, "web-server", &refuses);
	printf("ci-runner: %zu instructions           min   median\n", plan.filter.n);
	time_build(&plan);
	time_load(&plan);
	time_calls(&plan, &refuses, rounds);
	arena_free(&a);
	return 0;
}
