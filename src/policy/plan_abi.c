/*
 * From verdicts to the table that a filter is compiled from: the machine's own calls, and where the profile lists them
 * those of i386 and x32. Each of these is one of the machine's own under another number, and gets its verdict.
 *
 * What cannot be judged there by registers is answered with ENOSYS, which is what an older kernel says: the old mmap whose
 * arguments are in memory, where `where:` looks at mmap's; socket() through socketcall. Libraries go on to the call that
 * can be judged.
 */
#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/plan_calls.h"

enum {
	NR_LIMIT =
		SYSCALL_X32_BIT, /* where x32 begins, which is killed with all that lies behind */
	NR_LIMIT_X32 = INT_MAX,  /* all above are negative */
	X32_TOP = 548,           /* one above the highest number of x32, without its bit */
};

static const bpf_verdict no_such_call = SECCOMP_RET_ERRNO | ENOSYS;

static uint32_t plain_action(const struct plan_call *call, enum call_verdict v)
{
	switch (v) {
	case CALL_ALLOW:
		return SECCOMP_RET_ALLOW;
	case CALL_ASK:
		return SECCOMP_RET_USER_NOTIF;
	case CALL_NOSYS:
		return no_such_call;
	case CALL_DENY:
	case CALL_ARGS:
		break;
	}
	return SECCOMP_RET_ERRNO | (uint32_t)call->err;
}

static struct bpf_rule rule_of(const struct plan_call *call, int nr)
{
	return (struct bpf_rule){
		.nr = nr,
		.n = call->ncases,
		.cases = call->cases,
		.otherwise = plain_action(call,
					  call->verdict == CALL_ARGS ? call->rest : call->verdict),
	};
}

/* NULL where the machine has no such call. */
static const struct plan_call *planned_as(const struct plan *p, const struct syscall *s)
{
	int nr = s != NULL ? syscall_nr(s, plan_audit_arch(p->host->arch)) : -1;

	return plan_row(p->calls, p->ncalls, nr);
}

/* A test of 64 bits on a register of 32, which the kernel shows with zeros above. Small numbers are the same there and
 * negative ones lose their upper half; false: no call can pass the value. */
static bool narrow(struct bpf_test *t)
{
	const uint64_t low = UINT32_MAX, high = t->mask & ~low;
	bool negative = (t->value & high) == high && (t->value & 1u << 31) != 0;

	if ((t->value & high) != 0 && !negative)
		return false;
	t->mask &= low;
	t->value &= low;
	return true;
}

/* The cases of the machine's own call for a call of i386, of whose registers the first `same` are that call's. */
static void narrow_cases(struct arena *a, struct bpf_rule *rule, unsigned same)
{
	struct bpf_case *cases = arena_array(a, rule->n, sizeof *cases);
	size_t n = 0;

	for (size_t i = 0; i < rule->n; i++) {
		struct bpf_case *to = &cases[n];
		bool possible = true;

		*to = rule->cases[i];
		for (size_t t = 0; t < to->n; t++) {
			if (to->tests[t].arg >= same) {
				*rule = (struct bpf_rule){ .nr = rule->nr,
							   .otherwise = no_such_call };
				return;
			}
			possible &= narrow(&to->tests[t]);
		}
		n += possible;
	}
	rule->cases = cases;
	rule->n = n;
}

/* Of many calls under one number those are allowed that need no look at their arguments. */
static struct bpf_rule rule_of_parts(struct arena *a, const struct plan *p, int nr,
				     const struct syscall_parts *parts)
{
	struct bpf_rule rule = { .nr = nr, .otherwise = no_such_call };
	LIST_OF(struct bpf_case) cases = { 0 };

	for (const struct syscall_part *part = parts->at; part->call != NULL; part++) {
		const struct plan_call *as = planned_as(p, syscall_find(part->call));

		if (as != NULL && as->verdict == CALL_ALLOW)
			*LIST_ADD(a, &cases) = (struct bpf_case){
				1,
				{ { 0, BPF_OP_EQ, parts->mask, part->op } },
				SECCOMP_RET_ALLOW,
			};
	}
	rule.cases = cases.at;
	rule.n = cases.n;
	return rule;
}

/* A table that grows; its rules are the caller's to write until it is done. */
struct table {
	struct bpf_rule *rules;
	size_t n;
};

static void add(struct table *t, struct bpf_rule rule)
{
	t->rules[t->n++] = rule;
}

static struct bpf_arch finished(const struct table *t, uint32_t audit_arch, uint32_t nr_limit)
{
	return (struct bpf_arch){
		.audit_arch = audit_arch,
		.n = t->n,
		.rules = t->rules,
		.nr_limit = nr_limit,
		.unknown = no_such_call,
		.beyond = SECCOMP_RET_KILL_PROCESS,
	};
}

static struct bpf_arch own_calls(struct arena *a, const struct plan *p, uint32_t audit_arch)
{
	struct table t = { arena_array(a, p->ncalls + X32_TOP, sizeof *t.rules), 0 };

	for (size_t i = 0; i < p->ncalls; i++)
		add(&t, rule_of(&p->calls[i], p->calls[i].nr));
	for (int nr = SYSCALL_X32_BIT; p->x32 && nr < SYSCALL_X32_BIT + X32_TOP; nr++) {
		const struct plan_call *as = planned_as(p, syscall_number(audit_arch, nr));

		if (as != NULL)
			add(&t, rule_of(as, nr));
	}
	return finished(&t, audit_arch, p->x32 ? NR_LIMIT_X32 : NR_LIMIT);
}

static struct bpf_arch i386_calls(struct arena *a, const struct plan *p)
{
	const uint32_t arch = AUDIT_ARCH_I386;
	struct table t = { arena_array(a, syscall_top(arch), sizeof *t.rules), 0 };

	for (int nr = 0; nr < (int)syscall_top(arch); nr++) {
		const struct syscall_parts *parts = syscall_parts(arch, nr);
		const struct plan_call *as = planned_as(p, syscall_number(arch, nr));

		if (parts != NULL) {
			add(&t, rule_of_parts(a, p, nr, parts));
		} else if (as != NULL) {
			struct bpf_rule rule = rule_of(as, nr);

			narrow_cases(a, &rule, syscall_same(arch, nr));
			add(&t, rule);
		}
	}
	return finished(&t, arch, NR_LIMIT);
}

void plan_policy(struct arena *a, const struct plan *p, struct bpf_policy *out)
{
	struct bpf_arch *arches = arena_array(a, 2, sizeof *arches);

	arches[0] = own_calls(a, p, plan_audit_arch(p->host->arch));
	if (p->i386)
		arches[1] = i386_calls(a, p);
	*out = (struct bpf_policy){ .n = p->i386 ? 2 : 1,
				    .arches = arches,
				    .other_arch = SECCOMP_RET_KILL_PROCESS };
}
