#include <errno.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "policy/spec.h"

#include <cmocka.h> /* last: it has a macro called fail */

static const char full[] =
	"{\"ociVersion\":\"1.0.2-dev\",\"hostname\":\"box\",\"domainname\":\"example.org\","
	"\"unknown\":{\"x\":[1]},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":25,\"width\":80},"
	"\"user\":{\"uid\":1000,\"gid\":1001,\"umask\":18,\"additionalGids\":[5,4294967294]},"
	"\"args\":[\"sh\",\"-c\",\"\"],\"env\":[\"A=1\",\"B=\",\"C=x=y\"],\"cwd\":\"/\","
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"],\"effective\":[\"CAP_KILL\"],\"permitted\":"
	"[],"
	"\"inheritable\":null,\"ambient\":[\"CAP_NEW_1\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":18446744073709551615},"
	"{\"type\":\"RLIMIT_NOFILE\",\"soft\":1024,\"hard\":4096}],"
	"\"noNewPrivileges\":true,\"apparmorProfile\":\"a\",\"selinuxLabel\":\"\",\"oomScoreAdj\":-"
	"500,\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":-20,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":7},\"execCPUAffinity\":{\"initial\":\"0-3\"}},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"./"
	"data\",\"options\":[\"rbind\",\"ro\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/"
	"h\",\"args\":[\"h\",\"x\"],\"env\":[\"K=v\"],\"timeout\":5}],"
	"\"createRuntime\":[{\"path\":\"/1\"}],\"createContainer\":[{\"path\":\"/2\"}],"
	"\"startContainer\":[{\"path\":\"/3\"}],\"poststart\":[{\"path\":\"/"
	"4\"}],\"poststop\":[{\"path\":\"/5\"}]},"
	"\"annotations\":{\"zviz.io/profile\":\"ci-runner\",\"empty\":\"\"},"
	"\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/run/netns/"
	"x\"},{\"type\":\"mount\",\"path\":\"\"}],"
	"\"devices\":[{\"path\":\"/dev/"
	"fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":8630,\"uid\":0,\"gid\":0},"
	"{\"path\":\"/dev/p\",\"type\":\"p\"}],"
	"\"cgroupsPath\":\"/a/b\",\"rootfsPropagation\":\"rslave\",\"mountLabel\":\"l\","
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
	"\"memory\":{\"limit\":1048576,\"reservation\":-1,\"swap\":2097152},"
	"\"cpu\":{\"shares\":1024,\"quota\":-1,\"period\":100000,\"cpus\":\"0-3,6\",\"mems\":\"0\"}"
	","
	"\"pids\":{\"limit\":100},\"blockIO\":{\"weight\":500,"
	"\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1000}],"
	"\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":2000}],"
	"\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":2,\"rate\":3000}],"
	"\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":3,\"rate\":4000}]},"
	"\"unified\":{\"memory.high\":\"1000000\"}},"
	"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"net/ipv4/conf/eth0.1/forwarding\":\"1\"},"
	"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[],"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
	"\"architectures\":[\"SCMP_ARCH_X86_64\"],"
	"\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"listenerPath\":\"/run/"
	"s\",\"listenerMetadata\":\"m\","
	"\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\"},"
	"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,"
	"\"args\":[{\"index\":0,\"value\":18446744073709551615,\"valueTwo\":8,\"op\":\"SCMP_CMP_"
	"EQ\"}]}]},"
	"\"personality\":{\"domain\":\"LINUX32\"},"
	"\"timeOffsets\":{\"boottime\":{\"secs\":-5,\"nanosecs\":999999999}},"
	"\"memoryPolicy\":{}}}";

static int load(struct arena *a, const char *text, struct spec *s, struct err *e)
{
	return spec_load(a, "config.json", text, strlen(text), s, e);
}

static void loads(struct arena *a, const char *text, struct spec *s)
{
	struct err e = { 0 };

	if (load(a, text, s, &e) < 0)
		fail_msg("%s", e.text);
}

