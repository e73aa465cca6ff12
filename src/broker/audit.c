#include "broker/audit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/decide.h"
#include "policy/describe.h"
#include "policy/event.h"
#include "table/table.h"

static uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t audit_now(const struct server *s)
{
	return s->events >= 0 && s->plan->audit != AUDIT_NONE ? clock_us(CLOCK_MONOTONIC) : 0;
}

static bool wanted(const struct server *s, enum audit_level level)
{
	return s->events >= 0 && s->plan->audit >= level;
}

static void emit(const struct server *s, const struct event *ev)
{
	char line[EVENT_LINE_MAX];
	size_t len = event_write(line, ev);

	/* A line is no longer than PIPE_BUF: a pipe takes all of it or nothing. */
	if (write(s->events, line, len) != (ssize_t)len)
		atomic_fetch_add_explicit(&s->counters->events_lost, 1, memory_order_relaxed);
}

/* "add /folder to filesystem.write" */
static void name_fix(char *out, size_t size, const struct verdict *v, const char *path)
{
	const char *base = path != NULL ? strrchr(path, '/') : NULL;

	if (v->list == NULL && v->fix == NULL && v->call != NULL)
		snprintf(out, size, "add %s to syscalls.allow", v->call);
	else if (v->list == NULL)
		snprintf(out, size, "%s", v->fix != NULL ? v->fix : "");
	else if (base == NULL)
		snprintf(out, size, "add its folder to %s", v->list);
	else
		snprintf(out, size, "add %.*s to %s", base == path ? 1 : (int)(base - path), path,
			 v->list);
}

/* `path`, absolute or NULL, is what the fix speaks of; `shown` what the caller wrote. */
static void report(const struct server *s, const struct call *c, const char *verdict,
		   const struct verdict *v, const char *path, const struct paths *shown,
		   const uint64_t *flags)
{
	char arguments[EVENT_LINE_MAX / 2], rule[256], fix[512];
	uint64_t now = clock_us(CLOCK_MONOTONIC);
	struct task task = { .comm = "" };
	const struct name *err = name_of(errno_names, v->err);
	const char *call = syscall_name(c->arch, c->nr);

	if (fetch_task(s, c, &task) < 0)
		task = (struct task){ .inner_tid = 0 }; /* it may be gone by now */
	describe_call(arguments, sizeof arguments, c, shown, flags);
	describe_rule(rule, sizeof rule, v->from);
	name_fix(fix, sizeof fix, v, path);
	emit(s, &(struct event){
			.time_us = clock_us(CLOCK_REALTIME),
			.container = s->plan->id,
			.pid = task.inner_pid,
			.comm = task.comm,
			.syscall = call != NULL ? call : "unknown",
			.arguments = arguments,
			.layer = v->layer != NULL ? v->layer : "broker",
			.rule = rule,
			.verdict = verdict,
			.err = v->err == 0   ? ""
			       : err != NULL ? err->name
					     : "unknown",
			.us = now - c->start_us,
			.fix = fix,
		});
}

void audit_call(const struct server *s, const struct call *c, const struct plan_call *row,
		const struct verdict *v)
{
	bool exec = row != NULL && row->mediator == MEDIATE_EXEC, refused = v->what == DENY;
	const struct syscall *call = syscall_number(c->arch, c->nr);
	char path[PATH_MAX];
	struct paths shown = { 0 };
	struct verdict named = *v;

	if (!wanted(s, refused ? AUDIT_DENIALS : exec ? AUDIT_ALL : AUDIT_DECISIONS))
		return;
	/* Only for the message: the answer never depends on it. */
	for (unsigned i = 0; call != NULL && i < 6 && shown.at[0] == NULL; i++)
		if (call->arg[i] == ARG_PATH && fetch_string(c, c->arg[i], path) == 0)
			shown.at[0] = path;
	/* A call that the profile denies is seccomp's to refuse: it came here to be explained. */
	if (refused && named.layer == NULL && (row == NULL || row->mediator == MEDIATE_DENY))
		named.layer = "seccomp";
	if (!refused)
		named.err = 0;
	report(s, c, refused ? "deny" : "allow", &named, NULL, &shown, NULL);
}

