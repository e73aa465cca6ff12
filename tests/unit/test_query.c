/*
 * Questions about plans: what is answered is what the filter and the broker would do, it names the rule, and the
 * change that it offers is one that works.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/query.h"
#include "policy/stats.h"

/* Last: its fail() is a macro, ours a function. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

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

/* A profile of somebody's own: deny patterns, rows, a name that beats a group, the host's network. */
static const char own[] = "zviz: 1\n"
			  "name: own\n"
			  "extends: ci-runner\n"
			  "capabilities: {keep: [CAP_SYS_CHROOT]}\n"
			  "syscalls:\n"
			  "  allow: [chroot, mount, ptrace]\n"
			  "  deny: [dup]\n"
			  "  where:\n"
			  "    - {syscall: kill, arg: 1, mask: 0xff, in: [9, 15], then: deny}\n"
			  "filesystem:\n"
			  "  deny: {read: [\"**/.env\"], write: [\"**/.git/hooks/**\"]}\n"
			  "network: {mode: host}\n";

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

static void make_from(struct fixture *f, const char *file, const char *text, enum host_arch arch)
{
	f->host = any_host;
	f->host.arch = arch;
	f->spec.file = "test";
	*LIST_ADD(&f->a, &f->spec.process.args) = "true";
	f->view = (struct direct_view){ .work = "/w", .user = "user", .home = "/home/user" };
	f->request.id = "test";
	f->request.direct = &f->view;
	if (profile_load(&f->a, file, text, strlen(text), NULL, NULL, &f->profile, &f->e) < 0 ||
	    plan_make(&f->a, &f->request, &f->spec, &f->profile, &f->host, &f->plan, &f->e) < 0)
		fail_msg("%s", f->e.text);
}

static void make(struct fixture *f, const char *profile, enum host_arch arch)
{
	const struct builtin_profile *b = profile_builtin(profile);

	*f = (struct fixture){ 0 };
	if (b == NULL)
		make_from(f, "own.yaml", own, arch);
	else
		make_from(f, b->name, arena_strndup(&f->a, b->text, b->len), arch);
}

/* ---- words ---- */

enum { WORDS_MAX = 8 };

static int words_of(struct arena *a, const char *line, const char *words[WORDS_MAX])
{
	int n = 0;

	for (const char *at = line; *at != '\0' && n < WORDS_MAX;) {
		size_t len = strcspn(at, " ");

		words[n++] = arena_strndup(a, at, len);
		at += len;
		at += strspn(at, " ");
	}
	return n;
}

static int ask(struct fixture *f, const char *line, struct query_answer *out)
{
	const char *words[WORDS_MAX];
	struct query q;
	int n = words_of(&f->a, line, words);
	int r = query_parse(&f->a, n, words, &q, &f->e);

	return r < 0 ? r : query_ask(&f->a, &f->plan, &q, out, &f->e);
}

/* ---- the table ---- */

#define ALLOWED QUERY_ALLOWED
#define ARGS    QUERY_ALLOWED_ARGS
#define ASKED   QUERY_ASKED
#define LATER   QUERY_ASKED_LATER
#define REFUSED QUERY_REFUSED
#define UNSEEN  QUERY_UNSEEN
#define VISIBLE QUERY_VISIBLE
#define DEPENDS QUERY_DEPENDS

