/*
 * What the mounts of a plan show at a path: they are performed in order, so the last one above it counts.
 */
#include <linux/mount.h>
#include <string.h>

#include "policy/query_parts.h"

enum { LINKS_MAX = 8 }; /* of the plan's own links: there are five, none through another */

/* ---- the links that the plan makes ---- */

static const struct plan_mount *link_above(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].kind == MOUNT_SYMLINK && path_below(p->mounts[i].target, path))
			return &p->mounts[i];
	return NULL;
}

static const char *follow(struct asking *q, const struct plan_mount *link, const char *path)
{
	const char *rest = path + strlen(link->target);
	int folder = (int)(strrchr(link->target, '/') - link->target);

	if (link->source[0] == '/')
		return arena_printf(q->a, "%s%s", link->source, rest);
	return arena_printf(q->a, "%.*s/%s%s", folder, link->target, link->source, rest);
}

static const char *behind_links(struct asking *q, const char *path)
{
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		const struct plan_mount *link = link_above(q->plan, path);

		if (link == NULL)
			break;
		path = follow(q, link, path);
	}
	return path;
}

/* ---- the mounts ---- */

static void covered_by(struct sight *s, const struct plan_mount *m, bool whole_tree)
{
	s->seen = true;
	s->masked = false;
	s->by = m;
	s->kept = NULL;
	s->folder = m->kind == MOUNT_DIR ||
		    (m->kind == MOUNT_FS && strcmp(m->target, s->path) == 0);
	s->read_only = m->attr_set & MOUNT_ATTR_RDONLY;
	s->no_exec = whole_tree && m->attr_set & MOUNT_ATTR_NOEXEC;
}

static void see_one(struct asking *q, const struct plan_mount *m, struct sight *s)
{
	bool exact = strcmp(m->target, s->path) == 0;

	switch (m->kind) {
	case MOUNT_BIND:
	case MOUNT_FS:
	case MOUNT_CGROUP:
	case MOUNT_MIRROR:
	case MOUNT_VIEW:
		covered_by(s, m, true);
		break;
	case MOUNT_COVER:
	case MOUNT_DEVICE:
		if (exact)
			covered_by(s, m, true);
		break;
	case MOUNT_TEXT:
	case MOUNT_DIR:
		/* Made in the root, which is as it is. Where an image has such a folder already, it stays. */
		if (!exact || s->seen)
			break;
		covered_by(s, m, false);
		s->read_only = q->plan->rootfs_readonly;
		break;
	case MOUNT_MASK:
		/* Over what is not there, a mask is left out. */
		s->masked |= s->seen;
		s->by = s->seen ? m : s->by;
		s->seen = false;
		break;
	case MOUNT_SELF:
		s->kept = m->attr_set & MOUNT_ATTR_RDONLY ? m : s->kept;
		s->read_only |= m->attr_set & MOUNT_ATTR_RDONLY;
		s->no_exec |= m->attr_set & MOUNT_ATTR_NOEXEC;
		break;
	case MOUNT_SYMLINK:
		break;
	}
}

/* A folder that is there because mounts lie in it. */
static bool holds_mounts(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].kind != MOUNT_MASK && p->mounts[i].kind != MOUNT_SELF &&
		    path_below(path, p->mounts[i].target))
			return true;
	return false;
}

void query_sight(struct asking *q, const char *path, struct sight *out)
{
	const struct plan *p = q->plan;

	*out = (struct sight){ .path = behind_links(q, path),
			       .seen = p->rootfs != NULL,
			       .read_only = p->rootfs_readonly };
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].pattern ? glob_matches_above(p->mounts[i].target, out->path)
					 : path_below(p->mounts[i].target, out->path))
			see_one(q, &p->mounts[i], out);
	if (!out->seen && out->by == NULL && holds_mounts(p, out->path)) {
		out->seen = out->folder = true;
		out->read_only = p->rootfs_readonly;
	}
}

/* ---- in words ---- */

