#include "cli/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/given.h"
#include "box/ids.h"
#include "cli/compiled.h"
#include "cli/direct.h"
#include "cli/network_options.h"
#include "cli/nodes.h"
#include "cli/warn.h"
#include "kern/probe.h"
#include "kern/uapi.h"

enum { CONFIG_BYTES_MAX = 4 << 20 }; /* engines write some 20 KiB */

static void replace_command(struct arena *a, struct spec *s, const struct run_request *r)
{
	if (r->argc == 0)
		return;
	s->process.args = (struct strings){ 0 };
	for (int i = 0; i < r->argc; i++)
		*LIST_ADD(a, &s->process.args) = r->argv[i];
}

static void add_env(struct arena *a, struct spec *s, const struct pair *p)
{
	*LIST_ADD(a, &s->process.env) = arena_printf(a, "%s=%s", p->key, p->value);
}

static int bundle_user(const struct run_options *o, struct spec *s, struct err *e)
{
	if (!o->user.set)
		return 0;
	if (o->user.user != NULL || o->user.group != NULL) {
		fail(e, EINVAL, "--user %s: names are not looked up in a bundle",
		     o->user.user != NULL ? o->user.user : o->user.group);
		return advise(e, "use numbers: --user UID:GID");
	}
	s->process.uid = o->user.uid;
	if (o->user.has_gid)
		s->process.gid = o->user.gid;
	return 0;
}

/* Relative paths of a bundle start at the bundle; init, which may have to open them, has another current folder. */
static const char *inside_bundle(struct arena *a, const char *bundle, const char *path)
{
	return path == NULL || path[0] == '/' ? path : arena_printf(a, "%s/%s", bundle, path);
}

static bool is_bind(const struct spec_mount *m)
{
	bool bind = m->type != NULL && strcmp(m->type, "bind") == 0;

	for (size_t i = 0; i < m->options.n; i++)
		bind |= strcmp(m->options.at[i], "bind") == 0 ||
			strcmp(m->options.at[i], "rbind") == 0;
	return bind;
}

static int resolve_paths(struct arena *a, const char *bundle, struct prepared *p, struct err *e)
{
	struct spec *s = &p->spec;
	char absolute[PATH_MAX];

	if (realpath(bundle, absolute) == NULL)
		return fail(e, errno, "bundle %s: %m", bundle);
	p->bundle = arena_strdup(a, absolute);
	s->root.path = inside_bundle(a, absolute, s->root.path);
	for (size_t i = 0; i < s->mounts.n; i++)
		if (is_bind(&s->mounts.at[i]))
			s->mounts.at[i].source = inside_bundle(a, absolute, s->mounts.at[i].source);
	return 0;
}

static int load_bundle(struct cli *c, const struct run_options *o, const struct run_request *r,
		       struct prepared *p, struct err *e)
{
	char *text;
	size_t len;

	OWN_FD bundle = path_open(r->bundle, O_PATH | O_DIRECTORY);

	if (bundle < 0)
		return fail(e, errno, "bundle %s: %m", r->bundle);
	if (file_read(bundle, "config.json", CONFIG_BYTES_MAX, c->arena, &text, &len, e) < 0)
		return within(e, "bundle %s", r->bundle);
	TRY(spec_load(c->arena, "config.json", text, len, &p->spec, e));
	if (p->spec.root.path == NULL)
		return fail(e, EINVAL, "config.json: root.path: missing");
	if (p->spec.process.apparmor != NULL)
		p->host.apparmor = probe_apparmor();
	if (p->spec.process.selinux != NULL || p->spec.linux_.mount_label != NULL)
		p->host.selinux = probe_selinux();
	TRY(resolve_paths(c->arena, r->bundle, p, e));
	replace_command(c->arena, &p->spec, r);
	for (size_t i = 0; i < o->env.n; i++)
		add_env(c->arena, &p->spec, &o->env.at[i]);
	if (o->cwd != NULL)
		p->spec.process.cwd = o->cwd;
	if (o->hostname != NULL)
		p->spec.hostname = o->hostname;
	return bundle_user(o, &p->spec, e);
}

static void paths_as_words(struct arena *a, const struct strings *paths, const char *option,
			   struct words *out)
{
	for (size_t i = 0; i < paths->n; i++)
		*LIST_ADD(a, out) = (struct word){ paths->at[i], { .file = option } };
}

