#include <stddef.h>
#include <string.h>

#include "policy/profile_fields.h"
#include "policy/profile_words.h"
#include "table/table.h"

#define IN(member) offsetof(struct profile, member)

/* What JSON Schema can say of words that a check looks at. */
static const char path_pattern[] = "^/(?!(.*/)?\\.\\.(/|$))",
		  hidden_pattern[] = "^/(?!(.*/)?\\.\\.(/|$))(?!.*\\*\\*)",
		  device_pattern[] = "^/dev/(?!(.*/)?\\.{0,2}(/|$))(?!.*\\*\\*)[^\\[\\]\\\\]+$",
		  domain_pattern[] = "^(\\*\\.)?[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$",
		  name_pattern[] = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$";

const char profile_pattern_pattern[] = "^(/(?!(.*/)?\\.\\.(/|$))|\\*\\*/.)",
	   profile_cidr_pattern[] = "^[0-9a-fA-F.:]+(/[0-9]+)?$";

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

	TRY(bind_name(b, n, "word", profile_roots, &readonly, e));
	*(bool *)at = readonly;
	return 0;
}

/* ---- values that may be written in more than one way, for whoever describes them ---- */

static const struct field version_forms[] = { { "", AS_U32, .min = 1, .max = 1 }, { 0 } };
static const struct field extends_forms[] = { { "", AS_STRING }, { 0 } };
static const struct field remove_forms[] = { { "", AS_STRUCT, .fields = profile_remove_fields },
					     { 0 } };
static const struct field root_forms[] = { { "", AS_ENUM, .names = profile_roots }, { 0 } };
static const char *const cidr_or_domain[] = { "cidr", "domain", NULL };

/* ---- rows of lists ---- */

static const struct field where_fields[] = {
	{ "syscall", AS_STRING, offsetof(struct where_rule, syscall), .required = true,
	  .check = profile_check_syscall,
	  .about = ABOUT(.words = &profile_syscall_words, .told = "The call.") },
	{ "arg", AS_U32, offsetof(struct where_rule, arg), .required = true, .max = 5,
	  .about = ABOUT(.told = "Which argument, the first being 0.") },
	{ "mask", AS_U64, offsetof(struct where_rule, mask), .min = 1,
	  .about =
		  ABOUT(.told = "The bits that are looked at: all unless written. Of what the kernel takes as 32 bits, "
				"write 0xffffffff.") },
	{ "in", AS_NUMBERS, offsetof(struct where_rule, n), .required = true, .not_empty = true,
	  .size = sizeof(uint64_t),
	  .about = ABOUT(.told = "The values that fit, under the mask.") },
	{ "then", AS_ENUM, offsetof(struct where_rule, then), .required = true,
	  .names = profile_verdicts, .about = ABOUT(.told = "What becomes of a call that fits.") },
	{ "", AS_FROM, offsetof(struct where_rule, from) },
	{ "", AS_CALL, .call = profile_check_where },
	{ 0 }
};
static const struct field socket_fields[] = {
	{ "family", AS_ENUM, offsetof(struct socket_rule, family), .required = true,
	  .names = socket_families, .about = ABOUT(.told = "The address family.") },
	{ "types", AS_BITS, offsetof(struct socket_rule, types), .names = socket_types,
	  .about = ABOUT(.told = "Which types of it: every one unless written.") },
	{ "protocols", AS_NUMBERS, offsetof(struct socket_rule, n), .not_empty = true,
	  .size = sizeof(uint64_t), .max = INT32_MAX,
	  .about =
		  ABOUT(.told = "Which protocols, by number (0 is the family's usual one): every one unless written.") },
	{ "", AS_FROM, offsetof(struct socket_rule, from) },
	{ "", AS_CALL, .call = profile_check_socket },
	{ 0 }
};
static const struct field egress_fields[] = {
	{ "cidr", AS_STRING, offsetof(struct egress_rule, cidr), .check = profile_check_cidr,
	  .about =
		  ABOUT(.pattern = profile_cidr_pattern,
			.told = "An address or a range such as 10.0.0.0/8. One of cidr and domain is needed.") },
	{ "domain", AS_STRING, offsetof(struct egress_rule, domain), .check = profile_check_domain,
	  .about = ABOUT(.pattern = domain_pattern,
			 .told = "A name, or all below one: *.example.org.") },
	{ "ports", AS_NUMBERS, offsetof(struct egress_rule, n), .not_empty = true,
	  .size = sizeof(uint64_t), .min = 1, .max = UINT16_MAX,
	  .about = ABOUT(.told = "Which ports: every one unless written.") },
	{ "limit", AS_U64, offsetof(struct egress_rule, limit), .unit = UNIT_BYTES, .min = 1,
	  .max = INT64_MAX,
	  .about =
		  ABOUT(.told = "Bytes that may cross to and from there, both ways together, while the container lives.") },
	{ "connections", AS_U32, offsetof(struct egress_rule, connections), .min = 1,
	  .max = EGRESS_CONNECTIONS_MAX,
	  .about = ABOUT(.told = "Connections that may be open at once.") },
	{ "allow_private", AS_BOOL, offsetof(struct egress_rule, allow_private),
	  .about =
		  ABOUT(.told = "Whether the domain may lead to private addresses, such as 10.0.0.0/8.") },
	{ "", AS_FROM, offsetof(struct egress_rule, from) },
	{ "", AS_CALL, .call = profile_check_egress, .about = ABOUT(.one_of = cidr_or_domain) },
	{ 0 }
};
static const struct field ingress_fields[] = {
	{ "port", AS_U16, offsetof(struct ingress_rule, port), .required = true, .min = 1,
	  .about = ABOUT(.told = "A port that may be reached.") },
	{ "", AS_FROM, offsetof(struct ingress_rule, from) },
	{ 0 }
};
/* ---- sections ---- */

