/*
 * What the container sees: the first of the layers that guard files, and the only one that can make a path
 * not exist. Every mount is nosuid; nothing but the named device nodes works as a device.
 */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/plan_mounts.h"
#include "table/table.h"

enum { TMPFS_BYTES = 64 << 20, MOUNTS_ROOM = 192 };

const uint64_t mount_guarded = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

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

/* FNV-1a. Many paths are compared with many targets, and most of them begin alike. */
static uint32_t hash_of(const char *path)
{
	uint32_t hash = 2166136261u;

	for (; *path != '\0'; path++)
		hash = (hash ^ (unsigned char)*path) * 16777619u;
	return hash;
}

struct plan_mount *mount_add(struct draft *d, enum mount_kind kind, const char *target,
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

void mount_set_options(struct draft *d, struct plan_mount *m, const char *const *options, size_t n)
{
	const char **copy = arena_array(d->a, n, sizeof *copy);

	memcpy(copy, options, n * sizeof *copy);
	m->options = copy;
	m->noptions = n;
}

struct plan_mount *mount_add_fs(struct draft *d, const char *fstype, const char *target,
				uint64_t attr)
{
	struct plan_mount *m = mount_add(d, MOUNT_FS, target, fstype);

	m->fstype = fstype;
	m->attr_set = attr;
	return m;
}

uint64_t mount_tmpfs_bytes(const struct draft *d)
{
	return d->p->resources.tmpfs.set ? d->p->resources.tmpfs.value : TMPFS_BYTES;
}

void mount_add_tmpfs(struct draft *d, const char *target, const char *mode, uint64_t bytes,
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

	mount_set_options(d, mount_add_fs(d, "tmpfs", target, attr), options, COUNT(options));
}

void mount_add_masks(struct draft *d)
{
	for (size_t i = 0; i < COUNT(masked); i++)
		mount_add(d, MOUNT_MASK, masked[i], NULL)->optional = true;
	for (size_t i = 0; i < COUNT(read_only); i++) {
		struct plan_mount *m = mount_add(d, MOUNT_SELF, read_only[i], NULL);

		m->attr_set = MOUNT_ATTR_RDONLY | mount_guarded | MOUNT_ATTR_NOEXEC;
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

bool mount_is_at(const struct draft *d, const char *target)
{
	return mount_at(d, target) != NULL;
}

/* Whether something of the host, or of an image, can lie below: the container's own file systems are empty. */
static bool can_hold(const struct draft *d, const char *folder)
{
	if (d->plan->rootfs != NULL)
		return true;
	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct plan_mount *m = &d->mounts.at[i];

		if ((m->kind == MOUNT_BIND || m->kind == MOUNT_MIRROR) &&
		    (path_below(m->target, folder) || path_below(folder, m->target)))
			return true;
	}
	return false;
}

/* The folder that the names of a pattern lie in: "/home" of "/home/x-?". */
static const char *folder_of_pattern(struct draft *d, const char *pattern)
{
	size_t n = strcspn(pattern, "*?");

	while (n > 1 && pattern[n - 1] != '/')
		n--;
	return arena_strndup(d->a, pattern, n > 1 ? n - 1 : 1);
}

/* What was mounted on somebody's word is shown: a volume of the bundle, or what --read and --write name. The form's own
 * mounts are not. */
static bool shown_on_purpose(const struct draft *d, const char *path)
{
	const struct plan_mount *m = mount_at(d, path);

	return m != NULL && (d->r->direct == NULL || m->kind == MOUNT_BIND);
}

void mount_add_hidden(struct draft *d, const struct words *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->at[i].text;
		bool pattern = strpbrk(path, "*?") != NULL;

		if (shown_on_purpose(d, path) ||
		    (pattern && !can_hold(d, folder_of_pattern(d, path))))
			continue;

		struct plan_mount *m = mount_add(d, MOUNT_MASK, path, NULL);

		m->optional = true;
		m->pattern = pattern;
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

		struct plan_mount *m = mount_add(d, MOUNT_MASK, path, NULL);

		m->optional = true;
		m->from = d->r->hide.at[i].from;
	}
	return 0;
}

static int mounts_plan(struct draft *d, struct err *e)
{
	/* Room for all, so that the lists need not move; what is not used costs nothing. */
	d->mounts.cap = d->target_hashes.cap = MOUNTS_ROOM;
	d->mounts.at = arena_array(d->a, MOUNTS_ROOM, sizeof *d->mounts.at);
	d->target_hashes.at = arena_array(d->a, MOUNTS_ROOM, sizeof *d->target_hashes.at);
	TRY(nodes_check(d, e));
	if (d->plan->bare)
		return 0;
	view_plan(d);

	if (d->r->direct != NULL)
		mounts_direct(d, d->r->direct);
	else
		TRY(mounts_bundle(d, e));
	view_mounts(d);
	return add_request_hidden(d, e);
}

const char *mount_kind_word(enum mount_kind kind)
{
	static const char *const words[] = {
		[MOUNT_BIND] = "bind",     [MOUNT_FS] = "new",      [MOUNT_SYMLINK] = "link",
		[MOUNT_MIRROR] = "mirror", [MOUNT_TEXT] = "file",   [MOUNT_DIR] = "folder",
		[MOUNT_DEVICE] = "device", [MOUNT_MASK] = "masked", [MOUNT_SELF] = "again",
		[MOUNT_CGROUP] = "cgroup", [MOUNT_VIEW] = "limits", [MOUNT_COVER] = "file over",
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

static void explain_node(const struct plan_mount *m, struct buf *out)
{
	if (strcmp(m->source, m->target) != 0)
		buf_printf(out, " = %s", shown(out->arena, m->source));
	buf_printf(out, " (%c %u:%u)", m->block ? 'b' : 'c', m->major, m->minor);
}

static void mounts_explain(const struct plan *p, struct buf *out)
{
	if (p->bare) {
		buf_puts(out, "  none: paths are this machine's\n");
		return;
	}
	buf_printf(out, "  root: %s%s\n",
		   p->rootfs != NULL ? shown(out->arena, p->rootfs) : "a fresh tmpfs",
		   p->rootfs_readonly ? ", read-only" : "");
	if (p->mount_label != NULL)
		buf_printf(out, "  SELinux label of what is new: %s\n",
			   shown(out->arena, p->mount_label));
	for (size_t i = 0; i < p->nmounts; i++) {
		const struct plan_mount *m = &p->mounts[i];
		bool from_host = m->kind == MOUNT_BIND || m->kind == MOUNT_MIRROR ||
				 m->kind == MOUNT_SYMLINK;

		buf_printf(out, "  %-7s %s", mount_kind_word(m->kind),
			   shown(out->arena, m->target));
		if (from_host && strcmp(m->source, m->target) != 0)
			buf_printf(out, " = %s", shown(out->arena, m->source));
		else if (m->kind == MOUNT_FS)
			explain_fs(m, out);
		else if (m->kind == MOUNT_DEVICE && m->from.file != NULL)
			explain_node(m, out);
		buf_printf(out, "%s%s%s", m->attr_set & MOUNT_ATTR_RDONLY ? " read-only" : "",
			   m->attr_set & MOUNT_ATTR_NOEXEC ? " noexec" : "",
			   m->uid_maps.n != 0 ? " ids by its own map"
			   : m->idmap         ? " own ids"
			   : m->copy_up       ? " begins with what the image has there"
					      : "");
		if (m->kind == MOUNT_DEVICE && m->from.file != NULL)
			buf_printf(out, "  [%s]", from_text(out->arena, &m->from));
		buf_puts(out, "\n");
	}
}

const struct layer layer_mounts = { "mounts", mounts_plan, mounts_explain };
