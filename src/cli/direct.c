#include "cli/direct.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kern/uapi.h"

static const char home[] = "/home/user";

/* What of the caller's environment is about the person and the terminal. Everything else stays outside: tokens
 * live in environments. */
static const char *const passed_env[] = { "COLORTERM",  "COLUMNS",    "LANG",     "LANGUAGE",
					  "LINES",      "NO_COLOR",   "TERM",     "TZ",
					  "LC_ALL",     "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES",
					  "LC_NUMERIC", "LC_TIME" };

static const char *real_path(struct arena *a, const char *path, const char *option, struct err *e)
{
	char resolved[PATH_MAX];

	if (realpath(path, resolved) == NULL) {
		fail(e, errno, "%s %s: %m", option, path);
		return NULL;
	}
	return arena_strdup(a, resolved);
}

static bool at_or_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strcmp(folder, "/") == 0 ||
	       (strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* Nobody means to hand over a home folder: keys and tokens lie there. */
static int check_work(const char *work, struct err *e)
{
	const char *own = getenv("HOME");

	if (strcmp(work, "/") != 0 && (own == NULL || own[0] != '/' || !at_or_below(own, work)))
		return 0;
	fail(e, EPERM, "the current folder %s would be shown as /work, with every secret in it",
	     work);
	return advise(e, "change to a project's folder, or insist with --work %s", work);
}

static int find_work(struct arena *a, const struct run_options *o, struct direct_view *v,
		     struct err *e)
{
	struct stat st;

	v->work = real_path(a, o->work != NULL ? o->work : ".", "--work", e);
	if (v->work == NULL)
		return -e->no;
	if (o->work == NULL)
		TRY(check_work(v->work, e));
	if (stat(v->work, &st) < 0 || !S_ISDIR(st.st_mode))
		return fail(e, ENOTDIR, "--work %s: not a folder", v->work);
	v->work_uid = st.st_uid;
	v->work_gid = st.st_gid;
	return 0;
}

static int add_shares(struct arena *a, const struct strings *list, bool write,
		      struct direct_share *to, size_t *n, struct err *e)
{
	struct stat st;

	for (size_t i = 0; i < list->n; i++) {
		const char *path = real_path(a, list->at[i], write ? "--write" : "--read", e);

		if (path == NULL)
			return -e->no;
		if (stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) {
			fail(e, EINVAL, "%s %s: a device", write ? "--write" : "--read", path);
			return advise(e, "--device %s", list->at[i]);
		}
		if (strcmp(path, "/") == 0)
			return fail(e, EINVAL, "%s /: the whole machine cannot be shown",
				    write ? "--write" : "--read");
		to[(*n)++] = (struct direct_share){ path, write };
	}
	return 0;
}

static int find_shares(struct arena *a, const struct run_options *o, struct direct_view *v,
		       struct err *e)
{
	struct direct_share *shares = arena_array(a, o->read.n + o->write.n, sizeof *shares);

	v->shared = shares;
	TRY(add_shares(a, &o->read, false, shares, &v->nshared, e));
	return add_shares(a, &o->write, true, shares, &v->nshared, e);
}

static void add_env(struct arena *a, struct spec *s, const char *name, const char *value)
{
	const char *line = arena_printf(a, "%s=%s", name, value);
	size_t len = strlen(name) + 1;

	for (size_t i = 0; i < s->process.env.n; i++)
		if (strncmp(s->process.env.at[i], line, len) == 0) {
			s->process.env.at[i] = line;
			return;
		}
	*LIST_ADD(a, &s->process.env) = line;
}

static void make_env(struct arena *a, const struct run_options *o, const struct direct_view *v,
		     struct spec *s)
{
	add_env(a, s, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add_env(a, s, "HOME", v->home);
	add_env(a, s, "USER", v->user);
	add_env(a, s, "LOGNAME", v->user);
	add_env(a, s, "SHELL", "/bin/sh");
	add_env(a, s, "LANG", "C.UTF-8");
	for (size_t i = 0; i < COUNT(passed_env); i++) {
		const char *value = getenv(passed_env[i]);

		if (value != NULL)
			add_env(a, s, passed_env[i], value);
	}
	for (size_t i = 0; i < o->env.n; i++)
		add_env(a, s, o->env.at[i].key, o->env.at[i].value);
}

/* Whoever owns the work folder: its files then look the same inside, and what is made there is theirs. */
static void choose_user(const struct run_options *o, const struct host *h, struct direct_view *v,
			struct spec *s)
{
	s->process.uid = h->privileged ? v->work_uid : h->uid;
	s->process.gid = h->privileged ? v->work_gid : h->gid;
	if (o->user.set) {
		s->process.uid = o->user.uid;
		s->process.gid = o->user.has_gid ? o->user.gid : s->process.gid;
	}
	v->user = s->process.uid == 0 ? "root" : "user";
	v->home = home;
}

int direct_make(struct arena *a, const struct run_options *o, const struct run_request *r,
		const struct host *h, struct spec *s, struct direct_view *v, struct err *e)
{
	*s = (struct spec){ .file = "the command line", .oci_version = "1.2.0" };
	*v = (struct direct_view){ 0 };
	TRY(find_work(a, o, v, e));
	TRY(find_shares(a, o, v, e));
	if (o->rootfs != NULL && (v->rootfs = real_path(a, o->rootfs, "--rootfs", e)) == NULL)
		return -e->no;
	if (o->user.set && (o->user.user != NULL || o->user.group != NULL)) {
		fail(e, EINVAL, "--user %s: without a bundle there are no names to look up",
		     o->user.user != NULL ? o->user.user : o->user.group);
		return advise(e, "use numbers: --user UID:GID");
	}
	choose_user(o, h, v, s);
	make_env(a, o, v, s);
	s->process.set = true;
	s->process.cwd = o->cwd != NULL ? o->cwd : "/work";
	for (int i = 0; i < r->argc; i++)
		*LIST_ADD(a, &s->process.args) = r->argv[i];
	s->hostname = o->hostname != NULL ? o->hostname
					  : arena_strndup(a, r->id, UAPI_HOST_NAME_MAX);
	return 0;
}
