/*
 * Namespaces by path, as the launcher handles them. Private to src/box, but for the ids.
 */
#ifndef BOX_GIVEN_H
#define BOX_GIVEN_H

#include "box/box.h"

/* 0 or a positive result, such as a descriptor, or -errno with *e filled. */
typedef int given_work(struct box *b, void *arg, struct err *e);

/* Does `work` in a copy of this process that stands in them, and returns what it returned: what it makes is in them, or shows
 * them, and the descriptors that it opens are ours as well. The `size` bytes at `arg` are as it has left them. Without namespaces
 * by path it is done by this process. */
int given_visit(struct box *b, given_work *work, void *arg, size_t size, struct err *e);

/* The same, but that what is born there is in the pid namespace above the one by path: it sees who is in that, and is not seen. */
int given_visit_above(struct box *b, given_work *work, void *arg, size_t size, struct err *e);

/* The same by a process that was born in the pid namespace by path, where it sees neither the host's files nor its network, or, with
 * `above`, in the one above it. */
int given_visit_born(struct box *b, bool above, given_work *work, void *arg, size_t size,
		     struct err *e);

/* The same in the time namespace of a container that is joined: nobody who shares memory may enter one. */
int given_visit_clocks(struct box *b, given_work *work, void *arg, size_t size, struct err *e);

/* The ids of our own user namespace, each mapped to itself. */
int given_own_ids(struct arena *a, struct id_maps *uids, struct id_maps *gids, struct err *e);

/* The ids of a user namespace, as they are seen from here. `a` holds them. */
int given_read_ids(struct arena *a, const char *path, struct id_maps *uids, struct id_maps *gids,
		   struct err *e);

/* Those of a process. */
int given_ids_of(struct arena *a, pid_t pid, struct id_maps *uids, struct id_maps *gids,
		 struct err *e);

/* A pid namespace by path: its inode; whether it was made right below ours; the ids of the user namespace that owns it, none when that is
 * ours or cannot be seen from here. */
struct given_processes {
	uint64_t inode;
	bool here;
	struct id_maps owner_uids;
};
int given_look_at_processes(struct arena *a, const char *path, struct given_processes *out,
			    struct err *e);

#endif
