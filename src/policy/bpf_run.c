#include <linux/seccomp.h>
#include <string.h>

#include "policy/bpf.h"

/* ---- the program ---- */

static void see(const struct bpf_call *call, struct seccomp_data *out)
{
	*out = (struct seccomp_data){ .nr = call->nr,
				      .arch = call->arch,
				      .instruction_pointer = call->ip };
	for (size_t i = 0; i < 6; i++)
		out->args[i] = call->arg[i];
}

/* Whether a conditional jump is taken; -1 for one that is none. */
static int jumps(const struct sock_filter *in, uint32_t a)
{
	switch (in->code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return a == in->k;
	case BPF_JMP | BPF_JGT | BPF_K:
		return a > in->k;
	case BPF_JMP | BPF_JGE | BPF_K:
		return a >= in->k;
	case BPF_JMP | BPF_JSET | BPF_K:
		return (a & in->k) != 0;
	default:
		return -1;
	}
}

static bool load(const struct seccomp_data *d, uint32_t offset, uint32_t *a)
{
	if (offset % sizeof *a != 0 || offset > sizeof *d - sizeof *a)
		return false;
	memcpy(a, (const char *)d + offset, sizeof *a);
	return true;
}

/* One instruction at *at, which moves on. True when it was a return; anything unknown leaves the
 * program. */
static bool step(const struct bpf_program *p, const struct seccomp_data *d, size_t *at, uint32_t *a)
{
	const struct sock_filter *in = &p->at[(*at)++];
	int taken = jumps(in, *a);

	if (in->code == (BPF_RET | BPF_K)) {
		*a = in->k;
		return true;
	}
	if (taken >= 0)
		*at += taken ? in->jt : in->jf;
	else if (in->code == (BPF_JMP | BPF_JA))
		*at += in->k;
	else if (in->code == (BPF_ALU | BPF_AND | BPF_K))
		*a &= in->k;
	else if (in->code != (BPF_LD | BPF_W | BPF_ABS) || !load(d, in->k, a))
		*at = p->n;
	return false;
}

bpf_verdict bpf_run(const struct bpf_program *p, const struct bpf_call *call, unsigned *steps,
		    bool *read_args)
{
	bpf_verdict verdict = SECCOMP_RET_KILL_PROCESS;
	const uint32_t after_head = offsetof(struct seccomp_data, instruction_pointer);
	struct seccomp_data d;
	uint32_t a = 0;
	unsigned n = 0;
	bool read = false;

	see(call, &d);
	for (size_t at = 0; at < p->n;) {
		const struct sock_filter *in = &p->at[at];

		n++;
		read |= in->code == (BPF_LD | BPF_W | BPF_ABS) && in->k >= after_head;
		if (step(p, &d, &at, &a)) {
			verdict = a;
			break;
		}
	}
	if (steps != NULL)
		*steps = n;
	if (read_args != NULL)
		*read_args = read;
	return verdict;
}

/* ---- the table ---- */

bool bpf_holds(const struct bpf_test *t, uint64_t arg)
{
	arg &= t->mask;
	switch (t->op) {
	case BPF_OP_EQ:
		return arg == t->value;
	case BPF_OP_NE:
		return arg != t->value;
	case BPF_OP_GT:
		return arg > t->value;
	case BPF_OP_GE:
		return arg >= t->value;
	case BPF_OP_LT:
		return arg < t->value;
	case BPF_OP_LE:
		return arg <= t->value;
	}
	return false;
}

static bool all_hold(const struct bpf_case *c, const struct bpf_call *call)
{
	for (size_t i = 0; i < c->n; i++)
		if (!bpf_holds(&c->tests[i], call->arg[c->tests[i].arg]))
			return false;
	return true;
}

static bpf_verdict rule_verdict(const struct bpf_rule *r, const struct bpf_call *call)
{
	for (size_t i = 0; i < r->n; i++)
		if (all_hold(&r->cases[i], call))
			return r->cases[i].then;
	return r->otherwise;
}

static bpf_verdict arch_verdict(const struct bpf_arch *arch, const struct bpf_call *call)
{
	if ((uint32_t)call->nr >= arch->nr_limit)
		return arch->beyond;
	for (size_t i = 0; i < arch->n; i++)
		if (arch->rules[i].nr == call->nr)
			return rule_verdict(&arch->rules[i], call);
	return arch->unknown;
}

bpf_verdict bpf_reference(const struct bpf_policy *p, const struct bpf_call *call)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->arches[i].audit_arch == call->arch)
			return arch_verdict(&p->arches[i], call);
	return p->other_arch;
}