static struct amount said(struct amount a, const char *option)
{
	a.from.file = option;
	return a;
}

static bool wants_terminal(const struct run_options *o, const struct prepared *p)
{
	if (o->tty.set)
		return o->tty.value != 0;
	if (o->detach && !p->request.create && o->console_socket == NULL)
		return false;
	return p->request.direct != NULL ? isatty(0) && isatty(1) : p->spec.process.terminal;
}

static void terminal_size(struct prepared *p)
{
	struct winsize size;

	if (p->spec.process.console_height.set || ioctl(0, TIOCGWINSZ, &size) < 0)
		return;
	p->spec.process.console_height = (struct amount){ true, size.ws_row, { 0 } };
	p->spec.process.console_width = (struct amount){ true, size.ws_col, { 0 } };
}

/* The whole disk that holds a path: limits are the disk's, not the partition's. {0, 0} when there is none. */
static struct plan_disk disk_of(const char *path)
{
	char name[96], text[32];
	struct stat st;
	unsigned major_no, minor_no;

	if (stat(path, &st) < 0 || major(st.st_dev) == 0)
		return (struct plan_disk){ 0 };

	struct plan_disk disk = { major(st.st_dev), minor(st.st_dev) };

	snprintf(name, sizeof name, "/sys/dev/block/%u:%u/../dev", disk.major, disk.minor);

	OWN_FD fd = path_open(name, O_RDONLY); /* there only if that was a partition */
	ssize_t n = fd >= 0 ? fd_read_all(fd, text, sizeof text - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%u:%u", &major_no, &minor_no) == 2)
		disk = (struct plan_disk){ major_no, minor_no };
	return disk;
}

/* Where a path of the container lies on the host. */
static const char *on_host(struct arena *a, const struct prepared *p, const char *path)
{
	if (p->request.direct != NULL && p->view.work != NULL && strncmp(path, "/work", 5) == 0 &&
	    (path[5] == '/' || path[5] == '\0'))
		return arena_printf(a, "%s%s", p->view.work, path + 5);
	if (p->request.direct == NULL)
		return arena_printf(a, "%s%s", p->spec.root.path, path);
	return path;
}

static void find_disks(struct arena *a, struct prepared *p)
{
	const struct io_rules *rules = &p->profile.resources.io;
	struct plan_disk *disks = arena_array(a, rules->n, sizeof *disks);

	for (size_t i = 0; i < rules->n; i++)
		disks[i] = disk_of(on_host(a, p, rules->at[i].path));
	p->request.disks = disks;
	p->request.ndisks = rules->n;
}

static int find_ranges(struct arena *a, struct prepared *p, struct err *e)
{
	if (p->request.direct != NULL)
		return 0;
	if (p->host.privileged && !p->host.initial_userns)
		return given_own_ids(a, &p->request.own_uids, &p->request.own_gids, e);
	if (p->host.privileged || !p->host.has_newuidmap)
		return 0;
	return ids_ranges(a, p->host.uid, &p->request.uid_ranges, &p->request.gid_ranges, e);
}

/* One that runs has these ids already, and the processes that the paths lead by may have gone. */
static int find_living_ids(struct arena *a, struct prepared *p, pid_t init, struct err *e)
{
	struct plan_request *q = &p->request;

	q->processes_apart = true;
	TRY(given_ids_of(a, init, &q->given_uids, &q->given_gids, e));
	q->owner_uids = q->given_uids;
	return 0;
}

static int find_ids_of(struct cli *c, struct prepared *p, const struct spec_namespace *ns,
		       struct err *e)
{
	struct plan_request *q = &p->request;
	const bool user = strcmp(ns->type, "user") == 0;
	struct arena *a = c->arena;

	if (ns->path == NULL || ns->path[0] != '/' || !p->host.privileged ||
	    (!user && strcmp(ns->type, "pid") != 0))
		return 0;
	if (c->living > 0)
		return find_living_ids(a, p, c->living, e);
	if (user)
		return given_read_ids(a, ns->path, &q->given_uids, &q->given_gids, e);

	struct given_processes found = { 0 };

