/*
 * Addresses of sockets, as hostile and as ordinary callers name them to a real broker: see broker_world.h.
 */
#include "broker_world.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/arena.h"
#include "base/fd.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* Where both halves of the race are not met in that time, as on a busy machine, it goes on for a while. */
enum { RACE_MS = 2500, RACE_PATIENCE_MS = 30000 };

/* Who listens at forbidden addresses says here that somebody came. */
static _Atomic int *reached;

static char letter[] = "x", letters[] = "abc";

static struct sockaddr_un named(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memcpy(un.sun_path, path, strlen(path));
	return un;
}

static int connect_to(int s, const char *path)
{
	struct sockaddr_un un = named(path);

	return connect(s, (struct sockaddr *)&un, sizeof un);
}

static int bind_to(int s, const char *path)
{
	struct sockaddr_un un = named(path);

	return bind(s, (struct sockaddr *)&un, sizeof un);
}

static int send_to(int s, const char *path, const void *data, size_t len)
{
	struct sockaddr_un un = named(path);

	return (int)sendto(s, data, len, 0, (struct sockaddr *)&un, sizeof un);
}

static int unix_socket(int type)
{
	int s = socket(AF_UNIX, type, 0);

	EXPECT(s >= 0);
	return s;
}

static int listener_at(const char *path)
{
	int s = unix_socket(SOCK_STREAM);

	EXPECT(bind_to(s, path) == 0 && listen(s, 100) == 0);
	return s;
}

/* ---- the other side: not under the filter ---- */

/* Of the world as it stands when the broker's begins: the new root is there, and the paths that matter are made. */
static void furnish(void)
{
	int fds[4];

	fds[0] = listener_at("t/w/hooks/s");
	fds[1] = listener_at("t/.env.sock");
	EXPECT(rename("t/.env.sock", "t/w/.env") == 0);
	fds[2] = unix_socket(SOCK_DGRAM);
	EXPECT(bind_to(fds[2], "t/w/hooks/d") == 0);
	fds[3] = listener_at("t/w/hooks/both");
	EXPECT(chmod("t/w/hooks/s", 0777) == 0 && chmod("t/w/.env", 0777) == 0 &&
	       chmod("t/w/hooks/d", 0777) == 0 && chmod("t/w/hooks/both", 0777) == 0);
	reached = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT(reached != MAP_FAILED);

	pid_t pid = fork();

	EXPECT(pid >= 0);
	if (pid != 0)
		return;
	for (;;) {
		struct pollfd p[4];

		for (unsigned i = 0; i < 4; i++)
			p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
		if (poll(p, 4, -1) > 0)
			atomic_fetch_add(reached, 1);
		nap();
	}
}

/* ---- cases ---- */

static void rules(void)
{
	int s = unix_socket(SOCK_STREAM), d = unix_socket(SOCK_DGRAM), other;
	struct sockaddr_un un = named("/t/w/hooks/d");
	struct iovec part = { letter, 1 };
	struct msghdr m = {
		.msg_name = &un, .msg_namelen = sizeof un, .msg_iov = &part, .msg_iovlen = 1
	};
	struct mmsghdr mm[2] = { { .msg_hdr = m }, { .msg_hdr = m } };

	EXPECT_ERRNO(connect_to(s, "/t/w/hooks/s"), EACCES);
	EXPECT_ERRNO(connect_to(s, "w/hooks/../hooks/s"), EACCES);
	EXPECT_ERRNO(connect_to(s, "/proc/self/cwd/w/hooks/s"), EACCES);
	EXPECT_ERRNO(connect_to(s, "/t/w/.env"), EACCES);
	EXPECT(symlink("hooks", "/t/w/way") == -1 || connect_to(s, "/t/w/way/s") == -1);
	EXPECT_ERRNO(connect_to(d, "/t/w/hooks/d"), EACCES);
	EXPECT_ERRNO(send_to(d, "/t/w/hooks/d", "x", 1), EACCES);
	EXPECT_ERRNO(sendmsg(d, &m, 0), EACCES);
	EXPECT_ERRNO(sendmmsg(d, mm, 2, 0), EACCES);
	EXPECT_ERRNO(bind_to(s, "/t/w/hooks/new"), EACCES);
	EXPECT_ERRNO(bind_to(s, "/t/r/new"), EACCES);
	EXPECT_ERRNO(bind_to(s, "/t/ro/new"), EROFS);
	EXPECT(access("/t/w/hooks/new", F_OK) == -1 && access("/t/r/new", F_OK) == -1);
	other = listener_at("/t/w/mine");
	EXPECT(connect_to(s, "/t/w/mine") == 0 && close(other) == 0 && close(s) == 0);
	EXPECT(atomic_load(reached) == 0);
}

