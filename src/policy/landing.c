#include "policy/landing.h"

#include <linux/mount.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/draft.h"
#include "policy/landing_parts.h"
#include "policy/net_rules.h"
#include "table/table.h"

/* Medians of bench/open under bench/all-opens.yaml, as `make bench` runs it, on the machine of landing_measured: the
 * call that is refused, which the broker answers by its registers, and open with close, which stands for every call that it
 * performs. */
enum { BROKER_REGISTERS_NS = 8000, BROKER_OPEN_NS = 28000 };

const char landing_measured[] =
	"times of the broker: measured on an AMD EPYC guest, Linux 6.18, with both processes on one CPU";

struct landing *landing_add(struct finder *f, const char *rule, const struct from *from)
{
	struct landing *l = LIST_ADD(f->a, f->out);

	l->rule = rule;
	l->from = *from;
	l->layer = "none";
	return l;
}

bool landing_same_place(const struct from *a, const struct from *b)
{
	return a->file != NULL && b->file != NULL && strcmp(a->file, b->file) == 0 &&
	       a->line == b->line && a->column == b->column;
}

const char *landing_joined(struct arena *a, const char *one, const char *two)
{
	return strcmp(one, "none") == 0 ? two : arena_printf(a, "%s, %s", one, two);
}

/* ---- system calls: the filter is run ---- */

static void at_most(unsigned *most, unsigned value)
{
	*most = value > *most ? value : *most;
}

/* Calls with paths, which the broker makes itself. */
static bool is_performed(const struct plan_call *call)
{
	return call->mediator == MEDIATE_OPEN || call->mediator == MEDIATE_NAMES ||
	       call->mediator == MEDIATE_ADDRESS;
}

static unsigned broker_ns(const struct plan_call *call)
{
	return is_performed(call) ? BROKER_OPEN_NS : BROKER_REGISTERS_NS;
}

static void count_call(struct finder *f, const struct plan_call *call, struct landing *l)
{
	const uint32_t arch = plan_audit_arch(f->p->host->arch);
	const struct bpf_call c = { .arch = arch, .nr = call->nr };
	bool reads;
	bpf_verdict v = bpf_run(&f->p->filter, &c, NULL, &reads);

	l->calls++;
	l->cached += v == SECCOMP_RET_ALLOW && !reads;
	at_most(&l->instructions, bpf_longest(f->a, &f->p->filter, arch, call->nr));
	l->may_ask |= call->verdict != CALL_ASK;
	if (call->mediator == MEDIATE_NONE)
		return;
	l->asked++;
	at_most(&l->broker_ns, broker_ns(call));
}

static void name_layers(struct finder *f, struct landing *l)
{
	if (l->calls > l->asked || l->instructions > 0)
		l->layer = "seccomp";
	if (l->asked != 0)
		l->layer = landing_joined(f->a, l->layer, "broker");
}

/* A word of syscalls.allow or .deny: the calls about which it has the last word. */
static void land_calls(struct finder *f, const struct word *w, struct landing *l)
{
	for (size_t i = 0; i < f->p->ncalls; i++)
		if (f->p->calls[i].from == &w->from)
			count_call(f, &f->p->calls[i], l);
	if (l->calls == 0) {
		l->layer = "seccomp";
		l->note = "other words decide about all of its calls";
		return;
	}
	name_layers(f, l);
}

static bool is_in(const char *call, const char *word)
{
	const struct syscall_group *g = word[0] == '@' ? syscall_group_find(word) : NULL;

	if (g == NULL)
		return strcmp(call, word) == 0;
	for (const char *const *m = g->members; *m != NULL; m++)
		if (is_in(call, *m))
			return true;
	return false;
}

/* A word of syscalls.broker asks for nothing where the filter decides by itself. */
static void land_brokered(struct finder *f, const struct word *w, struct landing *l)
{
	struct landing all = { 0 };

	for (size_t i = 0; i < f->p->ncalls; i++) {
		const struct plan_call *call = &f->p->calls[i];

		if (!is_in(call->name, w->text))
			continue;
		count_call(f, call, call->mediator != MEDIATE_NONE ? l : &all);
	}
	if (l->calls + all.calls == 0) {
		l->note = "this machine has no such call";
		return;
	}
	if (l->calls == 0) {
		*l = (struct landing){ .rule = l->rule,
				       .from = l->from,
				       .calls = all.calls,
				       .cached = all.cached,
				       .instructions = all.instructions };
		l->note = "nothing is left for the broker to decide";
	}
	name_layers(f, l);
}

