/*
 * Other rules for the network of a container that runs (policy/net_change.h).
 */
#ifndef BOX_NET_CHANGE_H
#define BOX_NET_CHANGE_H

#include "box/live.h"
#include "policy/plan.h"

/* A container whose rules are about to change, and the caller's lock on that. */
struct net_changing {
	struct arena *arena;
	const char *root, *id;
	const struct state_info *info;
	struct live_file *file;
};

/* Puts p->net, whose rows have their numbers, in force, and with it the image. Zviz-net hears of the rows, the kernel gets them in one
 * transaction, connections that they do not permit are ended, and only then the image counts. -errno: *changed says whether the
 * rules are the new ones even so. */
int net_change_apply(const struct net_changing *c, const struct plan *p, const char *image,
		     size_t len, bool *changed, struct err *e);

/* What a change that was cut short has left to do, where the kernel has its rules (net_change_count()). */
int net_change_finish(const struct net_changing *c, const struct plan *p, struct err *e);

/* How often the rules that the kernel has were changed, or -errno. */
int net_change_count(const struct net_changing *c, const struct plan_net *n, uint32_t *out,
		     struct err *e);

#endif
