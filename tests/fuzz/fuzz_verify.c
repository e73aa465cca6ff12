/*
 * A built-in profile's filter with some of its instructions exchanged, or any bytes as a filter: the proof never hangs,
 * its examples are real (verify_filter() tries them), and what it calls equal is equal for calls at the borders.
 */
#include <linux/audit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reference.h"
#include "policy/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PROBES = 64 };

struct base {
	struct arena arena;
	struct profile profile;
	struct reference reference;
	struct plan plan;
	struct meaning meaning;
};

static void require(int condition)
{
	if (!condition)
		abort();
}

/* Made once: it is the same for every input. */
static const struct base *base(void)
{
	static struct base b;
	const struct meaning_request silent = { 0 };
	struct err e;

	if (b.meaning.n != 0)
		return &b;
	require(profile_load_builtin(&b.arena, profile_builtin("hostile-tenant"), &b.profile, &e) ==
		0);
	require(reference_plan(&b.arena, &b.profile, HOST_X86_64, false, false, &b.reference,
			       &b.plan, &e) == 0);
	meaning_make(&b.arena, &b.profile, &silent, AUDIT_ARCH_X86_64, &b.meaning);
	return &b;
}

/* Five bytes an edit: which instruction, which part of it, and three bytes of value. */
static struct bpf_program edited(struct arena *a, const struct base *b, const uint8_t *data,
				 size_t size)
{
	struct bpf_program p = { b->plan.filter.n, arena_array(a, b->plan.filter.n, sizeof *p.at) };

	memcpy(p.at, b->plan.filter.at, p.n * sizeof *p.at);
	for (; size >= 5; data += 5, size -= 5) {
		struct sock_filter *in = &p.at[data[0] % p.n];
		uint32_t value = data[2] | (uint32_t)data[3] << 8 | (uint32_t)data[4] << 24;

		switch (data[1] % 4) {
		case 0:
			in->k = value;
			break;
		case 1:
			in->jt = data[2];
			break;
		case 2:
			in->jf = data[2];
			break;
		default:
			in->code = (uint16_t)value;
		}
	}
	return p;
}

static struct bpf_program raw(struct arena *a, const uint8_t *data, size_t size)
{
	struct bpf_program p = { size / sizeof *p.at, arena_alloc(a, size + 1) };

	memcpy(p.at, data, p.n * sizeof *p.at);
	return p;
}

static void require_equal(const struct base *b, const struct bpf_program *p, const uint8_t *data,
			  size_t size)
{
	uint64_t seed = size;

	for (size_t i = 0; i < PROBES; i++) {
		struct bpf_call c = { .arch = AUDIT_ARCH_X86_64 };

		seed = seed * 6364136223846793005u + 1442695040888963407u + data[i % size];
		c.nr = b->meaning.at[(seed >> 33) % b->meaning.n].nr;
		for (unsigned n = 0; n < 6; n++)
			c.arg[n] = p->at[(seed >> (20 + n)) % p->n].k;
		require(meaning_admits(&b->meaning, &c, bpf_run(p, &c, NULL, NULL)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct base *b = base();
	struct arena a = { 0 };
	struct verify_result r;
	struct err e;

	if (size > 1) {
		struct bpf_program p = data[0] % 2 ? raw(&a, data + 1, size - 1)
						   : edited(&a, b, data + 1, size - 1);

		if (verify_filter(&b->meaning, &p, &r, &e) == 0)
			require_equal(b, &p, data, size);
	}
	arena_free(&a);
	return 0;
}