/* Calls of a word that go by way of the broker although nothing of them is refused. */
static void land_tripwire(struct finder *f, const struct word *w, struct landing *l)
{
	for (size_t i = 0; i < f->p->ncalls; i++) {
		const struct plan_call *call = &f->p->calls[i];

		if (is_in(call->name, w->text) && call->verdict == CALL_ASK &&
		    call->mediator != MEDIATE_DENY && !is_performed(call))
			count_call(f, call, l);
	}
	l->note = l->calls != 0 ? "allowed until cut off" : "nothing of it can be cut off";
	name_layers(f, l);
}

static const struct plan_call *row_of(const struct finder *f, const char *name)
{
	for (size_t i = 0; i < f->p->ncalls; i++)
		if (strcmp(f->p->calls[i].name, name) == 0)
			return &f->p->calls[i];
	return NULL;
}

/* One call with these registers. */
static void run_call(struct finder *f, const char *name, const uint64_t arg[6], struct landing *l)
{
	const struct plan_call *row = row_of(f, name);
	struct bpf_call c = { .arch = plan_audit_arch(f->p->host->arch) };
	unsigned steps;

	if (row == NULL)
		return;
	c.nr = row->nr;
	memcpy(c.arg, arg, sizeof c.arg);

	bpf_verdict v = bpf_run(&f->p->filter, &c, &steps, NULL);

	l->calls = 1;
	at_most(&l->instructions, steps);
	if ((v & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF) {
		l->asked = 1;
		at_most(&l->broker_ns, broker_ns(row));
	}
	name_layers(f, l);
}

static void land_ioctl(struct finder *f, const struct word *w, struct landing *l)
{
	run_call(f, "ioctl", (const uint64_t[6]){ 0, profile_number(ioctl_names, w->text) }, l);
}

static void land_prctl(struct finder *f, const struct word *w, struct landing *l)
{
	run_call(f, "prctl", (const uint64_t[6]){ profile_number(prctl_names, w->text) }, l);
}

static void land_architecture(struct finder *f, const struct word *w, struct landing *l)
{
	bool other = strcmp(w->text, "i386") == 0 || strcmp(w->text, "x32") == 0;

	l->layer = "seccomp";
	l->note = !other                             ? "all others are killed"
		  : f->p->host->arch == HOST_AARCH64 ? "this machine has none"
						     : "the verdicts of the same calls of x86_64";
}

static void land_where(struct finder *f)
{
	const struct where_rules *rules = &f->p->policy->syscalls.where;

	for (size_t i = 0; i < rules->n; i++) {
		const struct where_rule *r = &rules->at[i];
		struct landing *l = landing_add(
			f, arena_printf(f->a, "syscalls.where %s arg %u", r->syscall, r->arg),
			&r->from);

		for (size_t v = 0; v < r->n; v++) {
			uint64_t arg[6] = { 0 };

			arg[r->arg] = r->in[v] & r->mask;
			run_call(f, r->syscall, arg, l);
		}
	}
}

static const char *socket_text(struct arena *a, const struct socket_rule *r)
{
	const struct name *family = name_of(socket_families, r->family);
	struct buf b = { .arena = a };

	buf_printf(&b, "sockets.allow %s", family != NULL ? family->name : "?");
	for (const struct name *t = socket_types; t->name[0] != '\0' && r->types != ~0u; t++)
		if (r->types & (1u << t->value))
			buf_printf(&b, " %s", t->name);
	return buf_text(&b);
}

static void land_sockets(struct finder *f)
{
	const struct socket_rules *rules = &f->p->policy->sockets_allow;

	for (size_t i = 0; i < rules->n; i++) {
		const struct socket_rule *r = &rules->at[i];
		struct landing *l = landing_add(f, socket_text(f->a, r), &r->from);

		for (uint64_t type = 0; type < 16; type++)
			for (size_t k = 0; k < (r->n != 0 ? r->n : 1); k++)
				if (r->types & (1u << type))
					run_call(f, "socket",
						 (const uint64_t[6]){ (uint64_t)r->family, type,
								      r->n != 0 ? r->protocols[k]
										: 0 },
						 l);
	}
}

/* ---- files: mounts, Landlock rules and the broker's are looked through ---- */

static bool has_mount(const struct finder *f, const char *path, bool writable)
{
	for (size_t i = 0; i < f->p->nmounts; i++) {
		const struct plan_mount *m = &f->p->mounts[i];

		if (m->kind != MOUNT_MASK && strcmp(m->target, path) == 0)
			return !writable || !(m->attr_set & MOUNT_ATTR_RDONLY);
	}
	return false;
}

/* A rule on "/" may have been spread over what lies in it. */
static bool has_landlock(const struct finder *f, const struct word *w)
{
	for (size_t i = 0; i < f->p->npaths && f->p->landlock_abi != 0; i++)
		if (strcmp(f->p->paths[i].path, w->text) == 0 ||
		    landing_same_place(&f->p->paths[i].from, &w->from))
			return true;
	return false;
}

static bool has_file_rule(const struct file_rule *rules, size_t n, const struct word *w)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rules[i].pattern, w->text) == 0 ||
		    landing_same_place(&rules[i].from, &w->from))
			return true;
	return false;
}

