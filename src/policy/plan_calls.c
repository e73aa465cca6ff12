/*
 * The seccomp layer: the profile's lists become one verdict a call, the verdicts one program.
 *
 * A name beats a group, deny beats allow. What is listed nowhere answers ENOSYS, so that libraries fall
 * back as they do on an older kernel; what is denied answers EPERM. When refusals are to be counted and
 * explained, they are asked of the broker instead of being answered in BPF: same verdict, same errno.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/plan_calls.h"

static const struct from nowhere; /* where the defaults are written */

/* Calls that answer ENOSYS without a word: every libc tries them first and falls back. */
static const char *const quiet_nosys[] = { "clone3", "io_uring_enter", "io_uring_register",
					   "io_uring_setup", "rseq" };

/* Calls that the launch makes between loading the filter and exec; and the reaping first process, all its life. */
static const struct launch_call {
	const char *name;
	bool by_argument; /* it is enough when BPF allows it for some arguments */
	bool for_init, for_starter;
} launch_calls[] = {
	{ "execve", false, false, false },
	{ "exit_group", false, false, false },
	{ "sendmsg", false, false, false },
	{ "clone", true, true, false },
	{ "wait4", false, true, false },
	/* Under ask.execute (box/starter.c). */
	{ "execveat", false, false, true },
	{ "fcntl", true, false, true },
};

uint32_t plan_audit_arch(enum host_arch arch)
{
	return arch == HOST_AARCH64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;
}

static void refuse(struct calls *c, struct plan_call *call, enum call_verdict silent)
{
	call->verdict = silent;
	call->err = silent == CALL_NOSYS ? ENOSYS : EPERM;
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
	    call->mediator == MEDIATE_NAMES || call->mediator == MEDIATE_ADDRESS ||
	    call->mediator == MEDIATE_EXEC)
		return SECCOMP_RET_ERRNO | EPERM;
	call->mediator = MEDIATE_DENY;
	if (call->fix == NULL)
		call->fix = "change its rows of syscalls.where";
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
	call->ncases = (uint32_t)c->cases.n;
	call->cases = arena_array(c->d->a, c->cases.n, sizeof *call->cases);
	memcpy(call->cases, c->cases.at, c->cases.n * sizeof *call->cases);
}

