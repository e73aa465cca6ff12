/*
 * What a bundle asks for and does not get: said, or refused, but never passed over.
 */
#include <errno.h>

#include "policy/draft.h"

/* They are programs of the host, named by whoever wrote the bundle. An engine wrote it itself. */
static int refuse_hooks(const struct draft *d, struct err *e)
{
	const struct {
		const char *name;
		size_t n;
	} hooks[] = {
		{ "prestart", d->s->hooks.prestart.n },
		{ "createRuntime", d->s->hooks.create_runtime.n },
		{ "createContainer", d->s->hooks.create_container.n },
		{ "startContainer", d->s->hooks.start_container.n },
		{ "poststart", d->s->hooks.poststart.n },
		{ "poststop", d->s->hooks.poststop.n },
	};

	for (size_t i = 0; i < COUNT(hooks) && !d->r->hooks; i++)
		if (hooks[i].n != 0) {
			fail(e, EPERM, "%s: hooks.%s: they would run on this machine as the caller",
			     d->s->file, hooks[i].name);
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
	if (s->linux_.devices.n != 0)
		draft_missing(d, "linux.devices", "devices beyond the standard ones are not made",
			      "bind the device's node instead, where the profile may show it");
	return 0;
}

static void excess_explain(const struct plan *p, struct buf *out)
{
	buf_printf(out, "  read from: %s\n", p->spec->file);
}

const struct layer layer_excess = { "spec", excess_plan, excess_explain };
