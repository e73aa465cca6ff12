/*
 * linux.seccomp of a bundle becomes a filter of its own, beside the profile's. The kernel runs both at each call and
 * takes the answer of the lowest value (include/uapi/linux/seccomp.h), so that the stricter one counts whatever either
 * says: a bundle cannot loosen a profile, and nothing here has to merge the two.
 *
 * The rules mean what they mean to runtimes that hand them to libseccomp:
 *
 * - What has the default action is passed over.
 * - An entry without tests is all that counts for its calls, the first such one; those with tests are forgotten.
 * - The tests of one entry must all hold, and entries are alternatives. An entry that tests an argument twice is one
 *   alternative for each of its tests.
 * - Where entries of different actions hold at once, libseccomp's answer follows from how it sorts its tree, or it
 *   refuses the rule. Here the strictest counts.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "policy/plan_calls.h"
#include "policy/spec_fields.h"

/* ---- rules ---- */

/* What the section says of one call. */
struct said {
	bool plain; /* by an entry without tests: `then` */
	bpf_verdict then;
	LIST_OF(struct bpf_case) cases;
};

static bpf_verdict verdict(int action, const struct amount *no)
{
	if (action != (int)SECCOMP_RET_ERRNO)
		return (bpf_verdict)action;
	return SECCOMP_RET_ERRNO | (no->set ? (bpf_verdict)no->value : EPERM);
}

static struct bpf_test test_of(const struct spec_seccomp_arg *arg)
{
	static const enum bpf_op ops[] = {
		[SPEC_CMP_NE] = BPF_OP_NE,        [SPEC_CMP_LT] = BPF_OP_LT,
		[SPEC_CMP_LE] = BPF_OP_LE,        [SPEC_CMP_EQ] = BPF_OP_EQ,
		[SPEC_CMP_GE] = BPF_OP_GE,        [SPEC_CMP_GT] = BPF_OP_GT,
		[SPEC_CMP_MASKED_EQ] = BPF_OP_EQ,
	};
	bool masked = arg->op == SPEC_CMP_MASKED_EQ;
	uint64_t mask = masked ? arg->value : UINT64_MAX;

	return (struct bpf_test){ .arg = (unsigned)arg->index,
				  .op = ops[arg->op],
				  .mask = mask,
				  .value = (masked ? arg->value_two : arg->value) & mask };
}

static bool repeats(const struct spec_seccomp_args *args)
{
	unsigned seen = 0;

	for (size_t i = 0; i < args->n; i++) {
		if (seen & (1u << args->at[i].index))
			return true;
		seen |= 1u << args->at[i].index;
	}
	return false;
}

/* A test of no bit always holds; with only such ones it is an entry without tests. */
static void say(struct arena *a, struct said *to, const struct spec_seccomp_arg *args, size_t n,
		bpf_verdict then)
{
	struct bpf_case c = { .then = then };

	if (to->plain)
		return;
	for (size_t i = 0; i < n; i++) {
		struct bpf_test t = test_of(&args[i]);

		if (t.mask != 0)
			c.tests[c.n++] = t;
	}
	if (c.n == 0) {
		to->plain = true;
		to->then = then;
		return;
	}
	*LIST_ADD(a, &to->cases) = c;
}

static void say_rule(struct arena *a, struct said *to, const struct spec_seccomp_rule *r)
{
	bpf_verdict then = verdict(r->action, &r->errno_ret);

	if (!repeats(&r->args)) {
		say(a, to, r->args.at, r->args.n, then);
		return;
	}
	for (size_t i = 0; i < r->args.n; i++)
		say(a, to, &r->args.at[i], 1, then);
}

/* The first case that holds decides, so the strict ones go first. */
static struct bpf_case *strictest_first(struct arena *a, const struct said *said)
{
	static const bpf_verdict order[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
		SECCOMP_RET_ERRNO,        SECCOMP_RET_USER_NOTIF,  SECCOMP_RET_TRACE,
		SECCOMP_RET_LOG,          SECCOMP_RET_ALLOW,
	};
	struct bpf_case *sorted = arena_array(a, said->cases.n, sizeof *sorted);
	size_t n = 0;

	for (size_t o = 0; o < COUNT(order); o++)
		for (size_t i = 0; i < said->cases.n; i++)
			if ((said->cases.at[i].then & SECCOMP_RET_ACTION_FULL) == order[o])
				sorted[n++] = said->cases.at[i];
	return sorted;
}

static struct bpf_rule rule_of(struct arena *a, const struct said *said, int nr, bpf_verdict usual)
{
	struct bpf_rule r = { .nr = nr, .otherwise = said->plain ? said->then : usual };

	if (!said->plain && said->cases.n != 0) {
		r.n = said->cases.n;
		r.cases = strictest_first(a, said);
	}
	return r;
}

