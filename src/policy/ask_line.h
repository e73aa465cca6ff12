/*
 * The conversation about questions: one JSON object a line, both ways, over a stream socket. zviz-ask(7) promises it.
 *
 *   broker → {"question":1,"container":"b","profile":"p","pid":7,"comm":"git","syscall":"openat","arguments":"…",
 *             "kind":"write","object":"/work/x","pattern":"/work/?","rule":"p.yaml:9","timeout_ms":60000,
 *             "always":"ask: {always: {write: [\"/work/x\"]}}"}
 *          ← {"question":1,"answer":"allow","for":"run"}
 *   broker → {"question":1,"over":"answered"}
 *
 * Whoever answers may trust the broker's words no more than the workload's: a broker may have been taken over.
 */
#ifndef POLICY_ASK_LINE_H
#define POLICY_ASK_LINE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/answers.h"

enum { ASK_ANSWER_MAX = 1024, ASK_QUESTION_MAX = 64 * 1024 }; /* bytes of a line */

/* What a question says. Strings are safe to print: escaped by whoever wrote them, and once more where they are read. */
struct ask_question {
	uint64_t number;
	const char *over; /* NULL: it is asked; else why it is over: "answered", "late", "gone" */
	const char *container, *profile;
	int64_t pid; /* as the container numbers it */
	const char *comm, *syscall, *arguments;
	const char *kind;   /* "read", "write", "execute", "connect" */
	const char *object; /* what it is about */
	const char *pattern, *rule;
	uint64_t timeout_ms;
	const char *always; /* the line of the profile that would have answered it */
};

struct ask_answer {
	uint64_t number;
	bool yes, always;
	enum ask_scope scope;
};

/* Both append a line. */
void ask_question_write(const struct ask_question *q, struct buf *out);
void ask_answer_write(const struct ask_answer *answer, struct buf *out);

/* `line` is without its newline. -EINVAL with *e. Strings live in `a`. */
int ask_question_read(struct arena *a, const char *line, size_t len, struct ask_question *out,
		      struct err *e);
int ask_answer_read(struct arena *a, const char *line, size_t len, struct ask_answer *out,
		    struct err *e);

/* The line of the profile that answers a question about this path, or address, with yes, now and later. A pattern has no way to mean a
 * star or a question mark: it says ? in their place, which is a little more. */
const char *ask_always(struct arena *a, enum ask_kind kind, const char *path);

#endif