/* The path that was asked for, absolute, with "." and ".." taken out by their letters. */
static void absolute_path(const struct server *s, int dir, const char *path, char out[2 * PATH_MAX])
{
	char number[16];
	ssize_t n = 0;

	out[0] = '\0';
	if (path[0] != '/' && dir >= 0) {
		fetch_number(number, (uint32_t)dir);
		n = readlinkat(s->self_fds, number, out, PATH_MAX - 1);
	}
	size_t len = n > 0 ? (size_t)n : 0;

	for (const char *at = path; *at != '\0';) {
		at += strspn(at, "/");

		size_t part = strcspn(at, "/");

		if (part == 2 && at[0] == '.' && at[1] == '.') {
			while (len > 0 && out[--len] != '/')
				;
		} else if (part != 0 && !(part == 1 && at[0] == '.')) {
			if (len == 0 || out[len - 1] != '/')
				out[len++] = '/';
			memcpy(out + len, at, part);
			len += part;
		}
		at += part;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
}

void audit_open(const struct server *s, const struct call *c, const struct plan_call *row,
		const struct outcome *o)
{
	const struct open_request *r = &o->request;
	const struct paths shown = { { r->path[0] != '\0' ? r->path : NULL } };
	char path[2 * PATH_MAX];
	int err = o->err;
	struct verdict v = o->why;

	if (!wanted(s, err == 0 ? AUDIT_DECISIONS : AUDIT_DENIALS))
		return;
	absolute_path(s, r->dir, r->path, path);
	if (o->refused ||
	    (err != 0 && shown.at[0] != NULL && decide_failed(s->plan, path, err, &v)))
		report(s, c, "deny", &v, path, &shown, &r->flags);
	else if (wanted(s, AUDIT_DECISIONS))
		report(s, c, "allow", &(struct verdict){ .err = err, .from = row->from }, path,
		       &shown, &r->flags);
}

void audit_socket(const struct server *s, const struct call *c, const struct plan_call *row,
		  const struct socket_outcome *o)
{
	const char *to = o->path[0] != '\0' ? o->path : o->to;
	const struct paths shown = { { to[0] != '\0' ? to : NULL } };
	int err = o->result < 0 && !o->later ? -o->result : 0;
	char path[2 * PATH_MAX];
	struct verdict v = o->why;

	if (!wanted(s, err == 0 ? AUDIT_DECISIONS : AUDIT_DENIALS))
		return;
	if (o->to[0] != '\0')
		memcpy(path, o->to, sizeof o->to);
	else
		absolute_path(s, o->dir, o->path, path);
	if (o->refused ||
	    (err != 0 && shown.at[0] != NULL && decide_failed(s->plan, path, err, &v)))
		report(s, c, "deny", &v, path, &shown, NULL);
	else if (wanted(s, AUDIT_DECISIONS))
		report(s, c, "allow", &(struct verdict){ .err = err, .from = row->from }, path,
		       &shown, NULL);
}

void audit_names(const struct server *s, const struct call *c, const struct plan_call *row,
		 const struct names_outcome *o)
{
	const struct names_request *r = &o->request;
	struct paths shown = { 0 };
	char path[2 * PATH_MAX];
	struct verdict v = o->why;

	if (!wanted(s, o->err == 0 ? AUDIT_DECISIONS : AUDIT_DENIALS))
		return;
	for (unsigned i = 0; i < 2; i++)
		shown.at[i] = r->path[i][0] != '\0' ? r->path[i] : NULL;
	absolute_path(s, r->dir[o->about], r->path[o->about], path);
	if (o->refused ||
	    (o->err != 0 && shown.at[o->about] != NULL && decide_failed(s->plan, path, o->err, &v)))
		report(s, c, "deny", &v, path, &shown, NULL);
	else if (wanted(s, AUDIT_DECISIONS))
		report(s, c, "allow", &(struct verdict){ .err = o->err, .from = row->from }, path,
		       &shown, NULL);
}

void audit_program(const struct server *s, const struct call *c, const struct plan_call *row,
		   const struct verdict *v, const char *path)
{
	const struct paths shown = { { path } };

	if (path == NULL)
		audit_call(s, c, row, v);
	else if (wanted(s, v->what == DENY ? AUDIT_DENIALS : AUDIT_ALL))
		report(s, c, v->what == DENY ? "deny" : "allow", v, NULL, &shown, NULL);
}

void audit_update(const struct server *s, const char *profile, uint32_t generation)
{
	char arguments[EVENT_LINE_MAX / 2];

	if (s->events < 0)
		return;
	if (profile != NULL)
		snprintf(arguments, sizeof arguments, "profile %s, change %u", profile, generation);
	else
		snprintf(arguments, sizeof arguments, "change %u, which is damaged", generation);
	emit(s, &(struct event){
			.time_us = clock_us(CLOCK_REALTIME),
			.container = s->plan->id,
			.syscall = "update",
			.comm = "",
			.arguments = arguments,
			.layer = "broker",
			.rule = "default",
			.verdict = profile != NULL ? "allow" : "deny",
			.err = profile != NULL ? "" : "EBADMSG",
			.fix = "",
		});
}
