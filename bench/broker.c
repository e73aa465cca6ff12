/*
 * broker MODE FILE - what the kernel's side of a brokered open costs here: open+close of FILE by a child under a filter
 * that asks about openat, answered by as little as can answer. Nothing is checked: this is no sandbox.
 *
 *   bare     blocked in NOTIF_RECV, the path read, opened, installed and answered in one call
 *   naive    as it is usually written: epoll, /proc/PID/mem opened for each path, ADDFD, then an answer of its own
 *   answer   blocked in NOTIF_RECV, and only answered (the call goes on in the kernel)
 *
 * Prints nanoseconds: minimum, median and 99th percentile of single calls, as bench/open does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64) /* Linux 6.6 */
#endif

enum { ROUNDS = 20000, WARM_UP = 200, SYNC_WAKE_UP = 1, PATH_BYTES = 256 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static int ask_about_openat(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

/* The child tells its listener's number, waits until the parent has a copy, and measures. */
static _Noreturn void caller_main(int parent, const char *file)
{
	static uint64_t ns[ROUNDS];
	int listener = ask_about_openat();
	char go;

	if (listener < 0 || write(parent, &listener, sizeof listener) != sizeof listener ||
	    read(parent, &go, 1) != 1)
		die("listener");
	close(listener);
	for (int i = -WARM_UP; i < ROUNDS; i++) {
		uint64_t start = now_ns();
		int fd = openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			die(file);
		close(fd);
		if (i >= 0)
			ns[i] = now_ns() - start;
	}
	qsort(ns, ROUNDS, sizeof *ns, by_value);
	printf("%8lu %8lu %8lu\n", (unsigned long)ns[0], (unsigned long)ns[ROUNDS / 2],
	       (unsigned long)ns[ROUNDS * 99 / 100]);
	exit(0);
}

static void answer(int listener, uint64_t id, int64_t value, uint32_t flags)
{
	struct seccomp_notif_resp resp = { .id = id, .val = value, .flags = flags };

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static int install(int listener, uint64_t id, int fd, uint32_t flags)
{
	struct seccomp_notif_addfd add = {
		.id = id, .flags = flags, .srcfd = (uint32_t)fd, .newfd_flags = O_CLOEXEC
	};

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
}

static int bare_receive(int listener, int epoll, struct seccomp_notif *n)
{
	(void)epoll;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, n);
}

static void bare_serve(int listener, const struct seccomp_notif *n)
{
	char path[PATH_BYTES];
	struct iovec here = { path, sizeof path };
	struct iovec there = { (void *)(uintptr_t)n->data.args[1], sizeof path };
	int fd = process_vm_readv((pid_t)n->pid, &here, 1, &there, 1, 0) > 0
			 ? open(path, O_RDONLY | O_CLOEXEC)
			 : -1;

	install(listener, n->id, fd, SECCOMP_ADDFD_FLAG_SEND);
	close(fd);
}

static int naive_receive(int listener, int epoll, struct seccomp_notif *n)
{
	struct epoll_event ev;

	if (epoll_wait(epoll, &ev, 1, -1) != 1 || !(ev.events & EPOLLIN))
		return -1;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, n);
}

static void naive_serve(int listener, const struct seccomp_notif *n)
{
	char name[64], path[PATH_BYTES] = "";
	uint64_t id = n->id;

	snprintf(name, sizeof name, "/proc/%u/mem", n->pid);

	int mem = open(name, O_RDONLY | O_CLOEXEC);

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 ||
	    pread(mem, path, sizeof path, (off_t)n->data.args[1]) <= 0)
		perror("read the path");
	close(mem);

	int fd = open(path, O_RDONLY | O_CLOEXEC);

	answer(listener, n->id, install(listener, n->id, fd, 0), 0);
	close(fd);
}

static void answer_serve(int listener, const struct seccomp_notif *n)
{
	answer(listener, n->id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static const struct mode {
	const char *name;
	int (*receive)(int listener, int epoll, struct seccomp_notif *n);
	void (*serve)(int listener, const struct seccomp_notif *n);
	uint64_t flags;
} modes[] = {
	{ "bare", bare_receive, bare_serve, SYNC_WAKE_UP },
	{ "naive", naive_receive, naive_serve, 0 },
	{ "answer", bare_receive, answer_serve, SYNC_WAKE_UP },
};

static int take_listener(pid_t child, int from)
{
	int number, pidfd = (int)syscall(SYS_pidfd_open, child, 0), copy;

	if (pidfd < 0 || read(from, &number, sizeof number) != sizeof number)
		die("the child");
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (copy < 0)
		die("pidfd_getfd");
	return copy;
}

static void serve(const struct mode *m, pid_t child, int socket)
{
	struct seccomp_notif n;
	int listener = take_listener(child, socket), epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN };

	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev);
	if (m->flags != 0) /* older kernels do without */
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, m->flags);
	if (write(socket, "g", 1) != 1)
		die("the child");
	for (int served = 0; served < ROUNDS + WARM_UP; served++) {
		memset(&n, 0, sizeof n);
		if (m->receive(listener, epoll, &n) < 0)
			die("receive");
		m->serve(listener, &n);
	}
	/* What else the child opens goes on by itself. */
	close(listener);
}

int main(int argc, char **argv)
{
	const struct mode *m = modes;
	int sockets[2], status = 0;

	while (argc == 3 && m < modes + sizeof modes / sizeof *modes &&
	       strcmp(m->name, argv[1]) != 0)
		m++;
	if (argc != 3 || m == modes + sizeof modes / sizeof *modes) {
		fprintf(stderr, "usage: %s bare|naive|answer FILE\n", argv[0]);
		return 1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		die("socketpair");

	pid_t child = fork();

	if (child == 0)
		caller_main(sockets[0], argv[2]);
	serve(m, child, sockets[1]);
	waitpid(child, &status, 0);
	return status != 0;
}
