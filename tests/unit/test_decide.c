#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "kern/uapi.h"
#include "policy/decide.h"
#include "policy/describe.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#if defined(__x86_64__)
#define ARCH       AUDIT_ARCH_X86_64
#define OTHER_ARCH AUDIT_ARCH_ARM
#else
#define ARCH       AUDIT_ARCH_AARCH64
#define OTHER_ARCH AUDIT_ARCH_ARM
#endif

#define UPPER 0xdead00000000ULL

/* ---- globs ---- */

/* The definition, as slow as it is plain. */
static bool glob_reference(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (p[0] == '*' && p[1] == '*')
		return glob_reference(p + 2, s) || (*s != '\0' && glob_reference(p, s + 1));
	if (*p == '*')
		return glob_reference(p + 1, s) ||
		       (*s != '\0' && *s != '/' && glob_reference(p, s + 1));
	return *s != '\0' && (*p == *s || (*p == '?' && *s != '/')) && glob_reference(p + 1, s + 1);
}

static void test_globs(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool match;
	} rows[] = {
		{ "/a", "/a", true },
		{ "/a", "/a/", false },
		{ "/a", "/ab", false },
		{ "**/.env", "/.env", true },
		{ "**/.env", "/w/x/.env", true },
		{ "**/.env", "/w/x.env", false },
		{ "**/.env", "/w/.env/x", false },
		{ "**/id_*", "/home/u/.ssh/id_rsa", true },
		{ "**/id_*", "/home/u/.ssh/id_rsa/x", false },
		{ "**/.git/hooks/**", "/w/.git/hooks/pre-commit", true },
		{ "**/.git/hooks/**", "/w/.git/hooks", false },
		{ "/w/*/x", "/w/a/x", true },
		{ "/w/*/x", "/w/a/b/x", false },
		{ "/w/**/x", "/w/a/b/x", true },
		{ "/w/?", "/w/a", true },
		{ "/w?a", "/w/a", false },
		{ "**", "", true },
		{ "", "", true },
		{ "/a*b*c", "/axbxbxc", true },
		{ "/a*b**c*d", "/axb/y/czd", true },
		{ "**a*b", "/aaa/aab/ab/b", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (glob_match(rows[i].pattern, rows[i].path) != rows[i].match)
			fail_msg("%s against %s", rows[i].pattern, rows[i].path);
		assert_int_equal(glob_reference(rows[i].pattern, rows[i].path), rows[i].match);
	}
}

/* Every pattern of up to 6 letters against every path of up to 6: the fast one equals the plain one. */
static void test_globs_all(void **state)
{
	static const char letters[] = "a/*?";
	char pattern[7] = { 0 }, path[7] = { 0 };
	unsigned long matches = 0;

	(void)state;
	for (unsigned p = 0; p < 1 << 12; p++) {
		for (unsigned i = 0; i < 6; i++)
			pattern[i] = letters[p >> 2 * i & 3];
		for (unsigned len = 0; len <= 6; len++)
			for (unsigned s = 0; s < 1u << len; s++) {
				for (unsigned i = 0; i < len; i++)
					path[i] = "a/"[s >> i & 1];
				path[len] = '\0';

				bool match = glob_match(pattern, path);

				matches += match;
				if (match != glob_reference(pattern, path))
					fail_msg("%s against %s", pattern, path);
			}
	}
	assert_true(matches > 1000);
}

static bool matches_below(const char *pattern, const char *folder, const char *rest)
{
	char path[32];

	snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, rest);
	return glob_match(pattern, path);
}

