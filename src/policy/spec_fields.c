/*
 * Names and types are those of the OCI runtime specification 1.2, config.md and config-linux.md.
 */
#include <linux/seccomp.h>
#include <stddef.h>

#include "policy/spec_fields.h"
#include "table/table.h"

enum { ID_MAX = UINT32_MAX - 1 }; /* the last value means "unchanged" to chown and setuid */

#define IN(member)       offsetof(struct spec, member)
#define OF(type, member) offsetof(struct type, member)

static const struct field root_fields[] = { { "path", AS_STRING, IN(root.path), .required = true },
					    { "readonly", AS_BOOL, IN(root.readonly) },
					    { 0 } };

/* ---- process ---- */

static const struct field console_fields[] = {
	{ "height", AS_AMOUNT, IN(process.console_height), .max = UINT16_MAX },
	{ "width", AS_AMOUNT, IN(process.console_width), .max = UINT16_MAX },
	{ 0 }
};
static const struct field user_fields[] = { { "uid", AS_U32, IN(process.uid), .max = ID_MAX },
					    { "gid", AS_U32, IN(process.gid), .max = ID_MAX },
					    { "umask", AS_U32, IN(process.umask), .max = 0777 },
					    { "umask", AS_PRESENT, IN(process.has_umask) },
					    { "additionalGids", AS_NUMBERS, IN(process.ngids),
					      .size = sizeof(uint32_t), .max = ID_MAX },
					    { 0 } };
static const struct field capability_fields[] = {
	{ "bounding", AS_STRINGS, IN(process.cap_bounding), .check = spec_check_capability },
	{ "effective", AS_STRINGS, IN(process.cap_effective), .check = spec_check_capability },
	{ "permitted", AS_STRINGS, IN(process.cap_permitted), .check = spec_check_capability },
	{ "inheritable", AS_STRINGS, IN(process.cap_inheritable), .check = spec_check_capability },
	{ "ambient", AS_STRINGS, IN(process.cap_ambient), .check = spec_check_capability },
	{ 0 }
};
static const struct field rlimit_fields[] = {
	{ "type", AS_STRING, OF(spec_rlimit, type), .required = true, .check = spec_check_rlimit },
	{ "soft", AS_U64, OF(spec_rlimit, soft), .required = true },
	{ "hard", AS_U64, OF(spec_rlimit, hard), .required = true },
	{ "", AS_FROM, OF(spec_rlimit, from) },
	{ "", AS_CALL, .call = spec_check_one_rlimit },
	{ 0 }
};
/* Of SCHED_DEADLINE the kernel's own limits are narrower, and follow from its settings. */
static const struct field scheduler_fields[] = {
	{ "policy", AS_ENUM, IN(process.scheduler.policy), .required = true,
	  .names = scheduler_policies },
	{ "nice", AS_SIGNED_AMOUNT, IN(process.scheduler.nice), .min = -20, .max = 19 },
	{ "priority", AS_SIGNED_AMOUNT, IN(process.scheduler.priority), .max = 99 },
	{ "flags", AS_STRINGS, IN(process.scheduler.flags), .check = spec_check_scheduler_flag },
	{ "runtime", AS_AMOUNT, IN(process.scheduler.runtime) },
	{ "deadline", AS_AMOUNT, IN(process.scheduler.deadline) },
	{ "period", AS_AMOUNT, IN(process.scheduler.period) },
	{ 0 }
};
static const struct field io_priority_fields[] = {
	{ "class", AS_ENUM, IN(process.io_priority.class), .required = true, .names = io_classes },
	{ "priority", AS_I64, IN(process.io_priority.priority), .max = 7 },
	{ 0 }
};
static const struct field affinity_fields[] = {
	{ "initial", AS_STRING, IN(process.first_cpus), .check = spec_check_cpu_list },
	{ "final", AS_STRING, IN(process.cpus), .check = spec_check_cpu_list },
	{ 0 }
};
const struct field spec_process_fields[] = {
	{ "terminal", AS_BOOL, IN(process.terminal) },
	{ "consoleSize", AS_STRUCT, .fields = console_fields },
	{ "user", AS_STRUCT, .fields = user_fields },
	{ "args", AS_STRINGS, IN(process.args), .required = true, .not_empty = true },
	{ "env", AS_STRINGS, IN(process.env), .check = spec_check_env },
	{ "cwd", AS_PATH, IN(process.cwd), .required = true },
	{ "capabilities", AS_STRUCT, .fields = capability_fields },
	{ "capabilities", AS_PRESENT, IN(process.has_capabilities) },
	{ "rlimits", AS_LIST, IN(process.rlimits), .size = sizeof(struct spec_rlimit),
	  .fields = rlimit_fields },
	{ "noNewPrivileges", AS_BOOL, IN(process.no_new_privileges) },
	{ "apparmorProfile", AS_STRING, IN(process.apparmor) },
	{ "selinuxLabel", AS_STRING, IN(process.selinux), .check = spec_check_label },
	{ "oomScoreAdj", AS_SIGNED_AMOUNT, IN(process.oom_score_adj), .min = -1000, .max = 1000 },
	{ "scheduler", AS_STRUCT, .fields = scheduler_fields },
	{ "scheduler", AS_PRESENT, IN(process.scheduler.set) },
	{ "ioPriority", AS_STRUCT, .fields = io_priority_fields },
	{ "ioPriority", AS_PRESENT, IN(process.io_priority.set) },
	{ "execCPUAffinity", AS_STRUCT, .fields = affinity_fields },
	{ "", AS_CALL, .call = spec_check_process },
	{ 0 }
};

