/*
 * diff says of two policies what running both filters shows, and nothing else.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/diff.h"
#include "policy/reference.h"
#include "table/table.h"

#include <cmocka.h> /* last: it has a macro called fail */

#ifdef __SANITIZE_ADDRESS__
enum { CALLS = 30000 };
#else
enum { CALLS = 30000 };
#endif

static uint64_t seed = 0xd1ff;

static uint32_t below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 32) % n;
}

struct side {
	struct profile whole, profile;
	struct reference reference;
	struct plan plan;
	struct diff_side is;
};

static void side_of(struct arena *a, const char *name, const struct profile *p, struct side *out)
{
	struct err e;

	out->whole = *p;
	out->profile = diff_profile(&out->whole);
	assert_int_equal(reference_plan(a, &out->profile, HOST_X86_64, false, false,
					&out->reference, &out->plan, &e),
			 0);
	out->is = (struct diff_side){ .name = name,
				      .filter = &out->plan.filter,
				      .plan = &out->plan,
				      .request = &out->reference.request };
}

static void builtin_side(struct arena *a, const struct builtin_profile *b, struct side *out)
{
	struct profile p;
	struct err e;

	assert_int_equal(profile_load_builtin(a, b, &p, &e), 0);
	side_of(a, b->name, &p, out);
}

static void own_side(struct arena *a, const char *text, struct side *out)
{
	struct profile p;
	struct err e;

	if (profile_load(a, "own", text, strlen(text), NULL, NULL, &p, &e) < 0)
		fail_msg("%s", e.text);
	side_of(a, "own", &p, out);
}

static bool permits(const struct bpf_program *f, const struct bpf_call *c)
{
	uint32_t action = bpf_run(f, c, NULL, NULL) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_USER_NOTIF;
}

static struct bpf_call border_call(const struct bpf_program *f)
{
	static const char *const judged[] = { "ioctl", "prctl",       "socket", "socketpair",
					      "clone", "personality", "seccomp" };
	struct bpf_call c = { .arch = AUDIT_ARCH_X86_64, .nr = (int)below(480) };

	if (below(2))
		c.nr = syscall_nr(syscall_find(judged[below(COUNT(judged))]), c.arch);

	for (unsigned i = 0; i < 6; i++)
		c.arg[i] = below(4) ? f->at[below((uint32_t)f->n)].k + below(3) - 1 : below(20);
	return c;
}

static bool speaks_of(const struct diff_lines *lines, const char *call)
{
	size_t len = strlen(call);

	for (size_t i = 0; i < lines->n; i++)
		if (strncmp(lines->at[i], "syscalls: ", 10) == 0 &&
		    strncmp(lines->at[i] + 10, call, len) == 0 &&
		    (lines->at[i][10 + len] == '\0' || lines->at[i][10 + len] == ' '))
			return true;
	return false;
}

static bool has(const struct diff_lines *lines, const char *line)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strcmp(lines->at[i], line) == 0)
			return true;
	return false;
}

static void check_pair(struct arena *a, const struct side *one, const struct side *other)
{
	struct diff_lines lines = { 0 };
	struct err e;
	size_t found = 0;

	assert_int_equal(diff_beyond(a, AUDIT_ARCH_X86_64, &one->is, &other->is, &lines, &e), 0);
	for (size_t i = 0; i < CALLS; i++) {
		struct bpf_call c = border_call(below(2) ? one->is.filter : other->is.filter);
		const char *name = syscall_name(c.arch, c.nr);

		if (name == NULL || !permits(one->is.filter, &c) || permits(other->is.filter, &c))
			continue;
		found++;
		if (!speaks_of(&lines, name))
			fail_msg("%s permits a %s that %s does not, and diff does not say so",
				 one->is.name, name, other->is.name);
	}
	/* Where calls are said to differ, some of these thousands do. */
	for (size_t i = 0; i < lines.n && found == 0; i++)
		if (strncmp(lines.at[i], "syscalls: ", 10) == 0)
			fail_msg("%s beyond %s: %s", one->is.name, other->is.name, lines.at[i]);
}

static void builtins(void **state)
{
	struct arena a = { 0 };
	static struct side sides[8];
	size_t n = 0;

	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++)
		builtin_side(&a, b, &sides[n++]);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			check_pair(&a, &sides[i], &sides[j]);
	arena_free(&a);
}

