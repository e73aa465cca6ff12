/*
 * zviz update, of limits: by options, or by what stands under linux.resources in a document.
 */
#include "cli/update_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "box/cgroup.h"
#include "box/state.h"
#include "cli/again.h"
#include "cli/config.h"
#include "cli/print.h"
#include "policy/limit_words.h"
#include "policy/plan_change.h"

enum { RESOURCES_BYTES_MAX = 1 << 20 };

/* ---- options ---- */

static int parse_signed(const char *text, int (*positive)(const char *, uint64_t *), void *into,
			struct err *e)
{
	struct signed_amount *out = into;
	uint64_t v = 0;

	*out = (struct signed_amount){ .set = true, .value = -1 };
	if (strcmp(text, "-1") == 0)
		return 0;
	if (positive(text, &v) < 0 || v > INT64_MAX)
		return fail(e, EINVAL, "'%.80s' is no such number, nor -1 (no limit)", text);
	out->value = (int64_t)v;
	return 0;
}

static int parse_bytes(const char *text, void *into, struct err *e)
{
	return parse_signed(text, num_bytes, into, e);
}

static int parse_number(const char *text, void *into, struct err *e)
{
	return parse_signed(text, num_u64, into, e);
}

static int parse_period(const char *text, void *into, struct err *e)
{
	uint64_t v = 0;

	if (num_u64(text, &v) < 0 || (v != 0 && (v < CPU_PERIOD_MIN_US || v > CPU_PERIOD_MAX_US)))
		return fail(e, EINVAL,
			    "'%.80s' is no such time: the kernel takes %d to %d microseconds", text,
			    CPU_PERIOD_MIN_US, CPU_PERIOD_MAX_US);
	*(struct amount *)into = (struct amount){ .set = true, .value = v };
	return 0;
}

#define AT(member) .offset = offsetof(struct update_options, member)

const struct option_row update_limit_rows[] = {
	{ "resources", 'r', OPTION_STRING, "FILE",
	  "take limits from FILE (-: standard input), as config.json has them under linux.resources",
	  AT(resources) },
	{ "memory", 0, OPTION_PARSED, "SIZE", "limit memory; -1: no limit", AT(memory),
	  .parse = parse_bytes },
	{ "memory-reservation", 0, OPTION_PARSED, "SIZE", "memory that is taken last",
	  AT(memory_reservation), .parse = parse_bytes },
	{ "memory-swap", 0, OPTION_PARSED, "SIZE", "limit memory and swap space together",
	  AT(memory_swap), .parse = parse_bytes },
	{ "cpu-quota", 0, OPTION_PARSED, "US", "limit processor time in each period; -1: no limit",
	  AT(cpu_quota), .parse = parse_number },
	{ "cpu-period", 0, OPTION_PARSED, "US", "the period of --cpu-quota", AT(cpu_period),
	  .parse = parse_period },
	{ "cpu-burst", 0, OPTION_U64, "US", "what of the quota may be saved up", AT(cpu_burst) },
	{ "cpu-share", 0, OPTION_U64, "NUMBER", "share of processor time, beside others",
	  AT(cpu_shares) },
	{ "cpu-idle", 0, OPTION_PARSED, "0|1", "1: only when nobody else wants a processor",
	  AT(cpu_idle), .parse = parse_number },
	{ "cpuset-cpus", 0, OPTION_STRING, "LIST", "processors to run on", AT(cpus) },
	{ "cpuset-mems", 0, OPTION_STRING, "LIST", "memory nodes to use", AT(mems) },
	{ "pids-limit", 0, OPTION_PARSED, "NUMBER", "limit the number of processes; -1: no limit",
	  AT(pids), .parse = parse_number },
	{ "blkio-weight", 0, OPTION_U64, "NUMBER", "share of disks, from 10 to 1000",
	  AT(io_weight) },
	{ 0 },
};

bool update_limits_wanted(const struct update_options *o)
{
	return o->resources != NULL || o->memory.set || o->memory_reservation.set ||
	       o->memory_swap.set || o->cpu_quota.set || o->cpu_period.set || o->cpu_burst.set ||
	       o->cpu_shares.set || o->cpu_idle.set || o->cpus != NULL || o->mems != NULL ||
	       o->pids.set || o->io_weight.set;
}

/* ---- what is asked for ---- */

static int read_input(struct arena *a, char **text, size_t *len, struct err *e)
{
	struct buf out = { .arena = a };
	char bytes[4096];
	ssize_t n;

	while ((n = fd_read_all(STDIN_FILENO, bytes, sizeof bytes)) > 0 &&
	       out.len <= RESOURCES_BYTES_MAX)
		buf_add(&out, bytes, (size_t)n);
	if (n < 0)
		return fail(e, (int)-n, "--resources: standard input: %m");
	if (out.len > RESOURCES_BYTES_MAX)
		return fail(e, EFBIG, "--resources: standard input has more than %d bytes",
			    RESOURCES_BYTES_MAX);
	*text = arena_strdup(a, buf_text(&out));
	*len = out.len;
	return 0;
}

static int load(struct cli *c, const struct update_options *o, struct spec *out, struct err *e)
{
	bool input = o->resources != NULL && strcmp(o->resources, "-") == 0;
	char *text = NULL;
	size_t len = 0;

	*out = (struct spec){ .file = "command line" };
	if (o->resources == NULL)
		return 0;
	if (input)
		TRY(read_input(c->arena, &text, &len, e));
	else
		TRY(file_read(AT_FDCWD, o->resources, RESOURCES_BYTES_MAX, c->arena, &text, &len,
			      e));
	return spec_load_resources(c->arena, input ? "standard input" : o->resources, text, len,
				   out, e);
}

