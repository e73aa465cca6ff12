#include "broker/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/act.h"
#include "broker/stand.h"
#include "kern/door.h"
#include "kern/sys.h"

enum {
	STACK_BYTES = 256 * 1024, /* address space, of which a few pages are touched */
	WAITER_STARTING = UINT32_MAX,
	END_MS = 1000, /* how long all of them may outlive the last caller */
};

/* Its arrival is all that counts: a blocking open returns EINTR. */
static void on_signal(int sig)
{
	(void)sig;
}

int wait_prepare(struct err *e)
{
	struct sigaction sa = { .sa_handler = on_signal };

	if (sigaction(SIGUSR1, &sa, NULL) < 0)
		return fail(e, errno, "signal handler: %m");
	return 0;
}

static void hear(int how)
{
	sigset_t end;

	sigemptyset(&end);
	sigaddset(&end, SIGUSR1);
	pthread_sigmask(how, &end, NULL);
}

void wait_deaf(void)
{
	hear(SIG_BLOCK);
}

void wait_hear(void)
{
	hear(SIG_UNBLOCK);
}

static int waiter_open(const struct waiter *w)
{
	int fd;

	do
		fd = act_reopen(w->server, w->fd, w->flags);
	while (fd == -EINTR && fetch_valid(w->server, w->call.id));
	return fd;
}

static void *waiter_run(void *arg)
{
	struct waiter *w = arg;

	wait_hear();
	atomic_store(&w->tid, sys_gettid());
	if (w->work != NULL) {
		w->work(w);
		atomic_store(&w->tid, 0);
		return NULL;
	}

	OWN_FD fd = act_own_limit(waiter_open(w));

	wait_deaf(); /* as act_install() says */
	act_hand_over(w->server, &w->call, &fd, w->flags);
	fd_close(&w->fd);
	fd_close(&fd);
	atomic_store(&w->tid, 0);
	return NULL;
}

int wait_thread(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t knock, before;
	int err = pthread_attr_init(&attr);

	if (err != 0)
		return -err;
	/* Whoever is made is deaf to it, from its first moment on; the watcher alone asks for it. */
	sigemptyset(&knock);
	sigaddset(&knock, DOOR_KNOCK);
	pthread_sigmask(SIG_BLOCK, &knock, &before);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

struct waiter *wait_place(const struct server *s)
{
	for (size_t i = 0; i < WAITERS_MAX; i++) {
		uint32_t nobody = 0;

		if (atomic_compare_exchange_strong(&s->waiters[i].tid, &nobody, WAITER_STARTING))
			return &s->waiters[i];
	}
	return NULL;
}

/* A place for this call, with nothing to do yet. */
static struct waiter *wait_begin(const struct server *s, const struct call *c)
{
	struct waiter *w = wait_place(s);

	if (w == NULL)
		return NULL;
	/* Who serves may leave, and takes its own with it. */
	w->server = &s->stand->server;
	w->call = *c;
	w->call.turn = UINT32_MAX; /* nobody's */
	w->work = NULL;
	return w;
}

int wait_work(const struct server *s, const struct call *c, void (*work)(struct waiter *w),
	      void *what)
{
	struct waiter *w = wait_begin(s, c);
	int err;

	if (w == NULL)
		return -ENFILE;
	w->work = work;
	w->what = what;
	err = wait_thread(waiter_run, w);
	if (err < 0)
		atomic_store(&w->tid, 0);
	return err;
}

int wait_open(const struct server *s, const struct call *c, int fd, uint64_t flags)
{
	struct waiter *w = wait_begin(s, c);

	if (w == NULL)
		return -ENFILE; /* what open answers when a table of the system is full */
	w->flags = flags;
	w->fd = fd;

	int err = wait_thread(waiter_run, w);

	if (err < 0)
		atomic_store(&w->tid, 0);
	return err;
}

unsigned wait_check(const struct server *s, bool all)
{
	unsigned left = 0;

	for (size_t i = 0; i < WAITERS_MAX; i++) {
		uint32_t tid = atomic_load(&s->waiters[i].tid);

		if (tid == 0)
			continue;
		left++;
		/* A signal that comes just before the open blocks is lost; the next check sends another. */
		if (tid != WAITER_STARTING && (all || !fetch_valid(s, s->waiters[i].call.id)))
			(void)SYS_CALL(SYS_tgkill, getpid(), tid, SIGUSR1);
	}
	return left;
}

bool wait_end(const struct server *s)
{
	for (unsigned ms = 0; ms < END_MS; ms++) {
		if (wait_check(s, true) == 0)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}
