/*
 * Filters are compared as sets of calls. What the container's filter permits by itself must be permitted by the profile,
 * and what it refuses by itself must be refused; in between it asks, and row by row the broker gets a table that answers as
 * the profile does.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/draft.h"
#include "policy/live.h"
#include "table/table.h"

static const char by_itself[] = "this container's filter lets it go on by itself",
		  refuses[] = "this container's filter refuses it by itself",
		  anew[] = "start the container anew under this profile";

struct planner {
	struct arena *a;
	const struct plan *start, *next;
	struct live_obstacles *out;
	bool said_opens, said_names;
};

static void obstacle(struct planner *p, const struct from *from, const char *rule, const char *why,
		     const char *fix)
{
	*LIST_ADD(p->a, p->out) = (struct live_obstacle){ *from, rule, why, fix };
}

/* ---- filters ---- */

/* The filter, with `verdict` where it asks. */
static struct bpf_program answering(struct arena *a, const struct bpf_program *f, uint32_t verdict)
{
	struct bpf_program out = { f->n, arena_array(a, f->n, sizeof *out.at) };

	memcpy(out.at, f->at, f->n * sizeof *out.at);
	for (size_t i = 0; i < out.n; i++)
		if (out.at[i].code == (BPF_RET | BPF_K) && out.at[i].k == SECCOMP_RET_USER_NOTIF)
			out.at[i].k = verdict;
	return out;
}

/* "syscalls: ptrace where ..." speaks of a call that has a row. */
static const struct plan_call *row_of_line(const struct planner *p, const char *line)
{
	static const char start[] = "syscalls: ";
	const char *name = strncmp(line, start, strlen(start)) == 0 ? line + strlen(start) : line;
	size_t len = strcspn(name, " ");

	for (size_t i = 0; i < p->next->ncalls; i++)
		if (strlen(p->next->calls[i].name) == len &&
		    memcmp(p->next->calls[i].name, name, len) == 0)
			return &p->next->calls[i];
	return NULL;
}

static bool is_path(const struct plan_call *call)
{
	static const char *const paths[] = { "open",      "openat",  "openat2",   "creat",
					     "link",      "linkat",  "mkdir",     "mkdirat",
					     "mknod",     "mknodat", "rename",    "renameat",
					     "rmdir",     "symlink", "renameat2", "unlinkat",
					     "symlinkat", "unlink",  "truncate" };

	for (size_t i = 0; i < COUNT(paths); i++)
		if (strcmp(paths[i], call->name) == 0)
			return true;
	return false;
}

static const char *ask_fix(struct planner *p, const struct plan_call *row)
{
	if (row == NULL)
		return anew;
	if (is_path(row))
		return "start it with a pattern under filesystem.deny";
	return arena_printf(p->a, "start it with %s in syscalls.tripwire", row->name);
}

/* Beside ask.connect the filter refuses source routes: with none of its rows, a profile says otherwise. */
static bool is_about_last_row(const struct planner *p, const struct plan_call *row)
{
	return row != NULL && strcmp(row->name, "setsockopt") == 0 &&
	       p->start->broker.nconnect != 0 && p->next->broker.nconnect == 0;
}

static int compare(struct planner *p, const struct bpf_program *one,
		   const struct bpf_program *other, bool permits, struct err *e)
{
	static const struct from nobody;
	const struct diff_side a = { .name = "the container's filter", .filter = one },
			       b = { .name = "the profile's", .filter = other };
	struct diff_lines lines = { 0 };

	TRY(diff_beyond(p->a, plan_audit_arch(p->start->host->arch), &a, &b, &lines, e));
	for (size_t i = 0; i < lines.n; i++) {
		const struct plan_call *row = row_of_line(p, lines.at[i]);

		if (!permits && is_about_last_row(p, row))
			obstacle(p, &nobody, "ask.connect: no row is left",
				 "this container's filter refuses source routes for them",
				 "keep one, such as {cidr: 192.0.2.0/32}, which is nobody's");
		else
			obstacle(p, row != NULL ? row->from : &nobody, lines.at[i],
				 permits ? by_itself : refuses, permits ? ask_fix(p, row) : anew);
	}
	return 0;
}

