/*
 * broker-filter - prints the broker's own filter, compiled from src/broker/rules.c, as a C file. Runs when zviz is
 * built: every start of a container would do the same otherwise.
 */
#include <stdio.h>

#include "broker/rules.h"

int main(void)
{
	struct arena a = { 0 };
	struct bpf_program p;
	struct err e = { 0 };

	if (bpf_compile(&a, &broker_policy, &p, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	printf("#include \"broker/rules.h\"\n\nconst struct sock_filter broker_filter[] = {\n");
	for (size_t i = 0; i < p.n; i++)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", p.at[i].code, p.at[i].jt, p.at[i].jf,
		       p.at[i].k);
	printf("};\nconst size_t broker_filter_length = %zu;\n", p.n);
	arena_free(&a);
	return fflush(stdout) != 0;
}
