/*
 * What a caller gets: an error, a result, a descriptor, or that its call goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/act.h"
#include "broker/stand.h"
#include "kern/sys.h"

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Errors mean that the caller has died meanwhile, or was interrupted: nobody waits for the answer. A signal of our own, while
 * another thread is at the same listener, is none. */
static void send_response(const struct server *s, struct seccomp_notif_resp *resp)
{
	while (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, resp) < 0 && errno == EINTR)
		;
}

static void send_answer(const struct server *s, uint64_t id, int err, uint32_t flags)
{
	struct seccomp_notif_resp resp = { .id = id, .error = -err, .flags = flags };

	send_response(s, &resp);
}

void act_answer(const struct server *s, const struct call *c, const struct verdict *v)
{
	if (v->what == GO_ON) {
		send_answer(s, c->id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
		count(&s->counters->allowed);
		return;
	}
	/* Error 0 would read as success. */
	send_answer(s, c->id, v->err > 0 ? v->err : EPERM, 0);
	count(&s->counters->denied);
}

void act_signal_size(const struct server *s, const struct call *c)
{
	if (s->plan->signals_interrupt)
		return;

	OWN_FD pidfd = sys_pidfd_open((pid_t)c->tid, PIDFD_THREAD);

	if (pidfd == -EINVAL) /* before Linux 6.9: the first thread alone */
		pidfd = sys_pidfd_open((pid_t)c->tid, 0);
	if (pidfd >= 0 && fetch_valid(s, c->id))
		sys_pidfd_send_signal(pidfd, SIGXFSZ);
}

static void answer_failure(const struct server *s, const struct call *c, int err)
{
	send_answer(s, c->id, -err, 0);
	count(&s->counters->failed);
}

void act_answer_result(const struct server *s, const struct call *c, int result)
{
	struct seccomp_notif_resp resp = { .id = c->id, .val = result };

	if (result < 0) {
		answer_failure(s, c, result);
		return;
	}
	send_response(s, &resp);
	count(&s->counters->performed);
}

int act_write_memory(const struct server *s, const struct call *c, uint64_t to, const void *bytes,
		     size_t len)
{
	/* The file is the memory of the caller that still waits, whatever becomes of its number. */
	OWN_FD memory = fetch_memory_file(s, c);

	if (memory < 0)
		return memory;
	if (!fetch_valid(s, c->id))
		return -ESRCH;
	return pwrite(memory, bytes, len, (off_t)to) == (ssize_t)len ? 0 : -EFAULT;
}

/* Puts a copy of fd into the caller's table: its number there, or -errno (-EMFILE: no room). */
static int add_fd(const struct server *s, const struct call *c, int fd, uint64_t flags,
		  uint32_t how)
{
	struct seccomp_notif_addfd add = { .id = c->id,
					   .flags = how,
					   .srcfd = (uint32_t)fd,
					   .newfd_flags = (uint32_t)(flags & O_CLOEXEC) };

	return fd < 0 ? fd : SYS_CALL(SYS_ioctl, s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
}

void act_install(const struct server *s, const struct call *c, const int *fd, uint64_t flags)
{
	/* A signal in the middle of ADDFD with SEND would answer 0 and install nothing: seccomp_notify_addfd() marks the call
	 * as replied before it waits, so that to whoever looks the caller seems gone. */
	stand_answer(s, c);

	int there = add_fd(s, c, *fd, flags, SECCOMP_ADDFD_FLAG_SEND);

	if (there < 0)
		answer_failure(s, c, there);
	else
		count(&s->counters->performed);
}

/* `there` is what add_fd() said. While we hold a descriptor for writing, the caller cannot execute the file (ETXTBSY);
 * while we hold a pipe's end, the other end sees no end of file. */
static void close_and_answer(const struct server *s, const struct call *c, int *fd, int there)
{
	struct seccomp_notif_resp resp = { .id = c->id, .val = there };

	if (there < 0) {
		answer_failure(s, c, there);
		return;
	}
	fd_close(fd);
	send_response(s, &resp);
	count(&s->counters->performed);
}

void act_hand_over(const struct server *s, const struct call *c, int *fd, uint64_t flags)
{
	/* A signal between the two steps would leave a descriptor behind that its caller has never heard of. */
	if (s->plan->signals_interrupt)
		act_install(s, c, fd, flags);
	else
		close_and_answer(s, c, fd, add_fd(s, c, *fd, flags, 0));
}

/* O_TRUNC, once the descriptor is there and nobody has been told of it: a caller without room keeps its file as it is. */
static void hand_over_empty(const struct server *s, const struct call *c, int *fd, uint64_t flags)
{
	int there = s->plan->signals_interrupt ? 0 : add_fd(s, c, *fd, flags, 0);

	if (there >= 0 && ftruncate(*fd, 0) < 0)
		there = -errno; /* of the file system: it stays open, unknown to the caller */
	if (there >= 0 && s->plan->signals_interrupt)
		act_install(s, c, fd, flags); /* emptied before it is known whether there is room */
	else
		close_and_answer(s, c, fd, there);
}

void act_finish(const struct server *s, const struct call *c, struct outcome *o)
{
	if (o->later)
		return;
	if (o->refused)
		act_answer(s, c, &o->why);
	else if (o->empties && o->fd >= 0)
		hand_over_empty(s, c, &o->fd, o->request.flags);
	else if (o->alone)
		act_hand_over(s, c, &o->fd, o->request.flags);
	else
		act_install(s, c, &o->fd, o->request.flags);
}

void act_done(struct outcome *o)
{
	fd_close(&o->fd);
	fd_close(&o->request.dir);
}