/* Says that a rename keeps what a pattern is about: then no path below tells otherwise. And it says so often enough. */
static void test_globs_carry(void **state)
{
	static const char *const folders[] = { "/", "/a", "/b", "/a/b", "/a/a", "/b/a/a" };
	static const char letters[] = "ab/*?";
	char pattern[6] = "/", rest[5] = { 0 };
	unsigned long carried = 0, lost = 0, wrong = 0;

	(void)state;
	for (unsigned p = 0; p < 625; p++) {
		for (unsigned i = 0, n = p; i < 4; i++, n /= 5)
			pattern[1 + i] = letters[n % 5];
		for (size_t from = 0; from < COUNT(folders); from++)
			for (size_t to = 0; to < COUNT(folders); to++) {
				bool says = glob_carries(pattern, folders[from], folders[to]);
				bool all = true;

				for (unsigned r = 0; r < 81; r++) {
					for (unsigned i = 0, n = r; i < 4; i++, n /= 3)
						rest[i] = "ab/"[n % 3];
					for (unsigned len = 1; len <= 4; len++) {
						char cut = rest[len];

						rest[len] = '\0';
						all &= !matches_below(pattern, folders[from],
								      rest) ||
						       matches_below(pattern, folders[to], rest);
						rest[len] = cut;
					}
				}
				if (says && !all)
					fail_msg("%s from %s to %s", pattern, folders[from],
						 folders[to]);
				carried += says;
				lost += !all;
				wrong += all && !says;
			}
	}
	assert_true(carried > 10000 && lost > 100);
	assert_true(wrong < carried / 10); /* in doubt, it says no */
	assert_true(glob_is_anywhere("**/.git/hooks/**", "/w/x"));
	assert_false(glob_is_anywhere("**/.git/hooks/**", "/w/.git"));
	assert_false(glob_is_anywhere("**/.git/hooks/**", "/w/x/.git/hooks"));
	assert_false(glob_is_anywhere("/w/*/x", "/w/y"));
	assert_true(glob_is_anywhere("/w/*/x", "/v/y"));
}

static void test_below(void **state)
{
	(void)state;
	assert_true(path_below("/", "/a"));
	assert_true(path_below("/", "/"));
	assert_true(path_below("/a", "/a"));
	assert_true(path_below("/a/", "/a/b"));
	assert_false(path_below("/a", "/ab"));
	assert_false(path_below("/a", "/"));
	assert_false(path_below("/a/b", "/a"));
	assert_false(path_below("/a", "a"));
}

/* ---- registers ---- */

static const struct from line_1 = { .file = "p", .line = 1 };

static struct plan_call row(const char *name, int nr, int err)
{
	return (struct plan_call){
		.name = name, .nr = nr, .err = err, .from = &line_1, .fix = "fix"
	};
}

static void expect(struct verdict v, enum answer what, int err)
{
	assert_int_equal(v.what, what);
	if (what == DENY)
		assert_int_equal(v.err, err);
	assert_non_null(v.from);
}

static void test_rows(void **state)
{
	const struct plan_call calls[] = { row("a", 3, 1), row("b", 7, 1), row("c", 9, 1) };
	const struct broker_plan plan = { .ncalls = COUNT(calls), .calls = calls };

	(void)state;
	for (int nr = 0; nr < 12; nr++) {
		const struct plan_call *found = decide_row(
			&plan, &(struct call){ .arch = ARCH, .nr = nr });

		assert_ptr_equal(found, nr == 3   ? &calls[0]
					: nr == 7 ? &calls[1]
					: nr == 9 ? &calls[2]
						  : NULL);
		assert_null(decide_row(&plan, &(struct call){ .arch = OTHER_ARCH, .nr = nr }));
	}
	assert_null(decide_row(&plan, &(struct call){ .arch = ARCH, .nr = 4000 | 0x40000000 }));
	assert_null(decide_row(&plan, &(struct call){ .arch = ARCH, .nr = -1 }));
	assert_null(decide_row(&plan, &(struct call){ .arch = AUDIT_ARCH_I386, .nr = -1 }));
}

