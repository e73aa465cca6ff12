/*
 * What profiles mean as filters: the order of names, groups, rows and lists, and what no built-in profile
 * permits whatever stands in the registers. The compiled program is run, so the test holds for what the
 * kernel gets.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "table/table.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define ERRNO(no) (SECCOMP_RET_ERRNO | (no))
#define UPPER     (UINT64_C(0xdeadbeef) << 32)

static const struct host any_host = {
	.privileged = true,
	.initial_userns = true,
	.id_limit = UINT32_MAX,
	.user_namespaces = true,
	.landlock_abi = 6,
	.seccomp_notify = true,
	.seccomp_killable_wait = true,
	.cgroup = { .v2_parent = "/sys/fs/cgroup/zviz", .v2_controllers = 0x1f },
};

struct fixture {
	struct arena a;
	struct profile profile;
	struct spec spec;
	struct plan_request request;
	struct direct_view view;
	struct host host;
	struct plan plan;
	struct err e;
};

static int fixture_make(struct fixture *f, const char *text)
{
	f->spec.file = "test";
	*LIST_ADD(&f->a, &f->spec.process.args) = "true";
	f->view = (struct direct_view){ .work = "/w", .user = "user", .home = "/home/user" };
	f->request.id = "test";
	f->request.direct = &f->view;
	if (f->host.id_limit == 0) {
		enum host_arch arch = f->host.arch;

		f->host = any_host;
		f->host.arch = arch;
	}
	if (profile_load(&f->a, "t.yaml", text, strlen(text), NULL, NULL, &f->profile, &f->e) < 0)
		return -f->e.no;
	return plan_make(&f->a, &f->request, &f->spec, &f->profile, &f->host, &f->plan, &f->e);
}

#define HEAD   "zviz: 1\nname: t\nnamespaces: [user, pid, mount, network]\n"
#define LAUNCH "\"@basic-io\", \"@process\", sendmsg"

static void make(struct fixture *f, const char *text)
{
	if (fixture_make(f, text) < 0)
		fail_msg("%s", f->e.text);
}

static uint32_t arch_of(const struct fixture *f)
{
	return f->host.arch == HOST_AARCH64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;
}

static bpf_verdict run(const struct fixture *f, const char *name, const uint64_t args[6])
{
	const struct syscall *s = syscall_find(name);
	struct bpf_call c = { .arch = arch_of(f) };

	assert_non_null(s);
	c.nr = syscall_nr(s, c.arch);
	assert_true(c.nr >= 0);
	for (size_t i = 0; args != NULL && i < 6; i++)
		c.arg[i] = args[i];
	return bpf_run(&f->plan.filter, &c, NULL, NULL);
}

static const struct plan_call *row_of(const struct fixture *f, const char *name)
{
	static const struct plan_call none = { .nr = -1 };

	for (size_t i = 0; i < f->plan.ncalls; i++)
		if (strcmp(f->plan.calls[i].name, name) == 0)
			return &f->plan.calls[i];
	fail_msg("the plan has no row for %s", name);
	return &none;
}

/* Whether the call comes through: past the filter, and past the broker where the filter asks it. Opens are out of
 * this test's reach: the broker performs those. */
static bool permitted(const struct fixture *f, const char *name, const uint64_t args[6])
{
	const struct plan_call *row = row_of(f, name);
	const struct broker_plan *b = &f->plan.broker;
	bpf_verdict v = run(f, name, args);
	struct call c = { .arch = arch_of(f), .nr = row->nr };

	if (v != SECCOMP_RET_USER_NOTIF)
		return v == SECCOMP_RET_ALLOW;
	memcpy(c.arg, args, sizeof c.arg);
	switch (row->mediator) {
	case MEDIATE_DENY:
		return decide_deny(row).what != DENY;
	case MEDIATE_IOCTL:
		return decide_ioctl(b, &c, row).what != DENY;
	case MEDIATE_PRCTL:
		return decide_prctl(b, &c, row).what != DENY;
	case MEDIATE_SOCKET:
		return decide_socket(b, &c, row).what != DENY;
	case MEDIATE_CLONE:
		return decide_clone(b, &c, row).what != DENY;
	case MEDIATE_NONE:
	case MEDIATE_OPEN:
	case MEDIATE_NAMES:
	case MEDIATE_ADDRESS:
	case MEDIATE_EXEC:
	case MEDIATE_TRIPWIRE:
	case MEDIATE_VIEW:
		break;
	}
	return true;
}

/* ---- the meaning of lists ---- */

static void name_beats_group(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	make(&f, HEAD "syscalls: {allow: [" LAUNCH ", ptrace], deny: [\"@dangerous\", dup]}\n");
	assert_int_equal(run(&f, "ptrace", NULL),
			 SECCOMP_RET_ALLOW);                  /* allowed by name, denied by group */
	assert_int_equal(run(&f, "dup", NULL), ERRNO(EPERM)); /* denied by name, allowed by group */
	assert_int_equal(run(&f, "dup2", NULL), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "mount", NULL), ERRNO(EPERM));
	arena_free(&f.a);
}