/* What the kernel says of the same mistakes. */
static void mistakes(void)
{
	int s = unix_socket(SOCK_STREAM), file = open("/t/f", O_RDONLY);
	struct sockaddr_un un = named("/t/w/mine");
	struct sockaddr *a = (struct sockaddr *)&un;
	char huge[200] = { AF_UNIX };

	EXPECT_ERRNO(connect(-1, a, sizeof un), EBADF);
	EXPECT_ERRNO(connect(500, a, sizeof un), EBADF);
	EXPECT_ERRNO(connect(file, a, sizeof un), ENOTSOCK);
	EXPECT_ERRNO(connect(s, a, sizeof huge), EINVAL);
	EXPECT_ERRNO(connect(s, a, (socklen_t)-1), EINVAL);
	EXPECT_ERRNO(connect(s, (struct sockaddr *)huge, sizeof huge), EINVAL);
	EXPECT_ERRNO(syscall(SYS_connect, s, 8, 20), EFAULT);
	EXPECT_ERRNO(connect_to(s, "/t/missing"), ENOENT);
	EXPECT_ERRNO(connect_to(s, "/t/f"), ECONNREFUSED);
	EXPECT_ERRNO(connect_to(s, "/t/f/x"), ENOTDIR);
	EXPECT_ERRNO(connect_to(s, "/t/loop"), ELOOP);
	EXPECT_ERRNO(bind(s, a, 1), EINVAL);
	EXPECT_ERRNO(bind_to(s, "/t/missing/x"), ENOENT);
	EXPECT_ERRNO(bind_to(s, "/t/w/f"), EADDRINUSE);
	EXPECT_ERRNO(bind_to(s, "/t/w/"), EADDRINUSE);
	EXPECT_ERRNO(syscall(SYS_sendmsg, s, 8, 0), EFAULT);
	EXPECT_ERRNO(syscall(SYS_sendmmsg, s, 8, 1, 0), EFAULT);
	EXPECT(syscall(SYS_sendmmsg, s, 8, 0, 0) == 0);
	EXPECT(bind_to(s, "/t/w/mine") == 0);
	EXPECT_ERRNO(bind_to(s, "/t/w/mine2"), EINVAL);
}

/* A datagram's sender, its descriptors and lengths arrive as they do without a broker. */
static void messages(void)
{
	int from = unix_socket(SOCK_DGRAM), to = unix_socket(SOCK_DGRAM), pair[2], got = -1;
	_Alignas(8) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char text[16], back[16];
	struct sockaddr_un un = named("/t/w/to"), sender = { 0 };
	struct iovec part[2] = { { letters, 2 }, { letters + 2, 1 } }, room = { text, sizeof text };
	struct msghdr m = { .msg_name = &un,
			    .msg_namelen = sizeof un,
			    .msg_iov = part,
			    .msg_iovlen = 2,
			    .msg_control = control,
			    .msg_controllen = sizeof control };
	struct msghdr in = { .msg_name = &sender,
			     .msg_namelen = sizeof sender,
			     .msg_iov = &room,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof control };
	struct mmsghdr mm[3] = { { .msg_hdr = m }, { .msg_hdr = m }, { .msg_hdr = m } };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct stat st;

	umask(027);
	EXPECT(bind_to(from, "/t/w/from") == 0 && bind_to(to, "/t/w/to") == 0);
	EXPECT(stat("/t/w/to", &st) == 0 && (st.st_mode & 0777) == 0750);
	EXPECT(pipe(pair) == 0);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), &pair[1], sizeof(int));
	EXPECT(sendmsg(from, &m, 0) == 3);
	memset(control, 0, sizeof control);
	EXPECT(recvmsg(to, &in, 0) == 3 && memcmp(text, "abc", 3) == 0);
	EXPECT(strcmp(sender.sun_path, "/t/w/from") == 0);
	EXPECT(CMSG_FIRSTHDR(&in) != NULL);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&in)), sizeof got);
	EXPECT(write(got, "through", 7) == 7 && read(pair[0], back, sizeof back) == 7);
	got = 600; /* nothing there */
	memcpy(CMSG_DATA(c), &got, sizeof got);
	EXPECT_ERRNO(sendmsg(from, &m, 0), EBADF);
	for (unsigned i = 0; i < 3; i++)
		mm[i].msg_hdr.msg_controllen = 0;
	mm[1].msg_hdr.msg_iovlen = 1;
	EXPECT(sendmmsg(from, mm, 3, 0) == 3);
	EXPECT(mm[0].msg_len == 3 && mm[1].msg_len == 2 && mm[2].msg_len == 3);
	/* The second is refused: the first one counts, and the next call says why. */
	mm[1].msg_hdr.msg_name = &(struct sockaddr_un){ AF_UNIX, "/t/w/hooks/d" };
	mm[0].msg_len = 0;
	EXPECT(sendmmsg(from, mm, 3, 0) == 1 && mm[0].msg_len == 3);
	EXPECT_ERRNO(sendmmsg(from, mm + 1, 2, 0), EACCES);
	EXPECT(atomic_load(reached) == 0);
}

