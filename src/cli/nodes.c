#include "cli/nodes.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "policy/profile_words.h"

struct nodes {
	size_t n, cap;
	struct plan_node *at;
};

static void look(struct arena *a, const char *path, struct plan_node *n)
{
	char whole[PATH_MAX];
	struct stat st;

	n->path = n->source = path;
	n->kind = DEVICE_ABSENT;
	/* Names such as /dev/serial/by-id/… are links. */
	if (realpath(path, whole) == NULL || stat(whole, &st) < 0)
		return;
	n->source = arena_strdup(a, whole);
	n->kind = S_ISCHR(st.st_mode)   ? DEVICE_CHAR
		  : S_ISBLK(st.st_mode) ? DEVICE_BLOCK
					: DEVICE_OTHER;
	n->major = major(st.st_rdev);
	n->minor = minor(st.st_rdev);
}

static void add(struct arena *a, struct nodes *out, const char *path, const struct word *w,
		bool must_be)
{
	struct plan_node n = { .listed = true, .from = w->from };

	look(a, path, &n);
	if (must_be || n.kind == DEVICE_CHAR || n.kind == DEVICE_BLOCK)
		*LIST_ADD(a, out) = n;
}

static void add_listed(struct cli *c, const struct words *list, bool must_be, struct nodes *out)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct word *w = &list->at[i];
		glob_t found = { 0 };

		if (profile_device_fault(w->text) != NULL)
			continue; /* an option's, which the plan refuses */
		if (strpbrk(w->text, "*?") == NULL) {
			add(c->arena, out, w->text, w, must_be);
			continue;
		}
		if (glob(w->text, 0, NULL, &found) == 0)
			for (size_t k = 0; k < found.gl_pathc; k++)
				add(c->arena, out, arena_strdup(c->arena, found.gl_pathv[k]), w,
				    false);
		globfree(&found);
	}
}

static bool asks_for_more(const struct spec *s)
{
	for (size_t i = 0; i < s->linux_.devices.n; i++)
		if (!mount_is_standard(&s->linux_.devices.at[i]))
			return true;
	return false;
}

/* As rootless engines say that a container gets a device. */
static bool binds_below_dev(const struct spec *s)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (s->mounts.at[i].source != NULL &&
		    strncmp(s->mounts.at[i].source, "/dev/", 5) == 0)
			return true;
	return false;
}

static const struct plan_node *find(const struct nodes *list, const struct plan_node *like)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].kind == like->kind && list->at[i].major == like->major &&
		    list->at[i].minor == like->minor)
			return &list->at[i];
	return NULL;
}

/* By whatever path: the one that is listed permits it. */
static void add_bound(struct arena *a, const struct spec *s, struct nodes *out)
{
	const struct nodes listed = *out;

	for (size_t i = 0; i < s->mounts.n; i++) {
		const char *source = s->mounts.at[i].source;
		struct plan_node n = { 0 };
		const struct plan_node *same;

		if (source == NULL || strncmp(source, "/dev/", 5) != 0)
			continue;
		look(a, source, &n);
		if (n.kind != DEVICE_CHAR && n.kind != DEVICE_BLOCK)
			continue;
		same = find(&listed, &n);
		n.listed = same != NULL;
		if (same != NULL)
			n.from = same->from;
		*LIST_ADD(a, out) = n;
	}
}

void nodes_find(struct cli *c, struct prepared *p)
{
	const bool direct = p->request.direct != NULL, bound = binds_below_dev(&p->spec);
	struct nodes out = { 0 };

	if (direct || bound || asks_for_more(&p->spec))
		add_listed(c, &p->profile.devices, direct && !c->again, &out);
	add_listed(c, &p->request.devices, !c->again, &out);
	if (bound)
		add_bound(c->arena, &p->spec, &out);
	p->request.nnodes = out.n;
	p->request.nodes = out.at;
}
