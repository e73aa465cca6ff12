/*
 * Where the group is made: the bundle's cgroupsPath, or a scope of systemd's.
 */
#include <errno.h>
#include <string.h>

#include "policy/plan_limits.h"

enum { UNIT_NAME_MAX = 255 }; /* of systemd, src/basic/unit-name.h */

/* ---- as a path ---- */

/* Without the slashes at its ends. */
static const char *trimmed(struct arena *a, const char *path)
{
	size_t len;

	path += strspn(path, "/");
	len = strlen(path);
	while (len > 0 && path[len - 1] == '/')
		len--;
	return arena_strndup(a, path, len);
}

static bool of_systemd(const char *path)
{
	const char *colon = strchr(path, ':');

	return path[0] != '/' && colon != NULL && strchr(colon + 1, ':') != NULL;
}

static int plan_path(struct draft *d, const char *path, struct plan_group *g, struct err *e)
{
	if (of_systemd(path)) {
		fail(e, EINVAL, "%s: linux.cgroupsPath: '%s' is a scope of systemd's", d->s->file,
		     shown(d->a, path));
		return advise(e, "give --systemd-cgroup as well, or a path");
	}
	g->absolute = path[0] == '/';
	g->path = trimmed(d->a, path);
	if (g->path[0] == '\0')
		return fail(e, EINVAL,
			    "%s: linux.cgroupsPath: the top of the hierarchy is everybody's",
			    d->s->file);
	return 0;
}

/* ---- as a scope ---- */

/* "a-b.slice" lies in "a.slice": systemd.slice(5). */
static const char *slice_path(struct arena *a, const char *slice)
{
	struct buf b = { .arena = a };

	if (strcmp(slice, "-.slice") == 0)
		return "";
	for (const char *dash = strchr(slice, '-'); dash != NULL; dash = strchr(dash + 1, '-'))
		buf_printf(&b, "%.*s.slice/", (int)(dash - slice), slice);
	buf_printf(&b, "%s/", slice);
	return buf_text(&b);
}

static bool is_unit_text(const char *s)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";

	return s[0] != '\0' && s[0] != '.' && s[strspn(s, letters)] == '\0';
}

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && strcmp(s + len - n, end) == 0;
}

static bool is_slice(const char *s)
{
	return is_unit_text(s) && ends_in(s, ".slice") && strstr(s, "--") == NULL &&
	       (strcmp(s, "-.slice") == 0 || (s[0] != '-' && !ends_in(s, "-.slice")));
}

/* slice:prefix:name, as the engines write it; a name that ends in .slice would be a slice, which is not what holds a
 * container. */
static int split_scope(struct draft *d, const char *path, struct plan_group *g, struct err *e)
{
	const char *one = strchr(path, ':');
	const char *two = one != NULL ? strchr(one + 1, ':') : NULL;
	const char *slice, *prefix, *name;

	if (two == NULL || strchr(two + 1, ':') != NULL) {
		fail(e, EINVAL, "%s: linux.cgroupsPath: '%s' is not slice:prefix:name", d->s->file,
		     shown(d->a, path));
		return advise(e, "so --systemd-cgroup wants it; without that option it is a path");
	}
	slice = arena_strndup(d->a, path, (size_t)(one - path));
	prefix = arena_strndup(d->a, one + 1, (size_t)(two - one - 1));
	name = two + 1;
	if (slice[0] != '\0')
		g->slice = slice;
	g->unit = prefix[0] != '\0' ? arena_printf(d->a, "%s-%s.scope", prefix, name)
				    : arena_printf(d->a, "%s.scope", name);
	if (!is_slice(g->slice)) {
		fail(e, EINVAL, "%s: linux.cgroupsPath: '%s' is no name of a slice", d->s->file,
		     shown(d->a, g->slice));
		return advise(e, "such as system.slice, or machine-mine.slice for one inside "
				 "machine.slice");
	}
	if (name[0] == '\0' || !is_unit_text(g->unit) || strlen(g->unit) > UNIT_NAME_MAX ||
	    ends_in(name, ".slice"))
		return fail(e, EINVAL, "%s: linux.cgroupsPath: '%s' is no name of a scope",
			    d->s->file, shown(d->a, g->unit));
	return 0;
}

/* Of an ordinary user: in the group of that user's own systemd. */
static const char *manager_path(struct draft *d)
{
	if (!d->plan->group.user)
		return "";
	return arena_printf(d->a, "user.slice/user-%u.slice/user@%u.service/", d->h->uid,
			    d->h->uid);
}

static int plan_scope(struct draft *d, const char *path, struct plan_group *g, struct err *e)
{
	if (d->h->cgroup.v2_mount[0] == '\0') {
		fail(e, EOPNOTSUPP, "--systemd-cgroup: no cgroup v2 is mounted here");
		return advise(e, "leave it out: zviz makes its control groups itself");
	}
	d->plan->cgroup = true;
	g->user = !d->h->privileged;
	g->slice = g->user ? "user.slice" : "system.slice";
	if (path == NULL)
		g->unit = arena_printf(d->a, "zviz-%s.scope", d->r->id);
	else
		TRY(split_scope(d, path, g, e));
	if (path == NULL && !is_unit_text(g->unit)) {
		fail(e, EINVAL, "'%s' cannot name a scope of systemd's", d->r->id);
		return advise(e, "choose another id, or name the scope by cgroupsPath");
	}
	g->absolute = true;
	g->path = arena_printf(d->a, "%s%s%s", manager_path(d), slice_path(d->a, g->slice),
			       g->unit);
	return 0;
}

int plan_group(struct draft *d, struct err *e)
{
	const char *path = d->s->linux_.cgroups_path;
	struct plan_group *g = &d->plan->group;

	if (path == NULL && !d->r->systemd_cgroup)
		return 0;
	g->from = path != NULL ? (struct from){ .file = d->s->file, .path = "linux.cgroupsPath" }
			       : (struct from){ .file = "--systemd-cgroup" };
	if (!d->plan->cgroup && !d->r->systemd_cgroup) {
		draft_missing(d, "linux.cgroupsPath", "this caller may make no group",
			      "run as root, or have a group delegated (`zviz check`)");
		return 0;
	}
	if (d->r->systemd_cgroup)
		TRY(plan_scope(d, path, g, e));
	else
		TRY(plan_path(d, path, g, e));
	return 0;
}