/* By the call that it is judged as, whatever its number. */
static void test_rows_of_other_abis(void **state)
{
	const struct plan_call calls[] = { row("rt_sigaction", 13, 1), row("truncate", 76, 1),
					   row("chown", 92, 1) };
	const struct broker_plan plan = { .ncalls = COUNT(calls), .calls = calls };
	static const struct {
		uint32_t arch;
		int nr, row; /* -1: none */
	} cases[] = {
		{ AUDIT_ARCH_I386, 174, 0 },  /* rt_sigaction */
		{ AUDIT_ARCH_I386, 67, 0 },   /* sigaction */
		{ AUDIT_ARCH_I386, 193, 1 },  /* truncate64 */
		{ AUDIT_ARCH_I386, 182, 2 },  /* chown */
		{ AUDIT_ARCH_I386, 212, 2 },  /* chown32 */
		{ AUDIT_ARCH_I386, 92, 1 },   /* truncate: 92 is chown of x86_64 */
		{ AUDIT_ARCH_I386, 102, -1 }, /* socketcall is no one call */
		{ AUDIT_ARCH_X86_64, 0x40000000 + 92, 2 },
		{ AUDIT_ARCH_X86_64, 0x40000000 + 512, 0 },
		{ AUDIT_ARCH_X86_64, 0x40000000 + 13, -1 },
		{ AUDIT_ARCH_AARCH64, 134, -1 }, /* its rt_sigaction: not this machine's */
	};

	(void)state;
	if (ARCH != AUDIT_ARCH_X86_64)
		skip();
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_ptr_equal(decide_row(&plan, &(struct call){ .arch = cases[i].arch,
								   .nr = cases[i].nr }),
				 cases[i].row < 0 ? NULL : &calls[cases[i].row]);
}

/* A refusal names the row that it comes from, where it comes from one. */
static void test_rows_of_where(void **state)
{
	uint64_t nine[] = { 9 }, minus_two[] = { UINT64_MAX - 1, 5 };
	struct where_rule rules[] = {
		{ .syscall = "other",
		  .arg = 1,
		  .mask = UINT64_MAX,
		  .n = 1,
		  .in = nine,
		  .then = PROFILE_DENY,
		  .from = { .line = 1 } },
		{ .syscall = "kill",
		  .arg = 1,
		  .mask = 0xff,
		  .n = 1,
		  .in = nine,
		  .then = PROFILE_DENY,
		  .from = { .line = 2 } },
		{ .syscall = "kill",
		  .arg = 1,
		  .mask = UINT64_MAX,
		  .n = 2,
		  .in = minus_two,
		  .then = PROFILE_DENY,
		  .from = { .line = 3 } },
	};
	const struct where_rules where = { 3, 3, rules };
	const struct broker_plan plan = { .where = &where };
	struct plan_call kill = row("kill", 62, EPERM);
	static const struct {
		uint32_t arch;
		uint64_t arg;
		unsigned line; /* 0: the call's own */
	} cases[] = {
		{ ARCH, 9, 2 },
		{ ARCH, 0x109, 2 },
		{ ARCH, 5, 3 },
		{ ARCH, 6, 0 },
		{ ARCH, UINT64_MAX - 1, 3 },
		{ ARCH, 0xfffffffe, 0 },
		{ OTHER_ARCH, 5, 3 },
		{ AUDIT_ARCH_I386, 0xfffffffe, 3 },
	};

	(void)state;
	kill.mediator = MEDIATE_DENY;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict v = decide_call(
			&plan, &(struct call){ .arch = cases[i].arch, .arg = { 0, cases[i].arg } },
			&kill);

		expect(v, DENY, EPERM);
		if (cases[i].line == 0)
			assert_ptr_equal(v.from, kill.from);
		else
			assert_ptr_equal(v.from, &rules[cases[i].line - 1].from);
	}
}

static void test_lengths_of_i386(void **state)
{
	static const struct {
		int nr;
		uint64_t low, high, expected;
	} cases[] = {
		{ 92, 0xffffffff, 7, UINT64_MAX },   { 92, 0x7fffffff, 7, 0x7fffffff },
		{ 193, 0xffffffff, 1, 0x1ffffffff }, { 193, 0, 0x80000000, 0x8000000000000000 },
		{ 15, 0xffffffff, 7, 0xffffffff }, /* chmod */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = { .arch = AUDIT_ARCH_I386,
				  .nr = cases[i].nr,
				  .arg = { 1, cases[i].low, cases[i].high } };

		decide_widen(&c);
		assert_true(c.arg[1] == cases[i].expected);
		c = (struct call){ .arch = ARCH, .nr = cases[i].nr, .arg = { 1, cases[i].low, 3 } };
		decide_widen(&c);
		assert_true(c.arg[1] == cases[i].low);
	}
}

