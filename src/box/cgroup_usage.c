/*
 * What a container's groups say of what it uses. Nothing is read unless somebody asks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"
#include "box/cgroup.h"

enum { FILE_ROOM = 4096 };

static ssize_t read_small(int dir, const char *file, char *out, size_t room)
{
	OWN_FD fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : fd_read_all(fd, out, room - 1);

	out[n > 0 ? n : 0] = '\0';
	return n;
}

uint64_t cgroup_number(int dir, const char *file, const char *key)
{
	char text[FILE_ROOM];
	size_t key_len = key != NULL ? strlen(key) : 0;
	uint64_t v;

	if (read_small(dir, file, text, sizeof text) < 0)
		return UINT64_MAX;
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (key != NULL && (strncmp(line, key, key_len) != 0 || line[key_len] != ' '))
			continue;
		return num_u64(line + key_len + (key != NULL), &v) == 0 ? v : UINT64_MAX;
	}
	return UINT64_MAX;
}

ssize_t cgroup_text(const struct cgroup *c, const char *v2_file, const char *v1_file, char *out,
		    size_t room)
{
	out[0] = '\0';
	for (size_t i = 0; i < c->n; i++) {
		const char *file = c->at[i].v2 ? v2_file : v1_file;
		ssize_t n = file != NULL ? read_small(c->at[i].dir, file, out, room) : -ENOENT;

		if (n >= 0)
			return n;
	}
	return -ENOENT;
}

/* Which file says what, in each version. */
static const struct source {
	size_t offset;
	const char *v2_file, *v2_key, *v1_file, *v1_key;
} sources[] = {
#define USED(member) offsetof(struct cgroup_usage, member)
	{ USED(memory_peak), "memory.peak", NULL, "memory.max_usage_in_bytes", NULL },
	{ USED(oom_kills), "memory.events", "oom_kill", "memory.oom_control", "oom_kill" },
	{ USED(oom_groups), "memory.events", "oom_group_kill", NULL, NULL },
	{ USED(pids_refused), "pids.events", "max", "pids.events", "max" },
	{ USED(pids_peak), "pids.peak", NULL, "pids.peak", NULL },
	{ USED(cpu_us), "cpu.stat", "usage_usec", NULL, NULL },
	{ USED(throttled_us), "cpu.stat", "throttled_usec", NULL, NULL },
};

static const struct {
	size_t offset;
	const char *file;
} pressures[] = {
	{ USED(memory_wait_us), "memory.pressure" },
	{ USED(cpu_wait_us), "cpu.pressure" },
	{ USED(io_wait_us), "io.pressure" },
};

static uint64_t *place(struct cgroup_usage *out, size_t offset)
{
	return (uint64_t *)((char *)out + offset);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234": microseconds in which at least one task waited. */
static void read_pressures(const struct cgroup *c, struct cgroup_usage *out)
{
	char text[FILE_ROOM];

	for (size_t i = 0; i < COUNT(pressures); i++) {
		const char *total;

		if (cgroup_text(c, pressures[i].file, NULL, text, sizeof text) < 0 ||
		    strncmp(text, "some ", 5) != 0 || (total = strstr(text, "total=")) == NULL)
			continue;
		*place(out, pressures[i].offset) = strtoull(total + strlen("total="), NULL, 10);
	}
}

void cgroup_read_usage(const struct cgroup *c, struct cgroup_usage *out)
{
	memset(out, 0xff, sizeof *out);
	for (size_t s = 0; s < COUNT(sources); s++)
		for (size_t i = 0; i < c->n; i++) {
			const struct cgroup_group *g = &c->at[i];
			const char *file = g->v2 ? sources[s].v2_file : sources[s].v1_file;
			uint64_t *to = place(out, sources[s].offset);

			if (file != NULL && *to == UINT64_MAX)
				*to = cgroup_number(g->dir, file,
						    g->v2 ? sources[s].v2_key : sources[s].v1_key);
		}
	read_pressures(c, out);
}
