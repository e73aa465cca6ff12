/*
 * The seccomp layer: the profile's lists become one verdict a call, the verdicts one program.
 *
 * A name beats a group, deny beats allow. What is listed nowhere answers ENOSYS, so that libraries fall
 * back as they do on an older kernel; what is denied answers EPERM. When refusals are to be counted and
 * explained, they are asked of the broker instead of being answered in BPF: same verdict, same errno.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "kern/uapi.h"
#include "policy/draft.h"
#include "table/table.h"

/* What the profile says of one call of the table, and what is known of it here. */
struct mention {
	bool allow, deny, broker;
	bool allow_by_name, deny_by_name;
	bool where, quiet;
	const struct from *from_allow, *from_deny;
	const struct special *special;
	const struct plan_call *call; /* once planned */
};

struct calls {
	struct draft *d;
	struct arena *scratch; /* for what nobody needs when the plan is made */
	struct mention *of;    /* by row of the syscall table */
	uint32_t arch;
	LIST_OF(struct bpf_case) cases; /* of the call being planned, used again for the next */
	size_t n;
	struct plan_call *out; /* sorted by number */
};

/* A call that is judged by its arguments, or performed. */
struct special {
	const char *name;
	int open_flags_arg; /* -1: behind a pointer, -2: always writing */
	void (*plan)(struct calls *c, struct plan_call *call);
};

enum list_kind { LIST_ALLOW, LIST_DENY, LIST_BROKER };

/* Calls that answer ENOSYS without a word: every libc tries them first and falls back. */
static const char *const quiet_nosys[] = { "clone3", "io_uring_enter", "io_uring_register",
					   "io_uring_setup", "rseq" };

/* Calls that the launch makes between loading the filter and exec; and the reaping first process, all its life. */
static const struct launch_call {
	const char *name;
	bool by_argument; /* it is enough when BPF allows it for some arguments */
	bool for_init;
} launch_calls[] = {
	{ "execve", false, false }, { "exit_group", false, false }, { "sendmsg", false, false },
	{ "clone", true, true },    { "wait4", false, true },
};

/* Namespace flags that clone and unshare may never carry; unshare alone knows CLONE_NEWTIME, whose bit is part
 * of clone's exit signal. */
static const uint64_t clone_new = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				  CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

/* Flags of open that change something, or may. O_DIRECTORY, part of O_TMPFILE, alone changes nothing. */
static const uint64_t open_writes = O_ACCMODE | O_CREAT | O_TRUNC | UAPI_O_TMPFILE;

static uint32_t audit_arch(enum host_arch arch)
{
	return arch == HOST_AARCH64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;
}

static void mention_one(struct calls *c, const struct syscall *s, enum list_kind kind, bool by_name,
			const struct from *from)
{
	struct mention *m = &c->of[s - syscalls];

	if (kind == LIST_BROKER) {
		m->broker = true;
	} else if (kind == LIST_ALLOW && (!m->allow || (by_name && !m->allow_by_name))) {
		m->allow = true;
		m->allow_by_name = by_name;
		m->from_allow = from;
	} else if (kind == LIST_DENY && (!m->deny || (by_name && !m->deny_by_name))) {
		m->deny = true;
		m->deny_by_name = by_name;
		m->from_deny = from;
	}
}

static int mention_group(struct calls *c, const struct syscall_group *g, enum list_kind kind,
			 const struct from *from, unsigned depth, struct err *e)
{
	if (depth > 8)
		return fail(e, ELOOP, "group %s contains itself", g->name);
	for (const char *const *m = g->members; *m != NULL; m++) {
		const struct syscall_group *inner = **m == '@' ? syscall_group_find(*m) : NULL;
		const struct syscall *s = inner == NULL ? syscall_find(*m) : NULL;

		if (inner != NULL)
			TRY(mention_group(c, inner, kind, from, depth + 1, e));
		else if (s != NULL)
			mention_one(c, s, kind, false, from);
		else
			return fail(e, EINVAL, "group %s: no system call %s", g->name, *m);
	}
	return 0;
}

static int mention_list(struct calls *c, const struct words *list, enum list_kind kind,
			struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct word *w = &list->at[i];
		const struct syscall_group *g = w->text[0] == '@' ? syscall_group_find(w->text)
								  : NULL;
		const struct syscall *s = g == NULL ? syscall_find(w->text) : NULL;

		if (g != NULL)
			TRY(mention_group(c, g, kind, &w->from, 0, e));
		else if (s != NULL)
			mention_one(c, s, kind, true, &w->from);
		else
			return fail(e, EINVAL, "%s: no system call or group '%s'",
				    from_text(c->d->a, &w->from), w->text);
	}
	return 0;
}