static void deny_beats_allow(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	make(&f, HEAD "syscalls: {allow: [" LAUNCH ", \"@debugging\"], deny: [\"@dangerous\"]}\n");
	assert_int_equal(run(&f, "ptrace", NULL), ERRNO(EPERM)); /* two groups */
	arena_free(&f.a);

	struct fixture g = { 0 };

	assert_int_equal(
		fixture_make(&g, HEAD "syscalls: {allow: [" LAUNCH ", bpf], deny: [bpf]}\n"),
		-EINVAL);
	assert_string_equal(g.e.text,
			    "t.yaml:4:67: syscalls.allow and .deny: 'bpf' is in the other list "
			    "in line 4, column 54");
	arena_free(&g.a);
}

static void unlisted_is_unknown(void **state)
{
	struct fixture f = { 0 };
	struct bpf_call beyond = { .arch = AUDIT_ARCH_X86_64, .nr = 460 + 1000 };

	(void)state;
	make(&f, HEAD "syscalls: {allow: [" LAUNCH "]}\n");
	assert_int_equal(run(&f, "ptrace", NULL), ERRNO(ENOSYS));
	assert_int_equal(run(&f, "socket", NULL), ERRNO(ENOSYS));
	assert_int_equal(bpf_run(&f.plan.filter, &beyond, NULL, NULL), ERRNO(ENOSYS));
	beyond.nr = 0x40000000; /* x32's read */
	assert_int_equal(bpf_run(&f.plan.filter, &beyond, NULL, NULL), SECCOMP_RET_KILL_PROCESS);
	beyond = (struct bpf_call){ .arch = AUDIT_ARCH_I386, .nr = 4 };
	assert_int_equal(bpf_run(&f.plan.filter, &beyond, NULL, NULL), SECCOMP_RET_KILL_PROCESS);
	arena_free(&f.a);
}

static void where_rows_come_first(void **state)
{
	static const uint64_t row = 0x540e; /* TIOCSCTTY */
	struct fixture f = { 0 };

	(void)state;
	make(&f, HEAD "syscalls:\n"
		      "  allow: [" LAUNCH ", \"@signals\"]\n"
		      "  where:\n"
		      "    - {syscall: ioctl, arg: 1, mask: 0xffffffff, in: [0x540e], then: deny}\n"
		      "    - {syscall: ioctl, arg: 2, in: [7], then: allow}\n"
		      "    - {syscall: kill, arg: 1, mask: 0xff, in: [9, 15], then: deny}\n"
		      "    - {syscall: syslog, arg: 0, in: [10], then: allow}\n"
		      "ioctl: {allow: [TIOCSCTTY, TCGETS]}\n");
	assert_int_equal(run(&f, "ioctl", (uint64_t[6]){ 0, row }), ERRNO(EPERM));
	assert_int_equal(run(&f, "ioctl", (uint64_t[6]){ 0, UPPER | row }), ERRNO(EPERM));
	assert_int_equal(run(&f, "ioctl", (uint64_t[6]){ 0, row, 7 }),
			 ERRNO(EPERM)); /* the first row that fits */
	assert_int_equal(run(&f, "ioctl", (uint64_t[6]){ 0, 1, 7 }), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "ioctl", (uint64_t[6]){ 0, 1, 8 }), ERRNO(EPERM));
	assert_int_equal(run(&f, "ioctl", (uint64_t[6]){ 0, 0x5401 }), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "kill", (uint64_t[6]){ 1, 0xff0f }), ERRNO(EPERM));
	assert_int_equal(run(&f, "kill", (uint64_t[6]){ 1, 1 }), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "syslog", (uint64_t[6]){ 10 }), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "syslog", (uint64_t[6]){ UPPER | 10 }),
			 ERRNO(ENOSYS)); /* 64 bits without a mask */
	/* The broker's own list has what ioctl.allow has, and nothing of the rows. */
	assert_int_equal(f.plan.broker.nioctls, 2);
	arena_free(&f.a);
}

