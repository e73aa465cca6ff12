/*
 * hostile make                     the folders, from outside
 * hostile i386                     whether calls of i386 can be made here: 0, else 1
 * hostile SEED SECONDS PHASES      then from inside: so many phases of so many seconds; see hostile.h
 *
 * After each phase all is quiet: it prints "quiet N" and waits for a file called go-N, so that somebody outside can look at
 * the broker. Exits with 1 when something was obtained that must not be.
 */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIFE_MS = 700, NAP_US = 2000 };

struct score *score;

_Noreturn void die(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- outside ---- */

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		die(path);
}

static int make(void)
{
	static const char *const folders[] = { "keep", "hooks",  "hooks/deep",
					       "play", "play/d", "play/d/e" };

	umask(0);
	for (size_t i = 0; i < COUNT(folders); i++)
		if (mkdir(folders[i], 0777) < 0)
			die(folders[i]);
	put_file("keep/.env", CANARY "\n");
	put_file("hooks/one", "one\n");
	put_file("hooks/deep/two", "two\n");
	return 0;
}

/* ---- inside ---- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Somebody to connect to, who never takes up: what waits for him goes with who made it. */
static void mend_socket(void)
{
	static const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "play/socket" };
	static int listening = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
	    listen(fd, 4) == 0) {
		if (listening >= 0)
			close(listening);
		listening = fd;
	} else if (fd >= 0) {
		close(fd);
	}
}

/* What the workers have taken away comes back. */
static void mend(void)
{
	mkdir("play/d", 0755);
	mkdir("play/d/e", 0755);
	mend_socket();
	mkfifo("play/fifo", 0644);
	mkfifo("play/fifo2", 0644);
	(void)!symlink("d/e", "play/link");
	(void)!symlink("../keep/.env", "play/to-env");
	(void)!symlink("../hooks", "play/to-hooks");
	(void)!symlink("/proc/self", "play/to-self");
	(void)!symlink("loop", "play/loop");
	close(open("play/b", O_CREAT | O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0644));
}

struct worker {
	pid_t pid;
	uint64_t born_ms;
};

/* Each in a process group of its own, so that what it left behind goes with it. */
static pid_t worker_new(uint64_t seed, bool i386)
{
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		worker_main(seed, i386);
	}
	if (pid > 0)
		setpgid(pid, pid);
	return pid;
}

static void worker_end(struct worker *w)
{
	kill(-w->pid, SIGKILL);
	kill(w->pid, SIGKILL);
}

/* Also what CLONE_PARENT made ours. */
static void reap(struct worker *workers)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		for (unsigned i = 0; i < WORKERS; i++)
			if (workers[i].pid == pid) {
				kill(-pid, SIGKILL);
				atomic_fetch_add(
					WIFSIGNALED(status) ? &score->killed : &score->ended, 1);
				workers[i].pid = 0;
			}
}

static void phase(uint64_t *seed, uint64_t seconds, bool i386)
{
	struct worker workers[WORKERS] = { 0 };
	uint64_t end = now_ms() + seconds * 1000;

	while (now_ms() < end) {
		reap(workers);
		for (unsigned i = 0; i < WORKERS; i++) {
			struct worker *w = &workers[i];

			if (w->pid > 0 && now_ms() - w->born_ms > LIFE_MS)
				worker_end(w);
			if (w->pid <= 0) {
				mend();
				*w = (struct worker){ worker_new((*seed)++, i386), now_ms() };
			}
		}
		usleep(NAP_US);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		if (workers[i].pid > 0)
			worker_end(&workers[i]);
	/* Those that left their group or their parent as well: we are all that there is here, besides init. */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
}

static void quiet(unsigned n)
{
	char name[32];
	struct stat st;

	printf("quiet %u\n", n);
	fflush(stdout);
	snprintf(name, sizeof name, "go-%u", n);
	while (stat(name, &st) < 0)
		usleep(10000);
}

static void report(void)
{
	uint64_t made = 0, passed = 0;

	for (unsigned i = 0; call_name(i) != NULL; i++) {
		printf("%s: %llu made, %llu passed\n", call_name(i),
		       (unsigned long long)atomic_load(&score->made[i]),
		       (unsigned long long)atomic_load(&score->passed[i]));
		made += atomic_load(&score->made[i]);
		passed += atomic_load(&score->passed[i]);
	}
	printf("by i386: %llu made, %llu passed\n", (unsigned long long)atomic_load(&score->made32),
	       (unsigned long long)atomic_load(&score->passed32));
	printf("%llu calls, %llu passed; workers: %llu killed, %llu ended; %llu obtained\n",
	       (unsigned long long)made, (unsigned long long)passed,
	       (unsigned long long)atomic_load(&score->killed),
	       (unsigned long long)atomic_load(&score->ended),
	       (unsigned long long)atomic_load(&score->obtained));
}

int main(int argc, char **argv)
{
	const struct rlimit few = { 4 * FDS, 4 * FDS };
	uint64_t seed;
	bool i386;

	if (argc == 2 && strcmp(argv[1], "make") == 0)
		return make();
	if (argc == 2 && strcmp(argv[1], "i386") == 0)
		return !call_has_i386();
	if (argc != 4)
		die("usage: hostile make | hostile i386 | hostile SEED SECONDS PHASES");
	score = mmap(NULL, sizeof *score, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (score == MAP_FAILED || setrlimit(RLIMIT_NOFILE, &few) < 0)
		die("memory");
	seed = strtoull(argv[1], NULL, 10) << 32;
	i386 = call_has_i386();
	printf("seed %s, i386 %s\n", argv[1], i386 ? "too" : "does not run here");
	quiet(0);
	for (unsigned n = 1; n <= (unsigned)atoi(argv[3]); n++) {
		phase(&seed, strtoull(argv[2], NULL, 10), i386);
		quiet(n);
	}
	report();
	return atomic_load(&score->obtained) != 0;
}