static void process(void **state)
{
	struct arena a = { 0 };
	struct spec s;

	(void)state;
	loads(&a, full, &s);
	assert_string_equal(s.file, "config.json");
	assert_string_equal(s.oci_version, "1.0.2-dev");
	assert_string_equal(s.hostname, "box");
	assert_string_equal(s.domainname, "example.org");
	assert_string_equal(s.root.path, "rootfs");
	assert_true(s.root.readonly && s.process.set && s.process.terminal &&
		    s.process.no_new_privileges);
	assert_int_equal(s.process.console_height.value, 25);
	assert_int_equal(s.process.console_width.value, 80);
	assert_int_equal(s.process.uid, 1000);
	assert_int_equal(s.process.gid, 1001);
	assert_true(s.process.has_umask && s.process.umask == 022);
	assert_int_equal(s.process.ngids, 2);
	assert_true(s.process.gids[0] == 5 && s.process.gids[1] == 4294967294);
	assert_int_equal(s.process.args.n, 3);
	assert_string_equal(s.process.args.at[2], "");
	assert_string_equal(s.process.env.at[2], "C=x=y");
	assert_string_equal(s.process.cwd, "/");
	assert_string_equal(s.process.cap_bounding.at[0], "CAP_CHOWN");
	assert_string_equal(s.process.cap_effective.at[0], "CAP_KILL");
	assert_int_equal(s.process.cap_permitted.n + s.process.cap_inheritable.n, 0);
	assert_string_equal(s.process.cap_ambient.at[0], "CAP_NEW_1");
	assert_string_equal(s.process.apparmor, "a");
	assert_null(s.process.selinux);
	assert_true(s.process.oom_score_adj.set && s.process.oom_score_adj.value == -500);
	assert_true(s.process.scheduler.set && s.process.scheduler.policy == 3);
	assert_int_equal(s.process.scheduler.nice.value, -20);
	assert_int_equal(s.process.scheduler.flags.n, 1);
	assert_true(s.process.io_priority.set && s.process.io_priority.class == 2);
	assert_int_equal(s.process.io_priority.priority, 7);
	assert_string_equal(s.process.first_cpus, "0-3");
	assert_null(s.process.cpus);
	assert_true(s.linux_.boottime.set && !s.linux_.monotonic.set);
	assert_true(s.linux_.boottime.seconds == -5 && s.linux_.boottime.nanoseconds == 999999999);
	assert_true(s.linux_.memory_policy && !s.linux_.intel_rdt && !s.linux_.net_devices);
	assert_string_equal(s.process.rlimits.at[0].type, "RLIMIT_CORE");
	assert_true(s.process.rlimits.at[0].hard == UINT64_MAX);
	assert_true(s.process.rlimits.at[1].soft == 1024 && s.process.rlimits.at[1].hard == 4096);
	assert_string_equal(s.process.rlimits.at[1].from.path, "process.rlimits[1]");
	assert_string_equal(s.process.rlimits.at[1].from.file, "config.json");
	assert_int_equal(s.process.rlimits.at[1].from.line, 0);
	arena_free(&a);
}

static void mounts_and_hooks(void **state)
{
	struct arena a = { 0 };
	struct spec s;

	(void)state;
	loads(&a, full, &s);
	assert_int_equal(s.mounts.n, 2);
	assert_string_equal(s.mounts.at[0].type, "proc");
	assert_string_equal(s.mounts.at[1].source, "./data");
	assert_string_equal(s.mounts.at[1].options.at[1], "ro");
	assert_int_equal(s.mounts.at[1].uid_maps.at[0].outside, 1000);
	assert_int_equal(s.mounts.at[1].gid_maps.at[0].count, 1);
	assert_string_equal(s.mounts.at[1].from.path, "mounts[1]");
	assert_string_equal(s.hooks.prestart.at[0].args.at[1], "x");
	assert_string_equal(s.hooks.prestart.at[0].env.at[0], "K=v");
	assert_true(s.hooks.prestart.at[0].timeout.set &&
		    s.hooks.prestart.at[0].timeout.value == 5);
	assert_string_equal(s.hooks.create_runtime.at[0].path, "/1");
	assert_string_equal(s.hooks.create_container.at[0].path, "/2");
	assert_string_equal(s.hooks.start_container.at[0].path, "/3");
	assert_string_equal(s.hooks.poststart.at[0].path, "/4");
	assert_string_equal(s.hooks.poststop.at[0].path, "/5");
	assert_int_equal(s.annotations.n, 2);
	assert_string_equal(s.annotations.at[0].key, "zviz.io/profile");
	assert_string_equal(s.annotations.at[1].value, "");
	arena_free(&a);
}

static void linux_part(void **state)
{
	struct arena a = { 0 };
	struct spec s;

	(void)state;
	loads(&a, full, &s);
	assert_int_equal(s.linux_.uid_maps.at[0].outside, 100000);
	assert_int_equal(s.linux_.gid_maps.at[0].count, 65536);
	assert_int_equal(s.linux_.namespaces.n, 3);
	assert_string_equal(s.linux_.namespaces.at[1].path, "/run/netns/x");
	assert_null(s.linux_.namespaces.at[2].path);
	assert_true(s.linux_.devices.at[0].major == 10 && s.linux_.devices.at[0].minor == 229);
	assert_true(s.linux_.devices.at[0].has_mode && s.linux_.devices.at[0].mode == 0666);
	assert_false(s.linux_.devices.at[1].has_mode);
	assert_string_equal(s.linux_.cgroups_path, "/a/b");
	assert_string_equal(s.linux_.rootfs_propagation, "rslave");
	assert_string_equal(s.linux_.mount_label, "l");
	assert_string_equal(s.linux_.sysctl.at[1].key, "net/ipv4/conf/eth0.1/forwarding");
	assert_true(s.linux_.has_masked_paths && s.linux_.masked_paths.n == 1);
	assert_true(s.linux_.has_readonly_paths && s.linux_.readonly_paths.n == 0);
	assert_string_equal(s.linux_.personality_domain, "LINUX32");
	arena_free(&a);
}