static void test_ioctl_prctl(void **state)
{
	static const uint32_t ioctls[] = { TIOCGWINSZ, FIONREAD }, prctls[] = { PR_SET_NAME };
	const struct broker_plan plan = { .nioctls = 2,
					  .ioctls = ioctls,
					  .nprctls = 1,
					  .prctls = prctls,
					  .ioctl_from = { .file = "p", .line = 4 } };
	const struct plan_call io = row("ioctl", SYS_ioctl, EPERM),
			       pr = row("prctl", SYS_prctl, EINVAL);
	struct verdict v;

	(void)state;
	expect(decide_ioctl(&plan, &(struct call){ .arg = { 0, TIOCGWINSZ } }, &io), GO_ON, 0);
	expect(decide_ioctl(&plan, &(struct call){ .arg = { 0, UPPER | FIONREAD } }, &io), GO_ON,
	       0);
	v = decide_ioctl(&plan, &(struct call){ .arg = { 0, UPPER | TIOCSTI } }, &io);
	expect(v, DENY, EPERM);
	assert_int_equal(v.from->line, 4);
	assert_string_equal(v.fix, "fix");
	expect(decide_prctl(&plan, &(struct call){ .arg = { UPPER | PR_SET_NAME } }, &pr), GO_ON,
	       0);
	v = decide_prctl(&plan, &(struct call){ .arg = { PR_SET_DUMPABLE } }, &pr);
	expect(v, DENY, EINVAL);
	assert_int_equal(v.from->line, 1); /* the list has no line: the call's */
	expect(decide_deny(&io), DENY, EPERM);
}

