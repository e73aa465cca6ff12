/*
 * Where the rules of network and resources land.
 */
#include <string.h>

#include "policy/landing_parts.h"
#include "policy/net_rules.h"
#include "table/table.h"

/* ---- network ---- */

/* On the host's network nothing looks at addresses; without a way out there is nothing to look at. */
static void land_network_row(struct finder *f, const char *rule, const struct from *from,
			     const char *filtered)
{
	struct landing *l = landing_add(f, rule, from);

	l->layer = f->p->share_network ? "none" : f->p->net.used ? "nftables" : "namespaces";
	l->note = f->p->share_network ? "not enforced"
		  : f->p->net.used    ? filtered
				      : "loopback alone";
}

void landing_network(struct finder *f)
{
	const struct profile *p = f->p->policy;

	if (p->network.mode_from.file != NULL) {
		struct landing *l = landing_add(f, "network.mode", &p->network.mode_from);

		l->layer = f->p->share_network ? "none"
			   : f->p->net.used    ? "namespaces, nftables"
					       : "namespaces";
		l->note = f->p->share_network ? "the host's network"
			  : f->p->net.used    ? "a way out by rules"
					      : "loopback alone";
	}
	for (size_t i = 0; i < p->network.egress.n; i++) {
		const struct egress_rule *r = &p->network.egress.at[i];

		land_network_row(f,
				 arena_printf(f->a, "network.egress %s",
					      r->cidr != NULL ? r->cidr : r->domain),
				 &r->from,
				 arena_printf(f->a, "%sthe rest is refused%s",
					      r->domain != NULL ? "addresses by zviz-net; " : "",
					      net_terms(f->a, r)));
	}
	for (size_t i = 0; i < p->network.ingress.n; i++) {
		const struct ingress_rule *r = &p->network.ingress.at[i];

		land_network_row(f, arena_printf(f->a, "network.ingress %u", r->port), &r->from,
				 "the rest is refused");
	}
}

/* ---- resources ---- */

/* Control files and rlimits that this line asked for. */
static void find_limits(struct finder *f, struct landing *l)
{
	for (size_t i = 0; i < f->p->nlimits; i++)
		if (landing_same_place(&f->p->limits[i].from, &l->from)) {
			l->layer = "cgroup";
			/* The limit itself comes first; what else it takes, behind it. */
			if (l->note == NULL)
				l->note = f->p->limits[i].v2_file;
		}
	for (size_t i = 0; i < f->p->nrlimits; i++)
		if (landing_same_place(&f->p->rlimits[i].from, &l->from)) {
			l->layer = landing_joined(f->a, l->layer, "rlimits");
			l->note = name_of(rlimit_names, f->p->rlimits[i].resource)->name;
		}
}

static bool has_size(const struct finder *f, uint64_t bytes)
{
	const char *size = arena_printf(f->a, "size=%llu", (unsigned long long)bytes);

	for (size_t i = 0; i < f->p->nmounts; i++)
		for (size_t o = 0; o < f->p->mounts[i].noptions; o++)
			if (strcmp(f->p->mounts[i].options[o], size) == 0)
				return true;
	return false;
}

void landing_resources(struct finder *f)
{
	static const struct row {
		const char *rule;
		size_t amount;
	} rows[] = {
		{ "resources.memory", offsetof(struct profile, resources.memory) },
		{ "resources.memory_high", offsetof(struct profile, resources.memory_high) },
		{ "resources.swap", offsetof(struct profile, resources.swap) },
		{ "resources.cpus", offsetof(struct profile, resources.cpus) },
		{ "resources.cpu_weight", offsetof(struct profile, resources.cpu_weight) },
		{ "resources.io_weight", offsetof(struct profile, resources.io_weight) },
		{ "resources.pids", offsetof(struct profile, resources.pids) },
		{ "resources.nofile", offsetof(struct profile, resources.nofile) },
		{ "resources.tmpfs", offsetof(struct profile, resources.tmpfs) },
	};
	const struct profile *p = f->p->policy;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct amount *amount = (const struct amount *)((const char *)p +
								      rows[i].amount);

		if (!amount->set)
			continue;

		struct landing *l = landing_add(f, rows[i].rule, &amount->from);

		find_limits(f, l);
		if (amount == &p->resources.tmpfs && has_size(f, amount->value))
			l->layer = "mounts";
	}
	for (size_t i = 0; i < p->resources.io.n; i++) {
		const struct io_rule *r = &p->resources.io.at[i];

		find_limits(f, landing_add(f, arena_printf(f->a, "resources.io %s", r->path),
					   &r->from));
	}
	if (p->resources.cpuset.cpus.text != NULL)
		find_limits(
			f, landing_add(f, "resources.cpuset.cpus", &p->resources.cpuset.cpus.from));
	if (p->resources.cpuset.mems.text != NULL)
		find_limits(
			f, landing_add(f, "resources.cpuset.mems", &p->resources.cpuset.mems.from));
	for (size_t i = 0; i < p->resources.hugetlb.n; i++) {
		const struct hugetlb_rule *r = &p->resources.hugetlb.at[i];

		find_limits(f, landing_add(f, arena_printf(f->a, "resources.hugetlb %s", r->size),
					   &r->from));
	}
}
