#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "policy/decide.h"
#include "kern/uapi.h"

static const struct from nobody;

unsigned decide_wants(uint64_t flags)
{
	unsigned wants = 0;

	if ((flags & UAPI_O_ACCMODE) != O_WRONLY)
		wants |= WANT_READ;
	if ((flags & UAPI_O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) || (flags & UAPI_O_TMPFILE))
		wants |= WANT_WRITE;
	return wants;
}

static bool allows_all(const struct file_rule *folders, size_t n, size_t denied)
{
	for (size_t i = 0; i < n && denied == 0; i++)
		if (strcmp(folders[i].pattern, "/") == 0)
			return true;
	return false;
}

bool decide_any_path(const struct broker_plan *p, unsigned wants)
{
	return (!(wants & WANT_READ) ||
		allows_all(p->read, p->nread, p->ndeny_read + p->ask[ASK_READ].n)) &&
	       (!(wants & WANT_WRITE) ||
		allows_all(p->write, p->nwrite, p->ndeny_write + p->ask[ASK_WRITE].n));
}

/* Devices that hold nothing of the host: the caller has them as soon as it has a /dev of its own. Terminals of the machine's
 * are other people's. */
static bool harmless_device(const struct broker_plan *p, const struct object *o)
{
	unsigned minor_nr = minor(o->device);

	if (!S_ISCHR(o->type) || p->bare)
		return false;
	switch (major(o->device)) { /* Documentation/admin-guide/devices.txt */
	case 1:                     /* null, zero, full, random, urandom */
		return minor_nr == 3 || minor_nr == 5 || (minor_nr >= 7 && minor_nr <= 9);
	case 5: /* tty, console (the container's own pty), ptmx */
		return minor_nr <= 2;
	default: /* 136 to 143: pts */
		return major(o->device) >= 136 && major(o->device) <= 143;
	}
}