/* ---- mounts and hooks ---- */

static const struct field id_map_fields[] = {
	{ "containerID", AS_U32, OF(id_map, inside), .required = true, .max = ID_MAX },
	{ "hostID", AS_U32, OF(id_map, outside), .required = true, .max = ID_MAX },
	{ "size", AS_U32, OF(id_map, count), .required = true, .min = 1 },
	{ "", AS_CALL, .call = spec_check_id_map },
	{ 0 }
};
static const struct field mount_fields[] = {
	{ "destination", AS_PATH, OF(spec_mount, destination), .required = true },
	{ "type", AS_STRING, OF(spec_mount, type) },
	{ "source", AS_STRING, OF(spec_mount, source) },
	{ "options", AS_STRINGS, OF(spec_mount, options) },
	{ "uidMappings", AS_LIST, OF(spec_mount, uid_maps), .size = sizeof(struct id_map),
	  .fields = id_map_fields },
	{ "gidMappings", AS_LIST, OF(spec_mount, gid_maps), .size = sizeof(struct id_map),
	  .fields = id_map_fields },
	{ "", AS_FROM, OF(spec_mount, from) },
	{ 0 }
};
const struct field spec_hook_fields[] = {
	{ "path", AS_PATH, OF(spec_hook, path), .required = true },
	{ "args", AS_STRINGS, OF(spec_hook, args) },
	{ "env", AS_STRINGS, OF(spec_hook, env), .check = spec_check_env },
	{ "timeout", AS_AMOUNT, OF(spec_hook, timeout), .min = 1, .max = INT32_MAX },
	{ "", AS_FROM, OF(spec_hook, from) },
	{ 0 }
};
#define HOOKS(name, member)                                                                        \
	{                                                                                          \
		name, AS_LIST, IN(hooks.member), .size = sizeof(struct spec_hook),                 \
						 .fields = spec_hook_fields                        \
	}
static const struct field hooks_fields[] = { HOOKS("prestart", prestart),
					     HOOKS("createRuntime", create_runtime),
					     HOOKS("createContainer", create_container),
					     HOOKS("startContainer", start_container),
					     HOOKS("poststart", poststart),
					     HOOKS("poststop", poststop),
					     { 0 } };

/* ---- linux ---- */

static const struct field namespace_fields[] = { { "type", AS_STRING, OF(spec_namespace, type),
						   .required = true,
						   .check = spec_check_namespace },
						 { "path", AS_PATH, OF(spec_namespace, path) },
						 { "", AS_FROM, OF(spec_namespace, from) },
						 { 0 } };