static struct said *read_section(struct arena *a, const struct spec_seccomp *s, uint32_t audit_arch,
				 bpf_verdict usual, size_t *unknown)
{
	struct said *said = arena_array(a, syscalls_count, sizeof *said);

	*unknown = 0;
	for (size_t i = 0; i < s->rules.n; i++) {
		const struct spec_seccomp_rule *r = &s->rules.at[i];

		for (size_t k = 0; k < r->names.n; k++) {
			const struct syscall *call = syscall_find(r->names.at[k]);

			if (call == NULL || syscall_nr(call, audit_arch) < 0)
				++*unknown;
			else if (verdict(r->action, &r->errno_ret) != usual)
				say_rule(a, &said[call - syscalls], r);
		}
	}
	return said;
}

void spec_seccomp_rules(struct arena *a, const struct spec_seccomp *s, uint32_t audit_arch,
			struct bpf_arch *out, size_t *unknown)
{
	bpf_verdict usual = verdict(s->default_action, &s->default_errno);
	struct said *said = read_section(a, s, audit_arch, usual, unknown);
	struct bpf_rule *rules = arena_array(a, syscalls_count, sizeof *rules);
	size_t n = 0;

	for (int nr = 0; nr < (int)syscall_top(audit_arch); nr++) {
		const struct syscall *call = syscall_number(audit_arch, nr);

		if (call != NULL)
			rules[n++] = rule_of(a, &said[call - syscalls], nr, usual);
	}
	*out = (struct bpf_arch){
		.audit_arch = audit_arch,
		.n = n,
		.rules = rules,
		.nr_limit = 0x40000000, /* __X32_SYSCALL_BIT: as the profile's filter has it */
		.unknown = usual,
		.beyond = SECCOMP_RET_KILL_PROCESS,
	};
}

/* ---- what is refused ---- */

static int refuse_action(const struct draft *d, const char *where, int action, struct err *e)
{
	if (action == (int)SECCOMP_RET_TRACE) {
		fail(e, EOPNOTSUPP, "%s: SCMP_ACT_TRACE: no tracer stands beside a container",
		     where);
		return advise(e, "write SCMP_ACT_ERRNO or SCMP_ACT_LOG");
	}
	if (action != (int)SECCOMP_RET_USER_NOTIF && d->s->linux_.seccomp.listener_path == NULL)
		return 0;
	fail(e, EOPNOTSUPP,
	     "%s: a listener of the bundle's own (SCMP_ACT_NOTIFY, listenerPath) is not available in this version",
	     where);
	return advise(e, "write SCMP_ACT_ERRNO, and leave listenerPath out");
}

static int refuse_actions(const struct draft *d, struct err *e)
{
	const struct spec_seccomp *s = &d->s->linux_.seccomp;

	TRY(refuse_action(d, arena_printf(d->a, "%s: linux.seccomp", d->s->file), s->default_action,
			  e));
	for (size_t i = 0; i < s->rules.n; i++)
		TRY(refuse_action(d, from_text(d->a, &s->rules.at[i].from), s->rules.at[i].action,
				  e));
	return 0;
}

/* TSYNC is for programs of several threads, and init has one. */
static int plan_flags(struct draft *d, struct err *e)
{
	const struct strings *flags = &d->s->linux_.seccomp.flags;

	for (size_t i = 0; i < flags->n; i++)
		d->plan->spec_filter_flags |=
			(uint32_t)name_find(spec_seccomp_flags, flags->at[i])->value;
	d->plan->spec_filter_flags &= ~(uint32_t)SECCOMP_FILTER_FLAG_TSYNC;
	if (!(d->plan->spec_filter_flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV))
		return 0;
	fail(e, EOPNOTSUPP,
	     "%s: linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV goes with a listener, "
	     "which is not available in this version",
	     d->s->file);
	return advise(e, "leave the flag out");
}

/* ---- what the launch needs ---- */

/* A call that is made under the filter, as far as its registers are known. */
struct made {
	const char *name;
	size_t n; /* of the arguments, from the first on */
	uint64_t args[6];
};

static const struct made to_end[] = { { "execve", 0, { 0 } }, { "exit_group", 0, { 0 } } };
/* Between the bundle's filter and the profile's; the listener of that one goes to the broker. */
static const struct made to_hand_over[] = { { "sendmsg", 0, { 0 } }, { "close", 0, { 0 } } };
/* The reaping first process, all its life (box/reaper.c). */
static const struct made to_reap[] = {
	{ "clone", 5, { SIGCHLD } }, { "wait4", 0, { 0 } },          { "rt_sigaction", 0, { 0 } },
	{ "kill", 0, { 0 } },        { "rt_sigprocmask", 0, { 0 } }, { "rt_sigreturn", 0, { 0 } },
	{ "setpgid", 0, { 0 } },     { "close", 0, { 0 } },          { "close_range", 0, { 0 } },
	{ "sendmsg", 0, { 0 } },
};
static const struct made to_own_terminal[] = { { "ioctl", 2, { 0, TIOCSPGRP } },
					       { "getpid", 0, { 0 } } };

