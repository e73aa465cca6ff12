#include "policy/verify_files.h"

#include <linux/landlock.h>
#include <linux/mount.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/draft.h"

/* ---- what the profile says ---- */

static bool at_or_below(const char *folder, const char *path)
{
	size_t len = strlen(folder);

	/* Asked very often, mostly of paths that begin alike: the end of the folder's name tells most of them apart. */
	if (len == 1)
		return true;
	return strnlen(path, len) == len && path[len - 1] == folder[len - 1] &&
	       (path[len] == '\0' || path[len] == '/') && memcmp(folder, path, len) == 0;
}

static bool in_any(const struct words *folders, const char *path)
{
	for (size_t i = 0; i < folders->n; i++)
		if (at_or_below(folders->at[i].text, path))
			return true;
	return false;
}

static bool hidden(const struct words *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *hide = list->at[i].text;

		if (strpbrk(hide, "*?") != NULL ? glob_matches_above(hide, path)
						: at_or_below(hide, path))
			return true;
	}
	return false;
}

/* A volume that a bundle mounts to be written to was asked for by whoever wrote it. */
static bool is_volume(const struct plan *p, const char *path)
{
	const struct spec_mounts *mounts = &p->spec->mounts;

	for (size_t i = 0; !p->direct && i < mounts->n; i++) {
		const char *type = mounts->at[i].type;
		bool fs = type != NULL &&
			  (strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0 ||
			   strcmp(type, "devpts") == 0);

		if (!fs && at_or_below(mounts->at[i].destination, path))
			return true;
	}
	return false;
}

/* The direct form gives every workload these to write to (zviz-run(1)). */
static bool is_given_by_form(const struct plan_request *r, const char *path)
{
	const struct direct_view *v = r->direct;

	return v != NULL &&
	       ((v->work != NULL && at_or_below("/work", path)) ||
		(v->home != NULL && at_or_below(v->home, path)) || at_or_below("/tmp", path));
}

struct verify_access verify_says(const struct plan *p, const struct plan_request *r,
				 const char *path)
{
	const struct profile *f = p->policy;
	bool shared = in_any(&r->read, path), given = in_any(&r->write, path);
	/* Devices and the process's own files: always there, and guarded by the mounts. */
	bool own = at_or_below("/dev", path) || at_or_below("/proc", path);
	bool volume = is_volume(p, path) || is_given_by_form(r, path);
	struct verify_access says = {
		.seen = !hidden(&r->hide, path) &&
			(!hidden(&f->filesystem.hide, path) || shared || given || volume),
		.read = in_any(&f->filesystem.read, path) || in_any(&f->filesystem.execute, path),
		.write = in_any(&f->filesystem.write, path) || given || own || volume,
		.execute = in_any(&f->filesystem.execute, path) || shared || given,
	};

	says.read |= says.write || shared;
	says.read &= says.seen;
	says.write &= says.seen;
	says.execute &= says.seen;
	return says;
}

/* ---- what the plan does ---- */

/* Mounts come in order: the last one at or above a path shows it. */
static const struct plan_mount *mount_over(const struct plan *p, const char *path)
{
	const struct plan_mount *last = NULL;

	for (size_t i = 0; i < p->nmounts; i++) {
		const struct plan_mount *m = &p->mounts[i];

		if (m->pattern ? !glob_matches_above(m->target, path)
			       : !at_or_below(m->target, path))
			continue;
		/* A link or a folder in a tree that is there already shows nothing of its own. */
		if (m->kind != MOUNT_SYMLINK && m->kind != MOUNT_DIR)
			last = m;
	}
	return last;
}

static uint64_t landlock_rights(const struct plan *p, const char *path)
{
	uint64_t rights = p->landlock_abi == 0 ? UINT64_MAX : 0;

	for (size_t i = 0; i < p->npaths; i++)
		if (at_or_below(p->paths[i].path, path))
			rights |= p->paths[i].rights;
	return rights;
}

struct verify_access verify_lets(const struct plan *p, const char *path)
{
	const struct plan_mount *m = mount_over(p, path);
	uint64_t rights = landlock_rights(p, path);
	bool masked = m != NULL && m->kind == MOUNT_MASK;
	bool bare = m == NULL && p->rootfs == NULL; /* the fresh root, where nothing lies */
	struct verify_access lets = {
		.seen = !masked && !bare,
		.read = rights & (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR),
		.write = rights & LANDLOCK_ACCESS_FS_WRITE_FILE,
		.execute = rights & LANDLOCK_ACCESS_FS_EXECUTE,
	};

	lets.read &= lets.seen;
	lets.write &= lets.seen &&
		      !(m != NULL ? m->attr_set & MOUNT_ATTR_RDONLY : p->rootfs_readonly);
	lets.execute &= lets.seen && !(m != NULL && (m->attr_set & MOUNT_ATTR_NOEXEC));
	return lets;
}

/* ---- classes ---- */

enum { AROUND = 4 }; /* what a path adds at most */

struct classes {
	struct arena *a;
	LIST_OF(const char *) paths;
	size_t *slot; /* 1 + the place in `paths`, found by hash */
	size_t slots; /* a power of two, at least twice as many as there can be paths */
};

