/* Images come from another process of the same owner. Whatever becomes of one, what is accepted must lie within itself, and
 * survive a second trip. */
#include <linux/audit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/decide.h"
#include "policy/live_image.h"
#include "policy/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void decide_questions(const struct broker_plan *plan)
{
	static const char *const hosts[] = { "10.1.2.3", "::1", "0.0.0.0" };

	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		struct address to = { .port = 443 };
		uint8_t bits;

		require(address_range(hosts[i], to.bytes, &bits));
		(void)decide_connect(plan, &to, 6, NULL);
	}
	(void)decide_execute(plan, "/usr/bin/id", NULL);
	(void)decide_ask(plan, ASK_READ, "/work/file", NULL);
	(void)decide_ask(plan, ASK_WRITE, "/work/file", NULL);
}

/* Numbers of rows that there are not are not taken. */
static void number_rows(const struct live_tables *t)
{
	struct plan_net n = { .egress.n = 2, .ingress.n = 1 };
	uint32_t sum = 0;

	if (!live_give_numbers(t, &n) || n.numbers.change == 0)
		return;
	for (size_t i = 0; i < 2; i++)
		sum += n.numbers.egress[i] + n.numbers.names[i];
	require(sum + n.numbers.ingress[0] == sum + t->net_ingress.at[0]);
}

static void decide_all(const struct live_tables *t)
{
	static const struct broker_plan base = { .used = true };
	struct broker_plan plan;

	live_apply(&base, t, &plan);
	decide_questions(&plan);
	number_rows(t);
	for (size_t i = 0; i < plan.ncalls; i++) {
		struct call c = { .arch = AUDIT_ARCH_X86_64, .nr = plan.calls[i].nr };
		struct object o = { .path = "/work/file", .reachable = true };

		(void)decide_call(&plan, &c, &plan.calls[i]);
		(void)decide_open(&plan, &o, WANT_READ | WANT_WRITE);
	}
}

/* The image of a profile with whatever a table may hold: no input would find its way there by itself. */
static size_t whole_image(struct arena *a, char **out)
{
	static const char text[] =
		"zviz: 1\nname: asks\nextends: ci-runner\n"
		"ask:\n"
		"  read: [\"/work/**\"]\n"
		"  execute: [/usr/bin/id]\n"
		"  connect: [{cidr: 10.0.0.0/8, ports: [53, 443]}, {cidr: \"::1\"}]\n"
		"  always: {connect: [{cidr: 10.1.0.0/16}], execute: [/usr/bin/true]}\n";
	struct reference *ref = arena_alloc(a, sizeof *ref);
	struct plan *plan = arena_alloc(a, sizeof *plan);
	struct live_tables t;
	struct profile p;
	struct err e;
	size_t len;

	require(profile_load(a, "asks", text, sizeof text - 1, NULL, NULL, &p, &e) == 0);
	require(reference_plan(a, &p, HOST_X86_64, false, true, ref, plan, &e) == 0);
	live_tables_of(&plan->broker, &t);

	const uint32_t numbers[] = { 4, 1 };
	const struct plan_net net = { .egress.n = 2,
				      .ingress.n = 1,
				      .numbers = { .change = 1,
						   .egress = numbers,
						   .names = numbers,
						   .ingress = numbers,
						   .last = 4,
						   .last_in = 4 } };

	live_take_numbers(&net, &t);
	require(live_pack(a, &t, out, &len, &e) == 0);
	return len;
}

/* Each five bytes of the input: where, and what. */
static void edit(char *image, size_t len, const uint8_t *data, size_t size)
{
	uint32_t at;

	for (size_t i = 0; i + 5 <= size; i += 5) {
		memcpy(&at, data + i, sizeof at);
		image[at % len] = (char)data[i + 4];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct err e;
	char *whole, *again;
	size_t len = whole_image(&a, &whole), len2;
	char *image = malloc(len); /* its end is where a sanitizer sees it */

	require(image != NULL);
	memcpy(image, whole, len);
	edit(image, len, data, size);

	const struct live_tables *t = live_unpack(image, len);

	require(t != NULL || size != 0);
	if (t != NULL) {
		decide_all(t);
		/* Overlapping parts may need more room when they are written apart. */
		if (live_pack(&a, t, &again, &len2, &e) == 0)
			require(live_unpack(again, len2) != NULL);
	}
	free(image);
	arena_free(&a);
	return 0;
}
