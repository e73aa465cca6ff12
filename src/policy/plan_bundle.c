/*
 * The mounts of a bundle, as far as a user namespace can make them, and the guards that it does not mention.
 */
#include <errno.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>

#include "policy/net_job.h"
#include "policy/plan_mounts.h"

/* Without a user namespace of the engine's, its ids of the host are those of the container. */
static int outside_maps(struct draft *d, const struct id_maps *given, const struct id_maps *own,
			struct id_maps *out, const char *key, size_t index, struct err *e)
{
	const struct id_map *range = &own->at[0];

	*out = (struct id_maps){ 0 };
	for (size_t i = 0; i < given->n; i++) {
		struct id_map map = given->at[i];

		if (d->plan->rootfs_idmap) {
			if (map.outside < range->inside ||
			    (uint64_t)map.outside + map.count >
				    (uint64_t)range->inside + range->count)
				return fail(
					e, EINVAL,
					"%s: mounts[%zu].%s[%zu].hostID: %u is not among the ids of the container",
					d->s->file, index, key, i, map.outside);
			map.outside = range->outside + (map.outside - range->inside);
		}
		*LIST_ADD(d->a, out) = map;
	}
	return 0;
}

static int bundle_idmap(struct draft *d, struct plan_mount *m, const struct spec_mount *s,
			size_t index, struct err *e)
{
	for (size_t i = 0; i < s->options.n; i++) {
		const struct mount_option *o = mount_option_find(s->options.at[i]);

		m->idmap_asked |= o != NULL && o->idmap;
		m->idmap_tree |= o != NULL && o->idmap && o->recursive;
	}
	if ((s->uid_maps.n == 0) != (s->gid_maps.n == 0)) {
		const char *there = s->uid_maps.n != 0 ? "uidMappings" : "gidMappings";

		fail(e, EINVAL, "%s: mounts[%zu].%s: needs %s beside it", d->s->file, index, there,
		     s->uid_maps.n != 0 ? "gidMappings" : "uidMappings");
		return advise(e, "owners are shown by both");
	}
	m->idmap_asked |= s->uid_maps.n != 0;
	if (!m->idmap_asked)
		return 0;
	if (m->kind != MOUNT_BIND)
		return fail(e, EINVAL,
			    "%s: mounts[%zu]: other owners can be shown of a bind mount alone",
			    d->s->file, index);
	if (!d->h->privileged) {
		fail(e, EPERM, "%s: mounts[%zu]: to show a folder with other owners takes root",
		     d->s->file, index);
		return advise(
			e,
			"leave idmap, uidMappings and gidMappings out: the caller's own files are "
			"shown as the container's root's");
	}
	m->idmap = true;
	TRY(outside_maps(d, &s->uid_maps, &d->plan->uid_maps, &m->uid_maps, "uidMappings", index,
			 e));
	return outside_maps(d, &s->gid_maps, &d->plan->gid_maps, &m->gid_maps, "gidMappings", index,
			    e);
}

static int bundle_copy_up(struct draft *d, struct plan_mount *m, const struct spec_mount *s,
			  size_t index, struct err *e)
{
	for (size_t i = 0; i < s->options.n; i++) {
		const struct mount_option *o = mount_option_find(s->options.at[i]);

		m->copy_up |= o != NULL && o->copy_up;
	}
	if (m->copy_up && (m->kind != MOUNT_FS || strcmp(m->fstype, "tmpfs") != 0))
		return fail(e, EINVAL, "%s: mounts[%zu].options: 'tmpcopyup' is for a tmpfs alone",
			    d->s->file, index);
	return 0;
}

/* A mount of the host's is copied as it is when the container starts: what is mounted there later would come without the guards
 * of this one. */