/* A row that denies must not make the broker refuse what it is there to perform. */
static void where_rows_beside_opens(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	make(&f, HEAD "syscalls:\n"
		      "  allow: [" LAUNCH ", openat]\n"
		      "  where: [{syscall: openat, arg: 2, mask: 0x40, in: [0x40], then: deny}]\n"
		      "filesystem: {read: [/], deny: {read: [\"**/.env\"]}}\n"
		      "audit: denials\n");
	assert_int_equal(run(&f, "openat", (uint64_t[6]){ 0, 0, O_CREAT }), ERRNO(EPERM));
	assert_int_equal(run(&f, "openat", (uint64_t[6]){ 0 }), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(row_of(&f, "openat")->mediator, MEDIATE_OPEN);
	arena_free(&f.a);
}

/* What the broker performs, it judges by the profile's folders, whether Landlock has them too or not. */
static void broker_has_its_folders_without_landlock(void **state)
{
	static const char text[] = HEAD
		"syscalls: {allow: [" LAUNCH ", openat]}\n"
		"filesystem: {read: [/usr], write: [/work], deny: {read: [\"**/.env\"]}}\n"
		"requirements: {landlock: preferred}\n";

	(void)state;
	for (unsigned abi = 0; abi < 7; abi += 6) {
		struct fixture f = { .host = any_host };

		f.host.landlock_abi = abi;
		make(&f, text);

		const struct broker_plan *b = &f.plan.broker;
		const struct object
			readable = { .path = "/usr/x", .type = S_IFREG, .reachable = true },
			elsewhere = { .path = "/opt/x", .type = S_IFREG, .reachable = true },
			hushed = { .path = "/usr/.env", .type = S_IFREG, .reachable = true };

		assert_int_equal(f.plan.landlock_abi, abi);
		assert_int_equal(decide_open(b, &readable, WANT_READ).what, PERFORM);
		assert_int_equal(decide_open(b, &readable, WANT_WRITE).what, DENY);
		assert_int_equal(decide_open(b, &elsewhere, WANT_READ).what, DENY);
		assert_int_equal(decide_open(b, &hushed, WANT_READ).what, DENY);
		arena_free(&f.a);
	}
}

static void launch_calls_are_required(void **state)
{
	static const char *const missing[][2] = {
		{ "execve", HEAD "syscalls: {allow: [" LAUNCH "], deny: [execve]}\n" },
		{ "exit_group", HEAD "syscalls: {allow: [" LAUNCH "], deny: [exit_group]}\n" },
		{ "sendmsg", HEAD "syscalls: {allow: [\"@basic-io\", \"@process\"]}\n" },
		{ "sendmsg", HEAD "syscalls: {allow: [" LAUNCH
				  "], where: [{syscall: sendmsg, arg: 2, in: [1], then: "
				  "deny}]}\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(missing); i++) {
		struct fixture f = { 0 };

		assert_int_equal(fixture_make(&f, missing[i][1]), -EINVAL);
		assert_non_null(strstr(f.e.text, missing[i][0]));
		assert_non_null(strstr(f.e.hint, missing[i][0]));
		arena_free(&f.a);
	}
}

static void own_architecture_must_be_listed(void **state)
{
	static const struct {
		enum host_arch host;
		const char *list;
		int result;
		bool i386, x32;
	} cases[] = {
		{ HOST_X86_64, "native", 0, false, false },
		{ HOST_X86_64, "native, i386", 0, true, false },
		{ HOST_X86_64, "x32, x86_64", 0, false, true },
		{ HOST_X86_64, "x86_64, aarch64", 0, false, false },
		{ HOST_X86_64, "i386, x32", -EOPNOTSUPP, true, true },
		{ HOST_X86_64, "aarch64", -EOPNOTSUPP, false, false },
		{ HOST_AARCH64, "native", 0, false, false },
		{ HOST_AARCH64, "native, i386, x32", 0, false, false },
		{ HOST_AARCH64, "i386", -EOPNOTSUPP, false, false },
		{ HOST_AARCH64, "x86_64", -EOPNOTSUPP, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fixture f = { .host = { .arch = cases[i].host } };
		char *text = arena_printf(&f.a,
					  HEAD "syscalls: {allow: [" LAUNCH "], "
					       "architectures: [%s]}\n",
					  cases[i].list);

		assert_int_equal(fixture_make(&f, text), cases[i].result);
		if (cases[i].result == 0) {
			assert_int_equal(f.plan.i386, cases[i].i386);
			assert_int_equal(f.plan.x32, cases[i].x32);
		} else {
			assert_non_null(strstr(f.e.text, "t.yaml:4: syscalls.architectures: "));
			assert_non_null(strstr(f.e.hint, "list native as well"));
		}
		arena_free(&f.a);
	}
}

static bpf_verdict answer_on(const struct fixture *f, uint32_t arch, int nr, uint64_t arg0,
			     uint64_t arg1)
{
	return bpf_run(&f->plan.filter,
		       &(struct bpf_call){ .arch = arch, .nr = nr, .arg = { arg0, arg1 } }, NULL,
		       NULL);
}

/* What is said of a call holds for all by which a 32-bit program can make it. */
static void i386_follows_the_same_words(void **state)
{
	static const char text[] = HEAD
		"syscalls:\n"
		"  allow: [" LAUNCH ", chown, mmap, getpid, socket, bind, fcntl, lseek]\n"
		"  deny: [mount]\n"
		"  where:\n"
		"    - {syscall: chown, arg: 1, in: [0], then: deny}\n"
		"    - {syscall: fcntl, arg: 1, in: [18446744073709551614], then: deny}\n"
		"    - {syscall: lseek, arg: 2, in: [4], then: deny}\n"
		"    - {syscall: mmap, arg: 2, in: [7], then: deny}\n"
		"  architectures: [native, i386]\n"
		"sockets: {allow: [{family: unix, types: [stream]}]}\n";
	const bpf_verdict allow = SECCOMP_RET_ALLOW, eperm = SECCOMP_RET_ERRNO | EPERM,
			  enosys = SECCOMP_RET_ERRNO | ENOSYS;
	static const struct {
		int nr;
		uint64_t arg0, arg1;
		int expected; /* 0: allow, else the errno */
	} cases[] = {
		{ 20, 0, 0, 0 },      /* getpid */
		{ 212, 1, 0, EPERM }, /* chown32, whose ids are chown's */
		{ 212, 1, 5, 0 },
		{ 182, 1, 5, ENOSYS },         /* chown, of 16 bits: -1 is 65535 there */
		{ 55, 0, 0xfffffffe, EPERM },  /* fcntl, where -2 has 32 bits */
		{ 221, 0, 0xfffffffe, EPERM }, /* fcntl64 */
		{ 221, 0, 2, 0 },
		{ 140, 0, 0, ENOSYS }, /* _llseek has its third argument elsewhere */
		{ 192, 0, 0, 0 },      /* mmap2 */
		{ 90, 0, 0, ENOSYS },  /* the old mmap, by memory */
		{ 21, 0, 0, EPERM },   /* mount */
		{ 22, 0, 0, ENOSYS },  /* umount, as umount2, which is listed nowhere */
		{ 359, 1, 1, 0 },      /* socket(AF_UNIX, SOCK_STREAM) */
		{ 359, 2, 1, EACCES }, /* socket(AF_INET …) */
		{ 102, 1, 0, ENOSYS }, /* socket() through socketcall */
		{ 102, 2, 0, 0 },      /* bind() through it: nothing is asked of its arguments */
		{ 17, 0, 0, ENOSYS },  /* break */
		{ 9999, 0, 0, ENOSYS },
	};
	struct fixture f = { .host = { .arch = HOST_X86_64 } };

	(void)state;
	make(&f, text);
	for (size_t i = 0; i < COUNT(cases); i++) {
		bpf_verdict does = answer_on(&f, AUDIT_ARCH_I386, cases[i].nr, cases[i].arg0,
					     cases[i].arg1);
		bpf_verdict should = cases[i].expected == 0
					     ? allow
					     : SECCOMP_RET_ERRNO | (uint32_t)cases[i].expected;

		if (does != should)
			fail_msg("%d(%#lx, %#lx): 0x%x", cases[i].nr, cases[i].arg0, cases[i].arg1,
				 does);
	}
	/* The other ABI stays shut, and the machine's own is as ever. */
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, 0x40000000 + 39, 0, 0),
			 SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, 92, 1, 0), eperm);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, 39, 0, 0), allow);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, 400, 0, 0), enosys);
	arena_free(&f.a);
}

