/*
 * How much of the machine a workload can take.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

enum {
	FORKS_MAX = 4200, /* above the largest limit of a built-in profile: 4096 */
	MEMORY_MB = 300,  /* above hostile-tenant's 256 */
};

static void core_limit(char *say)
{
	struct rlimit r = { 1, 1 };

	getrlimit(RLIMIT_CORE, &r);
	snprintf(say, SAY_MAX, "%llu:%llu", (unsigned long long)r.rlim_cur,
		 (unsigned long long)r.rlim_max);
}

static long core_raise(void)
{
	static const struct rlimit r = { 4096, 4096 };

	return outcome(setrlimit(RLIMIT_CORE, &r));
}

/* A dying process leaves no core, whatever pattern the machine has. */
static void core_dump(char *say)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		abort();
	waitpid(pid, &status, 0);
	strcpy(say, WCOREDUMP(status) ? "dumped" : "none");
}

/* Forks until it is refused, bounded; says the limit that would explain it: the next power of
 * two. */
static void fork_bomb(char *say)
{
	int n = 0, limit = 1, err = 0;

	setpgid(0, 0); /* so that the end of the bomb is nobody else's */
	for (; n < FORKS_MAX && err == 0; n++) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		err = pid < 0 ? errno : 0;
	}
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	while (limit < n)
		limit *= 2;
	if (err == 0)
		strcpy(say, "unbounded");
	else
		snprintf(say, SAY_MAX, "%s:%d", strerrorname_np(err), limit);
}

/* Touches more than the smallest profile gives. */
static void memory(char *say)
{
	size_t size = (size_t)MEMORY_MB << 20;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		strcpy(say, strerrorname_np(errno));
		return;
	}
	for (size_t i = 0; i < size; i += 4096)
		at[i] = 1;
	snprintf(say, SAY_MAX, "%dM", MEMORY_MB);
}

/* The private file systems are memory: each has an end, in bytes and in files. */
static void bounded(const char *path, char *say)
{
	struct statvfs s;

	if (statvfs(path, &s) < 0)
		strcpy(say, strerrorname_np(errno));
	else
		snprintf(say, SAY_MAX, "%lluM%s", (unsigned long long)s.f_blocks * s.f_frsize >> 20,
			 s.f_files > 0 && s.f_files < 1u << 24 ? "" : ",files-unbounded");
}

/* clang-format off */
static void tmp_size(char *say) { bounded("/tmp", say); }
static void shm_size(char *say) { bounded("/dev/shm", say); }
static void home_size(char *say) { bounded("/home/user", say); }
/* clang-format on */

/* Within what a profile gives; the caller may have had less to give. */
static void nofile(char *say)
{
	struct rlimit r = { 0, 0 };

	getrlimit(RLIMIT_NOFILE, &r);
	strcpy(say, r.rlim_max <= 256     ? "at-most-256"
		    : r.rlim_max <= 65536 ? "at-most-65536"
					  : "more");
}

static long more_files(void)
{
	struct rlimit r = { 0, 0 };

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_max++;
	return outcome(setrlimit(RLIMIT_NOFILE, &r));
}

static long nicer(void)
{
	return outcome(setpriority(PRIO_PROCESS, 0, -5));
}

/* clang-format off */
const struct probe limit_probes[] = {
	TELL("core-limit",   core_limit),
	RUN("core-raise",    core_raise),
	TELL("core-dump",    core_dump),
	TELL("fork-bomb",    fork_bomb),
	TELL("memory-300M",  memory),
	TELL("size-tmp",     tmp_size),
	TELL("size-shm",     shm_size),
	TELL("size-home",    home_size),
	TELL("nofile",       nofile),
	RUN("nofile-raise",  more_files),
	RUN("nice-less",     nicer),
	{ 0 }
};
