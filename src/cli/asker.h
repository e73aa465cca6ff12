/*
 * Questions of the section ask:, put to whoever sits at the terminal. One at a time; while one is shown, the workload's
 * output waits and the keys are the answer's, so that no program can paint over a question or take its answer.
 */
#ifndef CLI_ASKER_H
#define CLI_ASKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "policy/ask_line.h"

enum { ASKER_QUESTIONS_MAX = 64, ASKER_WORD_MAX = 16 };

/* Start from zero with `fd`, `out` and `raw` set. */
struct asker {
	int fd;          /* the conversation; borrowed, -1: its end was met */
	int out;         /* where to write: the terminal; borrowed */
	const bool *raw; /* the keys are ours */
	bool showing;    /* the first of `questions` is on the terminal */
	size_t n;
	struct asker_question {
		struct arena arena; /* of the strings */
		struct ask_question q;
	} questions[ASKER_QUESTIONS_MAX];
	char word[ASKER_WORD_MAX]; /* typed so far */
	size_t word_len;
	char line[ASK_QUESTION_MAX]; /* heard so far */
	size_t line_len;
	bool skip; /* the rest of a line that is too long */
};

/* The descriptor is readable. False: it has ended. */
bool asker_hear(struct asker *a);

/* Whether the keys and the screen are the question's. */
bool asker_busy(const struct asker *a);

void asker_keys(struct asker *a, const char *bytes, size_t len);

/* Forgets what is still open. */
void asker_end(struct asker *a);

/* ---- pure, for tests ---- */

/* What a word means as an answer. False: nothing. */
bool asker_word(const char *word, struct ask_answer *out);

/* The question as a person reads it; \n ends each line but the last. */
void asker_text(const struct ask_question *q, struct buf *out);

#endif
