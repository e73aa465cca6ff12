#include "broker/stand.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/door.h"
#include "broker/wait.h"
#include "kern/sys.h"

enum {
	SLOW_MS = 50,  /* no call takes that long but one that waits for somebody */
	END_MS = 3000, /* longer than its last words take */
	TAKEN = UINT32_MAX,
};

/* False when a signal ended it. */
static bool sleep_on(_Atomic uint32_t *word, uint32_t value, unsigned ms)
{
	const struct timespec time = { .tv_sec = ms / 1000,
				       .tv_nsec = (long)(ms % 1000) * 1000000 };

	return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ms != 0 ? &time : NULL, NULL,
		       0) == 0 ||
	       errno != EINTR;
}

static void wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- serving ---- */

static void leave(struct stand *t)
{
	uint32_t tid = sys_gettid();

	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (atomic_load(&t->waiters[i].tid) == tid)
			atomic_store(&t->waiters[i].tid, 0);
}

/* Until somebody else has this turn (1), or the end. */
static int serve(struct stand *t, uint32_t turn, struct err *e)
{
	/* A call that is slow goes on by the tables that it began with. */
	struct server own = t->server;
	int r = 1;

	while (r > 0 && atomic_load(&t->turn) == turn)
		r = serve_next(&own, turn, e);
	live_leave(&own);
	if (atomic_load(&t->turn) == turn)
		return r;
	leave(t);
	return 1;
}

/* ---- the watcher ---- */

static void *watch_run(void *stand);

/* Without one, slow calls hold the others up, as they do everybody who makes them himself. It is also who hears a knock at
 * the door: whoever serves must not be interrupted in the middle of a call. */
static void watch_begin(struct stand *t)
{
	if (t->server.door != NULL)
		door_deaf();
	atomic_fetch_add(&t->watchers, 1);

	bool begun = wait_thread(watch_run, t) == 0;

	if (!begun)
		atomic_fetch_sub(&t->watchers, 1);
	atomic_store(&t->watched, begun);
}

/* The call that is slow gets a waiter's place, so that its thread is told when the caller has gone. No place: no change. */
static bool take_over(struct stand *t, uint32_t *turn)
{
	struct waiter *w = wait_place(&t->server);
	uint32_t busy = atomic_load(&t->busy);

	if (w == NULL)
		return false;
	/* It may just be done, or about to answer. */
	if (busy == 0 || !atomic_compare_exchange_strong(&t->busy, &busy, TAKEN)) {
		atomic_store(&w->tid, 0);
		return false;
	}
	w->call.id = atomic_load(&t->id);
	atomic_store(&w->tid, atomic_load(&t->tid));
	atomic_store(&t->tid, sys_gettid());
	*turn = atomic_fetch_add(&t->turn, 1) + 1;
	atomic_store(&t->busy, 0);
	/* The umask is a thread's own from here on: act_borrow_umask() changes it. */
	if (sys_unshare(CLONE_FS) < 0)
		_exit(1);
	watch_begin(t);
	return true;
}

static bool is_slow(struct stand *t)
{
	_Atomic uint32_t never = 0;
	uint32_t seen = atomic_load(&t->calls);

	/* After `seen`: stand_close() counts up behind it. */
	if (atomic_load(&t->closing))
		return false;
	if (!atomic_load(&t->busy)) {
		atomic_store(&t->awake, 0);
		sleep_on(&t->calls, seen, 0);
		atomic_store(&t->awake, 1);
		return false;
	}
	return sleep_on(&never, 0, SLOW_MS) && atomic_load(&t->calls) == seen &&
	       atomic_load(&t->busy);
}

/* Until it serves in somebody's place: true; false: there is nothing more to watch. */
static bool watch(struct stand *t, uint32_t *turn)
{
	wait_hear();
	if (t->server.door != NULL)
		door_hear();
	atomic_store(&t->awake, 1);
	while (!is_slow(t) || !take_over(t, turn)) {
		if (atomic_load(&t->closing))
			return false;
		if (t->server.door != NULL)
			door_answer(t->server.door);
	}
	return true;
}

static void *watch_run(void *stand)
{
	struct stand *t = stand;
	uint32_t turn;

	struct err e = { 0 };
	int r = watch(t, &turn) ? serve(t, turn, &e) : 1;

	if (r <= 0) {
		t->result = r;
		t->e = e;
		atomic_store(&t->ended, 1);
		wake(&t->ended);
	}
	if (r > 0 || t->guest) {
		atomic_fetch_sub(&t->watchers, 1); /* and never looks at it again */
		return NULL;
	}
	/* The first thread ends the process. If it waits for a file system that does not answer, this one does. */
	sleep_on(&t->ended, 1, END_MS);
	_exit(r < 0);
}

/* ---- the first thread, and what each does around a call ---- */

int stand_run(struct stand *t, struct err *e)
{
	atomic_store(&t->tid, sys_gettid());

	int r = serve(t, 0, e);

	if (r <= 0)
		return r;
	while (atomic_load(&t->ended) == 0)
		sleep_on(&t->ended, 0, 0);
	*e = t->e;
	return t->result;
}

void stand_close(struct stand *t)
{
	_Atomic uint32_t never = 0;

	atomic_store(&t->closing, 1);
	atomic_fetch_add(&t->calls, 1);
	wake(&t->calls);
	while (atomic_load(&t->watchers) != 0)
		sleep_on(&never, 0, 1);
}

void stand_begin(const struct server *s, uint32_t turn, uint64_t id)
{
	struct stand *t = s->stand;
	uint32_t idle = 0;

	if (t == NULL)
		return;
	/* Whoever has left its place, or is about to, may still have got a call, and is not watched any more. */
	if (atomic_load(&t->turn) != turn) {
		wait_deaf();
		return;
	}
	if (!atomic_load(&t->watched))
		watch_begin(t);
	atomic_store(&t->id, id);
	if (!atomic_compare_exchange_strong(&t->busy, &idle, turn + 1)) {
		wait_deaf();
		return;
	}
	atomic_fetch_add(&t->calls, 1);
	if (!atomic_load(&t->awake))
		wake(&t->calls);
}

void stand_answer(const struct server *s, const struct call *c)
{
	uint32_t own = c->turn + 1;

	if (s->stand != NULL && !atomic_compare_exchange_strong(&s->stand->busy, &own, 0))
		wait_deaf();
}

void stand_end(const struct server *s, uint32_t turn)
{
	uint32_t own = turn + 1;

	if (s->stand != NULL)
		atomic_compare_exchange_strong(&s->stand->busy, &own, 0);
}

/* ---- names ---- */

void stand_names_begin(const struct server *s)
{
	while (atomic_exchange(s->names, 1) != 0)
		sleep_on(s->names, 1, SLOW_MS);
}

void stand_names_end(const struct server *s)
{
	atomic_store(s->names, 0);
	wake(s->names);
}
