/*
 * Decision graphs: what a filter does, before its instructions have places. Pure.
 *
 * A node is one instruction whose successors are nodes made before it. Equal nodes are one node, so
 * equal endings are shared, whichever calls they belong to; what the root cannot reach is never
 * written.
 */
#ifndef POLICY_BPF_GRAPH_H
#define POLICY_BPF_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "policy/bpf.h"

/* A node's place in the graph; good for as long as the graph is. */
typedef uint32_t node_id;

struct graph_node {
	uint16_t code;
	uint32_t k;
	node_id yes, no; /* `no` is 0 where there is one successor, both are for a return */
};

/* Start from { .arena = … }: everything lives there. */
struct graph {
	struct arena *arena;
	size_t n, cap;
	struct graph_node *at;
	size_t slots;  /* a power of two, or 0 */
	node_id *slot; /* hash table of nodes: id + 1, 0 when free */
	/* The return that was asked for last: one call after the other gets the same. */
	bool returned;
	bpf_verdict last_verdict;
	node_id last_return;
};

/* Values from `start` up to the next run's start lead to `to`. */
struct graph_run {
	uint32_t start;
	node_id to;
};

node_id graph_return(struct graph *g, bpf_verdict verdict);

/* Goes to `yes` when the word loaded is k. One goal is no question: that goal is returned. */
node_id graph_equal(struct graph *g, uint32_t k, node_id yes, node_id no);

/* Loads the word at `offset` of struct seccomp_data and goes on to `at`; a return needs no word. */
node_id graph_load(struct graph *g, unsigned offset, node_id at);

/* Reads the word at `offset` of struct seccomp_data, masks it, and goes where its run leads. The
 * runs are sorted and the first starts at 0; they are reduced in place. Reads nothing where all
 * lead to one node. */
node_id graph_select(struct graph *g, unsigned offset, uint32_t mask, struct graph_run *runs,
		     size_t n);

/* Writes the program that starts at `root`, into `a`. -E2BIG over BPF_MAXINSNS. */
int graph_write(const struct graph *g, node_id root, struct arena *a, struct bpf_program *out,
		struct err *e);

#endif
