/*
 * The process itself: what runs, where, with which limits; and the capability layer.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#include "policy/plan_bare.h"
#include "table/table.h"

static void add_rlimit(struct draft *d, int resource, uint64_t soft, uint64_t hard,
		       const struct from *from)
{
	for (size_t i = 0; i < d->rlimits.n; i++) {
		struct plan_rlimit *r = &d->rlimits.at[i];

		if (r->resource != resource)
			continue;
		if (hard < r->hard || soft < r->soft)
			r->from = *from;
		r->hard = hard < r->hard ? hard : r->hard; /* the stricter of two authors */
		r->soft = soft < r->soft ? soft : r->soft;
		r->soft = r->soft < r->hard ? r->soft : r->hard;
		return;
	}
	*LIST_ADD(d->a, &d->rlimits) = (struct plan_rlimit){ resource, soft, hard, *from };
}

static int plan_rlimits(struct draft *d, struct err *e)
{
	static const struct from nobody = { 0 };

	/* A core pattern that pipes runs its program on the host. */
	add_rlimit(d, RLIMIT_CORE, 0, 0, &nobody);
	/* Before every other process of the host, and not by a capability: a launcher that may raise limits would hand it on. */
	add_rlimit(d, RLIMIT_RTPRIO, 0, 0, &nobody);
	add_rlimit(d, RLIMIT_NICE, 0, 0, &nobody);
	for (size_t i = 0; i < d->s->process.rlimits.n; i++) {
		const struct spec_rlimit *r = &d->s->process.rlimits.at[i];
		const struct name *n = name_find(rlimit_names, r->type);

		if (n == NULL)
			return fail(e, EINVAL, "%s: process.rlimits[%zu].type: no such limit '%s'",
				    d->s->file, i, r->type);
		add_rlimit(d, (int)n->value, r->soft, r->hard, &r->from);
	}

	const struct amount *files = &d->p->resources.nofile;

	if (files->set)
		add_rlimit(d, RLIMIT_NOFILE, files->value, files->value, &files->from);
	return 0;
}

int plan_oom_score(const struct spec *s)
{
	const int asked = (int)s->process.oom_score_adj.value;

	return asked > OOM_SCORE_LEAST ? asked : OOM_SCORE_LEAST;
}

static int process_plan(struct draft *d, struct err *e)
{
	const struct spec *s = d->s;
	struct plan *p = d->plan;

	p->direct = d->r->direct != NULL;
	p->home = p->direct ? d->r->direct->home : NULL;
	p->cwd = s->process.cwd != NULL ? s->process.cwd : "/";
	if (p->bare)
		p->cwd = bare_path(d, p->cwd);
	p->nargs = s->process.args.n;
	p->nenv = s->process.env.n;
	/* A container may be created without a process, and then never starts. */
	if (p->nargs == 0 && (s->process.set || !d->r->create))
		return fail(e, EINVAL, "%s: process.args: no command to run", s->file);

	const char **args = arena_array(d->a, p->nargs + 1, sizeof *args);
	const char **env = arena_array(d->a, p->nenv + 1 + BARE_ENV, sizeof *env);

	if (p->nargs != 0)
		memcpy(args, s->process.args.at, p->nargs * sizeof *args);
	if (p->nenv != 0)
		memcpy(env, s->process.env.at, p->nenv * sizeof *env);
	if (p->bare)
		p->nenv = bare_env(d, env, p->nenv);
	p->args = args;
	p->env = env;
	p->terminal = (s->process.terminal || d->r->terminal) && !p->bare;
	p->rows = (uint16_t)s->process.console_height.value;
	p->columns = (uint16_t)s->process.console_width.value;
	p->init = d->r->init;
	p->detach = d->r->detach;
	p->hooked = s->hooks.prestart.n + s->hooks.create_runtime.n + s->hooks.create_container.n +
			    s->hooks.start_container.n + s->hooks.poststart.n +
			    s->hooks.poststop.n !=
		    0;
	p->create = d->r->create;
	p->timeout_ms = d->r->timeout_ms;
	p->has_umask = s->process.has_umask;
	p->umask = s->process.umask;
	p->has_oom_score_adj = s->process.oom_score_adj.set;
	p->oom_score_adj = plan_oom_score(s);
	p->hostname = s->hostname != NULL ? s->hostname : d->r->id;
	p->domainname = s->domainname;
	schedule_plan(d);
	sysctls_plan(d);
	return plan_rlimits(d, e);
}

