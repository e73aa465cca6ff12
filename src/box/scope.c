/*
 * A scope of systemd's as the container's group: asked for by zviz-scope (src/scope), which stands in it until init is
 * born there.
 */
#include "box/sequence.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"

enum {
	ANSWER_ROOM = 1024,
	ANSWER_WAIT_MS = 60 * 1000, /* the helper gives up after half of it */
	PERIOD_US = 100000,         /* systemd's own for CPUQuota= */
};

extern char **environ;

/* ---- what systemd is told of the limits: it writes its own idea of them again when it reloads ---- */

static const struct {
	const char *file, *property;
} properties[] = {
	{ "memory.max", "MemoryMax" }, { "memory.high", "MemoryHigh" },
	{ "memory.low", "MemoryLow" }, { "memory.swap.max", "MemorySwapMax" },
	{ "pids.max", "TasksMax" },    { "cpu.weight", "CPUWeight" },
	{ "io.weight", "IOWeight" },
};

/* "50000 100000": CPUQuotaPerSecUSec is the part of each second. */
static void add_quota(struct arena *a, struct strings *words, const char *value)
{
	uint64_t quota, period = PERIOD_US;
	const char *space = strchr(value, ' ');

	if (num_u64(arena_strndup(a, value, strcspn(value, " ")), &quota) < 0 ||
	    (space != NULL && num_u64(space + 1, &period) < 0) || period == 0 ||
	    quota > UINT64_MAX / 1000000)
		return;
	*LIST_ADD(a, words) = arena_printf(a, "CPUQuotaPerSecUSec=%llu",
					   (unsigned long long)(quota * 1000000 / period));
	if (period != PERIOD_US)
		*LIST_ADD(a, words) = arena_printf(a, "CPUQuotaPeriodUSec=%llu",
						   (unsigned long long)period);
}

static void add_limit(struct arena *a, struct strings *words, const struct plan_limit *l)
{
	uint64_t v;

	if (l->v2_file == NULL)
		return;
	if (strcmp(l->v2_file, "cpu.max") == 0) {
		add_quota(a, words, l->v2_value);
		return;
	}
	for (size_t i = 0; i < COUNT(properties); i++)
		if (strcmp(properties[i].file, l->v2_file) == 0 && num_bytes(l->v2_value, &v) == 0)
			*LIST_ADD(a, words) = arena_printf(a, "%s=%llu", properties[i].property,
							   (unsigned long long)v);
}

static char **words_of(struct box *b)
{
	const struct plan *p = b->plan;
	struct strings words = { 0 };

	*LIST_ADD(b->arena, &words) = b->opt->scope_helper;
	if (p->group.user)
		*LIST_ADD(b->arena, &words) = "--user";
	*LIST_ADD(b->arena, &words) = p->group.unit;
	*LIST_ADD(b->arena, &words) = p->group.slice;
	*LIST_ADD(b->arena, &words) = p->id;
	for (size_t i = 0; i < p->nlimits; i++)
		add_limit(b->arena, &words, &p->limits[i]);
	*LIST_ADD(b->arena, &words) = NULL;
	return (char **)(uintptr_t)words.at;
}

/* ---- the helper ---- */

static int spawn(struct box *b, const int to[2], const int from[2], struct err *e)
{
	posix_spawn_file_actions_t files;
	int no;

	if (posix_spawn_file_actions_init(&files) != 0)
		return fail(e, ENOMEM, "%s: %m", b->opt->scope_helper);
	no = posix_spawn_file_actions_adddup2(&files, to[0], STDIN_FILENO);
	if (no == 0)
		no = posix_spawn_file_actions_adddup2(&files, from[1], STDOUT_FILENO);
	if (no == 0)
		no = posix_spawn(&b->scope, b->opt->scope_helper, &files, NULL, words_of(b),
				 environ);
	posix_spawn_file_actions_destroy(&files);
	if (no == 0)
		return 0;
	b->scope = 0;
	fail(e, no, "--systemd-cgroup needs %s: %m", b->opt->scope_helper);
	return advise(e, "install it (it is built where libsystemd's headers are), or leave the "
			 "option out");
}

/* The helper's one line, without its end; "" when it said nothing. */
static void hear(int fd, char out[ANSWER_ROOM])
{
	size_t len = 0;
	ssize_t n = 1;

	while (len < ANSWER_ROOM - 1 && n > 0 && memchr(out, '\n', len) == NULL) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int r = poll(&p, 1, ANSWER_WAIT_MS);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		n = read(fd, out + len, ANSWER_ROOM - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	out[len] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* Its group was written down before it existed: systemd has to have made just that. */
static int judge(const struct box *b, const char *said, struct err *e)
{
	const struct plan_group *g = &b->plan->group;

	if (strncmp(said, "error ", strlen("error ")) == 0) {
		fail(e, EIO, "systemd: %s", said + strlen("error "));
		return advise(e, "see `systemctl status`; without --systemd-cgroup zviz makes its "
				 "control groups itself");
	}
	if (strncmp(said, "ok /", strlen("ok /")) != 0)
		return fail(e, EIO, "systemd: %s said nothing", b->opt->scope_helper);
	if (strcmp(said + strlen("ok /"), g->path) != 0)
		return fail(e, EIO, "systemd: the scope's group is %s, not /%s",
			    said + strlen("ok "), g->path);
	return 0;
}

int step_scope_make(struct box *b, struct err *e)
{
	char said[ANSWER_ROOM];
	int to[2], from[2], r;

	if (pipe2(to, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe: %m");
	if (pipe2(from, O_CLOEXEC) < 0) {
		fail(e, errno, "pipe: %m");
		close(to[0]);
		close(to[1]);
		return -e->no;
	}
	r = spawn(b, to, from, e);
	close(to[0]);
	close(from[1]);
	b->scope_end = to[1];
	if (r >= 0) {
		hear(from[0], said);
		r = judge(b, said, e);
	}
	close(from[0]);
	if (r < 0)
		undo_scope_make(b);
	return r;
}

void undo_scope_make(struct box *b)
{
	if (b->scope <= 0)
		return;
	/* Closing the pipe would do, but init has a copy of this end until it execs. */
	kill(b->scope, SIGKILL);
	fd_close(&b->scope_end);
	while (waitpid(b->scope, NULL, 0) < 0 && errno == EINTR)
		;
	b->scope = 0;
}
