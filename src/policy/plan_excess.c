/*
 * What a bundle asks for and does not get: said, or refused, but never passed over.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include "policy/draft.h"
#include "table/table.h"

enum { SHOWN_MAX = 4 }; /* of a list that can be long */

struct hook_kind {
	const char *name, *where;
	size_t offset;
};

#define HOOKS(name, member, where)                                                                 \
	{                                                                                          \
		name, where, offsetof(struct spec, hooks.member)                                   \
	}
static const struct hook_kind hook_kinds[] = {
	HOOKS("prestart", prestart, "on this machine"),
	HOOKS("createRuntime", create_runtime, "on this machine"),
	HOOKS("createContainer", create_container, "in the container's namespaces"),
	HOOKS("startContainer", start_container, "as the workload"),
	HOOKS("poststart", poststart, "on this machine"),
	HOOKS("poststop", poststop, "on this machine"),
};
#undef HOOKS

static const struct spec_hooks *hooks_of(const struct spec *s, const struct hook_kind *kind)
{
	return (const struct spec_hooks *)((const char *)s + kind->offset);
}

/* They are programs of the host, named by whoever wrote the bundle. An engine wrote it itself. */
static int refuse_hooks(const struct draft *d, struct err *e)
{
	for (size_t i = 0; i < COUNT(hook_kinds) && !d->r->hooks; i++)
		if (hooks_of(d->s, &hook_kinds[i])->n != 0) {
			fail(e, EPERM, "%s: hooks.%s: they would run on this machine as the caller",
			     d->s->file, hook_kinds[i].name);
			return advise(
				e,
				"leave the hooks out of the bundle; or, if you trust who wrote it, use zviz --hooks run, or create and start");
		}
	return 0;
}

/* ---- what is cut to the profile ---- */

/* What engines ask of every container, whatever it is for: nobody is told of it at each start, and nothing refused for it. */
static void cut_usual(struct draft *d, const char *path, const char *asked, const char *held)
{
	draft_cut(d, path, asked, held);
	d->cuts.at[d->cuts.n - 1].usual = true;
}

/* "a, b, c, d and 3 more" */
struct listing {
	struct buf text;
	size_t n;
};

static void list_name(struct listing *l, const char *name)
{
	if (l->n++ < SHOWN_MAX)
		buf_printf(&l->text, "%s%s", l->n == 1 ? "" : ", ", name);
}

static const char *list_text(struct listing *l)
{
	if (l->n > SHOWN_MAX)
		buf_printf(&l->text, " and %zu more", l->n - SHOWN_MAX);
	return buf_text(&l->text);
}

/* Docker's list, which the others' are parts of. */
static const uint64_t usual_capabilities = 1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE |
					   1ull << CAP_FSETID | 1ull << CAP_FOWNER |
					   1ull << CAP_MKNOD | 1ull << CAP_NET_RAW |
					   1ull << CAP_SETGID | 1ull << CAP_SETUID |
					   1ull << CAP_SETFCAP | 1ull << CAP_SETPCAP |
					   1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_SYS_CHROOT |
					   1ull << CAP_KILL | 1ull << CAP_AUDIT_WRITE;

/* Those that this build does not know are in no list of the kernel's that it could keep them in. */
static uint64_t asked_capabilities(const struct spec *s, bool *unknown)
{
	const struct strings *const sets[] = {
		&s->process.cap_bounding,    &s->process.cap_effective, &s->process.cap_permitted,
		&s->process.cap_inheritable, &s->process.cap_ambient,
	};
	uint64_t asked = 0;

	*unknown = false;
	for (size_t i = 0; i < COUNT(sets); i++)
		for (size_t n = 0; n < sets[i]->n; n++) {
			const struct name *c = name_find(capability_names, sets[i]->at[n]);

			*unknown |= c == NULL;
			asked |= c != NULL ? UINT64_C(1) << c->value : 0;
		}
	return asked;
}

static const char *capability_list(struct draft *d, uint64_t set, bool unknown)
{
	struct listing l = { .text = { .arena = d->a } };

	for (const struct name *n = capability_names; n->name[0] != '\0'; n++)
		if (set & (UINT64_C(1) << n->value))
			list_name(&l, n->name);
	if (unknown)
		list_name(&l, "some that are not known here");
	return list_text(&l);
}