static void x32_follows_the_same_words(void **state)
{
	static const char text[] = HEAD "syscalls:\n"
					"  allow: [" LAUNCH ", getpid, chown, rt_sigaction]\n"
					"  where: [{syscall: chown, arg: 1, in: [0], then: deny}]\n"
					"  architectures: [native, x32]\n";
	const int x32 = 0x40000000;
	struct fixture f = { .host = { .arch = HOST_X86_64 } };

	(void)state;
	make(&f, text);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, x32 + 39, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, x32 + 512, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, x32 + 13, 0, 0),
			 SECCOMP_RET_ERRNO | ENOSYS); /* rt_sigaction of x86_64 */
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, x32 + 92, 1, 0),
			 SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, x32 + 92, 1, 1), SECCOMP_RET_ALLOW);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, x32 + 2000, 0, 0),
			 SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_X86_64, -1, 0, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(answer_on(&f, AUDIT_ARCH_I386, 20, 0, 0), SECCOMP_RET_KILL_PROCESS);
	arena_free(&f.a);
}

/* ---- where a rule lands ---- */

static void opens_stay_native_without_a_rule(void **state)
{
	static const char text[] = HEAD "syscalls: {allow: [" LAUNCH
					", \"@open\"], broker: [open, openat, openat2, "
					"creat, execve]}\nfilesystem: {read: [/]}\n";
	static const char *const opens[] = { "open", "openat", "openat2", "creat" };
	struct fixture f = { 0 }, seen = { .request.verbose = true };

	(void)state;
	make(&f, text);
	make(&seen, text);
	for (size_t i = 0; i < COUNT(opens); i++) {
		assert_int_equal(run(&f, opens[i], NULL), SECCOMP_RET_ALLOW);
		assert_int_equal(run(&seen, opens[i], NULL), SECCOMP_RET_USER_NOTIF);
	}
	assert_false(f.plan.broker.used);
	assert_int_equal(f.plan.filter_flags, 0);
	assert_true(seen.plan.broker.opens);
	assert_true(seen.plan.filter_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
	arena_free(&f.a);
	arena_free(&seen.a);
}

static void only_writes_are_asked(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	make(&f, HEAD "syscalls: {allow: [" LAUNCH ", \"@open\"]}\n"
		      "filesystem: {read: [/], deny: {write: [\"/work/.ci/**\"]}}\n");
	assert_int_equal(run(&f, "openat", (uint64_t[6]){ 0, 0, O_RDONLY | O_CLOEXEC }),
			 SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "openat", (uint64_t[6]){ 0, 0, O_DIRECTORY }), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "openat", (uint64_t[6]){ 0, 0, O_WRONLY }),
			 SECCOMP_RET_USER_NOTIF);
	assert_int_equal(run(&f, "openat", (uint64_t[6]){ 0, 0, O_RDONLY | O_TRUNC }),
			 SECCOMP_RET_USER_NOTIF);
	assert_int_equal(run(&f, "openat", (uint64_t[6]){ 0, 0, O_TMPFILE | O_RDWR }),
			 SECCOMP_RET_USER_NOTIF);
	assert_int_equal(run(&f, "open", (uint64_t[6]){ 0, O_CREAT }), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(run(&f, "openat2", NULL),
			 SECCOMP_RET_USER_NOTIF); /* its flags lie in memory */
	assert_int_equal(run(&f, "creat", NULL), SECCOMP_RET_USER_NOTIF);
	arena_free(&f.a);
}

