/*
 * What one profile permits and another does not, beside system calls: by their words.
 */
#include <string.h>

#include "policy/decide.h"
#include "policy/diff.h"
#include "policy/flows.h"
#include "policy/limit_words.h"
#include "policy/verify_files.h"

static void compare_access(struct arena *a, const char *path, struct verify_access one,
			   struct verify_access other, struct diff_lines *out)
{
	const struct {
		const char *what;
		bool one, other;
	} rows[] = {
		{ "read", one.read, other.read },
		{ "write", one.write, other.write },
		{ "execute", one.execute, other.execute },
	};
	struct buf what = { .arena = a };

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].one && !rows[i].other)
			buf_printf(&what, "%s%s", what.len != 0 ? ", " : "", rows[i].what);
	if (what.len != 0)
		*LIST_ADD(a, out) = arena_printf(a, "files: %s %s", buf_text(&what), path);
}

/* At each path that one of the profiles names: what lies below is treated as it is. */
static void compare_files(struct arena *a, const struct diff_side *one,
			  const struct diff_side *other, struct diff_lines *out)
{
	const struct profile *const both[] = { one->plan->policy, other->plan->policy };
	struct words seen = { 0 };

	for (size_t b = 0; b < COUNT(both); b++) {
		const struct words *const lists[] = {
			&both[b]->filesystem.read,
			&both[b]->filesystem.write,
			&both[b]->filesystem.execute,
			&both[b]->filesystem.hide,
		};

		for (size_t l = 0; l < COUNT(lists); l++)
			for (size_t i = 0; i < lists[l]->n; i++) {
				const char *path = lists[l]->at[i].text;
				bool known = strpbrk(path, "*?") != NULL;

				for (size_t k = 0; k < seen.n; k++)
					known |= strcmp(seen.at[k].text, path) == 0;
				if (known)
					continue;
				LIST_ADD(a, &seen)->text = path;
				compare_access(a, path, verify_says(one->plan, one->request, path),
					       verify_says(other->plan, other->request, path), out);
			}
	}
}

static bool has(const struct words *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].text, text) == 0)
			return true;
	return false;
}

/* By the same word, or a pattern for the one path that it is. */
static bool lists_device(const struct words *list, const char *word)
{
	for (size_t i = 0; i < list->n && strpbrk(word, "*?") == NULL; i++)
		if (glob_match(list->at[i].text, word))
			return true;
	return has(list, word);
}

/* Whether all that the pattern matches is hidden: by its own words, or by a folder above all of it. */
static bool hides(const struct profile *p, const char *pattern, const char *folder)
{
	const struct words *list = &p->filesystem.hide;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].text, pattern) == 0 ||
		    (strpbrk(list->at[i].text, "*?") == NULL &&
		     path_below(list->at[i].text, folder)))
			return true;
	return false;
}

static bool is_open(const struct diff_side *side, const char *path)
{
	const struct verify_access access = verify_says(side->plan, side->request, path);

	return access.read || access.write || access.execute;
}

/* Whether something can be done to the folder, or to what a rule opens below it. */
static bool opens_below(const struct diff_side *side, const char *folder)
{
	const struct profile *p = side->plan->policy;
	const struct words *const lists[] = { &p->filesystem.read, &p->filesystem.write,
					      &p->filesystem.execute };

	if (is_open(side, folder))
		return true;
	for (size_t l = 0; l < COUNT(lists); l++)
		for (size_t i = 0; i < lists[l]->n; i++)
			if (path_below(folder, lists[l]->at[i].text) &&
			    is_open(side, lists[l]->at[i].text))
				return true;
	return false;
}

/* Patterns that only the other one hides by, where something could be done to what they mean. What they are masks for lies in images
 * and volumes, so that the plan of a machine's own command has none. */
static void compare_hidden_patterns(struct arena *a, const struct diff_side *one,
				    const struct diff_side *other, struct diff_lines *out)
{
	const struct words *list = &other->plan->policy->filesystem.hide;

	for (size_t i = 0; i < list->n; i++) {
		const char *pattern = list->at[i].text;
		const size_t len = glob_folder(pattern);
		const char *folder = len != 0 ? arena_strndup(a, pattern, len) : "/";

		if (strpbrk(pattern, "*?") != NULL && !hides(one->plan->policy, pattern, folder) &&
		    opens_below(one, folder))
			*LIST_ADD(a, out) = arena_printf(a, "files: the rule hide %s is not there",
							 pattern);
	}
}

