#include <linux/seccomp.h>

#include "policy/bpf.h"

/* What the accumulator holds when an instruction is reached, as far as it can be known: the number, the architecture,
 * or a word that may have any value. */
enum holds { HOLDS_NR, HOLDS_ARCH, HOLDS_ANY, HOLDS };

struct lengths {
	const struct bpf_program *p;
	uint32_t value[HOLDS]; /* of the first two */
	unsigned (*at)[HOLDS]; /* the longest path from each instruction on */
};

static unsigned from(const struct lengths *l, size_t i, enum holds h)
{
	return i < l->p->n ? l->at[i][h] : 0;
}

static enum holds loaded(uint32_t offset)
{
	if (offset == offsetof(struct seccomp_data, nr))
		return HOLDS_NR;
	return offset == offsetof(struct seccomp_data, arch) ? HOLDS_ARCH : HOLDS_ANY;
}

static bool jumps(const struct sock_filter *in, uint32_t value)
{
	switch (BPF_OP(in->code)) {
	case BPF_JEQ:
		return value == in->k;
	case BPF_JGT:
		return value > in->k;
	case BPF_JGE:
		return value >= in->k;
	default:
		return (value & in->k) != 0;
	}
}

static unsigned behind_jump(const struct lengths *l, size_t i, enum holds h)
{
	const struct sock_filter *in = &l->p->at[i];
	unsigned yes = from(l, i + 1 + in->jt, h), no = from(l, i + 1 + in->jf, h);

	if (BPF_OP(in->code) == BPF_JA)
		return from(l, i + 1 + in->k, h);
	if (h != HOLDS_ANY)
		return jumps(in, l->value[h]) ? yes : no;
	return yes > no ? yes : no;
}

static unsigned behind(const struct lengths *l, size_t i, enum holds h)
{
	const struct sock_filter *in = &l->p->at[i];

	switch (BPF_CLASS(in->code)) {
	case BPF_RET:
		return 0;
	case BPF_LD:
		return from(l, i + 1, loaded(in->k));
	case BPF_JMP:
		return behind_jump(l, i, h);
	default:
		return from(l, i + 1, HOLDS_ANY);
	}
}

unsigned bpf_longest(struct arena *a, const struct bpf_program *p, uint32_t arch, int nr)
{
	struct lengths l = { .p = p, .value = { [HOLDS_NR] = (uint32_t)nr, [HOLDS_ARCH] = arch } };

	l.at = arena_array(a, p->n, sizeof *l.at);
	for (size_t i = p->n; i-- > 0;) /* jumps lead forward only */
		for (enum holds h = 0; h < HOLDS; h++)
			l.at[i][h] = 1 + behind(&l, i, h);
	return from(&l, 0, HOLDS_ANY);
}
