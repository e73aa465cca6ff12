/*
 * The shape is that of runc's events, which containerd's and Docker's libraries decode: nanoseconds, bytes.
 */
#include "cli/stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/num.h"
#include "text/json_write.h"

enum {
	FILE_ROOM = 16384, /* memory.stat has some 2 KiB, io.stat 150 bytes a disk */
	NS_A_US = 1000,
	INTERFACE_COLUMNS = 16, /* net/core/net-procfs.c */
};

struct sheet {
	struct json_writer w;
	const struct cgroup *c;
	char text[FILE_ROOM];
};

/* ---- reading ---- */

static bool read_text(struct sheet *s, const char *v2_file, const char *v1_file)
{
	return cgroup_text(s->c, v2_file, v1_file, s->text, sizeof s->text) >= 0;
}

/* A file of one number; 0 without it, and what has no limit is the largest. */
static uint64_t number(struct sheet *s, const char *v2_file, const char *v1_file)
{
	uint64_t v;

	if (!read_text(s, v2_file, v1_file))
		return 0;
	s->text[strcspn(s->text, "\n")] = '\0';
	if (strcmp(s->text, "max") == 0)
		return UINT64_MAX;
	return num_u64(s->text, &v) == 0 ? v : 0;
}

/* The next line of the text, cut out of it; NULL at its end. */
static char *next_line(char **at)
{
	char *line = *at, *end = line + strcspn(line, "\n");

	if (*line == '\0')
		return NULL;
	*at = *end != '\0' ? end + 1 : end;
	*end = '\0';
	return line;
}

/* The next line that is "key number". */
static bool next_pair(char **at, const char **key, uint64_t *value)
{
	char *line, *space;

	while ((line = next_line(at)) != NULL) {
		space = strchr(line, ' ');
		if (space == NULL || num_u64(space + 1, value) < 0)
			continue;
		*space = '\0';
		*key = line;
		return true;
	}
	return false;
}

static uint64_t keyed(struct sheet *s, const char *v2_file, const char *v1_file, const char *key)
{
	char *at = s->text;
	const char *name;
	uint64_t v;

	if (!read_text(s, v2_file, v1_file))
		return 0;
	while (next_pair(&at, &name, &v))
		if (strcmp(name, key) == 0)
			return v;
	return 0;
}

/* ---- pressure ---- */

/* "some avg10=0.12 avg60=0.00 avg300=0.00 total=345": the numbers go over as they are. */
static void put_pressure_line(struct sheet *s, const char *name, const char *line)
{
	static const char *const keys[] = { "avg10=", "avg60=", "avg300=", "total=" };

	json_open_object(&s->w, name);
	for (size_t i = 0; i < COUNT(keys); i++) {
		const char *at = strstr(line, keys[i]);
		size_t len = strlen(keys[i]);
		char key[8], value[32];
		size_t digits = at != NULL ? strspn(at + len, "0123456789.") : 0;

		if (digits == 0 || digits >= sizeof value)
			continue;
		snprintf(key, sizeof key, "%.*s", (int)(len - 1), keys[i]);
		snprintf(value, sizeof value, "%.*s", (int)digits, at + len);
		json_put_number(&s->w, key, value);
	}
	json_close(&s->w);
}

static void put_pressure(struct sheet *s, const char *file)
{
	char *at = s->text, *line;

	if (!read_text(s, file, NULL))
		return;
	json_open_object(&s->w, "psi");
	while ((line = next_line(&at)) != NULL) {
		if (strncmp(line, "some ", 5) == 0)
			put_pressure_line(s, "some", line);
		else if (strncmp(line, "full ", 5) == 0)
			put_pressure_line(s, "full", line);
	}
	json_close(&s->w);
}

/* ---- processors ---- */

static void put_cpu(struct sheet *s)
{
	uint64_t v1_ns;

	json_open_object(&s->w, "cpu");
	json_open_object(&s->w, "usage");
	json_put_u64(&s->w, "total", keyed(s, "cpu.stat", NULL, "usage_usec") * NS_A_US);
	json_open_array(&s->w, "percpu");
	json_close(&s->w);
	json_put_u64(&s->w, "kernel", keyed(s, "cpu.stat", NULL, "system_usec") * NS_A_US);
	json_put_u64(&s->w, "user", keyed(s, "cpu.stat", NULL, "user_usec") * NS_A_US);
	json_close(&s->w);
	json_open_object(&s->w, "throttling");
	json_put_u64(&s->w, "periods", keyed(s, "cpu.stat", "cpu.stat", "nr_periods"));
	json_put_u64(&s->w, "throttledPeriods", keyed(s, "cpu.stat", "cpu.stat", "nr_throttled"));
	v1_ns = keyed(s, NULL, "cpu.stat", "throttled_time");
	json_put_u64(&s->w, "throttledTime",
		     v1_ns + keyed(s, "cpu.stat", NULL, "throttled_usec") * NS_A_US);
	json_close(&s->w);
	put_pressure(s, "cpu.pressure");
	json_close(&s->w);
}

