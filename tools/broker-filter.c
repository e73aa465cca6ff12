/*
 * broker-filter - prints the broker's own filters, compiled from src/broker/rules.c, as a C file: one for each set of needs.
 * Runs when zviz is built: every start of a container would do the same otherwise.
 */
#include <stdio.h>

#include "broker/broker.h"
#include "broker/rules.h"

int main(void)
{
	struct broker_filter filters[BROKER_NEEDS_ALL + 1] = { 0 };
	struct arena a = { 0 };
	struct err e = { 0 };
	size_t at = 0;

	printf("#include \"broker/rules.h\"\n\nconst struct sock_filter broker_instructions[] = {\n");
	for (unsigned needs = 0; needs <= BROKER_NEEDS_ALL; needs++) {
		struct bpf_policy policy = broker_policy(&a, needs);
		struct bpf_program p;

		if (needs != broker_needs_whole(needs))
			continue;
		if (bpf_compile(&a, &policy, &p, &e) < 0) {
			fprintf(stderr, "%s\n", e.text);
			return 1;
		}
		if (at + p.n > UINT16_MAX) {
			fprintf(stderr, "too many instructions for struct broker_filter\n");
			return 1;
		}
		filters[needs] = (struct broker_filter){ .at = (uint16_t)at,
							 .length = (uint16_t)p.n };
		at += p.n;
		for (size_t i = 0; i < p.n; i++)
			printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", p.at[i].code, p.at[i].jt,
			       p.at[i].jf, p.at[i].k);
	}
	printf("};\n\nconst struct broker_filter broker_filters[] = {\n");
	for (unsigned needs = 0; needs <= BROKER_NEEDS_ALL; needs++)
		printf("\t{ %u, %u },\n", filters[broker_needs_whole(needs)].at,
		       filters[broker_needs_whole(needs)].length);
	printf("};\n");
	arena_free(&a);
	return fflush(stdout) != 0;
}