static const struct field capabilities_fields[] = {
	{ "keep", AS_WORDS, IN(keep_capabilities), .check = profile_check_capability,
	  .about =
		  ABOUT(.words = &profile_capability_words,
			.told = "Capabilities that stay, within the container: none unless written.") },
	{ 0 }
};
static const struct field syscalls_fields[] = {
	{ "allow", AS_WORDS, IN(syscalls.allow), .check = profile_check_call,
	  .about =
		  ABOUT(.words = &profile_call_words,
			.told = "Calls that work. execve, exit_group and sendmsg have to be among them.") },
	{ "deny", AS_WORDS, IN(syscalls.deny), .check = profile_check_call,
	  .about = ABOUT(.words = &profile_call_words, .told = "Calls that answer EPERM.") },
	{ "broker", AS_WORDS, IN(syscalls.broker), .check = profile_check_call,
	  .about =
		  ABOUT(.words = &profile_call_words,
			.told = "Calls about which the broker is asked where the filter alone would refuse, so that "
				"refusals are counted and explained.") },
	{ "tripwire", AS_WORDS, IN(syscalls.tripwire), .check = profile_check_call,
	  .about =
		  ABOUT(.words = &profile_call_words,
			.told = "Calls that are allowed, but by way of the broker, so that `zviz update` can cut them off while "
				"the container runs. Of a group, those are left out that are not allowed, that the launch "
				"itself needs, that have rows of where, and that patterns of filesystem.deny are for; "
				"written by name in the same file, these are errors.") },
	{ "where", AS_LIST, IN(syscalls.where), .size = sizeof(struct where_rule),
	  .fields = where_fields,
	  .about =
		  ABOUT(.told = "Tests of arguments, as the call has them in registers. The first row that fits decides, "
				"before all else.") },
	{ "architectures", AS_WORDS, IN(syscalls.architectures),
	  .check = profile_check_architecture,
	  .about =
		  ABOUT(.words = &profile_architecture_words,
			.told = "Whose system calls there are: native unless written, and it has to be among them. i386 and x32 "
				"let an x86_64 machine run such programs, whose calls get what is said of the same calls here; "
				"what registers cannot decide there answers ENOSYS. Calls of every other architecture kill the "
				"process.") },
	{ 0 }
};
static const struct field ioctl_fields[] = {
	{ "allow", AS_WORDS, IN(ioctl_allow), .check = profile_check_ioctl,
	  .about = ABOUT(.words = &profile_ioctl_words, .numbers_too = true,
			 .told = "Requests that work: names, or numbers of 32 bits.") },
	{ 0 }
};
static const struct field prctl_fields[] = {
	{ "allow", AS_WORDS, IN(prctl_allow), .check = profile_check_prctl,
	  .about = ABOUT(.words = &profile_prctl_words, .numbers_too = true,
			 .told = "Operations that work: names, or numbers of 32 bits.") },
	{ 0 }
};
static const struct field sockets_fields[] = {
	{ "allow", AS_LIST, IN(sockets_allow), .size = sizeof(struct socket_rule),
	  .fields = socket_fields,
	  .about = ABOUT(.told = "Sockets that can be made; every other one answers EACCES.") },
	{ 0 }
};
static const struct field deny_fields[] = {
	{ "read", AS_WORDS, IN(filesystem.deny_read), .check = profile_check_pattern,
	  .about = ABOUT(.pattern = profile_pattern_pattern, .told = "What is never read.") },
	{ "write", AS_WORDS, IN(filesystem.deny_write), .check = profile_check_pattern,
	  .about = ABOUT(.pattern = profile_pattern_pattern,
			 .told = "What is never written, made, removed or replaced.") },
	{ 0 }
};
static const struct field filesystem_fields[] = {
	{ "root", AS_CALL, IN(filesystem.root_readonly), .call = read_root,
	  .about = ABOUT(.forms = root_forms,
			 .told = "The root file system: readonly unless written.") },
	{ "read", AS_WORDS, IN(filesystem.read), .check = bind_check_path,
	  .about = ABOUT(.pattern = path_pattern,
			 .told = "Folders whose files may be read, and listed.") },
	{ "write", AS_WORDS, IN(filesystem.write), .check = bind_check_path,
	  .about =
		  ABOUT(.pattern = path_pattern,
			.told = "Folders in which files may be written, made, removed and renamed.") },
	{ "execute", AS_WORDS, IN(filesystem.execute), .check = bind_check_path,
	  .about = ABOUT(.pattern = path_pattern, .told = "Folders whose files may be executed.") },
	{ "hide", AS_WORDS, IN(filesystem.hide), .check = profile_check_hidden,
	  .about =
		  ABOUT(.pattern = hidden_pattern,
			.told = "Paths that are masked, if they are there: * stands for anything within a name, ? for one "
				"character. What is mounted at such a path on purpose (a volume, --read, --write) is "
				"shown.") },
	{ "deny", AS_STRUCT, .fields = deny_fields,
	  .about =
		  ABOUT(.told = "Patterns inside the folders above: * stands for anything within a name, ** for anything, ? "
				"for one character. They hold for opening, for connecting and sending to unix sockets, "
				"and against renames and links, all of which the broker performs then; io_uring cannot "
				"be allowed beside them.") },
	{ 0 }
};
static const struct field egress_section[] = {
	{ "allow", AS_LIST, IN(network.egress), .size = sizeof(struct egress_rule),
	  .fields = egress_fields, .about = ABOUT(.told = "Where connections may go to.") },
	{ 0 }
};
static const struct field ingress_section[] = {
	{ "allow", AS_LIST, IN(network.ingress), .size = sizeof(struct ingress_rule),
	  .fields = ingress_fields, .about = ABOUT(.told = "Where connections may come in.") },
	{ 0 }
};
static const struct field network_fields[] = {
	{ "mode", AS_ENUM, IN(network.mode), .names = profile_modes,
	  .about =
		  ABOUT(.told = "none: a loopback. host: the host's network. private: a way out by rules. "
				"none unless written.") },
	{ "mode", AS_FROM, IN(network.mode_from) },
	{ "egress", AS_STRUCT, .fields = egress_section,
	  .about =
		  ABOUT(.told = "What goes out. Not enforced on the host's network: see requirements.network_policy.") },
	{ "ingress", AS_STRUCT, .fields = ingress_section,
	  .about =
		  ABOUT(.told = "What comes in. Not enforced on the host's network: see requirements.network_policy.") },
	{ 0 }
};
/* The sections that are lists alone, and mean the same when they are removed. */
#define LIST_SECTIONS                                                                                                    \
	{ "namespaces", AS_WORDS, IN(namespaces), .check = profile_check_namespace,                                      \
	  .about =                                                                                                       \
		  ABOUT(.words = &profile_namespace_words,                                                               \
			.told = "Namespaces of the container's own: all but time unless written. user, pid and "         \
				"mount cannot be left out; network only where network.mode is host.") },                 \
		{ "capabilities", AS_STRUCT, .fields = capabilities_fields,                                              \
		  .about = ABOUT(.told = "Capabilities in the container's user namespace.") },                           \
		{ "devices", AS_WORDS, IN(devices), .check = profile_check_device,                                       \
		  .about =                                                                                               \
			  ABOUT(.pattern = device_pattern,                                                               \
				.told = "Device nodes of the host that it may have: * stands for anything within a "     \
					"name, ? for one character. A command of this machine has all of them; of a "    \
					"bundle's linux.devices, those among them are made. What may be asked of them, " \
					"ioctl says.") },                                                                \
		{ "ioctl", AS_STRUCT, .fields = ioctl_fields,                                                            \
		  .about =                                                                                               \
			  ABOUT(.told = "What may be asked of devices, where the call ioctl is allowed.") },             \
		{ "prctl", AS_STRUCT, .fields = prctl_fields,                                                            \
		  .about =                                                                                               \
			  ABOUT(.told = "What a process may set of itself, where the call prctl is allowed.") },         \
	{                                                                                                                \
		"warn", AS_WORDS, IN(warnings),                                                                          \
			.about = ABOUT(.told = "Lines that every run under it prints.")                                  \
	}

