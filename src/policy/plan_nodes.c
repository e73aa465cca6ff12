/*
 * The device nodes of a container: those that every /dev has, and of the host's those that the profile lists. A command of this
 * machine gets all of these; a bundle says which it wants, as engines do for --device.
 *
 * A node is known by its number, never by its name alone: what stands in a bundle was looked up by somebody else.
 */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "policy/plan_mounts.h"
#include "policy/profile_words.h"

enum { NODES_MAX = 256, NODE_MODE = 0666 };

/* OCI default devices; the numbers are Documentation/admin-guide/devices.txt's. */
static const struct device {
	const char *path;
	uint32_t major, minor;
} standard[] = {
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

static bool is_standard(bool block, int64_t major, int64_t minor)
{
	for (size_t i = 0; i < COUNT(standard) && !block; i++)
		if (standard[i].major == major && standard[i].minor == minor)
			return true;
	return false;
}

bool mount_is_standard(const struct spec_device *dev)
{
	for (size_t i = 0; i < COUNT(standard); i++)
		if (strcmp(standard[i].path, dev->path) == 0 && dev->type[0] != 'b' &&
		    standard[i].major == dev->major && standard[i].minor == dev->minor)
			return true;
	return false;
}

/* mem, kmem and port: who has one has the machine, whatever else holds. */
static bool is_memory(bool block, int64_t major, int64_t minor)
{
	return !block && major == 1 && (minor == 1 || minor == 2 || minor == 4);
}

/* Terminals by which a container has its own: tty, console, ptmx, and pts. */
static bool is_terminal(const struct plan_node *n)
{
	return n->kind == DEVICE_CHAR && (n->major == 5 || (n->major >= 136 && n->major <= 143));
}

static bool is_device(const struct plan_node *n)
{
	return n->kind == DEVICE_CHAR || n->kind == DEVICE_BLOCK;
}

bool nodes_gives(const struct plan_node *n)
{
	return n->listed && is_device(n) && !is_terminal(n) &&
	       !is_memory(n->kind == DEVICE_BLOCK, n->major, n->minor);
}

/* ---- what a command of this machine has ---- */

static int refuse_node(struct draft *d, const struct plan_node *n, struct err *e)
{
	const char *rule = from_text(d->a, &n->from);

	if (n->kind == DEVICE_ABSENT) {
		fail(e, ENOENT, "devices: %s is not there on this machine [%s]", n->path, rule);
		return advise(
			e,
			"load its driver; or write a pattern, such as %s*, whose nodes need not be there",
			n->path);
	}
	if (n->kind == DEVICE_OTHER) {
		fail(e, EINVAL, "devices: %s is no device node [%s]", n->path, rule);
		return advise(e, "of a folder, name what is in it: %s/*", n->path);
	}
	fail(e, EPERM,
	     "devices: %s is the memory of this machine, and no layer would hold behind it [%s]",
	     n->path, rule);
	return advise(e, "leave it out");
}

int nodes_check(struct draft *d, struct err *e)
{
	const struct words *said = &d->r->devices;

	for (size_t i = 0; i < said->n; i++) {
		const char *why = profile_device_fault(said->at[i].text);

		if (why == NULL)
			continue;
		fail(e, EINVAL, "--device %s: %s", said->at[i].text, why);
		return advise(e, "name nodes of this machine, such as /dev/fuse or /dev/dri/*");
	}
	if (d->r->nnodes > NODES_MAX)
		return fail(e, E2BIG, "devices: more than %d nodes are meant", NODES_MAX);
	for (size_t i = 0; i < d->r->nnodes && d->r->direct != NULL; i++) {
		const struct plan_node *n = &d->r->nodes[i];

		if (!is_device(n) || is_memory(n->kind == DEVICE_BLOCK, n->major, n->minor))
			return refuse_node(d, n, e);
	}
	return 0;
}

static struct plan_mount *add_node(struct draft *d, const char *target, const char *source,
				   bool block, uint32_t major, uint32_t minor)
{
	struct plan_mount *m = mount_add(d, MOUNT_DEVICE, target, source);

	m->block = block;
	m->major = major;
	m->minor = minor;
	m->mode = NODE_MODE;
	m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	return m;
}

static struct plan_mount *add_listed(struct draft *d, const char *target, const struct plan_node *n,
				     bool by_launcher)
{
	struct plan_mount *m = add_node(d, target, n->source, n->kind == DEVICE_BLOCK, n->major,
					n->minor);

	m->by_launcher = by_launcher;
	m->owned = true;
	m->from = n->from;
	return m;
}

static void add_all_listed(struct draft *d, bool by_launcher)
{
	for (size_t i = 0; i < d->r->nnodes; i++) {
		const struct plan_node *n = &d->r->nodes[i];

		if (nodes_gives(n) && !mount_is_at(d, n->path))
			add_listed(d, n->path, n, by_launcher);
	}
}

/* ---- what a bundle has ---- */

static const struct plan_node *listed_by_number(const struct draft *d,
						const struct spec_device *dev)
{
	enum device_kind kind = dev->type[0] == 'b' ? DEVICE_BLOCK : DEVICE_CHAR;

	if (dev->type[0] == 'p')
		return NULL;
	for (size_t i = 0; i < d->r->nnodes; i++) {
		const struct plan_node *n = &d->r->nodes[i];

		if (nodes_gives(n) && n->kind == kind && n->major == dev->major &&
		    n->minor == dev->minor)
			return n;
	}
	return NULL;
}

static void add_asked_for(struct draft *d, bool by_launcher)
{
	const struct spec_devices *list = &d->s->linux_.devices;

	for (size_t i = 0; i < list->n; i++) {
		const struct spec_device *dev = &list->at[i];
		const struct plan_node *n = listed_by_number(d, dev);

		if (n == NULL || profile_device_fault(dev->path) != NULL ||
		    mount_is_at(d, dev->path))
			continue;

		struct plan_mount *m = add_listed(d, dev->path, n, by_launcher);

		m->uid = dev->uid;
		m->gid = dev->gid;
		if (dev->has_mode)
			m->mode = dev->mode & 0777;
	}
}

bool nodes_has(const struct draft *d, const struct spec_device *dev)
{
	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct plan_mount *m = &d->mounts.at[i];

		if (m->kind == MOUNT_DEVICE && m->block == (dev->type[0] == 'b') &&
		    m->major == dev->major && m->minor == dev->minor &&
		    strcmp(m->target, dev->path) == 0)
			return true;
	}
	return false;
}

