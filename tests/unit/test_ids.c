/*
 * Id maps of a real child, and what an unprivileged caller may and may not write.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/idmap.h"
#include "box/ids.h"
#include "kern/sys.h"

/* Last: cmocka has a macro called fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { UNPRIVILEGED = 65534 };

/* A child in a new user namespace that waits to be killed; skips where none can be made. */
static pid_t child_in_userns(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0) {
		fprintf(stderr, "no user namespace can be made here: %s\n", strerror(-pid));
		skip();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A file of /proc/PID with every run of spaces made one, the first dropped. */
static void read_proc(pid_t pid, const char *file, char out[256])
{
	char path[64], text[256];
	FILE *f;
	size_t n, used = 0;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		if (text[i] != ' ' || (used > 0 && out[used - 1] != ' ' && out[used - 1] != '\n'))
			out[used++] = text[i];
	out[used] = '\0';
}

static struct plan plan_with(enum id_mapping mapping, struct id_map *maps, size_t n)
{
	struct plan p = { .mapping = mapping };

	p.uid_maps.at = p.gid_maps.at = maps;
	p.uid_maps.n = p.gid_maps.n = n;
	return p;
}

static void need_root(void)
{
	if (geteuid() != 0) {
		fprintf(stderr, "only root can write these maps\n");
		skip();
	}
}

static void privileged_caller_writes_several(void **state)
{
	struct id_map maps[] = { { 0, 100000, 1000 }, { 1000, 200000, 5 } };
	struct plan p = plan_with(IDS_WRITE, maps, 2);
	char text[256];
	struct err e;

	(void)state;
	need_root();

	pid_t pid = child_in_userns();

	p.may_set_groups = true;
	if (ids_write(&p, pid, &e) < 0)
		fail_msg("%s", e.text);
	read_proc(pid, "uid_map", text);
	assert_string_equal(text, "0 100000 1000\n1000 200000 5\n");
	read_proc(pid, "gid_map", text);
	assert_string_equal(text, "0 100000 1000\n1000 200000 5\n");
	read_proc(pid, "setgroups", text);
	assert_string_equal(text, "allow\n");
	end(pid);
}

static void setgroups_is_denied_unless_planned(void **state)
{
	struct id_map maps[] = { { 0, 100000, 1000 } };
	struct plan p = plan_with(IDS_WRITE, maps, 1);
	char text[256];
	struct err e;

	(void)state;
	need_root();

	pid_t pid = child_in_userns();

	assert_int_equal(ids_write(&p, pid, &e), 0);
	read_proc(pid, "setgroups", text);
	assert_string_equal(text, "deny\n");
	end(pid);
}

static void overlap_is_refused_with_advice(void **state)
{
	struct id_map maps[] = { { 0, 100000, 1000 }, { 500, 300000, 5 } };
	struct plan p = plan_with(IDS_WRITE, maps, 2);
	struct err e;

	(void)state;
	need_root();

	pid_t pid = child_in_userns();

	assert_int_equal(ids_write(&p, pid, &e), -EINVAL);
	assert_non_null(strstr(e.text, "uid_map"));
	assert_non_null(strstr(e.hint, "overlap"));
	end(pid);
}

static void too_many_ranges_are_refused(void **state)
{
	static struct id_map maps[400];
	struct plan p = plan_with(IDS_WRITE, maps, COUNT(maps));
	struct err e;

	(void)state;
	need_root();
	for (unsigned i = 0; i < COUNT(maps); i++)
		maps[i] = (struct id_map){ i, 1000000 + i, 1 };

	pid_t pid = child_in_userns();

	assert_int_equal(ids_write(&p, pid, &e), -E2BIG);
	p.mapping = IDS_HELPER;
	assert_int_equal(ids_write(&p, pid, &e), -E2BIG);
	end(pid);
}

static void gone_child_is_an_error(void **state)
{
	struct id_map maps[] = { { 0, 0, 1 } };
	struct plan p = plan_with(IDS_WRITE, maps, 1);
	struct err e;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ids_write(&p, pid, &e), -ENOENT);
	p.mapping = IDS_NONE;
	assert_int_equal(ids_write(&p, pid, &e), 0);
}