static void resources_and_seccomp(void **state)
{
	struct arena a = { 0 };
	struct spec s;

	(void)state;
	loads(&a, full, &s);

	const struct spec_resources *r = &s.linux_.resources;
	const struct spec_seccomp *c = &s.linux_.seccomp;

	assert_true(r->memory_limit.value == 1048576 && r->memory_reservation.value == -1 &&
		    r->memory_swap.value == 2097152);
	assert_string_equal(r->memory_limit.from.path, "linux.resources.memory.limit");
	assert_true(r->cpu_shares.value == 1024 && r->cpu_quota.value == -1 &&
		    r->cpu_period.value == 100000);
	assert_string_equal(r->cpuset_cpus, "0-3,6");
	assert_string_equal(r->cpuset_mems, "0");
	assert_true(r->pids_limit.value == 100 && r->io_weight.value == 500);
	assert_true(r->read_bps.at[0].rate == 1000 && r->write_bps.at[0].rate == 2000);
	assert_true(r->read_iops.at[0].rate == 3000 && r->write_iops.at[0].minor == 3);
	assert_string_equal(r->unified.at[0].key, "memory.high");
	assert_true(c->set && c->default_errno.value == 38 && c->rules.n == 2);
	assert_int_equal(c->default_action, SECCOMP_RET_ERRNO);
	assert_string_equal(c->architectures.at[0], "SCMP_ARCH_X86_64");
	assert_string_equal(c->flags.at[0], "SECCOMP_FILTER_FLAG_LOG");
	assert_string_equal(c->listener_path, "/run/s");
	assert_string_equal(c->listener_metadata, "m");
	assert_int_equal(c->rules.at[0].names.n, 2);
	assert_true(c->rules.at[1].errno_ret.value == 1 && c->rules.at[1].args.n == 1);
	assert_true(c->rules.at[1].args.at[0].value == UINT64_MAX &&
		    c->rules.at[1].args.at[0].value_two == 8);
	assert_int_equal(c->rules.at[0].action, SECCOMP_RET_ALLOW);
	assert_int_equal(c->rules.at[1].action, SECCOMP_RET_ERRNO);
	assert_int_equal(c->rules.at[1].args.at[0].op, SPEC_CMP_EQ);
	assert_string_equal(c->rules.at[1].from.path, "linux.seccomp.syscalls[1]");
	arena_free(&a);
}

/* Every action, operator and architecture of the specification has its value. */
static void seccomp_words(void **state)
{
	static const struct name words[] = {
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", (int)SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },
	};
	static const char *const ops[] = { "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ" };
	static const char *const arches[] = { "X86",     "X86_64",   "X32",         "ARM",
					      "AARCH64", "MIPS",     "MIPS64",      "MIPS64N32",
					      "MIPSEL",  "MIPSEL64", "MIPSEL64N32", "PPC",
					      "PPC64",   "PPC64LE",  "S390",        "S390X",
					      "PARISC",  "PARISC64", "RISCV64",     "LOONGARCH64",
					      "M68K",    "SH",       "SHEB" };
	struct arena a = { 0 };
	struct spec s;

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		loads(&a,
		      arena_printf(&a,
				   "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":"
				   "{\"seccomp\":{\"defaultAction\":\"%s\",\"architectures\":[]}}}",
				   words[i].name),
		      &s);
		assert_int_equal(s.linux_.seccomp.default_action, words[i].value);
	}
	for (size_t i = 0; i < COUNT(ops); i++) {
		loads(&a,
		      arena_printf(
			      &a,
			      "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":"
			      "{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":["
			      "{\"names\":[\"x\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":null,"
			      "\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_%s\"}]}]}}}",
			      ops[i]),
		      &s);
		assert_int_equal(s.linux_.seccomp.rules.at[0].args.at[0].op, i);
		assert_false(s.linux_.seccomp.rules.at[0].errno_ret.set);
	}
	for (size_t i = 0; i < COUNT(arches); i++)
		loads(&a,
		      arena_printf(&a,
				   "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":"
				   "{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\","
				   "\"architectures\":[\"SCMP_ARCH_%s\"]}}}",
				   arches[i]),
		      &s);
	arena_free(&a);
}

static void little(void **state)
{
	static const char *const versions[] = { "1.0.0", "1.0.0-rc5", "1.2.1", "1.10.3+x", "1.3" };
	struct arena a = { 0 };
	struct spec s;

	(void)state;
	loads(&a,
	      "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/"
	      "r\"},\"linux\":null,\"process\":null}",
	      &s);
	assert_false(s.process.set);
	assert_false(s.linux_.has_masked_paths || s.linux_.seccomp.set);
	assert_null(s.hostname);
	for (size_t i = 0; i < COUNT(versions); i++)
		loads(&a,
		      arena_printf(&a, "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"}}",
				   versions[i]),
		      &s);
	arena_free(&a);
}

