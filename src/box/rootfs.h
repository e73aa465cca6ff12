/*
 * What rootfs.c lends to the other rows. Private to src/box.
 */
#ifndef BOX_ROOTFS_H
#define BOX_ROOTFS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A new file system as a detached mount: options are "key=value" or "flag", attr is MOUNT_ATTR_*. The caller
 * owns the result. */
int rootfs_new_fs(const char *fstype, const char *const *options, size_t n, uint64_t attr,
		  struct err *e);

#endif
