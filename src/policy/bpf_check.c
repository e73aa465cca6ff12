#include <errno.h>
#include <linux/seccomp.h>

#include "policy/bpf.h"

/* kernel/seccomp.c, seccomp_check_filter(): what a filter may do. Loads of bytes and halves, and MOD, are not there. */
static const uint16_t permitted[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LDX | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_STX,
	BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA,
	BPF_RET | BPF_K,
	BPF_RET | BPF_A,
	BPF_ALU | BPF_NEG,
	BPF_ALU | BPF_ADD, /* with BPF_K, as the others: both are 0 */
	BPF_ALU | BPF_ADD | BPF_X,
	BPF_ALU | BPF_SUB | BPF_K,
	BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL | BPF_K,
	BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_DIV | BPF_K,
	BPF_ALU | BPF_DIV | BPF_X,
	BPF_ALU | BPF_AND | BPF_K,
	BPF_ALU | BPF_AND | BPF_X,
	BPF_ALU | BPF_OR | BPF_K,
	BPF_ALU | BPF_OR | BPF_X,
	BPF_ALU | BPF_XOR | BPF_K,
	BPF_ALU | BPF_XOR | BPF_X,
	BPF_ALU | BPF_LSH | BPF_K,
	BPF_ALU | BPF_LSH | BPF_X,
	BPF_ALU | BPF_RSH | BPF_K,
	BPF_ALU | BPF_RSH | BPF_X,
	BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ | BPF_K,
	BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JGE | BPF_K,
	BPF_JMP | BPF_JGE | BPF_X,
	BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGT | BPF_X,
	BPF_JMP | BPF_JSET | BPF_K,
	BPF_JMP | BPF_JSET | BPF_X,
};

static bool is_permitted(uint16_t code)
{
	for (size_t i = 0; i < COUNT(permitted); i++)
		if (permitted[i] == code)
			return true;
	return false;
}

/* Whether a value or a place that the instruction names is one that the kernel takes. */
static const char *bad_operand(const struct sock_filter *in)
{
	switch (in->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return in->k % 4 != 0 || in->k >= sizeof(struct seccomp_data)
			       ? "a load from outside"
			       : NULL;
	case BPF_ALU | BPF_DIV | BPF_K:
		return in->k == 0 ? "a division by zero" : NULL;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return in->k >= 32 ? "a shift by more than a word" : NULL;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return in->k >= BPF_MEMWORDS ? "no scratch word" : NULL;
	default:
		return NULL;
	}
}

static bool jumps_out(const struct bpf_program *p, size_t at)
{
	const struct sock_filter *in = &p->at[at];
	size_t left = p->n - at - 1; /* instructions behind it */

	if (BPF_CLASS(in->code) != BPF_JMP)
		return false;
	if (BPF_OP(in->code) == BPF_JA)
		return in->k >= left;
	return in->jt >= left || in->jf >= left;
}

/* Scratch words that have a value, whichever way leads to an instruction: what the ways have in common. */
static bool reads_unset(const struct bpf_program *p, uint16_t *set, size_t at, uint16_t *now)
{
	const struct sock_filter *in = &p->at[at];

	*now &= set[at];
	switch (in->code) {
	case BPF_ST:
	case BPF_STX:
		*now |= (uint16_t)(1u << in->k);
		return false;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
		return !(*now >> in->k & 1);
	case BPF_JMP | BPF_JA:
		set[at + 1 + in->k] &= *now;
		*now = UINT16_MAX;
		return false;
	default:
		if (BPF_CLASS(in->code) != BPF_JMP)
			return false;
		set[at + 1 + in->jt] &= *now;
		set[at + 1 + in->jf] &= *now;
		*now = UINT16_MAX;
		return false;
	}
}

static int check_scratch(const struct bpf_program *p, struct err *e)
{
	uint16_t set[BPF_MAXINSNS], now = 0;

	for (size_t i = 0; i < p->n; i++)
		set[i] = UINT16_MAX;
	for (size_t i = 0; i < p->n; i++)
		if (reads_unset(p, set, i, &now))
			return fail(e, EINVAL, "instruction %zu: a scratch word without a value",
				    i);
	return 0;
}

int bpf_check(const struct bpf_program *p, struct err *e)
{
	if (p->n == 0 || p->n > BPF_MAXINSNS)
		return fail(e, EINVAL, "%zu instructions: 1 to %d are possible", p->n,
			    BPF_MAXINSNS);
	for (size_t i = 0; i < p->n; i++) {
		const char *operand = bad_operand(&p->at[i]);

		if (!is_permitted(p->at[i].code))
			return fail(e, EINVAL, "instruction %zu: code 0x%x is not for filters", i,
				    p->at[i].code);
		if (operand != NULL)
			return fail(e, EINVAL, "instruction %zu: %s", i, operand);
		if (jumps_out(p, i))
			return fail(e, EINVAL, "instruction %zu: a jump behind the end", i);
	}
	if (BPF_CLASS(p->at[p->n - 1].code) != BPF_RET)
		return fail(e, EINVAL, "instruction %zu: behind the end", p->n);
	return check_scratch(p, e);
}
