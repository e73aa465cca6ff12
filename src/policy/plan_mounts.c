/*
 * What the container sees: the first of the layers that guard files, and the only one that can make a path
 * not exist. Every mount is nosuid; nothing but the named device nodes works as a device.
 */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "policy/draft.h"
#include "table/table.h"

enum { TMPFS_BYTES = 64 << 20, ROOT_BYTES = 16 << 20, MOUNTS_ROOM = 192 };

static const uint64_t guarded = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/* OCI default devices; the numbers are Documentation/admin-guide/devices.txt's. */
static const struct device {
	const char *path;
	uint32_t major, minor;
} devices[] = {
	{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 },   { "/dev/full", 1, 7 },
	{ "/dev/tty", 5, 0 },  { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 },
};

static const struct link {
	const char *path, *to;
} dev_links[] = {
	{ "/dev/ptmx", "pts/ptmx" },          { "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },  { "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
};

/* Kernel tables that a container has no business with, whatever the bundle says. */
static const char *const masked[] = {
	"/proc/acpi",          "/proc/asound",
	"/proc/interrupts",    "/proc/kcore",
	"/proc/keys",          "/proc/kmsg",
	"/proc/latency_stats", "/proc/sched_debug",
	"/proc/scsi",          "/proc/sysrq-trigger",
	"/proc/timer_list",    "/proc/timer_stats",
	"/sys/firmware",       "/sys/devices/virtual/powercap",
};
static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys" };

/* What the direct form shows of the machine: its programs. */
static const char *const programs[] = { "/usr",   "/bin",   "/sbin",  "/lib",
					"/lib32", "/lib64", "/libx32" };

/* FNV-1a. Many paths are compared with many targets, and most of them begin alike. */
static uint32_t hash_of(const char *path)
{
	uint32_t hash = 2166136261u;

	for (; *path != '\0'; path++)
		hash = (hash ^ (unsigned char)*path) * 16777619u;
	return hash;
}

static struct plan_mount *add(struct draft *d, enum mount_kind kind, const char *target,
			      const char *source)
{
	struct plan_mount *m = LIST_ADD(d->a, &d->mounts);

	*LIST_ADD(d->a, &d->target_hashes) = hash_of(target);
	m->kind = kind;
	m->target = target;
	m->source = source;
	m->mode = 0755;
	return m;
}

static void set_options(struct draft *d, struct plan_mount *m, const char *const *options, size_t n)
{
	const char **copy = arena_array(d->a, n, sizeof *copy);

	memcpy(copy, options, n * sizeof *copy);
	m->options = copy;
	m->noptions = n;
}

static struct plan_mount *add_fs(struct draft *d, const char *fstype, const char *target,
				 uint64_t attr)
{
	struct plan_mount *m = add(d, MOUNT_FS, target, fstype);

	m->fstype = fstype;
	m->attr_set = attr;
	return m;
}

static uint64_t tmpfs_bytes(const struct draft *d)
{
	return d->p->resources.tmpfs.set ? d->p->resources.tmpfs.value : TMPFS_BYTES;
}

static void add_tmpfs(struct draft *d, const char *target, const char *mode, uint64_t bytes,
		      uint64_t attr)
{
	/* One inode a 4 KiB page: a program cannot eat kernel memory with empty files. */
	const char *options[] = {
		arena_printf(d->a, "mode=%s", mode),
		arena_printf(d->a, "size=%llu", (unsigned long long)bytes),
		arena_printf(d->a, "nr_inodes=%llu", (unsigned long long)bytes / 4096 + 64),
		arena_printf(d->a, "uid=%u", d->plan->uid),
		arena_printf(d->a, "gid=%u", d->plan->gid),
	};

	set_options(d, add_fs(d, "tmpfs", target, attr), options, COUNT(options));
}

/* Nodes can be made only by the machine's own root. The rest of /dev must then be made with them. */
static bool launcher_makes_dev(const struct draft *d)
{
	return d->h->privileged && d->h->initial_userns;
}

/* The tmpfs of /dev was added last. */
static void add_devices(struct draft *d)
{
	bool early = launcher_makes_dev(d);

	d->mounts.at[d->mounts.n - 1].by_launcher = early;
	for (size_t i = 0; i < COUNT(devices); i++) {
		struct plan_mount *m = add(d, MOUNT_DEVICE, devices[i].path, devices[i].path);

		m->major = devices[i].major;
		m->minor = devices[i].minor;
		m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
		m->by_launcher = early;
	}
	for (size_t i = 0; i < COUNT(dev_links); i++)
		add(d, MOUNT_SYMLINK, dev_links[i].path, dev_links[i].to)->by_launcher = early;
}

static void add_dev(struct draft *d)
{
	static const char *const options[] = { "mode=755", "size=65536", "nr_inodes=64" };

	set_options(d, add_fs(d, "tmpfs", "/dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), options,
		    COUNT(options));
	add_devices(d);
}

static void add_masks(struct draft *d)
{
	for (size_t i = 0; i < COUNT(masked); i++)
		add(d, MOUNT_MASK, masked[i], NULL)->optional = true;
	for (size_t i = 0; i < COUNT(read_only); i++) {
		struct plan_mount *m = add(d, MOUNT_SELF, read_only[i], NULL);

		m->attr_set = MOUNT_ATTR_RDONLY | guarded | MOUNT_ATTR_NOEXEC;
		m->recursive_attr = true;
		m->optional = true;
	}
}

static const struct plan_mount *mount_at(const struct draft *d, const char *target)
{
	const uint32_t hash = hash_of(target);

	for (size_t i = d->mounts.n; i-- > 0;)
		if (d->target_hashes.at[i] == hash && strcmp(d->mounts.at[i].target, target) == 0)
			return &d->mounts.at[i];
	return NULL;
}

static bool mounted(const struct draft *d, const char *target)
{
	return mount_at(d, target) != NULL;
}

static void add_hidden(struct draft *d, const struct words *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->at[i].text;

		/* Globs only explain: what they match was never mounted. */
		if (path[0] != '/' || strpbrk(path, "*?") != NULL || mounted(d, path))
			continue;

		struct plan_mount *m = add(d, MOUNT_MASK, path, NULL);

		m->optional = true;
		m->from = list->at[i].from;
	}
}

/* --hide is the caller's own word: it holds over every mount, or is refused. */
static int add_request_hidden(struct draft *d, struct err *e)
{
	for (size_t i = 0; i < d->r->hide.n; i++) {
		const char *path = d->r->hide.at[i].text;
		const struct plan_mount *last = mount_at(d, path);

		if (path[0] != '/' || strpbrk(path, "*?") != NULL) {
			fail(e, EINVAL,
			     "--hide %s: needs a path of the container that starts with / and has no pattern",
			     path);
			return advise(e, "patterns go into a profile: filesystem.deny.read");
		}
		if (last != NULL && last->kind == MOUNT_MASK)
			continue;

		struct plan_mount *m = add(d, MOUNT_MASK, path, NULL);

		m->optional = true;
		m->from = d->r->hide.at[i].from;
	}
	return 0;
}

/* ---- the direct form ---- */

static void add_text(struct draft *d, const char *path, const char *text)
{
	add(d, MOUNT_TEXT, path, text)->mode = 0644;
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
		add_text(d, "/etc/resolv.conf", "");
	else
		add(d, MOUNT_MIRROR, "/etc/resolv.conf", "/etc/resolv.conf");
}

static void direct_programs(struct draft *d)
{
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct plan_mount *m = add(d, MOUNT_MIRROR, programs[i], programs[i]);

		m->attr_set = MOUNT_ATTR_RDONLY | guarded;
		m->recursive_attr = true;
		m->recursive = true;
	}
	add(d, MOUNT_DIR, "/etc", NULL);
	for (const struct etc_entry *entry = etc_entries; entry->path != NULL; entry++) {
		struct plan_mount *m = add(d, MOUNT_MIRROR, entry->path, entry->path);

		m->attr_set = MOUNT_ATTR_RDONLY | guarded | MOUNT_ATTR_NOEXEC;
		m->recursive_attr = true;
		m->mode = 0644;
	}
}

