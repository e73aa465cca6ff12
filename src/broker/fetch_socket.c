#include "broker/fetch_socket.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "table/table.h"

enum {
	VECTORS_MAX = 1024, /* UIO_MAXIOV */
	VECTORS_ONCE = 32,
	LIBRARY_CREDENTIALS = 2, /* SCM_CREDENTIALS, which a C library may hide */
};

/* struct cmsghdr of the machine, and of its 32-bit callers (include/net/compat.h). */
struct control_header {
	uint64_t len;
	int32_t level, type;
};
struct compat_control_header {
	uint32_t len;
	int32_t level, type;
};
struct compat_msghdr {
	uint32_t name;
	int32_t name_len;
	uint32_t iov, niov, control, control_len, flags;
};
struct vector {
	uint64_t base, len;
};
struct compat_vector {
	uint32_t base, len;
};

bool fetch_is_compat(const struct call *c)
{
	return c->arch == AUDIT_ARCH_I386 || c->nr >= SYSCALL_X32_BIT;
}

/* struct mmsghdr is a msghdr with a number of 32 bits behind it, and aligned as the msghdr. */
size_t fetch_message_stride(const struct call *c)
{
	return fetch_is_compat(c) ? sizeof(struct compat_msghdr) + sizeof(uint32_t)
				  : sizeof(struct kernel_msghdr) + sizeof(uint64_t);
}

size_t fetch_message_length_at(const struct call *c)
{
	return fetch_is_compat(c) ? sizeof(struct compat_msghdr) : sizeof(struct kernel_msghdr);
}

/* ---- addresses ---- */

/* move_addr_to_kernel() of net/socket.c */
int fetch_address(const struct call *c, uint64_t at, int len, struct socket_address *out)
{
	memset(out, 0, sizeof *out);
	if (len < 0 || (size_t)len > sizeof out->u.bytes)
		return -EINVAL;
	out->len = (uint32_t)len;
	return len == 0 ? 0 : fetch_memory(c, at, &out->u.bytes, (size_t)len);
}

/* ---- what is sent ---- */

void fetch_message_begin(struct socket_message *m)
{
	m->to.len = 0;
	m->data = m->small;
	m->len = m->ncontrol = m->nfds = 0;
	m->cut = false;
}

void fetch_message_done(struct socket_message *m)
{
	if (m->data != m->small)
		munmap(m->data, MESSAGE_MAX);
	for (size_t i = 0; i < m->nfds; i++)
		fd_close(&m->fds[i]);
	fetch_message_begin(m);
}

