#include "broker_world.h"

#include <linux/audit.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "kern/door.h"
#include "kern/scm.h"
#include "kern/sys.h"
#include "policy/bpf.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define COUNTED(a) .n##a = COUNT(a##_rules), .a = a##_rules

struct shared *shared;

/* ---- the plan ---- */

static const struct file_rule read_rules[] = { { "/", { .file = "t", .line = 1 } } };
static const struct file_rule write_rules[] = { { "/t/w", { .file = "t", .line = 2 } },
						{ "/t/ro", { .file = "t", .line = 3 } },
						{ "/proc", { .file = "t", .line = 4 } } };
static const struct file_rule deny_read_rules[] = { { "**/.env", { .file = "t", .line = 5 } } };
static const struct file_rule deny_write_rules[] = { { "**/hooks/**",
						       { .file = "t", .line = 6 } } };
static const struct file_rule hidden_rules[] = { { "/t/hidden", { .file = "t", .line = 7 } } };
static const struct socket_rule socket_rules[] = { { .family = AF_UNIX, .types = ~0u } };
static const uint32_t prctl_list[] = { PR_GET_DUMPABLE };

#define NAMES(call)                                                                                \
	{                                                                                          \
		.name = #call, .nr = SYS_##call, .mediator = MEDIATE_NAMES, .err = EACCES          \
	}

#define ADDRESS(call)                                                                              \
	{                                                                                          \
		.name = #call, .nr = SYS_##call, .mediator = MEDIATE_ADDRESS, .err = EACCES        \
	}

static struct plan_call calls[] = {
#ifdef SYS_open
	{ .name = "open", .nr = SYS_open, .mediator = MEDIATE_OPEN, .err = EACCES },
#endif
	{ .name = "socket",
	  .nr = SYS_socket,
	  .mediator = MEDIATE_SOCKET,
	  .err = EACCES,
	  .fix = "add it" },
#ifdef SYS_creat
	{ .name = "creat", .nr = SYS_creat, .mediator = MEDIATE_OPEN, .err = EACCES },
#endif
	{ .name = "getpriority", .nr = SYS_getpriority, .mediator = MEDIATE_DENY, .err = EPERM },
	{ .name = "prctl", .nr = SYS_prctl, .mediator = MEDIATE_PRCTL, .err = EPERM },
	{ .name = "openat", .nr = SYS_openat, .mediator = MEDIATE_OPEN, .err = EACCES },
	{ .name = "unshare", .nr = SYS_unshare, .mediator = MEDIATE_CLONE, .err = EPERM },
	{ .name = "openat2", .nr = SYS_openat2, .mediator = MEDIATE_OPEN, .err = EACCES },
#ifdef SYS_rename
	NAMES(rename),
	NAMES(link),
	NAMES(unlink),
	NAMES(rmdir),
	NAMES(symlink),
	NAMES(mkdir),
	NAMES(mknod),
#endif
	NAMES(renameat),
	NAMES(renameat2),
	NAMES(linkat),
	NAMES(unlinkat),
	NAMES(symlinkat),
	NAMES(mkdirat),
	NAMES(mknodat),
	NAMES(truncate),
	ADDRESS(connect),
	ADDRESS(bind),
	ADDRESS(sendto),
	ADDRESS(sendmsg),
	ADDRESS(sendmmsg),
};

static int by_number(const void *a, const void *b)
{
	return ((const struct plan_call *)a)->nr - ((const struct plan_call *)b)->nr;
}

struct broker_plan world_plan(void)
{
	qsort(calls, COUNT(calls), sizeof *calls, by_number);
	return (struct broker_plan){ .used = true,
				     .opens = true,
				     .names = true,
				     .addresses = true,
				     .id = "box",
				     .profile = "t",
				     .audit = AUDIT_DENIALS,
				     .ncalls = COUNT(calls),
				     .calls = calls,
				     .nsockets = COUNT(socket_rules),
				     .sockets = socket_rules,
				     .nprctls = COUNT(prctl_list),
				     .prctls = prctl_list,
				     .clone_forbidden = CLONE_NEWUSER | CLONE_NEWNS,
				     COUNTED(read),
				     COUNTED(write),
				     COUNTED(deny_read),
				     COUNTED(deny_write),
				     COUNTED(hidden),
				     .write_from = { .file = "t", .line = 9 } };
}

