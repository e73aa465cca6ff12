/*
 * What the system tells of itself inside a container that has limits: the texts of /proc/meminfo, stat, loadavg and cpuinfo
 * (proc(5)), made of the limits and of what is in use. Pure: numbers in, text out. Init writes them once; the broker
 * keeps those that change up to date (broker/view.h).
 */
#ifndef POLICY_VIEW_H
#define POLICY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum view_file {
	VIEW_MEMINFO,
	VIEW_STAT,
	VIEW_LOADAVG,
	VIEW_KEPT, /* how many of them change all the time */
	VIEW_CPUINFO = VIEW_KEPT,
	VIEW_ONLINE, /* of sysfs: the numbers of the processors */
};

/* The limits that are shown. Bytes and processors; 0: there is none, and the machine's own number is shown. */
struct view {
	bool used;
	uint64_t memory, swap;
	bool has_swap; /* `swap` is a limit, which may be 0 */
	unsigned cpus;
};

/* Where the numbers come from that change: files of the container's cgroup, in the order in which init hands
 * descriptors to the broker. Behind VIEW_KEPT files to write. */
enum view_source {
	VIEW_FROM_MEMORY = VIEW_KEPT, /* memory.current, memory.usage_in_bytes */
	VIEW_FROM_MEMORY_STAT,
	VIEW_FROM_SWAP, /* memory.swap.current */
	VIEW_FROM_CPU,  /* cpu.stat, cpuacct.stat */
	VIEW_FROM_TASKS,
	VIEW_FROM_LIMIT, /* of memory, which `zviz update` may change: memory.max, memory.limit_in_bytes */
	VIEW_FDS,
};

/* What is in use, all bytes but where it says otherwise. */
struct view_now {
	uint64_t total, swap_total; /* the smaller of limit and machine */
	uint64_t used, swap_used;
	uint64_t anon, cached, shmem, mapped, dirty, writeback, slab, reclaimable, stack, tables;
	uint64_t active_anon, inactive_anon, active_file, inactive_file, unevictable;
	uint64_t user,
		system; /* processor time, 1/100 s (USER_HZ, include/uapi/asm-generic/param.h) */
	uint64_t up;    /* since the container's start, the same */
	uint64_t boot;  /* seconds since 1970, when the machine was started */
	unsigned cpus, tasks;
	unsigned load[3]; /* of 1, 5 and 15 minutes, in hundredths */
};

enum {
	VIEW_TEXT_MAX = 16384
};                            /* of a file that changes; VIEW_STAT has a line for each processor */
enum { VIEW_CPUS_MAX = 256 }; /* so many lines fit */

/* Takes numbers out of memory.stat of cgroup v2 or v1, and of cpu.stat or cpuacct.stat. What is not there stays. */
void view_read_memory_stat(const char *text, struct view_now *out);
void view_read_cpu_stat(const char *text, struct view_now *out);

/* What is left of `total`, as /proc/meminfo has it: nothing in use, and what would be there for a new program. */
uint64_t view_free(const struct view_now *n);
uint64_t view_available(const struct view_now *n);

/* Writes one of the files that change: its length. */
size_t view_write(enum view_file file, const struct view_now *n, char out[VIEW_TEXT_MAX]);

/* How much of the machine's /proc/cpuinfo is that of the first `cpus` processors: a length, and whether that is all that
 * can be in it. */
size_t view_cpuinfo(const char *text, size_t len, unsigned cpus, bool *whole);

/* Takes `ms` milliseconds into account in which `busy` hundredths of a processor were used on average. */
void view_load(unsigned load[3], unsigned busy, uint64_t ms);

#endif
