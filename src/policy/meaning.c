#include "policy/meaning.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/num.h"
#include "kern/uapi.h"
#include "table/table.h"

static const uint64_t low_half = UINT32_MAX;

struct maker {
	struct arena *a;
	const struct profile *p;
	bool counted;   /* refusals are asked, so that they are counted and explained */
	bool watched;   /* opens are asked, because somebody watches them */
	bool performed; /* the call at hand is, by the broker, at least for some arguments */
	bool may_ask;   /* about rare arguments that are allowed: the broker decides by the lists */
};

/* ---- lists ---- */

enum membership { NOT_LISTED, BY_GROUP, BY_NAME };

static bool in_group(const struct syscall_group *g, const char *call)
{
	for (const char *const *m = g->members; *m != NULL; m++) {
		if (strcmp(*m, call) == 0)
			return true;
		if (**m == '@' && in_group(syscall_group_find(*m), call))
			return true;
	}
	return false;
}

static enum membership listed(const struct words *list, const char *call)
{
	enum membership best = NOT_LISTED;

	for (size_t i = 0; i < list->n; i++) {
		const char *word = list->at[i].text;

		if (strcmp(word, call) == 0)
			return BY_NAME;
		if (word[0] == '@' && best == NOT_LISTED &&
		    in_group(syscall_group_find(word), call))
			best = BY_GROUP;
	}
	return best;
}

static bool brokered(const struct maker *k, const char *call)
{
	return listed(&k->p->syscalls.broker, call) != NOT_LISTED;
}

/* ---- answers ---- */

static bpf_verdict error(int no)
{
	return SECCOMP_RET_ERRNO | (uint32_t)no;
}

/* A refusal is silent, or asked of the broker, which answers the same and counts it. */
static bpf_verdict refusal(const struct maker *k, bool asked, int no)
{
	return k->counted || asked ? SECCOMP_RET_USER_NOTIF : error(no);
}

static struct meaning_row *row(struct maker *k, struct meaning_call *c, bpf_verdict answer)
{
	struct meaning_row *r = LIST_ADD(k->a, c);

	r->answer = answer;
	return r;
}

static void test(struct meaning_row *r, unsigned arg, uint64_t mask, uint64_t value)
{
	r->tests[r->ntests++] = (struct meaning_test){ .arg = arg, .mask = mask, .value = value };
}

/* Any of these bits. */
static void test_any(struct meaning_row *r, unsigned arg, uint64_t mask)
{
	r->tests[r->ntests++] = (struct meaning_test){ .arg = arg, .mask = mask, .not_zero = true };
}

/* ---- arguments ---- */

/* Sets the answer to all that is not listed. */
static void lists_decide(struct maker *k, struct meaning_call *c, const char *broker_name, int no)
{
	bool rows = false;

	for (size_t i = 0; i < k->p->syscalls.where.n; i++)
		rows |= strcmp(k->p->syscalls.where.at[i].syscall, c->name) == 0;
	c->otherwise = refusal(k, brokered(k, broker_name), no);
	k->may_ask = c->otherwise == SECCOMP_RET_USER_NOTIF && !rows;
}

/* A command or an operation: names and numbers, of which the kernel reads 32 bits. */
static void values(struct maker *k, struct meaning_call *c, const struct words *list,
		   const struct name *names, bool (*is_rare)(uint64_t), unsigned arg)
{
	struct meaning_row *r;

	for (size_t i = 0; i < list->n; i++) {
		const struct name *known = name_find(names, list->at[i].text);
		uint64_t value = known != NULL ? (uint64_t)known->value : 0;

		if (known == NULL)
			(void)num_u64(list->at[i].text, &value);
		r = row(k, c, SECCOMP_RET_ALLOW);
		test(r, arg, low_half, value & low_half);
		r->or_asked = k->may_ask && is_rare(value & low_half);
	}
}

static void means_ioctl(struct maker *k, struct meaning_call *c)
{
	lists_decide(k, c, "ioctl", EPERM);
	values(k, c, &k->p->ioctl_allow, ioctl_names, ioctl_is_rare, 1);
}

static void means_prctl(struct maker *k, struct meaning_call *c)
{
	lists_decide(k, c, "prctl", EPERM);
	values(k, c, &k->p->prctl_allow, prctl_names, prctl_is_rare, 0);
}

/* One type, or with a mask of 0 every one: it is the low four bits of its argument, the others are flags
 * (include/linux/net.h). */