/* A restriction that only the other one has. */
static void compare_missing(struct arena *a, const char *what, const struct words *one,
			    const struct words *other, struct diff_lines *out)
{
	for (size_t i = 0; i < other->n; i++)
		if (!has(one, other->at[i].text))
			*LIST_ADD(a, out) = arena_printf(a, "%s %s is not there", what,
							 other->at[i].text);
}

static void compare_amount(struct arena *a, const char *what, const struct amount *one,
			   const struct amount *other, struct diff_lines *out)
{
	if (!other->set || (one->set && one->value <= other->value))
		return;
	/* What nothing comes up to is none. */
	if (one->set && one->value != UINT64_MAX)
		*LIST_ADD(a, out) = arena_printf(a, "resources: %s %llu, not %llu", what,
						 (unsigned long long)one->value,
						 (unsigned long long)other->value);
	else
		*LIST_ADD(a, out) = arena_printf(a, "resources: %s without a limit, not %llu", what,
						 (unsigned long long)other->value);
}

static void compare_network(struct arena *a, const struct profile *one, const struct profile *other,
			    struct diff_lines *out)
{
	static const char *const modes[] = { "none", "host", "private" };
	/* From the least to the most that can be reached. */
	static const int reach[] = {
		[NETWORK_NONE] = 0, [NETWORK_PRIVATE] = 1, [NETWORK_HOST] = 2
	};

	struct flow_rows mine = { 0 }, theirs = { 0 };

	if (reach[one->network.mode] > reach[other->network.mode])
		*LIST_ADD(a, out) = arena_printf(a, "network: mode %s, not %s",
						 modes[one->network.mode],
						 modes[other->network.mode]);
	flows_of_egress(a, &one->network.egress, &mine);
	flows_of_egress(a, &other->network.egress, &theirs);
	for (size_t i = 0; i < mine.n; i++)
		if (!flow_permitted(a, &mine, i, &theirs))
			*LIST_ADD(a, out) = arena_printf(a, "network: out to %s",
							 flow_text(a, &mine.at[i]));
}

static bool admits_port(const struct ingress_rules *rules, uint16_t port)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->at[i].port == port)
			return true;
	return false;
}

static void compare_ingress(struct arena *a, const struct ingress_rules *one,
			    const struct ingress_rules *other, struct diff_lines *out)
{
	for (size_t i = 0; i < one->n; i++)
		if (!admits_port(other, one->at[i].port))
			*LIST_ADD(a, out) = arena_printf(a, "network: in to port %u",
							 one->at[i].port);
}

/* A list that only the other one has, or has shorter. */
static void compare_list(struct arena *a, const char *what, const struct word *one,
			 const struct word *other, struct diff_lines *out)
{
	struct cpu_list mine, theirs;

	if (other->text == NULL ||
	    (one->text != NULL && cpu_list_read(one->text, &mine) &&
	     cpu_list_read(other->text, &theirs) && cpu_list_within(&mine, &theirs)))
		return;
	*LIST_ADD(a, out) = arena_printf(a, "resources: cpuset %s %s, not %s", what,
					 one->text != NULL ? one->text : "without a limit",
					 other->text);
}

/* The least of the rows of a size: a profile may have one of its own beside that of what it extends. */
static struct amount pages_of(const struct hugetlb_rules *rules, const char *size)
{
	struct amount least = { 0 };

	for (size_t i = 0; i < rules->n; i++)
		if (strcmp(rules->at[i].size, size) == 0 &&
		    (!least.set || rules->at[i].limit < least.value))
			least = (struct amount){ .set = true, .value = rules->at[i].limit };
	return least;
}

static void compare_hugetlb(struct arena *a, const struct hugetlb_rules *one,
			    const struct hugetlb_rules *other, struct diff_lines *out)
{
	for (size_t i = 0; i < other->n; i++) {
		const char *size = other->at[i].size;
		const struct amount mine = pages_of(one, size), theirs = pages_of(other, size);

		if (other->at[i].limit == theirs.value)
			compare_amount(a, arena_printf(a, "hugetlb %s", size), &mine, &theirs, out);
	}
}

static const struct io_rule *io_of(const struct io_rules *rules, const char *path)
{
	for (size_t i = 0; i < rules->n; i++)
		if (strcmp(rules->at[i].path, path) == 0)
			return &rules->at[i];
	return NULL;
}

