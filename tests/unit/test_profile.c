#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "policy/profile.h"

#include <cmocka.h> /* last: it has a macro called fail */

static const char base_text[] =
	"zviz: 1\n"
	"name: base\n"
	"description: what others extend\n"
	"namespaces: [user, pid, mount, network]\n"
	"capabilities: {keep: [CAP_CHOWN, CAP_KILL]}\n"
	"syscalls:\n"
	"  allow: [\"@basic-io\", getpid, getppid]\n"
	"  deny: [ptrace]\n"
	"  broker: [openat]\n"
	"  where:\n"
	"    - {syscall: personality, arg: 0, mask: 0xffffffff, in: [0x0, 0xffffffff], then: "
	"allow}\n"
	"ioctl: {allow: [TCGETS, 0x5413]}\n"
	"prctl: {allow: [PR_SET_NAME, 38]}\n"
	"sockets: {allow: [{family: unix}, {family: inet, types: [stream, dgram], protocols: [0, "
	"6]}]}\n"
	"filesystem:\n"
	"  read: [/]\n"
	"  write: [/tmp, /work]\n"
	"  execute: [/usr]\n"
	"  hide: [/etc/shadow]\n"
	"  deny: {read: [\"**/.env\"], write: [\"**/.git/hooks/**\"]}\n"
	"network:\n"
	"  mode: private\n"
	"  egress: {allow: [{cidr: 10.0.0.0/8, ports: [443], limit: 10M, connections: 8},\n"
	"    {domain: \"*.example.org\", allow_private: true}]}\n"
	"  ingress: {allow: [{port: 8080}]}\n"
	"resources: {memory: 4G, swap: 0, cpus: 0.5, pids: 512, nofile: 1024, tmpfs: 1G,\n"
	"            io: [{path: /work, wbps: 50M, riops: 100}]}\n"
	"requirements: {landlock: 3, seccomp_notify: preferred, user_namespace: required,\n"
	"               network_policy: preferred, cgroup: {controllers: [memory, pids], need: "
	"preferred}}\n"
	"audit: decisions\n"
	"warn: [careful]\n";

const struct builtin_profile builtin_profiles[] = { { "base", base_text, sizeof base_text - 1 },
						    { 0 } };

/* Files that profiles extend: ctx is a NULL-ended list of name and text. */
static int open_from_list(void *ctx, const char *name, struct arena *a, char **text, size_t *len,
			  struct err *e)
{
	for (const char *const *f = ctx; f[0] != NULL; f += 2)
		if (strcmp(f[0], name) == 0) {
			*text = arena_strdup(a, f[1]);
			*len = strlen(f[1]);
			return 0;
		}
	return (fail)(e, ENOENT, "%s: %m", name); /* ours, not the macro */
}

static int load(struct arena *a, const char *text, struct profile *p, struct err *e)
{
	return profile_load(a, "d/p.yaml", text, strlen(text), NULL, NULL, p, e);
}

static void loads(struct arena *a, const char *text, struct profile *p)
{
	struct err e = { 0 };

	if (load(a, text, p, &e) < 0)
		fail_msg("%s", e.text);
}

static void every_key(void **state)
{
	struct arena a = { 0 };
	struct profile p;

	(void)state;
	loads(&a, base_text, &p);
	assert_string_equal(p.file, "d/p.yaml");
	assert_string_equal(p.name, "base");
	assert_string_equal(p.description, "what others extend");
	assert_int_equal(p.namespaces.n, 4);
	assert_string_equal(p.keep_capabilities.at[1].text, "CAP_KILL");
	assert_int_equal(p.syscalls.allow.n, 3);
	assert_int_equal(p.syscalls.allow.at[1].from.line, 7);
	assert_int_equal(p.syscalls.allow.at[1].from.column, 24);
	assert_string_equal(p.syscalls.allow.at[1].from.file, "d/p.yaml");
	assert_string_equal(p.syscalls.deny.at[0].text, "ptrace");
	assert_string_equal(p.syscalls.broker.at[0].text, "openat");
	assert_string_equal(p.ioctl_allow.at[1].text, "0x5413");
	assert_string_equal(p.prctl_allow.at[1].text, "38");
	assert_true(p.filesystem.root_readonly);
	assert_int_equal(p.filesystem.read.n, 1);
	assert_int_equal(p.filesystem.write.n, 2);
	assert_string_equal(p.filesystem.execute.at[0].text, "/usr");
	assert_string_equal(p.filesystem.hide.at[0].text, "/etc/shadow");
	assert_string_equal(p.filesystem.deny_read.at[0].text, "**/.env");
	assert_string_equal(p.filesystem.deny_write.at[0].text, "**/.git/hooks/**");
	assert_int_equal(p.network.mode, NETWORK_PRIVATE);
	assert_int_equal(p.network.mode_from.line, 22);
	assert_int_equal(p.audit, AUDIT_DECISIONS);
	assert_string_equal(p.warnings.at[0].text, "careful");
	arena_free(&a);
}

