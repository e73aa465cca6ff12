/* What zviz-net is told: its job, a change of its rules, and rows for who holds them, which has reserved all memory that reading
 * takes (net/door.c). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/net_judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static int has(void *ctx, uint32_t sets, const struct net_flow *f)
{
	(void)ctx;
	return (int)((sets ^ f->to[0]) & 1);
}

/* Whoever is permitted, a row of the job says so. */
static void judge(const struct net_job *job)
{
	static const uint8_t to[][16] = { { 10, 1, 2, 3 },
					  { 169, 254, 169, 254 },
					  { 0x20, 1, 0xd, 0xb8 } };

	for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
		struct net_flow f = { .protocol = i == 1 ? 17 : 6,
				      .width = i == 2 ? 16 : 4,
				      .port = 443 };
		const struct net_out *row;

		memcpy(f.to, to[i], sizeof f.to);
		require(net_judge_out(job, &f, 9, has, NULL, &row) == 0);
		require(row == NULL || (row >= job->out && row < job->out + job->nout));
		(void)net_judge_in(job, &f);
		require(net_judge_mark(job, row, 7) != 0 || row == NULL || row->spends == NET_FREE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct arena_block *room;
	struct net_job job;
	struct err e;
	char *text;
	size_t lines = 0;

	if (size > NET_ROWS_BYTES_MAX)
		return 0;
	arena_reserve(&a, 16 * NET_ROWS_BYTES_MAX);
	room = a.last;
	text = arena_alloc(&a, size + 1);
	memcpy(text, data, size);
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	if (net_job_parse(&a, text, size, &job, &e) == 0) {
		require(job.ndomains <= NET_DOMAINS_MAX && job.rules != NULL);
		judge(&job);
	}
	require(a.last == room || lines > NET_ROWS_LINES_MAX);
	arena_free(&a);
	return 0;
}
