#include "box/live.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum {
	LOCK_WAIT_MS = 5000, /* a change takes a tenth of a second */
	LOCK_PAUSE_MS = 5,
	READ_TRIES = 16,
};

static int put(int fd, const void *data, size_t len, size_t at, struct err *e)
{
	ssize_t n = pwrite(fd, data, len, (off_t)at);

	if (n < 0)
		return fail(e, errno, "policy file: %m");
	return (size_t)n == len ? 0 : fail(e, ENOSPC, "policy file: %m");
}

/* A new file each time: whatever still has an older one open sees no change. */
int live_create(const struct box *b, struct err *e)
{
	const struct live_head head = { .magic = LIVE_MAGIC };
	const struct box_start_words *s = &b->opt->started;
	OWN_FD fd = openat(b->state, live_file_name,
			   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int reader;

	if (fd < 0)
		return fail(e, errno, "policy file: %m");
	if (ftruncate(fd, LIVE_BYTES) < 0)
		return fail(e, errno, "policy file: %m");
	TRY(put(fd, &head, sizeof head, 0, e));
	if (s->profile != NULL)
		TRY(put(fd, s->profile, s->profile_bytes, LIVE_START, e));
	reader = openat(b->state, live_file_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return reader >= 0 ? reader : fail(e, errno, "policy file: %m");
}

/* ---- changing ---- */

static int lock(int fd, struct err *e)
{
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_PAUSE_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(e, errno, "policy file: lock: %m");
		if (waited >= LOCK_WAIT_MS) {
			fail(e, EBUSY, "another update of this container is under way");
			return advise(e, "try again when it is done");
		}
		usleep(LOCK_PAUSE_MS * 1000);
	}
	return 0;
}

static bool is_policy(int fd, struct stat *st)
{
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_size == LIVE_BYTES;
}

static bool is_ours(int fd)
{
	struct stat st;

	return is_policy(fd, &st) && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

int live_open(const char *root, const char *id, struct live_file *out, struct err *e)
{
	OWN_FD dir = state_open(root, id, e);

	if (dir < 0)
		return dir;

	OWN_FD fd = openat(dir, live_file_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	*out = (struct live_file){ .fd = -1 };
	if (fd < 0 && errno != ENOENT)
		return fail(e, errno, "container %s: policy file: %m", id);
	if (fd < 0) {
		fail(e, ENOENT,
		     "container %s: nothing of its policy can be changed while it runs: it was started without a policy file",
		     id);
		return advise(
			e,
			"start it with calls in syscalls.tripwire, or with patterns of filesystem.deny; without namespaces none has one");
	}
	if (!is_ours(fd))
		return fail(e, EBADMSG, "container %s: the policy file is not what zviz made", id);
	TRY(lock(fd, e));

	void *head = mmap(NULL, LIVE_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (head == MAP_FAILED)
		return fail(e, errno, "policy file: %m");
	out->head = head;
	out->generation = atomic_load(&out->head->generation);
	out->fd = fd_take(&fd);
	if (out->head->magic == LIVE_MAGIC)
		return 0;
	live_close(out);
	return fail(e, EBADMSG, "container %s: the policy file is not what zviz made", id);
}

void live_close(struct live_file *f)
{
	if (f->head != NULL)
		munmap(f->head, LIVE_HEAD_BYTES);
	f->head = NULL;
	fd_close(&f->fd);
}

/* NULL in *out: there is none. */
static int read_image(struct arena *a, int fd, size_t at, const struct live_tables **out,
		      struct err *e)
{
	char first[16]; /* live_length() looks at no more */
	ssize_t n = pread(fd, first, sizeof first, (off_t)at);

	*out = NULL;
	if (n != (ssize_t)sizeof first)
		return fail(e, n < 0 ? errno : EBADMSG, "policy file: %m");
	if (first[0] == '\0')
		return 0;

	size_t len = live_length(first);
	char *image = arena_alloc(a, len + 1);

	if (len != 0 && pread(fd, image, len, (off_t)at) == (ssize_t)len)
		*out = live_unpack(image, len);
	return *out != NULL ? 0 : fail(e, EBADMSG, "policy file: damaged");
}

int live_prepare(struct live_file *f, const char *image, size_t len, struct err *e)
{
	TRY(put(f->fd, image, len, live_slot(f->generation + 1), e));
	atomic_store_explicit(&f->head->pending, f->generation + 1, memory_order_release);
	return 0;
}

/* Counting up is the change: before it nothing has happened. What is pending is none from there on. */
void live_settle(struct live_file *f)
{
	f->generation++;
	atomic_store_explicit(&f->head->generation, f->generation, memory_order_release);
}

void live_abandon(struct live_file *f)
{
	atomic_store_explicit(&f->head->pending, 0, memory_order_release);
}

int live_put(struct live_file *f, const char *image, size_t len, struct err *e)
{
	TRY(put(f->fd, image, len, live_slot(f->generation + 1), e));
	live_settle(f);
	return 0;
}

/* ---- telling ---- */

/* Without the lock: as the broker does. */
void live_describe(struct arena *a, int dir, struct state_info *out)
{
	OWN_FD fd = openat(dir, live_file_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct live_head before, after;
	const struct live_tables *t;
	struct err ignored;
	struct stat st;

	for (unsigned i = 0; fd >= 0 && is_policy(fd, &st) && i < READ_TRIES; i++) {
		if (read_image(a, fd, LIVE_START, &out->start, &ignored) < 0 ||
		    pread(fd, &before, sizeof before, 0) != (ssize_t)sizeof before ||
		    before.magic != LIVE_MAGIC)
			break;
		t = out->next = NULL;
		if (before.generation != 0 &&
		    read_image(a, fd, live_slot(before.generation), &t, &ignored) < 0)
			t = NULL;
		if (before.pending == before.generation + 1 &&
		    read_image(a, fd, live_slot(before.pending), &out->next, &ignored) < 0)
			out->next = NULL;
		if (pread(fd, &after, sizeof after, 0) != (ssize_t)sizeof after)
			break;
		if (after.generation != before.generation || after.pending != before.pending ||
		    (t == NULL && before.generation != 0))
			continue;
		if (t == NULL)
			return;
		out->profile = t->profile;
		out->now = t;
		out->changes = before.generation;
		return;
	}
	if (fd < 0)
		return;
	out->damaged = true;
	out->profile = NULL;
}