static void every_row_and_number(void **state)
{
	struct arena a = { 0 };
	struct profile p;

	(void)state;
	loads(&a, base_text, &p);

	const struct where_rule *w = &p.syscalls.where.at[0];

	assert_string_equal(w->syscall, "personality");
	assert_true(w->arg == 0 && w->mask == 0xffffffff && w->n == 2 && w->in[1] == 0xffffffff);
	assert_int_equal(w->then, PROFILE_ALLOW);
	assert_int_equal(w->from.line, 11);
	assert_int_equal(p.sockets_allow.at[0].family, AF_UNIX);
	assert_true(p.sockets_allow.at[0].types == ~0u && p.sockets_allow.at[0].n == 0);
	assert_true(p.sockets_allow.at[1].types == (1u << SOCK_STREAM | 1u << SOCK_DGRAM));
	assert_true(p.sockets_allow.at[1].n == 2 && p.sockets_allow.at[1].protocols[1] == 6);
	assert_string_equal(p.network.egress.at[0].cidr, "10.0.0.0/8");
	assert_int_equal(p.network.egress.at[0].ports[0], 443);
	assert_int_equal(p.network.egress.at[0].limit, 10 << 20);
	assert_int_equal(p.network.egress.at[0].connections, 8);
	assert_string_equal(p.network.egress.at[1].domain, "*.example.org");
	assert_true(p.network.egress.at[1].allow_private && p.network.egress.at[1].limit == 0);
	assert_int_equal(p.network.ingress.at[0].port, 8080);
	assert_true(p.resources.memory.set && p.resources.memory.value == UINT64_C(4) << 30);
	assert_true(p.resources.swap.set && p.resources.swap.value == 0);
	assert_int_equal(p.resources.cpus.value, 500);
	assert_int_equal(p.resources.pids.value, 512);
	assert_int_equal(p.resources.nofile.value, 1024);
	assert_int_equal(p.resources.tmpfs.value, 1 << 30);
	assert_int_equal(p.resources.io.at[0].wbps, 50 << 20);
	assert_int_equal(p.resources.io.at[0].riops, 100);
	assert_int_equal(p.requirements.landlock, 3);
	assert_int_equal(p.requirements.landlock_need, NEED_REQUIRED);
	assert_int_equal(p.requirements.seccomp_notify, NEED_PREFERRED);
	assert_int_equal(p.requirements.network_policy, NEED_PREFERRED);
	assert_int_equal(p.requirements.cgroup.n, 2);
	assert_int_equal(p.requirements.cgroup_need, NEED_PREFERRED);
	assert_int_equal(p.requirements.cgroup_from.line, 29);
	arena_free(&a);
}

static void defaults(void **state)
{
	struct arena a = { 0 };
	struct profile p;

	(void)state;
	loads(&a, "zviz: 1\n", &p);
	assert_string_equal(p.name, "p");
	assert_null(p.description);
	assert_int_equal(p.namespaces.n, 7);
	assert_string_equal(p.namespaces.at[6].text, "cgroup");
	assert_true(p.filesystem.root_readonly);
	assert_int_equal(p.network.mode, NETWORK_NONE);
	assert_false(p.resources.memory.set);
	assert_int_equal(p.requirements.seccomp_notify, NEED_REQUIRED);
	loads(&a, "zviz: 1\nnamespaces: []\nfilesystem: {root: writable}\n", &p);
	assert_int_equal(p.namespaces.n, 0);
	assert_false(p.filesystem.root_readonly);
	loads(&a, "zviz: 1\nrequirements: {landlock: preferred, cgroup: [memory]}\n", &p);
	assert_int_equal(p.requirements.landlock, 0);
	assert_int_equal(p.requirements.landlock_need, NEED_PREFERRED);
	assert_int_equal(p.requirements.cgroup_need, NEED_REQUIRED);
	loads(&a, "zviz: 1\nrequirements: {landlock: required, cgroup: preferred}\n", &p);
	assert_int_equal(p.requirements.landlock, 1);
	assert_int_equal(p.requirements.cgroup_need, NEED_PREFERRED);
	arena_free(&a);
}

static void extending(void **state)
{
	struct arena a = { 0 };
	struct profile p;

	(void)state;
	loads(&a,
	      "zviz: 1\nextends: base\nsyscalls: {allow: [gettid], deny: [bpf]}\nresources: "
	      "{memory: 1G}\n"
	      "network: {mode: none}\nrequirements: {landlock: preferred}\n",
	      &p);
	assert_string_equal(p.name, "p");
	assert_null(p.description);
	assert_int_equal(p.syscalls.allow.n, 4);
	assert_string_equal(p.syscalls.allow.at[0].from.file, "base");
	assert_string_equal(p.syscalls.allow.at[3].text, "gettid");
	assert_string_equal(p.syscalls.allow.at[3].from.file, "d/p.yaml");
	assert_int_equal(p.syscalls.deny.n, 2);
	assert_int_equal(p.resources.memory.value, 1 << 30);
	assert_int_equal(p.resources.pids.value, 512);
	assert_int_equal(p.network.mode, NETWORK_NONE);
	assert_int_equal(p.namespaces.n, 4);
	assert_int_equal(p.requirements.landlock, 0);
	assert_int_equal(p.requirements.landlock_need, NEED_PREFERRED);
	assert_int_equal(p.warnings.n, 1);
	arena_free(&a);
}

