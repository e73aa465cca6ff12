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

/* As the kernel runs it: both registers start at 0. */
struct machine {
	const struct bpf_program *p;
	struct seccomp_data d;
	uint32_t a, x, scratch[BPF_MEMWORDS];
	size_t at; /* the next instruction; at the end the program was left */
	bool returned;
};

static void leave(struct machine *m)
{
	m->at = m->p->n;
}

static void jump(struct machine *m, const struct sock_filter *in)
{
	uint32_t with = BPF_SRC(in->code) == BPF_X ? m->x : in->k;
	bool taken = false;

	switch (BPF_OP(in->code)) {
	case BPF_JA:
		m->at += in->k;
		return;
	case BPF_JEQ:
		taken = m->a == with;
		break;
	case BPF_JGT:
		taken = m->a > with;
		break;
	case BPF_JGE:
		taken = m->a >= with;
		break;
	case BPF_JSET:
		taken = (m->a & with) != 0;
		break;
	default:
		leave(m);
		return;
	}
	m->at += taken ? in->jt : in->jf;
}

static void divide(struct machine *m, uint32_t by)
{
	if (by != 0) {
		m->a /= by;
		return;
	}
	m->a = 0; /* the kernel ends a program that divides by nothing, with 0 */
	m->returned = true;
}

static void calculate(struct machine *m, const struct sock_filter *in)
{
	uint32_t with = BPF_SRC(in->code) == BPF_X ? m->x : in->k;

	switch (BPF_OP(in->code)) {
	case BPF_ADD:
		m->a += with;
		return;
	case BPF_SUB:
		m->a -= with;
		return;
	case BPF_MUL:
		m->a *= with;
		return;
	case BPF_DIV:
		divide(m, with);
		return;
	case BPF_AND:
		m->a &= with;
		return;
	case BPF_OR:
		m->a |= with;
		return;
	case BPF_XOR:
		m->a ^= with;
		return;
	case BPF_LSH:
		m->a <<= with & 31;
		return;
	case BPF_RSH:
		m->a >>= with & 31;
		return;
	case BPF_NEG:
		m->a = 0 - m->a;
		return;
	default:
		leave(m);
	}
}

static bool load_data(const struct machine *m, uint32_t offset, uint32_t *out)
{
	if (offset % sizeof *out != 0 || offset > sizeof m->d - sizeof *out)
		return false;
	memcpy(out, (const char *)&m->d + offset, sizeof *out);
	return true;
}

static void load(struct machine *m, const struct sock_filter *in, uint32_t *to)
{
	bool good = true;

	switch (BPF_MODE(in->code)) {
	case BPF_IMM:
		*to = in->k;
		break;
	case BPF_LEN:
		*to = sizeof m->d;
		break;
	case BPF_ABS:
		good = to == &m->a && BPF_SIZE(in->code) == BPF_W && load_data(m, in->k, to);
		break;
	case BPF_MEM:
		good = in->k < BPF_MEMWORDS;
		if (good)
			*to = m->scratch[in->k];
		break;
	default:
		good = false;
	}
	if (!good)
		leave(m);
}

static void store(struct machine *m, const struct sock_filter *in, uint32_t value)
{
	if (in->k < BPF_MEMWORDS)
		m->scratch[in->k] = value;
	else
		leave(m);
}

static void finish(struct machine *m, const struct sock_filter *in)
{
	if (in->code != (BPF_RET | BPF_K) && in->code != (BPF_RET | BPF_A)) {
		leave(m);
		return;
	}
	if (in->code == (BPF_RET | BPF_K))
		m->a = in->k;
	m->returned = true;
}

static void step(struct machine *m)
{
	const struct sock_filter *in = &m->p->at[m->at++];

	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
		load(m, in, &m->a);
		return;
	case BPF_LDX:
		load(m, in, &m->x);
		return;
	case BPF_ST:
		store(m, in, m->a);
		return;
	case BPF_STX:
		store(m, in, m->x);
		return;
	case BPF_ALU:
		calculate(m, in);
		return;
	case BPF_JMP:
		jump(m, in);
		return;
	case BPF_RET:
		finish(m, in);
		return;
	default: /* BPF_MISC */
		if (BPF_MISCOP(in->code) == BPF_TAX)
			m->x = m->a;
		else if (BPF_MISCOP(in->code) == BPF_TXA)
			m->a = m->x;
		else
			leave(m);
	}
}

bpf_verdict bpf_run(const struct bpf_program *p, const struct bpf_call *call, unsigned *steps,
		    bool *read_args)
{
	const uint32_t after_head = offsetof(struct seccomp_data, instruction_pointer);
	struct machine m = { .p = p };
	unsigned n = 0;
	bool read = false;

	see(call, &m.d);
	for (; m.at < p->n && !m.returned; n++) {
		const struct sock_filter *in = &p->at[m.at];

		read |= in->code == (BPF_LD | BPF_W | BPF_ABS) && in->k >= after_head;
		step(&m);
	}
	if (steps != NULL)
		*steps = n;
	if (read_args != NULL)
		*read_args = read;
	return m.returned ? m.a : SECCOMP_RET_KILL_PROCESS;
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
