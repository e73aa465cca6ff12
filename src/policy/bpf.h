/*
 * Seccomp filters: from a table of verdicts to a classic BPF program, and back for tests.
 * Pure: no system call, no global.
 *
 * The program checks the architecture first, then finds the number in a balanced tree of ranges. A call
 * whose verdict does not depend on its arguments reads no argument, so the kernel's per-filter cache of
 * always-allowed calls can serve it without running the program.
 */
#ifndef POLICY_BPF_H
#define POLICY_BPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Seccomp return values: BPF_ERRNO(EPERM), SECCOMP_RET_ALLOW … as linux/seccomp.h has them. */
typedef uint32_t bpf_verdict;

/* One test on a register: (argument & mask) OP value, unsigned, 64 bits wide. A narrow test masks with
 * 0xffffffff: the kernel reads only the low half of int arguments. */
enum bpf_op { BPF_OP_EQ, BPF_OP_NE, BPF_OP_GT, BPF_OP_GE, BPF_OP_LT, BPF_OP_LE };
struct bpf_test {
	unsigned arg; /* 0 to 5 */
	enum bpf_op op;
	uint64_t mask, value;
};

enum { BPF_TESTS_MAX = 6 };

bool bpf_holds(const struct bpf_test *t, uint64_t arg);

/* All tests hold → verdict. The first row that holds decides. */
struct bpf_case {
	size_t n;
	struct bpf_test tests[BPF_TESTS_MAX];
	bpf_verdict then;
};

/* What one call number gets: the first case that holds, else `otherwise`. */
struct bpf_rule {
	int nr;
	size_t n;
	const struct bpf_case *cases;
	bpf_verdict otherwise;
};

/* One architecture's table. Rules in any order, at most one a number (-EINVAL otherwise). */
struct bpf_arch {
	uint32_t audit_arch; /* AUDIT_ARCH_X86_64 … */
	size_t n;
	const struct bpf_rule *rules;
	uint32_t nr_limit; /* numbers from here on are `beyond` (x32 has bit 30 set: 0x40000000) */
	bpf_verdict unknown; /* numbers below nr_limit without a rule */
	bpf_verdict beyond;
};

struct bpf_policy {
	size_t n;
	const struct bpf_arch *arches; /* the native one first: it is tested first */
	bpf_verdict other_arch;
};

struct bpf_program {
	size_t n;
	struct sock_filter *at; /* in the arena */
};

/* Compiles. -EINVAL for a duplicate number, one not below nr_limit, an architecture with two tables or a
 * test out of range; -E2BIG over 4096 instructions. Rules sorted by number compile faster. */
int bpf_compile(struct arena *a, const struct bpf_policy *p, struct bpf_program *out,
		struct err *e);

/* The same, with the caller's memory for what is only needed meanwhile: an arena less to ask the kernel for. */
int bpf_compile_with(struct arena *scratch, struct arena *a, const struct bpf_policy *p,
		     struct bpf_program *out, struct err *e);

/* A call as the kernel shows it to a filter. */
struct bpf_call {
	uint32_t arch;
	int nr;
	uint64_t arg[6];
	uint64_t ip;
};

/* 0 for a program that the kernel takes as a filter, by the rules of its seccomp_check_filter() and bpf_check_classic();
 * -EINVAL otherwise, and *e says where. */
int bpf_check(const struct bpf_program *p, struct err *e);

/* Runs the program. Returns the verdict; *steps (may be NULL) gets the instructions executed, and *read_args
 * (may be NULL) whether an argument or the instruction pointer was loaded. A malformed program gives
 * SECCOMP_RET_KILL_PROCESS. */
bpf_verdict bpf_run(const struct bpf_program *p, const struct bpf_call *call, unsigned *steps,
		    bool *read_args);

/* What the table itself says, straight from the definition above: the generator's reference. */
bpf_verdict bpf_reference(const struct bpf_policy *p, const struct bpf_call *call);

/* The instructions that a call of this number executes at most, whatever its arguments. */
unsigned bpf_longest(struct arena *a, const struct bpf_program *p, uint32_t arch, int nr);

/* A readable listing, one instruction a line. `name` (may be NULL) names a call number of an architecture. */
void bpf_list(const struct bpf_program *p, const char *(*name)(uint32_t arch, int nr),
	      struct buf *out);

#endif
