#include <stddef.h>
#include <string.h>

#include "policy/profile_fields.h"
#include "table/table.h"

enum { LANDLOCK_ABI_MAX = 64 }; /* far beyond any kernel: a slip, not a wish */

#define IN(member) offsetof(struct profile, member)

static const struct name verdicts[] = {
	{ "allow", PROFILE_ALLOW },
	{ "deny", PROFILE_DENY },
	{ "broker", PROFILE_ASK_BROKER },
	{ 0 },
};
static const struct name needs[] = {
	{ "required", NEED_REQUIRED },
	{ "preferred", NEED_PREFERRED },
	{ 0 },
};
static const struct name modes[] = {
	{ "none", NETWORK_NONE },
	{ "host", NETWORK_HOST },
	{ "private", NETWORK_PRIVATE },
	{ 0 },
};
static const struct name audits[] = {
	{ "none", AUDIT_NONE },
	{ "denials", AUDIT_DENIALS },
	{ "decisions", AUDIT_DECISIONS },
	{ "all", AUDIT_ALL },
	{ 0 },
};
static const struct name roots[] = { { "readonly", true }, { "writable", false }, { 0 } };

/* ---- values that can be written in more than one way ---- */

static int read_version(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	(void)at;
	if (n->kind == NODE_PLAIN && strcmp(n->text, "1") == 0)
		return 0;
	doc_fail(b->doc, n, e, "this zviz reads version 1 of the profile format only");
	return advise(e, "write 'zviz: 1'");
}

static int read_root(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	int64_t readonly;

	TRY(bind_name(b, n, "word", roots, &readonly, e));
	*(bool *)at = readonly;
	return 0;
}

static bool is_word(const struct node *n)
{
	return bind_is_text(n) && (n->text[0] < '0' || n->text[0] > '9');
}

/* landlock: the lowest ABI that will do, or `required` (any), or `preferred` (any or none). */
static int read_landlock(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct profile *p = at;
	int64_t need = NEED_REQUIRED;
	uint64_t abi = 0;

	if (is_word(n)) {
		TRY(bind_name(b, n, "need", needs, &need, e));
		abi = need == NEED_REQUIRED;
	} else {
		TRY(bind_number(b, n, 1, LANDLOCK_ABI_MAX, &abi, e));
	}
	p->requirements.landlock = (unsigned)abi;
	p->requirements.landlock_need = (enum need)need;
	return 0;
}

static const struct field cgroup_fields[] = {
	{ "controllers", AS_WORDS, IN(requirements.cgroup), .required = true,
	  .check = profile_check_controller },
	{ "need", AS_ENUM, IN(requirements.cgroup_need), .names = needs, .required = true },
	{ 0 }
};

static int read_controllers(const struct bind *b, const struct node *n, struct profile *p,
			    struct err *e)
{
	for (const struct node *x = n->first; x != NULL; x = x->next) {
		TRY(profile_check_controller(b, x, e));
		*LIST_ADD(b->doc->arena,
			  &p->requirements.cgroup) = (struct word){ x->text, doc_place(b->doc, x) };
	}
	p->requirements.cgroup_need = NEED_REQUIRED;
	return 0;
}

/* cgroup: a list of controllers that must be there, or a need, or both in a map. */
static int read_cgroup(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct profile *p = at;
	int64_t need;

	if (n->kind == NODE_MAP)
		return bind_map(b, n, cgroup_fields, p, e);
	if (n->kind == NODE_LIST)
		return read_controllers(b, n, p, e);
	TRY(bind_name(b, n, "need", needs, &need, e));
	p->requirements.cgroup_need = (enum need)need;
	return 0;
}

/* ---- rows of lists ---- */

