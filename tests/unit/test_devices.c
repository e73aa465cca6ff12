/*
 * Device rules: the program that is made of them, run by a small interpreter, must say what the rules say by their
 * definition, for every device and access in question.
 */
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan_limits.h"

/* Last: cmocka has a macro called fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- what the kernel would do ---- */

static uint32_t operand(const struct bpf_insn *i, const uint64_t *reg)
{
	return (uint32_t)(BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint64_t)(int64_t)i->imm);
}

/* The few instructions that such programs are made of; any other fails the test, as does a jump out of the program. */
static uint64_t run_program(const struct plan_devices *v, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };

	for (size_t at = 0; at < v->ncode; at++) {
		const struct bpf_insn *i = &v->code[at];
		uint64_t *dst = &reg[i->dst_reg];

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(i->src_reg, 1);
			assert_true(i->off >= 0 && (size_t)i->off + 4 <= sizeof *ctx);
			*dst = *(const uint32_t *)((const char *)ctx + i->off);
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = operand(i, reg);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			*dst = (uint32_t)*dst & operand(i, reg);
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			*dst = (uint32_t)*dst >> operand(i, reg);
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			at += (uint32_t)*dst != operand(i, reg) ? (size_t)i->off : 0;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			at += (uint32_t)*dst == operand(i, reg) ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0];
		default:
			fail_msg("instruction %zu: unknown code %#x", at, i->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

/* ---- what the rules mean ---- */

static bool speaks_of(const struct spec_device_rule *r, bool block, uint32_t major, uint32_t minor)
{
	bool b = r->type != NULL && r->type[0] == 'b';
	bool c = r->type != NULL && (r->type[0] == 'c' || r->type[0] == 'u');

	return !(b && !block) && !(c && block) && !(r->type != NULL && r->type[0] == 'p') &&
	       (!r->major.set || r->major.value == -1 || r->major.value == major) &&
	       (!r->minor.set || r->minor.value == -1 || r->minor.value == minor);
}

/* Those that every container has: read and write, nothing else. */
static bool is_own(bool block, uint32_t major, uint32_t minor)
{
	static const uint32_t memory[] = { 3, 5, 7, 8, 9 };

	for (size_t i = 0; !block && major == 1 && i < COUNT(memory); i++)
		if (minor == memory[i])
			return true;
	return !block && ((major == 5 && (minor == 0 || minor == 2)) || major == 136);
}

static bool permitted(const struct spec_device_rules *rules, bool block, uint32_t major,
		      uint32_t minor, char right)
{
	bool yes = false;

	for (size_t i = 0; i < rules->n; i++) {
		const struct spec_device_rule *r = &rules->at[i];

		if (speaks_of(r, block, major, minor) &&
		    (r->access == NULL || strchr(r->access, right) != NULL))
			yes = r->allow;
	}
	return yes || (right != 'm' && is_own(block, major, minor));
}

static bool expected(const struct spec_device_rules *rules, bool block, uint32_t major,
		     uint32_t minor, unsigned access)
{
	return (!(access & DEVICE_READ) || permitted(rules, block, major, minor, 'r')) &&
	       (!(access & DEVICE_WRITE) || permitted(rules, block, major, minor, 'w')) &&
	       (!(access & DEVICE_MKNOD) || permitted(rules, block, major, minor, 'm'));
}

/* ---- both ---- */

static void compare(struct arena *a, const struct spec_device_rules *rules)
{
	static const uint32_t numbers[] = { 0, 1, 2, 3, 5, 8, 136, 229, 0x7fffffff, 0xfffffff0 };
	struct spec s = { .file = "config.json" };
	struct profile p = { .name = "p" };
	struct plan plan = { 0 };
	struct err e;

	s.linux_.resources.devices = *rules;

	struct draft d = { .a = a, .s = &s, .p = &p, .plan = &plan };

	assert_int_equal(plan_devices(&d, 2, &e), 0);
	assert_true(plan.devices.ncode > 0 && plan.devices.ncode < 4096);
	for (unsigned which = 0; which < 2 * COUNT(numbers) * COUNT(numbers); which++)
		for (unsigned access = 1; access <= DEVICE_ALL; access++) {
			bool block = which & 1;
			struct bpf_cgroup_dev_ctx ctx = {
				.access_type = access << 16 |
					       (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
				.major = numbers[which / 2 % COUNT(numbers)],
				.minor = numbers[which / 2 / COUNT(numbers)],
			};
			bool want = expected(rules, block, ctx.major, ctx.minor, access);

			if (run_program(&plan.devices, &ctx) != want)
				fail_msg("%c %u:%u access %u of %zu rules: not %d",
					 block ? 'b' : 'c', ctx.major, ctx.minor, access, rules->n,
					 want);
		}
}

static struct signed_amount any_number(unsigned r)
{
	static const int64_t some[] = { 0, 1, 3, 8, 136, 0xfffffff0 };

	if (r % 4 == 0)
		return (struct signed_amount){ 0 };
	if (r % 4 == 1)
		return (struct signed_amount){ true, -1, { 0 } };
	return (struct signed_amount){ true, some[r / 4 % COUNT(some)], { 0 } };
}

static void random_rules_mean_what_they_say(void **state)
{
	static const char *const types[] = { NULL, "a", "b", "c", "u", "p" };
	static const char *const accesses[] = { NULL, "r", "w", "m", "rw", "rwm", "wm" };
	struct spec_device_rule rows[12];

	(void)state;
	srand(7);
	for (unsigned round = 0; round < 400; round++) {
		struct arena a = { 0 };
		struct spec_device_rules rules = { (size_t)rand() % 13, 12, rows };

		for (size_t i = 0; i < rules.n; i++)
			rows[i] = (struct spec_device_rule){
				.allow = rand() % 2,
				.type = types[(size_t)rand() % COUNT(types)],
				.access = accesses[(size_t)rand() % COUNT(accesses)],
				.major = any_number((unsigned)rand()),
				.minor = any_number((unsigned)rand()),
			};
		compare(&a, &rules);
		arena_free(&a);
	}
}

/* As Docker and Podman write them: refuse all, permit a few. */
static void rules_of_engines(void **state)
{
	struct spec_device_rule rows[] = {
		{ .allow = false, .access = "rwm" },
		{ .allow = true, .type = "c", .access = "m" },
		{ .allow = true, .type = "b", .access = "m" },
		{ .allow = true,
		  .type = "c",
		  .major = { true, 1, { 0 } },
		  .minor = { true, 3, { 0 } },
		  .access = "rwm" },
		{ .allow = true,
		  .type = "c",
		  .major = { true, 229, { 0 } },
		  .minor = { true, 229, { 0 } },
		  .access = "rwm" },
	};
	struct arena a = { 0 };
	struct spec_device_rules rules = { COUNT(rows), COUNT(rows), rows };

	(void)state;
	compare(&a, &rules);
	arena_free(&a);
}

/* A privileged container of an engine: everything. */
static void everything_is_one_rule(void **state)
{
	struct spec_device_rule rows[] = { { .allow = false, .type = "c" }, { .allow = true } };
	struct arena a = { 0 };
	struct spec_device_rules rules = { COUNT(rows), COUNT(rows), rows };

	(void)state;
	compare(&a, &rules);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules_mean_what_they_say),
		cmocka_unit_test(rules_of_engines),
		cmocka_unit_test(everything_is_one_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