const struct field profile_fields[] = {
	{ "zviz", AS_CALL, .required = true, .call = read_version,
	  .about = ABOUT(.forms = version_forms, .told = "The version of the format: 1.") },
	{ "name", AS_STRING, IN(name), .check = profile_check_name,
	  .about =
		  ABOUT(.pattern = name_pattern,
			.told = "What lists and events call it: the file's name unless written.") },
	{ "description", AS_STRING, IN(description),
	  .about = ABOUT(.told = "One line for lists.") },
	{ "extends", AS_SKIP,
	  .about =
		  ABOUT(.forms = extends_forms,
			.told = "A built-in profile, or a file beside this one. Its lists are added to, its single values "
				"replaced.") },
	{ "remove", AS_SKIP,
	  .about =
		  ABOUT(.forms = remove_forms, .needs = "extends",
			.told = "With extends: what to take out of the lists, written as the lists are; of rows, the first "
				"key says which. A word cannot be added again in the same file.") },
	LIST_SECTIONS,
	{ "syscalls", AS_STRUCT, .fields = syscalls_fields,
	  .about =
		  ABOUT(.told = "Calls by name, or groups of them. A name beats a group, deny beats allow. Calls that are "
				"listed nowhere answer ENOSYS.") },
	{ "sockets", AS_STRUCT, .fields = sockets_fields,
	  .about =
		  ABOUT(.told = "What the calls socket and socketpair may make, where they are allowed.") },
	{ "filesystem", AS_STRUCT, .fields = filesystem_fields,
	  .about =
		  ABOUT(.told = "Who may do what to which files, whatever their owners and modes say.") },
	{ "ask", AS_STRUCT, .fields = profile_ask_fields, .about = &profile_ask_about },
	{ "network", AS_STRUCT, .fields = network_fields,
	  .about = ABOUT(.told = "Whose network, and which addresses.") },
	{ "resources", AS_STRUCT, .fields = profile_resources_fields,
	  .about = ABOUT(.told = "Limits.") },
	{ "requirements", AS_STRUCT, .fields = profile_requirements_fields,
	  .about =
		  ABOUT(.told = "What has to be there, or else nothing is started. What is only preferred, and missing, is "
				"reported.") },
	{ "audit", AS_ENUM, IN(audit), .names = profile_audits,
	  .about =
		  ABOUT(.told = "What is counted and explained. denials: refusals; decisions: opens, too; all: programs "
				"that are started, too. none unless written.") },
	{ 0 }
};

