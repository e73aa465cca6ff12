/*
 * Two readings of the same bytes: as a policy, whose program must say what the table says, and as a
 * program from elsewhere, which the simulator and the listing must survive.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "policy/bpf.h"

enum { RULES_MAX = 64, CASES_MAX = 16, CALLS = 64 };

struct bytes {
	const uint8_t *at;
	size_t left;
};

/* Zeroes when there is nothing left. */
static uint64_t take(struct bytes *b, size_t n)
{
	uint64_t v = 0;

	if (n > b->left)
		n = b->left;
	memcpy(&v, b->at, n);
	b->at += n;
	b->left -= n;
	return v;
}

static bpf_verdict take_verdict(struct bytes *b)
{
	static const bpf_verdict verdicts[] = { SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM,
						SECCOMP_RET_ERRNO | ENOSYS,
						SECCOMP_RET_USER_NOTIF };

	return verdicts[take(b, 1) % COUNT(verdicts)];
}

/* Half of all masks and values are narrow: that is where equal ones meet. */
static uint64_t take_wide(struct bytes *b)
{
	return take(b, take(b, 1) % 2 == 0 ? 1 : 8);
}

static void take_rule(struct arena *a, struct bytes *b, struct bpf_rule *r)
{
	struct bpf_case *cases;

	r->n = take(b, 1) % (CASES_MAX + 1);
	r->cases = cases = arena_array(a, r->n, sizeof *cases);
	r->otherwise = take_verdict(b);
	for (size_t i = 0; i < r->n; i++) {
		cases[i].n = take(b, 1) % (BPF_TESTS_MAX + 1);
		cases[i].then = take_verdict(b);
		for (size_t t = 0; t < cases[i].n; t++)
			cases[i].tests[t] = (struct bpf_test){
				.arg = take(b, 1) % 6,
				.op = (enum bpf_op)(take(b, 1) % 6),
				.mask = take_wide(b),
				.value = take_wide(b),
			};
	}
}

static void take_arch(struct arena *a, struct bytes *b, struct bpf_arch *arch)
{
	struct bpf_rule *rules;
	int nr = 0;

	arch->audit_arch = AUDIT_ARCH_X86_64;
	arch->unknown = take_verdict(b);
	arch->beyond = take_verdict(b);
	arch->n = take(b, 1) % RULES_MAX;
	arch->rules = rules = arena_array(a, arch->n, sizeof *rules);
	for (size_t i = 0; i < arch->n; i++) {
		rules[i].nr = nr;
		take_rule(a, b, &rules[i]);
		nr += 1 + (int)(take(b, 1) % 4);
	}
	arch->nr_limit = (uint32_t)nr + (uint32_t)take(b, 1);
}

/* A call to some rule, with one of its own values in some argument. */
static void take_call(struct bytes *b, const struct bpf_arch *arch, struct bpf_call *call)
{
	const struct bpf_rule *r = arch->n > 0 ? &arch->rules[take(b, 1) % arch->n] : NULL;

	*call = (struct bpf_call){ .arch = arch->audit_arch, .nr = (int)take(b, 2) };
	for (size_t i = 0; i < 6; i++)
		call->arg[i] = take_wide(b);
	if (r == NULL)
		return;
	call->nr = r->nr;
	for (size_t i = 0; i < r->n; i++)
		for (size_t t = 0; t < r->cases[i].n; t++)
			if (take(b, 1) % 2 == 0)
				call->arg[r->cases[i].tests[t].arg] = r->cases[i].tests[t].value +
								      take(b, 1) % 3 - 1;
}

static void as_policy(struct bytes b)
{
	struct arena a = { 0 };
	struct bpf_arch arch = { 0 };
	const struct bpf_policy p = { 1, &arch, SECCOMP_RET_KILL_PROCESS };
	struct bpf_program prog;
	struct bpf_call call;
	struct err e;

	take_arch(&a, &b, &arch);

	int r = bpf_compile(&a, &p, &prog, &e);

	if (r < 0 && r != -E2BIG)
		abort();
	for (size_t i = 0; r == 0 && i < CALLS; i++) {
		take_call(&b, &arch, &call);
		if (bpf_run(&prog, &call, NULL, NULL) != bpf_reference(&p, &call))
			abort();
	}
	arena_free(&a);
}

static void as_program(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct buf text = { .arena = &a };
	struct bpf_program prog = { .n = size / sizeof *prog.at };
	unsigned steps;

	prog.at = arena_array(&a, prog.n, sizeof *prog.at);
	memcpy(prog.at, data, prog.n * sizeof *prog.at);
	bpf_run(&prog, &(struct bpf_call){ .nr = 1 }, &steps, NULL);
	if (steps > prog.n)
		abort();
	bpf_list(&prog, NULL, &text);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 1 << 16)
		return 0;
	as_policy((struct bytes){ data, size });
	as_program(data, size);
	return 0;
}
