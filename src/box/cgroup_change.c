/*
 * Limits of a group that is in use.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/cgroup.h"

enum { FILE_ROOM = 128 };

/* v1 says "no limit" by the largest multiple of a page. */
static const uint64_t endless = UINT64_C(1) << 62;

static struct amount number(const char *text)
{
	char *end;
	uint64_t v = strtoull(text, &end, 10);

	if (end == text || text[0] == '-' || v >= endless)
		return (struct amount){ 0 };
	return (struct amount){ .set = true, .value = v };
}

static struct amount read_number(const struct cgroup *c, const char *v2_file, const char *v1_file)
{
	char text[FILE_ROOM];

	return cgroup_text(c, v2_file, v1_file, text, sizeof text) > 0 ? number(text)
								       : (struct amount){ 0 };
}

void cgroup_read_limits(const struct cgroup *c, struct limits_now *out)
{
	char text[FILE_ROOM], *period;

	*out = (struct limits_now){ .memory = read_number(c, "memory.max",
							  "memory.limit_in_bytes") };
	out->memory_swap = read_number(c, NULL, "memory.memsw.limit_in_bytes");
	if (cgroup_text(c, "cpu.max", NULL, text, sizeof text) > 0 &&
	    (period = strchr(text, ' ')) != NULL) {
		out->quota_us = number(text);
		out->period_us = number(period + 1);
		return;
	}
	out->quota_us = read_number(c, NULL, "cpu.cfs_quota_us");
	out->period_us = read_number(c, NULL, "cpu.cfs_period_us");
}

/* The group that has the file; its number of controllers is not known of one that was reopened. */
static int write_row(const struct cgroup *c, const struct plan_limit *l, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct cgroup_group *g = &c->at[i];
		const char *file = g->v2 ? l->v2_file : l->v1_file;

		if (file == NULL || faccessat(g->dir, file, F_OK, 0) < 0)
			continue;
		if (file_set(g->dir, file, g->v2 ? l->v2_value : l->v1_value, e) < 0)
			return within(e, "%s", g->path);
		return 0;
	}
	if (l->optional)
		return 0;
	fail(e, ENOENT, "cgroup: none of the container's groups has %s",
	     l->v2_file != NULL ? l->v2_file : l->v1_file);
	return advise(e, "`zviz check` says which controllers this host gives");
}

/* One limit may have to be above another at each moment: what is refused at first is tried again when the others are there. */
int cgroup_change(const struct cgroup *c, const struct plan_limit *rows, size_t n, struct err *e)
{
	size_t failed = 0, last = n;

	for (size_t i = 0; i < n; i++)
		if (write_row(c, &rows[i], e) < 0) {
			failed++;
			last = i;
		}
	if (failed == 0)
		return 0;
	if (failed == n && n == 1)
		return -e->no;
	for (size_t i = 0; i <= last; i++)
		TRY(write_row(c, &rows[i], e));
	return 0;
}
