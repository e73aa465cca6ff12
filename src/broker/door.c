#include "broker/door.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/ask.h"
#include "broker/stand.h"
#include "broker/wait.h"
#include "kern/scm.h"
#include "kern/sys.h"

/* ---- the knock ---- */

/* Its arrival is all that counts: what the thread waits in returns EINTR. */
static void on_knock(int sig)
{
	(void)sig;
}

static void hear(int how)
{
	sigset_t knock;

	sigemptyset(&knock);
	sigaddset(&knock, DOOR_KNOCK);
	pthread_sigmask(how, &knock, NULL);
}

void door_hear(void)
{
	hear(SIG_UNBLOCK);
}

void door_deaf(void)
{
	hear(SIG_BLOCK);
}

/* Not SA_RESTART: since Linux 6.6 a receive would go on waiting. */
int door_prepare(struct err *e)
{
	struct sigaction sa = { .sa_handler = on_knock };

	if (sigaction(DOOR_KNOCK, &sa, NULL) < 0)
		return fail(e, errno, "signal handler: %m");
	door_hear();
	return 0;
}

/* ---- whoever has come in ---- */

/* One listener and the threads that serve it. */
struct guest {
	struct stand stand;
	struct door *door;
	int connection;
};

static void say(int to, char letter)
{
	(void)!send(to, &letter, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int receive_listener(struct guest *g)
{
	char letter;
	int listener = -1;

	say(g->connection, DOOR_COME);
	if (scm_receive(g->connection, &letter, 1, &listener) < 0)
		listener = -1; /* it has ended before it had a filter */
	fd_close(&g->connection);
	return listener;
}

static void serve(struct guest *g)
{
	struct server *s = &g->stand.server;
	struct err ignored = { 0 };

	/* The umask is a thread's own: act_borrow_umask() changes it. */
	if (sys_unshare(CLONE_FS) < 0)
		return;
	s->listener = receive_listener(g);
	if (s->listener < 0)
		return;
	(void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	/* A listener that is none, or broke: its calls get ENOSYS, as with a broker that is dead. */
	if (stand_run(&g->stand, &ignored) < 0)
		atomic_fetch_add_explicit(&s->counters->failed, 1, memory_order_relaxed);
}

/* True: nobody uses it any more. */
static bool finish(struct guest *g)
{
	struct server *s = &g->stand.server;

	stand_close(&g->stand);
	if (s->ask != NULL)
		ask_forget(s);
	fd_close(&s->listener);
	fd_close(&g->connection);
	return s->waiters == NULL || wait_end(s);
}

static void *guest_run(void *arg)
{
	struct guest *g = arg;
	struct door *door = g->door;

	wait_hear();
	serve(g);
	/* Threads of it that wait for what does not answer keep its place, and go with the process. */
	if (!finish(g))
		return NULL;
	free(g);
	atomic_fetch_sub(&door->listeners, 1);
	return NULL;
}

/* False: no room. */
static bool let_in(struct door *d, int connection)
{
	const struct server *base = d->base;
	struct guest *g = NULL;

	if (atomic_load(&d->listeners) < BROKER_LISTENERS)
		g = calloc(1, sizeof *g);
	if (g == NULL)
		return false;
	g->door = d;
	g->connection = connection;
	g->stand.guest = true;
	g->stand.server = *base;
	g->stand.server.listener = -1;
	g->stand.server.polls = true;
	g->stand.server.door = NULL;
	if (base->stand != NULL) {
		g->stand.server.waiters = g->stand.waiters;
		g->stand.server.stand = &g->stand;
	}
	atomic_fetch_add(&d->listeners, 1);
	if (wait_thread(guest_run, g) == 0)
		return true;
	atomic_fetch_sub(&d->listeners, 1);
	free(g);
	return false;
}

/* By one thread at a time: the one that hears. */
void door_answer(struct door *d)
{
	int fd;

	while ((fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (let_in(d, fd))
			continue;
		say(fd, DOOR_FULL);
		close(fd);
	}
}
