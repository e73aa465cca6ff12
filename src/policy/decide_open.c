#include <errno.h>
#include <fcntl.h>
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
	return (!(wants & WANT_READ) || allows_all(p->read, p->nread, p->ndeny_read)) &&
	       (!(wants & WANT_WRITE) || allows_all(p->write, p->nwrite, p->ndeny_write));
}

/* Devices that hold nothing of the host: the caller has them as soon as it has a /dev. */
static bool harmless_device(const struct object *o)
{
	unsigned minor_nr = minor(o->device);

	if (!S_ISCHR(o->type))
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

/* One of the two questions, with the lists that answer it. */
struct question {
	unsigned want;
	const struct file_rule *denied, *folders;
	size_t ndenied, nfolders;
	const char *deny_fix, *list;
	const struct from *from; /* of the list as a whole */
};

static bool all_folders(const struct question *q)
{
	return allows_all(q->folders, q->nfolders, 0);
}

static struct verdict answer(const struct question *q, const struct object *o)
{
	const struct file_rule *rule = first_match(q->denied, q->ndenied, o->path);

	if (rule == NULL && o->alias != NULL)
		rule = first_match(q->denied, q->ndenied, o->alias);
	if (rule != NULL)
		return refuse(&rule->from, q->deny_fix, NULL);
	if ((o->held & q->want) || harmless_device(o) || nameless(o->path) || all_folders(q))
		return (struct verdict){ .what = PERFORM, .from = &nobody };
	rule = o->reachable ? first_above(q->folders, q->nfolders, o->path) : NULL;
	if (rule == NULL)
		return refuse(q->from, NULL, q->list);
	return (struct verdict){ .what = PERFORM, .from = &rule->from };
}

struct verdict decide_open(const struct broker_plan *p, const struct object *o, unsigned wants)
{
	const struct question questions[] = {
		{ WANT_WRITE, p->deny_write, p->write, p->ndeny_write, p->nwrite,
		  "take this pattern out of filesystem.deny.write", "filesystem.write",
		  &p->write_from },
		{ WANT_READ, p->deny_read, p->read, p->ndeny_read, p->nread,
		  "take this pattern out of filesystem.deny.read", "filesystem.read",
		  p->nread != 0 ? &p->read[0].from : &nobody },
	};
	struct verdict v = { .what = PERFORM, .from = &nobody };

	for (size_t i = 0; i < COUNT(questions); i++) {
		if (!(wants & questions[i].want))
			continue;
		v = answer(&questions[i], o);
		if (v.what == DENY)
			return v;
	}
	return v;
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
