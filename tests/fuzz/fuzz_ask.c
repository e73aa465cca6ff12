/* Both sides of the conversation about questions: what a program answers, and what a broker, which may be in the
 * workload's hands, has asked. What is understood survives a second trip; nothing that a terminal acts on is shown. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/asker.h"
#include "policy/ask_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void try_answer(struct arena *a, const char *line, size_t len)
{
	struct buf again = { .arena = a };
	struct ask_answer answer, back;
	struct err e;

	if (ask_answer_read(a, line, len, &answer, &e) < 0)
		return;
	ask_answer_write(&answer, &again);
	require(ask_answer_read(a, buf_text(&again), again.len - 1, &back, &e) == 0);
	require(back.number == answer.number && back.yes == answer.yes &&
		back.always == answer.always && back.scope == answer.scope);
}

static void try_question(struct arena *a, const char *line, size_t len)
{
	struct buf text = { .arena = a }, again = { .arena = a };
	struct ask_question q, back;
	struct err e;

	if (ask_question_read(a, line, len, &q, &e) < 0)
		return;
	asker_text(&q, &text);
	for (const char *at = buf_text(&text); *at != '\0'; at++)
		require(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
	ask_question_write(&q, &again);
	require(memchr(buf_text(&again), '\n', again.len) == buf_text(&again) + again.len - 1);
	require(ask_question_read(a, buf_text(&again), again.len - 1, &back, &e) == 0);
	require(back.number == q.number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };

	try_answer(&a, (const char *)data, size);
	try_question(&a, (const char *)data, size);
	arena_free(&a);
	return 0;
}