static void count_addresses(struct finder *f, struct landing *l)
{
	for (size_t i = 0; i < f->p->ncalls; i++)
		if (f->p->calls[i].mediator == MEDIATE_ADDRESS)
			count_call(f, &f->p->calls[i], l);
	l->layer = landing_joined(f->a, l->layer, "broker");
}

/* What a path costs where the broker performs the calls. */
static void count_brokered(struct finder *f, struct landing *l, bool execs)
{
	for (size_t i = 0; i < f->p->ncalls; i++)
		if (execs ? f->p->calls[i].mediator == MEDIATE_EXEC : is_performed(&f->p->calls[i]))
			count_call(f, &f->p->calls[i], l);
	l->layer = landing_joined(f->a, l->layer, "broker");
}

static void land_path(struct finder *f, const struct word *w, struct landing *l, bool writable,
		      const struct file_rule *rules, size_t n)
{
	if (has_mount(f, w->text, writable))
		l->layer = landing_joined(f->a, l->layer, "mounts");
	if (has_landlock(f, w))
		l->layer = landing_joined(f->a, l->layer, "landlock");
	if (f->p->broker.opens && has_file_rule(rules, n, w))
		count_brokered(f, l, false);
}

static void land_read(struct finder *f, const struct word *w, struct landing *l)
{
	land_path(f, w, l, false, f->p->broker.read, f->p->broker.nread);
}

static void land_write(struct finder *f, const struct word *w, struct landing *l)
{
	land_path(f, w, l, true, f->p->broker.write, f->p->broker.nwrite);
}

static void land_execute(struct finder *f, const struct word *w, struct landing *l)
{
	land_path(f, w, l, false, NULL, 0);
}

static void land_hide(struct finder *f, const struct word *w, struct landing *l)
{
	l->layer = "mounts";
	l->note = "nothing is mounted there";
	for (size_t i = 0; i < f->p->nmounts; i++) {
		const struct plan_mount *m = &f->p->mounts[i];

		if (m->kind == MOUNT_MASK && strcmp(m->target, w->text) == 0)
			l->note = "masked where it is there";
	}
}

/* A pattern of filesystem.deny or ask. */
static void land_pattern(struct finder *f, const struct word *w, struct landing *l)
{
	const struct broker_plan *b = &f->p->broker;
	bool found = has_file_rule(b->deny_read, b->ndeny_read, w) ||
		     has_file_rule(b->deny_write, b->ndeny_write, w);

	for (size_t i = 0; i < ASK_FILE_KINDS; i++) {
		if (!has_file_rule(b->ask[i].rules, b->ask[i].n, w) &&
		    !has_file_rule(b->ask[i].always, b->ask[i].nalways, w))
			continue;
		count_brokered(f, l, i == ASK_EXECUTE);
		return;
	}
	if (found)
		count_brokered(f, l, false);
}

