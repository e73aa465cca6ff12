#include "policy/view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading what a cgroup says ---- */

/* "key value" lines. A v1 file has a key twice, alone and with the groups below ("total_cache"): that one counts. */
struct key {
	const char *v2, *v1;
	size_t at;
};

#define NOW(member) offsetof(struct view_now, member)

static const struct key memory_keys[] = {
	{ "anon", "total_rss", NOW(anon) },
	{ "file", "total_cache", NOW(cached) },
	{ "shmem", "total_shmem", NOW(shmem) },
	{ "file_mapped", "total_mapped_file", NOW(mapped) },
	{ "file_dirty", "total_dirty", NOW(dirty) },
	{ "file_writeback", "total_writeback", NOW(writeback) },
	{ "slab", NULL, NOW(slab) },
	{ "slab_reclaimable", NULL, NOW(reclaimable) },
	{ "kernel_stack", NULL, NOW(stack) },
	{ "pagetables", NULL, NOW(tables) },
	{ "active_anon", "total_active_anon", NOW(active_anon) },
	{ "inactive_anon", "total_inactive_anon", NOW(inactive_anon) },
	{ "active_file", "total_active_file", NOW(active_file) },
	{ "inactive_file", "total_inactive_file", NOW(inactive_file) },
	{ "unevictable", "total_unevictable", NOW(unevictable) },
	{ NULL, "total_swap", NOW(swap_used) },
};

/* cpuacct.stat counts in 1/100 s, cpu.stat in microseconds. */
static const struct key cpu_keys[] = {
	{ "user_usec", "user", NOW(user) },
	{ "system_usec", "system", NOW(system) },
};

static bool is_word(const char *word, size_t len, const char *key)
{
	return key != NULL && strlen(key) == len && memcmp(word, key, len) == 0;
}

static void read_keys(const char *text, const struct key *keys, size_t n, uint64_t v2_unit,
		      struct view_now *out)
{
	while (*text != '\0') {
		size_t line = strcspn(text, "\n"), word = strcspn(text, " \n");

		for (size_t i = 0; i < n && word < line; i++) {
			bool v2 = is_word(text, word, keys[i].v2);
			uint64_t value = strtoull(text + word, NULL, 10);

			if (v2 || is_word(text, word, keys[i].v1))
				memcpy((char *)out + keys[i].at,
				       &(uint64_t){ v2 ? value / v2_unit : value }, sizeof value);
		}
		text += line + (text[line] == '\n');
	}
}

void view_read_memory_stat(const char *text, struct view_now *out)
{
	read_keys(text, memory_keys, sizeof memory_keys / sizeof *memory_keys, 1, out);
}

void view_read_cpu_stat(const char *text, struct view_now *out)
{
	read_keys(text, cpu_keys, sizeof cpu_keys / sizeof *cpu_keys, 10000, out);
}

/* ---- what follows from it ---- */

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

uint64_t view_free(const struct view_now *n)
{
	return less(n->total, n->used);
}

/* Of what files occupy, the kernel takes half for granted to be of use (si_mem_available() of mm/show_mem.c): here it is
 * half of what was used lately. */
uint64_t view_available(const struct view_now *n)
{
	uint64_t left = view_free(n) + n->inactive_file + n->active_file / 2 + n->reclaimable;

	return left < n->total ? left : n->total;
}

/* Each average goes a part of the way to what is now: the whole way after several times its length, and as far in many
 * steps as in one. In units of 1/1024; 1 - e^-x as x (6 + x) / (6 + 4 x + x^2) (Padé), never beyond the whole. */
void view_load(unsigned load[3], unsigned busy, uint64_t ms)
{
	static const uint64_t lengths_ms[] = { 60 * 1000, 5 * 60 * 1000, 15 * 60 * 1000 };

	for (size_t i = 0; i < 3; i++) {
		uint64_t x = ms < 8 * lengths_ms[i] ? ms * 1024 / lengths_ms[i] : 8 * 1024;
		uint64_t part = x >= 4 * 1024
					? 1024
					: x * (6 * 1024 + x) / (6 * 1024 + 4 * x + x * x / 1024);
		int64_t way = ((int64_t)busy - (int64_t)load[i]) *
			      (int64_t)(part < 1024 ? part : 1024) / 1024;

		load[i] = (unsigned)((int64_t)load[i] + way);
	}
}

/* ---- writing ---- */