static const struct field where_fields[] = {
	{ "syscall", AS_STRING, offsetof(struct where_rule, syscall), .required = true,
	  .check = profile_check_syscall },
	{ "arg", AS_U32, offsetof(struct where_rule, arg), .required = true, .max = 5 },
	{ "mask", AS_U64, offsetof(struct where_rule, mask), .min = 1 },
	{ "in", AS_NUMBERS, offsetof(struct where_rule, n), .required = true, .not_empty = true,
	  .size = sizeof(uint64_t) },
	{ "then", AS_ENUM, offsetof(struct where_rule, then), .required = true, .names = verdicts },
	{ "", AS_FROM, offsetof(struct where_rule, from) },
	{ "", AS_CALL, .call = profile_check_where },
	{ 0 }
};
static const struct field socket_fields[] = {
	{ "family", AS_ENUM, offsetof(struct socket_rule, family), .required = true,
	  .names = socket_families },
	{ "types", AS_BITS, offsetof(struct socket_rule, types), .names = socket_types },
	{ "protocols", AS_NUMBERS, offsetof(struct socket_rule, n), .not_empty = true,
	  .size = sizeof(uint64_t), .max = INT32_MAX },
	{ "", AS_FROM, offsetof(struct socket_rule, from) },
	{ "", AS_CALL, .call = profile_check_socket },
	{ 0 }
};
static const struct field egress_fields[] = {
	{ "cidr", AS_STRING, offsetof(struct egress_rule, cidr), .check = profile_check_cidr },
	{ "domain", AS_STRING, offsetof(struct egress_rule, domain),
	  .check = profile_check_domain },
	{ "ports", AS_NUMBERS, offsetof(struct egress_rule, n), .not_empty = true,
	  .size = sizeof(uint64_t), .min = 1, .max = UINT16_MAX },
	{ "", AS_FROM, offsetof(struct egress_rule, from) },
	{ "", AS_CALL, .call = profile_check_egress },
	{ 0 }
};
static const struct field ingress_fields[] = {
	{ "port", AS_U16, offsetof(struct ingress_rule, port), .required = true, .min = 1 },
	{ "", AS_FROM, offsetof(struct ingress_rule, from) },
	{ 0 }
};
static const struct field io_fields[] = {
	{ "path", AS_PATH, offsetof(struct io_rule, path), .required = true },
	{ "rbps", AS_U64, offsetof(struct io_rule, rbps), .unit = UNIT_BYTES, .min = 1 },
	{ "wbps", AS_U64, offsetof(struct io_rule, wbps), .unit = UNIT_BYTES, .min = 1 },
	{ "riops", AS_U64, offsetof(struct io_rule, riops), .min = 1 },
	{ "wiops", AS_U64, offsetof(struct io_rule, wiops), .min = 1 },
	{ "", AS_FROM, offsetof(struct io_rule, from) },
	{ "", AS_CALL, .call = profile_check_io },
	{ 0 }
};

/* ---- sections ---- */

static const struct field capabilities_fields[] = {
	{ "keep", AS_WORDS, IN(keep_capabilities), .check = profile_check_capability }, { 0 }
};
static const struct field syscalls_fields[] = {
	{ "allow", AS_WORDS, IN(syscalls.allow), .check = profile_check_call },
	{ "deny", AS_WORDS, IN(syscalls.deny), .check = profile_check_call },
	{ "broker", AS_WORDS, IN(syscalls.broker), .check = profile_check_call },
	{ "where", AS_LIST, IN(syscalls.where), .size = sizeof(struct where_rule),
	  .fields = where_fields },
	{ "architectures", AS_WORDS, IN(syscalls.architectures),
	  .check = profile_check_architecture },
	{ 0 }
};
static const struct field ioctl_fields[] = {
	{ "allow", AS_WORDS, IN(ioctl_allow), .check = profile_check_ioctl }, { 0 }
};
static const struct field prctl_fields[] = {
	{ "allow", AS_WORDS, IN(prctl_allow), .check = profile_check_prctl }, { 0 }
};
static const struct field sockets_fields[] = { { "allow", AS_LIST, IN(sockets_allow),
						 .size = sizeof(struct socket_rule),
						 .fields = socket_fields },
					       { 0 } };
