#include "cli/exec_options.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/attach.h"
#include "policy/describe.h"
#include "table/table.h"

#define AT(member) .offset = offsetof(struct exec_options, member)

const struct option_row exec_option_rows[] = {
	{ "process", 'p', OPTION_STRING, "FILE",
	  "take command, user, environment and the like from FILE, as config.json has them under process",
	  AT(process) },
	{ "tty", 't', OPTION_SET, NULL, "give it a terminal of its own", AT(tty), .value = 1 },
	{ "user", 'u', OPTION_PARSED, "UID[:GID]", "run as this user of the container", AT(user),
	  .parse = run_user_parse },
	{ "additional-gids", 'g', OPTION_STRINGS, "GID", "another group that it is in",
	  AT(groups) },
	{ "cwd", 0, OPTION_STRING, "DIR", "start in DIR of the container", AT(cwd) },
	{ "env", 'e', OPTION_PAIRS, "NAME=VALUE", "set an environment variable", AT(env) },
	{ "detach", 'd', OPTION_FLAG, NULL, "leave it running in the background", AT(detach) },
	{ "pid-file", 0, OPTION_STRING, "FILE", "write its process id to FILE", AT(pid_file) },
	{ "console-socket", 0, OPTION_STRING, "PATH",
	  "send its terminal over the unix socket at PATH", AT(console_socket) },
	{ "pidfd-socket", 0, OPTION_STRING, "PATH",
	  "send a descriptor of the process over the unix socket at PATH", AT(pidfd_socket) },
	{ "preserve-fds", 0, OPTION_U64, "NUMBER",
	  "keep so many descriptors open for it, from 3 on", AT(preserve) },
	{ "cap", 'c', OPTION_STRINGS, "CAPABILITY",
	  "a capability that it is to have: one that the container has", AT(capabilities) },
	{ "ignore-paused", 0, OPTION_FLAG, NULL,
	  "join a paused container, and begin when it goes on", AT(ignore_paused) },
	{ "no-new-privs", 0, OPTION_FLAG, NULL, "changes nothing: it is always so",
	  AT(no_new_privs) },
	{ 0 },
};

int exec_options_check(const struct exec_options *o, int argc, char **argv, struct err *e)
{
	if (o->process == NULL && argc == 0) {
		fail(e, EINVAL, "no command to run");
		return advise(e, "zviz exec ID CMD [ARG...], or --process FILE");
	}
	if (o->process != NULL && argc != 0)
		return fail(e, EINVAL, "--process %s and '%.80s' both name a command", o->process,
			    argv[0]);
	if (o->user.set && (o->user.user != NULL || o->user.group != NULL)) {
		fail(e, EINVAL, "--user %s: names are not looked up in a container that runs",
		     o->user.user != NULL ? o->user.user : o->user.group);
		return advise(e, "use numbers: --user UID:GID");
	}
	if (o->cwd != NULL && o->cwd[0] != '/')
		return fail(e, EINVAL, "--cwd %s: not an absolute path of the container", o->cwd);
	return attach_check_preserved(o->preserve.value, e);
}

/* ---- the process ---- */

static void set_env(struct arena *a, struct strings *env, const struct pair *p)
{
	const char *line = arena_printf(a, "%s=%s", p->key, p->value);
	size_t len = strlen(p->key) + 1;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->at[i], line, len) == 0) {
			env->at[i] = line;
			return;
		}
	*LIST_ADD(a, env) = line;
}

/* Lists of a spec are grown in place: this one is the container's as well. */
static struct strings copy_of(struct arena *a, const struct strings *list)
{
	struct strings out = { 0 };

	for (size_t i = 0; i < list->n; i++)
		*LIST_ADD(a, &out) = list->at[i];
	return out;
}

static void terminal_size(struct spec *s)
{
	struct winsize size;

	if (s->process.console_height.set || ioctl(0, TIOCGWINSZ, &size) < 0)
		return;
	s->process.console_height = (struct amount){ true, size.ws_row, { 0 } };
	s->process.console_width = (struct amount){ true, size.ws_col, { 0 } };
}

