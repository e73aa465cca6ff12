/*
 * How a table of steps is walked: by the launcher, which makes the others, and by each of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "box/record.h"
#include "base/fd.h"
#include "box/sequence.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#ifdef ZVIZ_FAULTS
/* Test builds only: ZVIZ_FAULT=STEP makes that step fail; ZVIZ_FAULT=STEP:kill ends the process that runs it,
 * without a word (a first process of a pid namespace does not feel a signal of its own); with STEP:wait it never goes on. */
static int injected(const struct step *s, struct err *e)
{
	const char *want = getenv("ZVIZ_FAULT");
	size_t len = strlen(s->name);

	if (want == NULL || strncmp(want, s->name, len) != 0)
		return 0;
	if (want[len] == '\0')
		return fail(e, EIO, "injected fault");
	while (strcmp(want + len, ":wait") == 0)
		pause();
	if (strcmp(want + len, ":kill") != 0)
		return 0;
	if (s->who == HOST)
		raise(SIGKILL);
	_exit(1);
}
#else
static int injected(const struct step *s, struct err *e)
{
	(void)s;
	(void)e;
	return 0;
}
#endif

/* The pid that a pidfd stands for, as this process sees it. Init's maker lives elsewhere and knows another. */
pid_t pid_of(int pidfd)
{
	char path[64], text[512];

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);

	OWN_FD fd = path_open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? fd_read_all(fd, text, sizeof text - 1) : -1;
	const char *line;

	if (n <= 0)
		return -1;
	text[n] = '\0';
	line = strstr(text, "Pid:");
	return line != NULL ? (pid_t)strtol(line + 4, NULL, 10) : -1;
}

size_t row_of(const struct box *b, const char *name)
{
	size_t row = 0;

	while (strcmp(b->sequence->rows[row].name, name) != 0)
		row++;
	return row;
}

int step_run(struct box *b, size_t row, struct err *e)
{
	bool timed = b->opt->timings;

	if (b->sequence->rows[row].who == INIT) {
		atomic_store_explicit(&b->shared->init_step, (int32_t)row, memory_order_relaxed);
		if (b->waiting != NULL)
			atomic_store_explicit(&b->waiting->row, (int32_t)row, memory_order_relaxed);
	}
	if (timed)
		b->shared->timing[row].begin_ns = now_ns();
	if (injected(&b->sequence->rows[row], e) < 0 || b->sequence->rows[row].run(b, e) < 0)
		return within(e, "%s", b->sequence->rows[row].name);
	if (timed)
		b->shared->timing[row].end_ns = now_ns();
	return 0;
}

static bool is_wanted(const struct box *b, size_t row)
{
	return b->sequence->rows[row].wanted == NULL || b->sequence->rows[row].wanted(b->plan);
}

static void tell_failure(struct box *b, size_t row, const struct err *e)
{
	struct note n = { .step = (int32_t)row, .no = e->no };

	memcpy(n.text, e->text, sizeof n.text);
	memcpy(n.hint, e->hint, sizeof n.hint);
	/* By the call that even a narrow filter of a bundle permits. A signal is no loss: without a launcher this process
	 * ends anyway. */
	(void)!write(b->note, &n, sizeof n);
}

static void wait_go(struct box *b)
{
	struct note n;
	ssize_t len;

	do
		len = recv(b->note, &n, sizeof n, 0);
	while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof n) /* the launcher is gone, and so are we */
		_exit(1);
}

_Noreturn void child_walk(struct box *b, enum actor who, size_t born)
{
	bool host_between = false;
	struct err e = { 0 };

	for (size_t row = born + 1; row < b->sequence->n; row++) {
		if (!is_wanted(b, row))
			continue;
		host_between |= b->sequence->rows[row].who == HOST;
		if (b->sequence->rows[row].who != who)
			continue;
		if (host_between)
			wait_go(b);
		host_between = false;
		if (step_run(b, row, &e) < 0) {
			tell_failure(b, row, &e);
			if (who == BROKER)
				shared_set(&b->shared->broker, BROKER_FAILED);
			_exit(1);
		}
	}
	_exit(0);
}

static int send_go(int to, size_t row)
{
	struct note n = { .step = (int32_t)row };

	return send(to, &n, sizeof n, MSG_NOSIGNAL) == (ssize_t)sizeof n ? 0 : -errno;
}

/* The launcher does not wait for the others: it gives the broker its go where rows of its own lie behind, and init,
 * whose rows all follow its birth, needs none. */
static int host_row(struct box *b, size_t row, bool *host_before, struct err *e)
{
	bool tell = b->sequence->rows[row].who == BROKER && *host_before;

	if (b->sequence->rows[row].who == HOST) {
		/* The broker counts from its own birth. */
		*host_before = b->sequence->rows[row].run != step_namespaces_make;
		return step_run(b, row, e);
	}
	if (!tell)
		return 0;
	*host_before = false;
	if (send_go(b->broker_note, row) < 0)
		return fail(e, EPIPE, "%s: the broker is gone", b->sequence->rows[row].name);
	return 0;
}

int box_start(struct box *b, struct arena *a, const struct plan *p, const struct box_options *opt,
	      struct err *e)
{
	TRY(box_prepare(b, a, p, opt, e));
	b->sequence = &launch_sequence;
	return box_walk(b, e);
}

int box_walk(struct box *b, struct err *e)
{
	bool host_before = false;

	for (size_t row = 0; row < b->sequence->n; row++) {
		if (!is_wanted(b, row))
			continue;
		b->done = row; /* undo starts here, with what a failed step left half done */
		if (host_row(b, row, &host_before, e) < 0) {
			box_explain_death(b, e);
			box_end(b);
			return -e->no;
		}
	}
	return 0;
}

void box_end(struct box *b)
{
	for (size_t row = b->done + 1; row-- > 0;)
		if (b->sequence->rows[row].undo != NULL && is_wanted(b, row))
			b->sequence->rows[row].undo(b);
	b->done = 0;
	box_release(b);
}

void box_timings(const struct box *b, struct buf *out)
{
	static const char *const actors[] = { "host", "broker", "init" };
	uint64_t first = 0;

	for (size_t i = 0; first == 0 && i < b->sequence->n; i++)
		first = b->shared->timing[i].begin_ns;

	for (size_t i = 0; i < b->sequence->n; i++) {
		uint64_t begin = b->shared->timing[i].begin_ns, end = b->shared->timing[i].end_ns;

		if (begin == 0)
			continue;
		buf_printf(out, "%-16s %-6s at %8.1f us", b->sequence->rows[i].name,
			   actors[b->sequence->rows[i].who], (double)(begin - first) / 1000.0);
		if (end >= begin)
			buf_printf(out, " took %8.1f us\n", (double)(end - begin) / 1000.0);
		else
			buf_puts(out, " does not return\n");
	}
}