static void means_socket_type(struct maker *k, struct meaning_call *c, const struct socket_rule *s,
			      uint64_t mask, unsigned type)
{
	for (size_t p = 0; p < (s->n != 0 ? s->n : 1); p++) {
		struct meaning_row *r = row(k, c, SECCOMP_RET_ALLOW);

		r->or_asked = k->may_ask && socket_family_is_rare(s->family);
		test(r, 0, low_half, (uint32_t)s->family);
		if (mask != 0)
			test(r, 1, mask, type);
		if (s->n != 0)
			test(r, 2, low_half, s->protocols[p] & low_half);
	}
}

static void means_socket(struct maker *k, struct meaning_call *c)
{
	const struct socket_rules *rules = &k->p->sockets_allow;

	lists_decide(k, c, "socket", EACCES);
	for (size_t i = 0; i < rules->n; i++) {
		const struct socket_rule *s = &rules->at[i];

		if (s->types == ~0u)
			means_socket_type(k, c, s, 0, 0);
		for (unsigned type = 0; type < 16 && s->types != ~0u; type++)
			if (s->types & 1u << type)
				means_socket_type(k, c, s, 0xf, type);
	}
}

/* Whatever asks for a new namespace; the bit of CLONE_NEWTIME is part of clone's exit signal. */
static void means_clone(struct maker *k, struct meaning_call *c)
{
	uint64_t never = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
			 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

	if (strcmp(c->name, "unshare") == 0)
		never |= CLONE_NEWTIME;

	test_any(row(k, c, refusal(k, brokered(k, "clone"), EPERM)), 0, never);
	c->otherwise = SECCOMP_RET_ALLOW;
}

/* Opens are performed by the broker where the profile has patterns, or somebody watches. With patterns for writing
 * alone those are left to the kernel whose flags only read, as far as registers tell. */
static void means_open(struct maker *k, struct meaning_call *c)
{
	bool reads = k->p->filesystem.deny_read.n != 0 || k->p->ask.read.n != 0;
	bool writes = k->p->filesystem.deny_write.n != 0 || k->p->ask.write.n != 0;
	unsigned flags = strcmp(c->name, "openat") == 0 ? 2 : 1;
	bool in_register = strcmp(c->name, "open") == 0 || strcmp(c->name, "openat") == 0;

	if (!reads && !writes && !k->watched)
		return;
	k->performed = true;
	if (!reads && !k->watched && in_register) {
		const uint64_t changes = UAPI_O_ACCMODE | O_CREAT | O_TRUNC | UAPI_O_TMPFILE;

		test_any(row(k, c, SECCOMP_RET_USER_NOTIF), flags, changes);
		return;
	}
	c->otherwise = SECCOMP_RET_USER_NOTIF;
}

static bool has_patterns(const struct profile *p)
{
	return p->filesystem.deny_read.n != 0 || p->filesystem.deny_write.n != 0 ||
	       p->ask.read.n != 0 || p->ask.write.n != 0;
}

/* What changes names is performed by the broker where there are patterns: they are about names. */
static void means_names(struct maker *k, struct meaning_call *c)
{
	if (!has_patterns(k->p))
		return;
	k->performed = true;
	c->otherwise = SECCOMP_RET_USER_NOTIF;
}

/* With patterns the broker names the addresses of sockets: they may be files. With questions about addresses it does all but
 * bind. */
static bool names_addresses(const struct maker *k, const char *call)
{
	return has_patterns(k->p) || (k->p->ask.connect.n != 0 && strcmp(call, "bind") != 0);
}

/* sendto without an address has none to name. */
static void means_address(struct maker *k, struct meaning_call *c)
{
	if (!names_addresses(k, c->name))
		return;
	k->performed = true;
	if (strcmp(c->name, "sendto") == 0)
		test_any(row(k, c, SECCOMP_RET_USER_NOTIF), 4, UINT64_MAX);
	else
		c->otherwise = SECCOMP_RET_USER_NOTIF;
}

/* Where limits are shown, two calls are answered by them: whoever asks for it, or where a broker is there anyway. */
static void means_view(struct maker *k, struct meaning_call *c)
{
	bool off = k->p->resources.view_from.line != 0 && !k->p->resources.view;
	bool limited = k->p->resources.memory.set || k->p->resources.cpus.set;

	if (k->p->resources.view || (k->counted && limited && !off))
		c->otherwise = SECCOMP_RET_USER_NOTIF;
}

/* Datagrams that are sent by way of somebody: linux/in.h and linux/in6.h. */
static void means_options(struct maker *k, struct meaning_call *c)
{
	static const struct {
		unsigned level, option;
	} refused[] = { { 0, 4 }, { 41, 5 }, { 41, 6 }, { 41, 32 }, { 41, 57 } };

	for (size_t i = 0; i < COUNT(refused) && k->p->ask.connect.n != 0; i++) {
		struct meaning_row *r = row(k, c, error(EACCES));

		test(r, 1, low_half, refused[i].level);
		test(r, 2, low_half, refused[i].option);
	}
}

