#include "net/door.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/scm.h"
#include "net/log.h"
#include "net/names.h"

/* A text, the parser's copy, and its lists, which are copied as they grow: eight bytes for one at most. What nobody uses is not there. */
enum { ROOM_BYTES = 16 * NET_ROWS_BYTES_MAX };

struct door {
	int caller;            /* -1: none */
	bool waits;            /* for GO, */
	uint64_t until_ms;     /* and for how long */
	struct arena rooms[2]; /* of the rows in force, and of those before or behind them */
	unsigned room;         /* of the next ones */
	struct net_job next;
};

void door_make(struct holder *h)
{
	struct door *d = arena_alloc(h->arena, sizeof *d);

	d->caller = -1;
	for (size_t i = 0; i < COUNT(d->rooms); i++)
		arena_reserve(&d->rooms[i], ROOM_BYTES);
	h->door = d;
}

int door_fd(const struct door *d)
{
	return d->caller >= 0 ? d->caller : NET_FD_DOOR;
}

bool door_waits(const struct door *d)
{
	return d->waits;
}

int door_timeout_ms(const struct door *d, uint64_t now_ms)
{
	if (!d->waits)
		return -1;
	return now_ms < d->until_ms ? (int)(d->until_ms - now_ms) : 0;
}

static void leave(struct door *d)
{
	fd_close(&d->caller);
	d->waits = false;
}

/* ---- somebody comes ---- */

static void greet(struct holder *h)
{
	const struct net_greeting g = { .version = NET_REPORT_VERSION,
					.group = h->log->fd >= 0 ? h->log->group : 0,
					.names = h->names->dns != NULL };
	const int fds[NET_DOOR_FDS] = { NET_FD_NETNS, NET_FD_USERNS,
					h->job.given ? h->inside_fd : -1 };
	struct door *d = h->door;

	d->caller = accept4(NET_FD_DOOR, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (d->caller >= 0 && (scm_send(d->caller, &g, sizeof g, -1) < 0 ||
			       scm_send_all(d->caller, fds, COUNT(fds)) < 0))
		leave(d);
}

/* ---- rows ---- */

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

/* Nothing but names and places is taken; all else was settled when this process was started. */
static int read_rows(struct holder *h, const struct net_ask *q, int file, struct err *e)
{
	struct door *d = h->door;
	struct arena *a = &d->rooms[d->room];
	char *text;

	if (file < 0 || q->bytes == 0 || q->bytes > NET_ROWS_BYTES_MAX)
		return fail(e, E2BIG, "zviz-net: its rows have %llu bytes, of at most %d",
			    (unsigned long long)q->bytes, NET_ROWS_BYTES_MAX);
	arena_rewind(a);
	text = arena_alloc(a, q->bytes + 1);
	if (pread(file, text, q->bytes, 0) != (ssize_t)q->bytes)
		return fail(e, EIO, "zviz-net: its rows cannot be read");
	if (lines_of(text) > NET_ROWS_LINES_MAX)
		return fail(e, E2BIG, "zviz-net: its rows are more than %d", NET_ROWS_LINES_MAX);
	TRY(net_job_parse(a, text, q->bytes, &d->next, e));
	if (strcmp(d->next.id, h->job.id) != 0)
		return fail(e, EINVAL, "zviz-net: these are rows of another container");
	if (d->next.ndomains != 0 && h->names->dns == NULL)
		return fail(e, EOPNOTSUPP, "zviz-net: it was started without a resolver");
	return 0;
}

static void take_rows(struct holder *h)
{
	struct door *d = h->door;
	struct arena *a = &d->rooms[d->room];
	const size_t n = d->next.ndomains;
	const char **rules = arena_array(a, n + 1, sizeof *rules);
	bool *allow_private = arena_array(a, n + 1, sizeof *allow_private);

	for (size_t i = 0; i < n; i++) {
		rules[i] = d->next.domains[i].pattern;
		allow_private[i] = d->next.domains[i].allow_private;
	}
	h->job.ndomains = n;
	h->job.domains = d->next.domains;
	h->job.nwritten = d->next.nwritten;
	h->job.written = d->next.written;
	names_change(h, rules, allow_private);
	d->room ^= 1;
	d->waits = false;
}

static int obey(struct holder *h, const struct net_ask *q, int file, uint64_t now_ms, struct err *e)
{
	struct door *d = h->door;

	if (q->version == NET_REPORT_VERSION && q->word == NET_WORD_CHANGE && !d->waits) {
		TRY(read_rows(h, q, file, e));
		d->waits = true;
		d->until_ms = now_ms + DOOR_WAIT_MS;
		return 0;
	}
	if (q->version == NET_REPORT_VERSION && q->word == NET_WORD_GO && d->waits) {
		take_rows(h);
		return 0;
	}
	return fail(e, EPROTO, "zviz-net: it was asked for something that it does not know");
}

static void hear(struct holder *h, uint64_t now_ms)
{
	struct net_report r = { .version = NET_REPORT_VERSION };
	struct door *d = h->door;
	struct net_ask q;
	struct err e = { 0 };
	int file = -1;
	ssize_t n = scm_receive(d->caller, &q, sizeof q, &file);

	if (n == -EAGAIN)
		return;
	if (n != (ssize_t)sizeof q) {
		fd_close(&file);
		leave(d);
		return;
	}
	obey(h, &q, file, now_ms, &e);
	fd_close(&file);
	r.no = e.no;
	memcpy(r.text, e.text, sizeof r.text);
	memcpy(r.hint, e.hint, sizeof r.hint);
	if (scm_send(d->caller, &r, sizeof r, -1) < 0)
		leave(d);
}

void door_handle(struct holder *h, short events, uint64_t now_ms)
{
	struct door *d = h->door;

	if (events != 0 && d->caller < 0)
		greet(h);
	else if (events != 0)
		hear(h, now_ms);
	/* Not for want of words: what the workload has refused wakes us as well. */
	if (door_timeout_ms(d, now_ms) == 0)
		leave(d);
}
