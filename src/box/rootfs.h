/*
 * What rootfs.c lends to the other rows. Private to src/box.
 */
#ifndef BOX_ROOTFS_H
#define BOX_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "box/box.h"

/* A new file system as a detached mount: options are "key=value" or "flag", attr is MOUNT_ATTR_*. The caller
 * owns the result. */
int rootfs_new_fs(const char *fstype, const char *const *options, size_t n, uint64_t attr,
		  struct err *e);

/* label.c: the same for what the container has: with the label that the bundle names, where the kind takes one. */
int label_new_fs(const struct box *b, const char *fstype, const char *const *options, size_t n,
		 uint64_t attr, struct err *e);

/* How paths of the container are resolved: RESOLVE_* of openat2(2). */
extern const uint64_t rootfs_inside;

int rootfs_is_folder(int fd);

/* Moves a detached mount onto what `target` is. */
int rootfs_attach(int mnt, int target, struct err *e);

/* source.c: a detached, private copy of a part of the host's tree, with `idmap` shown with the container's ids. The caller owns
 * the result. */
int source_clone(const struct box *b, const char *path, bool recursive, bool idmap, struct err *e);

/* overlay.c: the same for a root that is an overlay, which is put together anew of layers that are shown so. */
int overlay_make(struct box *b, struct err *e);

/* masks.c: a MOUNT_MASK. */
int rootfs_mask(struct box *b, const struct plan_mount *m, struct err *e);

/* MOUNT_ATTR_RDONLY for a file system of its own that is read-only once all has been put into it, or 0. */
uint64_t rootfs_later(const struct plan_mount *m);

#endif
