/*
 * naive COMMAND…: runs COMMAND under a broker as it must not be written. It reads the path, and lets the kernel perform the
 * call if the path may be used (SECCOMP_USER_NOTIF_FLAG_CONTINUE), which then reads the path again. That is all that it
 * does: it is no sandbox, and here to show that tests/race finds such a thing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_ROOM = 256, NONE = -1, CALLS_MAX = 32 };

/* Which arguments are paths and, of calls that open, which are flags. */
static const struct call {
	int nr, paths[2], flags;
	int address; /* 0 but for calls of sockets, whose address this argument is or, of messages, leads to */
	bool message;
} calls[] = {
#ifdef SYS_open
	{ SYS_open, { 0, NONE }, 1 },
	{ SYS_creat, { 0, NONE }, NONE },
	{ SYS_rename, { 0, 1 }, NONE },
	{ SYS_link, { 0, 1 }, NONE },
	{ SYS_symlink, { NONE, 1 }, NONE },
	{ SYS_unlink, { 0, NONE }, NONE },
	{ SYS_rmdir, { 0, NONE }, NONE },
	{ SYS_mkdir, { 0, NONE }, NONE },
	{ SYS_mknod, { 0, NONE }, NONE },
	{ SYS_renameat, { 1, 3 }, NONE },
#endif
	{ SYS_openat, { 1, NONE }, 2 },
	{ SYS_openat2, { 1, NONE }, 2 },
	{ SYS_renameat2, { 1, 3 }, NONE },
	{ SYS_linkat, { 1, 3 }, NONE },
	{ SYS_symlinkat, { NONE, 2 }, NONE },
	{ SYS_unlinkat, { 1, NONE }, NONE },
	{ SYS_mkdirat, { 1, NONE }, NONE },
	{ SYS_mknodat, { 1, NONE }, NONE },
	{ SYS_truncate, { 0, NONE }, NONE },
	{ SYS_execve, { 0, NONE }, NONE },
	{ SYS_execveat, { 1, NONE }, NONE },
	{ SYS_connect, { NONE, NONE }, NONE, 1, false },
	{ SYS_sendto, { NONE, NONE }, NONE, 4, false },
	{ SYS_sendmsg, { NONE, NONE }, NONE, 1, true },
	{ SYS_sendmmsg, { NONE, NONE }, NONE, 1, true },
};

enum { NCALLS = sizeof calls / sizeof *calls };

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- the side that is asked about ---- */

static int ask(void)
{
	struct sock_filter code[NCALLS + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { NCALLS + 3, code };

	for (unsigned i = 0; i < NCALLS; i++)
		code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (unsigned)calls[i].nr, NCALLS - i, 0);
	code[NCALLS + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[NCALLS + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

static _Noreturn void be_asked_about(int link, char **command)
{
	int listener = ask();
	char go;

	if (listener < 0 || write(link, &listener, sizeof listener) != sizeof listener ||
	    read(link, &go, 1) != 1)
		die("listener");
	close(listener);
	execv(command[0], command);
	die(command[0]);
}

/* ---- the side that answers ---- */

static bool read_memory(uint32_t tid, uint64_t from, void *to, size_t len)
{
	struct iovec here = { to, len }, there = { (void *)(uintptr_t)from, len };

	return process_vm_readv((pid_t)tid, &here, 1, &there, 1, 0) > 0;
}

static uint64_t flags_of(const struct call *call, const struct seccomp_notif *n)
{
	uint64_t flags = call->flags != NONE ? n->data.args[call->flags] : O_RDWR;
	struct open_how how = { 0 };

	if (call->nr == SYS_openat2 && read_memory(n->pid, flags, &how, sizeof how))
		flags = how.flags;
	return flags;
}

static bool is_fine_address(const struct call *call, const struct seccomp_notif *n)
{
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		char bytes[sizeof(struct sockaddr_storage)];
	} to = { 0 };
	uint64_t at = n->data.args[call->address];
	struct msghdr m;

	if (call->message) {
		if (!read_memory(n->pid, at, &m, sizeof m))
			return false;
		at = (uintptr_t)m.msg_name;
	}
	if (at == 0 || !read_memory(n->pid, at, &to, sizeof to.un - 1))
		return at == 0;
	if (to.any.sa_family == AF_UNIX)
		return strstr(to.un.sun_path, "/hooks/") == NULL;
	return to.any.sa_family != AF_INET ||
	       (ntohl(to.in.sin_addr.s_addr) >> 16) != (127 << 8 | 88);
}

static bool is_fine(const struct call *call, const struct seccomp_notif *n)
{
	char path[PATH_ROOM + 1] = "";
	uint64_t flags = flags_of(call, n);

	if (call->address != 0)
		return is_fine_address(call, n);
	for (unsigned i = 0; i < 2; i++) {
		if (call->paths[i] == NONE || flags & O_PATH)
			continue;
		if (!read_memory(n->pid, n->data.args[call->paths[i]], path, PATH_ROOM))
			return false;
		if (strstr(path, "/.env") != NULL)
			return false;
		if (strstr(path, "/hooks/") != NULL && (flags & O_ACCMODE) != O_RDONLY)
			return false;
	}
	return true;
}

static void answer(int listener, const struct seccomp_notif *n)
{
	struct seccomp_notif_resp resp = { .id = n->id };

	for (unsigned i = 0; i < NCALLS; i++)
		if (calls[i].nr == n->data.nr && !is_fine(&calls[i], n))
			resp.error = -EACCES;
	if (resp.error == 0)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static int take_listener(pid_t child, int link)
{
	int number, copy, pidfd = (int)syscall(SYS_pidfd_open, child, 0);

	if (pidfd < 0 || read(link, &number, sizeof number) != sizeof number)
		die("the child");
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (copy < 0 || write(link, "", 1) != 1)
		die("pidfd_getfd");
	return copy;
}

int main(int argc, char **argv)
{
	int link[2], status;
	pid_t child, server;

	if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) < 0)
		die("usage: naive COMMAND…");
	child = fork();
	if (child == 0)
		be_asked_about(link[0], argv + 1);

	int listener = take_listener(child, link[1]);

	server = fork();
	if (server == 0)
		for (;;) {
			struct seccomp_notif n = { 0 };

			/* After the end of all that are asked about, there is nobody to receive from. */
			if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0)
				answer(listener, &n);
			else if (errno != EINTR && errno != ENOENT)
				exit(0);
		}
	waitpid(child, &status, 0);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