/* ---- remove: ---- */

static const struct field gone_where[] = { { "syscall", AS_STRING,
					     offsetof(struct where_rule, syscall), .required = true,
					     .about = ABOUT(.words = &profile_syscall_words) },
					   { "", AS_FROM, offsetof(struct where_rule, from) },
					   { 0 } };
static const struct field gone_socket[] = { { "family", AS_ENUM,
					      offsetof(struct socket_rule, family),
					      .required = true, .names = socket_families },
					    { "", AS_FROM, offsetof(struct socket_rule, from) },
					    { 0 } };
static const struct field gone_egress[] = {
	{ "cidr", AS_STRING, offsetof(struct egress_rule, cidr), .check = profile_check_cidr,
	  .about = ABOUT(.pattern = profile_cidr_pattern) },
	{ "domain", AS_STRING, offsetof(struct egress_rule, domain), .check = profile_check_domain,
	  .about = ABOUT(.pattern = domain_pattern) },
	{ "", AS_FROM, offsetof(struct egress_rule, from) },
	{ "", AS_CALL, .call = profile_check_egress, .about = ABOUT(.one_of = cidr_or_domain) },
	{ 0 }
};
static const struct field gone_syscalls[] = {
	{ "allow", AS_WORDS, IN(syscalls.allow), .check = profile_check_call,
	  .about = ABOUT(.words = &profile_call_words) },
	{ "deny", AS_WORDS, IN(syscalls.deny), .check = profile_check_call,
	  .about = ABOUT(.words = &profile_call_words) },
	{ "broker", AS_WORDS, IN(syscalls.broker), .check = profile_check_call,
	  .about = ABOUT(.words = &profile_call_words) },
	{ "tripwire", AS_WORDS, IN(syscalls.tripwire), .check = profile_check_call,
	  .about = ABOUT(.words = &profile_call_words) },
	{ "where", AS_LIST, IN(syscalls.where), .size = sizeof(struct where_rule),
	  .fields = gone_where },
	{ "architectures", AS_WORDS, IN(syscalls.architectures),
	  .check = profile_check_architecture,
	  .about = ABOUT(.words = &profile_architecture_words) },
	{ 0 }
};
static const struct field gone_sockets[] = { { "allow", AS_LIST, IN(sockets_allow),
					       .size = sizeof(struct socket_rule),
					       .fields = gone_socket },
					     { 0 } };