static void direct_shares(struct draft *d, const struct direct_view *v)
{
	for (size_t i = 0; i < v->nshared; i++) {
		struct plan_mount *m = add(d, MOUNT_BIND, v->shared[i].path, v->shared[i].path);

		m->attr_set = guarded | (v->shared[i].write ? 0 : MOUNT_ATTR_RDONLY);
		m->recursive_attr = m->recursive = true;
		m->idmap = v->shared[i].write && d->plan->mapping == IDS_WRITE;
	}
	if (v->work == NULL)
		return;

	struct plan_mount *m = add(d, MOUNT_BIND, "/work", v->work);

	m->attr_set = guarded;
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
	m = add(d, MOUNT_SELF, "/work/.git", NULL);
	m->attr_set = guarded | MOUNT_ATTR_RDONLY;
	m->recursive_attr = true;
	m->optional = true;
}

static void direct_mounts(struct draft *d, const struct direct_view *v)
{
	d->plan->root_bytes = ROOT_BYTES;
	d->plan->rootfs = v->rootfs;
	d->plan->rootfs_readonly = true;
	d->plan->rootfs_idmap = v->rootfs != NULL && d->plan->mapping == IDS_WRITE;
	if (v->rootfs == NULL) {
		direct_programs(d);
		direct_identity(d, v);
		add(d, MOUNT_DIR, "/run", NULL);
		add(d, MOUNT_DIR, "/var", NULL);
		add(d, MOUNT_SYMLINK, "/var/run", "/run");
		add(d, MOUNT_SYMLINK, "/var/tmp", "/tmp");
	}
	add_fs(d, "proc", "/proc", guarded | MOUNT_ATTR_NOEXEC);
	add_dev(d);

	const char *pts[] = { "newinstance", "ptmxmode=0666", "mode=0620" };

	set_options(d, add_fs(d, "devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), pts,
		    COUNT(pts));
	add_tmpfs(d, "/dev/shm", "1777", tmpfs_bytes(d), guarded | MOUNT_ATTR_NOEXEC);
	add_tmpfs(d, "/tmp", "1777", tmpfs_bytes(d), guarded);
	add(d, MOUNT_DIR, "/home", NULL);
	add_tmpfs(d, v->home, "700", tmpfs_bytes(d), guarded);
	direct_shares(d, v);
	direct_guard_git(d, v);
	add_masks(d);
	add_hidden(d, &d->p->filesystem.hide);
}

/* ---- a bundle ---- */

static int bundle_options(struct draft *d, struct plan_mount *m, const struct spec_mount *s,
			  size_t index, struct err *e)
{
	const char **data = arena_array(d->a, s->options.n, sizeof *data);

	for (size_t i = 0; i < s->options.n; i++) {
		const struct mount_option *o = mount_option_find(s->options.at[i]);

		if (o == NULL) {
			data[m->noptions++] = s->options.at[i];
			continue;
		}
		m->attr_set = (m->attr_set | o->set) & ~o->clear;
		m->recursive |= o->rbind;
		m->recursive_attr |= o->recursive;
		if (o->propagation != 0)
			m->propagation = o->propagation;
		if (o->bind || o->rbind)
			m->kind = MOUNT_BIND;
	}
	m->options = data;
	if (m->kind == MOUNT_BIND && m->noptions != 0)
		return fail(e, EINVAL,
			    "%s: mounts[%zu].options: '%s' means nothing for a bind mount",
			    d->s->file, index, data[0]);
	return 0;
}

static int bundle_type(struct draft *d, struct plan_mount *m, const struct spec_mount *s,
		       size_t index, struct err *e)
{
	static const char *const known[] = { "proc",  "tmpfs", "devpts", "mqueue",
					     "sysfs", "ramfs", NULL };

	if (m->kind == MOUNT_BIND || (s->type != NULL && strcmp(s->type, "bind") == 0)) {
		m->kind = MOUNT_BIND;
		if (s->source == NULL)
			return fail(e, EINVAL, "%s: mounts[%zu].source: a bind mount needs one",
				    d->s->file, index);
		m->idmap = d->plan->rootfs_idmap;
		return 0;
	}
	if (s->type == NULL)
		return fail(e, EINVAL, "%s: mounts[%zu].type: missing", d->s->file, index);
	if (strcmp(s->type, "cgroup") == 0 || strcmp(s->type, "cgroup2") == 0) {
		m->kind = MOUNT_CGROUP;
		m->optional = true;
		m->attr_set |= MOUNT_ATTR_RDONLY;
		return 0;
	}
	for (const char *const *k = known; *k != NULL; k++)
		if (strcmp(*k, s->type) == 0)
			return 0;
	fail(e, EPERM, "%s: mounts[%zu].type: '%s' cannot be mounted from inside a user namespace",
	     d->s->file, index, s->type);
	return advise(e, "mount it on the host and bind it");
}

static int bundle_mount(struct draft *d, size_t index, struct err *e)
{
	const struct spec_mount *s = &d->s->mounts.at[index];
	struct plan_mount *m = add(d, MOUNT_FS, s->destination, s->source);

	m->fstype = s->type;
	m->attr_set = MOUNT_ATTR_NOSUID;
	m->from = s->from;
	TRY(bundle_options(d, m, s, index, e));
	TRY(bundle_type(d, m, s, index, e));
	if (strcmp(s->destination, "/dev") != 0 && strcmp(s->destination, "/dev/pts") != 0)
		m->attr_set |= MOUNT_ATTR_NODEV;
	/* The host's sysfs shows the machine; only its reading was ever meant. */
	if (m->kind == MOUNT_FS && strcmp(s->type, "sysfs") == 0) {
		m->attr_set |= MOUNT_ATTR_RDONLY;
		m->recursive_attr = true;
	}
	if (strcmp(s->destination, "/dev") == 0 && m->kind == MOUNT_FS)
		add_devices(d);
	return 0;
}

static void bundle_paths(struct draft *d)
{
	const struct strings *mask = &d->s->linux_.masked_paths, *ro = &d->s->linux_.readonly_paths;

	for (size_t i = 0; i < mask->n; i++)
		if (!mounted(d, mask->at[i]))
			add(d, MOUNT_MASK, mask->at[i], NULL)->optional = true;
	for (size_t i = 0; i < ro->n; i++) {
		struct plan_mount *m;

		if (mounted(d, ro->at[i]))
			continue;
		m = add(d, MOUNT_SELF, ro->at[i], NULL);
		m->attr_set = MOUNT_ATTR_RDONLY;
		m->recursive_attr = m->optional = true;
	}
}

static bool starts(const char *path, const char *folder)
{
	return strncmp(path, folder, strlen(folder)) == 0;
}

/* Below a read-only root, what the profile lets a workload write stays writable. */
static void bundle_writable(struct draft *d)
{
	const struct words *write = &d->p->filesystem.write;

	if (!d->plan->rootfs_readonly)
		return;
	for (size_t i = 0; i < write->n; i++) {
		const char *path = write->at[i].text;
		struct plan_mount *m;

		if (mounted(d, path) || strcmp(path, "/") == 0 || starts(path, "/dev") ||
		    starts(path, "/proc"))
			continue;
		if (strcmp(path, "/tmp") == 0) {
			add_tmpfs(d, path, "1777", tmpfs_bytes(d), guarded);
			continue;
		}
		if (d->s->root.readonly)
			continue;
		m = add(d, MOUNT_SELF, path, NULL);
		m->attr_set = guarded;
		m->optional = true;
		m->from = write->at[i].from;
	}
}

static int bundle_mounts(struct draft *d, struct err *e)
{
	d->plan->rootfs = d->s->root.path;
	d->plan->rootfs_readonly = d->s->root.readonly || d->p->filesystem.root_readonly;
	for (size_t i = 0; i < d->s->mounts.n; i++)
		TRY(bundle_mount(d, i, e));
	if (!mounted(d, "/dev"))
		add_dev(d);
	bundle_writable(d);
	add_masks(d);
	bundle_paths(d);
	add_hidden(d, &d->p->filesystem.hide);
	return 0;
}

static int mounts_plan(struct draft *d, struct err *e)
{
	/* Room for all, so that the lists need not move; what is not used costs nothing. */
	d->mounts.cap = d->target_hashes.cap = MOUNTS_ROOM;
	d->mounts.at = arena_array(d->a, MOUNTS_ROOM, sizeof *d->mounts.at);
	d->target_hashes.at = arena_array(d->a, MOUNTS_ROOM, sizeof *d->target_hashes.at);

	if (d->r->direct != NULL)
		direct_mounts(d, d->r->direct);
	else
		TRY(bundle_mounts(d, e));
	return add_request_hidden(d, e);
}

static const char *kind_word(enum mount_kind kind)
{
	static const char *const words[] = {
		[MOUNT_BIND] = "bind",     [MOUNT_FS] = "new",      [MOUNT_SYMLINK] = "link",
		[MOUNT_MIRROR] = "mirror", [MOUNT_TEXT] = "file",   [MOUNT_DIR] = "folder",
		[MOUNT_DEVICE] = "device", [MOUNT_MASK] = "masked", [MOUNT_SELF] = "again",
		[MOUNT_CGROUP] = "cgroup",
	};

	return words[kind];
}

static void explain_fs(const struct plan_mount *m, struct buf *out)
{
	buf_printf(out, " (%s", m->fstype);
	for (size_t i = 0; i < m->noptions; i++)
		buf_printf(out, "%s%s", i == 0 ? ": " : ",", shown(out->arena, m->options[i]));
	buf_puts(out, ")");
}

static void mounts_explain(const struct plan *p, struct buf *out)
{
	buf_printf(out, "  root: %s%s\n",
		   p->rootfs != NULL ? shown(out->arena, p->rootfs) : "a fresh tmpfs",
		   p->rootfs_readonly ? ", read-only" : "");
	for (size_t i = 0; i < p->nmounts; i++) {
		const struct plan_mount *m = &p->mounts[i];
		bool from_host = m->kind == MOUNT_BIND || m->kind == MOUNT_MIRROR ||
				 m->kind == MOUNT_SYMLINK;

		buf_printf(out, "  %-7s %s", kind_word(m->kind), shown(out->arena, m->target));
		if (from_host && strcmp(m->source, m->target) != 0)
			buf_printf(out, " = %s", shown(out->arena, m->source));
		else if (m->kind == MOUNT_FS)
			explain_fs(m, out);
		buf_printf(out, "%s%s%s\n", m->attr_set & MOUNT_ATTR_RDONLY ? " read-only" : "",
			   m->attr_set & MOUNT_ATTR_NOEXEC ? " noexec" : "",
			   m->idmap ? " own ids" : "");
	}
}

const struct layer layer_mounts = { "mounts", mounts_plan, mounts_explain };
