/*
 * The broker: answers the calls that a register test in BPF cannot decide.
 *
 * It runs as the first process of a pid namespace of its own, the parent of the container's: the workload
 * can neither see nor signal it, and when it dies the kernel kills the container with it. It shares every
 * other namespace with the container (so paths mean the same), has the workload's ids, no capability but
 * CAP_SYS_PTRACE in the container's user namespace (to read its tracees), and its own seccomp filter.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/plan.h"

enum {
	BROKER_LISTENERS = 64
}; /* of processes that join (door.h), besides the first; the next one is told so */

/* In memory shared with the launcher, which reads it and trusts nothing in it but numbers. */
struct broker_counters {
	_Atomic uint64_t asked, denied, allowed, performed, failed; /* decisions */
	_Atomic uint64_t events_lost;
	_Atomic uint32_t ready; /* futex: 1 once the broker is confined */
};

struct broker_job {
	const struct broker_plan *plan;
	int listener; /* seccomp notification fd, owned */
	int proc; /* root of a procfs of the broker's own pid namespace, -1 unless plan->procfs; owned */
	int events; /* append-only stream, non-blocking, -1: none; owned */
	int ask;    /* stream socket to whoever answers questions, -1: nobody; owned */
	int door;   /* listening socket, non-blocking, -1: nobody joins; owned */
	struct broker_counters *counters;
	const int *view; /* VIEW_FDS files of policy/view.h, owned, -1: not there; NULL: none */
	const void *
		live; /* the file of policy/live_image.h up to its slots' end, read-only; NULL: none */
};

/* What serving a plan needs beyond receiving calls and answering them by their registers. Each is a few more calls that the
 * broker's own filter permits (rules.c), in this container alone. */
enum broker_need {
	BROKER_NEEDS_CALLERS = 1 << 0,   /* to look at its callers, and to have threads that wait */
	BROKER_NEEDS_OPENS = 1 << 1,     /* to open files for them */
	BROKER_NEEDS_NAMES = 1 << 2,     /* to change names for them */
	BROKER_NEEDS_ADDRESSES = 1 << 3, /* to connect, bind and send on their sockets */
	BROKER_NEEDS_TRACES = 1 << 4,    /* to look at a program before it runs */
	BROKER_NEEDS_VIEW = 1 << 5,      /* to show limits where the system tells of itself */
	BROKER_NEEDS_KNOWN =
		1
		<< 6, /* to change mode, owner and times: without namespaces, beside the first four */
	BROKER_NEEDS_ALL = (1 << 7) - 1,
};

/* The set of needs that a plan has. */
unsigned broker_needs(const struct broker_plan *plan);

/* Drops everything that serving does not need: last act before the first notification. Must be called by the
 * single-threaded broker process, in the container's user namespace, as the workload's ids. `keep_fds` lists
 * the n descriptors that stay open, `needs` is a set of enum broker_need. Sets no_new_privs, non-dumpable, capabilities,
 * rlimits and the filter. */
int broker_confine(unsigned needs, const int *keep_fds, size_t n, struct err *e);

/* Answers until the last task under the filter is gone. Returns 0 then, -errno when the listener fails. */
int broker_serve(struct broker_job *job, struct err *e);

#endif
