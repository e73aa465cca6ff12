/*
 * Limits of disks. Profile and bundle may name the same one: of each rate the smaller counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/limit_words.h"
#include "policy/plan_limits.h"

enum { RATES = 4 };

static const struct rate_kind {
	const char *key, *v1_file;
	size_t rule, spec;
} kinds[RATES] = {
	{ "rbps", "blkio.throttle.read_bps_device", offsetof(struct io_rule, rbps),
	  offsetof(struct spec_resources, read_bps) },
	{ "wbps", "blkio.throttle.write_bps_device", offsetof(struct io_rule, wbps),
	  offsetof(struct spec_resources, write_bps) },
	{ "riops", "blkio.throttle.read_iops_device", offsetof(struct io_rule, riops),
	  offsetof(struct spec_resources, read_iops) },
	{ "wiops", "blkio.throttle.write_iops_device", offsetof(struct io_rule, wiops),
	  offsetof(struct spec_resources, write_iops) },
};

/* The row of a disk's rate, so far; NULL: none. */
static struct plan_limit *find_rate(struct draft *d, const char *disk, const char *key)
{
	const char *start = arena_printf(d->a, "%s %s=", disk, key);

	for (size_t i = 0; i < d->limits.n; i++) {
		struct plan_limit *l = &d->limits.at[i];

		if (l->controller == IO && l->v1_file != NULL &&
		    strncmp(l->v2_value, start, strlen(start)) == 0)
			return l;
	}
	return NULL;
}

static void add_rate(struct draft *d, const char *disk, const struct rate_kind *k, uint64_t rate,
		     const struct from *from)
{
	struct plan_limit *l = find_rate(d, disk, k->key);
	const char *number = limit_number(d, rate);

	if (l != NULL && strtoull(strchr(l->v2_value, '=') + 1, NULL, 10) <= rate)
		return;
	if (l == NULL)
		l = limit_add(d, IO, "io.max", k->v1_file, number, from);
	l->v2_value = arena_printf(d->a, "%s %s=%s", disk, k->key, number);
	l->v1_value = arena_printf(d->a, "%s %s", disk, number);
	l->from = *from;
}

/* ---- the profile's ---- */

static int plan_disks(struct draft *d, struct err *e)
{
	const struct io_rules *rules = &d->p->resources.io;

	for (size_t i = 0; i < rules->n; i++) {
		const struct io_rule *r = &rules->at[i];
		const struct plan_disk *disk = i < d->r->ndisks ? &d->r->disks[i] : NULL;

		if (disk == NULL || disk->major == 0) {
			fail(e, ENODEV, "%s: resources.io: no disk holds %s",
			     from_text(d->a, &r->from), r->path);
			return advise(e, "limit a path on a disk; a private tmpfs is limited by "
					 "resources.tmpfs");
		}
		for (size_t k = 0; k < RATES; k++) {
			uint64_t v = *(const uint64_t *)((const char *)r + kinds[k].rule);

			if (v != 0)
				add_rate(d, arena_printf(d->a, "%u:%u", disk->major, disk->minor),
					 &kinds[k], v, &r->from);
		}
	}
	return 0;
}

/* ---- the bundle's ---- */

static const char *disk_text(struct draft *d, int64_t major, int64_t minor)
{
	return arena_printf(d->a, "%lld:%lld", (long long)major, (long long)minor);
}

/* A rate of 0 is no limit: so the engines mean it. */
static void plan_throttles(struct draft *d)
{
	for (size_t k = 0; k < RATES; k++) {
		const struct spec_io_throttles *list =
			(const void *)((const char *)&d->s->linux_.resources + kinds[k].spec);

		for (size_t i = 0; i < list->n; i++) {
			const struct spec_io_throttle *t = &list->at[i];

			if (t->rate != 0)
				add_rate(d, disk_text(d, t->major, t->minor), &kinds[k], t->rate,
					 &t->from);
		}
	}
}

/* Two schedulers keep weights, each by files of its own; without either there is none, and nothing to be limited by
 * one. io.weight goes to 10000, the others as the specification, to 1000. */
static void add_scaled(struct draft *d, const char *disk, uint64_t bfq, uint64_t iocost,
		       const struct from *from)
{
	const char *device = disk[0] != '\0' ? "_device" : "",
		   *text = arena_printf(d->a, "%s%s", disk, limit_number(d, bfq));
	struct plan_limit *l;

	l = limit_add(d, IO, "io.weight", arena_printf(d->a, "blkio.weight%s", device), text, from);
	l->v2_value = arena_printf(d->a, "%s%s", disk, limit_number(d, iocost));
	l->optional = true;
	limit_add(d, IO, "io.bfq.weight", arena_printf(d->a, "blkio.bfq.weight%s", device), text,
		  from)
		->optional = true;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A bundle's; where the profile has one, that is the most. */
static void add_weight(struct draft *d, const char *disk, uint64_t weight, const struct from *from)
{
	const struct amount *most = &d->p->resources.io_weight;
	uint64_t scaled = 1 + (weight - 10) * 9999 / 990;

	if (most->set && (weight > most->value || scaled > most->value)) {
		add_scaled(d, disk, smaller(weight, smaller(most->value, BFQ_WEIGHT_MAX)),
			   smaller(scaled, most->value), &most->from);
		return;
	}
	add_scaled(d, disk, weight, scaled, from);
}

static void plan_weights(struct draft *d)
{
	const struct spec_resources *r = &d->s->linux_.resources;
	const struct amount *own = &d->p->resources.io_weight;
	bool leaf = r->io_leaf_weight.set && r->io_leaf_weight.value != 0;

	if (r->io_weight.set && r->io_weight.value != 0)
		add_weight(d, "", r->io_weight.value, &r->io_weight.from);
	else if (own->set)
		add_scaled(d, "", smaller(own->value, BFQ_WEIGHT_MAX), own->value, &own->from);
	for (size_t i = 0; i < r->io_weights.n; i++) {
		const struct spec_io_weight *w = &r->io_weights.at[i];

		leaf |= w->leaf_weight != 0;
		if (w->weight != 0)
			add_weight(d, arena_printf(d->a, "%s ", disk_text(d, w->major, w->minor)),
				   w->weight, &w->from);
	}
	if (leaf)
		draft_missing(d, "linux.resources.blockIO.leafWeight",
			      "its scheduler has gone from Linux (5.0)", "leave it out");
}

int plan_io(struct draft *d, struct err *e)
{
	TRY(plan_disks(d, e));
	plan_throttles(d);
	plan_weights(d);
	return 0;
}