static void credentials(void)
{
	int pair[2], on = 1;
	_Alignas(8) char control[CMSG_SPACE(sizeof(struct ucred))] = { 0 };
	struct ucred who = { .pid = getpid(), .uid = getuid(), .gid = getgid() };
	struct iovec part = { letter, 1 };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	EXPECT(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof who),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_CREDENTIALS };
	memcpy(CMSG_DATA(c), &who, sizeof who);
	EXPECT(sendmsg(pair[0], &m, 0) == 1);
	memset(control, 0, sizeof control);
	EXPECT(recvmsg(pair[1], &m, 0) == 1);
	EXPECT(CMSG_FIRSTHDR(&m) != NULL);
	memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof who);
	EXPECT(who.pid == 0 && who.uid == getuid() && who.gid == getgid());
	who.pid = getpid() + 1;
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof who),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_CREDENTIALS };
	memcpy(CMSG_DATA(c), &who, sizeof who);
	EXPECT_ERRNO(sendmsg(pair[0], &m, 0), EPERM);
}

/* ---- SIGPIPE ---- */

static _Atomic int pipes;

static void on_pipe(int sig)
{
	(void)sig;
	atomic_fetch_add(&pipes, 1);
}

static void dies_of_it(void)
{
	struct iovec part = { letter, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	int pair[2];

	signal(SIGPIPE, SIG_DFL);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && close(pair[1]) == 0);
	sendmsg(pair[0], &m, 0);
}

static void sigpipe(void)
{
	struct iovec part = { letter, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	int pair[2], status;
	pid_t pid = child(dies_of_it);

	EXPECT(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGPIPE);
	signal(SIGPIPE, on_pipe);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && close(pair[1]) == 0);
	EXPECT_ERRNO(sendmsg(pair[0], &m, MSG_NOSIGNAL), EPIPE);
	EXPECT(atomic_load(&pipes) == 0);
	EXPECT_ERRNO(sendmsg(pair[0], &m, 0), EPIPE);
	EXPECT(atomic_load(&pipes) == 1);
}

/* ---- waiting ---- */

static void connect_full(void)
{
	int s = unix_socket(SOCK_STREAM);

	EXPECT(connect_to(s, "/t/w/full") == 0);
}

static void send_full(void)
{
	int s = unix_socket(SOCK_DGRAM);

	EXPECT(send_to(s, "/t/w/queue", "late", 4) == 4);
}

/* Who has to wait does so alone, is served when there is room, and waits no more when it is killed. */
static void waits(void)
{
	int s = unix_socket(SOCK_STREAM), d = unix_socket(SOCK_DGRAM), c, n = 0;
	char text[8];
	pid_t connecting, sending, killed[20];
	int status;

	EXPECT(bind_to(s, "/t/w/full") == 0 && listen(s, 0) == 0 && bind_to(d, "/t/w/queue") == 0);
	c = unix_socket(SOCK_STREAM);
	EXPECT(connect_to(c, "/t/w/full") == 0);
	c = unix_socket(SOCK_STREAM | SOCK_NONBLOCK);
	EXPECT_ERRNO(connect_to(c, "/t/w/full"), EAGAIN);
	c = unix_socket(SOCK_DGRAM | SOCK_NONBLOCK);
	while (send_to(c, "/t/w/queue", "x", 1) == 1)
		n++;
	EXPECT(errno == EAGAIN && n > 0);
	connecting = child(connect_full);
	sending = child(send_full);
	for (unsigned i = 0; i < COUNT(killed); i++)
		killed[i] = child(i % 2 ? connect_full : send_full);
	nap();
	/* Answered at all: what the others wait for comes further down. */
	for (unsigned i = 0; i < 100; i++)
		expect_text(open("/t/f", O_RDONLY), "text");
	for (unsigned i = 0; i < COUNT(killed); i++)
		EXPECT(kill(killed[i], SIGKILL) == 0 &&
		       waitpid(killed[i], &status, 0) == killed[i]);
	EXPECT(waitpid(connecting, &status, WNOHANG) == 0 &&
	       waitpid(sending, &status, WNOHANG) == 0);
	for (unsigned i = 0; i < 30; i++)
		nap(); /* the broker looks every 100 ms */
	EXPECT(accept(s, NULL, NULL) >= 0);
	expect_exit(connecting);
	while (n-- > 0)
		EXPECT(recv(d, text, sizeof text, 0) == 1);
	expect_exit(sending);
	EXPECT(recv(d, text, sizeof text, 0) == 4);
}