static int load_asking_filter(bool interruptible)
{
	struct bpf_rule rules[COUNT(calls)];
	struct arena a = { 0 };
	struct bpf_program p;
	struct err e;

	/* As plan_sendto() has it. */
	const struct bpf_case no_address = { .n = 1,
					     .tests = { { 4, BPF_OP_EQ, UINT64_MAX, 0 } },
					     .then = SECCOMP_RET_ALLOW };

	for (size_t i = 0; i < COUNT(calls); i++)
		rules[i] = (struct bpf_rule){ .nr = calls[i].nr,
					      .n = calls[i].nr == SYS_sendto,
					      .cases = &no_address,
					      .otherwise = SECCOMP_RET_USER_NOTIF };

	const struct bpf_arch arch = { ARCH,       COUNT(calls),      rules,
				       0x40000000, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS };
	const struct bpf_policy policy = { 1, &arch, SECCOMP_RET_KILL_PROCESS };

	EXPECT(bpf_compile(&a, &policy, &p, &e) == 0);
	return sys_seccomp_load(
		p.at, p.n,
		SECCOMP_FILTER_FLAG_NEW_LISTENER |
			(interruptible ? 0 : SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV));
}

/* ---- the world of a case ---- */

void put_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);

	EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static void make_world(void)
{
	EXPECT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	EXPECT(mount("t", "/mnt", "tmpfs", 0, NULL) == 0);
	EXPECT(chdir("/mnt") == 0 && mkdir("t", 0755) == 0 && mkdir("t/w", 0755) == 0 &&
	       mkdir("t/w/d", 0755) == 0);
	EXPECT(mkdir("t/w/hooks", 0755) == 0 && mkdir("t/r", 0755) == 0 &&
	       mkdir("t/ro", 0755) == 0);
	EXPECT(mkdir("proc", 0755) == 0 && mkdir("dev", 0755) == 0 && mkdir("old", 0755) == 0);
	put_file("t/f", "text", 0644);
	put_file("t/.env", "secret", 0644);
	put_file("t/w/f", "text", 0644);
	put_file("t/w/hooks/h", "text", 0644);
	put_file("t/r/f", "text", 0644);
	put_file("t/r/ff", "text", 0644);
	put_file("t/none", "text", 0);
	EXPECT(symlink("f", "t/link") == 0 && symlink("nowhere", "t/w/dangling") == 0);
	EXPECT(symlink("/proc/self/fd", "dev/fd") == 0 &&
	       symlink("/proc/self/fd/0", "dev/stdin") == 0);
	EXPECT(symlink("/proc/self/fd/1", "dev/stdout") == 0 && symlink("loop", "t/loop") == 0);
	EXPECT(mkfifo("t/w/fifo", 0666) == 0);
	EXPECT(mknod("dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	EXPECT(mknod("dev/tty", S_IFCHR | 0666, makedev(5, 0)) == 0);
	EXPECT(mount("ro", "t/ro", "tmpfs", 0, NULL) == 0);
	put_file("t/ro/f", "text", 0644);
	EXPECT(mount(NULL, "t/ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
	/* Where descriptors of another tree come from: the old root, detached. */
	EXPECT(sys_pivot_root(".", "old") == 0);
}

static int make_proc(void)
{
	OWN_FD fs = sys_fsopen("proc");

	EXPECT(fs >= 0 && sys_fsconfig_create(fs) == 0);

	int fd = sys_fsmount(fs, 0);

	EXPECT(fd >= 0);
	return fd;
}

struct parts {
	const struct world *w;
	int link[2];
	int door;
};

static void drop_all_capabilities(void)
{
	const struct sys_caps none = { 0 };

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sys_capset(&none) == 0);
}

static _Noreturn void be_workload(const struct parts *p)
{
	int listener;
	char c = 0;

	EXPECT(mount("proc", "/proc", "proc", 0, NULL) == 0);
	EXPECT(chdir("/t") == 0 && sys_umount2("/old", MNT_DETACH) == 0);
	umask(022);
	drop_all_capabilities();
	listener = load_asking_filter(p->w->interruptible);
	EXPECT(listener >= 0);
	EXPECT(write(p->link[1], &listener, sizeof listener) == sizeof listener);
	EXPECT(read(p->link[1], &c, 1) == 1);
	EXPECT(close(listener) == 0 && close(p->link[0]) == 0 && close(p->link[1]) == 0);
	shared->begun = 1;
	p->w->workload();
	_exit(0);
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static _Noreturn void be_broker(const struct parts *p)
{
	int number = -1, proc = make_proc();
	struct err e = { 0 };

	/* Not unshare: a process whose children go elsewhere can make no threads. */
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);

	EXPECT(pid >= 0);
	if (pid == 0)
		be_workload(p);
	EXPECT(read(p->link[0], &number, sizeof number) == sizeof number);

	int pidfd = sys_pidfd_open(pid, 0), listener = sys_pidfd_getfd(pidfd, number);

	EXPECT(pidfd >= 0 && listener >= 0 && write(p->link[0], "", 1) == 1);

	int keep[] = { listener, proc, shared->events[1], p->door };

	qsort(keep, COUNT(keep), sizeof *keep, by_value);
	if (p->w->nofile != 0) {
		const struct rlimit few = { p->w->nofile, p->w->nofile };

		EXPECT(setrlimit(RLIMIT_NOFILE, &few) == 0);
	}
	if (broker_confine(broker_needs(&p->w->plan), keep, COUNT(keep), &e) < 0)
		_exit(3);

	struct broker_job job = { .plan = &p->w->plan,
				  .listener = listener,
				  .proc = proc,
				  .events = shared->events[1],
				  .ask = -1,
				  .door = p->door,
				  .counters = &shared->counters };

	_exit(broker_serve(&job, &e) == 0 ? 0 : 4);
}

/* ---- whoever joins ---- */

static const char *door_path(void)
{
	static char path[64];

	snprintf(path, sizeof path, "/tmp/zviz-test-door-%d", getpid());
	return path;
}

static int open_door(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(at.sun_path, door_path());
	unlink(at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

int world_knock(pid_t broker)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char letter = 0;

	while (!shared->begun && shared->line == 0)
		usleep(1000);
	strcpy(at.sun_path, door_path());
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	for (int i = 0; i < 5000; i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		assert_int_equal(kill(broker, DOOR_KNOCK), 0);
		if (poll(&p, 1, 1) > 0)
			break;
	}
	assert_int_equal(recv(fd, &letter, 1, MSG_DONTWAIT), 1);
	if (letter == DOOR_COME)
		return fd;
	assert_int_equal(letter, DOOR_FULL);
	close(fd);
	return -1;
}

static pid_t workload_of(pid_t broker)
{
	char path[64];
	int pid = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", broker, broker);

	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

/* The filter asks about sendmsg, and as yet nobody answers: somebody who is not under it hands the listener over. */
static pid_t begin_helper(int connection, _Atomic int *listener)
{
	struct clone_args args = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);

	EXPECT(pid >= 0);
	if (pid > 0)
		return pid;
	while (*listener < 0)
		usleep(1000);
	EXPECT(scm_send(connection, "l", 1, *listener) == 0);
	_exit(0);
}

static _Noreturn void be_joined(int connection, void (*run)(void))
{
	_Atomic int *listener = mmap(NULL, sizeof *listener, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t helper;

	EXPECT(chdir("/t") == 0);
	umask(022);
	drop_all_capabilities();
	EXPECT(listener != MAP_FAILED);
	*listener = -1;
	helper = begin_helper(connection, listener);
	*listener = load_asking_filter(false);
	EXPECT(*listener >= 0);
	expect_exit(helper);
	EXPECT(close(*listener) == 0 && close(connection) == 0);
	run();
	_exit(0);
}

pid_t world_join(pid_t broker, int connection, void (*run)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int into = sys_pidfd_open(workload_of(broker), 0), status = -1;

		EXPECT(sys_setns(into, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET) == 0);
		close(into);

		pid_t inside = fork();

		EXPECT(inside >= 0);
		if (inside == 0)
			be_joined(connection, run);
		close(connection);
		EXPECT(waitpid(inside, &status, 0) == inside);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	close(connection);
	return pid;
}

void world_run(const struct world *w)
{
	struct world own = *w;
	struct parts p = { .w = &own };
	struct clone_args args = { .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET,
				   .exit_signal = SIGCHLD };
	int status = -1;

	p.door = open_door();

	own.plan.signals_interrupt = w->interruptible;
	own.plan.procfs = true; /* as the broker is given one */
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_true(shared != MAP_FAILED);
	assert_int_equal(pipe2(shared->events, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p.link), 0);

	pid_t pid = sys_clone3(&args);

	assert_true(pid >= 0);
	if (pid == 0) {
		make_world();
		if (w->furnish != NULL)
			w->furnish();
		be_broker(&p);
	}
	close(p.link[0]);
	close(p.link[1]);
	close(shared->events[1]);
	close(p.door);
	if (w->beside != NULL)
		w->beside(pid);
	unlink(door_path());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (shared->line != 0)
		fail_msg("EXPECT in line %d (errno %d, %s)", shared->line, shared->error,
			 strerror(shared->error));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the broker ended with status %#x", status);
}

void world_end(void)
{
	close(shared->events[0]);
	munmap(shared, sizeof *shared);
}

pid_t child(void (*run_child)(void))
{
	pid_t pid = fork();

	EXPECT(pid >= 0);
	if (pid == 0) {
		run_child();
		_exit(0);
	}
	return pid;
}

void expect_exit(pid_t pid)
{
	int status;

	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
}
