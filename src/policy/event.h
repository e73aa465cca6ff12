/*
 * One decision, as a value and as one line of JSON. The stream is append-only: one object a line. What its keys mean is
 * promised in docs/event.schema.json and zviz-events(5).
 *
 *   {"time":"2026-01-02T03:04:05.123456Z","container":"my-build","pid":7,"comm":"sh","syscall":"openat",
 *    "arguments":"AT_FDCWD, \"/etc/shadow\", O_RDONLY","layer":"mount","rule":"ci-runner:41",
 *    "verdict":"deny","errno":"ENOENT","us":4,"fix":"…"}
 *
 * zviz-net writes into the same stream.
 */
#ifndef POLICY_EVENT_H
#define POLICY_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { EVENT_LINE_MAX = 4096 }; /* bytes of one line, newline included; a pipe takes it whole */

struct event {
	uint64_t time_us; /* since 1970, UTC */
	const char *container;
	int64_t pid;      /* as the reader of the stream sees it */
	const char *comm; /* the process's name, "" when unknown */
	const char *syscall;
	const char *arguments; /* decoded, safe to print */
	const char *layer;     /* "seccomp", "broker", "mount", "permissions", "network" */
	const char *rule;      /* "file:line", or "default" */
	const char *verdict;   /* "allow", "deny" */
	const char *err;       /* "EPERM", "" when allowed */
	uint64_t us;           /* spent deciding and acting */
	const char *fix;       /* "" when there is none */
	const char *why;       /* "", or what the layer says; the line has it only then */
};

/* Writes the line into `out` (EVENT_LINE_MAX bytes), cutting `arguments` if it must. Returns its length,
 * newline included. No allocation: the broker calls it in its loop. */
size_t event_write(char out[EVENT_LINE_MAX], const struct event *ev);

/* Reads a line back; strings go into `a`. The line may come from a hostile broker: everything is checked. */
int event_read(struct arena *a, const char *line, size_t len, struct event *out, struct err *e);

/* The line that a person reads under --verbose. Control characters never pass. */
void event_print(const struct event *ev, struct buf *out);

#endif
