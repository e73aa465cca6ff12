/*
 * label.set: the AppArmor profile or the SELinux label that a bundle names, from exec on: one more layer, of the host's administrator.
 * It is asked for of the host's procfs, before init stands in the container, or by the launcher of a process that joins: what the workload
 * may have made of its own /proc has no part in it. Children inherit what was asked for, so hooks that run beside the container come
 * before.
 *
 * And the label of the file systems that are made for a container, so that a process with its label may use them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/rootfs.h"
#include "box/sequence.h"

/* apparmor(7); the folder is there since Linux 5.8. */
static const char apparmor_exec[] = "/proc/self/attr/apparmor/exec";

/* proc_pid_attr(5): of whichever module has labels. The session keyring that init makes is the workload's, too. */
static const char *const selinux_files[] = { "/proc/thread-self/attr/exec",
					     "/proc/thread-self/attr/keycreate" };

static int set_apparmor(const char *label, const char *words, struct err *e)
{
	if (file_set(AT_FDCWD, apparmor_exec, words, e) == 0)
		return 0;
	if (e->no == ENOENT && access(apparmor_exec, F_OK) < 0) {
		fail(e, ENOENT, "process.apparmorProfile: %s is not there: AppArmor is not on",
		     apparmor_exec);
		return advise(e, "start the kernel with it (lsm=...,apparmor), or leave the "
				 "profile out of the bundle");
	}
	if (e->no == ENOENT) {
		fail(e, ENOENT, "process.apparmorProfile: no profile '%.200s' is loaded", label);
		return advise(e,
			      "load it (apparmor_parser -r FILE), or leave it out of the bundle");
	}
	return within(e, "process.apparmorProfile");
}

static int set_selinux(const char *file, const char *label, struct err *e)
{
	if (file_set(AT_FDCWD, file, label, e) == 0)
		return 0;
	if (e->no == EINVAL) {
		fail(e, EINVAL, "process.selinuxLabel: the host's policy has no label '%s'", label);
		return advise(e,
			      "name one that it has, as USER:ROLE:TYPE:LEVEL, load the module that "
			      "defines it, or leave it out of the bundle");
	}
	within(e, "process.selinuxLabel");
	return e->no == EACCES
		       ? advise(e,
				"the host's policy has to permit the domain that zviz runs in the "
				"process permissions setexec and setkeycreate, and key create; or "
				"leave it out of the bundle")
		       : -e->no;
}

int step_label_set(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	if (p->label != NULL)
		TRY(set_apparmor(p->label, arena_printf(b->arena, "exec %s", p->label), e));
	for (size_t i = 0; i < COUNT(selinux_files) && p->selinux != NULL; i++)
		TRY(set_selinux(selinux_files[i], p->selinux, e));
	return 0;
}

/* check_nnp_nosuid() of the kernel's security/selinux/hooks.c: EPERM over no_new_privs, EACCES over all else. */
int label_refused(const struct box *b, struct err *e)
{
	if (b->plan->selinux == NULL || (e->no != EPERM && e->no != EACCES) || e->hint[0] != '\0')
		return -e->no;
	return advise(
		e, "if its mode permits it, SELinux may not: from zviz's domain to "
		   "process.selinuxLabel the policy has to allow process transition, process2 "
		   "{ nnp_transition nosuid_transition }, and file entrypoint (ausearch -m avc)");
}

/* ---- file systems ---- */

/* selinux_set_mnt_opts(): the kinds that may be given a label in a user namespace, but overlay. proc, sysfs and cgroup2 have what
 * the policy says. */
static bool takes_context(const char *fstype)
{
	static const char *const kinds[] = { "tmpfs", "ramfs", "devpts" };

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i], fstype) == 0)
			return true;
	return false;
}

static bool has_context(const char *const *options, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(options[i], "context=", strlen("context=")) == 0)
			return true;
	return false;
}

static int advise_mount(struct err *e)
{
	return advise(e, "linux.mountLabel: the host's policy has to have this label, and let the "
			 "domain that zviz runs in relabel file systems and files to it");
}

static int new_with_context(const struct box *b, const char *fstype, const char *const *options,
			    size_t n, uint64_t attr, struct err *e)
{
	const char **all = arena_array(b->arena, n + 1, sizeof *all);
	int mnt;

	/* The last: what is wrong with the others is said of them. */
	if (n != 0)
		memcpy(all, options, n * sizeof *all);
	all[n] = arena_printf(b->arena, "context=%s", b->plan->mount_label);
	mnt = rootfs_new_fs(fstype, all, n + 1, attr, e);
	return mnt >= 0 || (e->no != EINVAL && e->no != EACCES) ? mnt : advise_mount(e);
}

/* Its root alone takes one, by its owner: where root of the host made the IPC namespace, that is nobody inside, and it stays as the
 * policy says. So it does where the policy labels all of it. */
static int new_queues(const struct box *b, const char *const *options, size_t n, uint64_t attr,
		      struct err *e)
{
	const char *label = b->plan->mount_label;
	OWN_FD mnt = rootfs_new_fs("mqueue", options, n, attr, e);
	OWN_FD root = mnt < 0 ? -1 : openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (mnt < 0)
		return mnt;
	if (root < 0)
		return fail(e, errno, "mqueue: %m");
	if (fsetxattr(root, "security.selinux", label, strlen(label) + 1, 0) < 0 &&
	    errno != EOPNOTSUPP && errno != EPERM) {
		fail(e, errno, "mqueue: its label '%s': %m", label);
		return advise_mount(e);
	}
	return fd_take(&mnt);
}

int label_new_fs(const struct box *b, const char *fstype, const char *const *options, size_t n,
		 uint64_t attr, struct err *e)
{
	if (b->plan->mount_label == NULL || has_context(options, n))
		return rootfs_new_fs(fstype, options, n, attr, e);
	if (strcmp(fstype, "mqueue") == 0)
		return new_queues(b, options, n, attr, e);
	return takes_context(fstype) ? new_with_context(b, fstype, options, n, attr, e)
				     : rootfs_new_fs(fstype, options, n, attr, e);
}
