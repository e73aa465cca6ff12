/*
 * Paths: what the mounts show, what Landlock's rules grant, what the broker refuses inside of that.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kern/uapi.h"
#include "policy/query_parts.h"

/* ---- Landlock ---- */

/* What one question asks of each layer. */
struct demand {
	uint64_t right;    /* LANDLOCK_ACCESS_FS_*, 0: Landlock does not ask */
	const char *doing; /* "read", for messages */
	const char *list;  /* the profile's list that grants it */
	bool writes, executes;
	bool connects; /* to the socket there */
};

static const struct demand demands[] = {
	[QUERY_LOOK] = { 0, "look at", "filesystem.read" },
	[QUERY_READ] = { LANDLOCK_ACCESS_FS_READ_FILE, "read", "filesystem.read" },
	[QUERY_WRITE] = { LANDLOCK_ACCESS_FS_WRITE_FILE, "write", "filesystem.write",
			  .writes = true },
	[QUERY_EXECUTE] = { LANDLOCK_ACCESS_FS_EXECUTE, "execute", "filesystem.execute",
			    .executes = true },
};

static struct from first_of(const struct words *list)
{
	return list->n != 0 ? list->at[0].from : (struct from){ 0 };
}

static struct from list_from(const struct plan *p, const struct demand *d)
{
	return d->executes ? first_of(&p->policy->filesystem.execute)
	       : d->writes ? first_of(&p->policy->filesystem.write)
			   : first_of(&p->policy->filesystem.read);
}

/* The folder to be listed: one's own for a folder, the one above for a file. */
static const char *folder_of(struct asking *q, const struct sight *s)
{
	const char *base = strrchr(s->path, '/');

	if (s->folder || base == s->path)
		return base == s->path && !s->folder ? "/" : s->path;
	return arena_strndup(q->a, s->path, (size_t)(base - s->path));
}

static void ask_landlock(struct asking *q, const struct sight *s, const struct demand *d)
{
	uint64_t right = s->folder && d->right == LANDLOCK_ACCESS_FS_READ_FILE
				 ? LANDLOCK_ACCESS_FS_READ_DIR
				 : d->right;
	struct query_part *part;

	if ((right & q->plan->landlock_fs) == 0)
		return;
	for (size_t i = 0; i < q->plan->npaths; i++) {
		const struct plan_path *rule = &q->plan->paths[i];

		if (!(rule->rights & right) || !path_below(rule->path, s->path))
			continue;
		part = part_add(
			q, "landlock", QUERY_ALLOWED,
			arena_printf(q->a, "%s below %s", d->doing, shown(q->a, rule->path)));
		part->from = rule->from;
		return;
	}
	part = part_add(q, "landlock", QUERY_REFUSED,
			arena_printf(q->a, "no rule lets it %s there", d->doing));
	part->err = EACCES;
	part->from = list_from(q->plan, d);
	part->fix = arena_printf(q->a, "add %s to %s", shown(q->a, folder_of(q, s)), d->list);
}

/* ---- the mounts' attributes ---- */

static const char *read_only_fix(struct asking *q, const struct sight *s)
{
	if (!q->plan->direct)
		return s->by != NULL ? "take `ro` out of the mount's options"
				     : "filesystem: {root: writable}, and no root.readonly";
	if (s->kept != NULL && s->by != NULL && s->by->kind == MOUNT_BIND)
		return arena_printf(q->a, "run with --write %s%s", shown(q->a, s->by->source),
				    shown(q->a, s->kept->target + strlen(s->by->target)));
	return arena_printf(q->a, "run with --write %s; without it, /work and /tmp can be written",
			    shown(q->a, folder_of(q, s)));
}

/* Turns what the mounts show into what they refuse. True when they do. */
static bool ask_attributes(struct asking *q, const struct sight *s, const struct demand *d,
			   struct query_part *part)
{
	const struct plan_mount *m = s->kept != NULL ? s->kept : s->by;
	const char *target = m != NULL ? shown(q->a, m->target) : "the root";

	if (d->writes && s->read_only && (s->by == NULL || s->by->kind != MOUNT_DEVICE)) {
		part->err = EROFS;
		part->why = arena_printf(q->a, "%s is read-only", target);
		part->fix = read_only_fix(q, s);
	} else if (d->executes && s->no_exec) {
		part->err = EACCES;
		part->why = arena_printf(q->a, "nothing in %s can be executed", target);
		part->fix = q->plan->direct
				    ? "none for this place: /work and /tmp can hold programs"
				    : "take `noexec` out of the mount's options";
	} else {
		return false;
	}
	part->verdict = QUERY_REFUSED;
	if (m != NULL)
		part->from = m->from;
	return true;
}

