/*
 * A plan in the making: what every layer's plan() reads and where it writes. Private to src/policy.
 */
#ifndef POLICY_DRAFT_H
#define POLICY_DRAFT_H

#include "policy/plan.h"

struct draft {
	struct arena *a;
	const struct plan_request *r;
	const struct spec *s;
	const struct profile *p;
	const struct host *h;
	struct plan *plan;
	enum audit_level audit; /* the profile's, or more under --verbose */
	bool own_slot;          /* ids that no other container of this host has, but by chance */
	bool nobody_to_ask;     /* no broker on this host, and the profile does without */
	LIST_OF(struct plan_mount) mounts;
	LIST_OF(uint32_t) target_hashes; /* of each mount, while they are added */
	LIST_OF(struct plan_path) paths;
	LIST_OF(struct plan_limit) limits;
	LIST_OF(struct plan_rlimit) rlimits;
	LIST_OF(struct plan_missing) missing;
	LIST_OF(struct plan_cut) cuts;
	LIST_OF(struct plan_given) givens;
	LIST_OF(struct word) plain; /* without namespaces: paths that must not lead through links */
};

/* One concern of the plan. plan() is pure; explain() writes the layer's part of plan_print(). */
struct layer {
	const char *name;
	int (*plan)(struct draft *d, struct err *e);
	void (*explain)(const struct plan *p, struct buf *out);
};

extern const struct layer layer_namespaces, layer_ids, layer_mounts, layer_capabilities,
	layer_landlock, layer_seccomp, layer_broker, layer_cgroup, layer_process, layer_excess;

/* "file:line" of a rule, or "default". For messages; lives in `a`. */
const char *from_text(struct arena *a, const struct from *f);

/* A string that a bundle or a profile chose, as explain() prints it: no byte of it steers a terminal or
 * starts a line. */
const char *shown(struct arena *a, const char *s);

/* Limits as they will be written, before the cgroup layer's turn. A quota of 0: none. */
struct plan_quota {
	uint64_t quota_us, period_us;
	struct from from;
};
struct amount plan_memory_limit(const struct draft *d);
struct amount plan_swap_limit(const struct draft *d);
struct plan_quota plan_cpu_quota(const struct draft *d);
/* Whether this host keeps the limits of a controller (CGROUP_*). */
bool plan_limits_hold(const struct draft *d, uint32_t controller);
bool plan_limits_in_v2(const struct draft *d, uint32_t controller);

/* Whether this profile's limits are something to show (plan_view.c). The same on every host and in every form, since the
 * filter follows from it. */
bool view_is_meant(const struct draft *d);
/* What is shown, before the mounts are planned; then the mounts. */
void view_plan(struct draft *d);
void view_mounts(struct draft *d);

/* Namespaces by path (plan_given.c): takes them out of those that are new; then, where one is a user namespace, its ids. */
int given_plan(struct draft *d, struct err *e);
void given_explain(const struct plan *p, struct buf *out);
int given_processes_check(const struct draft *d, struct err *e);
int given_ids(struct draft *d, bool *given, struct err *e);
void given_owners_uids(struct draft *d);

/* The text of the network's rules, when the container's ids are known (plan_net.c). */
int network_write(struct draft *d, struct err *e);

/* The capabilities that the profile keeps, as bits, whatever a bundle wants of them (plan_process.c). */
uint64_t profile_keeps(const struct profile *p);

/* The lowest score that still lets the kernel end a process when memory is short, its group's own included: one below is never
 * (OOM_SCORE_ADJ_MIN of linux/oom.h). And the score that is set (plan_process.c). */
enum { OOM_SCORE_LEAST = -999 };
int plan_oom_score(const struct spec *s);

/* Settings of its namespaces, once its ids are known (plan_sysctl.c): part of the layer of the process. */
void sysctls_plan(struct draft *d);

/* Whose network, and its rules (plan_net.c): part of the layer of namespaces. */
int network_plan(struct draft *d, struct err *e);
void network_explain(const struct plan *p, struct buf *out);
/* The row of capabilities.keep that has CAP_*, or NULL. */
const struct word *kept_capability(const struct draft *d, int64_t wanted);

/* How it is scheduled (plan_schedule.c): part of the process. And clocks, part of the namespaces. */
void schedule_plan(struct draft *d);
void schedule_explain(const struct plan *p, struct buf *out);
int clocks_plan(struct draft *d, struct err *e);
void clocks_explain(const struct plan *p, struct buf *out);

/* Notes a layer that a profile only preferred. */
void draft_missing(struct draft *d, const char *layer, const char *why, const char *fix);

/* Notes what the bundle asks for beyond the profile. */
void draft_cut(struct draft *d, const char *path, const char *asked, const char *held);

/* Whether a node that is listed can be had at all (plan_nodes.c): a device, and neither the machine's memory nor a terminal. */
bool nodes_gives(const struct plan_node *n);

/* Whether the container gets that node of a bundle. */
bool nodes_has(const struct draft *d, const struct spec_device *dev);

#endif