/* ---- the rest of the words ---- */

static void land_namespace(struct finder *f, const struct word *w, struct landing *l)
{
	const struct name *n = name_find(namespace_names, w->text);

	if (n != NULL && (f->p->namespaces & (uint64_t)n->value))
		l->layer = "namespaces";
}

static void land_capability(struct finder *f, const struct word *w, struct landing *l)
{
	const struct name *n = name_find(capability_names, w->text);

	if (n != NULL && (f->p->keep_capabilities & (UINT64_C(1) << n->value)))
		l->layer = "capabilities";
}

/* Which nodes there are is seen when it starts. */
static void land_device(struct finder *f, const struct word *w, struct landing *l)
{
	(void)w;
	l->layer = "mounts";
	l->note = f->p->direct ? "what is there when it starts"
			       : "what is there when it starts, and the bundle asks for";
}

#define AT(member) offsetof(struct profile, member)

static const struct list {
	const char *key;
	size_t words;
	void (*land)(struct finder *f, const struct word *w, struct landing *l);
} lists[] = {
	{ "namespaces", AT(namespaces), land_namespace },
	{ "capabilities.keep", AT(keep_capabilities), land_capability },
	{ "syscalls.allow", AT(syscalls.allow), land_calls },
	{ "syscalls.deny", AT(syscalls.deny), land_calls },
	{ "syscalls.broker", AT(syscalls.broker), land_brokered },
	{ "syscalls.tripwire", AT(syscalls.tripwire), land_tripwire },
	{ "syscalls.architectures", AT(syscalls.architectures), land_architecture },
	{ "devices", AT(devices), land_device },
	{ "ioctl.allow", AT(ioctl_allow), land_ioctl },
	{ "prctl.allow", AT(prctl_allow), land_prctl },
	{ "filesystem.read", AT(filesystem.read), land_read },
	{ "filesystem.write", AT(filesystem.write), land_write },
	{ "filesystem.execute", AT(filesystem.execute), land_execute },
	{ "filesystem.hide", AT(filesystem.hide), land_hide },
	{ "filesystem.deny.read", AT(filesystem.deny_read), land_pattern },
	{ "filesystem.deny.write", AT(filesystem.deny_write), land_pattern },
	{ "ask.read", AT(ask.read), land_pattern },
	{ "ask.write", AT(ask.write), land_pattern },
	{ "ask.execute", AT(ask.execute), land_pattern },
	{ "ask.always.read", AT(ask.always.read), land_pattern },
	{ "ask.always.write", AT(ask.always.write), land_pattern },
	{ "ask.always.execute", AT(ask.always.execute), land_pattern },
};

static void land_list(struct finder *f, const struct list *list)
{
	const struct words *words = (const struct words *)((const char *)f->p->policy +
							   list->words);

	for (size_t i = 0; i < words->n; i++) {
		const struct word *w = &words->at[i];

		list->land(
			f, w,
			landing_add(f, arena_printf(f->a, "%s %s", list->key, w->text), &w->from));
	}
}

/* ---- network and resources ---- */

static void land_addresses(struct finder *f, const char *key, const struct address_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct address_rule *r = &rules->at[i];
		struct landing *l = landing_add(f, arena_printf(f->a, "%s %s", key, r->text),
						&r->from);

		if (f->p->broker.nconnect != 0)
			count_addresses(f, l);
		if (!f->p->share_network && f->p->policy->network.mode == NETWORK_NONE)
			l->note = "its network is a loopback alone";
	}
}

void landing_find(struct arena *a, const struct plan *p, struct landings *out)
{
	struct finder f = { a, p, out };

	*out = (struct landings){ 0 };
	for (size_t i = 0; i < COUNT(lists); i++) {
		land_list(&f, &lists[i]);
		if (lists[i].words == AT(syscalls.tripwire))
			land_where(&f);
		if (lists[i].words == AT(prctl_allow))
			land_sockets(&f);
	}
	land_addresses(&f, "ask.connect", &p->policy->ask.connect);
	land_addresses(&f, "ask.always.connect", &p->policy->ask.always.connect);
	landing_network(&f);
	landing_resources(&f);
}
