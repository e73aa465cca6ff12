/*
 * zviz events: what a container uses, now or again and again, and when it runs out of memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/cgroup.h"
#include "box/state.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/stats.h"
#include "kern/sys.h"
#include "text/json_write.h"

enum {
	INTERVAL_MS = 5000,
	V1_LOOK_MS = 200, /* v1 wakes nobody who waits for its counters */
};

struct events_options {
	bool stats;
	struct amount interval;
};

static const struct option_row event_rows[] = {
	{ "stats", 0, OPTION_FLAG, NULL, "print the numbers once, and end",
	  .offset = offsetof(struct events_options, stats) },
	{ "interval", 0, OPTION_DURATION, "TIME", "between two lines of numbers (default: 5s)",
	  .offset = offsetof(struct events_options, interval) },
	{ 0 },
};

struct watch {
	const char *id;
	struct cgroup groups;
	pid_t pid;
	int process;     /* init: when it ends, so do the events */
	int oom;         /* v2: memory.events, of whose changes poll() tells; -1 on v1 */
	uint64_t ooms;   /* seen so far */
	int64_t next_ms; /* when the numbers are due */
	int64_t interval_ms;
};

static int64_t now_ms(void)
{
	struct timespec t;

	sys_clock(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int put_stats(const struct watch *w, struct err *e)
{
	struct arena scratch = { 0 };
	struct buf out = { .arena = &scratch };
	int r;

	stats_line(&out, w->id, w->pid, &w->groups);
	r = print_out(&out, e);
	arena_free(&scratch);
	return r;
}

static uint64_t count_ooms(const struct watch *w)
{
	struct cgroup_usage used;

	cgroup_read_usage(&w->groups, &used);
	return used.oom_kills != UINT64_MAX ? used.oom_kills : 0;
}

/* One line an event, however many processes it took. */
static int put_oom(struct watch *w, struct err *e)
{
	uint64_t n = count_ooms(w);
	struct arena scratch = { 0 };
	struct buf out = { .arena = &scratch };
	struct json_writer j = { .out = &out };
	int r;

	if (n <= w->ooms)
		return 0;
	w->ooms = n;
	json_open_object(&j, NULL);
	json_put_string(&j, "type", "oom");
	json_put_string(&j, "id", w->id);
	json_close(&j);
	buf_puts(&out, "\n");
	r = print_out(&out, e);
	arena_free(&scratch);
	return r;
}

static int open_oom(const struct cgroup *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].v2)
			return openat(c->at[i].dir, "memory.events", O_RDONLY | O_CLOEXEC);
	return -1;
}

/* 1 while the container lives. */
static int wait_event(struct watch *w, struct err *e)
{
	struct pollfd fds[] = { { .fd = w->process, .events = POLLIN },
				{ .fd = w->oom, .events = POLLPRI } };
	int64_t left = w->next_ms - now_ms();

	if (w->oom < 0 && left > V1_LOOK_MS)
		left = V1_LOOK_MS;
	if (poll(fds, COUNT(fds), left > 0 ? (int)left : 0) < 0 && errno != EINTR)
		return fail(e, errno, "wait for events: %m");
	TRY(put_oom(w, e));
	if (fds[0].revents != 0)
		return 0;
	if (now_ms() < w->next_ms)
		return 1;
	w->next_ms += w->interval_ms;
	TRY(put_stats(w, e));
	return 1;
}

static int watch(struct watch *w, pid_t pid, struct err *e)
{
	int r;

	w->process = sys_pidfd_open(pid, 0);
	if (w->process < 0)
		return 0; /* it has ended meanwhile */
	w->oom = open_oom(&w->groups);
	w->ooms = count_ooms(w);
	w->next_ms = now_ms() + w->interval_ms;
	while ((r = wait_event(w, e)) > 0)
		;
	fd_close(&w->oom);
	fd_close(&w->process);
	return r;
}

static int events_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct events_options *o = options;
	struct watch w = { .id = argv[0], .interval_ms = INTERVAL_MS };
	struct state_info info;
	int r;

	(void)argc;
	if (o->interval.set && (o->interval.value == 0 || o->interval.value > INT32_MAX))
		return fail(e, EINVAL, "--interval: more than nothing, less than 24 days");
	if (o->interval.set)
		w.interval_ms = (int64_t)o->interval.value;
	TRY(state_read(c->arena, cli_state_root(c), w.id, &info, e));
	if (info.status != STATE_RUNNING && info.status != STATE_PAUSED)
		return fail(e, ESRCH, "container not running: %s", w.id);
	w.pid = info.pid;
	TRY(state_groups(c->arena, cli_state_root(c), w.id, &w.groups, e));
	if (w.groups.n == 0) {
		fail(e, ENOENT, "container %s: it has no control group that counts", w.id);
		return advise(e, "run as root, or have a group delegated (`zviz check`)");
	}
	r = o->stats ? put_stats(&w, e) : watch(&w, info.pid, e);
	cgroup_close(&w.groups);
	return r;
}

const struct command command_events = {
	.name = "events",
	.usage = "[options] ID",
	.summary = "Say what a container uses",
	.help = "One JSON object a line, until the container ends: its numbers every few seconds, in\n"
		"nanoseconds and bytes, and {\"type\":\"oom\"} each time that it runs out of memory.",
	.options = event_rows,
	.options_size = sizeof(struct events_options),
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = events_run,
};