struct text {
	char *at;
	size_t len, room;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at + t->len, t->room - t->len, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < t->room - t->len)
		t->len += (size_t)n;
}

/* Two lines fewer than the machine's own: what a group has nothing to say about is left out, rather than said to be none. */
static void write_meminfo(const struct view_now *n, struct text *t)
{
	const struct {
		const char *key;
		uint64_t bytes;
	} lines[] = {
		{ "MemTotal:", n->total },
		{ "MemFree:", view_free(n) },
		{ "MemAvailable:", view_available(n) },
		{ "Buffers:", 0 },
		{ "Cached:", n->cached },
		{ "SwapCached:", 0 },
		{ "Active:", n->active_anon + n->active_file },
		{ "Inactive:", n->inactive_anon + n->inactive_file },
		{ "Active(anon):", n->active_anon },
		{ "Inactive(anon):", n->inactive_anon },
		{ "Active(file):", n->active_file },
		{ "Inactive(file):", n->inactive_file },
		{ "Unevictable:", n->unevictable },
		{ "Mlocked:", 0 },
		{ "SwapTotal:", n->swap_total },
		{ "SwapFree:", less(n->swap_total, n->swap_used) },
		{ "Dirty:", n->dirty },
		{ "Writeback:", n->writeback },
		{ "AnonPages:", n->anon },
		{ "Mapped:", n->mapped },
		{ "Shmem:", n->shmem },
		{ "KReclaimable:", n->reclaimable },
		{ "Slab:", n->slab },
		{ "SReclaimable:", n->reclaimable },
		{ "SUnreclaim:", less(n->slab, n->reclaimable) },
		{ "KernelStack:", n->stack },
		{ "PageTables:", n->tables },
		{ "CommitLimit:", n->total + n->swap_total },
		{ "Committed_AS:", n->anon + n->shmem },
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		put(t, "%-15s %8" PRIu64 " kB\n", lines[i].key, lines[i].bytes / 1024);
}

/* The times of a group are those of all its processors together: each gets the same share. */
static void write_cpu(struct text *t, const char *name, uint64_t user, uint64_t system,
		      uint64_t idle)
{
	put(t, "%s %" PRIu64 " 0 %" PRIu64 " %" PRIu64 " 0 0 0 0 0 0\n", name, user, system, idle);
}

static void write_stat(const struct view_now *n, struct text *t)
{
	unsigned cpus = n->cpus < VIEW_CPUS_MAX ? n->cpus : VIEW_CPUS_MAX;
	uint64_t idle = less(n->up * cpus, n->user + n->system);

	write_cpu(t, "cpu ", n->user, n->system, idle);
	for (unsigned i = 0; i < cpus; i++) {
		char name[16];

		snprintf(name, sizeof name, "cpu%u", i);
		write_cpu(t, name, n->user / cpus, n->system / cpus, idle / cpus);
	}
	put(t,
	    "intr 0\nctxt 0\nbtime %" PRIu64 "\nprocesses %u\nprocs_running 1\nprocs_blocked 0\n"
	    "softirq 0 0 0 0 0 0 0 0 0 0 0\n",
	    n->boot, n->tasks);
}

static void write_loadavg(const struct view_now *n, struct text *t)
{
	for (size_t i = 0; i < 3; i++)
		put(t, "%u.%02u ", n->load[i] / 100, n->load[i] % 100);
	put(t, "1/%u %u\n", n->tasks > 0 ? n->tasks : 1, n->tasks);
}

size_t view_write(enum view_file file, const struct view_now *n, char out[VIEW_TEXT_MAX])
{
	struct text t = { out, 0, VIEW_TEXT_MAX };

	switch (file) {
	case VIEW_MEMINFO:
		write_meminfo(n, &t);
		break;
	case VIEW_STAT:
		write_stat(n, &t);
		break;
	case VIEW_LOADAVG:
		write_loadavg(n, &t);
		break;
	default:
		break;
	}
	return t.len;
}

/* A block for each processor, and an empty line behind each. */
size_t view_cpuinfo(const char *text, size_t len, unsigned cpus, bool *whole)
{
	size_t at = 0;

	for (unsigned i = 0; i < cpus; i++) {
		const char *end = memmem(text + at, len - at, "\n\n", 2);

		if (end == NULL) {
			*whole = false;
			return len;
		}
		at = (size_t)(end - text) + 2;
	}
	*whole = true;
	return at;
}