static const struct row {
	const char *profile, *query;
	enum query_verdict verdict;
	int err;
	const char *layer;
	bool rule;       /* written somewhere, not a default */
	const char *fix; /* NULL: nothing to change */
} rows[] = {
	{ "ci-runner", "read", ALLOWED, 0, "seccomp", true, NULL },
	{ "ci-runner", "openat /work/a O_WRONLY", ALLOWED, 0, "seccomp", true, NULL },
	{ "ci-runner", "openat AT_FDCWD /work/a O_RDWR|O_CREAT 0644", ALLOWED, 0, "seccomp", true,
	  NULL },
	{ "ci-runner", "open /tmp/a O_RDONLY", ALLOWED, 0, "seccomp", true, NULL },
	{ "ci-runner", "openat /usr/bin/ls O_WRONLY", REFUSED, EROFS, "mounts", false,
	  "run with --write /usr/bin" },
	{ "ci-runner", "openat /etc/shadow", UNSEEN, 0, "mounts", true,
	  "run with --read /etc/shadow" },
	{ "ci-runner", "unlink /usr/bin/ls", REFUSED, EROFS, "mounts", false,
	  "run with --write /usr/bin" },
	{ "ci-runner", "stat /usr/bin/ls", ALLOWED, 0, "seccomp", true, NULL },
	{ "ci-runner", "clone CLONE_NEWUSER", REFUSED, EPERM, "broker", true,
	  "none: no profile permits new namespaces" },
	{ "ci-runner", "clone CLONE_VM|CLONE_VFORK|SIGCHLD", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "clone 0x10000000", REFUSED, EPERM, "broker", true, "none:" },
	{ "ci-runner", "unshare CLONE_NEWTIME", REFUSED, EPERM, "broker", true, "none:" },
	{ "ci-runner", "clone", DEPENDS, 0, "seccomp", true, "none:" },
	{ "ci-runner", "clone3", REFUSED, ENOSYS, "seccomp", false,
	  "none needed: libraries fall back" },
	{ "ci-runner", "ioctl 0 TIOCSTI", REFUSED, EPERM, "broker", true,
	  "add TIOCSTI to ioctl.allow" },
	{ "ci-runner", "ioctl TIOCSTI", REFUSED, EPERM, "broker", true,
	  "add TIOCSTI to ioctl.allow" },
	{ "ci-runner", "ioctl 0 TCGETS", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "ioctl 0 0xdead00005401", ARGS, 0, "seccomp", true,
	  NULL }, /* TCGETS: the kernel reads 32 bits */
	{ "ci-runner", "ioctl 0 0x1234", REFUSED, EPERM, "broker", true,
	  "add 0x1234 to ioctl.allow" },
	{ "ci-runner", "ioctl", DEPENDS, 0, "seccomp", true, "add the request to ioctl.allow" },
	{ "ci-runner", "socket inet stream", DEPENDS, 0, "seccomp", true,
	  "add {family: inet, types: [stream]} to" },
	{ "ci-runner", "socket inet stream 0", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "socket AF_INET SOCK_STREAM|SOCK_CLOEXEC 6", ARGS, 0, "seccomp", true,
	  NULL },
	{ "ci-runner", "socket inet stream 132", REFUSED, EACCES, "broker", true,
	  "add {family: inet, types: [stream], protocols: [132]} to" },
	{ "ci-runner", "socket unix stream", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "socket packet raw", REFUSED, EACCES, "broker", true,
	  "{family: packet, types: [raw]}" },
	{ "ci-runner", "socket", DEPENDS, 0, "seccomp", true, "sockets.allow" },
	{ "ci-runner", "prctl PR_SET_MM", REFUSED, EPERM, "broker", true,
	  "add PR_SET_MM to prctl.allow" },
	{ "ci-runner", "prctl PR_SET_NAME", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "personality 0xffffffff", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "personality -1", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "personality 0x40000", REFUSED, EPERM, "seccomp", true,
	  "add 0x40000 to `in`" },
	{ "ci-runner", "personality", DEPENDS, 0, "seccomp", true, "add the value to `in`" },
	{ "ci-runner", "seccomp 1 0x8", REFUSED, EPERM, "seccomp", true,
	  "change its row of syscalls.where" },
	{ "ci-runner", "seccomp 1 0", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "mount", REFUSED, EPERM, "seccomp", true,
	  "none: Landlock refuses changed mounts" },
	{ "ci-runner", "init_module", REFUSED, EPERM, "seccomp", true,
	  "none: no capability of a user namespace" },
	{ "ci-runner", "ptrace", REFUSED, EPERM, "seccomp", true, "add ptrace to syscalls.allow" },
	{ "ci-runner", "sethostname", REFUSED, EPERM, "seccomp", true,
	  "add CAP_SYS_ADMIN to capabilities.keep" },
	{ "ci-runner", "vmsplice", REFUSED, ENOSYS, "seccomp", false,
	  "add vmsplice to syscalls.allow" },
	{ "ci-runner", "execve /tmp/x", ALLOWED, 0, "seccomp", true, NULL },
	{ "ci-runner", "/home/x/.ssh/id_rsa", UNSEEN, 0, "mounts", true,
	  "run with --read /home/x/.ssh/id_rsa" },
	{ "ci-runner", "/work/.ssh/id_rsa", UNSEEN, 0, "mounts", true,
	  "take /work/.ssh out of filesystem.hide" },
	{ "ci-runner", "/proc/kcore", UNSEEN, 0, "mounts", false, NULL },
	{ "ci-runner", "/work/../work/a", VISIBLE, 0, "mounts", false, NULL },
	{ "ci-runner", "/", VISIBLE, 0, "mounts", false, NULL },
	{ "ci-runner", "/etc/ssl", VISIBLE, 0, "mounts", false, NULL },
	{ "ci-runner", "read /etc/ssh/key", UNSEEN, 0, "mounts", true, "run with --read /etc/ssh" },
	{ "ci-runner", "write /work/a", ALLOWED, 0, "seccomp", true, NULL },
	{ "ci-runner", "write /work/.git/config", REFUSED, EROFS, "mounts", false,
	  "run with --write /w/.git" },
	{ "ci-runner", "write /var/tmp/x", ALLOWED, 0, "seccomp", true, NULL },
	{ "ci-runner", "write /dev/null", ALLOWED, 0, "seccomp", true, NULL },
	{ "ci-runner", "mkdir /dev/x", REFUSED, EACCES, "landlock", true,
	  "add /dev to filesystem.write" },
	{ "ci-runner", "execute /dev/shm/x", REFUSED, EACCES, "mounts", false,
	  "none for this place" },
	{ "ci-runner", "connect 10.1.2.3:443", REFUSED, ENETUNREACH, "network", true,
	  "--network private" },
	{ "ci-runner", "connect example.org:443", REFUSED, ENETUNREACH, "network", true,
	  "--network private" },
	{ "ci-runner", "connect 127.0.0.1:80", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "connect [::1]:80", ARGS, 0, "seccomp", true, NULL },
	{ "ci-runner", "connect 3", ALLOWED, 0, "seccomp", true, NULL },
	{ "web-server", "execute /tmp/x", REFUSED, EACCES, "landlock", true,
	  "add /tmp to filesystem.execute" },
	{ "web-server", "execute /usr/bin/ls", ALLOWED, 0, "seccomp", true, NULL },
	{ "web-server", "ioctl 0 TIOCSTI", REFUSED, EPERM, "broker", true,
	  "add TIOCSTI to ioctl.allow" },
	{ "web-server", "clone CLONE_NEWNET", REFUSED, EPERM, "broker", true, "none:" },
	{ "web-server", "ptrace", REFUSED, EPERM, "seccomp", true, "add ptrace to syscalls.allow" },
	{ "batch-job", "socket inet stream 0", REFUSED, EACCES, "broker", true,
	  "{family: inet, types: [stream]" },
	{ "batch-job", "write /tmp/x", ALLOWED, 0, "seccomp", true, NULL },
	{ "batch-job", "connect 10.0.0.1:80", REFUSED, EACCES, "broker", true, "sockets.allow" },
	{ "hostile-tenant", "socket unix stream", REFUSED, ENOSYS, "seccomp", false,
	  "add socket to syscalls.allow" },
	{ "hostile-tenant", "write /work/a", ALLOWED, 0, "seccomp", true, NULL },
	{ "hostile-tenant", "read /work/a", ALLOWED, 0, "seccomp", true, NULL },
	{ "hostile-tenant", "execute /tmp/a", REFUSED, EACCES, "landlock", true,
	  "add /tmp to filesystem.execute" },
	{ "hostile-tenant", "read /work/.env", UNSEEN, 0, "mounts", true,
	  "take /work/.env out of" },
	{ "development", "ptrace", ALLOWED, 0, "seccomp", true, NULL },
	{ "development", "bpf", REFUSED, EPERM, "seccomp", true, "add bpf to syscalls.allow" },
	{ "own", "chroot", ALLOWED, 0, "seccomp", true, NULL },
	{ "own", "mount", REFUSED, EPERM, "capabilities", false,
	  "none: Landlock refuses changed mounts" },
	{ "own", "dup", REFUSED, EPERM, "seccomp", true, "take dup out of syscalls.deny" },
	{ "own", "kill 1 SIGKILL", REFUSED, EPERM, "seccomp", true,
	  "change its row of syscalls.where at own.yaml:9" },
	{ "own", "kill 1 SIGHUP", ARGS, 0, "seccomp", true, NULL },
	{ "own", "kill", DEPENDS, 0, "seccomp", true, "own.yaml:9" },
	{ "own", "openat", LATER, 0, "seccomp", true, NULL },
	{ "own", "openat /work/a O_RDONLY", ASKED, 0, "broker", false, NULL },
	{ "own", "openat /work/.env O_RDONLY", REFUSED, EACCES, "broker", true,
	  "take this pattern out of filesystem.deny.read" },
	{ "own", "openat /work/.env O_PATH", ASKED, 0, "broker", true, NULL },
	{ "own", "openat2 /work/x/.git/hooks/y O_WRONLY", REFUSED, EACCES, "broker", true,
	  "take this pattern out of filesystem.deny.write" },
	{ "own", "read /work/.env", REFUSED, EACCES, "broker", true, "filesystem.deny.read" },
	{ "own", "write /work/.env", ASKED, 0, "broker", true, NULL },
	{ "own", "connect 10.1.2.3:443", ARGS, 0, "seccomp", true, NULL },
};

