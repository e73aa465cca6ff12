#include "broker/live.h"

#include <stdlib.h>
#include <string.h>

#include "broker/audit.h"
#include "policy/live_image.h"

enum {
	TRIES_MAX = 64
}; /* a writer that changes it as often in a row waits for its own disk each time */

/* The tables in force, in memory of a thread's own. */
struct live_copy {
	struct broker_plan plan;
	_Alignas(max_align_t) char image[];
};

static const struct live_head *head_of(const struct live *l)
{
	return l->file;
}

static uint32_t generation_of(const struct live *l)
{
	return atomic_load_explicit(&head_of(l)->generation, memory_order_acquire);
}

/* NULL: it is no image, or there is no memory for it. */
static struct live_copy *copy_of(const struct live *l, uint32_t generation, size_t *len)
{
	const char *slot = (const char *)l->file + live_slot(generation);

	*len = live_length(slot);

	struct live_copy *c = *len != 0 ? malloc(sizeof *c + *len) : NULL;

	if (c != NULL)
		memcpy(c->image, slot, *len);
	return c;
}

static bool take_up(const struct live *l, struct live_copy *c, size_t len)
{
	const struct live_tables *t = c != NULL ? live_unpack(c->image, len) : NULL;

	if (t == NULL || !live_fits(l->base, t))
		return false;
	live_apply(l->base, t, &c->plan);
	return true;
}

/* Once for each, whichever thread saw it first. */
static void say(struct server *s, struct live *l, uint32_t generation, bool taken)
{
	uint32_t before = atomic_load(&l->said);

	if (before == generation || !atomic_compare_exchange_strong(&l->said, &before, generation))
		return;
	if (!taken)
		atomic_fetch_add_explicit(&s->counters->failed, 1, memory_order_relaxed);
	audit_update(s, taken ? s->plan->profile : NULL, generation);
}

static void change(struct server *s, struct live *l, uint32_t generation)
{
	struct live_copy *c = NULL;
	bool whole = false;
	size_t len = 0;

	for (unsigned i = 0; i < TRIES_MAX && !whole; i++) {
		free(c);
		c = copy_of(l, generation, &len);
		/* Nobody writes to the slot that is in force. */
		atomic_thread_fence(memory_order_acquire);

		uint32_t now = generation_of(l);

		whole = now == generation;
		generation = now;
	}

	bool taken = whole && take_up(l, c, len);

	s->generation = generation;
	if (taken) {
		free(s->copy);
		s->copy = c;
		s->plan = &c->plan;
	} else {
		free(c);
	}
	say(s, l, generation, taken);
}

void live_follow(struct server *s)
{
	struct live *l = s->live;

	if (l == NULL)
		return;

	uint32_t generation = generation_of(l);

	if (generation != s->generation)
		change(s, l, generation);
}

void live_leave(struct server *s)
{
	free(s->copy);
	s->copy = NULL;
}