static void refusals_are_asked_when_audited(void **state)
{
	static const char none[] = HEAD "syscalls: {allow: [" LAUNCH
					"], deny: [mount]}\naudit: none\n";
	static const char denials[] = HEAD "syscalls: {allow: [" LAUNCH
					   "], deny: [mount]}\naudit: denials\n";
	struct fixture quiet = { 0 }, loud = { 0 }, heard = { .request.events = true };

	(void)state;
	make(&quiet, none);
	assert_int_equal(run(&quiet, "mount", NULL), ERRNO(EPERM));
	assert_int_equal(run(&quiet, "bpf", NULL), ERRNO(ENOSYS));
	assert_false(quiet.plan.broker.used);
	make(&loud, denials);
	make(&heard, none);
	for (const struct fixture *f = &loud; f != NULL; f = f == &loud ? &heard : NULL) {
		assert_int_equal(run(f, "mount", NULL), SECCOMP_RET_USER_NOTIF);
		assert_int_equal(run(f, "bpf", NULL), SECCOMP_RET_USER_NOTIF);
		assert_int_equal(decide_deny(row_of(f, "mount")).err,
				 EPERM); /* the same answers as without */
		assert_int_equal(decide_deny(row_of(f, "bpf")).err, ENOSYS);
		assert_int_equal(run(f, "clone3", NULL),
				 ERRNO(ENOSYS)); /* every libc tries it: not worth a word */
	}
	arena_free(&quiet.a);
	arena_free(&loud.a);
	arena_free(&heard.a);
}

static void same_inputs_same_plan(void **state)
{
	(void)state;
	for (const struct builtin_profile *p = builtin_profiles; p->name != NULL; p++) {
		struct fixture one = { 0 }, two = { 0 };
		struct buf first = { .arena = &one.a }, second = { .arena = &two.a };

		make(&one, p->text);
		arena_alloc(&two.a, 12345); /* other addresses */
		make(&two, p->text);
		plan_print(&one.plan, &first);
		plan_print(&two.plan, &second);
		assert_string_equal(buf_text(&first), buf_text(&second));
		assert_int_equal(one.plan.filter.n, two.plan.filter.n);
		assert_memory_equal(one.plan.filter.at, two.plan.filter.at,
				    one.plan.filter.n * sizeof *one.plan.filter.at);
		arena_free(&one.a);
		arena_free(&two.a);
	}
}

/* ---- what no built-in profile permits ---- */

struct forbidden {
	const char *name;
	unsigned arg; /* whose value makes it so; the rest is anything */
	uint64_t value;
	unsigned arg2; /* 0: only one */
	uint64_t value2;
	unsigned arg3;
	uint64_t value3;
};

enum {
	F_TIOCSTI = 0x5412,
	F_TIOCLINUX = 0x541c,
	F_TIOCSETD = 0x5423,
	F_PR_SET_MM = 35,
	F_INET = 2,
	F_INET6 = 10,
	F_NETLINK = 16,
	F_PACKET = 17,
	F_ALG = 38,
	F_VSOCK = 40,
	F_XDP = 44,
	F_STREAM = 1,
	F_RAW = 3,
	F_SCTP = 132,
	F_MPTCP = 262,
	F_CLOEXEC = 02000000,
	F_NEW_LISTENER = 8,
	F_SET_FILTER = 1,
	F_READ_IMPLIES_EXEC = 0x0400000,
};

