#include "policy/profile.h"
#include "policy/profile_words.h"
#include "table/table.h"

/* ---- values that are one word of a few ---- */

const struct name profile_verdicts[] = {
	{ "allow", PROFILE_ALLOW },
	{ "deny", PROFILE_DENY },
	{ 0 },
};
const struct name profile_needs[] = {
	{ "required", NEED_REQUIRED },
	{ "preferred", NEED_PREFERRED },
	{ 0 },
};
const struct name profile_modes[] = {
	{ "none", NETWORK_NONE },
	{ "host", NETWORK_HOST },
	{ "private", NETWORK_PRIVATE },
	{ 0 },
};
const struct name profile_audits[] = {
	{ "none", AUDIT_NONE },
	{ "denials", AUDIT_DENIALS },
	{ "decisions", AUDIT_DECISIONS },
	{ "all", AUDIT_ALL },
	{ 0 },
};
const struct name profile_roots[] = { { "readonly", true }, { "writable", false }, { 0 } };
const struct name profile_architectures[] = {
	{ "native", 0 }, { "x86_64", 1 }, { "i386", 2 }, { "x32", 3 }, { "aarch64", 4 }, { 0 },
};
const struct name profile_controllers[] = {
	{ "memory", 0 },  { "cpu", 1 },  { "pids", 2 }, { "io", 3 },      { "cpuset", 4 },
	{ "hugetlb", 5 }, { "rdma", 6 }, { "misc", 7 }, { "devices", 8 }, { 0 },
};

/* ---- the words that a list may hold ---- */

/* A row without a name ends its table. */
static const char *or_end(const char *name)
{
	return name[0] != '\0' ? name : NULL;
}

static const char *nth_syscall(size_t i)
{
	return or_end(syscalls[i].name);
}

static const char *nth_call(size_t i)
{
	return i < syscalls_count ? syscalls[i].name : syscall_groups[i - syscalls_count].name;
}

static const char *nth_ioctl(size_t i)
{
	return or_end(ioctl_names[i].name);
}

static const char *nth_prctl(size_t i)
{
	return or_end(prctl_names[i].name);
}

static const char *nth_capability(size_t i)
{
	return or_end(capability_names[i].name);
}

static const char *nth_namespace(size_t i)
{
	return or_end(namespace_names[i].name);
}

static const char *nth_architecture(size_t i)
{
	return or_end(profile_architectures[i].name);
}

static const char *nth_controller(size_t i)
{
	return or_end(profile_controllers[i].name);
}

const struct field_words profile_syscall_words = { "syscall", "system calls", nth_syscall },
			 profile_call_words = { "call-or-group", "system calls and groups",
						nth_call },
			 profile_ioctl_words = { "ioctl", "requests", nth_ioctl },
			 profile_prctl_words = { "prctl", "operations", nth_prctl },
			 profile_capability_words = { "capability", "capabilities",
						      nth_capability },
			 profile_namespace_words = { "namespace", "namespaces", nth_namespace },
			 profile_architecture_words = { "architecture", "architectures",
							nth_architecture },
			 profile_controller_words = { "controller", "controllers", nth_controller };
