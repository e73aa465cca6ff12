/*
 * Filters as sets of calls: what a program answers to all calls at once. Pure.
 *
 * A seccomp filter is loop-free, and reads struct seccomp_data as 16 words of 32 bits. Each of its jumps asks one word,
 * perhaps masked, for equality or order; so each path through it is a conjunction of such conditions, and whether a
 * call takes it can be decided exactly, word by word.
 */
#ifndef POLICY_SYMBOLIC_H
#define POLICY_SYMBOLIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/bpf.h"

enum {
	SYMBOLIC_WORDS = 16, /* of struct seccomp_data */
	SYMBOLIC_NR = 0,     /* the word of each field */
	SYMBOLIC_ARCH = 1,
	SYMBOLIC_IP = 2,   /* and 3 */
	SYMBOLIC_ARGS = 4, /* argument n: low half in 4 + 2n, high half in 5 + 2n */
	SYMBOLIC_CONDITIONS_MAX = 4096,
	/* A loop-free program can still have 2^1000 paths. A built-in filter, run for every number, takes some 7,000
	 * branches. */
	SYMBOLIC_BRANCHES_MAX = 1 << 17,
};

/* (word & mask) OP value. */
enum symbolic_op { SYMBOLIC_EQ, SYMBOLIC_NE, SYMBOLIC_GE, SYMBOLIC_LT };
struct symbolic_condition {
	uint8_t word;
	enum symbolic_op op;
	uint32_t mask, value;
};

/* The calls that meet all conditions. Zeroed, all of them. */
struct symbolic_set {
	size_t n;
	size_t branches; /* taken by runs with this set so far */
	struct symbolic_condition at[SYMBOLIC_CONDITIONS_MAX];
};

/* Adds a condition. False when there is no room, which a loop-free filter of 4096 instructions does not reach. */
bool symbolic_add(struct symbolic_set *s, unsigned word, enum symbolic_op op, uint32_t mask,
		  uint32_t value);

/* Whether any call is in the set; exact. *out, which may be NULL, becomes one that is. */
bool symbolic_some(const struct symbolic_set *s, struct bpf_call *out);

/* Whether the conditions on one word leave it any value. */
bool symbolic_possible(const struct symbolic_set *s, unsigned word);

/* Calls `each` for every path of the program that some call of the set takes, with the answer and the calls that get
 * it; `each` may add conditions for itself. Stops at its first result that is not 0, and returns that. -EINVAL, and *e
 * says where, for a program that no kernel would load, or that does what no filter of ours does; -E2BIG for one with too
 * many paths. */
typedef int (*symbolic_each)(void *ctx, bpf_verdict verdict, struct symbolic_set *calls);
int symbolic_run(const struct bpf_program *p, struct symbolic_set *calls, symbolic_each each,
		 void *ctx, struct err *e);

#endif