/* ---- memory ---- */

static const struct memory_entry {
	const char *key;
	const char *v2_limit, *v2_usage, *v2_peak, *v2_events;
	const char *v1_limit, *v1_usage, *v1_peak, *v1_failures;
} memory_entries[] = {
	{ "usage", "memory.max", "memory.current", "memory.peak", "memory.events",
	  "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes",
	  "memory.failcnt" },
	{ "swap", "memory.swap.max", "memory.swap.current", "memory.swap.peak",
	  "memory.swap.events", "memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes",
	  "memory.memsw.max_usage_in_bytes", "memory.memsw.failcnt" },
	{ "kernel", NULL, NULL, NULL, NULL, NULL, "memory.kmem.usage_in_bytes",
	  "memory.kmem.max_usage_in_bytes", "memory.kmem.failcnt" },
	{ "kernelTCP", NULL, NULL, NULL, NULL, "memory.kmem.tcp.limit_in_bytes",
	  "memory.kmem.tcp.usage_in_bytes", "memory.kmem.tcp.max_usage_in_bytes",
	  "memory.kmem.tcp.failcnt" },
};

static void put_memory_entry(struct sheet *s, const struct memory_entry *m)
{
	uint64_t failures = number(s, NULL, m->v1_failures);

	json_open_object(&s->w, m->key);
	json_put_u64(&s->w, "limit", number(s, m->v2_limit, m->v1_limit));
	json_put_u64(&s->w, "usage", number(s, m->v2_usage, m->v1_usage));
	json_put_u64(&s->w, "max", number(s, m->v2_peak, m->v1_peak));
	json_put_u64(&s->w, "failcnt", failures + keyed(s, m->v2_events, NULL, "max"));
	json_close(&s->w);
}

static void put_memory(struct sheet *s)
{
	uint64_t cache = keyed(s, NULL, "memory.stat", "cache"), v;
	char *at = s->text;
	const char *key;

	json_open_object(&s->w, "memory");
	json_put_u64(&s->w, "cache", cache + keyed(s, "memory.stat", NULL, "file"));
	for (size_t i = 0; i < COUNT(memory_entries); i++)
		put_memory_entry(s, &memory_entries[i]);
	json_open_object(&s->w, "raw");
	if (read_text(s, "memory.stat", "memory.stat"))
		while (next_pair(&at, &key, &v))
			json_put_u64(&s->w, key, v);
	json_close(&s->w);
	put_pressure(s, "memory.pressure");
	json_close(&s->w);
}

/* ---- the rest ---- */

static void put_pids(struct sheet *s)
{
	uint64_t limit = number(s, "pids.max", "pids.max");

	json_open_object(&s->w, "pids");
	json_put_u64(&s->w, "current", number(s, "pids.current", "pids.current"));
	json_put_u64(&s->w, "limit", limit != UINT64_MAX ? limit : 0); /* 0: none */
	json_close(&s->w);
}

static void put_disk(struct sheet *s, const char *disk, const char *op, const char *value)
{
	char *end;
	unsigned long number_of = strtoul(disk, &end, 10);

	if (*end != ':')
		return;
	json_open_object(&s->w, NULL);
	json_put_u64(&s->w, "major", number_of);
	json_put_u64(&s->w, "minor", strtoul(end + 1, NULL, 10));
	json_put_string(&s->w, "op", op);
	json_put_u64(&s->w, "value", strtoull(value, NULL, 10));
	json_close(&s->w);
}

/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0". */
static void put_io_line(struct sheet *s, const char *line, const char *const keys[2])
{
	static const char *const ops[] = { "Read", "Write" };

	for (size_t i = 0; i < COUNT(ops); i++) {
		const char *at = strstr(line, keys[i]);

		if (at != NULL)
			put_disk(s, line, ops[i], at + strlen(keys[i]));
	}
}

/* v1: "8:0 Read 4096"; the sum of all, "Total 4096", has no disk. */
static void put_blkio_line(struct sheet *s, char *line)
{
	char *op = strchr(line, ' '), *value = op != NULL ? strchr(op + 1, ' ') : NULL;

	if (value == NULL)
		return;
	*op = *value = '\0';
	put_disk(s, line, op + 1, value + 1);
}

static void put_io_list(struct sheet *s, const char *name, const char *const keys[2],
			const char *v1_file)
{
	char *at = s->text, *line;

	json_open_array(&s->w, name);
	if (read_text(s, "io.stat", NULL))
		while ((line = next_line(&at)) != NULL)
			put_io_line(s, line, keys);
	else if (read_text(s, NULL, v1_file))
		while ((line = next_line(&at)) != NULL)
			put_blkio_line(s, line);
	json_close(&s->w);
}