static const struct forbidden by_argument[] = {
	{ "ioctl", 1, F_TIOCSTI },
	{ "ioctl", 1, F_TIOCLINUX },
	{ "ioctl", 1, F_TIOCSETD },
	{ "prctl", 0, F_PR_SET_MM },
	{ "socket", 0, F_PACKET },
	{ "socket", 0, F_PACKET, 1, F_RAW | F_CLOEXEC },
	{ "socket", 0, F_VSOCK, 1, F_STREAM },
	{ "socket", 0, F_ALG, 1, 5 },
	{ "socket", 0, F_XDP, 1, F_RAW },
	{ "socket", 0, F_INET, 1, F_RAW },
	{ "socket", 0, F_INET6, 1, F_RAW | F_CLOEXEC },
	{ "socket", 0, F_INET, 1, F_STREAM, 2, F_SCTP },
	{ "socket", 0, F_INET, 1, F_STREAM, 2, F_MPTCP },
	{ "socket", 0, F_NETLINK, 1, F_RAW, 2, 9 },
	{ "socketpair", 0, F_PACKET },
	{ "socketpair", 0, F_INET, 1, F_RAW },
	{ "clone", 0, CLONE_NEWUSER },
	{ "clone", 0, CLONE_NEWUSER | 17 },
	{ "clone", 0, CLONE_NEWNS },
	{ "clone", 0, CLONE_NEWPID },
	{ "clone", 0, CLONE_NEWNET },
	{ "clone", 0, CLONE_NEWIPC },
	{ "clone", 0, CLONE_NEWUTS },
	{ "clone", 0, CLONE_NEWCGROUP },
	{ "clone", 0, CLONE_NEWUSER | CLONE_NEWNET | CLONE_VM | 17 },
	{ "unshare", 0, CLONE_NEWUSER },
	{ "unshare", 0, CLONE_NEWNS },
	{ "unshare", 0, CLONE_NEWPID },
	{ "unshare", 0, CLONE_NEWNET },
	{ "unshare", 0, CLONE_NEWTIME },
	{ "unshare", 0, CLONE_NEWCGROUP | CLONE_FILES },
	{ "seccomp", 0, F_SET_FILTER, 1, F_NEW_LISTENER },
	{ "seccomp", 0, F_SET_FILTER, 1, F_NEW_LISTENER | 1 | 16 },
	{ "personality", 0, F_READ_IMPLIES_EXEC },
	{ "personality", 0, F_READ_IMPLIES_EXEC | 8 },
};

static const char *const forbidden[] = {
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"open_tree_attr",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"swapon",
	"swapoff",
	"quotactl",
	"quotactl_fd",
	"setns",
	"clone3",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"init_module",
	"finit_module",
	"delete_module",
	"create_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"syslog",
	"acct",
	"iopl",
	"ioperm",
	"vhangup",
	"fanotify_init",
	"add_key",
	"request_key",
	"keyctl",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"clock_adjtime",
	"sethostname",
	"setdomainname",
	"process_vm_writev",
	"pidfd_getfd",
	"process_madvise",
	"kcmp",
	"move_pages",
	"migrate_pages",
	"open_by_handle_at",
	"name_to_handle_at",
	"modify_ldt",
	"vmsplice",
	"memfd_secret",
};

static const char *const only_development[] = { "ptrace", "process_vm_readv" };

/* Registers as a program would fill them to get past a filter. */
static void fill(uint64_t args[6], unsigned round)
{
	for (size_t i = 0; i < 6; i++)
		args[i] = round == 0   ? 0
			  : round == 1 ? UINT64_MAX
				       : (uint64_t)random() << (round * 7);
}

static void check_forbidden(const struct fixture *f, const char *name)
{
	const struct syscall *s = syscall_find(name);
	uint64_t args[6];

	assert_non_null(s);
	if (syscall_nr(s, arch_of(f)) < 0)
		return;
	for (unsigned round = 0; round < 6; round++) {
		fill(args, round);
		if (permitted(f, name, args))
			fail_msg("%s permits %s", f->profile.name, name);
	}
}

static void check_by_argument(const struct fixture *f, const struct forbidden *row)
{
	for (unsigned round = 0; round < 6; round++) {
		uint64_t args[6], upper = round % 2 == 0 ? 0 : UPPER;

		fill(args, round);
		args[row->arg] = upper | row->value;
		if (row->arg2 != 0)
			args[row->arg2] = upper | row->value2;
		if (row->arg3 != 0)
			args[row->arg3] = upper | row->value3;
		if (permitted(f, row->name, args))
			fail_msg("%s permits %s with argument %u = 0x%llx", f->profile.name,
				 row->name, row->arg, (unsigned long long)args[row->arg]);
	}
}

/* Every built-in, on both architectures, as it is and under --verbose. */
static void for_each_builtin(void (*check)(const struct fixture *))
{
	for (const struct builtin_profile *p = builtin_profiles; p->name != NULL; p++)
		for (unsigned variant = 0; variant < 4; variant++) {
			struct fixture f = { .host.arch = variant & 1 ? HOST_AARCH64 : HOST_X86_64,
					     .request.verbose = variant & 2 };

			make(&f, p->text);
			check(&f);
			arena_free(&f.a);
		}
}

