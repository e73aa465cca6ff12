/*
 * The mounts of the direct form: this machine's programs, the working folder, and private places for the rest.
 */
#include <linux/mount.h>
#include <string.h>

#include "policy/net_job.h"
#include "policy/plan_mounts.h"

enum { ROOT_BYTES = 16 << 20 };

/* What the direct form shows of the machine: its programs. */
const char *const program_folders[] = { "/usr",   "/bin",   "/sbin",  "/lib",
					"/lib32", "/lib64", "/libx32" };
const size_t program_folders_count = COUNT(program_folders);

static void add_text(struct draft *d, const char *path, const char *text)
{
	mount_add(d, MOUNT_TEXT, path, text)->mode = 0644;
}

static void direct_identity(struct draft *d, const struct direct_view *v)
{
	uint32_t uid = d->plan->uid, gid = d->plan->gid;
	const char *home = v->home;

	add_text(
		d, "/etc/passwd",
		arena_printf(
			d->a,
			"%s%s:x:%u:%u::%s:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
			uid == 0 ? "" : "root:x:0:0::/root:/bin/sh\n", uid == 0 ? "root" : v->user,
			uid, gid, home));
	add_text(d, "/etc/group",
		 arena_printf(d->a, "%s%s:x:%u:\ntty:x:5:\nnogroup:x:65534:\n",
			      gid == 0 ? "" : "root:x:0:\n", gid == 0 ? "root" : v->user, gid));
	add_text(d, "/etc/hosts",
		 arena_printf(d->a, "127.0.0.1 localhost %s\n::1 localhost ip6-localhost\n",
			      d->plan->hostname));
	add_text(d, "/etc/hostname", arena_printf(d->a, "%s\n", d->plan->hostname));
	if (!d->plan->share_network)
		/* No search list: a name is asked for as the program says it. */
		add_text(d, "/etc/resolv.conf",
			 d->plan->net.ndomains != 0 ? "nameserver " NET_RESOLVER "\n" : "");
	else
		mount_add(d, MOUNT_MIRROR, "/etc/resolv.conf", "/etc/resolv.conf");
}

static void direct_programs(struct draft *d)
{
	for (size_t i = 0; i < COUNT(program_folders); i++) {
		struct plan_mount *m = mount_add(d, MOUNT_MIRROR, program_folders[i],
						 program_folders[i]);

		m->attr_set = MOUNT_ATTR_RDONLY | mount_guarded;
		m->recursive_attr = true;
		m->recursive = true;
	}
	mount_add(d, MOUNT_DIR, "/etc", NULL);
	for (const struct etc_entry *entry = etc_entries; entry->path != NULL; entry++) {
		struct plan_mount *m = mount_add(d, MOUNT_MIRROR, entry->path, entry->path);

		m->attr_set = MOUNT_ATTR_RDONLY | mount_guarded | MOUNT_ATTR_NOEXEC;
		m->recursive_attr = true;
		m->mode = 0644;
	}
}

static void direct_shares(struct draft *d, const struct direct_view *v)
{
	for (size_t i = 0; i < v->nshared; i++) {
		struct plan_mount *m = mount_add(d, MOUNT_BIND, v->shared[i].path,
						 v->shared[i].path);

		m->attr_set = mount_guarded | (v->shared[i].write ? 0 : MOUNT_ATTR_RDONLY);
		m->recursive_attr = m->recursive = true;
		m->idmap = v->shared[i].write && d->plan->mapping == IDS_WRITE;
	}
	if (v->work == NULL)
		return;

	struct plan_mount *m = mount_add(d, MOUNT_BIND, "/work", v->work);

	m->attr_set = mount_guarded;
	m->recursive_attr = m->recursive = true;
	m->idmap = d->plan->mapping == IDS_WRITE;
}

/* What the host's git would run later: shown, and not changeable. Hooks and config alone are not enough: a file
 * .git/commondir names other ones (gitrepository-layout(5)), and .git/modules holds more. As a mount it cannot be
 * renamed out of the way either. `--write .git` is the caller's own word that it may change. */
static void direct_guard_git(struct draft *d, const struct direct_view *v)
{
	struct plan_mount *m;

	if (v->work == NULL)
		return;
	for (size_t i = 0; i < v->nshared; i++)
		if (v->shared[i].write &&
		    strcmp(v->shared[i].path, arena_printf(d->a, "%s/.git", v->work)) == 0)
			return;
	m = mount_add(d, MOUNT_SELF, "/work/.git", NULL);
	m->attr_set = mount_guarded | MOUNT_ATTR_RDONLY;
	m->recursive_attr = true;
	m->optional = true;
}

void mounts_direct(struct draft *d, const struct direct_view *v)
{
	d->plan->root_bytes = ROOT_BYTES;
	d->plan->rootfs = v->rootfs;
	d->plan->rootfs_readonly = true;
	d->plan->rootfs_idmap = v->rootfs != NULL && d->plan->mapping == IDS_WRITE;
	if (v->rootfs == NULL) {
		direct_programs(d);
		direct_identity(d, v);
		mount_add(d, MOUNT_DIR, "/run", NULL);
		mount_add(d, MOUNT_DIR, "/var", NULL);
		mount_add(d, MOUNT_SYMLINK, "/var/run", "/run");
		mount_add(d, MOUNT_SYMLINK, "/var/tmp", "/tmp");
	}
	mount_add_fs(d, "proc", "/proc", mount_guarded | MOUNT_ATTR_NOEXEC);
	mount_add_dev(d);

	const char *pts[] = { "newinstance", "ptmxmode=0666", "mode=0620" };

	mount_set_options(
		d, mount_add_fs(d, "devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
		pts, COUNT(pts));
	mount_add_tmpfs(d, "/dev/shm", "1777", mount_tmpfs_bytes(d),
			mount_guarded | MOUNT_ATTR_NOEXEC);
	mount_add_tmpfs(d, "/tmp", "1777", mount_tmpfs_bytes(d), mount_guarded);
	mount_add(d, MOUNT_DIR, "/home", NULL);
	mount_add_tmpfs(d, v->home, "700", mount_tmpfs_bytes(d), mount_guarded);
	direct_shares(d, v);
	direct_guard_git(d, v);
	mount_add_masks(d);
	mount_add_hidden(d, &d->p->filesystem.hide);
}
