#include "policy/floor.h"

#include <string.h>

#include "policy/reference.h"

/* One side of the comparison with all that it lives on. */
struct side {
	struct profile profile;
	struct reference reference;
	struct plan plan;
	struct diff_side is;
};

/* What a control group would hold: without one nothing does. */
static void without_group(struct profile *p)
{
	struct profile none = { .resources = {
					.nofile = p->resources.nofile,
					.tmpfs = p->resources.tmpfs,
					.view = p->resources.view,
					.view_from = p->resources.view_from,
				} };

	p->resources = none.resources;
}

static void replace(struct amount *limit, const struct amount *word)
{
	if (word->set)
		*limit = *word;
}

/* The profile as it would have to be written to say the same without the command line's words. Volumes, --read and --write
 * show something, and permit nothing of what is there already: no part of this. */
static struct profile as_said(struct arena *a, const struct profile *p,
			      const struct plan_request *r)
{
	struct profile out = *p;

	if (r->network.set)
		out.network.mode = (enum network_mode)r->network.value;
	out.network.egress = (struct egress_rules){ 0 };
	out.network.ingress = (struct ingress_rules){ 0 };
	for (size_t i = 0; i < p->network.egress.n; i++)
		*LIST_ADD(a, &out.network.egress) = p->network.egress.at[i];
	for (size_t i = 0; i < r->allow.n; i++)
		*LIST_ADD(a, &out.network.egress) = r->allow.at[i];
	for (size_t i = 0; i < p->network.ingress.n; i++)
		*LIST_ADD(a, &out.network.ingress) = p->network.ingress.at[i];
	for (size_t i = 0; i < r->npublished; i++)
		LIST_ADD(a, &out.network.ingress)->port = r->published[i].container;
	out.devices = (struct words){ 0 };
	for (size_t i = 0; i < p->devices.n; i++)
		*LIST_ADD(a, &out.devices) = p->devices.at[i];
	for (size_t i = 0; i < r->devices.n; i++)
		*LIST_ADD(a, &out.devices) = r->devices.at[i];
	replace(&out.resources.memory, &r->memory);
	replace(&out.resources.swap, &r->swap);
	replace(&out.resources.cpus, &r->cpus);
	replace(&out.resources.pids, &r->pids);
	if (r->no_cgroup)
		without_group(&out);
	return out;
}

static int make_side(struct arena *a, enum host_arch arch, const struct profile *p,
		     struct side *out, struct err *e)
{
	struct profile own = *p;
	const size_t n = p->syscalls.mentions.n;

	/* The profile may be in use: what is changed for the comparison is changed in a copy. */
	own.syscalls.mentions.at = arena_array(a, n, sizeof *own.syscalls.mentions.at);
	memcpy(own.syscalls.mentions.at, p->syscalls.mentions.at,
	       n * sizeof *own.syscalls.mentions.at);
	out->profile = diff_profile(&own);
	TRY(reference_plan(a, &out->profile, arch, false, false, &out->reference, &out->plan, e));
	out->is = (struct diff_side){ .name = p->name,
				      .filter = &out->plan.filter,
				      .plan = &out->plan,
				      .request = &out->reference.request };
	return 0;
}

int floor_beyond(struct arena *a, enum host_arch arch, const struct profile *p,
		 const struct plan_request *r, const struct profile *floor, struct diff_lines *out,
		 struct err *e)
{
	struct side *one = arena_alloc(a, sizeof *one), *other = arena_alloc(a, sizeof *other);
	const struct profile said = r != NULL ? as_said(a, p, r) : *p;

	TRY(make_side(a, arch, &said, one, e));
	TRY(make_side(a, arch, floor, other, e));
	return diff_beyond(a, plan_audit_arch(arch), &one->is, &other->is, out, e);
}