static void check_never(const struct fixture *f)
{
	for (size_t i = 0; i < COUNT(forbidden); i++)
		check_forbidden(f, forbidden[i]);
	for (size_t i = 0; i < COUNT(by_argument); i++)
		check_by_argument(f, &by_argument[i]);
	for (size_t i = 0; i < COUNT(only_development); i++) {
		if (strcmp(f->profile.name, "development") != 0)
			check_forbidden(f, only_development[i]);
		else
			assert_int_equal(run(f, only_development[i], NULL), SECCOMP_RET_ALLOW);
	}
	assert_int_equal(f->plan.keep_capabilities, 0);
	assert_false(f->plan.share_network);
}

static void builtins_never_permit(void **state)
{
	(void)state;
	for_each_builtin(check_never);
}

/* The opposite of the above: the rows are refused because of what they say, not because nothing works. */
static void check_useful(const struct fixture *f)
{
	static const char *const needed[] = { "read", "write", "execve", "exit_group",
					      "mmap", "futex", "kill" };

	for (size_t i = 0; i < COUNT(needed); i++)
		assert_int_equal(run(f, needed[i], NULL), SECCOMP_RET_ALLOW);
	assert_true(permitted(f, "clone", (uint64_t[6]){ 17 }));
	assert_true(permitted(f, "clone", (uint64_t[6]){ CLONE_VM | CLONE_VFORK | 17 }));
	assert_true(permitted(f, "ioctl", (uint64_t[6]){ 0, 0x5401 })); /* TCGETS */
	assert_true(permitted(f, "prctl", (uint64_t[6]){ 15 }));        /* PR_SET_NAME */
}

static void builtins_are_useful(void **state)
{
	(void)state;
	for_each_builtin(check_useful);
}

/* ---- what is decided where ---- */

static bool is_asked(const struct fixture *f, const char *name, const uint64_t args[6])
{
	return run(f, name, args) == SECCOMP_RET_USER_NOTIF;
}

/* What the lists name comes through, common or rare, and whatever is in the upper halves. */
static void check_lists(const struct fixture *f)
{
	const struct profile *p = &f->profile;

	for (size_t i = 0; i < p->ioctl_values.n; i++)
		assert_true(
			permitted(f, "ioctl", (uint64_t[6]){ 0, UPPER | p->ioctl_values.at[i] }));
	for (size_t i = 0; i < p->prctl_values.n; i++)
		assert_true(permitted(f, "prctl", (uint64_t[6]){ UPPER | p->prctl_values.at[i] }));
	for (size_t i = 0; i < p->sockets_allow.n; i++) {
		const struct socket_rule *r = &p->sockets_allow.at[i];

		for (unsigned type = 0; type < 16; type++)
			if (r->types & 1u << type)
				assert_true(permitted(f, "socket",
						      (uint64_t[6]){ (uint64_t)r->family, type,
								     r->n ? r->protocols[0] : 0 }));
	}
}

static void lists_come_through(void **state)
{
	(void)state;
	for_each_builtin(check_lists);
}

#define LISTS                                                                                      \
	"ioctl: {allow: [TCGETS, TCSETS, SIOCGIFCONF, 0x12345678]}\n"                              \
	"prctl: {allow: [PR_SET_NAME, PR_SVE_SET_VL]}\n"                                           \
	"sockets: {allow: [{family: unix}, {family: netlink, types: [raw]}]}\n"

/* Where the broker is asked about the rest anyway, it is asked about what is rare, too. */
static void rare_arguments_are_asked(void **state)
{
	static const char asks[] = HEAD "syscalls: {allow: [" LAUNCH
					", ioctl, prctl, socket]}\naudit: denials\n" LISTS;
	struct fixture f = { 0 };

	(void)state;
	make(&f, asks);
	check_lists(&f);
	assert_false(is_asked(&f, "ioctl", (uint64_t[6]){ 0, 0x5401 }));     /* TCGETS */
	assert_false(is_asked(&f, "ioctl", (uint64_t[6]){ 0, 0x12345678 })); /* who knows */
	assert_true(is_asked(&f, "ioctl", (uint64_t[6]){ 0, 0x8912 }));      /* SIOCGIFCONF */
	assert_false(is_asked(&f, "prctl", (uint64_t[6]){ 15 }));
	assert_true(is_asked(&f, "prctl", (uint64_t[6]){ 50 }));
	assert_false(is_asked(&f, "socket", (uint64_t[6]){ 1, 1 }));
	assert_true(is_asked(&f, "socket", (uint64_t[6]){ 16, 3 }));
	assert_false(permitted(&f, "socket", (uint64_t[6]){ 16, 2 }));
	arena_free(&f.a);
}

