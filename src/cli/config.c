#include "cli/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "policy/describe.h"
#include "policy/floor.h"

enum {
	CONFIG_BYTES_MAX = 64 * 1024,
	FROM_ROOM = 256,
	NOBODY = 65534, /* as an owner is seen who has no number in this user namespace */
};

/* ---- files that are nobody else's ---- */

/* Inside a user namespace the machine's root is nobody, and whoever else is outside has no more to say here than it. */
static bool is_ours(const struct host *h, const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid() ||
	       (!h->initial_userns && st->st_uid == NOBODY);
}

static int check_owner(const struct host *h, const char *path, const struct stat *st, struct err *e)
{
	const bool folder = S_ISDIR(st->st_mode);

	if (!is_ours(h, st)) {
		fail(e, EPERM, "%s: it belongs to uid %u, who could change what is permitted here",
		     path, st->st_uid);
		return advise(e, "chown root:root %s", path);
	}
	/* In a folder such as /tmp nobody can take the place of a file that is another's. */
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) == 0 || (folder && (st->st_mode & S_ISVTX)))
		return 0;
	fail(e, EPERM, "%s: others than its owner may write to it (mode %04o)", path,
	     (unsigned)st->st_mode & 07777);
	return advise(e, "chmod go-w %s", path);
}

static int refuse_link(const char *path, const char *instead, struct err *e)
{
	fail(e, ELOOP, "%s: a symbolic link: whoever owns it says where it leads", path);
	return advise(e, "%s", instead);
}