#define ROOT "\"root\":{\"path\":\"r\"},"
#define ARGS "\"args\":[\"a\"],\"cwd\":\"/\","

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What stands behind the version (and, where a row starts with p or l, inside process or linux). */
static const struct {
	char where; /* t: the whole text, r: the root, p: process, l: linux */
	const char *text, *wrong;
} refused[] = {
	{ 't', "", "1:1: the text ends too early" },
	{ 't', "null", "expected a map, not nothing" },
	{ 't', "[]", "expected a map, not a list" },
	{ 't', "{}", "the key 'ociVersion' is missing" },
	{ 't', "{\"ociVersion\":\"1.0.0\"}", "the key 'root' is missing" },
	{ 't', "{\"ociVersion\":\"1.0.0\",\"root\":null}", "the key 'root' is missing" },
	{ 't', "{\"ociVersion\":\"1.0.0\",\"root\":{}}", "root: the key 'path' is missing" },
	{ 't', "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}",
	  "root.path: must not be empty" },
	{ 't', "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":7}}",
	  "root.path: expected a string, not '7'" },
	{ 't', "{\"ociVersion\":\"1.0.0\",\"root\":\"/\"}", "root: expected a map, not '/'" },
	{ 't', "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\",\"readonly\":1}}",
	  "root.readonly: expected true or false, not '1'" },
	{ 't', "{\"ociVersion\":\"\"}", "ociVersion: must not be empty" },
	{ 't', "{\"ociVersion\":1.0}", "ociVersion: expected a string, not '1.0'" },
	{ 't', "{\"ociVersion\":\"2.0.0\"}",
	  "ociVersion: version '2.0.0' of the OCI runtime specification" },
	{ 't', "{\"ociVersion\":\"1.\"}", "ociVersion: version '1.'" },
	{ 't', "{\"ociVersion\":\"1.x\"}", "ociVersion: version '1.x'" },
	{ 't', "{\"ociVersion\":\"1\"}", "ociVersion: version '1'" },
	{ 't', "{\"ociVersion\":\"0.9.0\"}", "ociVersion: version '0.9.0'" },
	{ 't', "{\"ociVersion\":\"1.0.0\",\"ociVersion\":\"1.0.0\"}",
	  "ociVersion: this key was given before" },
	{ 't', "{\"ociVersion\":\"1.0.0\" \"root\":{}}", "1:23: expected , or }" },
	{ 't', "{\n \"ociVersion\": \"1.0.0\",\n}", "3:1: expected a key in quotes" },
	{ 't', "{\"a\":\"\\u0000\"}", "1:9: a NUL character is not permitted" },
	{ 'r', "\"hostname\":5", "hostname: expected a string, not '5'" },
	{ 'r', "\"hostname\":\"a b\"", "hostname: 'a b' is no host name" },
	{ 'r', "\"hostname\":\"a/b\"", "hostname: 'a/b' is no host name" },
	{ 'r', "\"hostname\":\"0123456789012345678901234567890123456789012345678901234567890123x\"",
	  "hostname: longer than 64 bytes" },
	{ 'r', "\"domainname\":\"\\u001b[2J\"", "domainname: '\\x1b[2J' is no host name" },
	{ 'r', "\"process\":[]", "process: expected a map, not a list" },
	{ 'r', "\"process\":{\"cwd\":\"/\"}", "process: the key 'args' is missing" },
	{ 'r', "\"process\":{\"cwd\":\"/\",\"args\":null}", "process: the key 'args' is missing" },
	{ 'r', "\"process\":{\"cwd\":\"/\",\"args\":[]}",
	  "process.args: needs at least one element" },
	{ 'r', "\"process\":{\"cwd\":\"/\",\"args\":\"sh\"}",
	  "process.args: expected a list, not 'sh'" },
	{ 'r', "\"process\":{\"cwd\":\"/\",\"args\":[\"\"]}",
	  "process.args[0]: the program's name is empty" },
	{ 'r', "\"process\":{\"cwd\":\"/\",\"args\":[\"a\",1]}",
	  "process.args[1]: expected a string, not '1'" },
	{ 'r', "\"process\":{\"cwd\":\"/\",\"args\":[\"a\",null]}",
	  "process.args[1]: expected a string, not nothing" },
	{ 'r', "\"process\":{\"args\":[\"a\"]}", "process: the key 'cwd' is missing" },
	{ 'r', "\"process\":{\"args\":[\"a\"],\"cwd\":\"\"}", "process.cwd: must not be empty" },
	{ 'r', "\"process\":{\"args\":[\"a\"],\"cwd\":\"tmp\"}",
	  "process.cwd: 'tmp' must be an absolute path" },
	{ 'r', "\"process\":{\"args\":[\"a\"],\"cwd\":\"/a/../../b\"}",
	  "process.cwd: '/a/../../b' must not contain '..'" },
	{ 'p', "\"terminal\":\"yes\"", "process.terminal: expected true or false, not 'yes'" },
	{ 'p', "\"consoleSize\":{\"height\":65536}",
	  "process.consoleSize.height: must be from 0 to 65535, not 65536" },
	{ 'p', "\"user\":5", "process.user: expected a map, not '5'" },
	{ 'p', "\"user\":{\"uid\":-1}", "process.user.uid: must be from 0 to 4294967294, not -1" },
	{ 'p', "\"user\":{\"uid\":4294967295}",
	  "process.user.uid: must be from 0 to 4294967294, not 4294967295" },
	{ 'p', "\"user\":{\"uid\":\"0\"}", "process.user.uid: expected a whole number, not '0'" },
	{ 'p', "\"user\":{\"uid\":\"root\"}",
	  "process.user.uid: expected a whole number, not 'root'" },
	{ 'p', "\"user\":{\"gid\":1e3}", "process.user.gid: expected a whole number, not '1e3'" },
	{ 'p', "\"user\":{\"gid\":99999999999999999999}",
	  "process.user.gid: must be from 0 to 4294967294" },
	{ 'p', "\"user\":{\"umask\":512}", "process.user.umask: must be from 0 to 511, not 512" },
	{ 'p', "\"user\":{\"additionalGids\":[1,4294967295]}",
	  "process.user.additionalGids[1]: must be from 0 to 4294967294" },
	{ 'p', "\"user\":{\"additionalGids\":[\"1\"]}",
	  "process.user.additionalGids[0]: expected a whole number, not '1'" },
	{ 'p', "\"env\":[\"PATH\"]", "process.env[0]: 'PATH' must be NAME=VALUE" },
	{ 'p', "\"env\":[\"A=1\",\"=x\"]", "process.env[1]: '=x' must be NAME=VALUE" },
	{ 'p', "\"env\":{\"A\":\"1\"}", "process.env: expected a list, not a map" },
	{ 'p', "\"capabilities\":{\"bounding\":[\"chown\"]}",
	  "process.capabilities.bounding[0]: 'chown' is no capability" },
	{ 'p', "\"capabilities\":{\"ambient\":[\"CAP_\"]}",
	  "process.capabilities.ambient[0]: 'CAP_' is no capability" },
	{ 'p', "\"capabilities\":{\"effective\":\"CAP_KILL\"}",
	  "process.capabilities.effective: expected a list, not 'CAP_KILL'" },
	{ 'p', "\"rlimits\":[{\"type\":\"RLIMIT_NOFILES\",\"soft\":1,\"hard\":1}]",
	  "process.rlimits[0].type: unknown resource limit 'RLIMIT_NOFILES'; did you mean "
	  "'RLIMIT_NOFILE'?" },
	{ 'p', "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":1}]",
	  "process.rlimits[0]: the key 'soft' is missing" },
	{ 'p', "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":2,\"hard\":1}]",
	  "process.rlimits[0]: soft (2) is above hard (1)" },
	{ 'p', "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":-1,\"hard\":1}]",
	  "process.rlimits[0].soft: must be from 0 to 18446744073709551615, not -1" },
	{ 'p', "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":18446744073709551616}]",
	  "process.rlimits[0].hard: must be from 0" },
	{ 'p',
	  "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_CORE\","
	  "\"soft\":1,\"hard\":1}]",
	  "process: rlimits[1]: RLIMIT_CORE was given before" },
	{ 'p', "\"noNewPrivileges\":\"\"",
	  "process.noNewPrivileges: expected true or false, not ''" },
	{ 'p', "\"apparmorProfile\":[]", "process.apparmorProfile: expected a string, not a list" },
	{ 'p', "\"selinuxLabel\":7", "process.selinuxLabel: expected a string, not '7'" },
	{ 'p', "\"selinuxLabel\":\"u:r:t\\n\"",
	  "process.selinuxLabel: 'u:r:t\\x0a' is no SELinux label" },
	{ 'p', "\"selinuxLabel\":\"u:r:t:s0 x\"",
	  "process.selinuxLabel: 'u:r:t:s0 x' is no SELinux label" },
	{ 'p', "\"selinuxLabel\":\"u:r:t\\u0000\"", "a NUL character is not permitted" },
	{ 'p', "\"selinuxLabel\":\"" A64 A64 A64 A64 "\"",
	  "process.selinuxLabel: longer than 255 bytes" },
	{ 'r', "\"linux\":{\"mountLabel\":\"u:r:t\\\",ro\"}",
	  "linux.mountLabel: 'u:r:t\",ro' is no SELinux label" },
	{ 'p', "\"oomScoreAdj\":1001",
	  "process.oomScoreAdj: must be from -1000 to 1000, not 1001" },
	{ 'p', "\"oomScoreAdj\":-1001",
	  "process.oomScoreAdj: must be from -1000 to 1000, not -1001" },
	{ 'r', "\"mounts\":{}", "mounts: expected a list, not a map" },
	{ 'r', "\"mounts\":[null]", "mounts[0]: expected a map, not nothing" },
	{ 'r', "\"mounts\":[{\"source\":\"/\"}]", "mounts[0]: the key 'destination' is missing" },
	{ 'r', "\"mounts\":[{\"destination\":\"\"}]", "mounts[0].destination: must not be empty" },
	{ 'r', "\"mounts\":[{\"destination\":\"proc\"}]",
	  "mounts[0].destination: 'proc' must be an absolute path" },
	{ 'r', "\"mounts\":[{\"destination\":\"/a/..\"}]",
	  "mounts[0].destination: '/a/..' must not contain '..'" },
	{ 'r', "\"mounts\":[{\"destination\":\"/a\",\"options\":\"ro\"}]",
	  "mounts[0].options: expected a list, not 'ro'" },
	{ 'r',
	  "\"mounts\":[{\"destination\":\"/"
	  "a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0}]}]",
	  "mounts[0].uidMappings[0]: the key 'size' is missing" },
	{ 'r', "\"hooks\":[]", "hooks: expected a map, not a list" },
	{ 'r', "\"hooks\":{\"prestart\":[{\"args\":[\"x\"]}]}",
	  "hooks.prestart[0]: the key 'path' is missing" },
	{ 'r', "\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}",
	  "hooks.poststop[0].path: 'x' must be an absolute path" },
	{ 'r', "\"hooks\":{\"poststart\":[{\"path\":\"/x\",\"timeout\":0}]}",
	  "hooks.poststart[0].timeout: must be from 1 to" },
	{ 'r', "\"hooks\":{\"createRuntime\":[{\"path\":\"/x\",\"env\":[\"A\"]}]}",
	  "hooks.createRuntime[0].env[0]: 'A' must be NAME=VALUE" },
	{ 'r', "\"annotations\":{\"a\":1}", "annotations.a: expected a string, not '1'" },
	{ 'r', "\"annotations\":{\"\":\"x\"}", "an empty key" },
	{ 'r', "\"annotations\":[]", "annotations: expected a map, not a list" },
	{ 'r', "\"linux\":[]", "linux: expected a map, not a list" },
	{ 'l', "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]",
	  "linux.uidMappings[0].size: must be from 1 to 4294967295, not 0" },
	{ 'l', "\"uidMappings\":[{\"containerID\":1,\"hostID\":0,\"size\":4294967295}]",
	  "linux.uidMappings[0]: reaches beyond the last id, 4294967294" },
	{ 'l', "\"gidMappings\":[{\"containerID\":0,\"hostID\":-5,\"size\":1}]",
	  "linux.gidMappings[0].hostID: must be from 0 to 4294967294, not -5" },
	{ 'l', "\"namespaces\":[{\"type\":\"net\"}]",
	  "linux.namespaces[0].type: unknown namespace 'net'" },
	{ 'l', "\"namespaces\":[{\"type\":\"userr\"}]",
	  "unknown namespace 'userr'; did you mean 'user'?" },
	{ 'l', "\"namespaces\":[{\"path\":\"/x\"}]",
	  "linux.namespaces[0]: the key 'type' is missing" },
	{ 'l', "\"namespaces\":[{\"type\":\"pid\",\"path\":\"x\"}]",
	  "linux.namespaces[0].path: 'x' must be an absolute path" },
	{ 'l', "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
	  "linux: namespaces[1]: pid was given before" },
	{ 'l', "\"devices\":[{\"type\":\"c\",\"major\":1,\"minor\":1}]",
	  "linux.devices[0]: the key 'path' is missing" },
	{ 'l', "\"devices\":[{\"path\":\"/d\",\"type\":\"x\"}]",
	  "linux.devices[0].type: 'x' is no device type" },
	{ 'l', "\"devices\":[{\"path\":\"/d\",\"type\":\"c\",\"major\":1}]",
	  "linux.devices[0]: the keys 'major' and 'minor' are needed" },
	{ 'l', "\"devices\":[{\"path\":\"/d\",\"type\":\"c\",\"major\":-1,\"minor\":0}]",
	  "linux.devices[0].major: must be from 0 to 4294967295, not -1" },
	{ 'l', "\"rootfsPropagation\":\"public\"",
	  "linux.rootfsPropagation: 'public' is no mount propagation" },
	{ 'l', "\"cgroupsPath\":{}", "linux.cgroupsPath: expected a string, not a map" },
	{ 'l', "\"resources\":{\"memory\":{\"limit\":\"1G\"}}",
	  "linux.resources.memory.limit: expected a whole number, not '1G'" },
	{ 'l', "\"resources\":{\"memory\":{\"limit\":-2}}",
	  "linux.resources.memory.limit: must be from -1" },
	{ 'l', "\"resources\":{\"memory\":{\"limit\":9223372036854775808}}",
	  "linux.resources.memory.limit: must be from -1" },
	{ 'l', "\"resources\":{\"cpu\":{\"shares\":-1}}",
	  "linux.resources.cpu.shares: must be from 0" },
	{ 'l', "\"resources\":{\"cpu\":{\"cpus\":\"0-3; rm\"}}",
	  "linux.resources.cpu.cpus: '0-3; rm' is no list of numbers, such as 0-3,6" },
	{ 'l', "\"resources\":{\"pids\":{\"limit\":-5}}",
	  "linux.resources.pids.limit: must be from -1" },
	{ 'l', "\"resources\":{\"blockIO\":{\"weight\":1001}}",
	  "linux.resources.blockIO.weight: must be from 0 to 1000, not 1001" },
	{ 'l', "\"resources\":{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"rate\":1}]}}",
	  "throttleReadBpsDevice[0]: the key 'minor' is missing" },
	{ 'l', "\"resources\":{\"unified\":{\"../x.y\":\"1\"}}", "no name of a cgroup file" },
	{ 'l', "\"resources\":{\"unified\":{\"cgroup\":\"1\"}}",
	  "linux.resources.unified.cgroup: no name of a cgroup file" },
	{ 'l', "\"resources\":{\"blockIO\":{\"weight\":9}}",
	  "linux.resources.blockIO.weight: must be 10 to 1000" },
	{ 'l',
	  "\"resources\":{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":5}]}}",
	  "linux.resources.blockIO.weightDevice[0].weight: must be 10 to 1000" },
	{ 'l', "\"resources\":{\"memory\":{\"swap\":1048576}}",
	  "linux.resources.memory.swap: counts memory and swap together: it needs a limit beside it" },
	{ 'l', "\"resources\":{\"memory\":{\"limit\":2097152,\"swap\":1048576}}",
	  "linux.resources.memory.swap: counts memory and swap together: less than the limit, 2097152, cannot be" },
	{ 'l', "\"resources\":{\"memory\":{\"swappiness\":101}}",
	  "linux.resources.memory.swappiness: must be from 0 to 100" },
	{ 'l', "\"resources\":{\"cpu\":{\"period\":999}}",
	  "linux.resources.cpu.period: the kernel takes 1000 to 1000000 microseconds" },
	{ 'l', "\"resources\":{\"cpu\":{\"quota\":999}}",
	  "linux.resources.cpu.quota: the kernel takes no less than 1000 microseconds" },
	{ 'l', "\"resources\":{\"cpu\":{\"quota\":5000,\"burst\":5001}}",
	  "linux.resources.cpu.burst: a burst is at most the quota beside it" },
	{ 'l', "\"resources\":{\"cpu\":{\"idle\":2}}",
	  "linux.resources.cpu.idle: must be from -1 to 1" },
	{ 'l', "\"resources\":{\"cpu\":{\"mems\":\"0-\"}}",
	  "linux.resources.cpu.mems: '0-' is no list of numbers, such as 0-3,6" },
	{ 'l', "\"resources\":{\"cpu\":{\"cpus\":\"1,,2\"}}",
	  "linux.resources.cpu.cpus: '1,,2' is no list of numbers, such as 0-3,6" },
	{ 'l', "\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"2M/..\",\"limit\":1}]}",
	  "linux.resources.hugepageLimits[0].pageSize: '2M/..' is no page size such as 2MB" },
	{ 'l', "\"resources\":{\"rdma\":{\"mlx5_1\":{}}}",
	  "linux.resources.rdma.mlx5_1: limits nothing: give hcaHandles or hcaObjects" },
	{ 'l', "\"resources\":{\"rdma\":{\"a b\":{\"hcaHandles\":1}}}",
	  "not a device with its limits" },
	{ 'l', "\"resources\":{\"devices\":[{\"access\":\"rwm\"}]}",
	  "linux.resources.devices[0]: the key 'allow' is missing" },
	{ 'l', "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rx\"}]}",
	  "linux.resources.devices[0].access: 'rx' is no access: some of r, w and m" },
	{ 'l', "\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"cc\"}]}",
	  "linux.resources.devices[0].type: 'cc' is no type of a device rule: a, b or c" },
	{ 'l', "\"resources\":{\"unified\":{\"cgroup.procs\":\"1\"}}",
	  "linux.resources.unified.cgroup.procs: files of the group itself are not the bundle's to write" },
	{ 'l', "\"resources\":{\"unified\":{\"cgroup.subtree_control\":\"+memory\"}}",
	  "are not the bundle's to write" },
	{ 'l', "\"resources\":{\"unified\":{\"memory.max/../x\":\"1\"}}",
	  "no name of a cgroup file" },
	{ 'l', "\"resources\":{\"unified\":{\"memory.max\":\"\"}}", "nothing to write" },
	{ 'l', "\"cgroupsPath\":\"/a/../b\"",
	  "linux.cgroupsPath: '.' and '..' have no place in it" },
	{ 'l', "\"cgroupsPath\":\"a\\nb\"",
	  "linux.cgroupsPath: 'a\\x0ab' is no path of a control group" },
	{ 'l', "\"resources\":{\"unified\":{\"memory.max\":1}}",
	  "linux.resources.unified.memory.max: expected a string, not '1'" },
	{ 'l', "\"sysctl\":{\"net/../kernel/x\":\"1\"}", "no name of a sysctl" },
	{ 'l', "\"sysctl\":{\"/kernel/x\":\"1\"}", "no name of a sysctl" },
	{ 'l', "\"sysctl\":{\"kernel.x\":1}", "linux.sysctl.kernel.x: expected a string, not '1'" },
	{ 'l', "\"maskedPaths\":[\"proc\"]",
	  "linux.maskedPaths[0]: 'proc' must be an absolute path" },
	{ 'l', "\"readonlyPaths\":\"/proc\"", "linux.readonlyPaths: expected a list, not '/proc'" },
	{ 'l', "\"seccomp\":{}", "linux.seccomp: the key 'defaultAction' is missing" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":\"SCMP_ACT_LOG\"}]}",
	  "linux.seccomp.syscalls[0]: the key 'names' is missing" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_LOG\"}]}",
	  "syscalls[0].names: needs at least one element" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]}",
	  "syscalls[0]: the key 'action' is missing" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"],\"action\":\"SCMP_ACT_LOG\","
	  "\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_NE\"}]}]}",
	  "args[0].index: must be from 0 to 5, not 6" },
	{ 'l', "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
	  "linux.seccomp.defaultErrnoRet: must be from 0 to 4095, not 4096" },
	{ 'l', "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_DENY\"}",
	  "linux.seccomp.defaultAction: unknown word 'SCMP_ACT_DENY'" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"],\"action\":\"SCMP_ACT_ERNO\"}]}",
	  "linux.seccomp.syscalls[0].action: unknown word 'SCMP_ACT_ERNO'; did you mean 'SCMP_ACT_ERRNO'?" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"value\":0,\"op\":\"EQ\"}]}]}",
	  "linux.seccomp.syscalls[0].args[0].op: unknown word 'EQ'" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
	  "linux.seccomp.syscalls[0].args[0]: the key 'value' is missing" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":1}]}",
	  "linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_ALLOW returns no errno" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5000}]}",
	  "linux.seccomp.syscalls[0].errnoRet: must be from 0 to 4095, not 5000" },
	{ 'l', "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"defaultErrnoRet\":1}",
	  "linux.seccomp.defaultErrnoRet: SCMP_ACT_KILL returns no errno" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_AARCH65\"]}",
	  "linux.seccomp.architectures[1]: unknown architecture 'SCMP_ARCH_AARCH65'; did you mean 'SCMP_ARCH_AARCH64'?" },
	{ 'l',
	  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_NEW_LISTENER\"]}",
	  "linux.seccomp.flags[0]: unknown filter flag 'SECCOMP_FILTER_FLAG_NEW_LISTENER'" },
	{ 'l', "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"m\"}",
	  "linux.seccomp.listenerMetadata: needs a listenerPath beside it" },
	{ 'l', "\"personality\":{\"domain\":\"linux\"}",
	  "linux.personality.domain: 'linux' is no personality" },
};