static void process_explain(const struct plan *p, struct buf *out)
{
	buf_puts(out, "  runs:");
	for (size_t i = 0; i < p->nargs; i++)
		buf_printf(out, " %s", shown(out->arena, p->args[i]));
	buf_printf(out, "\n  in: %s%s%s\n", shown(out->arena, p->cwd),
		   p->terminal ? ", with a terminal" : "",
		   p->init ? ", below a reaping first process" : "");
	if (p->bare)
		buf_puts(out, "  host name: this machine's\n");
	else if ((p->given & CLONE_NEWUTS) && p->spec->hostname == NULL)
		buf_puts(out, "  host name: that of the uts namespace\n");
	else
		buf_printf(out, "  host name: %s%s\n", shown(out->arena, p->hostname),
			   p->given & CLONE_NEWUTS ? ", set in the uts namespace" : "");
	if (p->timeout_ms != 0)
		buf_printf(out, "  killed after %llu ms\n", (unsigned long long)p->timeout_ms);
	if (p->has_umask)
		buf_printf(out, "  umask: %04o\n", p->umask);
	if (p->has_oom_score_adj)
		buf_printf(out, "  oom_score_adj: %d\n", p->oom_score_adj);
	if (p->label != NULL)
		buf_printf(out, "  AppArmor profile: %s\n", shown(out->arena, p->label));
	if (p->selinux != NULL)
		buf_printf(out, "  SELinux label: %s\n", shown(out->arena, p->selinux));
	schedule_explain(p, out);
	for (size_t i = 0; i < p->nsysctls; i++)
		buf_printf(out, "  sysctl %s = %s\n", shown(out->arena, p->sysctls[i].key),
			   shown(out->arena, p->sysctls[i].value));
	if (p->low_port != 0)
		buf_printf(out, "  sysctl %s = %u%s\n", plan_port_key, p->low_port,
			   p->given & CLONE_NEWNET ? ", unless it is lower" : "");
	for (size_t i = 0; i < p->nrlimits; i++) {
		const struct plan_rlimit *r = &p->rlimits[i];
		const struct name *n = name_of(rlimit_names, r->resource);

		buf_printf(out, "  %s: %llu:%llu  [%s]\n", n != NULL ? n->name : "?",
			   (unsigned long long)r->soft, (unsigned long long)r->hard,
			   from_text(out->arena, &r->from));
	}
}

/* A bundle may want fewer. Docker gives one who is not root none; BuildKit, containerd and CRI-O name root's for every user, and
 * leave it to the kernel, which at execve takes from others what is not ambient (capabilities(7)). */
static uint64_t wanted_capabilities(const struct draft *d)
{
	const struct strings *list = d->s->process.uid == 0 ? &d->s->process.cap_effective
							    : &d->s->process.cap_ambient;
	uint64_t bits = 0;

	if (!d->s->process.has_capabilities)
		return UINT64_MAX;
	for (size_t i = 0; i < list->n; i++) {
		const struct name *n = name_find(capability_names, list->at[i]);

		if (n != NULL)
			bits |= UINT64_C(1) << n->value;
	}
	return bits;
}

uint64_t profile_keeps(const struct profile *p)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < p->keep_capabilities.n; i++) {
		const struct name *n = name_find(capability_names, p->keep_capabilities.at[i].text);

		if (n != NULL)
			bits |= UINT64_C(1) << n->value;
	}
	return bits;
}

static int capabilities_plan(struct draft *d, struct err *e)
{
	const struct words *keep = &d->p->keep_capabilities;

	for (size_t i = 0; i < keep->n; i++)
		if (name_find(capability_names, keep->at[i].text) == NULL)
			return fail(e, EINVAL, "%s: no capability '%s'",
				    from_text(d->a, &keep->at[i].from), keep->at[i].text);
	d->plan->keep_capabilities = profile_keeps(d->p) & wanted_capabilities(d);
	return 0;
}

static void capabilities_explain(const struct plan *p, struct buf *out)
{
	if (p->keep_capabilities == 0)
		buf_puts(out, "  none, in none of the five sets\n");
	for (const struct name *n = capability_names; n->name[0] != '\0'; n++)
		if (p->keep_capabilities & (UINT64_C(1) << n->value))
			buf_printf(out, "  keeps %s\n", n->name);
}

const struct layer layer_process = { "process", process_plan, process_explain };
const struct layer layer_capabilities = { "capabilities", capabilities_plan, capabilities_explain };