/* All that would have to change, as it is printed. */
static const char *change_of(struct fixture *f, const struct query_answer *answer)
{
	struct buf text = { .arena = &f->a };
	struct buf one_line = { .arena = &f->a };

	query_print(answer, &text);

	const char *at = strstr(buf_text(&text), "\n  to permit");

	for (at = at != NULL ? at + 12 : ""; *at != '\0'; at++)
		if (*at != ' ' || at[1] != ' ')
			buf_add(&one_line, *at == '\n' ? "" : at, *at == '\n' ? 0 : 1);
	return buf_text(&one_line);
}

static void check_row(struct fixture *f, const struct row *r)
{
	struct query_answer answer;

	if (ask(f, r->query, &answer) < 0)
		fail_msg("%s %s: %s", r->profile, r->query, f->e.text);

	const struct query_part *p = answer.decides;
	const char *change = change_of(f, &answer);

	if (answer.verdict != r->verdict || p->err != r->err || strcmp(p->layer, r->layer) != 0)
		fail_msg("%s %s: verdict %d, errno %d by %s", r->profile, r->query,
			 (int)answer.verdict, p->err, p->layer);
	if ((p->from.file != NULL) != r->rule)
		fail_msg("%s %s: a rule is %s", r->profile, r->query,
			 r->rule ? "missing" : "named that nobody wrote");
	if (r->fix != NULL ? strstr(change, r->fix) == NULL : r->verdict == REFUSED)
		fail_msg("%s %s: the change is '%s'", r->profile, r->query, change);
}

