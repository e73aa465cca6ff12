/*
 * linux.resources and linux.cgroupsPath of config.json: names and types are those of the OCI runtime specification 1.2,
 * config-linux.md; the bounds are the kernel's, so that what it refuses is said with its place.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "policy/limit_words.h"
#include "policy/spec_fields.h"

#define IN(member)       offsetof(struct spec, linux_.resources.member)
#define OF(type, member) offsetof(struct type, member)

enum {
	SWAPPINESS_MAX = 100,
	IO_WEIGHT_MIN = 10, /* of the specification: 10 to 1000 */
	IO_WEIGHT_MAX = 1000,
	FILE_NAME_MAX =
		64, /* MAX_CGROUP_TYPE_NAMELEN of include/linux/cgroup-defs.h, with the controller's */
};

static int odd(const struct bind *b, const struct node *n, const char *what, struct err *e)
{
	return doc_fail(b->doc, n, e, "'%s' is no %s", text_shown(b->doc->arena, n->text), what);
}

/* ---- values ---- */

static bool only(const char *text, const char *letters)
{
	return text[0] != '\0' && text[strspn(text, letters)] == '\0';
}

int spec_check_cpu_list(const struct bind *b, const struct node *n, struct err *e)
{
	struct cpu_list list;

	/* Engines write "" for none. */
	return n->text[0] == '\0' || cpu_list_read(n->text, &list)
		       ? 0
		       : odd(b, n, "list of numbers, such as 0-3,6", e);
}

/* Keys become a file's name in the container's group. The kernel's own files, "cgroup.procs" and its like, are not
 * limits: they say who is in a group, and what may be made below. */
static int check_unified(const struct bind *b, const struct node *n, struct err *e)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	const char *dot = strchr(n->key, '.');

	if (dot == NULL || dot == n->key || dot[1] == '\0' || !only(n->key, letters) ||
	    strstr(n->key, "..") != NULL || strlen(n->key) >= FILE_NAME_MAX)
		return doc_fail(b->doc, n, e, "no name of a cgroup file");
	if (strncmp(n->key, "cgroup.", strlen("cgroup.")) == 0) {
		doc_fail(b->doc, n, e, "files of the group itself are not the bundle's to write");
		return advise(e, "files of controllers may be named: memory.high, cpu.max, ...");
	}
	for (const char *s = n->text; *s != '\0'; s++)
		if ((*s < ' ' && *s != '\n') || *s == 0x7f)
			return odd(b, n, "value of a cgroup file", e);
	return n->text[0] != '\0' ? 0 : doc_fail(b->doc, n, e, "nothing to write");
}