static void take_signed(struct signed_amount *to, const struct signed_amount *option)
{
	if (option->set)
		*to = *option;
}

static void take(struct amount *to, const struct amount *option)
{
	if (option->set)
		*to = *option;
}

static void add_options(const struct update_options *o, struct spec_resources *r)
{
	take_signed(&r->memory_limit, &o->memory);
	take_signed(&r->memory_reservation, &o->memory_reservation);
	take_signed(&r->memory_swap, &o->memory_swap);
	take_signed(&r->cpu_quota, &o->cpu_quota);
	take_signed(&r->cpu_idle, &o->cpu_idle);
	take_signed(&r->pids_limit, &o->pids);
	take(&r->cpu_period, &o->cpu_period);
	take(&r->cpu_burst, &o->cpu_burst);
	take(&r->cpu_shares, &o->cpu_shares);
	take(&r->io_weight, &o->io_weight);
	if (o->cpus != NULL)
		r->cpuset_cpus = o->cpus;
	if (o->mems != NULL)
		r->cpuset_mems = o->mems;
}

/* ---- putting it in force ---- */

static int check_there(struct cli *c, const char *id, struct err *e)
{
	struct state_info info;

	TRY(state_read(c->arena, cli_state_root(c), id, &info, e));
	return info.pid != 0 ? 0 : fail(e, ESRCH, "container not running: %s", id);
}

static void warn(struct cli *c, const struct strings *cut)
{
	struct buf out = { .arena = c->arena };

	for (size_t i = 0; i < cut->n; i++) {
		buf_puts(&out, "zviz: warning: ");
		print_safe(&out, cut->at[i]);
		buf_puts(&out, "\n");
	}
	(void)!fd_write_all(STDERR_FILENO, buf_text(&out), out.len);
}

static const char *value_of(const struct plan_limit *rows, size_t n, const char *v2_file)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].v2_file != NULL && strcmp(rows[i].v2_file, v2_file) == 0)
			return rows[i].v2_value;
	return NULL;
}

/* In linux.resources.unified the kernel's own words are written, which may say more than is understood here: no limit is known of
 * those, as of "max". */
static void replace(struct amount *limit, const char *value)
{
	uint64_t v;

	if (value != NULL)
		*limit = (struct amount){ true,
					  num_bytes(value, &v) == 0 ? v : UINT64_MAX,
					  { .file = "update" } };
}

/* "QUOTA PERIOD", in thousandths of a processor. */
static void replace_cpus(struct amount *limit, const char *value)
{
	unsigned long long quota, period;
	uint64_t v;

	if (value == NULL)
		return;
	if (sscanf(value, "%llu %llu", &quota, &period) != 2 || period == 0 ||
	    period > CPU_PERIOD_MAX_US || __builtin_mul_overflow(quota, 1000, &v))
		v = UINT64_MAX;
	else
		v = v / period + (v % period != 0);
	*limit = (struct amount){ true, v, { .file = "update" } };
}

/* What a start would have had to say for these limits. */
static struct plan_request as_started(const struct plan_request *r, const struct plan_limit *rows,
				      size_t n)
{
	struct plan_request out = *r;

	replace(&out.memory, value_of(rows, n, "memory.max"));
	replace(&out.swap, value_of(rows, n, "memory.swap.max"));
	replace(&out.pids, value_of(rows, n, "pids.max"));
	replace_cpus(&out.cpus, value_of(rows, n, "cpu.max"));
	return out;
}

/* A document is an engine's, and gets what of it the profile permits, as at the start; whoever gives options is there to hear that
 * it does not. */
static int change(struct cli *c, const struct spec *wanted, bool document,
		  const struct prepared *start, const char *id, struct err *e)
{
	struct strings cut = { 0 };
	const struct plan_limit *rows;
	struct cgroup groups;
	struct limits_now now;
	size_t n;

	TRY(state_groups(c->arena, cli_state_root(c), id, &groups, e));
	cgroup_read_limits(&groups, &now);

	int r = plan_change_limits(c->arena, &start->request, wanted, &start->profile, &start->host,
				   &now, &rows, &n, document ? &cut : NULL, e);

	if (r == 0 && n != 0 && groups.n == 0) {
		fail(e, EOPNOTSUPP, "it has no control group");
		r = advise(e, "`zviz check` says whether groups can be made here");
	}
	if (r == 0 && n != 0) {
		const struct plan_request changed = as_started(&start->request, rows, n);

		r = config_check_floor_change(c, &start->host, &start->config, &start->profile,
					      &start->request, &changed, e);
	}
	if (r == 0)
		r = cgroup_change(&groups, rows, n, e);
	cgroup_close(&groups);
	if (r == 0)
		warn(c, &cut);
	return r;
}

int update_limits(struct cli *c, const struct update_options *o, const char *id, struct err *e)
{
	struct prepared *start = arena_alloc(c->arena, sizeof *start);
	struct spec wanted;

	TRY(load(c, o, &wanted, e));
	add_options(o, &wanted.linux_.resources);
	TRY(check_there(c, id, e));
	TRY(again_prepare(c, id, start, e));
	if (change(c, &wanted, o->resources != NULL, start, id, e) < 0)
		return within(e, "container %s", id);
	return 0;
}
