#include "broker/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/fetch_socket.h"
#include "broker/names.h"
#include "broker/resolve.h"
#include "broker/stand.h"
#include "broker/wait.h"
#include "kern/sys.h"

enum { MESSAGES_ONCE = 64 }; /* of one sendmmsg: the caller sends the others by another */

/* A call on its way, with all that it needs: a waiter gets it as it is. */
struct deed {
	int socket, type, protocol;
	int object; /* O_PATH, the file of the socket that is meant; -1: none */
	bool blocks;
	bool connects;
	unsigned flags;
	size_t sent;        /* of the message, already */
	uint64_t length_at; /* where sendmmsg wants to know how much was sent, 0: it does not */
	struct socket_message m;
};

static void deed_begin(struct deed *d)
{
	d->socket = d->object = -1;
	d->type = d->protocol = 0;
	d->blocks = d->connects = false;
	d->flags = 0;
	d->sent = 0;
	d->length_at = 0;
	fetch_message_begin(&d->m);
}

static void deed_done(struct deed *d)
{
	fd_close(&d->socket);
	fd_close(&d->object);
	fetch_message_done(&d->m);
}

/* ---- who is meant ---- */

static int refuse(struct socket_outcome *out, const struct verdict *v)
{
	out->refused = true;
	out->why = *v;
	return -v->err;
}

/* The address becomes the number of the file in /proc/self/fd, where each thread stands that connects. It stays as long as it
 * was: sockets of other families judge that first. */
static void name_object(struct deed *d)
{
	struct sockaddr_un *un = &d->m.to.u.un;
	char number[16];
	char *end = fetch_number(number, (uint32_t)d->object);
	const size_t begin = offsetof(struct sockaddr_un, sun_path);

	memset(un->sun_path, 0, sizeof un->sun_path);
	memcpy(un->sun_path, number, (size_t)(end - number));
	if (d->m.to.len < begin + (size_t)(end - number) + 1)
		d->m.to.len = (uint32_t)(begin + (size_t)(end - number) + 1);
}

/* unix_find_bsd() of net/unix/af_unix.c finds the file by its path, following links. */
static int find_object(const struct server *s, const struct call *c, struct deed *d,
		       struct socket_outcome *out)
{
	struct open_request r = { .dir = -1 };
	struct place at = { .fd = -1, .parent = -1 };
	struct stat st;

	if (out->path[0] != '/')
		TRY(fetch_dir(s, c, AT_FDCWD, &out->dir));
	if (!fetch_valid(s, c->id))
		return -ESRCH;
	r.dir = out->dir;
	memcpy(r.path, out->path, strlen(out->path) + 1);
	TRY(resolve(s, c, &r, &at));
	d->object = at.fd;
	if (fstat(at.fd, &st) < 0)
		return -errno;
	/* As decide_address() says: the patterns alone are asked, unless nothing else is there to ask. */
	at.held = s->plan->bare ? 0 : WANT_READ | WANT_WRITE;

	struct verdict v = act_judge(s, c, &at, &st, WANT_READ | WANT_WRITE | WANT_CONNECT);

	if (v.what != PERFORM)
		return refuse(out, &v);
	name_object(d);
	return 0;
}

/* As it was read: nobody else can change it any more. */
static int judge_internet(const struct server *s, const struct call *c, const struct deed *d,
			  struct socket_outcome *out)
{
	struct address to;
	struct verdict v;

	if (s->plan->nconnect == 0 || !address_of(&d->m.to.u.bytes, d->m.to.len, !d->connects, &to))
		return 0;
	address_text(&to, d->protocol, out->to);
	v = decide_connect(s->plan, &to, d->protocol, c->asking);
	return v.what == PERFORM ? 0 : refuse(out, &v);
}

static int judge(const struct server *s, const struct call *c, struct deed *d,
		 struct socket_outcome *out)
{
	enum address_kind kind = decide_address_kind(&d->m.to.u.bytes, d->m.to.len, out->path);

	if (kind == ADDRESS_PATH)
		return find_object(s, c, d, out);
	if (kind == ADDRESS_ABSTRACT) {
		struct verdict v = decide_abstract(s->plan);

		if (v.what == DENY)
			return refuse(out, &v);
	}
	return kind == ADDRESS_OTHER ? judge_internet(s, c, d, out) : 0;
}

