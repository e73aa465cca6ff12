#include <linux/mount.h>
#include <string.h>

#include "table/table.h"

/* Linux 5.14. */
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* clang-format off */
/* The word for one mount and the word for its tree. */
#define PROPAGATION(option, ms)                                                                    \
	{ .name = option, .propagation = ms },                                                     \
	{ .name = "r" option, .propagation = ms, .recursive = true }

/* An attribute: the word that sets it, the word that clears it, and both for a whole tree.
 * Clearing one that a new mount does not have asks nothing of the kernel: the plain word only
 * undoes an earlier one of its list. */
#define ATTRIBUTE(on, off, bit)                                                                    \
	{ .name = on, .set = bit },                                                                \
	{ .name = "r" on, .set = bit, .recursive = true },                                         \
	{ .name = off, .clear = bit, .no_op = true },                                              \
	{ .name = "r" off, .clear = bit, .recursive = true }

/* One of three modes in a field of bits; what one sets it does not clear, so the order of the
 * two is free. */
#define ATIME(mode, bits)                                                                          \
	{ .name = mode, .set = bits, .clear = MOUNT_ATTR__ATIME & ~(bits) },                       \
	{ .name = "r" mode, .set = bits, .clear = MOUNT_ATTR__ATIME & ~(bits), .recursive = true }

#define NO_OP(option) { .name = option, .no_op = true }
/* clang-format on */

/* Words: OCI runtime spec 1.2, config-linux.md and config.md "Linux mount options"; mount(8).
 * What is not here is data for the file system ("size=64k"). */
const struct mount_option mount_options[] = {
	ATTRIBUTE("ro", "rw", MOUNT_ATTR_RDONLY),
	ATTRIBUTE("nosuid", "suid", MOUNT_ATTR_NOSUID),
	ATTRIBUTE("nodev", "dev", MOUNT_ATTR_NODEV),
	ATTRIBUTE("noexec", "exec", MOUNT_ATTR_NOEXEC),
	ATTRIBUTE("nodiratime", "diratime", MOUNT_ATTR_NODIRATIME),
	ATTRIBUTE("nosymfollow", "symfollow", MOUNT_ATTR_NOSYMFOLLOW),
	ATIME("relatime", MOUNT_ATTR_RELATIME),
	ATIME("noatime", MOUNT_ATTR_NOATIME),
	ATIME("strictatime", MOUNT_ATTR_STRICTATIME),
	/* Each only says which mode it is not: the kernel's choice is then relatime (since Linux
	 * 2.6.30). */
	ATIME("atime", MOUNT_ATTR_RELATIME),
	NO_OP("norelatime"),
	NO_OP("rnorelatime"),
	NO_OP("nostrictatime"),
	NO_OP("rnostrictatime"),

	{ .name = "bind", .bind = true },
	{ .name = "rbind", .rbind = true },
	PROPAGATION("private", 1 << 18),    /* MS_PRIVATE */
	PROPAGATION("shared", 1 << 20),     /* MS_SHARED */
	PROPAGATION("slave", 1 << 19),      /* MS_SLAVE */
	PROPAGATION("unbindable", 1 << 17), /* MS_UNBINDABLE */

	{ .name = "idmap", .idmap = true },
	{ .name = "ridmap", .idmap = true, .recursive = true },
	{ .name = "tmpcopyup", .copy_up = true },

	/* Flags of a file system's own instance that fsconfig(2) takes as words: sync, dirsync,
	 * lazytime, mand, iversion, silent are left to it. These are its defaults, or mean
	 * something to mount(8) alone. */
	NO_OP("defaults"),
	NO_OP("async"),
	NO_OP("nolazytime"),
	NO_OP("nomand"),
	NO_OP("noiversion"),
	NO_OP("loud"),
	NO_OP("auto"),
	NO_OP("noauto"),
	NO_OP("user"),
	NO_OP("nouser"),
	NO_OP("users"),
	NO_OP("owner"),
	NO_OP("group"),
	NO_OP("nofail"),
	NO_OP("_netdev"),
	{ 0 }
};

const struct mount_option *mount_option_find(const char *name)
{
	for (const struct mount_option *o = mount_options; o->name[0] != '\0'; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}