/* Nobody to ask; or one who refuses all that he is asked, because of a row of `where:`. */
static void rare_arguments_are_tested_otherwise(void **state)
{
	static const char quiet[] = HEAD "syscalls: {allow: [" LAUNCH
					 ", ioctl, prctl, socket]}\naudit: none\n" LISTS;
	static const char rows[] = HEAD
		"syscalls: {allow: [" LAUNCH ", ioctl, prctl, socket],\n"
		"  where: [{syscall: ioctl, arg: 0, in: [9], then: deny}]}\n"
		"audit: denials\n" LISTS;
	struct fixture f = { 0 }, g = { 0 };

	(void)state;
	make(&f, quiet);
	assert_int_equal(run(&f, "ioctl", (uint64_t[6]){ 0, 0x8912 }), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "prctl", (uint64_t[6]){ 50 }), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&f, "socket", (uint64_t[6]){ 16, 3 }), SECCOMP_RET_ALLOW);
	make(&g, rows);
	assert_int_equal(run(&g, "ioctl", (uint64_t[6]){ 0, 0x8912 }), SECCOMP_RET_ALLOW);
	assert_true(is_asked(&g, "ioctl", (uint64_t[6]){ 9, 0x8912 }));
	assert_false(permitted(&g, "ioctl", (uint64_t[6]){ 9, 0x8912 }));
	assert_true(is_asked(&g, "prctl", (uint64_t[6]){ 50 }));
	arena_free(&f.a);
	arena_free(&g.a);
}

/* The kernel copies, checks and translates each at every start. --verbose asks about opens besides. */
static void check_size(const struct fixture *f)
{
	if (strcmp(f->profile.name, "ci-runner") == 0 && !f->request.verbose)
		assert_in_range(f->plan.filter.n, 1, 124);
}

static void ci_runner_is_small(void **state)
{
	(void)state;
	for_each_builtin(check_size);
}

/* Numbers that the table does not know, and other tables. */
static void check_unknown(const struct fixture *f)
{
	uint32_t arch = arch_of(f);
	int top = (int)syscall_top(arch);

	for (int nr = 0; nr < top + 64; nr++) {
		struct bpf_call c = { .arch = arch, .nr = nr };

		if (syscall_number(arch, nr) == NULL)
			assert_int_equal(bpf_run(&f->plan.filter, &c, NULL, NULL), ERRNO(ENOSYS));
		c.nr = nr | 0x40000000;
		assert_int_equal(bpf_run(&f->plan.filter, &c, NULL, NULL),
				 SECCOMP_RET_KILL_PROCESS);
		c = (struct bpf_call){ .arch = AUDIT_ARCH_I386, .nr = nr };
		assert_int_equal(bpf_run(&f->plan.filter, &c, NULL, NULL),
				 SECCOMP_RET_KILL_PROCESS);
		c.arch = arch == AUDIT_ARCH_X86_64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;
		assert_int_equal(bpf_run(&f->plan.filter, &c, NULL, NULL),
				 SECCOMP_RET_KILL_PROCESS);
	}
}

static void builtins_know_one_table(void **state)
{
	(void)state;
	for_each_builtin(check_unknown);
}

/* development is ci-runner and three things more, over the whole table. */
static void development_adds_ptrace_alone(void **state)
{
	struct fixture ci = { 0 }, dev = { 0 };
	uint64_t args[6];

	(void)state;
	make(&ci, profile_builtin("ci-runner")->text);
	make(&dev, profile_builtin("development")->text);
	for (size_t i = 0; i < syscalls_count; i++) {
		const char *name = syscalls[i].name;
		bool differs = strcmp(name, "ptrace") == 0 || strcmp(name, "process_vm_readv") == 0;

		if (syscalls[i].x86_64 < 0)
			continue;
		for (unsigned round = 0; round < 6; round++) {
			fill(args, round);
			assert_int_equal(permitted(&ci, name, args) || differs,
					 permitted(&dev, name, args));
		}
	}
	args[0] = 0x40000; /* ADDR_NO_RANDOMIZE: gdb */
	assert_false(permitted(&ci, "personality", args));
	assert_true(permitted(&dev, "personality", args));
	assert_int_equal(dev.plan.nwarnings, 1);
	arena_free(&ci.a);
	arena_free(&dev.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_beats_group),
		cmocka_unit_test(deny_beats_allow),
		cmocka_unit_test(unlisted_is_unknown),
		cmocka_unit_test(where_rows_come_first),
		cmocka_unit_test(where_rows_beside_opens),
		cmocka_unit_test(launch_calls_are_required),
		cmocka_unit_test(own_architecture_must_be_listed),
		cmocka_unit_test(broker_has_its_folders_without_landlock),
		cmocka_unit_test(i386_follows_the_same_words),
		cmocka_unit_test(x32_follows_the_same_words),
		cmocka_unit_test(opens_stay_native_without_a_rule),
		cmocka_unit_test(only_writes_are_asked),
		cmocka_unit_test(refusals_are_asked_when_audited),
		cmocka_unit_test(same_inputs_same_plan),
		cmocka_unit_test(builtins_never_permit),
		cmocka_unit_test(builtins_are_useful),
		cmocka_unit_test(lists_come_through),
		cmocka_unit_test(rare_arguments_are_asked),
		cmocka_unit_test(rare_arguments_are_tested_otherwise),
		cmocka_unit_test(ci_runner_is_small),
		cmocka_unit_test(builtins_know_one_table),
		cmocka_unit_test(development_adds_ptrace_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
