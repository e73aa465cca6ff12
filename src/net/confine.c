/*
 * Without a resolver the holder has nothing left to do but to be there: it keeps a socket of the host's nftables open. So it gives up all that
 * it was started with. Whoever got hold of it could wait, and end.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/sys.h"
#include "net/dns.h"
#include "net/holder.h"
#include "net/log.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define PERMIT(nr)                                                                                 \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#ifdef __NR_poll
#define PERMIT_POLL PERMIT(__NR_poll), PERMIT(__NR_ppoll)
#else
#define PERMIT_POLL PERMIT(__NR_ppoll)
#endif

/* Loads the number of the call behind a part that loaded an argument. */
#define LOAD_CALL  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define LOAD_FIRST BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]))
#define KILL       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* What waiting takes. */
static const struct sock_filter waits[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	KILL,
	LOAD_CALL,
	PERMIT_POLL,
	PERMIT(__NR_recvmsg),
	PERMIT(__NR_sendto),
	/* Of whoever changes its rules (door.c). */
	PERMIT(__NR_accept4),
	PERMIT(__NR_sendmsg),
	PERMIT(__NR_pread64),
	/* A call where the machine has no clock that the vDSO can read. */
	PERMIT(__NR_clock_gettime),
	PERMIT(__NR_close),
	PERMIT(__NR_exit_group),
	PERMIT(__NR_exit),
	PERMIT(__NR_restart_syscall),
	PERMIT(__NR_rt_sigreturn),
};

/* What ending the container takes beside: the signal, and the one descriptor that says so (twin.c). */
static const struct sock_filter kills[] = {
	PERMIT(__NR_pidfd_send_signal),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 0, 4),
	LOAD_FIRST,
	PERMIT(NET_FD_REASON),
	LOAD_CALL,
};

/* What telling of refusals takes beside: one descriptor. */
static const struct sock_filter tells[] = {
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 0, 4),
	LOAD_FIRST,
	PERMIT(NET_FD_EVENTS),
	LOAD_CALL,
};

/* What a resolver takes beside: it answers, and asks from sockets of its own, which are of IPv4 or IPv6. */
static const struct sock_filter resolves[] = {
	PERMIT(__NR_recvfrom),
	PERMIT(__NR_connect),
	PERMIT(__NR_getrandom),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 6),
	LOAD_FIRST,
	PERMIT(AF_INET),
	PERMIT(AF_INET6),
	LOAD_CALL,
};

/* What opening addresses for it takes beside. */
static const struct sock_filter opens[] = {
	PERMIT(__NR_recvfrom),
};

static const struct sock_filter ends[] = { KILL };

enum {
	CALLS_MAX = COUNT(waits) + COUNT(kills) + COUNT(tells) + COUNT(resolves) + COUNT(opens) +
		    COUNT(ends)
};

static int filter_calls(bool told, bool names, bool opener)
{
	const struct {
		bool wanted;
		const struct sock_filter *at;
		size_t n;
	} parts[] = {
		{ true, waits, COUNT(waits) },   { true, kills, COUNT(kills) },
		{ told, tells, COUNT(tells) },   { names, resolves, COUNT(resolves) },
		{ opener, opens, COUNT(opens) }, { true, ends, COUNT(ends) },
	};
	struct sock_filter all[CALLS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(parts); i++) {
		if (!parts[i].wanted)
			continue;
		memcpy(all + n, parts[i].at, parts[i].n * sizeof *all);
		n += parts[i].n;
	}
	return sys_seccomp_load(all, n, 0);
}

/* The first id that a map of this process's user namespace has inside, or -1. */
static int64_t first_id(const char *path)
{
	char text[32];
	unsigned id;
	OWN_FD fd = path_open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? fd_read_all(fd, text, sizeof text - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%u", &id) == 1 ? (int64_t)id : -1;
}

int enter_container(struct holder *h, struct err *e)
{
	int r = sys_setns(NET_FD_USERNS, CLONE_NEWUSER);
	int64_t uid = first_id("/proc/self/uid_map"), gid = first_id("/proc/self/gid_map");

	if (r == 0 && (uid < 0 || gid < 0))
		r = -EINVAL;
	if (r == 0)
		r = sys_setgroups(0, NULL);
	/* Where a user has mapped a single id, nobody may change groups: they stay the user's. */
	if (r == -EPERM && h->job.way != NET_PAIR)
		r = 0;
	if (r == 0)
		r = sys_setresgid((gid_t)gid);
	if (r == 0)
		r = sys_setresuid((uid_t)uid);
	h->entered = r == 0;
	return r < 0 ? fail(e, -r, "zviz-net: become the container's first id: %m") : 0;
}

/* Over a network by path nobody has power but outside of the container's user namespace. There its id is that of no file. */
static int be_nobody(struct err *e)
{
	enum { NOBODY = 65534 };
	int r = prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? -errno : sys_setgroups(0, NULL);

	if (r == 0)
		r = sys_setresgid(NOBODY);
	if (r == 0)
		r = sys_setresuid(NOBODY);
	/* A user namespace of rootless Podman's need not have that id: its calls are those below in any case. */
	return r == 0 || r == -EINVAL ? 0 : fail(e, -r, "zviz-net: become nobody: %m");
}

/* What it may still be asked for, it could not do. The kernel asks for CAP_NET_ADMIN over the owner of a network of whoever
 * changes a set there (nfnetlink_rcv), whatever the socket; it is over nothing of the host's. CAP_KILL
 * is over the container as well, which must not outlive its network. */
static int leave_host(struct holder *h, struct err *e)
{
	const bool sets = h->opens || (h->job.ndomains != 0 && !h->job.given) || h->own != NULL;
	const uint64_t kept = 1ull << CAP_KILL | (sets ? 1ull << CAP_NET_ADMIN : 0);
	const struct sys_caps caps = { .effective = kept, .permitted = kept };
	int r;

	if (h->opens)
		TRY(be_nobody(e));
	else if (!h->entered)
		TRY(enter_container(h, e));
	r = sys_capset(&caps);
	return r < 0 ? fail(e, -r, "zviz-net: give up its privileges: %m") : 0;
}

/* As many as the resolver has at most, and what was open before it: published ports, and a dozen. Its starter may have allowed
 * itself fewer. */
static int allow_descriptors(const struct holder *h, struct err *e)
{
	const rlim_t most = 64 + h->job.npublished + DNS_POLL_MAX;
	const struct rlimit enough = { most, most };

	return setrlimit(RLIMIT_NOFILE, &enough) < 0
		       ? fail(e, errno, "zviz-net: limit its descriptors: %m")
		       : 0;
}

int confine(struct holder *h, struct err *e)
{
	const struct rlimit no_core = { 0 };
	const bool names = h->job.ndomains != 0 && !h->opens;
	int r;

	if (names)
		TRY(allow_descriptors(h, e));
	TRY(leave_host(h, e));
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "zviz-net: confine itself: %m");
	close(NET_FD_JOB);
	if (!h->log->told)
		close(NET_FD_EVENTS);
	r = filter_calls(h->log->told, names, h->opens);
	return r < 0 ? fail(e, -r, "zviz-net: filter its calls: %m") : 0;
}