/* An option of SOL_SOCKET that is a number. */
static int socket_number(const struct deed *d, int option, int *out)
{
	socklen_t len = sizeof *out;

	return SYS_CALL(SYS_getsockopt, d->socket, SOL_SOCKET, option, out, &len);
}

static int take_socket(const struct server *s, const struct call *c, int fd, struct deed *d)
{
	int flags;

	TRY(fetch_copy(s, c, fd, &d->socket));
	flags = fcntl(d->socket, F_GETFL);
	if (flags < 0)
		return -errno;
	if (flags & O_PATH)
		return -EBADF;
	d->blocks = !(flags & O_NONBLOCK);
	if (s->plan->nconnect != 0)
		TRY(socket_number(d, SO_PROTOCOL, &d->protocol));
	return socket_number(d, SO_TYPE, &d->type);
}

/* ---- the deeds ---- */

/* Never our own SIGPIPE. */
static int send_once(struct deed *d, unsigned flags)
{
	const bool first = d->sent == 0;
	struct iovec part = { d->m.data + d->sent, d->m.len - d->sent };
	struct kernel_msghdr h = { .iov = (uintptr_t)&part, .niov = 1 };

	if (first && d->m.to.len != 0) {
		h.name = (uintptr_t)&d->m.to.u.bytes;
		h.name_len = (int32_t)d->m.to.len;
	}
	if (first && d->m.ncontrol != 0) {
		h.control = (uintptr_t)d->m.control;
		h.control_len = d->m.ncontrol;
	}
	return SYS_CALL(SYS_sendmsg, d->socket, &h, flags | MSG_NOSIGNAL);
}

/* A socket that waits sends all that it was given. */
static int send_rest(const struct waiter *w, struct deed *d)
{
	int r;

	do {
		r = send_once(d, d->flags);
		if (r > 0)
			d->sent += (size_t)r;
	} while ((r == -EINTR && fetch_valid(w->server, w->call.id)) ||
		 (r > 0 && d->type == SOCK_STREAM && d->sent < d->m.len));
	return d->sent != 0 ? (int)d->sent : r;
}

static int connect_once(const struct deed *d)
{
	return SYS_CALL(SYS_connect, d->socket, &d->m.to.u.bytes, d->m.to.len);
}

static int connect_wait(const struct waiter *w, const struct deed *d)
{
	int r;

	do
		r = connect_once(d);
	while (r == -EINTR && fetch_valid(w->server, w->call.id));
	return r;
}

static bool owes_signal(const struct deed *d, int result)
{
	return result == -EPIPE && d->type == SOCK_STREAM && !d->connects &&
	       !(d->flags & MSG_NOSIGNAL);
}

/* Writes msg_len. */
static int tell_length(const struct server *s, const struct call *c, uint64_t at, int sent)
{
	uint32_t len = (uint32_t)sent;

	return act_write_memory(s, c, at, &len, sizeof len);
}

/* The kernel sends it to the thread that wrote (unix_stream_sendmsg(), sk_stream_error()). */
static void signal_pipe(const struct server *s, const struct call *c)
{
	uint32_t group;

	if (fetch_group(s, c, &group) == 0 && fetch_valid(s, c->id))
		(void)SYS_CALL(SYS_tgkill, group, c->tid, SIGPIPE);
}

static void answer(const struct server *s, const struct call *c, int result, bool pipe)
{
	/* Where a signal ends the call, it would be made again. */
	if (pipe && !s->plan->signals_interrupt)
		signal_pipe(s, c);
	act_answer_result(s, c, result);
}

/* ---- what waits ---- */

static void work(struct waiter *w)
{
	struct deed *d = w->what;
	int r;

	/* A place of its own to stand at: whoever serves goes to other folders. */
	if (sys_unshare(CLONE_FS) < 0 || fchdir(w->server->self_fds) < 0)
		r = -ENOBUFS;
	else
		r = d->connects ? connect_wait(w, d) : send_rest(w, d);
	wait_deaf();
	if (r >= 0 && d->length_at != 0) {
		int err = tell_length(w->server, &w->call, d->length_at, r);

		r = err < 0 ? err : 1;
	}
	answer(w->server, &w->call, r, owes_signal(d, r));
	deed_done(d);
	munmap(d, sizeof *d);
}

