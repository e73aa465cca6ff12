/*
 * The file through which a running container's policy is changed (policy/live_image.h): <root>/<id>/policy, its owner's
 * alone. Writers exclude each other with flock.
 */
#ifndef BOX_LIVE_H
#define BOX_LIVE_H

#include "box/state.h"
#include "policy/live_image.h"

/* Makes it in the box's folder; a descriptor that can only read, or -errno. */
int live_create(const struct box *b, struct err *e);

/* The file of a container, for a change. */
struct live_file {
	int fd; /* holds the lock; -1: closed */
	struct live_head *head;
	uint32_t generation; /* in force */
};

/* Opens and locks it. -ENOENT: the container has none; -EBUSY: another change is under way, and takes long. */
int live_open(const char *root, const char *id, struct live_file *out, struct err *e);

/* Puts the image in force: all of it or nothing, whenever the caller is killed. */
int live_put(struct live_file *f, const char *image, size_t len, struct err *e);

/* The same in two steps, for what has to be in force somewhere else in between: it is written, and that it is about to be; then it
 * counts, or it does not. */
int live_prepare(struct live_file *f, const char *image, size_t len, struct err *e);
void live_settle(struct live_file *f);
void live_abandon(struct live_file *f);

void live_close(struct live_file *f);

/* Fills what state_info says of changes. */
void live_describe(struct arena *a, int dir, struct state_info *out);

#endif