static void put_io(struct sheet *s)
{
	static const char *const bytes[] = { " rbytes=", " wbytes=" };
	static const char *const calls[] = { " rios=", " wios=" };

	json_open_object(&s->w, "blkio");
	put_io_list(s, "ioServiceBytesRecursive", bytes,
		    "blkio.throttle.io_service_bytes_recursive");
	put_io_list(s, "ioServicedRecursive", calls, "blkio.throttle.io_serviced_recursive");
	put_pressure(s, "io.pressure");
	json_close(&s->w);
}

static void put_hugepage(struct sheet *s, const char *size)
{
	char names[5][56];
	static const char *const parts[] = { "current", "usage_in_bytes", "max_usage_in_bytes",
					     "failcnt", "events" };

	for (size_t i = 0; i < COUNT(parts); i++)
		snprintf(names[i], sizeof names[i], "hugetlb.%s.%s", size, parts[i]);
	if (!read_text(s, names[0], names[1]))
		return;
	json_open_object(&s->w, size);
	json_put_u64(&s->w, "usage", number(s, names[0], names[1]));
	json_put_u64(&s->w, "max", number(s, NULL, names[2]));
	json_put_u64(&s->w, "failcnt", number(s, NULL, names[3]) + keyed(s, names[4], NULL, "max"));
	json_close(&s->w);
}

static void put_hugepages(struct sheet *s)
{
	/* Of both architectures, with pages of 4 and of 64 KiB. */
	static const char *const sizes[] = { "64KB", "2MB", "32MB", "512MB", "1GB", "16GB" };

	json_open_object(&s->w, "hugetlb");
	for (size_t i = 0; i < COUNT(sizes); i++)
		put_hugepage(s, sizes[i]);
	json_close(&s->w);
}

/* ---- networks ---- */

/* As the container sees them. One that stands in the caller's network has none of its own. */
static bool has_own_network(pid_t pid)
{
	char path[64];
	struct stat own, its;

	snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
	return pid > 0 && stat("/proc/self/ns/net", &own) == 0 && stat(path, &its) == 0 &&
	       (own.st_dev != its.st_dev || own.st_ino != its.st_ino);
}

/* "  eth0: 1 2 3 4 5 6 7 8 1 2 3 4 5 6 7 8": bytes, packets, errors, dropped and four more, received; then sent. */
static void put_interface(struct sheet *s, char *line)
{
	static const struct {
		const char *key;
		unsigned column;
	} keys[] = {
		{ "RxBytes", 0 }, { "RxPackets", 1 }, { "RxErrors", 2 },  { "RxDropped", 3 },
		{ "TxBytes", 8 }, { "TxPackets", 9 }, { "TxErrors", 10 }, { "TxDropped", 11 },
	};
	char *colon = strrchr(line, ':'), *at;
	uint64_t columns[INTERFACE_COLUMNS] = { 0 };

	if (colon == NULL)
		return;
	*colon = '\0';
	at = colon + 1;
	line += strspn(line, " ");
	for (size_t i = 0; i < COUNT(columns); i++)
		columns[i] = strtoull(at, &at, 10);
	if (strcmp(line, "lo") == 0)
		return;
	json_open_object(&s->w, NULL);
	json_put_string(&s->w, "Name", line);
	for (size_t i = 0; i < COUNT(keys); i++)
		json_put_u64(&s->w, keys[i].key, columns[keys[i].column]);
	json_close(&s->w);
}

static void put_interfaces(struct sheet *s, pid_t pid)
{
	char path[64], *at = s->text, *line;
	ssize_t n;

	json_open_array(&s->w, "network_interfaces");
	snprintf(path, sizeof path, "/proc/%d/net/dev", pid);
	OWN_FD fd = has_own_network(pid) ? path_open(path, O_RDONLY) : -1;

	n = fd >= 0 ? fd_read_all(fd, s->text, sizeof s->text - 1) : -1;
	s->text[n > 0 ? n : 0] = '\0';
	while ((line = next_line(&at)) != NULL)
		put_interface(s, line);
	json_close(&s->w);
}

void stats_line(struct buf *out, const char *id, pid_t pid, const struct cgroup *c)
{
	struct sheet s = { .w = { .out = out }, .c = c };

	json_open_object(&s.w, NULL);
	json_put_string(&s.w, "type", "stats");
	json_put_string(&s.w, "id", id);
	json_open_object(&s.w, "data");
	put_cpu(&s);
	put_memory(&s);
	put_pids(&s);
	put_io(&s);
	put_hugepages(&s);
	put_interfaces(&s, pid);
	json_close(&s.w);
	json_close(&s.w);
	buf_puts(out, "\n");
}
