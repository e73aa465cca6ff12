/*
 * The seccomp layer's three files: verdicts by number (plan_calls.c) and by argument (plan_args.c), and the bundle's
 * own filter (plan_spec_seccomp.c). Private to src/policy.
 */
#ifndef POLICY_PLAN_CALLS_H
#define POLICY_PLAN_CALLS_H

#include "policy/draft.h"
#include "table/table.h"

/* What is known here of a row of syscalls[]: nothing, that its refusal needs no word, or 1 + the number of a row of
 * the table in plan_args.c. */
enum { CALL_IS_QUIET = 0xff };

struct calls {
	struct draft *d;
	struct arena *scratch; /* for what nobody needs when the plan is made */
	uint8_t *known;        /* by row of syscalls[] */
	uint16_t *by_row;      /* of syscalls[]: 1 + the place in `out`, 0 without a number here */
	uint32_t arch;
	LIST_OF(struct bpf_case) cases; /* of the call being planned, used again for the next */
	size_t n;
	struct plan_call *out; /* sorted by number */
};

/* A new case of the call being planned, and a test in it: (argument & mask) == value. */
struct bpf_case *add_case(struct calls *c, uint32_t then);
void add_test(struct bpf_case *bc, unsigned arg, uint64_t mask, uint64_t value);

/* Rules of a bundle's linux.seccomp for one architecture, which bpf_compile() takes, sorted by number. *unknown gets
 * how many of its names are no calls there. */
void spec_seccomp_rules(struct arena *a, const struct spec_seccomp *s, uint32_t audit_arch,
			struct bpf_arch *out, size_t *unknown);

/* Plans the second filter, from linux.seccomp; the profile's is planned already. */
int plan_spec_seccomp(struct draft *d, uint32_t audit_arch, struct err *e);

/* The tables that a plan's filter is compiled from, by its calls; they borrow the calls' cases. */
void plan_policy(struct arena *a, const struct plan *p, struct bpf_policy *out);

/* Marks the calls that are judged by their arguments, or performed. */
void mark_args(struct calls *c);

/* Plans such a call, which the profile allows; others stay as they are. */
void plan_args(struct calls *c, const struct syscall *s, struct plan_call *call);

/* What cannot be permitted beside ask.connect, and the options of sockets that are not (plan_connect.c). */
int check_connect(const struct calls *c, struct err *e);
void plan_setsockopt(struct calls *c, struct plan_call *call);

/* What cannot be permitted beside the rules of a network (plan_net_calls.c). */
int check_network(const struct calls *c, struct err *e);

/* The first row of syscalls.where that lets one of these calls go on, whatever else the profile says of it; NULL: none. */
const struct where_rule *row_that_allows(const struct calls *c, const char *const *names, size_t n);

/* io_uring_setup, where it is permitted: of what its rings are asked for, sockets and connections among it, nobody judges
 * anything. NULL: it is not. */
const struct plan_call *rings_allowed(const struct calls *c);

/* Whether the broker performs such a call where there are patterns. */
bool plan_is_path(const struct calls *c, const struct syscall *s);

/* The row of a call by its name, NULL where this machine has none. */
const struct plan_call *planned(const struct calls *c, const char *name);

/* Whether the launch makes the call when the filter is on. */
bool plan_is_launch(const char *name);

/* Sends an allowed call to the broker where syscalls.tripwire says so. */
void plan_tripwire(struct calls *c, const struct syscall *s, struct plan_call *call);

/* What is said there by name must be possible. */
int check_tripwires(const struct calls *c, struct err *e);

#endif