static void *drain(void *socket)
{
	static char text[65536];
	size_t got = 0;
	ssize_t n;

	while ((n = read(*(int *)socket, text, sizeof text)) > 0)
		got += (size_t)n;
	return (void *)got;
}

/* More than a socket's buffer, all of it by one call that waits. */
static void long_message(void)
{
	static char text[256 * 1024 + 5000];
	struct iovec part[2] = { { text, 200000 }, { text, 50000 } };
	struct msghdr m = { .msg_iov = part, .msg_iovlen = 2 };
	int pair[2], few = 4096;
	pthread_t reader;
	void *got;

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof few) == 0);
	EXPECT(pthread_create(&reader, NULL, drain, &pair[1]) == 0);
	EXPECT(sendmsg(pair[0], &m, 0) == 250000);
	part[0].iov_len = sizeof text;
	m.msg_iovlen = 1;
	EXPECT(sendmsg(pair[0], &m, 0) ==
	       256 * 1024); /* the most at once: the rest is another call */
	EXPECT(close(pair[0]) == 0 && pthread_join(reader, &got) == 0);
	EXPECT((size_t)got == 250000 + 256 * 1024);
	EXPECT(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	EXPECT_ERRNO(sendmsg(pair[0], &m, 0), EMSGSIZE);
}

/* The broker's limit is 1024 descriptors. */
static void leaks(void)
{
	_Alignas(8) char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct sockaddr_un un = named("/t/w/to");
	struct iovec part = { letter, 1 };
	int fds[2] = { 0, 900 }, to = unix_socket(SOCK_DGRAM);
	struct msghdr m = { .msg_name = &un,
			    .msg_namelen = sizeof un,
			    .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	EXPECT(bind_to(to, "/t/w/to") == 0);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fds),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	for (unsigned i = 0; i < 1500; i++) {
		int s = unix_socket(SOCK_STREAM);
		char name[32];

		EXPECT_ERRNO(connect_to(s, "/t/w/hooks/s"), EACCES);
		EXPECT_ERRNO(connect_to(s, "w/to"), EPROTOTYPE);
		EXPECT_ERRNO(sendmsg(to, &m, 0), EBADF);
		snprintf(name, sizeof name, "w/b%u", i);
		EXPECT(bind_to(s, name) == 0 && unlink(name) == 0 && close(s) == 0);
	}
}

/* ---- the race ---- */

static _Atomic int over;
static struct sockaddr_un flipping;
static int flipped = -1, mine = -1, dgram_mine = -1;

static void *flip_all(void *arg)
{
	static const char good[] = "/t/w/d/both", bad[] = "/t/w/hooks/both";
	int away = open("/t/f", O_RDONLY);

	(void)arg;
	while (!atomic_load(&over)) {
		memcpy(flipping.sun_path, bad, sizeof bad);
		syscall(SYS_dup3, mine, flipped, 0);
		EXPECT(chdir("/t/w/hooks") == 0);
		memcpy(flipping.sun_path, good, sizeof good);
		syscall(SYS_dup3, away, flipped, 0);
		EXPECT(chdir("/t/w/d") == 0);
		syscall(SYS_dup3, dgram_mine, flipped, 0);
	}
	return NULL;
}

static void *take_in(void *arg)
{
	const int *s = arg;

	for (;;) {
		int c = accept(*s, NULL, NULL);

		if (c >= 0)
			close(c);
	}
	return NULL;
}

