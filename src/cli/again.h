/*
 * The plan of a container that is there, made again from the words that started it.
 */
#ifndef CLI_AGAIN_H
#define CLI_AGAIN_H

#include "box/state.h"
#include "cli/prepare.h"

bool again_is_there(struct cli *c, const char *id);

/* -ENOENT without such a container; -ESTALE when what the words name
 * (profile, bundle, folders) has changed since: nothing is said then rather than something that is not so. */
int again_prepare(struct cli *c, const char *id, struct prepared *out, struct err *e);

/* The same without what `zviz update` has changed since; *info says that. */
int again_start(struct cli *c, const char *id, struct state_info *info, struct prepared *out,
		struct err *e);

/* The network of such a plan under these tables, NULL: as it was started. It borrows from them. */
int again_net(struct cli *c, const struct live_tables *t, const struct prepared *start,
	      struct plan_net *out, struct err *e);

/* The profile that these tables were made of. */
int again_profile(struct cli *c, const struct live_tables *t, struct profile *out, struct err *e);

#endif