/* Runs `body` as an ordinary user in a process of its own; its exit status is the answer. */
static int as_ordinary_user(int (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 &&
		    (sys_setgroups(0, NULL) < 0 || sys_setresgid(UNPRIVILEGED) < 0 ||
		     sys_setresuid(UNPRIVILEGED) < 0))
			_exit(90);
		prctl(PR_SET_DUMPABLE,
		      1); /* changing ids took it, and with it /proc/PID of the children */
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* 0, or the number of what went wrong; 91: no namespace. */
static int single_id(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	struct id_map uid = { 0, geteuid(), 1 }, gid = { 0, getegid(), 1 };
	struct plan p = { .mapping = IDS_SINGLE };
	int ends[2], status, r;
	struct err e;
	char go;

	p.uid_maps.at = &uid;
	p.gid_maps.at = &gid;
	p.uid_maps.n = p.gid_maps.n = 1;
	if (pipe(ends) < 0)
		return 92;

	pid_t pid = sys_clone3(&args);

	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &go, 1) == 1 && getuid() == 0 && getgid() == 0 &&
				      sys_setgroups(0, NULL) == -EPERM
			      ? 0
			      : 1);
	}
	if (pid < 0)
		return 91;
	r = ids_write(&p, pid, &e);
	if (write(ends[1], "g", 1) != 1 || waitpid(pid, &status, 0) != pid)
		return 93;
	return r < 0 ? -r : status != 0 ? 94 : 0;
}

static void ordinary_user_maps_itself(void **state)
{
	(void)state;

	int r = as_ordinary_user(single_id);

	if (r == 91)
		skip();
	assert_int_equal(r, 0);
}

/* 0 when another's id is refused with advice. */
static int foreign_id(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	struct id_map maps[] = { { 0, 1, 1 } };
	struct plan p = plan_with(IDS_SINGLE, maps, 1);
	struct err e;
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return 91;

	int r = ids_write(&p, pid, &e);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r == -EPERM && e.hint[0] != '\0' ? 0 : 1;
}

static void ordinary_user_maps_nobody_else(void **state)
{
	(void)state;

	int r = as_ordinary_user(foreign_id);

	if (r == 91)
		skip();
	assert_int_equal(r, 0);
}

/* 0 when the helper's own words are in the error. */
static int ungranted_range(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	struct id_map maps[] = { { 0, geteuid(), 1 }, { 1, 5, 10 } };
	struct plan p = plan_with(IDS_HELPER, maps, 2);
	struct err e;
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return 91;

	int r = ids_write(&p, pid, &e);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (r == -ENOENT)
		return 91; /* newuidmap is not installed */
	return r == -EPERM && strncmp(e.text, "newuidmap: ", 11) == 0 && strlen(e.text) > 20 &&
			       strchr(e.text, '\n') == NULL && strstr(e.hint, "/etc/subuid") != NULL
		       ? 0
		       : 1;
}

static void helper_says_why_it_refuses(void **state)
{
	(void)state;

	int r = as_ordinary_user(ungranted_range);

	if (r == 91)
		skip();
	assert_int_equal(r, 0);
}

static void helper_writes_for_root(void **state)
{
	struct id_map maps[] = { { 0, 0, 1 } };
	struct plan p = plan_with(IDS_HELPER, maps, 1);
	char text[256];
	struct err e;

	(void)state;
	need_root();

	pid_t pid = child_in_userns();
	int r = ids_write(&p, pid, &e);

	if (r == -ENOENT) {
		end(pid);
		skip();
	}
	/* Root owns id 0: the helpers permit it without an entry. */
	if (r < 0)
		fail_msg("%s", e.text);
	read_proc(pid, "uid_map", text);
	assert_string_equal(text, "0 0 1\n");
	read_proc(pid, "gid_map", text);
	assert_string_equal(text, "0 0 1\n");
	end(pid);
}

static void no_id_is_not_root(void **state)
{
	struct id_map maps[] = { { 0, 100000, 10 }, { 1000, 200000, 1 } };
	const struct id_maps list = { .n = 2, .at = maps };

	(void)state;
	assert_int_equal(ids_outside(&list, 9), 100009);
	assert_int_equal(ids_outside(&list, 1000), 200000);
	assert_true(ids_outside(&list, 10) == ID_UNMAPPED);
	assert_true(ids_outside(&list, UINT32_MAX) == ID_UNMAPPED);
}

static void a_lost_namespace_is_an_error(void **state)
{
	struct plan p = { 0 };
	struct box b = { .plan = &p, .userns = -1 };
	const struct plan_mount m = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(idmap_userns(&b, &m, &e), -EBADF);
	assert_int_equal(e.no, EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(privileged_caller_writes_several),
		cmocka_unit_test(setgroups_is_denied_unless_planned),
		cmocka_unit_test(overlap_is_refused_with_advice),
		cmocka_unit_test(too_many_ranges_are_refused),
		cmocka_unit_test(gone_child_is_an_error),
		cmocka_unit_test(ordinary_user_maps_itself),
		cmocka_unit_test(ordinary_user_maps_nobody_else),
		cmocka_unit_test(helper_says_why_it_refuses),
		cmocka_unit_test(helper_writes_for_root),
		cmocka_unit_test(no_id_is_not_root),
		cmocka_unit_test(a_lost_namespace_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
