/*
 * Where a container's groups are, before they exist.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "box/cgroup.h"

/* The folder that a hierarchy's groups are named from: its top for an absolute path, else the caller's. */
struct base {
	const char *parent;
	size_t mount_len;
};

static size_t base_len(const struct plan_group *g, const struct base *b)
{
	size_t len = g->absolute ? b->mount_len : strlen(b->parent);

	return len == 1 && b->parent[0] == '/' ? 0 : len;
}

/* How many folders between the base and the group are not there. Asked before they are made, so that whoever
 * cleans up knows which to take away, whenever this one is killed. */
static unsigned count_absent(const struct cgroup_group *g)
{
	char path[CGROUP_PATH_MAX];
	unsigned n = 0;
	char *slash;

	memcpy(path, g->path, sizeof path);
	while ((slash = strrchr(path, '/')) != NULL && (size_t)(slash - path) > g->base_len) {
		*slash = '\0';
		if (access(path, F_OK) == 0)
			break;
		n++;
	}
	return n;
}

static int name_group(const struct plan *p, struct cgroup *c, const struct base *b,
		      uint32_t controllers, bool v2, struct err *e)
{
	struct cgroup_group *g = &c->at[c->n++];
	const struct plan_group *where = &p->group;
	int n;

	*g = (struct cgroup_group){ .controllers = controllers, .v2 = v2, .dir = -1, .tasks = -1 };
	g->base_len = base_len(where, b);
	if (where->path != NULL)
		n = snprintf(g->path, sizeof g->path, "%.*s/%s", (int)g->base_len, b->parent,
			     where->path);
	else
		n = snprintf(g->path, sizeof g->path, "%.*s/zviz-%s", (int)g->base_len, b->parent,
			     p->id);
	if (n < 0 || (size_t)n >= sizeof g->path)
		return fail(e, ENAMETOOLONG, "the group %.300s...: %m", g->path);
	/* systemd makes the folder of its own hierarchy, and those of the controllers that it manages. */
	g->there = where->unit != NULL && (v2 || access(g->path, F_OK) == 0);
	if (where->path != NULL && !g->there)
		g->made = count_absent(g);
	return 0;
}

static struct base v1_base(const struct host_cgroup *h, unsigned controller)
{
	return (struct base){ h->v1_parent[controller], h->v1_mount_len[controller] };
}

/* One group for each v1 hierarchy in use: controllers mounted together have the same parent. */
static int name_v1_groups(const struct plan *p, struct cgroup *c, struct err *e)
{
	const struct host_cgroup *h = &p->host->cgroup;
	uint32_t left = p->cgroup_v1;

	for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
		const struct base b = v1_base(h, i);
		uint32_t here = 0;

		if (!(left & 1u << i))
			continue;
		for (unsigned j = i; j < CGROUP_CONTROLLERS; j++)
			if (left & 1u << j && strcmp(h->v1_parent[i], h->v1_parent[j]) == 0)
				here |= 1u << j;
		left &= ~here;
		TRY(name_group(p, c, &b, here, false, e));
	}
	return 0;
}

int cgroup_name(const struct plan *p, struct cgroup *out, struct err *e)
{
	const struct host_cgroup *h = &p->host->cgroup;
	const struct base v2 = { h->v2_parent[0] != '\0' ? h->v2_parent : h->v2_mount,
				 strlen(h->v2_mount) };

	*out = (struct cgroup){ 0 };
	if (!p->cgroup)
		return 0;
	if (p->id[0] == '\0' || strchr(p->id, '/') != NULL || strchr(p->id, '\n') != NULL)
		return fail(e, EINVAL, "'%s' cannot name a group", p->id);
	if (v2.parent[0] == '\0' && p->cgroup_v2 != 0)
		return fail(e, ENOENT, "cgroup v2: no folder in which groups can be made");
	/* On v2 even without a controller: it is the group that can be killed and held as a whole. Beside v1 groups that
	 * is worth a folder where a group was named: engines pause containers. */
	if (v2.parent[0] != '\0' &&
	    (p->cgroup_v2 != 0 || p->cgroup_v1 == 0 || p->group.path != NULL))
		TRY(name_group(p, out, &v2, p->cgroup_v2, true, e));
	return name_v1_groups(p, out, e);
}
