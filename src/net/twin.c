/*
 * A second process that has all that holds a network open as well: the sockets that tables belong to. Whichever of the two is
 * killed, the other ends the container, and only then are its rules gone.
 */
#include "net/twin.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/scm.h"
#include "kern/sys.h"
#include "net/holder.h"
#include "net/log.h"
#include "net/names.h"
#include "net/opener.h"

enum { DESCRIPTORS = 64 }; /* beside published ports; what else is open holds no table */

/* pgrep tells them apart. */
static const char twin_name[] = "zviz-net-twin";

int twin_make(struct holder *h, bool *is_twin, struct err *e)
{
	int ends[2], opener[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(e, errno, "zviz-net: socketpair: %m");
	TRY(opener_make(h, opener, e));
	pid = sys_fork();
	if (pid < 0)
		return fail(e, -pid, "zviz-net: fork: %m");
	*is_twin = pid == 0;
	h->other = ends[*is_twin];
	close(ends[!*is_twin]);
	opener_take(h, opener, *is_twin);
	if (*is_twin) {
		prctl(PR_SET_NAME, twin_name, 0, 0, 0);
		if (h->log->told)
			close(NET_FD_EVENTS); /* the other one tells */
	}
	return 0;
}

/* What a change of rules takes is the other's. */
void twin_let_go(void)
{
	close(NET_FD_NETNS);
	close(NET_FD_USERNS);
	close(NET_FD_DOOR);
}

/* Both are told of the container's first process, by a message each. */
int twin_first(const struct holder *h)
{
	struct pollfd at[] = { { .fd = NET_FD_CONTROL, .events = POLLIN },
			       { .fd = h->other, .events = POLLIN } };
	char letter;
	int end = -1;

	while (at[0].revents == 0 && at[1].revents == 0)
		if (poll(at, COUNT(at), -1) < 0 && errno != EINTR)
			return -1;
	/* The launcher takes the silence of both for failure. */
	if (at[0].revents == 0 || scm_receive(NET_FD_CONTROL, &letter, 1, &end) <= 0)
		return -1;
	return end;
}

void twin_wait(struct holder *h, int end)
{
	struct pollfd at[] = { { .fd = end, .events = POLLIN },
			       { .fd = h->other, .events = POLLIN },
			       { .fd = h->opens ? h->names->opener : -1, .events = POLLIN } };

	while (at[0].revents == 0 && at[1].revents == 0) {
		if (poll(at, COUNT(at), -1) < 0 && errno != EINTR)
			return;
		if (at[2].revents != 0)
			opener_handle(h);
	}
}

/* First what holds tables, then, by the process's end, its way to the launcher: which waits for that, so that whoever is
 * started next meets no rule of ours. */
static void let_go(const struct holder *h)
{
	const int most = DESCRIPTORS + (int)h->job.npublished;

	close(NET_FD_NETNS);
	close(NET_FD_USERNS);
	for (int fd = NET_FD_END; fd < most; fd++)
		close(fd);
}

static int end_container(const struct holder *h, int end)
{
	struct pollfd at = { .fd = end, .events = POLLIN };

	if (poll(&at, 1, 0) != 0)
		return 0;
	(void)!write(NET_FD_REASON, "\n", 1); /* that something is said is all that it says */
	sys_pidfd_send_signal(end, SIGKILL);
	while (at.revents == 0)
		if (poll(&at, 1, -1) < 0 && errno != EINTR)
			break;
	return h->behind ? NET_EXIT_BEHIND : NET_EXIT_ALONE;
}

int twin_end(const struct holder *h, int end)
{
	int code = end_container(h, end);

	let_go(h);
	return code;
}