/* Room for `more` bytes: what is known to be longer than a little gets pages of its own. */
static int make_room(struct socket_message *m, size_t more)
{
	void *pages;

	if (m->data != m->small || m->len + more <= sizeof m->small)
		return 0;
	pages = mmap(NULL, MESSAGE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return -ENOBUFS;
	memcpy(pages, m->data, m->len);
	m->data = pages;
	return 0;
}

static int add_data(const struct call *c, const struct vector *v, struct socket_message *m)
{
	size_t len = v->len;

	if ((int64_t)v->len < 0)
		return -EINVAL;
	if (len > MESSAGE_MAX - m->len) {
		len = MESSAGE_MAX - m->len;
		m->cut = true;
	}
	if (len == 0)
		return 0;
	TRY(make_room(m, len));
	TRY(fetch_memory(c, v->base, m->data + m->len, len));
	m->len += len;
	return 0;
}

int fetch_buffer(const struct call *c, uint64_t at, uint64_t len, struct socket_message *out)
{
	/* import_ubuf() cuts to MAX_RW_COUNT in place of an error */
	return add_data(c, &(struct vector){ at, len > INT32_MAX ? INT32_MAX : len }, out);
}

static int fetch_vectors(const struct call *c, uint64_t at, size_t n, struct vector *out)
{
	struct compat_vector narrow[VECTORS_ONCE];

	if (!fetch_is_compat(c))
		return fetch_memory(c, at, out, n * sizeof *out);
	TRY(fetch_memory(c, at, narrow, n * sizeof *narrow));
	for (size_t i = 0; i < n; i++)
		out[i] = (struct vector){ narrow[i].base,
					  (uint64_t)(int64_t)(int32_t)narrow[i].len };
	return 0;
}

static int gather(const struct call *c, uint64_t at, uint64_t n, struct socket_message *m)
{
	const size_t size = fetch_is_compat(c) ? sizeof(struct compat_vector)
					       : sizeof(struct vector);
	struct vector v[VECTORS_ONCE];

	if (n > VECTORS_MAX)
		return -EMSGSIZE;
	for (size_t done = 0; done < n && !m->cut;) {
		size_t part = n - done < VECTORS_ONCE ? n - done : VECTORS_ONCE;

		TRY(fetch_vectors(c, at + done * size, part, v));
		for (size_t i = 0; i < part && !m->cut; i++)
			TRY(add_data(c, &v[i], m));
		done += part;
	}
	return 0;
}

/* ---- control messages ---- */

/* Descriptors of the caller become ours, which are the same open files. */
static int take_fds(const struct server *s, const struct call *c, unsigned char *numbers,
		    size_t len, struct socket_message *m)
{
	for (size_t at = 0; at + sizeof(int) <= len; at += sizeof(int)) {
		int fd, err;

		if (m->nfds == FDS_MAX)
			return -EINVAL;
		memcpy(&fd, numbers + at, sizeof fd);
		err = fetch_copy(s, c, fd, &m->fds[m->nfds]);
		if (err < 0)
			return err == -EMFILE ? -ENFILE : err;
		memcpy(numbers + at, &m->fds[m->nfds++], sizeof fd);
	}
	return 0;
}

/* scm_check_creds() of net/core/scm.c, without capabilities: one's own number. The kernel takes ours for that, and tells the
 * receiver that the sender is nobody of its own pid namespace. It looks at the ids itself. */
static int take_credentials(const struct server *s, const struct call *c, unsigned char *data,
			    size_t len)
{
	struct task task;
	uint32_t pid;

	if (len != 3 * sizeof pid)
		return -EINVAL;
	memcpy(&pid, data, sizeof pid);
	TRY(fetch_task(s, c, &task));
	if (pid != task.inner_pid)
		return -EPERM;
	pid = (uint32_t)getpid();
	memcpy(data, &pid, sizeof pid);
	return 0;
}

static size_t aligned(size_t len, size_t to)
{
	return (len + to - 1) / to * to;
}

/* Adds one to ours: `data` is what stands behind its header. */
static int add_control(const struct server *s, const struct call *c, struct control_header h,
		       const unsigned char *data, struct socket_message *m)
{
	const struct verdict v = decide_control(s->plan, h.level, h.type);
	size_t len = h.len;
	unsigned char *to = m->control + m->ncontrol;

	if (v.what == DENY)
		return -v.err;

	if (m->ncontrol + sizeof h + aligned(len, 8) > sizeof m->control)
		return -ENOBUFS;
	h.len += sizeof h;
	memcpy(to, &h, sizeof h);
	memset(to + sizeof h, 0, aligned(len, 8));
	memcpy(to + sizeof h, data, len);
	m->ncontrol += sizeof h + aligned(len, 8);
	if (h.level == SOL_SOCKET && h.type == SCM_RIGHTS)
		return take_fds(s, c, to + sizeof h, len, m);
	if (h.level == SOL_SOCKET && h.type == LIBRARY_CREDENTIALS)
		return take_credentials(s, c, to + sizeof h, len);
	return 0;
}

/* The header at `at`; its `len` is the data's from here on. */
static int read_header(const struct call *c, const unsigned char *at, size_t left,
		       struct control_header *out, size_t *size)
{
	struct compat_control_header narrow;

	*size = fetch_is_compat(c) ? sizeof narrow : sizeof *out;
	if (left < *size)
		return 0;
	if (fetch_is_compat(c)) {
		memcpy(&narrow, at, sizeof narrow);
		*out = (struct control_header){ narrow.len, narrow.level, narrow.type };
	} else {
		memcpy(out, at, sizeof *out);
	}
	if (out->len < *size || out->len > left) /* CMSG_OK */
		return -EINVAL;
	out->len -= *size;
	return 1;
}

static int fetch_control(const struct server *s, const struct call *c, uint64_t at, uint64_t len,
			 struct socket_message *m)
{
	unsigned char text[CONTROL_MAX];
	const size_t align = fetch_is_compat(c) ? 4 : 8;

	if (len > sizeof text)
		return -ENOBUFS;
	TRY(fetch_memory(c, at, text, len));
	for (size_t done = 0; done < len;) {
		struct control_header h;
		size_t size;
		int r = read_header(c, text + done, len - done, &h, &size);

		if (r <= 0)
			return r;
		TRY(add_control(s, c, h, text + done + size, m));
		done += aligned(size + h.len, align);
	}
	return 0;
}

/* ---- the whole ---- */

static int fetch_header(const struct call *c, uint64_t at, struct kernel_msghdr *out)
{
	struct compat_msghdr narrow;

	if (!fetch_is_compat(c))
		return fetch_memory(c, at, out, sizeof *out);
	TRY(fetch_memory(c, at, &narrow, sizeof narrow));
	*out = (struct kernel_msghdr){ .name = narrow.name,
				       .name_len = narrow.name_len,
				       .iov = narrow.iov,
				       .niov = narrow.niov,
				       .control = narrow.control,
				       .control_len = narrow.control_len };
	return 0;
}

int fetch_message(const struct server *s, const struct call *c, uint64_t at,
		  struct socket_message *out)
{
	const int most = sizeof out->to.u.bytes;
	struct kernel_msghdr h;

	TRY(fetch_header(c, at, &h));
	/* copy_msghdr_from_user() of net/socket.c */
	if (h.name == 0)
		h.name_len = 0;
	if (h.name_len < 0)
		return -EINVAL;
	TRY(fetch_address(c, h.name, h.name_len < most ? h.name_len : most, &out->to));
	TRY(gather(c, h.iov, h.niov, out));
	return h.control_len != 0 ? fetch_control(s, c, h.control, h.control_len, out) : 0;
}
