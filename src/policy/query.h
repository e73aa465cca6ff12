/*
 * Questions about a plan: what would happen to one operation, which layer decides it and which line says so, what
 * that costs, and the smallest change that would permit it. Pure.
 *
 * For a system call the answer is what the plan's own filter returns for registers with these values, and where that
 * asks the broker, what the broker's own functions answer. A bundle's own filter is not asked: it can only refuse
 * more. Whether a file exists on this host and who may read it there is not looked at: a path that is allowed still
 * has its owner and mode.
 */
#ifndef POLICY_QUERY_H
#define POLICY_QUERY_H

#include "policy/plan.h"
#include "table/table.h"

enum { QUERY_ARGS = 6, QUERY_PARTS_MAX = 24 };

enum query_kind { QUERY_CALL, QUERY_PATH, QUERY_ADDRESS };

/* What is asked of a path. */
enum query_want { QUERY_LOOK, QUERY_READ, QUERY_WRITE, QUERY_EXECUTE };

struct query_address {
	const char *text;
	const char *domain; /* a name, not yet looked up; NULL: `bytes` */
	unsigned char bytes[16];
	unsigned width; /* 4 or 16 bytes */
	uint16_t port;  /* 0: not said */
};

struct query {
	enum query_kind kind;
	const struct syscall *call;
	uint64_t arg[QUERY_ARGS];
	bool given[QUERY_ARGS];
	const char *paths[QUERY_ARGS]; /* where a given argument is a path, absolute */
	bool has_flags;                /* of openat2, which keeps them in memory */
	uint64_t flags;
	const char *path; /* of QUERY_PATH */
	enum query_want want;
	struct query_address address;
};

/* Whether a word can start a question: a system call, an absolute path, read, write, execute, connect. */
bool query_begins(const char *word);

/* The nearest word that could, or NULL. */
const char *query_nearest(const char *word);

/* CALL [ARGUMENT…], [read|write|execute] PATH, or connect ADDRESS[:PORT]. Arguments are read by the roles that the
 * table of system calls gives them; `_` leaves one out, and so does the end of the words. */
int query_parse(struct arena *a, int argc, const char *const *argv, struct query *out,
		struct err *e);

/* ---- answers ---- */

enum query_verdict {
	QUERY_ALLOWED,      /* natively, whatever the arguments */
	QUERY_ALLOWED_ARGS, /* natively, for these arguments */
	QUERY_ASKED,        /* the broker is asked, and allows it */
	QUERY_ASKED_LATER,  /* the broker is asked; its answer depends on what was not said */
	QUERY_REFUSED,
	QUERY_KILLED,
	QUERY_UNSEEN,  /* a path that no mount shows */
	QUERY_VISIBLE, /* a path that one shows */
	QUERY_DEPENDS, /* on arguments that were not given: see the cases */
};

/* What one layer says. */
struct query_part {
	const char *what; /* the layer, or for a path alone what is asked of it */
	enum query_verdict verdict;
	int err; /* of a refusal: a positive errno */
	const char *layer;
	struct from from;  /* the rule; its file is NULL for a default */
	const char *why;   /* a few words, or NULL */
	const char *fix;   /* of a refusal: the smallest change that would permit it */
	const char *never; /* why no change does, or NULL */
};

/* Arguments that were not given, and what the filter says for them. */
struct query_case {
	const char *when;
	enum query_verdict verdict;
	int err;
};

struct query_cost {
	unsigned instructions; /* of BPF; with cases the most of any */
	bool cached;           /* the kernel knows the answer and runs no filter (Linux 5.11) */
	bool broker;           /* a switch to the broker and back */
};

struct query_answer {
	const char *operation; /* as it was understood, safe to print */
	enum query_verdict verdict;
	const struct query_part *decides; /* one of these */
	size_t nparts;
	struct query_part parts[QUERY_PARTS_MAX]; /* in the order in which they are asked */
	LIST_OF(struct query_case) cases;
	bool has_cost;
	struct query_cost cost;
};

/* -EINVAL for a call that the plan's machine does not have. */
int query_ask(struct arena *a, const struct plan *p, const struct query *q,
	      struct query_answer *out, struct err *e);

/* For people, and as one JSON object. */
void query_print(const struct query_answer *answer, struct buf *out);
void query_json(const struct query_answer *answer, struct buf *out);

#endif
