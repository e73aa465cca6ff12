/*
 * Which ids a container's user namespace has, and writing them.
 */
#ifndef BOX_IDS_H
#define BOX_IDS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "policy/plan.h"

/* Writes the maps of the plan for `child`, which has made its user namespace and waits. Must be
 * called by the namespace's maker or its privileged parent. Refuses setgroups in the child
 * unless the plan permits it. IDS_HELPER runs newuidmap and newgidmap, side by side. Nothing
 * happens for IDS_NONE. */
int ids_write(const struct plan *p, pid_t child, struct err *e);

/* The same with maps of any, by a privileged caller; `proc` is the child's folder of /proc. */
int ids_write_maps(int proc, const struct id_maps *uids, const struct id_maps *gids, struct err *e);

/* The ranges that /etc/subuid and /etc/subgid give to the user `uid`, as maps from id 1 inside
 * upwards: the caller adds {0, own id, 1}. Empty lists when there are none. */
int ids_ranges(struct arena *a, uint32_t uid, struct id_maps *uids, struct id_maps *gids,
	       struct err *e);

/* Not an id: what the kernel takes for none (INVALID_UID, include/linux/uidgid.h). */
#define ID_UNMAPPED UINT32_MAX

/* What an id of the container is here; ID_UNMAPPED when it has none. */
uint32_t ids_outside(const struct id_maps *maps, uint32_t inside);

#endif