static const struct field deny_fields[] = {
	{ "read", AS_WORDS, IN(filesystem.deny_read), .check = profile_check_pattern },
	{ "write", AS_WORDS, IN(filesystem.deny_write), .check = profile_check_pattern },
	{ 0 }
};
static const struct field filesystem_fields[] = {
	{ "root", AS_CALL, IN(filesystem.root_readonly), .call = read_root },
	{ "read", AS_WORDS, IN(filesystem.read), .check = bind_check_path },
	{ "write", AS_WORDS, IN(filesystem.write), .check = bind_check_path },
	{ "execute", AS_WORDS, IN(filesystem.execute), .check = bind_check_path },
	{ "hide", AS_WORDS, IN(filesystem.hide), .check = bind_check_path },
	{ "deny", AS_STRUCT, .fields = deny_fields },
	{ 0 }
};
static const struct field egress_section[] = { { "allow", AS_LIST, IN(network.egress),
						 .size = sizeof(struct egress_rule),
						 .fields = egress_fields },
					       { 0 } };
static const struct field ingress_section[] = { { "allow", AS_LIST, IN(network.ingress),
						  .size = sizeof(struct ingress_rule),
						  .fields = ingress_fields },
						{ 0 } };
static const struct field network_fields[] = { { "mode", AS_ENUM, IN(network.mode),
						 .names = modes },
					       { "mode", AS_FROM, IN(network.mode_from) },
					       { "egress", AS_STRUCT, .fields = egress_section },
					       { "ingress", AS_STRUCT, .fields = ingress_section },
					       { 0 } };
/* The smallest memory that a process still starts in; cpu.max takes no less than 1 ms of 100
 * (kernel/sched/core.c, min_cfs_quota_period); PID_MAX_LIMIT; the largest fs.nr_open. */
static const struct field resources_fields[] = {
	{ "memory", AS_AMOUNT, IN(resources.memory), .unit = UNIT_BYTES, .min = 1 << 20 },
	{ "swap", AS_AMOUNT, IN(resources.swap), .unit = UNIT_BYTES },
	{ "cpus", AS_AMOUNT, IN(resources.cpus), .unit = UNIT_MILLI, .min = 10, .max = 1000000 },
	{ "pids", AS_AMOUNT, IN(resources.pids), .min = 1, .max = 4194304 },
	{ "nofile", AS_AMOUNT, IN(resources.nofile), .min = 4, .max = 1073741816 },
	{ "tmpfs", AS_AMOUNT, IN(resources.tmpfs), .unit = UNIT_BYTES, .min = 4096 },
	{ "io", AS_LIST, IN(resources.io), .size = sizeof(struct io_rule), .fields = io_fields },
	{ 0 }
};
static const struct field requirements_fields[] = {
	{ "landlock", AS_CALL, .call = read_landlock },
	{ "landlock", AS_FROM, IN(requirements.landlock_from) },
	{ "seccomp_notify", AS_ENUM, IN(requirements.seccomp_notify), .names = needs },
	{ "user_namespace", AS_ENUM, IN(requirements.user_namespace), .names = needs },
	{ "network_policy", AS_ENUM, IN(requirements.network_policy), .names = needs },
	{ "cgroup", AS_CALL, .call = read_cgroup },
	{ "cgroup", AS_FROM, IN(requirements.cgroup_from) },
	{ 0 }
};

/* The sections that are lists alone, and mean the same when they are removed. */
#define LIST_SECTIONS                                                                              \
	{ "namespaces", AS_WORDS, IN(namespaces), .check = profile_check_namespace },              \
		{ "capabilities", AS_STRUCT, .fields = capabilities_fields },                      \
		{ "ioctl", AS_STRUCT, .fields = ioctl_fields },                                    \
		{ "prctl", AS_STRUCT, .fields = prctl_fields },                                    \
	{                                                                                          \
		"warn", AS_WORDS, IN(warnings)                                                     \
	}

const struct field profile_fields[] = {
	{ "zviz", AS_CALL, .required = true, .call = read_version },
	{ "name", AS_STRING, IN(name), .check = profile_check_name },
	{ "description", AS_STRING, IN(description) },
	{ "extends", AS_SKIP },
	{ "remove", AS_SKIP },
	LIST_SECTIONS,
	{ "syscalls", AS_STRUCT, .fields = syscalls_fields },
	{ "sockets", AS_STRUCT, .fields = sockets_fields },
	{ "filesystem", AS_STRUCT, .fields = filesystem_fields },
	{ "network", AS_STRUCT, .fields = network_fields },
	{ "resources", AS_STRUCT, .fields = resources_fields },
	{ "requirements", AS_STRUCT, .fields = requirements_fields },
	{ "audit", AS_ENUM, IN(audit), .names = audits },
	{ 0 }
};

