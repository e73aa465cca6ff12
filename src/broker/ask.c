#include "broker/ask.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "broker/fetch.h"
#include "policy/describe.h"
#include "table/table.h"

enum {
	LOOK_MS = 100,    /* how long a question may outlive its caller */
	REFUSED_MS = 300, /* how long a refusal outlives its call */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- one at a time ---- */

static void lock(struct ask *a)
{
	while (atomic_exchange(&a->lock, 1) != 0) {
		const struct timespec time = { .tv_nsec = 1000000 };

		syscall(SYS_futex, &a->lock, FUTEX_WAIT_PRIVATE, 1, &time, NULL, 0);
	}
}

static void unlock(struct ask *a)
{
	atomic_store(&a->lock, 0);
	syscall(SYS_futex, &a->lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

struct ask *ask_new(int fd)
{
	struct ask *a = calloc(1, sizeof *a);

	if (a != NULL)
		a->fd = fd;
	return a;
}

void ask_know(const struct server *s, uint32_t tid, struct asking_call *asking)
{
	struct ask *a = s->ask;

	asking->run = &a->answers;
	asking->n = 0;
	lock(a);
	if (a->refused.tid == tid && now_ms() < a->refused.until_ms) {
		memcpy(&asking->question, &a->refused.question, sizeof asking->question);
		answers_keep_once(asking, REPLY_NO);
	}
	unlock(a);
}

/* ---- what is said ---- */

/* All or nothing, and never waiting: who does not read is not there. */
static bool say(struct ask *a, const struct ask_question *q)
{
	struct arena arena = { 0 };
	struct buf line = { .arena = &arena };

	if (a->fd < 0)
		return false;
	ask_question_write(q, &line);

	bool said = send(a->fd, buf_text(&line), line.len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		    (ssize_t)line.len;

	if (!said) {
		/* Half a line, or nobody: nothing that is said from here on could be understood. */
		close(a->fd);
		a->fd = -1;
	}
	arena_free(&arena);
	return said;
}

static bool ask(const struct server *s, const struct ask_slot *slot)
{
	const struct question *q = &slot->asking.question;
	const char *call = syscall_name(slot->call.arch, slot->call.nr);
	struct arena arena = { 0 };
	struct task task = { .comm = "" };
	char rule[256];
	struct paths shown = { { q->path } };
	char arguments[2 * PATH_MAX];

	if (fetch_task(s, &slot->call, &task) < 0)
		task = (struct task){ .inner_tid = 0 };
	describe_rule(rule, sizeof rule, q->from);
	describe_call(arguments, sizeof arguments, &slot->call, &shown, NULL);

	bool said = say(s->ask, &(struct ask_question){
					.number = slot->number,
					.container = s->plan->id,
					.profile = s->plan->profile,
					.pid = task.inner_pid,
					.comm = task.comm,
					.syscall = call != NULL ? call : "unknown",
					.arguments = arguments,
					.kind = ask_kind_names[q->kind],
					.object = q->path,
					.pattern = q->pattern,
					.rule = rule,
					.timeout_ms = s->plan->ask_timeout_ms,
					.always = ask_always(&arena, q->kind, q->path),
				});

	arena_free(&arena);
	return said;
}

static void over(struct ask *a, const struct ask_slot *slot, const char *why)
{
	say(a, &(struct ask_question){ .number = slot->number, .over = why });
}

/* ---- what is heard ---- */

/* The question is answered, and with it each that it answers as well. */
static void answered(struct ask *a, struct ask_slot *slot, const struct ask_answer *answer)
{
	if (answer->scope != ASK_ONCE)
		answers_keep(&a->answers, &slot->asking.question, answer->scope, answer->yes);
	if (!answer->yes) {
		a->refused.tid = slot->call.tid;
		a->refused.until_ms = now_ms() + REFUSED_MS;
		memcpy(&a->refused.question, &slot->asking.question, sizeof a->refused.question);
	}
	/* Also when there was no room to keep it. */
	answers_keep_once(&slot->asking, answer->yes ? REPLY_YES : REPLY_NO);
	slot->state = ASK_ANSWERED;
	over(a, slot, "answered");
	for (size_t i = 0; i < ASK_MAX && answer->scope != ASK_ONCE; i++) {
		struct ask_slot *other = &a->slots[i];
		const struct question *q = &other->asking.question;

		if (other->state != ASK_OPEN ||
		    answers_say(&other->asking, q->kind, q->path, q->pattern) == REPLY_NONE)
			continue;
		other->state = ASK_ANSWERED;
		over(a, other, "answered");
	}
}

static void hear(struct ask *a, const char *line, size_t len)
{
	struct arena arena = { 0 };
	struct ask_answer answer;
	struct err e = { 0 };

	/* What cannot be understood answers nothing: the time will. */
	if (ask_answer_read(&arena, line, len, &answer, &e) == 0)
		for (size_t i = 0; i < ASK_MAX; i++)
			if (a->slots[i].state == ASK_OPEN && a->slots[i].number == answer.number) {
				answered(a, &a->slots[i], &answer);
				break;
			}
	arena_free(&arena);
}

static void hear_bytes(struct ask *a, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			if (!a->skip)
				hear(a, a->in, a->in_len);
			a->in_len = 0;
			a->skip = false;
		} else if (a->in_len == sizeof a->in) {
			a->skip = true;
		} else {
			a->in[a->in_len++] = bytes[i];
		}
	}
}

/* Whoever was there has left: nobody answers any more. */
static void hear_end(struct ask *a)
{
	close(a->fd);
	a->fd = -1;
	for (size_t i = 0; i < ASK_MAX; i++)
		if (a->slots[i].state == ASK_OPEN) {
			answers_keep_once(&a->slots[i].asking, REPLY_LATE);
			a->slots[i].state = ASK_ANSWERED;
		}
}

static void listen_once(struct ask *a)
{
	char bytes[ASK_ANSWER_MAX];
	struct iovec part = { .iov_base = bytes, .iov_len = sizeof bytes };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = a->fd >= 0 ? recvmsg(a->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) : -1;

	if (n > 0)
		hear_bytes(a, bytes, (size_t)n);
	else if (a->fd >= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR)))
		hear_end(a);
}