/* ---- the broker ---- */

static const char *done_by_broker(enum answer what)
{
	return what == ASK ? "it asks, and does that for the caller if the answer is yes"
			   : "it does that for the caller";
}

/* Programs that are asked about. */
static void ask_about_program(struct asking *q, const struct sight *s)
{
	struct verdict v = decide_execute(&q->plan->broker, s->path, NULL);

	if (v.what == ASK)
		part_add(q, "broker", QUERY_ASKED, "it asks, and starts it if the answer is yes")
			->from = *v.from;
}

/* True when it opens the file. */
static bool ask_broker(struct asking *q, const struct sight *s, const struct demand *d,
		       unsigned wants)
{
	struct object o = { .path = s->path, .type = S_IFREG, .reachable = true };

	if (s->by != NULL && s->by->kind == MOUNT_DEVICE) {
		o.type = s->by->block ? S_IFBLK : S_IFCHR;
		o.device = makedev(s->by->major, s->by->minor);
	}

	if (d->connects)
		o.type = S_IFSOCK;

	struct verdict v = d->connects ? decide_address(&q->plan->broker, &o)
				       : decide_open(&q->plan->broker, &o, wants);
	struct query_part *part = part_add(q, "broker",
					   v.what == DENY ? QUERY_REFUSED : QUERY_ASKED, NULL);

	part->from = *v.from;
	if (v.what != DENY) {
		part->why = done_by_broker(v.what);
		return true;
	}
	part->err = v.err;
	if (v.fix == NULL && d->writes && s->read_only && q->plan->direct)
		part->fix = read_only_fix(q, s); /* a rule of the broker as well */
	else
		part->fix = v.fix != NULL ? v.fix
					  : arena_printf(q->a, "add %s to %s",
							 shown(q->a, folder_of(q, s)),
							 v.list != NULL ? v.list : d->list);
	return false;
}

/* ---- one path ---- */

/* `asked`: the filter hands the open to the broker, which then judges in Landlock's place. */
static void ask_one(struct asking *q, const char *path, const struct demand *d, unsigned wants,
		    bool asked)
{
	struct sight s;

	query_sight(q, path, &s);

	struct query_part *mounts = query_shown(q, &s);

	if (!s.seen || (asked && !ask_broker(q, &s, d, wants)))
		return;
	/* --write, which opens a mount of the direct form, is a rule of Landlock as well. */
	if (ask_attributes(q, &s, d, mounts) && q->plan->direct)
		return;
	if (!asked)
		ask_landlock(q, &s, d);
	if (d->executes)
		ask_about_program(q, &s);
}

/* Calls that change what their path names. What is not here only looks at it; opens go by their flags. */
static const struct path_call {
	const char *call;
	uint64_t right; /* 0: the mount alone asks */
	unsigned first; /* the argument from which on paths are looked up in the container */
} path_calls[] = {
	{ "bind", LANDLOCK_ACCESS_FS_MAKE_SOCK, 0 },
	{ "chmod", 0, 0 },
	{ "chown", 0, 0 },
	{ "creat", LANDLOCK_ACCESS_FS_WRITE_FILE, 0 },
	{ "execve", LANDLOCK_ACCESS_FS_EXECUTE, 0 },
	{ "execveat", LANDLOCK_ACCESS_FS_EXECUTE, 0 },
	{ "fchmodat", 0, 0 },
	{ "fchmodat2", 0, 0 },
	{ "fchownat", 0, 0 },
	{ "lchown", 0, 0 },
	{ "link", LANDLOCK_ACCESS_FS_MAKE_REG, 0 },
	{ "linkat", LANDLOCK_ACCESS_FS_MAKE_REG, 0 },
	{ "lremovexattr", 0, 0 },
	{ "lsetxattr", 0, 0 },
	{ "mkdir", LANDLOCK_ACCESS_FS_MAKE_DIR, 0 },
	{ "mkdirat", LANDLOCK_ACCESS_FS_MAKE_DIR, 0 },
	{ "mknod", LANDLOCK_ACCESS_FS_MAKE_REG, 0 },
	{ "mknodat", LANDLOCK_ACCESS_FS_MAKE_REG, 0 },
	{ "removexattr", 0, 0 },
	{ "rename", LANDLOCK_ACCESS_FS_REMOVE_FILE, 0 },
	{ "renameat", LANDLOCK_ACCESS_FS_REMOVE_FILE, 0 },
	{ "renameat2", LANDLOCK_ACCESS_FS_REMOVE_FILE, 0 },
	{ "rmdir", LANDLOCK_ACCESS_FS_REMOVE_DIR, 0 },
	{ "setxattr", 0, 0 },
	{ "symlink", LANDLOCK_ACCESS_FS_MAKE_SYM, 1 },
	{ "symlinkat", LANDLOCK_ACCESS_FS_MAKE_SYM, 1 },
	{ "truncate", LANDLOCK_ACCESS_FS_TRUNCATE, 0 },
	{ "unlink", LANDLOCK_ACCESS_FS_REMOVE_FILE, 0 },
	{ "unlinkat", LANDLOCK_ACCESS_FS_REMOVE_FILE, 0 },
	{ "utime", 0, 0 },
	{ "utimensat", 0, 0 },
	{ "utimes", 0, 0 },
};