static const struct field gone_filesystem[] = {
	{ "read", AS_WORDS, IN(filesystem.read), .check = bind_check_path,
	  .about = ABOUT(.pattern = path_pattern) },
	{ "write", AS_WORDS, IN(filesystem.write), .check = bind_check_path,
	  .about = ABOUT(.pattern = path_pattern) },
	{ "execute", AS_WORDS, IN(filesystem.execute), .check = bind_check_path,
	  .about = ABOUT(.pattern = path_pattern) },
	{ "hide", AS_WORDS, IN(filesystem.hide), .check = profile_check_hidden,
	  .about = ABOUT(.pattern = hidden_pattern) },
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
static const struct field gone_requirements[] = {
	{ "cgroup", AS_WORDS, IN(requirements.cgroup), .check = profile_check_controller,
	  .about = ABOUT(.words = &profile_controller_words) },
	{ 0 }
};
const struct field profile_remove_fields[] = {
	LIST_SECTIONS,
	{ "syscalls", AS_STRUCT, .fields = gone_syscalls },
	{ "sockets", AS_STRUCT, .fields = gone_sockets },
	{ "filesystem", AS_STRUCT, .fields = gone_filesystem },
	{ "ask", AS_STRUCT, .fields = profile_ask_lists },
	{ "network", AS_STRUCT, .fields = gone_network },
	{ "resources", AS_STRUCT, .fields = profile_resources_lists },
	{ "requirements", AS_STRUCT, .fields = gone_requirements },
	{ 0 }
};