/* Where the folder itself is looked at, and not what somebody's link of its name leads to. */
static int open_folder(const char *folder, const char *path, int *out, struct err *e)
{
	struct stat st;

	*out = path_open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (*out >= 0)
		return 0;
	if (errno == ENOTDIR && fstatat(AT_FDCWD, folder, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return refuse_link(folder, "name the folder that it leads to", e);
	return fail(e, errno, "%s: %m", path);
}

static int open_own(const struct host *h, int dir, const char *name, const char *path, int *out,
		    struct stat *st, struct err *e)
{
	/* Without O_NONBLOCK a FIFO would keep us. */
	OWN_FD fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno == ELOOP)
		return refuse_link(path, "put the file itself there", e);
	if (fd < 0 || fstat(fd, st) < 0)
		return fail(e, errno, "%s: %m", path);
	if (!S_ISREG(st->st_mode))
		return fail(e, EINVAL, "%s: no regular file", path);
	TRY(check_owner(h, path, st, e));
	*out = fd_take(&fd);
	return 0;
}

/* Whoever may write to the folder could put another file into the place of this one. */
static int read_own(const struct host *h, const char *path, size_t max, struct arena *a,
		    char **text, size_t *len, struct err *e)
{
	const char *slash = strrchr(path, '/'), *end = slash;

	/* One at its end would have a link followed. */
	while (end != NULL && end > path && end[-1] == '/')
		end--;

	const char *folder = slash == NULL ? "."
			     : end == path ? "/"
					   : arena_strndup(a, path, (size_t)(end - path));
	OWN_FD dir = -1;
	OWN_FD fd = -1;
	struct stat st = { 0 }, around;

	TRY(open_folder(folder, path, &dir, e));
	if (fstat(dir, &around) < 0)
		return fail(e, errno, "%s: %m", path);
	TRY(open_own(h, dir, slash != NULL ? slash + 1 : path, path, &fd, &st, e));
	TRY(check_owner(h, folder, &around, e));
	if ((uint64_t)st.st_size > max)
		return fail(e, EFBIG, "%s: larger than %zu bytes", path, max);
	*text = arena_alloc(a, (size_t)st.st_size + 1);

	ssize_t n = fd_read_all(fd, *text, (size_t)st.st_size);

	if (n < 0)
		return fail(e, (int)-n, "%s: %m", path);
	*len = (size_t)n;
	return 0;
}

int config_read(struct cli *c, const struct host *h, struct config *out, struct err *e)
{
	const char *path = c->globals.config != NULL ? c->globals.config : config_default_file;
	char *text = NULL;
	size_t len = 0;
	struct stat st;

	*out = config_defaults();
	/* Nearly every host: one call. A link that leads nowhere is there, and refused. */
	if (c->globals.config == NULL && fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
		return 0;
	if (read_own(h, path, CONFIG_BYTES_MAX, c->arena, &text, &len, e) < 0)
		return within(e, "configuration");
	return config_load(c->arena, path, text, len, out, e);
}

/* ---- the profiles that it names ---- */

struct opener {
	const struct host *host;
	struct sources *read;
};

static int open_source(void *ctx, const char *name, struct arena *a, char **text, size_t *len,
		       struct err *e)
{
	const struct opener *o = ctx;

	TRY(read_own(o->host, name, CLI_PROFILE_BYTES_MAX, a, text, len, e));
	*LIST_ADD(a, o->read) = (struct source){ name, *text, *len, false };
	return 0;
}

static int load_own(struct cli *c, const struct host *h, const struct choice *choice,
		    struct sources *s, struct profile *out, struct err *e)
{
	struct opener o = { h, s };
	char *text = NULL;
	size_t len = 0;
	int r = open_source(&o, choice->file, c->arena, &text, &len, e);

	if (r == -ENOENT && !choice_is_file(choice->name)) {
		cli_unknown_profile(c, choice->name, e);
		return advise(e, "or make it: there is no %.160s", choice->file);
	}
	TRY(r);
	return profile_load(c->arena, choice->file, text, len, open_source, &o, out, e);
}

int config_profile(struct cli *c, const struct host *h, const struct choice *choice,
		   struct sources *s, struct profile *out, struct err *e)
{
	char who[FROM_ROOM];

	if (!choice->by_host || choice->file == NULL)
		return cli_profile_sources(c, choice->name, s, out, e);
	if (load_own(c, h, choice, s, out, e) >= 0)
		return 0;
	describe_rule(who, sizeof who, &choice->from);
	return within(e, "%s", who);
}

/* ---- the floor ---- */

/* Most often it is the very profile: then there is nothing to compare. A file may have been another when it was read first, and may
 * be called as a built-in profile is. */
static bool is_floor(const struct profile *p, const struct plan_request *r,
		     const struct profile *floor)
{
	const bool more = r != NULL && (r->network.set || r->allow.n != 0 || r->npublished != 0 ||
					r->memory.set || r->swap.set || r->cpus.set ||
					r->pids.set || r->no_cgroup);

	return !more && p->builtin && floor->builtin && strcmp(p->file, floor->file) == 0;
}

static int load_floor(struct cli *c, const struct host *h, const struct choice *choice,
		      struct profile *out, struct err *e)
{
	struct sources read = { 0 };

	return config_profile(c, h, choice, &read, out, e);
}

/* `what` is weaker: "profile p is". */
static void tell_beyond(const char *what, const struct profile *floor, const struct choice *choice,
			const struct diff_lines *beyond, struct err *e)
{
	char who[FROM_ROOM];

	describe_rule(who, sizeof who, &choice->from);
	if (beyond->n == 1)
		fail(e, EPERM, "%s weaker than the host's floor, %.64s [%s]: %.160s", what,
		     floor->name, who, beyond->at[0]);
	else
		fail(e, EPERM, "%s weaker than the host's floor, %.64s [%s]: %.160s, and %zu more",
		     what, floor->name, who, beyond->at[0], beyond->n - 1);
}

int config_check_floor(struct cli *c, const struct host *h, const struct config *config,
		       const struct profile *p, const struct plan_request *r, struct err *e)
{
	struct diff_lines beyond = { 0 };
	struct profile *floor = arena_alloc(c->arena, sizeof *floor);
	struct choice choice;

	if (!choice_of_floor(c->arena, config, &choice))
		return 0;
	TRY(load_floor(c, h, &choice, floor, e));
	if (is_floor(p, r, floor))
		return 0;
	if (floor_beyond(c->arena, h->arch, p, r, floor, &beyond, e) < 0)
		return within(e, "floor");
	if (beyond.n == 0)
		return 0;
	tell_beyond(arena_printf(c->arena, "profile %.64s is", p->name), floor, &choice, &beyond,
		    e);
	return advise(e, "`zviz diff %.64s %.64s` shows all of it; take a stricter profile",
		      p->file, floor->file);
}

/* What was permitted at the start is no matter of this change, though the floor is another one by now. */
static void leave_out(struct diff_lines *lines, const struct diff_lines *known)
{
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++) {
		bool is_known = false;

		for (size_t k = 0; k < known->n; k++)
			is_known |= strcmp(lines->at[i], known->at[k]) == 0;
		if (!is_known)
			lines->at[n++] = lines->at[i];
	}
	lines->n = n;
}

int config_check_floor_change(struct cli *c, const struct host *h, const struct config *config,
			      const struct profile *p, const struct plan_request *was,
			      const struct plan_request *is, struct err *e)
{
	struct diff_lines before = { 0 }, beyond = { 0 };
	struct profile *floor = arena_alloc(c->arena, sizeof *floor);
	struct choice choice;

	if (!choice_of_floor(c->arena, config, &choice))
		return 0;
	TRY(load_floor(c, h, &choice, floor, e));
	if (floor_beyond(c->arena, h->arch, p, was, floor, &before, e) < 0 ||
	    floor_beyond(c->arena, h->arch, p, is, floor, &beyond, e) < 0)
		return within(e, "floor");
	leave_out(&beyond, &before);
	if (beyond.n == 0)
		return 0;
	tell_beyond("the change would be", floor, &choice, &beyond, e);
	return advise(e, "leave the limit within the floor's: `zviz explain %.64s` shows them",
		      floor->file);
}

/* ---- what `zviz check` says of it ---- */

static const char *check_profile(struct cli *c, const struct host *h, const struct choice *choice,
				 struct err *e)
{
	struct sources read = { 0 };
	struct profile *p = arena_alloc(c->arena, sizeof *p);
	char who[FROM_ROOM];

	if (config_profile(c, h, choice, &read, p, e) < 0)
		return NULL;
	describe_rule(who, sizeof who, &choice->from);
	return arena_printf(c->arena, "%s [%s]", p->name, who);
}

static void add_row(struct cli *c, struct check_rows *rows, const char *feature, const char *means,
		    const struct err *e)
{
	*LIST_ADD(c->arena, rows) =
		means != NULL ? (struct check_row){ "profiles", feature, CHECK_OK, means, "" }
			      : (struct check_row){ "profiles", feature, CHECK_MISSING,
						    arena_printf(c->arena, "nothing is started: %s",
								 e->text),
						    arena_strdup(c->arena, e->hint) };
}

void config_check(struct cli *c, const struct host *h, struct check_rows *rows)
{
	const struct spec none = { .file = "" };
	struct config config;
	struct choice choice;
	struct err e = { 0 };
	char who[FROM_ROOM];

	if (config_read(c, h, &config, &e) < 0) {
		add_row(c, rows, "configuration", NULL, &e);
		return;
	}
	if (choice_of_profile(c->arena, NULL, &none, &config, &choice, &e) >= 0)
		add_row(c, rows, "default", check_profile(c, h, &choice, &e), &e);
	if (choice_of_floor(c->arena, &config, &choice))
		add_row(c, rows, "floor", check_profile(c, h, &choice, &e), &e);
	else
		add_row(c, rows, "floor", "none: any profile may be chosen", &e);
	describe_rule(who, sizeof who, &config.on_excess_from);
	add_row(c, rows, "on_excess",
		arena_printf(c->arena, "%s [%s]",
			     config.on_excess == EXCESS_REFUSE ? "refuse" : "cut", who),
		&e);
}