static void test_rows(void **state)
{
	struct fixture f = { 0 };
	const char *made = "";

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcmp(made, rows[i].profile) != 0) {
			arena_free(&f.a);
			make(&f, made = rows[i].profile, HOST_X86_64);
		}
		check_row(&f, &rows[i]);
	}
	arena_free(&f.a);
}

/* ---- every call ---- */

/* What the filter returns, and what a call comes to where it asks. */
static void check_call(struct fixture *f, const struct syscall *s, const struct plan_call *row,
		       uint64_t value)
{
	struct query q = { .kind = QUERY_CALL, .call = s };
	struct bpf_call c = { .arch = plan_audit_arch(f->host.arch), .nr = row->nr };
	struct query_answer answer;
	unsigned steps;

	for (unsigned i = 0; i < QUERY_ARGS; i++) {
		q.given[i] = true;
		q.arg[i] = c.arg[i] = value;
	}
	assert_int_equal(query_ask(&f->a, &f->plan, &q, &answer, &f->e), 0);

	bpf_verdict v = bpf_run(&f->plan.filter, &c, &steps, NULL);
	const struct query_part *p = &answer.parts[0];
	bool same = v == SECCOMP_RET_ALLOW ? p->verdict == ALLOWED || p->verdict == ARGS
		    : v == SECCOMP_RET_USER_NOTIF
			    ? answer.cost.broker && (p->verdict == LATER || p->verdict == REFUSED)
			    : p->verdict == REFUSED &&
				      v == (SECCOMP_RET_ERRNO | (uint32_t)p->err) &&
				      !answer.cost.broker;

	if (!same || answer.cost.instructions != steps)
		fail_msg("%s %s(0x%llx…): filter 0x%x, answer %d", f->plan.profile, s->name,
			 (unsigned long long)value, v, (int)p->verdict);
}