static const struct path_call *path_call_find(const char *name)
{
	for (size_t i = 0; i < COUNT(path_calls); i++)
		if (strcmp(path_calls[i].call, name) == 0)
			return &path_calls[i];
	return NULL;
}

/* Flags of an open that were given; false: they were not, or it is no open. */
static bool open_flags_of(const struct query *query, uint64_t *flags)
{
	for (unsigned i = 0; i < QUERY_ARGS; i++)
		if (query->call->arg[i] == ARG_OPEN_FLAGS && query->given[i]) {
			*flags = query->arg[i];
			return true;
		}
	*flags = query->flags;
	return query->has_flags;
}

/* What the call does with its path. */
static struct demand demand_of(const struct query *query, unsigned *wants)
{
	const struct path_call *known = path_call_find(query->call->name);
	struct demand d = demands[QUERY_LOOK];
	uint64_t flags;

	*wants = 0;
	for (unsigned i = 0; known == NULL && i < QUERY_ARGS; i++)
		d.connects |= query->call->arg[i] == ARG_ADDRESS;
	if (known != NULL) {
		*wants = WANT_WRITE;
		d = demands[known->right == LANDLOCK_ACCESS_FS_EXECUTE ? QUERY_EXECUTE
								       : QUERY_WRITE];
		d.right = known->right;
	} else if (open_flags_of(query, &flags) && !(flags & O_PATH)) {
		*wants = decide_wants(flags | (flags & O_CREAT ? O_WRONLY : 0));
		d = demands[*wants & WANT_WRITE ? QUERY_WRITE : QUERY_READ];
	} else if (strncmp(query->call->name, "open", 4) == 0) {
		*wants = WANT_READ;
		d = demands[QUERY_READ];
	}
	return d;
}

/* ---- names, where the broker changes them ---- */

/* truncate is not among them: it is judged as an open. */
static const struct naming_call {
	const char *call;
	enum naming what;
	mode_t type; /* of what is made; what is there already is taken for a file */
} naming_calls[] = {
	{ "bind", NAMING_MAKE, S_IFSOCK },     { "link", NAMING_LINK, S_IFREG },
	{ "linkat", NAMING_LINK, S_IFREG },    { "mkdir", NAMING_MAKE, S_IFDIR },
	{ "mkdirat", NAMING_MAKE, S_IFDIR },   { "mknod", NAMING_MAKE, S_IFREG },
	{ "mknodat", NAMING_MAKE, S_IFREG },   { "rename", NAMING_MOVE, S_IFREG },
	{ "renameat", NAMING_MOVE, S_IFREG },  { "renameat2", NAMING_MOVE, S_IFREG },
	{ "rmdir", NAMING_REMOVE, 0 },         { "symlink", NAMING_MAKE, S_IFLNK },
	{ "symlinkat", NAMING_MAKE, S_IFLNK }, { "unlink", NAMING_REMOVE, 0 },
	{ "unlinkat", NAMING_REMOVE, 0 },
};

static const struct naming_call *naming_call_find(const char *name)
{
	for (size_t i = 0; i < COUNT(naming_calls); i++)
		if (strcmp(naming_calls[i].call, name) == 0)
			return &naming_calls[i];
	return NULL;
}

static struct named name_at(struct asking *q, const struct sight *s, mode_t type)
{
	const char *base = strrchr(s->path, '/');
	size_t len = base == s->path ? 1 : (size_t)(base - s->path);

	return (struct named){ .path = s->path,
			       .folder = arena_strndup(q->a, s->path, len),
			       .reachable = true,
			       .type = type };
}

