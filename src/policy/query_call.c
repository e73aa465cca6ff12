/*
 * System calls: the filter is run, the broker's deciders are asked. What is read of the plan besides is only where a
 * rule was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>

#include "kern/uapi.h"
#include "policy/query_parts.h"

static const struct from nowhere;

const struct plan_call *query_row(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->ncalls; i++)
		if (strcmp(p->calls[i].name, name) == 0)
			return &p->calls[i];
	return NULL;
}

/* ---- where it is written ---- */

/* The first row of syscalls.where that these registers meet. */
static const struct where_rule *where_of(const struct plan *p, const struct plan_call *row,
					 const struct call *c)
{
	const struct where_rules *w = &p->policy->syscalls.where;

	for (size_t i = 0; i < w->n; i++)
		for (size_t v = 0; strcmp(w->at[i].syscall, row->name) == 0 && v < w->at[i].n; v++)
			if ((c->arg[w->at[i].arg] & w->at[i].mask) ==
			    (w->at[i].in[v] & w->at[i].mask))
				return &w->at[i];
	return NULL;
}

/* Calls whose arguments a list of the profile has, and who reads that list. */
static const struct listed {
	const char *call;
	struct verdict (*decide)(const struct broker_plan *p, const struct call *c,
				 const struct plan_call *row);
} listed_calls[] = {
	{ "ioctl", decide_ioctl },       { "prctl", decide_prctl }, { "socket", decide_socket },
	{ "socketpair", decide_socket }, { "clone", decide_clone }, { "unshare", decide_clone },
};

/* The word of ioctl.allow or prctl.allow that has this value. */
static const struct word *word_of(const struct words *words, const struct name *names,
				  uint32_t value)
{
	for (size_t i = 0; i < words->n; i++)
		if (profile_number(names, words->at[i].text) == value)
			return &words->at[i];
	return NULL;
}

static struct from list_from(const struct plan *p, const struct plan_call *row,
			     const struct call *c)
{
	const struct word *word = NULL;

	if (strcmp(row->name, "ioctl") == 0)
		word = word_of(&p->policy->ioctl_allow, ioctl_names, (uint32_t)c->arg[1]);
	if (strcmp(row->name, "prctl") == 0)
		word = word_of(&p->policy->prctl_allow, prctl_names, (uint32_t)c->arg[0]);
	if (word != NULL)
		return word->from;
	for (size_t i = 0; i < COUNT(listed_calls); i++)
		if (strcmp(listed_calls[i].call, row->name) == 0) {
			const struct from *from = listed_calls[i].decide(&p->broker, c, row).from;

			if (from != NULL && from->file != NULL)
				return *from;
		}
	return *row->from;
}

/* ---- one set of registers ---- */

static void from_broker(struct asking *q, const struct plan_call *row, const struct call *c,
			struct ruling *out)
{
	out->asked = true;
	out->by_filter = false;
	out->verdict = QUERY_ASKED;
	if (row->mediator == MEDIATE_NAMES || row->mediator == MEDIATE_ADDRESS ||
	    (row->mediator == MEDIATE_OPEN && !decide_is_path_only(c, row))) {
		out->verdict = QUERY_ASKED_LATER;
		return;
	}

	out->limits = row->mediator == MEDIATE_VIEW && q->plan->broker.view.used;

	struct verdict v = decide_call(&q->plan->broker, c, row);

	if (v.what != DENY)
		return;
	out->verdict = QUERY_REFUSED;
	out->err = v.err;
	out->by_filter = row->mediator == MEDIATE_DENY;
}

void query_rule(struct asking *q, const struct plan_call *row, const struct call *c,
		struct ruling *out)
{
	struct bpf_call in = { .arch = c->arch, .nr = c->nr };
	const struct where_rule *where = where_of(q->plan, row, c);

	*out = (struct ruling){ .by_filter = true };
	memcpy(in.arg, c->arg, sizeof in.arg);

	bpf_verdict v = bpf_run(&q->plan->filter, &in, &out->instructions, &out->read_arguments);

	switch (v & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		out->verdict = row->verdict == CALL_ARGS ? QUERY_ALLOWED_ARGS : QUERY_ALLOWED;
		break;
	case SECCOMP_RET_ERRNO:
		out->verdict = QUERY_REFUSED;
		out->err = (int)(v & SECCOMP_RET_DATA);
		break;
	case SECCOMP_RET_USER_NOTIF:
		from_broker(q, row, c, out);
		break;
	default:
		out->verdict = QUERY_KILLED;
	}
	out->from = where != NULL               ? where->from
		    : row->verdict == CALL_ARGS ? list_from(q->plan, row, c)
						: *row->from;
	if (out->verdict == QUERY_REFUSED)
		out->fix = query_fix(q, row, c, where);
}