static void removing(void **state)
{
	struct arena a = { 0 };
	struct profile p;

	(void)state;
	loads(&a,
	      "zviz: 1\nextends: base\n"
	      "remove:\n"
	      "  namespaces: [network]\n"
	      "  capabilities: {keep: [CAP_CHOWN]}\n"
	      "  syscalls: {allow: [getpid], deny: [ptrace], broker: [openat], where: [{syscall: "
	      "personality}]}\n"
	      "  ioctl: {allow: [TCGETS]}\n"
	      "  prctl: {allow: [38]}\n"
	      "  sockets: {allow: [{family: inet}]}\n"
	      "  filesystem: {read: [/], write: [/work], execute: [/usr], hide: [/etc/shadow],\n"
	      "               deny: {read: [\"**/.env\"], write: [\"**/.git/hooks/**\"]}}\n"
	      "  network: {egress: {allow: [{cidr: 10.0.0.0/8}]}, ingress: {allow: [{port: "
	      "8080}]}}\n"
	      "  resources: {io: [{path: /work}]}\n"
	      "  requirements: {cgroup: [pids]}\n"
	      "  warn: [careful]\n"
	      "syscalls: {allow: [gettid]}\n"
	      "filesystem: {read: [/usr]}\n",
	      &p);
	assert_int_equal(p.namespaces.n, 3);
	assert_int_equal(p.keep_capabilities.n, 1);
	assert_string_equal(p.keep_capabilities.at[0].text, "CAP_KILL");
	assert_int_equal(p.syscalls.allow.n, 3);
	assert_string_equal(p.syscalls.allow.at[1].text, "getppid");
	assert_string_equal(p.syscalls.allow.at[2].text, "gettid");
	assert_int_equal(p.syscalls.deny.n + p.syscalls.broker.n + p.syscalls.where.n, 0);
	assert_string_equal(p.ioctl_allow.at[0].text, "0x5413");
	assert_int_equal(p.prctl_allow.n, 1);
	assert_int_equal(p.sockets_allow.n, 1);
	assert_int_equal(p.sockets_allow.at[0].family, AF_UNIX);
	assert_int_equal(p.filesystem.read.n, 1);
	assert_string_equal(p.filesystem.read.at[0].text, "/usr");
	assert_int_equal(p.filesystem.write.n, 1);
	assert_int_equal(p.filesystem.execute.n + p.filesystem.hide.n, 0);
	assert_int_equal(p.filesystem.deny_read.n + p.filesystem.deny_write.n, 0);
	assert_int_equal(p.network.egress.n, 1);
	assert_string_equal(p.network.egress.at[0].domain, "*.example.org");
	assert_int_equal(p.network.ingress.n + p.resources.io.n + p.warnings.n, 0);
	assert_int_equal(p.requirements.cgroup.n, 1);
	arena_free(&a);
}

