/*
 * What was settled when a container started: a profile that differs there can be had by starting anew alone.
 */
#include <string.h>

#include "policy/live.h"
#include "policy/net_change.h"

static const char settled[] = "it was settled when the container started",
		  mounted[] = "mounts and Landlock were settled when the container started",
		  anew[] = "start the container anew under this profile",
		  pattern[] = "what is to be shut while it runs is a pattern of filesystem.deny";

#define AT(member) offsetof(struct profile, member)

static const struct {
	const char *key;
	size_t words;
	const char *why, *gone;
} lists[] = {
	{ "namespaces", AT(namespaces), settled, anew },
	{ "capabilities.keep", AT(keep_capabilities), settled, anew },
	{ "devices", AT(devices), mounted, anew },
	{ "filesystem.read", AT(filesystem.read), mounted, pattern },
	{ "filesystem.write", AT(filesystem.write), mounted, pattern },
	{ "filesystem.execute", AT(filesystem.execute), mounted, anew },
	{ "filesystem.hide", AT(filesystem.hide), mounted, anew },
};

static void add(struct arena *a, struct live_obstacles *out, const struct from *from,
		const char *rule, const char *why, const char *fix)
{
	*LIST_ADD(a, out) = (struct live_obstacle){ *from, rule, why, fix };
}

static bool has(const struct words *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].text, text) == 0)
			return true;
	return false;
}

static void compare_words(struct arena *a, size_t row, const struct profile *start,
			  const struct profile *next, struct live_obstacles *out)
{
	const struct words *was = (const struct words *)((const char *)start + lists[row].words),
			   *is = (const struct words *)((const char *)next + lists[row].words);

	for (size_t i = 0; i < is->n; i++)
		if (!has(was, is->at[i].text))
			add(a, out, &is->at[i].from,
			    arena_printf(a, "%s %s", lists[row].key, is->at[i].text),
			    lists[row].why,
			    lists[row].words == AT(filesystem.hide) ? pattern : anew);
	for (size_t i = 0; i < was->n; i++)
		if (!has(is, was->at[i].text))
			add(a, out, &was->at[i].from,
			    arena_printf(a, "%s without %s", lists[row].key, was->at[i].text),
			    lists[row].why, lists[row].gone);
}

static void compare_amounts(struct arena *a, const struct profile *start,
			    const struct profile *next, struct live_obstacles *out)
{
	static const struct {
		const char *key;
		size_t amount;
	} rows[] = {
		{ "resources.memory", AT(resources.memory) },
		{ "resources.memory_high", AT(resources.memory_high) },
		{ "resources.swap", AT(resources.swap) },
		{ "resources.cpus", AT(resources.cpus) },
		{ "resources.cpu_weight", AT(resources.cpu_weight) },
		{ "resources.io_weight", AT(resources.io_weight) },
		{ "resources.pids", AT(resources.pids) },
		{ "resources.nofile", AT(resources.nofile) },
		{ "resources.tmpfs", AT(resources.tmpfs) },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct amount *was = (const struct amount *)((const char *)start +
								   rows[i].amount),
				    *is = (const struct amount *)((const char *)next +
								  rows[i].amount);

		if (was->set != is->set || (is->set && was->value != is->value))
			add(a, out, is->set ? &is->from : &was->from, rows[i].key, settled, anew);
	}
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_rows(const struct profile *a, const struct profile *b)
{
	bool same = a->resources.io.n == b->resources.io.n &&
		    a->resources.hugetlb.n == b->resources.hugetlb.n &&
		    same_text(a->resources.cpuset.cpus.text, b->resources.cpuset.cpus.text) &&
		    same_text(a->resources.cpuset.mems.text, b->resources.cpuset.mems.text);

	for (size_t i = 0; same && i < a->resources.io.n; i++) {
		const struct io_rule *x = &a->resources.io.at[i], *y = &b->resources.io.at[i];

		same = strcmp(x->path, y->path) == 0 && x->rbps == y->rbps && x->wbps == y->wbps &&
		       x->riops == y->riops && x->wiops == y->wiops;
	}
	for (size_t i = 0; same && i < a->resources.hugetlb.n; i++)
		same = strcmp(a->resources.hugetlb.at[i].size, b->resources.hugetlb.at[i].size) ==
			       0 &&
		       a->resources.hugetlb.at[i].limit == b->resources.hugetlb.at[i].limit;
	return same;
}

/* ---- rows of network ---- */

/* Where the container has no rules there is nothing to put others in place of. */
static void network_without(struct arena *a, const struct profile *start,
			    const struct profile *next, struct live_obstacles *out)
{
	const struct plan_net was = { .egress = start->network.egress,
				      .ingress = start->network.ingress },
			      is = { .egress = next->network.egress,
				     .ingress = next->network.ingress };
	const struct from whole = { .file = next->file };

	if (!net_change_same(&was, &is))
		add(a, out, &whole, "the rows of network",
		    "this container was started without rules of a network", anew);
}

void live_network(struct arena *a, const struct plan *start, const struct profile *next,
		  struct live_obstacles *out)
{
	const struct egress_rules *rows = &next->network.egress;

	if (!start->net.used) {
		network_without(a, start->policy, next, out);
		return;
	}
	for (size_t i = 0; start->net.ndomains == 0 && i < rows->n; i++)
		if (rows->at[i].domain != NULL)
			add(a, out, &rows->at[i].from,
			    arena_printf(a, "network.egress domain %s", rows->at[i].domain),
			    "this container was started without a resolver",
			    "name addresses (cidr:), or start it with a row that names a domain");
}

void live_settled(struct arena *a, const struct profile *start, const struct profile *next,
		  struct live_obstacles *out)
{
	const struct from whole = { .file = next->file };

	for (size_t i = 0; i < COUNT(lists); i++)
		compare_words(a, i, start, next, out);
	compare_amounts(a, start, next, out);
	if (start->filesystem.root_readonly != next->filesystem.root_readonly)
		add(a, out, &whole, "filesystem.root", mounted, anew);
	if (start->network.mode != next->network.mode)
		add(a, out, &next->network.mode_from, "network.mode", settled, anew);
	if (start->resources.view != next->resources.view)
		add(a, out, &next->resources.view_from, "resources.view", mounted, anew);
	if (!same_rows(start, next))
		add(a, out, &whole, "the rows of resources", settled, anew);
}