/* A question may take several calls. */
static void add_cost(struct query_answer *answer, const struct ruling *r)
{
	struct query_cost *cost = &answer->cost;

	cost->cached = (cost->cached || !answer->has_cost) && r->verdict == QUERY_ALLOWED &&
		       !r->read_arguments;
	cost->instructions += r->instructions;
	cost->broker |= r->asked;
	answer->has_cost = true;
}

/* ---- arguments that were not given ---- */

static struct call call_of(struct asking *q, const struct plan_call *row)
{
	struct call c = { .arch = plan_audit_arch(q->plan->host->arch), .nr = row->nr };

	memcpy(c.arg, q->query->arg, sizeof c.arg);
	return c;
}

static bool holds(const struct bpf_case *bc, const struct call *c)
{
	for (size_t i = 0; i < bc->n; i++)
		if ((c->arg[bc->tests[i].arg] & bc->tests[i].mask) != bc->tests[i].value)
			return false;
	return true;
}

/* Whether the verdict can turn on an argument that nobody gave. */
static bool leaves_open(const struct asking *q, const struct plan_call *row)
{
	for (size_t i = 0; i < row->ncases; i++)
		for (size_t t = 0; t < row->cases[i].n; t++)
			if (!q->query->given[row->cases[i].tests[t].arg])
				return true;
	return false;
}

/* Registers that meet a case, as far as those that were given do; false: they do not. */
static bool witness(const struct asking *q, const struct bpf_case *bc, struct call *c)
{
	for (size_t i = 0; i < bc->n; i++) {
		const struct bpf_test *t = &bc->tests[i];

		if (!q->query->given[t->arg])
			c->arg[t->arg] = (c->arg[t->arg] & ~t->mask) | t->value;
	}
	return holds(bc, c);
}

/* Registers that meet none of them: for every built-in list one of these will do. */
static bool no_witness(const struct asking *q, const struct plan_call *row, struct call *c)
{
	static const uint64_t tries[] = { 1,         UINT64_MAX - 1,     UINT64_MAX,
					  0,         0x5555555555555555, 0x7ffffffe,
					  0xfffffff0 };

	for (size_t i = 0; i < COUNT(tries); i++) {
		bool met = false;

		for (unsigned arg = 0; arg < QUERY_ARGS; arg++)
			if (!q->query->given[arg])
				c->arg[arg] = tries[i];
		for (size_t k = 0; k < row->ncases && !met; k++)
			met = holds(&row->cases[k], c);
		if (!met)
			return true;
	}
	return false;
}

/* "TCGETS", "without CLONE_NEWNS, CLONE_NEWUSER", "& 0xf0 is 0x10": what a test asks of an argument. */
static const char *test_text(struct asking *q, const struct bpf_test *t, bool *is_value)
{
	enum arg_role role = q->query->call->arg[t->arg];
	char text[512];

	*is_value = t->mask == UINT32_MAX || t->mask == UINT64_MAX ||
		    (role == ARG_SOCKET_TYPE && t->mask == 0xf);
	describe_argument(text, sizeof text, role, *is_value ? t->value : t->mask);
	if (*is_value)
		return arena_strdup(q->a, text);
	if (t->value != 0 && t->value != t->mask)
		return arena_printf(q->a, "& 0x%llx is 0x%llx", (unsigned long long)t->mask,
				    (unsigned long long)t->value);
	if (role == ARG_OPEN_FLAGS && (t->mask & UAPI_O_ACCMODE) == UAPI_O_ACCMODE)
		return "that only read"; /* the access mode is no bit */

	struct buf b = { .arena = q->a };

	buf_puts(&b, t->value == 0 ? "without " : "with ");
	for (const char *s = text; *s != '\0'; s++)
		buf_add(&b, *s == '|' ? ", " : s, *s == '|' ? 2 : 1);
	return buf_text(&b);
}

/* "family inet, type stream". One value alone can join others of its argument, whose name is then *name. */
static const char *case_text(struct asking *q, const struct bpf_case *bc, const char **name)
{
	struct buf b = { .arena = q->a };
	bool is_value = false;
	size_t n = 0;

	for (size_t i = 0; i < bc->n; i++) {
		unsigned arg = bc->tests[i].arg;

		if (q->query->given[arg])
			continue;

		const char *text = test_text(q, &bc->tests[i], &is_value);

		*name = query_argument(q->a, q->query->call, arg);
		if (strncmp(*name, "argument", 8) == 0)
			*name = arena_printf(q->a, "%s:", *name);
		buf_printf(&b, "%s%s %s", n++ != 0 ? ", " : "", *name, text);
	}
	if (n != 1 || !is_value)
		*name = NULL;
	return buf_text(&b);
}

