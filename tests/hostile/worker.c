/*
 * One process: a thread that makes calls, and threads that spoil its memory, descriptors and life.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostile.h"

struct job {
	uint64_t seed;
	bool i386;
};

static void on_signal(int sig)
{
	(void)sig;
}

/* Some interrupt, some restart, some are ignored. */
static void choose_signals(void)
{
	static const int signals[] = {
		SIGUSR1, SIGUSR2, SIGALRM, SIGIO, SIGPIPE, SIGXFSZ, SIGCHLD
	};

	for (size_t i = 0; i < COUNT(signals); i++) {
		struct sigaction sa = { .sa_handler = once_in(4) ? SIG_IGN : on_signal,
					.sa_flags = once_in(2) ? SA_RESTART : 0 };

		sigaction(signals[i], &sa, NULL);
	}
	memory_catch_faults();
}

/* Descriptors of every kind under the numbers that calls are about. */
static void fill_table(void)
{
	int pair[2];

	(void)!pipe2(pair, O_NONBLOCK);
	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	/* sockets.c knows where they are. Few wait: who does makes no more calls. */
	socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socket(AF_UNIX, SOCK_DGRAM | (once_in(4) ? 0 : SOCK_NONBLOCK), 0);
	socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	memfd_create("hostile", 0);
	open("play", O_PATH);
	open("play/d/e", O_RDONLY | O_DIRECTORY);
	open("keep", O_PATH);
	open("hooks", O_RDONLY | O_DIRECTORY);
	open("/proc/self", O_PATH);
	open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	open("play/a", O_RDWR | O_CREAT, 0644);
	mkdir("play/gone", 0755);
	open("play/gone", O_RDONLY | O_DIRECTORY);
	rmdir("play/gone");
	open(".", O_TMPFILE | O_RDWR, 0600);
	open("/", O_PATH);
}

static void spoil(void)
{
	switch (below(40)) {
	case 0:
		if (once_in(4))
			close(3 + (int)below(FDS));
		break;
	case 1:
		dup2(3 + (int)below(FDS), 3 + (int)below(FDS));
		break;
	case 2:
		if (once_in(10))
			syscall(SYS_tgkill, getpid(), getpid(), once_in(2) ? SIGUSR1 : SIGALRM);
		break;
	case 3:
		(void)!chdir(!once_in(8) ? "/work" : once_in(2) ? "play/d/e" : "..");
		break;
	case 4:
		umask(once_in(20) ? below(01000) : below(0100));
		break;
	case 5:
		sched_yield();
		break;
	default:
		memory_spoil();
	}
}

static void *spoiler_main(void *arg)
{
	const struct job *job = arg;

	chance_seed(job->seed);
	for (;;) {
		spoil();
		if (once_in(3))
			usleep(below(1000)); /* or nobody else would get anywhere */
	}
	return NULL;
}

/* How it all ends: in the middle of somebody's call, one way or another. */
static void end(void)
{
	switch (below(6)) {
	case 0:
		kill(getpid(), SIGKILL);
		break;
	case 1:
		kill(getpid(), SIGSEGV);
		break;
	case 2:
		syscall(SYS_exit,
			0); /* this thread alone: the others go on until they are killed */
		break;
	case 3:
		if (vfork() == 0)
			_exit(0);
		break;
	default:
		break;
	}
	_exit(0);
}

/* A second one that makes calls, with the same memory and descriptors. */
static void *caller_main(void *arg)
{
	const struct job *job = arg;

	chance_seed(job->seed);
	for (;;)
		call_random(job->i386);
	return NULL;
}

/* A child that borrows our memory and makes a few calls with us asleep. */
static void call_from_vfork(bool i386)
{
	if (vfork() == 0) {
		call_random(i386);
		_exit(0);
	}
}

_Noreturn void worker_main(uint64_t seed, bool i386)
{
	struct job jobs[SPOILERS + 1];
	pthread_t thread;

	chance_seed(seed);
	choose_signals();
	memory_make();
	fill_table();
	for (unsigned i = 0; i <= SPOILERS; i++) {
		jobs[i] = (struct job){ chance(), i386 };
		if (i < SPOILERS || once_in(2))
			pthread_create(&thread, NULL, i < SPOILERS ? spoiler_main : caller_main,
				       &jobs[i]);
	}
	for (uint32_t n = 50 + below(1500); n > 0; n--) {
		call_random(i386);
		if (once_in(300))
			call_from_vfork(i386);
	}
	end();
	_exit(0);
}
