/*
 * Settings of the container's namespaces, as they will be written.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "policy/draft.h"

/* Keys have dots or slashes. NULL, or what follows. */
static const char *key_behind(const char *key, const char *begin)
{
	while (*begin != '\0' && (*begin == *key || (*begin == '.' && *key == '/')))
		begin++, key++;
	return *begin == '\0' ? key : NULL;
}

/* Which namespace keeps a setting (kernel/ucount.c and sysctl tables: net/, ipc/ipc_sysctl.c and mq_sysctl.c,
 * kernel/utsname_sysctl.c); 0: none, or one that is always the container's own. */
static uint64_t sysctl_type(const char *key)
{
	static const struct {
		const char *begin;
		uint64_t type;
	} rows[] = {
		{ "net.", CLONE_NEWNET },
		{ "fs.mqueue.", CLONE_NEWIPC },
		{ "kernel.msg", CLONE_NEWIPC },
		{ "kernel.sem", CLONE_NEWIPC },
		{ "kernel.shm", CLONE_NEWIPC },
		{ "kernel.hostname", CLONE_NEWUTS },
		{ "kernel.domainname", CLONE_NEWUTS },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (key_behind(key, rows[i].begin) != NULL)
			return rows[i].type;
	return 0;
}

bool plan_sysctl_is_given(const struct plan *p, const char *key)
{
	return (sysctl_type(key) & p->given) != 0;
}

/* ---- groups that may ping ---- */

struct id_range {
	uint32_t first, last;
};

/* Two numbers with blanks between them, as the kernel reads them. */
static bool range_parse(const char *text, struct id_range *out)
{
	char first[12], last[12], more;

	return sscanf(text, " %11[0-9] %11[0-9] %c", first, last, &more) == 2 &&
	       num_id(first, &out->first) == 0 && num_id(last, &out->last) == 0;
}

/* What there is of it inside. */
static bool range_mapped(const struct id_maps *maps, struct id_range *r)
{
	struct id_range found = { UINT32_MAX, 0 };

	for (size_t i = 0; i < maps->n; i++) {
		uint32_t first = maps->at[i].inside, last = first + maps->at[i].count - 1;

		first = first > r->first ? first : r->first;
		last = last < r->last ? last : r->last;
		if (maps->at[i].count == 0 || first > last)
			continue;
		found.first = first < found.first ? first : found.first;
		found.last = last > found.last ? last : found.last;
	}
	*r = found;
	return found.first <= found.last;
}

/* Engines permit every group, up to the highest that a host may have; the kernel takes only ids that the user namespace has
 * (net/ipv4/sysctl_net_ipv4.c). Of the others nobody is inside. If none is left, nobody may: a new network's own setting. */
static bool groups_that_ping(struct draft *d, struct pair *s)
{
	struct id_range r;

	if (!range_parse(s->value, &r) || r.first > r.last)
		return true; /* the kernel judges it */
	if (!range_mapped(&d->plan->gid_maps, &r))
		return false;
	s->value = arena_printf(d->a, "%u %u", r.first, r.last);
	return true;
}

/* ---- ports below 1024 ---- */

const char plan_port_key[] = "net.ipv4.ip_unprivileged_port_start";

static bool is_port_key(const char *key)
{
	const char *rest = key_behind(key, plan_port_key);

	return rest != NULL && *rest == '\0';
}

/* The lowest port that may be listened at by rule; 0: none is below those that everybody may take. */
static unsigned low_port(const struct draft *d)
{
	enum { UNPRIVILEGED = 1024 };
	unsigned lowest = UNPRIVILEGED;

	for (size_t i = 0; i < d->p->network.ingress.n; i++)
		if (d->p->network.ingress.at[i].port < lowest)
			lowest = d->p->network.ingress.at[i].port;
	for (size_t i = 0; i < d->r->npublished; i++)
		if (d->r->published[i].container < lowest)
			lowest = d->r->published[i].container;
	return lowest < UNPRIVILEGED ? lowest : 0;
}

/* To listen below 1024 takes a capability over the network, which no workload has over one by path, and few over their own: who
 * permits the port permits it to everybody in that network. One without rules may be the host's own, which is not touched; and a
 * bundle's own word counts. */
static unsigned port_to_open(const struct draft *d)
{
	for (size_t i = 0; i < d->s->linux_.sysctl.n; i++)
		if (is_port_key(d->s->linux_.sysctl.at[i].key))
			return 0;
	return (d->plan->namespaces & CLONE_NEWNET) || d->plan->net.used ? low_port(d) : 0;
}

bool plan_sysctl_is_network(const char *key)
{
	return sysctl_type(key) == CLONE_NEWNET;
}

void sysctls_plan(struct draft *d)
{
	const struct pairs *asked = &d->s->linux_.sysctl;
	struct pair *out = arena_array(d->a, asked->n + 1, sizeof *out);
	size_t n = 0;

	for (size_t i = 0; i < asked->n; i++) {
		const char *rest = key_behind(asked->at[i].key, "net.ipv4.ping_group_range");
		bool own = !plan_sysctl_is_given(d->plan, asked->at[i].key);

		out[n] = asked->at[i];
		if (!own || rest == NULL || *rest != '\0' || groups_that_ping(d, &out[n]))
			n++;
	}
	d->plan->low_port = port_to_open(d);
	d->plan->nsysctls = n;
	d->plan->sysctls = out;
}