/* It brings all of its own; where it says nothing of limits, or of how soon it is ended, the container's hold. */
static void replace_process(struct spec *s, const struct spec *process)
{
	const struct spec was = *s;

	s->file = process->file;
	s->process = process->process;
	if (s->process.rlimits.n == 0)
		s->process.rlimits = was.process.rlimits;
	if (!s->process.oom_score_adj.set)
		s->process.oom_score_adj = was.process.oom_score_adj;
}

static void add_to(struct arena *a, const struct strings *words, struct strings *list)
{
	*list = copy_of(a, list);
	for (size_t i = 0; i < words->n; i++)
		*LIST_ADD(a, list) = words->at[i];
}

/* As runc does: into all sets, so that whoever is not root has them as well. */
static void add_capabilities(struct arena *a, const struct exec_options *o, struct spec *s)
{
	add_to(a, &o->capabilities, &s->process.cap_effective);
	add_to(a, &o->capabilities, &s->process.cap_ambient);
}

static void make_spec(struct arena *a, const struct exec_options *o, const struct spec *process,
		      int argc, char **argv, struct spec *s)
{
	bool terminal = o->tty.set || (process != NULL && process->process.terminal);

	if (process != NULL)
		replace_process(s, process);
	add_capabilities(a, o, s);
	s->process.env = copy_of(a, &s->process.env);
	for (size_t i = 0; i < o->env.n; i++)
		set_env(a, &s->process.env, &o->env.at[i]);
	if (argc != 0)
		s->process.args = (struct strings){ 0 };
	for (int i = 0; i < argc; i++)
		*LIST_ADD(a, &s->process.args) = argv[i];
	if (o->cwd != NULL)
		s->process.cwd = o->cwd;
	s->process.terminal = terminal;
	if (terminal)
		terminal_size(s);
}

static int check_capabilities(const struct exec_options *o, const struct plan *p, struct err *e)
{
	for (size_t i = 0; i < o->capabilities.n; i++) {
		const char *word = o->capabilities.at[i];
		const struct name *n = name_find(capability_names, word);

		if (n == NULL)
			return fail(e, EINVAL, "--cap: no capability '%.80s'", word);
		if (p->keep_capabilities & (UINT64_C(1) << n->value))
			continue;
		fail(e, EPERM, "--cap %s: the container does not have it", word);
		return advise(
			e,
			"it has those of its profile's capabilities.keep (%s) that its bundle asks for",
			p->profile);
	}
	return 0;
}

/* ---- who it is ---- */

static bool maps(const struct id_maps *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->n; i++)
		if (id >= maps->at[i].inside && id - maps->at[i].inside < maps->at[i].count)
			return true;
	return false;
}

static int add_groups(struct arena *a, const struct exec_options *o, struct plan *p, struct err *e)
{
	uint32_t *all = arena_array(a, p->ngroups + o->groups.n, sizeof *all);

	if (o->groups.n == 0)
		return 0;
	if (!p->may_set_groups)
		return fail(e, EPERM, "--additional-gids: the container has one group alone");
	if (p->ngroups != 0)
		memcpy(all, p->groups, p->ngroups * sizeof *all);
	for (size_t i = 0; i < o->groups.n; i++)
		if (num_id(o->groups.at[i], &all[p->ngroups++]) < 0)
			return fail(e, EINVAL, "--additional-gids: '%.80s' is no group",
				    o->groups.at[i]);
	p->groups = all;
	return 0;
}

static int check_mapped(const struct plan *p, struct err *e)
{
	bool all = maps(&p->uid_maps, p->uid) && maps(&p->gid_maps, p->gid);

	for (size_t i = 0; i < p->ngroups; i++)
		all &= maps(&p->gid_maps, p->groups[i]);
	return all ? 0
		   : fail(e, EINVAL,
			  "user %u:%u, or one of its groups, is not among the container's ids",
			  p->uid, p->gid);
}

