/*
 * Names: who may change them, and where a pattern of filesystem.deny would lose what it protects.
 */
#include <errno.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>

#include "kern/uapi.h"
#include "policy/decide.h"

static const struct from nobody;

/* What Landlock knows of files, as opposed to folders: landlock_add_rule(2). */
static const uint64_t of_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

static struct verdict fine(void)
{
	return (struct verdict){ .what = PERFORM, .from = &nobody };
}

static struct verdict refuse(const struct from *from, const char *fix)
{
	return (struct verdict){ .what = DENY, .err = EACCES, .from = from, .fix = fix };
}

/* ---- who may ---- */

/* The folder has to be one that may be written to, as Landlock asks it of every change of names; and what comes must be
 * of a type that may be made there. 0: something goes. */
static struct verdict may_change(const struct broker_plan *p, const struct named *n, mode_t type)
{
	const struct object folder = {
		.path = n->folder, .type = S_IFDIR, .reachable = n->reachable, .asking = n->asking
	};
	struct verdict v = decide_open(p, &folder, WANT_WRITE);

	return v.what == PERFORM ? decide_making(p, n->folder, type) : v;
}

/* A file that leaves its folder must not gain rights by it (current_check_refer_path() in security/landlock/fs.c). Its
 * first version lets none leave. */
static bool may_leave(const struct broker_plan *p, const struct named *from, const struct named *to)
{
	uint64_t mask = S_ISDIR(from->type) ? ~UINT64_C(0) : of_files;

	if (p->landlock_abi == 0 || strcmp(from->folder, to->folder) == 0)
		return true;

	uint64_t there = decide_rights(p, to->folder), here = decide_rights(p, from->folder);

	return p->landlock_abi >= 2 && (there & here & LANDLOCK_ACCESS_FS_REFER) != 0 &&
	       (there & ~here & mask) == 0;
}

/* ---- what patterns say ---- */

enum list { READS, WRITES };

static const char *const fixes[] = {
	[READS] = "take this pattern out of filesystem.deny.read",
	[WRITES] = "take this pattern out of filesystem.deny.write",
};

/* Behind a link or in a folder there is more that the pattern may be about. */
static bool holds_more(const struct named *n)
{
	return S_ISDIR(n->type) || S_ISLNK(n->type);
}

/* What must not be read keeps a path that says so. */
static bool exposes(const char *pattern, const struct named *old, const struct named *name)
{
	if (glob_match(pattern, old->path) && !glob_match(pattern, name->path))
		return true;
	return holds_more(old) && !glob_carries(pattern, old->path, name->path);
}

/* What must not be written stays where it is, and nothing else gets there. */
static bool replaces(const char *pattern, const struct named *old, const struct named *name)
{
	if (glob_match(pattern, name->path))
		return true;
	if (old == NULL)
		return S_ISLNK(name->type) && !glob_is_anywhere(pattern, name->path);
	if (glob_match(pattern, old->path))
		return true;
	return holds_more(old) && (!glob_carries(pattern, old->path, name->path) ||
				   !glob_carries(pattern, name->path, old->path));
}

static bool breaks(const struct file_rule *rule, enum list list, const struct named *old,
		   const struct named *name)
{
	return list == READS ? old != NULL && exposes(rule->pattern, old, name)
			     : replaces(rule->pattern, old, name);
}

static const struct file_rule *broken(const struct broker_plan *p, enum list list,
				      const struct named *old, const struct named *name)
{
	const struct file_rule *rules = list == READS ? p->deny_read : p->deny_write;
	size_t n = list == READS ? p->ndeny_read : p->ndeny_write;

	for (size_t i = 0; i < n; i++)
		if (breaks(&rules[i], list, old, name))
			return &rules[i];
	return NULL;
}

/* The same for what has to be asked about, which is put as a question about the path that has the pattern. */
static struct verdict asks(const struct broker_plan *p, enum list list, const struct named *old,
			   const struct named *name)
{
	enum ask_kind kind = list == READS ? ASK_READ : ASK_WRITE;

	for (size_t i = 0; i < p->ask[kind].n; i++) {
		const struct file_rule *rule = &p->ask[kind].rules[i];

		if (!breaks(rule, list, old, name))
			continue;

		bool moved = old != NULL && !glob_match(rule->pattern, name->path);
		const char *path = moved ? old->path : name->path;

		if (decide_is_always(p, kind, path))
			continue;

		struct verdict v = decide_ask_rule(rule, kind, path, name->asking);

		if (v.what != PERFORM)
			return v;
	}
	return fine();
}

static struct verdict keeps_patterns(const struct broker_plan *p, const struct named *old,
				     const struct named *name)
{
	for (enum list list = READS; list <= WRITES; list++) {
		const struct file_rule *rule = broken(p, list, old, name);

		if (rule != NULL)
			return refuse(&rule->from, fixes[list]);
	}
	return fine();
}

static struct verdict asks_first(const struct broker_plan *p, const struct named *old,
				 const struct named *name)
{
	struct verdict v = asks(p, READS, old, name);

	return v.what == PERFORM ? asks(p, WRITES, old, name) : v;
}

/* ---- both ---- */

static struct verdict moves(const struct broker_plan *p, const struct named *old,
			    const struct named *name)
{
	struct verdict v = keeps_patterns(p, old, name);

	if (v.what != DENY && !may_leave(p, old, name)) {
		v = refuse(&nobody,
			   "none: a file cannot be moved to where more is permitted; copy it");
		v.err = EXDEV;
	}
	return v;
}

struct verdict decide_naming(const struct broker_plan *p, enum naming what, const struct named *old,
			     const struct named *name)
{
	struct verdict v = may_change(p, name, old != NULL ? old->type : name->type);

	if (v.what == PERFORM && old != NULL && what != NAMING_LINK)
		v = may_change(p, old, what == NAMING_SWAP ? name->type : 0);
	if (v.what != PERFORM)
		return v;
	v = old != NULL ? moves(p, old, name) : keeps_patterns(p, NULL, name);
	if (v.what != DENY && what == NAMING_SWAP && old != NULL)
		v = moves(p, name, old);
	if (v.what == DENY)
		return v;

	struct verdict asked = asks_first(p, old, name);

	if (asked.what == PERFORM && what == NAMING_SWAP && old != NULL)
		asked = asks_first(p, name, old);
	return asked.what == PERFORM ? v : asked;
}