static void nothing_beyond_oneself(void **state)
{
	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++) {
		struct arena a = { 0 };
		static struct side one, same;
		struct diff_lines lines = { 0 };
		struct err e;

		builtin_side(&a, b, &one);
		builtin_side(&a, b, &same);
		assert_int_equal(diff_beyond(&a, AUDIT_ARCH_X86_64, &one.is, &same.is, &lines, &e),
				 0);
		if (lines.n != 0)
			fail_msg("%s: %s", b->name, lines.at[0]);
		arena_free(&a);
	}
}

/* One change a row: what the changed profile has beyond the other, or lacks. */
static void each_kind_of_difference(void **state)
{
	static const struct {
		const char *change;
		bool beyond;
		const char *line;
	} rows[] = {
		{ "syscalls: {allow: [fanotify_init]}", true, "syscalls: fanotify_init" },
		{ "ioctl: {allow: [TIOCSTI]}", true, "syscalls: ioctl where arg1 = TIOCSTI" },
		{ "prctl: {allow: [PR_SET_MM]}", true, "syscalls: prctl where arg0 = PR_SET_MM" },
		{ "sockets: {allow: [{family: vsock, types: [stream]}]}", true,
		  "syscalls: socket where arg0 = vsock, arg1 & 0xf = stream" },
		{ "syscalls: {where: [{syscall: kill, arg: 1, in: [9], then: deny}]}", false,
		  "syscalls: kill where arg1 = 0x9, arg1 (high half) = 0x0" },
		{ "syscalls: {deny: [mkdir]}", false, "syscalls: mkdir" },
		{ "filesystem: {write: [/opt/cache]}", true, "files: write /opt/cache" },
		{ "filesystem: {hide: [/usr/share/x]}", false,
		  "files: read, execute /usr/share/x" },
		{ "filesystem: {hide: [\"/home/*/.s?cret\"]}", false,
		  "files: the rule hide /home/*/.s?cret is not there" },
		{ "remove: {filesystem: {hide: [\"/home/*/.ssh\"]}}", true,
		  "files: the rule hide /home/*/.ssh is not there" },
		{ "filesystem: {deny: {read: [\"**/.env\"]}}", false,
		  "files: the rule deny.read **/.env is not there" },
		{ "filesystem: {root: writable}", true, "files: the root can be written to" },
		{ "network: {mode: host}", true, "network: mode host, not none" },
		{ "network: {egress: {allow: [{cidr: 10.0.0.0/8, ports: [443]}]}}", true,
		  "network: out to 10.0.0.0/8:443" },
		{ "network: {egress: {allow: [{domain: a.b, limit: 10M, connections: 1, allow_private: true}]}}",
		  true,
		  "network: out to a.b (at most 10M, 1 connection at once, private addresses too)" },
		{ "network: {ingress: {allow: [{port: 80}]}}", true, "network: in to port 80" },
		{ "resources: {io: [{path: /work, wbps: 1M}]}", false,
		  "resources: io /work wbps without a limit, not 1048576" },
		{ "requirements: {landlock: 3}", false, "requirements: landlock 1, not 3" },
		{ "requirements: {landlock: preferred}", true,
		  "requirements: landlock preferred, not required" },
		{ "requirements: {seccomp_notify: preferred}", true,
		  "requirements: seccomp_notify preferred, not required" },
		{ "requirements: {cgroup: [memory]}", false,
		  "requirements: the memory controller is not required" },
		{ "resources: {memory: 9G}", true, "resources: memory 9663676416, not 4294967296" },
		{ "resources: {pids: 7}", false, "resources: pids 1024, not 7" },
		{ "resources: {memory_high: 1G}", false,
		  "resources: memory_high 4294967296, not 1073741824" },
		{ "resources: {cpu_weight: 50}", false,
		  "resources: cpu_weight without a limit, not 50" },
		{ "resources: {io_weight: 50}", false,
		  "resources: io_weight without a limit, not 50" },
		{ "resources: {cpuset: {cpus: 0-3}}", false,
		  "resources: cpuset cpus without a limit, not 0-3" },
		{ "resources: {cpuset: {mems: 0}}", false,
		  "resources: cpuset mems without a limit, not 0" },
		{ "resources: {hugetlb: [{size: 2MB, limit: 4M}]}", false,
		  "resources: hugetlb 2MB without a limit, not 4194304" },
		{ "capabilities: {keep: [CAP_CHOWN]}", true, "capabilities: CAP_CHOWN" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		static struct side base, own;
		struct diff_lines beyond = { 0 }, lacking = { 0 };
		struct err e;

		builtin_side(&a, profile_builtin("ci-runner"), &base);
		own_side(&a, arena_printf(&a, "zviz: 1\nextends: ci-runner\n%s\n", rows[i].change),
			 &own);
		assert_int_equal(diff_beyond(&a, AUDIT_ARCH_X86_64, &own.is, &base.is, &beyond, &e),
				 0);
		assert_int_equal(
			diff_beyond(&a, AUDIT_ARCH_X86_64, &base.is, &own.is, &lacking, &e), 0);
		if (!has(rows[i].beyond ? &beyond : &lacking, rows[i].line))
			fail_msg("%s: not found: %s; there is: %s", rows[i].change, rows[i].line,
				 (rows[i].beyond ? &beyond : &lacking)->n != 0
					 ? (rows[i].beyond ? &beyond : &lacking)->at[0]
					 : "nothing");
		if ((rows[i].beyond ? &lacking : &beyond)->n != 0)
			fail_msg("%s: %s", rows[i].change,
				 (rows[i].beyond ? &lacking : &beyond)->at[0]);
		arena_free(&a);
	}
}

/* Another folder that only one of its matches lies below does not stand for a pattern. */
static void a_pattern_is_covered_whole(void **state)
{
	static const struct {
		const char *instead;
		bool covered;
	} rows[] = {
		{ "/home/x", false },
		{ "/home/x/.ssh", false },
		{ "\"/home/*/.s*\"", false },
		{ "\"/home/*/.a\"", false },
		{ "/home", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		static struct side base, own;
		struct diff_lines beyond = { 0 };
		struct err e;

		builtin_side(&a, profile_builtin("ci-runner"), &base);
		own_side(&a,
			 arena_printf(&a,
				      "zviz: 1\nextends: ci-runner\n"
				      "remove: {filesystem: {hide: [\"/home/*/.ssh\"]}}\n"
				      "filesystem: {hide: [%s]}\n",
				      rows[i].instead),
			 &own);
		assert_int_equal(diff_beyond(&a, AUDIT_ARCH_X86_64, &own.is, &base.is, &beyond, &e),
				 0);
		if (has(&beyond, "files: the rule hide /home/*/.ssh is not there") ==
		    rows[i].covered)
			fail_msg("hide %s for /home/*/.ssh: %zu lines", rows[i].instead, beyond.n);
		arena_free(&a);
	}
}

static void bare_filters(void **state)
{
	static struct sock_filter all[] = { { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW } };
	static struct sock_filter none[] = { { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS } };
	static struct sock_filter bad[] = { { BPF_LD | BPF_W | BPF_ABS, 0, 0, 99 } };
	const struct bpf_program programs[] = { { 1, all }, { 1, none }, { 1, bad } };
	const struct diff_side a = { "all", &programs[0], NULL, NULL },
			       b = { "none", &programs[1], NULL, NULL },
			       c = { "bad", &programs[2], NULL, NULL };
	struct arena arena = { 0 };
	struct diff_lines lines = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(diff_beyond(&arena, AUDIT_ARCH_X86_64, &b, &a, &lines, &e), 0);
	assert_int_equal(lines.n, 0);
	assert_int_equal(diff_beyond(&arena, AUDIT_ARCH_X86_64, &a, &b, &lines, &e), 0);
	assert_true(has(&lines, "syscalls: mount"));
	assert_true(has(&lines, "syscalls: numbers of the x32 ABI"));
	assert_true(has(&lines, "syscalls: calls of other architectures"));
	assert_int_equal(diff_beyond(&arena, AUDIT_ARCH_X86_64, &c, &b, &lines, &e), -EINVAL);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtins),
		cmocka_unit_test(nothing_beyond_oneself),
		cmocka_unit_test(each_kind_of_difference),
		cmocka_unit_test(a_pattern_is_covered_whole),
		cmocka_unit_test(bare_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