static const struct field device_fields[] = {
	{ "path", AS_PATH, OF(spec_device, path), .required = true },
	{ "type", AS_STRING, OF(spec_device, type), .required = true,
	  .check = spec_check_device_type },
	{ "major", AS_I64, OF(spec_device, major), .max = UINT32_MAX },
	{ "minor", AS_I64, OF(spec_device, minor), .max = UINT32_MAX },
	{ "fileMode", AS_U32, OF(spec_device, mode) },
	{ "fileMode", AS_PRESENT, OF(spec_device, has_mode) },
	{ "uid", AS_U32, OF(spec_device, uid), .max = ID_MAX },
	{ "gid", AS_U32, OF(spec_device, gid), .max = ID_MAX },
	{ "", AS_FROM, OF(spec_device, from) },
	{ "", AS_CALL, .call = spec_check_device },
	{ 0 }
};
const struct name spec_seccomp_actions[] = { { "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
					     { "SCMP_ACT_KILL_PROCESS",
					       (int)SECCOMP_RET_KILL_PROCESS },
					     { "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
					     { "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
					     { "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
					     { "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
					     { "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
					     { "SCMP_ACT_LOG", SECCOMP_RET_LOG },
					     { "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },
					     { 0 } };
const struct name spec_seccomp_operators[] = { { "SCMP_CMP_NE", SPEC_CMP_NE },
					       { "SCMP_CMP_LT", SPEC_CMP_LT },
					       { "SCMP_CMP_LE", SPEC_CMP_LE },
					       { "SCMP_CMP_EQ", SPEC_CMP_EQ },
					       { "SCMP_CMP_GE", SPEC_CMP_GE },
					       { "SCMP_CMP_GT", SPEC_CMP_GT },
					       { "SCMP_CMP_MASKED_EQ", SPEC_CMP_MASKED_EQ },
					       { 0 } };
static const struct field seccomp_arg_fields[] = {
	{ "index", AS_U64, OF(spec_seccomp_arg, index), .required = true, .max = 5 },
	{ "value", AS_U64, OF(spec_seccomp_arg, value), .required = true },
	{ "valueTwo", AS_U64, OF(spec_seccomp_arg, value_two) },
	{ "op", AS_ENUM, OF(spec_seccomp_arg, op), .required = true,
	  .names = spec_seccomp_operators },
	{ 0 }
};
static const struct field seccomp_rule_fields[] = {
	{ "names", AS_STRINGS, OF(spec_seccomp_rule, names), .required = true, .not_empty = true },
	{ "action", AS_ENUM, OF(spec_seccomp_rule, action), .required = true,
	  .names = spec_seccomp_actions },
	{ "errnoRet", AS_AMOUNT, OF(spec_seccomp_rule, errno_ret), .max = 4095 },
	{ "args", AS_LIST, OF(spec_seccomp_rule, args), .size = sizeof(struct spec_seccomp_arg),
	  .fields = seccomp_arg_fields },
	{ "", AS_FROM, OF(spec_seccomp_rule, from) },
	{ "", AS_CALL, .call = spec_check_seccomp_rule },
	{ 0 }
};
const struct field spec_seccomp_fields[] = {
	{ "defaultAction", AS_ENUM, IN(linux_.seccomp.default_action), .required = true,
	  .names = spec_seccomp_actions },
	{ "defaultErrnoRet", AS_AMOUNT, IN(linux_.seccomp.default_errno), .max = 4095 },
	{ "architectures", AS_STRINGS, IN(linux_.seccomp.architectures),
	  .check = spec_check_seccomp_arch },
	{ "flags", AS_STRINGS, IN(linux_.seccomp.flags), .check = spec_check_seccomp_flag },
	{ "listenerPath", AS_STRING, IN(linux_.seccomp.listener_path) },
	{ "listenerMetadata", AS_STRING, IN(linux_.seccomp.listener_metadata) },
	{ "syscalls", AS_LIST, IN(linux_.seccomp.rules), .size = sizeof(struct spec_seccomp_rule),
	  .fields = seccomp_rule_fields },
	{ "", AS_CALL, .call = spec_check_seccomp },
	{ 0 }
};
static const struct field personality_fields[] = {
	{ "domain", AS_STRING, IN(linux_.personality_domain), .required = true,
	  .check = spec_check_personality },
	{ 0 }
};
#define OFFSET_OF(clock)                                                                           \
	{                                                                                          \
		{ "secs", AS_I64, IN(linux_.clock.seconds) },                                      \
			{ "nanosecs", AS_U64, IN(linux_.clock.nanoseconds), .max = 999999999 },    \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
static const struct field monotonic_fields[] = OFFSET_OF(monotonic);
static const struct field boottime_fields[] = OFFSET_OF(boottime);
static const struct field time_fields[] = { { "monotonic", AS_STRUCT, .fields = monotonic_fields },
					    { "monotonic", AS_PRESENT, IN(linux_.monotonic.set) },
					    { "boottime", AS_STRUCT, .fields = boottime_fields },
					    { "boottime", AS_PRESENT, IN(linux_.boottime.set) },
					    { "", AS_CALL, .call = spec_check_clocks },
					    { 0 } };
static const struct field linux_fields[] = {
	{ "uidMappings", AS_LIST, IN(linux_.uid_maps), .size = sizeof(struct id_map),
	  .fields = id_map_fields },
	{ "gidMappings", AS_LIST, IN(linux_.gid_maps), .size = sizeof(struct id_map),
	  .fields = id_map_fields },
	{ "namespaces", AS_LIST, IN(linux_.namespaces), .size = sizeof(struct spec_namespace),
	  .fields = namespace_fields },
	{ "devices", AS_LIST, IN(linux_.devices), .size = sizeof(struct spec_device),
	  .fields = device_fields },
	{ "cgroupsPath", AS_STRING, IN(linux_.cgroups_path), .check = spec_check_cgroups_path },
	{ "rootfsPropagation", AS_STRING, IN(linux_.rootfs_propagation),
	  .check = spec_check_propagation },
	{ "mountLabel", AS_STRING, IN(linux_.mount_label), .check = spec_check_label },
	{ "resources", AS_STRUCT, .fields = spec_resources_fields },
	{ "sysctl", AS_PAIRS, IN(linux_.sysctl), .check = spec_check_sysctl },
	{ "maskedPaths", AS_STRINGS, IN(linux_.masked_paths), .check = bind_check_path },
	{ "maskedPaths", AS_PRESENT, IN(linux_.has_masked_paths) },
	{ "readonlyPaths", AS_STRINGS, IN(linux_.readonly_paths), .check = bind_check_path },
	{ "readonlyPaths", AS_PRESENT, IN(linux_.has_readonly_paths) },
	{ "seccomp", AS_STRUCT, .fields = spec_seccomp_fields },
	{ "seccomp", AS_PRESENT, IN(linux_.seccomp.set) },
	{ "personality", AS_STRUCT, .fields = personality_fields },
	{ "timeOffsets", AS_STRUCT, .fields = time_fields },
	{ "intelRdt", AS_PRESENT, IN(linux_.intel_rdt) },
	{ "memoryPolicy", AS_PRESENT, IN(linux_.memory_policy) },
	{ "netDevices", AS_PRESENT, IN(linux_.net_devices) },
	{ "", AS_CALL, .call = spec_check_linux },
	{ 0 }
};

const struct field spec_fields[] = {
	{ "ociVersion", AS_STRING, IN(oci_version), .required = true, .check = spec_check_version },
	{ "hostname", AS_STRING, IN(hostname), .check = spec_check_hostname },
	{ "domainname", AS_STRING, IN(domainname), .check = spec_check_hostname },
	{ "root", AS_STRUCT, .required = true, .fields = root_fields },
	{ "process", AS_STRUCT, .fields = spec_process_fields },
	{ "process", AS_PRESENT, IN(process.set) },
	{ "mounts", AS_LIST, IN(mounts), .size = sizeof(struct spec_mount),
	  .fields = mount_fields },
	{ "hooks", AS_STRUCT, .fields = hooks_fields },
	{ "annotations", AS_PAIRS, IN(annotations) },
	{ "linux", AS_STRUCT, .fields = linux_fields },
	{ 0 }
};
