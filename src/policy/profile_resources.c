/*
 * The schema's section resources:.
 */
#include <stddef.h>

#include "policy/limit_words.h"
#include "policy/profile_fields.h"

#define IN(member) offsetof(struct profile, member)

static const char path_pattern[] = "^/(?!(.*/)?\\.\\.(/|$))",
		  list_pattern[] = "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$",
		  size_pattern[] = "^[1-9][0-9]{0,5}[KMG]B$";

/* One number looks like a number. */
static const struct field list_forms[] = { { "", AS_STRING,
					     .about = ABOUT(.pattern = list_pattern) },
					   { "", AS_U32, .max = CPU_LIST_MAX - 1 },
					   { 0 } };

static int read_list(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct cpu_list list;

	if (n->kind == NODE_MAP || n->kind == NODE_LIST || n->text == NULL ||
	    !cpu_list_read(n->text, &list))
		return doc_fail(b->doc, n, e, "must be a list such as 0-3,6");
	*(const char **)at = n->text;
	return 0;
}

static int check_size(const struct bind *b, const struct node *n, struct err *e)
{
	if (!page_size_valid(n->text))
		return doc_fail(b->doc, n, e, "'%s' is no page size such as 2MB",
				text_shown(b->doc->arena, n->text));
	return 0;
}

static const struct field io_fields[] = {
	{ "path", AS_PATH, offsetof(struct io_rule, path), .required = true,
	  .about = ABOUT(.pattern = path_pattern,
			 .told = "A path in the container: the disk that holds it is limited.") },
	{ "rbps", AS_U64, offsetof(struct io_rule, rbps), .unit = UNIT_BYTES, .min = 1,
	  .about = ABOUT(.told = "Bytes read in a second.") },
	{ "wbps", AS_U64, offsetof(struct io_rule, wbps), .unit = UNIT_BYTES, .min = 1,
	  .about = ABOUT(.told = "Bytes written in a second.") },
	{ "riops", AS_U64, offsetof(struct io_rule, riops), .min = 1,
	  .about = ABOUT(.told = "Reads in a second.") },
	{ "wiops", AS_U64, offsetof(struct io_rule, wiops), .min = 1,
	  .about = ABOUT(.told = "Writes in a second.") },
	{ "", AS_FROM, offsetof(struct io_rule, from) },
	/* The path and a limit. */
	{ "", AS_CALL, .call = profile_check_io, .about = ABOUT(.keys = 2) },
	{ 0 }
};
static const struct field cpuset_fields[] = {
	{ "cpus", AS_CALL, IN(resources.cpuset.cpus.text), .call = read_list,
	  .about = ABOUT(.forms = list_forms, .told = "Processors by number, such as 0-3,6.") },
	{ "cpus", AS_FROM, IN(resources.cpuset.cpus.from) },
	{ "mems", AS_CALL, IN(resources.cpuset.mems.text), .call = read_list,
	  .about = ABOUT(.forms = list_forms, .told = "Memory nodes by number.") },
	{ "mems", AS_FROM, IN(resources.cpuset.mems.from) },
	{ 0 }
};
static const struct field hugetlb_fields[] = {
	{ "size", AS_STRING, offsetof(struct hugetlb_rule, size), .required = true,
	  .check = check_size,
	  .about = ABOUT(.pattern = size_pattern,
			 .told = "The size of a page, such as 2MB or 1GB.") },
	{ "limit", AS_U64, offsetof(struct hugetlb_rule, limit), .required = true,
	  .unit = UNIT_BYTES,
	  .about = ABOUT(.told = "Bytes in pages of this size; 0 refuses them.") },
	{ "", AS_FROM, offsetof(struct hugetlb_rule, from) },
	{ 0 }
};
/* The smallest memory that a process still starts in; cpu.max takes no less than 1 ms of 100
 * (kernel/sched/core.c, min_cfs_quota_period); PID_MAX_LIMIT; the largest fs.nr_open. */