static void compare_io(struct arena *a, const struct io_rules *one, const struct io_rules *other,
		       struct diff_lines *out)
{
	static const struct {
		const char *name;
		size_t offset;
	} rates[] = {
		{ "rbps", offsetof(struct io_rule, rbps) },
		{ "wbps", offsetof(struct io_rule, wbps) },
		{ "riops", offsetof(struct io_rule, riops) },
		{ "wiops", offsetof(struct io_rule, wiops) },
	};

	for (size_t i = 0; i < other->n; i++)
		for (size_t r = 0; r < COUNT(rates); r++) {
			const struct io_rule *mine = io_of(one, other->at[i].path);
			uint64_t limit = *(const uint64_t *)((const char *)&other->at[i] +
							     rates[r].offset);
			uint64_t own = mine != NULL ? *(const uint64_t *)((const char *)mine +
									  rates[r].offset)
						    : 0;

			/* 0: no limit. */
			if (limit != 0 && (own == 0 || own > limit))
				*LIST_ADD(a, out) = arena_printf(
					a, "resources: io %s %s %s, not %llu", other->at[i].path,
					rates[r].name,
					own == 0 ? "without a limit"
						 : arena_printf(a, "%llu", (unsigned long long)own),
					(unsigned long long)limit);
		}
}

/* As plan_cgroup.c understands it. */
static bool requires_controller(const struct profile *p, const char *name)
{
	if (p->requirements.cgroup_need == NEED_PREFERRED)
		return false;
	return has(&p->requirements.cgroup, name) ||
	       (p->requirements.cgroup.n == 0 && p->requirements.cgroup_from.file != NULL);
}

/* What one starts without, and the other does not. */
static void compare_requirements(struct arena *a, const struct profile *p, const struct profile *q,
				 struct diff_lines *out)
{
	static const char *const controllers[] = { "memory", "cpu",    "pids",
						   "io",     "cpuset", "hugetlb" };
	const struct {
		const char *name;
		enum need one, other;
	} needs[] = {
		{ "landlock", p->requirements.landlock_need, q->requirements.landlock_need },
		{ "seccomp_notify", p->requirements.seccomp_notify,
		  q->requirements.seccomp_notify },
		{ "user_namespace", p->requirements.user_namespace,
		  q->requirements.user_namespace },
		{ "network_policy", p->requirements.network_policy,
		  q->requirements.network_policy },
	};

	for (size_t i = 0; i < COUNT(needs); i++)
		if (needs[i].one == NEED_PREFERRED && needs[i].other == NEED_REQUIRED)
			*LIST_ADD(a, out) = arena_printf(
				a, "requirements: %s preferred, not required", needs[i].name);
	if (p->requirements.landlock < q->requirements.landlock)
		*LIST_ADD(a, out) = arena_printf(a, "requirements: landlock %u, not %u",
						 p->requirements.landlock,
						 q->requirements.landlock);
	for (size_t i = 0; i < COUNT(controllers); i++)
		if (requires_controller(q, controllers[i]) &&
		    !requires_controller(p, controllers[i]))
			*LIST_ADD(a, out) = arena_printf(
				a, "requirements: the %s controller is not required",
				controllers[i]);
}

/* What one does without asking where the other asks, unless it does not do it at all; what it asks about where the other
 * does not do it is a lost rule of filesystem.deny. */
static void compare_ask(struct arena *a, const struct profile *p, const struct profile *q,
			struct diff_lines *out)
{
	const struct {
		const char *kind;
		const struct words *one, *other, *denied, *always, *other_always;
	} lists[] = {
		{ "read", &p->ask.read, &q->ask.read, &p->filesystem.deny_read, &p->ask.always.read,
		  &q->ask.always.read },
		{ "write", &p->ask.write, &q->ask.write, &p->filesystem.deny_write,
		  &p->ask.always.write, &q->ask.always.write },
		{ "execute", &p->ask.execute, &q->ask.execute, NULL, &p->ask.always.execute,
		  &q->ask.always.execute },
	};

	for (size_t i = 0; i < COUNT(lists); i++) {
		for (size_t w = 0; w < lists[i].other->n; w++) {
			const char *pattern = lists[i].other->at[w].text;

			if (!has(lists[i].one, pattern) &&
			    (lists[i].denied == NULL || !has(lists[i].denied, pattern)))
				*LIST_ADD(a, out) = arena_printf(a, "files: %s %s without asking",
								 lists[i].kind, pattern);
		}
		for (size_t w = 0; w < lists[i].always->n && lists[i].other->n != 0; w++)
			if (!has(lists[i].other_always, lists[i].always->at[w].text))
				*LIST_ADD(a, out) = arena_printf(a, "files: %s %s without asking",
								 lists[i].kind,
								 lists[i].always->at[w].text);
	}
}

