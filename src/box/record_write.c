/*
 * What a launcher writes down of its container.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "box/record.h"
#include "box/state.h"
#include "kern/sys.h"
#include "policy/digest.h"
#include "text/json_write.h"

/* The one file is written by one call; it only ever grows. */
static int put_record(int fd, const char *text, size_t len, size_t at, struct err *e)
{
	ssize_t n = pwrite(fd, text, len, (off_t)at);

	if (n < 0)
		return fail(e, errno, "state: %m");
	return (size_t)n == len ? 0 : fail(e, ENOSPC, "state: %m");
}

/* Behind the last brace; a number that comes later takes their place. */
static const char record_end[] = "\n";

/* Words can hold what is nobody else's business: the file is the owner's alone, as /proc/PID/environ is. */
static void describe_start(struct box *b, struct json_writer *j)
{
	const struct box_start_words *s = &b->opt->started;

	json_open_object(j, "started");
	if (s->cwd != NULL)
		json_put_string(j, "cwd", s->cwd);
	json_open_array(j, "words");
	for (size_t i = 0; i < s->words.n; i++)
		json_put_string(j, NULL, s->words.at[i]);
	json_close(j);
	json_put_string(
		j, "plan",
		arena_printf(b->arena, "%016llx", (unsigned long long)plan_digest(b->plan)));
	if (s->name != NULL)
		json_put_string(j, "profile", s->name);
	if (s->file != NULL)
		json_put_string(j, "profile_file", s->file);
	if (s->by != NULL)
		json_put_string(j, "profile_by", s->by);
	json_close(j);
}

static void describe_hooks(struct json_writer *j, const char *name, const struct spec_hooks *hooks)
{
	json_open_array(j, name);
	for (size_t i = 0; i < hooks->n; i++) {
		const struct spec_hook *h = &hooks->at[i];

		json_open_object(j, NULL);
		json_put_string(j, "path", h->path);
		json_open_array(j, "args");
		for (size_t n = 0; n < h->args.n; n++)
			json_put_string(j, NULL, h->args.at[n]);
		json_close(j);
		json_open_array(j, "env");
		for (size_t n = 0; n < h->env.n; n++)
			json_put_string(j, NULL, h->env.at[n]);
		json_close(j);
		if (h->timeout.set)
			json_put_u64(j, "timeout", h->timeout.value);
		json_close(j);
	}
	json_close(j);
}

/* Those of later commands: the bundle may be gone by then. */
static void describe_late_hooks(struct json_writer *j, const struct spec *s)
{
	if (s->hooks.poststart.n + s->hooks.poststop.n == 0)
		return;
	json_open_object(j, "hooks");
	describe_hooks(j, "poststart", &s->hooks.poststart);
	describe_hooks(j, "poststop", &s->hooks.poststop);
	json_close(j);
}

static int describe(struct box *b, struct buf *out, struct err *e)
{
	const struct plan *p = b->plan;
	const char *boot = record_boot_id(b->arena);
	struct buf groups = { .arena = b->arena };
	struct cgroup named;
	char date[DATE_ROOM], created[40];
	struct timespec now;

	sys_clock(CLOCK_REALTIME, &now);
	date_write((uint64_t)now.tv_sec, date);
	snprintf(created, sizeof created, "%s.%09ldZ", date, now.tv_nsec);

	struct json_writer j = { .out = out };

	json_open_object(&j, NULL);
	json_put_string(&j, "ociVersion", "1.2.0");
	json_put_string(&j, "id", p->id);
	json_put_string(&j, "profile", p->profile);
	json_put_string(&j, "bundle", b->opt->bundle != NULL ? b->opt->bundle : "");
	json_put_string(&j, "rootfs", p->rootfs != NULL ? p->rootfs : "/");
	json_put_string(&j, "created", created);
	if (boot != NULL)
		json_put_string(&j, "boot", boot);
	TRY(cgroup_name(p, &named, e));
	cgroup_paths(&named, &groups);
	json_put_string(&j, "cgroups", buf_text(&groups));
	describe_start(b, &j);
	json_open_array(&j, "missing");
	for (size_t i = 0; i < p->nmissing; i++)
		json_put_string(
			&j, NULL,
			arena_printf(b->arena, "%s: %s", p->missing[i].layer, p->missing[i].why));
	json_close(&j);
	json_open_array(&j, "cut");
	for (size_t i = 0; i < p->ncuts; i++)
		json_put_string(&j, NULL, plan_cut_text(b->arena, &p->cuts[i]));
	json_close(&j);
	json_open_object(&j, "annotations");
	for (size_t i = 0; i < p->spec->annotations.n; i++)
		json_put_string(&j, p->spec->annotations.at[i].key,
				p->spec->annotations.at[i].value);
	json_close(&j);
	describe_late_hooks(&j, p->spec);
	json_close(&j);
	buf_puts(out, record_end);
	return 0;
}

int record_write(struct box *b, struct err *e)
{
	struct buf text = { .arena = b->arena };

	TRY(describe(b, &text, e));
	b->recorded = text.len;
	return put_record(b->state_lock, buf_text(&text), text.len, 0, e);
}

int state_record_init(struct box *b, struct err *e)
{
	char text[320];
	size_t len = (size_t)snprintf(text, sizeof text, ",\"pid\":%d", b->init);

	if (b->plan->detach)
		len += (size_t)snprintf(text + len, sizeof text - len, ",\"start\":%llu",
					(unsigned long long)record_start_time(b->init));
	if (b->broker > 0)
		len += (size_t)snprintf(text + len, sizeof text - len, ",\"broker_pid\":%d",
					b->broker);
	if (b->plan->detach && b->broker > 0)
		len += (size_t)snprintf(text + len, sizeof text - len, ",\"broker_start\":%llu",
					(unsigned long long)record_start_time(b->broker));
	if (b->net_device != NULL)
		len += (size_t)snprintf(text + len, sizeof text - len, ",\"device\":\"%s\"",
					b->net_device);
	if (b->net_table != NULL)
		len += (size_t)snprintf(text + len, sizeof text - len, ",\"table\":\"%s\"",
					b->net_table);
	len += (size_t)snprintf(text + len, sizeof text - len, "}%s", record_end);
	return put_record(b->state_lock, text, len, b->recorded - strlen("}") - strlen(record_end),
			  e);
}