/* Pipes, memfds and the like: they lie in no folder, the caller can only have come by one that it holds. */
static bool nameless(const char *path)
{
	static const char *const kinds[] = { "pipe:[", "socket:[", "anon_inode:", "/memfd:" };

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strncmp(path, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

static struct verdict refuse(const struct from *from, const char *fix, const char *list)
{
	return (struct verdict){
		.what = DENY, .err = EACCES, .from = from, .fix = fix, .list = list
	};
}

static const struct file_rule *first_match(const struct file_rule *rules, size_t n,
					   const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (glob_match(rules[i].pattern, path))
			return &rules[i];
	return NULL;
}

static const struct file_rule *first_above(const struct file_rule *folders, size_t n,
					   const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (path_below(folders[i].pattern, path))
			return &folders[i];
	return NULL;
}

/* One of the two things that are wanted, with the lists that answer it. */
struct demand {
	unsigned want;
	enum ask_kind kind;
	const struct file_rule *denied, *folders;
	size_t ndenied, nfolders;
	const char *deny_fix, *list;
	const struct from *from; /* of the list as a whole */
};

static bool all_folders(const struct demand *q)
{
	return allows_all(q->folders, q->nfolders, 0);
}

static struct verdict answer(const struct broker_plan *p, const struct demand *q,
			     const struct object *o)
{
	const struct file_rule *rule = first_match(q->denied, q->ndenied, o->path);

	if (rule == NULL && o->alias != NULL)
		rule = first_match(q->denied, q->ndenied, o->alias);
	if (rule != NULL)
		return refuse(&rule->from, q->deny_fix, NULL);
	if ((o->held & q->want) || harmless_device(p, o) || nameless(o->path) || all_folders(q))
		return (struct verdict){ .what = PERFORM, .from = &nobody };
	rule = o->reachable ? first_above(q->folders, q->nfolders, o->path) : NULL;
	if (rule == NULL)
		return refuse(q->from, NULL, q->list);
	return (struct verdict){ .what = PERFORM, .from = &rule->from };
}

static struct verdict ask(const struct broker_plan *p, enum ask_kind kind, const struct object *o)
{
	struct verdict v = decide_ask(p, kind, o->path, o->asking);

	return v.what == PERFORM && o->alias != NULL ? decide_ask(p, kind, o->alias, o->asking) : v;
}

uint64_t decide_rights(const struct broker_plan *p, const char *path)
{
	uint64_t rights = 0;

	for (size_t i = 0; i < p->npaths; i++)
		if (path_below(p->paths[i].path, path))
			rights |= p->paths[i].rights;
	return rights;
}

/* Version 3 is the first that asks. */
static bool may_truncate(const struct broker_plan *p, const struct object *o)
{
	return p->landlock_abi < 3 || (o->held & WANT_WRITE) || nameless(o->path) ||
	       (o->reachable && (decide_rights(p, o->path) & LANDLOCK_ACCESS_FS_TRUNCATE));
}

struct verdict decide_open(const struct broker_plan *p, const struct object *o, unsigned wants)
{
	const struct demand demands[] = {
		{ WANT_WRITE, ASK_WRITE, p->deny_write, p->write, p->ndeny_write, p->nwrite,
		  "take this pattern out of filesystem.deny.write", "filesystem.write",
		  &p->write_from },
		{ WANT_READ, ASK_READ, p->deny_read, p->read, p->ndeny_read, p->nread,
		  "take this pattern out of filesystem.deny.read", "filesystem.read",
		  p->nread != 0 ? &p->read[0].from : &nobody },
	};
	struct verdict v = { .what = PERFORM, .from = &nobody };

	for (size_t i = 0; i < COUNT(demands); i++) {
		if (!(wants & demands[i].want))
			continue;
		v = answer(p, &demands[i], o);
		if (v.what == DENY)
			return v;
	}
	if ((wants & WANT_TRUNCATE) && !may_truncate(p, o))
		return refuse(&p->write_from, NULL, "filesystem.write");
	/* Nobody is asked about what would be refused anyway. */
	for (size_t i = 0; i < COUNT(demands); i++) {
		if (!(wants & demands[i].want & (wants & WANT_CONNECT ? ~0u : ~o->held)))
			continue;

		struct verdict asked = ask(p, demands[i].kind, o);

		if (asked.what != PERFORM)
			return asked;
	}
	return v;
}

/* Landlock's check of a directory's rights: get_mode_access() of security/landlock/fs.c. */
static uint64_t right_to_make(mode_t type)
{
	switch (type & S_IFMT) {
	case S_IFLNK:
		return LANDLOCK_ACCESS_FS_MAKE_SYM;
	case S_IFDIR:
		return LANDLOCK_ACCESS_FS_MAKE_DIR;
	case S_IFCHR:
		return LANDLOCK_ACCESS_FS_MAKE_CHAR;
	case S_IFBLK:
		return LANDLOCK_ACCESS_FS_MAKE_BLOCK;
	case S_IFIFO:
		return LANDLOCK_ACCESS_FS_MAKE_FIFO;
	case S_IFSOCK:
		return LANDLOCK_ACCESS_FS_MAKE_SOCK;
	case S_IFREG:
		return LANDLOCK_ACCESS_FS_MAKE_REG;
	default:
		return LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR;
	}
}

struct verdict decide_making(const struct broker_plan *p, const char *folder, mode_t type)
{
	if (p->landlock_abi != 0 && !(decide_rights(p, folder) & right_to_make(type)))
		return refuse(&p->write_from, NULL, "filesystem.write");
	return (struct verdict){ .what = PERFORM, .from = &nobody };
}

const struct file_rule *decide_hidden(const struct broker_plan *p, const char *path)
{
	const struct file_rule *rule = first_match(p->hidden, p->nhidden, path);

	return rule != NULL ? rule : first_above(p->hidden, p->nhidden, path);
}

bool decide_failed(const struct broker_plan *p, const char *path, int err, struct verdict *out)
{
	const struct file_rule *rule = decide_hidden(p, path);

	*out = (struct verdict){ .what = DENY, .err = err, .layer = "mount", .from = &nobody };
	if (rule != NULL && (err == ENOENT || err == EACCES || err == EPERM || err == ENOTDIR)) {
		out->from = &rule->from;
		out->fix = "take it out of filesystem.hide";
		return true;
	}
	if (err == EROFS) {
		out->from = &p->write_from;
		out->list = "filesystem.write";
		return true;
	}
	out->layer = "permissions";
	return err == EACCES || err == EPERM;
}