/* What one list of addresses means and the other does not. */
static void compare_asked_rows(struct arena *a, const struct address_rules *rules,
			       const struct address_rules *by, struct diff_lines *out)
{
	struct flow_rows some = { 0 }, others = { 0 };

	flows_of_asked(a, rules, &some);
	flows_of_asked(a, by, &others);
	for (size_t i = 0; i < some.n; i++)
		if (!flow_within(a, &some.at[i], &others))
			*LIST_ADD(a, out) = arena_printf(a, "network: connect %s without asking",
							 rules->at[i].text);
}

/* The same of addresses. A container that has its loopback alone connects to nobody. */
static void compare_asked_addresses(struct arena *a, const struct plan *one,
				    const struct plan *other, struct diff_lines *out)
{
	const struct profile *p = one->policy, *q = other->policy;

	if (!one->share_network && p->network.mode == NETWORK_NONE && other->share_network)
		return;
	compare_asked_rows(a, &q->ask.connect, &p->ask.connect, out);
	if (q->ask.connect.n != 0)
		compare_asked_rows(a, &p->ask.always.connect, &q->ask.always.connect, out);
}

void diff_profiles(struct arena *a, const struct diff_side *one, const struct diff_side *other,
		   struct diff_lines *out)
{
	const struct profile *p = one->plan->policy, *q = other->plan->policy;
	/* Nobody comes beyond the end of all memory. */
	const struct amount high = p->resources.memory.set &&
						   (!p->resources.memory_high.set ||
						    p->resources.memory.value <
							    p->resources.memory_high.value)
					   ? p->resources.memory
					   : p->resources.memory_high;
	const struct {
		const char *what;
		const struct amount *one, *other;
	} amounts[] = {
		{ "memory", &p->resources.memory, &q->resources.memory },
		{ "memory_high", &high, &q->resources.memory_high },
		{ "swap", &p->resources.swap, &q->resources.swap },
		{ "cpus", &p->resources.cpus, &q->resources.cpus },
		{ "cpu_weight", &p->resources.cpu_weight, &q->resources.cpu_weight },
		{ "io_weight", &p->resources.io_weight, &q->resources.io_weight },
		{ "pids", &p->resources.pids, &q->resources.pids },
		{ "nofile", &p->resources.nofile, &q->resources.nofile },
		{ "tmpfs", &p->resources.tmpfs, &q->resources.tmpfs },
	};

	compare_missing(a, "namespaces:", &p->namespaces, &q->namespaces, out);
	for (size_t i = 0; i < p->keep_capabilities.n; i++)
		if (!has(&q->keep_capabilities, p->keep_capabilities.at[i].text))
			*LIST_ADD(a, out) = arena_printf(a, "capabilities: %s",
							 p->keep_capabilities.at[i].text);
	for (size_t i = 0; i < p->devices.n; i++)
		if (!lists_device(&q->devices, p->devices.at[i].text))
			*LIST_ADD(a, out) = arena_printf(a, "devices: %s", p->devices.at[i].text);
	compare_files(a, one, other, out);
	compare_hidden_patterns(a, one, other, out);
	compare_missing(a, "files: the rule deny.read", &p->filesystem.deny_read,
			&q->filesystem.deny_read, out);
	compare_missing(a, "files: the rule deny.write", &p->filesystem.deny_write,
			&q->filesystem.deny_write, out);
	compare_ask(a, p, q, out);
	compare_asked_addresses(a, one->plan, other->plan, out);
	if (!p->filesystem.root_readonly && q->filesystem.root_readonly)
		*LIST_ADD(a, out) = "files: the root can be written to";
	compare_network(a, p, q, out);
	compare_ingress(a, &p->network.ingress, &q->network.ingress, out);
	for (size_t i = 0; i < COUNT(amounts); i++)
		compare_amount(a, amounts[i].what, amounts[i].one, amounts[i].other, out);
	compare_io(a, &p->resources.io, &q->resources.io, out);
	compare_list(a, "cpus", &p->resources.cpuset.cpus, &q->resources.cpuset.cpus, out);
	compare_list(a, "mems", &p->resources.cpuset.mems, &q->resources.cpuset.mems, out);
	compare_hugetlb(a, &p->resources.hugetlb, &q->resources.hugetlb, out);
	if (!p->resources.view && q->resources.view)
		*LIST_ADD(a, out) = "resources: the machine's memory and processors are shown";
	compare_requirements(a, p, q, out);
}