/* Both names of a move or a link have to be known; otherwise nothing can be said. */
static void ask_naming(struct asking *q, const struct naming_call *n, unsigned first)
{
	bool two = n->what == NAMING_MOVE || n->what == NAMING_LINK;
	struct named at[2];
	struct verdict v;
	size_t given = 0;

	for (unsigned i = first; i < QUERY_ARGS && given < COUNT(at); i++) {
		struct sight s;

		if (q->query->paths[i] == NULL)
			continue;
		query_sight(q, q->query->paths[i], &s);

		struct query_part *mounts = query_shown(q, &s);

		/* The kernel says so before anybody is asked about rights. */
		if (ask_attributes(q, &s, &demands[QUERY_WRITE], mounts))
			return;
		at[given++] = name_at(q, &s, n->type);
	}
	if (given < (two ? 2u : 1u))
		return;
	v = decide_naming(&q->plan->broker, n->what, two ? &at[0] : NULL, &at[two]);

	struct query_part *part = part_add(q, "broker",
					   v.what == DENY ? QUERY_REFUSED : QUERY_ASKED, NULL);

	part->from = *v.from;
	part->why = v.what == DENY ? NULL : done_by_broker(v.what);
	if (v.what != DENY)
		return;
	part->err = v.err;
	part->fix = v.fix != NULL ? v.fix
				  : arena_printf(q->a, "add %s to %s", shown(q->a, at[two].folder),
						 v.list);
}

void query_call_paths(struct asking *q, const struct plan_call *row, const struct ruling *filter)
{
	const struct path_call *known = path_call_find(row->name);
	const struct naming_call *naming = naming_call_find(row->name);
	bool asked = filter->verdict == QUERY_ASKED_LATER;
	unsigned wants;
	struct demand d = demand_of(q->query, &wants);

	if (asked && naming != NULL) {
		ask_naming(q, naming, known != NULL ? known->first : 0);
		return;
	}
	for (unsigned i = known != NULL ? known->first : 0; i < QUERY_ARGS; i++)
		if (q->query->paths[i] != NULL)
			ask_one(q, q->query->paths[i], &d, wants, asked);
}

/* ---- a path alone ---- */

/* Each question as the call that a program would make. */
static const struct attempt {
	const char *call;
	uint64_t flags;
	unsigned wants;
} attempts[] = {
	[QUERY_READ] = { "openat", O_RDONLY, WANT_READ },
	[QUERY_WRITE] = { "openat", O_WRONLY, WANT_WRITE },
	[QUERY_EXECUTE] = { "execve", 0, 0 },
};

static void attempt(struct asking *q, enum query_want want)
{
	const struct attempt *try = &attempts[want];
	uint64_t arg[QUERY_ARGS] = { (uint64_t)AT_FDCWD, 0, try->flags };
	struct ruling r;

	if (query_filter(q, try->call, try->call, arg, &r))
		ask_one(q, q->query->path, &demands[want], try->wants,
			r.verdict == QUERY_ASKED_LATER);
}

/* The first layer that refuses, or the last that allows. */
static const struct query_part *strictest(const struct query_answer *answer)
{
	for (size_t i = 0; i < answer->nparts; i++)
		if (answer->parts[i].verdict == QUERY_REFUSED ||
		    answer->parts[i].verdict == QUERY_UNSEEN)
			return &answer->parts[i];
	return &answer->parts[answer->nparts - 1];
}

/* All three questions, a part each. */
static void look(struct asking *q)
{
	struct query_answer *one = arena_alloc(q->a, sizeof *one);
	struct asking inner = { q->a, q->plan, q->query, one };
	struct sight s;

	query_sight(q, q->query->path, &s);
	query_shown(q, &s);
	for (enum query_want want = QUERY_READ; s.seen && want <= QUERY_EXECUTE; want++) {
		*one = (struct query_answer){ .operation = "" };
		attempt(&inner, want);

		const struct query_part *says = strictest(one);
		struct query_part *part = part_add(q, says->layer, says->verdict, says->why);

		*part = *says;
		part->what = demands[want].doing;
		if (part->verdict == QUERY_VISIBLE)
			part->verdict = QUERY_ALLOWED;
	}
}

void query_path(struct asking *q)
{
	const char *path = shown(q->a, q->query->path);

	if (q->query->want == QUERY_LOOK) {
		q->answer->operation = path;
		look(q);
		return;
	}
	q->answer->operation = arena_printf(q->a, "%s %s", demands[q->query->want].doing, path);
	attempt(q, q->query->want);
}