/* In each built-in and on both machines, for registers of several kinds. */
static void test_every_call_as_the_filter(void **state)
{
	static const uint64_t values[] = { 0, 1, 8, 0x5401, 0x10000000, UINT32_MAX, UINT64_MAX };
	static const enum host_arch arches[] = { HOST_X86_64, HOST_AARCH64 };
	size_t seen = 0;

	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++)
		for (size_t a = 0; a < COUNT(arches); a++) {
			struct fixture f;

			make(&f, b->name, arches[a]);
			for (size_t i = 0; i < f.plan.ncalls; i++)
				for (size_t v = 0; v < COUNT(values); v++, seen++)
					check_call(&f, syscall_find(f.plan.calls[i].name),
						   &f.plan.calls[i], values[v]);
			arena_free(&f.a);
		}
	assert_true(seen > 20000);
}

/* The numbers of `zviz profiles stats` are what asking about each call by its name alone gives. */
static void test_stats_as_the_answers(void **state)
{
	static const enum host_arch arches[] = { HOST_X86_64, HOST_AARCH64 };

	(void)state;
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++)
		for (size_t a = 0; a < COUNT(arches); a++) {
			struct fixture f;
			struct profile_stats stats, seen = { 0 };

			make(&f, b->name, arches[a]);
			assert_int_equal(profile_stats(&f.a, &f.profile, arches[a], &stats, &f.e),
					 0);
			for (size_t i = 0; i < f.plan.ncalls; i++) {
				struct query_answer one;

				assert_int_equal(ask(&f, f.plan.calls[i].name, &one), 0);
				seen.allowed += one.parts[0].verdict == ALLOWED ||
						one.verdict == QUERY_ASKED;
				seen.by_argument += one.parts[0].verdict == DEPENDS;
				seen.eperm += one.parts[0].err == EPERM;
				seen.enosys += one.parts[0].err == ENOSYS;
				if (one.cases.n == 0 && one.cost.instructions > seen.longest)
					seen.longest = one.cost.instructions;
			}
			assert_int_equal(stats.allowed, seen.allowed);
			assert_int_equal(stats.by_argument, seen.by_argument);
			assert_int_equal(stats.eperm, seen.eperm);
			assert_int_equal(stats.enosys, seen.enosys);
			assert_int_equal(stats.longest, seen.longest);
			assert_int_equal(stats.instructions, f.plan.filter.n);
			arena_free(&f.a);
		}
}

/* "add X to syscalls.allow" is believed: with that line the filter allows it, on any of its arguments. */
static void test_offered_names_permit(void **state)
{
	static const char add[] = " to syscalls.allow";
	struct fixture f;
	size_t tried = 0;

	(void)state;
	make(&f, "ci-runner", HOST_X86_64);
	for (const struct syscall *s = syscalls; s->name[0] != '\0'; s++) {
		struct query_answer answer, then;
		struct fixture g = { 0 };

		assert_int_equal(ask(&f, s->name, &answer), 0);

		const char *fix = answer.parts[0].fix;

		if (fix == NULL || strncmp(fix, "add ", 4) != 0 || strstr(fix, add) == NULL)
			continue;
		make_from(&g, "g.yaml",
			  arena_printf(&g.a,
				       "zviz: 1\nextends: ci-runner\nsyscalls: {allow: [%s]}\n",
				       s->name),
			  HOST_X86_64);
		assert_int_equal(ask(&g, s->name, &then), 0);
		if (then.parts[0].verdict != ALLOWED && then.parts[0].verdict != DEPENDS)
			fail_msg("%s stays refused", s->name);
		arena_free(&g.a);
		tried++;
	}
	assert_true(tried > 50);
	arena_free(&f.a);
}

/* ---- cases, and mistakes ---- */

