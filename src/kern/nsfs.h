/*
 * Namespaces by path.
 */
#ifndef KERN_NSFS_H
#define KERN_NSFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Opens the namespace that `path` names and looks that it is one of `type` (CLONE_NEW*). The path is walked once, and nothing
 * but a namespace is ever opened. A descriptor, or -errno: -EINVAL for what is something else. */
int nsfs_open(const char *path, uint64_t type, struct err *e);

/* The name of the type below /proc/PID/ns, or NULL. */
const char *nsfs_file(uint64_t type);

/* The caller's own of this type: a descriptor, or -errno. */
int nsfs_own(uint64_t type, struct err *e);

/* Whether two descriptors are of one namespace. */
bool nsfs_same(int one, int other);

/* Its number, as /proc/PID/ns shows it; 0: none. */
uint64_t nsfs_inode(int ns);

/* The namespace of its kind that a pid or user namespace is in, and the user namespace that one belongs to: a descriptor, or -errno. -EPERM:
 * it is out of sight from here (ioctl_ns(2)). */
int nsfs_parent(int ns);
int nsfs_owner(int ns);

#endif
