/*
 * Without namespaces: a profile's paths and patterns become this machine's.
 */
#include <string.h>

#include "policy/decide.h"
#include "policy/plan_bare.h"
#include "policy/plan_mounts.h"

/* Besides programs and the parts of /etc that hold no secret. */
static const char *const others_read[] = { "/etc/passwd",
					   "/etc/group",
					   "/etc/hosts",
					   "/etc/resolv.conf",
					   "/proc/cpuinfo",
					   "/proc/meminfo",
					   "/proc/stat",
					   "/proc/loadavg",
					   "/proc/uptime",
					   "/proc/version",
					   "/proc/filesystems",
					   "/sys/devices/system/cpu/online",
					   "/sys/devices/system/cpu/possible" };
static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
				       "/dev/urandom" };

const char *bare_path(const struct draft *d, const char *path)
{
	const char *work = d->r->direct->work;

	if (work == NULL || !path_below("/work", path))
		return path;
	return path[5] == '\0' ? work : arena_printf(d->a, "%s%s", work, path + 5);
}

size_t bare_env(const struct draft *d, const char **env, size_t n)
{
	const struct direct_view *v = d->r->direct;
	const char *home = arena_printf(d->a, "HOME=%s", v->home);
	bool has_tmp = false;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(env[i], home) == 0)
			env[i] = arena_printf(d->a, "HOME=%s", v->work);
		has_tmp |= strncmp(env[i], "TMPDIR=", 7) == 0;
	}
	if (!has_tmp)
		env[n++] = arena_printf(d->a, "TMPDIR=%s", v->work);
	return n;
}

/* One of the machine's places, as far as the list permits it. `place` is where the profile knows it. */
static void add_place(struct draft *d, struct words *out, const struct words *list,
		      const char *place)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *word = list->at[i].text;
		const bool whole = path_below(word, place);

		if (!whole && !path_below(place, word))
			continue;
		*LIST_ADD(d->a, out) = (struct word){ bare_path(d, whole ? place : word),
						      list->at[i].from };
		/* A place within the work folder may have been exchanged for a link by the run before. */
		if (!whole && path_below("/work", word))
			*LIST_ADD(d->a, &d->plain) = (struct word){ bare_path(d, word),
								    list->at[i].from };
	}
}

void bare_folders(struct draft *d, struct profile *p)
{
	struct words read = { 0 }, write = { 0 }, execute = { 0 };
	static const struct from nobody = { 0 };

	for (size_t i = 0; i < program_folders_count; i++) {
		add_place(d, &read, &p->filesystem.read, program_folders[i]);
		add_place(d, &execute, &p->filesystem.execute, program_folders[i]);
	}
	for (const struct etc_entry *entry = etc_entries; entry->path != NULL; entry++)
		add_place(d, &read, &p->filesystem.read, entry->path);
	for (size_t i = 0; i < COUNT(others_read); i++)
		add_place(d, &read, &p->filesystem.read, others_read[i]);
	if (d->r->direct->work != NULL) {
		add_place(d, &read, &p->filesystem.read, "/work");
		add_place(d, &write, &p->filesystem.write, "/work");
		add_place(d, &execute, &p->filesystem.execute, "/work");
	}
	for (size_t i = 0; i < COUNT(devices); i++)
		*LIST_ADD(d->a, &write) = (struct word){ devices[i], nobody };
	p->filesystem.read = read;
	p->filesystem.write = write;
	p->filesystem.execute = execute;
}

static bool has_wildcard(const char *s)
{
	return strpbrk(s, "*?") != NULL;
}

/* Patterns are about what the container knows as /work as well as about the machine's places. Whether one whose first folder is
 * a wildcard means /work, the work folder's own name does not say. */
static int translate(const struct draft *d, const struct words *list, struct words *out,
		     struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct word *w = &list->at[i];
		const char *first = w->text + (w->text[0] == '/');
		size_t len = strcspn(first, "/");
		bool anywhere = len == 2 && memcmp(first, "**", 2) == 0;

		if (!anywhere && has_wildcard(arena_strndup(d->a, first, len)))
			return bare_refuse(
				d,
				arena_printf(d->a,
					     "%s: whether %s is in the work folder cannot be told",
					     from_text(d->a, &w->from), shown(d->a, w->text)),
				"begin the pattern with a folder's name, or with /**/", e);
		*LIST_ADD(d->a, out) = (struct word){ bare_path(d, w->text), w->from };
	}
	return 0;
}