static void say_propagation(struct draft *d, const char *what, const char *word)
{
	/* The other way round, mounts of the container's would show on the host. */
	if (strcmp(word, "shared") == 0 || strcmp(word, "rshared") == 0)
		draft_cut(d, what, arena_printf(d->a, "%s: mounts that the host sees", word),
			  "private");
	if (strcmp(word, "slave") == 0 || strcmp(word, "rslave") == 0)
		draft_missing(d, what,
			      arena_printf(d->a,
					   "%s: what the host mounts there later is not shown",
					   word),
			      "mount it before the container starts, or say private");
}

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

/* Engines mount these two read-only, but for containers that are to have the machine's. */
static void say_writable(struct draft *d, size_t index, const struct plan_mount *m,
			 const char *what)
{
	if (!(m->attr_set & MOUNT_ATTR_RDONLY))
		draft_cut(d, arena_printf(d->a, "mounts[%zu].options", index),
			  arena_printf(d->a, "a writable %s", what), "read-only");
}

/* How rootless BuildKit without its process sandbox, and rootless Podman with --pid=host, ask for the machine's processes. */
static bool shows_processes(const struct spec_mount *s)
{
	return s->source != NULL && strcmp(s->source, "/proc") == 0 &&
	       strcmp(s->destination, "/proc") == 0;
}

static void own_processes(struct draft *d, struct plan_mount *m, size_t index)
{
	draft_cut(d, arena_printf(d->a, "mounts[%zu].source", index), "the host's processes",
		  "a procfs of its own");
	m->kind = MOUNT_FS;
	m->fstype = m->source = "proc";
}

