/*
 * What people have said to questions of the section ask:, and the question that is open. Values and no system call; one
 * thread adds, others may look at the same time.
 */
#ifndef POLICY_ANSWERS_H
#define POLICY_ANSWERS_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "text/from.h"

enum ask_kind { ASK_READ, ASK_WRITE, ASK_EXECUTE, ASK_CONNECT };
enum { ASK_KINDS = ASK_CONNECT + 1, ASK_FILE_KINDS = ASK_EXECUTE + 1 };

/* The word for it in questions, in answers and in the profile. */
extern const char *const ask_kind_names[ASK_KINDS];

/* For how long an answer holds. */
enum ask_scope {
	ASK_ONCE, /* this call */
	ASK_RUN,  /* the same question, until the container ends */
	ASK_RULE, /* every question of the same rule, until then */
};

enum {
	ANSWERS_MAX = 1024,
	ANSWERS_BYTES = 128 * 1024, /* of their texts; beyond that people are asked again */
	ANSWERS_ONCE = 4,           /* questions of one call */
};

enum reply {
	REPLY_NONE,
	REPLY_YES,
	REPLY_NO,
	REPLY_LATE, /* there was none in time, which is no */
};

/* Those that hold for the run. */
struct kept_answer {
	enum ask_kind kind;
	bool whole_rule; /* `text` is the pattern, else the path */
	bool yes;
	size_t text; /* offset in `texts` */
};
struct answers {
	_Atomic size_t n;
	size_t used;
	struct kept_answer at[ANSWERS_MAX];
	char texts[ANSWERS_BYTES];
};

struct question {
	enum ask_kind kind;
	const struct from *from; /* the rule's place; only as long as the tables are the same */
	char pattern[PATH_MAX];  /* its pattern, or its range and ports */
	char path
		[PATH_MAX]; /* which the question is about: absolute in the container; or an address */
};

/* What one call knows: the answers of the run, those to itself, and the question that it has to ask. */
struct asking_call {
	const struct answers *run;
	size_t n;
	struct {
		enum ask_kind kind;
		enum reply reply;
		char path[PATH_MAX];
	} once[ANSWERS_ONCE];
	struct question question;
};

/* What was said to this question. NULL: nothing. The later answer of the run counts, and one about the path before one
 * about the rule. */
enum reply answers_say(const struct asking_call *c, enum ask_kind kind, const char *path,
		       const char *pattern);

/* Keeps an answer for the run. False: no room. */
bool answers_keep(struct answers *a, const struct question *q, enum ask_scope scope, bool yes);

/* Keeps one for the call that asked. False: it has asked too often. */
bool answers_keep_once(struct asking_call *c, enum reply reply);

#endif