static void test_cases(void **state)
{
	struct fixture f;
	struct query_answer answer;

	(void)state;
	make(&f, "ci-runner", HOST_X86_64);
	assert_int_equal(ask(&f, "personality", &answer), 0);
	assert_int_equal(answer.cases.n, 2);
	assert_string_equal(answer.cases.at[0].when, "argument 0: 0x0, 0x8, 0xffffffff");
	assert_int_equal(answer.cases.at[0].verdict, ARGS);
	assert_string_equal(answer.cases.at[1].when, "otherwise");
	assert_int_equal(answer.cases.at[1].err, EPERM);
	assert_int_equal(ask(&f, "socket inet6 dgram", &answer), 0);
	assert_string_equal(answer.cases.at[0].when, "protocol 0, 17");
	assert_int_equal(ask(&f, "socket _ stream 6", &answer), 0);
	assert_string_equal(answer.cases.at[0].when, "family unix, inet, inet6");
	assert_int_equal(ask(&f, "unshare", &answer), 0);
	assert_non_null(strstr(answer.cases.at[0].when, "flags without CLONE_NEW"));
	assert_int_equal(ask(&f, "openat _ _", &answer), 0);
	assert_int_equal(answer.cases.n, 0);
	assert_true(answer.cost.cached);
	arena_free(&f.a);
}

/* With patterns for writing alone the flags decide who is asked: what only reads is native. */
static void test_open_by_its_flags(void **state)
{
	struct fixture f = { 0 };
	struct query_answer answer;

	(void)state;
	make_from(&f, "w.yaml",
		  "zviz: 1\nextends: ci-runner\n"
		  "filesystem: {deny: {write: [\"**/.git/hooks/**\"]}}\n",
		  HOST_X86_64);
	assert_int_equal(ask(&f, "openat", &answer), 0);
	assert_int_equal(answer.verdict, DEPENDS);
	assert_string_equal(answer.cases.at[0].when, "flags that only read");
	assert_int_equal(answer.cases.at[0].verdict, ARGS);
	assert_int_equal(answer.cases.at[1].verdict, LATER);
	assert_int_equal(ask(&f, "openat /work/a O_RDONLY", &answer), 0);
	assert_int_equal(answer.verdict, ARGS);
	assert_int_equal(ask(&f, "openat /work/.git/hooks/x O_WRONLY", &answer), 0);
	assert_int_equal(answer.verdict, REFUSED);
	assert_string_equal(answer.decides->layer, "broker");
	arena_free(&f.a);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *query, *text, *hint;
	} bad[] = {
		{ "opnat /x", "'opnat' is no system call", "'openat'" },
		{ "ioctl 0 TIOCSTY", "'TIOCSTY' is no ioctl", "'TIOCSTI'" },
		{ "socket inett", "'inett' is no socket family", "'inet'" },
		{ "clone CLONE_NEWUSR", "'CLONE_NEWUSR' is no flag of clone", "'CLONE_NEWUSER'" },
		{ "openat /x O_WRONLY|", "a name is missing", NULL },
		{ "openat /x 99999999999999999999", "is no number", NULL },
		{ "openat x", "a path of the container starts with /", NULL },
		{ "personality PER_LINUX", "only a number", NULL },
		{ "dup 1 2", "one argument too many", "descriptor" },
		{ "/a /b", "one word too many", "behind --" },
		{ "execute a", "a path that starts with / must follow", NULL },
		{ "connect 10.1.2:80", "is no address", "10.1.2.3:443" },
		{ "connect 10.1.2.3:0", "is no port", NULL },
		{ "connect a..:99999", "is no port", NULL },
	};
	struct fixture f;
	struct query_answer answer;

	(void)state;
	make(&f, "ci-runner", HOST_X86_64);
	for (size_t i = 0; i < COUNT(bad); i++) {
		f.e = (struct err){ 0 };
		if (ask(&f, bad[i].query, &answer) >= 0)
			fail_msg("%s was understood", bad[i].query);
		if (strstr(f.e.text, bad[i].text) == NULL ||
		    (bad[i].hint != NULL && strstr(f.e.hint, bad[i].hint) == NULL))
			fail_msg("%s: %s (%s)", bad[i].query, f.e.text, f.e.hint);
	}
	arena_free(&f.a);

	struct fixture g;

	make(&g, "ci-runner", HOST_AARCH64);
	assert_int_equal(ask(&g, "open /x", &answer), -EINVAL);
	assert_string_equal(g.e.text, "aarch64 has no system call open");
	arena_free(&g.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_call_as_the_filter),
		cmocka_unit_test(test_stats_as_the_answers),
		cmocka_unit_test(test_offered_names_permit),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_open_by_its_flags),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