static const char *shown_by(struct asking *q, const struct sight *s)
{
	static const char *const words[] = {
		[MOUNT_FS] = "a file system of the container's own",
		[MOUNT_TEXT] = "a file that zviz writes",
		[MOUNT_COVER] = "a file that zviz writes",
		[MOUNT_DIR] = "an empty folder",
		[MOUNT_DEVICE] = "a device",
		[MOUNT_CGROUP] = "the container's own cgroup",
		[MOUNT_VIEW] = "a file that shows the container's limits",
	};
	const char *read_only = s->read_only ? ", read-only" : "";
	const struct plan_mount *m = s->by;

	if (m == NULL && q->plan->rootfs != NULL && !s->folder)
		return arena_printf(q->a, "in the root %s%s", shown(q->a, q->plan->rootfs),
				    read_only);
	if (m == NULL)
		return "a folder that holds mounts, read-only";
	if (m->kind == MOUNT_BIND || m->kind == MOUNT_MIRROR)
		return arena_printf(q->a, "%s shows %s of the host%s", shown(q->a, m->target),
				    shown(q->a, m->source), read_only);
	return arena_printf(q->a, "%s is %s%s", shown(q->a, m->target), words[m->kind], read_only);
}

/* The rule of the profile that explains why something is not there; what hides a folder hides what lies in it. */
static const struct file_rule *hidden_rule(struct asking *q, const char *path)
{
	char *part = arena_strdup(q->a, path);
	const struct file_rule *rule = decide_hidden(&q->plan->broker, part);

	for (char *slash; rule == NULL && (slash = strrchr(part, '/')) > part;) {
		*slash = '\0';
		rule = decide_hidden(&q->plan->broker, part);
	}
	return rule;
}

static void masked(struct asking *q, const struct sight *s, struct query_part *part)
{
	part->from = s->by->from;
	part->why = arena_printf(q->a, "%s is masked: empty, and nothing can be made in it",
				 shown(q->a, s->by->target));
	if (s->by->from.file == NULL)
		part->never = "tables of the kernel stay masked";
	else if (strncmp(s->by->from.file, "--", 2) == 0)
		part->fix = "leave out --hide";
	else
		part->fix = arena_printf(q->a, "take %s out of filesystem.hide",
					 shown(q->a, s->by->target));
}

/* A mask over a folder lies over what is mounted in it too: the folder itself must be shown. */
static bool rule_hides_folder(const struct file_rule *rule, const struct sight *s)
{
	return rule != NULL && strpbrk(rule->pattern, "*?") == NULL &&
	       path_below(rule->pattern, s->path);
}

static const char *device_fix(struct asking *q, const struct sight *s)
{
	return arena_printf(q->a,
			    q->plan->direct
				    ? "run with --device %s, or list it under devices"
				    : "list %s under devices, and in linux.devices of config.json",
			    shown(q->a, s->path));
}

/* A file there would be one of the container's own, which few people ask about. */
static bool may_mean_device(const struct sight *s)
{
	return s->by != NULL && s->by->kind == MOUNT_FS && strcmp(s->by->target, "/dev") == 0 &&
	       strcmp(s->path, "/dev") != 0;
}

static void not_there(struct asking *q, const struct sight *s, struct query_part *part)
{
	const struct file_rule *rule = hidden_rule(q, s->path);

	part->why = "no mount shows it";
	if (rule != NULL) {
		part->from = rule->from;
		part->why = arena_printf(q->a, "no mount shows it, and %s is to stay hidden",
					 shown(q->a, rule->pattern));
	}
	part->fix = "mount it in config.json";
	if (path_below("/dev", s->path)) {
		part->fix = device_fix(q, s);
		return;
	}
	if (q->plan->direct)
		part->fix = arena_printf(
			q->a, "run with --read %s",
			shown(q->a, rule_hides_folder(rule, s) ? rule->pattern : s->path));
}

struct query_part *query_shown(struct asking *q, const struct sight *s)
{
	struct query_part *part;

	if (s->seen) {
		part = part_add(q, "mounts", QUERY_VISIBLE, shown_by(q, s));
		if (s->by != NULL)
			part->from = s->by->from;
		if (may_mean_device(s)) {
			part->why = arena_printf(q->a, "%s, and no device is there by that name",
						 part->why);
			part->fix = device_fix(q, s);
		}
		return part;
	}
	part = part_add(q, "mounts", QUERY_UNSEEN, NULL);
	if (s->masked)
		masked(q, s, part);
	else
		not_there(q, s, part);
	return part;
}