static void plan_one(struct calls *c, const struct syscall *s, int nr)
{
	const struct profile *p = c->d->p;
	const struct call_mention *m = &p->syscalls.mentions.at[s - syscalls];
	bool allow = m->allow && (!m->deny || (m->allow_by_name && !m->deny_by_name));
	struct plan_call *call = &c->out[c->n++];

	c->cases.n = 0;
	c->by_row[s - syscalls] = (uint16_t)c->n;
	call->name = s->name;
	call->nr = nr;
	call->err = EPERM;
	call->from = &nowhere;
	if (allow) {
		call->from = &p->syscalls.allow.at[m->allow - 1].from;
		plan_args(c, s, call);
		plan_tripwire(c, s, call);
	} else if (m->deny) {
		call->from = &p->syscalls.deny.at[m->deny - 1].from;
		refuse(c, call, CALL_DENY);
	} else if (c->known[s - syscalls] == CALL_IS_QUIET) {
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
	const struct profile *p = c->d->p;

	for (size_t i = 0; i < syscalls_count; i++) {
		const struct call_mention *m = &p->syscalls.mentions.at[i];

		if (m->allow_by_name && m->deny_by_name) {
			fail(e, EINVAL, "%s: %s is allowed here and denied at %s",
			     from_text(c->d->a, &p->syscalls.allow.at[m->allow - 1].from),
			     syscalls[i].name,
			     from_text(c->d->a, &p->syscalls.deny.at[m->deny - 1].from));
			return advise(e, "keep one of the two");
		}
	}
	return 0;
}

const struct plan_call *planned(const struct calls *c, const char *name)
{
	const struct syscall *s = syscall_find(name);
	unsigned at = s != NULL ? c->by_row[s - syscalls] : 0;

	return at != 0 ? &c->out[at - 1] : NULL;
}

bool plan_is_launch(const char *name)
{
	for (size_t i = 0; i < COUNT(launch_calls); i++)
		if (strcmp(launch_calls[i].name, name) == 0 && !launch_calls[i].for_starter)
			return true;
	return false;
}

static int check_launch(const struct calls *c, struct err *e)
{
	for (size_t i = 0; i < COUNT(launch_calls); i++) {
		const struct plan_call *call = planned(c, launch_calls[i].name);

		if (call == NULL || call->verdict == CALL_ALLOW || call->mediator == MEDIATE_EXEC ||
		    call->mediator ==
			    MEDIATE_ADDRESS || /* init has help: hand_over() of box/init.c */
		    (launch_calls[i].by_argument && call->verdict == CALL_ARGS) ||
		    (launch_calls[i].for_init && !c->d->r->init) ||
		    (launch_calls[i].for_starter &&
		     (c->d->p->ask.execute.n == 0 || call->mediator == MEDIATE_TRIPWIRE)))
			continue;
		fail(e, EINVAL,
		     "profile %s does not allow %s: the launch itself needs it "
		     "after the filter is on",
		     c->d->p->name, call->name);
		return advise(e, "add %s to syscalls.allow", call->name);
	}
	return 0;
}

/* Ways to a file, or to another name for it, that no broker sees. */
static int check_patterns(const struct calls *c, struct err *e)
{
	static const char *const unseen[] = { "io_uring_setup", "open_by_handle_at" };
	const struct word *pattern = profile_pattern(c->d->p);

	for (size_t i = 0; i < COUNT(unseen) && pattern != NULL; i++) {
		const struct plan_call *call = planned(c, unseen[i]);

		if (call == NULL || call->verdict == CALL_DENY || call->verdict == CALL_NOSYS ||
		    call->mediator == MEDIATE_DENY)
			continue;
		fail(e, EINVAL,
		     "%s: patterns of filesystem.deny and ask cannot be kept while %s is allowed [%s]",
		     from_text(c->d->a, &pattern->from), call->name,
		     from_text(c->d->a, call->from));
		return advise(e, "take %s out of syscalls.allow, or the patterns out", call->name);
	}
	return 0;
}

static bool is_kept(enum mediator m)
{
	return m == MEDIATE_OPEN || m == MEDIATE_NAMES || m == MEDIATE_ADDRESS;
}

/* A row that lets a call go on by itself, past the broker that is to keep the patterns. */
static int check_rows(const struct calls *c, struct err *e)
{
	const struct where_rules *w = &c->d->p->syscalls.where;

	for (size_t i = 0; i < w->n; i++) {
		const struct plan_call *call = planned(c, w->at[i].syscall);
		bool kept = call != NULL &&
			    ((is_kept(call->mediator) && profile_pattern(c->d->p) != NULL) ||
			     (call->mediator == MEDIATE_EXEC && c->d->p->ask.execute.n != 0));

		if (!kept || w->at[i].then != PROFILE_ALLOW)
			continue;
		fail(e, EINVAL,
		     "%s: syscalls.where: %s cannot be let past the broker, which keeps the patterns of "
		     "filesystem.deny and ask",
		     from_text(c->d->a, &w->at[i].from), call->name);
		return advise(e, "take the row out, or the patterns");
	}
	return 0;
}

static int compile(struct calls *c, struct err *e)
{
	struct bpf_policy policy;

	plan_policy(c->scratch, c->d->plan, &policy);
	return bpf_compile_with(c->scratch, c->d->a, &policy, &c->d->plan->filter, e);
}

/* The machine's own calls have to be listed, or nothing could start. Others that it does not run may be: a profile is for
 * many machines. */
static int check_architectures(struct draft *d, struct err *e)
{
	bool arm = d->h->arch == HOST_AARCH64;
	const char *own = arm ? "aarch64" : "x86_64";
	const struct words *list = &d->p->syscalls.architectures;
	bool listed = list->n == 0;

	for (size_t i = 0; i < list->n; i++) {
		const char *name = list->at[i].text;

		listed |= strcmp(name, "native") == 0 || strcmp(name, own) == 0;
		d->plan->i386 |= !arm && strcmp(name, "i386") == 0;
		d->plan->x32 |= !arm && strcmp(name, "x32") == 0;
	}
	if (listed)
		return 0;
	fail(e, EOPNOTSUPP,
	     "%s: syscalls.architectures: the calls of this machine, %s, are not listed, and the launch itself "
	     "makes them",
	     from_text(d->a, &list->at[0].from), own);
	return advise(e, "list native as well");
}

static const char *why_nobody(const struct host *h)
{
	return h->seccomp_listener_taken
		       ? "whoever confines zviz has a seccomp listener, and the kernel gives no second one"
		       : "this kernel cannot ask a broker (SECCOMP_RET_USER_NOTIF, Linux 5.0)";
}

/* The first rule that only a broker keeps. */
static const struct from *first_kept(const struct profile *p)
{
	const struct word *pattern = profile_pattern(p);

	if (pattern == NULL && p->ask.execute.n != 0)
		pattern = &p->ask.execute.at[0];
	if (pattern == NULL && p->ask.connect.n != 0)
		return &p->ask.connect.at[0].from;
	return pattern != NULL ? &pattern->from : NULL;
}

/* Without a broker the verdicts by number and by register hold all the same. */
static void do_without_broker(struct draft *d)
{
	const struct from *rule = first_kept(d->p);

	if (d->h->seccomp_notify || d->p->requirements.seccomp_notify != NEED_PREFERRED)
		return;
	d->nobody_to_ask = true;
	d->audit = AUDIT_NONE;
	draft_missing(d, "broker",
		      arena_printf(d->a, "refusals are not reported: %s", why_nobody(d->h)),
		      "see `zviz check`");
	if (rule != NULL)
		draft_missing(d, "broker",
			      arena_printf(d->a, "filesystem.deny and ask [%s] are not enforced",
					   from_text(d->a, rule)),
			      "see `zviz check`");
	if (d->p->syscalls.tripwire.n != 0)
		draft_missing(d, "broker",
			      arena_printf(d->a, "syscalls.tripwire [%s] cuts nothing off",
					   from_text(d->a, &d->p->syscalls.tripwire.at[0].from)),
			      "see `zviz check`");
}

static int check_host(struct draft *d, bool asks, struct err *e)
{
	if (!asks || d->h->seccomp_notify)
		return 0;
	fail(e, ENOSYS, "seccomp: %s", why_nobody(d->h));
	return advise(e,
		      "%s, or `requirements: {seccomp_notify: preferred}`: refusals are not "
		      "reported then, and patterns of filesystem.deny not enforced",
		      d->h->seccomp_listener_taken ? "start zviz outside of that container"
						   : "use a newer kernel");
}

static int plan_calls(struct calls *c, struct err *e)
{
	c->known = arena_array(c->scratch, syscalls_count, sizeof *c->known);
	c->by_row = arena_array(c->scratch, syscalls_count, sizeof *c->by_row);
	TRY(check_contradictions(c, e));
	for (size_t i = 0; i < COUNT(quiet_nosys); i++)
		c->known[syscall_find(quiet_nosys[i]) - syscalls] = CALL_IS_QUIET;
	mark_args(c);
	plan_all(c);
	TRY(check_launch(c, e));
	TRY(check_patterns(c, e));
	TRY(check_connect(c, e));
	TRY(check_network(c, e));
	TRY(check_rows(c, e));
	TRY(check_tripwires(c, e));
	c->d->plan->ncalls = c->n;
	c->d->plan->calls = c->out;
	return compile(c, e);
}

static int seccomp_plan(struct draft *d, struct err *e)
{
	struct arena scratch = { 0 };
	struct calls c = { .d = d, .scratch = &scratch, .arch = plan_audit_arch(d->h->arch) };
	bool asks = false;

	TRY(check_architectures(d, e));
	do_without_broker(d);
	int r = plan_calls(&c, e);

	arena_free(&scratch);
	TRY(r);
	for (size_t i = 0; i < c.n; i++)
		asks |= c.out[i].mediator != MEDIATE_NONE;
	TRY(check_host(d, asks, e));
	d->plan->filter_flags = asks ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	if (asks && d->h->seccomp_killable_wait)
		d->plan->filter_flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return d->s->linux_.seccomp.set ? plan_spec_seccomp(d, c.arch, e) : 0;
}

static const char *verdict_word(const struct plan_call *call, enum call_verdict v)
{
	switch (v) {
	case CALL_ALLOW:
		return "allow";
	case CALL_ASK:
		return call->mediator == MEDIATE_DENY       ? "broker: deny"
		       : call->mediator == MEDIATE_TRIPWIRE ? "broker: allowed until cut off"
							    : "broker";
	case CALL_NOSYS:
		return "ENOSYS";
	case CALL_ARGS:
		return "by argument";
	case CALL_DENY:
		break;
	}
	return "deny";
}

static void explain_spec(const struct plan *p, struct buf *out)
{
	if (p->spec_filter.n == 0)
		return;
	buf_printf(
		out,
		"  linux.seccomp: %zu instructions, loaded %s the profile's; the stricter answer counts; "
		"%zu names of no call here ignored\n",
		p->spec_filter.n, p->spec_filter_last ? "after" : "before", p->spec_unknown);
}

static const char *abis(const struct plan *p)
{
	if (p->host->arch == HOST_AARCH64)
		return "32-bit programs: killed";
	if ((p->i386 || p->x32) && p->spec_filter.n != 0)
		return "x32 and i386: killed, linux.seccomp of the bundle is for x86_64 alone";
	return p->i386 && p->x32 ? "i386 and x32: the same verdicts"
	       : p->i386         ? "i386: the same verdicts; x32: killed"
	       : p->x32          ? "x32: the same verdicts; i386: killed"
				 : "x32 and i386: killed";
}

static void seccomp_explain(const struct plan *p, struct buf *out)
{
	buf_printf(out, "  filter: %zu instructions; numbers without a rule: ENOSYS; %s\n",
		   p->filter.n, abis(p));
	explain_spec(p, out);
	for (size_t i = 0; i < p->ncalls; i++) {
		const struct plan_call *call = &p->calls[i];

		buf_printf(out, "  %-24s %s", call->name, verdict_word(call, call->verdict));
		if (call->verdict == CALL_ARGS)
			buf_printf(out, " (%u cases, else %s)", call->ncases,
				   verdict_word(call, call->rest));
		buf_printf(out, "  [%s]\n", from_text(out->arena, call->from));
	}
}

const struct layer layer_seccomp = { "seccomp", seccomp_plan, seccomp_explain };