static void test_sockets(void **state)
{
	static uint64_t tcp[] = { 0, IPPROTO_TCP };
	static const struct socket_rule rules[] = {
		{ .family = AF_UNIX, .types = ~0u },
		{ .family = AF_INET, .types = 1u << SOCK_STREAM, .n = 2, .protocols = tcp },
	};
	const struct broker_plan plan = { .nsockets = 2, .sockets = rules };
	const struct plan_call s = row("socket", SYS_socket, EACCES);
	static const struct {
		uint64_t family, type, protocol;
		enum answer what;
	} rows[] = {
		{ AF_UNIX, SOCK_DGRAM, 0, GO_ON },
		{ AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, GO_ON },
		{ AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, GO_ON },
		{ AF_INET, SOCK_STREAM, IPPROTO_TCP, GO_ON },
		{ AF_INET | UPPER, SOCK_STREAM | UPPER, IPPROTO_TCP | UPPER, GO_ON },
		{ AF_INET, SOCK_STREAM, IPPROTO_SCTP, DENY },
		{ AF_INET, SOCK_DGRAM, 0, DENY },
		{ AF_INET, SOCK_RAW, 0, DENY },
		{ AF_INET6, SOCK_STREAM, 0, DENY },
		{ AF_VSOCK | UPPER, SOCK_STREAM, 0, DENY },
		{ AF_NETLINK, SOCK_RAW, 0, DENY },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect(decide_socket(&plan,
				     &(struct call){ .arg = { rows[i].family, rows[i].type,
							      rows[i].protocol } },
				     &s),
		       rows[i].what, EACCES);
}

static void test_clone(void **state)
{
	const struct broker_plan plan = { .clone_forbidden = CLONE_NEWUSER | CLONE_NEWNS };
	const struct plan_call c = row("clone", SYS_clone, ENOSYS);

	(void)state;
	expect(decide_clone(&plan, &(struct call){ .arg = { CLONE_VM | CLONE_VFORK } }, &c), GO_ON,
	       0);
	expect(decide_clone(&plan, &(struct call){ .arg = { CLONE_VM | CLONE_NEWUSER } }, &c), DENY,
	       EPERM);
	expect(decide_clone(&plan, &(struct call){ .arg = { UPPER | CLONE_NEWNS } }, &c), DENY,
	       EPERM);
}

static void test_path_only(void **state)
{
	(void)state;
	const struct plan_call openat = { .name = "openat" }, openat2 = { .name = "openat2" },
			       open = { .name = "open" };

	assert_true(
		decide_is_path_only(&(struct call){ .arg = { 0, 0, O_PATH | O_RDWR } }, &openat));
	assert_false(decide_is_path_only(&(struct call){ .arg = { 0, O_PATH, O_RDWR } }, &openat));
	assert_true(decide_is_path_only(&(struct call){ .arg = { 0, O_PATH, O_RDWR } }, &open));
	assert_false(
		decide_is_path_only(&(struct call){ .arg = { 0, 0, O_PATH, O_PATH } }, &openat2));
}

/* ---- files ---- */

static const struct file_rule reads[] = { { "/usr", { "p", NULL, 10, 0 } },
					  { "/w", { "p", NULL, 11, 0 } } };
static const struct file_rule writes[] = { { "/w", { "p", NULL, 12, 0 } } };
static const struct file_rule everything[] = { { "/", { "p", NULL, 13, 0 } } };
static const struct file_rule no_read[] = { { "**/.env", { "p", NULL, 14, 0 } } };
static const struct file_rule no_write[] = { { "**/hooks/**", { "p", NULL, 15, 0 } } };
static const struct file_rule hidden[] = { { "/etc/shadow", { "p", NULL, 16, 0 } } };

static const struct broker_plan files = {
	.nread = 2,
	.read = reads,
	.nwrite = 1,
	.write = writes,
	.ndeny_read = 1,
	.deny_read = no_read,
	.ndeny_write = 1,
	.deny_write = no_write,
	.nhidden = 1,
	.hidden = hidden,
	.write_from = { .file = "p", .line = 17 },
};

static void test_wants(void **state)
{
	(void)state;
	assert_int_equal(decide_wants(O_RDONLY), WANT_READ);
	assert_int_equal(decide_wants(O_WRONLY), WANT_WRITE);
	assert_int_equal(decide_wants(O_RDWR), WANT_READ | WANT_WRITE);
	assert_int_equal(decide_wants(O_ACCMODE),
			 WANT_READ | WANT_WRITE); /* 3: permission for both, use of none */
	assert_int_equal(decide_wants(O_RDONLY | O_TRUNC), WANT_READ | WANT_WRITE);
	assert_int_equal(decide_wants(O_RDONLY | O_TMPFILE), WANT_READ | WANT_WRITE);
	assert_int_equal(decide_wants(O_RDONLY | O_APPEND | O_DIRECTORY), WANT_READ);
}

static void test_open(void **state)
{
	const struct {
		struct object o;
		unsigned wants, line; /* line 0: allowed */
	} rows[] = {
		{ { .path = "/usr/bin/cc", .type = S_IFREG, .reachable = true }, WANT_READ, 0 },
		{ { .path = "/usr/bin/cc", .type = S_IFREG, .reachable = true }, WANT_WRITE, 17 },
		{ { .path = "/usr/bin/cc", .type = S_IFREG, .reachable = true },
		  WANT_READ | WANT_WRITE,
		  17 },
		{ { .path = "/w/f", .type = S_IFREG, .reachable = true },
		  WANT_READ | WANT_WRITE,
		  0 },
		{ { .path = "/w/f", .type = S_IFREG, .reachable = false }, WANT_READ, 10 },
		{ { .path = "/w/f", .type = S_IFREG, .reachable = false }, WANT_WRITE, 17 },
		{ { .path = "/w/f", .type = S_IFREG, .held = WANT_READ }, WANT_READ, 0 },
		{ { .path = "/w/f", .type = S_IFREG, .held = WANT_READ },
		  WANT_READ | WANT_WRITE,
		  17 },
		{ { .path = "/wx", .type = S_IFREG, .reachable = true }, WANT_READ, 10 },
		{ { .path = "/w/.env", .type = S_IFREG, .reachable = true }, WANT_READ, 14 },
		{ { .path = "/w/.env", .type = S_IFREG, .reachable = true }, WANT_WRITE, 0 },
		{ { .path = "/w/.env", .held = WANT_READ, .reachable = true }, WANT_READ, 14 },
		{ { .path = "/w/.env (deleted)", .alias = "/w/.env", .reachable = true },
		  WANT_READ,
		  14 },
		{ { .path = "/w/hooks/a", .type = S_IFREG, .reachable = true },
		  WANT_READ | WANT_WRITE,
		  15 },
		{ { .path = "/dev/null", .type = S_IFCHR, .device = makedev(1, 3) },
		  WANT_READ | WANT_WRITE,
		  0 },
		{ { .path = "/dev/mem",
		    .type = S_IFCHR,
		    .device = makedev(1, 1),
		    .reachable = true },
		  WANT_WRITE,
		  17 },
		{ { .path = "/x/sda3",
		    .type = S_IFBLK,
		    .device = makedev(1, 3),
		    .reachable = true },
		  WANT_READ,
		  10 },
		{ { .path = "/dev/pts/4", .type = S_IFCHR, .device = makedev(136, 4) },
		  WANT_READ | WANT_WRITE,
		  0 },
		{ { .path = "pipe:[77]", .type = S_IFIFO }, WANT_READ | WANT_WRITE, 0 },
		{ { .path = "/memfd:x (deleted)", .alias = "/memfd:x", .type = S_IFREG },
		  WANT_WRITE,
		  0 },
		{ { .path = "", .type = S_IFREG, .reachable = true }, WANT_READ, 10 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = decide_open(&files, &rows[i].o, rows[i].wants);

		if (v.what != (rows[i].line == 0 ? PERFORM : DENY) ||
		    (v.what == DENY && v.from->line != rows[i].line))
			fail_msg("%s, wants %u: %s by line %u", rows[i].o.path, rows[i].wants,
				 v.what == DENY ? "refused" : "allowed", v.from->line);
		if (v.what == DENY)
			assert_int_equal(v.err, EACCES);
	}
}

static void test_any_path(void **state)
{
	struct broker_plan p = { .nread = 1, .read = everything, .nwrite = 1, .write = writes };

	(void)state;
	assert_true(decide_any_path(&p, WANT_READ));
	assert_false(decide_any_path(&p, WANT_READ | WANT_WRITE));
	p.write = everything;
	assert_true(decide_any_path(&p, WANT_READ | WANT_WRITE));
	p.ndeny_write = 1;
	p.deny_write = no_write;
	assert_false(decide_any_path(&p, WANT_WRITE));
	assert_true(decide_any_path(&p, WANT_READ));
}

/* ---- names ---- */

static const struct plan_path rights[] = {
	{ .path = "/w",
	  .rights = LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_WRITE_FILE |
		    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |
		    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REMOVE_FILE |
		    LANDLOCK_ACCESS_FS_TRUNCATE },
	{ .path = "/w/x", .rights = LANDLOCK_ACCESS_FS_EXECUTE },
	{ .path = "/dev", .rights = LANDLOCK_ACCESS_FS_WRITE_FILE },
};

/* As under /dev and /proc: files are written to, and nothing else. */
static const struct file_rule writes_dev[] = { { "/w", { "p", NULL, 12, 0 } },
					       { "/dev", { "p", NULL, 12, 0 } } };

static void test_truncating(void **state)
{
	struct broker_plan p = files;
	struct object o = { .path = "/dev/file", .type = S_IFREG, .reachable = true };

	(void)state;
	p.landlock_abi = 3;
	p.npaths = COUNT(rights);
	p.paths = rights;
	p.nwrite = COUNT(writes_dev);
	p.write = writes_dev;
	assert_int_equal(decide_open(&p, &o, WANT_WRITE).what, PERFORM);
	assert_int_equal(decide_open(&p, &o, WANT_WRITE | WANT_TRUNCATE).err, EACCES);
	o.held = WANT_WRITE;
	assert_int_equal(decide_open(&p, &o, WANT_WRITE | WANT_TRUNCATE).what, PERFORM);
	o = (struct object){ .path = "/w/file", .type = S_IFREG, .reachable = true };
	assert_int_equal(decide_open(&p, &o, WANT_WRITE | WANT_TRUNCATE).what, PERFORM);
	o.path = "/dev/file";
	p.landlock_abi = 2; /* does not ask */
	assert_int_equal(decide_open(&p, &o, WANT_WRITE | WANT_TRUNCATE).what, PERFORM);
}

static void test_namings(void **state)
{
	static const struct {
		enum naming what;
		mode_t type;
		const char *old_folder, *old_name, *folder, *name;
		int err; /* 0: allowed */
		unsigned line;
	} rows[] = {
		{ NAMING_MAKE, S_IFDIR, NULL, NULL, "/w", "a", 0, 0 },
		{ NAMING_MAKE, S_IFDIR, NULL, NULL, "/usr", "a", EACCES, 17 },
		{ NAMING_MAKE, S_IFDIR, NULL, NULL, "/", "w", EACCES, 17 },
		{ NAMING_MAKE, S_IFREG, NULL, NULL, "/w/hooks", "a", EACCES, 15 },
		{ NAMING_MAKE, S_IFDIR, NULL, NULL, "/w", "hooks", 0, 0 },
		{ NAMING_MAKE, S_IFLNK, NULL, NULL, "/w", "hooks", EACCES, 15 },
		{ NAMING_MAKE, S_IFLNK, NULL, NULL, "/w", "a", 0, 0 },
		{ NAMING_MAKE, S_IFCHR, NULL, NULL, "/w", "a", EACCES, 17 },
		{ NAMING_MAKE, S_IFDIR, NULL, NULL, "/w/dev", "a", 0, 0 },
		{ NAMING_MAKE, S_IFREG, NULL, NULL, "/dev", "a", EACCES, 17 },
		{ NAMING_REMOVE, 0, NULL, NULL, "/dev", "null", EACCES, 17 },
		{ NAMING_MOVE, S_IFREG, "/dev", "null", "/dev", "zero", EACCES, 17 },
		{ NAMING_LINK, S_IFCHR, "/dev", "null", "/w", "a", EACCES, 17 },
		{ NAMING_REMOVE, 0, NULL, NULL, "/w/hooks", "a", EACCES, 15 },
		{ NAMING_REMOVE, 0, NULL, NULL, "/w", ".env", 0, 0 },
		{ NAMING_MOVE, S_IFREG, "/w", "a", "/w", "b", 0, 0 },
		{ NAMING_MOVE, S_IFREG, "/w", ".env", "/w", "b", EACCES, 14 },
		{ NAMING_MOVE, S_IFREG, "/w", "a", "/w", ".env", 0, 0 },
		{ NAMING_SWAP, S_IFREG, "/w", "a", "/w", ".env", EACCES, 14 },
		{ NAMING_MOVE, S_IFREG, "/w", "a", "/usr", "a", EACCES, 17 },
		{ NAMING_MOVE, S_IFREG, "/usr", "a", "/w", "a", EACCES, 17 },
		{ NAMING_MOVE, S_IFDIR, "/w", "hooks", "/w", "b", EACCES, 15 },
		{ NAMING_MOVE, S_IFDIR, "/w", "b", "/w", "hooks", EACCES, 15 },
		{ NAMING_MOVE, S_IFREG, "/w", "b", "/w", "hooks", 0, 0 },
		{ NAMING_MOVE, S_IFLNK, "/w", "b", "/w", "hooks", EACCES, 15 },
		{ NAMING_MOVE, S_IFREG, "/w/x", "a", "/w", "a", 0, 0 },
		{ NAMING_MOVE, S_IFREG, "/w", "a", "/w/x", "a", EXDEV,
		  0 }, /* it could be executed there */
		{ NAMING_LINK, S_IFREG, "/w", "a", "/w", "b", 0, 0 },
		{ NAMING_LINK, S_IFREG, "/usr", "a", "/w", "b", EXDEV, 0 },
		{ NAMING_LINK, S_IFREG, "/w/hooks", "a", "/w", "b", EACCES, 15 },
	};
	struct broker_plan p = files;

	(void)state;
	p.nwrite = COUNT(writes_dev);
	p.write = writes_dev;
	p.landlock_abi = 2;
	p.npaths = COUNT(rights);
	p.paths = rights;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char old_path[64], path[64];
		struct named old = { old_path, rows[i].old_folder, true, rows[i].type };
		struct named name = { path, rows[i].folder, true, rows[i].type };
		bool has_old = rows[i].old_folder != NULL;

		snprintf(old_path, sizeof old_path, "%s/%s", has_old ? rows[i].old_folder : "",
			 has_old ? rows[i].old_name : "");
		snprintf(path, sizeof path, "%s/%s", strcmp(name.folder, "/") ? name.folder : "",
			 rows[i].name);

		struct verdict v = decide_naming(&p, rows[i].what, has_old ? &old : NULL, &name);

		if ((v.what == DENY ? v.err : 0) != rows[i].err ||
		    (v.what == DENY && v.from->line != rows[i].line))
			fail_msg("row %zu (%s): %d by line %u", i, path, v.what == DENY ? v.err : 0,
				 v.from->line);
	}
	p.landlock_abi = 1; /* nothing leaves its folder */
	assert_int_equal(decide_naming(&p, NAMING_MOVE,
				       &(struct named){ "/w/x/a", "/w/x", true, S_IFREG },
				       &(struct named){ "/w/a", "/w", true, S_IFREG })
				 .err,
			 EXDEV);
	assert_int_equal(decide_naming(&p, NAMING_MOVE,
				       &(struct named){ "/w/b", "/w", true, S_IFREG },
				       &(struct named){ "/w/a", "/w", false, S_IFREG })
				 .err,
			 EACCES); /* a folder of another tree */
}

static void test_failed(void **state)
{
	struct verdict v;

	(void)state;
	assert_true(decide_failed(&files, "/etc/shadow", ENOENT, &v));
	assert_int_equal(v.from->line, 16);
	assert_string_equal(v.layer, "mount");
	assert_true(decide_failed(&files, "/etc/shadow/x", ENOENT, &v));
	assert_false(decide_failed(&files, "/etc/shadow-", ENOENT, &v));
	assert_false(decide_failed(&files, "/etc/shadow", EMFILE, &v));
	assert_true(decide_failed(&files, "/usr/x", EROFS, &v));
	assert_int_equal(v.from->line, 17);
	assert_string_equal(v.list, "filesystem.write");
	assert_true(decide_failed(&files, "/usr/x", EACCES, &v));
	assert_string_equal(v.layer, "permissions");
	assert_false(decide_failed(&files, "/usr/x", EEXIST, &v));
}

/* ---- what people read ---- */

static void test_describe(void **state)
{
	struct call c = { .arch = ARCH,
			  .nr = SYS_openat,
			  .arg = { (uint32_t)AT_FDCWD, 0x1000, O_RDWR | O_CREAT, 0644 } };
	char text[128], cut[24];
	uint64_t flags = O_WRONLY | O_TRUNC;

	(void)state;
	describe_call(text, sizeof text, &c, &(struct paths){ { "/a\n\x1b[m\\\"" } }, NULL);
	assert_string_equal(text, "AT_FDCWD, \"/a\\x0a\\x1b[m\\x5c\"\", O_RDWR|O_CREAT, 0644");
	describe_call(text, sizeof text, &c, NULL, &flags);
	assert_string_equal(text, "AT_FDCWD, 0x1000, O_WRONLY|O_TRUNC, 0644");
	describe_call(cut, sizeof cut, &c, &(struct paths){ { "/a/very/long/path" } }, NULL);
	assert_int_equal(strlen(cut), sizeof cut - 1);
	c = (struct call){ .arch = ARCH,
			   .nr = SYS_socket,
			   .arg = { AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0 } };
	describe_call(text, sizeof text, &c, NULL, NULL);
	assert_string_equal(text, "vsock, stream|O_CLOEXEC, 0");
	c = (struct call){ .arch = ARCH, .nr = 100000 };
	describe_call(text, sizeof text, &c, NULL, NULL);
	assert_string_equal(text, "");
	describe_rule(text, sizeof text, &line_1);
	assert_string_equal(text, "p:1");
	describe_rule(text, sizeof text, &(struct from){ 0 });
	assert_string_equal(text, "default");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globs),         cmocka_unit_test(test_globs_all),
		cmocka_unit_test(test_globs_carry),   cmocka_unit_test(test_below),
		cmocka_unit_test(test_rows),          cmocka_unit_test(test_rows_of_other_abis),
		cmocka_unit_test(test_rows_of_where), cmocka_unit_test(test_lengths_of_i386),
		cmocka_unit_test(test_ioctl_prctl),   cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_clone),         cmocka_unit_test(test_path_only),
		cmocka_unit_test(test_wants),         cmocka_unit_test(test_open),
		cmocka_unit_test(test_any_path),      cmocka_unit_test(test_namings),
		cmocka_unit_test(test_failed),        cmocka_unit_test(test_describe),
		cmocka_unit_test(test_truncating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