/* ---- asking ---- */

/* A place for a question; of a call that is looked at again, its own. */
static struct ask_slot *place(struct ask *a, const struct call *c)
{
	struct ask_slot *free_slot = NULL;

	for (size_t i = 0; i < ASK_MAX; i++) {
		if (&a->slots[i].asking == c->asking)
			return &a->slots[i];
		if (a->slots[i].state == ASK_FREE && free_slot == NULL)
			free_slot = &a->slots[i];
	}
	return free_slot;
}

static struct ask_slot *open_question(const struct server *s, const struct call *c, bool thread)
{
	struct ask *a = s->ask;
	struct ask_slot *slot = a->fd >= 0 && c->asking->n < ANSWERS_ONCE ? place(a, c) : NULL;

	if (slot == NULL)
		return NULL;
	if (&slot->asking != c->asking)
		memcpy(&slot->asking, c->asking, sizeof slot->asking);
	slot->call = *c;
	slot->call.asking = &slot->asking;
	slot->thread = thread;
	slot->owner = s->stand;
	slot->number = ++a->number;
	slot->deadline_ms = now_ms() + s->plan->ask_timeout_ms;
	slot->state = ASK_OPEN;
	if (ask(s, slot))
		return slot;
	slot->state = ASK_FREE;
	return NULL;
}

bool ask_park(const struct server *s, const struct call *c)
{
	lock(s->ask);

	bool parked = open_question(s, c, false) != NULL;

	unlock(s->ask);
	return parked;
}

/* Looks what has come, and at the time. */
static void look(struct ask *a, struct ask_slot *slot, bool gone)
{
	listen_once(a);
	if (slot->state != ASK_OPEN)
		return;
	if (gone || now_ms() >= slot->deadline_ms) {
		answers_keep_once(&slot->asking, REPLY_LATE);
		over(a, slot, gone ? "gone" : "late");
		slot->state = ASK_ANSWERED;
	}
}

enum reply ask_wait(const struct server *s, const struct call *c, bool (*gone)(void *ctx),
		    void *ctx)
{
	struct ask *a = s->ask;
	struct ask_slot *slot;
	enum reply reply = REPLY_NONE;

	lock(a);
	slot = open_question(s, c, true);
	while (slot != NULL && slot->state == ASK_OPEN) {
		struct pollfd p = { .fd = a->fd, .events = POLLIN };

		unlock(a);
		poll(&p, 1, LOOK_MS);

		bool left = gone(ctx);

		lock(a);
		look(a, slot, left);
	}
	if (slot != NULL) {
		const struct question *q = &slot->asking.question;

		reply = answers_say(&slot->asking, q->kind, q->path, q->pattern);
		memcpy(c->asking, &slot->asking, sizeof slot->asking);
		slot->state = ASK_FREE;
	}
	unlock(a);
	return reply;
}

/* ---- for the loop ---- */

unsigned ask_waiting(const struct server *s)
{
	unsigned n = 0;

	if (s->ask == NULL)
		return 0;
	lock(s->ask);
	for (size_t i = 0; i < ASK_MAX; i++)
		n += !s->ask->slots[i].thread && s->ask->slots[i].owner == s->stand &&
		     (s->ask->slots[i].state == ASK_OPEN || s->ask->slots[i].state == ASK_ANSWERED);
	unlock(s->ask);
	return n;
}

struct ask_slot *ask_next(const struct server *s)
{
	struct ask *a = s->ask;
	struct ask_slot *found = NULL;

	lock(a);
	for (size_t i = 0; i < ASK_MAX && found == NULL; i++) {
		struct ask_slot *slot = &a->slots[i];

		if (slot->thread || slot->owner != s->stand ||
		    (slot->state != ASK_OPEN && slot->state != ASK_ANSWERED))
			continue;

		bool gone = !fetch_valid(s, slot->call.id);

		look(a, slot, gone);
		if (gone)
			slot->state = ASK_FREE;
		else if (slot->state == ASK_ANSWERED)
			found = slot;
	}
	if (found != NULL)
		found->state = ASK_AGAIN;
	unlock(a);
	return found;
}

void ask_done(const struct server *s, struct ask_slot *slot)
{
	lock(s->ask);
	if (slot->state == ASK_AGAIN) /* it may have asked anew */
		slot->state = ASK_FREE;
	unlock(s->ask);
}

void ask_forget(const struct server *s)
{
	struct ask *a = s->ask;

	lock(a);
	for (size_t i = 0; i < ASK_MAX; i++) {
		struct ask_slot *slot = &a->slots[i];

		if (slot->thread || slot->owner != s->stand || slot->state == ASK_FREE)
			continue;
		if (slot->state == ASK_OPEN)
			over(a, slot, "gone");
		slot->state = ASK_FREE;
	}
	unlock(a);
}