/* ---- remove: ---- */

static const struct field gone_where[] = {
	{ "syscall", AS_STRING, offsetof(struct where_rule, syscall), .required = true },
	{ "", AS_FROM, offsetof(struct where_rule, from) },
	{ 0 }
};
static const struct field gone_socket[] = { { "family", AS_ENUM,
					      offsetof(struct socket_rule, family),
					      .required = true, .names = socket_families },
					    { "", AS_FROM, offsetof(struct socket_rule, from) },
					    { 0 } };
static const struct field gone_egress[] = {
	{ "cidr", AS_STRING, offsetof(struct egress_rule, cidr), .check = profile_check_cidr },
	{ "domain", AS_STRING, offsetof(struct egress_rule, domain),
	  .check = profile_check_domain },
	{ "", AS_FROM, offsetof(struct egress_rule, from) },
	{ "", AS_CALL, .call = profile_check_egress },
	{ 0 }
};
static const struct field gone_io[] = { { "path", AS_PATH, offsetof(struct io_rule, path),
					  .required = true },
					{ "", AS_FROM, offsetof(struct io_rule, from) },
					{ 0 } };
static const struct field gone_syscalls[] = {
	{ "allow", AS_WORDS, IN(syscalls.allow), .check = profile_check_call },
	{ "deny", AS_WORDS, IN(syscalls.deny), .check = profile_check_call },
	{ "broker", AS_WORDS, IN(syscalls.broker), .check = profile_check_call },
	{ "where", AS_LIST, IN(syscalls.where), .size = sizeof(struct where_rule),
	  .fields = gone_where },
	{ "architectures", AS_WORDS, IN(syscalls.architectures),
	  .check = profile_check_architecture },
	{ 0 }
};
static const struct field gone_sockets[] = { { "allow", AS_LIST, IN(sockets_allow),
					       .size = sizeof(struct socket_rule),
					       .fields = gone_socket },
					     { 0 } };
static const struct field gone_filesystem[] = {
	{ "read", AS_WORDS, IN(filesystem.read), .check = bind_check_path },
	{ "write", AS_WORDS, IN(filesystem.write), .check = bind_check_path },
	{ "execute", AS_WORDS, IN(filesystem.execute), .check = bind_check_path },
	{ "hide", AS_WORDS, IN(filesystem.hide), .check = bind_check_path },
	{ "deny", AS_STRUCT, .fields = deny_fields },
	{ 0 }
};
static const struct field gone_egress_section[] = { { "allow", AS_LIST, IN(network.egress),
						      .size = sizeof(struct egress_rule),
						      .fields = gone_egress },
						    { 0 } };
static const struct field gone_network[] = { { "egress", AS_STRUCT, .fields = gone_egress_section },
					     { "ingress", AS_STRUCT, .fields = ingress_section },
					     { 0 } };
static const struct field gone_resources[] = {
	{ "io", AS_LIST, IN(resources.io), .size = sizeof(struct io_rule), .fields = gone_io },
	{ 0 }
};
static const struct field gone_requirements[] = {
	{ "cgroup", AS_WORDS, IN(requirements.cgroup), .check = profile_check_controller }, { 0 }
};
const struct field profile_remove_fields[] = {
	LIST_SECTIONS,
	{ "syscalls", AS_STRUCT, .fields = gone_syscalls },
	{ "sockets", AS_STRUCT, .fields = gone_sockets },
	{ "filesystem", AS_STRUCT, .fields = gone_filesystem },
	{ "network", AS_STRUCT, .fields = gone_network },
	{ "resources", AS_STRUCT, .fields = gone_resources },
	{ "requirements", AS_STRUCT, .fields = gone_requirements },
	{ 0 }
};
