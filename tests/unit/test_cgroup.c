/*
 * Control groups for real, below the caller's own: needs a host where groups can be made (root, or
 * a delegated group). Where there is none, the tests are skipped and say so.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/cgroup.h"
#include "kern/probe.h"
#include "kern/sys.h"

/* Last: cmocka has a macro called fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define MEGABYTES_64 "67108864"

/* What every test starts from: this host, a plan with limits for memory and processes. */
struct setting {
	struct host host;
	struct plan plan;
	struct plan_limit limits[2];
	char id[32];
	struct cgroup c;
	struct err e;
};

static void prepare(struct setting *s)
{
	const struct host_cgroup *h = &s->host.cgroup;
	uint32_t wanted = CGROUP_MEMORY | CGROUP_PIDS;

	memset(s, 0, sizeof *s);
	assert_int_equal(probe_host(&s->host, &s->e), 0);
	snprintf(s->id, sizeof s->id, "test-%d", getpid());
	s->limits[0] = (struct plan_limit){
		0, "memory.max", MEGABYTES_64, "memory.limit_in_bytes", MEGABYTES_64, false, { 0 }
	};
	s->limits[1] = (struct plan_limit){ 2, "pids.max", "4", "pids.max", "4", false, { 0 } };
	s->plan = (struct plan){
		.id = s->id, .host = &s->host, .cgroup = true, .nlimits = 2, .limits = s->limits
	};
	s->plan.cgroup_v2 = wanted & h->v2_controllers;
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++)
		if (wanted & ~s->plan.cgroup_v2 & 1u << i && h->v1_parent[i][0] != '\0')
			s->plan.cgroup_v1 |= 1u << i;
	if ((s->plan.cgroup_v1 | s->plan.cgroup_v2) != wanted) {
		fprintf(stderr, "no group can be made here for memory and pids\n");
		skip();
	}
}

static void created(struct setting *s)
{
	prepare(s);
	if (cgroup_create(&s->plan, &s->c, &s->e) < 0)
		fail_msg("%s (%s)", s->e.text, s->e.hint);
}

static void removed(struct setting *s)
{
	if (cgroup_remove(&s->c, &s->e) < 0)
		fail_msg("%s", s->e.text);
}

static const struct cgroup_group *group_of(const struct setting *s, uint32_t controller)
{
	for (size_t i = 0; i < s->c.n; i++)
		if (s->c.at[i].controllers & controller)
			return &s->c.at[i];
	fail_msg("no group for controller %#x", controller);
	return &s->c.at[0];
}

/* A child in the groups: 0 in the child. */
static pid_t enter(struct setting *s)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (cgroup_fd(&s->c) >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd(&s->c);
	}

	pid_t pid = sys_clone3(&args);

	if (pid == 0 && cgroup_enter(&s->c, &s->e) < 0)
		_exit(99);
	assert_true(pid >= 0);
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void limits_are_written(void **state)
{
	struct setting s;
	struct arena a = { 0 };
	char *text;

	(void)state;
	created(&s);

	const struct cgroup_group *memory = group_of(&s, CGROUP_MEMORY),
				  *pids = group_of(&s, CGROUP_PIDS);

	assert_int_equal(file_read(memory->dir, memory->v2 ? "memory.max" : "memory.limit_in_bytes",
				   100, &a, &text, NULL, &s.e),
			 0);
	assert_string_equal(text, MEGABYTES_64 "\n");
	assert_int_equal(file_read(pids->dir, "pids.max", 100, &a, &text, NULL, &s.e), 0);
	assert_string_equal(text, "4\n");
	removed(&s);
	arena_free(&a);
}

/* Forks until it is refused; says how many children it got and why it ended. */
static _Noreturn void fork_all(void)
{
	int n = 0;

	for (;; n++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				pause();
		if (pid < 0)
			break;
		if (n == 20)
			break;
	}
	_exit(errno == EAGAIN ? n : 98);
}

static void pids_limit_holds_and_kill_empties(void **state)
{
	struct setting s;
	struct cgroup_usage used;

	(void)state;
	created(&s);

	pid_t pid = enter(&s);

	if (pid == 0)
		fork_all();

	int status = status_of(pid);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3); /* itself and three */
	assert_true(cgroup_populated(&s.c));
	cgroup_read_usage(&s.c, &used);
	assert_int_equal(used.pids_refused, 1);
	assert_int_equal(cgroup_kill(&s.c, &s.e), 0);
	removed(&s);
}

/* Uses more memory than its limit. */
static _Noreturn void eat(void)
{
	enum { TOO_MUCH = 256 * 1024 * 1024 };
	volatile char *p = malloc(TOO_MUCH);

	for (size_t i = 0; p != NULL && i < TOO_MUCH; i += 4096)
		p[i] = 1;
	_exit(0);
}

