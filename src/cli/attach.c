#include "cli/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"
#include "cli/print.h"
#include "kern/scm.h"

enum { PRESERVE_MAX = 512 };

int attach_pid_file(struct arena *a, const char *path, pid_t pid, struct err *e)
{
	char text[16];

	if (path == NULL)
		return 0;

	const char *temporary = arena_printf(a, "%s.tmp-%d", path, getpid());
	OWN_FD fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int n = snprintf(text, sizeof text, "%d", pid);

	if (fd < 0)
		return fail(e, errno, "--pid-file %s: %m", path);

	int r = fd_write_all(fd, text, (size_t)n);

	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return fail(e, -r, "--pid-file %s: %m", path);
	}
	return 0;
}

int attach_console(const struct box *b, int *master, struct err *e)
{
	char letter;

	*master = -1;
	if (!b->plan->terminal)
		return 0;

	ssize_t n;

	/* What else it says is a failure, and stays there for box_wait(). */
	do
		n = recv(b->init_note, &letter, 1, MSG_PEEK | MSG_TRUNC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET)); /* that is said once */
	if (n != 1)
		return 0;
	n = scm_receive(b->init_note, &letter, 1, master);

	return n < 0 && n != -EBADMSG ? fail(e, (int)-n, "receive the terminal: %m") : 0;
}

static int send_to(const char *path, const char *name, int fd)
{
	OWN_FD to = attach_socket(path, 0);

	return to < 0 ? to : scm_send(to, name, strlen(name), fd);
}

int attach_send_console(const char *path, int *master, struct err *e)
{
	int r = send_to(path, "/dev/ptmx", *master);

	fd_close(master);
	return r < 0 ? fail(e, -r, "--console-socket %s: %m", path) : 0;
}

int attach_send_pidfd(const char *path, int pidfd, struct err *e)
{
	int r = path != NULL ? send_to(path, "pidfd", pidfd) : 0;

	return r < 0 ? fail(e, -r, "--pidfd-socket %s: %m", path) : 0;
}

/* Given by the caller, and nothing that we have opened since: ours are closed by exec. */
int attach_check_preserved(uint64_t n, struct err *e)
{
	if (n > PRESERVE_MAX)
		return fail(e, EINVAL, "--preserve-fds: at most %d", PRESERVE_MAX);
	for (int fd = 3; fd < 3 + (int)n; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			return fail(e, EBADF, "--preserve-fds: descriptor %d is not open", fd);
	}
	return 0;
}

static void warn(const struct note *n)
{
	struct arena a = { 0 };
	struct buf out = { .arena = &a };
	char text[ERR_TEXT_MAX];

	snprintf(text, sizeof text, "%.*s", (int)sizeof n->text - 1, n->text);
	buf_puts(&out, "zviz: warning: ");
	print_safe(&out, text);
	buf_puts(&out, "\n");
	(void)!fd_write_all(STDERR_FILENO, buf_text(&out), out.len);
	arena_free(&a);
}

int attach_control(int fd)
{
	struct note n;

	/* What else it says is a failure, and box_wait()'s to read. */
	if (recv(fd, &n, sizeof n, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)sizeof n ||
	    (n.step != NOTE_STOPPED && n.step != NOTE_WARNING))
		return -1;
	(void)!recv(fd, &n, sizeof n, MSG_DONTWAIT);
	if (n.step == NOTE_STOPPED)
		return 1;
	warn(&n);
	return 0;
}

int attach_socket(const char *path, int flags)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof to.sun_path)
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, len + 1);

	OWN_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
		return -errno;
	return fd_take(&fd);
}
