/*
 * linux.resources.unified: files of cgroup v2 by name. They may tighten what the profile says, never loosen it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "policy/limit_words.h"
#include "policy/plan_limits.h"

/* Files that have a twin in v1, for hosts whose controller is there. */
static const struct twin {
	const char *v2_file, *v1_file;
} twins[] = { { "memory.max", "memory.limit_in_bytes" },
	      { "memory.low", "memory.soft_limit_in_bytes" },
	      { "pids.max", "pids.max" },
	      { "cpuset.cpus", "cpuset.cpus" },
	      { "cpuset.mems", "cpuset.mems" },
	      { "cpu.idle", "cpu.idle" },
	      { "rdma.max", "rdma.max" },
	      { "misc.max", "misc.max" },
	      { 0 } };

static const char *v1_twin(const char *file)
{
	for (const struct twin *t = twins; t->v2_file != NULL; t++)
		if (strcmp(t->v2_file, file) == 0)
			return t->v1_file;
	return NULL;
}

/* Which of two values is stricter; false as well when they cannot be compared. */
typedef bool (*stricter_fn)(const char *a, const char *b);

/* "max" is the largest of numbers. */
static bool amount_of(const char *s, uint64_t *out)
{
	*out = UINT64_MAX;
	return strcmp(s, "max") == 0 || num_bytes(s, out) == 0;
}

static bool less(const char *a, const char *b)
{
	uint64_t x, y;

	return amount_of(a, &x) && amount_of(b, &y) && x < y;
}

/* The number at *s, which is moved behind it. No sign. */
static bool read_number(const char **s, uint64_t *out)
{
	char *end;

	*s += strspn(*s, " ");
	if (**s < '0' || **s > '9')
		return false;
	*out = strtoull(*s, &end, 10);
	*s = end;
	return true;
}

/* "QUOTA PERIOD", the period being 100000 when it is left out; false when there is no limit, or no sense in it. Of a period beyond
 * its own bound the kernel takes what is left of it after an overflow. */
static bool time_of(const char *s, uint64_t *quota, uint64_t *period)
{
	*period = 100000;
	if (!read_number(&s, quota) || (*s != '\0' && *s != ' '))
		return false;
	s += strspn(s, " ");
	return (*s == '\0' || read_number(&s, period)) && *period != 0 &&
	       *period <= CPU_PERIOD_MAX_US;
}

/* Less of each second. */
static bool less_time(const char *a, const char *b)
{
	uint64_t quota_a, period_a, quota_b, period_b;

	if (!time_of(a, &quota_a, &period_a))
		return false;
	return !time_of(b, &quota_b, &period_b) ||
	       (double)quota_a / (double)period_a < (double)quota_b / (double)period_b;
}

/* memory.oom.group: what ends all is stricter. */
static bool more(const char *a, const char *b)
{
	return less(b, a);
}

static const struct comparison {
	const char *file;
	stricter_fn stricter;
} comparisons[] = {
	{ "memory.max", less },       { "memory.high", less }, { "memory.swap.max", less },
	{ "memory.oom.group", more }, { "pids.max", less },    { "cpu.max", less_time },
	{ "cpu.max.burst", less },    { "cpu.weight", less },  { 0 },
};

static stricter_fn comparison_of(const char *file)
{
	for (const struct comparison *c = comparisons; c->file != NULL; c++)
		if (strcmp(c->file, file) == 0)
			return c->stricter;
	return strncmp(file, "hugetlb.", strlen("hugetlb.")) == 0 ? less : NULL;
}

static struct plan_limit *find(struct draft *d, const char *file)
{
	for (size_t i = 0; i < d->limits.n; i++)
		if (d->limits.at[i].v2_file != NULL && strcmp(d->limits.at[i].v2_file, file) == 0)
			return &d->limits.at[i];
	return NULL;
}

static int controller_of(const char *file)
{
	size_t len = strcspn(file, ".");

	for (unsigned i = 0; i < DEVICES; i++)
		if (strlen(controller_names[i]) == len &&
		    memcmp(controller_names[i], file, len) == 0)
			return (int)i;
	return -1;
}

/* v1 has quota and period in two files. The period is written first: a quota is judged by the period that is there. In v2 a quota
 * alone would be one of whatever period is in force. */
static void add_time(struct draft *d, const char *value, const struct from *from)
{
	uint64_t quota, period;
	bool limited = time_of(value, &quota, &period);

	if (limited)
		limit_add(d, CPU, NULL, "cpu.cfs_period_us", limit_number(d, period), from)
			->optional = true;
	limit_add(d, CPU, "cpu.max", "cpu.cfs_quota_us", limited ? limit_number(d, quota) : "-1",
		  from)
		->v2_value = !limited ? value
				      : arena_printf(d->a, "%llu %llu", (unsigned long long)quota,
						     (unsigned long long)period);
}

