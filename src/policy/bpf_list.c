#include <linux/audit.h>
#include <linux/seccomp.h>

#include "base/name.h"
#include "policy/bpf.h"
#include "table/table.h"

enum { UNKNOWN = UINT32_MAX };

/* What is certain when an instruction is reached, on whichever path. */
struct known {
	bool reached;
	uint32_t offset; /* the accumulator holds this word of struct seccomp_data, or UNKNOWN */
	uint32_t mask;   /* of which these bits */
	uint32_t arch;   /* UNKNOWN before the architecture was compared */
};

typedef const char *(*call_name)(uint32_t arch, int nr);

/* ---- words ---- */

static const struct name arch_names[] = { { "x86_64", AUDIT_ARCH_X86_64 },
					  { "aarch64", AUDIT_ARCH_AARCH64 },
					  { "i386", AUDIT_ARCH_I386 },
					  { "arm", AUDIT_ARCH_ARM },
					  { 0 } };

static const struct name actions[] = { { "KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
				       { "KILL_THREAD", SECCOMP_RET_KILL_THREAD },
				       { "TRAP", SECCOMP_RET_TRAP },
				       { "ERRNO", SECCOMP_RET_ERRNO },
				       { "USER_NOTIF", SECCOMP_RET_USER_NOTIF },
				       { "TRACE", SECCOMP_RET_TRACE },
				       { "LOG", SECCOMP_RET_LOG },
				       { "ALLOW", SECCOMP_RET_ALLOW },
				       { 0 } };

static void list_word(struct buf *out, uint32_t offset)
{
	const uint32_t args = offsetof(struct seccomp_data, args);
	const uint32_t ip = offsetof(struct seccomp_data, instruction_pointer);

	if (offset == UNKNOWN)
		buf_puts(out, "the word loaded");
	else if (offset == offsetof(struct seccomp_data, nr))
		buf_puts(out, "number");
	else if (offset == offsetof(struct seccomp_data, arch))
		buf_puts(out, "architecture");
	else if (offset < args)
		buf_printf(out, "%s half of the instruction pointer",
			   offset == ip ? "low" : "high");
	else
		buf_printf(out, "%s half of argument %u", offset % 8 == 0 ? "low" : "high",
			   (offset - args) / 8);
}

static void list_value(struct buf *out, const struct known *at, uint32_t k, call_name name)
{
	const struct name *arch = name_of(arch_names, k);
	const char *call = NULL;

	if (at->offset == offsetof(struct seccomp_data, nr)) {
		if (name != NULL && at->arch != UNKNOWN && k <= INT32_MAX)
			call = name(at->arch, (int)k);
		buf_printf(out, "%u", k);
		if (at->arch == AUDIT_ARCH_X86_64 && k == SYSCALL_X32_BIT)
			buf_puts(out, " (x32)");
		else if (call != NULL)
			buf_printf(out, " (%s%s)", k > SYSCALL_X32_BIT ? "x32: " : "", call);
	} else if (at->offset == offsetof(struct seccomp_data, arch) && arch != NULL) {
		buf_puts(out, arch->name);
	} else {
		buf_printf(out, "0x%x", k);
	}
}

static void list_verdict(struct buf *out, bpf_verdict v)
{
	const struct name *action = name_of(actions, v & SECCOMP_RET_ACTION_FULL);
	const struct name *err = name_of(errno_names, v & SECCOMP_RET_DATA);

	if (action == NULL) {
		buf_printf(out, "return 0x%x", v);
		return;
	}
	buf_printf(out, "return %s", action->name);
	if (action->value == SECCOMP_RET_ERRNO && err != NULL)
		buf_printf(out, " %s", err->name);
	else if (v & SECCOMP_RET_DATA)
		buf_printf(out, " %u", v & SECCOMP_RET_DATA);
}

/* ---- instructions ---- */

static const char *relation(uint16_t code)
{
	switch (code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return "==";
	case BPF_JMP | BPF_JGE | BPF_K:
		return ">=";
	case BPF_JMP | BPF_JGT | BPF_K:
		return ">";
	case BPF_JMP | BPF_JSET | BPF_K:
		return "has any of";
	default:
		return NULL;
	}
}

static void list_jump(struct buf *out, const struct sock_filter *in, size_t i,
		      const struct known *at, call_name name)
{
	buf_puts(out, "if ");
	list_word(out, at->offset);
	if (at->mask != UINT32_MAX)
		buf_printf(out, " & 0x%x", at->mask);
	buf_printf(out, " %s ", relation(in->code));
	list_value(out, at, in->k, name);
	buf_printf(out, " then %zu else %zu", i + 1 + in->jt, i + 1 + in->jf);
}

static void list_instruction(struct buf *out, const struct sock_filter *in, size_t i,
			     const struct known *at, call_name name)
{
	buf_printf(out, "%4zu  ", i);
	if (relation(in->code) != NULL) {
		list_jump(out, in, i, at, name);
	} else if (in->code == (BPF_LD | BPF_W | BPF_ABS)) {
		buf_puts(out, "load ");
		list_word(out, in->k);
	} else if (in->code == (BPF_ALU | BPF_AND | BPF_K)) {
		buf_printf(out, "and 0x%x", in->k);
	} else if (in->code == (BPF_JMP | BPF_JA)) {
		buf_printf(out, "go to %zu", i + 1 + in->k);
	} else if (in->code == (BPF_RET | BPF_K)) {
		list_verdict(out, in->k);
	} else {
		buf_printf(out, "unknown 0x%x %u %u 0x%x", in->code, in->jt, in->jf, in->k);
	}
	buf_puts(out, "\n");
}

/* ---- what is known where: jumps lead forward only, so one walk is enough ---- */

static void arrive(struct known *known, size_t n, size_t at, const struct known *with)
{
	struct known *k;

	if (at >= n)
		return;
	k = &known[at];
	if (!k->reached) {
		*k = *with;
		return;
	}
	if (k->offset != with->offset || k->mask != with->mask) {
		k->offset = UNKNOWN;
		k->mask = UINT32_MAX;
	}
	if (k->arch != with->arch)
		k->arch = UNKNOWN;
}

static void follow(const struct bpf_program *p, size_t i, struct known *known)
{
	const struct sock_filter *in = &p->at[i];
	struct known yes = known[i], no = known[i];

	if (relation(in->code) != NULL) {
		if (in->code == (BPF_JMP | BPF_JEQ | BPF_K) &&
		    yes.offset == offsetof(struct seccomp_data, arch))
			yes.arch = in->k;
		arrive(known, p->n, i + 1 + in->jt, &yes);
		arrive(known, p->n, i + 1 + in->jf, &no);
	} else if (in->code == (BPF_JMP | BPF_JA)) {
		arrive(known, p->n, i + 1 + in->k, &yes);
	} else if (in->code != (BPF_RET | BPF_K)) {
		if (in->code == (BPF_ALU | BPF_AND | BPF_K))
			yes.mask &= in->k;
		else
			yes.mask = UINT32_MAX;
		if (in->code == (BPF_LD | BPF_W | BPF_ABS))
			yes.offset = in->k;
		arrive(known, p->n, i + 1, &yes);
	}
}

void bpf_list(const struct bpf_program *p, call_name name, struct buf *out)
{
	struct known *known = arena_array(out->arena, p->n + 1, sizeof *known);

	known[0] = (struct known){ true, UNKNOWN, UINT32_MAX, UNKNOWN };
	for (size_t i = 0; i < p->n; i++) {
		if (!known[i].reached)
			known[i] = known[0];
		list_instruction(out, &p->at[i], i, &known[i], name);
		follow(p, i, known);
	}
}
