/*
 * probe list | probe all | probe NAME…: prints one line "NAME RESULT" for each. A result is "ok",
 * the name of an errno, "killed:SIGNAL" or a value. Outside a sandbox it refuses to start unless
 * told --i-am-inside.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A probe that hangs has not been refused. */
enum { PROBE_SECONDS = 20 };

static const struct probe *const themes[] = { call_probes,    namespace_probes, filter_probes,
					      socket_probes,  file_probes,      proc_probes,
					      process_probes, limit_probes };

long outcome(long ret)
{
	return ret < 0 ? -errno : 0;
}

void say_word(char *say, const char *word)
{
	size_t len = strlen(say);

	if (len + strlen(word) + 2 < SAY_MAX)
		snprintf(say + len, SAY_MAX - len, "%s%s", len == 0 ? "" : ",", word);
}

void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

static void try_one(const struct probe *p, char *say)
{
	long ret;

	if (p->tell != NULL) {
		p->tell(say);
		return;
	}
	if (p->run == NULL && p->nr == NO_SUCH_CALL) {
		strcpy(say, "absent");
		return;
	}
	ret = p->run != NULL ? p->run()
			     : outcome(syscall(p->nr, p->arg[0], p->arg[1], p->arg[2], p->arg[3],
					       p->arg[4], p->arg[5]));
	strcpy(say, ret >= 0 ? "ok" : strerrorname_np((int)-ret));
}

/* The child keeps nothing open but its answer's pipe, lowest of all but the standard three. */
static void child(const struct probe *p, int answer)
{
	char say[SAY_MAX] = "";

	alarm(PROBE_SECONDS);
	try_one(p, say);
	if (write(answer, say, strlen(say)) < 0)
		_exit(1);
	_exit(0);
}

static void report(const struct probe *p)
{
	char say[SAY_MAX] = "";
	int pipefd[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		printf("%s not-tried:%s\n", p->name, strerrorname_np(errno));
		return;
	}
	if (pid == 0)
		child(p, pipefd[1]);
	close(pipefd[1]);
	n = read(pipefd[0], say, sizeof say - 1);
	close(pipefd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		printf("%s killed:SIG%s\n", p->name, sigabbrev_np(WTERMSIG(status)));
	else
		printf("%s %s\n", p->name, n > 0 ? say : "nothing");
	fflush(stdout);
}

static const struct probe *find(const char *name)
{
	for (size_t t = 0; t < sizeof themes / sizeof *themes; t++)
		for (const struct probe *p = themes[t]; p->name != NULL; p++)
			if (strcmp(p->name, name) == 0)
				return p;
	return NULL;
}

static void each(void (*act)(const struct probe *))
{
	for (size_t t = 0; t < sizeof themes / sizeof *themes; t++)
		for (const struct probe *p = themes[t]; p->name != NULL; p++)
			act(p);
}

static void print_name(const struct probe *p)
{
	puts(p->name);
}

static bool inside(void)
{
	char status[8192];

	read_text("/proc/self/status", status, sizeof status);
	return strstr(status, "\nNoNewPrivs:\t1\n") != NULL &&
	       strstr(status, "\nSeccomp:\t2\n") != NULL;
}

/* What a set-uid copy of this program says of itself. */
static int print_ids(void)
{
	puts(geteuid() == getuid() && getegid() == getgid() ? "no-effect" : "raised");
	return 0;
}

/* The host's half of abstract-socket: listens until its standard input ends. */
static int listen_abstract(const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	strncpy(to.sun_path + 1, name, sizeof to.sun_path - 2);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, len) < 0 || listen(fd, 8) < 0) {
		perror("listen-abstract");
		return 1;
	}
	puts("listening");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	int at = 1;
	bool sure = argc > at && strcmp(argv[at], "--i-am-inside") == 0;

	at += sure;
	if (argc - at == 2 && strcmp(argv[at], "listen-abstract") == 0)
		return listen_abstract(argv[at + 1]);
	if (argc - at == 1 && strcmp(argv[at], "ids") == 0)
		return print_ids();
	if (argc - at == 1 && strcmp(argv[at], "list") == 0) {
		each(print_name);
		return 0;
	}
	if (argc - at < 1) {
		fputs("usage: probe [--i-am-inside] list | all | NAME…\n", stderr);
		return 2;
	}
	if (!sure && !inside()) {
		fputs("probe: not in a sandbox (NoNewPrivs 1 and Seccomp 2): nothing was tried\n",
		      stderr);
		return 2;
	}
	for (; at < argc; at++) {
		const struct probe *p = find(argv[at]);

		if (strcmp(argv[at], "all") == 0) {
			each(report);
		} else if (p != NULL) {
			report(p);
		} else {
			fprintf(stderr, "probe: no probe %s\n", argv[at]);
			return 2;
		}
	}
	return 0;
}
