/*
 * The mounts layer's three files: what both forms share (plan_mounts.c), the direct form, bundles. Private to
 * src/policy.
 */
#ifndef POLICY_PLAN_MOUNTS_H
#define POLICY_PLAN_MOUNTS_H

#include "policy/draft.h"
#include "table/table.h"

/* MOUNT_ATTR_* of every mount that shows files. */
extern const uint64_t mount_guarded;

/* Each adds to the end of the draft's list; mounts are performed in that order. What is returned may be changed until
 * the next one is added. */
struct plan_mount *mount_add(struct draft *d, enum mount_kind kind, const char *target,
			     const char *source);
struct plan_mount *mount_add_fs(struct draft *d, const char *fstype, const char *target,
				uint64_t attr);
void mount_add_tmpfs(struct draft *d, const char *target, const char *mode, uint64_t bytes,
		     uint64_t attr);
void mount_add_dev(struct draft *d);             /* a tmpfs, and the devices in it */
void mount_add_devices(struct draft *d);         /* into the tmpfs that was added last */
int nodes_check(struct draft *d, struct err *e); /* whether what is listed can be had */
/* A bind mount of a bundle's, which was added last: of a device node of the host it becomes the node, or it goes. */
void nodes_bind(struct draft *d, struct plan_mount *m, size_t index);
void mount_add_masks(struct draft *d); /* kernel tables */
void mount_add_hidden(struct draft *d, const struct words *list);

/* Copies the list into the mount. */
void mount_set_options(struct draft *d, struct plan_mount *m, const char *const *options, size_t n);

/* The size of a private tmpfs: the profile's, or ours. */
uint64_t mount_tmpfs_bytes(const struct draft *d);

/* "bind", "masked" … */
const char *mount_kind_word(enum mount_kind kind);

/* Is something mounted at exactly this path already? */
bool mount_is_at(const struct draft *d, const char *target);

/* What the direct form shows of the machine: folders of programs. */
extern const char *const program_folders[];
extern const size_t program_folders_count;

/* The whole of each form. */
void mounts_direct(struct draft *d, const struct direct_view *v);
int mounts_bundle(struct draft *d, struct err *e);

#endif