static int hand_over(const struct server *s, const struct call *c, struct deed *d,
		     struct socket_outcome *out)
{
	struct deed *own = mmap(NULL, sizeof *own, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool small = d->m.data == d->m.small;

	if (own == MAP_FAILED)
		return -ENOBUFS;
	*own = *d;
	if (small)
		own->m.data = own->m.small;
	if (wait_work(s, c, work, own) < 0) {
		munmap(own, sizeof *own);
		return -ENOBUFS;
	}
	deed_begin(d); /* all that it owned is the waiter's */
	out->later = true;
	return -EINPROGRESS;
}

/* ---- connect and bind ---- */

static int do_connect(const struct server *s, const struct call *c, struct deed *d,
		      struct socket_outcome *out)
{
	d->connects = true;
	TRY(take_socket(s, c, (int)c->arg[0], d));
	TRY(fetch_address(c, c->arg[1], (int)c->arg[2], &d->m.to));
	TRY(judge(s, c, d, out));
	if (!fetch_valid(s, c->id))
		return -ESRCH;
	if (!d->blocks || d->type == SOCK_DGRAM || d->m.to.u.any.sa_family == AF_UNSPEC)
		return connect_once(d);
	return hand_over(s, c, d, out);
}

static int bind_path(const struct server *s, const struct call *c, const struct deed *d,
		     struct socket_outcome *out)
{
	struct names_outcome named;

	if (out->path[0] != '/')
		TRY(fetch_dir(s, c, AT_FDCWD, &out->dir));
	if (!fetch_valid(s, c->id))
		return -ESRCH;
	named.request.call = NULL;
	named.request.dir[0] = out->dir;
	named.request.dir[1] = -1;
	named.request.err[0] = named.request.err[1] = 0;
	memcpy(named.request.path[0], out->path, strlen(out->path) + 1);
	stand_names_begin(s);
	names_bind(s, c, d->socket, &d->m.to.u.un, d->m.to.len, &named);
	stand_names_end(s);
	return named.refused ? refuse(out, &named.why) : -named.err;
}

static int do_bind(const struct server *s, const struct call *c, struct deed *d,
		   struct socket_outcome *out)
{
	TRY(take_socket(s, c, (int)c->arg[0], d));
	TRY(fetch_address(c, c->arg[1], (int)c->arg[2], &d->m.to));

	enum address_kind kind = decide_address_kind(&d->m.to.u.bytes, d->m.to.len, out->path);

	if (kind == ADDRESS_PATH)
		return bind_path(s, c, d, out);
	if (kind == ADDRESS_ABSTRACT && s->plan->bare) {
		struct verdict v = decide_abstract(s->plan);

		if (v.what == DENY)
			return refuse(out, &v);
	}
	if (!fetch_valid(s, c->id))
		return -ESRCH;
	return SYS_CALL(SYS_bind, d->socket, &d->m.to.u.bytes, d->m.to.len);
}

/* ---- sending ---- */

/* The socket and the message are there. `may_wait`: it is the first of its call. */
static int send_now(const struct server *s, const struct call *c, struct deed *d, bool may_wait,
		    struct socket_outcome *out)
{
	bool waits = may_wait && d->blocks && !(d->flags & MSG_DONTWAIT);
	int r = -EAGAIN;

