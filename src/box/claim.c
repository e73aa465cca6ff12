/*
 * state.claim and cgroup.create: what says that the container is there, and holds it, before there is a process of it.
 */
#include "base/fd.h"
#include "box/live.h"
#include "box/sequence.h"
#include "box/state.h"
#include "kern/scm.h"

static int hand_lock(const struct box *b, struct err *e)
{
	OWN_FD lock = state_hold(b, e);

	if (lock < 0)
		return lock;

	int r = scm_send(b->hand_init, "s", 1, lock);

	return r < 0 ? fail(e, -r, "hand the lock over: %m") : 0;
}

static int open_door(struct box *b, struct err *e)
{
	TRY(state_open_door(b, e));
	fd_close(&b->door); /* the broker has it */
	return b->plan->detach ? hand_lock(b, e) : 0;
}

int step_state_claim(struct box *b, struct err *e)
{
	TRY(state_claim(b, e));
	if (b->plan->create)
		TRY(start_prepare(b, e));
	if (b->plan->broker.used)
		TRY(open_door(b, e));
	if (!b->plan->broker.live && !b->plan->net.used)
		return 0;

	OWN_FD file = live_create(b, e);

	if (file < 0 || !b->plan->broker.live)
		return file < 0 ? file : 0;

	int r = scm_send(b->hand_init, "l", 1, file);

	return r < 0 ? fail(e, -r, "hand the policy file over: %m") : 0;
}

void undo_state_claim(struct box *b)
{
	if (b->kept)
		state_leave(b);
	else
		state_release(b);
}

int step_cgroup_create(struct box *b, struct err *e)
{
	TRY(cgroup_create(b->plan, &b->cgroup, e));
	b->has_cgroup = true;
	return 0;
}

void undo_cgroup_create(struct box *b)
{
	struct err ignored;

	if (!b->has_cgroup)
		return;
	if (b->kept)
		cgroup_close(&b->cgroup);
	else if (!cgroup_remove_empty(&b->cgroup)) {
		cgroup_kill(&b->cgroup, &ignored);
		cgroup_remove(&b->cgroup, &ignored);
	}
	b->has_cgroup = false;
}