static void means_exec(struct maker *k, struct meaning_call *c)
{
	/* Programs that are asked about, or seen by somebody who watches all. */
	if (k->p->ask.execute.n == 0 && (k->p->audit < AUDIT_ALL || !brokered(k, "execve")))
		return;
	k->performed = true;
	c->otherwise = SECCOMP_RET_USER_NOTIF;
}

static const struct judged {
	const char *call;
	void (*means)(struct maker *k, struct meaning_call *c);
} judged[] = {
	{ "ioctl", means_ioctl },        { "prctl", means_prctl },
	{ "socket", means_socket },      { "socketpair", means_socket },
	{ "clone", means_clone },        { "unshare", means_clone },
	{ "open", means_open },          { "openat", means_open },
	{ "openat2", means_open },       { "creat", means_open },
	{ "execve", means_exec },        { "execveat", means_exec },
	{ "link", means_names },         { "linkat", means_names },
	{ "mkdir", means_names },        { "mkdirat", means_names },
	{ "mknod", means_names },        { "mknodat", means_names },
	{ "rename", means_names },       { "renameat", means_names },
	{ "renameat2", means_names },    { "rmdir", means_names },
	{ "symlink", means_names },      { "symlinkat", means_names },
	{ "connect", means_address },    { "bind", means_address },
	{ "sendto", means_address },     { "sendmsg", means_address },
	{ "sendmmsg", means_address },   { "truncate", means_names },
	{ "unlink", means_names },       { "unlinkat", means_names },
	{ "sysinfo", means_view },       { "sched_getaffinity", means_view },
	{ "setsockopt", means_options },
};

/* Rows of `where:` come first. What they refuse is asked where refusals are counted; where the broker performs what it
 * is asked of this call, they refuse by themselves. */
static void means_where(struct maker *k, struct meaning_call *c)
{
	const struct where_rules *w = &k->p->syscalls.where;
	const struct meaning_call after = *c;
	bpf_verdict refused = k->performed ? error(EPERM) : refusal(k, false, EPERM);

	c->n = c->cap = 0;
	c->at = NULL;
	for (size_t i = 0; i < w->n; i++)
		for (size_t v = 0; strcmp(w->at[i].syscall, c->name) == 0 && v < w->at[i].n; v++) {
			bool allow = w->at[i].then == PROFILE_ALLOW;
			struct meaning_row *r = row(k, c, allow ? SECCOMP_RET_ALLOW : refused);

			test(r, w->at[i].arg, w->at[i].mask, w->at[i].in[v] & w->at[i].mask);
		}
	for (size_t i = 0; i < after.n; i++)
		*LIST_ADD(k->a, c) = after.at[i];
}

/* ---- the whole ---- */

/* Libraries try these first and fall back: their refusal is worth no word. */
static bool is_quiet(const char *call)
{
	static const char *const quiet[] = { "clone3", "io_uring_enter", "io_uring_register",
					     "io_uring_setup", "rseq" };

	for (size_t i = 0; i < COUNT(quiet); i++)
		if (strcmp(quiet[i], call) == 0)
			return true;
	return false;
}

/* Whether a call belongs to those that syscalls.tripwire leaves as they are: the launch needs it, it has rows, or
 * patterns or questions are about it. */
static bool spared(const struct maker *k, const char *call)
{
	static const char *const needed[] = { "execve", "exit_group", "sendmsg", "clone", "wait4" };

	for (size_t i = 0; i < COUNT(needed); i++)
		if (strcmp(needed[i], call) == 0)
			return true;
	for (size_t i = 0; i < k->p->syscalls.where.n; i++)
		if (strcmp(k->p->syscalls.where.at[i].syscall, call) == 0)
			return true;
	for (size_t i = 0; i < COUNT(judged); i++)
		if (strcmp(judged[i].call, call) == 0)
			return judged[i].means == means_open || judged[i].means == means_names ||
			       (judged[i].means == means_address && names_addresses(k, call));
	return false;
}

/* The broker is asked about such a call, whatever its arguments: it goes by the same lists. */
static void means_tripwire(struct maker *k, struct meaning_call *c)
{
	if (listed(&k->p->syscalls.tripwire, c->name) == NOT_LISTED || spared(k, c->name))
		return;
	c->n = 0;
	c->otherwise = SECCOMP_RET_USER_NOTIF;
}

