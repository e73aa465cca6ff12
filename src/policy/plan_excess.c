/*
 * What a bundle asks for and does not get: said, or refused, but never passed over.
 */
#include <errno.h>
#include <stddef.h>
#include <sched.h>

#include "policy/draft.h"

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
				"leave the hooks out of the bundle; or, if you trust who wrote it, use create and start");
		}
	return 0;
}

static int excess_plan(struct draft *d, struct err *e)
{
	const struct spec *s = d->s;

	TRY(refuse_hooks(d, e));
	if (s->process.apparmor != NULL)
		draft_missing(d, "process.apparmorProfile",
			      "AppArmor labels are not set in this version", "leave the label out");
	if (s->process.selinux != NULL || s->linux_.mount_label != NULL)
		draft_missing(d, "process.selinuxLabel",
			      "SELinux labels are not set in this version", "leave the labels out");
	if ((d->plan->given & CLONE_NEWUTS) && (s->hostname != NULL || s->domainname != NULL))
		draft_missing(d, s->hostname != NULL ? "hostname" : "domainname",
			      "names of a uts namespace that is joined by path stay as they are",
			      "leave it out, or have whoever made the namespace set it");
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
	if (s->linux_.devices.n != 0)
		draft_missing(d, "linux.devices", "devices beyond the standard ones are not made",
			      "bind the device's node instead, where the profile may show it");
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
