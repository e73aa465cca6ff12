/*
 * race make | race serve | race list | race all|memory|writes SECONDS ATTEMPTS CALL…: attacks in the current
 * folder; see race.h.
 *
 * Each call is tried for so long, or so often if that is not 0. One line a call says how often it passed, was refused, and
 * whether the forbidden was OBTAINED; then the exit code is 1. `memory`: by arguments alone, not by names and descriptors.
 * `writes`: nothing is forbidden to be read.
 */
#include "race.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	HANG_S = 60, /* without a call that passed and one that was refused: nothing works here */
	ENOUGH = 5   /* of both */
};

struct run {
	struct race *race;
	const struct attack *attack;
	double seconds;
	uint64_t attempts; /* of each caller */
	bool memory, reads;
};

struct job {
	const struct run *run;
	struct caller *caller;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct attack *next_attack(const struct attack *a)
{
	a++;
	return a->call != NULL ? a : NULL;
}

static const struct attack *const tables[] = { open_attacks, name_attacks, socket_attacks,
					       exec_attacks };
enum { TABLES = sizeof tables / sizeof *tables };

static const struct attack *find_attack(const char *call)
{
	for (unsigned i = 0; i < TABLES; i++)
		for (const struct attack *a = tables[i]; a != NULL; a = next_attack(a))
			if (strcmp(a->call, call) == 0)
				return a;
	return NULL;
}

static void list(void)
{
	for (unsigned i = 0; i < TABLES; i++)
		for (const struct attack *a = tables[i]; a != NULL; a = next_attack(a))
			puts(a->call);
}

static bool somebody_won(const struct race *r)
{
	for (unsigned i = 0; i < CALLERS; i++)
		if (atomic_load(&r->callers[i].won))
			return true;
	return false;
}

static void note(struct caller *c, enum result result)
{
	c->passed += result == PASSED;
	c->refused += result == REFUSED;
	c->missed += result == MISSED;
	if (result == WON)
		atomic_store(&c->won, true);
}

/* Not before it has seen both answers: else nothing has been tried. */
static bool is_over(const struct run *run, const struct caller *c, double start)
{
	uint64_t made = c->passed + c->refused + c->missed;
	bool both = c->passed >= ENOUGH && c->refused >= ENOUGH;
	double passed = now() - start;

	if (somebody_won(run->race) || passed > HANG_S + run->seconds)
		return true;
	return both && (passed >= run->seconds || (run->attempts != 0 && made >= run->attempts));
}

static void *caller_main(void *arg)
{
	const struct job *job = arg;
	const struct attack *a = job->run->attack;
	double start = now();
	unsigned ways = 0;

	while (ways < (job->run->memory ? a->by_memory : WAYS) && a->ways[ways] != NULL)
		ways++;
	while (!is_over(job->run, job->caller, start))
		for (unsigned i = 0; i < ways && !atomic_load(&job->caller->won); i++)
			note(job->caller, a->ways[i](a, job->caller));
	return NULL;
}

static void call(const struct run *run)
{
	pthread_t threads[CALLERS];
	struct job jobs[CALLERS];

	for (unsigned i = 0; i < CALLERS; i++) {
		jobs[i] = (struct job){ run, &run->race->callers[i] };
		if (pthread_create(&threads[i], NULL, caller_main, &jobs[i]) != 0)
			die("pthread_create");
	}
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
}

/* 0: kept, 1: obtained, 2: nothing can be said. */
static int report(const struct run *run, double took)
{
	const struct race *r = run->race;
	uint64_t passed = 0, refused = 0, missed = 0;
	bool won = somebody_won(r) || !execs_intact(), both = true;

	for (unsigned i = 0; i < CALLERS; i++) {
		const struct caller *c = &r->callers[i];

		passed += c->passed;
		refused += c->refused;
		missed += c->missed;
		both = both && c->passed >= ENOUGH && c->refused >= ENOUGH;
		won = won || !world_intact(c) || !sockets_intact(c);
	}
	both = both && atomic_load(&r->flips) != 0 && atomic_load(&r->foreign_flips) != 0;
	printf("%s: %s, %llu passed, %llu refused, %llu neither, in %.2f s (written from outside: %llu)\n",
	       run->attack->call,
	       won    ? "OBTAINED"
	       : both ? "kept"
		      : "NOT TRIED",
	       (unsigned long long)passed, (unsigned long long)refused, (unsigned long long)missed,
	       took, (unsigned long long)atomic_load(&r->written));
	fflush(stdout);
	return won ? 1 : both ? 0 : 2;
}

static bool is_among(const struct attack *attack, const struct attack *table)
{
	for (const struct attack *a = table; a != NULL; a = next_attack(a))
		if (a == attack)
			return true;
	return false;
}

static int try(struct run run)
{
	struct race *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	char base[DIR_ROOM];
	double start = now();

	if (r == MAP_FAILED || getcwd(base, sizeof base) == NULL)
		die("memory");
	run.race = r;
	bool sends = is_among(run.attack, socket_attacks);

	r->first_word = sends ? FILE_WORDS : 0;
	r->nwords = sends ? WORDS - FILE_WORDS : FILE_WORDS;
	for (int i = 0; i < CALLERS; i++)
		world_enter(&r->callers[i], strcmp(base, "/") == 0 ? "" : base, i, run.reads,
			    is_among(run.attack, exec_attacks));
	execs_enter();
	flip_begin(r);
	call(&run);
	flip_end(r);

	int result = report(&run, now() - start);

	for (int i = 0; i < CALLERS; i++)
		sockets_leave(&r->callers[i]);

	if (chdir(base) < 0)
		die(base);
	munmap(r, sizeof *r);
	return result;
}

static int try_all(struct run run, char **names)
{
	int worst = 0;

	for (; *names != NULL; names++) {
		run.attack = find_attack(*names);
		if (run.attack == NULL)
			die(*names);

		int result = try(run);

		if (result == 1 || worst == 0)
			worst = result;
	}
	return worst;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct run run = { .memory = strcmp(what, "memory") == 0,
			   .reads = strcmp(what, "writes") != 0 };

	if (strcmp(what, "make") == 0 && argc == 2) {
		world_make();
		return 0;
	}
	if (strcmp(what, "serve") == 0 && argc == 2)
		sockets_serve();
	if (strcmp(what, "list") == 0 && argc == 2) {
		list();
		return 0;
	}
	if ((!run.memory && run.reads && strcmp(what, "all") != 0) || argc < 5)
		die("usage: race make | race serve | race list | race all|memory|writes SECONDS ATTEMPTS CALL…");
	run.seconds = strtod(argv[2], NULL);
	run.attempts = strtoull(argv[3], NULL, 10) / CALLERS;
	return try_all(run, argv + 4);
}