static bool lets(bpf_verdict v)
{
	v &= SECCOMP_RET_ACTION_FULL;
	return v == SECCOMP_RET_ALLOW || v == SECCOMP_RET_LOG;
}

/* Whatever the registers hold that are not known. */
static bool lets_call(const struct bpf_rule *r, const struct made *m)
{
	for (size_t i = 0; i < r->n; i++) {
		bool may_hold = true, holds = true;

		for (size_t k = 0; k < r->cases[i].n; k++) {
			const struct bpf_test *t = &r->cases[i].tests[k];

			if (t->arg >= m->n)
				holds = false;
			else if (!bpf_holds(t, m->args[t->arg]))
				may_hold = false;
		}
		if (may_hold && !lets(r->cases[i].then))
			return false;
		if (may_hold && holds)
			return true;
	}
	return lets(r->otherwise);
}

/* The first of the calls that the bundle's filter does not permit, or NULL. */
static const char *withheld(const struct bpf_arch *arch, const struct made *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int nr = syscall_nr(syscall_find(list[i].name), arch->audit_arch);

		for (size_t k = 0; k < arch->n; k++)
			if (arch->rules[k].nr == nr && !lets_call(&arch->rules[k], &list[i]))
				return list[i].name;
	}
	return NULL;
}

static const char *withheld_at_end(const struct draft *d, const struct bpf_arch *arch)
{
	const char *name = withheld(arch, to_end, COUNT(to_end));

	if (name == NULL && d->r->init)
		name = withheld(arch, to_reap, COUNT(to_reap));
	if (name == NULL && d->r->init && d->plan->terminal)
		name = withheld(arch, to_own_terminal, COUNT(to_own_terminal));
	return name;
}

static const char *withheld_before(const struct draft *d, const struct bpf_arch *arch)
{
	const struct made load = { "seccomp",
				   2,
				   { SECCOMP_SET_MODE_FILTER, d->plan->filter_flags } };
	const char *name = withheld(arch, &load, 1);

	if (name == NULL && (d->plan->filter_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		name = withheld(arch, to_hand_over, COUNT(to_hand_over));
	return name;
}

/* Whether a filter can be loaded under the profile's. */
static bool profile_lets_load(const struct draft *d)
{
	const struct made load = { "seccomp",
				   2,
				   { SECCOMP_SET_MODE_FILTER, d->plan->spec_filter_flags } };

	for (size_t i = 0; i < d->plan->ncalls; i++) {
		const struct plan_call *c = &d->plan->calls[i];
		enum call_verdict rest = c->verdict == CALL_ARGS ? c->rest : c->verdict;
		const struct bpf_rule rule = { .n = c->ncases,
					       .cases = c->cases,
					       .otherwise = rest == CALL_ALLOW
								    ? SECCOMP_RET_ALLOW
								    : SECCOMP_RET_ERRNO };

		if (strcmp(c->name, load.name) == 0)
			return lets_call(&rule, &load);
	}
	return false;
}

static int refuse_launch(const struct draft *d, const char *name, struct err *e)
{
	fail(e, EINVAL,
	     "%s: linux.seccomp: does not permit %s: the launch itself needs it after this filter is on",
	     d->s->file, name);
	return advise(e, "add %s to an entry of linux.seccomp.syscalls with SCMP_ACT_ALLOW", name);
}

/* First, where it lets the profile's filter be loaded after it; that one's errno counts then where both refuse. Else
 * last, which asks the least of the bundle, and of the profile that it lets the workload filter itself. */
static int plan_order(struct draft *d, const struct bpf_arch *arch, struct err *e)
{
	const char *name = withheld_at_end(d, arch);

	if (name != NULL)
		return refuse_launch(d, name, e);
	name = withheld_before(d, arch);
	d->plan->spec_filter_last = name != NULL;
	if (name != NULL && !profile_lets_load(d)) {
		refuse_launch(d, name, e);
		return advise(e, "permit it there, or seccomp in profile %s", d->p->name);
	}
	return 0;
}

int plan_spec_seccomp(struct draft *d, uint32_t audit_arch, struct err *e)
{
	struct arena scratch = { 0 };
	struct bpf_arch arch;
	const struct bpf_policy policy = { 1, &arch, SECCOMP_RET_KILL_PROCESS };

	TRY(refuse_actions(d, e));
	TRY(plan_flags(d, e));
	spec_seccomp_rules(&scratch, &d->s->linux_.seccomp, audit_arch, &arch,
			   &d->plan->spec_unknown);

	int r = plan_order(d, &arch, e);

	if (r == 0 && bpf_compile(d->a, &policy, &d->plan->spec_filter, e) < 0)
		r = within(e, "%s: linux.seccomp", d->s->file);
	arena_free(&scratch);
	return r;
}
