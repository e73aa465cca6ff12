/*
 * What the files of query.h share. Private to src/policy.
 */
#ifndef POLICY_QUERY_PARTS_H
#define POLICY_QUERY_PARTS_H

#include "policy/decide.h"
#include "policy/describe.h"
#include "policy/draft.h"
#include "policy/query.h"

struct asking {
	struct arena *a;
	const struct plan *plan;
	const struct query *query;
	struct query_answer *answer;
};

/* A new part; one more than there is room for takes the last one's place. */
struct query_part *part_add(struct asking *q, const char *layer, enum query_verdict verdict,
			    const char *why);

/* ---- words: query_words.c ---- */

/* Starts with a digit, perhaps behind a minus. */
bool query_is_number(const char *word);

/* The value of a word for an argument of this role. */
int query_value(enum arg_role role, const char *word, uint64_t *out, struct err *e);

/* What messages call an argument: "flags", "request", or "argument 2" (from 0, as in a `where:` row). */
const char *query_argument(struct arena *a, const struct syscall *s, unsigned arg);

/* ---- calls: query_call.c ---- */

/* What the filter says of one set of registers, and the broker where it is asked. */
struct ruling {
	enum query_verdict verdict;
	int err;
	bool asked;       /* the filter asks the broker */
	bool by_filter;   /* seccomp's own refusal, even where the broker counts it */
	struct from from; /* of the rule */
	const char *fix;
	unsigned instructions;
	bool read_arguments;
	bool limits; /* the broker answers with those that the container has */
};
void query_rule(struct asking *q, const struct plan_call *row, const struct call *c,
		struct ruling *out);

const struct plan_call *query_row(const struct plan *p, const char *name);
void query_call(struct asking *q, const struct plan_call *row);

/* Adds what the filter says of `name`, called `label`, with these arguments. True when it lets them through. */
bool query_filter(struct asking *q, const char *name, const char *label,
		  const uint64_t arg[QUERY_ARGS], struct ruling *out);

/* ---- changes: query_fix.c ---- */

/* The smallest change of the profile for a call that the filter or the broker refuses; `rule`, if not NULL, is the
 * row of syscalls.where that says so. */
const char *query_fix(struct asking *q, const struct plan_call *row, const struct call *c,
		      const struct where_rule *rule);

/* Adds what the kernel itself asks of whoever makes this call, where the plan does not give it. */
void query_capability(struct asking *q, const char *name);

/* ---- paths: query_path.c, query_mount.c ---- */

/* What the mounts show at a path. */
struct sight {
	const char *path; /* behind the links that the plan makes */
	bool seen, masked, folder, read_only, no_exec;
	const struct plan_mount *by;   /* NULL: the root */
	const struct plan_mount *kept; /* that made it read-only, where another shows it */
};
void query_sight(struct asking *q, const char *path, struct sight *out);

/* The part of it in words; what is not visible comes with what would show it. */
struct query_part *query_shown(struct asking *q, const struct sight *s);

void query_path(struct asking *q);

/* For a call that the filter lets through: each path that it names. */
void query_call_paths(struct asking *q, const struct plan_call *row, const struct ruling *filter);

/* ---- addresses: query_address.c ---- */

int query_address_parse(struct arena *a, const char *word, struct query_address *out,
			struct err *e);
void query_address(struct asking *q);

#endif