/* A path below the group's parent, or from the hierarchy's top; with --systemd-cgroup it is slice:prefix:name. */
int spec_check_cgroups_path(const struct bind *b, const struct node *n, struct err *e)
{
	const char *s = n->text;

	for (const char *c = s; *c != '\0'; c++)
		if (*c < ' ' || *c == 0x7f)
			return odd(b, n, "path of a control group", e);
	while (*s != '\0') {
		size_t len = strcspn(s, "/");

		if ((len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.'))
			return doc_fail(b->doc, n, e, "'.' and '..' have no place in it");
		s += len + (s[len] == '/');
	}
	return 0;
}

static int check_device_type(const struct bind *b, const struct node *n, struct err *e)
{
	/* p is a FIFO, which no device rule is ever asked about. */
	return strlen(n->text) == 1 && strchr("abcup", n->text[0]) != NULL
		       ? 0
		       : odd(b, n, "type of a device rule: a, b or c", e);
}

static int check_device_access(const struct bind *b, const struct node *n, struct err *e)
{
	return only(n->text, "rwm") ? 0 : odd(b, n, "access: some of r, w and m", e);
}

static int check_page_size(const struct bind *b, const struct node *n, struct err *e)
{
	return page_size_valid(n->text) ? 0 : odd(b, n, "page size such as 2MB", e);
}

/* ---- maps ---- */

static const struct field rdma_fields[] = {
	{ "hcaHandles", AS_AMOUNT, OF(spec_rdma, handles), .max = INT32_MAX },
	{ "hcaObjects", AS_AMOUNT, OF(spec_rdma, objects), .max = INT32_MAX },
	{ "", AS_FROM, OF(spec_rdma, from) },
	{ 0 }
};

/* A map whose keys are devices. */
static int read_rdma(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct spec_rdmas *list = at;

	if (n->kind != NODE_MAP)
		return doc_fail(b->doc, n, e, "must be a map of devices");
	for (const struct node *x = n->first; x != NULL; x = x->next) {
		struct spec_rdma *r = LIST_ADD(b->doc->arena, list);

		*r = (struct spec_rdma){ .device = x->key };
		if (x->kind != NODE_MAP || !only(x->key, "abcdefghijklmnopqrstuvwxyz0123456789_-"))
			return doc_fail(b->doc, x, e, "not a device with its limits");
		TRY(bind_map(b, x, rdma_fields, r, e));
		if (!r->handles.set && !r->objects.set)
			return doc_fail(b->doc, x, e,
					"limits nothing: give hcaHandles or hcaObjects");
	}
	return 0;
}

static int check_memory(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec_resources *r = &((const struct spec *)at)->linux_.resources;

	if (!r->memory_swap.set || r->memory_swap.value <= 0)
		return 0;
	if (!r->memory_limit.set || r->memory_limit.value <= 0)
		return doc_fail(b->doc, node_get(n, "swap"), e,
				"counts memory and swap together: it needs a limit beside it");
	if (r->memory_swap.value < r->memory_limit.value)
		return doc_fail(b->doc, node_get(n, "swap"), e,
				"counts memory and swap together: less than the limit, %" PRId64
				", cannot be",
				r->memory_limit.value);
	return 0;
}

static int check_cpu(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec_resources *r = &((const struct spec *)at)->linux_.resources;

	if (r->cpu_period.set && r->cpu_period.value != 0 &&
	    (r->cpu_period.value < CPU_PERIOD_MIN_US || r->cpu_period.value > CPU_PERIOD_MAX_US))
		return doc_fail(b->doc, node_get(n, "period"), e,
				"the kernel takes %d to %d microseconds", CPU_PERIOD_MIN_US,
				CPU_PERIOD_MAX_US);
	if (r->cpu_quota.set && r->cpu_quota.value > 0 && r->cpu_quota.value < CPU_PERIOD_MIN_US)
		return doc_fail(b->doc, node_get(n, "quota"), e,
				"the kernel takes no less than %d microseconds", CPU_PERIOD_MIN_US);
	if (r->cpu_burst.set && r->cpu_burst.value != 0 &&
	    (!r->cpu_quota.set || r->cpu_quota.value <= 0 ||
	     r->cpu_burst.value > (uint64_t)r->cpu_quota.value))
		return doc_fail(b->doc, node_get(n, "burst"), e,
				"a burst is at most the quota beside it");
	return 0;
}

static int check_weight(const struct bind *b, const struct node *n, const char *key, uint64_t v,
			struct err *e)
{
	if (v == 0 || (v >= IO_WEIGHT_MIN && v <= IO_WEIGHT_MAX))
		return 0;
	return doc_fail(b->doc, node_get(n, key), e, "must be %d to %d", IO_WEIGHT_MIN,
			IO_WEIGHT_MAX);
}

static int check_block_io(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec_resources *r = &((const struct spec *)at)->linux_.resources;

	return check_weight(b, n, "weight", r->io_weight.value, e);
}

static int check_one_weight(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec_io_weight *w = at;

	return check_weight(b, n, "weight", w->weight, e);
}

/* ---- tables ---- */

static const struct field memory_fields[] = {
	{ "limit", AS_SIGNED_AMOUNT, IN(memory_limit), .min = -1 },
	{ "reservation", AS_SIGNED_AMOUNT, IN(memory_reservation), .min = -1 },
	{ "swap", AS_SIGNED_AMOUNT, IN(memory_swap), .min = -1 },
	{ "kernel", AS_SIGNED_AMOUNT, IN(memory_kernel), .min = -1 },
	{ "kernelTCP", AS_SIGNED_AMOUNT, IN(memory_kernel_tcp), .min = -1 },
	{ "swappiness", AS_AMOUNT, IN(memory_swappiness), .max = SWAPPINESS_MAX },
	{ "disableOOMKiller", AS_BOOL, IN(memory_keep_alive) },
	{ "useHierarchy", AS_SKIP },      /* the only way since Linux 5.11 */
	{ "checkBeforeUpdate", AS_SKIP }, /* of updates */
	{ "", AS_CALL, .call = check_memory },
	{ 0 }
};
static const struct field cpu_fields[] = {
	{ "shares", AS_AMOUNT, IN(cpu_shares) },
	{ "quota", AS_SIGNED_AMOUNT, IN(cpu_quota), .min = -1 },
	{ "burst", AS_AMOUNT, IN(cpu_burst) },
	{ "period", AS_AMOUNT, IN(cpu_period) },
	{ "realtimeRuntime", AS_SIGNED_AMOUNT, IN(rt_runtime), .min = -1 },
	{ "realtimePeriod", AS_AMOUNT, IN(rt_period) },
	{ "cpus", AS_STRING, IN(cpuset_cpus), .check = spec_check_cpu_list },
	{ "cpus", AS_FROM, IN(cpuset_cpus_from) },
	{ "mems", AS_STRING, IN(cpuset_mems), .check = spec_check_cpu_list },
	{ "mems", AS_FROM, IN(cpuset_mems_from) },
	{ "idle", AS_SIGNED_AMOUNT, IN(cpu_idle), .min = -1, .max = 1 },
	{ "", AS_CALL, .call = check_cpu },
	{ 0 }
};
static const struct field pids_fields[] = {
	{ "limit", AS_SIGNED_AMOUNT, IN(pids_limit), .min = -1 }, { 0 }
};
static const struct field throttle_fields[] = {
	{ "major", AS_I64, OF(spec_io_throttle, major), .required = true, .max = UINT32_MAX },
	{ "minor", AS_I64, OF(spec_io_throttle, minor), .required = true, .max = UINT32_MAX },
	{ "rate", AS_U64, OF(spec_io_throttle, rate), .required = true },
	{ "", AS_FROM, OF(spec_io_throttle, from) },
	{ 0 }
};
static const struct field weight_fields[] = {
	{ "major", AS_I64, OF(spec_io_weight, major), .required = true, .max = UINT32_MAX },
	{ "minor", AS_I64, OF(spec_io_weight, minor), .required = true, .max = UINT32_MAX },
	{ "weight", AS_U64, OF(spec_io_weight, weight) },
	{ "leafWeight", AS_U64, OF(spec_io_weight, leaf_weight) },
	{ "", AS_FROM, OF(spec_io_weight, from) },
	{ "", AS_CALL, .call = check_one_weight },
	{ 0 }
};
#define THROTTLE(name, member)                                                                     \
	{                                                                                          \
		name, AS_LIST, IN(member), .size = sizeof(struct spec_io_throttle),                \
					   .fields = throttle_fields                               \
	}
static const struct field block_io_fields[] = {
	{ "weight", AS_AMOUNT, IN(io_weight), .max = IO_WEIGHT_MAX },
	{ "leafWeight", AS_AMOUNT, IN(io_leaf_weight) },
	{ "weightDevice", AS_LIST, IN(io_weights), .size = sizeof(struct spec_io_weight),
	  .fields = weight_fields },
	THROTTLE("throttleReadBpsDevice", read_bps),
	THROTTLE("throttleWriteBpsDevice", write_bps),
	THROTTLE("throttleReadIOPSDevice", read_iops),
	THROTTLE("throttleWriteIOPSDevice", write_iops),
	{ "", AS_CALL, .call = check_block_io },
	{ 0 }
};
static const struct field device_fields[] = {
	{ "allow", AS_BOOL, OF(spec_device_rule, allow), .required = true },
	{ "type", AS_STRING, OF(spec_device_rule, type), .check = check_device_type },
	{ "major", AS_SIGNED_AMOUNT, OF(spec_device_rule, major), .min = -1, .max = UINT32_MAX },
	{ "minor", AS_SIGNED_AMOUNT, OF(spec_device_rule, minor), .min = -1, .max = UINT32_MAX },
	{ "access", AS_STRING, OF(spec_device_rule, access), .check = check_device_access },
	{ "", AS_FROM, OF(spec_device_rule, from) },
	{ 0 }
};
static const struct field hugepage_fields[] = { { "pageSize", AS_STRING, OF(spec_hugepage, size),
						  .required = true, .check = check_page_size },
						{ "limit", AS_U64, OF(spec_hugepage, limit),
						  .required = true },
						{ "", AS_FROM, OF(spec_hugepage, from) },
						{ 0 } };
const struct field spec_resources_fields[] = {
	{ "devices", AS_LIST, IN(devices), .size = sizeof(struct spec_device_rule),
	  .fields = device_fields },
	{ "memory", AS_STRUCT, .fields = memory_fields },
	{ "cpu", AS_STRUCT, .fields = cpu_fields },
	{ "pids", AS_STRUCT, .fields = pids_fields },
	{ "blockIO", AS_STRUCT, .fields = block_io_fields },
	{ "hugepageLimits", AS_LIST, IN(hugepages), .size = sizeof(struct spec_hugepage),
	  .fields = hugepage_fields },
	{ "rdma", AS_CALL, IN(rdma), .call = read_rdma },
	{ "network", AS_PRESENT, IN(network) },
	{ "unified", AS_PAIRS, IN(unified), .check = check_unified },
	{ 0 }
};