static struct mention *mention_of(const struct calls *c, const char *name)
{
	const struct syscall *s = syscall_find(name);

	return s != NULL ? &c->of[s - syscalls] : NULL;
}

static bool brokered(const struct calls *c, const char *name)
{
	const struct mention *m = mention_of(c, name);

	return m != NULL && m->broker;
}

static struct bpf_case *add_case(struct calls *c, uint32_t then)
{
	struct bpf_case *bc = LIST_ADD(c->scratch, &c->cases);

	*bc = (struct bpf_case){ .then = then };
	return bc;
}

static void add_test(struct bpf_case *bc, unsigned arg, uint64_t mask, uint64_t value)
{
	bc->tests[bc->n++] = (struct bpf_test){
		.arg = arg, .op = BPF_OP_EQ, .mask = mask, .value = value
	};
}

/* One case a value of a list: allowed when the low 32 bits of `arg` are one of them, as the kernel reads them. */
static void allow_values(struct calls *c, unsigned arg, const struct words *list,
			 const struct name *names)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct name *known = name_find(names, list->at[i].text);
		uint64_t v = known != NULL ? (uint64_t)known->value
					   : strtoull(list->at[i].text, NULL, 0);

		add_test(add_case(c, SECCOMP_RET_ALLOW), arg, 0xffffffff, v & 0xffffffff);
	}
}

static void call_is_args(struct calls *c, struct plan_call *call, enum mediator by,
			 const char *broker_name)
{
	bool ask = brokered(c, broker_name) || c->d->audit >= AUDIT_DENIALS;

	call->verdict = CALL_ARGS;
	call->rest = ask ? CALL_ASK : CALL_DENY;
	call->mediator = ask ? by : MEDIATE_NONE;
}

static void plan_ioctl(struct calls *c, struct plan_call *call)
{
	call_is_args(c, call, MEDIATE_IOCTL, "ioctl");
	allow_values(c, 1, &c->d->p->ioctl_allow, ioctl_names);
	call->fix = "add the request to ioctl.allow";
}

static void plan_prctl(struct calls *c, struct plan_call *call)
{
	call_is_args(c, call, MEDIATE_PRCTL, "prctl");
	allow_values(c, 0, &c->d->p->prctl_allow, prctl_names);
	call->fix = "add the operation to prctl.allow";
}

static void plan_socket_rule(struct calls *c, const struct socket_rule *r, int type)
{
	for (size_t i = 0; i < (r->n != 0 ? r->n : 1); i++) {
		struct bpf_case *bc = add_case(c, SECCOMP_RET_ALLOW);

		add_test(bc, 0, 0xffffffff, (uint32_t)r->family);
		if (type >= 0)
			/* SOCK_TYPE_MASK, include/linux/net.h */
			add_test(bc, 1, 0xf, (uint64_t)type);
		if (r->n != 0)
			add_test(bc, 2, 0xffffffff, r->protocols[i] & 0xffffffff);
	}
}

static void plan_socket(struct calls *c, struct plan_call *call)
{
	call_is_args(c, call, MEDIATE_SOCKET, "socket");
	for (size_t i = 0; i < c->d->p->sockets_allow.n; i++) {
		const struct socket_rule *r = &c->d->p->sockets_allow.at[i];

		if (r->types == ~0u) {
			plan_socket_rule(c, r, -1);
			continue;
		}
		for (int type = 0; type < 16; type++)
			if (r->types & (1u << type))
				plan_socket_rule(c, r, type);
	}
	call->fix = "add {family, types} to sockets.allow";
	call->err = EACCES;
}

static void plan_clone(struct calls *c, struct plan_call *call)
{
	uint64_t never = strcmp(call->name, "unshare") == 0 ? clone_new | CLONE_NEWTIME : clone_new;

	call_is_args(c, call, MEDIATE_CLONE, "clone");
	add_test(add_case(c, SECCOMP_RET_ALLOW), 0, never, 0);
	call->fix = "none: no profile permits new namespaces inside";
}

/* Opens are asked only where the broker can refuse something that mounts and Landlock cannot, or where
 * somebody wants to see them; with rules for writing alone, the flags clear every read in BPF. */