/* Why the broker performs calls, as words of a hint. */
static const char *performs_for(struct arena *a, const struct profile *p)
{
	const struct word *pattern = profile_pattern(p);
	char place[256];

	if (pattern == NULL && p->ask.connect.n == 0)
		return "audit, --verbose or --events";
	describe_rule(place, sizeof place,
		      pattern != NULL ? &pattern->from : &p->ask.connect.at[0].from);
	return arena_printf(a, "%s (%s)",
			    pattern != NULL ? pattern->text : p->ask.connect.at[0].text, place);
}

/* The broker performs calls as the user that the container was started with. Another one would get what is that user's. */
static int check_broker(struct arena *a, const struct plan *was, const struct plan *p,
			struct err *e)
{
	const struct broker_plan *b = &p->broker;
	bool same = was->uid == p->uid && was->gid == p->gid && was->ngroups == p->ngroups &&
		    (p->ngroups == 0 ||
		     memcmp(was->groups, p->groups, p->ngroups * sizeof *p->groups) == 0);

	if (same || !b->used || !(b->opens || b->names || b->addresses))
		return 0;
	fail(e, EPERM,
	     "user %u:%u: the broker of this container performs calls as %u:%u, for everybody",
	     p->uid, p->gid, was->uid, was->gid);
	return advise(
		e,
		"leave user and groups out, or start a container as %u:%u (zviz run --user), or one without %s",
		p->uid, p->gid, performs_for(a, p->policy));
}

static int choose_user(struct arena *a, const struct exec_options *o, const struct spec *process,
		       struct plan *p, struct err *e)
{
	const struct plan was = *p;

	if (process != NULL) {
		p->uid = process->process.uid;
		p->gid = process->process.gid;
		p->ngroups = p->may_set_groups ? process->process.ngids : 0;
		p->groups = process->process.gids;
	}
	if (o->user.set) {
		p->uid = o->user.uid;
		p->gid = o->user.has_gid ? o->user.gid : p->gid;
		p->ngroups = 0;
	}
	TRY(add_groups(a, o, p, e));
	TRY(check_mapped(p, e));
	return check_broker(a, &was, p, e);
}

int exec_plan(struct arena *a, const struct exec_options *o, const struct spec *process, int argc,
	      char **argv, const struct prepared *container, struct plan *out, struct err *e)
{
	struct spec *s = arena_alloc(a, sizeof *s);
	struct plan_request r = container->request;
	struct plan own;

	*s = container->spec;
	*out = container->plan;
	make_spec(a, o, process, argc, argv, s);
	TRY(check_capabilities(o, out, e));
	TRY(choose_user(a, o, process, out, e));
	/* Of one who is not root what is ambient counts, whoever the container's first process is (plan_process.c). */
	if (out->uid != 0)
		s->process.cap_effective = s->process.cap_ambient;
	/* Who it is was decided above: what the container has mapped is not a question of the spec any more. */
	s->process.uid = container->spec.process.uid;
	s->process.gid = container->spec.process.gid;
	s->process.ngids = 0;
	r.terminal = s->process.terminal;
	TRY(plan_make(a, &r, s, &container->profile, &container->host, &own, e));
	out->keep_capabilities &=
		own.keep_capabilities; /* fewer than the container's, never more */
	out->cwd = own.cwd;
	out->nargs = own.nargs;
	out->args = own.args;
	out->nenv = own.nenv;
	out->env = own.env;
	out->nrlimits = own.nrlimits;
	out->rlimits = own.rlimits;
	out->terminal = own.terminal;
	out->rows = own.rows;
	out->columns = own.columns;
	out->has_umask = own.has_umask;
	out->umask = own.umask;
	out->has_oom_score_adj = own.has_oom_score_adj;
	out->oom_score_adj = own.oom_score_adj;
	out->schedule = own.schedule;
	out->init = out->create = false;
	out->timeout_ms = 0;
	out->detach = o->detach;
	return 0;
}
