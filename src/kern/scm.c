#include "kern/scm.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SCM_ROOM = SCM_ALL_MAX + 1
}; /* descriptors that a message may carry before the kernel cuts it */

static int send_with(int socket, const void *data, size_t len, const int *fds, size_t nfds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(SCM_ALL_MAX * sizeof(int))] = { 0 };
	struct iovec part = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	if (nfds > 0) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof *fds);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, nfds * sizeof *fds);
	}
	do
		n = sendmsg(socket, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

int scm_send(int socket, const void *data, size_t len, int fd)
{
	return send_with(socket, data, len, &fd, fd >= 0);
}

int scm_send_all(int socket, const int *fds, size_t n)
{
	char there[SCM_ALL_MAX];
	int sent[SCM_ALL_MAX];
	size_t nsent = 0;

	if (n == 0 || n > SCM_ALL_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		there[i] = fds[i] >= 0;
		if (there[i])
			sent[nsent++] = fds[i];
	}
	return send_with(socket, there, n, sent, nsent);
}

/* Collects the descriptors of a message: their number. All of them are ours to close. */
static size_t take_fds(struct msghdr *m, int fds[SCM_ROOM])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;

		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < here && n < SCM_ROOM; i++)
			memcpy(&fds[n++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return n;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* The bytes of one message, and at most `most` descriptors. */
static ssize_t receive_with(int socket, void *data, size_t len, int fds[SCM_ROOM], size_t most,
			    size_t *nfds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(SCM_ROOM * sizeof(int))];
	struct iovec part = { .iov_base = data, .iov_len = len };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof control };
	ssize_t n;

	do
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*nfds = take_fds(&m, fds);
	if (*nfds <= most && !(m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
		return n;
	close_all(fds, *nfds);
	return -EBADMSG;
}

ssize_t scm_receive(int socket, void *data, size_t len, int *fd)
{
	int fds[SCM_ROOM];
	size_t nfds = 0;
	ssize_t n = receive_with(socket, data, len, fds, 1, &nfds);

	*fd = n >= 0 && nfds == 1 ? fds[0] : -1;
	return n;
}

int scm_receive_all(int socket, int *fds, size_t n)
{
	int got[SCM_ROOM];
	char there[SCM_ALL_MAX];
	size_t ngot = 0, next = 0, wanted = 0;

	for (size_t i = 0; i < n; i++)
		fds[i] = -1;
	if (n == 0 || n > SCM_ALL_MAX)
		return -EINVAL;

	ssize_t len = receive_with(socket, there, n, got, SCM_ALL_MAX, &ngot);

	if (len <= 0)
		return (int)len;
	for (size_t i = 0; i < n && (size_t)len == n; i++)
		wanted += there[i] != 0;
	if ((size_t)len != n || wanted != ngot) {
		close_all(got, ngot);
		return -EBADMSG;
	}
	for (size_t i = 0; i < n; i++)
		if (there[i] != 0)
			fds[i] = got[next++];
	return 1;
}