static void memory_limit_kills_and_is_counted(void **state)
{
	struct setting s;
	struct cgroup_usage used;

	(void)state;
	created(&s);

	const struct cgroup_group *g = group_of(&s, CGROUP_MEMORY);

	/* Swap would take what does not fit. */
	if (file_set(g->dir, g->v2 ? "memory.swap.max" : "memory.swappiness", "0", &s.e) < 0)
		assert_int_equal(s.e.no, ENOENT);

	pid_t pid = enter(&s);

	if (pid == 0)
		eat();

	int status = status_of(pid);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	cgroup_read_usage(&s.c, &used);
	assert_int_equal(used.oom_kills, 1);
	assert_true(used.memory_peak <= strtoull(MEGABYTES_64, NULL, 10));
	assert_true(used.memory_peak > 32 * 1024 * 1024);
	removed(&s);
}

/* What a launcher that was killed leaves: processes in the groups, and only paths to find them. */
static void reopened_by_path(void **state)
{
	struct setting s;
	struct arena a = { 0 };
	struct buf paths = { .arena = &a };

	(void)state;
	created(&s);

	size_t n = s.c.n;
	int below = s.c.at[n - 1].dir;

	assert_true(n >= 1);
	cgroup_paths(&s.c, &paths);
	assert_int_equal(mkdirat(below, "inner", 0755), 0);
	assert_int_equal(mkdirat(below, "inner/deeper", 0755), 0);

	pid_t pid = enter(&s);

	if (pid == 0)
		for (;;)
			pause();
	cgroup_close(&s.c);
	assert_int_equal(cgroup_reopen(buf_text(&paths), &s.c, &s.e), 0);
	assert_int_equal(s.c.n, n);
	while (!cgroup_populated(&s.c))
		usleep(100);
	assert_int_equal(cgroup_kill(&s.c, &s.e), 0);
	assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
	removed(&s);
	assert_int_equal(cgroup_reopen(buf_text(&paths), &s.c, &s.e), 0);
	assert_int_equal(s.c.n, 0); /* all are gone */
	arena_free(&a);
}

static void name_in_use_is_refused(void **state)
{
	struct setting s;
	struct cgroup second;

	(void)state;
	created(&s);

	pid_t pid = enter(&s);

	if (pid == 0)
		for (;;)
			pause();
	while (!cgroup_populated(&s.c))
		usleep(100);
	/* v1 groups are entered by the child itself, a little later than the v2 one */
	usleep(20000);
	assert_int_equal(cgroup_create(&s.plan, &second, &s.e), -EEXIST);
	assert_non_null(strstr(s.e.text, s.id));
	assert_non_null(strstr(s.e.hint, "delete --force"));
	assert_int_equal(second.n, 0);
	assert_true(cgroup_populated(&s.c));
	assert_int_equal(cgroup_kill(&s.c, &s.e), 0);
	assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
	removed(&s);
}

static void empty_leftover_is_replaced(void **state)
{
	struct setting s;
	struct cgroup second;

	(void)state;
	created(&s);
	assert_int_equal(cgroup_create(&s.plan, &second, &s.e), 0);
	assert_int_equal(cgroup_remove(&second, &s.e), 0);
	removed(&s);
}

static void failure_leaves_nothing(void **state)
{
	struct setting s;

	(void)state;
	prepare(&s);
	s.limits[1].v1_value = s.limits[1].v2_value = "many";
	assert_int_equal(cgroup_create(&s.plan, &s.c, &s.e), -EINVAL);
	assert_non_null(strstr(s.e.text, "controller pids"));
	assert_non_null(strstr(s.e.text, "pids.max"));
	assert_int_not_equal(s.e.hint[0], '\0');
	assert_int_equal(s.c.n, 0);
	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		char path[CGROUP_PATH_MAX];

		snprintf(path, sizeof path, "%s/zviz-%s", s.host.cgroup.v1_parent[i], s.id);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void optional_file_may_be_absent(void **state)
{
	struct setting s;

	(void)state;
	prepare(&s);
	s.limits[0].v1_file = s.limits[0].v2_file = "memory.there_is_no_such_file";
	assert_int_equal(cgroup_create(&s.plan, &s.c, &s.e), -ENOENT);
	s.limits[0].optional = true;
	assert_int_equal(cgroup_create(&s.plan, &s.c, &s.e), 0);
	removed(&s);
}

static void only_groups_are_opened(void **state)
{
	static const char *const bad[] = { "/tmp", "tmp", "/proc/self/fd", "/\n", "\n" };
	struct cgroup c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_true(cgroup_reopen(bad[i], &c, &e) < 0);
}

static void ids_are_names(void **state)
{
	static const char *const bad[] = { "", "/", "a/b", "../b", "a\nb" };
	struct host h = { 0 };
	struct cgroup c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct plan p = { .id = bad[i], .host = &h, .cgroup = true };

		assert_int_equal(cgroup_create(&p, &c, &e), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_written),
		cmocka_unit_test(pids_limit_holds_and_kill_empties),
		cmocka_unit_test(memory_limit_kills_and_is_counted),
		cmocka_unit_test(reopened_by_path),
		cmocka_unit_test(name_in_use_is_refused),
		cmocka_unit_test(empty_leftover_is_replaced),
		cmocka_unit_test(failure_leaves_nothing),
		cmocka_unit_test(optional_file_may_be_absent),
		cmocka_unit_test(only_groups_are_opened),
		cmocka_unit_test(ids_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
