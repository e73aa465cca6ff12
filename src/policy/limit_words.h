/*
 * Words that limits are written with: lists of processors or memory nodes, sizes of huge pages, weights. Pure.
 */
#ifndef POLICY_LIMIT_WORDS_H
#define POLICY_LIMIT_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

enum {
	CPU_LIST_MAX =
		8192, /* numbers below it: NR_CPUS of x86, the largest that Linux can be built for */
	WEIGHT_MIN = 1, /* CGROUP_WEIGHT_MIN and its siblings, include/linux/cgroup.h */
	WEIGHT_DEFAULT = 100,
	WEIGHT_MAX = 10000,
	CPU_PERIOD_MIN_US =
		1000, /* min_cfs_quota_period and max_cfs_quota_period, kernel/sched/core.c */
	CPU_PERIOD_MAX_US = 1000000,
	BFQ_WEIGHT_MAX =
		1000, /* BFQ_MAX_WEIGHT of block/bfq-iosched.h; its default is 100 as well */
};

struct cpu_list {
	uint64_t bits[CPU_LIST_MAX / 64];
};

/* "0-3,6". False: it is no such list, or names a number that no machine has. */
bool cpu_list_read(const char *text, struct cpu_list *out);
bool cpu_list_within(const struct cpu_list *inner, const struct cpu_list *outer);
unsigned cpu_list_count(const struct cpu_list *list);

/* What is in both, as such a text; NULL: nothing is. */
const char *cpu_list_both(struct arena *a, const struct cpu_list *x, const struct cpu_list *y);

/* "2MB", as the files of hugetlb are called. */
bool page_size_valid(const char *text);

/* A weight as cpu.shares of v1, where 1024 is what others have: the kernel's own scale
 * (sched_weight_from_cgroup() in kernel/sched/sched.h). */
uint64_t weight_shares(uint64_t weight);

#endif