static void plan_open(struct calls *c, struct plan_call *call, int flags_arg)
{
	const struct profile *p = c->d->p;
	bool see = c->d->audit >= AUDIT_DECISIONS || c->d->r->verbose;
	bool reads = p->filesystem.deny_read.n != 0, writes = p->filesystem.deny_write.n != 0;

	if (!see && !reads && !writes)
		return;
	call->mediator = MEDIATE_OPEN;
	if (see || reads || flags_arg < 0) {
		call->verdict = CALL_ASK;
		return;
	}
	call->verdict = CALL_ARGS;
	call->rest = CALL_ASK;
	add_test(add_case(c, SECCOMP_RET_ALLOW), (unsigned)flags_arg, open_writes, 0);
}

static void plan_exec(struct calls *c, struct plan_call *call)
{
	if (c->d->audit < AUDIT_ALL || !brokered(c, "execve"))
		return;
	call->verdict = CALL_ASK;
	call->mediator = MEDIATE_EXEC;
}

static const struct special specials[] = {
	{ "ioctl", 0, plan_ioctl },   { "prctl", 0, plan_prctl },
	{ "socket", 0, plan_socket }, { "socketpair", 0, plan_socket },
	{ "clone", 0, plan_clone },   { "unshare", 0, plan_clone },
	{ "execve", 0, plan_exec },   { "execveat", 0, plan_exec },
	{ "open", 1, NULL },          { "openat", 2, NULL },
	{ "openat2", -1, NULL },      { "creat", -2, NULL },
};

static void plan_special(struct calls *c, const struct special *special, struct plan_call *call)
{
	if (special == NULL)
		return;
	if (special->plan != NULL)
		special->plan(c, call);
	else
		plan_open(c, call, special->open_flags_arg);
}

/* Names are looked up once here rather than compared with each call of the table. */
static void mark_known(struct calls *c)
{
	const struct where_rules *w = &c->d->p->syscalls.where;
	struct mention *m;

	for (size_t i = 0; i < COUNT(specials); i++)
		if ((m = mention_of(c, specials[i].name)) != NULL)
			m->special = &specials[i];
	for (size_t i = 0; i < COUNT(quiet_nosys); i++)
		if ((m = mention_of(c, quiet_nosys[i])) != NULL)
			m->quiet = true;
	for (size_t i = 0; i < w->n; i++)
		if ((m = mention_of(c, w->at[i].syscall)) != NULL)
			m->where = true;
}

static uint32_t plain_action(const struct plan_call *call, enum call_verdict v)
{
	switch (v) {
	case CALL_ALLOW:
		return SECCOMP_RET_ALLOW;
	case CALL_ASK:
		return SECCOMP_RET_USER_NOTIF;
	case CALL_NOSYS:
		return SECCOMP_RET_ERRNO | ENOSYS;
	case CALL_DENY:
	case CALL_ARGS:
		break;
	}
	return SECCOMP_RET_ERRNO | (uint32_t)call->err;
}

/* Some 200 calls want this text: put together without printf. */
static const char *add_to_allow(struct arena *a, const char *name)
{
	static const char before[] = "add ", after[] = " to syscalls.allow";
	size_t len = strlen(name);
	char *text = arena_alloc(a, sizeof before - 1 + len + sizeof after);
	char *end = mempcpy(text, before, sizeof before - 1);

	memcpy(mempcpy(end, name, len), after, sizeof after);
	return text;
}

static void refuse(struct calls *c, struct plan_call *call, enum call_verdict silent)
{
	call->verdict = silent;
	call->err = silent == CALL_NOSYS ? ENOSYS : EPERM;
	call->fix = add_to_allow(c->d->a, call->name);
	if (c->d->audit < AUDIT_DENIALS)
		return;
	call->verdict = CALL_ASK;
	call->mediator = MEDIATE_DENY;
}

/* What a row answers. A refusal is counted by the broker, which then refuses all that it is asked of this call;
 * where it has something to perform instead, the filter refuses by itself. */
static uint32_t where_action(struct calls *c, struct plan_call *call, enum profile_verdict then)
{
	if (then == PROFILE_ALLOW)
		return SECCOMP_RET_ALLOW;
	if (c->d->audit < AUDIT_DENIALS || call->mediator == MEDIATE_OPEN ||
	    call->mediator == MEDIATE_EXEC)
		return SECCOMP_RET_ERRNO | EPERM;
	call->mediator = MEDIATE_DENY;
	return SECCOMP_RET_USER_NOTIF;
}