/* The path, and all below it: neither to be read nor to be written. */
static void hide(struct draft *d, struct profile *p, const struct word *w, bool read)
{
	const char *path = bare_path(d, w->text);
	const char *below = arena_printf(d->a, "%s/**", path);

	*LIST_ADD(d->a, &p->filesystem.deny_write) = (struct word){ path, w->from };
	*LIST_ADD(d->a, &p->filesystem.deny_write) = (struct word){ below, w->from };
	if (!read)
		return;
	*LIST_ADD(d->a, &p->filesystem.deny_read) = (struct word){ path, w->from };
	*LIST_ADD(d->a, &p->filesystem.deny_read) = (struct word){ below, w->from };
}

/* A mask covers what its path leads to; a pattern is about the path that a file has. The path itself must not be a link, which is
 * seen when the run begins. */
static int hide_all(struct draft *d, struct profile *p, const struct words *list, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct word *w = &list->at[i];

		if (has_wildcard(w->text) && path_below("/work", w->text))
			return bare_refuse(
				d,
				arena_printf(d->a, "%s: %s cannot be hidden by a pattern",
					     from_text(d->a, &w->from), shown(d->a, w->text)),
				"write it under filesystem.deny: {read: …, write: …}", e);
		hide(d, p, w, true);
		if (!has_wildcard(w->text))
			*LIST_ADD(d->a, &d->plain) = (struct word){ bare_path(d, w->text),
								    w->from };
	}
	return 0;
}

/* What the machine's git would run later: read, and not changed. `--write .git` is the caller's own word. */
static void guard_git(struct draft *d, struct profile *p)
{
	const struct direct_view *v = d->r->direct;
	const struct word git = { "/work/.git", { 0 } };

	if (v->work == NULL)
		return;
	for (size_t i = 0; i < v->nshared; i++)
		if (v->shared[i].write && strcmp(v->shared[i].path, bare_path(d, git.text)) == 0)
			return;
	hide(d, p, &git, false);
	*LIST_ADD(d->a, &d->plain) = (struct word){ bare_path(d, git.text), git.from };
}

int bare_patterns(struct draft *d, struct profile *p, struct err *e)
{
	struct words read = { 0 }, write = { 0 };

	TRY(translate(d, &p->filesystem.deny_read, &read, e));
	TRY(translate(d, &p->filesystem.deny_write, &write, e));
	p->filesystem.deny_read = read;
	p->filesystem.deny_write = write;
	TRY(hide_all(d, p, &p->filesystem.hide, e));
	for (size_t i = 0; i < d->r->hide.n; i++)
		if (d->r->hide.at[i].text[0] != '/' || has_wildcard(d->r->hide.at[i].text))
			return bare_refuse(d,
					   arena_printf(d->a, "--hide %s", d->r->hide.at[i].text),
					   "name a path that starts with / and has no pattern", e);
	TRY(hide_all(d, p, &d->r->hide, e));
	p->filesystem.hide = (struct words){ 0 };
	guard_git(d, p);
	/* Processes have folders there, and the kernel its settings. No list permits them; a second lock, and there always is a
	 * pattern, for whose sake the broker performs all that names a file. */
	*LIST_ADD(d->a, &p->filesystem.deny_read) = (struct word){ "/proc/*/**", { 0 } };
	*LIST_ADD(d->a, &p->filesystem.deny_write) = (struct word){ "/proc/**", { 0 } };
	struct words *const asked[] = { &p->ask.read, &p->ask.write, &p->ask.always.read,
					&p->ask.always.write };

	for (size_t i = 0; i < COUNT(asked); i++) {
		struct words out = { 0 };

		TRY(translate(d, asked[i], &out, e));
		*asked[i] = out;
	}
	return 0;
}
