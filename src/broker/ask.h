/*
 * Questions: a call waits, and the broker serves others, until whoever is on the other end of `fd` has answered, the time
 * is over, or the caller has gone. When it is answered the call is looked at anew, from its registers on: what is done
 * in the end is decided on what is met then, and what was said is only about the path that was shown.
 */
#ifndef BROKER_ASK_H
#define BROKER_ASK_H

#include "broker/call.h"
#include "policy/ask_line.h"

enum {
	ASK_MAX = 32
}; /* questions open at a time: more would be of use to nobody but an attacker */

enum ask_state {
	ASK_FREE,
	ASK_OPEN,
	ASK_ANSWERED,
	ASK_AGAIN, /* the call is being looked at anew */
};

struct ask_slot {
	enum ask_state state;
	bool thread; /* somebody waits in ask_wait(); else the loop takes the call up again */
	const struct stand *owner; /* whose listener the call came by */
	uint64_t number, deadline_ms;
	struct call call;
	struct asking_call asking;
};

struct ask {
	int fd; /* the conversation, -1: nobody can be asked; owned */
	_Atomic uint32_t lock;
	uint64_t number;
	struct answers answers;
	/* The last refusal of one call. A shell that looks for a program tries its other names at once (/bin is /usr/bin). */
	struct {
		uint32_t tid;
		uint64_t until_ms;
		struct question question;
	} refused;
	struct ask_slot slots[ASK_MAX];
	char in[ASK_ANSWER_MAX];
	size_t in_len;
	bool skip; /* the rest of a line that is too long */
};

/* Takes `fd`. NULL: no memory. */
struct ask *ask_new(int fd);

/* What a call of this thread knows when it is looked at. */
void ask_know(const struct server *s, uint32_t tid, struct asking_call *asking);

/* The call has met a question. True: it waits for the answer. False: nobody can be asked. */
bool ask_park(const struct server *s, const struct call *c);

/* For threads that wait by themselves: REPLY_NONE when nobody can be asked, or `gone` says that the caller has gone. The
 * answer is in c->asking as well. */
enum reply ask_wait(const struct server *s, const struct call *c, bool (*gone)(void *ctx),
		    void *ctx);

/* How many calls wait for the loop to take them up. */
unsigned ask_waiting(const struct server *s);

/* One call whose wait is over: NULL, or to be looked at anew and then given to ask_done(). */
struct ask_slot *ask_next(const struct server *s);
void ask_done(const struct server *s, struct ask_slot *slot);

/* The listener is gone, and with it whoever waited for the loop. */
void ask_forget(const struct server *s);

#endif