static void add_file(struct draft *d, unsigned controller, const char *file, const char *value,
		     const struct from *from)
{
	struct plan_limit *l;

	if (strcmp(file, "cpu.max") == 0) {
		add_time(d, value, from);
		return;
	}
	l = limit_add(d, controller, file, v1_twin(file), value, from);
	if (l->v1_value != NULL && controller == MEMORY && strcmp(value, "max") == 0)
		l->v1_value = "-1";
}

/* v1 counts memory and swap together, and takes no less for both than for memory alone. */
static void shrink_swap(struct draft *d, const char *memory)
{
	struct plan_limit *swap = find(d, "memory.swap.max");
	uint64_t bytes, more;

	if (swap != NULL && amount_of(memory, &bytes) && amount_of(swap->v2_value, &more))
		swap->v1_value = limit_number(d, bytes + more);
}

/* In the place of a looser one: some files have to be written before others. */
static void replace(struct draft *d, struct plan_limit *old, const char *value,
		    const struct from *from)
{
	bool swap = strcmp(old->v2_file, "memory.swap.max") == 0;

	old->v2_value = value;
	old->from = *from;
	old->v1_value = old->v1_file != NULL ? value : NULL;
	if (strcmp(old->v2_file, "cpu.weight") == 0)
		old->v1_value = limit_number(d, weight_shares(strtoull(value, NULL, 10)));
	if (strcmp(old->v2_file, "memory.max") == 0)
		shrink_swap(d, value);
	else if (swap && find(d, "memory.max") != NULL)
		shrink_swap(d, find(d, "memory.max")->v2_value);
}

static bool is_list(const char *file)
{
	return strcmp(file, "cpuset.cpus") == 0 || strcmp(file, "cpuset.mems") == 0;
}

static int shrink_list(struct draft *d, struct plan_limit *old, const char *value,
		       const struct from *from, struct err *e)
{
	const struct limit_list have = { old->v2_value, old->from };
	struct limit_list list;

	TRY(limit_cpus(d, old->v2_file, value, from, &have, &list, e));
	replace(d, old, list.value, &list.from);
	return 0;
}

static int plan_file(struct draft *d, unsigned controller, const char *file, const char *value,
		     const struct from *from, struct err *e)
{
	struct plan_limit *old = find(d, file);
	stricter_fn stricter = comparison_of(file);

	if (old != NULL && is_list(file))
		return shrink_list(d, old, value, from, e);
	if (old == NULL || stricter == NULL) {
		add_file(d, controller, file, value, from);
		return 0;
	}
	if (!stricter(value, old->v2_value))
		return 0;
	if (stricter != less_time) {
		replace(d, old, value, from);
		return 0;
	}
	d->limits.n--;
	memmove(old, old + 1, (size_t)(d->limits.at + d->limits.n - old) * sizeof *old);
	add_time(d, value, from);
	return 0;
}

/* Files that would go round a limit of the profile: another way to write the same, or out of it. */
static int check_ways_round(const struct draft *d, const char *file, const struct from *from,
			    struct err *e)
{
	const bool weight = d->p->resources.cpu_weight.set,
		   cpus = d->p->resources.cpuset.cpus.text != NULL;
	const struct {
		const char *file;
		bool limited;
		const char *key;
	} ways[] = {
		{ "cpu.weight.nice", weight, "cpu_weight" },
		{ "cpuset.cpus.exclusive", cpus, "cpuset" },
		{ "cpuset.cpus.partition", cpus, "cpuset" },
	};

	for (size_t i = 0; i < COUNT(ways); i++)
		if (ways[i].limited && strcmp(ways[i].file, file) == 0) {
			fail(e, EINVAL, "%s: profile %s sets resources.%s, which this would undo",
			     from_text(d->a, from), d->p->name, ways[i].key);
			return advise(e, "leave it out");
		}
	return 0;
}

/* "default 50", "8:0 50" or "50": a disk's own weight counts for more than the group's, so each is at most the
 * profile's. */
static int check_weight(const struct draft *d, const char *line, const struct from *from,
			struct err *e)
{
	const struct amount *most = &d->p->resources.io_weight;
	const char *space = strrchr(line, ' ');
	uint64_t weight;

	if (!most->set)
		return 0;
	if (num_u64(space != NULL ? space + 1 : line, &weight) < 0)
		return fail(e, EINVAL, "%s: '%s' holds no weight", from_text(d->a, from),
			    shown(d->a, line));
	if (weight <= most->value)
		return 0;
	fail(e, EINVAL, "%s: '%s' is more than %s permits", from_text(d->a, from),
	     shown(d->a, line), from_text(d->a, &most->from));
	return advise(e, "ask for less, or leave it out");
}

/* The kernel takes " 08:0" for 8:0: a disk that is written in another way than ours would be another one here. */
static bool is_disk(struct arena *a, const char *line, size_t len)
{
	unsigned major, minor;

	return sscanf(line, "%u:%u", &major, &minor) == 2 &&
	       strcmp(arena_strndup(a, line, len), arena_printf(a, "%u:%u", major, minor)) == 0;
}