/* FNV-1a. */
static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h ^ h >> 16;
}

static void add(struct classes *c, const char *path)
{
	size_t s = hash_of(path) & (c->slots - 1);

	for (; c->slot[s] != 0; s = (s + 1) & (c->slots - 1))
		if (strcmp(c->paths.at[c->slot[s] - 1], path) == 0)
			return;
	*LIST_ADD(c->a, &c->paths) = path;
	c->slot[s] = c->paths.n;
}

/* One of the paths that a pattern is about. */
static const char *one_of(struct arena *a, const char *pattern)
{
	char *path = arena_strdup(a, pattern);

	for (char *s = path; *s != '\0'; s++)
		if (*s == '*' || *s == '?')
			*s = 'x';
	return path;
}

/* The path, what lies in it, and what lies beside it with a name that begins the same. */
static void add_around(struct classes *c, const char *path)
{
	if (path[0] != '/')
		return;
	if (strpbrk(path, "*?") != NULL)
		path = one_of(c->a, path);
	add(c, path);
	if (strcmp(path, "/") == 0) {
		add(c, "/some-name");
		return;
	}
	add(c, arena_printf(c->a, "%s/some-name", path));
	add(c, arena_printf(c->a, "%s-beside", path));

	const char *slash = strrchr(path, '/');

	add(c, slash == path ? "/" : arena_strndup(c->a, path, (size_t)(slash - path)));
}

static void make_room(struct classes *c, size_t paths)
{
	c->slots = 1;
	while (c->slots < 2 * AROUND * paths)
		c->slots *= 2;
	c->slot = arena_array(c->a, c->slots, sizeof *c->slot);
}

static void find_classes(struct classes *c, const struct plan *p, const struct plan_request *r)
{
	const struct profile *f = p->policy;
	const struct words *const lists[] = {
		&f->filesystem.read,
		&f->filesystem.write,
		&f->filesystem.execute,
		&f->filesystem.hide,
		&r->read,
		&r->write,
		&r->hide,
	};

	size_t n = 1 + p->nmounts + p->npaths;

	for (size_t i = 0; i < COUNT(lists); i++)
		n += lists[i]->n;
	make_room(c, n);
	for (size_t i = 0; i < COUNT(lists); i++)
		for (size_t w = 0; w < lists[i]->n; w++)
			add_around(c, lists[i]->at[w].text);
	for (size_t i = 0; i < p->nmounts; i++)
		add_around(c, p->mounts[i].target);
	for (size_t i = 0; i < p->npaths; i++)
		add_around(c, p->paths[i].path);
}

static bool is_more(struct verify_access lets, struct verify_access says)
{
	return (lets.seen && !says.seen) || (lets.read && !says.read) ||
	       (lets.write && !says.write) || (lets.execute && !says.execute);
}

/* ---- the broker ---- */

static bool has_rule(const struct file_rule *rules, size_t n, const char *pattern)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rules[i].pattern, pattern) == 0)
			return true;
	return false;
}

/* Each pattern reached the broker, and the broker is asked about opens; NULL, or the one that did not. */
static const char *lost_pattern(const struct plan *p)
{
	const struct profile *says = p->policy;
	const struct broker_plan *b = &p->broker;
	const struct {
		const struct words *words;
		const struct file_rule *rules;
		size_t n;
		bool asked;
	} lists[] = {
		{ &says->filesystem.deny_read, b->deny_read, b->ndeny_read, b->opens },
		{ &says->filesystem.deny_write, b->deny_write, b->ndeny_write, b->opens },
		{ &says->ask.read, b->ask[ASK_READ].rules, b->ask[ASK_READ].n, b->opens },
		{ &says->ask.write, b->ask[ASK_WRITE].rules, b->ask[ASK_WRITE].n, b->opens },
		{ &says->ask.execute, b->ask[ASK_EXECUTE].rules, b->ask[ASK_EXECUTE].n, b->traces },
	};

	for (size_t i = 0; i < says->ask.connect.n; i++)
		if (!b->addresses || i >= b->nconnect ||
		    strcmp(b->connect[i].text, says->ask.connect.at[i].text) != 0)
			return says->ask.connect.at[i].text;
	for (size_t l = 0; l < COUNT(lists); l++)
		for (size_t i = 0; i < lists[l].words->n; i++) {
			const char *pattern = lists[l].words->at[i].text;

			if (!lists[l].asked || !has_rule(lists[l].rules, lists[l].n, pattern))
				return pattern;
		}
	return NULL;
}

int verify_files(struct arena *a, const struct plan *p, const struct plan_request *r,
		 size_t *classes, const char **path)
{
	struct classes c = { .a = a };

	find_classes(&c, p, r);
	*classes = c.paths.n;
	*path = lost_pattern(p);
	if (*path != NULL)
		return 1;
	for (size_t i = 0; i < c.paths.n; i++) {
		*path = c.paths.at[i];
		if (is_more(verify_lets(p, *path), verify_says(p, r, *path)))
			return 1;
	}
	*path = NULL;
	return 0;
}