static const struct plan_node *node_at(const struct draft *d, const char *source)
{
	for (size_t i = 0; i < d->r->nnodes; i++)
		if (is_device(&d->r->nodes[i]) && strcmp(d->r->nodes[i].path, source) == 0)
			return &d->r->nodes[i];
	return NULL;
}

static bool may_bind(const struct plan_node *n, bool read_only, const char **held)
{
	bool block = n->kind == DEVICE_BLOCK;

	*held = "none: the profile lists no such device";
	if (is_standard(block, n->major, n->minor))
		return true;
	if (!nodes_gives(n))
		return false;
	*held = "none: a read-only mount does not keep a device from being written to";
	return !read_only;
}

/* As rootless engines say --device: the mount that was added last, which becomes the node, or goes. */
void nodes_bind(struct draft *d, struct plan_mount *m, size_t index)
{
	const struct plan_node *n = node_at(d, m->source);
	const char *held;

	if (n == NULL)
		return;
	if (!may_bind(n, m->attr_set & MOUNT_ATTR_RDONLY, &held)) {
		draft_cut(d, arena_printf(d->a, "mounts[%zu]", index), n->path, held);
		d->mounts.n--;
		d->target_hashes.n--;
		return;
	}
	m->kind = MOUNT_DEVICE;
	m->block = n->kind == DEVICE_BLOCK;
	m->major = n->major;
	m->minor = n->minor;
	m->source = n->source;
	m->attr_set = (m->attr_set & MOUNT_ATTR_RDONLY) | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	m->attr_clear = 0;
	m->recursive = m->recursive_attr = m->idmap = false;
}

/* ---- /dev ---- */

/* Nodes can be made only by the machine's own root. The rest of /dev must then be made with them. */
static bool launcher_makes_dev(const struct draft *d)
{
	return d->h->privileged && d->h->initial_userns;
}

void mount_add_devices(struct draft *d)
{
	bool early = launcher_makes_dev(d);

	d->mounts.at[d->mounts.n - 1].by_launcher = early;
	for (size_t i = 0; i < COUNT(standard); i++)
		add_node(d, standard[i].path, standard[i].path, false, standard[i].major,
			 standard[i].minor)
			->by_launcher = early;
	for (size_t i = 0; i < COUNT(dev_links); i++)
		mount_add(d, MOUNT_SYMLINK, dev_links[i].path, dev_links[i].to)->by_launcher =
			early;
	if (d->r->direct != NULL)
		add_all_listed(d, early);
	else
		add_asked_for(d, early);
}

void mount_add_dev(struct draft *d)
{
	/* A node, and the folders on the way to it. */
	const char *options[] = {
		"mode=755",
		"size=65536",
		arena_printf(d->a, "nr_inodes=%zu", 64 + 4 * d->r->nnodes),
	};

	mount_set_options(d,
			  mount_add_fs(d, "tmpfs", "/dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
			  options, COUNT(options));
	mount_add_devices(d);
}
