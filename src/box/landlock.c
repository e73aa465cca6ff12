/*
 * landlock.enter: which paths the workload may use. A rule is about an object, not about a path. For whoever joins later,
 * the workload has had time to put other objects at these paths, so the first process writes down which it met; no rule is made
 * about another. A domain holds the objects of its rules, so their numbers are not given to others while it lives.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/record.h"
#include "box/sequence.h"
#include "kern/sys.h"

/* To the launcher, which shows it: something is stricter than for the first process. */
static void tell_left_out(const struct box *b, const char *path)
{
	struct note n = { .step = NOTE_WARNING };

	snprintf(
		n.text, sizeof n.text,
		"%s is not what it was when the container started: no Landlock rule is made for it",
		path);
	(void)!send(b->note, &n, sizeof n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool is_as_it_was(const struct box *b, size_t i, const struct stat *st)
{
	const struct box_object *o = &b->objects[i];

	return o->ino == st->st_ino && o->dev == st->st_dev;
}

static int add_rule(const struct box *b, int rules, size_t i, struct box_object *met, struct err *e)
{
	const struct plan_path *p = &b->plan->paths[i];
	OWN_FD fd = path_open(p->path, O_PATH);
	uint64_t rights = p->rights;
	struct stat st;

	*met = (struct box_object){ 0 };
	if (fd < 0 && (errno == ENOENT || errno == EACCES || errno == ENOTDIR))
		return 0; /* what is not there, or not for this user, needs no rule */
	if (fd < 0 && errno == ELOOP && b->objects != NULL)
		return 0; /* the workload's doing */
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(e, errno, "%s: %m", p->path);
	*met = (struct box_object){ st.st_dev, st.st_ino };
	if (b->objects != NULL && !is_as_it_was(b, i, &st)) {
		tell_left_out(b, p->path);
		return 0;
	}
	/* Rights over entries make no sense for a file; the kernel refuses them. */
	if (!S_ISDIR(st.st_mode))
		rights &= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
			  LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
			  LANDLOCK_ACCESS_FS_IOCTL_DEV;
	if (rights == 0)
		return 0;

	int r = sys_landlock_add_path(rules, fd, rights & b->plan->landlock_fs);

	return r < 0 ? fail(e, -r, "%s: %m", p->path) : 0;
}

int step_landlock_enter(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;
	OWN_FD rules = sys_landlock_create(p->landlock_fs, p->landlock_net, p->landlock_scoped);
	struct box_object *met = arena_array(b->arena, p->npaths, sizeof *met);

	if (rules < 0)
		return fail(e, -rules, "ruleset: %m");
	for (size_t i = 0; i < p->npaths; i++)
		TRY(add_rule(b, rules, i, &met[i], e));
	b->met = met;

	int r = sys_landlock_restrict_self(rules, 0);

	return r < 0 ? fail(e, -r, "%m") : 0;
}

/* Whoever reads it knows that the container is what it is to be: its root is its own, and what is above has happened. */
int step_state_ready(struct box *b, struct err *e)
{
	const size_t n = b->met != NULL ? b->plan->npaths : 0, bytes = n * sizeof *b->met;
	struct record_objects *o = arena_alloc(b->arena, sizeof *o + bytes);

	*o = (struct record_objects){ .magic = RECORD_OBJECTS, .n = n };
	if (n != 0)
		memcpy(o->at, b->met, bytes);
	if (write(b->objects_file, o, sizeof *o + bytes) != (ssize_t)(sizeof *o + bytes))
		return fail(e, errno, "write down what the rules are about: %m");
	fd_close(&b->objects_file);
	return 0;
}