static int bundle_type(struct draft *d, struct plan_mount *m, const struct spec_mount *s,
		       size_t index, struct err *e)
{
	static const char *const known[] = { "proc",  "tmpfs", "devpts", "mqueue",
					     "sysfs", "ramfs", NULL };

	if (m->kind == MOUNT_BIND || (s->type != NULL && strcmp(s->type, "bind") == 0)) {
		m->kind = MOUNT_BIND;
		if (shows_processes(s)) {
			own_processes(d, m, index);
			return 0;
		}
		if (s->source == NULL)
			return fail(e, EINVAL, "%s: mounts[%zu].source: a bind mount needs one",
				    d->s->file, index);
		m->idmap = d->plan->rootfs_idmap;
		return 0;
	}
	if (s->type == NULL)
		return fail(e, EINVAL, "%s: mounts[%zu].type: missing", d->s->file, index);
	if (strcmp(s->type, "cgroup") == 0 || strcmp(s->type, "cgroup2") == 0) {
		say_writable(d, index, m, s->type);
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

/* By its path, or the caller's own: whichever it is, nobody inside has a capability over it. */
static bool shares_network(const struct draft *d)
{
	return (d->plan->given & CLONE_NEWNET) != 0 ||
	       (d->h->privileged && !(d->plan->namespaces & CLONE_NEWNET));
}

/* "/dev/" is "/dev". */
static const char *place_of(struct draft *d, const struct spec_mount *s)
{
	size_t len = strlen(s->destination);

	while (len > 1 && s->destination[len - 1] == '/')
		len--;
	return arena_strndup(d->a, s->destination, len);
}

static int bundle_mount(struct draft *d, size_t index, struct err *e)
{
	const struct spec_mount *s = &d->s->mounts.at[index];
	const char *place = place_of(d, s);
	struct plan_mount *m = mount_add(d, MOUNT_FS, place, s->source);

	m->fstype = s->type;
	m->attr_set = MOUNT_ATTR_NOSUID;
	m->from = s->from;
	TRY(bundle_options(d, m, s, index, e));
	TRY(bundle_type(d, m, s, index, e));
	TRY(bundle_idmap(d, m, s, index, e));
	TRY(bundle_copy_up(d, m, s, index, e));
	for (size_t i = 0; i < s->options.n; i++)
		say_propagation(d, arena_printf(d->a, "mounts[%zu].options", index),
				s->options.at[i]);
	/* What the container's own file systems hold is made by zviz, or by the kernel for it. */
	if (m->kind != MOUNT_FS || (strcmp(place, "/dev") != 0 && strcmp(place, "/dev/pts") != 0))
		m->attr_set |= MOUNT_ATTR_NODEV;
	if (m->kind == MOUNT_BIND) {
		nodes_bind(d, m, index);
		return 0;
	}
	/* The host's sysfs shows the machine; only its reading was ever meant. */
	if (m->kind == MOUNT_FS && strcmp(m->fstype, "sysfs") == 0) {
		say_writable(d, index, m, m->fstype);
		m->attr_set |= MOUNT_ATTR_RDONLY;
		m->recursive_attr = true;
		m->given = shares_network(d) ? CLONE_NEWNET : 0;
	}
	if (m->kind == MOUNT_FS && strcmp(m->fstype, "mqueue") == 0)
		m->given = d->plan->given & CLONE_NEWIPC;
	if (m->kind == MOUNT_FS && strcmp(m->fstype, "proc") == 0)
		m->given = d->plan->given & CLONE_NEWPID;
	if (strcmp(place, "/dev") == 0 && m->kind == MOUNT_FS)
		mount_add_devices(d);
	return 0;
}

static void bundle_paths(struct draft *d)
{
	const struct strings *mask = &d->s->linux_.masked_paths, *ro = &d->s->linux_.readonly_paths;

	for (size_t i = 0; i < mask->n; i++)
		if (!mount_is_at(d, mask->at[i]))
			mount_add(d, MOUNT_MASK, mask->at[i], NULL)->optional = true;
	for (size_t i = 0; i < ro->n; i++) {
		struct plan_mount *m;

		if (mount_is_at(d, ro->at[i]))
			continue;
		m = mount_add(d, MOUNT_SELF, ro->at[i], NULL);
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

		if (mount_is_at(d, path) || strcmp(path, "/") == 0 || starts(path, "/dev") ||
		    starts(path, "/proc"))
			continue;
		if (strcmp(path, "/tmp") == 0) {
			mount_add_tmpfs(d, path, "1777", mount_tmpfs_bytes(d), mount_guarded);
			continue;
		}
		if (d->s->root.readonly)
			continue;
		m = mount_add(d, MOUNT_SELF, path, NULL);
		m->attr_set = mount_guarded;
		m->optional = true;
		m->from = write->at[i].from;
	}
}

/* Where names are asked of zviz-net, an image's own list of name servers would lead past it, to servers that cannot be reached.
 * Without a list the C libraries ask there by themselves; and what the bundle mounts is what it means. */
static void bundle_resolver(struct draft *d)
{
	struct plan_mount *m;

	if (d->plan->net.ndomains == 0 || mount_is_at(d, "/etc/resolv.conf"))
		return;
	m = mount_add(d, MOUNT_COVER, "/etc/resolv.conf", "nameserver " NET_RESOLVER "\n");
	m->attr_set = MOUNT_ATTR_RDONLY | mount_guarded | MOUNT_ATTR_NOEXEC;
	m->optional = true;
}

static bool mounts_dev(struct draft *d)
{
	for (size_t i = 0; i < d->s->mounts.n; i++)
		if (strcmp(place_of(d, &d->s->mounts.at[i]), "/dev") == 0)
			return true;
	return false;
}

int mounts_bundle(struct draft *d, struct err *e)
{
	d->plan->rootfs = d->s->root.path;
	d->plan->rootfs_readonly = d->s->root.readonly || d->p->filesystem.root_readonly;
	/* Below what the bundle mounts in it. */
	if (!mounts_dev(d))
		mount_add_dev(d);
	for (size_t i = 0; i < d->s->mounts.n; i++)
		TRY(bundle_mount(d, i, e));
	if (d->s->linux_.rootfs_propagation != NULL)
		say_propagation(d, "linux.rootfsPropagation", d->s->linux_.rootfs_propagation);
	bundle_writable(d);
	bundle_resolver(d);
	mount_add_masks(d);
	bundle_paths(d);
	mount_add_hidden(d, &d->p->filesystem.hide);
	return 0;
}