static uint64_t cut_capabilities(struct draft *d, const char *path, uint64_t kept,
				 const char *whose)
{
	const char *held = kept != 0 ? whose : "none";
	bool unknown;
	uint64_t cut = asked_capabilities(d->s, &unknown) & ~kept;

	if ((cut & ~usual_capabilities) != 0 || unknown)
		draft_cut(d, path, capability_list(d, cut & ~usual_capabilities, unknown), held);
	if ((cut & usual_capabilities) != 0)
		cut_usual(d, path, capability_list(d, cut & usual_capabilities, false), held);
	return cut;
}

static void cut_privileges(struct draft *d)
{
	/* One of the profile's that the bundle would have in a set that does not count is nothing beyond it. */
	uint64_t cut = cut_capabilities(d, "process.capabilities", profile_keeps(d->p),
					"those that the profile keeps");

	/* What engines leave out for a privileged container alone. */
	if ((cut & UINT64_C(1) << CAP_SYS_ADMIN) && d->s->linux_.masked_paths.n == 0)
		draft_cut(d, "linux.maskedPaths", "nothing of /proc and /sys masked",
			  "masked as ever");
	if (d->r->direct == NULL && d->s->process.set && !d->s->process.no_new_privileges)
		cut_usual(d, "process.noNewPrivileges", "programs that gain privileges",
			  "no_new_privs");
}

/* What an engine writes for "none". */
static bool is_label(const char *name)
{
	return name != NULL && strcmp(name, "unconfined") != 0;
}

/* Who joins is under the container's own, whatever it would have. */
static void cut_label(struct draft *d)
{
	static const char none[] = "none, as the container's first process";
	const char *asked = d->s->process.apparmor, *held = d->plan->label;

	if (asked != NULL && held != NULL && strcmp(asked, held) != 0)
		draft_cut(d, "apparmorProfile", asked, held);
	else if (held == NULL && is_label(asked))
		draft_cut(d, "apparmorProfile", asked, none);
	asked = d->s->process.selinux;
	held = d->plan->selinux;
	if (asked != NULL && (held == NULL || strcmp(asked, held) != 0))
		draft_cut(d, "selinuxLabel", asked, held != NULL ? held : none);
}

void plan_cut_process(struct arena *a, const struct spec *process, const struct plan *container,
		      struct plan *p)
{
	struct draft d = { .a = a, .s = process, .p = p->policy, .plan = p };

	cut_capabilities(&d, "capabilities", container->keep_capabilities,
			 "those that the container has");
	cut_label(&d);
	p->ncuts = d.cuts.n;
	p->cuts = d.cuts.at;
}

static bool names_namespace(const struct spec *s, const char *type)
{
	for (size_t i = 0; i < s->linux_.namespaces.n; i++)
		if (strcmp(s->linux_.namespaces.at[i].type, type) == 0)
			return true;
	return false;
}

/* A type that a bundle does not list is the caller's own to it. */
static void cut_namespaces(struct draft *d)
{
	static const struct {
		uint64_t type;
		const char *name, *asked, *held;
		bool usual;
	} rows[] = {
		{ CLONE_NEWPID, "pid", "the host's processes", "a pid namespace of its own",
		  false },
		{ CLONE_NEWNET, "network", "the host's network",
		  "the network that the profile says", false },
		{ CLONE_NEWIPC, "ipc", "the host's IPC objects", "an ipc namespace of its own",
		  false },
		{ CLONE_NEWUTS, "uts", "the host's names", "a uts namespace of its own", false },
		{ CLONE_NEWNS, "mount", "the host's mounts", "a mount namespace of its own",
		  false },
		{ CLONE_NEWUSER, "user", "no user namespace",
		  "one of its own: no id inside is one that anybody has outside", true },
		{ CLONE_NEWCGROUP, "cgroup", "the host's view of cgroups",
		  "a cgroup namespace of its own", true },
	};

	if (d->r->direct != NULL)
		return;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!(d->plan->namespaces & rows[i].type) || names_namespace(d->s, rows[i].name))
			continue;
		if (rows[i].usual)
			cut_usual(d, "linux.namespaces", rows[i].asked, rows[i].held);
		else
			draft_cut(d, "linux.namespaces", rows[i].asked, rows[i].held);
	}
}

static void cut_devices(struct draft *d)
{
	const struct spec_devices *list = &d->s->linux_.devices;
	struct listing l = { .text = { .arena = d->a } };

	for (size_t i = 0; i < list->n; i++)
		if (!mount_is_standard(&list->at[i]) && !nodes_has(d, &list->at[i]))
			list_name(&l, list->at[i].path);
	if (l.n != 0)
		draft_cut(d, "linux.devices", list_text(&l),
			  d->p->devices.n == 0 ? "the nodes that every /dev has"
					       : "those that the profile lists");
}