/* {syscall, arg, in, then} rows: before the plain verdict and before the lists of ioctl, prctl and sockets. */
static void plan_where(struct calls *c, struct plan_call *call)
{
	const struct where_rules *w = &c->d->p->syscalls.where;
	size_t nlist = c->cases.n, ncases;

	for (size_t i = 0; i < w->n; i++) {
		const struct where_rule *r = &w->at[i];

		if (strcmp(r->syscall, call->name) != 0)
			continue;
		for (size_t v = 0; v < r->n; v++)
			add_test(add_case(c, where_action(c, call, r->then)), r->arg, r->mask,
				 r->in[v] & r->mask);
	}
	if (c->cases.n == nlist)
		return;
	if (call->verdict != CALL_ARGS) {
		call->rest = call->verdict;
		call->verdict = CALL_ARGS;
	}
	/* What the lists gave comes last. */
	ncases = c->cases.n;
	for (size_t i = 0; i < nlist; i++)
		*add_case(c, 0) = c->cases.at[i];
	memmove(c->cases.at, c->cases.at + nlist, ncases * sizeof *c->cases.at);
	c->cases.n = ncases;
}

static void keep_cases(struct calls *c, struct plan_call *call)
{
	if (c->cases.n == 0)
		return;
	call->ncases = c->cases.n;
	call->cases = arena_array(c->d->a, c->cases.n, sizeof *call->cases);
	memcpy(call->cases, c->cases.at, c->cases.n * sizeof *call->cases);
}

static void plan_one(struct calls *c, const struct syscall *s, int nr)
{
	struct mention *m = &c->of[s - syscalls];
	bool allow = m->allow && (!m->deny || (m->allow_by_name && !m->deny_by_name));
	struct plan_call *call = &c->out[c->n++];

	c->cases.n = 0;
	m->call = call;
	call->name = s->name;
	call->nr = nr;
	call->err = EPERM;
	if (allow) {
		call->from = *m->from_allow;
		plan_special(c, m->special, call);
	} else if (m->deny) {
		call->from = *m->from_deny;
		refuse(c, call, CALL_DENY);
	} else if (m->quiet) {
		call->verdict = CALL_NOSYS;
		call->err = ENOSYS;
		call->fix = "none needed: libraries fall back";
	} else {
		refuse(c, call, CALL_NOSYS);
	}
	if (m->where)
		plan_where(c, call);
	keep_cases(c, call);
}

/* One row a number that the table knows, in the order of numbers. */
static void plan_all(struct calls *c)
{
	uint32_t top = syscall_top(c->arch);

	c->cases.cap = c->d->p->ioctl_allow.n + 8; /* mostly the longest list, and where rows */
	c->cases.at = arena_array(c->scratch, c->cases.cap, sizeof *c->cases.at);
	c->out = arena_array(c->d->a, syscalls_count, sizeof *c->out);
	for (uint32_t nr = 0; nr < top; nr++) {
		const struct syscall *s = syscall_number(c->arch, (int)nr);

		if (s != NULL)
			plan_one(c, s, (int)nr);
	}
}

static int check_contradictions(const struct calls *c, struct err *e)
{
	for (size_t i = 0; i < syscalls_count; i++) {
		const struct mention *m = &c->of[i];

		if (m->allow_by_name && m->deny_by_name) {
			fail(e, EINVAL, "%s: %s is allowed here and denied at %s",
			     from_text(c->d->a, m->from_allow), syscalls[i].name,
			     from_text(c->d->a, m->from_deny));
			return advise(e, "keep one of the two");
		}
	}
	return 0;
}

static int check_launch(const struct calls *c, struct err *e)
{
	for (size_t i = 0; i < COUNT(launch_calls); i++) {
		const struct mention *m = mention_of(c, launch_calls[i].name);
		const struct plan_call *call = m != NULL ? m->call : NULL;

		if (call == NULL || call->verdict == CALL_ALLOW || call->mediator == MEDIATE_EXEC ||
		    (launch_calls[i].by_argument && call->verdict == CALL_ARGS) ||
		    (launch_calls[i].for_init && !c->d->r->init))
			continue;
		fail(e, EINVAL,
		     "profile %s does not allow %s: the launch itself needs it "
		     "after the filter is on",
		     c->d->p->name, call->name);
		return advise(e, "add %s to syscalls.allow", call->name);
	}
	return 0;
}

