/*
 * What changes while calls are made: words of memory, from threads, from a vfork child, from another process through
 * shared memory and through process_vm_writev; links, folders, descriptors and the current folder.
 */
#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Then the processor is somebody else's: calls are what the time is for. Of three that flip memory about one is at it at any
 * time, which takes one processor of two; who exchanges names has the broker do that, in the place of the callers. */
enum { TURNS = 20000, REST_NS = 100 * 1000 };

static pthread_t threads[FLIPPERS];
static pid_t children[2];

/* Neither side's rhythm shall decide which value the other sees. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void flip_words(struct race *r, uint32_t *random)
{
	for (unsigned turn = 0; turn < TURNS; turn++) {
		uint32_t pick = next_random(random);
		const struct word *w =
			&r->callers[pick % CALLERS].words[r->first_word + (pick >> 8) % r->nwords];

		atomic_store_explicit(w->at, pick >> 31 ? w->bad : w->good, memory_order_relaxed);
	}
}

static void rest(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = REST_NS }, NULL);
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static bool running(const struct race *r)
{
	return !atomic_load_explicit(&r->stop, memory_order_relaxed);
}

/* ---- threads ---- */

static void *memory_main(void *arg)
{
	struct race *r = arg;
	uint32_t random = 1;

	while (running(r)) {
		flip_words(r, &random);
		count(&r->flips);
		rest();
	}
	return NULL;
}

static void exchange_links(const struct caller *c, const char *where)
{
	char target[64];

	snprintf(target, sizeof target, "../../%s/%d/%s", where, c->number, c->leaf);
	if (symlink(target, c->spare) == 0)
		rename(c->spare, c->link);
}

static void *names_main(void *arg)
{
	struct race *r = arg;

	for (unsigned turn = 0; running(r); turn++) {
		const struct caller *c = &r->callers[turn % CALLERS];

		exchange_links(c, turn / CALLERS % 2 != 0 ? "other" : "hooks");
		syscall(SYS_renameat2, AT_FDCWD, c->p, AT_FDCWD, c->q, RENAME_EXCHANGE);
		count(&r->flips);
		rest();
	}
	return NULL;
}

/* The number stays taken all the time: dup2 puts one file in another's place. */
static void *descriptors_main(void *arg)
{
	struct race *r = arg;

	for (unsigned turn = 0; running(r); turn++) {
		for (unsigned i = 0; i < CALLERS; i++) {
			const struct caller *c = &r->callers[i];

			dup2(c->fds[turn % 4], FILE_FD + c->number);
			dup2(c->folders[turn % 2], FOLDER_FD + c->number);
		}
		if (fchdir(r->callers[0].folders[turn % 2]) < 0)
			die("fchdir");
		count(&r->flips);
		if (turn % 16 == 0)
			rest();
	}
	return NULL;
}

static void foreign_main(struct race *r)
{
	uint32_t random = (uint32_t)getpid();

	while (running(r)) {
		flip_words(r, &random);
		count(&r->foreign_flips);
		rest();
	}
}

/* A child that shares the memory, while the thread that made it sleeps in the kernel. */
static void *vfork_main(void *arg)
{
	pid_t pid = vfork();

	if (pid < 0)
		die("vfork");
	if (pid == 0) {
		foreign_main(arg);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

/* ---- other processes ---- */

static bool write_word(pid_t to, const struct word *w, const uint64_t *value)
{
	struct iovec here = { (void *)(uintptr_t)value, sizeof *value };
	struct iovec there = { (void *)w->at, sizeof *value };

	return process_vm_writev(to, &here, 1, &there, 1, 0) == sizeof *value;
}

/* Most profiles refuse this one. */
static void writer_main(struct race *r)
{
	pid_t to = getppid();

	for (unsigned turn = 0; running(r); turn++) {
		const struct word *w = &r->callers[turn % CALLERS]
						.words[r->first_word + turn / CALLERS % r->nwords];

		if (!write_word(to, w, &w->bad) || !write_word(to, w, &w->good))
			return;
		count(&r->written);
		if (turn % 64 == 0)
			rest();
	}
}

/* ---- all of them ---- */

void flip_begin(struct race *r)
{
	static void *(*const mains[FLIPPERS])(void *) = { memory_main, names_main, descriptors_main,
							  vfork_main };
	static void (*const bodies[])(struct race *) = { foreign_main, writer_main };

	for (unsigned i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] < 0)
			die("fork");
		if (children[i] == 0) {
			bodies[i](r);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < FLIPPERS; i++)
		if (pthread_create(&threads[i], NULL, mains[i], r) != 0)
			die("pthread_create");
}

void flip_end(struct race *r)
{
	atomic_store(&r->stop, true);
	for (unsigned i = 0; i < FLIPPERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 2; i++)
		waitpid(children[i], NULL, 0);
}