	TRY(given_look_at_processes(a, ns->path, &found, e));
	q->owner_uids = found.owner_uids;
	q->processes_inode = found.inode;
	/* Of one that another made, who is root of the machine knows nothing. */
	q->processes_apart = !found.here &&
			     (!p->host.initial_userns || plan_ids_are_ours(&found.owner_uids));
	return 0;
}

/* Of a user namespace by path the plan has to know the ids, and of a pid namespace whose it is. */
static int find_given_ids(struct cli *c, struct prepared *p, struct err *e)
{
	const struct spec_namespaces *list = &p->spec.linux_.namespaces;

	for (size_t i = 0; i < list->n; i++)
		if (find_ids_of(c, p, &list->at[i], e) < 0)
			return within(e, "%s: linux.namespaces[%zu].path", p->spec.file, i);
	return 0;
}

static bool managed_by(const struct cli *c, enum cgroup_manager who)
{
	const struct amount *said_so = &c->globals.cgroup_manager;

	return (said_so->set && said_so->value == who) ||
	       (who == MANAGER_SYSTEMD && c->globals.systemd_cgroup);
}

static void make_request(struct cli *c, const struct run_options *o, const struct run_request *r,
			 struct prepared *p)
{
	struct plan_request *q = &p->request;

	q->id = r->id;
	q->verbose = c->globals.verbose;
	q->events = o->events.set;
	q->direct = r->bundle == NULL ? &p->view : NULL;
	q->create = p->create;
	q->hooks = p->create || c->globals.hooks;
	q->terminal = wants_terminal(o, p);
	q->detach = o->detach || q->create;
	/* Who gets a label loses the signal that ends a container with its launcher. The reaping first process keeps both. */
	q->init = o->init.set
			  ? o->init.value != 0
			  : q->direct != NULL || (!q->detach && plan_relabels(&p->spec, &p->host));
	q->timeout_ms = o->timeout.set ? o->timeout.value : 0;
	q->systemd_cgroup = managed_by(c, MANAGER_SYSTEMD);
	q->no_cgroup = managed_by(c, MANAGER_DISABLED);
	for (size_t i = 0; i < p->view.nshared; i++) {
		struct words *list = p->view.shared[i].write ? &q->write : &q->read;

		*LIST_ADD(c->arena, list) = (struct word){
			p->view.shared[i].path,
			{ .file = p->view.shared[i].write ? "--write" : "--read" }
		};
	}
	paths_as_words(c->arena, &o->hide, "--hide", &q->hide);
	paths_as_words(c->arena, &o->devices, "--device", &q->devices);
	nodes_find(c, p);
	q->memory = said(o->memory, "--memory");
	q->swap = said(o->swap, "--swap");
	q->cpus = said(o->cpus, "--cpus");
	q->pids = said(o->pids, "--pids-limit");
	if (q->terminal && !q->create)
		terminal_size(p);
	p->spec.process.terminal = q->terminal;
}

/* Who wants no private network pays for no look. */
static void find_way_out(struct prepared *p)
{
	if (plan_network_mode(&p->request, &p->profile) == NETWORK_PRIVATE)
		probe_network(&p->host);
}

/* What the caller says of itself must be so. */
static int check_globals(const struct cli *c, const struct host *h, struct err *e)
{
	const struct amount *rootless = &c->globals.rootless;

	if (rootless->set && rootless->value == ROOTLESS_TRUE && h->privileged)
		return fail(e, EPERM, "--rootless true: the caller is privileged here");
	if (rootless->set && rootless->value == ROOTLESS_FALSE && !h->privileged)
		return fail(e, EPERM, "--rootless false: the caller lacks CAP_SYS_ADMIN here");
	if (c->globals.systemd_cgroup && c->globals.cgroup_manager.set &&
	    c->globals.cgroup_manager.value != MANAGER_SYSTEMD) {
		fail(e, EINVAL,
		     "--systemd-cgroup and --cgroup-manager name two makers of the group");
		return advise(e, "leave one of them out");
	}
	return 0;
}

static int check_options(const struct cli *c, const struct run_options *o, struct err *e)
{
	const char *host = o->hostname;

	if (o->compiled != NULL && c->globals.profile != NULL) {
		fail(e, EINVAL, "--profile %.80s and --compiled %.80s both name a profile",
		     c->globals.profile, o->compiled);
		return advise(e, "leave one of them out");
	}

	if (o->cwd != NULL && o->cwd[0] != '/')
		return fail(e, EINVAL, "--cwd %s: not an absolute path of the container", o->cwd);
	if (host == NULL)
		return 0;
	if (host[0] == '\0' || strlen(host) > UAPI_HOST_NAME_MAX)
		return fail(e, EINVAL, "--hostname: 1 to %d letters, digits, - and dots",
			    UAPI_HOST_NAME_MAX);
	for (const char *s = host; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '/')
			return fail(e, EINVAL, "--hostname %s: a host name has no such character",
				    host);
	return 0;
}

/* The profile that the command line, the bundle or the host names. */
static int find_profile(struct cli *c, const struct run_options *o, struct prepared *p,
			struct err *e)
{
	const char *option = o->compiled != NULL ? o->compiled : c->globals.profile;
	struct choice *choice = &p->choice;