static void means(struct maker *k, struct meaning_call *c)
{
	enum membership allow = listed(&k->p->syscalls.allow, c->name),
			deny = listed(&k->p->syscalls.deny, c->name);

	k->performed = false;
	if (allow > deny) {
		c->otherwise = SECCOMP_RET_ALLOW;
		for (size_t i = 0; i < COUNT(judged); i++)
			if (strcmp(judged[i].call, c->name) == 0)
				judged[i].means(k, c);
		means_tripwire(k, c);
	} else if (deny != NOT_LISTED) {
		c->otherwise = refusal(k, false, EPERM);
	} else {
		c->otherwise = is_quiet(c->name) ? error(ENOSYS) : refusal(k, false, ENOSYS);
	}
	means_where(k, c);
}

/* ---- the machine's other ABIs ---- */

static bool lists_abi(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->syscalls.architectures.n; i++)
		if (strcmp(p->syscalls.architectures.at[i].text, name) == 0)
			return true;
	return false;
}

/* A row on registers of 32 bits, above which a filter sees zeros. A number that needs more is never passed; a negative one
 * has all bits above set, as far as they are looked at. False: the row never holds. */
static bool row_in_32_bits(struct meaning_row *r)
{
	for (size_t i = 0; i < r->ntests; i++) {
		struct meaning_test *t = &r->tests[i];
		uint64_t above = t->mask >> 32, value = t->value >> 32;
		bool is_negative = (t->value >> 31 & 1) != 0 && value == above;

		if (!t->not_zero && value != 0 && !is_negative)
			return false;
		t->mask &= low_half;
		t->value &= low_half;
	}
	return true;
}

/* What is said of arguments that a call of i386 has elsewhere than in the same register cannot be looked at: the call
 * is as good as not there. */
static void means_in_32_bits(struct meaning_call *c, unsigned same)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		for (size_t t = 0; t < c->at[i].ntests; t++)
			if (c->at[i].tests[t].arg >= same) {
				c->n = 0;
				c->otherwise = error(ENOSYS);
				return;
			}
	for (size_t i = 0; i < c->n; i++) {
		c->at[n] = c->at[i];
		n += row_in_32_bits(&c->at[n]);
	}
	c->n = n;
}

/* Of calls that share a number those are allowed of which nothing but their name is asked. */
static void means_parts(struct maker *k, struct meaning_call *c, const struct syscall_parts *parts)
{
	c->otherwise = error(ENOSYS);
	for (const struct syscall_part *part = parts->at; part->call != NULL; part++) {
		struct meaning_call one = { .name = part->call };

		means(k, &one);
		if (one.n == 0 && one.otherwise == SECCOMP_RET_ALLOW)
			test(row(k, c, SECCOMP_RET_ALLOW), 0, parts->mask, part->op);
	}
}

static void means_numbers(struct maker *k, uint32_t first, uint32_t top, struct meaning *m)
{
	for (uint32_t nr = first; nr < top; nr++) {
		const struct syscall *s = syscall_number(m->arch, (int)nr);
		const struct syscall_parts *parts = syscall_parts(m->arch, (int)nr);

		if (s == NULL && parts == NULL)
			continue;

		struct meaning_call *c = LIST_ADD(k->a, m);

		c->nr = (int)nr;
		c->name = parts != NULL ? parts->name : s->name;
		if (parts != NULL)
			means_parts(k, c, parts);
		else
			means(k, c);
		if (m->arch == AUDIT_ARCH_I386 && parts == NULL)
			means_in_32_bits(c, syscall_same(m->arch, (int)nr));
	}
}

static struct meaning means_nothing(uint32_t arch)
{
	return (struct meaning){
		.arch = arch,
		.nr_limit = SYSCALL_X32_BIT,
		.unknown = error(ENOSYS),
		.beyond = SECCOMP_RET_KILL_PROCESS,
		.other_arch = SECCOMP_RET_KILL_PROCESS,
	};
}

void meaning_make(struct arena *a, const struct profile *p, const struct meaning_request *r,
		  uint32_t arch, struct meaning *out)
{
	struct maker k = {
		.a = a,
		.p = p,
		.counted = p->audit >= AUDIT_DENIALS || r->verbose || r->events,
		.watched = p->audit >= AUDIT_DECISIONS || r->verbose,
	};

	*out = means_nothing(arch);
	means_numbers(&k, 0, syscall_top(arch), out);
	if (arch != AUDIT_ARCH_X86_64)
		return;
	if (lists_abi(p, "x32")) {
		out->nr_limit = INT_MAX;
		means_numbers(&k, SYSCALL_X32_BIT, SYSCALL_X32_BIT + 1024, out);
	}
	if (lists_abi(p, "i386")) {
		struct meaning *also = arena_alloc(a, sizeof *also);

		*also = means_nothing(AUDIT_ARCH_I386);
		means_numbers(&k, 0, syscall_top(AUDIT_ARCH_I386), also);
		out->also = also;
	}
}