const struct field profile_resources_fields[] = {
	{ "memory", AS_AMOUNT, IN(resources.memory), .unit = UNIT_BYTES, .min = 1 << 20,
	  .about = ABOUT(.told = "Memory of all processes together.") },
	{ "memory_high", AS_AMOUNT, IN(resources.memory_high), .unit = UNIT_BYTES, .min = 1 << 20,
	  .about =
		  ABOUT(.told = "Beyond it they are slowed down, and memory is taken back from them; it may be exceeded "
				"(cgroup v2).") },
	{ "swap", AS_AMOUNT, IN(resources.swap), .unit = UNIT_BYTES,
	  .about = ABOUT(.told = "Swap that may be used beside it; needs memory.") },
	{ "cpus", AS_AMOUNT, IN(resources.cpus), .unit = UNIT_MILLI, .min = 10, .max = 1000000,
	  .about = ABOUT(.told = "Processors, such as 0.5.") },
	{ "cpu_weight", AS_AMOUNT, IN(resources.cpu_weight), .min = WEIGHT_MIN, .max = WEIGHT_MAX,
	  .about =
		  ABOUT(.told = "The share of processors that others want as well; whoever has none written has 100.") },
	{ "cpuset", AS_STRUCT, .fields = cpuset_fields,
	  .about = ABOUT(.told = "Which processors and memory nodes may be used.") },
	{ "pids", AS_AMOUNT, IN(resources.pids), .min = 1, .max = 4194304,
	  .about = ABOUT(.told = "Processes and threads.") },
	{ "nofile", AS_AMOUNT, IN(resources.nofile), .min = 4, .max = 1073741816,
	  .about = ABOUT(.told = "Open files of each process (RLIMIT_NOFILE).") },
	{ "tmpfs", AS_AMOUNT, IN(resources.tmpfs), .unit = UNIT_BYTES, .min = 4096,
	  .about = ABOUT(.told = "The size of each private file system.") },
	{ "io", AS_LIST, IN(resources.io), .size = sizeof(struct io_rule), .fields = io_fields,
	  .about = ABOUT(.told = "Limits of disks.") },
	{ "io_weight", AS_AMOUNT, IN(resources.io_weight), .min = WEIGHT_MIN, .max = WEIGHT_MAX,
	  .about =
		  ABOUT(.told = "The share of disks that others want as well, where their scheduler keeps weights (bfq, "
				"io.cost); whoever has none written has 100.") },
	{ "hugetlb", AS_LIST, IN(resources.hugetlb), .size = sizeof(struct hugetlb_rule),
	  .fields = hugetlb_fields, .about = ABOUT(.told = "Limits of huge pages.") },
	{ "view", AS_BOOL, IN(resources.view),
	  .about =
		  ABOUT(.told = "Whether /proc shows these limits instead of the machine; direct runs do unless written.") },
	{ "view", AS_FROM, IN(resources.view_from) },
	{ 0 }
};

/* ---- remove: ---- */

static const struct field gone_io[] = { { "path", AS_PATH, offsetof(struct io_rule, path),
					  .required = true },
					{ "", AS_FROM, offsetof(struct io_rule, from) },
					{ 0 } };
static const struct field gone_hugetlb[] = {
	{ "size", AS_STRING, offsetof(struct hugetlb_rule, size), .required = true,
	  .check = check_size, .about = ABOUT(.pattern = size_pattern) },
	{ "", AS_FROM, offsetof(struct hugetlb_rule, from) },
	{ 0 }
};
const struct field profile_resources_lists[] = {
	{ "io", AS_LIST, IN(resources.io), .size = sizeof(struct io_rule), .fields = gone_io },
	{ "hugetlb", AS_LIST, IN(resources.hugetlb), .size = sizeof(struct hugetlb_rule),
	  .fields = gone_hugetlb },
	{ 0 }
};