	TRY(config_read(c, &p->host, &p->config, e));
	TRY(choice_of_profile(c->arena, option, &p->spec, &p->config, choice, e));
	if (o->compiled != NULL)
		choice->from.file = "--compiled";
	if (c->chosen != NULL)
		*choice = *c->chosen;
	p->request.chosen = choice->from;
	p->request.floor = p->config.floor;
	if (c->profile != NULL)
		return sources_profile(c->arena, c->profile, &p->profile, e);
	if (o->compiled != NULL)
		return compiled_load(c, o->compiled, c->globals.verbose, o->events.set, &p->profile,
				     &p->compiled, e);
	return config_profile(c, &p->host, choice, &p->sources, &p->profile, e);
}

static int make_ready(struct cli *c, const struct run_options *o, const struct run_request *asked,
		      struct prepared *p, struct err *e)
{
	const struct run_request r = *asked;

	TRY(probe_host(&p->host, e));
	TRY(check_globals(c, &p->host, e));
	TRY(check_options(c, o, e));
	if (managed_by(c, MANAGER_DISABLED))
		p->host.cgroup = (struct host_cgroup){ 0 };
	if (managed_by(c, MANAGER_SYSTEMD) && !p->host.privileged)
		probe_user_manager(p->host.uid, &p->host.cgroup);
	if (r.bundle != NULL)
		TRY(load_bundle(c, o, &r, p, e));
	else
		TRY(direct_make(c->arena, o, &r, &p->host, &p->spec, &p->view, e));
	for (size_t i = 0; i < o->annotations.n; i++)
		*LIST_ADD(c->arena, &p->spec.annotations) = o->annotations.at[i];
	TRY(find_profile(c, o, p, e));
	make_request(c, o, &r, p);
	TRY(network_options(c->arena, o, &p->request, e));
	find_disks(c->arena, p);
	find_way_out(p);
	if (p->profile.requirements.user_namespace == NEED_PREFERRED && r.bundle == NULL)
		probe_bare(&p->host);
	TRY(find_ranges(c->arena, p, e));
	TRY(find_given_ids(c, p, e));
	TRY(plan_make(c->arena, &p->request, &p->spec, &p->profile, &p->host, &p->plan, e));
	if (o->compiled != NULL && p->plan.bare) {
		fail(e, EPERM,
		     "--compiled %s: without namespaces, which nobody can make here, other rules hold than "
		     "those that were compiled",
		     o->compiled);
		return advise(e, "name the profile instead: --profile");
	}
	return o->compiled != NULL ? compiled_adopt(o->compiled, &p->compiled, &p->plan, e) : 0;
}

int prepare(struct cli *c, const struct run_options *o, int argc, char **argv, struct prepared *p,
	    struct err *e)
{
	struct run_request r;

	*p = (struct prepared){ 0 };
	TRY(run_request(o, argc, argv, run_path_kind, &r, e));
	return make_ready(c, o, &r, p, e);
}

int prepare_create(struct cli *c, const struct run_options *o, const char *id, struct prepared *p,
		   struct err *e)
{
	const struct run_request r = { .id = id, .bundle = o->bundle != NULL ? o->bundle : "." };

	*p = (struct prepared){ .create = true };
	TRY(run_id_check(id, e));
	return make_ready(c, o, &r, p, e);
}

int prepare_permitted(struct cli *c, const struct prepared *p, struct err *e)
{
	TRY(config_check_floor(c, &p->host, &p->config, &p->profile, &p->request, e));
	return warn_refuse(c, &p->config, &p->plan, p->spec.file, e);
}