/* ---- rows ---- */

/* The decider of a call that lists are about, and NONE of others. */
static enum mediator decider(const char *name)
{
	static const struct {
		const char *name;
		enum mediator by;
	} rows[] = {
		{ "ioctl", MEDIATE_IOCTL },   { "prctl", MEDIATE_PRCTL },
		{ "socket", MEDIATE_SOCKET }, { "socketpair", MEDIATE_SOCKET },
		{ "clone", MEDIATE_CLONE },   { "unshare", MEDIATE_CLONE },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].by;
	return MEDIATE_NONE;
}

static bool is_refused(const struct plan_call *call)
{
	enum call_verdict v = call->verdict == CALL_ARGS ? call->rest : call->verdict;

	/* The rest of a call that a list decides about is refused: the call is not. */
	if (call->verdict == CALL_ARGS && decider(call->name) != MEDIATE_NONE)
		return false;
	return v == CALL_DENY || v == CALL_NOSYS ||
	       (v == CALL_ASK && call->mediator == MEDIATE_DENY);
}

static bool has_rows(const struct profile *p, const char *call)
{
	return p->syscalls.mentions.at[syscall_find(call) - syscalls].where;
}

static const struct where_rule *next_row(const struct profile *p, const char *call, size_t *i)
{
	const struct where_rules *w = &p->syscalls.where;

	while (*i < w->n && strcmp(w->at[*i].syscall, call) != 0)
		++*i;
	return *i < w->n ? &w->at[(*i)++] : NULL;
}

static bool same_rows(const struct profile *a, const struct profile *b, const char *call)
{
	const struct where_rule *x, *y;
	size_t i = 0, j = 0;

	do {
		x = next_row(a, call, &i);
		y = next_row(b, call, &j);
		if ((x == NULL) != (y == NULL))
			return false;
		if (x != NULL && (x->arg != y->arg || x->mask != y->mask || x->then != y->then ||
				  x->n != y->n || memcmp(x->in, y->in, x->n * sizeof *x->in) != 0))
			return false;
	} while (x != NULL);
	return true;
}

/* Rows of `where:` are in the filter; the broker refuses whatever it is asked of such a call. */
static void check_rows(struct planner *p, const struct plan_call *was, const struct plan_call *is)
{
	if (decider(is->name) != MEDIATE_NONE || is_refused(was) != is_refused(is) ||
	    !same_rows(p->start->policy, p->next->policy, is->name))
		obstacle(p, is->from, arena_printf(p->a, "syscalls: %s", is->name),
			 "its rows of syscalls.where are in this container's filter", anew);
}

static bool performs(enum mediator m)
{
	return m == MEDIATE_OPEN || m == MEDIATE_NAMES || m == MEDIATE_ADDRESS;
}

/* Patterns need every call asked that they are about. */
static void keep_patterns(struct planner *p, const struct plan_call *was,
			  const struct plan_call *is)
{
	const struct profile *next = p->next->policy;
	const struct word *pattern = profile_pattern(next);
	bool opens = is->mediator == MEDIATE_OPEN;
	bool *said = opens ? &p->said_opens : &p->said_names;
	bool asks = was->mediator == is->mediator &&
		    (was->verdict == CALL_ASK || is->verdict == CALL_ARGS);

	if (!performs(is->mediator) || asks || *said)
		return;
	if (is->mediator == MEDIATE_ADDRESS && pattern == NULL) /* keep_questions() says it */
		return;
	*said = true;
	if (pattern == NULL)
		obstacle(p, is->from, "audit", "the filter does not ask about every open", anew);
	else
		obstacle(p, &pattern->from,
			 arena_printf(
				 p->a, "%s %s",
				 next->filesystem.deny_read.n + next->filesystem.deny_write.n != 0
					 ? "filesystem.deny"
					 : "ask",
				 pattern->text),
			 arena_printf(p->a, "this container's filter lets %s go on by itself",
				      is->name),
			 next->filesystem.deny_read.n + next->ask.read.n != 0
				 ? "start it with a pattern under filesystem.deny.read"
				 : "start it with a pattern under filesystem.deny.write");
}