static int compile(struct calls *c, struct err *e)
{
	struct plan *plan = c->d->plan;
	struct bpf_rule *rules = arena_array(c->scratch, c->n, sizeof *rules);

	for (size_t i = 0; i < c->n; i++) {
		const struct plan_call *call = &c->out[i];

		rules[i] = (struct bpf_rule){
			.nr = call->nr,
			.n = call->ncases,
			.cases = call->cases,
			.otherwise = plain_action(call, call->verdict == CALL_ARGS ? call->rest
										   : call->verdict),
		};
	}

	struct bpf_arch arch = {
		.audit_arch = c->arch,
		.n = c->n,
		.rules = rules,
		.nr_limit = 0x40000000, /* __X32_SYSCALL_BIT: x32 has no table, so it is killed */
		.unknown = SECCOMP_RET_ERRNO | ENOSYS,
		.beyond = SECCOMP_RET_KILL_PROCESS,
	};
	struct bpf_policy policy = { .n = 1,
				     .arches = &arch,
				     .other_arch = SECCOMP_RET_KILL_PROCESS };

	return bpf_compile(c->d->a, &policy, &plan->filter, e);
}

/* The filter is for the machine's own calls; others are killed, and a profile that lists them is not served. */
static int check_architectures(const struct draft *d, struct err *e)
{
	const char *own = d->h->arch == HOST_AARCH64 ? "aarch64" : "x86_64";
	const struct words *list = &d->p->syscalls.architectures;

	for (size_t i = 0; i < list->n; i++) {
		const char *name = list->at[i].text;

		if (strcmp(name, "native") == 0 || strcmp(name, own) == 0)
			continue;
		fail(e, EOPNOTSUPP,
		     "%s: syscalls.architectures: %s is not available in this version",
		     from_text(d->a, &list->at[i].from), name);
		return advise(e, "list native alone");
	}
	return 0;
}

static int check_host(struct draft *d, bool asks, struct err *e)
{
	if (!asks || d->h->seccomp_notify)
		return 0;
	fail(e, ENOSYS,
	     "seccomp: this kernel cannot ask a broker (SECCOMP_RET_USER_NOTIF, Linux 5.0)");
	return advise(
		e, "use a newer kernel, or a profile without brokered calls and with audit: none");
}

static int plan_calls(struct calls *c, struct err *e)
{
	const struct profile *p = c->d->p;

	c->of = arena_array(c->scratch, syscalls_count, sizeof *c->of);
	TRY(mention_list(c, &p->syscalls.allow, LIST_ALLOW, e));
	TRY(mention_list(c, &p->syscalls.deny, LIST_DENY, e));
	TRY(mention_list(c, &p->syscalls.broker, LIST_BROKER, e));
	TRY(check_contradictions(c, e));
	mark_known(c);
	plan_all(c);
	TRY(check_launch(c, e));
	return compile(c, e);
}

static int seccomp_plan(struct draft *d, struct err *e)
{
	struct arena scratch = { 0 };
	struct calls c = { .d = d, .scratch = &scratch, .arch = audit_arch(d->h->arch) };
	bool asks = false;

	TRY(check_architectures(d, e));
	int r = plan_calls(&c, e);

	arena_free(&scratch);
	TRY(r);
	for (size_t i = 0; i < c.n; i++)
		asks |= c.out[i].mediator != MEDIATE_NONE;
	TRY(check_host(d, asks, e));
	d->plan->ncalls = c.n;
	d->plan->calls = c.out;
	d->plan->filter_flags = asks ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	if (asks && d->h->seccomp_killable_wait)
		d->plan->filter_flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return 0;
}

static const char *verdict_word(const struct plan_call *call, enum call_verdict v)
{
	switch (v) {
	case CALL_ALLOW:
		return "allow";
	case CALL_ASK:
		return call->mediator == MEDIATE_DENY ? "broker: deny" : "broker";
	case CALL_NOSYS:
		return "ENOSYS";
	case CALL_ARGS:
		return "by argument";
	case CALL_DENY:
		break;
	}
	return "deny";
}

static void seccomp_explain(const struct plan *p, struct buf *out)
{
	buf_printf(
		out,
		"  filter: %zu instructions; numbers without a rule: ENOSYS; x32 and i386: killed\n",
		p->filter.n);
	for (size_t i = 0; i < p->ncalls; i++) {
		const struct plan_call *call = &p->calls[i];

		buf_printf(out, "  %-24s %s", call->name, verdict_word(call, call->verdict));
		if (call->verdict == CALL_ARGS)
			buf_printf(out, " (%zu cases, else %s)", call->ncases,
				   verdict_word(call, call->rest));
		buf_printf(out, "  [%s]\n", from_text(out->arena, &call->from));
	}
}

const struct layer layer_seccomp = { "seccomp", seccomp_plan, seccomp_explain };