/* One try of each way: what comes of it matters at the other side alone. */
static void attack(struct mmsghdr *mm, unsigned long *won)
{
	static const char *const ways[] = { "both", "/proc/self/cwd/both",
					    "/proc/thread-self/cwd/../d/both" };
	int s = unix_socket(SOCK_STREAM), d = unix_socket(SOCK_DGRAM), b = unix_socket(SOCK_DGRAM);
	struct sockaddr *a = (struct sockaddr *)&flipping;

	*won += connect(s, a, sizeof flipping) == 0;
	connect(flipped, a, sizeof flipping);
	sendto(d, "x", 1, MSG_DONTWAIT, a, sizeof flipping);
	sendto(flipped, "x", 1, MSG_DONTWAIT, a, sizeof flipping);
	sendmsg(d, &mm->msg_hdr, MSG_DONTWAIT);
	sendmmsg(d, mm, 1, MSG_DONTWAIT);
	for (unsigned i = 0; i < COUNT(ways); i++) {
		int c = unix_socket(SOCK_STREAM);

		connect_to(c, ways[i]);
		send_to(d, ways[i], "x", 1);
		close(c);
	}
	bind_to(b, "/proc/self/cwd/born");
	unlink("/t/w/d/born");
	close(s), close(d), close(b);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void race(void)
{
	struct iovec part = { letter, 1 };
	struct mmsghdr mm = { .msg_hdr = { .msg_name = &flipping,
					   .msg_namelen = sizeof flipping,
					   .msg_iov = &part,
					   .msg_iovlen = 1 } };
	uint64_t end = now_ms() + RACE_MS;
	unsigned long won = 0, tried = 0;
	pthread_t flipper, taker;
	int good = listener_at("/t/w/d/both");

	EXPECT(chdir("/t/w/d") == 0);
	flipping = named("/t/w/d/both");
	mine = unix_socket(SOCK_STREAM);
	dgram_mine = unix_socket(SOCK_DGRAM);
	flipped = dup(mine);
	EXPECT(pthread_create(&taker, NULL, take_in, &good) == 0);
	EXPECT(pthread_create(&flipper, NULL, flip_all, NULL) == 0);
	while (now_ms() < end ||
	       ((won == 0 || won == tried) && now_ms() < end + RACE_PATIENCE_MS)) {
		attack(&mm, &won);
		tried++;
	}
	atomic_store(&over, 1);
	EXPECT(pthread_join(flipper, NULL) == 0);
	EXPECT(won > 0 && won < tried); /* both halves of the race were met */
	EXPECT(access("/t/w/hooks/born", F_OK) == -1);
	EXPECT(atomic_load(reached) == 0);
}

/* ---- what runs them ---- */

static void run_with(struct broker_plan plan, void (*workload)(void), bool interruptible)
{
	world_run(&(struct world){ .workload = workload,
				   .plan = plan,
				   .interruptible = interruptible,
				   .furnish = furnish });
	world_end();
}

#define CASE(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		run_with(world_plan(), name, false);                                               \
	}

CASE(rules)
CASE(mistakes)
CASE(messages)
CASE(credentials)
CASE(sigpipe)
CASE(waits)
CASE(long_message)
CASE(leaks)
CASE(race)

/* As before Linux 5.19. */
static void test_waits_old(void **state)
{
	(void)state;
	run_with(world_plan(), waits, true);
}

static void abstract(void)
{
	const struct sockaddr_un un = { AF_UNIX, "\0box" };
	const socklen_t len = offsetof(struct sockaddr_un, sun_path) + 4;
	int s = unix_socket(SOCK_STREAM), d = unix_socket(SOCK_DGRAM);

	EXPECT(bind(s, (const struct sockaddr *)&un, len) == 0 && listen(s, 1) == 0);
	EXPECT_ERRNO(connect(unix_socket(SOCK_STREAM), (const struct sockaddr *)&un, len), EPERM);
	EXPECT_ERRNO(sendto(d, "x", 1, 0, (const struct sockaddr *)&un, len), EPERM);
}

/* With the host's network, Landlock keeps abstract sockets apart; the broker, which is in no domain, does as well. */
static void test_abstract(void **state)
{
	struct broker_plan plan = world_plan();

	(void)state;
	plan.abstract_apart = true;
	run_with(plan, abstract, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),     cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_messages),  cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_sigpipe),   cmocka_unit_test(test_waits),
		cmocka_unit_test(test_waits_old), cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_leaks),     cmocka_unit_test(test_race),
		cmocka_unit_test(test_abstract),
	};

#if SANITIZED
	puts("1..0 # SKIP the broker's filter forbids what a sanitizer does");
	return 0;
#endif
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	cmocka_set_test_filter(getenv("ONLY")); /* one test, to look at it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