static void files(void **state)
{
	static const char *list[] = {
		"d/a.yaml",  "zviz: 1\nextends: b/b.yml\nsyscalls: {allow: [read]}\n",
		"d/b/b.yml", "zviz: 1\nextends: /c.yaml\nsyscalls: {allow: [write]}\n",
		"/c.yaml",   "zviz: 1\nsyscalls: {allow: [close]}\n",
		NULL,
	};
	static const char text[] = "zviz: 1\nextends: a.yaml\nsyscalls: {allow: [dup]}\n";
	struct arena a = { 0 };
	struct err e = { 0 };
	struct profile p;

	(void)state;
	if (profile_load(&a, "d/p.yaml", text, strlen(text), open_from_list, list, &p, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(p.syscalls.allow.n, 4);
	assert_string_equal(p.syscalls.allow.at[0].text, "close");
	assert_string_equal(p.syscalls.allow.at[0].from.file, "/c.yaml");
	assert_string_equal(p.syscalls.allow.at[3].text, "dup");
	assert_int_equal(p.namespaces.n, 7);
	arena_free(&a);
}

static void cycles_and_chains(void **state)
{
	static const char *list[] = {
		"d/p.yaml",   "zviz: 1\nextends: q.yaml\n",
		"d/q.yaml",   "zviz: 1\nextends: p.yaml\n",
		"d/1.yaml",   "zviz: 1\nextends: 2.yaml\n",
		"d/2.yaml",   "zviz: 1\nextends: 3.yaml\n",
		"d/3.yaml",   "zviz: 1\nextends: 4.yaml\n",
		"d/4.yaml",   "zviz: 1\nextends: 5.yaml\n",
		"d/5.yaml",   "zviz: 1\nextends: 6.yaml\n",
		"d/6.yaml",   "zviz: 1\nextends: 7.yaml\n",
		"d/7.yaml",   "zviz: 1\nextends: 8.yaml\n",
		"d/8.yaml",   "zviz: 1\nextends: 9.yaml\n",
		"d/9.yaml",   "zviz: 1\n",
		"d/bad.yaml", "zviz: 1\nwarn: x\n",
		NULL,
	};
	static const struct {
		const char *text, *wrong;
	} rows[] = {
		{ "zviz: 1\nextends: p.yaml\n",
		  "d/p.yaml:2:10: extends: 'd/p.yaml' extends itself" },
		{ "zviz: 1\nextends: q.yaml\n",
		  "d/q.yaml:2:10: extends: 'd/p.yaml' extends itself" },
		{ "zviz: 1\nextends: 1.yaml\n",
		  "d/8.yaml:2:10: extends: more than 8 profiles extend one another" },
		{ "zviz: 1\nextends: ./none\n",
		  "d/p.yaml:2:10: extends: d/./none: No such file or directory" },
		{ "zviz: 1\nextends: bad.yaml\n",
		  "d/bad.yaml:2:7: warn: expected a list, not 'x'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct profile p;

		assert_true(profile_load(&a, "d/p.yaml", rows[i].text, strlen(rows[i].text),
					 open_from_list, list, &p, &e) < 0);
		assert_string_equal(e.text, rows[i].wrong);
		arena_free(&a);
	}
}

/* What stands behind "zviz: 1\n", so that a row's first line is line 2; the error without "d/p.yaml:". */
static const struct {
	const char *text, *wrong;
} refused[] = {
	{ "nam: x", "2:6: nam: unknown key 'nam'; did you mean 'name'?" },
	{ "name:", "2:6: name: needs a value" },
	{ "name: [x]", "2:7: name: expected a string, not a list" },
	{ "name: 'a b'", "2:7: name: 'a b': a name is 1 to 64 letters" },
	{ "name: ../x", "name: '../x': a name is" },
	{ "name: \"a\\e[2J\"", "name: 'a\\x1b[2J': a name is" },
	{ "description: {a: b}", "description: expected a string, not a map" },
	{ "zviz: 1", "2:7: zviz: this key was given before" },
	{ "extends: bas", "2:10: extends: unknown built-in profile 'bas'; did you mean 'base'?" },
	{ "extends: zzzzzz", "extends: unknown built-in profile 'zzzzzz'" },
	{ "extends: [base]", "extends: expected the name of a profile" },
	{ "extends:", "extends: expected the name of a profile" },
	{ "extends: ./other.yaml", "extends: only a built-in profile can be extended here" },
	{ "namespaces: [usr]",
	  "2:14: namespaces[0]: unknown namespace 'usr'; did you mean 'user'?" },
	{ "namespaces: user", "2:13: namespaces: expected a list, not 'user'" },
	{ "namespaces: [[user]]", "2:14: namespaces[0]: expected a word, not a list" },
	{ "namespaces: [net]", "namespaces[0]: unknown namespace 'net'" },
	{ "capabilities: {keep: [CAP_CHWN]}",
	  "capabilities.keep[0]: unknown capability 'CAP_CHWN'; did you mean 'CAP_CHOWN'?" },
	{ "capabilities: {drop: [CAP_CHOWN]}", "capabilities.drop: unknown key 'drop'" },
	{ "capabilities: [CAP_CHOWN]", "capabilities: expected a map, not a list" },
	{ "syscalls: {allow: [opent]}",
	  "2:20: syscalls.allow[0]: unknown system call 'opent'; did you mean 'open" },
	{ "syscalls:\n  allow:\n    - read\n    - reed",
	  "5:7: syscalls.allow[1]: unknown system call 'reed'; did you mean 'read'?" },
	{ "syscalls: {deny: ['@basicio']}",
	  "syscalls.deny[0]: unknown group '@basicio'; did you mean '@basic-io'?" },
	{ "syscalls: {allow: ['@']}", "unknown group '@'" },
	{ "syscalls: {allow: ['']}", "syscalls.allow[0]: unknown system call ''" },
	{ "syscalls: {broker: [openat, 7]}", "syscalls.broker[1]: unknown system call '7'" },
	{ "syscalls: {alow: [read]}", "syscalls.alow: unknown key 'alow'; did you mean 'allow'?" },
	{ "syscalls: {architectures: [amd64]}", "unknown architecture 'amd64'" },
	{ "syscalls: {where: {syscall: read}}", "syscalls.where: expected a list, not a map" },
	{ "syscalls: {where: [read]}", "syscalls.where[0]: expected a map, not 'read'" },
	{ "syscalls: {where: [{arg: 0, in: [1], then: deny}]}",
	  "2:20: syscalls.where[0]: the key 'syscall' is missing" },
	{ "syscalls: {where: [{syscall: read, in: [1], then: deny}]}", "the key 'arg' is missing" },
	{ "syscalls: {where: [{syscall: read, arg: 0, then: deny}]}", "the key 'in' is missing" },
	{ "syscalls: {where: [{syscall: read, arg: 0, in: [1]}]}", "the key 'then' is missing" },
	{ "syscalls: {where: [{syscall: red, arg: 0, in: [1], then: deny}]}",
	  "where[0].syscall: unknown system call 'red'" },
	{ "syscalls: {where: [{syscall: '@memory', arg: 0, in: [1], then: deny}]}",
	  "unknown system call '@memory'" },
	{ "syscalls: {where: [{syscall: read, arg: 6, in: [1], then: deny}]}",
	  "where[0].arg: must be from 0 to 5, not 6" },
	{ "syscalls: {where: [{syscall: read, arg: -1, in: [1], then: deny}]}",
	  "where[0].arg: must be from 0 to 5, not -1" },
	{ "syscalls: {where: [{syscall: read, arg: 0, in: [], then: deny}]}",
	  "where[0].in: needs at least one element" },
	{ "syscalls: {where: [{syscall: read, arg: 0, in: 1, then: deny}]}",
	  "where[0].in: expected a list, not '1'" },
	{ "syscalls: {where: [{syscall: read, arg: 0, in: [0x], then: deny}]}",
	  "where[0].in[0]: expected a whole number, not '0x'" },
	{ "syscalls: {where: [{syscall: read, arg: 0, in: [1], then: kill}]}",
	  "where[0].then: unknown word 'kill'" },
	{ "syscalls: {where: [{syscall: read, arg: 0, mask: 0, in: [0], then: deny}]}",
	  "where[0].mask: must be from 1" },
	{ "syscalls: {where: [{syscall: read, arg: 0, mask: 0x1, in: [2], then: deny}]}",
	  "where[0]: 0x2 has bits outside the mask" },
	{ "ioctl: {allow: [TCGET]}",
	  "ioctl.allow[0]: unknown ioctl 'TCGET'; did you mean 'TCGETS'?" },
	{ "ioctl: {allow: [0x100000000]}",
	  "'0x100000000' is no ioctl: a name, or a number of 32 bits" },
	{ "ioctl: {allow: [5x]}", "'5x' is no ioctl" },
	{ "ioctl: [TCGETS]", "ioctl: expected a map, not a list" },
	{ "prctl: {allow: [PR_SET_NAM]}",
	  "prctl.allow[0]: unknown prctl 'PR_SET_NAM'; did you mean 'PR_SET_NAME'?" },
	{ "prctl: {allow: [-1]}", "unknown prctl '-1'" },
	{ "sockets: {allow: [{family: unx}]}",
	  "sockets.allow[0].family: unknown word 'unx'; did you mean 'unix'?" },
	{ "sockets: {allow: [{types: [stream]}]}",
	  "sockets.allow[0]: the key 'family' is missing" },
	{ "sockets: {allow: [{family: inet, types: []}]}",
	  "types: expected a list with at least one word" },
	{ "sockets: {allow: [{family: inet, types: [strem]}]}",
	  "types[0]: unknown word 'strem'; did you mean 'stream'?" },
	{ "sockets: {allow: [{family: inet, protocols: [tcp]}]}",
	  "protocols[0]: expected a whole number, not 'tcp'" },
	{ "sockets: {allow: [inet]}", "sockets.allow[0]: expected a map, not 'inet'" },
	{ "filesystem: {root: rw}", "filesystem.root: unknown word 'rw'" },
	{ "filesystem: {read: [tmp]}", "filesystem.read[0]: 'tmp' must be an absolute path" },
	{ "filesystem: {write: [~/x]}", "filesystem.write[0]: '~/x' must be an absolute path" },
	{ "filesystem: {execute: [/usr/../bin]}", "'/usr/../bin' must not contain '..'" },
	{ "filesystem: {hide: ['']}", "filesystem.hide[0]: '' must be an absolute path" },
	{ "filesystem: {deny: ['**/.env']}", "filesystem.deny: expected a map, not a list" },
	{ "filesystem: {deny: {read: ['.env']}}",
	  "filesystem.deny.read[0]: the pattern '.env' must start with / or **/" },
	{ "filesystem: {deny: {execute: ['**/x']}}",
	  "filesystem.deny.execute: unknown key 'execute'" },
	{ "network: none", "network: expected a map, not 'none'" },
	{ "network: {mode: bridge}", "network.mode: unknown word 'bridge'" },
	{ "network: {egress: {allow: [{ports: [1]}]}}",
	  "network.egress.allow[0]: needs one of 'cidr' and 'domain'" },
	{ "network: {egress: {allow: [{cidr: 10.0.0.0/8, domain: a.b}]}}",
	  "needs one of 'cidr' and 'domain'" },
	{ "network: {egress: {allow: [{cidr: 10.0.0.0/33}]}}",
	  "'10.0.0.0/33' is no address range" },
	{ "network: {egress: {allow: [{cidr: 10.0.0/8}]}}", "'10.0.0/8' is no address range" },
	{ "network: {egress: {allow: [{cidr: 'fd00::/129'}]}}",
	  "'fd00::/129' is no address range" },
	{ "network: {egress: {allow: [{cidr: 10.0.0.0/}]}}", "'10.0.0.0/' is no address range" },
	{ "network: {egress: {allow: [{domain: 'a..b'}]}}", "'a..b' is no domain name" },
	{ "network: {egress: {allow: [{domain: 'a b'}]}}", "'a b' is no domain name" },
	{ "network: {egress: {allow: [{domain: '*'}]}}", "'*' is no domain name" },
	{ "network: {egress: {allow: [{cidr: 10.0.0.0/8, allow_private: true}]}}",
	  "network.egress.allow[0]: 'allow_private' is about names" },
	{ "network: {egress: {allow: [{domain: a.b, limit: 0}]}}",
	  "allow[0].limit: 0 is too small" },
	{ "network: {egress: {allow: [{domain: a.b, limit: 8E}]}}",
	  "allow[0].limit: expected a size such as 512M or 4G, not '8E'" },
	{ "network: {egress: {allow: [{domain: a.b, connections: 0}]}}",
	  "allow[0].connections: must be from 1 to 1048576, not 0" },
	{ "network: {egress: {allow: [{domain: a.b}, {domain: a.b, limit: 1M}]}}",
	  "network.egress.allow: 'a.b' has the same row" },
	{ "network: {egress: {allow: [{domain: a.b, ports: [0]}]}}",
	  "ports[0]: must be from 1 to 65535, not 0" },
	{ "network: {egress: {allow: [{domain: a.b, ports: 443}]}}",
	  "ports: expected a list, not '443'" },
	{ "network: {ingress: {allow: [{port: 65536}]}}",
	  "ingress.allow[0].port: must be from 1 to 65535, not 65536" },
	{ "network: {ingress: {allow: [{}]}}", "ingress.allow[0]: the key 'port' is missing" },
	{ "resources: {memory: lots}",
	  "resources.memory: expected a size such as 512M or 4G, not 'lots'" },
	{ "resources: {memory: 4GG}", "resources.memory: expected a size" },
	{ "resources: {memory: -1}", "resources.memory: expected a size" },
	{ "resources: {memory: 4K}", "resources.memory: 4K is too small" },
	{ "resources: {memory: 99999999T}", "resources.memory: 99999999T is too large" },
	{ "resources: {cpus: 0}", "resources.cpus: 0 is too small" },
	{ "resources: {cpus: two}",
	  "resources.cpus: expected a number such as 2 or 0.5, not 'two'" },
	{ "resources: {pids: 0}", "resources.pids: must be from 1 to 4194304, not 0" },
	{ "resources: {pids: 1.5}", "resources.pids: expected a whole number, not '1.5'" },
	{ "resources: {nofile: 1}", "resources.nofile: must be from 4 to 1073741816, not 1" },
	{ "resources: {tmpfs: 1}", "resources.tmpfs: 1 is too small" },
	{ "resources: {mem: 1G}", "resources.mem: unknown key 'mem'" },
	{ "resources: {io: [{wbps: 1M}]}", "resources.io[0]: the key 'path' is missing" },
	{ "resources: {io: [{path: /x}]}", "resources.io[0]: limits nothing" },
	{ "resources: {io: [{path: x, wbps: 1M}]}",
	  "resources.io[0].path: 'x' must be an absolute path" },
	{ "requirements: {landlock: 0}", "requirements.landlock: must be from 1 to 64, not 0" },
	{ "requirements: {landlock: maybe}", "requirements.landlock: unknown need 'maybe'" },
	{ "requirements: {landlock: [3]}",
	  "requirements.landlock: expected a whole number, not a list" },
	{ "requirements: {landlock: 3x}",
	  "requirements.landlock: expected a whole number, not '3x'" },
	{ "requirements: {seccomp_notify: require}",
	  "unknown word 'require'; did you mean 'required'?" },
	{ "requirements: {cgroup: [mem]}", "requirements.cgroup[0]: unknown controller 'mem'" },
	{ "requirements: {cgroup: [[pids]]}",
	  "requirements.cgroup[0]: expected a word, not a list" },
	{ "requirements: {cgroup: {need: preferred}}",
	  "requirements.cgroup: the key 'controllers' is missing" },
	{ "requirements: {cgroup: {controllers: [pids]}}",
	  "requirements.cgroup: the key 'need' is missing" },
	{ "requirements: {cgroup: always}", "requirements.cgroup: unknown need 'always'" },
	{ "audit: some", "audit: unknown word 'some'" },
	{ "warn: text", "warn: expected a list, not 'text'" },
	{ "remove: {syscalls: {allow: [read]}}",
	  "2:9: remove: there is nothing to remove from without 'extends'" },
	{ "extends: base\nremove: {syscalls: {allow: [gettid]}}",
	  "3:29: remove: the base profile's syscalls.allow has no such row" },
	{ "extends: base\nremove: {syscalls: {allow: [read]}}",
	  "3:29: remove: the base profile's syscalls.allow has no such row" },
	{ "extends: base\nremove: {resources: {memory: 4G}}",
	  "remove.resources.memory: unknown key 'memory'" },
	{ "extends: base\nremove: {sockets: {allow: [{family: inet, types: [stream]}]}}",
	  "unknown key 'types'" },
	{ "extends: base\nremove: {network: {egress: {allow: [{}]}}}",
	  "needs one of 'cidr' and 'domain'" },
	{ "extends: base\nremove: [read]", "3:9: remove: expected a map, not a list" },
	{ "extends: base\nremove:", "remove: expected a map, not nothing" },
	{ "namespaces: [user, pid, user]",
	  "2:25: namespaces: 'user' is listed already in line 2, column 14" },
	{ "capabilities: {keep: [CAP_KILL, CAP_CHOWN, CAP_KILL]}",
	  "2:44: capabilities.keep: 'CAP_KILL' is listed already in line 2, column 23" },
	{ "syscalls: {allow: [read, \"@open\", read, \"@open\"]}",
	  "2:35: syscalls.allow: 'read' is listed already in line 2, column 20" },
	{ "syscalls: {deny: [\"@dangerous\", \"@dangerous\"]}",
	  "2:33: syscalls.deny: '@dangerous' is listed already" },
	{ "syscalls:\n  deny: [bpf, acct]\n  allow: [read, acct]",
	  "3:15: syscalls.allow and .deny: 'acct' is in the other list in line 4, column 17" },
	{ "syscalls: {allow: [\"@open\"], deny: [\"@open\"]}",
	  "syscalls.allow and .deny: '@open' is in the other list" },
	{ "syscalls: {where: [{syscall: kill, arg: 1, in: [9], then: deny}, {syscall: kill, arg: "
	  "1, in: [7, 9], then: allow}]}",
	  "2:66: syscalls.where: 'kill' has another verdict for one of these values in line 2, "
	  "column 20" },
	{ "syscalls: {where: [{syscall: kill, arg: 1, in: [9], then: deny}, {syscall: kill, arg: "
	  "1, in: [9], then: deny}]}",
	  "'kill' has one of these values already in line 2, column 20" },
	{ "ioctl: {allow: [TCGETS, 0x5401]}",
	  "2:25: ioctl.allow: '0x5401' is listed already in line 2, column 17" },
	{ "prctl: {allow: [15, PR_SET_NAME]}", "prctl.allow: 'PR_SET_NAME' is listed already" },
	{ "sockets: {allow: [{family: unix}, {family: inet, types: [stream]}, {family: local}]}",
	  "2:68: sockets.allow: 'unix' has the same row in line 2, column 19" },
	{ "filesystem: {read: [/usr, /tmp, /usr/]}",
	  "2:33: filesystem.read: '/usr/' is listed already in line 2, column 21" },
	{ "filesystem: {deny: {read: ['**/x', '**/x']}}",
	  "filesystem.deny.read: '**/x' is listed" },
	{ "filesystem: {write: [/work], hide: [/work/]}",
	  "filesystem.hide and .write: '/work' is in the other list" },
	{ "filesystem: {hide: [/a], execute: [/a]}",
	  "filesystem.hide and .execute: '/a' is in the other list" },
	{ "filesystem: {read: [/a], deny: {read: [/a]}}",
	  "filesystem.read and .deny.read: '/a' is in the other list" },
	{ "network: {egress: {allow: [{domain: a.b, ports: [1, 2]}, {domain: a.b, ports: [1, 2]}]}}",
	  "network.egress.allow: 'a.b' has the same row" },
	{ "network: {ingress: {allow: [{port: 1}, {port: 2}, {port: 1}]}}",
	  "2:51: network.ingress.allow: '1' is listed already in line 2, column 29" },
	{ "resources: {io: [{path: /x, wbps: 1M}, {path: /x/, rbps: 1M}]}",
	  "resources.io: '/x/' has a row in line 2, column 18" },
	{ "resources: {swap: 1G}",
	  "2:19: resources.swap: it limits nothing without resources.memory" },
	{ "extends: base\nremove: {filesystem: {execute: [/usr]}}\nfilesystem: {execute: [/usr/]}",
	  "3:33: remove: filesystem.execute: '/usr' is added in line 4, column 24" },
	{ "extends: base\nioctl: {allow: [0x5401]}\nremove: {ioctl: {allow: [TCGETS]}}",
	  "4:26: remove: ioctl.allow: 'TCGETS' is added in line 3, column 17" },
	{ "sockets: {allow: [{family: inet, types: [stream, dgram, stream]}]}",
	  "2:57: sockets.allow[0].types[2]: 'stream' is listed already in line 2, column 42" },
	{ "sockets: {allow: [{family: inet, protocols: [0, 6]}, {family: inet, protocols: [6, 0]}]}",
	  "sockets.allow: 'inet' has the same row" },
	{ "network: {egress: {allow: [{domain: a.b, ports: [443, 80, 0x1bb]}]}}",
	  "2:59: network.egress.allow[0].ports[2]: '0x1bb' is listed already in line 2, column 50" },
	{ "syscalls: {where: [{syscall: kill, arg: 1, in: [9, 9], then: deny}]}",
	  "2:52: syscalls.where[0].in[1]: '9' is listed already in line 2, column 49" },
	{ "requirements: {cgroup: [pids, io, pids]}",
	  "requirements.cgroup: 'pids' is listed already" },
	{ "<<: {name: x}", "unknown key '<<'" },
	{ "name: *x", "2:7: aliases are not permitted" },
	{ "name: !!str x", "2:7: anchors and tags are not permitted" },
	{ "---\nname: x", "2:1: only one document is permitted" },
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct profile p;
		const char *text = arena_printf(&a, "zviz: 1\n%s\n", refused[i].text);

		if (load(&a, text, &p, &e) != -EINVAL)
			fail_msg("%s: was accepted", refused[i].text);
		assert_int_equal(strncmp(e.text, "d/p.yaml:", 9), 0);
		if (strstr(e.text, refused[i].wrong) == NULL)
			fail_msg("%s: got '%s', wanted '%s'", refused[i].text, e.text,
				 refused[i].wrong);
		arena_free(&a);
	}
}

/* So that no profile keeps the planner and the proof busy. */
static void lists_have_ends(void **state)
{
	/* A list in full, a row of it with a number in it, and what is said. */
	static const struct {
		const char *before, *row, *after, *says;
	} rows[] = {
		{ "filesystem: {read: [", "/%u", "]}", "filesystem.read: more than 256" },
		{ "filesystem: {write: [", "/%u", "]}", "filesystem.write: more than 256" },
		{ "filesystem: {execute: [", "/%u", "]}", "filesystem.execute: more than 256" },
		{ "filesystem: {hide: [", "/%u", "]}", "filesystem.hide: more than 128" },
		{ "filesystem: {deny: {read: [", "/%u", "]}}",
		  "filesystem.deny.read: more than 64" },
		{ "ioctl: {allow: [", "%u", "]}", "ioctl.allow: more than 256" },
		{ "prctl: {allow: [", "%u", "]}", "prctl.allow: more than 256" },
		{ "sockets: {allow: [", "{family: inet, protocols: [%u]}", "]}",
		  "sockets.allow: more than 64" },
		{ "sockets: {allow: [{family: inet, protocols: [", "%u", "]}]}",
		  "sockets.allow: protocols: more than 64" },
		{ "syscalls: {where: [", "{syscall: read, arg: 0, in: [%u], then: deny}", "]}",
		  "syscalls.where: more than 64" },
		{ "syscalls: {where: [{syscall: read, arg: 0, then: deny, in: [", "%u", "]}]}",
		  "syscalls.where: in: more than 256" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		struct buf b = { .arena = &a };
		struct err e = { 0 };
		struct profile p;

		buf_printf(&b, "zviz: 1\n%s", rows[i].before);
		for (unsigned n = 0; n < 300; n++) {
			const char *mark = strstr(rows[i].row, "%u");

			buf_printf(&b, "%s%.*s%u%s", n == 0 ? "" : ", ", (int)(mark - rows[i].row),
				   rows[i].row, n, mark + 2);
		}
		buf_printf(&b, "%s\n", rows[i].after);
		assert_int_equal(load(&a, buf_text(&b), &p, &e), -E2BIG);
		if (strstr(e.text, rows[i].says) == NULL)
			fail_msg("%s", e.text);
		assert_int_equal(strncmp(e.text, "d/p.yaml:2:", 11), 0);
		arena_free(&a);
	}
}

static void refusals_of_the_whole(void **state)
{
	static const struct {
		const char *text, *wrong;
	} rows[] = {
		{ "", "d/p.yaml: empty" },
		{ "name: x\n", "d/p.yaml:1:1: the key 'zviz' is missing" },
		{ "zviz: 2\n",
		  "d/p.yaml:1:7: zviz: this zviz reads version 1 of the profile format only" },
		{ "zviz: '1'\n",
		  "d/p.yaml:1:7: zviz: this zviz reads version 1 of the profile format only" },
		{ "zviz: [1]\n",
		  "d/p.yaml:1:7: zviz: this zviz reads version 1 of the profile format only" },
		{ "- zviz\n",
		  "d/p.yaml:1:1: a profile is a map of keys; it starts with 'zviz: 1'" },
		{ "zviz\n", "d/p.yaml:1:1: a profile is a map of keys; it starts with 'zviz: 1'" },
		{ "{\"zviz\": 1",
		  "d/p.yaml:2:1: did not find expected ',' or '}' while parsing a flow mapping" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct profile p;

		assert_int_equal(load(&a, rows[i].text, &p, &e), -EINVAL);
		assert_string_equal(e.text, rows[i].wrong);
		arena_free(&a);
	}
}

static void hints(void **state)
{
	struct arena a = { 0 };
	struct err e = { 0 };
	struct profile p;

	(void)state;
	assert_int_equal(load(&a, "zviz: 1\nsyscalls: {allow: [reed]}\n", &p, &e), -EINVAL);
	assert_string_equal(e.hint, "write 'read'");
	assert_int_equal(load(&a, "zviz: 2\n", &p, &e), -EINVAL);
	assert_string_equal(e.hint, "write 'zviz: 1'");
	assert_non_null(profile_builtin("base"));
	assert_null(profile_builtin("nothing"));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key),
		cmocka_unit_test(every_row_and_number),
		cmocka_unit_test(defaults),
		cmocka_unit_test(extending),
		cmocka_unit_test(removing),
		cmocka_unit_test(files),
		cmocka_unit_test(cycles_and_chains),
		cmocka_unit_test(refusals),
		cmocka_unit_test(refusals_of_the_whole),
		cmocka_unit_test(lists_have_ends),
		cmocka_unit_test(hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