	if (d->m.cut && d->type != SOCK_STREAM)
		return -EMSGSIZE;
	TRY(judge(s, c, d, out));
	if (!fetch_valid(s, c->id))
		return -ESRCH;
	/* With MSG_FASTOPEN a call that must not wait is another call: a connection is only begun. */
	if (!waits || !(d->flags & MSG_FASTOPEN))
		r = send_once(d, d->flags | MSG_DONTWAIT);
	out->pipe = owes_signal(d, r);
	if (!waits || (r < 0 && r != -EAGAIN))
		return r;
	if (r >= 0) {
		d->sent = (size_t)r;
		if (d->type != SOCK_STREAM || d->sent == d->m.len)
			return r;
	}
	return hand_over(s, c, d, out);
}

static int do_sendto(const struct server *s, const struct call *c, struct deed *d,
		     struct socket_outcome *out)
{
	d->flags = (unsigned)c->arg[3];
	TRY(take_socket(s, c, (int)c->arg[0], d));
	TRY(fetch_address(c, c->arg[4], (int)c->arg[5], &d->m.to));
	TRY(fetch_buffer(c, c->arg[1], c->arg[2], &d->m));
	return send_now(s, c, d, true, out);
}

/* MSG_CMSG_COMPAT says of a 32-bit caller what we have said already; from others the kernel refuses it. */
static unsigned message_flags(const struct call *c, uint64_t flags)
{
	return (unsigned)flags & ~(fetch_is_compat(c) ? 0x80000000u : 0);
}

static int do_sendmsg(const struct server *s, const struct call *c, struct deed *d,
		      struct socket_outcome *out)
{
	d->flags = message_flags(c, c->arg[2]);
	TRY(take_socket(s, c, (int)c->arg[0], d));
	TRY(fetch_message(s, c, c->arg[1], &d->m));
	return send_now(s, c, d, true, out);
}

/* Nothing of the message before is left but the socket. */
static void next_message(struct deed *d)
{
	fd_close(&d->object);
	fetch_message_done(&d->m);
	d->sent = 0;
}

static int send_one_of(const struct server *s, const struct call *c, struct deed *d, unsigned i,
		       struct socket_outcome *out)
{
	uint64_t at = c->arg[1] + i * fetch_message_stride(c);
	int r;

	next_message(d);
	fd_close(&out->dir);
	out->path[0] = '\0';
	d->length_at = at + fetch_message_length_at(c);
	TRY(fetch_message(s, c, at, &d->m));
	r = send_now(s, c, d, i == 0, out);
	return r < 0 ? r : tell_length(s, c, d->length_at, r);
}

/* __sys_sendmmsg(): an error counts if nothing was sent before. Behind the first one no message waits; the caller learns how
 * many went, and sends the others. */
static int do_sendmmsg(const struct server *s, const struct call *c, struct deed *d,
		       struct socket_outcome *out)
{
	unsigned n = (unsigned)c->arg[2] < MESSAGES_ONCE ? (unsigned)c->arg[2] : MESSAGES_ONCE;
	int r = 0;

	d->flags = message_flags(c, c->arg[3]);
	TRY(take_socket(s, c, (int)c->arg[0], d));
	for (unsigned i = 0; i < n; i++) {
		r = send_one_of(s, c, d, i, out);
		if (r < 0 && i == 0)
			return r;
		if (r < 0) {
			/* It will be asked about again, and then it counts. */
			out->refused = false;
			out->pipe = false;
			return (int)i;
		}
	}
	return (int)n;
}

/* ---- all of them ---- */

static const struct socket_call {
	const char *name;
	int (*perform)(const struct server *s, const struct call *c, struct deed *d,
		       struct socket_outcome *out);
} socket_calls[] = {
	{ "bind", do_bind },       { "connect", do_connect },   { "sendto", do_sendto },
	{ "sendmsg", do_sendmsg }, { "sendmmsg", do_sendmmsg },
};

void socket_perform(const struct server *s, const struct call *c, const struct plan_call *row,
		    struct socket_outcome *out)
{
	struct deed d;

	*out = (struct socket_outcome){ .result = -ENOSYS, .dir = -1 };
	deed_begin(&d);
	for (size_t i = 0; i < COUNT(socket_calls); i++)
		if (strcmp(socket_calls[i].name, row->name) == 0)
			out->result = act_own_limit(socket_calls[i].perform(s, c, &d, out));
	deed_done(&d);
}

void socket_finish(const struct server *s, const struct call *c, struct socket_outcome *out)
{
	fd_close(&out->dir);
	if (out->later)
		return;
	if (out->refused)
		act_answer(s, c, &out->why);
	else
		answer(s, c, out->result, out->pipe);
}