/* What would put it before the host's own processes is asked for by nobody in passing. */
static bool is_precedence(int resource)
{
	return resource == RLIMIT_RTPRIO || resource == RLIMIT_NICE;
}

static void cut_rlimit(struct draft *d, size_t i, const struct plan_rlimit *held, const char *name)
{
	const uint64_t hard = d->s->process.rlimits.at[i].hard;
	const char *path = arena_printf(d->a, "process.rlimits[%zu]", i);
	const char *asked = hard == UINT64_MAX
				    ? arena_printf(d->a, "%s without a limit", name)
				    : arena_printf(d->a, "%s %llu", name, (unsigned long long)hard);
	const char *is = arena_printf(d->a, "%llu", (unsigned long long)held->hard);

	if (is_precedence(held->resource))
		draft_cut(d, path, asked, is);
	else
		cut_usual(d, path, asked, is);
}

/* Engines hand on their own limits, which are higher than anybody needs. */
static void cut_rlimits(struct draft *d)
{
	const struct spec_rlimits *list = &d->s->process.rlimits;

	for (size_t i = 0; i < list->n; i++)
		for (size_t n = 0; n < d->rlimits.n; n++) {
			const struct plan_rlimit *held = &d->rlimits.at[n];
			const struct name *name = name_of(rlimit_names, held->resource);

			if (name != NULL && strcmp(name->name, list->at[i].type) == 0 &&
			    list->at[i].hard > held->hard)
				cut_rlimit(d, i, held, name->name);
		}
}

static void cut_oom_score(struct draft *d)
{
	const struct signed_amount *asked = &d->s->process.oom_score_adj;

	if (asked->set && asked->value < d->plan->oom_score_adj)
		draft_cut(d, "process.oomScoreAdj",
			  arena_printf(d->a, "%lld", (long long)asked->value),
			  arena_printf(d->a, "%d, with which its memory limit can end it",
				       d->plan->oom_score_adj));
}

bool plan_relabels(const struct spec *s, const struct host *h)
{
	return (h->apparmor && is_label(s->process.apparmor)) ||
	       (h->selinux && s->process.selinux != NULL);
}

static const char *selinux_label(struct draft *d, const char *path, const char *name)
{
	if (name == NULL || d->h->selinux)
		return name;
	draft_missing(d, path,
		      "SELinux is not switched on on this host, so no label of its can be had",
		      "leave it out, or boot with selinux=1 security=selinux");
	return NULL;
}

static void label_plan(struct draft *d)
{
	const char *name = d->s->process.apparmor;

	if (is_label(name) && d->h->apparmor)
		d->plan->label = name;
	else if (is_label(name))
		draft_missing(
			d, "process.apparmorProfile",
			"AppArmor is not switched on on this host, so no profile of its can be had",
			"leave it out, or boot with apparmor=1 security=apparmor");
	d->plan->selinux = selinux_label(d, "process.selinuxLabel", d->s->process.selinux);
	d->plan->mount_label = selinux_label(d, "linux.mountLabel", d->s->linux_.mount_label);
}

static int excess_plan(struct draft *d, struct err *e)
{
	const struct spec *s = d->s;

	TRY(refuse_hooks(d, e));
	label_plan(d);
	if (s->linux_.intel_rdt)
		draft_missing(d, "linux.intelRdt",
			      "shares of caches and memory bandwidth are not set in this version",
			      "leave it out");
	if (s->linux_.memory_policy)
		draft_missing(d, "linux.memoryPolicy", "NUMA policies are not set in this version",
			      "linux.resources.cpu.mems holds it to memory nodes");
	if (s->linux_.net_devices)
		draft_missing(d, "linux.netDevices",
			      "devices of the host are not moved in in this version",
			      "give a network namespace that has them by its path");
	cut_privileges(d);
	cut_namespaces(d);
	cut_devices(d);
	cut_rlimits(d);
	cut_oom_score(d);
	return 0;
}

static void excess_explain(const struct plan *p, struct buf *out)
{
	buf_printf(out, "  read from: %s\n", p->spec->file);
	for (size_t i = 0; i < COUNT(hook_kinds); i++) {
		const struct spec_hooks *hooks = hooks_of(p->spec, &hook_kinds[i]);

		for (size_t n = 0; n < hooks->n; n++)
			buf_printf(out, "  hook %s: %s, %s\n", hook_kinds[i].name,
				   shown(out->arena, hooks->at[n].path), hook_kinds[i].where);
	}
}

const struct layer layer_excess = { "spec", excess_plan, excess_explain };