/* Whoever can be asked was found at the start, and so was whether programs are watched. */
static void keep_questions(struct planner *p)
{
	const struct broker_plan *is = &p->next->broker, *was = &p->start->broker;

	for (size_t i = 0; i < ASK_FILE_KINDS; i++) {
		if (is->ask[i].n == 0 || (i == ASK_EXECUTE ? was->traces : was->asks))
			continue;
		obstacle(p, &is->ask[i].rules[0].from,
			 arena_printf(p->a, "ask.%s %s", ask_kind_names[i],
				      is->ask[i].rules[0].pattern),
			 "this container was started without such questions", anew);
	}
	if (is->nconnect != 0 && was->nconnect == 0)
		obstacle(p, &is->connect[0].from,
			 arena_printf(p->a, "ask.connect %s", is->connect[0].text),
			 "this container was started without such questions", anew);
}

static enum mediator who_answers(struct planner *p, const struct plan_call *was,
				 const struct plan_call *is)
{
	if (is_refused(is))
		return MEDIATE_DENY;
	if (decider(is->name) != MEDIATE_NONE)
		return decider(is->name);
	if (is_path(is) && !performs(was->mediator))
		obstacle(p, is->from, arena_printf(p->a, "syscalls: %s", is->name),
			 "this container's broker was not prepared to perform it", anew);
	if (performs(was->mediator) || was->mediator == MEDIATE_EXEC ||
	    was->mediator == MEDIATE_VIEW)
		return was->mediator;
	return MEDIATE_TRIPWIRE;
}

static bool is_tripwire(const struct plan *p, const struct plan_call *call)
{
	return call->verdict == CALL_ASK && !is_refused(call) && !is_path(call) &&
	       p->policy->syscalls.mentions.at[syscall_find(call->name) - syscalls].tripwire;
}

/* *is is what the profile says of the call; it becomes what is done about it here. */
static void plan_one(struct planner *p, const struct plan_call *was, struct plan_call *is)
{
	const struct plan_call said = *is;

	keep_patterns(p, was, is);
	is->verdict = was->verdict;
	is->rest = was->rest;
	is->cases = was->cases;
	is->ncases = was->ncases;
	if (is_tripwire(p->next, &said) && was->verdict != CALL_ASK)
		obstacle(p, is->from, arena_printf(p->a, "syscalls.tripwire %s", is->name),
			 by_itself, ask_fix(p, is));
	if (was->mediator == MEDIATE_NONE) {
		is->mediator = MEDIATE_NONE;
		return;
	}
	if (has_rows(p->start->policy, is->name) || has_rows(p->next->policy, is->name)) {
		check_rows(p, was, &said);
		is->mediator = was->mediator;
		return;
	}
	is->mediator = who_answers(p, was, &said);
}

static void check_audit(struct planner *p)
{
	static const struct from nobody;
	static const char *const words[] = { "none", "denials", "decisions", "all" };

	if (p->next->broker.audit > p->start->broker.audit)
		obstacle(p, &nobody, arena_printf(p->a, "audit: %s", words[p->next->broker.audit]),
			 arena_printf(p->a,
				      "this container's filter asks no more than audit: %s does",
				      words[p->start->broker.audit]),
			 anew);
}

int live_plan(struct arena *a, const struct plan *start, const struct plan *next,
	      const struct bpf_program *pure, struct live_tables *tables,
	      struct live_obstacles *out, struct err *e)
{
	struct planner p = { .a = a, .start = start, .next = next, .out = out };
	const struct bpf_program least = answering(a, &start->filter, SECCOMP_RET_ERRNO | EPERM),
				 most = answering(a, &start->filter, SECCOMP_RET_ALLOW);

	TRY(compare(&p, &least, pure, true, e));
	TRY(compare(&p, pure, &most, false, e));
	check_audit(&p);
	keep_questions(&p);
	live_tables_of(&next->broker, tables);
	tables->calls.at = arena_array(a, next->ncalls, sizeof *tables->calls.at);
	for (size_t i = 0; i < next->ncalls; i++) {
		tables->calls.at[i] = next->calls[i];
		plan_one(&p, &start->calls[i], &tables->calls.at[i]);
	}
	return 0;
}