static const char *whole(struct arena *a, char where, const char *text)
{
	if (where == 'r')
		return arena_printf(a, "{\"ociVersion\":\"1.0.2\"," ROOT "%s}", text);
	if (where == 'p')
		return arena_printf(
			a, "{\"ociVersion\":\"1.0.2\"," ROOT "\"process\":{" ARGS "%s}}", text);
	if (where == 'l')
		return arena_printf(a, "{\"ociVersion\":\"1.0.2\"," ROOT "\"linux\":{%s}}", text);
	return text;
}

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct spec s;

		if (load(&a, whole(&a, refused[i].where, refused[i].text), &s, &e) != -EINVAL)
			fail_msg("%s: was accepted", refused[i].text);
		assert_int_equal(strncmp(e.text, "config.json:", 12), 0);
		if (strstr(e.text, refused[i].wrong) == NULL)
			fail_msg("%s: got '%s', wanted '%s'", refused[i].text, e.text,
				 refused[i].wrong);
		arena_free(&a);
	}
}

/* Every proper beginning of a good text is a bad one, and no byte of it can be read beyond. */
static void beginnings(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof full - 1; len++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct spec s;
		char *part = malloc(len != 0 ? len : 1);

		assert_non_null(part);
		memcpy(part, full, len);
		assert_int_equal(spec_load(&a, "c", part, len, &s, &e), -EINVAL);
		free(part);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process),       cmocka_unit_test(mounts_and_hooks),
		cmocka_unit_test(linux_part),    cmocka_unit_test(resources_and_seccomp),
		cmocka_unit_test(seccomp_words), cmocka_unit_test(little),
		cmocka_unit_test(refusals),      cmocka_unit_test(beginnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