/* Cases in the making: "request TCGETS" and "request TCSETS" become "request TCGETS, TCSETS". */
struct gathering {
	struct ruling result; /* the last one's, or a refusal's if there is one */
	bool any, differ;
	unsigned most;    /* instructions */
	const char *name; /* of the argument whose values the last case lists, or NULL */
};

static void gather(struct asking *q, struct gathering *g, const char *when, const char *name,
		   const struct ruling *r)
{
	struct query_answer *out = q->answer;
	struct query_case *last = out->cases.n != 0 ? &out->cases.at[out->cases.n - 1] : NULL;
	bool joins = last != NULL && name != NULL && g->name != NULL &&
		     strcmp(name, g->name) == 0 && last->verdict == r->verdict &&
		     last->err == r->err;

	if (joins)
		last->when = arena_printf(q->a, "%s, %s", last->when, when + strlen(name) + 1);
	else
		*LIST_ADD(q->a, &out->cases) = (struct query_case){ when, r->verdict, r->err };
	g->name = name;
	g->most = r->instructions > g->most ? r->instructions : g->most;
	g->differ |= g->any && (r->verdict != g->result.verdict || r->err != g->result.err);
	if (!g->any || r->verdict == QUERY_REFUSED || g->result.verdict != QUERY_REFUSED)
		g->result = *r;
	g->any = true;
}

/* Every case of the plan gives registers to try, and so does what none of them names: the filter says what each
 * gets. True when they differ. */
static bool try_all(struct asking *q, const struct plan_call *row, struct ruling *out)
{
	struct gathering g = { .any = false };
	struct call c;

	for (size_t i = 0; i < row->ncases; i++) {
		const char *name = NULL, *when;
		struct ruling r;

		c = call_of(q, row);
		if (!witness(q, &row->cases[i], &c))
			continue;
		query_rule(q, row, &c, &r);
		when = case_text(q, &row->cases[i], &name);
		gather(q, &g, when, name, &r);
	}
	c = call_of(q, row);
	if (no_witness(q, row, &c) || !g.any) {
		struct ruling r;

		query_rule(q, row, &c, &r);
		gather(q, &g, "otherwise", NULL, &r);
	}
	*out = g.result;
	out->instructions = g.most;
	return g.differ;
}

/* ---- parts ---- */

static void refused_by(struct query_part *part, const struct ruling *r)
{
	part->err = r->err;
	part->fix = r->fix;
	part->from = r->from;
}

/* The filter's part; the broker's too where it is asked and decides. */
static void parts_of(struct asking *q, const struct ruling *r)
{
	struct query_part *part;

	if (!r->asked || r->by_filter) {
		part = part_add(q, "seccomp", r->verdict, NULL);
		if (r->asked && r->by_filter)
			part->why = "the broker counts and explains it";
		refused_by(part, r);
		return;
	}
	part = part_add(q, "seccomp", QUERY_ASKED_LATER, NULL);
	part->from = r->from;
	if (r->verdict == QUERY_ASKED_LATER)
		return;
	part = part_add(q, "broker", r->verdict,
			r->limits ? "it answers with what the container may use" : NULL);
	refused_by(part, r);
}

bool query_filter(struct asking *q, const char *name, const char *label,
		  const uint64_t arg[QUERY_ARGS], struct ruling *out)
{
	const struct plan_call *row = query_row(q->plan, name);
	struct call c = { .arch = plan_audit_arch(q->plan->host->arch) };

	*out = (struct ruling){ .verdict = QUERY_REFUSED, .err = ENOSYS };
	if (row == NULL)
		return false;
	c.nr = row->nr;
	memcpy(c.arg, arg, sizeof c.arg);
	query_rule(q, row, &c, out);
	add_cost(q->answer, out);
	parts_of(q, out);
	q->answer->parts[q->answer->nparts - 1].why = label;
	return out->verdict != QUERY_REFUSED && out->verdict != QUERY_KILLED;
}

/* Some of it may pass: the part says on what that depends, and what to change for the rest. */
static void depends(struct asking *q, const struct plan_call *row, const struct ruling *r)
{
	struct query_part *part = part_add(q, "seccomp", QUERY_DEPENDS, NULL);

	part->from = row->from->file != NULL ? *row->from : nowhere;
	part->fix = r->fix;
}

void query_call(struct asking *q, const struct plan_call *row)
{
	struct ruling r;
	struct call c = call_of(q, row);
	bool open = row->verdict == CALL_ARGS && leaves_open(q, row);
	bool differ = open && try_all(q, row, &r);

	if (!open)
		query_rule(q, row, &c, &r);
	if (!differ)
		q->answer->cases.n = 0;
	add_cost(q->answer, &r);
	if (differ)
		depends(q, row, &r);
	else
		parts_of(q, &r);
	query_capability(q, row->name);
	if (r.verdict != QUERY_REFUSED && r.verdict != QUERY_KILLED)
		query_call_paths(q, row, &r);
}