/* io.max merges by disk and key in the kernel, where the last one wins: here a larger rate must not. */
static int check_io(const struct draft *d, const char *line, const struct from *from, struct err *e)
{
	size_t disk = strcspn(line, " ");

	if (!is_disk(d->a, line, disk)) {
		fail(e, EINVAL, "%s: '%s' does not begin with a disk", from_text(d->a, from),
		     shown(d->a, line));
		return advise(e, "write it as MAJOR:MINOR, with no blank or 0 before a number");
	}
	for (const char *s = line + disk; *s != '\0'; s += strcspn(s, " ")) {
		uint64_t rate;
		size_t key;

		s += strspn(s, " ");
		key = strcspn(s, "=");
		if (s[key] != '=')
			return fail(e, EINVAL, "%s: must be MAJOR:MINOR KEY=RATE ...",
				    from_text(d->a, from));
		if (!amount_of(arena_strndup(d->a, s + key + 1, strcspn(s + key + 1, " ")), &rate))
			return fail(e, EINVAL, "%s: '%s' holds no rate", from_text(d->a, from),
				    shown(d->a, line));
		for (size_t i = 0; i < d->limits.n; i++) {
			const struct plan_limit *l = &d->limits.at[i];
			const char *start = l->v2_value;

			if (l->controller == IO && l->v1_file != NULL &&
			    strncmp(start, line, disk + 1) == 0 &&
			    strncmp(start + disk + 1, s, key + 1) == 0 &&
			    strtoull(start + disk + key + 2, NULL, 10) < rate) {
				fail(e, EINVAL, "%s: '%s' is more than %s permits",
				     from_text(d->a, from), shown(d->a, line),
				     from_text(d->a, &l->from));
				return advise(e, "ask for less, or leave it out");
			}
		}
	}
	return 0;
}

/* A line a write, as the kernel's files want it. */
static int plan_lines(struct draft *d, unsigned controller, const struct pair *p,
		      const struct from *from, struct err *e)
{
	for (const char *s = p->value; *s != '\0';) {
		size_t len = strcspn(s, "\n");
		const char *line = arena_strndup(d->a, s, len);

		if (len != 0 && strcmp(p->key, "io.max") == 0)
			TRY(check_io(d, line, from, e));
		if (len != 0 &&
		    (strcmp(p->key, "io.weight") == 0 || strcmp(p->key, "io.bfq.weight") == 0))
			TRY(check_weight(d, line, from, e));
		if (len != 0)
			TRY(plan_file(d, controller, p->key, line, from, e));
		s += len + (s[len] == '\n');
	}
	return 0;
}

/* ---- for what is shown inside ---- */

const char *unified_value(const struct draft *d, const char *file)
{
	const struct pairs *list = &d->s->linux_.resources.unified;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].key, file) == 0)
			return list->at[i].value;
	return NULL;
}

void unified_lowers(const struct draft *d, const char *file, struct amount *limit)
{
	const char *value = unified_value(d, file);
	uint64_t most;

	if (value != NULL && amount_of(value, &most) && most != UINT64_MAX &&
	    (!limit->set || most < limit->value))
		*limit = (struct amount){ .set = true, .value = most };
}

void unified_lowers_quota(const struct draft *d, struct plan_quota *quota)
{
	const char *value = unified_value(d, "cpu.max"),
		   *have = arena_printf(d->a, "%llu %llu", (unsigned long long)quota->quota_us,
					(unsigned long long)quota->period_us);

	if (value != NULL && less_time(value, quota->quota_us != 0 ? have : "max"))
		time_of(value, &quota->quota_us, &quota->period_us);
}

/* ---- the layer ---- */

/* Half a workload is none: where memory is limited, the kernel ends all of it at once. v1 has no such thing. */
static void end_together(struct draft *d)
{
	const struct plan_limit *memory = find(d, "memory.max");

	if (memory == NULL || find(d, "memory.oom.group") != NULL)
		return;

	const struct from from = memory->from;

	limit_add(d, MEMORY, "memory.oom.group", NULL, "1", &from)->optional = true;
}

int plan_unified(struct draft *d, struct err *e)
{
	const struct pairs *list = &d->s->linux_.resources.unified;

	end_together(d);
	for (size_t i = 0; i < list->n; i++) {
		const struct pair *p = &list->at[i];
		struct from from = limit_place(d, arena_printf(d->a, "unified.%s", p->key));
		int controller = controller_of(p->key);

		if (controller < 0) {
			fail(e, EINVAL, "%s: no controller has such a file",
			     from_text(d->a, &from));
			return advise(e,
				      "controllers: memory, cpu, pids, io, cpuset, hugetlb, rdma, "
				      "misc");
		}
		TRY(check_ways_round(d, p->key, &from, e));
		TRY(plan_lines(d, (unsigned)controller, p, &from, e));
	}
	end_together(d); /* unified itself may have brought the limit */
	return 0;
}
